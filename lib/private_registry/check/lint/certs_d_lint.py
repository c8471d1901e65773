"""Directories of certs.d: what is not read, and files with nearly the right name."""

from __future__ import annotations

import posixpath
from typing import Iterator, List, Optional, Tuple

from private_registry.check.causes import Cause
from private_registry.check.findings import Finding, Remedy, Severity
from private_registry.check.lint import certs_d_places, spegel_lint
from private_registry.check.reading import directories, hosts_entries
from private_registry.check.reading.directories import RegistryDirectory
from private_registry.check.reading.hosts_document import Refused
from private_registry.check.reading.reading import LookAt
from private_registry.containerd import microk8s_defaults, releases
from private_registry.containerd.hosts_toml import HOSTS_TOML
from private_registry.containerd.releases import Version, dotted
from private_registry.registries.names import (
    DOCKER_HUB,
    DOCKER_HUB_ALIASES,
    EVERY_REGISTRY,
    EVERY_REGISTRY_DIRECTORY,
)
from private_registry.texts.did_you_mean import VERY_NEAR, nearest
from private_registry.texts.showing import quoted, shown_name

_OTHER_NAMES = (
    "host.toml",
    "hosts.tml",
    "hosts.toml.txt",
    "hosts.conf",
    "hosts",
    "config.toml",
)
_STOCK_PATH = "args/certs.d"


def findings_of(
    registry: str,
    certs_d: str,
    directory: RegistryDirectory,
    look: LookAt,
    version: Version,
) -> Tuple[Finding, ...]:
    """Return what is odd about one registry's directory, its file aside.

    Args:
        registry: as image references spell it.
        certs_d: the tree.
        directory: what containerd finds for the registry.
        look: looks at a path.
        version: of containerd.
    """
    found: List[Finding] = []
    if directory.path:
        found += _misnamed(registry, directory.path, look)
        found += certs_d_places.below(registry, directory.path, look)
        found += certs_d_places.other_endings(registry, directory.path, look)
    found += _shadowed(registry, directory, look, version)
    if registry == DOCKER_HUB:
        found += _hub_elsewhere(certs_d, look)
    return tuple(found)


def lint_tree(
    certs_d: str, look: LookAt, version: Optional[Version] = None
) -> Tuple[Finding, ...]:
    """Look for what in certs.d no image's name leads to.

    Args:
        certs_d: the directory that ``config_path`` names, absolute.
        look: looks at a path.
        version: of containerd; None for a current one.
    """
    wanted = releases.CURRENT if version is None else version
    found: List[Finding] = []
    for name in sorted(look(certs_d).names or ()):
        if directories.is_set_aside(name):
            continue
        path = posixpath.join(certs_d, name)
        if spegel_lint.is_backup(certs_d, name, look):
            found += spegel_lint.findings_of(certs_d, look)
        elif look(path).is_file:
            found += certs_d_places.stray_file(certs_d, name, look)
        elif _is_filled(path, look):
            found += _misnamed(directories.registry_of(name), path, look)
            found += certs_d_places.below(directories.registry_of(name), path, look)
            found += certs_d_places.other_endings(
                directories.registry_of(name), path, look
            )
            found += _unreachable(certs_d, name, look, wanted)
    return (*found, *_hub_elsewhere(certs_d, look))


def _is_filled(path: str, look: LookAt) -> bool:
    return bool(look(path).names)


def _is_hidden(path: str, look: LookAt) -> bool:
    """Whether this user cannot tell what a directory says."""
    return any(
        look(each).is_hidden for each in (path, posixpath.join(path, HOSTS_TOML))
    )


# --- files ----------------------------------------------------------------------------


def _misnamed(registry: str, path: str, look: LookAt) -> Iterator[Finding]:
    names = look(path).names or ()
    if HOSTS_TOML in names:
        return
    near = [name for name in sorted(names) if _is_near(name)]
    if len(near) == 1 and look(posixpath.join(path, near[0])).content:
        old = posixpath.join(path, near[0])
        # Without a hosts.toml they count, and with it only if it names them.
        has_certificates = any(each.endswith((".crt", ".cert")) for each in names)
        yield Finding(
            Cause.MISNAMED_FILE,
            f"{shown_name(near[0])} is not read; the file must be named {HOSTS_TOML}",
            registry,
            where=old,
            why="containerd takes the registry for one without a configuration",
            remedy=Remedy(
                f"sudo mv {quoted(old)} {quoted(posixpath.join(path, HOSTS_TOML))}"
            ),
            explains=frozenset(Cause) if has_certificates else frozenset(),
            is_guess=has_certificates,
            harmless=Remedy(
                owner="whoever wrote it: take it away, for all is well without it"
            ),
        )


def _is_near(name: str) -> bool:
    if directories.is_set_aside(name) or name.endswith(
        (".crt", ".cert", ".key", ".pem")
    ):
        return False
    is_near = nearest(name.lower(), [HOSTS_TOML], VERY_NEAR) != ""
    return name.lower() in _OTHER_NAMES or is_near


# --- directories ----------------------------------------------------------------------


def _shadowed(
    registry: str, directory: RegistryDirectory, look: LookAt, version: Version
) -> Iterator[Finding]:
    for other in directory.shadowed:
        is_hidden = _is_hidden(directory.path, look) or _is_hidden(other, look)
        if posixpath.basename(other) == EVERY_REGISTRY_DIRECTORY:
            if not is_hidden and not _is_filled(directory.path, look):
                yield _empty(registry, directory.path, other)
        elif is_hidden:
            note = _finding_of_shadow(registry, directory.path, other, is_fault=False)
            yield note._replace(remedy=Remedy("sudo microk8s private-registry check"))
        elif not _is_filled(directory.path, look):
            yield _finding_of_shadow(
                registry, directory.path, other, is_fault=True
            )._replace(remedy=Remedy(f"sudo rmdir {quoted(directory.path)}"))
        elif _is_filled(other, look):
            is_fault = _asks(registry, directory.path, look, version) != _asks(
                registry, other, look, version
            )
            yield _finding_of_shadow(
                registry, directory.path, other, is_fault=is_fault
            )._replace(
                remedy=_aside(directory.path, look),
                explains=frozenset(Cause) if is_fault else frozenset(),
                is_guess=is_fault,
                harmless=_aside(other, look),
            )


def _aside(path: str, look: LookAt) -> Remedy:
    aside = path + ".off"
    is_free = look(aside).problem == "missing"
    return Remedy(f"sudo mv {quoted(path)} {quoted(aside)}" if is_free else "")


def _finding_of_shadow(
    registry: str, path: str, other: str, *, is_fault: bool
) -> Finding:
    return Finding(
        Cause.SHADOWED,
        f"containerd reads {_name(path)} and never {_name(other)}",
        registry,
        where=path,
        why=(
            "of the two directories for this registry it takes the one with underscores"
        ),
        severity=Severity.FAULT if is_fault else Severity.NOTE,
    )


def _empty(registry: str, path: str, default: str) -> Finding:
    return Finding(
        Cause.SHADOWED,
        f"the directory is empty, so {_name(default)} does not hold for"
        f" {shown_name(registry)}",
        registry,
        where=path,
        why="containerd reads the first directory that is there, whatever is in it",
        remedy=Remedy(f"sudo rmdir {quoted(path)}"),
        severity=Severity.NOTE,
        is_guess=True,
        harmless=Remedy(owner="whoever made the directory: take it away if not meant"),
    )


def _name(path: str) -> str:
    return shown_name(posixpath.basename(path))


def _asks(registry: str, directory: str, look: LookAt, version: Version) -> object:
    """Return whom containerd would ask by a directory's hosts.toml, without the
    places.
    """
    path = posixpath.join(directory, HOSTS_TOML)
    content = look(path).content
    if not content:
        return look(directory).names
    try:
        entries = hosts_entries.entries_of_file(registry, content, path, version)
    except Refused as refused:
        return refused.words
    return [entry._replace(where="") for entry in entries]


def _unreachable(
    certs_d: str, name: str, look: LookAt, version: Version
) -> Iterator[Finding]:
    path = posixpath.join(certs_d, name)
    registry = directories.registry_of(name)
    finding = Finding(
        Cause.WRONG_DIRECTORY, "", registry, where=path, why="containerd never reads it"
    )
    if name == EVERY_REGISTRY_DIRECTORY:
        if not directories.knows_default(version):
            yield finding._replace(
                cause=Cause.FIELD_TOO_NEW,
                what="only containerd 1.6.17 and newer read _default; this node has "
                + dotted(version),
            )
    elif name == EVERY_REGISTRY:
        new = posixpath.join(certs_d, EVERY_REGISTRY_DIRECTORY)
        is_free = look(new).problem == "missing"
        yield finding._replace(
            what=(
                f"for every registry the directory is named {EVERY_REGISTRY_DIRECTORY}"
            ),
            remedy=Remedy(f"sudo mv {quoted(path)} {quoted(new)}" if is_free else ""),
        )
    elif name in DOCKER_HUB_ALIASES:
        return
    elif not directories.can_be_named(registry):
        yield finding._replace(
            what=f"no image's name can begin with {shown_name(registry)}",
            remedy=certs_d_places.renamed(certs_d, name, look),
        )
    elif (
        not any(mark in registry for mark in ".:")
        and registry.islower()
        and registry != "localhost"
    ):
        yield finding._replace(
            what=(
                f"the image name {registry}/app means {DOCKER_HUB}/{registry}/app; a"
                " host without a dot needs its port, in image names and here"
            ),
        )


def _hub_elsewhere(certs_d: str, look: LookAt) -> Iterator[Finding]:
    """Yield directories that were meant for Docker Hub.

    Faults where its own says nothing else.
    """
    hub = posixpath.join(certs_d, DOCKER_HUB)
    names = set(look(certs_d).names or ())
    for alias in sorted(DOCKER_HUB_ALIASES & names):
        path = posixpath.join(certs_d, alias)
        content = look(posixpath.join(path, HOSTS_TOML)).content
        if not content:
            continue
        seen = look(posixpath.join(hub, HOSTS_TOML))
        own = seen.content or b""
        is_stock = not seen.is_hidden and (
            not own
            or microk8s_defaults.is_stock(
                f"{_STOCK_PATH}/{DOCKER_HUB}/{HOSTS_TOML}", own
            )
        )
        copy = (
            f"sudo cp -a {quoted(path)}/. {quoted(hub)}/ && sudo rm -r {quoted(path)}"
        )
        make = f"sudo mkdir -p {quoted(hub)} && "
        yield Finding(
            Cause.WRONG_DIRECTORY,
            f"images of Docker Hub are looked up in {DOCKER_HUB}, not in {alias}",
            DOCKER_HUB,
            where=path,
            why="containerd does not read it for them",
            remedy=Remedy(make + copy if is_stock else ""),
            severity=Severity.FAULT if is_stock else Severity.NOTE,
        )
