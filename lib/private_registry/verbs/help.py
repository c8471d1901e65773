"""The verb ``help``: how to use the door that was called."""

from __future__ import annotations

from private_registry.cli.help_texts import help_text
from private_registry.cli.shared_options import How
from private_registry.cli.verb import Call, Verb, nothing_read
from private_registry.errors import EXIT_OK


def _run(_request: None, _how: How, call: Call) -> int:
    call.console.text(help_text(call.door) + "\n")
    return EXIT_OK


VERB = Verb(nothing_read, _run)
