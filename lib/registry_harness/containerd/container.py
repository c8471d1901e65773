"""A container that runs for long, to see whether it survives what happens to
containerd.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from registry_harness.containerd.daemon import Containerd
from registry_harness.registries.image import libraries_of

_SECONDS = "3600"


@contextmanager
def running_container(containerd: Containerd, work: Path) -> Iterator[int]:
    """Start a container, give the number of its process, and end it with the block.

    Args:
        containerd: what runs it.
        work: an empty directory, or one that is not there yet, for its files.

    Raises:
        StartError: containerd could not start it.
    """
    # runc has one directory for the containers of all containerds of a machine.
    name = f"sleeper-{secrets.token_hex(4)}"
    sleep = Path(shutil.which("sleep") or "sleep").resolve()
    for path in (sleep, *libraries_of(sleep)):
        target = work / str(path).lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    _ctr(
        containerd, "run", "--detach", "--rootfs", str(work), name, str(sleep), _SECONDS
    )
    try:
        yield _process(containerd, name)
    finally:
        _ctr(containerd, "task", "kill", "--signal", "KILL", name)
        _ctr(containerd, "task", "delete", "--force", name)
        _ctr(containerd, "container", "delete", name)


def _process(containerd: Containerd, name: str) -> int:
    tasks = _ctr(containerd, "task", "list").splitlines()
    return next(int(line.split()[1]) for line in tasks if line.split()[0] == name)


def _ctr(containerd: Containerd, *arguments: str) -> str:
    return containerd.ctr(*arguments, namespace="default")
