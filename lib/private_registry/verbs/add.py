"""The verb ``add``, which is ``enable``, too: adds or changes registries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Optional

from private_registry.changes.change import NO_CLUSTER, InCluster, Options, make_so
from private_registry.changes.one_at_a_time import turn_of
from private_registry.changes.outcomes import Outcome
from private_registry.changes.requests import AddRequest, desired_after_add
from private_registry.changes.saved import saved_state
from private_registry.cli.enable_options import read_add
from private_registry.cli.shared_options import How
from private_registry.cli.verb import Call, Verb
from private_registry.node.paths import Node
from private_registry.verbs.after_change import tell

if TYPE_CHECKING:
    from private_registry.pull_secrets.secret import PullSecret


def add(found: Node, request: AddRequest, options: Options) -> Outcome:
    """Add or change registries and pull secrets; without any, apply what is saved.

    Raises:
        PrivateRegistryError: see errors.py; nothing has changed then.
    """
    if request.left_logins.directory:
        from private_registry.verbs.own_tree import (  # noqa: PLC0415 - rarely needed
            check_logins_stay,
        )

        check_logins_stay(found, request.left_logins)
    with turn_of(found, options) as node:
        desired = desired_after_add(saved_state(node), request)
        outcome = make_so(
            node,
            desired,
            request.scope,
            options,
            _in_cluster(node, request.pull_secret),
            is_docker=bool(request.docker),
        )
        return outcome._replace(notes=(*request.notes, *outcome.notes))


def _in_cluster(node: Node, secret: Optional[PullSecret]) -> InCluster:
    if secret is None:
        return NO_CLUSTER
    # Slow to import, and only here.
    from private_registry.pull_secrets.part import part_to_make  # noqa: PLC0415

    return InCluster(part_to_make(node, secret))


def _run(request: AddRequest, how: How, call: Call) -> int:
    if how.all_nodes is not None:
        from private_registry.verbs.everywhere import (  # noqa: PLC0415 - many imports
            add_everywhere,
        )

        return add_everywhere(request, how, how.all_nodes, call)
    node = call.node
    return tell(node, add(node, request, call.options(how)), how, call)


VERB = Verb(read_add, _run)
