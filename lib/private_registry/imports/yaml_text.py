"""The only module that knows PyYAML, which not every Python has: imported where YAML is
given.

Every scalar stays the text that it is in the file, as Go's YAML gives it to a field of
that type: a password of digits keeps its zeros. Aliases are refused and depth is
limited: no text can grow.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

import yaml

from private_registry.errors import UsageError
from private_registry.imports.k3s_yaml import KNOWN_KEYS
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
        place = source
        if error.problem_mark is not None:
            place = f"{source}, line {error.problem_mark.line + 1}"
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
