"""From the desired state to what changes on a node."""

from __future__ import annotations

from enum import Enum
from typing import (
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Tuple,
)

from private_registry.containerd import in_place
from private_registry.containerd.daemon import Containerd
from private_registry.containerd.hosts_toml import certificate_files, registry_files
from private_registry.containerd.refusals import check_edit
from private_registry.containerd.rendered_plan import with_rendered
from private_registry.containerd.shipped import is_stock
from private_registry.containerd.template import Template
from private_registry.containerd.template_entries import (
    OwnedEntry,
    credential_entries,
    legacy_entries,
)
from private_registry.containerd.template_file import (
    RENDERED_PATH,
    TEMPLATE_PATH,
    TemplateFile,
)
from private_registry.containerd.template_plan import (
    TemplateEdit,
    TemplateSituation,
    plan_template,
    with_template,
)
from private_registry.docker.part import DockerPart
from private_registry.errors import ConflictError
from private_registry.node import files
from private_registry.node.paths import CERTS_D, DATA_IN_TEMPLATE, Node
from private_registry.node.values import Found, NodePath, ObservedFile, Root, WantedFile
from private_registry.registries.model import DesiredState
from private_registry.registries.names import RegistryName
from private_registry.transaction import records
from private_registry.transaction.ledger import EntryKey
from private_registry.transaction.plan import Action, Plan, Situation, make_plan

_LINK = "a symbolic link is where containerd's configuration should be"
Files = Dict[NodePath, WantedFile]
Scope = Optional[FrozenSet[RegistryName]]


class Reload(Enum):
    """What became of a Docker engine, or in a dry run would."""

    NONE = "none"
    DONE = "done"
    AT_START = "at_next_start"


class Restart(Enum):
    """What became of containerd, or in a dry run would."""

    NONE = "none"
    DONE = "done"
    PENDING = "pending"
    AT_START = "at_next_start"


class Options(NamedTuple):
    """How to carry out a verb.

    Args:
        door: absolute path of the addon's plugin program, which the plugin command goes
            through.
        adopt: take over files that somebody else wrote or changed.
        dry_run: plan only.
        no_restart: leave it to people to restart containerd.
        after_refresh: snapd waits for it, and not for long.
        say: is told what takes long.
        outside: what people type to run the same outside of the snap.
    """

    door: str
    adopt: bool = False
    dry_run: bool = False
    no_restart: bool = False
    after_refresh: bool = False
    say: Callable[[str], None] = lambda _line: None
    outside: str = ""


class Changes(NamedTuple):
    """What a command changes.

    Args:
        plan: file by file.
        originals: what RESTORE actions bring back.
        restart: what becomes of containerd.
        has_new_password: one is written into the template.
        reload: what becomes of the Docker engine.
    """

    plan: Plan
    originals: Mapping[NodePath, ObservedFile]
    restart: Restart = Restart.NONE
    has_new_password: bool = False
    reload: Reload = Reload.NONE


class TemplatePart(NamedTuple):
    """What the template's part of a plan is made from.

    Args:
        file: as it is.
        entries: what it should say of our registries.
        containerd: reads it.
    """

    file: TemplateFile
    entries: List[OwnedEntry]
    containerd: Containerd


def make_changes(
    node: Node,
    wanted: Files,
    scope: Scope,
    options: Options,
    template: Optional[TemplatePart],
    docker: Optional[DockerPart] = None,
) -> Changes:
    """Compare what is wanted with the node.

    Args:
        node: to be changed.
        wanted: all files of ours.
        scope: the registries that the command is about; None for all.
        options: how to go about it.
        template: None where the template neither has nor is to have anything of ours.
        docker: None where a Docker engine neither has nor is to have anything of ours.

    Raises:
        ConflictError: somebody else's file or entry is in the way.
        NodeError: containerd or Docker would not take it.
    """
    if docker is not None:
        wanted = {**wanted, **docker.files}
    changes = Changes(*_plan(node, wanted, _in_scope(scope, docker), options))
    if template is not None:
        changes = _with_template_part(node, changes, template, scope, options)
    return changes if docker is None else _with_docker_part(changes, docker)


def _in_scope(scope: Scope, docker: Optional[DockerPart]) -> Callable[[NodePath], bool]:
    if scope is None:
        return lambda _path: True
    directories = frozenset(name.directory for name in scope)
    hosts = frozenset() if docker is None else docker.hosts_of(scope)

    def in_scope(path: NodePath) -> bool:
        return path.directory.name in (
            hosts if path.root is Root.DOCKER_CERTS else directories
        )

    return in_scope


def _with_docker_part(changes: Changes, docker: DockerPart) -> Changes:
    plan = docker.added_to(changes.plan)
    reload = Reload.NONE
    if docker.must_reload:
        reload = Reload.DONE
    elif not docker.engine.is_running and any(
        action.path.root is Root.DOCKER for action in plan.changes
    ):
        reload = Reload.AT_START
    return changes._replace(plan=plan, reload=reload)


def _with_template_part(
    node: Node, changes: Changes, template: TemplatePart, scope: Scope, options: Options
) -> Changes:
    file, entries, containerd = template
    record = records.ledger(node, Root.DATA).template
    edit = plan_template(
        TemplateSituation(
            file.template,
            (file.observed.mode, file.observed.owner),
            node.owner[0],
            entries,
            record,
            options.adopt,
            lambda name: scope is None or name in scope,
        )
    )
    check_edit(node, file, edit, entries)
    written = [each.entry for each in entries if each.entry.key in edit.touched]
    if edit.text != file.text:
        containerd.check_takes(edit.text, written)
    unloaded: FrozenSet[EntryKey] = frozenset()
    if not file.template.as_far_as_readable:
        unloaded = containerd.unloaded(
            edit.text, record.keys.union(edit.record.entries)
        )
    restart = _restart_for(template, edit, options, has_unloaded=bool(unloaded))
    if restart is Restart.PENDING:
        gone = unloaded.difference(edit.record.entries)
        edit = edit._replace(record=edit.record._replace(unloaded=gone))
    plan = with_template(changes.plan, TEMPLATE_PATH, file.observed, edit)
    plan = _with_rendered_part(node, plan, edit, record.rendered, restart)
    has_new_password = any(entry.is_secret for entry in written)
    return changes._replace(
        plan=plan, restart=restart, has_new_password=has_new_password
    )


def _with_rendered_part(
    node: Node,
    plan: Plan,
    edit: TemplateEdit,
    before: Optional[Found],
    restart: Restart,
) -> Plan:
    has_login = any(key[-1] == "auth" for key in edit.record.entries)
    if not has_login and before is None:
        return plan
    observed = files.observe(node.place(RENDERED_PATH))
    if observed is not None and (observed.obstacle or observed.is_link):
        if has_login:
            raise records.in_the_way(node, RENDERED_PATH, observed.obstacle or _LINK)
        observed = None
    is_closed = has_login or (
        observed is not None
        and restart is not Restart.DONE
        and in_place.holds_old_logins(node, observed.content, edit.text)
    )
    closed_for = node.owner[0] if is_closed else None
    return with_rendered(plan, RENDERED_PATH, observed, before, closed_for=closed_for)


def _restart_for(
    template: TemplatePart, edit: TemplateEdit, options: Options, *, has_unloaded: bool
) -> Restart:
    file, _, containerd = template
    if file.template.as_far_as_readable:
        # It could not come up again with what cannot be read.
        return Restart.NONE if containerd.process is None else Restart.PENDING
    if has_unloaded:
        return Restart.PENDING if options.no_restart else Restart.DONE
    is_changed = edit.text != file.text and containerd.process is None
    return Restart.AT_START if is_changed else Restart.NONE


def entries_of(desired: DesiredState, template: Template) -> List[OwnedEntry]:
    """Return what the template should say of these registries.

    Raise UsageError where it cannot.
    """
    credentials = credential_entries(desired.registries)
    if not template.is_legacy:
        return credentials
    certs_d = f"{DATA_IN_TEMPLATE}/{CERTS_D}"
    return [*legacy_entries(desired.registries, certs_d), *credentials]


def _plan(
    node: Node, wanted: Files, in_scope: Callable[[NodePath], bool], options: Options
) -> Tuple[Plan, Dict[NodePath, ObservedFile]]:
    ledgers = records.ledgers(node)
    recorded = [
        NodePath(root, path) for root, each in ledgers.items() for path in each.files
    ]
    observed, existing = records.observe(node, dict.fromkeys([*wanted, *recorded]))
    situation = Situation(
        wanted,
        observed,
        ledgers,
        existing,
        node.owner,
        options.adopt,
        in_scope,
        is_stock,
    )
    try:
        plan = make_plan(situation)
    except ConflictError as error:
        path = next(each for each in wanted if each.path == error.place)
        obstacle = observed[path].obstacle
        if obstacle:
            raise records.in_the_way(node, path, obstacle) from error
        error.place = node.shown(path)
        raise
    return plan, _originals(node, plan.actions)


def _originals(node: Node, actions: Iterable[Action]) -> Dict[NodePath, ObservedFile]:
    found = (
        (action.path, records.original(node, action.path.root, action.original))
        for action in actions
        if action.original is not None
    )
    return {path: original for path, original in found if original is not None}


def files_of(node: Node, desired: DesiredState, template: Template) -> Files:
    """Return the files in certs.d that these registries need."""
    files: Files = {}
    modes, stable = node.modes, node.stable_certs_d
    for registry in desired.registries:
        directory = registry.name.directory
        readable_at = f"{stable}/{directory}" if stable else ""
        found = (
            certificate_files(registry)
            if template.is_legacy
            else registry_files(registry, readable_at)
        )
        for file in found:
            path = NodePath(Root.DATA, f"{CERTS_D}/{directory}/{file.name}")
            mode = modes.secret if file.secret else modes.file
            files[path] = WantedFile(file.content, mode, file.secret, file.document)
    return files
