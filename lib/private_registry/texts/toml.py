"""The only module that knows tomlkit.

Everybody else sees plain dicts, lists and scalars.
"""

from __future__ import annotations

import copy
import re
from functools import lru_cache
from typing import Any, Dict, Iterable, List, Mapping, Match, Optional

import tomlkit
from tomlkit import exceptions
from tomlkit.exceptions import ParseError, TOMLKitError

from private_registry.texts.showing import printable, shown_name

MOST_CHARACTERS = 8 * 1024 * 1024
MOST_LEVELS = 100
_MOST_BITS = 64
# tomlkit takes quadratic time for these three; what is shorter takes it a few seconds
# at most.
_LONGEST_LINE = 256 * 1024
_LONGEST_TEXT = 512 * 1024
# A run reads the same files several times, and each file's statements one by one.
_LONGEST_REMEMBERED = 4 * 1024
_MOST_REMEMBERED = 2048
_MANY_BLANK_LINES = re.compile(r"(?:[ \t\r]*\n){20000}")
_TEXT_OR_COMMENT = re.compile(
    r'''"""(?:[^"\\]|\\.|"(?!""))*"{3,5}|'{3}(?:[^']|'(?!''))*'{3,5}|'''
    r""""(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\#[^\n]*""",
    re.DOTALL,
)
_THREE_QUOTES = re.compile(r"\"\"\"|'''")


_UNICODE = re.compile(r"[^\x00-\x7f]")
_KEY_IS_THERE = re.compile(r'Key "(.*)" already exists\.', re.DOTALL)
_QUOTE_NOTHING = (
    exceptions.MixedArrayTypesError,
    exceptions.InvalidNumberError,
    exceptions.InvalidDateTimeError,
    exceptions.InvalidDateError,
    exceptions.InvalidTimeError,
    exceptions.InvalidNumberOrDateError,
    exceptions.InvalidUnicodeValueError,
    exceptions.EmptyKeyError,
    exceptions.EmptyTableNameError,
    exceptions.UnexpectedEofError,
    exceptions.InvalidControlChar,
)
_QUOTING = {
    exceptions.UnexpectedCharError: "Unexpected character",
    exceptions.InvalidCharInStringError: "Invalid character in string",
}
_MISPLACED = "a key or table that cannot be there"


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
    if len(text) > _LONGEST_REMEMBERED:
        return _read(text)
    return copy.deepcopy(_remembered(text))


def _read(text: str) -> Dict[str, Any]:
    _check_size(text)
    try:
        plain = _parsed(text)
    except RecursionError:
        raise _too_deep() from None
    except MemoryError:
        raise TomlSyntaxError("too large", None) from None
    _check_is_ascii(text)
    _check_values(plain)
    return plain


_remembered = lru_cache(maxsize=_MOST_REMEMBERED)(_read)


def _parsed(text: str) -> Dict[str, Any]:
    try:
        return tomlkit.parse(text).unwrap()
    except ParseError as error:
        raise TomlSyntaxError(_reason(error), error.line) from None
    except TOMLKitError as error:
        raise TomlSyntaxError(_reason(error), _first_line_that_fails(text)) from None
    except ValueError:
        # What Python itself says would quote the value.
        raise TomlSyntaxError(
            "a value that cannot be", _first_line_that_fails(text)
        ) from None


def _reason(error: TOMLKitError) -> str:
    """Return what tomlkit says, without what it quotes: a part of a value may be a
    password's.
    """
    words = str(error).split(" at line ")[0]
    known = _KEY_IS_THERE.fullmatch(words)
    if known is not None:
        return f'Key "{shown_name(known[1])}" already exists'
    if isinstance(error, _QUOTE_NOTHING):
        return words
    return next(
        (told for kind, told in _QUOTING.items() if isinstance(error, kind)), _MISPLACED
    )


def _check_size(text: str) -> None:
    if len(text) > MOST_CHARACTERS:
        raise TomlSyntaxError("larger than 8 MiB", None)
    blank = _MANY_BLANK_LINES.search(text)
    if blank is not None:
        raise TomlSyntaxError(
            "more than 20,000 blank lines", _line(text, blank.start())
        )
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        if end - start > _LONGEST_LINE:
            raise TomlSyntaxError("a line of more than 256 KiB", _line(text, start))
        start = end
    place = 0
    for number, part in enumerate(_THREE_QUOTES.split(text)):
        if number % 2 and len(part) > _LONGEST_TEXT:
            raise TomlSyntaxError("a text of more than 512 KiB", _line(text, place))
        place += len(part) + 3


def _check_is_ascii(text: str) -> None:
    """Raise TomlSyntaxError where tomlkit took digits that are none: \u0663 for 3."""
    rest = "" if text.isascii() else _TEXT_OR_COMMENT.sub(_line_breaks, text)
    if not rest.isascii():
        place = next(at for at, each in enumerate(rest) if not each.isascii())
        raise TomlSyntaxError(
            "a character outside of ASCII and of quotes", _line(rest, place)
        )


def _line_breaks(match: Match[str]) -> str:
    return "\n" * match[0].count("\n")


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


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


def _first_line_that_fails(text: str) -> int:
    """Find the line of an error that tomlkit gives none for, such as a key that is
    there twice.
    """
    lines = text.splitlines(keepends=True)
    good, bad = 0, len(lines)
    while bad - good > 1:
        middle = (good + bad) // 2
        try:
            tomlkit.parse("".join(lines[:middle]))
            good = middle
        except ParseError:
            # The text was cut inside a value; that is not the error looked for.
            good = middle
        except (TOMLKitError, ValueError):
            bad = middle
    return bad


def dumps(content: Mapping[str, Any], header: str) -> str:
    """Write plain values as TOML below a comment.

    Text with line breaks becomes a block string.

    What is going to a disk goes through ``check`` first, which takes ten times as long.
    """
    comment = "".join(f"# {line}\n" for line in header.splitlines())
    return comment + _UNICODE.sub(
        _as_escape, tomlkit.dumps(_with_block_strings(content))
    )


def _as_escape(match: Match[str]) -> str:
    """Write out what a terminal would not show as it is.

    Outside of texts all is ASCII.
    """
    number = ord(match[0])
    is_shown = printable(match[0]) == match[0]
    return (
        match[0]
        if is_shown
        else f"\\u{number:04x}" if number < 2**16 else f"\\U{number:08x}"
    )


def scalar(value: Any) -> str:
    """Write a text, number, truth value or list of them as it stands behind a key."""
    return str(tomlkit.item(value).as_string())


def check(text: str, content: Mapping[str, Any]) -> None:
    """Check that a text which ``dumps`` wrote says what was meant.

    Raises:
        TomlRoundTripError: it does not parse to ``content`` again.
    """
    if loads(text) != content:
        raise TomlRoundTripError("what was written reads back as something else")


def _with_block_strings(value: Any) -> Any:
    if isinstance(value, str) and "\n" in value:
        return tomlkit.string(value, multiline=True)
    if isinstance(value, dict):
        return {key: _with_block_strings(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_block_strings(item) for item in value]
    return value
