"""Each verb from request to changed node: the one place where core and shell meet."""

from __future__ import annotations

from contextlib import contextmanager
from typing import (
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Tuple,
)

from private_registry.core import registries_toml, toml
from private_registry.core.containerd import Version, needs_of
from private_registry.core.hosts_toml import HOSTS_TOML, registry_files
from private_registry.core.ledger import sha256
from private_registry.core.model import DesiredState, Registry
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
from private_registry.core.request import (
    AddRequest,
    ApplyRequest,
    RemoveRequest,
    desired_after_add,
    desired_after_remove,
)
from private_registry.core.stock import is_stock
from private_registry.errors import ConflictError, UnsupportedError, UsageError
from private_registry.shell import records, transaction
from private_registry.shell.files import locked
from private_registry.shell.node import CERTS_D, STATE, Node
from private_registry.shell.services import service_files

Files = Dict[NodePath, WantedFile]


class Options(NamedTuple):
    """How to carry out a verb.

    Args:
        door: absolute path of the addon's plugin program, which the plugin command goes through.
        adopt: take over files that somebody else wrote or changed.
        dry_run: plan only.
        on_wait: called once when another run has to end first.
    """

    door: str
    adopt: bool = False
    dry_run: bool = False
    on_wait: Callable[[], None] = lambda: None


class Outcome(NamedTuple):
    """What a verb did, or with ``dry_run`` would do.

    Args:
        plan: file by file.
        desired: the registries that the node is to know now.
        concerned: those of them that the command is about.
        enabled: whether MicroK8s sees the addon as enabled, before and after.
        unknown: names to remove that were not configured.
        originals: what RESTORE actions bring back.
    """

    plan: Plan
    desired: DesiredState
    enabled: Tuple[bool, bool]
    concerned: Tuple[Registry, ...] = ()
    unknown: Tuple[RegistryName, ...] = ()
    originals: Mapping[NodePath, ObservedFile] = {}

    @property
    def changed(self) -> bool:
        """Whether anything on the node changes."""
        return bool(self.plan.changes) or self.enabled[0] != self.enabled[1]


class RegistryStatus(NamedTuple):
    """A saved registry and how the node stands to it.

    Args:
        registry: as saved.
        missing: files that are not there.
        differing: files that say something else.
    """

    registry: Registry
    missing: Tuple[NodePath, ...]
    differing: Tuple[NodePath, ...]


class Listing(NamedTuple):
    """All saved registries, and whether the addon is enabled."""

    enabled: bool
    registries: Tuple[RegistryStatus, ...]


def add(node: Node, request: AddRequest, options: Options) -> Outcome:
    """Add or change registries; without any, apply what is saved.

    Raises:
        PrivateRegistryError: see errors.py; nothing has changed then.
    """
    with _alone(node, options):
        node.check_reads_certs_d()
        desired = desired_after_add(_saved(node), request)
        return _make_so(node, desired, request.names or None, options)


def apply(node: Node, request: ApplyRequest, options: Options) -> Outcome:
    """Make the node match the saved state, or the request's, which then is the saved one."""
    with _alone(node, options):
        node.check_reads_certs_d()
        desired = _saved(node) if request.state is None else request.state
        return _make_so(node, desired, None, options)


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
        statuses = tuple(_status(node, registry) for registry in saved.registries)
        return Listing(node.is_enabled, statuses)


@contextmanager
def _alone(node: Node, options: Options) -> Iterator[None]:
    """Hold the lock, after finishing or undoing what a killed run left."""
    with locked(node.common, options.on_wait):
        transaction.recover(node)
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


def _no_files(path: str) -> str:
    raise UsageError(
        f"the saved registries hold certificates themselves and name no file such as {path}",
        remedy="give that file with: microk8s private-registry apply --file FILE",
    )


def _make_so(
    node: Node,
    desired: DesiredState,
    scope: Optional[FrozenSet[RegistryName]],
    options: Options,
    unknown: Tuple[RegistryName, ...] = (),
) -> Outcome:
    in_scope = [each for each in desired.registries if scope is None or each.name in scope]
    _check_supported(in_scope, node.containerd_version)
    _check_not_shadowed(node, in_scope)
    wanted = _registry_files(node, desired)
    if not options.adopt:
        _check_not_overriding(node, in_scope, wanted)
    wanted.update(service_files(node, options.door))
    names = None if scope is None else frozenset(name.directory for name in scope)
    plan, originals = _plan(node, wanted, names, options)
    outcome = Outcome(plan, desired, (node.is_enabled, True), tuple(in_scope), unknown, originals)
    if not options.dry_run:
        state = registries_toml.to_toml(desired)
        _check_rendered(node, plan, state, desired)
        transaction.commit(node, plan, state.encode(), enabled=True)
    return outcome


def _take_everything_back(node: Node, options: Options) -> Outcome:
    plan, originals = _plan(node, {}, None, options)
    outcome = Outcome(plan, DesiredState(), (node.is_enabled, False), originals=originals)
    if not options.dry_run:
        transaction.commit(node, plan, None, enabled=False)
    return outcome


def _plan(
    node: Node, wanted: Files, directories: Optional[FrozenSet[str]], options: Options
) -> Tuple[Plan, Dict[NodePath, ObservedFile]]:
    ledgers = records.ledgers(node)
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


def _registry_files(node: Node, desired: DesiredState) -> Files:
    files: Files = {}
    modes, stable = node.modes, node.stable_certs_d
    for registry in desired.registries:
        directory = registry.name.directory
        readable_at = f"{stable}/{directory}" if stable else ""
        for file in registry_files(registry, readable_at):
            path = NodePath(Root.DATA, f"{CERTS_D}/{directory}/{file.name}")
            mode = modes.secret if file.secret else modes.file
            files[path] = WantedFile(file.content, mode, file.secret, file.document)
    return files


def _check_rendered(node: Node, plan: Plan, state: str, desired: DesiredState) -> None:
    """Read back all TOML that is about to be written, and only that: reading is slow."""
    for action in plan.changes:
        if action.after is not None and action.after.document is not None:
            toml.check(action.after.content.decode(), action.after.document)
    if records.read(node, STATE) != state.encode():
        registries_toml.check(state, desired)


def _check_supported(
    registries: List[Registry], ask_version: Callable[[], Optional[Version]]
) -> None:
    """Refuse what this node's containerd would ignore; it is only asked if anything depends on it.

    A containerd that does not tell its version is taken for a current one.
    """
    needs = [(registry, need) for registry in registries for need in needs_of(registry)]
    version = ask_version() if needs else None
    for registry, need in needs:
        if version is not None and version < need.since:
            raise UnsupportedError(
                f"{registry.name}: {need.what} needs containerd {_dotted(need.since)}; "
                f"this node has {_dotted(version)}",
                remedy="sudo snap refresh microk8s --channel=latest/stable brings a newer one",
            )


def _check_not_shadowed(node: Node, registries: List[Registry]) -> None:
    for registry in registries:
        shadow = registry.name.shadowing_directory
        path = NodePath(Root.DATA, f"{CERTS_D}/{shadow}")
        if shadow is not None and records.exists(node, path):
            raise ConflictError(
                f"containerd would read this in place of {registry.name}",
                place=node.shown(path),
                remedy="move it away: sudo mv '{0}' '{0}.old'".format(node.shown(path)),
            )


def _check_not_overriding(node: Node, registries: List[Registry], wanted: Files) -> None:
    """Refuse to put a hosts.toml beside certificates of somebody else's.

    containerd reads ``*.crt`` and ``*.cert`` in a registry's directory only where there is no
    hosts.toml (remotes/docker/config/hosts.go loadHostDir).
    """
    for registry in registries:
        directory = f"{CERTS_D}/{registry.name.directory}"
        names = records.names_in(node, NodePath(Root.DATA, directory))
        paths = [NodePath(Root.DATA, f"{directory}/{name}") for name in sorted(names)]
        foreign = [each for each in paths if each.path.endswith((".crt", ".cert"))]
        ignored = next((each for each in foreign if each not in wanted), None)
        if ignored is not None and HOSTS_TOML not in names:
            raise ConflictError(
                f"with a hosts.toml beside it containerd would no longer read this for "
                f"{registry.name}",
                place=node.shown(ignored),
                remedy="give it with --ca, or --client-cert and --client-key, and add --adopt",
            )


def _status(node: Node, registry: Registry) -> RegistryStatus:
    wanted = _registry_files(node, DesiredState((registry,)))
    observed, _ = records.observe(node, wanted)
    missing = tuple(path for path in wanted if path not in observed)
    differing = tuple(
        path
        for path, file in wanted.items()
        if path in observed and observed[path].digest != sha256(file.content)
    )
    return RegistryStatus(registry, missing, differing)


def _dotted(version: Version) -> str:
    return ".".join(str(part) for part in version)
