"""JSON patches (RFC 6902) as an API server applies them: all of one or nothing."""

from __future__ import annotations

import copy
from typing import Any, Dict, List, Tuple


class DoesNotApply(Exception):
    """A test failed, or there is no such place."""


def patched(plain: Any, operations: List[Dict[str, Any]]) -> Any:
    """Return a value as a patch of test, add, replace and remove leaves it.

    Raises:
        DoesNotApply: one of the operations cannot be carried out.
    """
    after = copy.deepcopy(plain)
    for each in operations:
        try:
            _carry_out(after, each)
        except (KeyError, IndexError, ValueError) as error:
            raise DoesNotApply(f"{each['op']} of {each['path']}") from error
    return after


def _carry_out(plain: Any, operation: Dict[str, Any]) -> None:
    holder, key = _place(plain, operation["path"])
    kind = operation["op"]
    if kind == "add" and isinstance(holder, list):
        if key > len(holder):
            raise IndexError(key)
        holder.insert(key, operation["value"])
    elif kind == "add":
        holder[key] = operation["value"]
    elif kind == "remove":
        del holder[key]
    elif kind == "replace":
        holder[key] = (holder[key], operation["value"])[1]
    elif kind != "test" or holder[key] != operation["value"]:
        raise ValueError(kind)


def _place(plain: Any, path: str) -> Tuple[Any, Any]:
    *above, last = [
        part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]
    ]
    for part in above:
        plain = plain[_key(plain, part)]
    return plain, _key(plain, last)


def _key(plain: Any, part: str) -> Any:
    if not isinstance(plain, list):
        return part
    if part == "-":
        return len(plain)
    if not part.isdigit():
        raise ValueError(part)
    return int(part)
