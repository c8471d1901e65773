"""Where the kubelet looks for logins: the first file that it can read is all it reads.

pkg/credentialprovider/config.go of Kubernetes: config.json in its directory, in the one
that it was started in, below its user's home and below ``/``; then the older .dockercfg
in the same places.
"""

from __future__ import annotations

import os
from typing import Iterator, List, Optional, Tuple

from private_registry.containerd.cri import listening
from private_registry.kubelet.logins import KubeletLogins, read_kubelet_logins
from private_registry.named_tuple import NamedTuple
from private_registry.node import bounded_reads
from private_registry.node.file_values import NodePath, Root
from private_registry.node.paths import KUBELET_ARGUMENTS, KUBELET_CONFIG_JSON, Node

_SOCKET = "pod-resources/kubelet.sock"


class LoginsFile(NamedTuple):
    """A file that the kubelet may read logins from.

    Args:
        path: of it.
        is_old: it is a .dockercfg, which has nothing but entries.
    """

    path: str
    is_old: bool = False


def directory_of(node: Node) -> str:
    """Return the directory that the kubelet looks in first; raises nothing."""
    path = node.absolute(NodePath(Root.DATA, KUBELET_ARGUMENTS))
    try:
        arguments = bounded_reads.read(path)[1]
    except (OSError, bounded_reads.UnreadableError):
        arguments = b""
    return node.kubelet_directory(arguments.decode(errors="replace"))


def is_elsewhere(node: Node, directory: str) -> bool:
    """Whether the kubelet's directory is not the one that MicroK8s gives it."""
    own = os.path.dirname(node.absolute(KUBELET_CONFIG_JSON))
    return os.path.realpath(directory) != os.path.realpath(own)


def files_behind(directory: str) -> List[LoginsFile]:
    """List the files that a kubelet looks at when there is none in its directory.

    What depends on the process is left out where it does not run.
    """
    process = listening.listener(os.path.join(directory, _SOCKET))
    started_in, home = (None, None) if process is None else _surroundings(process)
    jsons, olds = [], [directory]
    for place, below in ((started_in, ""), (home, ".docker"), ("/", ".docker")):
        if place is not None:
            jsons.append(os.path.join(place, below, "config.json"))
            olds.append(place)
    return [
        *(LoginsFile(os.path.normpath(each)) for each in jsons),
        *(LoginsFile(os.path.join(each, ".dockercfg"), is_old=True) for each in olds),
    ]


def first_of(files: List[LoginsFile]) -> Optional[KubeletLogins]:
    """Return the logins of the first of these files that the kubelet can read."""
    found = (
        read_kubelet_logins(content, path, is_old=is_old)
        for (path, is_old), content in _contents(files)
    )
    return next((each for each in found if not each.problem), None)


def _contents(files: List[LoginsFile]) -> Iterator[Tuple[LoginsFile, bytes]]:
    for each in files:
        try:
            yield each, bounded_reads.read(each.path)[1]
        except (OSError, bounded_reads.UnreadableError):
            continue


def _surroundings(process: int) -> Tuple[Optional[str], Optional[str]]:
    """Return where a process was started, and its user's home.

    Without a home, what would be there is where it was started.
    """
    try:
        started_in = os.readlink(f"/proc/{process}/cwd")
        environment = bounded_reads.read_of_process(f"/proc/{process}/environ")
    except OSError:
        return None, None
    pairs = (each.partition(b"=") for each in environment.split(b"\0"))
    home = next((value for name, _, value in pairs if name == b"HOME"), b"")
    return started_in, os.path.join(started_in, os.fsdecode(home))
