"""The options that verbs share which change a node."""

from __future__ import annotations

import argparse
from typing import List, NamedTuple, Optional, Sequence, Tuple

from private_registry.cli.credential_options import credential_options
from private_registry.cli.tls_options import tls_options
from private_registry.errors import UsageError

COMMON = ("--adopt", "--check", "--dry-run", "--json", "--no-restart")
ONCE = (
    *("--ca", "--client-cert", "--client-key", "--file", "--import"),
    *("--username", "--password-file", "--password-env"),
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
    """

    adopt: bool = False
    dry_run: bool = False
    json: bool = False
    no_restart: bool = False
    check: bool = False
    after_refresh: bool = False


def how_of(values: argparse.Namespace) -> How:
    """Return what the flags of a command line say."""
    return How(**{key: getattr(values, key, False) for key in How._fields})


def from_elsewhere(values: argparse.Namespace) -> Optional[Tuple[Optional[str], str]]:
    """Return what --file and --import name, of which one is given.

    None where neither is.
    """
    file, directory = values.file, getattr(values, "import")
    if not file and not directory:
        return None
    option = "--file" if file else "--import"
    if (file and directory) or _has_targets(values):
        raise UsageError(
            f"{option} holds whole registries and stands alone",
            place=f"option {option}",
            remedy="put the other registries into the file too, or give two commands",
        )
    return (file[0], "") if file else (None, directory[0])


def _has_targets(values: argparse.Namespace) -> bool:
    if "insecure" not in values:
        return False
    targets = values.insecure or values.registry or values.mirror or own_options(values)
    others = (values.no_fallback, values.no_credentials, values.pull_secret)
    return bool(targets or any(others))


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
