"""The permissions of containerd.toml, which containerd's start writes in place.

It is closed before a password can come into it, and opened when everything has been
taken that was to be taken; both can be done twice.
"""

from __future__ import annotations

from typing import Callable

from private_registry.containerd.template import Template
from private_registry.containerd.template_file import template_to_clean
from private_registry.errors import ConflictError, NodeError
from private_registry.node import files
from private_registry.node.directories import Place
from private_registry.node.paths import Node
from private_registry.node.values import NodePath, Root
from private_registry.transaction.journal import Journal, Permissions, Step
from private_registry.transaction.permissions import InPlace

_NAME = "closed"


def close(node: Node, step: Step, staging: str) -> None:
    """Put a closed copy of the file in its place: who has it open already sees nothing
    new.

    Raises:
        OSError: the disk or the permissions refuse.
        ChangedError: it is no file any more, or written at this very moment.
    """
    place = node.place(NodePath(Root(step.root), step.path))
    observed = files.observe(place)
    if observed is None or step.permissions is None:
        return
    if observed.is_link or observed.obstacle:
        raise files.ChangedError(place)
    if (observed.mode, observed.owner) == step.permissions:
        return
    copy = node.place(NodePath(Root(step.root), f"{staging}/{_NAME}"))
    files.remove(copy)
    files.write_new(copy, observed.content, *step.permissions)
    files.sync([copy])
    if not files.is_unchanged(place, observed):
        raise files.ChangedError(place)
    files.rename(copy, place)


def open_again(
    node: Node, journal: Journal, say: Callable[[str], None], *, undone: bool
) -> None:
    """Give back the permissions of what was closed and holds no old login any more.

    Args:
        node: whose files.
        journal: of a run that is done.
        say: is told what stays closed.
        undone: that run was undone.
    """
    how = InPlace.CLOSE if undone else InPlace.OPEN
    for step in journal.steps:
        if step.in_place is how and step.permissions and step.old_permissions:
            turned = (step.permissions, step.old_permissions)
            closed, wanted = turned if undone else turned[::-1]
            _open(
                node,
                node.place(NodePath(Root(step.root), step.path)),
                closed,
                wanted,
                say,
            )


def _open(
    node: Node,
    place: Place,
    closed: Permissions,
    wanted: Permissions,
    say: Callable[[str], None],
) -> None:
    observed = files.observe(place)
    if (
        observed is None
        or (observed.mode, observed.owner) != closed
        or observed.is_link
    ):
        return
    file, _ = template_to_clean(node)
    text = "" if file is None else file.text
    try:
        if observed.obstacle or holds_old_logins(node, observed.content, text):
            say(f"left closed: {place.absolute} (containerd has not written it anew)")
        else:
            files.open_observed(place, *wanted, observed)
    except files.ChangedError:
        say(f"left closed: {place.absolute} (somebody put something else there)")


def holds_old_logins(node: Node, content: bytes, template: str) -> bool:
    """Whether containerd.toml holds logins that the template does not, or cannot be
    read.
    """
    try:
        loaded = Template(content.decode(), "containerd.toml")
        wanted = Template(
            node.rendered(template), "its template", as_far_as_readable=True
        )
        logins = [key for key in loaded.keys if key[-1] == "auth"]
        return any(loaded.get(key) != wanted.get(key) for key in logins)
    except (NodeError, ConflictError, UnicodeDecodeError):
        return True
