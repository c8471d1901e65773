"""Objects that all nodes need in the cluster: namespace, rights, engine, orders."""

from __future__ import annotations

import base64
from typing import Any, Dict, List, Mapping, Optional

from private_registry.all_nodes.names import (
    AGENT,
    ENGINE,
    LABELS,
    MADE_OF,
    NAMESPACE,
    SECRET,
    VERSION,
    ZIP,
)

Manifest = Dict[str, Any]


def namespace() -> Manifest:
    """Return the namespace that all else is in.

    It says of itself that its pods mount directories of the node, which other levels of
    PodSecurity refuse.
    """
    level = "privileged"
    enforced = {
        f"pod-security.kubernetes.io/{mode}": level
        for mode in ("enforce", "audit", "warn")
    }
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {**LABELS, **enforced}},
    }


def rights() -> List[Manifest]:
    """Return the agent's account, and what it may do: read the orders, report."""
    may = [
        # Named, so that it reads no other Secret, and writes none.
        _rule("", "secrets", ["get", "list", "watch"], [SECRET]),
        _rule("coordination.k8s.io", "leases", ["get", "create", "patch"]),
        _rule("", "events", ["create"]),
    ]
    group = "rbac.authorization.k8s.io"
    account = {"kind": "ServiceAccount", "name": AGENT, "namespace": NAMESPACE}
    role = {"apiGroup": group, "kind": "Role", "name": AGENT}
    return [
        {**_head("v1", "ServiceAccount", AGENT), "automountServiceAccountToken": False},
        {**_head(f"{group}/v1", "Role", AGENT), "rules": may},
        {
            **_head(f"{group}/v1", "RoleBinding", AGENT),
            "subjects": [account],
            "roleRef": role,
        },
    ]


def engine(content: bytes, made_of: str, version: str) -> Manifest:
    """Return the ConfigMap that holds the engine.

    Args:
        content: of the zip.
        made_of: tells one engine from another.
        version: of it, for people.
    """
    manifest = _head("v1", "ConfigMap", ENGINE)
    manifest["metadata"]["annotations"] = {MADE_OF: made_of, VERSION: version}
    return {**manifest, "binaryData": {ZIP: base64.b64encode(content).decode()}}


def secret(data: Mapping[str, str], version: Optional[str]) -> Manifest:
    """Return the Secret that holds the orders.

    Args:
        data: as orders.to_data has it.
        version: the resourceVersion of the one it replaces; None for the first.
    """
    manifest = _head("v1", "Secret", SECRET)
    if version is not None:
        manifest["metadata"]["resourceVersion"] = version
    return {**manifest, "type": "Opaque", "data": dict(data)}


def _head(api: str, kind: str, name: str) -> Manifest:
    metadata = {"name": name, "namespace": NAMESPACE, "labels": dict(LABELS)}
    return {"apiVersion": api, "kind": kind, "metadata": metadata}


def _rule(
    group: str, resource: str, verbs: List[str], names: Optional[List[str]] = None
) -> Manifest:
    rule: Manifest = {"apiGroups": [group], "resources": [resource], "verbs": verbs}
    return rule if names is None else {**rule, "resourceNames": names}
