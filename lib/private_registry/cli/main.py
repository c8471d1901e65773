"""The command line as a whole: runs a verb, and chooses the exit code of what fails."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import List, Mapping, Optional, Sequence

from private_registry import __version__
from private_registry.cli import show_changes
from private_registry.cli.command_line import command_name, parse
from private_registry.cli.console import Console, ReaderLeftError
from private_registry.cli.files_given import Inputs
from private_registry.cli.verb import Call, verb
from private_registry.errors import (
    EXIT_BUG,
    EXIT_OK,
    AnswerError,
    NodeError,
    PrivateRegistryError,
)
from private_registry.texts.showing import quoted

_EXIT_INTERRUPTED = 130


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
    console = Console()
    name = command_name(door, arguments)
    as_json = "--json" in arguments
    try:
        outside = _typed(["sudo", "python3", "-I", script, *arguments])
        command = parse(door, arguments, Inputs(variables))
        call = Call(door, script, outside, console)
        return verb(command.verb).run(command.request, command.how, call)
    except PrivateRegistryError as error:
        _tell(console, error, name, as_json=as_json)
        return error.exit_code
    except KeyboardInterrupt:
        console.say("interrupted; nothing is half done")
        return _EXIT_INTERRUPTED
    except ReaderLeftError:
        # The work was done before the first line.
        return EXIT_OK
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        unreadable = NodeError(
            f"a file of this node cannot be used: {reason}",
            place=str(error.filename) if error.filename else None,
        )
        _tell(console, unreadable, name, as_json=as_json)
        return unreadable.exit_code
    # A bug of ours: the only time that a trace is shown.
    except Exception:  # noqa: BLE001
        console.complain(_trace())
        console.say(f"error: this is a bug in private-registry-config {__version__}")
        return EXIT_BUG


def _typed(words: List[str]) -> str:
    return " ".join(quoted(word) for word in words)


def _tell(
    console: Console, error: PrivateRegistryError, name: str, *, as_json: bool
) -> None:
    if as_json and not isinstance(error, AnswerError):
        # The exit code is that of what went wrong first.
        with suppress(AnswerError, ReaderLeftError):
            console.json(show_changes.error_plain(error, name))
    else:
        console.complain(show_changes.error(error, name))


def _trace() -> List[str]:
    """Return where a bug is; what an exception says itself may quote a secret."""
    import traceback  # noqa: PLC0415 - only here

    kind, _, place = sys.exc_info()
    frames = "".join(traceback.format_tb(place)).splitlines()
    name = "" if kind is None else kind.__name__
    return ["Traceback (most recent call last):", *frames, name]
