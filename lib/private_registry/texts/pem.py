"""PEM: its blocks, found in one pass over whatever somebody put into a file."""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import Dict, Iterator, List

from private_registry.named_tuple import NamedTuple

_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?\n")
_END = re.compile(r"-----END ([A-Z0-9 ]+)-----")


class Block(NamedTuple):
    """One block.

    Args:
        label: such as ``CERTIFICATE``.
        body: between its first line and its last.
        whole: with both.
    """

    label: str
    body: str
    whole: str


def blocks(text: str, *, at_line_start: bool = False) -> Iterator[Block]:
    """Yield the blocks of a text, each from its beginning to the next end of the same
    label.

    Args:
        text: of a file.
        at_line_start: nothing may stand before the dashes, as Go has it.
    """
    ends: Dict[str, List[int]] = {}
    for match in _END.finditer(text):
        if not at_line_start or _begins_line(text, match.start()):
            ends.setdefault(match[1], []).append(match.start())
    behind = 0
    for match in _BEGIN.finditer(text):
        if match.start() < behind or (
            at_line_start and not _begins_line(text, match.start())
        ):
            continue
        places = ends.get(match[1], [])
        index = bisect_left(places, match.end())
        if index < len(places):
            last = f"-----END {match[1]}-----"
            behind = places[index] + len(last)
            body = text[match.end() : places[index]]
            yield Block(match[1], body, text[match.start() : behind])


def _begins_line(text: str, place: int) -> bool:
    return place == 0 or text[place - 1] == "\n"
