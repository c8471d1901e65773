"""The options that verbs share which change a node."""

from __future__ import annotations

import argparse
from typing import Any, Dict, List, Optional, Sequence

from private_registry.cli.all_nodes_options import AllNodes, all_nodes_of
from private_registry.cli.credential_options import credential_options
from private_registry.cli.tls_options import tls_options
from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple

HEADER_LOGINS, PLAINTEXT = "--header-logins", "--allow-plaintext-credentials"
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


class Elsewhere(NamedTuple):
    """What --file and --import name, of which one is given.

    Args:
        file: None where it is a directory.
        directory: of a tree.
        header_logins: logins that stand in headers are carried over.
        plaintext: also those that go over plain HTTP.
    """

    file: Optional[str]
    directory: str
    header_logins: bool
    plaintext: bool


def from_elsewhere(values: argparse.Namespace) -> Optional[Elsewhere]:
    """Return what --file and --import name; None where neither is given."""
    file, directory = values.file, getattr(values, "import")
    _check_header_logins(values, is_given=bool(file or directory))
    if not file and not directory:
        return None
    option = "--file" if file else "--import"
    if (file and directory) or _has_targets(values):
        raise UsageError(
            f"{option} holds whole registries and stands alone",
            place=f"option {option}",
            remedy="put the other registries into the file too, or give two commands",
        )
    logins = (values.header_logins, values.allow_plaintext_credentials)
    if file:
        return Elsewhere(file[0], "", *logins)
    return Elsewhere(None, directory[0], *logins)


def _check_header_logins(values: argparse.Namespace, *, is_given: bool) -> None:
    is_apply = "insecure" not in values
    lone = HEADER_LOGINS if values.header_logins and not is_given else None
    if is_apply and values.allow_plaintext_credentials and not values.header_logins:
        lone = PLAINTEXT
    if lone is not None:
        raise UsageError(
            f"{lone} is about logins in the headers of a certs.d tree",
            place=f"option {lone}",
            instead=" ".join(dict.fromkeys(("--import DIR", HEADER_LOGINS, lone))),
        )


def _has_targets(values: argparse.Namespace) -> bool:
    if "insecure" not in values:
        return False
    own = own_options(values)
    if values.header_logins:
        own = [each for each in own if each != PLAINTEXT]
    targets = values.insecure or values.registry or values.mirror or own
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
