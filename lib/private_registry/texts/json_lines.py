"""Where the keys of JSON stand, which the standard library does not tell."""

from __future__ import annotations

import re
from typing import Dict, List, Tuple

from private_registry.named_tuple import NamedTuple
from private_registry.texts import json_text

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
    path: _KeyPath
    # Of each open bracket the number of the element that comes.
    count: List[int] = []
    line, path, is_key = 1, (), False
    for match in _TOKEN.finditer(text):
        word = match[0]
        if word == "\n":
            line += 1
        elif word in "[{":
            if opened and opened[-1].is_list:
                path = (*opened[-1].path, str(count[-1]))
                lines[path] = line
            opened.append(_Open(path, word == "["))
            count.append(1)
            is_key = word == "{"
        elif word in "]}":
            path, is_key = opened.pop().path, False
            count.pop()
        elif word == ",":
            is_key = not opened[-1].is_list
            count[-1] += 1
        elif is_key:
            path, is_key = (*opened[-1].path, json_text.loads(word)), False
            lines[path] = line
    return lines
