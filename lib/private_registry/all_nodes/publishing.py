"""Publishing: what the cluster's nodes are to know is changed, and all that agents need
is there.

Whoever changes it names the version that was read: of two at once, one is told.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional

from private_registry import __version__
from private_registry.all_nodes import daemon_set, names, objects, orders
from private_registry.all_nodes.daemon_set import AgentSpec
from private_registry.all_nodes.node_rows import (
    ClusterNode,
    NodeRow,
    nodes_of,
    number_in,
    rows_of,
)
from private_registry.all_nodes.node_status import ANNOTATION, ANSWER
from private_registry.all_nodes.orders import Orders
from private_registry.all_nodes.rights import rights
from private_registry.errors import ConflictError, NodeError, UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.node.paths import Node
from private_registry.pull_secrets.kubectl import Kubectl, Wanted
from private_registry.pull_secrets.retrying import ChangedMeanwhileError

if TYPE_CHECKING:
    from private_registry.all_nodes.engine_zip import Engine

_POLL_SECONDS = 1.0
# 1 MiB in base64.
_MOST_LETTERS = 1024 * 1024 * 4 // 3
_NAMESPACE = f"namespace/{names.NAMESPACE}"
_NAME, _ANNOTATIONS = ".metadata.name", ".metadata.annotations"
_APP = ".metadata.labels." + names.APP.replace(".", r"\.")
_NODES = Wanted(
    "nodes", "Node", (_NAME, ".status.nodeInfo.architecture"), (".status.conditions",)
)
_REPORTS = tuple(f"{_ANNOTATIONS}.{each}" for each in (ANNOTATION, ANSWER))
_LEASES = Wanted(
    "leases.coordination.k8s.io",
    "Lease",
    (_NAME, _APP, ".spec.renewTime", *_REPORTS),
)
_PODS = Wanted(
    "pods",
    "Pod",
    (_NAME, _APP, ".spec.nodeName"),
    (".spec.affinity", ".status.containerStatuses", ".status.conditions"),
)
_DAEMON_SETS = Wanted(
    "daemonsets.apps", "DaemonSet", (_NAME, _APP, f"{_ANNOTATIONS}.{names.IMAGE}")
)
_PLACE = f"Secret {names.SECRET} in namespace {names.NAMESPACE}"


class Found(NamedTuple):
    """The orders as they are.

    Args:
        orders: none of a number yet where there are none.
        version: the Secret's; None where there is none.
    """

    orders: Orders = Orders()
    version: Optional[str] = None

    @property
    def is_first(self) -> bool:
        """Whether nothing of all nodes is in the cluster."""
        return self.version is None


class Agents(NamedTuple):
    """What is to run on every node.

    Args:
        engine: that they have.
        spec: what else they are made of.
    """

    engine: Engine
    spec: AgentSpec


def given_meanwhile() -> ConflictError:
    """Return the error for orders that came while all was taken back."""
    return ConflictError(
        "somebody else gave the cluster registries while all was taken back; they are"
        " what all nodes have now",
        place=_PLACE,
        remedy="see them: microk8s private-registry list --all-nodes; to take them"
        " back, too, run the same command again",
    )


class ClusterRegistries:
    """The registries of a node's cluster.

    Args:
        node: a control plane node, whose kubectl is used.

    Raises:
        NodeError: the node is none.
    """

    def __init__(self, node: Node) -> None:
        if node.is_worker:
            raise NodeError(
                "all nodes are configured from a control plane node, and this is a"
                " worker",
                place="option --all-nodes",
                remedy="run the same command there",
            )
        if node.is_confined:
            raise NodeError(
                "a strictly confined MicroK8s lets no pod write to the node",
                place="option --all-nodes",
                remedy="give the command without --all-nodes on each node",
            )
        self._node = node
        self._kubectl = Kubectl(node)

    def read(self) -> Found:
        """Return the orders as they are.

        Raises:
            NodeError: the API does not answer, or what it has cannot be read.
        """
        secret = self._kubectl.get("secret", names.SECRET, names.NAMESPACE)
        if secret is None:
            # Whatever agents have reported is about orders of before.
            return Found(Orders(number=self._highest_reported()))
        version = str(secret["metadata"]["resourceVersion"])
        return Found(orders.from_data(secret.get("data") or {}), version)

    def write(self, found: Found, wanted: Orders) -> None:
        """Change the orders.

        Raises:
            ConflictError: somebody else has changed them since they were read.
            NodeError: the API refuses, or does not answer.
        """
        data = orders.to_data(wanted)
        if sum(map(len, data.values())) > _MOST_LETTERS:
            raise NodeError(
                "what all nodes are to know is more than a Secret may hold: 1 MiB",
                place=_PLACE,
                remedy="leave out what not all nodes need; give it on these nodes,"
                " without --all-nodes",
            )
        try:
            if found.is_first:
                self._check_not_ending()
                self._kubectl.apply([objects.namespace()])
                self._kubectl.create(objects.secret(data, None))
            else:
                self._kubectl.replace(objects.secret(data, found.version))
        except ChangedMeanwhileError as error:
            raise ConflictError(
                "somebody else changed the cluster's registries at the same time;"
                " nothing of this was done",
                place=_PLACE,
                remedy="run the same command again",
            ) from error

    def agents(self, image: Optional[str]) -> Agents:
        """Return the agents of the engine that runs here; nothing is changed yet.

        Args:
            image: of their container; None for the one that was chosen before, else
                that of this node's pods.

        Raises:
            PrivateRegistryError: a part of the engine is not here, or no image is
                known.
        """
        # Only here: it reads the whole engine.
        from private_registry.all_nodes.engine_zip import engine_here  # noqa: PLC0415

        engine = engine_here()
        directory = self._node.directory_of_revisions
        chosen = image or self._chosen_image()
        spec = AgentSpec(
            chosen or self._image(), directory, engine.made_of, is_chosen=bool(chosen)
        )
        return Agents(engine, spec)

    def set_up(self, agents: Agents) -> None:
        """Have agents on every node.

        Raises:
            NodeError: see write.
        """
        engine, spec = agents
        manifests = [objects.namespace(), *rights()]
        there = self._kubectl.get("configmap", names.ENGINE, names.NAMESPACE) or {}
        annotations = there.get("metadata", {}).get("annotations", {})
        if annotations.get(names.MADE_OF) != spec.made_of:
            manifests.append(objects.engine(engine.zipped, spec.made_of, __version__))
        self._kubectl.apply(manifests)
        self._kubectl.apply(
            daemon_set.manifest(each, spec) for each in self._architectures()
        )

    def nodes(self) -> List[ClusterNode]:
        """Return the cluster's nodes."""
        (found,) = self._kubectl.listed(names.NAMESPACE, _NODES)
        return nodes_of(found)

    def rows(self, wanted: Orders) -> List[NodeRow]:
        """Return how each node stands to the orders."""
        listed = self._kubectl.listed(names.NAMESPACE, _NODES, _LEASES, _PODS)
        nodes, leases, pods = listed
        return rows_of(nodes_of(nodes), _ours(leases), _ours(pods), wanted, __version__)

    def waited_rows(
        self,
        wanted: Orders,
        seconds: float,
        is_done: Callable[[List[NodeRow]], bool],
    ) -> List[NodeRow]:
        """Return how each node stands to the orders, when all do or time is over."""
        end = time.monotonic() + seconds
        while True:
            rows = self.rows(wanted)
            if is_done(rows) or time.monotonic() > end:
                return rows
            time.sleep(_POLL_SECONDS)

    def take_down(self, found: Found) -> None:
        """Delete all that is in the cluster.

        Raises:
            ConflictError: somebody else has changed the orders since they were read;
                then all is still there.
        """
        version = found.version
        try:
            if version is not None:
                self._kubectl.delete_secret(objects.secret({}, version))
        except ChangedMeanwhileError as error:
            raise given_meanwhile() from error
        # The namespace waits for pods, which end sooner by the DaemonSets: those who
        # delete what is in a namespace begin after five seconds.
        agents = (names.daemon_set(each) for each in daemon_set.ARCHITECTURES)
        whole = [*(f"daemonset/{each}" for each in agents), _NAMESPACE]
        self._kubectl.delete(whole, names.NAMESPACE)
        self._delete_pods_of_nodes_that_are_down()

    def _delete_pods_of_nodes_that_are_down(self) -> None:
        """Let the namespace go, which else would wait for these nodes."""
        down = {each.name for each in self.nodes() if not each.is_ready}
        if not down:
            return
        for pod in self._listed(_PODS):
            if pod.get("spec", {}).get("nodeName") in down:
                name = f"pod/{pod['metadata']['name']}"
                self._kubectl.delete([name], names.NAMESPACE, at_once=True)

    def is_there(self) -> bool:
        """Whether agents may be there, even where the orders are gone."""
        return self._phase() not in (None, names.ENDING)

    def is_set_up(self, agents: Agents) -> bool:
        """Whether these very agents are on every node."""
        there = self._kubectl.get("configmap", names.ENGINE, names.NAMESPACE) or {}
        annotations = there.get("metadata", {}).get("annotations", {})
        is_same = annotations.get(names.MADE_OF) == agents.spec.made_of
        return is_same and self.has_agents()

    def has_agents(self) -> bool:
        """Whether agents are started on nodes of every architecture."""
        return all(
            self._kubectl.get("daemonset", names.daemon_set(each), names.NAMESPACE)
            for each in self._architectures()
        )

    def _check_not_ending(self) -> None:
        if self._phase() == names.ENDING:
            raise NodeError(
                "what all nodes had in the cluster is still being deleted",
                place=f"namespace {names.NAMESPACE}",
                remedy="wait until it is gone: microk8s kubectl wait --for=delete"
                f" namespace/{names.NAMESPACE}; then run the same command again",
            )

    def _phase(self) -> Optional[str]:
        """Return the phase of the namespace; None where there is none."""
        found = self._kubectl.get("namespace", names.NAMESPACE)
        return None if found is None else str(found.get("status", {}).get("phase"))

    def _architectures(self) -> List[str]:
        known = {each.architecture for each in self.nodes()}
        return sorted(known.intersection(daemon_set.ARCHITECTURES))

    def _highest_reported(self) -> int:
        return max(map(number_in, self._listed(_LEASES)), default=0)

    def _listed(self, wanted: Wanted) -> List[Mapping[str, Any]]:
        (found,) = self._kubectl.listed(names.NAMESPACE, wanted)
        return _ours(found)

    def _chosen_image(self) -> Optional[str]:
        """Return the image that somebody named for the agents."""
        sets = self._listed(_DAEMON_SETS)
        annotations = (each["metadata"].get("annotations", {}) for each in sets)
        return next((each[names.IMAGE] for each in annotations if each), None)

    def _image(self) -> str:
        # Only here.
        from private_registry.containerd.template_file import (  # noqa: PLC0415
            read_template,
        )

        image = read_template(self._node).template.sandbox_image
        if image is None:
            raise UsageError(
                "this node's containerd-template.toml names no sandbox_image, which"
                " agents are started with",
                place="option --all-nodes",
                instead="--all-nodes --agent-image IMAGE",
            )
        return image


def _ours(found: List[Dict[str, Any]]) -> List[Mapping[str, Any]]:
    """Leave out what others have put into the namespace."""
    labels = (each.get("metadata", {}).get("labels", {}) for each in found)
    return [
        each
        for each, own in zip(found, labels)
        if own.get(names.APP) == names.LABELS[names.APP]
    ]
