"""Keys of config.json: which images an entry counts for, as the kubelet has it.

pkg/credentialprovider/keyring.go of Kubernetes: a key is a URL, mostly without its
scheme. Ports have to be equal, a ``*`` stands for a part of one label of the host, and
a path is the beginning of a repository's name, letter by letter.
"""

from __future__ import annotations

import re
from typing import Optional

from private_registry.named_tuple import NamedTuple
from private_registry.registries.names import DOCKER_HUB

_SCHEME = re.compile(r"https?://")
_API = re.compile(r"/v[12](?=/)")
_HOST_AND_PORT = re.compile(
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(:(?P<port>[0-9]*))?", re.ASCII
)
_NOT_IN_HOSTS = re.compile(r"[\x00-\x20\x7f\"<>\\^`{|}%]")
# Counts for Docker Hub where nothing else does.
_DOCKER_HUB_INDEX = "index.docker.io"


class Key(NamedTuple):
    """What a key stands for.

    Args:
        host: in whose labels ``*`` stands for anything.
        port: empty for none.
        path: with a slash in front; empty for all of a registry.
    """

    host: str
    port: str
    path: str

    @property
    def text(self) -> str:
        """What the kubelet sorts keys by: the last ones count first."""
        return f"{self.authority}{self.path}"

    @property
    def authority(self) -> str:
        """``HOST[:PORT]``."""
        return f"{self.host}:{self.port}" if self.port else self.host

    @property
    def registry(self) -> Optional[str]:
        """The registry all of which it stands for; None where it is another thing."""
        if self.path or "*" in self.host:
            return None
        return DOCKER_HUB if self.text == _DOCKER_HUB_INDEX else self.text

    @property
    def is_last_resort(self) -> bool:
        """Whether it counts for Docker Hub where no other key does."""
        return self.text == _DOCKER_HUB_INDEX

    def matches(self, registry: str, repository: str) -> bool:
        """Whether it stands for a repository of a registry; empty for all of them."""
        wanted = parse_key(registry)
        if wanted is None or wanted.port != self.port or not self._is_readable:
            return False
        labels, wanted_labels = self.host.split("."), wanted.host.split(".")
        return (
            f"/{repository}".startswith(self.path)
            and len(labels) == len(wanted_labels)
            and all(map(_is_like, wanted_labels, labels))
        )

    @property
    def _is_readable(self) -> bool:
        """Whether its host is none that Go's patterns take for a set of letters."""
        return bool(self.port) or not self.host.startswith("[")


def parse_key(text: str) -> Optional[Key]:
    """Read a key; None where the kubelet leaves it out."""
    rest = re.split(r"[?#]", _SCHEME.sub("", text, count=1), maxsplit=1)[0]
    authority, slash, path = rest.partition("/")
    authority = authority.rpartition("@")[2]
    match = _HOST_AND_PORT.fullmatch(authority)
    if match is None or _NOT_IN_HOSTS.search(authority):
        return None
    effective = (
        _API.sub("", slash + path, count=1)
        if _API.match(slash + path)
        else (slash + path)
    )
    path = "" if effective == "/" else effective
    return Key(match["host"], match["port"] or "", path)


def _is_like(label: str, pattern: str) -> bool:
    """Whether a label is one of a pattern with ``*``; in linear time."""
    first, *rest = pattern.split("*")
    if not rest:
        return label == pattern
    *middle, last = rest
    end = len(label) - len(last)
    if end < len(first) or not (label.startswith(first) and label.endswith(last)):
        return False
    position = len(first)
    for part in middle:
        at = label.find(part, position, end)
        if at < 0:
            return False
        position = at + len(part)
    return True
