"""The verb ``add``, which is ``enable``, too: adds or changes registries."""

from __future__ import annotations

from private_registry.changes.change import InCluster, Options, make_so
from private_registry.changes.one_at_a_time import turn_of
from private_registry.changes.outcomes import Outcome
from private_registry.changes.requests import AddRequest, desired_after_add
from private_registry.changes.saved import saved_state
from private_registry.cli.add_options import read_add
from private_registry.cli.change_options import How
from private_registry.cli.verb import Call, Verb
from private_registry.node.paths import Node
from private_registry.pull_secrets.part import part_to_make
from private_registry.verbs.after_change import tell


def add(found: Node, request: AddRequest, options: Options) -> Outcome:
    """Add or change registries and pull secrets; without any, apply what is saved.

    Raises:
        PrivateRegistryError: see errors.py; nothing has changed then.
    """
    with turn_of(found, options) as node:
        desired = desired_after_add(saved_state(node), request)
        secret = request.pull_secret
        to_make = None if secret is None else part_to_make(node, secret)
        outcome = make_so(
            node,
            desired,
            request.scope,
            options,
            InCluster(to_make),
            is_docker=bool(request.docker),
        )
        return outcome._replace(notes=(*request.notes, *outcome.notes))


def _run(request: AddRequest, how: How, call: Call) -> int:
    node = call.node
    return tell(node, add(node, request, call.options(how)), how, call)


VERB = Verb(read_add, _run)
