"""Carry out a plan so that no file is ever half and no run stays half done.

1. Every new file is *staged*: written whole, with its mode and owner, into a directory
   of ours on the same file system. Every file that will be replaced gets a second name
   there (a hard link), so that putting it back needs no space and brings back the very
   same file.
2. The *journal*, which lists the renames and removals to come, is written and synced.
   Until here nothing of the node has changed; from here on the run will be finished.
3. The renames and removals are done, each atomic, each safe to do twice.
4. What has to take something of it does: containerd at its start, a Docker engine on a
   reload. Then what was closed only as long as it held a password is opened again.
5. The journal is removed, then the staging directory.

Killed before 2 is complete, the next run clears the staging directory; killed later, it
goes on at
3. What fails in 3 or 4 turns the journal round (a rename) and undoes 3; containerd and
Docker then take again what they had.
"""

from __future__ import annotations

from typing import NoReturn, Union

from private_registry.errors import (
    ConflictError,
    LeftBehindError,
    NodeError,
    PrivateRegistryError,
    WriteError,
)
from private_registry.node import files
from private_registry.node.directories import ObstacleError
from private_registry.node.file_values import NodePath, Root
from private_registry.node.paths import MARKER, STATE_DIRECTORY, Node
from private_registry.texts import json_text
from private_registry.texts.showing import moved_aside
from private_registry.transaction import (
    containerd_toml_permissions,
    journal_steps,
    records,
)
from private_registry.transaction.follower import NOBODY, Followers, FollowersOf
from private_registry.transaction.journal import Journal
from private_registry.transaction.plan import Plan
from private_registry.transaction.staging import (
    STAGING,
    OwnFiles,
    changed_own_files,
    clear,
    stage,
)

_JOURNAL = NodePath(Root.DATA, STATE_DIRECTORY + "/journal.json")
_UNDO = NodePath(Root.DATA, STATE_DIRECTORY + "/undo.json")


def commit(
    node: Node,
    plan: Plan,
    saved: OwnFiles,
    *,
    enabled: bool,
    followers: Followers = NOBODY,
) -> None:
    """Carry out a plan, with the ledgers that belong to it and the saved desired state.

    The caller holds the lock. Where nothing differs, nothing is touched.

    Args:
        node: whose files.
        plan: what to do.
        saved: what is to be remembered beside the ledgers; None for nothing.
        enabled: whether MicroK8s is to see the addon as enabled. The sign for it comes
            with all else, and goes last of all, so that a disable which was killed can
            be called again.
        followers: who has to take it.

    Raises:
        NodeError: a follower does not take it; all is as before.
        WriteError: the disk or the permissions refused; all is as before.
        ConflictError: a file changed after it was looked at; all is as before.
    """
    own_files = changed_own_files(node, plan, saved, enabled=enabled)
    has_steps = bool(plan.changes or own_files)
    if has_steps or followers.need_journal:
        _carry_out(node, plan, own_files, followers)
    else:
        followers.take("")
    if not enabled:
        _remove_marker(node)


def _carry_out(
    node: Node, plan: Plan, own_files: OwnFiles, followers: Followers
) -> None:
    try:
        journal = stage(node, plan, own_files, followers)
        _write_journal(node, journal)
    except BaseException as error:  # noqa: BLE001 - cleared away and raised again
        _forget(node)
        _raise(error, "nothing was changed")
    try:
        journal_steps.do(node, journal)
        followers.take(journal.staging)
    except BaseException as error:  # noqa: BLE001 - undone and raised again
        _turn_round(node, journal, error, followers)
    try:
        _tidy_up(node, journal, followers)
    except OSError as error:
        raise _write_error(error, "all is done but the tidying up") from error


def _remove_marker(node: Node) -> None:
    place = node.place(MARKER)
    try:
        if files.kind_of(place) != "directory":
            files.remove(place)
    except OSError as error:
        raise _write_error(error, "the registries themselves are taken back") from error


def is_interrupted(node: Node) -> bool:
    """Whether a killed run left something to finish or undo."""
    return any(records.exists(node, path) for path in (_JOURNAL, _UNDO))


def recover(node: Node, followers_of: FollowersOf) -> bool:
    """Finish or undo what a killed run left; return whether there was anything.

    The caller holds the lock.

    Args:
        node: whose files.
        followers_of: returns those that have to take what a journal says.

    Raises:
        WriteError: the disk or the permissions refuse. NodeError: a follower does not
        take what the killed run wrote; that is undone now. Or the
            journal is damaged.
    """
    try:
        if _recover_undo(node, followers_of) or _recover_journal(node, followers_of):
            return True
        clear(node)
    except OSError as error:
        raise _write_error(error, "an earlier run is still unfinished") from error
    return False


def _recover_undo(node: Node, followers_of: FollowersOf) -> bool:
    content = records.read(node, _UNDO)
    if content is None:
        return False
    journal = Journal.from_json(content, node.shown(_UNDO))
    node = node._replace(docker=journal.docker)
    followers = followers_of(node, journal)
    journal_steps.undo(node, journal, followers.say)
    followers.settle(journal.staging)
    containerd_toml_permissions.open_again(node, journal, followers, undone=True)
    clear(node, _UNDO)
    return True


def _recover_journal(node: Node, followers_of: FollowersOf) -> bool:
    content = records.read(node, _JOURNAL)
    if content is None:
        return False
    journal = Journal.from_json(content, node.shown(_JOURNAL))
    node = node._replace(docker=journal.docker)
    followers = followers_of(node, journal)
    try:
        journal_steps.do(node, journal)
        followers.settle(journal.staging)
    except NodeError as error:
        _turn_round(node, journal, error, followers)
    except (files.ChangedError, ObstacleError) as error:
        followers.say(
            f"an earlier run was killed and is undone now: {_told(error, '').message}"
        )
        _take_back(node, journal, followers)
        return True
    _tidy_up(node, journal, followers)
    return True


def _write_journal(node: Node, journal: Journal) -> None:
    target = node.place(_JOURNAL)
    temporary = node.place(NodePath(Root.DATA, journal.staging)).below("journal")
    content = journal.to_json()
    if len(content) > json_text.MOST_BYTES:
        raise NodeError(
            "so many files cannot be changed at once; nothing was changed",
            remedy="give half of the registries first, then all of them",
        )
    files.write_new(temporary, content, files.PRIVATE_FILE, None)
    files.sync([temporary])
    files.rename(temporary, target)
    files.sync([target.directory])


# --- turning round --------------------------------------------------------------------


def _turn_round(
    node: Node, journal: Journal, error: BaseException, followers: Followers
) -> NoReturn:
    """Undo what was done, and raise the error that was the reason."""
    outcome = "nothing was changed"
    try:
        _take_back(node, journal, followers)
    except OSError:
        outcome = "the next command will put it right"
    except NodeError as second:
        raise _neither(error, second) from error
    if isinstance(error, LeftBehindError):
        error.message += "; the node's files were put back"
    elif isinstance(error, NodeError):
        error.message += "; all was put back as it was"
    _raise(error, outcome)


def _take_back(node: Node, journal: Journal, followers: Followers) -> None:
    files.rename(node.place(_JOURNAL), node.place(_UNDO))
    journal_steps.undo(node, journal, followers.say)
    try:
        followers.settle(journal.staging)
    finally:
        containerd_toml_permissions.open_again(node, journal, followers, undone=True)
        clear(node, _UNDO)


def _neither(error: BaseException, second: NodeError) -> NodeError:
    first = (
        error.message if isinstance(error, NodeError) else str(error) or "interrupted"
    )
    return NodeError(
        f"{first}; the files were put back, but {second.message}",
        place=second.place,
        remedy=(
            "look at the file for what somebody else changed, then: microk8s"
            " private-registry apply"
        ),
    )


# --- tidying up -----------------------------------------------------------------------


def _tidy_up(node: Node, journal: Journal, followers: Followers) -> None:
    """End a run whose steps are all done.

    Nothing here can be undone, all can be done twice.
    """
    containerd_toml_permissions.open_again(node, journal, followers, undone=False)
    journal_steps.remove_directories(node, journal, journal.spent_directories)
    clear(node, _JOURNAL)


def _forget(node: Node) -> None:
    """Clear what was staged, as far as the disk lets us; the next run does the rest."""
    try:
        files.remove(node.place(_JOURNAL))
        clear(node)
    except (OSError, NodeError):
        return


# --- errors ---------------------------------------------------------------------------


def _raise(error: BaseException, outcome: str) -> NoReturn:
    if isinstance(error, (OSError, files.ChangedError)):
        raise _told(error, outcome) from error
    raise error


def _told(
    error: Union[OSError, files.ChangedError], outcome: str
) -> PrivateRegistryError:
    if isinstance(error, files.ChangedError):
        return ConflictError(
            "somebody changed a file at this very moment",
            place=error.place.absolute,
            remedy="run the same command again",
        )
    if isinstance(error, ObstacleError):
        shown = str(error.filename)
        remedy = f"move it away: {moved_aside(shown)}"
        return ConflictError(str(error.strerror), place=shown, remedy=remedy)
    return _write_error(error, outcome)


def _write_error(error: OSError, outcome: str) -> WriteError:
    reason = (error.strerror or str(error)).lower()
    # The name of a staging directory is another one each time.
    place = str(error.filename or "").partition(f"/{STAGING}")[0]
    return WriteError(
        f"a file could not be written: {reason}; {outcome}",
        place=place or None,
        remedy="make room or mend the permissions, then run the same command again",
    )
