"""Which directory containerd reads for a registry, and which it never reads."""

from __future__ import annotations

import posixpath
import re
from typing import List, NamedTuple, Optional, Tuple

from private_registry.core.check import edits
from private_registry.core.check.findings import Cause, Finding, Remedy, Severity
from private_registry.core.check.reading import LookAt
from private_registry.core.check.versions import Rules
from private_registry.core.containerd import Version
from private_registry.core.hosts_toml import HOSTS_TOML
from private_registry.core.names import (
    DOCKER_HUB,
    DOCKER_HUB_ALIASES,
    EVERY_REGISTRY,
    EVERY_REGISTRY_DIRECTORY,
    parse_registry_name,
)
from private_registry.errors import UsageError

_UNDERSCORED = re.compile(r"(?P<host>.+)_(?P<port>[0-9]{1,5})_")
_MISNAMED = ("host.toml", "hosts.tml", "hosts.tom", "hosts.conf", "hosts.toml.txt", "config.toml")


class Directory(NamedTuple):
    """What containerd reads for a registry.

    Args:
        path: of it; empty where there is none.
        is_file: something else than a directory stands there.
        shadowed: path of another one that it is read in place of; empty for none.
    """

    path: str = ""
    is_file: bool = False
    shadowed: str = ""


def directory_of(registry: str, certs_d: str, look: LookAt, rules: Rules) -> Directory:
    """Find the directory of a registry: the first that exists counts, even if it is empty.

    Source: containerd config_unix.go hostPaths, hosts.go HostDirFromRoot.
    """
    found = []
    for name in _candidates(registry, rules):
        path = posixpath.join(certs_d, name)
        at = look(path)
        if at.problem != "missing":
            found.append((path, at.content is not None))
    if not found:
        return Directory()
    (path, is_file), others = found[0], found[1:]
    own = [other for other, _ in others if not other.endswith(EVERY_REGISTRY_DIRECTORY)]
    return Directory(path, is_file, own[0] if own else "")


def _candidates(registry: str, rules: Rules) -> List[str]:
    if registry == EVERY_REGISTRY:
        return [EVERY_REGISTRY_DIRECTORY] if rules.has_default_directory else []
    host, colon, port = registry.rpartition(":")
    has_port = bool(colon) and port.isdigit()
    names = [f"{host}_{port}_"] if has_port else []
    names.append(registry)
    return [*names, *([EVERY_REGISTRY_DIRECTORY] if rules.has_default_directory else [])]


def registries_in(certs_d: str, look: LookAt) -> Tuple[str, ...]:
    """List the registries that a tree has directories for; ``*`` for ``_default``."""
    names = (_registry_of(each) for each in look(certs_d).names or ())
    return tuple(dict.fromkeys(each for each in names if each is not None))


def _registry_of(directory: str) -> Optional[str]:
    if directory == EVERY_REGISTRY_DIRECTORY:
        return EVERY_REGISTRY
    match = _UNDERSCORED.fullmatch(directory)
    name = f"{match['host']}:{match['port']}" if match else directory
    if name != name.lower():
        return None
    try:
        return str(parse_registry_name(name, "--registry"))
    except UsageError:
        return None


def lint_tree(certs_d: str, look: LookAt, version: Optional[Version]) -> Tuple[Finding, ...]:
    """Find directories and files that no image name leads to.

    Args:
        certs_d: the tree.
        look: looks at a path.
        version: of this node's containerd; None for a current one.
    """
    found = []
    for name in look(certs_d).names or ():
        path = posixpath.join(certs_d, name)
        finding = _never_read(name, path, certs_d, look, Rules.of(version))
        found.append(finding or _misnamed(name, path, look))
    return tuple(each for each in found if each is not None)


def _never_read(
    name: str, path: str, certs_d: str, look: LookAt, rules: Rules
) -> Optional[Finding]:
    if name in DOCKER_HUB_ALIASES:
        return _of_docker_hub(name, path, certs_d, look)
    if name == EVERY_REGISTRY_DIRECTORY and not rules.has_default_directory:
        what = "_default is read by containerd 1.6.17 and newer only"
        return Finding(Cause.FIELD_TOO_NEW, what, EVERY_REGISTRY, where=path)
    if name.endswith(":") and name[:-1] in ("http", "https"):
        what = "a directory's name is the registry's, HOST[:PORT], without http:// or https://"
        return Finding(Cause.WRONG_DIRECTORY, what, where=path, remedy=_out_of_scheme(path, look))
    lower = name.lower()
    if name != lower:
        what = f"it is read for images that spell the registry {name}, and nobody does"
        mend = edits.move(path, posixpath.join(certs_d, lower))
        registry = _registry_of(lower) or ""
        return Finding(Cause.WRONG_DIRECTORY, what, registry, where=path, remedy=mend)
    return None


def _of_docker_hub(name: str, path: str, certs_d: str, look: LookAt) -> Finding:
    target = posixpath.join(certs_d, DOCKER_HUB)
    if look(target).problem == "missing":
        mend = edits.move(path, target)
    else:
        # What MicroK8s ships there, or what somebody wrote; it is kept beside the tree.
        aside = edits.move(target, posixpath.join(posixpath.dirname(certs_d), "docker.io.old"))
        mend = aside._replace(command=f"{aside.command} && {edits.move(path, target).command}")
    what = f"images of Docker Hub are named docker.io/...; {name} is never looked up"
    return Finding(Cause.WRONG_DIRECTORY, what, DOCKER_HUB, where=path, remedy=mend)


def _out_of_scheme(path: str, look: LookAt) -> Remedy:
    inside = look(path).names or ()
    if len(inside) != 1:
        return Remedy()
    return edits.move(
        posixpath.join(path, inside[0]), posixpath.join(posixpath.dirname(path), inside[0])
    )


def _misnamed(name: str, path: str, look: LookAt) -> Optional[Finding]:
    inside = look(path).names or ()
    wrong = next((each for each in inside if each.lower() in (*_MISNAMED, HOSTS_TOML)), None)
    if wrong is None or HOSTS_TOML in inside:
        return None
    source = posixpath.join(path, wrong)
    return Finding(
        Cause.MISNAMED_FILE,
        f"{wrong} is never read; the file is called {HOSTS_TOML}",
        _registry_of(name) or "",
        where=source,
        remedy=edits.move(source, posixpath.join(path, HOSTS_TOML)),
        severity=Severity.FAULT,
    )
