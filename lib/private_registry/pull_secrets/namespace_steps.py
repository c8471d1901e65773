"""Steps: what is to be done in each namespace, and what names a Secret there."""

from __future__ import annotations

from typing import Any, Mapping, Tuple

from private_registry.named_tuple import NamedTuple
from private_registry.pull_secrets.retrying import Found
from private_registry.pull_secrets.secret import says_the_same

Plain = Mapping[str, Any]


class SecretStep(NamedTuple):
    """What is to be done for a pull secret in one namespace.

    Args:
        manifest: the Secret as it should be.
        before: as it is; None where there is none.
        accounts: the service accounts that are to name it and do not yet, as they are.
    """

    manifest: Plain
    before: Found
    accounts: Tuple[Plain, ...] = ()

    @property
    def name(self) -> str:
        """Of the Secret."""
        return str(self.manifest["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Where it is to be."""
        return str(self.manifest["metadata"]["namespace"])

    @property
    def references(self) -> Tuple[str, ...]:
        """The names of these accounts."""
        return tuple(str(each["metadata"]["name"]) for each in self.accounts)

    @property
    def is_written(self) -> bool:
        """Whether the Secret itself is created or updated."""
        return self.before is None or not says_the_same(self.before, self.manifest)


class Reference(NamedTuple):
    """That a service account names a Secret.

    Args:
        namespace: of both.
        account: which.
        secret: which.
    """

    namespace: str
    account: str
    secret: str
