"""Places in certs.d that nothing is read from: what was meant by them, and where it
belongs.
"""

from __future__ import annotations

import posixpath
import re
from typing import Iterator, List

from private_registry.check.causes import TRUST, Cause
from private_registry.check.findings import Finding, Remedy, Severity
from private_registry.check.reading import directories
from private_registry.check.reading.reading import LookAt
from private_registry.containerd.hosts_toml import HOSTS_TOML
from private_registry.texts.showing import quoted, shown_name

_SCHEMES = ("http:", "https:")
_WITH_PORT = re.compile(r"(?P<host>.+[^_])_(?P<port>[0-9]{1,5})")
_READ, _MEANT = (".crt", ".cert", ".key"), (".pem", ".cer", ".der", ".ca-bundle")
_CERTIFICATE, _KEY = b"-----BEGIN CERTIFICATE-----", b"PRIVATE KEY-----"
_DEPTH = 3


def renamed(certs_d: str, name: str, look: LookAt) -> Remedy:
    """Return what gives a directory the name of the registry that it is meant for.

    None where that is not known, or has a directory.

    Args:
        certs_d: the tree.
        name: of the directory, that no image's name can begin with.
        look: looks at a path.
    """
    old = posixpath.join(certs_d, name)
    if name not in _SCHEMES:
        right = _right_name(name)
        new = posixpath.join(certs_d, right)
        is_free = bool(right) and look(new).problem == "missing"
        return Remedy(f"sudo mv {quoted(old)} {quoted(new)}" if is_free else "")
    inner = look(old).names or ()
    moves: List[str] = []
    for each in inner:
        new = posixpath.join(certs_d, each)
        if not _is_registry(each) or look(new).problem != "missing":
            return Remedy()
        moves.append(f"sudo mv {quoted(posixpath.join(old, each))} {quoted(new)}")
    return Remedy(" && ".join((*moves, f"sudo rmdir {quoted(old)}")))


def _right_name(name: str) -> str:
    match = _WITH_PORT.fullmatch(name)
    right = f"{match['host']}:{match['port']}" if match else ""
    return right if directories.can_be_named(right) else ""


def _is_registry(name: str) -> bool:
    is_host = any(mark in name for mark in ".:") or name == "localhost"
    return is_host and directories.can_be_named(name)


def stray_file(certs_d: str, name: str, look: LookAt) -> Iterator[Finding]:
    """Yield what is wrong with a file that stands in no directory.

    Args:
        certs_d: the tree.
        name: of the file.
        look: looks at a path.
    """
    path = posixpath.join(certs_d, name)
    if not name.endswith(".toml"):
        return
    stem = name[: -len(".toml")]
    registry = _right_name(stem) or (stem if _is_registry(stem) else "")
    finding = Finding(
        Cause.WRONG_DIRECTORY,
        f"{HOSTS_TOML} must stand in a directory named as the registry",
        where=path,
        why="containerd does not read it",
    )
    if name == HOSTS_TOML:
        yield finding
        return
    new = posixpath.join(certs_d, registry)
    is_free = bool(registry) and look(new).problem == "missing"
    moves = (
        f"sudo mkdir {quoted(new)} && sudo mv {quoted(path)}"
        f" {quoted(posixpath.join(new, HOSTS_TOML))}"
    )
    yield finding._replace(
        what=f"{shown_name(name)} is in no directory of certs.d: a registry's file is"
        f" {shown_name(registry) or 'HOST:PORT'}/{HOSTS_TOML}",
        registry=registry,
        remedy=Remedy(moves if is_free else ""),
    )


def below(registry: str, path: str, look: LookAt) -> Iterator[Finding]:
    """Yield files that stand deeper than a registry's directory.

    Args:
        registry: whose directory it is.
        path: of the directory.
        look: looks at a path.
    """
    names = look(path).names or ()
    if HOSTS_TOML in names or not _is_registry(registry):
        return
    found = list(_deeper(path, look, _DEPTH))
    if not found:
        return
    inner = posixpath.dirname(found[0])
    files = look(inner).names or ()
    is_alone = len(found) == 1 and not set(files) & set(names)
    is_flat = all(look(posixpath.join(inner, each)).names is None for each in files)
    moves = [
        f"sudo mv {quoted(posixpath.join(inner, each))}"
        f" {quoted(posixpath.join(path, each))}"
        for each in sorted(files)
    ]
    name = shown_name(posixpath.relpath(inner, posixpath.dirname(path)))
    yield Finding(
        Cause.WRONG_DIRECTORY,
        f"{name} is the name of no registry: a directory is named HOST:PORT, without a"
        " path",
        registry,
        where=inner,
        why="containerd never reads it; what it says can hold for all images of the"
        " registry only",
        remedy=Remedy(" && ".join(moves) if is_alone and is_flat else ""),
    )


def _deeper(path: str, look: LookAt, depth: int) -> Iterator[str]:
    for name in sorted(look(path).names or ()):
        inner = posixpath.join(path, name)
        names = look(inner).names
        if names is None or directories.is_set_aside(name):
            continue
        if look(posixpath.join(inner, HOSTS_TOML)).content:
            yield posixpath.join(inner, HOSTS_TOML)
        elif depth > 1:
            yield from _deeper(inner, look, depth - 1)


def other_endings(registry: str, path: str, look: LookAt) -> Iterator[Finding]:
    """Yield certificates that are not read because of their names.

    Args:
        registry: whose directory it is.
        path: of the directory.
        look: looks at a path.
    """
    names = look(path).names or ()
    meant = [name for name in sorted(names) if name.endswith(_MEANT)]
    if HOSTS_TOML in names or not meant or any(n.endswith(_READ) for n in names):
        return
    old, new = posixpath.join(path, meant[0]), posixpath.join(path, "ca.crt")
    content = look(old).content or b""
    is_ca = len(meant) == 1 and _CERTIFICATE in content and _KEY not in content
    move = f"sudo mv {quoted(old)} {quoted(new)}"
    words = (
        "whoever put it there: a CA in PEM as ca.crt, a client certificate and its key"
        " as client.cert and client.key"
    )
    yield Finding(
        Cause.MISNAMED_FILE,
        f"containerd does not read {shown_name(meant[0])}: of certificates it takes"
        " *.crt, *.cert and *.key",
        registry,
        where=old,
        why="the registry is asked without it",
        remedy=Remedy(move) if is_ca else Remedy(owner=words),
        severity=Severity.NOTE,
        explains=TRUST,
    )
