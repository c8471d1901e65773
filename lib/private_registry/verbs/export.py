"""The verb ``export``: what is saved, for other nodes."""

from __future__ import annotations

from typing import List, Tuple

from private_registry.changes.export import FORMATS
from private_registry.changes.exported_files import write
from private_registry.changes.one_at_a_time import look_of
from private_registry.changes.saved import saved_state
from private_registry.cli.export_options import ExportRequest, read_export
from private_registry.cli.files_given import Inputs
from private_registry.cli.shared_options import How
from private_registry.cli.verb import Call, Verb
from private_registry.errors import EXIT_OK
from private_registry.registries.model import DesiredState


def _read(
    name: str, arguments: List[str], _inputs: Inputs
) -> Tuple[ExportRequest, How]:
    return read_export(name, arguments), How()


def _state(request: ExportRequest, how: How, call: Call) -> DesiredState:
    if request.all_nodes:
        # Many imports.
        from private_registry.verbs.everywhere import (  # noqa: PLC0415
            saved_everywhere,
        )

        return saved_everywhere(call)
    with look_of(call.node, call.options(how)) as node:
        return saved_state(node)


def _run(request: ExportRequest, how: How, call: Call) -> int:
    state = _state(request, how, call)
    exported = FORMATS[request.format_name](state, with_secrets=request.with_secrets)
    if request.output is None:
        call.console.text(exported.text)
    else:
        write(exported, request.output, is_tree=request.format_name == "hosts")
    for note in exported.notes:
        call.console.say(f"note: {note}")
    return EXIT_OK


VERB = Verb(_read, _run)
