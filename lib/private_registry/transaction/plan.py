"""Compare what should be with what is and with what we wrote: the plan, as data.

``--dry-run`` prints a plan, everything else carries it out; there is no second way.
"""

from __future__ import annotations

from enum import Enum
from typing import Dict, Iterable, List, Mapping, Optional, Tuple

from private_registry.errors import ConflictError
from private_registry.named_tuple import NamedTuple
from private_registry.node.file_values import (
    NodePath,
    ObservedFile,
    Root,
    WantedFile,
    sha256,
)
from private_registry.transaction.ledger import Ledger, LedgerEntry, TemplateRecord
from private_registry.transaction.permissions import InPlace
from private_registry.transaction.situation import Situation


class Kind(Enum):
    """What happens to a file."""

    CREATE = "create"
    UPDATE = "update"
    PERMISSIONS = "permissions"
    RESTORE = "restore"
    DELETE = "delete"
    KEEP = "keep"


class Action(NamedTuple):
    """One file's part of a plan.

    Args:
        path: the file.
        kind: what happens to it.
        reason: why, for people.
        before: the file as it is; None where there is none.
        after: the file as it should be; None where nothing should be left of ours.
        original: for RESTORE, name below originals/ of what comes back.
        save_as: name below originals/ under which ``before`` is kept; None where it is
            ours.
        hint: the file is not as saved and stays so; people must be told.
        in_place: for PERMISSIONS, of a file that is not ours to replace; None for all
            others.
    """

    path: NodePath
    kind: Kind
    reason: str
    before: Optional[ObservedFile] = None
    after: Optional[WantedFile] = None
    original: Optional[str] = None
    save_as: Optional[str] = None
    hint: bool = False
    in_place: Optional[InPlace] = None

    @property
    def changes(self) -> bool:
        """Whether anything happens to the file."""
        return self.kind is not Kind.KEEP

    @property
    def secret(self) -> bool:
        """Whether the file must not be shown."""
        return self.after is not None and self.after.secret


class Plan(NamedTuple):
    """Everything one command does to the node's files, in order, and the ledgers
    afterwards.

    Args:
        actions: file by file.
        ledgers: what is ours when all is done.
        new_directories: to be made first, outermost first.
        spent_directories: ours, with nothing of ours left in them; removed at the end
            if empty, innermost first.
    """

    actions: Tuple[Action, ...]
    ledgers: Mapping[Root, Ledger]
    new_directories: Tuple[NodePath, ...] = ()
    spent_directories: Tuple[NodePath, ...] = ()

    @property
    def changes(self) -> List[Action]:
        """The actions that change a file."""
        return [action for action in self.actions if action.changes]

    def without_memory(self) -> Plan:
        """Return the plan without what the ledger would keep of entries taken away."""
        ledgers = {
            root: each._replace(template=TemplateRecord())
            for root, each in self.ledgers.items()
        }
        return self._replace(ledgers=ledgers)

    @property
    def hints(self) -> List[Action]:
        """Files that stay although they are not as saved."""
        return [action for action in self.actions if action.hint]


class _Draft:
    def __init__(self) -> None:
        self.actions: List[Action] = []
        self.conflicts: List[Action] = []
        self.entries: Dict[NodePath, LedgerEntry] = {}
        self.kept_texts: Dict[NodePath, bytes] = {}


def make_plan(situation: Situation) -> Plan:
    """Work out what to do.

    Raises:
        ConflictError: files in scope that we did not write, or that were changed since,
            stand where ours should go, and ``adopt`` is not set.
    """
    draft = _Draft()
    draft.entries.update(situation.of_others)
    for path, wanted in situation.wanted.items():
        _plan_wanted(situation, draft, path, wanted)
    if draft.conflicts:
        raise _conflict(draft.conflicts)
    for path, entry in _companions_last(situation.unwanted):
        _plan_unwanted(situation, draft, path, entry)
    new = _new_directories(situation, draft)
    ledgers = {
        root: _ledger_after(situation, draft, root, new) for root in situation.ledgers
    }
    return Plan(
        tuple(draft.actions), ledgers, new, _spent_directories(situation, new, ledgers)
    )


def _plan_wanted(
    situation: Situation, draft: _Draft, path: NodePath, wanted: WantedFile
) -> None:
    observed, entry = situation.observed.get(path), situation.entry(path)
    digest = sha256(wanted.content)
    original = entry.original if entry else None
    if observed is None and entry is not None and situation.repair is False:
        removed = "removed by hand since it was written"
        draft.actions.append(Action(path, Kind.KEEP, removed, after=wanted, hint=True))
        draft.entries[path] = entry
    elif observed is None:
        reason = "new" if entry is None else "somebody removed it"
        draft.actions.append(Action(path, Kind.CREATE, reason, after=wanted))
        draft.entries[path] = situation.written(wanted.content, original)
    elif observed.digest == digest:
        _plan_same_content(situation, draft, path, wanted, observed)
    elif entry is not None and observed.digest == entry.sha256:
        draft.actions.append(
            Action(path, Kind.UPDATE, "the settings changed", observed, wanted)
        )
        draft.entries[path] = situation.written(wanted.content, original)
    else:
        _plan_foreign(situation, draft, path, wanted, observed)


def _plan_same_content(
    situation: Situation,
    draft: _Draft,
    path: NodePath,
    wanted: WantedFile,
    observed: ObservedFile,
) -> None:
    entry = situation.entry(path)
    if entry is None and not situation.adopts(path):
        draft.actions.append(
            Action(path, Kind.KEEP, "already so, and not ours", observed, wanted)
        )
        return
    save_as = _original_name(path, observed) if entry is None else None
    original = save_as if entry is None else entry.original
    draft.entries[path] = situation.written(wanted.content, original)
    if save_as is not None:
        draft.actions.append(
            Action(path, Kind.UPDATE, "taken over", observed, wanted, save_as=save_as)
        )
    elif (observed.mode, observed.owner) != (
        wanted.mode,
        wanted.owner or situation.owner,
    ):
        reason = "its permissions were {:04o}, owner {}:{}".format(
            observed.mode, *observed.owner
        )
        if situation.repair is False and not wanted.secret:
            draft.actions.append(
                Action(path, Kind.KEEP, reason, observed, wanted, hint=True)
            )
            return
        draft.actions.append(Action(path, Kind.PERMISSIONS, reason, observed, wanted))
    else:
        draft.actions.append(Action(path, Kind.KEEP, "already so", observed, wanted))


def _plan_foreign(
    situation: Situation,
    draft: _Draft,
    path: NodePath,
    wanted: WantedFile,
    observed: ObservedFile,
) -> None:
    entry = situation.entry(path)
    if entry is not None and situation.repair and not observed.obstacle:
        reason = "changed by hand, and put right"
        draft.actions.append(Action(path, Kind.UPDATE, reason, observed, wanted))
        draft.entries[path] = situation.written(wanted.content, entry.original)
        return
    stock = entry is None and situation.is_stock(path.path, observed.content)
    if not observed.obstacle and (stock or situation.adopts(path)):
        save_as = _original_name(path, observed)
        reason = "replaces what MicroK8s ships" if stock else "taken over"
        draft.actions.append(
            Action(path, Kind.UPDATE, reason, observed, wanted, save_as=save_as)
        )
        draft.entries[path] = situation.written(wanted.content, save_as)
        return
    reason = (
        "written by somebody else"
        if entry is None
        else "changed by hand since it was written"
    )
    reason = observed.obstacle or reason
    kept = Action(path, Kind.KEEP, reason, observed, wanted, hint=True)
    if situation.in_scope(path) and situation.repair is None:
        draft.conflicts.append(kept)
    else:
        draft.actions.append(kept)
        if entry is not None:
            draft.entries[path] = entry


def _plan_unwanted(
    situation: Situation, draft: _Draft, path: NodePath, entry: LedgerEntry
) -> None:
    observed = situation.observed.get(path)
    if observed is not None and observed.digest != entry.sha256:
        change = observed.obstacle or "changed by hand since it was written"
        reason = f"{change}; it stays and is no longer ours"
        draft.actions.append(Action(path, Kind.KEEP, reason, observed, hint=True))
        kept = draft.kept_texts.get(path.directory, b"")
        draft.kept_texts[path.directory] = kept + observed.content
    elif path.name.encode() in draft.kept_texts.get(path.directory, b""):
        reason = "a file beside it that was changed by hand names it; it stays"
        draft.actions.append(Action(path, Kind.KEEP, reason, observed, hint=True))
    elif entry.original is not None:
        draft.actions.append(
            Action(
                path,
                Kind.RESTORE,
                "the original comes back",
                observed,
                original=entry.original,
            )
        )
    elif observed is not None:
        draft.actions.append(Action(path, Kind.DELETE, "no longer wanted", observed))


def _companions_last(
    unwanted: Mapping[NodePath, LedgerEntry],
) -> List[Tuple[NodePath, LedgerEntry]]:
    """Order removals so that no hosts.toml ever names a file that is gone.

    Docker, too, refuses a folder with a key whose certificate is gone.
    """
    endings = (".toml", ".key")
    return sorted(
        unwanted.items(),
        key=lambda item: [not item[0].path.endswith(each) for each in endings],
    )


def _new_directories(situation: Situation, draft: _Draft) -> Tuple[NodePath, ...]:
    parents = (
        NodePath(action.path.root, parent)
        for action in draft.actions
        if action.kind in (Kind.CREATE, Kind.RESTORE) and action.before is None
        for parent in parents_of(action.path.path)
    )
    return tuple(
        each for each in dict.fromkeys(parents) if each not in situation.directories
    )


def _ledger_after(
    situation: Situation, draft: _Draft, root: Root, new: Iterable[NodePath]
) -> Ledger:
    files = {
        path.path: entry for path, entry in draft.entries.items() if path.root is root
    }
    ours = situation.ledgers[root].directories.union(
        each.path for each in new if each.root is root
    )
    in_use = {parent for path in files for parent in parents_of(path)}
    return Ledger(files, ours & in_use)


def _spent_directories(
    situation: Situation, new: Iterable[NodePath], after: Mapping[Root, Ledger]
) -> Tuple[NodePath, ...]:
    ours = {
        NodePath(root, each)
        for root, ledger in situation.ledgers.items()
        for each in ledger.directories
    }
    spent = [
        each
        for each in ours.union(new)
        if each.path not in after[each.root].directories
    ]
    return tuple(
        sorted(spent, key=lambda each: (each.root.value, each.path), reverse=True)
    )


def parents_of(path: str) -> List[str]:
    """List the directories above a relative path, outermost first."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: length + 1]) for length in range(len(parts))]


def _original_name(path: NodePath, observed: ObservedFile) -> str:
    kept = (path.path, observed.digest, observed.mode, observed.owner)
    return sha256(repr(kept).encode())[:32]


def _conflict(conflicts: List[Action]) -> ConflictError:
    first = conflicts[0]
    more = f" (and {len(conflicts) - 1} more)" if len(conflicts) > 1 else ""
    return ConflictError(
        f"a file in the way was {first.reason}{more}",
        place=first.path.path,
        remedy=(
            "add --adopt to take it over; what it says now comes back with remove or"
            " disable"
        ),
    )
