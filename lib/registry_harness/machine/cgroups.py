"""Control groups for the containers of a machine, in every hierarchy that the kernel
has.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

_SECONDS = 5
_POLL_SECONDS = 0.02


def new_cgroups(name: str) -> None:
    """Make a control group at the top of every hierarchy that takes one.

    Args:
        name: such as ``rh-1234-abc``.
    """
    for hierarchy in _hierarchies():
        with suppress(OSError):
            (hierarchy / name).mkdir(exist_ok=True)


def remove_cgroups(name: str) -> None:
    """Remove a control group with all below it, as soon as its processes have ended."""
    deadline = time.monotonic() + _SECONDS
    while left := [each for each in _hierarchies() if (each / name).is_dir()]:
        for hierarchy in left:
            for directory, _, _ in os.walk(hierarchy / name, topdown=False):
                with suppress(OSError):
                    Path(directory).rmdir()
        if time.monotonic() > deadline:
            return
        time.sleep(_POLL_SECONDS)


def cgroups_named(prefix: str) -> set[str]:
    """Return the names of the control groups at the top that begin so."""
    return {
        each.name
        for hierarchy in _hierarchies()
        for each in hierarchy.glob(f"{prefix}*")
    }


def _hierarchies() -> list[Path]:
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    mounts = (line.partition(" - ") for line in lines)
    return [
        Path(place.split()[4])
        for place, _, kind in mounts
        if kind.split()[0] in ("cgroup", "cgroup2")
    ]
