"""What the desired state means for the kubelet's logins on this node.

Nothing has to be restarted: the kubelet reads its config.json anew within five minutes.
"""

from __future__ import annotations

from typing import List, Optional, Sequence, Tuple

from private_registry.errors import ConflictError, NodeError, PrivateRegistryError
from private_registry.kubelet.config_json import (
    LoginsEdit,
    LoginsSituation,
    has_login,
    plan_logins,
)
from private_registry.kubelet.refusals import (
    IN_CONTAINERD,
    check_counts,
    note_on_silenced,
    notes_on,
)
from private_registry.node import files
from private_registry.node.file_values import (
    SECRET_MODE,
    NodePath,
    ObservedFile,
    Root,
    WantedFile,
)
from private_registry.node.paths import (
    KUBELET_CONFIG_JSON,
    KUBELET_DIRECTORY,
    MOUNTED_KUBELET_CONFIG_JSON,
    Node,
)
from private_registry.registries.model import Credentials, Registry
from private_registry.texts.json_text import JsonSyntaxError
from private_registry.texts.showing import quoted
from private_registry.transaction import records
from private_registry.transaction.ledger import KubeletRecord
from private_registry.transaction.part import PlainPart, Scope
from private_registry.transaction.plan import Action, Kind, Plan, parents_of

_SHOWN_REASONS = 3


class KubeletPart(PlainPart):
    """The logins in the kubelet's config.json.

    Args:
        node: whose kubelet it is.
        registries: whose logins it should have.
        scope: the registries that the change is about; None for all.
        adopt: take over entries that somebody else wrote.
        speaks_for: whose logins these are; see LoginsSituation.
        goes_on: what is in the way is told, and the rest of the change goes on.
        sandbox_image: that each pod is started with.
        repair: see LoginsSituation.
    """

    # The arguments are facts of one file, and named ones.
    def __init__(  # noqa: PLR0913
        self,
        node: Node,
        registries: Sequence[Registry],
        scope: Scope,
        *,
        adopt: bool,
        speaks_for: str,
        goes_on: bool,
        sandbox_image: Optional[str],
        repair: Optional[bool] = None,
    ) -> None:
        super().__init__({})
        self._node = node
        self._wanted = {
            str(each.name): each.kubelet_login
            for each in registries
            if each.kubelet_login is not None
        }
        self._concerned = [
            each for each in registries if scope is None or each.name in scope
        ]
        self.notes = tuple(notes_on(self._concerned))
        self.failures: Tuple[str, ...] = ()
        self._names = None if scope is None else frozenset(map(str, scope))
        self._adopt = adopt
        self._speaks_for = speaks_for
        self._goes_on = goes_on
        self._sandbox_image = sandbox_image
        self._repair = repair

    def refuse(self) -> None:
        """Raise what the kubelet would not hand over."""
        if self._concerned:
            check_counts(self._node, self._concerned, self._sandbox_image)

    def added_to(self, plan: Plan) -> Plan:
        """Put config.json into a plan that has all other files.

        Raises:
            ConflictError: somebody else's entry, or no file, is in the way.
            NodeError: it cannot be read.
        """
        try:
            return self._planned(plan)
        except PrivateRegistryError as error:
            if not self._goes_on:
                raise
            where = f" ({error.place})" if error.place else ""
            self.failures = (
                f"{error.message}{where}; the kubelet's logins were left as they are",
            )
            return _with_directories(self._node, plan, self._record_left())

    def _record_left(self) -> KubeletRecord:
        """Return what is to be remembered where nothing can be done."""
        record = records.ledger(self._node, Root.COMMON).kubelet
        if self._wanted:
            return record
        others = {
            key: each
            for key, each in record.entries.items()
            if each.by != self._speaks_for
        }
        return record._replace(entries=others) if others else KubeletRecord()

    def _planned(self, plan: Plan) -> Plan:
        node, names = self._node, self._names
        observed = _observed(node)
        situation = LoginsSituation(
            _text(observed, node.shown(KUBELET_CONFIG_JSON)),
            None if observed is None else (observed.mode, observed.owner),
            (SECRET_MODE, node.owner),
            self._wanted,
            records.ledger(node, Root.COMMON).kubelet,
            node.shown(KUBELET_CONFIG_JSON),
            self._speaks_for,
            self._adopt,
            lambda registry: names is None or registry in names,
            self._repair,
        )
        edit = plan_logins(situation)
        if observed is None and edit.text is not None:
            self.notes = (*self.notes, *note_on_silenced(node))
        return _with_logins(node, plan, observed, edit)


def is_in_kubelet(node: Node, registry: str, login: Credentials) -> Optional[bool]:
    """Whether the kubelet has a registry's login; None where it has none for it."""
    try:
        observed = _observed(node)
        text = _text(observed, node.shown(KUBELET_CONFIG_JSON))
        return has_login(text, registry, login)
    except (PrivateRegistryError, JsonSyntaxError):
        return False


def _observed(node: Node) -> Optional[ObservedFile]:
    shown = node.shown(KUBELET_CONFIG_JSON)
    found = files.observe(node.place(KUBELET_CONFIG_JSON))
    if found is not None and found.is_link:
        raise ConflictError(
            "the kubelet's config.json is a symbolic link",
            place=shown,
            remedy="put the file itself there: sudo cp --remove-destination "
            f'"$(readlink -f {quoted(shown)})" {quoted(shown)}',
        )
    if found is not None and found.obstacle:
        raise ConflictError(found.obstacle, place=shown, remedy=IN_CONTAINERD)
    return found


def _text(observed: Optional[ObservedFile], place: str) -> Optional[str]:
    try:
        return None if observed is None else observed.content.decode()
    except UnicodeDecodeError as error:
        raise NodeError(
            "the kubelet's logins cannot be read: not text",
            place=place,
            remedy=IN_CONTAINERD,
        ) from error


def _with_logins(
    node: Node, plan: Plan, observed: Optional[ObservedFile], edit: LoginsEdit
) -> Plan:
    path = _path(node)
    plan = _with_directories(node, plan, edit.record)
    after = None
    if edit.text is not None:
        mode, owner = edit.permissions
        after = WantedFile(edit.text.encode(), mode, secret=True, owner=owner)
    actions = [
        Action(path, Kind.KEEP, hint, observed, after, hint=True) for hint in edit.hints
    ]
    reason = "; ".join(edit.reasons[:_SHOWN_REASONS]) or "somebody changed it"
    more = len(edit.reasons) - _SHOWN_REASONS
    reason += f"; and {more} more" if more > 0 else ""
    actions += _actions(path, observed, after, reason)
    return plan._replace(actions=(*plan.actions, *actions))


def _path(node: Node) -> NodePath:
    """Return where config.json is to be reached.

    Where the mounts above it are not shared, a kubelet mounts its directory anew (pkg
    hostutil MakeRShared), and nothing can be renamed into it from outside.
    """
    own, above = (
        files.mount_of(node.place(each))
        for each in (KUBELET_DIRECTORY, NodePath(Root.COMMON, ""))
    )
    return KUBELET_CONFIG_JSON if own in ("", above) else MOUNTED_KUBELET_CONFIG_JSON


def _actions(
    path: NodePath,
    observed: Optional[ObservedFile],
    after: Optional[WantedFile],
    reason: str,
) -> List[Action]:
    if after is None:
        return [] if observed is None else [Action(path, Kind.DELETE, reason, observed)]
    if observed is None:
        return [Action(path, Kind.CREATE, reason, after=after)]
    if after.content != observed.content:
        return [Action(path, Kind.UPDATE, reason, observed, after)]
    if (after.mode, after.owner) != (observed.mode, observed.owner):
        reason = f"its permissions were {observed.mode:04o}"
        return [Action(path, Kind.PERMISSIONS, reason, observed, after)]
    return []


def _with_directories(node: Node, plan: Plan, record: KubeletRecord) -> Plan:
    """Put the record into a plan, and the directories above the file that are ours."""
    path = KUBELET_CONFIG_JSON
    ledger = plan.ledgers[path.root]._replace(kubelet=record)
    if record.entries:
        _, existing = records.observe(node, [path])
        above = [NodePath(path.root, each) for each in parents_of(path.path)]
        ours = records.ledger(node, path.root).directories
        made = [each for each in above if each not in existing]
        kept = {each for each in above if each.path in ours or each in made}
        directories = ledger.directories.union(each.path for each in kept)
        spent = [each for each in plan.spent_directories if each not in kept]
        plan = plan._replace(
            new_directories=(*plan.new_directories, *made),
            spent_directories=tuple(spent),
        )
        ledger = ledger._replace(directories=directories)
    return plan._replace(ledgers={**plan.ledgers, path.root: ledger})
