"""What processes use, as the kernel counts it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
# Fields of /proc/PID/stat after the name; see proc(5), which counts from 1.
_TIMES, _STARTED = slice(11, 15), 19


@dataclass(frozen=True)
class Usage:
    """What processes use together.

    Args:
        cpu_seconds: since they started, with those of their children that have ended.
        rss_bytes: memory that they have now; what they share counts for each.
        processes: how many they are.
    """

    cpu_seconds: float
    rss_bytes: int
    processes: int


def usage_of(pids: Iterable[int], proc: Path = PROC) -> Usage:
    """Return what processes use; those that have ended use nothing.

    Args:
        pids: their numbers.
        proc: /proc of the machine that the numbers are of.
    """
    ticks, pages, count = 0, 0, 0
    for pid in pids:
        with suppress(OSError):
            used = sum(int(each) for each in _stat(pid, proc)[_TIMES])
            held = int((proc / str(pid) / "statm").read_text().split()[1])
            ticks, pages, count = ticks + used, pages + held, count + 1
    return Usage(
        ticks / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE"), count
    )


def started(pid: int, proc: Path = PROC) -> int:
    """Return when a process started, in the kernel's ticks since it runs itself.

    Raises:
        OSError: there is none.
    """
    return int(_stat(pid, proc)[_STARTED])


def same_namespace(pid: int, proc: Path = PROC) -> list[int]:
    """Return the numbers of all processes in the PID namespace of one, such as all of
    a container.
    """
    own = _namespace(proc / str(pid))
    if not own:
        return []
    numbers = [int(each.name) for each in proc.iterdir() if each.name.isdigit()]
    return [each for each in numbers if _namespace(proc / str(each)) == own]


def _namespace(process: Path) -> str:
    try:
        return str((process / "ns/pid").readlink())
    except OSError:
        # It has ended.
        return ""


def _stat(pid: int, proc: Path) -> list[str]:
    # A name may hold spaces and brackets.
    text = (proc / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    return text.rpartition(")")[2].split()
