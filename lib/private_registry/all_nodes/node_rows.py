"""Rows: how each node of the cluster stands to the orders; pure."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Mapping, Optional

from private_registry.all_nodes.daemon_set import ARCHITECTURES
from private_registry.all_nodes.node_status import (
    ANNOTATION,
    NodeStatus,
    from_text,
)
from private_registry.all_nodes.orders import Orders
from private_registry.named_tuple import NamedTuple

OK, GIVEN_BACK = "ok", "given back"
CHANGED, CANNOT, RESTART = "changed by hand", "cannot", "needs a restart"
DOWN, WAITING, SILENT = "down", "not yet", "never reported"
NO_AGENT = "no agent"
# These need nobody.
_FINE = (OK, GIVEN_BACK)
_TRUE = "True"
_NONE_THERE = "no agent has been started there"
_BRING_BACK = "microk8s private-registry apply --all-nodes"


class ClusterNode(NamedTuple):
    """A node as the cluster has it.

    Args:
        name: of it.
        is_ready: its kubelet reports.
        architecture: as Kubernetes names it.
    """

    name: str
    is_ready: bool
    architecture: str


class NodeRow(NamedTuple):
    """How a node stands to the orders.

    Args:
        node: which.
        state: a word for it.
        why: in words, where there is more to say.
        remedy: what to type; empty where nothing is to be done, or known.
        status: as its agent reported it; None for never.
        since: when it did, as the cluster has times.
        annotations: of its Lease.
    """

    node: ClusterNode
    state: str
    why: str = ""
    remedy: str = ""
    status: Optional[NodeStatus] = None
    since: str = ""
    annotations: Mapping[str, str] = {}

    @property
    def is_fine(self) -> bool:
        """Whether nobody has to do anything."""
        return self.state in _FINE

    @property
    def is_open(self) -> bool:
        """Whether the node is still to say how it stands."""
        return self.state in (WAITING, SILENT)


def nodes_of(listed: Iterable[Mapping[str, Any]]) -> List[ClusterNode]:
    """Read nodes as the cluster has them."""
    return [
        ClusterNode(
            each["metadata"]["name"],
            _is_ready(each.get("status", {})),
            each.get("status", {}).get("nodeInfo", {}).get("architecture", ""),
        )
        for each in listed
    ]


def _is_ready(status: Mapping[str, Any]) -> bool:
    return any(
        each.get("type") == "Ready" and each.get("status") == _TRUE
        for each in status.get("conditions", ())
    )


def rows_of(
    nodes: Iterable[ClusterNode],
    leases: Iterable[Mapping[str, Any]],
    pods: Iterable[Mapping[str, Any]],
    orders: Orders,
    version: str,
) -> List[NodeRow]:
    """Return a row a node.

    Args:
        nodes: of the cluster.
        leases: that agents have written.
        pods: of agents.
        orders: that nodes should have carried out.
        version: of the engine here.
    """
    found = {each["metadata"]["name"]: each for each in leases}
    problems = {
        each.get("spec", {}).get("nodeName") or _meant_for(each): _problem_of(each)
        for each in pods
    }
    return [
        _row(each, found.get(each.name), problems.get(each.name), orders, version)
        for each in nodes
    ]


def number_in(lease: Mapping[str, Any]) -> int:
    """Return the number of the orders that a Lease says are carried out; 0 for none."""
    status = from_text(_annotations(lease).get(ANNOTATION, ""))
    return 0 if status is None else status.number


def _annotations(lease: Mapping[str, Any]) -> Mapping[str, str]:
    return lease.get("metadata", {}).get("annotations") or {}


def _row(
    node: ClusterNode,
    lease: Optional[Mapping[str, Any]],
    problem: Optional[str],
    orders: Orders,
    version: str,
) -> NodeRow:
    annotations = _annotations(lease or {})
    status = from_text(annotations.get(ANNOTATION, ""))
    since = str((lease or {}).get("spec", {}).get("renewTime", ""))
    row = NodeRow(node, OK, "", "", status, since, annotations)
    if status is not None and status.number >= orders.number:
        row = _reported(row, status, version)
    elif node.is_ready:
        state = SILENT if status is None else WAITING
        row = row._replace(state=state, why=_why_not(node, problem))
    if not node.is_ready:
        heard = f"when last heard of, {since}" if since else "when last heard of"
        why = f"{heard}: {row.state}" if status else ""
        return row._replace(state=DOWN, why=why)
    return _without_agent(row, problem)


def _without_agent(row: NodeRow, problem: Optional[str]) -> NodeRow:
    """Tell where no agent is left that would carry out the next change."""
    if row.state != OK or problem == "":
        return row
    if problem is None:
        return row._replace(state=NO_AGENT, why=_NONE_THERE, remedy=_BRING_BACK)
    told = f"its agent does not run: {problem}"
    return row._replace(why=f"{row.why}; {told}" if row.why else told)


def _reported(row: NodeRow, status: NodeStatus, version: str) -> NodeRow:
    troubles = [*status.cannot, *status.needs_restart]
    if troubles:
        first, more = troubles[0], _more(len(troubles) - 1 + status.left_out)
        told = f"{first.what}: {first.why}" if first.what else first.why
        state = CANNOT if status.cannot else RESTART
        return row._replace(state=state, why=told + more, remedy=first.remedy)
    if status.changed:
        told = status.changed[0] + _more(len(status.changed) - 1 + status.left_out)
        if status.taken_back:
            return row._replace(state=GIVEN_BACK, why=f"changed by hand, left: {told}")
        remedy = f"{_BRING_BACK} --adopt"
        return row._replace(state=CHANGED, why=told, remedy=remedy)
    notes = []
    if status.own:
        notes.append("own settings count for " + ", ".join(status.own))
    if status.version != version:
        notes.append(f"its agent is of version {status.version}")
    state = GIVEN_BACK if status.taken_back else OK
    return row._replace(state=state, why="; ".join(notes))


def _more(number: int) -> str:
    return f" (and {number} more)" if number > 0 else ""


def _why_not(node: ClusterNode, problem: Optional[str]) -> str:
    if node.architecture not in ARCHITECTURES:
        return f"there is no agent for {node.architecture}"
    if problem is None:
        return _NONE_THERE
    return problem or "its agent has not reported yet"


def _meant_for(pod: Mapping[str, Any]) -> str:
    """Return the node that a pod which is not there yet is meant for.

    The DaemonSet's controller writes it into the pod's affinity.
    """
    required = (
        pod.get("spec", {})
        .get("affinity", {})
        .get("nodeAffinity", {})
        .get("requiredDuringSchedulingIgnoredDuringExecution", {})
    )
    for term in required.get("nodeSelectorTerms", ()):
        for field in term.get("matchFields", ()):
            if field.get("key") == "metadata.name":
                return str(field["values"][0])
    return ""


def _problem_of(pod: Mapping[str, Any]) -> str:
    """Say in one line why a pod does not run; empty where it does."""
    status: Mapping[str, Any] = pod.get("status", {})
    for container in status.get("containerStatuses", ()):
        told = _told(container)
        if told:
            return told
    for condition in status.get("conditions", ()):
        if condition.get("status") == "False" and condition.get("message"):
            return _line(str(condition["message"]))
    return ""


def _told(container: Mapping[str, Any]) -> str:
    state: Dict[str, Any] = container.get("state", {})
    last: Dict[str, Any] = container.get("lastState", {})
    if "running" in state:
        return ""
    ended = state.get("terminated") or last.get("terminated") or {}
    waits = state.get("waiting") or {}
    said = ended.get("message") or waits.get("message") or ended.get("reason") or ""
    return _line(str(said)) or str(waits.get("reason", ""))


def _line(text: str) -> str:
    lines = [each.strip() for each in text.splitlines() if each.strip()]
    return lines[-1] if lines else ""
