"""Changes of a node for all nodes: planned by the same rules, for another owner.

What the node's own settings brought stays as it is: its files, its logins, and all that
its ledgers remember of containerd-template.toml and of Docker.
"""

from __future__ import annotations

from typing import List, Optional, Sequence

from private_registry.changes.outcomes import Outcome
from private_registry.changes.planning import Terms, originals_of, plan_of
from private_registry.changes.saved import saved_state
from private_registry.kubelet.part import KubeletPart
from private_registry.kubelet.reach import (
    failures_of,
    kubelet_part,
    logins_to_take_back,
)
from private_registry.named_tuple import NamedTuple
from private_registry.node.file_values import Root
from private_registry.node.paths import Node
from private_registry.registries.model import DesiredState
from private_registry.transaction import commit, records
from private_registry.transaction.ledger import ALL_NODES
from private_registry.transaction.part import Part
from private_registry.transaction.plan import Plan


class WantedHere(NamedTuple):
    """What all nodes are to know, as far as this one can.

    Args:
        state: the registries.
        files: the part with their files.
        sandbox_image: that each pod is started with.
    """

    state: DesiredState
    files: Part
    sandbox_image: Optional[str]


class PlanForAll(NamedTuple):
    """A plan, and what was in the way.

    Args:
        node: without Docker's places, which are not touched.
        plan: to be carried out.
        notes: what could not be done, for people.
    """

    node: Node
    plan: Plan
    notes: Sequence[str]


def plan_for_all_nodes(
    node: Node, wanted: Optional[WantedHere], *, adopt: bool, repair: bool
) -> PlanForAll:
    """Plan what a node is to have because all nodes have it.

    Args:
        node: which.
        wanted: what it is to have; None for nothing any more.
        adopt: take over what somebody else wrote.
        repair: put right what somebody changed by hand.

    Raises:
        PrivateRegistryError: see errors.py.
    """
    node = node._replace(docker=None)
    terms = Terms(adopt=adopt, by=ALL_NODES, repair=repair)
    kubelet = _logins(node, wanted, terms)
    parts: List[Part] = [] if wanted is None else [wanted.files]
    parts += [] if kubelet is None else [kubelet]
    plan = plan_of(node, parts, None if adopt else frozenset(), terms)
    ours = plan.ledgers[Root.DATA]
    of_template = records.ledger(node, Root.DATA).template
    ledgers = {**plan.ledgers, Root.DATA: ours._replace(template=of_template)}
    return PlanForAll(node, plan._replace(ledgers=ledgers), failures_of(kubelet))


def _logins(
    node: Node, wanted: Optional[WantedHere], terms: Terms
) -> Optional[KubeletPart]:
    if wanted is None:
        return logins_to_take_back(node, terms.by)
    return kubelet_part(
        node,
        wanted.state,
        None if terms.adopt else frozenset(),
        adopt=terms.adopt,
        speaks_for=terms.by,
        sandbox_image=wanted.sandbox_image,
        repair=terms.repair,
    )


def carry_out(planned: PlanForAll) -> None:
    """Carry a plan out.

    Raises:
        PrivateRegistryError: see errors.py; nothing has changed then.
    """
    node, plan, _ = planned
    commit.commit(node, plan, {}, enabled=node.is_enabled)


def take_left_behind(node: Node, *, dry_run: bool) -> Outcome:
    """Give back what the cluster's agent has put on a node.

    Raises:
        PrivateRegistryError: see errors.py; nothing has changed then.
    """
    planned = plan_for_all_nodes(node, None, adopt=False, repair=False)
    plan = planned.plan
    enabled = (node.is_enabled, node.is_enabled)
    saved, originals = saved_state(node), originals_of(node, plan.actions)
    if not dry_run:
        carry_out(planned)
    done = Outcome(node, plan, saved, enabled, originals=originals)
    return done._replace(notes=tuple(planned.notes))
