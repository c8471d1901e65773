"""The verb ``check``: finds out why a pull fails, or what an error text means."""

from __future__ import annotations

from typing import Union

from private_registry.check.outcome import CheckOutcome
from private_registry.check.request import CheckRequest, ExplainRequest
from private_registry.cli import show_check
from private_registry.cli.check_options import read_check
from private_registry.cli.console import Console
from private_registry.cli.shared_options import How
from private_registry.cli.verb import Call, Verb
from private_registry.errors import EXIT_FAULT, EXIT_OK
from private_registry.node.paths import Node


def checked(node: Node, request: CheckRequest, console: Console) -> CheckOutcome:
    """Check registries, and show meanwhile how far it is."""
    # Sockets are slow to import, and explaining needs none.
    from private_registry.check.run import check  # noqa: PLC0415

    with console.progress("{} of {} endpoints have answered ...") as progress:
        return check(node, request, progress)


def exit_code_of(outcome: CheckOutcome) -> int:
    """Return the exit code that tells whether anything is at fault."""
    return EXIT_OK if outcome.is_clean else EXIT_FAULT


def _run(request: Union[CheckRequest, ExplainRequest], how: How, call: Call) -> int:
    if isinstance(request, ExplainRequest):
        return _explain(request, call, as_json=how.json)
    if how.all_nodes is not None:
        from private_registry.verbs.everywhere import (  # noqa: PLC0415 - many imports
            check_everywhere,
        )

        return check_everywhere(request, how, call)
    outcome = checked(call.node, request, call.console)
    if how.json:
        call.console.json(show_check.check_plain(outcome))
    else:
        call.console.painted(
            show_check.check(outcome, colours=call.console.has_colours)
        )
    return exit_code_of(outcome)


def _explain(request: ExplainRequest, call: Call, *, as_json: bool) -> int:
    # Many rules, and only here.
    from private_registry.check.explain.explain import explain  # noqa: PLC0415
    from private_registry.check.remedy_facts import facts_here  # noqa: PLC0415

    console = call.console
    found = explain(request.text, facts_here(call.environment))
    if as_json:
        console.json(show_check.explanations_plain(found))
    else:
        console.painted(show_check.explanations(found, colours=console.has_colours))
    return EXIT_OK


VERB = Verb(read_check, _run)
