"""After a change: what people are told of it, and a check where they asked for one."""

from __future__ import annotations

from private_registry.changes.outcomes import Outcome
from private_registry.cli import show_changes
from private_registry.cli.shared_options import How
from private_registry.cli.verb import Call
from private_registry.errors import EXIT_OK
from private_registry.node.paths import Node


def tell(node: Node, outcome: Outcome, how: How, call: Call) -> int:
    """Tell what was done, or would be; return the exit code."""
    if how.check and not how.dry_run:
        return _tell_and_check(node, outcome, how, call)
    if how.json:
        call.console.json(show_changes.outcome_plain(outcome, dry_run=how.dry_run))
    else:
        shown = show_changes.outcome(outcome, call.door, dry_run=how.dry_run)
        call.console.lines(shown)
    return EXIT_OK


def _tell_and_check(node: Node, outcome: Outcome, how: How, call: Call) -> int:
    """Tell what was done, and whether the registries that it was about serve now."""
    # Many imports, and only here.
    from private_registry.check.image import Subject  # noqa: PLC0415
    from private_registry.check.request import CheckRequest  # noqa: PLC0415
    from private_registry.cli import show_check  # noqa: PLC0415
    from private_registry.verbs.check import checked, exit_code_of  # noqa: PLC0415

    subjects = tuple(Subject(each.name) for each in outcome.concerned)
    if not how.json:
        call.console.lines(show_changes.outcome(outcome, call.door, dry_run=False))
    found = checked(node, CheckRequest(subjects), call.console)
    if how.json:
        plain = show_changes.outcome_plain(outcome, dry_run=False)
        answer = {**plain, "check": show_check.check_plain(found)}
        call.console.json(answer)
    else:
        shown = show_check.check(found, colours=call.console.has_colours)
        call.console.painted(["", *shown])
    return exit_code_of(found)
