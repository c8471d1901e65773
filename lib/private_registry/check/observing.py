"""Observations: what a pull depends on beside the addon's own files.

As whoever asks sees it, root or not.
"""

from __future__ import annotations

import os
import stat
import time
from typing import Dict, Optional

from private_registry.check.probe.proxies import Proxies, environment_of
from private_registry.check.reading.reading import Look
from private_registry.containerd.cri import calls, listening
from private_registry.named_tuple import NamedTuple
from private_registry.node import bounded_reads
from private_registry.node.file_values import NodePath, Root
from private_registry.node.paths import (
    CONTAINERD_ARGUMENTS,
    CONTAINERD_ENVIRONMENT,
    Node,
)

_ANSWER_SECONDS = 2


class Runtime(NamedTuple):
    """The running containerd.

    Args:
        socket: where it listens.
        is_seen: whether this user may ask it at all.
        process: its number; None where it does not run, or is out of sight, as from a
            pod.
        has_cri: whether CRI answers.
    """

    socket: str
    is_seen: bool
    process: Optional[int]
    has_cri: bool

    @property
    def is_running(self) -> bool:
        """Whether it runs, seen or not."""
        return self.process is not None or self.has_cri


def is_hidden(path: str, rights: int = os.R_OK) -> bool:
    """Whether this user may not see what is at a path, or has no rights to it.

    Root never.
    """
    try:
        os.stat(path)
    except OSError as error:
        return is_for_root(error)
    return not os.access(
        path, rights, effective_ids=os.access in os.supports_effective_ids
    )


def is_for_root(error: Optional[BaseException]) -> bool:
    """Whether an error says only that this user is not root, as containerd is."""
    return isinstance(error, PermissionError) and os.geteuid() != 0


def look_at(path: str) -> Look:
    """Look at a file or directory; raises nothing."""
    kind = ""
    try:
        kind = _kind(os.stat(path).st_mode)
        if kind == "directory":
            return Look(names=tuple(sorted(os.listdir(path))), kind=kind)
        return Look(content=bounded_reads.read(path)[1], kind=kind)
    except (FileNotFoundError, NotADirectoryError):
        return Look(problem="missing")
    except PermissionError as error:
        return Look(problem="hidden" if is_for_root(error) else "unreadable", kind=kind)
    except (OSError, ValueError, bounded_reads.UnreadableError):
        return Look(problem="unreadable", kind=kind)


def seconds_since_written(path: str) -> Optional[float]:
    """Return how long ago a file was written; None where that cannot be seen."""
    try:
        return max(0.0, time.time() - os.stat(path).st_mtime) if path else None
    except OSError:
        return None


def _kind(mode: int) -> str:
    if stat.S_ISDIR(mode):
        return "directory"
    return "file" if stat.S_ISREG(mode) else ""


def runtime_of(node: Node) -> Runtime:
    """Ask whether containerd runs, and its CRI."""
    arguments = look_at(node.absolute(NodePath(Root.DATA, CONTAINERD_ARGUMENTS)))
    socket = node.socket((arguments.content or b"").decode(errors="replace"))
    if arguments.is_hidden or is_hidden(socket, os.R_OK | os.W_OK):
        return Runtime(socket, is_seen=False, process=None, has_cri=False)
    process = listening.listener(socket)
    has_cri = calls.answers(socket, _ANSWER_SECONDS)
    return Runtime(socket, is_seen=True, process=process, has_cri=has_cri)


def proxies_of(node: Node, process: Optional[int]) -> Proxies:
    """Return the proxies that containerd asks: as it was started, else as it will
    be.
    """
    if process is not None:
        started = _environment_of(process)
        if started is not None:
            pairs = (
                each.partition("=")
                for each in started.decode(errors="replace").split("\0")
            )
            return Proxies.of({name: value for name, _, value in pairs})
    return Proxies.of(containerd_environment(node))


def containerd_environment(node: Node) -> Dict[str, str]:
    """Read what MicroK8s sets for containerd at each start
    (run-containerd-with-args).
    """
    path = node.absolute(NodePath(Root.DATA, CONTAINERD_ENVIRONMENT))
    return environment_of((look_at(path).content or b"").decode(errors="replace"))


def _environment_of(process: int) -> Optional[bytes]:
    try:
        return bounded_reads.read_of_process(f"/proc/{process}/environ")
    except OSError:
        return None
