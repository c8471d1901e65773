"""The containers that run on a node: which they are, since when, and what they use.

containerd and the kernel are asked, not the cluster.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from registry_harness.containerd.daemon import Containerd
from registry_harness.errors import StartError
from registry_harness.machine.usage import Usage, same_namespace, started, usage_of

_LABEL = "io.kubernetes."


@dataclass(frozen=True)
class NodeContainer:
    """A container that runs on a node.

    Two of them are equal when it has run all the time.

    Args:
        identifier: containerd's; another one after each start.
        namespace: of its pod.
        pod: name of its pod.
        name: its own in that pod; empty for the sandbox.
        process: number of its first process, on its machine.
        started: when that started, in the kernel's ticks.
    """

    identifier: str
    namespace: str
    pod: str
    name: str
    process: int
    started: int


def node_containers(containerd: Containerd, proc: Path) -> set[NodeContainer]:
    """Return all containers that run.

    Args:
        containerd: which runs them.
        proc: /proc of its machine.

    Raises:
        StartError: containerd does not say.
    """
    tasks = (line.split() for line in containerd.ctr("tasks", "list").splitlines()[1:])
    return {
        each
        for identifier, process, status in tasks
        if status == "RUNNING"
        for each in _container(containerd, proc, identifier, int(process))
    }


def usage_of_container(container: NodeContainer, proc: Path) -> Usage:
    """Return what all processes of a container use together."""
    return usage_of(same_namespace(container.process, proc), proc)


def _container(
    containerd: Containerd, proc: Path, identifier: str, process: int
) -> Iterator[NodeContainer]:
    # It may have ended meanwhile.
    with suppress(StartError, OSError):
        told = json.loads(containerd.ctr("containers", "info", identifier))
        labels = {
            key.removeprefix(_LABEL): value for key, value in told["Labels"].items()
        }
        yield NodeContainer(
            identifier,
            labels.get("pod.namespace", ""),
            labels.get("pod.name", ""),
            labels.get("container.name", ""),
            process,
            started(process, proc),
        )
