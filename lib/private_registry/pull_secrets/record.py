"""The record of pull secrets that were made from a node."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Dict, Mapping, Optional, Sequence, Tuple

from private_registry.node.paths import PULL_SECRETS, Node
from private_registry.texts import json_text
from private_registry.transaction import records
from private_registry.transaction.ledger import unusable

if TYPE_CHECKING:
    from private_registry.pull_secrets.made_secrets import MadeSecret

FORMAT_VERSION = 1
_RECORD = "the record of pull secrets"


def made_secrets(node: Node) -> Tuple[MadeSecret, ...]:
    """Return the pull secrets that were made from this node.

    Raises:
        NodeError: the record of them is damaged.
    """
    content = records.read(node, PULL_SECRETS)
    return () if content is None else from_json(content, node.shown(PULL_SECRETS))


def record_of(secrets: Sequence[MadeSecret]) -> Optional[bytes]:
    """Return the record of pull secrets; None where there is nothing to remember."""
    return to_json(secrets).encode() if secrets else None


def to_json(secrets: Sequence[MadeSecret]) -> str:
    """Write what is remembered."""
    plain = [each._asdict() for each in secrets]
    return json.dumps({"version": FORMAT_VERSION, "secrets": plain}, indent=1) + "\n"


def from_json(content: bytes, source: str) -> Tuple[MadeSecret, ...]:
    """Read what is remembered.

    Raises:
        NodeError: damaged, or written by another version of this addon.
    """
    # Few nodes have made any.
    from private_registry.pull_secrets import made_secrets as them  # noqa: PLC0415

    forget = f"microk8s kubectl get secrets -A -l {them.MANAGED_BY}={them.OURS}"
    forget += " (those that it named)"
    try:
        document = json_text.loads(content)
        if document["version"] != FORMAT_VERSION:
            raise unusable(_RECORD, source, forget, document["version"])
        return tuple(them.MadeSecret(**_made(each)) for each in document["secrets"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise unusable(_RECORD, source, forget) from error


def _made(plain: Mapping[str, Any]) -> Dict[str, Any]:
    registry = plain["registry"]
    return {
        "name": str(plain["name"]),
        "namespace": str(plain["namespace"]),
        "registry": None if registry is None else str(registry),
        "service_accounts": tuple(str(each) for each in plain["service_accounts"]),
    }
