"""Each verb from request to changed node: the one place where core and shell meet."""

from __future__ import annotations

from contextlib import contextmanager
from typing import (
    ContextManager,
    FrozenSet,
    Iterator,
    List,
    NamedTuple,
    Optional,
    Tuple,
)

from private_registry.check import last_check
from private_registry.containerd.daemon import Containerd, version_of
from private_registry.containerd.refusals import (
    check_not_overriding,
    check_not_shadowed,
    check_registry_section,
    check_rendered,
    check_supported,
)
from private_registry.containerd.template import Template
from private_registry.containerd.template_file import (
    RENDERED_PATH,
    TEMPLATE_PATH,
    read_template,
    template_to_clean,
)
from private_registry.containerd.template_plan import digest
from private_registry.docker.part import (
    DockerReach,
    docker_notes,
    docker_reach,
    engine_to_settle,
    is_in_docker,
)
from private_registry.errors import NodeError, UsageError
from private_registry.node.paths import LAST_CHECK, PULL_SECRETS, STATE, Node
from private_registry.node.services import service_files
from private_registry.node.values import Root, sha256
from private_registry.pull_secrets.cluster import Cluster
from private_registry.pull_secrets.kubectl import NoRightError
from private_registry.pull_secrets.part import (
    ClusterPart,
    TakenBack,
    made_secrets,
    part_to_make,
    part_to_take_back,
    record_of,
)
from private_registry.pull_secrets.secret import MadeSecret
from private_registry.registries import registries_toml
from private_registry.registries.model import DesiredState, Registry
from private_registry.transaction import commit, records
from private_registry.transaction.commit import AllFollowers, Followers
from private_registry.transaction.journal import Journal
from private_registry.transaction.ledger import EntryKey
from private_registry.transaction.plan import Plan
from private_registry.transaction.staging import OwnFiles
from private_registry.transaction.turns import alone, looking
from private_registry.verbs.outcomes import Listing, Outcome, RegistryStatus
from private_registry.verbs.planning import (
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
from private_registry.verbs.requests import (
    AddRequest,
    ApplyRequest,
    RemoveRequest,
    desired_after_add,
    desired_after_remove,
)


def add(found: Node, request: AddRequest, options: Options) -> Outcome:
    """Add or change registries and pull secrets; without any, apply what is saved.

    Raises:
        PrivateRegistryError: see errors.py; nothing has changed then.
    """
    with _turn(found, options) as node:
        desired = desired_after_add(_saved(node), request)
        secret = request.pull_secret
        part = None if secret is None else part_to_make(node, secret)
        asks = Asks(is_docker=bool(request.docker), to_make=part)
        outcome = _make_so(node, desired, request.scope, options, asks)
        return outcome._replace(notes=(*request.notes, *outcome.notes))


def apply(found: Node, request: ApplyRequest, options: Options) -> Outcome:
    """Make the node match the saved state, or the request's, which then is the saved
    one.
    """
    with _turn(found, options) as node:
        desired = _saved(node) if request.state is None else request.state
        outcome = _make_so(node, desired, None, options, Asks())
        return outcome._replace(notes=(*request.notes, *outcome.notes))


def remove(found: Node, request: RemoveRequest, options: Options) -> Outcome:
    """Take registries and pull secrets back, or everything."""
    with _turn(found, options) as node:
        gone = part_to_take_back(node, request, frozenset(request.names))
        with _out_of_the_cluster(node, gone, options) as notes:
            outcome = _remove_from_node(node, request, gone, options)
        notes = (*notes, *gone.left, *outcome.notes)
        return outcome._replace(secrets=gone.changed, notes=notes)


def _remove_from_node(
    node: Node, request: RemoveRequest, gone: TakenBack, options: Options
) -> Outcome:
    if request.everything:
        return _take_everything_back(node, options)
    saved = _saved(node)
    in_secrets = {each.registry for each in gone.gone}
    unknown = tuple(
        each
        for each in dict.fromkeys(request.names)
        if saved.get(each) is None and str(each) not in in_secrets
    )
    known = frozenset(request.names).difference(unknown)
    if not known and not gone.gone:
        nothing = Plan((), records.ledgers(node))
        enabled = (node.is_enabled, node.is_enabled)
        return Outcome(node, nothing, saved, enabled, (), unknown)
    desired = desired_after_remove(saved, request)
    outcome = _make_so(node, desired, known, options, Asks(made=gone.staying))
    return outcome._replace(unknown=unknown)


@contextmanager
def _out_of_the_cluster(
    node: Node, gone: TakenBack, options: Options
) -> Iterator[Tuple[str, ...]]:
    """Take Secrets out of the cluster, and put them back if the rest fails.

    Yields notes.
    """
    if not gone.gone or options.dry_run:
        yield ()
        return
    cluster = Cluster(node)
    try:
        notes = cluster.take_back(gone.gone)
    except NoRightError as error:
        commands = "; ".join(f"microk8s kubectl {each.deleting}" for each in gone.gone)
        error.remedy = (
            f"on a control plane node: {commands}; then here again: --keep-pull-secrets"
        )
        raise
    except NodeError as error:
        error.remedy = (
            f"{error.remedy or 'mend that'}; or leave the Secrets: --keep-pull-secrets"
        )
        raise
    try:
        yield notes
    except BaseException as error:
        cluster.undo(error)
        raise


def list_registries(found: Node, options: Options) -> Listing:
    """Compare the saved registries with the node."""
    with _looking(found, options) as node:
        return listing_of(node)


def listing_of(node: Node) -> Listing:
    """Compare the saved registries with the node, as they are right now."""
    saved = _saved(node)
    file = read_template(node)
    record = records.ledger(node, Root.DATA).template
    entries = entries_of(saved, file.template)
    keys = {*record.keys, *(each.entry.key for each in entries)}
    unloaded = Containerd(node).unloaded(file.text, keys)
    statuses = tuple(
        _status(node, registry, file.template, unloaded)
        for registry in saved.registries
    )
    still_loaded = record.unloaded & unloaded
    return Listing(
        node.is_enabled,
        statuses,
        still_loaded,
        made_secrets(node),
        last_check.recall(node),
    )


def saved_state(node: Node, options: Options) -> DesiredState:
    """Return the saved registries."""
    with _looking(node, options):
        return _saved(node)


def _turn(found: Node, options: Options) -> ContextManager[Node]:
    """Return what a verb runs in: alone, or where it changes nothing beside whoever
    is at work.
    """
    if options.dry_run:
        return _looking(found, options)
    return alone(found, _everybody(options), options.say, is_hook=options.after_refresh)


def _looking(found: Node, options: Options) -> ContextManager[Node]:
    return looking(found, _everybody(options), options.say)


def _everybody(options: Options) -> AllFollowers:
    def followers(found: Node, journal: Journal) -> Followers:
        containerd = _containerd(found, DesiredState(), options)
        docker = engine_to_settle(found, journal.reload)
        return Followers(containerd, docker, say=options.say)

    return followers


def _saved(node: Node) -> DesiredState:
    content = records.read(node, STATE)
    if content is None:
        return DesiredState()
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise UsageError(
            "the saved registries are not text", place=node.shown(STATE)
        ) from error
    return registries_toml.from_toml(text, node.shown(STATE), _no_files)


def _no_files(kind: str, _name: str) -> str:
    raise UsageError(
        f"the saved registries hold everything themselves and name no {kind}",
        remedy="give that file with: microk8s private-registry apply --file FILE",
    )


class Asks(NamedTuple):
    """What else than registries a command is about.

    Args:
        is_docker: the Docker engine.
        to_make: pull secrets to be made.
        made: those to be remembered; None for all that are.
    """

    is_docker: bool = False
    to_make: Optional[ClusterPart] = None
    made: Optional[Tuple[MadeSecret, ...]] = None


def _make_so(
    node: Node, desired: DesiredState, scope: Scope, options: Options, asks: Asks
) -> Outcome:
    in_scope = [
        each for each in desired.registries if scope is None or each.name in scope
    ]
    file = read_template(node)
    check_registry_section(node, file.template)
    wanted = files_of(node, desired, file.template)
    check_supported(
        in_scope, lambda: version_of(node), is_legacy=file.template.is_legacy
    )
    if not file.template.is_legacy:
        check_not_shadowed(node, in_scope)
        if not options.adopt:
            check_not_overriding(node, in_scope, wanted)
    wanted.update(service_files(node, options.door))
    entries = entries_of(desired, file.template)
    containerd = _containerd(node, desired, options)
    reach = docker_reach(node, desired, options.outside, is_asked=asks.is_docker)
    template = TemplatePart(file, entries, containerd)
    changes = make_changes(reach.node, wanted, scope, options, template, reach.part)
    outcome = Outcome(
        reach.node,
        changes.plan,
        desired,
        (node.is_enabled, True),
        tuple(in_scope),
        originals=changes.originals,
        restart=changes.restart,
        is_inspected=changes.has_new_password,
        notes=(*docker_notes(in_scope), *reach.notes),
        reload=changes.reload,
        secrets=asks.to_make.changed if asks.to_make else (),
    )
    if not options.dry_run:
        state = registries_toml.to_toml(desired)
        check_rendered(reach.node, changes.plan, state, desired)
        made = asks.to_make.made if asks.to_make else asks.made
        made = made_secrets(node) if made is None else made
        saved: OwnFiles = {STATE: state.encode(), PULL_SECRETS: record_of(made)}
        if changes.plan.changes or changes.restart is Restart.DONE:
            # What was found out before does not hold any more.
            saved[LAST_CHECK] = None
        last = asks.to_make.make if asks.to_make and asks.to_make.is_change else None
        _commit(
            reach, changes, saved, Followers(containerd, last=last, say=options.say)
        )
        _forget_what_others_made(reach.node, asks.to_make)
    return outcome


def _forget_what_others_made(node: Node, part: Optional[ClusterPart]) -> None:
    """Mend the record where a service account was made to name a Secret by others
    meanwhile.
    """
    if part is not None and part.made_by_us != part.made:
        same = Plan((), records.ledgers(node))
        record = {PULL_SECRETS: record_of(part.made_by_us)}
        commit.commit(node, same, record, enabled=True)


def _take_everything_back(node: Node, options: Options) -> Outcome:
    containerd = _containerd(node, DesiredState(), options)
    record = records.ledger(node, Root.DATA).template
    is_ours = bool(record.keys or record.rendered)
    file, notes = template_to_clean(node) if is_ours else (None, ())
    template = None if file is None else TemplatePart(file, [], containerd)
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
        notes=(*notes, *_still_closed(node, changes.plan), *reach.notes),
        reload=changes.reload,
    )
    if not options.dry_run:
        # What containerd still has is told once; nothing of ours stays to remember it.
        changes = changes._replace(plan=changes.plan.without_memory())
        nothing: OwnFiles = {STATE: None, PULL_SECRETS: None, LAST_CHECK: None}
        _commit(reach, changes, nothing, Followers(containerd, say=options.say))
    return outcome


def _still_closed(node: Node, plan: Plan) -> Tuple[str, ...]:
    """Tell people what nobody will open again when nothing of ours is left."""
    found = plan.ledgers[Root.DATA].template.rendered
    if found is None:
        return ()
    path, mode = node.shown(RENDERED_PATH), f"{found[0]:04o}"
    note = f"{path} holds a login until containerd's next start and is root's alone"
    return (f"{note}; give it back to its group then: sudo chmod {mode} {path}",)


def _commit(
    reach: DockerReach,
    changes: Changes,
    saved: OwnFiles,
    followers: Followers,
) -> None:
    followers = followers._replace(
        containerd=followers.containerd if changes.restart is Restart.DONE else None,
        docker=(
            reach.part.engine if reach.part and changes.reload is Reload.DONE else None
        ),
    )
    plan = changes.plan._replace(ledgers={**changes.plan.ledgers, **reach.forgotten})
    is_enabled = saved[STATE] is not None
    commit.commit(reach.node, plan, saved, enabled=is_enabled, followers=followers)


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
    in_docker = is_in_docker(node, registry) if registry.docker else True
    return RegistryStatus(
        registry, tuple(missing), tuple(differing), is_pending, in_docker
    )
