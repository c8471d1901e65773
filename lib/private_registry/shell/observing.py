"""Looks at what a pull depends on beside the addon's own files; as whoever asks, root or not."""

from __future__ import annotations

import os
from typing import Dict, NamedTuple, Optional

from private_registry.core.check.proxies import Proxies, environment_of
from private_registry.core.check.reading import Look
from private_registry.core.plan import NodePath, Root
from private_registry.shell import cri, reading
from private_registry.shell.node import CONTAINERD_ARGUMENTS, CONTAINERD_ENVIRONMENT, Node

_ANSWER_SECONDS = 2


class Runtime(NamedTuple):
    """The running containerd.

    Args:
        socket: where it listens.
        is_seen: whether this user may ask it at all.
        process: its number; None where it does not run.
        has_cri: whether CRI answers.
    """

    socket: str
    is_seen: bool
    process: Optional[int]
    has_cri: bool


def may(path: str, rights: int) -> bool:
    """Whether this process may do something with a file: ``os.R_OK`` and the like."""
    return os.access(path, rights, effective_ids=os.access in os.supports_effective_ids)


def look_at(path: str) -> Look:
    """Look at a file or directory; raises nothing."""
    try:
        if os.path.isdir(path):
            return Look(names=tuple(sorted(os.listdir(path))))
        return Look(content=reading.read(path)[1])
    except (FileNotFoundError, NotADirectoryError):
        return Look(problem="missing")
    except PermissionError:
        # containerd is root.
        return Look(problem="unreadable" if os.geteuid() == 0 else "hidden")
    except (OSError, ValueError, reading.UnreadableError):
        return Look(problem="unreadable")


def runtime_of(node: Node) -> Runtime:
    """Ask whether containerd runs, and its CRI."""
    arguments = look_at(node.absolute(NodePath(Root.DATA, CONTAINERD_ARGUMENTS))).content or b""
    socket = node.socket(arguments.decode(errors="replace"))
    is_seen = not os.path.exists(socket) or may(socket, os.R_OK | os.W_OK)
    if not is_seen or _is_hidden(os.path.dirname(socket)):
        return Runtime(socket, is_seen=False, process=None, has_cri=False)
    process = cri.listener(socket)
    has_cri = process is not None and cri.answers(socket, _ANSWER_SECONDS)
    return Runtime(socket, is_seen=True, process=process, has_cri=has_cri)


def proxies_of(node: Node, process: Optional[int]) -> Proxies:
    """Return the proxies that containerd asks: as it was started, else as it will be."""
    if process is not None:
        started = _environment_of(process)
        if started is not None:
            pairs = (each.partition("=") for each in started.decode(errors="replace").split("\0"))
            return Proxies.of({name: value for name, _, value in pairs})
    return Proxies.of(containerd_environment(node))


def containerd_environment(node: Node) -> Dict[str, str]:
    """Read what MicroK8s sets for containerd at each start (run-containerd-with-args)."""
    path = node.absolute(NodePath(Root.DATA, CONTAINERD_ENVIRONMENT))
    return environment_of((look_at(path).content or b"").decode(errors="replace"))


def _environment_of(process: int) -> Optional[bytes]:
    try:
        return reading.read_of_process(f"/proc/{process}/environ")
    except OSError:
        return None


def _is_hidden(directory: str) -> bool:
    """Whether this user cannot tell what is in a directory."""
    return os.path.isdir(directory) and not may(directory, os.R_OK | os.X_OK)
