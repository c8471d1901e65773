"""One round: a node is made as the orders say, as far as it can be without a restart.

It goes by the node's own engine, ledger and undo; what the node's own settings name
counts there, and stays as it is.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Callable, FrozenSet, Iterable, List, Mapping, Tuple

from private_registry import __version__
from private_registry.all_nodes.node_status import NodeStatus, Trouble
from private_registry.all_nodes.orders import Orders
from private_registry.changes import for_all_nodes
from private_registry.changes.for_all_nodes import WantedHere, plan_for_all_nodes
from private_registry.changes.saved import saved_state
from private_registry.containerd.daemon import version_by_cri
from private_registry.containerd.hosts_toml import HEADER_FOR_ALL_NODES
from private_registry.containerd.part import RegistryFiles
from private_registry.containerd.refusals import check_documents
from private_registry.containerd.template import Template
from private_registry.containerd.template_file import TEMPLATE_PATH, read_template
from private_registry.errors import NodeError, PrivateRegistryError
from private_registry.kubelet.config_json import BY_HAND
from private_registry.kubelet.refusals import check_counts
from private_registry.named_tuple import NamedTuple
from private_registry.node.file_values import NodePath, Root
from private_registry.node.paths import CERTS_D, KUBELET_CONFIG_JSON, STATE, Node
from private_registry.registries.model import DesiredState, Registry
from private_registry.transaction import records
from private_registry.transaction.follower import NOBODY, Followers
from private_registry.transaction.journal import Journal
from private_registry.transaction.ledger import OWN, Ledger
from private_registry.transaction.plan import Action
from private_registry.transaction.turns import alone

HERE = (
    "give it on this node itself, without --all-nodes (docs/how-to/several-nodes.md);"
    " what it says now: microk8s private-registry export --all-nodes, on a control"
    " plane node"
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
        trouble = _trouble("", error)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        why = f"a file of this node cannot be used: {reason}"
        trouble = Trouble(str(error.filename or ""), why)
    status = NodeStatus(orders.number, __version__, cannot=(trouble,))
    return Round(status, _watched(found, ()))


def _carried_out(node: Node, orders: Orders, *, adopt: bool) -> Round:
    found, wanted = _Sorted(), None
    if not orders.takes_back:
        template = read_template(node).template
        found = _sort(node, orders.registries, template, adopt=adopt)
        wanted = _wanted(node, found.wanted, template, adopt=adopt)
    before = records.ledgers(node)
    repair = orders.repair or adopt
    planned = plan_for_all_nodes(node, wanted, adopt=adopt, repair=repair)
    check_documents(planned.plan)
    for_all_nodes.carry_out(planned)
    for action in planned.plan.hints:
        _sort_out(node, found, action, before)
    found.cannot.extend(Trouble("", each) for each in planned.notes)
    status = NodeStatus(
        orders.number,
        __version__,
        orders.takes_back,
        tuple(found.own),
        tuple(found.changed),
        tuple(found.cannot),
        tuple(found.needs_restart),
    )
    paths = [
        NodePath(root, path)
        for root, ledger in planned.plan.ledgers.items()
        for path in ledger.files
    ]
    paths += [] if wanted is None else wanted.files.files
    return Round(status, _watched(node, paths))


def _sort_out(
    node: Node, found: _Sorted, action: Action, before: Mapping[Root, Ledger]
) -> None:
    """Tell what somebody changed since from what somebody else wrote."""
    shown, ledger = node.shown(action.path), before.get(action.path.root)
    if ledger is not None and action.path.path in ledger.files:
        found.changed.append(shown)
    elif BY_HAND in action.reason:
        found.changed.append(f"{shown}: {action.reason}")
    else:
        found.cannot.append(Trouble(shown, action.reason, _ADOPT))


def _wanted(
    node: Node, wanted: List[Registry], template: Template, *, adopt: bool
) -> WantedHere:
    state, header = DesiredState(tuple(wanted)), HEADER_FOR_ALL_NODES
    files = RegistryFiles(node, state, [], template, adopt=adopt, header=header)
    return WantedHere(state, files, template.sandbox_image)


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
            if bare.kubelet_login is not None:
                check_counts(node, [bare], template.sandbox_image)
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
    bare = registry._replace(credentials=registry.kubelet_login, mirrors=mirrors)
    hosts = [host for host, login in registry.logins if not login.is_kubelets]
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
