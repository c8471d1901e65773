"""The only module that prints and chooses exit codes."""

from __future__ import annotations

import json
import os
import sys
from typing import Iterable, List, Mapping, Optional, Sequence, TextIO

from private_registry import __version__
from private_registry.check.image import Subject
from private_registry.check.request import CheckRequest, ExplainRequest
from private_registry.cli import show_changes, show_list
from private_registry.cli.command_line import (
    Command,
    HelpRequest,
    ListRequest,
    VersionRequest,
    command_name,
    parse,
)
from private_registry.cli.export_options import ExportRequest
from private_registry.cli.files_given import Inputs
from private_registry.cli.help import help_text
from private_registry.errors import (
    EXIT_BUG,
    EXIT_FAULT,
    EXIT_OK,
    NodeError,
    PrivateRegistryError,
)
from private_registry.node.paths import Node
from private_registry.texts.showing import printable, quoted
from private_registry.verbs import operations
from private_registry.verbs.outcomes import CheckOutcome, Outcome
from private_registry.verbs.planning import Options
from private_registry.verbs.requests import AddRequest, ApplyRequest, RemoveRequest

_EXIT_INTERRUPTED = 130
_CLEAR_LINE = "\r\x1b[K"


def run(
    door: str,
    script: str,
    arguments: Sequence[str],
    variables: Optional[Mapping[str, str]] = None,
) -> int:
    """Carry out a command line and return the exit code.

    Args:
        door: ``enable``, ``disable`` or ``plugin``.
        script: absolute path of the door's program.
        arguments: what follows its name.
        variables: the environment that passwords are looked for in; None for that of
            this process.
    """
    name = command_name(door, arguments)
    as_json = "--json" in arguments
    try:
        outside = _typed(["sudo", "python3", "-I", script, *arguments])
        return _carry_out(
            door, parse(door, arguments, Inputs(variables)), script, outside
        )
    except PrivateRegistryError as error:
        _print_error(error, name, as_json=as_json)
        return error.exit_code
    except KeyboardInterrupt:
        _say("interrupted; nothing is half done")
        return _EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output left; the work itself was done before the first line.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK
    except OSError as error:
        unreadable = NodeError(
            "a file of this node cannot be used:"
            f" {(error.strerror or str(error)).lower()}",
            place=str(error.filename) if error.filename else None,
        )
        _print_error(unreadable, name, as_json=as_json)
        return unreadable.exit_code
    # A bug of ours: the only time that a trace is shown.
    except Exception:  # noqa: BLE001
        _print_trace()
        _say(f"error: this is a bug in private-registry-config {__version__}")
        return EXIT_BUG


def _carry_out(door: str, command: Command, script: str, outside: str) -> int:
    request = command.request
    if isinstance(request, HelpRequest):
        print(help_text(door))
        return EXIT_OK
    if isinstance(request, VersionRequest):
        print(f"private-registry-config {__version__}")
        return EXIT_OK
    if isinstance(request, ExplainRequest):
        return _explain(request, as_json=command.json)
    node = Node.from_environment(os.environ)
    options = Options(
        door=os.path.join(os.path.dirname(script), "plugin"),
        adopt=command.adopt,
        dry_run=command.dry_run,
        no_restart=command.no_restart,
        after_refresh=command.after_refresh,
        say=_say,
        outside=outside,
    )
    looks = _only_looks(node, command, options)
    if looks is not None:
        return looks
    outcome = _change(node, command, options)
    if command.check and not command.dry_run:
        return _change_and_check(node, command, door, outcome)
    if command.json:
        _print_json(show_changes.outcome_json(outcome, dry_run=command.dry_run))
    else:
        _print(show_changes.outcome(outcome, door, dry_run=command.dry_run))
    return EXIT_OK


def _only_looks(node: Node, command: Command, options: Options) -> Optional[int]:
    """Carry out what changes nothing; None where the command is to change something."""
    request = command.request
    if isinstance(request, CheckRequest):
        return _check(node, request, as_json=command.json)
    if isinstance(request, ListRequest):
        listing = operations.list_registries(node, options)
        if command.json:
            _print_json(*show_list.listing_json(listing))
        else:
            _print(show_list.listing(node, listing))
        return EXIT_OK
    if isinstance(request, ExportRequest):
        return _export(node, request, options)
    return None


def _explain(request: ExplainRequest, *, as_json: bool) -> int:
    # Only here.
    from private_registry.check.explain.explain import explain  # noqa: PLC0415
    from private_registry.check.node_facts import facts_here  # noqa: PLC0415

    # Many imports, only here.
    from private_registry.cli import show_check  # noqa: PLC0415

    found = explain(request.text, facts_here(os.environ))
    if as_json:
        _print_json(show_check.explanations_json(found))
    else:
        _print_painted(show_check.explanations(found, colours=_has_colours()))
    return EXIT_OK


def _check(node: Node, request: CheckRequest, *, as_json: bool) -> int:
    # Many imports, only here.
    from private_registry.cli import show_check  # noqa: PLC0415

    outcome = _checked(node, request)
    if as_json:
        _print_json(show_check.check_json(outcome))
    else:
        _print_painted(show_check.check(outcome, colours=_has_colours()))
    return EXIT_OK if outcome.is_clean else EXIT_FAULT


def _change_and_check(node: Node, command: Command, door: str, outcome: Outcome) -> int:
    """Tell what was done, and whether the registries that it was about serve now."""
    # Many imports, only here.
    from private_registry.cli import show_check  # noqa: PLC0415

    subjects = tuple(Subject(each.name) for each in outcome.concerned)
    checked = _checked(node, CheckRequest(subjects))
    if command.json:
        plain = show_changes.outcome_plain(outcome, dry_run=False)
        _print_json(
            json.dumps({**plain, "check": show_check.check_plain(checked)}, indent=2)
        )
    else:
        _print(show_changes.outcome(outcome, door, dry_run=False))
        _print_painted(["", *show_check.check(checked, colours=_has_colours())])
    return EXIT_OK if checked.is_clean else EXIT_FAULT


def _checked(node: Node, request: CheckRequest) -> CheckOutcome:
    # Many imports, only here.
    from private_registry.check.run import check  # noqa: PLC0415

    if not sys.stderr.isatty():
        return check(node, request)
    try:
        return check(node, request, _show_progress)
    finally:
        sys.stderr.write(_CLEAR_LINE)


def _show_progress(done: int, total: int) -> None:
    sys.stderr.write(f"{_CLEAR_LINE}{done} of {total} endpoints have answered ...")
    sys.stderr.flush()


def _has_colours() -> bool:
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _export(node: Node, request: ExportRequest, options: Options) -> int:
    from private_registry.verbs.export import export  # noqa: PLC0415 - only here
    from private_registry.verbs.exported_files import write  # noqa: PLC0415 - only here

    state = operations.saved_state(node, options)
    exported = export(state, request.format_name, with_secrets=request.with_secrets)
    if request.output is None:
        print(exported.text, end="", flush=True)
    else:
        write(exported, request.output, is_tree=request.format_name == "hosts")
    for note in exported.notes:
        _say(f"note: {note}")
    return EXIT_OK


def _change(node: Node, command: Command, options: Options) -> Outcome:
    request = command.request
    if isinstance(request, AddRequest):
        return operations.add(node, request, options)
    if isinstance(request, RemoveRequest):
        return operations.remove(node, request, options)
    if isinstance(request, ApplyRequest):
        return operations.apply(node, request, options)
    raise AssertionError(request)


def _typed(words: List[str]) -> str:
    return " ".join(quoted(word) for word in words)


def _print_trace() -> None:
    """Print where a bug is; what an exception says itself may quote a secret."""
    import traceback  # noqa: PLC0415 - only here

    kind, _, place = sys.exc_info()
    frames = "".join(traceback.format_tb(place)).splitlines()
    name = "" if kind is None else kind.__name__
    _write(
        sys.stderr,
        map(printable, ["Traceback (most recent call last):", *frames, name]),
    )


def _print(lines: Iterable[str]) -> None:
    """Print lines; whatever is in them, a terminal obeys none of it."""
    _write(sys.stdout, map(printable, lines))


def _print_painted(lines: Iterable[str]) -> None:
    """Print lines that have colours and were cleaned before they got them."""
    _write(sys.stdout, lines)


def _print_json(text: str) -> None:
    """Print JSON, which writes everything outside of ASCII as an escape."""
    print(text, flush=True)


def _print_error(error: PrivateRegistryError, name: str, *, as_json: bool) -> None:
    if as_json:
        _print_json(show_changes.error_json(error, name))
    else:
        _write(sys.stderr, map(printable, show_changes.error(error, name)))


def _say(line: str) -> None:
    _write(sys.stderr, [printable(line)])


def _write(stream: TextIO, lines: Iterable[str]) -> None:
    text = "\n".join(lines)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    print(
        text.encode(encoding, "backslashreplace").decode(encoding),
        file=stream,
        flush=True,
    )
