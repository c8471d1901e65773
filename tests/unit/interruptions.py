"""Make the n-th file operation of a run fail, or kill the process at it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import Any, Callable, Iterator, NamedTuple, Tuple
from unittest import mock

from private_registry.node import files
from unit.microk8s import Microk8s

KILLED = 137
_OPERATIONS = frozenset(
    (
        *("open", "fdopen", "link", "rename", "unlink", "mkdir", "rmdir"),
        *("chown", "chmod", "fchown", "fchmod", "fsync", "sync"),
    )
)


class _InterruptedOs:
    """The os module, with an interruption at its n-th changing operation."""

    def __init__(
        self, at: int, interrupt: Callable[[str], None], *, for_good: bool
    ) -> None:
        self._at = at
        self._interrupt = interrupt
        self._for_good = for_good
        self.count = 0

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in _OPERATIONS:
            return real

        def operation(*arguments: Any, **options: Any) -> Any:
            self.count += 1
            if self.count == self._at or (self._for_good and self.count > self._at):
                self._interrupt(name)
            return real(*arguments, **options)

        return operation


@contextmanager
def interrupted(
    at: int, interrupt: Callable[[str], None], *, for_good: bool = False
) -> Iterator[_InterruptedOs]:
    """Interrupt at an operation; 0 for never, to count them.

    ``for_good`` at all later ones too.
    """
    instead = _InterruptedOs(at, interrupt, for_good=for_good)
    with mock.patch.object(files, "os", instead):
        yield instead


def failing(number: int) -> Callable[[str], None]:
    """Return an interruption that fails with an error number."""

    def fail(operation: str) -> None:
        raise OSError(number, os.strerror(number), operation)

    return fail


def killed_at(node: Microk8s, at: int, command: Tuple[str, ...]) -> bool:
    """Kill a process in mid-run; return whether it came so far."""
    return killed_in(at, lambda: node.run(*command))


def killed_in(at: int, act: Callable[[], object]) -> bool:
    """Kill a process that does something; return whether it came so far."""
    pid = os.fork()
    if pid == 0:
        with interrupted(at, lambda _operation: os._exit(KILLED)):
            try:
                act()
            finally:
                os._exit(0)
    _, status = os.waitpid(pid, 0)
    return status >> 8 == KILLED


class Scene(NamedTuple):
    """A node's history, and the command that is interrupted."""

    before: Tuple[Tuple[str, ...], ...]
    command: Tuple[str, ...]
