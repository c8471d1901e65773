"""A certs.d tree that is only values, and its reading by some containerd."""

from __future__ import annotations

import posixpath
from typing import Dict, Optional, Set, Tuple

from private_registry.check.hosts_reading import read_registry
from private_registry.check.reading.reading import Look, Reading

DATA = "/data/7000"
CERTS_D = DATA + "/args/certs.d"
CERTIFICATE = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"
KEY = b"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----\n"
V1_5, V1_6, V1_7, V2_1 = (1, 5, 13), (1, 6, 28), (1, 7, 29), (2, 1, 6)
ALL = (V1_5, V1_6, V1_7, V2_1, (2, 2, 3), (2, 3, 7), (2, 4, 2))

Version = Tuple[int, int, int]


class Tree:
    """Files by path; a path that ends in a slash is an empty directory.

    Args:
        files: what is in them.
        problems: why some of them cannot be read.
    """

    def __init__(
        self, files: Dict[str, bytes], problems: Optional[Dict[str, str]] = None
    ) -> None:
        self.files = {
            posixpath.join(CERTS_D, name): content for name, content in files.items()
        }
        self._problems = {
            posixpath.join(CERTS_D, name): each
            for name, each in (problems or {}).items()
        }

    def look(self, path: str) -> Look:
        if path in self._problems:
            return Look(problem=self._problems[path])
        if path in self.files:
            return Look(content=self.files[path])
        inner = self._names(path.rstrip("/") + "/")
        return (
            Look(problem="missing")
            if inner is None
            else Look(names=tuple(sorted(inner)))
        )

    def _names(self, prefix: str) -> Optional[Set[str]]:
        below = [path[len(prefix) :] for path in self.files if path.startswith(prefix)]
        names = {rest.partition("/")[0] for rest in below}
        return names - {""} if below else None

    def read(self, registry: str, version: Optional[Version] = V2_1) -> Reading:
        return read_registry(registry, CERTS_D, self.look, version)


def read(
    text: str, version: Optional[Version] = V2_1, registry: str = "reg:5000"
) -> Reading:
    """Read a registry's hosts.toml."""
    return Tree({f"{registry}/hosts.toml": text.encode()}).read(registry, version)
