"""The options that verbs share which change a node."""

from __future__ import annotations

import argparse
from typing import Any, Dict, List, Optional, Sequence

from private_registry.cli.all_nodes_options import AllNodes, all_nodes_of
from private_registry.cli.credential_options import credential_options
from private_registry.cli.tls_options import tls_options
from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple

COMMON = ("--adopt", "--check", "--dry-run", "--json", "--no-restart")
ONCE = (
    *("--ca", "--client-cert", "--client-key", "--file", "--import"),
    *("--username", "--password-file", "--password-env", "--login-by"),
    "--docker-config",
)


class How(NamedTuple):
    """How to carry a change out.

    Args:
        adopt: take over files that somebody else wrote.
        dry_run: print the plan, change nothing.
        json: answer for machines.
        no_restart: leave it to people to restart containerd.
        check: afterwards, find out whether it serves.
        after_refresh: snapd waits for it, and not for long.
        all_nodes: it is about all nodes of the cluster; None for this one.
    """

    adopt: bool = False
    dry_run: bool = False
    json: bool = False
    no_restart: bool = False
    check: bool = False
    after_refresh: bool = False
    all_nodes: Optional[AllNodes] = None


def how_of(values: argparse.Namespace) -> How:
    """Return what the flags of a command line say."""
    given: Dict[str, Any] = {key: getattr(values, key, False) for key in How._fields}
    return How(**{**given, "all_nodes": all_nodes_of(values)})


def check_once(values: argparse.Namespace, options: Sequence[str] = ONCE) -> None:
    """Check that none of these options is given twice.

    Raises:
        UsageError: one is.
    """
    for option in options:
        given: Optional[List[str]] = getattr(values, option[2:].replace("-", "_"), None)
        if given and len(given) > 1:
            raise UsageError(
                f"{option} is given {len(given)} times", place=f"option {option}"
            )


def own_options(values: argparse.Namespace) -> List[str]:
    """List the options given that belong to one registry or mirror."""
    return [*tls_options(values), *credential_options(values)]
