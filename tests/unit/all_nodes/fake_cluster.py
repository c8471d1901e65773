"""A cluster's API as this addon asks it by kubectl, with agents that report what a test
says.

What a real one does is shown by tests/e2e/test_all_nodes.py.
"""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import Any, Dict, Iterable, List, Mapping, NamedTuple, Optional, Tuple

import pytest

from private_registry.all_nodes import (
    answers,
    engine_zip,
    node_status,
    orders,
    publishing,
)
from private_registry.all_nodes.answers import Answer, Told
from private_registry.all_nodes.engine_zip import engine_here
from private_registry.all_nodes.names import LABELS
from private_registry.all_nodes.node_status import NodeStatus
from private_registry.all_nodes.orders import Orders
from private_registry.pull_secrets.kubectl import Wanted
from private_registry.pull_secrets.retrying import ChangedMeanwhileError

Key = Tuple[str, str]
FINE = NodeStatus(1, "0.1.0")


class Zipped(NamedTuple):
    """The engine of these tests, zipped once for all of them."""

    made_of: str
    zipped: bytes


@lru_cache(maxsize=None)
def _engine() -> Zipped:
    engine = engine_here()
    return Zipped(engine.made_of, engine.zipped)


class FakeCluster:
    """Objects by kind and name, and nodes whose agents report at once.

    Args:
        patch: puts it in the place of kubectl.
    """

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.objects: Dict[Key, Dict[str, Any]] = {}
        self.nodes = dict.fromkeys(("node-1", "node-2", "node-3"), "True")
        # What a node's agent reports in place of that all is well; None for nothing.
        self.reports: Dict[str, Optional[NodeStatus]] = {}
        # What agents have reported of a Secret that is gone.
        self.left: Dict[str, NodeStatus] = {}
        self.findings: Dict[str, Tuple[Told, ...]] = {}
        self.pods: List[Dict[str, Any]] = []
        self.deleted: List[str] = []
        self.meanwhile = self.is_taken_down_late = False
        self._version = 0
        patch.setattr(publishing, "Kubectl", lambda _node: self)
        patch.setattr(engine_zip, "engine_here", _engine)
        for module, name in (("changing", "SECONDS"), ("asking", "_SECONDS")):
            patch.setattr(f"private_registry.all_nodes.{module}.{name}", 0.0)
        patch.setattr("private_registry.all_nodes.changing.TAKING_BACK_SECONDS", 0.0)

    @property
    def orders(self) -> Orders:
        """What the Secret says."""
        return orders.from_data(self.objects["secret", "registries"]["data"])

    def get(
        self, kind: str, name: str, _namespace: Optional[str] = None
    ) -> Optional[Dict[str, Any]]:
        """Return an object."""
        return copy.deepcopy(self.objects.get((kind, name)))

    def create(self, manifest: Mapping[str, Any]) -> None:
        """Make an object."""
        if self.meanwhile or self._key(manifest) in self.objects:
            raise ChangedMeanwhileError("it is there already")
        self._put(manifest)

    def replace(self, manifest: Mapping[str, Any]) -> None:
        """Put an object in place of another."""
        before = self.objects[self._key(manifest)]["metadata"]["resourceVersion"]
        if self.meanwhile or manifest["metadata"]["resourceVersion"] != before:
            raise ChangedMeanwhileError("it was changed")
        self._put(manifest)

    def apply(self, manifests: Iterable[Mapping[str, Any]]) -> None:
        """Make objects, whether they are there or not."""
        for each in manifests:
            assert each["kind"] != "Secret"
            self._put(each)

    def listed(self, _namespace: str, *wanted: Wanted) -> List[List[Any]]:
        """Return objects of each kind."""
        return [self._listed(each.kind) for each in wanted]

    def _listed(self, kind: str) -> List[Any]:
        """Return nodes, DaemonSets, pods, or the Leases that agents have written."""
        if kind == "Node":
            return [_node(*each) for each in self.nodes.items()]
        if kind == "DaemonSet":
            return [each for (of, _), each in self.objects.items() if of == "daemonset"]
        if kind == "Pod":
            return [*map(_labelled, self.pods), *self._running_agents()]
        leases: List[Any] = []
        if ("secret", "registries") not in self.objects:
            return [_lease(name, status) for name, status in self.left.items()]
        for name, ready in self.nodes.items():
            status = self.reports.get(name, self._all_is_well(name))
            if status is not None and (ready == "True" or name in self.reports):
                leases.append(self._lease(name, status))
        return leases

    def delete(
        self,
        objects: Iterable[str],
        _namespace: Optional[str] = None,
        *,
        at_once: bool = False,
    ) -> None:
        """Delete objects; a namespace with all that is in it."""
        for each in objects:
            kind, _, name = each.partition("/")
            if kind == "namespace":
                self.objects.clear()
            elif kind == "daemonset" and (kind, name) not in self.objects:
                continue
            self.objects.pop((kind, name), None)
            self.deleted.append(f"{kind} {name}{' at once' if at_once else ''}")

    def delete_secret(self, manifest: Mapping[str, Any]) -> None:
        """Delete a Secret that is still as it was read."""
        key = self._key(manifest)
        before = self.objects[key]["metadata"]["resourceVersion"]
        if self.is_taken_down_late or manifest["metadata"]["resourceVersion"] != before:
            raise ChangedMeanwhileError("it was changed")
        self.deleted.append("secret registries")
        del self.objects[key]

    def _running_agents(self) -> List[Dict[str, Any]]:
        """Return the pods of agents, of those that have ever reported."""
        if ("daemonset", "agent-amd64") not in self.objects:
            return []
        found = {name: self.reports.get(name, FINE) for name in self.nodes}
        running: Dict[str, Any] = {"containerStatuses": [{"state": {"running": {}}}]}
        return [
            _labelled({"spec": {"nodeName": name}, "status": running})
            for name, status in found.items()
            if status is not None and status.number
        ]

    def _all_is_well(self, _name: str) -> NodeStatus:
        now = self.orders
        return NodeStatus(now.number, "0.1.0", taken_back=now.takes_back)

    def _lease(self, name: str, status: NodeStatus) -> Dict[str, Any]:
        question = self.orders.question
        lease = _lease(name, status)
        annotations = lease["metadata"]["annotations"]
        if question is not None and name not in self.reports:
            told = self.findings.get(name, ())
            answer = Answer(question.number, ("reg.corp",), told)
            annotations[node_status.ANSWER] = answers.to_text(answer)
        return lease

    def _key(self, manifest: Mapping[str, Any]) -> Key:
        return manifest["kind"].lower(), manifest["metadata"]["name"]

    def _put(self, manifest: Mapping[str, Any]) -> None:
        self._version += 1
        stored = copy.deepcopy(dict(manifest))
        stored["metadata"]["resourceVersion"] = str(self._version)
        self.objects[self._key(manifest)] = stored


def _lease(name: str, status: NodeStatus) -> Dict[str, Any]:
    annotations = {node_status.ANNOTATION: node_status.to_text(status)}
    return _labelled(
        {
            "metadata": {"name": name, "annotations": annotations},
            "spec": {"renewTime": "2026-11-29T19:00:00.000000Z"},
        }
    )


def _labelled(plain: Mapping[str, Any]) -> Dict[str, Any]:
    return {**plain, "metadata": {"labels": LABELS, **plain.get("metadata", {})}}


def _node(name: str, ready: str) -> Dict[str, Any]:
    conditions = [
        {"type": "MemoryPressure", "status": "False"},
        {"type": "Ready", "status": ready},
    ]
    status = {"conditions": conditions, "nodeInfo": {"architecture": "amd64"}}
    return {"metadata": {"name": name}, "status": status}
