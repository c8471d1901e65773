"""Numbers in base 128, as HPACK (RFC 7541, 5.1) and DER (X.690, 8.1.2.4 and 8.19) have
them.
"""

from __future__ import annotations

import re

_GOES_ON = re.compile(rb"[\x80-\xff]+")
_MOST_BYTES = 1024


def has_endless_number(content: bytes) -> bool:
    """Whether so many bytes in a row say that their number goes on as no number needs.

    hpack and asn1crypto take such a number as it is, in quadratic time: a second for
    64 KB.
    """
    return any(len(each[0]) > _MOST_BYTES for each in _GOES_ON.finditer(content))
