"""The verb ``version``: that of the addon."""

from __future__ import annotations

from typing import List, Tuple

from private_registry import __version__
from private_registry.cli.files_given import Inputs
from private_registry.cli.shared_options import How
from private_registry.cli.verb import Call, Verb
from private_registry.errors import EXIT_OK


def _read(_name: str, _arguments: List[str], _inputs: Inputs) -> Tuple[None, How]:
    # What follows the word does not count.
    return None, How()


def _run(_request: None, _how: How, call: Call) -> int:
    call.console.text(f"private-registry-config {__version__}\n")
    return EXIT_OK


VERB = Verb(_read, _run)
