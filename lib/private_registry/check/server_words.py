"""Words of servers, made fit to be shown: one line, printable, of bounded length."""

from __future__ import annotations

from private_registry.texts.showing import is_printable

_LOOKED_AT = 4
_INSTEAD = "?"


def harmless(text: str, longest: int = 200) -> str:
    """Return what a server said without anything that a terminal would obey or not
    show.

    Args:
        text: what it said.
        longest: how many characters are shown.
    """
    words = " ".join(text[: longest * _LOOKED_AT].split())
    plain = "".join(each if is_printable(each) else _INSTEAD for each in words)
    is_whole = len(plain) <= longest and len(text) <= longest * _LOOKED_AT
    return plain if is_whole else plain[: longest - 3] + "..."
