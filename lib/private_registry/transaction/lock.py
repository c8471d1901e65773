"""The lock that keeps one run at a time.

It lies on a directory that only root can open.

What anybody may open, anybody may lock, for ever. The directory is made where it is
missing and goes with whoever leaves it empty, so no file is left behind.
"""

from __future__ import annotations

import fcntl
import os
import re
import time
from contextlib import contextmanager
from typing import Callable, Iterator, Optional

from private_registry.named_tuple import NamedTuple
from private_registry.node import files
from private_registry.node.bounded_reads import read_of_process
from private_registry.node.directories import Place

_LOCKS = "/proc/locks"
_POLL_SECONDS = 0.05
_HOLDER = r"(?m)^\d+: FLOCK +ADVISORY +WRITE (\d+) ([0-9a-f]+):([0-9a-f]+):(\d+) "


class Turn(NamedTuple):
    """Whether it is this run's turn.

    Args:
        is_ours: this run holds the lock.
        holder: number of the process that does, where it is another one and known.
    """

    is_ours: bool
    holder: Optional[int] = None


class HeldError(Exception):
    """Another run has not ended in time.

    Args:
        holder: number of its process, where it is known.
    """

    def __init__(self, holder: Optional[int]) -> None:
        super().__init__(holder)
        self.holder = holder


@contextmanager
def held(
    place: Place, seconds: float, on_wait: Callable[[Optional[int]], None]
) -> Iterator[None]:
    """Keep all other runs out.

    Args:
        place: the directory that the lock lies on.
        seconds: how long to wait for other runs to end.
        on_wait: called once, with the holder's number, if one has to end first.

    Raises:
        HeldError: they do not end in time.
    """
    end = time.monotonic() + seconds
    is_told = False
    while True:
        try:
            descriptor = _take(place)
            break
        except HeldError as error:
            if not is_told:
                on_wait(error.holder)
                is_told = True
            if time.monotonic() > end:
                raise
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        _give(place, descriptor)


@contextmanager
def held_at_once(place: Place) -> Iterator[Turn]:
    """Keep all other runs out where none is at work; there is no waiting."""
    try:
        descriptor = _take(place)
    except HeldError as error:
        yield Turn(is_ours=False, holder=error.holder)
        return
    try:
        yield Turn(is_ours=True)
    finally:
        _give(place, descriptor)


def _take(place: Place) -> int:
    """Return the descriptor that holds the lock."""
    while True:
        files.make_own_directory(place)
        try:
            descriptor = files.open_own_directory(place)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(os.fstat(descriptor))
            os.close(descriptor)
            raise HeldError(holder) from None
        # Whoever held it may have taken the directory away, and the next one made
        # another.
        if files.is_at(place, descriptor):
            return descriptor
        os.close(descriptor)


def _give(place: Place, descriptor: int) -> None:
    try:
        files.remove_empty_directory(place)
    except OSError:
        # An empty directory is left, which the next run takes away.
        pass
    finally:
        os.close(descriptor)


def _holder(directory: os.stat_result) -> Optional[int]:
    """Return who holds the lock, as the kernel lists it."""
    try:
        text = read_of_process(_LOCKS).decode("ascii", "replace")
    except OSError:
        return None
    device = (os.major(directory.st_dev), os.minor(directory.st_dev))
    wanted = (*device, directory.st_ino)
    found = (
        match[1]
        for match in re.finditer(_HOLDER, text)
        if (int(match[2], 16), int(match[3], 16), int(match[4])) == wanted
    )
    number = next(found, None)
    return None if number is None else int(number)
