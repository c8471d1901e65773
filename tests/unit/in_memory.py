"""Where tests write: what the engine writes is synced, a hundred thousand times."""

from __future__ import annotations

import itertools
import os
import tempfile
from pathlib import Path
from typing import Optional

_PLACE = "/dev/shm"  # noqa: S108


def place(room: int) -> Optional[str]:
    """Return a directory in memory that has room and lets programs run, if any.

    Args:
        room: how much, in bytes.
    """
    if not os.access(_PLACE, os.W_OK):
        return None
    status = os.statvfs(_PLACE)
    has_room = min(status.f_bavail * status.f_frsize, _free()) > room
    return _PLACE if has_room and not status.f_flag & os.ST_NOEXEC else None


def _free() -> int:
    """Return how many bytes of memory nobody needs."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    (kibibytes,) = (each.split()[1] for each in lines if each[:13] == "MemAvailable:")
    return int(kibibytes) * 1024


#: For ``dir=`` of tempfile; None for wherever else it takes.
MEMORY = place(2**30)


def new_directory() -> Path:
    """Make a directory; its name is no random text, in which anything may stand."""
    for number in itertools.count():
        path = Path(MEMORY or tempfile.gettempdir()) / f"unit-{number}"
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            continue
        return path
    raise AssertionError
