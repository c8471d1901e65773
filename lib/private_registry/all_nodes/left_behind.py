"""What is left behind: on this node from all nodes, and nobody in the cluster knows."""

from __future__ import annotations

from private_registry.all_nodes import names
from private_registry.errors import NodeError
from private_registry.node.paths import Node
from private_registry.pull_secrets.kubectl import Kubectl


def is_left_behind(node: Node) -> bool:
    """Whether no agent is in the cluster that would take it back.

    Where the cluster does not tell, it is taken for one that has it.
    """
    try:
        namespace = Kubectl(node).get("namespace", names.NAMESPACE)
    except NodeError:
        return False
    return namespace is None or namespace.get("status", {}).get("phase") == names.ENDING
