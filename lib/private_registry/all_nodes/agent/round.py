"""One round: a node is made as the orders say, as far as it can be without a restart.

It goes by the node's own engine, ledger and undo; what the node's own settings name
counts there, and stays as it is.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Callable, FrozenSet, Iterable, List, NamedTuple, Tuple

from private_registry import __version__
from private_registry.all_nodes.node_status import NodeStatus, Trouble
from private_registry.all_nodes.orders import Orders
from private_registry.changes.planning import Terms, plan_of
from private_registry.changes.saved import saved_state
from private_registry.containerd.daemon import version_by_cri
from private_registry.containerd.hosts_toml import HEADER_FOR_ALL_NODES
from private_registry.containerd.part import RegistryFiles
from private_registry.containerd.refusals import check_documents
from private_registry.containerd.template import Template
from private_registry.containerd.template_file import TEMPLATE_PATH, read_template
from private_registry.errors import NodeError, PrivateRegistryError
from private_registry.node.file_values import NodePath, Root
from private_registry.node.paths import CERTS_D, KUBELET_CONFIG_JSON, STATE, Node
from private_registry.registries.model import DesiredState, Registry
from private_registry.transaction import commit, records
from private_registry.transaction.follower import NOBODY, Followers
from private_registry.transaction.journal import Journal
from private_registry.transaction.ledger import ALL_NODES, OWN
from private_registry.transaction.part import Part
from private_registry.transaction.turns import alone

HERE = (
    "on a control plane node: microk8s private-registry export --all-nodes"
    " --with-secrets > registries.toml; then on this node: microk8s private-registry"
    " add --file registries.toml"
)
_ADOPT = "microk8s private-registry apply --all-nodes --adopt"
_APPLY = "sudo microk8s private-registry apply"


class Round(NamedTuple):
    """What came of a round.

    Args:
        status: to be reported.
        watched: the files that it depends on.
    """

    status: NodeStatus
    watched: Tuple[str, ...]


class _Sorted:
    """Registries, by what this node can make of them."""

    def __init__(self) -> None:
        self.wanted: List[Registry] = []
        self.own: List[str] = []
        self.changed: List[str] = []
        self.cannot: List[Trouble] = []
        self.needs_restart: List[Trouble] = []


def carry_out(
    found: Node, orders: Orders, say: Callable[[str], None], *, adopt: bool
) -> Round:
    """Make a node as the orders say, and tell how far it is.

    Args:
        found: the node.
        orders: of the cluster.
        say: is told what takes long.
        adopt: files that somebody else wrote are taken over this time.
    """
    try:
        with alone(found, _followers_of_killed_run, say) as node:
            return _carried_out(node, orders, adopt=adopt)
    except PrivateRegistryError as error:
        trouble = _trouble(error.place or "", error)
        status = NodeStatus(orders.number, __version__, cannot=(trouble,))
        return Round(status, _watched(found, ()))


def _carried_out(node: Node, orders: Orders, *, adopt: bool) -> Round:
    found, parts = _Sorted(), []
    if not orders.takes_back:
        template = read_template(node).template
        found = _sort(node, orders.registries, template, adopt=adopt)
        parts = _parts(node, found.wanted, template, adopt=adopt)
    terms = Terms(adopt=adopt, by=ALL_NODES, repair=orders.repair or adopt)
    before = records.ledgers(node)
    plan = plan_of(node, parts, None if adopt else frozenset(), terms)
    check_documents(plan)
    commit.commit(node, plan, {}, enabled=node.is_enabled)
    for action in plan.hints:
        entry = before[action.path.root].files.get(action.path.path)
        shown = node.shown(action.path)
        if entry is None:
            found.cannot.append(Trouble(shown, action.reason, _ADOPT))
        else:
            found.changed.append(shown)
    status = NodeStatus(
        orders.number,
        __version__,
        orders.takes_back,
        tuple(found.own),
        tuple(found.changed),
        tuple(found.cannot),
        tuple(found.needs_restart),
    )
    ours = [
        NodePath(root, path)
        for root, ledger in plan.ledgers.items()
        for path in ledger.files
    ]
    wanted = [path for part in parts for path in part.files]
    return Round(status, _watched(node, (*ours, *wanted)))


def _parts(
    node: Node, wanted: List[Registry], template: Template, *, adopt: bool
) -> List[Part]:
    if not wanted:
        return []
    state = DesiredState(tuple(wanted))
    header = HEADER_FOR_ALL_NODES
    return [RegistryFiles(node, state, [], template, adopt=adopt, header=header)]


def _sort(
    node: Node, state: DesiredState, template: Template, *, adopt: bool
) -> _Sorted:
    found, own = _Sorted(), _own_directories(node)
    ask_version = lru_cache(maxsize=1)(lambda: version_by_cri(node))
    for registry in state.registries:
        name = str(registry.name)
        if registry.name.directory in own:
            found.own.append(name)
            continue
        if template.is_legacy:
            why = "this node's containerd has no certs.d and takes mirrors at its start"
            found.needs_restart.append(Trouble(name, why, HERE))
            continue
        bare, kept = _without_logins(registry)
        one = DesiredState((bare,))
        part = RegistryFiles(
            node, one, [bare], template, adopt=adopt, ask_version=ask_version
        )
        try:
            part.refuse()
        except PrivateRegistryError as error:
            found.cannot.append(_trouble(name, error))
            continue
        found.wanted.append(bare)
        found.needs_restart.extend(kept)
    return found


def _own_directories(node: Node) -> FrozenSet[str]:
    """Return the directories in certs.d for which the node's own settings count."""
    saved = {each.name.directory for each in saved_state(node).registries}
    above = f"{CERTS_D}/"
    files = records.ledger(node, Root.DATA).files
    written = {
        path[len(above) :].partition("/")[0]
        for path, entry in files.items()
        if entry.by == OWN and path.startswith(above)
    }
    return frozenset(saved | written)


def _without_logins(registry: Registry) -> Tuple[Registry, List[Trouble]]:
    """Take out the logins that containerd would keep, which it takes at its start."""
    mirrors = tuple(each._replace(credentials=None) for each in registry.mirrors)
    bare = registry._replace(credentials=None, mirrors=mirrors)
    hosts = [host for host, _ in registry.logins]
    why = "a login that containerd keeps counts after its restart"
    return bare, [Trouble(host, why, HERE) for host in hosts]


def _followers_of_killed_run(node: Node, journal: Journal) -> Followers:
    """Refuse to end a run of the node's own that has to restart something."""
    if journal.restart or journal.reload is not None:
        raise NodeError(
            "a command on this node was interrupted",
            place=node.shown(STATE),
            remedy=f"on this node: {_APPLY}",
        )
    return NOBODY


def _trouble(what: str, error: PrivateRegistryError) -> Trouble:
    why = error.message if not error.place else f"{error.message} ({error.place})"
    return Trouble(what, why, error.remedy or "")


def _watched(node: Node, paths: Iterable[NodePath]) -> Tuple[str, ...]:
    always = (STATE, TEMPLATE_PATH, KUBELET_CONFIG_JSON)
    return tuple(node.absolute(each) for each in dict.fromkeys((*always, *paths)))
