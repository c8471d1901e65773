"""Changes of a node: parts become a plan, and the plan is carried out."""

from __future__ import annotations

from typing import (
    TYPE_CHECKING,
    Callable,
    Iterable,
    List,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from private_registry.changes.outcomes import Outcome
from private_registry.changes.planning import Terms, originals_of, plan_of
from private_registry.changes.saved import saved_credentials
from private_registry.containerd.daemon import Containerd, version_of
from private_registry.containerd.part import (
    RegistryFiles,
    Restart,
    TemplatePart,
    entries_of,
)
from private_registry.containerd.refusals import check_rendered, check_starts
from private_registry.containerd.template_file import (
    RENDERED_PATH,
    may_hold_old_logins,
    read_template,
    template_to_clean,
)
from private_registry.docker.reach import (
    DockerReach,
    Reload,
    docker_notes,
    docker_reach,
    engine_to_settle,
)
from private_registry.kubelet.reach import kubelet_part, logins_to_take_back, notes_of
from private_registry.named_tuple import NamedTuple
from private_registry.node.file_values import Root
from private_registry.node.paths import LAST_CHECK, PULL_SECRETS, STATE, Node
from private_registry.node.services import service_files
from private_registry.pull_secrets.record import made_secrets, record_of
from private_registry.registries import registries_toml
from private_registry.registries.credentials import forms_of
from private_registry.registries.model import DesiredState
from private_registry.transaction import commit, records
from private_registry.transaction.follower import Follower, Followers, FollowersOf
from private_registry.transaction.journal import Journal
from private_registry.transaction.part import Part, PlainPart, Scope
from private_registry.transaction.plan import Plan
from private_registry.transaction.staging import OwnFiles

if TYPE_CHECKING:
    from private_registry.pull_secrets.made_secrets import MadeSecret
    from private_registry.pull_secrets.part import ClusterPart


class Options(NamedTuple):
    """How to carry out a change.

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


class InCluster(NamedTuple):
    """Pull secrets, as far as a change is about them.

    Args:
        to_make: what is made with it; None for nothing.
        made: what is to be remembered then; None for what is remembered now.
    """

    to_make: Optional[ClusterPart] = None
    made: Optional[Tuple[MadeSecret, ...]] = None


NO_CLUSTER = InCluster()
_NOTHING = DesiredState()


def make_so(
    node: Node,
    desired: DesiredState,
    scope: Scope,
    options: Options,
    cluster: InCluster = NO_CLUSTER,
    *,
    is_docker: bool = False,
) -> Outcome:
    """Make a node match a desired state.

    Args:
        node: to be changed; the caller has its turn.
        desired: what it is to know, and what is saved then.
        scope: the registries that the command is about; None for all.
        options: how to go about it.
        cluster: what of it is in the cluster.
        is_docker: the command is about a Docker engine.

    Raises:
        PrivateRegistryError: see errors.py; nothing has changed then.
    """
    concerned = [
        each for each in desired.registries if scope is None or each.name in scope
    ]
    file = read_template(node)
    containerd = containerd_of(node, options, desired)
    if concerned:
        check_starts(file.template, lambda: version_of(node))
        containerd.check_starts(file.text)
    reach = docker_reach(node, desired, options.outside, is_asked=is_docker)
    registries = RegistryFiles(
        reach.node, desired, concerned, file.template, adopt=options.adopt
    )
    template = TemplatePart(
        reach.node,
        file,
        entries_of(desired, file.template),
        containerd,
        scope,
        adopt=options.adopt,
        no_restart=options.no_restart,
    )
    own = PlainPart(service_files(node, options.door))
    sandbox = file.template.sandbox_image
    kubelet = kubelet_part(
        reach.node, desired, scope, adopt=options.adopt, sandbox_image=sandbox
    )
    parts: List[Part] = [registries, own, template]
    others = (kubelet, reach.part, cluster.to_make)
    parts += [each for each in others if each is not None]
    plan = plan_of(reach.node, parts, scope, Terms(adopt=options.adopt))
    outcome = _outcome(reach, template, plan, desired)._replace(
        enabled=(node.is_enabled, True),
        concerned=tuple(concerned),
        notes=(*docker_notes(concerned), *reach.notes, *notes_of(kubelet)),
        secrets=cluster.to_make.changed if cluster.to_make else (),
    )
    if not options.dry_run:
        _carry_out(node, outcome, reach, parts, cluster, options)
    return outcome


def _carry_out(
    node: Node,
    outcome: Outcome,
    reach: DockerReach,
    parts: Sequence[Part],
    cluster: InCluster,
    options: Options,
) -> None:
    plan, desired, to_make = outcome.plan, outcome.desired, cluster.to_make
    state = registries_toml.to_toml(desired)
    check_rendered(reach.node, plan, state, desired)
    made = to_make.made if to_make else cluster.made
    made = made_secrets(node) if made is None else made
    saved: OwnFiles = {STATE: state.encode(), PULL_SECRETS: record_of(made)}
    if plan.changes or outcome.restart is Restart.DONE:
        # What was found out before does not hold any more.
        saved[LAST_CHECK] = None
    _commit(reach, plan, saved, parts, options)
    if to_make is not None and to_make.made_by_us != to_make.made:
        # Others made a service account name a Secret meanwhile.
        same = Plan((), records.ledgers(reach.node))
        record = {PULL_SECRETS: record_of(to_make.made_by_us)}
        commit.commit(reach.node, same, record, enabled=True)


def take_everything_back(node: Node, options: Options) -> Outcome:
    """Give a node back as it was before the addon.

    Raises:
        PrivateRegistryError: see errors.py; nothing has changed then.
    """
    record = records.ledger(node, Root.DATA).template
    is_ours = bool(record.keys or record.rendered)
    file, notes = template_to_clean(node) if is_ours else (None, ())
    reach = docker_reach(node, _NOTHING, options.outside, is_asked=True)
    template = None
    if file is not None:
        template = TemplatePart(
            reach.node,
            file,
            [],
            containerd_of(node, options),
            None,
            adopt=options.adopt,
            no_restart=options.no_restart,
        )
    kubelet = logins_to_take_back(reach.node)
    found = (template, kubelet, reach.part)
    parts: List[Part] = [each for each in found if each is not None]
    plan = plan_of(reach.node, parts, None, Terms(adopt=options.adopt))
    outcome = _outcome(reach, template, plan, _NOTHING)._replace(
        enabled=(node.is_enabled, False),
        notes=(
            *notes,
            *_still_closed(node, plan),
            *reach.notes,
            *notes_of(kubelet),
        ),
        is_inspected=False,
    )
    if not options.dry_run:
        # What containerd still has is told once; nothing of ours stays to remember it.
        own: OwnFiles = {STATE: None, PULL_SECRETS: None, LAST_CHECK: None}
        _commit(reach, plan.without_memory(), own, parts, options)
    return outcome


def _still_closed(node: Node, plan: Plan) -> Tuple[str, ...]:
    """Tell people what nobody will open again when nothing of ours is left."""
    found = plan.ledgers[Root.DATA].template.rendered
    if found is None:
        return ()
    path, mode = node.shown(RENDERED_PATH), f"{found[0]:04o}"
    note = f"{path} holds a login until containerd's next start and is root's alone"
    return (f"{note}; give it back to its group then: sudo chmod {mode} {path}",)


def _outcome(
    reach: DockerReach,
    template: Optional[TemplatePart],
    plan: Plan,
    desired: DesiredState,
) -> Outcome:
    return Outcome(
        reach.node,
        plan,
        desired,
        (False, False),
        originals=originals_of(reach.node, plan.actions),
        restart=template.restart if template else Restart.NONE,
        is_inspected=template is not None and template.has_new_password,
        reload=reach.part.reload_of(plan) if reach.part else Reload.NONE,
    )


def _commit(
    reach: DockerReach,
    plan: Plan,
    saved: OwnFiles,
    parts: Sequence[Part],
    options: Options,
) -> None:
    plan = plan._replace(ledgers={**plan.ledgers, **reach.forgotten})
    takers = [each for part in parts for each in part.followers]
    takers.sort(key=lambda each: each.order)
    commit.commit(
        reach.node,
        plan,
        saved,
        enabled=saved[STATE] is not None,
        followers=_followers(reach.node, takers, options),
    )


def _followers(node: Node, takers: Iterable[Follower], options: Options) -> Followers:
    return Followers(
        tuple(takers),
        lambda content: may_hold_old_logins(node, content),
        options.say,
    )


def followers_of_killed_run(options: Options) -> FollowersOf:
    """Return what finds those that have to take what a killed run wrote."""

    def followers(node: Node, journal: Journal) -> Followers:
        engine = engine_to_settle(node, journal.reload)
        containerd = containerd_of(node, options) if journal.restart else None
        takers: Sequence[Union[Follower, None]] = (engine, containerd)
        return _followers(node, filter(None, takers), options)

    return followers


def containerd_of(
    node: Node, options: Options, desired: DesiredState = _NOTHING
) -> Containerd:
    """Return a node's containerd, whose words show none of our passwords."""

    def passwords() -> List[str]:
        known = (*desired.credentials, *saved_credentials(node))
        return [form for each in known for form in forms_of(each.password)]

    return Containerd(node, passwords, options.say)
