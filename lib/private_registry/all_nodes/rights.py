"""Rights of the agent: its account, role and binding."""

from __future__ import annotations

from typing import List, Optional

from private_registry.all_nodes.names import AGENT, NAMESPACE, SECRET
from private_registry.all_nodes.objects import Manifest, head


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
        {**head("v1", "ServiceAccount", AGENT), "automountServiceAccountToken": False},
        {**head(f"{group}/v1", "Role", AGENT), "rules": may},
        {
            **head(f"{group}/v1", "RoleBinding", AGENT),
            "subjects": [account],
            "roleRef": role,
        },
    ]


def _rule(
    group: str, resource: str, verbs: List[str], names: Optional[List[str]] = None
) -> Manifest:
    rule: Manifest = {"apiGroups": [group], "resources": [resource], "verbs": verbs}
    return rule if names is None else {**rule, "resourceNames": names}
