"""What is left behind: on this node from all nodes, and nobody in the cluster knows."""

from __future__ import annotations

from typing import Optional

from private_registry.all_nodes import names
from private_registry.errors import NodeError
from private_registry.node.paths import Node
from private_registry.pull_secrets.kubectl import Kubectl, NoRightError


def is_left_behind(node: Node) -> bool:
    """Whether no agent is in the cluster that would take it back.

    Where the cluster does not tell, it is taken for one that has it.
    """
    return _has_agents(node) is False


def check_left_behind(node: Node) -> None:
    """Refuse to take back what the cluster's agent would bring again.

    Where the cluster does not tell, people know better.

    Raises:
        NodeError: its agents are there.
    """
    if _has_agents(node):
        raise NodeError(
            "the cluster has agents, which would bring again what is taken back here",
            place="option --left-behind",
            remedy="on a control plane node: microk8s private-registry remove --all"
            " --all-nodes",
        )


def _has_agents(node: Node) -> Optional[bool]:
    """Whether agents are in the cluster; None where it does not tell.

    A kubelet may read what pods of its node are made of, and nothing else.
    """
    try:
        if node.is_worker:
            return (
                Kubectl(node).get("configmap", names.ENGINE, names.NAMESPACE)
                is not None
            )
        namespace = Kubectl(node).get("namespace", names.NAMESPACE)
    except NoRightError:
        return False if node.is_worker else None
    except NodeError:
        return None
    phase = (namespace or {}).get("status", {}).get("phase")
    return namespace is not None and phase != names.ENDING
