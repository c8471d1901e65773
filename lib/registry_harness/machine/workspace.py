"""Directories for running parts: with short paths, as sockets need, and gone when
they end.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry_harness.machine.cgroups import cgroups_named, remove_cgroups
from registry_harness.machine.processes import unmount_below

_PREFIX = "rh-"
# Where runs of before may have had theirs.
_PLACES = ("/tmp", "/dev/shm")  # noqa: S108


@contextmanager
def workspace() -> Iterator[Path]:
    """Make a directory and remove it, with all that is mounted in it, at the end of
    the block.
    """
    directory = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
    try:
        yield directory
    finally:
        _remove(directory)


def remove_stale_workspaces() -> int:
    """Remove the directories of processes that were killed.

    Return how many there were.
    """
    places = {tempfile.gettempdir(), *_PLACES}
    found = [each for place in places for each in Path(place).glob(f"{_PREFIX}*-*")]
    stale = [each for each in found if _is_stale(each.name)]
    for directory in stale:
        _remove(directory)
    for name in cgroups_named(_PREFIX):
        if _is_stale(name):
            remove_cgroups(name)
    return len(stale)


def _is_stale(name: str) -> bool:
    pid = name.split("-")[1]
    return pid.isdigit() and not Path(f"/proc/{pid}").exists()


def _remove(directory: Path) -> None:
    unmount_below(directory)
    shutil.rmtree(directory, ignore_errors=True)
