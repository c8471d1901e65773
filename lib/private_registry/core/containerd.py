"""What a containerd version understands, and what its configuration says of registries."""

from __future__ import annotations

import re
from typing import Any, List, Mapping, NamedTuple, Optional, Tuple

from private_registry.core import toml
from private_registry.core.model import Registry
from private_registry.errors import NodeError

Version = Tuple[int, int, int]

_PLUGIN_PATHS = (
    ("plugins", "io.containerd.grpc.v1.cri", "registry"),
    ("plugins", "io.containerd.cri.v1.images", "registry"),
    ("plugins", "cri", "registry"),
)


class Need(NamedTuple):
    """Something that only a newer containerd reads.

    Args:
        since: first containerd version that reads it.
        what: for the error message.
    """

    since: Version
    what: str


class RegistrySection(NamedTuple):
    """The registry section of a containerd configuration.

    Args:
        config_path: directory of the hosts.toml tree, as written; None where there is none, which
            is MicroK8s 1.22 and older, or a node refreshed from there.
    """

    config_path: Optional[str]


def parse_version(output: str) -> Optional[Version]:
    """Read the output of ``containerd --version``; None where no version is in it."""
    match = re.search(r"\bv?(\d+)\.(\d+)\.(\d+)", output)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def needs_of(registry: Registry) -> List[Need]:
    """List what a containerd must be able to read to serve this registry as asked.

    Sources: override_path since 1.6.0 (remotes/docker/config/hosts.go), ``_default`` since 1.6.17
    (config_unix.go), IPv6 in image references since 1.7.0, ``]`` in a table key since 2.0
    (go-toml v2).
    """
    needs = []
    if any(mirror.endpoint.needs_override_path for mirror in registry.mirrors):
        needs.append(Need((1, 6, 0), "a mirror with a path (override_path)"))
    if registry.name.is_every_registry:
        needs.append(Need((1, 6, 17), "a mirror for every registry (_default)"))
    if registry.name.is_ipv6:
        needs.append(Need((1, 7, 0), "an IPv6 address in an image name"))
    if any(mirror.endpoint.is_ipv6 for mirror in registry.mirrors):
        needs.append(Need((2, 0, 0), "a mirror with an IPv6 address"))
    return needs


def parse_registry_section(template: str, source: str) -> RegistrySection:
    """Read the registry section of containerd-template.toml, of any file version.

    Raises:
        NodeError: not TOML.
    """
    try:
        document: Mapping[str, Any] = toml.loads(template)
    except toml.TomlSyntaxError as error:
        place = source if error.line is None else f"{source}, line {error.line}"
        raise NodeError(
            f"containerd's configuration is not TOML: {error.reason}",
            place=place,
            remedy="mend that line; containerd cannot start with it either",
        ) from error
    paths = (_at(document, path).get("config_path") for path in _PLUGIN_PATHS)
    return RegistrySection(next((path for path in paths if path), None))


def _at(document: Mapping[str, Any], path: Tuple[str, ...]) -> Mapping[str, Any]:
    table: Any = document
    for key in path:
        table = table.get(key, {}) if isinstance(table, Mapping) else {}
    return table if isinstance(table, Mapping) else {}
