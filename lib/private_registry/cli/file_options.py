"""Files of registries on the command line: --file and --import."""

from __future__ import annotations

import argparse
from typing import Optional

from private_registry.cli.shared_options import own_options
from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple

HEADER_LOGINS, PLAINTEXT = "--header-logins", "--allow-plaintext-credentials"


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
