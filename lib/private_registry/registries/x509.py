"""What Python's ssl module does not tell of a certificate that it does not trust.

Reads just as much of the DER encoding (RFC 5280, 4.1) as is needed.
"""

from __future__ import annotations

import calendar
import ipaddress
import time
from typing import Iterator, List, NamedTuple, Tuple

_VERSION = 0xA0
_EXTENSIONS = 0xA3
_UTC_TIME = 0x17
_OCTETS = 0x04
_LONG_LENGTH = 0x80
_ISSUER, _VALIDITY, _SUBJECT = 2, 3, 4
_ALTERNATIVE_NAMES = bytes([0x55, 0x1D, 0x11])
_COMMON_NAME, _ORGANIZATION = bytes([0x55, 0x04, 0x03]), bytes([0x55, 0x04, 0x0A])
_DNS_NAME, _IP_ADDRESS = 0x82, 0x87

Element = Tuple[int, bytes]


class Validity(NamedTuple):
    """When a certificate is valid: seconds since the epoch."""

    begin: int
    end: int


class Certificate(NamedTuple):
    """What a server's certificate says of itself.

    Args:
        validity: when it counts.
        issuer: name of the CA that signed it: its common name, else its organization's.
        common_name: of the server; what nobody looks at any more.
        names: host names that it is for.
        addresses: IP addresses that it is for.
        is_self_signed: issuer and subject are one.
    """

    validity: Validity
    issuer: str
    common_name: str
    names: Tuple[str, ...]
    addresses: Tuple[str, ...]
    is_self_signed: bool


def validity(der: bytes) -> Validity:
    """Read the dates of a certificate.

    Raises:
        ValueError: not a certificate.
    """
    try:
        return _validity(_fields(der)[_VALIDITY][1])
    except (StopIteration, IndexError) as error:
        raise ValueError("not a certificate") from error


def certificate(der: bytes) -> Certificate:
    """Read a server's certificate.

    Raises:
        ValueError: not a certificate.
    """
    try:
        fields = _fields(der)
        issuer, subject = fields[_ISSUER][1], fields[_SUBJECT][1]
        names = _alternative_names(fields)
        return Certificate(
            validity=_validity(fields[_VALIDITY][1]),
            issuer=_text(issuer, _COMMON_NAME) or _text(issuer, _ORGANIZATION),
            common_name=_text(subject, _COMMON_NAME),
            names=tuple(
                text.decode("ascii", "replace")
                for tag, text in names
                if tag == _DNS_NAME
            ),
            addresses=tuple(
                str(ipaddress.ip_address(text))
                for tag, text in names
                if tag == _IP_ADDRESS
            ),
            is_self_signed=issuer == subject,
        )
    except (StopIteration, IndexError) as error:
        raise ValueError("not a certificate") from error


def _fields(der: bytes) -> List[Element]:
    """Return serial number, algorithm, issuer, validity, subject, key and what
    follows.
    """
    body = next(_elements(der))[1]
    fields = list(_elements(next(_elements(body))[1]))
    return fields[1:] if fields[0][0] == _VERSION else fields


def _validity(content: bytes) -> Validity:
    begin, end = _elements(content)
    return Validity(_seconds(*begin), _seconds(*end))


def _text(name: bytes, wanted: bytes) -> str:
    for _, part in _elements(name):
        for _, pair in _elements(part):
            (_, kind), (_, value) = list(_elements(pair))[:2]
            if kind == wanted:
                return value.decode("utf-8", "replace")
    return ""


def _alternative_names(fields: List[Element]) -> List[Element]:
    extensions = next((content for tag, content in fields if tag == _EXTENSIONS), b"")
    for _, sequence in _elements(extensions):
        for _, extension in _elements(sequence):
            parts = list(_elements(extension))
            if parts[0][1] == _ALTERNATIVE_NAMES and parts[-1][0] == _OCTETS:
                return list(_elements(next(_elements(parts[-1][1]))[1]))
    return []


def _elements(der: bytes) -> Iterator[Element]:
    while der:
        tag, length, start = der[0], der[1], 2
        if length >= _LONG_LENGTH:
            start += length - _LONG_LENGTH
            length = int.from_bytes(der[2:start], "big")
        yield tag, der[start : start + length]
        der = der[start + length :]


def _seconds(tag: int, text: bytes) -> int:
    # RFC 5280, 4.1.2.5.1: two digits below 50 are of this century; strptime draws the
    # line at 69.
    digits = text.decode("ascii")
    if tag == _UTC_TIME:
        digits = ("20" if digits < "50" else "19") + digits
    return calendar.timegm(time.strptime(digits, "%Y%m%d%H%M%SZ"))
