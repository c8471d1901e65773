"""Addresses that cannot be: what is wrong with one, and what it was meant to be.

For what people type and what they write into hosts.toml alike; whether a program takes
the address all the same is not asked here.
"""

from __future__ import annotations

import re
from typing import Optional

from private_registry.named_tuple import NamedTuple
from private_registry.registries.names import DIGITS_AND_DOTS, is_ip, is_port

_QUOTES = "\"'`\u201c\u201d\u2018\u2019\u00ab\u00bb\u201e"
_BLANKS = " \t\r\n\u00a0\u200b\u2060\ufeff"
_EDGE = f"{_QUOTES}{_BLANKS},;\\|"
_PLACEHOLDER = re.compile(
    r"<[^<>]*>|\$\{?[A-Za-z_]|\$\(|\{\{|\{[A-Za-z_ ]*\}|%[A-Z_]+%|\bYOUR[-_ ]", re.ASCII
)
_NO_URL = re.compile(
    r"(?P<scheme>https?)(?P<between>\s*[:;,.]?\s*[/\\]+\s*|:(?![0-9]{1,5}(?:/|\Z)))"
    r"(?P<rest>[^/\\\s].*)",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_SECOND = re.compile(
    r"(?P<scheme>https?)(?::/{0,2}|//)(?![0-9]{1,5}(?:/|\Z))(?P<rest>[^/:].*)",
    re.ASCII | re.IGNORECASE | re.DOTALL,
)
_AUTHORITY_END = re.compile(r"[/?#]")
_BRACKETS = re.compile(r"\[(?P<address>[^\[\]]*)\](?::(?P<port>[^:]*))?\Z")
_LONGEST = 2000


class Slip(NamedTuple):
    """What is wrong with an address.

    Args:
        what: the rest of a sentence that begins with the address.
        right: the address as it was meant; empty where that cannot be known.
        is_whole: nothing else needs to be said of it.
        is_told_elsewhere: whoever reads the command line has a word of its own for it.
    """

    what: str
    right: str = ""
    is_whole: bool = False
    is_told_elsewhere: bool = False

    def told(self, shown: str, message: str) -> str:
        """Return the words for an address, behind those of a reader that refused it.

        Args:
            shown: the address, as it may be shown.
            message: what the reader says.
        """
        return f"{shown} {self.what}" if self.is_whole else f"{message}; it {self.what}"


def slip_in(address: str) -> Optional[Slip]:
    """Return what makes an address impossible; None where nothing does.

    Args:
        address: of a registry or mirror, with its scheme or without. Another scheme
            than http and https, one in capitals, and a path are no business of this.
    """
    if len(address) > _LONGEST:
        return Slip("is too long", is_told_elsewhere=True)
    bare = address.strip(_EDGE)
    if bare != address:
        return _stray(address, bare)
    if _PLACEHOLDER.search(address):
        return Slip("holds a placeholder where an address belongs")
    found = _NO_URL.match(address)
    if found is not None and found["between"] != "://":
        what = f"has {found['between'].strip() or 'a blank'} where :// belongs"
        # Of three slashes the third may begin a path whose host is missing.
        host = _AUTHORITY_END.split(found["rest"], maxsplit=1)[0]
        is_host = "///" not in found["between"] or "." in host or ":" in host
        right = f"{found['scheme'].lower()}://{found['rest']}"
        return Slip(what, _well(right) if is_host else "")
    scheme, separator, rest = address.partition("://")
    if not separator:
        scheme, rest = "", address
    elif scheme.lower() not in ("http", "https"):
        return None
    return _second_scheme(scheme, rest) or _host(f"{scheme}{separator}", rest)


def _well(address: str) -> str:
    """Return an address, or what it was meant to be; empty where that is unclear."""
    slip = slip_in(address)
    return address if slip is None else slip.right


def _stray(address: str, bare: str) -> Slip:
    if not bare:
        return Slip("is empty", is_told_elsewhere=True)
    slip = slip_in(bare)
    if slip is not None:
        return slip
    start = address.index(bare)
    edges = (address[:start], address[start + len(bare) :])
    front, end = (each.strip(_BLANKS) for each in edges)
    if front or end:
        return Slip(f"has a stray {_named((front + end)[0])}", bare)
    return Slip("has a blank before or behind it", bare, is_told_elsewhere=True)


def _named(character: str) -> str:
    is_plain = character.isprintable() and not character.isspace()
    return character if is_plain else f"U+{ord(character):04X}"


def _second_scheme(scheme: str, rest: str) -> Optional[Slip]:
    found = _SECOND.match(rest) if scheme else None
    if found is not None:
        is_same = found["scheme"].lower() == scheme.lower()
        right = _well(f"{scheme}://{found['rest']}") if is_same else ""
        return Slip("has two schemes", right, is_whole=True)
    before, separator, _ = rest.partition("://")
    if separator and "/" not in before:
        return Slip("has two schemes", is_whole=True)
    return None


def _host(front: str, rest: str) -> Optional[Slip]:
    authority = _AUTHORITY_END.split(rest, maxsplit=1)[0]
    tail = rest[len(authority) :]
    user, at, host_port = authority.rpartition("@")
    if not host_port or host_port.startswith(":"):
        return Slip("names no host", is_told_elsewhere=True)
    if host_port.startswith("["):
        return _in_brackets(host_port)
    if host_port.count(":") > 1:
        if is_ip(host_port, 6):
            what = "needs brackets around its IPv6 address"
            return Slip(what, is_told_elsewhere=True)
        right = _one_port(host_port)
        return Slip("has two ports", right and f"{front}{user}{at}{right}{tail}")
    host, _, port = host_port.partition(":")
    return _name(host) or _port(port)


def _one_port(host_port: str) -> str:
    host, *ports = host_port.split(":")
    right = f"{host}:{ports[0]}"
    is_well = len(set(ports)) == 1 and not (_name(host) or _port(ports[0]))
    return right if is_well else ""


def _in_brackets(host_port: str) -> Optional[Slip]:
    found = _BRACKETS.match(host_port)
    if found is None or not is_ip(found["address"].partition("%")[0], 6):
        return Slip("has no IPv6 address in its brackets", is_told_elsewhere=True)
    return _port(found["port"] or "")


def _name(host: str) -> Optional[Slip]:
    if "*" in host:
        return Slip("names an impossible host: in an address * stands for nothing")
    if any(each in _BLANKS for each in host):
        return Slip("has a blank in its host", is_told_elsewhere=True)
    odd = next((each for each in host if not (each.isalnum() or each in "-_.")), "")
    if odd:
        return Slip(f"has a {_named(odd)} in its host, where none can be")
    if DIGITS_AND_DOTS.match(host) and "." in host.rstrip(".") and not is_ip(host, 4):
        return Slip("has numbers that are no IPv4 address", is_told_elsewhere=True)
    if host.startswith((".", "-")) or ".." in host:
        return Slip("names an impossible host", is_told_elsewhere=True)
    return None


def _port(port: str) -> Optional[Slip]:
    if port and not is_port(port):
        return Slip(
            "has a port that is no number from 1 to 65535", is_told_elsewhere=True
        )
    return None
