"""What a containerd version understands."""

from __future__ import annotations

import re
from typing import List, NamedTuple, Optional, Tuple

from private_registry.registries.model import Registry

Version = Tuple[int, int, int]


class Need(NamedTuple):
    """Something that only a newer containerd reads.

    Args:
        since: first containerd version that reads it.
        what: for the error message.
    """

    since: Version
    what: str


def parse_version(output: str) -> Optional[Version]:
    """Read the output of ``containerd --version``; None where no version is in it."""
    match = re.search(r"\bv?([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})", output, re.ASCII)
    return (int(match[1]), int(match[2]), int(match[3])) if match else None


def dotted(version: Version) -> str:
    """Write a version for people."""
    return ".".join(str(part) for part in version)


def needs_of(registry: Registry, *, is_legacy: bool = False) -> List[Need]:
    """List what a containerd must be able to read to serve this registry as asked.

    Sources: ``registry.configs`` since 1.3.0 (pkg/config/config.go of cri), to go with
    2.7 (2.4.2's pkg/deprecation; a node's containerd is asked), override_path since
    1.6.0 (remotes/docker/config/hosts.go), ``_default`` since 1.6.17 (config_unix.go),
    IPv6 in image references since 1.7.0, ``]`` in a table's name since 2.0 (go-toml
    v2).

    Args:
        registry: what is asked.
        is_legacy: the node has no config_path, and so no hosts.toml.
    """
    endpoints = [mirror.endpoint for mirror in registry.mirrors]
    with_credentials = [
        mirror.endpoint for mirror in registry.mirrors if mirror.credentials
    ]
    if registry.credentials is not None:
        with_credentials.append(registry.upstream)
    needs = []
    if with_credentials:
        needs.append(Need((1, 3, 0), "credentials (registry.configs)"))
    if not is_legacy and any(each.needs_override_path for each in endpoints):
        needs.append(Need((1, 6, 0), "a mirror with a path (override_path)"))
    if not is_legacy and registry.name.is_every_registry:
        needs.append(Need((1, 6, 17), "a mirror for every registry (_default)"))
    if registry.name.is_ipv6:
        needs.append(Need((1, 7, 0), "an IPv6 address in an image name"))
    if any(each.is_ipv6 for each in with_credentials):
        needs.append(Need((2, 0, 0), "credentials for an IPv6 address"))
    if any(each.is_ipv6 for each in endpoints) or (is_legacy and registry.name.is_ipv6):
        needs.append(Need((2, 0, 0), "a mirror with an IPv6 address"))
    return needs
