"""The verb ``apply``: makes the node match what is saved, or a file."""

from __future__ import annotations

from typing import List, Tuple

from private_registry.changes.change import Options, make_so
from private_registry.changes.one_at_a_time import turn_of
from private_registry.changes.outcomes import Outcome
from private_registry.changes.requests import ApplyRequest
from private_registry.changes.saved import saved_state
from private_registry.cli import all_nodes_options
from private_registry.cli.file_options import (
    HEADER_LOGINS,
    PLAINTEXT,
    from_elsewhere,
)
from private_registry.cli.files_given import Inputs
from private_registry.cli.parser import Parser
from private_registry.cli.shared_options import (
    COMMON,
    How,
    check_once,
    how_of,
)
from private_registry.cli.verb import Call, Verb
from private_registry.errors import UsageError
from private_registry.node.paths import Node
from private_registry.registries.model import DesiredState
from private_registry.verbs.after_change import tell


def _read(name: str, arguments: List[str], inputs: Inputs) -> Tuple[ApplyRequest, How]:
    parser = Parser()
    parser.values("--file", "--import", *all_nodes_options.VALUES)
    parser.flags("--after-refresh", HEADER_LOGINS, PLAINTEXT, *COMMON)
    parser.flags(*all_nodes_options.FLAGS)
    values = parser.read(arguments, name)
    check_once(values)
    place = from_elsewhere(values)
    if place is None:
        return ApplyRequest(), how_of(values)
    # Rarely needed.
    from private_registry.cli.imports_given import apply_request  # noqa: PLC0415

    return apply_request(place, inputs), how_of(values)


def apply(found: Node, request: ApplyRequest, options: Options) -> Outcome:
    """Make the node match the saved state, or the request's, which is saved then.

    Raises:
        PrivateRegistryError: see errors.py; nothing has changed then.
    """
    if request.left_logins.directory:
        from private_registry.verbs.own_tree import (  # noqa: PLC0415 - rarely needed
            check_logins_stay,
        )

        check_logins_stay(found, request.left_logins)
    with turn_of(found, options) as node:
        saved = saved_state(node)
        _check_lost(saved, request)
        desired = saved if request.state is None else request.state
        outcome = make_so(node, desired, None, options)
        return outcome._replace(notes=(*request.notes, *outcome.notes))


def _check_lost(saved: DesiredState, request: ApplyRequest) -> None:
    """Refuse to take away what the file names and could not be read of it."""
    lost = sorted(str(each) for each in request.lost if saved.get(each) is not None)
    if lost:
        names = ", ".join(lost)
        raise UsageError(
            f"what is given says something of {names} that cannot be carried over, and"
            " would take away what is saved of it",
            place=next((each for each in request.notes if lost[0] in each), None),
            remedy="mend it there; or add it in place of apply, which takes nothing"
            " away",
        )


def _run(request: ApplyRequest, how: How, call: Call) -> int:
    if how.all_nodes is not None:
        from private_registry.verbs.everywhere import (  # noqa: PLC0415 - many imports
            apply_everywhere,
        )

        return apply_everywhere(request, how, how.all_nodes, call)
    node = call.node
    return tell(node, apply(node, request, call.options(how)), how, call)


VERB = Verb(_read, _run)
