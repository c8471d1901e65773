"""What a transaction prepares before it changes anything, and clears away when it is
over.
"""

from __future__ import annotations

import json
import os
from typing import Dict, List, Optional

from private_registry.node import files
from private_registry.node.file_values import (
    DockerPlaces,
    NodePath,
    Root,
    directory_mode,
)
from private_registry.node.paths import (
    KUBELET_CONFIG_JSON,
    MARKER,
    STATE_DIRECTORY,
    Node,
)
from private_registry.texts import json_text
from private_registry.transaction import ledger as ledger_format
from private_registry.transaction import records
from private_registry.transaction.follower import Followers
from private_registry.transaction.journal import (
    Journal,
    JournalledDirectory,
    Permissions,
    Step,
)
from private_registry.transaction.plan import Action, Kind, Plan, parents_of

OwnFiles = Dict[NodePath, Optional[bytes]]

STAGING = "staging-"
_ABOVE_LOGINS = frozenset(
    NodePath(KUBELET_CONFIG_JSON.root, each)
    for each in parents_of(KUBELET_CONFIG_JSON.path)
)
_DOCKER_PLACES = "docker.json"


def changed_own_files(
    node: Node, plan: Plan, saved: OwnFiles, *, enabled: bool
) -> OwnFiles:
    """Return those of our own files that are to say something else, or to go (None).

    Args:
        node: whose files.
        plan: with the ledgers afterwards.
        saved: what is to be remembered beside the ledgers; None for nothing.
        enabled: whether MicroK8s is to see the addon as enabled.
    """
    contents: OwnFiles = {
        records.ledger_path(root): (
            None if ledger.is_empty else ledger_format.to_json(ledger)
        )
        for root, ledger in plan.ledgers.items()
    }
    contents.update(saved)
    if enabled:
        contents[MARKER] = b""
    return {
        path: content
        for path, content in contents.items()
        if _differs(node, path, content)
    }


def _differs(node: Node, path: NodePath, content: Optional[bytes]) -> bool:
    if path == MARKER and files.kind_of(node.place(path)) == "file":
        # That it is there is all that MicroK8s looks at.
        return False
    return records.read(node, path) != content


def stage(node: Node, plan: Plan, own_files: OwnFiles, followers: Followers) -> Journal:
    """Write every new file and give every old one a second name.

    Return what is to be done then.

    Raises:
        OSError: the disk or the permissions refuse.
        ChangedError: a file changed after it was looked at.
    """
    journal = Journal(
        f"{STATE_DIRECTORY}/{STAGING}{os.urandom(8).hex()}",
        [_directory(node, each) for each in plan.new_directories],
        [_directory(node, each) for each in plan.spent_directories],
        [],
        docker=node.docker,
    )
    journal = followers.noted_in(journal)
    for root in _roots_touched(plan, journal):
        for directory in (
            STATE_DIRECTORY,
            records.originals_of(root).path,
            journal.staging,
        ):
            files.make_own_directory(node.place(NodePath(root, directory)))
        if root is Root.COMMON and node.docker is not None:
            # Before the journal is written nothing else tells where the rest of it is.
            note = node.place(NodePath(root, f"{journal.staging}/{_DOCKER_PLACES}"))
            files.write_new(
                note, json.dumps(node.docker).encode(), files.PRIVATE_FILE, None
            )
    for number, action in enumerate(plan.changes):
        journal.steps.append(_stage_action(node, action, f"{journal.staging}/{number}"))
    for number, (path, content) in enumerate(own_files.items()):
        place = f"{journal.staging}/own-{number}"
        journal.steps.append(_stage_own_file(node, path, content, place))
    staged = (
        NodePath(Root(each.root), each.staged) for each in journal.steps if each.staged
    )
    places = (node.place(path) for path in staged)
    # An original that is a symbolic link has nothing to sync.
    files.sync(place for place in places if files.kind_of(place) == "file")
    return journal


def _directory(node: Node, path: NodePath) -> JournalledDirectory:
    permissions = Permissions(node.modes.directory, node.owner)
    if node.docker is not None and path.root in (Root.DOCKER, Root.DOCKER_CERTS):
        place = node.docker.config if path.root is Root.DOCKER else node.docker.certs_d
        permissions = Permissions(directory_mode(place), place.owner)
    elif path in _ABOVE_LOGINS:
        # Nobody but root may put logins there.
        permissions = Permissions(files.PRIVATE_DIRECTORY, node.owner)
    return JournalledDirectory(path.root.value, path.path, permissions)


def _roots_touched(plan: Plan, journal: Journal) -> List[Root]:
    """List the roots that need a staging directory: Docker's only where something
    happens there.
    """
    touched = {action.path.root for action in plan.changes}
    touched.update(
        each.root for each in (*plan.new_directories, *plan.spent_directories)
    )
    if journal.reload is not None:
        touched.add(Root.DOCKER)
    return [
        root for root in Root if root in (Root.DATA, Root.COMMON) or root in touched
    ]


def _stage_action(node: Node, action: Action, place: str) -> Step:
    root, path = action.path
    target, before, mark = node.place(action.path), None, None
    if action.before is not None:
        if not files.is_unchanged(target, action.before):
            raise files.ChangedError(target)
        mark = files.mark_of(target)
        if action.kind is Kind.PERMISSIONS and action.after is not None:
            new = Permissions(action.after.mode, action.after.owner or node.owner)
            old = Permissions(action.before.mode, action.before.owner)
            step = Step(
                root.value, path, permissions=new, old_permissions=old, mark=mark
            )
            return step._replace(in_place=action.in_place)
        before = place + ".before"
        second = node.place(NodePath(root, before))
        files.link_observed(target, second, action.before)
        if action.save_as is not None:
            saved = NodePath(
                root, f"{records.originals_of(root).path}/{action.save_as}"
            )
            files.link(second, node.place(saved), exists_ok=True)
    if action.kind is Kind.DELETE:
        return Step(root.value, path, None, before, mark=mark)
    staged = node.place(NodePath(root, place))
    if action.original is not None:
        kept = NodePath(root, f"{records.originals_of(root).path}/{action.original}")
        files.link(node.place(kept), staged)
    elif action.after is not None:
        owner = action.after.owner or node.owner
        files.write_new(staged, action.after.content, action.after.mode, owner)
    return Step(
        root.value, path, place, before, mark=mark, new_mark=files.mark_of(staged)
    )


def _stage_own_file(
    node: Node, path: NodePath, content: Optional[bytes], place: str
) -> Step:
    target, before, mark = node.place(path), None, files.mark_of(node.place(path))
    if mark is not None:
        before = place + ".before"
        files.link(target, node.place(NodePath(path.root, before)))
    if content is None:
        return Step(path.root.value, path.path, None, before, mark=mark)
    staged = node.place(NodePath(path.root, place))
    if path == MARKER:
        files.write_new(staged, content, node.modes.file, node.owner)
    else:
        files.write_new(staged, content, files.PRIVATE_FILE, None)
    new_mark = files.mark_of(staged)
    return Step(path.root.value, path.path, place, before, mark=mark, new_mark=new_mark)


def clear(node: Node, journal: Optional[NodePath] = None) -> None:
    """Remove the journal, staging directories, unused originals and, if empty, our
    directories.

    What is in Docker's directories goes first: only the journal, or what is staged
    beside it, tells where they are.
    """
    places = node.docker or _docker_places(node)
    node = node._replace(docker=places)
    for root in reversed(node.roots):
        if root is Root.COMMON and journal is not None:
            files.remove(node.place(journal))
        own = node.place(NodePath(root, STATE_DIRECTORY))
        for name in files.names_in(own):
            if name.startswith(STAGING):
                files.remove_flat_directory(own.below(name))
        _remove_unused_originals(node, root)
        files.remove_empty_directory(node.place(records.originals_of(root)))
        if own != node.lock:
            # That one goes with the lock that lies on it.
            files.remove_empty_directory(own)


def _docker_places(node: Node) -> Optional[DockerPlaces]:
    """Read where a run that was killed early has staged something for a Docker
    engine.
    """
    for name in records.names_in(node, NodePath(Root.COMMON, STATE_DIRECTORY)):
        if not name.startswith(STAGING):
            continue
        note = NodePath(Root.COMMON, f"{STATE_DIRECTORY}/{name}/{_DOCKER_PLACES}")
        try:
            return DockerPlaces.from_plain(
                json_text.loads(records.read(node, note) or b"")
            )
        except (ValueError, TypeError, AttributeError):
            # There is none, or it was being written: nothing is staged there yet.
            continue
    return None


def _remove_unused_originals(node: Node, root: Root) -> None:
    originals = node.place(records.originals_of(root))
    names = files.names_in(originals)
    used = (
        {entry.original for entry in records.ledger(node, root).files.values()}
        if names
        else ()
    )
    for name in names:
        if name not in used:
            files.remove(originals.below(name))
