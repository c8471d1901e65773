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

from private_registry.checks import check_edit
from private_registry.core.entries import OwnedEntry, credential_entries, legacy_entries
from private_registry.core.hosts_toml import certificate_files, registry_files
from private_registry.core.ledger import Ledger
from private_registry.core.model import DesiredState
from private_registry.core.names import RegistryName
from private_registry.core.plan import (
    Action,
    NodePath,
    ObservedFile,
    Plan,
    Root,
    Situation,
    WantedFile,
    make_plan,
)
from private_registry.core.stock import is_stock
from private_registry.core.template import Template
from private_registry.core.template_plan import (
    TemplateSituation,
    plan_template,
    with_template,
)
from private_registry.errors import ConflictError
from private_registry.shell import records
from private_registry.shell.containerd import TEMPLATE_PATH, Containerd, TemplateFile
from private_registry.shell.node import CERTS_D, DATA_IN_TEMPLATE, Node

Files = Dict[NodePath, WantedFile]
Scope = Optional[FrozenSet[RegistryName]]


class Restart(Enum):
    """What became of containerd, or in a dry run would."""

    NONE = "none"
    DONE = "done"
    PENDING = "pending"
    AT_START = "at_next_start"


class Options(NamedTuple):
    """How to carry out a verb.

    Args:
        door: absolute path of the addon's plugin program, which the plugin command goes through.
        adopt: take over files that somebody else wrote or changed.
        dry_run: plan only.
        no_restart: leave it to people to restart containerd.
        say: is told what takes long.
    """

    door: str
    adopt: bool = False
    dry_run: bool = False
    no_restart: bool = False
    say: Callable[[str], None] = lambda _line: None


class Changes(NamedTuple):
    """What a command changes.

    Args:
        plan: file by file.
        originals: what RESTORE actions bring back.
        restart: what becomes of containerd.
        has_new_password: one is written into the template.
    """

    plan: Plan
    originals: Mapping[NodePath, ObservedFile]
    restart: Restart = Restart.NONE
    has_new_password: bool = False


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
) -> Changes:
    """Compare what is wanted with the node.

    Args:
        node: to be changed.
        wanted: all files of ours.
        scope: the registries that the command is about; None for all.
        options: how to go about it.
        template: None where the template neither has nor is to have anything of ours.

    Raises:
        ConflictError: somebody else's file or entry is in the way.
        NodeError: containerd would not take it.
    """
    ledgers = records.ledgers(node)
    names = None if scope is None else frozenset(name.directory for name in scope)
    plan, originals = _plan(node, wanted, ledgers, names, options)
    if template is None:
        return Changes(plan, originals)
    file, entries, containerd = template
    record = ledgers[Root.DATA].template
    edit = plan_template(
        TemplateSituation(
            file.template,
            file.observed.mode,
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
    unloaded = containerd.unloaded(edit.text, record.keys.union(edit.record.entries))
    restart = Restart.NONE
    if unloaded:
        restart = Restart.PENDING if options.no_restart else Restart.DONE
    elif edit.text != file.text and containerd.process is None:
        restart = Restart.AT_START
    if restart is Restart.PENDING:
        gone = unloaded.difference(edit.record.entries)
        edit = edit._replace(record=edit.record._replace(unloaded=gone))
    plan = with_template(plan, TEMPLATE_PATH, file.observed, edit)
    return Changes(plan, originals, restart, any(entry.is_secret for entry in written))


def entries_of(desired: DesiredState, template: Template) -> List[OwnedEntry]:
    """Return what the template should say of these registries; raise UsageError where it cannot."""
    credentials = credential_entries(desired.registries)
    if not template.is_legacy:
        return credentials
    certs_d = f"{DATA_IN_TEMPLATE}/{CERTS_D}"
    return [*legacy_entries(desired.registries, certs_d), *credentials]


def _plan(
    node: Node,
    wanted: Files,
    ledgers: Mapping[Root, Ledger],
    directories: Optional[FrozenSet[str]],
    options: Options,
) -> Tuple[Plan, Dict[NodePath, ObservedFile]]:
    recorded = [NodePath(root, path) for root in Root for path in ledgers[root].files]
    observed, existing = records.observe(node, dict.fromkeys([*wanted, *recorded]))

    def in_scope(path: NodePath) -> bool:
        return directories is None or path.directory.name in directories

    situation = Situation(
        wanted, observed, ledgers, existing, node.owner, options.adopt, in_scope, is_stock
    )
    try:
        plan = make_plan(situation)
    except ConflictError as error:
        path = next(each for each in wanted if each.path == error.place)
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
