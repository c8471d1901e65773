"""How far a DaemonSet has come, and what keeps its pods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from registry_harness.kubernetes.api import Api, Plain
from registry_harness.kubernetes.workloads import conditions

_GENERATION = "deprecated.daemonset.template.generation"
_GENERATION_OF_POD = "pod-template-generation"


def is_rolled_out(
    api: Api, namespace: str, name: str, nodes: Sequence[str] | None = None
) -> bool:
    """Whether the pods of a DaemonSet are ready, and as it now says.

    Args:
        api: of the cluster.
        namespace: that it is in.
        name: its own.
        nodes: names of those that count; None for all that it is for.
    """
    found = api.get("daemonsets", namespace, name)
    if found is None or not _is_observed(found):
        return False
    if nodes is not None:
        return set(nodes) <= _ready_nodes(api, found)
    status = found["status"]
    wanted = status["desiredNumberScheduled"]
    counts = [
        status.get(each, 0) for each in ("updatedNumberScheduled", "numberAvailable")
    ]
    return wanted > 0 and counts == [wanted, wanted]


def pod_reports(api: Api, namespace: str, name: str) -> list[str]:
    """Return a line for each pod of a DaemonSet: where it is, how far it has come, what
    the kubelet and the scheduler say to that.
    """
    found = api.get("daemonsets", namespace, name)
    if found is None:
        return ["there is no such DaemonSet"]
    events = api.items("events", namespace)
    lines = [_report(pod, events) for pod in _pods(api, found)]
    return lines or [f"it has no pods: {found.get('status')}"]


def _is_observed(found: Plain) -> bool:
    observed = found.get("status", {}).get("observedGeneration", 0)
    return bool(observed >= found["metadata"]["generation"])


def _ready_nodes(api: Api, found: Plain) -> set[str]:
    generation = found["metadata"]["annotations"][_GENERATION]
    return {
        pod["spec"]["nodeName"]
        for pod in _pods(api, found)
        if "Ready" in conditions(pod)
        and "deletionTimestamp" not in pod["metadata"]
        and pod["metadata"]["labels"][_GENERATION_OF_POD] == generation
    }


def _pods(api: Api, found: Plain) -> list[Plain]:
    about = found["metadata"]
    return [
        pod
        for pod in api.items("pods", about["namespace"])
        if about["uid"]
        in [each["uid"] for each in pod["metadata"].get("ownerReferences", [])]
    ]


def _report(pod: Plain, events: list[Plain]) -> str:
    about, status = pod["metadata"], pod["status"]
    containers = status.get("containerStatuses", [])
    words = [
        f"pod {about['name']} on {pod['spec'].get('nodeName', 'no node')}:",
        status["phase"],
        *_reason(status),
        *(word for each in containers for word in _state(each)),
    ]
    warnings = {
        f"{each['reason']}: {each['message']}"
        for each in events
        if each["type"] == "Warning"
        # Of a Node they have none.
        and each["involvedObject"].get("uid") == about["uid"]
    }
    return "\n  ".join((" ".join(words), *sorted(warnings)))


def _reason(plain: Plain) -> Iterator[str]:
    for key in ("reason", "message"):
        if plain.get(key):
            yield str(plain[key])


def _state(container: Plain) -> Iterator[str]:
    """What keeps a container, and how it ended before."""
    for key in ("state", "lastState"):
        for kind, plain in container.get(key, {}).items():
            if kind != "running":
                code = plain.get("exitCode")
                yield f"[{kind}" + ("" if code is None else f" with {code}")
                yield from _reason(plain)
                yield "]"
