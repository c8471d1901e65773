"""A whole cluster: a control plane, and throwaway MicroK8s nodes with containerd and
kubelet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from registry_harness.containerd.daemon import Containerd
from registry_harness.containerd.releases import ContainerdRelease
from registry_harness.containerd.template import CERTS_D_TEMPLATE
from registry_harness.errors import StartError
from registry_harness.kubernetes.api import Api
from registry_harness.kubernetes.control_plane import ControlPlane
from registry_harness.kubernetes.kubectl import use_kubectl
from registry_harness.kubernetes.kubelet import kubelet, pod_network
from registry_harness.kubernetes.programs import KubernetesRelease
from registry_harness.kubernetes.workloads import conditions
from registry_harness.machine.namespaces import Machine, check_machines
from registry_harness.machine.processes import Daemon
from registry_harness.machine.workspace import workspace
from registry_harness.node.microk8s_node import MicroK8sNode
from registry_harness.node.pulling_node import PullingNode
from registry_harness.node.snapctl import SnapctlServer
from registry_harness.registries.network import HarnessNetwork

SANDBOX_IMAGE = "registry.k8s.io/pause:3.7"
_SECONDS = 60
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class ClusterNode(PullingNode):
    """A node of a cluster.

    Args:
        machine: that it is.
        kubelet: which runs its pods.
    """

    machine: Machine
    kubelet: Daemon

    @property
    def name(self) -> str:
        """Its name in the cluster."""
        return self.machine.name


@dataclass(frozen=True)
class Cluster:
    """A running cluster.

    Args:
        control_plane: its API server and what belongs to it.
        nodes: in the order of their names.
    """

    control_plane: ControlPlane
    nodes: list[ClusterNode]

    @property
    def api(self) -> Api:
        """The API server, asked by who may do all."""
        return self.control_plane.api

    @property
    def busybox(self) -> Path:
        """A static program, for images that can run; see fill."""
        return self.control_plane.release.program("busybox")

    def wait_until(
        self, what: str, is_so: Callable[[], object], seconds: float = _SECONDS
    ) -> None:
        """Wait for something to become so.

        Raises:
            StartError: it did not, in time; the message says what.
        """
        deadline = time.monotonic() + seconds
        while not is_so():
            if time.monotonic() > deadline:
                raise StartError(f"not so after {seconds:g} s: {what}")
            time.sleep(_POLL_SECONDS)

    def is_ready(self, node: str) -> bool:
        """Whether a node takes pods."""
        return "Ready" in conditions(self.api.get("nodes", name=node))

    def log(self) -> str:
        """Return what the control plane and the kubelets printed lately."""
        kubelets = (
            f"-- kubelet {each.name}\n{each.kubelet.log()[-3000:]}"
            for each in self.nodes
        )
        return "\n".join((self.control_plane.log(), *kubelets))


@dataclass(frozen=True)
class ClusterSpec:
    """What a cluster is made of.

    Args:
        containerds: of its nodes, one each.
        repository: the addon repository on each node.
        addon: name of the addon to enable and disable.
        kubectl: the nodes' own.
        template: text of args/containerd-template.toml.
        authorization: see ControlPlane.
    """

    containerds: Sequence[ContainerdRelease]
    repository: Path
    addon: str
    kubectl: Path
    template: str = CERTS_D_TEMPLATE
    authorization: str = "Node,RBAC"


@contextmanager
def running_cluster(
    release: KubernetesRelease, spec: ClusterSpec, network: HarnessNetwork
) -> Iterator[Cluster]:
    """Start a cluster whose nodes are ready; all is gone at the end of the block.

    Raises:
        MissingPartError: this machine cannot have one.
        StartError: a part of it did not come up.
    """
    check_machines()
    names = [f"node-{number}" for number in range(1, len(spec.containerds) + 1)]
    with workspace() as work, ExitStack() as stack:
        control_plane = ControlPlane(
            release,
            work / "control-plane",
            network.gateway,
            names,
            authorization=spec.authorization,
        )
        stack.enter_context(control_plane)
        nodes = [
            stack.enter_context(_node(number, work, spec, control_plane, network))
            for number in range(1, len(names) + 1)
        ]
        cluster = Cluster(control_plane, nodes)
        for name in names:
            cluster.wait_until(f"node {name} is ready", partial(cluster.is_ready, name))
        yield cluster


@contextmanager
def _node(
    number: int,
    work: Path,
    spec: ClusterSpec,
    control_plane: ControlPlane,
    network: HarnessNetwork,
) -> Iterator[ClusterNode]:
    release, kubernetes = spec.containerds[number - 1], control_plane.release
    programs = {release.binary.parent, *kubernetes.directories}
    machine = Machine(f"node-{number}", work / str(number), network, programs)
    node = MicroK8sNode(
        machine.tree,
        spec.repository,
        spec.addon,
        spec.template,
        release.binary,
    )
    node.root_as_seen = Path("/")
    use_kubectl(node, spec.kubectl, control_plane.kubeconfig(control_plane.admin))
    (node.data / "args/cni-network/pods.conflist").write_text(
        pod_network(number, machine.work), encoding="utf-8"
    )
    plugins = node.data / "opt/cni/bin"
    plugins.parent.mkdir(parents=True)
    plugins.symlink_to(kubernetes.cni)
    with machine, ExitStack() as stack:
        node.through = machine.inside
        containerd = Containerd(release, node, machine.work / "c", machine.inside)
        restart = partial(containerd.restart, wait_for_cri=False)
        snapctl = SnapctlServer(node.snapctl_socket, restart)
        stack.callback(snapctl.close)
        stack.enter_context(containerd)
        containerd.load(SANDBOX_IMAGE, kubernetes.program("busybox"))
        agent = kubelet(
            machine,
            control_plane,
            node.as_seen(node.common),
            node.as_seen(node.containerd_socket),
        )
        stack.callback(agent.kill)
        agent.start(lambda: True)
        yield ClusterNode(node, containerd, snapctl, machine, agent)
