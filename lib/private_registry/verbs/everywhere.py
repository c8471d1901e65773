"""The verbs with --all-nodes: they change and show what every node is to know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable, Tuple

from private_registry.all_nodes.asking import ask
from private_registry.all_nodes.changing import Published, Terms, publish, take_back
from private_registry.all_nodes.logins import by_kubelet
from private_registry.all_nodes.node_rows import CANNOT
from private_registry.all_nodes.publishing import ClusterRegistries
from private_registry.changes.change import make_so, take_everything_back
from private_registry.changes.one_at_a_time import turn_of
from private_registry.changes.requests import (
    AddRequest,
    ApplyRequest,
    RemoveRequest,
    desired_after_add,
    desired_after_remove,
)
from private_registry.changes.saved import saved_state
from private_registry.cli import show_all_nodes, show_answers
from private_registry.errors import EXIT_FAULT, EXIT_NODE, EXIT_OK, UsageError
from private_registry.node.paths import Node
from private_registry.pull_secrets.record import made_secrets
from private_registry.registries.model import DesiredState

if TYPE_CHECKING:
    from private_registry.check.request import CheckRequest
    from private_registry.cli.all_nodes_options import AllNodes
    from private_registry.cli.shared_options import How
    from private_registry.cli.verb import Call

_EXAMPLE = "--insecure|--registry HOST[:PORT] --all-nodes"


def add_everywhere(
    request: AddRequest, how: How, all_nodes: AllNodes, call: Call
) -> int:
    """Add or change registries on all nodes; without any, bring the agents up to date.

    Raises:
        PrivateRegistryError: see errors.py; nothing has changed then.
    """

    def change(saved: DesiredState) -> DesiredState:
        if request.is_empty:
            _check_any(saved)
        names = request.names if request.login_by is None else frozenset()
        return by_kubelet(saved, desired_after_add(saved, request), names)

    return _publish(change, request.notes, how, all_nodes, call)


def apply_everywhere(
    request: ApplyRequest, how: How, all_nodes: AllNodes, call: Call
) -> int:
    """Have all nodes know what the file says, or once more what they should know.

    Raises:
        PrivateRegistryError: see errors.py; nothing has changed then.
    """

    def change(saved: DesiredState) -> DesiredState:
        if request.state is None:
            _check_any(saved)
            return saved
        names = [each.name for each in request.state.registries]
        return by_kubelet(saved, request.state, names)

    return _publish(change, request.notes, how, all_nodes, call)


def remove_everywhere(
    request: RemoveRequest, how: How, all_nodes: AllNodes, call: Call
) -> int:
    """Take registries back from all nodes, or everything.

    Raises:
        PrivateRegistryError: see errors.py.
    """
    if not request.everything:
        return _remove_some(request, how, all_nodes, call)
    node = call.node
    cluster = ClusterRegistries(node)
    done = take_back(cluster, all_nodes.forget, call.console.say, dry_run=how.dry_run)
    if done.is_taken_down or done.is_first:
        _leave(node, how, call)
    if how.json:
        plain = show_all_nodes.published_plain(done, dry_run=how.dry_run)
        call.console.json(plain)
    else:
        call.console.lines(show_all_nodes.taken_back(done, dry_run=how.dry_run))
    is_over = done.is_taken_down or done.is_first or how.dry_run
    return EXIT_OK if is_over else EXIT_NODE


def _remove_some(
    request: RemoveRequest, how: How, all_nodes: AllNodes, call: Call
) -> int:
    found = ClusterRegistries(call.node).read()
    saved = found.orders.registries
    unknown = [each for each in request.names if saved.get(each) is None]
    notes = tuple(f"not configured for all nodes: {each}" for each in unknown)
    if len(unknown) == len(request.names):
        done = Published(found.orders, found.orders, notes=notes)
        return _tell(done, how, call)

    def change(saved: DesiredState) -> DesiredState:
        return desired_after_remove(saved, request)

    return _publish(change, notes, how, all_nodes, call)


def list_everywhere(how: How, call: Call) -> int:
    """Show what all nodes are to know, and how each stands to it."""
    cluster = ClusterRegistries(call.node)
    found = cluster.read()
    is_lost = found.is_first and cluster.is_there()
    is_nothing = found.is_first and not is_lost
    rows = [] if is_nothing else cluster.rows(found.orders)
    if how.json:
        plain = show_all_nodes.listed_plain(found.orders, rows)
        call.console.json(plain)
    else:
        lines = show_all_nodes.listed(found.orders, rows, is_lost=is_lost)
        call.console.lines(lines)
    return EXIT_OK


def saved_everywhere(call: Call) -> DesiredState:
    """Return what all nodes are to know."""
    return ClusterRegistries(call.node).read().orders.registries


def check_everywhere(request: CheckRequest, how: How, call: Call) -> int:
    """Have every node check for itself, and show what they found out."""
    subjects = tuple(str(each.image or each.registry) for each in request.subjects)
    asked = ask(ClusterRegistries(call.node), subjects, call.console.say)
    if how.json:
        call.console.json(show_answers.asked_plain(asked))
    else:
        call.console.lines(show_answers.asked(asked))
    return EXIT_OK if asked.is_clean else EXIT_FAULT


def _check_any(saved: DesiredState) -> None:
    if not saved.registries:
        raise UsageError("which registry are all nodes to know?", instead=_EXAMPLE)


def _publish(
    change: Callable[[DesiredState], DesiredState],
    notes: Tuple[str, ...],
    how: How,
    all_nodes: AllNodes,
    call: Call,
) -> int:
    node, console = call.node, call.console
    terms = Terms(all_nodes.agent_image, all_nodes.repair, how.adopt, how.dry_run)
    done = publish(ClusterRegistries(node), change, terms, console.say)
    done = done._replace(notes=(*notes, *_notes_on(done)))
    if not how.dry_run:
        _arrive(node, how, call)
    return _tell(done, how, call)


def _tell(done: Published, how: How, call: Call) -> int:
    if how.json:
        plain = show_all_nodes.published_plain(done, dry_run=how.dry_run)
        call.console.json(plain)
    else:
        call.console.lines(show_all_nodes.published(done, dry_run=how.dry_run))
    return _exit_code(done)


def _notes_on(done: Published) -> Tuple[str, ...]:
    before = done.before.registries
    changed = [
        str(each.name)
        for each in done.after.registries.registries
        if each.kubelet_login is not None and before.get(each.name) != each
    ]
    if not changed:
        return ()
    return (f"the kubelets take the login for {', '.join(changed)} within 5 minutes",)


def _exit_code(done: Published) -> int:
    is_wrong = any(each.state == CANNOT or each.is_open for each in done.rows)
    return EXIT_NODE if is_wrong else EXIT_OK


def _arrive(node: Node, how: How, call: Call) -> None:
    """Have the plugin on this node, and MicroK8s see the addon as enabled."""
    if node.is_enabled and node.has_plugin:
        return
    options = call.options(how)
    with turn_of(node, options) as found:
        make_so(found, saved_state(found), frozenset(), options)


def _leave(node: Node, how: How, call: Call) -> None:
    """Take the plugin back from a node that has nothing of its own."""
    options = call.options(how)
    with turn_of(node, options) as found:
        has_own = saved_state(found).registries or made_secrets(found)
        if not has_own and not how.dry_run:
            take_everything_back(found, options)
