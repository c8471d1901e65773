"""The only module that knows tomlkit; everybody else sees plain dicts, lists and scalars."""

from __future__ import annotations

from typing import Any, Dict, Mapping, Optional

import tomlkit
from tomlkit.exceptions import ParseError, TOMLKitError, UnexpectedEofError


class TomlSyntaxError(ValueError):
    """A text is not TOML.

    Args:
        reason: what the parser said, without the position.
        line: 1-based line number, or None where the parser gives none.
        is_unfinished: the text ended in the middle of a value.
    """

    def __init__(self, reason: str, line: Optional[int], *, is_unfinished: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line
        self.is_unfinished = is_unfinished


class TomlRoundTripError(AssertionError):
    """What was rendered does not read back as what was meant; it must not reach a disk."""


def loads(text: str) -> Dict[str, Any]:
    """Read TOML into plain Python values; raise TomlSyntaxError."""
    try:
        return tomlkit.parse(text).unwrap()
    except ParseError as error:
        reason = str(error).split(" at line ")[0]
        # tomlkit reads a NUL behind the end of the text.
        is_unfinished = isinstance(error, UnexpectedEofError) or "'\\x00'" in reason
        raise TomlSyntaxError(reason, error.line, is_unfinished=is_unfinished) from error
    except TOMLKitError as error:
        raise TomlSyntaxError(str(error), _first_line_that_fails(text)) from error


def _first_line_that_fails(text: str) -> int:
    """Find the line of an error that tomlkit gives none for, such as a key that is there twice."""
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
        except TOMLKitError:
            bad = middle
    return bad


def dumps(content: Mapping[str, Any], header: str) -> str:
    """Write plain values as TOML below a comment; text with line breaks becomes a block string.

    What is going to a disk goes through ``check`` first, which takes ten times as long.
    """
    comment = "".join(f"# {line}\n" for line in header.splitlines())
    return comment + tomlkit.dumps(_with_block_strings(content))


def scalar(value: Any) -> str:
    """Write a text, number, truth value or list of them as it stands behind a key."""
    return str(tomlkit.item(value).as_string())


def check(text: str, content: Mapping[str, Any]) -> None:
    """Check that a text which ``dumps`` wrote says what was meant.

    Raises:
        TomlRoundTripError: it does not parse to ``content`` again.
    """
    if loads(text) != content:
        raise TomlRoundTripError(text)


def _with_block_strings(value: Any) -> Any:
    if isinstance(value, str) and "\n" in value:
        return tomlkit.string(value, multiline=True)
    if isinstance(value, dict):
        return {key: _with_block_strings(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_block_strings(item) for item in value]
    return value
