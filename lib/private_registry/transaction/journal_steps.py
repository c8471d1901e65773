"""A journal's steps: done one after the other, or undone; each can be done twice.

What somebody else has put in the way since is never overwritten: doing stops there, and
undoing goes on around it and names it.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import Callable, Iterable, Iterator, Optional, Tuple

from private_registry.errors import NodeError
from private_registry.node import files
from private_registry.node.directories import ObstacleError, Place
from private_registry.node.file_values import NodePath, ObservedFile, Root
from private_registry.node.paths import (
    KUBELET_CONFIG_JSON,
    MOUNTED_KUBELET_CONFIG_JSON,
    STATE_DIRECTORY,
    TEMPLATE,
    Node,
)
from private_registry.transaction import (
    containerd_toml_permissions,
    lent_place,
    records,
)
from private_registry.transaction.journal import Journal, JournalledDirectory, Step
from private_registry.transaction.permissions import InPlace
from private_registry.transaction.plan import parents_of

_RESCUED = STATE_DIRECTORY + "/rescued"


def do(node: Node, journal: Journal) -> None:
    """Do all steps that are not done yet.

    Raises:
        OSError: the disk or the permissions refuse, or a directory is none any more.
        ChangedError: a file is not as it was when the journal was written.
    """
    _give_back_lent(node, journal)
    for directory in journal.new_directories:
        if _is_open(node, journal, directory.root):
            place = node.place(NodePath(Root(directory.root), directory.path))
            with _in_its_directory(place):
                files.make_directory(place, *directory.permissions)
    # Closed first: whoever restarts containerd now finds no password in the template
    # yet.
    for step in sorted(
        journal.steps, key=lambda each: each.in_place is not InPlace.CLOSE
    ):
        if _is_open(node, journal, step.root):
            with _in_its_directory(node.place(NodePath(Root(step.root), step.path))):
                _do(node, step, journal.staging)
    _sync_directories(node, journal)


@contextmanager
def _in_its_directory(target: Place) -> Iterator[None]:
    """Take a directory that is gone for what it is: somebody's change.

    Raises:
        ChangedError: the directory is gone.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise files.ChangedError(target) from error


def _give_back_lent(node: Node, journal: Journal) -> None:
    if (
        journal.reload is not None
        and node.docker is not None
        and _is_open(node, journal, Root.DOCKER.value)
    ):
        path = NodePath(Root.DOCKER, node.docker.config.path)
        with _in_its_directory(node.place(path)):
            lent_place.give_back(node, path, journal.staging)


def _do(node: Node, step: Step, staging: str) -> None:
    target, staged = _places(node, step, step.staged)
    if step.in_place is not None:
        if step.in_place is InPlace.CLOSE:
            containerd_toml_permissions.close(node, step, staging)
        return
    if step.permissions is not None and step.mark is not None:
        files.set_permissions(target, *step.permissions, step.mark)
        return
    mark = files.mark_of(target)
    if mark != step.mark:
        if _is_done(staged, mark):
            return
        raise files.ChangedError(target)
    if staged is None:
        files.remove(target)
    else:
        files.rename_if_there(staged, target)


def _is_done(staged: Optional[Place], mark: Optional[files.Mark]) -> bool:
    """Whether a step that was killed right behind its rename or removal is done."""
    return mark is None if staged is None else files.kind_of(staged) is None


def _places(
    node: Node, step: Step, other: Optional[str]
) -> Tuple[Place, Optional[Place]]:
    root = Root(step.root)
    second = None if other is None else node.place(NodePath(root, other))
    return node.place(NodePath(root, step.path)), second


def _is_open(node: Node, journal: Journal, root: str) -> bool:
    """Whether a root's part is still to be done.

    SNAP_COMMON's may have been finished from another revision's copy of the same
    journal.
    """
    return records.exists(node, NodePath(Root(root), journal.staging))


def remove_directories(
    node: Node, journal: Journal, directories: Iterable[JournalledDirectory]
) -> None:
    """Remove those of the directories that nothing is left in."""
    for each in directories:
        if _is_open(node, journal, each.root):
            files.remove_empty_directory(
                node.place(NodePath(Root(each.root), each.path))
            )


def _sync_directories(node: Node, journal: Journal) -> None:
    touched = {NodePath(Root(step.root), step.path).directory for step in journal.steps}
    places = [node.place(each) for each in sorted(touched, key=str)]
    files.sync(place for place in places if files.kind_of(place) == "directory")


def undo(node: Node, journal: Journal, say: Callable[[str], None]) -> None:
    """Undo all steps that are done.

    Args:
        node: whose files.
        journal: with the steps.
        say: is told what of somebody else's is left alone.

    Raises:
        OSError: the disk or the permissions refuse.
    """
    try:
        _give_back_lent(node, journal)
    except files.ChangedError as error:
        say(_left_alone(error.place))
    for step in reversed(journal.steps):
        if _is_open(node, journal, step.root):
            _undo_step(node, step, say)
    remove_directories(node, journal, reversed(journal.new_directories))
    _sync_directories(node, journal)


def _undo_step(node: Node, step: Step, say: Callable[[str], None]) -> None:
    if step.in_place is not None:
        # What is closed may hold a password until containerd has its old configuration
        # again.
        return
    target, staged = _places(node, step, step.staged)
    before = _places(node, step, step.before)[1]
    try:
        if step.old_permissions is not None and step.mark is not None:
            files.set_permissions(target, *step.old_permissions, step.mark)
        elif not _is_as_before(step, target, staged, before):
            _undo_done(node, step, target, before)
    except (files.ChangedError, ObstacleError, FileNotFoundError, IsADirectoryError):
        say(_left_alone(target))
        if before is not None:
            _rescue(node, step, before, say)


def _left_alone(place: Place) -> str:
    return f"left alone: {place.absolute} (somebody put something else there)"


def _is_as_before(
    step: Step, target: Place, staged: Optional[Place], before: Optional[Place]
) -> bool:
    """Whether a step was not done yet, or is undone already."""
    if staged is not None and files.kind_of(staged) is not None:
        return True
    if before is None:
        return files.kind_of(target) is None
    return files.mark_of(target) == step.mark or files.is_same(target, before)


def _undo_done(node: Node, step: Step, target: Place, before: Optional[Place]) -> None:
    """Put back what a step took away.

    Raises:
        ChangedError: what it wrote, or nothing where it removed something, is there no
            more.
    """
    if files.mark_of(target) not in (step.new_mark, None):
        raise files.ChangedError(target)
    if before is None:
        files.remove(target)
    else:
        _put_back(node, step, before, target)


def _put_back(node: Node, step: Step, before: Place, target: Place) -> None:
    try:
        files.rename_if_there(before, target)
    except FileNotFoundError:
        # Somebody removed the directory; what stood in it before us comes back all the
        # same.
        for parent in parents_of(step.path):
            place = node.place(NodePath(Root(step.root), parent))
            if files.kind_of(place) is None:
                files.make_directory(place, node.modes.directory, node.owner)
        files.rename_if_there(before, target)


def _rescue(node: Node, step: Step, before: Place, say: Callable[[str], None]) -> None:
    """Keep what cannot be put back where it stood, unless we wrote it and can do so
    again.
    """
    observed = files.observe(before)
    if observed is None or _is_ours(node, step, observed):
        return
    directory = node.place(NodePath(Root(step.root), _RESCUED))
    kept = directory.below(step.path.replace("/", "%"))
    files.make_own_directory(directory)
    files.rename(before, kept)
    say(f"what stood there before is kept: {kept.absolute}")


def _is_ours(node: Node, step: Step, observed: ObservedFile) -> bool:
    """Whether a file as it was before a run, or a login in it, was written by us.

    A login must not outlive `disable`, and the ledger is as before the run when this is
    asked.
    """
    if step.path.startswith(STATE_DIRECTORY + "/"):
        return True
    path = NodePath(Root(step.root), step.path)
    is_logins = path in (KUBELET_CONFIG_JSON, MOUNTED_KUBELET_CONFIG_JSON)
    try:
        ledger = records.ledger(node, Root.COMMON if is_logins else path.root)
    except NodeError:
        return False
    if Root(step.root) is Root.DATA and step.path == TEMPLATE:
        return bool(ledger.template.entries)
    if is_logins:
        return bool(ledger.kubelet.entries)
    entry = ledger.files.get(step.path)
    return entry is not None and entry.sha256 == observed.digest
