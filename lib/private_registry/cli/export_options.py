"""The command line of ``export``."""

from __future__ import annotations

from typing import List, Optional

from private_registry.changes.export import FORMATS
from private_registry.cli.all_nodes_options import ALL_NODES
from private_registry.cli.parser import Parser
from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.texts.did_you_mean import did_you_mean
from private_registry.texts.showing import shown


class ExportRequest(NamedTuple):
    """Print what is saved, or write it to files.

    Args:
        format_name: one of FORMATS.
        with_secrets: passwords and client keys are in it.
        output: the file, for ``hosts`` the directory, to make; None for standard
            output.
        all_nodes: what is saved for all nodes, not for this one.
    """

    format_name: str = "toml"
    with_secrets: bool = False
    output: Optional[str] = None
    all_nodes: bool = False


def read_export(name: str, arguments: List[str]) -> ExportRequest:
    """Understand the options of ``export``.

    Raises:
        UsageError: they cannot be understood.
    """
    parser = Parser()
    parser.values("--format", "--output")
    parser.flags("--with-secrets", ALL_NODES)
    values = parser.read(arguments, name)
    for option, given in (("--format", values.format), ("--output", values.output)):
        if len(given) > 1:
            raise UsageError(
                f"{option} is given {len(given)} times", place=f"option {option}"
            )
    format_name = values.format[0] if values.format else "toml"
    if format_name not in FORMATS:
        hint = did_you_mean(format_name, list(FORMATS))
        raise UsageError(
            f"{shown(format_name)} is no format{hint}",
            place="option --format",
            instead="--format toml   or   --format hosts   or   --format launch-config",
        )
    if values.output == [""]:
        raise UsageError(
            "a name is missing", place="option --output", instead="--output FILE"
        )
    output = values.output[0] if values.output else None
    return ExportRequest(format_name, values.with_secrets, output, values.all_nodes)
