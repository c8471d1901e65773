"""The verb ``list``: what is saved, and whether the node still has it."""

from __future__ import annotations

from typing import List, Tuple

from private_registry.changes.listing import listing_of
from private_registry.changes.one_at_a_time import look_of
from private_registry.cli import all_nodes_options, show_list
from private_registry.cli.files_given import Inputs
from private_registry.cli.parser import Parser
from private_registry.cli.shared_options import How, how_of
from private_registry.cli.verb import Call, Verb
from private_registry.errors import EXIT_OK


def _read(name: str, arguments: List[str], _inputs: Inputs) -> Tuple[None, How]:
    parser = Parser()
    parser.flags("--json", all_nodes_options.ALL_NODES)
    return None, how_of(parser.read(arguments, name))


def _run(_request: None, how: How, call: Call) -> int:
    if how.all_nodes is not None:
        from private_registry.verbs.everywhere import (  # noqa: PLC0415 - many imports
            list_everywhere,
        )

        return list_everywhere(how, call)
    found = call.node
    with look_of(found, call.options(how)) as node:
        listing = listing_of(node)
        if listing.for_all_nodes:
            # Rarely needed, and asks the cluster.
            from private_registry.all_nodes.left_behind import (  # noqa: PLC0415
                is_left_behind,
            )

            listing = listing._replace(is_left_behind=is_left_behind(node))
    if how.json:
        call.console.json(show_list.listing_plain(listing))
    else:
        call.console.lines(show_list.listing(found, listing))
    return EXIT_OK


VERB = Verb(_read, _run)
