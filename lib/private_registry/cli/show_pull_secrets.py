"""What becomes of pull secrets, for people; pure."""

from __future__ import annotations

from typing import List

from private_registry.pull_secrets.made_secrets import ChangedSecret, SecretChange

_DONE = {
    SecretChange.CREATE: "created",
    SecretChange.UPDATE: "updated",
    SecretChange.DELETE: "deleted",
}
_PLANNED = {
    SecretChange.CREATE: "would create",
    SecretChange.UPDATE: "would update",
    SecretChange.DELETE: "would delete",
}


def secret_lines(changed: ChangedSecret, *, dry_run: bool) -> List[str]:
    """Tell people what a command did to a Secret in one namespace."""
    secret = changed.secret
    lines = []
    if changed.change is not SecretChange.KEEP:
        word = (_PLANNED if dry_run else _DONE)[changed.change]
        lines.append(
            f"  {word} the Secret {secret.name} in namespace {secret.namespace}"
        )
    if changed.change is SecretChange.DELETE:
        verb = "would no longer name it" if dry_run else "no longer names it"
    else:
        verb = "would name it" if dry_run else "names it now"
    lines += [
        f"  service account {account} of namespace {secret.namespace} {verb}"
        for account in changed.accounts
    ]
    return lines
