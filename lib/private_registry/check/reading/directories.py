"""Directories of certs.d: which of them containerd reads for a registry.

As config_unix.go hostPaths does.
"""

from __future__ import annotations

import posixpath
import re
from typing import List, Tuple

from private_registry.check.reading.reading import LookAt
from private_registry.containerd import releases
from private_registry.containerd.releases import Version
from private_registry.named_tuple import NamedTuple
from private_registry.registries.names import EVERY_REGISTRY, EVERY_REGISTRY_DIRECTORY

_UNDERSCORED = re.compile(r"(?P<host>.+)_(?P<port>[0-9]+)_")
_DOMAIN = re.compile(
    r"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*(:[0-9]+)?"
    r"|\[[0-9A-Fa-f:]+\](:[0-9]+)?"
)
_SET_ASIDE = re.compile(
    r"(\.(bak|old|orig|save|off|disabled|dpkg-\w+|rpm\w+|tmp|swp)|~)\Z|\A\."
)


class RegistryDirectory(NamedTuple):
    """The directory of a registry.

    Args:
        path: of the first that is there; empty where none is.
        is_file: it is no directory, and every pull fails.
        shadowed: the others that are there, too, and not read.
    """

    path: str = ""
    is_file: bool = False
    shadowed: Tuple[str, ...] = ()


def knows_default(version: Version) -> bool:
    """Whether a containerd reads ``_default`` (since 1.6.17 and 1.7.0)."""
    return version >= releases.DEFAULT_DIRECTORY


def candidates(registry: str, version: Version) -> List[str]:
    """List the names of directories that containerd looks for, the first that is
    there counts.
    """
    if registry == EVERY_REGISTRY:
        return [EVERY_REGISTRY_DIRECTORY] if knows_default(version) else []
    host, colon, port = registry.rpartition(":")
    names = [f"{host}_{port}_"] if colon and host else []
    names.append(registry)
    return [*names, EVERY_REGISTRY_DIRECTORY] if knows_default(version) else names


def directory_of(
    registry: str, certs_d: str, look: LookAt, version: Version
) -> RegistryDirectory:
    """Find the directory of a registry.

    Where nothing can be seen, the one of its very name.
    """
    found = []
    for name in candidates(registry, version):
        path = posixpath.join(certs_d, name)
        seen = look(path)
        if seen.may_be_missing:
            own = EVERY_REGISTRY_DIRECTORY if registry == EVERY_REGISTRY else registry
            return RegistryDirectory(posixpath.join(certs_d, own))
        if seen.problem != "missing":
            found.append((path, seen.is_file))
    if not found:
        return RegistryDirectory()
    (path, is_file), *others = found
    return RegistryDirectory(path, is_file, tuple(other for other, _ in others))


def registry_of(directory: str) -> str:
    """Return the registry that a directory's name is for."""
    if directory == EVERY_REGISTRY_DIRECTORY:
        return EVERY_REGISTRY
    match = _UNDERSCORED.fullmatch(directory)
    return f"{match['host']}:{match['port']}" if match else directory


def can_be_named(registry: str) -> bool:
    """Whether an image's name can begin with it."""
    return bool(_DOMAIN.fullmatch(registry))


def is_set_aside(name: str) -> bool:
    """Whether somebody named a file or directory so that nothing reads it any more."""
    return bool(_SET_ASIDE.search(name))


def registries_in(certs_d: str, look: LookAt) -> Tuple[str, ...]:
    """Name the registries that have a directory that can be theirs.

    ``*`` for ``_default``.
    """
    names = (name for name in look(certs_d).names or () if not is_set_aside(name))
    found = (name for name in names if not look(posixpath.join(certs_d, name)).is_file)
    registries = {registry_of(name) for name in found}
    return tuple(
        sorted(
            each for each in registries if each == EVERY_REGISTRY or can_be_named(each)
        )
    )
