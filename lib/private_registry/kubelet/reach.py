"""The kubelet's logins: whether a command is about them, and reaches them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional, Sequence, Tuple

from private_registry.node.file_values import Root
from private_registry.node.paths import Node
from private_registry.registries.model import DesiredState, Registry
from private_registry.transaction import records
from private_registry.transaction.ledger import OWN, KubeletRecord
from private_registry.transaction.part import Scope

if TYPE_CHECKING:
    from private_registry.kubelet.part import KubeletPart

_NOTHING = DesiredState()


# The arguments are facts of one change, and named ones.
def kubelet_part(  # noqa: PLR0913
    node: Node,
    desired: DesiredState,
    scope: Scope,
    *,
    adopt: bool = False,
    speaks_for: str = "",
    sandbox_image: Optional[str] = None,
    repair: Optional[bool] = None,
) -> Optional[KubeletPart]:
    """Return what becomes of the kubelet's logins; None where there are none.

    Args:
        node: whose kubelet it is.
        desired: the registries that the node is to know.
        scope: those that the change is about; None for all. Where it is about none of
            these logins, what is in the way there is only told.
        adopt: take over entries that somebody else wrote.
        speaks_for: whose registries these are: empty for the node's own. For all others
            what is in the way is only told, too.
        sandbox_image: that each pod is started with; None where that is not known.
        repair: see LoginsSituation.
    """
    wanted = [each for each in desired.registries if each.kubelet_login is not None]
    record = records.ledger(node, Root.COMMON).kubelet
    if not wanted and not record.entries:
        return None
    # Slow to import, and few nodes have such logins.
    from private_registry.kubelet.part import KubeletPart  # noqa: PLC0415

    return KubeletPart(
        node,
        wanted,
        scope,
        adopt=adopt,
        speaks_for=speaks_for,
        goes_on=speaks_for != OWN or not _is_concerned(scope, wanted, record),
        sandbox_image=sandbox_image,
        repair=repair,
    )


def logins_to_take_back(node: Node, speaks_for: str = "") -> Optional[KubeletPart]:
    """Return what takes all of these logins back, whatever else stands in the file."""
    return kubelet_part(node, _NOTHING, frozenset(), speaks_for=speaks_for)


def notes_of(part: Optional[KubeletPart]) -> Tuple[str, ...]:
    """Return what people are to know of it; known once there is a plan."""
    return () if part is None else (*part.notes, *part.failures)


def failures_of(part: Optional[KubeletPart]) -> Tuple[str, ...]:
    """Return what was in the way there, for people; known once there is a plan."""
    return () if part is None else part.failures


def is_in_kubelet(node: Node, registry: Registry) -> Optional[bool]:
    """Whether the kubelet has the login that it should have for a registry.

    None if it has no entry at all.
    """
    login = registry.kubelet_login
    if login is None:
        return True
    from private_registry.kubelet import part  # noqa: PLC0415 - as above

    return part.is_in_kubelet(node, str(registry.name), login)


def _is_concerned(
    scope: Scope, wanted: Sequence[Registry], record: KubeletRecord
) -> bool:
    if scope is None:
        return True
    from private_registry.kubelet.keys import parse_key  # noqa: PLC0415 - as above

    meanings = (parse_key(key) for key in record.entries)
    ours = {each.registry for each in meanings if each is not None}
    ours.update(str(each.name) for each in wanted)
    return any(str(name) in ours for name in scope)
