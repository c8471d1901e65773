"""Put something into a node's tree amid a run, at a file operation, as another user
could.
"""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator
from unittest import mock

from private_registry.node import files
from unit.interruptions import KILLED
from unit.microk8s import Microk8s

FOREIGN_TEXT = b"theirs\n"
LARGE = 8 * 1024**3


class _WatchedOs:
    """The os module, with something that happens once, before an operation on a
    name.
    """

    def __init__(self, operation: str, name: str, happen: Callable[[], None]) -> None:
        self._operation, self._name, self._happen = operation, name, happen
        self.has_happened = False

    def __getattr__(self, attribute: str) -> Any:
        real = getattr(os, attribute)
        if attribute != self._operation:
            return real

        def operation(*arguments: Any, **options: Any) -> Any:
            names = [str(each).rpartition("/")[2] for each in arguments]
            if self._name in names and not self.has_happened:
                self.has_happened = True
                self._happen()
            return real(*arguments, **options)

        return operation


@contextmanager
def just_before(
    operation: str, name: str, happen: Callable[[], None]
) -> Iterator[None]:
    """Have something happen right before the first operation of a run on a name.

    Args:
        operation: of the os module, such as ``mkdir``.
        name: the last part of the path that it is about.
        happen: what.
    """
    instead = _WatchedOs(operation, name, happen)
    with mock.patch.object(files, "os", instead):
        yield
    assert instead.has_happened, f"no {operation} of {name}"


def killed_before(node: Microk8s, operation: str, name: str, *command: str) -> None:
    """Kill a run right before its first operation on a name; see just_before."""
    pid = os.fork()
    if pid == 0:
        with just_before(operation, name, lambda: os._exit(KILLED)):
            node.run(*command)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    assert status >> 8 == KILLED


def victim_below(directory: Path) -> Path:
    """Make a directory of somebody else's, with files that we must not touch."""
    victim = directory / "victim"
    victim.mkdir()
    for name in ("hosts.toml", "ca.crt", "client.key", "other"):
        (victim / name).write_bytes(FOREIGN_TEXT)
        (victim / name).chmod(0o600)
    victim.chmod(0o700)
    return victim


def plant(kind: str, path: Path, victim: Path) -> None:
    """Put an object of some kind where nothing is.

    Args:
        kind: ``link``, ``dangling link``, ``file``, ``directory``, ``pipe``,
            ``socket``, ``large``.
        path: where.
        victim: what a link leads to.
    """
    if kind == "link":
        path.symlink_to(victim)
    elif kind == "dangling link":
        path.symlink_to(victim / "missing")
    elif kind == "file":
        path.write_bytes(FOREIGN_TEXT)
    elif kind == "directory":
        path.mkdir()
        (path / "inside").write_bytes(FOREIGN_TEXT)
    elif kind == "pipe":
        os.mkfifo(str(path))
    elif kind == "socket":
        # Its path may be longer than an address.
        here = os.open(str(path.parent), os.O_PATH)
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"/proc/self/fd/{here}/{path.name}")
        os.close(here)
    else:
        assert kind == "large"
        with path.open("wb") as stream:
            stream.truncate(LARGE)
