"""A node of a cluster: a throwaway MicroK8s node on a machine of its own, with
containerd and kubelet.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from registry_harness.containerd.daemon import Containerd
from registry_harness.containerd.releases import ContainerdRelease
from registry_harness.errors import StartError
from registry_harness.kubernetes.control_plane import (
    SERVICE_ADDRESS,
    SERVICE_PORT,
    ControlPlane,
)
from registry_harness.kubernetes.kubectl import make_worker, use_kubectl
from registry_harness.kubernetes.kubelet import kubelet, pod_network
from registry_harness.kubernetes.node_containers import (
    NodeContainer,
    node_containers,
    usage_of_container,
)
from registry_harness.machine.namespaces import Machine
from registry_harness.machine.processes import Daemon
from registry_harness.machine.usage import Usage
from registry_harness.node.microk8s_node import MicroK8sNode
from registry_harness.node.pulling_node import PullingNode
from registry_harness.node.snapctl import SnapctlServer
from registry_harness.registries.network import HarnessNetwork

SANDBOX_IMAGE = "registry.k8s.io/pause:3.7"
_NO_KUBECTL = "a worker has none that works"


@dataclass(frozen=True)
class ClusterNode(PullingNode):
    """A node of a cluster.

    Args:
        machine: that it is.
        kubelet: which runs its pods.
        control_plane: of its cluster.
    """

    machine: Machine
    kubelet: Daemon
    control_plane: ControlPlane

    @property
    def name(self) -> str:
        """Its name in the cluster."""
        return self.machine.name

    def containers(self) -> set[NodeContainer]:
        """Return all containers that run on it."""
        return node_containers(self.containerd, self.machine.processes)

    def container(self, namespace: str, pod: str, name: str) -> NodeContainer:
        """Return a container that runs on it.

        Args:
            namespace: of the pod.
            pod: its name, or what that begins with, as those of a DaemonSet's pods.
            name: of the container.

        Raises:
            StartError: there is none, or there are several.
        """
        found = [
            each
            for each in self.containers()
            if (each.namespace, each.name) == (namespace, name)
            and each.pod.startswith(pod)
        ]
        if len(found) != 1:
            raise StartError(f"{len(found)} containers are {namespace}/{pod}/{name}")
        return found[0]

    def usage(self, container: NodeContainer) -> Usage:
        """Return what the processes of a container use."""
        return usage_of_container(container, self.machine.processes)

    def down(self) -> None:
        """Switch it off: all that runs on it ends at once, and its files stay.

        The API server goes on saying of it and its pods what it last heard, for some
        16 s.
        """
        self.machine.stop()
        self.kubelet.kill()
        self.containerd.power_off()

    def up(self) -> None:
        """Switch it on; see Cluster.wait_until_ready for when it is back.

        Raises:
            StartError: a part of it did not come up.
        """
        self.start_containerd()
        self.kubelet.start(lambda: True)

    def start_containerd(self) -> None:
        """Switch it on without the kubelet."""
        self.machine.start()
        # In place of kube-proxy, for the one Service that every cluster has.
        self.machine.forward(SERVICE_ADDRESS, SERVICE_PORT, self.control_plane.host)
        self.containerd.start()


@dataclass(frozen=True)
class NodeSpec:
    """What one node is.

    Args:
        number: from 1, of its name and its pods' network.
        containerd: which.
        is_worker: it is no control plane node.
    """

    number: int
    containerd: ContainerdRelease
    is_worker: bool = False


@dataclass(frozen=True)
class SharedByNodes:
    """What all nodes of a cluster have alike; see ClusterSpec."""

    control_plane: ControlPlane
    network: HarnessNetwork
    repository: Path
    addon: str
    kubectl: Path
    template: str


def node_name(number: int) -> str:
    """Return the name of a node, from 1."""
    return f"node-{number}"


@contextmanager
def new_node(
    shared: SharedByNodes, work: Path, spec: NodeSpec
) -> Iterator[ClusterNode]:
    """Start a node that joins a cluster; it is gone at the end of the block.

    Args:
        shared: what it has like the others.
        work: a directory for a directory of its own.
        spec: which it is.

    Raises:
        StartError: a part of it did not come up.
    """
    control_plane = shared.control_plane
    release, kubernetes = spec.containerd, control_plane.release
    programs = {release.binary.parent, *kubernetes.directories}
    own = work / str(spec.number)
    machine = Machine(node_name(spec.number), own, shared.network, programs)
    files = _files(machine, shared, spec)
    containerd = Containerd(release, files, own / "c", machine.inside)
    restart = partial(containerd.restart, wait_for_cri=False)
    agent = kubelet(
        machine,
        control_plane,
        files.as_seen(files.common),
        files.as_seen(files.containerd_socket),
    )
    with ExitStack() as stack:
        # Another node may get this name.
        stack.callback(shutil.rmtree, own, ignore_errors=True)
        snapctl = SnapctlServer(files.snapctl_socket, restart)
        stack.callback(snapctl.close)
        stack.callback(machine.stop)
        stack.callback(containerd.stop)
        stack.callback(agent.kill)
        node = ClusterNode(files, containerd, snapctl, machine, agent, control_plane)
        node.start_containerd()
        containerd.load(SANDBOX_IMAGE, kubernetes.program("busybox"))
        agent.start(lambda: True)
        yield node


def _files(machine: Machine, shared: SharedByNodes, spec: NodeSpec) -> MicroK8sNode:
    node = MicroK8sNode(
        machine.tree,
        shared.repository,
        shared.addon,
        shared.template,
        spec.containerd.binary,
    )
    node.root_as_seen, node.through = Path("/"), machine.inside
    control_plane = shared.control_plane
    admins = control_plane.kubeconfig(control_plane.admin)
    use_kubectl(node, shared.kubectl, _NO_KUBECTL if spec.is_worker else admins)
    if spec.is_worker:
        own = control_plane.nodes[machine.name]
        make_worker(node, control_plane.kubeconfig(own))
    (node.data / "args/cni-network/pods.conflist").write_text(
        pod_network(spec.number, machine.work), encoding="utf-8"
    )
    plugins = node.data / "opt/cni/bin"
    plugins.parent.mkdir(parents=True)
    plugins.symlink_to(shared.control_plane.release.cni)
    return node
