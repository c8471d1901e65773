"""What a registry asks its clients for: the header WWW-Authenticate (RFC 9110, 11.6.1)."""

from __future__ import annotations

import re
from typing import Iterable, List, Mapping, NamedTuple, Optional

_SCHEME = re.compile(r"\s*(?:,\s*)*([A-Za-z][A-Za-z0-9._~+-]*)(?:\s+|$)(?!\s*=)")
_PARAMETER = re.compile(r'\s*(?:,\s*)*([A-Za-z0-9._-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))')
_ESCAPED = re.compile(r"\\(.)")


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
    return [challenge for header in headers for challenge in _parse(header)]


def login(challenges: Iterable[Challenge]) -> Optional[Challenge]:
    """Return the challenge that containerd answers: Bearer before Basic, as it sorts them.

    Source: containerd remotes/docker/auth/parse.go.
    """
    known = {each.scheme: each for each in reversed(list(challenges))}
    return known.get("bearer") or known.get("basic")


def _parse(header: str) -> List[Challenge]:
    found: List[Challenge] = []
    position = 0
    while position < len(header):
        scheme = _SCHEME.match(header, position)
        if scheme is None:
            break
        position = scheme.end()
        parameters = {}
        while True:
            parameter = _PARAMETER.match(header, position)
            if parameter is None:
                break
            quoted, bare = parameter[2], parameter[3]
            value = _ESCAPED.sub(r"\1", quoted) if quoted is not None else bare
            parameters[parameter[1].lower()] = value
            position = parameter.end()
        found.append(Challenge(scheme[1].lower(), parameters))
    return found
