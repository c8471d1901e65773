"""Proxies: which requests containerd sends through one.

Source: golang.org/x/net/http/httpproxy config.go.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Dict, Mapping, Optional, Tuple, Union

from private_registry.named_tuple import NamedTuple
from private_registry.registries.names import is_port

_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)\Z", re.DOTALL)
_REFERENCE = re.compile(r"\$(?:\{(\w+)(?::-([^}]*))?\}|(\w+))", re.ASCII)
_NAME = re.compile(r"\$(\w+)", re.ASCII)
_DEFAULT_PORTS = {"http": 80, "https": 443}
_LONGEST_VALUE = 64 * 1024

Address = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]


class Proxies(NamedTuple):
    """The proxies of a process.

    Args:
        http: for ``http://``; empty for none.
        https: for ``https://``; empty for none.
        no_proxy: what is asked without one.
    """

    http: str = ""
    https: str = ""
    no_proxy: str = ""

    @property
    def are_there(self) -> bool:
        """Whether any request may go through one."""
        return bool(self.http or self.https)

    @staticmethod
    def of(environment: Mapping[str, str]) -> Proxies:
        """Read them from environment variables; capitals count first, as in Go."""

        def get(name: str) -> str:
            return environment.get(name) or environment.get(name.lower()) or ""

        return Proxies(get("HTTP_PROXY"), get("HTTPS_PROXY"), get("NO_PROXY"))

    def of_url(self, scheme: str, host: str, port: Optional[int]) -> Optional[str]:
        """Return the proxy that is asked for a URL; None where it is asked itself.

        Args:
            scheme: ``http`` or ``https``.
            host: name or address, an IPv6 address without its brackets.
            port: None for the scheme's own.
        """
        proxy = self.https if scheme == "https" else self.http
        if not proxy or not self._uses(host, port or _DEFAULT_PORTS[scheme]):
            return None
        return proxy if "://" in proxy else f"http://{proxy}"

    def _uses(self, host: str, port: int) -> bool:
        name = host.lower().rstrip(".")
        address = _address(name)
        if name == "localhost" or (address is not None and address.is_loopback):
            return False
        entries = (each.strip().lower() for each in self.no_proxy.split(","))
        return not any(each and _covers(each, name, address, port) for each in entries)


def environment_of(text: str) -> Dict[str, str]:
    """Read a file that a shell sources, such as MicroK8s' containerd-env:
    assignments only.
    """
    found: Dict[str, str] = {}
    for line in text.splitlines():
        match = _ASSIGNMENT.match(line)
        if match is not None and not line.lstrip().startswith("#"):
            found[match[1]] = _value(match[2].strip(), found)
    return found


def _value(text: str, known: Mapping[str, str]) -> str:
    if text[:1] == "'":
        return text[1:].partition("'")[0]
    raw = text[1:].partition('"')[0] if text[:1] == '"' else (text.split() or [""])[0]
    return _expanded(raw, known)


def _expanded(text: str, known: Mapping[str, str]) -> str:
    """Put values in place of ``$NAME``, ``${NAME}`` and ``${NAME:-OTHERWISE}``.

    What is longer than any proxy's address is cut off: values of values grow without a
    bound.
    """
    head, brace, tail = text[:_LONGEST_VALUE].rpartition("}")
    # Behind the last brace none is closed, and is not looked for.
    expanded = _REFERENCE.sub(
        lambda match: known.get(match[1] or match[3])
        or _expanded(match[2] or "", known),
        head + brace,
    ) + _NAME.sub(lambda match: known.get(match[1], ""), tail)
    return expanded[:_LONGEST_VALUE]


def _covers(entry: str, name: str, address: Optional[Address], port: int) -> bool:
    if entry == "*":
        return True
    if "/" in entry:
        return address is not None and _is_in(address, entry)
    host, wanted = _split(entry)
    if wanted is not None and wanted != port:
        return False
    if _address(host) is not None:
        return _address(host) == address
    suffix = host[1:] if host.startswith("*.") else host
    is_below = name.endswith(suffix if suffix.startswith(".") else "." + suffix)
    return is_below or name == suffix


def _is_in(address: Address, network: str) -> bool:
    try:
        return address in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _split(entry: str) -> Tuple[str, Optional[int]]:
    if _address(entry) is not None:
        return entry, None
    host, colon, port = entry.rpartition(":")
    if colon and is_port(port):
        return host.strip("[]"), int(port)
    return entry.strip("[]"), None


def _address(text: str) -> Optional[Address]:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
