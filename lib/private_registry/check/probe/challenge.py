"""Challenges: what the header WWW-Authenticate asks for, as containerd reads it.

Each header is one challenge, and what does not fit ends it
(remotes/docker/auth/parse.go). The text is anybody's: it is gone through once, from
left to right, and bounds are set to it.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Dict, Iterable, List, Mapping, Optional, Tuple

from private_registry.named_tuple import NamedTuple

_MOST_HEADERS = 100
_MOST_PARAMETERS = 100
_LONGEST_HEADER = 64 * 1024
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]*")
_SPACE = re.compile(r"[ \t\r\n]*")
# It fits any text, and so nothing is ever tried twice.
_QUOTED = re.compile(r'[^"\\]*(?:\\.[^"\\]*)*', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Challenge(NamedTuple):
    """One way to log in.

    Args:
        scheme: in lower case: ``basic``, ``bearer`` …
        parameters: by their names in lower case.
    """

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(headers: Iterable[str]) -> List[Challenge]:
    """Read all challenges of an answer; what cannot be read is left out."""
    found = (_parse(header) for header in islice(headers, _MOST_HEADERS))
    return [each for each in found if each is not None]


def login(challenges: Iterable[Challenge]) -> Optional[Challenge]:
    """Return the challenge that containerd answers: Bearer before Basic, as it sorts
    them.

    Source: containerd remotes/docker/auth/parse.go.
    """
    known = {each.scheme: each for each in reversed(list(challenges))}
    return known.get("bearer") or known.get("basic")


def _parse(header: str) -> Optional[Challenge]:
    if len(header) > _LONGEST_HEADER:
        return None
    scheme, position = _token(header, 0)
    if not scheme:
        return None
    parameters: Dict[str, str] = {}
    for _ in range(_MOST_PARAMETERS):
        name, position = _token(header, _behind_space(header, position))
        if not name or header[position : position + 1] != "=":
            break
        value, position = _value(header, position + 1)
        parameters[name.lower()] = value
        position = _behind_space(header, position)
        if header[position : position + 1] != ",":
            break
        position += 1
    return Challenge(scheme.lower(), parameters)


def _token(text: str, start: int) -> Tuple[str, int]:
    return _run(_TOKEN, text, start)


def _behind_space(text: str, start: int) -> int:
    return _run(_SPACE, text, start)[1]


def _run(kind: re.Pattern[str], text: str, start: int) -> Tuple[str, int]:
    match = kind.match(text, start)
    return ("", start) if match is None else (match[0], match.end())


def _value(text: str, start: int) -> Tuple[str, int]:
    """Return a value and where it ends.

    One whose quotes never end is empty, and all is over.
    """
    if text[start : start + 1] != '"':
        return _token(text, start)
    raw, end = _run(_QUOTED, text, start + 1)
    if text[end : end + 1] != '"':
        return "", len(text)
    return _ESCAPED.sub(r"\1", raw), end + 1
