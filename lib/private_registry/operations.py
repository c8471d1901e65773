"""Each verb from request to changed node: the one place where core and shell meet."""

from __future__ import annotations

from contextlib import contextmanager
from typing import FrozenSet, Iterator, List, Mapping, NamedTuple, Optional, Tuple

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
from private_registry.docker_part import (
    DockerReach,
    docker_notes,
    docker_reach,
    engine_to_settle,
    is_in_docker,
)
from private_registry.errors import UsageError
from private_registry.planning import (
    Changes,
    Options,
    Reload,
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
from private_registry.shell.journal import Journal
from private_registry.shell.node import STATE, Node
from private_registry.shell.services import service_files
from private_registry.shell.transaction import Followers


class Outcome(NamedTuple):
    """What a verb did, or with ``dry_run`` would do.

    Args:
        node: with the places of the Docker engine that the plan is about, if any.
        plan: file by file.
        desired: the registries that the node is to know now.
        concerned: those of them that the command is about.
        enabled: whether MicroK8s sees the addon as enabled, before and after.
        unknown: names to remove that were not configured.
        originals: what RESTORE actions bring back.
        restart: what becomes of containerd.
        is_inspected: `microk8s inspect` copies a password of ours.
        notes: what was asked for and cannot be had, for people, a line each.
        reload: what becomes of the Docker engine.
    """

    node: Node
    plan: Plan
    desired: DesiredState
    enabled: Tuple[bool, bool]
    concerned: Tuple[Registry, ...] = ()
    unknown: Tuple[RegistryName, ...] = ()
    originals: Mapping[NodePath, ObservedFile] = {}
    restart: Restart = Restart.NONE
    is_inspected: bool = False
    notes: Tuple[str, ...] = ()
    reload: Reload = Reload.NONE

    @property
    def changed(self) -> bool:
        """Whether anything on the node changes."""
        return (
            bool(self.plan.changes)
            or self.enabled[0] != self.enabled[1]
            or self.restart is Restart.DONE
            or self.reload is Reload.DONE
        )


class RegistryStatus(NamedTuple):
    """A saved registry and how the node stands to it.

    Args:
        registry: as saved.
        missing: files that are not there.
        differing: files that say something else.
        is_pending: containerd has to be restarted for it.
        differs_in_docker: Docker's files are not as saved.
    """

    registry: Registry
    missing: Tuple[NodePath, ...]
    differing: Tuple[NodePath, ...]
    is_pending: bool = False
    differs_in_docker: bool = False


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


def add(found: Node, request: AddRequest, options: Options) -> Outcome:
    """Add or change registries; without any, apply what is saved.

    Raises:
        PrivateRegistryError: see errors.py; nothing has changed then.
    """
    with _alone(found, options) as node:
        desired = desired_after_add(_saved(node), request)
        outcome = _make_so(
            node, desired, request.names or None, options, asks_docker=request.docker
        )
        return outcome._replace(notes=(*request.notes, *outcome.notes))


def apply(found: Node, request: ApplyRequest, options: Options) -> Outcome:
    """Make the node match the saved state, or the request's, which then is the saved one."""
    with _alone(found, options) as node:
        desired = _saved(node) if request.state is None else request.state
        outcome = _make_so(node, desired, None, options)
        return outcome._replace(notes=(*request.notes, *outcome.notes))


def remove(found: Node, request: RemoveRequest, options: Options) -> Outcome:
    """Take registries back, or everything."""
    with _alone(found, options) as node:
        if request.everything:
            return _take_everything_back(node, options)
        saved = _saved(node)
        unknown = tuple(each for each in dict.fromkeys(request.names) if saved.get(each) is None)
        known = frozenset(request.names).difference(unknown)
        if not known:
            nothing = Plan((), records.ledgers(node))
            enabled = (node.is_enabled, node.is_enabled)
            return Outcome(node, nothing, saved, enabled, (), unknown)
        desired = desired_after_remove(saved, request)
        return _make_so(node, desired, known, options, unknown)


def list_registries(found: Node, options: Options) -> Listing:
    """Compare the saved registries with the node."""
    with _alone(found, options) as node:
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
def _alone(node: Node, options: Options) -> Iterator[Node]:
    """Hold the lock, after finishing or undoing what a killed run left.

    Yields the node with the places of the Docker engine that has files of ours.
    """
    waiting = "Another run is at work; waiting for it to end ..."

    def everybody(found: Node, journal: Journal) -> Followers:
        containerd = _containerd(found, DesiredState(), options)
        return Followers(containerd, engine_to_settle(found, journal.reload))

    with locked(node.common, lambda: options.say(waiting)):
        transaction.recover(node, everybody)
        yield records.with_docker(node)


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
    *,
    asks_docker: Optional[bool] = False,
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
    reach = docker_reach(node, desired, options.outside, is_asked=bool(asks_docker))
    template = TemplatePart(file, entries, containerd)
    changes = make_changes(reach.node, wanted, scope, options, template, reach.part)
    outcome = Outcome(
        reach.node,
        changes.plan,
        desired,
        (node.is_enabled, True),
        tuple(in_scope),
        unknown,
        changes.originals,
        changes.restart,
        is_inspected=changes.has_new_password,
        notes=(*docker_notes(in_scope), *reach.notes),
        reload=changes.reload,
    )
    if not options.dry_run:
        state = registries_toml.to_toml(desired)
        check_rendered(reach.node, changes.plan, state, desired)
        _commit(reach, changes, changes.plan, containerd, state)
    return outcome


def _take_everything_back(node: Node, options: Options) -> Outcome:
    containerd = _containerd(node, DesiredState(), options)
    record = records.ledger(node, Root.DATA).template
    template = TemplatePart(read_template(node), [], containerd) if record.keys else None
    reach = docker_reach(node, DesiredState(), options.outside, is_asked=True)
    changes = make_changes(reach.node, {}, None, options, template, reach.part)
    enabled = (node.is_enabled, False)
    outcome = Outcome(
        reach.node,
        changes.plan,
        DesiredState(),
        enabled,
        originals=changes.originals,
        restart=changes.restart,
        notes=reach.notes,
        reload=changes.reload,
    )
    if not options.dry_run:
        # What containerd still has is told once; nothing of ours stays to remember it.
        _commit(reach, changes, changes.plan.without_memory(), containerd, None)
    return outcome


def _commit(
    reach: DockerReach,
    changes: Changes,
    plan: Plan,
    containerd: Containerd,
    state: Optional[str],
) -> None:
    followers = Followers(
        containerd if changes.restart is Restart.DONE else None,
        reach.part.engine if reach.part and changes.reload is Reload.DONE else None,
    )
    plan = plan._replace(ledgers={**plan.ledgers, **reach.forgotten})
    content = None if state is None else state.encode()
    commit = transaction.commit
    commit(reach.node, plan, content, enabled=state is not None, followers=followers)


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
    differs_in_docker = registry.docker and not is_in_docker(node, registry)
    return RegistryStatus(registry, tuple(missing), tuple(differing), is_pending, differs_in_docker)
