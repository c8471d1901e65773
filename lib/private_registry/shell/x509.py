"""What Python's ssl module does not tell of a certificate unless it is a CA's: its dates.

Reads just as much of the DER encoding (RFC 5280, 4.1) as stands before them.
"""

from __future__ import annotations

import calendar
import time
from typing import Iterator, NamedTuple, Tuple

_VERSION = 0xA0
_UTC_TIME = 0x17
_LONG_LENGTH = 0x80
_ALGORITHM_AND_ISSUER = 2


class Validity(NamedTuple):
    """When a certificate is valid: seconds since the epoch."""

    begin: int
    end: int


def validity(der: bytes) -> Validity:
    """Read the dates of a certificate.

    Raises:
        ValueError: not a certificate.
    """
    try:
        certificate = next(_elements(der))[1]
        fields = _elements(next(_elements(certificate))[1])
        if next(fields)[0] == _VERSION:
            next(fields)
        for _ in range(_ALGORITHM_AND_ISSUER):
            next(fields)
        begin, end = _elements(next(fields)[1])
    except (StopIteration, IndexError) as error:
        raise ValueError("not a certificate") from error
    return Validity(_seconds(*begin), _seconds(*end))


def _elements(der: bytes) -> Iterator[Tuple[int, bytes]]:
    while der:
        tag, length, start = der[0], der[1], 2
        if length >= _LONG_LENGTH:
            start += length - _LONG_LENGTH
            length = int.from_bytes(der[2:start], "big")
        yield tag, der[start : start + length]
        der = der[start + length :]


def _seconds(tag: int, text: bytes) -> int:
    # RFC 5280, 4.1.2.5.1: two digits below 50 are of this century; strptime draws the line at 69.
    digits = text.decode("ascii")
    if tag == _UTC_TIME:
        digits = ("20" if digits < "50" else "19") + digits
    return calendar.timegm(time.strptime(digits, "%Y%m%d%H%M%SZ"))
