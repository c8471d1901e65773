"""Change lists and objects in a JSON object; every other byte stays as it is.

The standard library reads JSON and forgets how it was written; here it is asked for one
value after the other, with the place where each ends.
"""

from __future__ import annotations

import json
import re
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    NoReturn,
    Optional,
    Sequence,
    Set,
)

from private_registry.named_tuple import NamedTuple
from private_registry.texts.json_text import (
    DECODER,
    JsonSyntaxError,
    check_depth,
    syntax_error,
)
from private_registry.texts.showing import shown_name

EMPTY = "{}"
BYTE_ORDER_MARK = "\ufeff"
_SPACE = re.compile(r"[ \t\r\n]*")
_OWN_LINE = re.compile(r"\n[ \t]*\Z")
_INDENT = "  "


class _Span(NamedTuple):
    """Where an item of an object or list stands in the text."""

    start: int
    end: int


class _Member(NamedTuple):
    """A key of the object with its value.

    The span goes from the key's quote to the value's end.
    """

    span: _Span
    key: str
    value: Any
    value_start: int


class _Items(NamedTuple):
    """What stands between two brackets.

    The two places are those behind and before them.
    """

    opened: int
    closed: int
    spans: List[_Span]


def document(text: str) -> Dict[str, Any]:
    """Read the object.

    Raises:
        JsonSyntaxError: it is none, or a key stands in it twice.
    """
    return {member.key: member.value for member in _members(text)}


def texts(text: str, key: str) -> List[str]:
    """Return the list of texts of a key; empty where the key is not there.

    Raises:
        JsonSyntaxError: it is something else.
    """
    for member in _members(text):
        if member.key == key:
            if not isinstance(member.value, list) or not all(
                isinstance(each, str) for each in member.value
            ):
                raise JsonSyntaxError(
                    f"{key} is not a list of texts", _line(text, member.span.start)
                )
            return list(member.value)
    return []


def with_texts(
    text: str, key: str, added: Sequence[str], *, in_front: bool = False
) -> str:
    """Add texts to the list of a key, which is made where it is not there.

    Args:
        text: the JSON.
        key: of the list.
        added: what to add, in order.
        in_front: before what is there, instead of behind it.
    """
    member = next((each for each in _members(text) if each.key == key), None)
    written = [json.dumps(each) for each in added]
    if member is None:
        inner = ", ".join(written)
        return _with_items(text, _object(text), [f"{json.dumps(key)}: [{inner}]"])
    return _with_items(
        text, _elements(text, member.value_start), written, in_front=in_front
    )


def without_texts(
    text: str, key: str, removed: Iterable[str], *, drop_empty: bool
) -> str:
    """Take texts out of the list of a key.

    With ``drop_empty`` an empty list goes with its key.
    """
    found, gone = texts(text, key), frozenset(removed)
    for member in _members(text):
        if member.key == key:
            indexes = {index for index, each in enumerate(found) if each in gone}
            text = _without_items(text, _elements(text, member.value_start), indexes)
    for index, member in enumerate(_members(text)):
        if member.key == key and member.value == [] and drop_empty:
            return _without_items(text, _object(text), {index})
    return text


def members(text: str, key: str) -> Dict[str, str]:
    """Return the members of the object of a key, their values as they are written.

    Raises:
        JsonSyntaxError: it is something else, or one of them stands there twice.
    """
    member = _object_of(text, key)
    found = [] if member is None else _members_of(text, member.value_start)
    return {each.key: text[each.value_start : each.span.end] for each in found}


def line_of_member(text: str, key: str, name: str) -> Optional[int]:
    """Return the 1-based line of a member of the object of a key."""
    member = _object_of(text, key)
    found = [] if member is None else _members_of(text, member.value_start)
    places = (each.span.start for each in found if each.key == name)
    return next((_line(text, place) for place in places), None)


def with_members(text: str, key: str, values: Mapping[str, str]) -> str:
    """Set members of the object of a key, which is made where it is not there.

    Args:
        text: the JSON.
        key: of the object.
        values: as they are to be written, by name. What is there keeps its place, what
            is not comes last.
    """
    member = next((each for each in _members(text) if each.key == key), None)
    if member is None:
        return _with_items(text, _object(text), [f"{json.dumps(key)}: {_new(values)}"])
    if member.value is None:
        return text[: member.value_start] + _new(values) + text[member.span.end :]
    pieces, place, names = [], 0, set()
    for each in _members_of(text, member.value_start):
        names.add(each.key)
        if each.key in values:
            pieces += [text[place : each.value_start], values[each.key]]
            place = each.span.end
    text = "".join(pieces) + text[place:]
    added = {name: value for name, value in values.items() if name not in names}
    if not added:
        return text
    if not names:
        end = _object_at(text, member.value_start).closed + 1
        return text[: member.value_start] + _new(added) + text[end:]
    written = [f"{json.dumps(name)}: {value}" for name, value in added.items()]
    return _with_items(text, _object_at(text, member.value_start), written)


def without_members(
    text: str, key: str, names: Iterable[str], *, drop_empty: bool
) -> str:
    """Take members out of the object of a key.

    With ``drop_empty`` an empty object goes with its key.
    """
    gone, member = frozenset(names), _object_of(text, key)
    if member is None:
        return text
    found = _members_of(text, member.value_start)
    indexes = {index for index, each in enumerate(found) if each.key in gone}
    if indexes:
        text = _without_items(text, _object_at(text, member.value_start), indexes)
    for index, each in enumerate(_members(text)):
        if each.key == key and each.value == {} and drop_empty:
            return _without_items(text, _object(text), {index})
    return text


def _new(values: Mapping[str, str]) -> str:
    """Write an object that stands in the outermost one."""
    inner = ",".join(
        f"\n{_INDENT * 2}{json.dumps(name)}: {value}" for name, value in values.items()
    )
    return f"{{{inner}\n{_INDENT}}}"


def _object_of(text: str, key: str) -> Optional[_Member]:
    """Return the member of a key that is an object; None where nothing is there."""
    for member in _members(text):
        if member.key == key and member.value is not None:
            if not isinstance(member.value, dict):
                raise JsonSyntaxError(
                    f"{key} is not an object", _line(text, member.span.start)
                )
            return member
    return None


def _with_items(
    text: str, items: _Items, written: List[str], *, in_front: bool = False
) -> str:
    if not items.spans:
        is_object = text[items.opened - 1] == "{"
        inner = f"\n{_INDENT}{written[0]}\n" if is_object else ", ".join(written)
        return text[: items.opened] + inner + text[items.closed :]
    neighbour = items.spans[0 if in_front else -1]
    own_line = _OWN_LINE.search(text, 0, neighbour.start)
    separator = "," + (own_line[0] if own_line else " ")
    if in_front:
        added = "".join(each + separator for each in written)
        return text[: neighbour.start] + added + text[neighbour.start :]
    added = "".join(separator + each for each in written)
    return text[: neighbour.end] + added + text[neighbour.end :]


def _without_items(text: str, items: _Items, indexes: Set[int]) -> str:
    kept = [index for index in range(len(items.spans)) if index not in indexes]
    if not kept:
        return text[: items.opened] + text[items.closed :]
    first, spans = items.spans[kept[0]], items.spans
    # Every other item keeps the separator in front of it.
    others = (text[spans[index - 1].end : spans[index].end] for index in kept[1:])
    head = text[: spans[0].start] + text[first.start : first.end]
    return head + "".join(others) + text[spans[-1].end :]


def _object(text: str) -> _Items:
    return _object_at(text, _start(text))


def _object_at(text: str, start: int) -> _Items:
    return _items(
        text, start, "{", "}", lambda place: _read_member(text, place).span.end
    )


def _elements(text: str, start: int) -> _Items:
    return _items(text, start, "[", "]", lambda place: _read_value(text, place)[1])


def _members(text: str) -> List[_Member]:
    check_depth(text)
    found = _object(text)
    end = _space(text, found.closed + 1)
    if end != len(text):
        raise JsonSyntaxError("something stands behind the object", _line(text, end))
    return _read_members(text, found)


def _members_of(text: str, start: int) -> List[_Member]:
    return _read_members(text, _object_at(text, start))


def _read_members(text: str, found: _Items) -> List[_Member]:
    members = [_read_member(text, span.start) for span in found.spans]
    seen: Set[str] = set()
    for member in members:
        if member.key in seen:
            raise JsonSyntaxError(
                f"{shown_name(member.key)} stands there twice",
                _line(text, member.span.start),
            )
        seen.add(member.key)
    return members


def _start(text: str) -> int:
    return _space(text, len(BYTE_ORDER_MARK) if text.startswith(BYTE_ORDER_MARK) else 0)


def _items(
    text: str, start: int, opening: str, closing: str, end_of: Callable[[int], int]
) -> _Items:
    """Find what stands between two brackets.

    ``end_of`` returns where the item at a place ends.
    """
    if text[start : start + 1] != opening:
        _fail(text, start, opening)
    spans: List[_Span] = []
    place = _space(text, start + 1)
    while text[place : place + 1] != closing or spans:
        end = end_of(place)
        spans.append(_Span(place, end))
        place = _space(text, end)
        if text[place : place + 1] == closing:
            break
        if text[place : place + 1] != ",":
            _fail(text, place, f", or {closing}")
        place = _space(text, place + 1)
    return _Items(start + 1, place, spans)


def _read_member(text: str, place: int) -> _Member:
    if text[place : place + 1] != '"':
        _fail(text, place, "a key in quotes")
    key, end = _read_value(text, place)
    colon = _space(text, end)
    if text[colon : colon + 1] != ":":
        _fail(text, colon, ":")
    value_start = _space(text, colon + 1)
    value, end = _read_value(text, value_start)
    return _Member(_Span(place, end), str(key), value, value_start)


def _read_value(text: str, place: int) -> Any:
    """Return a value and where it ends."""
    try:
        return DECODER.raw_decode(text, place)
    except (ValueError, RecursionError, MemoryError) as error:
        found = syntax_error(error)
        raise JsonSyntaxError(found.reason, found.line or _line(text, place)) from None


def _space(text: str, place: int) -> int:
    """Return where the white space behind a place ends."""
    match = _SPACE.match(text, place)
    return match.end() if match else place


def _fail(text: str, place: int, wanted: str) -> NoReturn:
    found = "another character stands" if text[place : place + 1] else "it ends"
    what = f"{found} where {wanted} belongs"
    raise JsonSyntaxError(what, _line(text, place))


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
