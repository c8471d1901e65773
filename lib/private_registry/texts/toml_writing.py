"""TOML text of plain values, laid out one way: scalars, then tables, each below a blank
line.

Small enough to be our own, so that an enable imports no editor of documents for it.
What is going to a disk is read back by another's parser first (``toml.check``), and the
tests compare every byte with what tomlkit writes.
"""

from __future__ import annotations

import re
from typing import Any, Iterator, Mapping, Match, Tuple

from private_registry.texts.showing import printable

Path = Tuple[str, ...]

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPED = re.compile(r'[\x00-\x1f"\\\x7f]|[^\x00-\x7f]')
# Line breaks stay, and a quote only where two stand before it.
_ESCAPED_IN_BLOCK = r'(?<="")"|[\x00-\x09\x0b-\x1f\\\x7f]|[^\x00-\x7f]'
_SHORT = {
    "\b": "\\b",
    "\t": "\\t",
    "\n": "\\n",
    "\f": "\\f",
    "\r": "\\r",
    '"': '\\"',
    "\\": "\\\\",
}


def dumps(content: Mapping[str, Any], header: str) -> str:
    """Write plain values as TOML below a comment.

    Text with line breaks becomes a block string, and no character is in it that a
    terminal would not show as it is.
    """
    comment = "".join(f"# {line}\n" for line in header.splitlines())
    tables = "\n".join(filter(None, _tables(content, (), "")))
    return comment + tables


def scalar(value: Any) -> str:
    """Write a text, number, truth value or list of them as it stands behind a key."""
    if isinstance(value, str):
        return f'"{_ESCAPED.sub(_as_escape, value)}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[{}]".format(", ".join(map(scalar, value)))
    return str(value)


def key(name: str) -> str:
    """Write a key, in quotes where it needs them."""
    return name if _BARE.fullmatch(name) else scalar(name)


def _tables(table: Mapping[str, Any], path: Path, header: str) -> Iterator[str]:
    """Yield the text of a table and of those below it."""
    below, own = {}, []
    for name, value in table.items():
        if _is_below(value):
            below[name] = value
        else:
            own.append(f"{key(name)} = {_value(value)}\n")
    # Of a table that has nothing but tables those below tell.
    is_told = bool(own) or not below or header.startswith("[[")
    yield "".join([header if is_told else "", *own])
    for name, value in below.items():
        inner = (*path, name)
        dotted = ".".join(map(key, inner))
        if isinstance(value, list):
            for each in value:
                yield from _tables(each, inner, f"[[{dotted}]]\n")
        else:
            yield from _tables(value, inner, f"[{dotted}]\n")


def _is_below(value: Any) -> bool:
    if isinstance(value, (str, bool)):
        return False
    if isinstance(value, list):
        return bool(value) and all(isinstance(each, Mapping) for each in value)
    return isinstance(value, Mapping)


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "[{}]".format(", ".join(map(_value, value)))
    if not isinstance(value, str) or "\n" not in value:
        return scalar(value)
    text = re.sub(_ESCAPED_IN_BLOCK, _as_escape, value)
    # A line break right behind the quotes is no part of the text.
    return '"""{}{}"""'.format("\n" if text.startswith("\n") else "", text)


def shown_or_escaped(character: str) -> str:
    """Return a character as it is, or as an escape where a terminal would not show
    it; line breaks stay.
    """
    if character == "\n" or printable(character) == character:
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number < 2**16 else f"\\U{number:08x}"


def _as_escape(match: Match[str]) -> str:
    return _SHORT.get(match[0]) or shown_or_escaped(match[0])
