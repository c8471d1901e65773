"""The node's own certs.d as what is imported: files that are taken over are gone."""

from __future__ import annotations

from private_registry.changes.requests import LeftLogins
from private_registry.errors import UsageError
from private_registry.node.paths import Node
from private_registry.texts.showing import quoted, shown_place


def check_logins_stay(node: Node, left: LeftLogins) -> None:
    """Refuse to take over files whose logins would be lost, and pulls with them.

    Raises:
        UsageError: the node's own tree holds some; with the options that keep them.
    """
    if left.directory and node.is_certs_d(left.directory):
        tree = f"--import {quoted(shown_place(left.directory))}"
        raise UsageError(
            "logins in headers would be lost: this is the node's own tree, and its"
            " files are written anew",
            place=shown_place(left.directory),
            instead=" ".join((tree, *left.options, "--adopt")),
        )
