"""What a node's agent reports: how far the node is as the cluster wants it.

It stands in a Lease of the node's name. Nothing of it is secret: names of registries,
paths, and what is wrong in this addon's own words.
"""

from __future__ import annotations

import json
from typing import Any, Dict, Mapping, Optional, Tuple

from private_registry.named_tuple import NamedTuple
from private_registry.texts import json_text

ANNOTATION = "private-registry-config/status"
ANSWER = "private-registry-config/answer"
# Of each list so many are told; the rest is a number.
MOST_TOLD = 20
_MOST_LETTERS = 400


class Trouble(NamedTuple):
    """Something that a node cannot have, or has only after a restart.

    Args:
        what: a registry's name, or a path.
        why: in words.
        remedy: what to type on that node; empty where nothing is known.
    """

    what: str
    why: str
    remedy: str = ""


class NodeStatus(NamedTuple):
    """How a node stands to the orders.

    Args:
        number: of the orders that it has carried out.
        version: of the agent's engine.
        taken_back: nothing of them is on the node any more.
        own: registries for which the node's own settings count.
        changed: files that somebody changed by hand since.
        cannot: what could not be carried out.
        needs_restart: what counts only after a command on that node.
        left_out: how many more of all these there are than are told.
    """

    number: int
    version: str
    taken_back: bool = False
    own: Tuple[str, ...] = ()
    changed: Tuple[str, ...] = ()
    cannot: Tuple[Trouble, ...] = ()
    needs_restart: Tuple[Trouble, ...] = ()
    left_out: int = 0

    @property
    def has_trouble(self) -> bool:
        """Whether somebody has to do something."""
        return bool(self.changed or self.cannot or self.needs_restart)


def to_text(status: NodeStatus) -> str:
    """Write a status; long lists and texts are cut."""
    plain = status._asdict()
    plain["own"] = list(_cut(status.own))
    plain["changed"] = list(_cut(status.changed))
    for name in ("cannot", "needs_restart"):
        troubles: Tuple[Trouble, ...] = plain[name]
        plain[name] = [
            [part[:_MOST_LETTERS] for part in each] for each in troubles[:MOST_TOLD]
        ]
    lists = (status.own, status.changed, status.cannot, status.needs_restart)
    plain["left_out"] = status.left_out + sum(
        max(0, len(each) - MOST_TOLD) for each in lists
    )
    return json.dumps(plain, sort_keys=True)


def _cut(texts: Tuple[str, ...]) -> Tuple[str, ...]:
    return tuple(each[:_MOST_LETTERS] for each in texts[:MOST_TOLD])


def from_text(text: str) -> Optional[NodeStatus]:
    """Read a status; None where it is none."""
    try:
        return _from_plain(json_text.loads(text))
    except (LookupError, OverflowError, TypeError, ValueError):
        return None


def _from_plain(plain: Mapping[str, Any]) -> NodeStatus:
    lists: Dict[str, Tuple[str, ...]] = {
        name: tuple(str(each) for each in plain[name]) for name in ("own", "changed")
    }
    troubles: Dict[str, Tuple[Trouble, ...]] = {
        name: tuple(Trouble(*(str(part) for part in each)) for each in plain[name])
        for name in ("cannot", "needs_restart")
    }
    return NodeStatus(
        int(plain["number"]),
        str(plain["version"]),
        bool(plain["taken_back"]),
        lists["own"],
        lists["changed"],
        troubles["cannot"],
        troubles["needs_restart"],
        int(plain["left_out"]),
    )
