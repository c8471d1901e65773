"""The command line of ``remove`` and ``disable``."""

from __future__ import annotations

from typing import List, Tuple

from private_registry.changes.requests import RemoveRequest
from private_registry.cli import all_nodes_options
from private_registry.cli.all_nodes_options import Namespace
from private_registry.cli.files_given import Inputs
from private_registry.cli.parser import Parser
from private_registry.cli.shared_options import How, how_of
from private_registry.errors import UsageError
from private_registry.registries.names import (
    EVERY_REGISTRY,
    RegistryName,
    parse_registry_name,
)

_LEFT_BEHIND = "--left-behind"
_DISABLE = "microk8s disable private-registry-config"


def read_remove(
    name: str, arguments: List[str], _inputs: Inputs
) -> Tuple[RemoveRequest, How]:
    """Understand the options of ``remove`` and ``disable``.

    Raises:
        UsageError: they cannot be understood.
    """
    parser = Parser()
    parser.values("--registry", "--pull-secret")
    parser.flags("--all", "--keep-pull-secrets", "--dry-run", "--json", "--no-restart")
    parser.values(all_nodes_options.FORGET)
    parser.flags(all_nodes_options.ALL_NODES, _LEFT_BEHIND)
    values = parser.read(arguments, name)
    if values.left_behind:
        _check_alone(values)
        return RemoveRequest(left_behind=True), how_of(values)
    names = tuple(_name_to_remove(each) for each in values.registry)
    some = bool(names or values.pull_secret)
    everything = values.all or (name == _DISABLE and not some)
    if values.all and some:
        raise UsageError(
            "--all takes back everything and stands alone", instead="--all"
        )
    if values.keep_pull_secrets and values.pull_secret:
        raise UsageError(
            "--keep-pull-secrets and --pull-secret exclude each other",
            place="option --keep-pull-secrets",
        )
    if not some and not everything:
        raise UsageError(
            "which registry should be taken back?",
            instead="--registry HOST[:PORT]   or   --all",
        )
    request = RemoveRequest(
        names, everything, tuple(values.pull_secret), values.keep_pull_secrets
    )
    return request, how_of(values)


def _check_alone(values: Namespace) -> None:
    others = (values.registry, values.pull_secret, values.all, values.all_nodes)
    if any(others) or values.keep_pull_secrets:
        raise UsageError(
            f"{_LEFT_BEHIND} is about what the agent of all nodes has left on this"
            " node, and stands alone",
            place=f"option {_LEFT_BEHIND}",
            instead=_LEFT_BEHIND,
        )


def _name_to_remove(text: str) -> RegistryName:
    if text == EVERY_REGISTRY:
        return RegistryName(EVERY_REGISTRY)
    scheme, separator, rest = text.partition("://")
    known = separator and scheme.lower() in ("http", "https")
    return parse_registry_name(rest if known else text, "--registry")
