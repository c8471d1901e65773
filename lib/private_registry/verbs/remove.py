"""The verb ``remove``, which is ``disable``, too: takes registries back."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator, Tuple

from private_registry.changes.change import (
    InCluster,
    Options,
    make_so,
    take_everything_back,
)
from private_registry.changes.one_at_a_time import turn_of
from private_registry.changes.outcomes import Outcome
from private_registry.changes.requests import RemoveRequest, desired_after_remove
from private_registry.changes.saved import for_all_nodes_on, saved_state
from private_registry.cli.disable_options import read_remove
from private_registry.cli.shared_options import How
from private_registry.cli.verb import Call, Verb
from private_registry.errors import NodeError
from private_registry.node.paths import Node
from private_registry.pull_secrets.cluster import Cluster
from private_registry.pull_secrets.kubectl import NoRightError
from private_registry.pull_secrets.part import TakenBack, part_to_take_back
from private_registry.transaction import records
from private_registry.transaction.plan import Plan
from private_registry.verbs.after_change import tell


def remove(found: Node, request: RemoveRequest, options: Options) -> Outcome:
    """Take registries and pull secrets back, or everything.

    Raises:
        PrivateRegistryError: see errors.py; nothing has changed then.
    """
    with turn_of(found, options) as node:
        if request.left_behind:
            # Rarely needed.
            from private_registry.all_nodes.left_behind import (  # noqa: PLC0415
                check_left_behind,
            )
            from private_registry.changes.for_all_nodes import (  # noqa: PLC0415
                take_left_behind,
            )

            check_left_behind(node)
            return take_left_behind(node, dry_run=options.dry_run)
        gone = part_to_take_back(
            node,
            request.names,
            request.pull_secrets,
            everything=request.everything,
            keep=request.keep_pull_secrets,
        )
        with _out_of_the_cluster(node, gone, options) as notes:
            outcome = _remove_from_node(node, request, gone, options)
        if request.everything:
            notes = (*notes, *_notes_on_all_nodes(node))
        notes = (*notes, *gone.left, *outcome.notes)
        return outcome._replace(secrets=gone.changed, notes=notes)


def _notes_on_all_nodes(node: Node) -> Tuple[str, ...]:
    """Tell what stays because all nodes have it."""
    names = ", ".join(for_all_nodes_on(node))
    if not names:
        return ()
    back = (
        "microk8s enable private-registry-config; microk8s disable"
        " private-registry-config --all-nodes"
    )
    return (f"what all nodes have stays: {names}; to take it back everywhere: {back}",)


def _remove_from_node(
    node: Node, request: RemoveRequest, gone: TakenBack, options: Options
) -> Outcome:
    if request.everything:
        return take_everything_back(node, options)
    saved = saved_state(node)
    in_secrets = {each.registry for each in gone.gone}
    unknown = tuple(
        each
        for each in dict.fromkeys(request.names)
        if saved.get(each) is None and str(each) not in in_secrets
    )
    known = frozenset(request.names).difference(unknown)
    if not known and not gone.gone:
        nothing = Plan((), records.ledgers(node))
        enabled = (node.is_enabled, node.is_enabled)
        return Outcome(node, nothing, saved, enabled, (), unknown)
    desired = desired_after_remove(saved, request)
    outcome = make_so(node, desired, known, options, InCluster(made=gone.staying))
    return outcome._replace(unknown=unknown)


@contextmanager
def _out_of_the_cluster(
    node: Node, gone: TakenBack, options: Options
) -> Iterator[Tuple[str, ...]]:
    """Take Secrets out of the cluster, and put them back if the rest fails.

    Yields notes.
    """
    if not gone.gone or options.dry_run:
        yield ()
        return
    cluster = Cluster(node)
    try:
        notes = cluster.take_back(gone.gone)
    except NoRightError as error:
        commands = "; ".join(f"microk8s kubectl {each.deleting}" for each in gone.gone)
        error.remedy = (
            f"on a control plane node: {commands}; then here again: --keep-pull-secrets"
        )
        raise
    except NodeError as error:
        error.remedy = (
            f"{error.remedy or 'mend that'}; or leave the Secrets: --keep-pull-secrets"
        )
        raise
    try:
        yield notes
    except BaseException as error:
        cluster.undo(error)
        raise


def _run(request: RemoveRequest, how: How, call: Call) -> int:
    if how.all_nodes is not None:
        from private_registry.verbs.everywhere import (  # noqa: PLC0415 - many imports
            remove_everywhere,
        )

        return remove_everywhere(request, how, how.all_nodes, call)
    node = call.node
    return tell(node, remove(node, request, call.options(how)), how, call)


VERB = Verb(read_remove, _run)
