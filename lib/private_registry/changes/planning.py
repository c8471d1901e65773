"""Planning: parts of a change are compared with the node."""

from __future__ import annotations

from typing import Callable, Dict, Iterable, Optional, Sequence

from private_registry.containerd.microk8s_defaults import is_stock
from private_registry.errors import ConflictError
from private_registry.named_tuple import NamedTuple
from private_registry.node.file_values import NodePath, ObservedFile, WantedFile
from private_registry.node.paths import Node
from private_registry.transaction import records
from private_registry.transaction.ledger import OWN
from private_registry.transaction.part import Part, Scope
from private_registry.transaction.plan import Action, Plan, make_plan
from private_registry.transaction.situation import Situation


class Terms(NamedTuple):
    """On what terms a plan deals with files of others.

    Args:
        adopt: take over files in scope that somebody else wrote or changed.
        by: whom it is made for; see LedgerEntry.
        repair: see Situation.
    """

    adopt: bool = False
    by: str = OWN
    repair: Optional[bool] = None


def plan_of(node: Node, parts: Sequence[Part], scope: Scope, terms: Terms) -> Plan:
    """Compare what the parts want with the node.

    Raises:
        ConflictError: somebody else's file or entry is in the way.
        NodeError: containerd or Docker would not take it.
    """
    wanted: Dict[NodePath, WantedFile] = {}
    for part in parts:
        part.refuse()
        wanted.update(part.files)

    def in_scope(path: NodePath) -> bool:
        return scope is None or any(part.is_about(path, scope) for part in parts)

    plan = _plan_of_files(node, wanted, in_scope, terms)
    for part in parts:
        plan = part.added_to(plan)
    return plan


def _plan_of_files(
    node: Node,
    wanted: Dict[NodePath, WantedFile],
    in_scope: Callable[[NodePath], bool],
    terms: Terms,
) -> Plan:
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
        terms.adopt,
        in_scope,
        is_stock,
        terms.by,
        terms.repair,
    )
    try:
        return make_plan(situation)
    except ConflictError as error:
        path = next(each for each in wanted if each.path == error.place)
        obstacle = observed[path].obstacle
        if obstacle:
            raise records.in_the_way(node, path, obstacle) from error
        error.place = node.shown(path)
        raise


def originals_of(node: Node, actions: Iterable[Action]) -> Dict[NodePath, ObservedFile]:
    """Return the originals that come back."""
    found = (
        (action.path, records.original(node, action.path.root, action.original))
        for action in actions
        if action.original is not None
    )
    return {path: original for path, original in found if original is not None}
