"""Rows: what is said of each node, by what its agent and the cluster say."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

import pytest

from private_registry.all_nodes.node_rows import ClusterNode, NodeRow, rows_of
from private_registry.all_nodes.node_status import ANNOTATION, NodeStatus, to_text
from private_registry.all_nodes.orders import Orders

VERSION = "1.0"
FINE = NodeStatus(2, VERSION)
CHANGED = FINE._replace(changed=("/var/snap/microk8s/current/args/certs.d/a",))
RUNS: Dict[str, Any] = {"state": {"running": {}}}
CRASHED: Dict[str, Any] = {
    "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    "lastState": {"terminated": {"message": "first\nit ended so\n"}},
}
NO_POD = "no agent has been started there"
APPLY = "microk8s private-registry apply --all-nodes"


class Case(NamedTuple):
    """What is known of a node, and what is said of it."""

    status: Optional[NodeStatus]
    container: Optional[Dict[str, Any]]
    state: str
    why: str = ""
    remedy: str = ""
    is_ready: bool = True


CASES = [
    Case(FINE, RUNS, "ok"),
    Case(FINE, None, "no agent", NO_POD, APPLY),
    Case(FINE, CRASHED, "ok", "its agent does not run: it ended so"),
    Case(
        FINE._replace(own=("a.corp",)),
        CRASHED,
        "ok",
        "own settings count for a.corp; its agent does not run: it ended so",
    ),
    Case(CHANGED, RUNS, "changed by hand", CHANGED.changed[0], f"{APPLY} --adopt"),
    Case(FINE._replace(taken_back=True), None, "given back"),
    Case(FINE._replace(number=1), RUNS, "not yet", "its agent has not reported yet"),
    Case(FINE._replace(number=1), CRASHED, "not yet", "it ended so"),
    Case(None, None, "never reported", NO_POD),
    Case(None, None, "down", is_ready=False),
    Case(FINE, RUNS, "down", "when last heard of: ok", is_ready=False),
    Case(
        CHANGED,
        None,
        "down",
        "when last heard of: changed by hand",
        f"{APPLY} --adopt",
        is_ready=False,
    ),
]


def row_of(case: Case) -> NodeRow:
    node = ClusterNode("one", case.is_ready, "amd64")
    leases: List[Dict[str, Any]] = []
    if case.status is not None:
        annotations = {ANNOTATION: to_text(case.status)}
        leases = [{"metadata": {"name": "one", "annotations": annotations}}]
    pods: List[Dict[str, Any]] = []
    if case.container is not None:
        told = {"containerStatuses": [case.container]}
        pods = [{"spec": {"nodeName": "one"}, "status": told}]
    (row,) = rows_of([node], leases, pods, Orders(number=2), VERSION)
    return row


@pytest.mark.parametrize("case", CASES)
def test_what_is_said_of_a_node(case: Case) -> None:
    row = row_of(case)
    assert (row.state, row.why, row.remedy) == (case.state, case.why, case.remedy)
