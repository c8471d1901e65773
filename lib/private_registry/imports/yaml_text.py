"""The only module that knows PyYAML, which not every Python has: imported where YAML is
given.

Every scalar stays the text that it is in the file, as Go's YAML gives it to a field of
that type: a password of digits keeps its zeros. Aliases are refused and depth is
limited: no text can grow.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Optional, Tuple

import yaml

from private_registry.errors import UsageError
from private_registry.imports.k3s_yaml import KNOWN_KEYS
from private_registry.named_tuple import NamedTuple
from private_registry.registries.mistaken_files import ADD_FILE, typed
from private_registry.texts.look_alikes import (
    HARD_BLANK,
    hard_blank_in,
    look_alike_in,
)
from private_registry.texts.showing import shown_name

_MAX_CHARACTERS = 1024 * 1024
_MAX_DEPTH = 20
_TABLES_OF_HOSTS = 2
_HOST = re.compile(r"[A-Za-z0-9.*:\[\]-]*[.:*][A-Za-z0-9.*:\[\]-]*", re.ASCII)
_NULLS = frozenset(["", "~", "null", "Null", "NULL"])
_OWN_WORDS = re.compile(r"(?:[A-Za-z ,.]|'(?:<[a-z ]+>|[,:?\[\]{}-])')*", re.ASCII)
_MISPLACED = "a character that cannot be there"
_KeyPath = Tuple[str, ...]


class Parsed(NamedTuple):
    """A document, and the 1-based line of each key path."""

    plain: Any
    lines: Dict[_KeyPath, int]


def parse(text: str, source: str) -> Parsed:
    """Read one YAML document.

    Raises:
        UsageError: not YAML, or what of YAML is not taken; with file and line.
    """
    if len(text) > _MAX_CHARACTERS:
        raise UsageError("larger than 1 MiB", place=source)
    try:
        return _Reader(yaml.parse(text, Loader=yaml.SafeLoader), source).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        last = text.count("\n") + 1 if mark is None else mark.line + 1
        odd = _odd_blank(text, last, source)
        if odd is not None:
            raise odd from None
        place = source if mark is None else f"{source}, line {last}"
        raise UsageError(f"not YAML: {_words(error)}", place=place) from None
    except yaml.YAMLError:
        raise UsageError("not YAML: a character that cannot be", place=source) from None


def _words(error: yaml.MarkedYAMLError) -> str:
    """Return what PyYAML says, where it quotes nothing of the text but its own
    marks.
    """
    told = (error.problem, error.context)
    return next(
        (each for each in told if each and _OWN_WORDS.fullmatch(each)), _MISPLACED
    )


def _odd_blank(text: str, last: int, source: str) -> Optional[UsageError]:
    """Return the error that a blank is none of YAML's; None where that is not why.

    Args:
        text: that could not be read.
        last: 1-based line where the parser stopped, often behind the fault.
        source: the file's name.
    """
    lines = text.split("\n")[:last]
    for number, line in enumerate(lines, 1):
        odd = look_alike_in(line)
        if odd.startswith(HARD_BLANK):
            return _not_a_blank(odd, f"{source}, line {number}")
    if "\t" not in lines[-1]:
        return None
    return UsageError(
        "not YAML: a tab (U+0009), and YAML takes blanks only",
        place=f"{source}, line {last}",
        remedy=f"expand -t 2 {typed(source)} | {ADD_FILE} -",
    )


def _not_a_blank(odd: str, place: str) -> UsageError:
    return UsageError(
        f"not YAML: {odd}, which looks as a blank and is none",
        place=place,
        remedy="write a blank in its place",
    )


def _named(key: str, path: _KeyPath) -> str:
    """Name a key that is a host or known.

    Any other may be a password that was taken for one.
    """
    is_host = len(path) < _TABLES_OF_HOSTS and bool(_HOST.fullmatch(key))
    return shown_name(key) if is_host or key in KNOWN_KEYS else "a key"


class _Reader:
    """Turns the parser's events into values."""

    def __init__(self, events: Iterator[Any], source: str) -> None:
        self._events = events
        self._source = source
        self._lines: Dict[_KeyPath, int] = {}

    def document(self) -> Parsed:
        plain = None
        documents = 0
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self._error(event, "a second document")
                plain = self._value(next(self._events), ())
        return Parsed(plain, self._lines)

    def _value(self, event: Any, path: _KeyPath, depth: int = 0) -> Any:
        if depth > _MAX_DEPTH:
            raise self._error(event, "nested too deeply")
        if isinstance(event, yaml.AliasEvent):
            raise UsageError(
                "an alias (*NAME) is not taken",
                place=self._place(event),
                remedy='write out what it stands for; the host * stands in quotes: "*"',
            )
        if event.tag is not None:
            raise self._error(event, "the tag (!NAME) is not taken")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path, depth)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path, depth)
        is_null = event.implicit[0] and event.value in _NULLS
        return None if is_null else event.value

    def _mapping(self, path: _KeyPath, depth: int) -> Dict[str, Any]:
        found: Dict[str, Any] = {}
        for event in self._events:
            if isinstance(event, yaml.MappingEndEvent):
                break
            key = self._value(event, path, depth + 1)
            if not isinstance(key, str):
                raise self._error(event, "a key must be a text")
            odd = hard_blank_in(key)
            if odd:
                raise _not_a_blank(odd, self._place(event))
            if key in found:
                raise self._error(event, f"{_named(key, path)} stands there twice")
            below = (*path, key)
            self._lines[below] = event.start_mark.line + 1
            found[key] = self._value(next(self._events), below, depth + 1)
        return found

    def _sequence(self, path: _KeyPath, depth: int) -> List[Any]:
        found: List[Any] = []
        for event in self._events:
            if isinstance(event, yaml.SequenceEndEvent):
                break
            found.append(self._value(event, path, depth + 1))
        return found

    def _place(self, event: Any) -> str:
        return f"{self._source}, line {event.start_mark.line + 1}"

    def _error(self, event: Any, message: str) -> UsageError:
        return UsageError(message, place=self._place(event))
