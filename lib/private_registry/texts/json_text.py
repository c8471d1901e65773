"""JSON: the only module that reads it.

What comes from others is bounded in size and depth.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, NoReturn, Optional, Tuple, Union

from private_registry.texts.showing import shown_name

MOST_BYTES = 16 * 1024 * 1024
MOST_LEVELS = 100
_MOST_DIGITS = 1000
_QUOTED = r" '(?![,:]')[^']*'"
_TEXT_OR_BRACKET = r'"[^"]*"?|[\[{]|[\]}]'


class JsonSyntaxError(ValueError):
    """A text is not JSON that can be taken; nothing of it is in the message.

    Args:
        reason: what is wrong.
        line: 1-based, or None where it has none.
    """

    def __init__(self, reason: str, line: Optional[int] = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


def loads(content: Union[str, bytes], *, may_repeat: bool = True) -> Any:
    """Read JSON into plain values.

    Args:
        content: text, or text in UTF-8.
        may_repeat: of a key that stands twice in one object the last counts, as in Go.

    Raises:
        JsonSyntaxError: not JSON, larger than 16 MiB, nested more than 100 levels deep,
            or a number of more than 1,000 digits.
    """
    text = _text(content)
    check_depth(text)
    decoder = DECODER if may_repeat else _STRICT_DECODER
    try:
        return decoder.decode(text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise syntax_error(error) from None


def check_depth(text: str) -> None:
    """Raise JsonSyntaxError where brackets are nested more than 100 levels deep."""
    if text.count("[") + text.count("{") <= MOST_LEVELS:
        return
    level = 0
    # Without escapes each text ends at the next quote, and none is looked for twice.
    plain = text.replace("\\\\", "").replace('\\"', "")
    for match in re.finditer(_TEXT_OR_BRACKET, plain):
        first = match[0][0]
        level += 1 if first in "[{" else -1 if first in "]}" else 0
        if level > MOST_LEVELS:
            line = plain.count("\n", 0, match.start()) + 1
            raise JsonSyntaxError(f"nested more than {MOST_LEVELS} levels deep", line)


def syntax_error(error: BaseException) -> JsonSyntaxError:
    """Turn whatever the standard library raises into one error, without the text's
    own words.
    """
    if isinstance(error, JsonSyntaxError):
        return error
    if isinstance(error, json.JSONDecodeError):
        # What stands behind a colon or in quotes would be a part of the text.
        words = re.sub(_QUOTED, "", error.msg.partition(": ")[0])
        return JsonSyntaxError(words[:1].lower() + words[1:], error.lineno)
    if isinstance(error, RecursionError):
        return JsonSyntaxError("nested too deeply")
    if isinstance(error, MemoryError):
        return JsonSyntaxError("too large")
    return JsonSyntaxError("a value that cannot be")


def _text(content: Union[str, bytes]) -> str:
    if len(content) > MOST_BYTES:
        raise JsonSyntaxError("larger than 16 MiB")
    if isinstance(content, str):
        return content
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise JsonSyntaxError("not UTF-8 text") from None


def _once(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    found: Dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise JsonSyntaxError(f"{shown_name(key)} stands there twice")
        found[key] = value
    return found


def _integer(digits: str) -> int:
    # Without a bound, Python before 3.11 takes quadratic time for it.
    if len(digits) > _MOST_DIGITS:
        raise JsonSyntaxError(f"a number of more than {_MOST_DIGITS:,} digits")
    return int(digits)


def _no_constant(name: str) -> NoReturn:
    raise JsonSyntaxError(f"{name} is no JSON")


DECODER = json.JSONDecoder(parse_constant=_no_constant, parse_int=_integer)
_STRICT_DECODER = json.JSONDecoder(
    parse_constant=_no_constant, parse_int=_integer, object_pairs_hook=_once
)
