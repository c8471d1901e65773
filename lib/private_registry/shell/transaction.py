"""Carry out a plan so that no file is ever half and no run stays half done.

1. Every new file is *staged*: written whole, with its mode and owner, into a directory of ours on
   the same file system. Every file that will be replaced gets a second name there (a hard link), so
   that putting it back needs no space and brings back the very same file.
2. The *journal*, which lists the renames and removals to come, is written and synced.
   Until here nothing of the node has changed; from here on the run will be finished.
3. The renames and removals are done, each atomic, each safe to do twice.
4. Where containerd has to take something at its start, it is restarted and asked.
5. The journal is removed, then the staging directory.

Killed before 2 is complete, the next run clears the staging directory; killed later, it goes on at
3. What fails in 3 or 4 turns the journal round (a rename) and undoes 3; containerd then starts
again with what it had.
"""

from __future__ import annotations

import os
from typing import Dict, Iterable, NoReturn, Optional

from private_registry.core import ledger as ledger_format
from private_registry.core.plan import Action, Kind, NodePath, Plan, Root
from private_registry.errors import ConflictError, NodeError, WriteError
from private_registry.shell import files, records
from private_registry.shell.containerd import Containerd
from private_registry.shell.journal import Directory, Journal, Permissions, Step
from private_registry.shell.node import MARKER, STATE, STATE_DIRECTORY, Node

OwnFiles = Dict[NodePath, Optional[bytes]]

_STAGING = "staging-"
_JOURNAL = NodePath(Root.DATA, STATE_DIRECTORY + "/journal.json")
_UNDO = NodePath(Root.DATA, STATE_DIRECTORY + "/undo.json")


def commit(
    node: Node,
    plan: Plan,
    state: Optional[bytes],
    *,
    enabled: bool,
    to_restart: Optional[Containerd] = None,
) -> None:
    """Carry out a plan, with the ledgers that belong to it and the saved desired state.

    The caller holds the lock. Where nothing differs, nothing is touched.

    Args:
        node: whose files.
        plan: what to do.
        state: text of registries.toml; None removes it.
        enabled: whether MicroK8s is to see the addon as enabled. The sign for it comes with all
            else, and goes last of all, so that a disable which was killed can be called again.
        to_restart: reads something of it at its start only; None where nothing does.

    Raises:
        NodeError: containerd does not take it; all is as before.
        WriteError: the disk or the permissions refused; all is as before.
        ConflictError: a file changed after it was looked at; all is as before.
    """
    own_files = _changed_own_files(node, plan, state, enabled=enabled)
    if plan.changes or own_files:
        _carry_out(node, plan, own_files, to_restart)
    elif to_restart is not None:
        to_restart.restart()
    if not enabled:
        _remove_marker(node)


def _carry_out(
    node: Node, plan: Plan, own_files: OwnFiles, to_restart: Optional[Containerd]
) -> None:
    try:
        journal = _stage(node, plan, own_files)._replace(restart=to_restart is not None)
        _write_journal(node, journal)
    except BaseException as error:
        _forget(node)
        if isinstance(error, OSError):
            raise _write_error(error, "nothing was changed") from error
        raise
    try:
        _finish(node, journal)
        if to_restart is not None:
            to_restart.restart()
    except BaseException as error:  # noqa: BLE001 - undone and raised again
        _turn_round(node, journal, error, to_restart)
    try:
        _tidy_up(node, journal)
    except OSError as error:
        raise _write_error(error, "all is done but the tidying up") from error


def _remove_marker(node: Node) -> None:
    try:
        files.remove(node.absolute(MARKER))
    except OSError as error:
        raise _write_error(error, "the registries themselves are taken back") from error


def recover(node: Node, containerd: Containerd) -> bool:
    """Finish or undo what a killed run left; return whether there was anything.

    The caller holds the lock.

    Raises:
        WriteError: the disk or the permissions refuse.
        NodeError: containerd does not take what the killed run wrote; that is undone now.
    """
    try:
        if _recover_undo(node, containerd) or _recover_journal(node, containerd):
            return True
        _clean_up(node, None)
    except OSError as error:
        raise _write_error(error, "an earlier run is still unfinished") from error
    return False


def _recover_undo(node: Node, containerd: Containerd) -> bool:
    content = records.read(node, _UNDO)
    if content is None:
        return False
    journal = Journal.from_json(content)
    _undo(node, journal)
    if journal.restart:
        containerd.settle()
    _clean_up(node, _UNDO)
    return True


def _recover_journal(node: Node, containerd: Containerd) -> bool:
    content = records.read(node, _JOURNAL)
    if content is None:
        return False
    journal = Journal.from_json(content)
    _finish(node, journal)
    if journal.restart:
        try:
            containerd.settle()
        except NodeError as error:
            _turn_round(node, journal, error, containerd)
    _tidy_up(node, journal)
    return True


# --- staging ---------------------------------------------------------------------------------


def _changed_own_files(
    node: Node, plan: Plan, state: Optional[bytes], *, enabled: bool
) -> OwnFiles:
    contents: OwnFiles = {
        NodePath(root, records.LEDGER): None if ledger.is_empty else ledger_format.to_json(ledger)
        for root, ledger in plan.ledgers.items()
    }
    contents[STATE] = state
    if enabled:
        contents[MARKER] = b""
    return {
        path: content for path, content in contents.items() if records.read(node, path) != content
    }


def _stage(node: Node, plan: Plan, own_files: OwnFiles) -> Journal:
    journal = Journal(
        f"{STATE_DIRECTORY}/{_STAGING}{os.urandom(8).hex()}",
        Permissions(node.modes.directory, node.owner),
        [Directory(each.root.value, each.path) for each in plan.new_directories],
        [Directory(each.root.value, each.path) for each in plan.spent_directories],
        [],
        restart=False,
    )
    for root in Root:
        for directory in (STATE_DIRECTORY, records.ORIGINALS, journal.staging):
            files.make_directory(node.absolute(NodePath(root, directory)))
    for number, action in enumerate(plan.changes):
        journal.steps.append(_stage_action(node, action, f"{journal.staging}/{number}"))
    for number, (path, content) in enumerate(own_files.items()):
        place = f"{journal.staging}/own-{number}"
        journal.steps.append(_stage_own_file(node, path, content, place))
    staged = (NodePath(Root(each.root), each.staged) for each in journal.steps if each.staged)
    paths = (node.absolute(path) for path in staged)
    # An original that is a symbolic link has nothing to sync, and may point anywhere.
    files.sync(path for path in paths if files.kind_of(path) == "file")
    return journal


def _stage_action(node: Node, action: Action, place: str) -> Step:
    root, path = action.path
    before = None
    if action.before is not None:
        _check_unchanged(node, action)
        if action.kind is Kind.PERMISSIONS and action.after is not None:
            new = Permissions(action.after.mode, action.after.owner or node.owner)
            old = Permissions(action.before.mode, action.before.owner)
            return Step(root.value, path, permissions=new, old_permissions=old)
        before = _second_name(node, action.path, place)
        if action.save_as is not None:
            saved = NodePath(root, f"{records.ORIGINALS}/{action.save_as}")
            files.link(node.absolute(action.path), node.absolute(saved), exists_ok=True)
    if action.kind is Kind.DELETE:
        return Step(root.value, path, None, before)
    staged = node.absolute(NodePath(root, place))
    if action.original is not None:
        kept = NodePath(root, f"{records.ORIGINALS}/{action.original}")
        files.link(node.absolute(kept), staged)
    elif action.after is not None:
        owner = action.after.owner or node.owner
        files.write_new(staged, action.after.content, action.after.mode, owner)
    return Step(root.value, path, place, before)


def _stage_own_file(node: Node, path: NodePath, content: Optional[bytes], place: str) -> Step:
    before = _second_name(node, path, place) if records.exists(node, path) else None
    if content is None:
        return Step(path.root.value, path.path, None, before)
    staged = node.absolute(NodePath(path.root, place))
    if path == MARKER:
        files.write_new(staged, content, node.modes.file, node.owner)
    else:
        files.write_new(staged, content, files.PRIVATE_FILE, None)
    return Step(path.root.value, path.path, place, before)


def _second_name(node: Node, path: NodePath, place: str) -> str:
    before = place + ".before"
    files.link(node.absolute(path), node.absolute(NodePath(path.root, before)))
    return before


def _check_unchanged(node: Node, action: Action) -> None:
    if action.before is None or files.is_unchanged(node.absolute(action.path), action.before):
        return
    raise ConflictError(
        "somebody changed a file at this very moment",
        place=node.shown(action.path),
        remedy="run the same command again",
    )


def _write_journal(node: Node, journal: Journal) -> None:
    absolute = node.absolute(_JOURNAL)
    temporary = node.absolute(NodePath(Root.DATA, journal.staging + "/journal"))
    files.write_new(temporary, journal.to_json(), files.PRIVATE_FILE, None)
    files.sync([temporary])
    files.rename(temporary, absolute)
    files.sync([os.path.dirname(absolute)])


# --- finishing -------------------------------------------------------------------------------


def _finish(node: Node, journal: Journal) -> None:
    for directory in journal.new_directories:
        if _is_open(node, journal, directory.root):
            absolute = node.absolute(NodePath(Root(directory.root), directory.path))
            files.make_directory(absolute)
            files.set_permissions(absolute, journal.permissions.mode, journal.permissions.owner)
    for step in journal.steps:
        if _is_open(node, journal, step.root):
            _do(node, step)
    _sync_directories(node, journal)


def _do(node: Node, step: Step) -> None:
    root = Root(step.root)
    target = node.absolute(NodePath(root, step.path))
    if step.permissions is not None:
        files.set_permissions(target, step.permissions.mode, step.permissions.owner)
    elif step.staged is None:
        files.remove(target)
    else:
        files.rename_if_there(node.absolute(NodePath(root, step.staged)), target)


def _is_open(node: Node, journal: Journal, root: str) -> bool:
    """Whether a root's part is still to be done.

    SNAP_COMMON's may have been finished from another revision's copy of the same journal.
    """
    return records.exists(node, NodePath(Root(root), journal.staging))


def _remove_directories(node: Node, journal: Journal, directories: Iterable[Directory]) -> None:
    for each in directories:
        if _is_open(node, journal, each.root):
            files.remove_empty_directory(node.absolute(NodePath(Root(each.root), each.path)))


def _sync_directories(node: Node, journal: Journal) -> None:
    touched = {NodePath(Root(step.root), step.path).directory for step in journal.steps}
    files.sync(
        node.absolute(each) for each in sorted(touched, key=str) if records.exists(node, each)
    )


# --- undoing ---------------------------------------------------------------------------------


def _turn_round(
    node: Node, journal: Journal, error: BaseException, to_restart: Optional[Containerd]
) -> NoReturn:
    outcome = "nothing was changed"
    try:
        files.rename(node.absolute(_JOURNAL), node.absolute(_UNDO))
        _undo(node, journal)
        if to_restart is not None:
            to_restart.settle()
        _clean_up(node, _UNDO)
    except OSError:
        outcome = "the next command will put it right"
    except NodeError as second:
        _clean_up(node, _UNDO)
        raise _neither(error, second) from error
    if isinstance(error, NodeError) and not isinstance(error, ConflictError):
        error.message += "; all was put back as it was"
    if isinstance(error, OSError):
        raise _write_error(error, outcome) from error
    raise error


def _undo(node: Node, journal: Journal) -> None:
    for step in reversed(journal.steps):
        if _is_open(node, journal, step.root):
            _undo_step(node, step)
    _remove_directories(node, journal, reversed(journal.new_directories))
    _sync_directories(node, journal)


def _undo_step(node: Node, step: Step) -> None:
    root = Root(step.root)
    target = node.absolute(NodePath(root, step.path))
    if step.old_permissions is not None:
        files.set_permissions(target, step.old_permissions.mode, step.old_permissions.owner)
    elif step.before is not None:
        files.rename_if_there(node.absolute(NodePath(root, step.before)), target)
    elif step.staged is not None and not records.exists(node, NodePath(root, step.staged)):
        files.remove(target)


def _neither(error: BaseException, second: NodeError) -> NodeError:
    first = error.message if isinstance(error, NodeError) else str(error) or "interrupted"
    return NodeError(
        f"{first}; the files were put back, but {second.message}",
        place=second.place,
        remedy="look at the file for what somebody else changed, then: microk8s private-registry "
        "apply",
    )


# --- tidying up ------------------------------------------------------------------------------


def _tidy_up(node: Node, journal: Journal) -> None:
    """End a run whose steps are all done; nothing here can be undone, all can be done twice."""
    _remove_directories(node, journal, journal.spent_directories)
    _clean_up(node, _JOURNAL)


def _clean_up(node: Node, journal: Optional[NodePath]) -> None:
    """Remove the journal, staging directories, unused originals and, if empty, our directories."""
    if journal is not None:
        files.remove(node.absolute(journal))
    for root in Root:
        own = node.absolute(NodePath(root, STATE_DIRECTORY))
        for name in files.names_in(own):
            if name.startswith(_STAGING):
                files.remove_flat_directory(os.path.join(own, name))
        _remove_unused_originals(node, root)
        files.remove_empty_directory(node.absolute(NodePath(root, records.ORIGINALS)))
        files.remove_empty_directory(own)


def _remove_unused_originals(node: Node, root: Root) -> None:
    originals = node.absolute(NodePath(root, records.ORIGINALS))
    names = files.names_in(originals)
    used = {entry.original for entry in records.ledger(node, root).files.values()} if names else ()
    for name in names:
        if name not in used:
            files.remove(os.path.join(originals, name))


def _forget(node: Node) -> None:
    """Clear what was staged, as far as the disk lets us; the next run does the rest."""
    try:
        files.remove(node.absolute(_JOURNAL))
        _clean_up(node, None)
    except (OSError, NodeError):
        return


def _write_error(error: OSError, outcome: str) -> WriteError:
    reason = (error.strerror or str(error)).lower()
    return WriteError(
        f"a file could not be written: {reason}; {outcome}",
        place=str(error.filename) if error.filename else None,
        remedy="make room or mend the permissions, then run the same command again",
    )
