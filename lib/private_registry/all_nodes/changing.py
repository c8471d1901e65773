"""Changes of what all nodes are to know, as commands ask for them."""

from __future__ import annotations

from typing import Callable, List, Optional, Tuple

from private_registry.all_nodes.node_rows import DOWN, NodeRow
from private_registry.all_nodes.orders import Orders
from private_registry.all_nodes.publishing import (
    ClusterRegistries,
    given_meanwhile,
)
from private_registry.errors import NodeError
from private_registry.named_tuple import NamedTuple
from private_registry.registries.model import DesiredState

# How long nodes are waited for.
SECONDS = 30.0
TAKING_BACK_SECONDS = 60.0
# More at once an API server refuses for a while, also those of others.
_REPORTS_A_SECOND = 200.0
CREATES = (
    "The first change for all nodes makes the namespace private-registry-config: the"
    " Secret registries (whoever may read Secrets there reads the logins in it), the"
    " ConfigMap engine, and the DaemonSet agent with an account that may do nothing"
    " outside of it."
)


class Terms(NamedTuple):
    """How a change goes about it.

    Args:
        agent_image: see ClusterRegistries.set_up.
        repair: see Orders; None for as before.
        adopt: see Orders.
        dry_run: change nothing.
    """

    agent_image: Optional[str] = None
    repair: Optional[bool] = None
    adopt: bool = False
    dry_run: bool = False


class Published(NamedTuple):
    """What came of a change.

    Args:
        before: what the cluster knew.
        after: what it is to know.
        rows: how each node stands to that; none in a dry run.
        is_first: nothing of all nodes was in the cluster.
        is_taken_down: nothing is in it any more.
        notes: for people, a line each.
    """

    before: Orders
    after: Orders
    rows: Tuple[NodeRow, ...] = ()
    is_first: bool = False
    is_taken_down: bool = False
    notes: Tuple[str, ...] = ()

    @property
    def is_change(self) -> bool:
        """Whether the cluster is to know something else."""
        return self.before._replace(number=self.after.number) != self.after


def publish(
    cluster: ClusterRegistries,
    change: Callable[[DesiredState], DesiredState],
    terms: Terms,
    say: Callable[[str], None],
) -> Published:
    """Change what all nodes are to know, and wait until they have it.

    Args:
        cluster: whose nodes.
        change: returns the registries from then on.
        terms: how to go about it.
        say: is told what takes long.

    Raises:
        PrivateRegistryError: see errors.py; nothing has changed then.
    """
    found = cluster.read()
    before = found.orders
    wanted = _changed(before, change(before.registries), terms)
    done = Published(before, wanted, is_first=found.is_first)
    if terms.dry_run:
        return done
    agents = cluster.agents(terms.agent_image)
    if found.is_first:
        say(CREATES)
    if wanted == before and not cluster.is_set_up(agents):
        # That each agent reports once more tells that it is there, and which one.
        wanted = before._replace(number=before.number + 1)
    if wanted != before:
        wanted = wanted._replace(spread=_spread(cluster))
        cluster.write(found, wanted)
    cluster.set_up(agents)
    say("Waiting for the nodes ...")
    rows = cluster.waited_rows(wanted, SECONDS, _is_over)
    return done._replace(after=wanted, rows=tuple(rows))


def _changed(before: Orders, registries: DesiredState, terms: Terms) -> Orders:
    """Return the orders from then on: those of before where nothing is different."""
    repair = before.repair if terms.repair is None else terms.repair
    wanted = before._replace(
        registries=registries, takes_back=False, repair=repair, adopt=terms.adopt
    )
    if wanted == before and not terms.adopt:
        return before
    return wanted._replace(number=before.number + 1)


def take_back(
    cluster: ClusterRegistries,
    forget: Tuple[str, ...],
    say: Callable[[str], None],
    *,
    dry_run: bool,
) -> Published:
    """Have every node give back what it got, and take all out of the cluster then.

    Args:
        cluster: whose nodes.
        forget: nodes that nobody waits for.
        say: is told what takes long.
        dry_run: change nothing.

    Raises:
        PrivateRegistryError: see errors.py.
    """
    found = cluster.read()
    before = found.orders
    if found.is_first and not cluster.is_there():
        return Published(before, before, is_first=True)
    _check_known(cluster, forget)
    wanted = before
    if not before.takes_back:
        spread = _spread(cluster)
        wanted = Orders(number=before.number + 1, takes_back=True, spread=spread)
    done = Published(before, wanted)
    if dry_run:
        return done
    if wanted != before:
        cluster.write(found, wanted)
    if not cluster.has_agents():
        # Somebody deleted them by hand, and nodes still have what they got.
        cluster.set_up(cluster.agents(None))
    say("Waiting for the nodes ...")

    def missing(rows: List[NodeRow]) -> List[NodeRow]:
        return [
            each
            for each in rows
            if not has_given_back(each, wanted) and each.node.name not in forget
        ]

    def is_over(rows: List[NodeRow]) -> bool:
        is_waited_for = any(each.state != DOWN for each in missing(rows))
        return not is_waited_for or _is_overtaken(rows, wanted)

    rows = cluster.waited_rows(wanted, TAKING_BACK_SECONDS, is_over)
    if _is_overtaken(rows, wanted):
        raise given_meanwhile()
    return _ended(cluster, done._replace(rows=tuple(rows)), missing(rows))


def _ended(
    cluster: ClusterRegistries, done: Published, missing: List[NodeRow]
) -> Published:
    if not missing:
        found = cluster.read()
        if not found.is_first and found.orders != done.after:
            raise given_meanwhile()
        cluster.take_down(found)
        return done._replace(is_taken_down=True)
    if cluster.read().is_first and not cluster.is_there():
        # Another run has taken all down meanwhile.
        return Published(done.before, done.before, is_first=True)
    return done


def _spread(cluster: ClusterRegistries) -> float:
    return len(cluster.nodes()) / _REPORTS_A_SECOND


def _is_overtaken(rows: List[NodeRow], wanted: Orders) -> bool:
    """Whether nodes have carried out later orders than these."""
    reported = (each.status for each in rows if each.status is not None)
    return any(each.number > wanted.number for each in reported)


def has_given_back(row: NodeRow, wanted: Orders) -> bool:
    """Whether a node has given back all that it got."""
    status = row.status
    return (
        status is not None
        and status.number >= wanted.number
        and status.taken_back
        and not status.cannot
    )


def _is_over(rows: List[NodeRow]) -> bool:
    return not any(each.is_open for each in rows)


def _check_known(cluster: ClusterRegistries, names: Tuple[str, ...]) -> None:
    known = {each.name for each in cluster.nodes()} if names else set()
    unknown = [each for each in names if each not in known]
    if unknown:
        raise NodeError(
            f"the cluster has no node {unknown[0]}",
            place="option --forget",
            remedy="microk8s kubectl get nodes lists them",
        )
