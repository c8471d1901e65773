"""Pull secrets that were made from a node, and what a command does to each; pure."""

from __future__ import annotations

from enum import Enum
from typing import Optional, Tuple

from private_registry.named_tuple import NamedTuple

MANAGED_BY = "app.kubernetes.io/managed-by"
OURS = "private-registry-config"


class MadeSecret(NamedTuple):
    """A Secret of ours in one namespace, as remembered on the node: without what it
    says.

    Args:
        name: of the Secret.
        namespace: where it is.
        registry: what it is a login for, as text; None where it came from a
            config.json.
        service_accounts: those that name it because of us.
    """

    name: str
    namespace: str
    registry: Optional[str] = None
    service_accounts: Tuple[str, ...] = ()

    @property
    def key(self) -> Tuple[str, str]:
        """What tells it from others: namespace and name."""
        return self.namespace, self.name

    @property
    def deleting(self) -> str:
        """What is typed behind kubectl to delete it."""
        return f"delete secret -n {self.namespace} {self.name}"


class SecretChange(Enum):
    """What happens to a Secret in one namespace."""

    CREATE = "create"
    UPDATE = "update"
    KEEP = "keep"
    DELETE = "delete"


class ChangedSecret(NamedTuple):
    """A Secret that a command is about.

    Args:
        change: what happens to it.
        secret: which.
        accounts: the service accounts that name it now, or no longer.
    """

    change: SecretChange
    secret: MadeSecret
    accounts: Tuple[str, ...] = ()

    @property
    def is_change(self) -> bool:
        """Whether anything in the cluster changes."""
        return self.change is not SecretChange.KEEP or bool(self.accounts)
