"""The verb ``version``: that of the addon."""

from __future__ import annotations

from private_registry import __version__
from private_registry.cli.shared_options import How
from private_registry.cli.verb import Call, Verb, nothing_read
from private_registry.errors import EXIT_OK


def _run(_request: None, _how: How, call: Call) -> int:
    call.console.text(f"private-registry-config {__version__}\n")
    return EXIT_OK


VERB = Verb(nothing_read, _run)
