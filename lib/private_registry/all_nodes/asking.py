"""Asking: every node is asked to check for itself, and waited for."""

from __future__ import annotations

from typing import Callable, Dict, List, Optional, Tuple

from private_registry.all_nodes import answers
from private_registry.all_nodes.answers import Answer
from private_registry.all_nodes.node_rows import NO_AGENT, NodeRow
from private_registry.all_nodes.node_status import ANSWER
from private_registry.all_nodes.orders import Orders, Question
from private_registry.all_nodes.publishing import ClusterRegistries
from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple

# A pull may take that long.
_SECONDS = 90.0


class Asked(NamedTuple):
    """What came of asking.

    Args:
        rows: how each node stands to the orders.
        answers: by name of the node; of those alone that have answered.
    """

    rows: Tuple[NodeRow, ...]
    answers: Dict[str, Answer]

    @property
    def silent(self) -> List[NodeRow]:
        """The nodes that have not answered."""
        return [each for each in self.rows if each.node.name not in self.answers]

    @property
    def is_clean(self) -> bool:
        """Whether every node has answered, and nothing is at fault."""
        return not self.silent and all(e.is_clean for e in self.answers.values())


def ask(
    cluster: ClusterRegistries, subjects: Tuple[str, ...], say: Callable[[str], None]
) -> Asked:
    """Have every node check.

    Args:
        cluster: whose nodes.
        subjects: registries or images; none for all that are configured.
        say: is told what takes long.

    Raises:
        PrivateRegistryError: there are no agents, or the API does not answer.
    """
    found = cluster.read()
    if found.is_first or found.orders.takes_back:
        raise UsageError(
            "nothing is configured for all nodes, so no agent can check them",
            place="option --all-nodes",
            instead="without --all-nodes, on each node",
        )
    number = _next_number(cluster, found.orders)
    wanted = found.orders._replace(question=Question(number, subjects))
    cluster.write(found, wanted)
    say("Waiting for the nodes ...")
    known: Dict[str, Answer] = {}

    def is_over(rows: List[NodeRow]) -> bool:
        for row in rows:
            answer = _answer_in(row, number)
            if answer is not None:
                known[row.node.name] = answer
        return all(row.node.name in known or not _may_answer(row) for row in rows)

    rows = cluster.waited_rows(wanted, _SECONDS, is_over)
    return Asked(tuple(rows), known)


def _next_number(cluster: ClusterRegistries, orders: Orders) -> int:
    """Return one that no question has had, nor any answer that is still there."""
    found = (
        answers.from_text(row.annotations.get(ANSWER, ""))
        for row in cluster.rows(orders)
    )
    answered = [each.number for each in found if each is not None]
    asked = [] if orders.question is None else [orders.question.number]
    return max([0, *asked, *answered]) + 1


def _may_answer(row: NodeRow) -> bool:
    return row.node.is_ready and row.state != NO_AGENT


def _answer_in(row: NodeRow, number: int) -> Optional[Answer]:
    found = answers.from_text(row.annotations.get(ANSWER, ""))
    return found if found is not None and found.number == number else None
