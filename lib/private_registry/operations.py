"""Each verb from request to changed node: the one place where core and shell meet."""

from __future__ import annotations

from contextlib import contextmanager
from typing import FrozenSet, Iterator, List, Mapping, NamedTuple, Tuple

from private_registry.checks import (
    check_not_overriding,
    check_not_shadowed,
    check_rendered,
    check_supported,
)
from private_registry.core import registries_toml
from private_registry.core.ledger import sha256
from private_registry.core.model import DesiredState, Registry
from private_registry.core.names import RegistryName
from private_registry.core.plan import NodePath, ObservedFile, Plan, Root
from private_registry.core.request import (
    AddRequest,
    ApplyRequest,
    RemoveRequest,
    desired_after_add,
    desired_after_remove,
)
from private_registry.core.template import EntryKey, Template
from private_registry.core.template_plan import digest
from private_registry.errors import UsageError
from private_registry.planning import (
    Options,
    Restart,
    Scope,
    TemplatePart,
    entries_of,
    files_of,
    make_changes,
)
from private_registry.shell import records, transaction
from private_registry.shell.containerd import (
    TEMPLATE_PATH,
    Containerd,
    check_registry_section,
    read_template,
)
from private_registry.shell.files import locked
from private_registry.shell.node import STATE, Node
from private_registry.shell.services import service_files


class Outcome(NamedTuple):
    """What a verb did, or with ``dry_run`` would do.

    Args:
        plan: file by file.
        desired: the registries that the node is to know now.
        concerned: those of them that the command is about.
        enabled: whether MicroK8s sees the addon as enabled, before and after.
        unknown: names to remove that were not configured.
        originals: what RESTORE actions bring back.
        restart: what becomes of containerd.
        is_inspected: `microk8s inspect` copies a password of ours.
        notes: what was asked for and cannot be had, for people, a line each.
    """

    plan: Plan
    desired: DesiredState
    enabled: Tuple[bool, bool]
    concerned: Tuple[Registry, ...] = ()
    unknown: Tuple[RegistryName, ...] = ()
    originals: Mapping[NodePath, ObservedFile] = {}
    restart: Restart = Restart.NONE
    is_inspected: bool = False
    notes: Tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether anything on the node changes."""
        return (
            bool(self.plan.changes)
            or self.enabled[0] != self.enabled[1]
            or self.restart is Restart.DONE
        )


class RegistryStatus(NamedTuple):
    """A saved registry and how the node stands to it.

    Args:
        registry: as saved.
        missing: files that are not there.
        differing: files that say something else.
        is_pending: containerd has to be restarted for it.
    """

    registry: Registry
    missing: Tuple[NodePath, ...]
    differing: Tuple[NodePath, ...]
    is_pending: bool = False


class Listing(NamedTuple):
    """All saved registries.

    Args:
        enabled: whether MicroK8s sees the addon as enabled.
        registries: as saved.
        still_loaded: entries that were taken away and that containerd has until its next start.
    """

    enabled: bool
    registries: Tuple[RegistryStatus, ...]
    still_loaded: FrozenSet[EntryKey] = frozenset()


def add(node: Node, request: AddRequest, options: Options) -> Outcome:
    """Add or change registries; without any, apply what is saved.

    Raises:
        PrivateRegistryError: see errors.py; nothing has changed then.
    """
    with _alone(node, options):
        desired = desired_after_add(_saved(node), request)
        outcome = _make_so(node, desired, request.names or None, options)
        return outcome._replace(notes=request.notes)


def apply(node: Node, request: ApplyRequest, options: Options) -> Outcome:
    """Make the node match the saved state, or the request's, which then is the saved one."""
    with _alone(node, options):
        desired = _saved(node) if request.state is None else request.state
        outcome = _make_so(node, desired, None, options)
        return outcome._replace(notes=request.notes)


def remove(node: Node, request: RemoveRequest, options: Options) -> Outcome:
    """Take registries back, or everything."""
    with _alone(node, options):
        if request.everything:
            return _take_everything_back(node, options)
        saved = _saved(node)
        unknown = tuple(each for each in dict.fromkeys(request.names) if saved.get(each) is None)
        known = frozenset(request.names).difference(unknown)
        if not known:
            nothing = Plan((), records.ledgers(node))
            return Outcome(nothing, saved, (node.is_enabled, node.is_enabled), (), unknown)
        desired = desired_after_remove(saved, request)
        return _make_so(node, desired, known, options, unknown)


def list_registries(node: Node, options: Options) -> Listing:
    """Compare the saved registries with the node."""
    with _alone(node, options):
        saved = _saved(node)
        file = read_template(node)
        record = records.ledger(node, Root.DATA).template
        entries = entries_of(saved, file.template)
        keys = {*record.keys, *(each.entry.key for each in entries)}
        unloaded = Containerd(node).unloaded(file.text, keys)
        statuses = tuple(
            _status(node, registry, file.template, unloaded) for registry in saved.registries
        )
        return Listing(node.is_enabled, statuses, record.unloaded & unloaded)


@contextmanager
def _alone(node: Node, options: Options) -> Iterator[None]:
    """Hold the lock, after finishing or undoing what a killed run left."""
    waiting = "Another run is at work; waiting for it to end ..."
    with locked(node.common, lambda: options.say(waiting)):
        transaction.recover(node, _containerd(node, DesiredState(), options))
        yield


def _saved(node: Node) -> DesiredState:
    content = records.read(node, STATE)
    if content is None:
        return DesiredState()
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise UsageError("the saved registries are not text", place=node.shown(STATE)) from error
    return registries_toml.from_toml(text, node.shown(STATE), _no_files)


def _no_files(kind: str, name: str) -> str:
    raise UsageError(
        f"the saved registries hold everything themselves and name no {kind} such as {name}",
        remedy="give that file with: microk8s private-registry apply --file FILE",
    )


def _make_so(
    node: Node,
    desired: DesiredState,
    scope: Scope,
    options: Options,
    unknown: Tuple[RegistryName, ...] = (),
) -> Outcome:
    in_scope = [each for each in desired.registries if scope is None or each.name in scope]
    file = read_template(node)
    check_registry_section(node, file.template)
    wanted = files_of(node, desired, file.template)
    check_supported(in_scope, node.containerd_version, is_legacy=file.template.is_legacy)
    if not file.template.is_legacy:
        check_not_shadowed(node, in_scope)
        if not options.adopt:
            check_not_overriding(node, in_scope, wanted)
    wanted.update(service_files(node, options.door))
    entries = entries_of(desired, file.template)
    containerd = _containerd(node, desired, options)
    changes = make_changes(node, wanted, scope, options, TemplatePart(file, entries, containerd))
    outcome = Outcome(
        changes.plan,
        desired,
        (node.is_enabled, True),
        tuple(in_scope),
        unknown,
        changes.originals,
        changes.restart,
        is_inspected=changes.has_new_password,
    )
    if not options.dry_run:
        state = registries_toml.to_toml(desired)
        check_rendered(node, changes.plan, state, desired)
        to_restart = containerd if changes.restart is Restart.DONE else None
        commit = transaction.commit
        commit(node, changes.plan, state.encode(), enabled=True, to_restart=to_restart)
    return outcome


def _take_everything_back(node: Node, options: Options) -> Outcome:
    containerd = _containerd(node, DesiredState(), options)
    record = records.ledger(node, Root.DATA).template
    template = TemplatePart(read_template(node), [], containerd) if record.keys else None
    changes = make_changes(node, {}, None, options, template)
    enabled = (node.is_enabled, False)
    outcome = Outcome(
        changes.plan,
        DesiredState(),
        enabled,
        originals=changes.originals,
        restart=changes.restart,
    )
    if not options.dry_run:
        to_restart = containerd if changes.restart is Restart.DONE else None
        # What containerd still has is told once; nothing of ours stays to remember it.
        plan = changes.plan.without_memory()
        transaction.commit(node, plan, None, enabled=False, to_restart=to_restart)
    return outcome


def _containerd(node: Node, desired: DesiredState, options: Options) -> Containerd:
    def passwords() -> List[str]:
        try:
            known = _saved(node).credentials
        except UsageError:
            # Damaged; disable works all the same.
            known = ()
        return [each.password for each in (*desired.credentials, *known)]

    return Containerd(node, passwords, options.say)


def _status(
    node: Node, registry: Registry, template: Template, unloaded: FrozenSet[EntryKey]
) -> RegistryStatus:
    alone = DesiredState((registry,))
    wanted = files_of(node, alone, template)
    entries = [each.entry for each in entries_of(alone, template)]
    observed, _ = records.observe(node, wanted)
    missing = [path for path in wanted if path not in observed]
    differing = [
        path
        for path, file in wanted.items()
        if path in observed and observed[path].digest != sha256(file.content)
    ]
    for entry in entries:
        found = template.get(entry.key)
        if found is None:
            missing.append(TEMPLATE_PATH)
        elif digest(found) != digest(entry.value):
            differing.append(TEMPLATE_PATH)
    is_pending = any(entry.key in unloaded for entry in entries)
    return RegistryStatus(registry, tuple(missing), tuple(differing), is_pending)
