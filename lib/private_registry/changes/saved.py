"""What is saved on a node: its registries, and whether the node still has them."""

from __future__ import annotations

from typing import Tuple

from private_registry.errors import UsageError
from private_registry.node.file_values import Root
from private_registry.node.paths import STATE, Node
from private_registry.registries import registries_toml
from private_registry.registries.model import Credentials, DesiredState
from private_registry.transaction import records
from private_registry.transaction.ledger import ALL_NODES


def saved_state(node: Node) -> DesiredState:
    """Return the saved registries.

    Raises:
        UsageError: somebody has changed them so that they cannot be read.
    """
    content = records.read(node, STATE)
    if content is None:
        return DesiredState()
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise UsageError(
            "the saved registries are not text", place=node.shown(STATE)
        ) from error
    return registries_toml.from_toml(text, node.shown(STATE), _no_files)


def saved_credentials(node: Node) -> Tuple[Credentials, ...]:
    """Return the saved logins; none where what is saved cannot be read."""
    try:
        return saved_state(node).credentials
    except UsageError:
        # Damaged; disable works all the same.
        return ()


def _no_files(kind: str, _name: str) -> str:
    raise UsageError(
        f"the saved registries hold everything themselves and name no {kind}",
        remedy="give that file with: microk8s private-registry apply --file FILE",
    )


def for_all_nodes_on(node: Node) -> Tuple[str, ...]:
    """Return the registries that the cluster's agent has put on this node.

    By the names of their directories.
    """
    files = records.ledger(node, Root.DATA).files
    names = (
        path.split("/")[-2] for path, each in files.items() if each.by == ALL_NODES
    )
    return tuple(dict.fromkeys(names))
