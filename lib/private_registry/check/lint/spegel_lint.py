"""What Spegel has moved away: at its first start all that stood in certs.d goes into
``_backup`` (pkg/oci/containerd/mirror.go), and at each start it clears the rest.
"""

from __future__ import annotations

import posixpath
from typing import Iterator, Tuple

from private_registry.check.causes import (
    CLIENT,
    NETWORK,
    NO_LOGIN,
    PATH,
    PROTOCOL,
    TRUST,
    Cause,
)
from private_registry.check.findings import Finding, Remedy, Severity
from private_registry.check.reading import directories
from private_registry.check.reading.reading import LookAt
from private_registry.containerd import microk8s_defaults
from private_registry.containerd.hosts_toml import HOSTS_TOML
from private_registry.registries.names import EVERY_REGISTRY
from private_registry.texts.showing import quoted

BACKUP = "_backup"
_STOCK_PATH = "args/certs.d"
_CLEARS = (
    "Spegel clears certs.d whenever it starts, and gives _backup back when it is"
    " uninstalled"
)
_EXPLAINS = NETWORK | PROTOCOL | TRUST | CLIENT | NO_LOGIN | PATH


def is_backup(certs_d: str, name: str, look: LookAt) -> bool:
    """Whether a directory of certs.d is Spegel's: there are directories in it."""
    return name == BACKUP and bool(_names(posixpath.join(certs_d, name), look))


def findings_of(certs_d: str, look: LookAt) -> Iterator[Finding]:
    """Name the registries whose directories Spegel has moved away.

    Args:
        certs_d: the tree.
        look: looks at a path.
    """
    for name in _names(posixpath.join(certs_d, BACKUP), look):
        registry = directories.registry_of(name)
        if registry != EVERY_REGISTRY and not directories.can_be_named(registry):
            continue
        moved, own = (posixpath.join(certs_d, *at) for at in ((BACKUP, name), (name,)))
        finding = Finding(
            Cause.MOVED_BY_SPEGEL,
            "Spegel moved its directory to _backup, where containerd does not read it",
            registry,
            where=moved,
            why=_CLEARS,
        )
        content = look(posixpath.join(moved, HOSTS_TOML)).content or b""
        stock = f"{_STOCK_PATH}/{name}/{HOSTS_TOML}"
        if look(own).problem != "missing":
            yield finding._replace(
                what="containerd reads what Spegel wrote for it, and not what is in"
                " _backup",
                severity=Severity.NOTE,
                explains=_EXPLAINS,
            )
        elif microk8s_defaults.is_stock(stock, content):
            yield finding._replace(severity=Severity.NOTE, explains=_EXPLAINS)
        else:
            # Moved back it would be gone with Spegel's next start.
            command = f"sudo cp -a {quoted(moved)} {quoted(own)}"
            yield finding._replace(remedy=Remedy(command))


def _names(path: str, look: LookAt) -> Tuple[str, ...]:
    names = look(path).names or ()
    return tuple(
        each for each in sorted(names) if look(posixpath.join(path, each)).names
    )
