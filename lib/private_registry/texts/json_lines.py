"""Where the keys of JSON stand, which the standard library does not tell."""

from __future__ import annotations

import json
import re
from typing import Dict, List, NamedTuple, Tuple

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},\n]')
_KeyPath = Tuple[str, ...]


class _Open(NamedTuple):
    """A bracket that is open, and the keys that lead to what stands in it."""

    path: _KeyPath
    is_list: bool


def lines_of(text: str) -> Dict[_KeyPath, int]:
    """Return the 1-based line of each key path; elements of lists count from 1.

    Args:
        text: JSON that was read without an error.
    """
    lines: Dict[_KeyPath, int] = {}
    opened: List[_Open] = []
    # The keys that lead to the value that may come next.
    path: _KeyPath = ()
    line, count, is_key = 1, [0], False
    for match in _TOKEN.finditer(text):
        word = match[0]
        if word == "\n":
            line += 1
        elif word in "[{":
            if opened and opened[-1].is_list:
                count[-1] += 1
                path = (*opened[-1].path, str(count[-1]))
                lines[path] = line
            opened.append(_Open(path, word == "["))
            count.append(0)
            is_key = word == "{"
        elif word in "]}":
            path, is_key = opened.pop().path, False
            count.pop()
        elif word == ",":
            is_key = not opened[-1].is_list
        elif is_key:
            path, is_key = (*opened[-1].path, json.loads(word)), False
            lines[path] = line
    return lines
