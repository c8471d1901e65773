"""Compare the logins that the kubelet's config.json should have with those it has.

config.json is somebody else's file: only entries in its ``auths`` are ours. The rules
are those of containerd-template.toml: what somebody else wrote, or changed after us, is
a conflict; with ``adopt`` it is taken over and comes back in the end. While nobody
changed the file since we wrote it, the text from before is the one to go back to, byte
by byte; after a change of somebody's, ours are taken out of what stands there now.
"""

from __future__ import annotations

import json
from typing import Callable, Dict, List, Mapping, Optional, Tuple

from private_registry.errors import ConflictError, NodeError
from private_registry.kubelet.keys import parse_key
from private_registry.kubelet.logins import AUTHS, login_of, read_kubelet_logins
from private_registry.named_tuple import NamedTuple
from private_registry.node.file_values import Found, sha256
from private_registry.registries.logins import Login, auth_of
from private_registry.registries.model import Credentials
from private_registry.texts import json_edits, json_text
from private_registry.texts.json_text import JsonSyntaxError
from private_registry.texts.showing import quoted, shown_name
from private_registry.transaction.ledger import KubeletEntry, KubeletRecord
from private_registry.transaction.permissions import closed, opened

Texts = Mapping[str, str]
# In the words for what somebody did to a login of ours.
BY_HAND = "by hand"


class LoginsSituation(NamedTuple):
    """All that the plan for config.json depends on.

    Args:
        text: as it is; None where there is none. Never in a repr.
        found: its mode and owner; None where there is none.
        new: mode and owner of one that is not there yet.
        wanted: the logins that it should have, by registry.
        record: what we wrote there.
        source: its path, for errors.
        speaks_for: whose logins these are: empty for the node's own registries. The
            logins of another one stay as they are; the node's own take over theirs.
        adopt: take over entries in scope that somebody else wrote or changed.
        in_scope: whether the command is about a registry.
        repair: as that of transaction/situation.py.
    """

    text: Optional[str]
    found: Optional[Found]
    new: Found
    wanted: Mapping[str, Credentials]
    record: KubeletRecord
    source: str
    speaks_for: str = ""
    adopt: bool = False
    in_scope: Callable[[str], bool] = lambda _registry: True
    repair: Optional[bool] = None

    def __repr__(self) -> str:
        return f"LoginsSituation(source={self.source!r})"


class LoginsEdit(NamedTuple):
    """How config.json should be.

    Args:
        text: the whole file; None for no file. Never in a repr.
        permissions: its mode and owner.
        record: what is ours in it then.
        reasons: what changes, for people.
        hints: what stays although it is not as saved, for people.
    """

    text: Optional[str]
    permissions: Found
    record: KubeletRecord
    reasons: Tuple[str, ...]
    hints: Tuple[str, ...]

    def __repr__(self) -> str:
        return f"LoginsEdit(reasons={self.reasons!r}, hints={self.hints!r})"


class _Draft:
    def __init__(self, situation: LoginsSituation) -> None:
        self.situation = situation
        self.there = _there(situation.text)
        self.changes: Dict[str, Optional[str]] = {}
        self.entries: Dict[str, KubeletEntry] = {}
        self.reasons: List[str] = []
        self.hints: List[str] = []

    def change(self, key: str, text: Optional[str], what: str) -> None:
        self.changes[key] = text
        self.reasons.append(f"{what} {shown_name(key)}")


def plan_logins(situation: LoginsSituation) -> LoginsEdit:
    """Work out what to change.

    Raises:
        ConflictError: an entry in scope was written by somebody else, or changed since,
            and ``adopt`` is not set.
        NodeError: it cannot be read, or the kubelet could read none of it.
    """
    try:
        return _planned(situation)
    except JsonSyntaxError as error:
        line = "" if error.line is None else f", line {error.line}"
        raise _unreadable(situation.source, error.reason, line) from error


def has_login(text: Optional[str], registry: str, login: Credentials) -> Optional[bool]:
    """Whether config.json has a login; None where it has no entry for the registry.

    Raises:
        JsonSyntaxError: it cannot be read.
    """
    there = _there(text)
    found = [there[key] for key in _keys_by_registry(there).get(registry, ())]
    return all(_says(each, login) for each in found) if found else None


def _planned(situation: LoginsSituation) -> LoginsEdit:
    draft = _Draft(situation)
    for key, entry in situation.record.entries.items():
        if entry.by != situation.speaks_for:
            draft.entries[key] = entry
    keys = _keys_by_registry(draft.there)
    wanted: Dict[str, str] = {}
    for registry in situation.wanted:
        for key in keys.get(registry, (registry,)):
            wanted[key] = registry
    for key, registry in wanted.items():
        _plan_wanted(draft, key, registry)
    for key, entry in situation.record.entries.items():
        if key not in wanted and entry.by == situation.speaks_for:
            _plan_unwanted(draft, key, entry)
    return _edit(draft)


def _edit(draft: _Draft) -> LoginsEdit:
    situation = draft.situation
    base = _without_ours(situation.text, situation.record)
    text = situation.text if draft.entries else base
    if draft.entries and draft.changes:
        text = _edited(situation.text, draft.changes)
    permissions, before = _permissions(situation, has_ours=bool(draft.entries))
    record = KubeletRecord()
    if draft.entries:
        digest = sha256((text or "").encode())
        record = KubeletRecord(digest, base, before, draft.entries)
    if draft.changes and draft.entries:
        _check_kubelet_reads(text or "", situation.source)
    reasons, hints = tuple(draft.reasons), tuple(draft.hints)
    return LoginsEdit(text, permissions, record, reasons, hints)


def _check_kubelet_reads(text: str, source: str) -> None:
    """Refuse to write where the kubelet would read nothing at all."""
    problem = read_kubelet_logins(text.encode(), source).problem
    if problem:
        raise _unreadable(source, problem, "")


def _unreadable(source: str, reason: str, line: str) -> NodeError:
    return NodeError(
        f"the kubelet's logins cannot be read: {reason}",
        place=f"{source}{line}",
        remedy=(
            f"mend it (sudo python3 -m json.tool {quoted(source)} shows what is wrong),"
            " or keep the login in containerd: --login-by containerd"
        ),
    )


def _permissions(
    situation: LoginsSituation, *, has_ours: bool
) -> Tuple[Found, Optional[Found]]:
    """Return the permissions to set, and those to give back when the last of ours
    goes.
    """
    now, record = situation.found, situation.record
    user = situation.new[1][0]
    if now is None:
        return situation.new, None
    before = record.found if record.entries else now
    if has_ours:
        return closed(now, user), before
    return (now if before is None else opened(now, before, user)), None


# --- entries --------------------------------------------------------------------------


def _plan_wanted(draft: _Draft, key: str, registry: str) -> None:
    situation = draft.situation
    record = situation.record.entries.get(key)
    login, by = situation.wanted[registry], situation.speaks_for
    text, current = _written(login), draft.there.get(key)
    if record is not None and by and record.by != by:
        # The node's own counts there.
        return
    wanted = _digest(text)
    if current is None and record is not None and situation.repair is False:
        draft.entries[key] = record
        draft.hints.append(f"the login for {shown_name(key)} was removed {BY_HAND}")
    elif current is None:
        draft.change(key, text, "adds the login for")
        draft.entries[key] = KubeletEntry(wanted, record and record.original, by)
    elif record is not None and _digest(current) in (record.sha256, wanted):
        if _digest(current) != wanted:
            draft.change(key, text, "changes the login for")
        draft.entries[key] = record._replace(sha256=wanted, by=by)
    else:
        _plan_foreign(draft, key, registry, current)


def _plan_foreign(draft: _Draft, key: str, registry: str, current: str) -> None:
    situation = draft.situation
    record = situation.record.entries.get(key)
    login = situation.wanted[registry]
    in_scope = situation.in_scope(registry)
    text = _written(login)
    if record is not None and situation.repair:
        draft.change(key, text, "puts right the login for")
        draft.entries[key] = record._replace(sha256=_digest(text))
        return
    if situation.adopt and in_scope:
        draft.change(key, text, "takes over the login for")
        draft.entries[key] = KubeletEntry(_digest(text), current, situation.speaks_for)
        return
    if record is not None:
        draft.entries[key] = record
    if _says(current, login):
        return
    by = (
        "was written by somebody else"
        if record is None
        else f"was changed {BY_HAND} since it was written"
    )
    if in_scope:
        line = json_edits.line_of_member(situation.text or "", AUTHS, key)
        raise ConflictError(
            f"the kubelet's login for {shown_name(key)} {by}",
            place=f"{situation.source}, line {line}",
            remedy=(
                "add --adopt to take it over; what stands there now comes back with"
                " remove or disable"
            ),
        )
    draft.hints.append(f"the login for {shown_name(key)} {by}")


def _plan_unwanted(draft: _Draft, key: str, record: KubeletEntry) -> None:
    current = draft.there.get(key)
    if current is None:
        # Whoever took it away meant it.
        return
    if _digest(current) != record.sha256:
        draft.hints.append(
            f"the login for {shown_name(key)} was changed {BY_HAND} since it was"
            " written; it stays and is no longer ours"
        )
    elif record.original is not None:
        draft.change(key, record.original, "gives back the login for")
    else:
        draft.change(key, None, "takes away the login for")


# --- texts ----------------------------------------------------------------------------


def _there(text: Optional[str]) -> Dict[str, str]:
    is_blank = text is None or not text.strip()
    return {} if is_blank else json_edits.members(str(text), AUTHS)


def _keys_by_registry(there: Texts) -> Dict[str, List[str]]:
    """Return the keys of config.json that stand for all of a registry, by its name."""
    found: Dict[str, List[str]] = {}
    for key in there:
        meaning = parse_key(key)
        registry = None if meaning is None else meaning.registry
        if registry is not None:
            found.setdefault(registry, []).append(key)
    return found


def _without_ours(text: Optional[str], record: KubeletRecord) -> Optional[str]:
    """Return the file as it would be without any login of ours."""
    if text is None or not record.entries:
        return text
    if sha256(text.encode()) == record.sha256:
        return record.text
    there = _there(text)
    changes = {
        key: entry.original
        for key, entry in record.entries.items()
        if key in there and _digest(there[key]) == entry.sha256
    }
    before = record.text or ""
    had = json_edits.document(before) if before.strip() else {}
    text = _edited(text, changes, drop_empty=AUTHS not in had)
    is_spent = record.text is None and not json_edits.document(text)
    return None if is_spent else text


def _edited(
    text: Optional[str],
    changes: Mapping[str, Optional[str]],
    *,
    drop_empty: bool = False,
) -> str:
    """Set entries, and take away those whose text is None."""
    start = text if text is not None and text.strip() else json_edits.EMPTY + "\n"
    gone = [key for key, value in changes.items() if value is None]
    new = {key: value for key, value in changes.items() if value is not None}
    if new:
        start = json_edits.with_members(start, AUTHS, new)
    if gone:
        start = json_edits.without_members(start, AUTHS, gone, drop_empty=drop_empty)
    return start


def _written(login: Credentials) -> str:
    return json.dumps({"auth": auth_of(login.username, login.password)})


def _says(text: str, login: Credentials) -> bool:
    plain = json_text.loads(text)
    try:
        found = login_of(plain) if isinstance(plain, dict) else None
    except ValueError:
        return False
    return found == Login(login.username, login.password)


def _digest(text: str) -> str:
    return sha256(json.dumps(json_text.loads(text), sort_keys=True).encode())
