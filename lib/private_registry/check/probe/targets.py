"""Targets: where a request goes, is sent on to, and what goes with it, as Go has it.

Source: Go net/http client.go, Client.do, makeHeadersCopier and
shouldCopyHeaderOnRedirect.
"""

from __future__ import annotations

import base64
import re
from typing import Dict, Mapping, Optional, Tuple
from urllib.parse import quote, unquote, urljoin, urlsplit

from private_registry.check.reading import go_url
from private_registry.named_tuple import NamedTuple

MOST_REQUESTS = 10
_STATUS_THAT_ASKS_AGAIN = (307, 308)
_STATUS = (301, 302, 303, *_STATUS_THAT_ASKS_AGAIN)
_DEFAULT_PORTS = {"http": "80", "https": "443"}
_PORT = re.compile(r"[0-9]{1,5}\Z")
_LAST_PORT = 65535
_SECRETS = frozenset(
    [
        *("authorization", "www-authenticate", "cookie", "cookie2"),
        *("proxy-authorization", "proxy-authenticate"),
    ]
)
_PLAIN = "/:@!$&'()*+,;=~%?[]|{}^`\"<>"


class Target(NamedTuple):
    """What is asked.

    Args:
        scheme: ``http`` or ``https``.
        authority: ``HOST[:PORT]`` as it was written.
        path: escaped, with the query.
        user: user name and password of the URL as they were written; empty for none.
    """

    scheme: str
    authority: str
    path: str = "/"
    user: str = ""

    def __repr__(self) -> str:
        return f"Target({self.url!r})"

    @property
    def base(self) -> str:
        """Its address without the path."""
        return f"{self.scheme}://{self.authority}"

    @property
    def url(self) -> str:
        """Its URL, without a user name and password."""
        return f"{self.base}{self.path}"

    @property
    def login(self) -> Optional[str]:
        """What its user name and password are sent as; None where it has none."""
        if not self.user:
            return None
        name, _, password = self.user.partition(":")
        return basic(unquote(name), unquote(password))


def basic(username: str, password: str) -> str:
    """Return the header Authorization that says a user name and a password."""
    pair = f"{username}:{password}".encode(errors="surrogateescape")
    return "Basic " + base64.b64encode(pair).decode()


def target_of(url: str) -> Optional[Target]:
    """Read a whole URL; None where nobody can be asked by it.

    Args:
        url: bytes that are no UTF-8 stand as surrogates.
    """
    parsed = _parsed(url)
    return _target(url) if parsed is not None and parsed.scheme else None


def is_redirect(status: int) -> bool:
    """Whether an answer may send its client elsewhere."""
    return status in _STATUS


def asks_again(status: int) -> bool:
    """Whether the same is asked there, with the same body; otherwise it is got."""
    return status in _STATUS_THAT_ASKS_AGAIN


def followed(before: Target, location: str) -> Optional[Target]:
    """Return where an answer sends its client; None where that is no address.

    Args:
        before: whose answer it is.
        location: its header Location; bytes that are no UTF-8 stand as surrogates.
    """
    parsed = _parsed(location)
    if parsed is None or (parsed.scheme and not parsed.host):
        return None
    try:
        return _target(urljoin(before.url, location))
    except ValueError:
        return None


def is_of_one_host(first: Target, other: Target, *, compares_ports: bool) -> bool:
    """Whether what was meant for one is sent to the other, too: the same host, or one
    below it.

    Args:
        first: what was asked at first.
        other: where that led.
        compares_ports: another port is another host, as it was before Go 1.21.8.
    """
    (one, one_port), (two, two_port) = _place(first), _place(other)
    if compares_ports and one_port != two_port:
        return False
    is_name = not any(mark in two for mark in ":%")
    return one == two or (is_name and two.endswith(f".{one}"))


def without_secrets(headers: Mapping[str, str]) -> Dict[str, str]:
    """Return the headers that go with a redirect to another host.

    Their case does not count.
    """
    return {
        name: value for name, value in headers.items() if name.lower() not in _SECRETS
    }


def _parsed(url: str) -> Optional[go_url.GoUrl]:
    # Go reads bytes; it does not matter to it which letters they are.
    return go_url.parse(url.encode(errors="surrogateescape").decode("latin-1"))


def _target(url: str) -> Optional[Target]:
    try:
        parts = urlsplit(url)
        user, _, written = parts.netloc.rpartition("@")
        authority = _in_ascii(written)
    except ValueError:
        return None
    host, port = _split(authority)
    if parts.scheme not in _DEFAULT_PORTS or not host or not _is_port(port):
        return None
    query = f"?{_escaped(parts.query)}" if parts.query else ""
    return Target(parts.scheme, authority, (_escaped(parts.path) or "/") + query, user)


def _in_ascii(authority: str) -> str:
    """Return an authority with its name as DNS has it.

    Raises UnicodeError where it has none.
    """
    if authority.isascii():
        return authority
    host, port = _split(authority)
    return host.encode("idna").decode() + (f":{port}" if port else "")


def _split(authority: str) -> Tuple[str, str]:
    host, colon, port = authority.rpartition(":")
    return (host, port) if colon and "]" not in port else (authority, "")


def _is_port(port: str) -> bool:
    return not port or (bool(_PORT.match(port)) and int(port) <= _LAST_PORT)


def _place(target: Target) -> Tuple[str, str]:
    host, port = _split(target.authority)
    return host.strip("[]"), port or _DEFAULT_PORTS.get(target.scheme, "")


def _escaped(text: str) -> str:
    return quote(text, safe=_PLAIN, errors="surrogateescape")
