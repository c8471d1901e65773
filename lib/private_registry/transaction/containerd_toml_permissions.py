"""The permissions of containerd.toml, which containerd's start writes in place.

It is closed before a password can come into it, and opened when everything has been
taken that was to be taken; both can be done twice.
"""

from __future__ import annotations

from private_registry.node import files
from private_registry.node.directories import Place
from private_registry.node.file_values import NodePath, Root
from private_registry.node.paths import Node
from private_registry.transaction.follower import Followers
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
    node: Node, journal: Journal, followers: Followers, *, undone: bool
) -> None:
    """Give back the permissions of what was closed and holds no old login any more.

    Args:
        node: whose files.
        journal: of a run that is done.
        followers: know whether a login is an old one, and are told what stays closed.
        undone: that run was undone.
    """
    how = InPlace.CLOSE if undone else InPlace.OPEN
    for step in journal.steps:
        if step.in_place is how and step.permissions and step.old_permissions:
            turned = (step.permissions, step.old_permissions)
            closed, wanted = turned if undone else turned[::-1]
            place = node.place(NodePath(Root(step.root), step.path))
            _open(place, closed, wanted, followers)


def _open(
    place: Place, closed: Permissions, wanted: Permissions, followers: Followers
) -> None:
    observed = files.observe(place)
    if observed is None or (observed.mode, observed.owner) != closed:
        return
    if observed.is_link:
        return
    try:
        if observed.obstacle or followers.holds_logins(observed.content):
            followers.say(
                f"left closed: {place.absolute} (containerd has not written it anew)"
            )
        else:
            files.open_observed(place, *wanted, observed)
    except files.ChangedError:
        followers.say(
            f"left closed: {place.absolute} (somebody put something else there)"
        )
