"""What servers say, made fit to be shown: one line, printable, of bounded length."""

from __future__ import annotations

import re

_LOOKED_AT = 4
# Fillers and variation selectors: printable for Python, and yet nothing is to be seen of them.
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
_INSTEAD = "?"


def harmless(text: str, longest: int = 200) -> str:
    """Return what a server said without anything that a terminal would obey or not show.

    Args:
        text: what it said.
        longest: how many characters are shown.
    """
    words = " ".join(text[: longest * _LOOKED_AT].split())
    plain = _UNSEEN.sub(
        _INSTEAD, "".join(each if each.isprintable() else _INSTEAD for each in words)
    )
    is_whole = len(plain) <= longest and len(text) <= longest * _LOOKED_AT
    return plain if is_whole else plain[: longest - 3] + "..."
