"""Compare the entries that containerd-template.toml should have with those it has.

The rules are those of transaction/plan.py for whole files: what somebody else wrote, or
changed after us, is a conflict; with ``adopt`` it is taken over and comes back in the
end.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Dict, FrozenSet, Iterable, List, Optional, Tuple

from private_registry.containerd.microk8s_defaults import is_stock_entry
from private_registry.containerd.template import Template, shown_key
from private_registry.containerd.template_entries import OwnedEntry
from private_registry.errors import ConflictError
from private_registry.named_tuple import NamedTuple
from private_registry.node.file_values import (
    Found,
    NodePath,
    ObservedFile,
    WantedFile,
    sha256,
)
from private_registry.registries.names import RegistryName
from private_registry.transaction.ledger import EntryKey, EntryRecord, TemplateRecord
from private_registry.transaction.permissions import closed, opened
from private_registry.transaction.plan import Action, Kind, Plan

_SHOWN_REASONS = 3


class TemplateSituation(NamedTuple):
    """All that the template's part of a plan depends on.

    Args:
        template: as it is.
        found: its mode and owner.
        user: who alone may read it while it holds a password.
        wanted: the entries that it should have for our registries.
        record: what we wrote there.
        adopt: take over entries in scope that somebody else wrote or changed.
        in_scope: whether the command is about a registry.
    """

    template: Template
    found: Found
    user: int
    wanted: Iterable[OwnedEntry]
    record: TemplateRecord
    adopt: bool = False
    in_scope: Callable[[RegistryName], bool] = lambda _name: True


class TemplateEdit(NamedTuple):
    """How the template should be.

    Args:
        text: the whole file.
        permissions: its mode and owner.
        record: what is ours in it then.
        reasons: what changes, for people.
        hints: what stays although it is not as saved, for people.
        touched: the entries that change.
    """

    text: str
    permissions: Found
    record: TemplateRecord
    reasons: Tuple[str, ...]
    hints: Tuple[str, ...]
    touched: FrozenSet[EntryKey]


class _Draft:
    def __init__(self, situation: TemplateSituation) -> None:
        self.situation = situation
        self.changes: Dict[EntryKey, Optional[str]] = {}
        self.entries: Dict[EntryKey, EntryRecord] = {}
        self.reasons: List[str] = []
        self.hints: List[str] = []

    def change(self, key: EntryKey, text: Optional[str], what: str) -> None:
        self.changes[key] = text
        self.reasons.append(f"{what} {shown_key(key)}")


def plan_template(situation: TemplateSituation) -> TemplateEdit:
    """Work out what to change.

    Raises:
        ConflictError: an entry in scope was written by somebody else, or changed since,
            and ``adopt`` is not set.
    """
    template, record = situation.template, situation.record
    draft = _Draft(situation)
    wanted = {owned.entry.key: owned for owned in situation.wanted}
    for owned in wanted.values():
        _plan_wanted(draft, owned)
    for key, entry in record.entries.items():
        if key not in wanted:
            _plan_unwanted(draft, key, entry)
    headers = record.headers
    if not record.entries:
        headers = frozenset().union(
            *(template.headers_above(key) for key in draft.entries)
        )
    text = template.edited(draft.changes, headers)
    has_secret = any(wanted[key].entry.is_secret for key in draft.entries)
    permissions, before = _permissions(situation, has_secret=has_secret)
    after = TemplateRecord(
        draft.entries, headers if draft.entries else frozenset(), before
    )
    return TemplateEdit(
        text,
        permissions,
        after,
        tuple(draft.reasons),
        tuple(draft.hints),
        frozenset(draft.changes),
    )


def _permissions(
    situation: TemplateSituation, *, has_secret: bool
) -> Tuple[Found, Optional[Found]]:
    """Return the permissions to set, and those to give back when the last password
    goes.
    """
    now, before = situation.found, situation.record.found
    if has_secret:
        return closed(now, situation.user), before or now
    return (now if before is None else opened(now, before, situation.user)), None


def with_template(
    plan: Plan, path: NodePath, observed: ObservedFile, edit: TemplateEdit
) -> Plan:
    """Put the template's part into a plan.

    Args:
        plan: for all other files.
        path: of the template.
        observed: the template as it is.
        edit: how it should be.
    """
    is_secret = any(key[-1] == "auth" for key in edit.record.entries)
    content = edit.text.encode()
    mode, owner = edit.permissions
    after = WantedFile(content, mode, is_secret, owner=owner)
    actions = [
        Action(path, Kind.KEEP, hint, observed, after, hint=True) for hint in edit.hints
    ]
    if content != observed.content:
        reason = "; ".join(edit.reasons[:_SHOWN_REASONS])
        more = len(edit.reasons) - _SHOWN_REASONS
        reason += f"; and {more} more" if more > 0 else ""
        actions.append(Action(path, Kind.UPDATE, reason, observed, after))
    elif edit.permissions != (observed.mode, observed.owner):
        reason = f"its permissions were {observed.mode:04o}"
        if owner != observed.owner:
            reason += ", its owner was {}:{}".format(*observed.owner)
        actions.append(Action(path, Kind.PERMISSIONS, reason, observed, after))
    ledger = plan.ledgers[path.root]._replace(template=edit.record)
    ledgers = {**plan.ledgers, path.root: ledger}
    return plan._replace(actions=(*plan.actions, *actions), ledgers=ledgers)


def digest(value: Any) -> str:
    """Return what the record of an entry is compared by."""
    return sha256(json.dumps(value, sort_keys=True).encode())


def _plan_wanted(draft: _Draft, owned: OwnedEntry) -> None:
    template, entry = draft.situation.template, owned.entry
    record = draft.situation.record.entries.get(entry.key)
    current, wanted = template.get(entry.key), digest(entry.value)
    if current is None:
        draft.change(entry.key, template.rendered(entry), "adds")
        draft.entries[entry.key] = EntryRecord(
            wanted, record.original if record else None
        )
    elif record is not None and digest(current) == record.sha256:
        if record.sha256 != wanted:
            draft.change(entry.key, template.rendered(entry), "changes")
        draft.entries[entry.key] = record._replace(sha256=wanted)
    elif record is not None and digest(current) == wanted:
        draft.entries[entry.key] = record._replace(sha256=wanted)
    else:
        _plan_foreign(draft, owned, current, record)


def _plan_foreign(
    draft: _Draft, owned: OwnedEntry, current: Any, record: Optional[EntryRecord]
) -> None:
    situation, entry = draft.situation, owned.entry
    in_scope = any(situation.in_scope(name) for name in owned.owners)
    is_stock = record is None and is_stock_entry(entry.key, current)
    is_same = digest(current) == digest(entry.value)
    if (situation.adopt and in_scope) or (is_stock and not is_same):
        original = situation.template.text_of(entry.key)
        draft.change(entry.key, situation.template.rendered(entry), "takes over")
        draft.entries[entry.key] = EntryRecord(digest(entry.value), original)
        return
    if is_same:
        return
    by = (
        "written by somebody else"
        if record is None
        else "changed by hand since it was written"
    )
    if in_scope:
        raise ConflictError(
            f"{shown_key(entry.key)} in containerd's configuration were {by}",
            place=situation.template.place_of(entry.key),
            remedy=(
                "add --adopt to take them over; what stands there now comes back with"
                " remove or disable"
            ),
        )
    draft.hints.append(f"{shown_key(entry.key)} were {by}")
    if record is not None:
        draft.entries[entry.key] = record


def _plan_unwanted(draft: _Draft, key: EntryKey, record: EntryRecord) -> None:
    current = draft.situation.template.get(key)
    if current is None:
        # Whoever took it away meant it; and mirrors put back beside a config_path would
        # end CRI.
        return
    if digest(current) != record.sha256:
        draft.hints.append(
            f"{shown_key(key)} were changed by hand since they were written; they stay"
            " and are no longer ours"
        )
    elif record.original is not None:
        draft.change(key, record.original, "gives back")
    else:
        draft.change(key, None, "takes away")
