"""An endpoint's address as containerd reads it (hosts.go parseHostConfig, Go net/url)."""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple, Optional

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_PORT = re.compile(r":[0-9]*\Z")
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_API = "/v2"


class HostUrl(NamedTuple):
    """What containerd makes of an address.

    Args:
        scheme: ``http``, ``https`` or what else Go takes for one; may be empty.
        authority: ``HOST[:PORT]``; empty where Go sees none.
        path: of the API.
        was_prefixed: containerd put ``https://`` in front.
        has_user: a user name stood in it, and is dropped.
        has_query: a query or fragment stood in it, and is dropped.
        own_path: the path as it was written; empty for none.
    """

    scheme: str
    authority: str
    path: str
    was_prefixed: bool = False
    has_user: bool = False
    has_query: bool = False
    own_path: str = ""


def read_url(text: str, *, overrides_path: bool) -> Optional[HostUrl]:
    """Read an address; None where containerd cannot, and throws the whole file away.

    Args:
        text: as it stands in hosts.toml.
        overrides_path: ``override_path`` is set.
    """
    was_prefixed = not text.startswith("http")
    full = f"https://{text}" if was_prefixed else text
    if _CONTROL.search(full):
        return None
    before_query, question, _ = full.partition("#")[0].partition("?")
    match = _SCHEME.match(before_query)
    scheme = match[1].lower() if match else ""
    rest = before_query[match.end() :] if match else before_query
    if not match and ":" in rest.partition("/")[0]:
        return None
    if not rest.startswith("//"):
        # Go calls it opaque, or a path: there is no host.
        path = "" if match and not rest.startswith("/") else rest
        own = _unescaped(path)
        return HostUrl(scheme, "", _api_path(own, overrides_path=overrides_path), was_prefixed)
    authority, _, path = rest[2:].partition("/")
    path = f"/{path}" if "/" in rest[2:] else ""
    user, at, host = authority.rpartition("@")
    if not _is_host(host) or _BAD_ESCAPE.search(path):
        return None
    own = _unescaped(path)
    return HostUrl(
        scheme=scheme,
        authority=host,
        path=_api_path(own, overrides_path=overrides_path),
        was_prefixed=was_prefixed,
        has_user=bool(at and user),
        has_query=bool(question) or "#" in full,
        own_path=own,
    )


def _unescaped(path: str) -> str:
    parts = _ESCAPED.split(path.encode())
    decoded = (bytes([int(each, 16)]) if at % 2 else each for at, each in enumerate(parts))
    return b"".join(decoded).decode(errors="replace")


def port_of(authority: str) -> Optional[int]:
    """Return the port that is written; None for none."""
    host, colon, port = authority.rpartition(":")
    if not colon or not host or "]" in port or not port.isdigit():
        return None
    return int(port)


def _api_path(path: str, *, overrides_path: bool) -> str:
    if not path:
        return "" if overrides_path else _API
    # Two slashes at the beginning are one to Go, and two to Python.
    clean = "/" + posixpath.normpath(path).lstrip("/") if path.startswith("/") else path
    clean = clean if clean != "//" else "/"
    return clean if overrides_path or clean.endswith(_API) else clean.rstrip("/") + _API


def _is_host(host: str) -> bool:
    if host.startswith("["):
        address, bracket, tail = host[1:].partition("]")
        return bool(bracket and address) and (not tail or _PORT.match(tail) is not None)
    if set(host) & set(' <>"`{}|\\^'):
        return False
    name, colon, port = host.partition(":")
    return not colon or (":" not in port and (not port or port.isdigit())) or not name
