"""Releases of containerd: every number that anything depends on.

Each is the first release that has something, or a range of releases. Where a comment
names a file, it is one of containerd's.
"""

from __future__ import annotations

import re
from typing import List, Optional, Tuple

from private_registry.named_tuple import NamedTuple
from private_registry.registries.model import Registry

Version = Tuple[int, int, int]

# The registry section (cri pkg/config/config.go, registry.go).
CREDENTIALS = PATHS_OF_MIRRORS = (1, 3, 0)
PLAIN_LOCALHOST = NAMESPACE_QUERY = (1, 4, 0)
AUTHS_WITHOUT_SCHEME = (1, 4, 4)
CONFIG_PATH = (1, 5, 0)
TLS_OF_MIRRORS_GONE = (2, 0, 0)
TRANSFER_SERVICE = (2, 1, 0)
# The configuration's version 3; its older versions are all read alike since 2.3.
CRI_IN_TWO, MOVES_EVERY_VERSION = (2, 0, 0), (2, 3, 0)
# Between these mirrors beside a config_path by default end CRI (issue 12612).
DEFAULT_CONFIG_PATH = ((2, 2, 0), (2, 2, 2))

# hosts.toml (remotes/docker/config/hosts.go, config_unix.go).
OVERRIDE_PATH = (1, 6, 0)
DEFAULT_DIRECTORY = (1, 6, 17)
ROOT_ONLY = (1, 7, 32)
DIAL_TIMEOUT = (2, 0, 7)
HEADERS_AT_TOKEN_SERVER = (2, 1, 0)
REFERRERS = (2, 2, 0)
# The newest one whose rules are known here to the letter, and the newest of MicroK8s.
NEWEST, CURRENT = (2, 4, 2), (2, 2, 3)

# What a release is built with: go-toml, and the Go that its go.mod asks for.
GO_TOML_2 = (2, 0, 0)
GO_TOML_2_4 = (2, 4, 0)
# Go 1.26 takes one colon in a host (urlstrictcolons).
ONE_COLON_IN_HOST = (2, 3, 0)
IPV6_NAMES = (1, 7, 0)


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
    if registry.credentials is not None and registry.kubelet_login is None:
        with_credentials.append(registry.upstream)
    needs = []
    if with_credentials:
        needs.append(Need(CREDENTIALS, "credentials (registry.configs)"))
    if not is_legacy and any(each.needs_override_path for each in endpoints):
        needs.append(Need(OVERRIDE_PATH, "a mirror with a path (override_path)"))
    if not is_legacy and registry.name.is_every_registry:
        needs.append(Need(DEFAULT_DIRECTORY, "a mirror for every registry (_default)"))
    if registry.name.is_ipv6:
        needs.append(Need(IPV6_NAMES, "an IPv6 address in an image name"))
    if any(each.is_ipv6 for each in with_credentials):
        needs.append(Need(GO_TOML_2, "credentials for an IPv6 address"))
    if any(each.is_ipv6 for each in endpoints) or (is_legacy and registry.name.is_ipv6):
        needs.append(Need(GO_TOML_2, "a mirror with an IPv6 address"))
    return needs


def tries_https_first(version: Version) -> bool:
    """Whether ``http`` with TLS settings is tried with HTTPS (docker/resolver.go)."""
    return (1, 6, 25) <= version < (1, 7, 0) or version >= (1, 7, 7)


def is_ambiguous_at_any_port(version: Version) -> bool:
    """Whether that holds for every port, as it did in one release."""
    return version == (1, 7, 7)


def is_ambiguous_without_port(version: Version) -> bool:
    """Whether that holds for a host without a port (NewHTTPFallback's successor)."""
    return version >= (1, 7, 24)


def knows_localhost(version: Version) -> bool:
    """Whether a host of this machine is one by any of its names (MatchLocalhost)."""
    return (1, 6, 9) <= version < (1, 7, 0) or version >= (1, 7, 0)


def compares_ports(version: Version) -> bool:
    """Whether another port is another host: it was built with Go before 1.21.8."""
    return version < (1, 6, 29) or (1, 7, 0) <= version < (1, 7, 14)


def takes_time_limit_for_tls(version: Version) -> bool:
    """Whether dial_timeout counts as a TLS setting (hosts.go)."""
    return DIAL_TIMEOUT <= version < (2, 0, 12)
