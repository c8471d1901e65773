"""What this addon has written: whether the node still has it, and containerd has loaded
it.
"""

from __future__ import annotations

import os
from typing import List, Optional, Tuple

from private_registry.changes.listing import Listing, RegistryStatus, listing_of
from private_registry.check.adding import APPLY
from private_registry.check.causes import LOGIN, Cause
from private_registry.check.findings import Finding, Remedy, Severity
from private_registry.check.lint.spegel_lint import BACKUP
from private_registry.check.observing import look_at
from private_registry.containerd.daemon import Containerd
from private_registry.containerd.hosts_toml import HOSTS_TOML
from private_registry.containerd.template import Template, shown_key
from private_registry.containerd.template_file import TemplateFile
from private_registry.errors import PrivateRegistryError
from private_registry.node.file_values import NodePath, Root
from private_registry.node.paths import CERTS_D, RENDERED, Node
from private_registry.transaction import records

_APPLY = Remedy(APPLY)


def saved_listing(
    node: Node, unseen: List[str]
) -> Tuple[Optional[Listing], List[Finding]]:
    """Return what is saved, and where the node is unlike it.

    Args:
        node: which.
        unseen: gets what this user may not look at.
    """
    try:
        listing = listing_of(records.with_docker(node))
    except PermissionError as error:
        unseen.append(f"{error.filename}: what was configured by this addon")
        return None, []
    except PrivateRegistryError:
        # The template's own finding, or what `list` says of it.
        return None, []
    return listing, [
        each
        for status in listing.registries
        if not _has_moved(node, status)
        for each in _unlike(node, status)
    ]


def _has_moved(node: Node, status: RegistryStatus) -> bool:
    """Whether Spegel has moved a registry's directory away, which has its finding."""
    tree = os.path.join(node.data, CERTS_D)
    names = {os.path.basename(each.directory.path) for each in status.missing}
    moved = look_at(os.path.join(tree, BACKUP)).names or ()
    return bool(names.intersection(moved))


def _unlike(node: Node, status: RegistryStatus) -> List[Finding]:
    name = str(status.registry.name)
    if status.missing:
        where = node.shown(status.missing[0])
        what = "it was configured by this addon and is missing on this node"
        return [Finding(Cause.NOT_AS_SAVED, what, name, where=where, remedy=_APPLY)]
    if not status.differing:
        return []
    # What hosts.toml names counts more than how it is named.
    by_name = sorted(status.differing, key=lambda each: each.path.endswith(HOSTS_TOML))
    where = node.shown(by_name[0])
    return [
        Finding(
            Cause.NOT_AS_SAVED,
            "somebody changed by hand what this addon had written",
            name,
            where=where,
            remedy=Remedy(f"{APPLY} --adopt"),
            severity=Severity.NOTE,
        )
    ]


def pending(
    node: Node, file: TemplateFile, loaded: Optional[Template], listing: Listing
) -> List[Finding]:
    """Say what the running containerd has otherwise than its file.

    Args:
        node: which.
        file: containerd's configuration as MicroK8s keeps it.
        loaded: as the running one has it; None where that is not known.
        listing: what is saved.
    """
    if loaded is None:
        return []
    keys = {*file.template.keys, *listing.still_loaded}
    unloaded = Containerd(node).unloaded(file.text, keys)
    return [
        Finding(
            Cause.RESTART_PENDING,
            f"containerd still has other words on {shown_key(key)} than its"
            " configuration",
            key[1],
            where=node.shown(NodePath(Root.DATA, RENDERED)),
            why="It reads them at its start only",
            remedy=Remedy(node.restart_command),
            explains=LOGIN,
        )
        for key in sorted(unloaded)
    ]
