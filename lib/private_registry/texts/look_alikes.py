"""Characters that look as another one and are none: hard blanks, quotes of
typesetting.
"""

from __future__ import annotations

import re

HARD_BLANK = "a hard blank"
_BLANKS = (
    "\u00a0\u1680\u180e\u2000-\u200b\u2028\u2029\u202f\u205f\u2060\u3000\u3164\ufeff"
)
_BLANK = re.compile(f"[{_BLANKS}]")
_ODD = re.compile(f"[{_BLANKS}\u2018\u2019\u201c\u201d\u201e\u201f\u00ab\u00bb]")
_IN_QUOTES = re.compile(r'"(?:[^"\\]|\\.)*"|\'[^\']*\'|#.*')


def look_alike_in(line: str) -> str:
    """Name the first such character of a line that stands outside of its quotes and
    comment; empty where there is none.
    """
    found = _ODD.search(_IN_QUOTES.sub("", line))
    return _named(found[0]) if found else ""


def hard_blank_in(text: str) -> str:
    """Name the first hard blank of a text, which holds no quotes; empty for none."""
    found = _BLANK.search(text)
    return _named(found[0]) if found else ""


def _named(character: str) -> str:
    kind = HARD_BLANK if _BLANK.match(character) else "a quote of typesetting"
    return f"{kind} (U+{ord(character):04X})"


def reason_with(reason: str, text: str, line: int) -> str:
    """Return why a text cannot be read: by such a character in the line, or else what
    was said.

    Args:
        reason: what the parser said.
        text: that it read.
        line: 1-based, where it stopped.
    """
    lines = text.split("\n")
    odd = look_alike_in(lines[line - 1]) if 1 <= line <= len(lines) else ""
    return f"{odd}, which cannot be there" if odd else reason
