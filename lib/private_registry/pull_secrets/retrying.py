"""Change what others change, too: as it was read, or read again."""

from __future__ import annotations

import os
import time
from typing import Any, Callable, Mapping, Optional, TypeVar

from private_registry.errors import NodeError

Found = Optional[Mapping[str, Any]]
T = TypeVar("T")

_MOST_TRIES, _MOST_SECONDS = 30, 30
_LEAST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


class RefusedError(NodeError):
    """The API itself said no: what was asked for was not done, for sure."""


class ChangedMeanwhileError(RefusedError):
    """An object is not as it was read: somebody changed, made or deleted it in
    between.
    """


def change_as_read(
    what: str,
    read: Callable[[], Found],
    change: Callable[[Found], T],
    now: Found,
) -> T:
    """Change an object as it was read.

    Where somebody else was faster, read it and try again.

    Args:
        what: the object, for people.
        read: reads it; None where there is none.
        change: decides by what was read, and raises `ChangedMeanwhileError` where that
            is not what there is any more.
        now: as it was read first.

    Returns:
        What `change` returns.

    Raises:
        NodeError: somebody else was faster for half a minute, or 30 times.
    """
    end = time.monotonic() + _MOST_SECONDS
    for turn in range(1, _MOST_TRIES + 1):
        try:
            return change(now)
        except ChangedMeanwhileError as error:
            last = error
        if time.monotonic() > end:
            break
        # Two runs that wait equally long would meet again.
        time.sleep(
            min(_LEAST_PAUSE * turn, _LONGEST_PAUSE) * (1 + os.urandom(1)[0] / 255)
        )
        now = read()
    raise NodeError(
        f"{what} was changed by somebody else again and again; at last {last.message}",
        place=last.place,
        remedy="run the same command once more",
    ) from last
