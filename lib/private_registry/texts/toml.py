"""TOML text: the only module that knows tomli.

Everybody else sees plain dicts, lists and scalars.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Dict, Iterable, List, Mapping, Optional

import tomli

from private_registry.texts.showing import shown_name

MOST_CHARACTERS = 8 * 1024 * 1024
MOST_LEVELS = 100
_MOST_BITS = 64
# A run reads the same files several times, and each file's statements one by one.
_LONGEST_REMEMBERED = 4 * 1024
_MOST_REMEMBERED = 2048
_PLACE = r" \(at (?:line ([0-9]+), column [0-9]+|end of document)\)\Z"
_KEY = r"\s*(?:\[+([^]\n]+)\]|([A-Za-z0-9_.\s-]+)=)"
# Each part of a key is a level, and tomli takes quadratic time for them.
_PART = r"""(?:[A-Za-z0-9_-]+|"[^"\n]*"|'[^'\n]*')"""
_DEEP_KEY = rf"(?m)(?:^|[\[{{,])[ \t]*{_PART}(?:[ \t]*\.[ \t]*{_PART}){{{MOST_LEVELS}}}"
_ALREADY = "a key or table that is there already"
_OPEN = "a text that is not closed in its line"
# Behind these words tomli quotes: a part of a value may be a password's.
_QUOTING = {
    "Cannot ": _ALREADY,
    "Duplicate ": "a key that is there already between its braces",
    "Illegal character '\\n'": _OPEN,
    "Found invalid character '\\n'": _OPEN,
    "Illegal character ": "a character that cannot be in a text",
    "Found invalid character ": "a character that cannot be there",
}


class TomlSyntaxError(ValueError):
    """A text is not TOML.

    Args:
        reason: what the parser said, without the position.
        line: 1-based line number, or None where the parser gives none.
    """

    def __init__(self, reason: str, line: Optional[int]) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


class TomlRoundTripError(AssertionError):
    """What was rendered does not read back as what was meant.

    It must not reach a disk.
    """


def loads(text: str) -> Dict[str, Any]:
    """Read TOML into plain Python values.

    Raises:
        TomlSyntaxError: not TOML, more than 8 MiB of it, nested more than 100 levels
            deep, or a number of more than 64 bits.
    """
    read = _remembered if len(text) <= _LONGEST_REMEMBERED else _last_long_one
    copied: Dict[str, Any] = _copied(read(text))
    return copied


def _read(text: str) -> Dict[str, Any]:
    if len(text) > MOST_CHARACTERS:
        raise TomlSyntaxError("larger than 8 MiB", None)
    if text.count(".") >= MOST_LEVELS and re.search(_DEEP_KEY, text):
        raise _too_deep()
    try:
        plain = tomli.loads(text)
    except tomli.TOMLDecodeError as error:
        raise _syntax_error(text, str(error)) from None
    except RecursionError:
        raise _too_deep() from None
    except MemoryError:
        raise TomlSyntaxError("too large", None) from None
    except ValueError:
        # What Python itself says would quote the value.
        raise TomlSyntaxError("a value that cannot be", None) from None
    _check_values(plain)
    return plain


def _copied(plain: Any) -> Any:
    """Copy what TOML is read into; whatever is no table or list never changes."""
    if isinstance(plain, dict):
        return {key: _copied(value) for key, value in plain.items()}
    return [_copied(each) for each in plain] if isinstance(plain, list) else plain


_remembered = lru_cache(maxsize=_MOST_REMEMBERED)(_read)
# What is given is read twice: to see what kind of file it is, and for what it says.
_last_long_one = lru_cache(maxsize=1)(_read)


def _syntax_error(text: str, said: str) -> TomlSyntaxError:
    place = re.search(_PLACE, said)
    line = int(place[1]) if place and place[1] else text.rstrip().count("\n") + 1
    reason = said if place is None else said[: place.start()]
    words = (ours for start, ours in _QUOTING.items() if reason.startswith(start))
    told = next(words, reason)
    if told == _ALREADY:
        told = _named(text.split("\n")[:line]) or told
    return TomlSyntaxError(told, line)


def _named(lines: List[str]) -> str:
    """Return which key or table is there already; nothing where the last of the lines
    may be in the middle of a value.
    """
    *before, last = lines
    key = re.match(_KEY, last)
    try:
        tomli.loads("".join(each + "\n" for each in before))
    except ValueError:
        return ""
    return f"{shown_name((key[1] or key[2]).strip())} is there already" if key else ""


def check(text: str, content: Mapping[str, Any]) -> None:
    """Check that a text of ours says what was meant.

    Raises:
        TomlRoundTripError: it does not parse to ``content`` again.
    """
    try:
        is_meant = loads(text) == content
    except TomlSyntaxError:
        is_meant = False
    if not is_meant:
        raise TomlRoundTripError("what was written reads back as something else")


def _check_values(plain: Any) -> None:
    """Raise TomlSyntaxError for what neither containerd nor our own code could go on
    with.
    """
    level: List[Any] = [plain]
    for _ in range(MOST_LEVELS):
        level = [below for value in level for below in _children(value)]
        if any(
            isinstance(each, int) and each.bit_length() > _MOST_BITS for each in level
        ):
            raise TomlSyntaxError(f"a number of more than {_MOST_BITS} bits", None)
        if not level:
            return
    raise _too_deep()


def _children(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _too_deep() -> TomlSyntaxError:
    return TomlSyntaxError(f"nested more than {MOST_LEVELS} levels deep", None)
