"""A throwaway node with a running containerd: what `microk8s enable` and a pod's
pull meet.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from registry_harness.containerd.daemon import Containerd
from registry_harness.containerd.releases import ContainerdRelease
from registry_harness.containerd.template import CERTS_D_TEMPLATE
from registry_harness.machine.workspace import workspace
from registry_harness.node.microk8s_node import MicroK8sNode
from registry_harness.node.snapctl import SnapctlServer


@dataclass(frozen=True)
class PullingNode:
    """A node, its containerd, and who restarts it.

    Args:
        node: the directories and programs.
        containerd: the running daemon.
        snapctl: remembers what the node's programs asked for.
    """

    node: MicroK8sNode
    containerd: Containerd
    snapctl: SnapctlServer

    def pull(self, reference: str) -> str:
        """Pull as the kubelet does; raise PullFailed."""
        return self.containerd.pull(reference)


@contextmanager
def pulling_node(
    release: ContainerdRelease,
    repository: Path,
    addon: str,
    template: str = CERTS_D_TEMPLATE,
) -> Iterator[PullingNode]:
    """Make a node and start its containerd; all is gone at the end of the block.

    Args:
        release: which containerd.
        repository: the addon repository on the node.
        addon: name of the addon to enable and disable.
        template: text of args/containerd-template.toml.
    """
    with workspace() as work:
        node = MicroK8sNode(work / "n", repository, addon, template, release.binary)
        containerd = Containerd(release, node, work / "c")
        # As systemd, which knows nothing of CRI.
        restart = partial(containerd.restart, wait_for_cri=False)
        snapctl = SnapctlServer(node.snapctl_socket, restart)
        try:
            with containerd:
                yield PullingNode(node, containerd, snapctl)
        finally:
            snapctl.close()
