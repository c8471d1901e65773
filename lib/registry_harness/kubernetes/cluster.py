"""A whole cluster: a control plane, and throwaway MicroK8s nodes with containerd and
kubelet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path

from registry_harness.containerd.releases import ContainerdRelease
from registry_harness.containerd.template import CERTS_D_TEMPLATE
from registry_harness.errors import HarnessError, StartError
from registry_harness.kubernetes.api import Api, path_of
from registry_harness.kubernetes.cluster_node import (
    ClusterNode,
    NodeSpec,
    SharedByNodes,
    new_node,
    node_name,
)
from registry_harness.kubernetes.control_plane import ControlPlane
from registry_harness.kubernetes.daemon_sets import is_rolled_out, pod_reports
from registry_harness.kubernetes.node_objects import forget_nodes
from registry_harness.kubernetes.programs import KubernetesRelease
from registry_harness.kubernetes.workloads import conditions
from registry_harness.machine.namespaces import check_machines
from registry_harness.machine.workspace import workspace
from registry_harness.registries.network import HarnessNetwork

_SECONDS = 60
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Cluster:
    """A running cluster.

    Args:
        control_plane: its API server and what belongs to it.
        nodes: in the order of their names, which are of those that it knows.
        new_node: see new_node of cluster_node, for this cluster.
    """

    control_plane: ControlPlane
    nodes: list[ClusterNode]
    new_node: Callable[[NodeSpec], AbstractContextManager[ClusterNode]]

    @property
    def api(self) -> Api:
        """The API server, asked by who may do all."""
        return self.control_plane.api

    @property
    def names(self) -> list[str]:
        """The names of its nodes, also of those that are off."""
        return [each.name for each in self.nodes]

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
        asked = time.monotonic()
        while not is_so():
            now = time.monotonic()
            if now > deadline:
                raise StartError(f"not so after {seconds:g} s: {what}")
            # What takes long to find out keeps others waiting meanwhile.
            time.sleep(max(_POLL_SECONDS, now - asked))
            asked = time.monotonic()

    def is_ready(self, node: str) -> bool:
        """Whether a node takes pods."""
        return "Ready" in conditions(self.api.get("nodes", name=node))

    def wait_until_ready(self, *nodes: str) -> None:
        """Wait until nodes take pods, and have said so after this was called.

        Raises:
            StartError: one does not, in time.
        """
        now = datetime.now(timezone.utc)
        for node in nodes:
            self.wait_until(
                f"node {node} is ready",
                partial(self._is_ready_since, node, now),
            )

    @contextmanager
    def joined(
        self, containerd: ContainerdRelease, *, is_worker: bool = False
    ) -> Iterator[ClusterNode]:
        """Let a new node join; at the end of the block it is gone, and its name free.

        Args:
            containerd: of the node.
            is_worker: it is no control plane node.

        Raises:
            HarnessError: the control plane knows no more names.
            StartError: it did not come up.
        """
        known = list(self.control_plane.nodes)
        free = [each for each in known if each not in self.names]
        if not free:
            raise HarnessError("no more nodes may join", "see ClusterSpec.may_join")
        number = known.index(free[0]) + 1
        with self.new_node(NodeSpec(number, containerd, is_worker)) as node:
            self.nodes.append(node)
            try:
                self.wait_until_ready(node.name)
                yield node
            finally:
                self.nodes.remove(node)
                node.kubelet.kill()
                forget_nodes(self.api, [node.name])

    def wait_for_daemon_set(
        self,
        namespace: str,
        name: str,
        nodes: Sequence[str] | None = None,
        seconds: float = _SECONDS,
    ) -> None:
        """Wait until the pods of a DaemonSet are ready, and as it now says.

        Args:
            namespace: that it is in.
            name: its own.
            nodes: names of those that count; None for all, also those that are off.
            seconds: how long it may take.

        Raises:
            StartError: not in time; the message says what each pod has come to.
        """
        deadline = time.monotonic() + seconds
        while not is_rolled_out(self.api, namespace, name, nodes):
            if time.monotonic() > deadline:
                pods = "\n".join(pod_reports(self.api, namespace, name))
                raise StartError(f"not rolled out after {seconds:g} s: {name}\n{pods}")
            time.sleep(_POLL_SECONDS)

    def pod_log(self, namespace: str, pod: str, container: str = "") -> str:
        """Return what a container of a pod has printed, as `kubectl logs` does.

        Args:
            namespace: of the pod.
            pod: its name.
            container: its name; empty where the pod has one only.

        Raises:
            ApiRefused: there is no such container, or its node does not answer.
        """
        path = path_of("pods", namespace, pod)
        chosen = f"?container={container}" if container else ""
        return self.api.text(f"{path}/log{chosen}")

    def log(self) -> str:
        """Return what the control plane and the kubelets printed lately."""
        kubelets = (
            f"-- kubelet {each.name}\n{each.kubelet.log()[-3000:]}"
            for each in self.nodes
        )
        return "\n".join((self.control_plane.log(), *kubelets))

    def _is_ready_since(self, node: str, moment: datetime) -> bool:
        lease = self.api.get("leases", "kube-node-lease", node)
        if lease is None:
            return False
        # Python 3.10 does not know Z.
        told = str(lease["spec"]["renewTime"]).replace("Z", "+00:00")
        return datetime.fromisoformat(told) > moment and self.is_ready(node)


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
        pod_security: see ControlPlane.
        workers: how many nodes, the last ones, are workers.
        may_join: how many more nodes may join at a time.
    """

    containerds: Sequence[ContainerdRelease]
    repository: Path
    addon: str
    kubectl: Path
    template: str = CERTS_D_TEMPLATE
    authorization: str = "Node,RBAC"
    pod_security: str = "privileged"
    workers: int = 0
    may_join: int = 2


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
    count = len(spec.containerds)
    with workspace() as work, ExitStack() as stack:
        control_plane = ControlPlane(
            release,
            work / "control-plane",
            network.gateway,
            [node_name(number) for number in range(1, count + spec.may_join + 1)],
            authorization=spec.authorization,
        )
        control_plane.pod_security = spec.pod_security
        stack.enter_context(control_plane)
        shared = SharedByNodes(
            control_plane,
            network,
            spec.repository,
            spec.addon,
            spec.kubectl,
            spec.template,
        )
        new = partial(new_node, shared, work)
        nodes = [
            stack.enter_context(
                new(NodeSpec(number, containerd, number > count - spec.workers))
            )
            for number, containerd in enumerate(spec.containerds, 1)
        ]
        cluster = Cluster(control_plane, nodes, new)
        for node in nodes:
            cluster.wait_until(
                f"node {node.name} is ready", partial(cluster.is_ready, node.name)
            )
        yield cluster
