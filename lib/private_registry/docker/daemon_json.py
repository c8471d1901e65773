"""Compare the lists that Docker's daemon.json should have with those it has.

daemon.json is somebody else's file: only texts in two of its lists are ours. While
nobody changed it since we wrote it, the text from before is the one to go back to, byte
by byte; after a change of somebody's, ours are taken out of what stands there now.
"""

from __future__ import annotations

from typing import List, Mapping, Optional, Sequence, Tuple

from private_registry.docker.trust import MIRRORS
from private_registry.errors import NodeError
from private_registry.named_tuple import NamedTuple
from private_registry.node.file_values import NodePath, ObservedFile, WantedFile, sha256
from private_registry.texts import json_edits
from private_registry.texts.json_text import JsonSyntaxError
from private_registry.texts.showing import quoted
from private_registry.transaction.ledger import DaemonRecord
from private_registry.transaction.plan import Action, Kind, Plan, parents_of

Lists = Mapping[str, Sequence[str]]


class DaemonEdit(NamedTuple):
    """How daemon.json should be.

    Args:
        text: the whole file; None for no file.
        record: what is ours in it then.
        concerned: the texts that were ours or are wanted, by the key of their list.
        reasons: what changes, for people.
    """

    text: Optional[str]
    record: DaemonRecord
    concerned: Lists
    reasons: Tuple[str, ...]


def plan_daemon(
    text: Optional[str], wanted: Lists, record: DaemonRecord, source: str
) -> DaemonEdit:
    """Work out how daemon.json should be.

    Args:
        text: as it is; None where there is none.
        wanted: the texts that its lists should hold, by key.
        record: what we wrote there.
        source: its path, for errors.

    Raises:
        NodeError: it is not a JSON object, or a list is not one of texts.
    """
    try:
        base = _without_ours(text, record)
        ours = {key: _missing(base, key, texts) for key, texts in wanted.items()}
        after = base
        for key, texts in ours.items():
            if texts:
                after = _with_ours(after, key, texts)
    except JsonSyntaxError as error:
        raise NodeError(
            f"Docker's configuration cannot be read: {error.reason}",
            place=f"{source}, line {error.line}",
            remedy=(
                f"mend it; python3 -m json.tool {quoted(source)} shows what is wrong"
            ),
        ) from error
    lists = {key: tuple(texts) for key, texts in ours.items() if texts}
    after_record = (
        DaemonRecord(sha256((after or "").encode()), base, lists) if lists else None
    )
    reasons = _reasons(record.lists, lists)
    concerned = {
        key: tuple(dict.fromkeys((*record.lists.get(key, ()), *wanted.get(key, ()))))
        for key in dict.fromkeys((*record.lists, *wanted))
    }
    return DaemonEdit(after, after_record or DaemonRecord(), concerned, reasons)


def with_daemon(
    plan: Plan,
    path: NodePath,
    observed: Optional[ObservedFile],
    edit: DaemonEdit,
    new: WantedFile,
) -> Plan:
    """Put daemon.json's part into a plan.

    Args:
        plan: for all other files.
        path: of daemon.json.
        observed: as it is; None where there is none.
        edit: how it should be.
        new: mode and owner of one that is not there yet.
    """
    actions: List[Action] = []
    reason = "; ".join(edit.reasons) or "somebody changed it"
    after = None
    if edit.text is not None:
        after = new._replace(content=edit.text.encode())
        if observed is not None:
            after = after._replace(mode=observed.mode, owner=observed.owner)
    if after is None and observed is not None:
        actions.append(Action(path, Kind.DELETE, "nobody else wrote into it", observed))
    elif after is not None and observed is None:
        actions.append(Action(path, Kind.CREATE, reason, after=after))
    elif (
        after is not None and observed is not None and after.content != observed.content
    ):
        actions.append(Action(path, Kind.UPDATE, reason, observed, after))
    # The root is the nearest directory that was there before: all between it and the
    # file is ours.
    above = parents_of(path.path)
    is_ours = bool(edit.record.lists)
    directories = frozenset(above if is_ours else ())
    ledger = plan.ledgers[path.root]._replace(
        daemon=edit.record, directories=directories
    )
    made = [NodePath(path.root, each) for each in above if observed is None and is_ours]
    return plan._replace(
        actions=(*plan.actions, *actions),
        ledgers={**plan.ledgers, path.root: ledger},
        new_directories=(*plan.new_directories, *made),
    )


def bridging(text: Optional[str], keys: Sequence[str]) -> str:
    """Return a daemon.json that names these keys, with empty lists where it has none.

    On a reload an engine keeps what it had of a key that is not there (measured on
    20.10).
    """
    found = text if text is not None and text.strip() else json_edits.EMPTY
    missing = [key for key in keys if key not in json_edits.document(found)]
    for key in missing:
        found = json_edits.with_texts(found, key, [])
    return found


def _without_ours(text: Optional[str], record: DaemonRecord) -> Optional[str]:
    if text is None:
        return None
    if record.lists and sha256(text.encode()) == record.sha256:
        return record.original
    before = json_edits.document(record.original) if record.original else {}
    for key, texts in record.lists.items():
        text = json_edits.without_texts(text, key, texts, drop_empty=key not in before)
    is_spent = bool(record.lists) and record.original is None
    return None if is_spent and not json_edits.document(text) else text


def _missing(base: Optional[str], key: str, texts: Sequence[str]) -> List[str]:
    there = {_bare(each) for each in _texts(base, key)}
    return [each for each in texts if _bare(each) not in there]


def _texts(text: Optional[str], key: str) -> List[str]:
    return json_edits.texts(text, key) if text is not None and text.strip() else []


def _with_ours(text: Optional[str], key: str, texts: Sequence[str]) -> str:
    start = text if text is not None and text.strip() else json_edits.EMPTY + "\n"
    # A mirror that is asked for is asked first, as containerd does.
    return json_edits.with_texts(start, key, texts, in_front=key == MIRRORS)


def _bare(text: str) -> str:
    return text.rstrip("/").lower()


def _reasons(before: Lists, after: Lists) -> Tuple[str, ...]:
    reasons = []
    for word, one, other in (("adds", after, before), ("takes away", before, after)):
        for key, texts in one.items():
            changed = [each for each in texts if each not in other.get(key, ())]
            if changed:
                reasons.append("{} {} in {}".format(word, ", ".join(changed), key))
    return tuple(reasons)
