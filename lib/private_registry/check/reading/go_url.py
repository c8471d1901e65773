"""URLs as Go's net/url reads them, so far as containerd uses them: scheme, host and
path.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Optional

from private_registry.containerd import releases
from private_registry.containerd.releases import Version
from private_registry.named_tuple import NamedTuple

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HOST = re.compile(r"[A-Za-z0-9\x80-\U0010ffff$&+,/:;=@\]<>\"!'()*._~-]*\Z")
_USER = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=%:@-]*\Z")
_PORT = re.compile(r"(:[0-9]*)?\Z", re.ASCII)


class GoUrl(NamedTuple):
    """A URL's parts.

    Args:
        scheme: in lower case; empty where there is none.
        host: with the port as written; empty where there is none.
        path: with its escapes resolved.
        has_user: a user name or password is in it.
        has_query: a query or fragment is in it.
    """

    scheme: str
    host: str
    path: str
    has_user: bool = False
    has_query: bool = False


def parse(text: str, version: Version = (0, 0, 0)) -> Optional[GoUrl]:
    """Read a URL as ``url.Parse`` does (net/url/url.go); None where that fails.

    Args:
        text: the URL.
        version: of the containerd that reads it.
    """
    before_fragment, fragment, _ = text.partition("#")
    rest, query, _ = before_fragment.partition("?")
    match = _SCHEME.match(rest)
    scheme = match[0][:-1].lower() if match else ""
    rest = rest[match.end() :] if match else rest
    if _CONTROL.search(text) or text.startswith(":"):
        return None
    if scheme and not rest.startswith("/"):
        return GoUrl(scheme, "", "", has_query=bool(query or fragment))
    if not scheme and ":" in rest.partition("/")[0]:
        return None
    authority, path = "", rest
    if rest.startswith("//"):
        authority, slash, path = rest[2:].partition("/")
        path = slash + path
    user, at, host = authority.rpartition("@")
    if (
        scheme in ("http", "https")
        and version >= releases.ONE_COLON_IN_HOST
        and not _has_one_colon(host)
    ):
        return None
    if not _USER.match(user) or not _is_host(host) or _BAD_ESCAPE.search(user + path):
        return None
    return GoUrl(scheme, host, _unescaped(path), bool(at), bool(query or fragment))


def _unescaped(path: str) -> str:
    plain = _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), path.encode())
    return plain.decode(errors="surrogateescape")


def _is_host(host: str) -> bool:
    if host.startswith("["):
        address, bracket, port = host[1:].rpartition("]")
        return bool(bracket) and bool(_PORT.match(port)) and _is_ipv6(address)
    colon = host.rfind(":")
    return bool(_HOST.match(host)) and (colon < 0 or bool(_PORT.match(host[colon:])))


def _has_one_colon(host: str) -> bool:
    return host.startswith("[") or host.count(":") <= 1


def _is_ipv6(address: str) -> bool:
    try:
        ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return False
    return True
