"""Values of the node: files by root and path, as they are and as they should be."""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import Any, Mapping, Optional, Tuple

from private_registry.named_tuple import NamedTuple

SECRET_MODE = 0o600
# What may be let in at most; a directory of somebody's may let in fewer.
_FILE_MODE = 0o644
_DIRECTORY_MODE = 0o755
# Mode, user and group as they were found.
Found = Tuple[int, Tuple[int, int]]


class Root(Enum):
    """The directories that all is below.

    The kubelet's lies in SNAP_COMMON and may be a mount of its own, which no file can
    be renamed into from outside; it is not there before the kubelet's first start. The
    last two only where a Docker engine is configured.
    """

    DATA = "SNAP_DATA"
    COMMON = "SNAP_COMMON"
    KUBELET = "KUBELET"
    DOCKER = "DOCKER"
    DOCKER_CERTS = "DOCKER_CERTS"


class NodePath(NamedTuple):
    """A file on the node, by root and path relative to it."""

    root: Root
    path: str

    @property
    def directory(self) -> NodePath:
        """The directory the file is in."""
        return NodePath(self.root, self.path.rpartition("/")[0])

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]


class WantedFile(NamedTuple):
    """A file as it should be.

    Args:
        content: bytes of the file.
        mode: permission bits.
        secret: never shown in a diff.
        document: what the content must parse to, for TOML.
        owner: user and group number; None for those of all our files.
    """

    content: bytes
    mode: int
    secret: bool = False
    document: Optional[Mapping[str, Any]] = None
    owner: Optional[Tuple[int, int]] = None


class ObservedFile(NamedTuple):
    """A file as it is; a symbolic link is never followed, its content is where it
    points.

    Args:
        content: bytes of the file.
        mode: permission bits.
        owner: user and group number.
        identity: changes when somebody replaces or edits the file.
        is_link: a symbolic link.
        obstacle: what is there in place of a file that can be read, as a sentence; then
            only the permissions and identity are known, and not always these.
    """

    content: bytes
    mode: int
    owner: Tuple[int, int]
    identity: Tuple[int, ...] = ()
    is_link: bool = False
    obstacle: str = ""

    @property
    def digest(self) -> str:
        """What ledger entries are compared with.

        A link or obstacle never equals a file.
        """
        if self.obstacle:
            return "obstacle"
        return "link" if self.is_link else sha256(self.content)


class DockerPlace(NamedTuple):
    """Where one of a Docker engine's files or directories is, and whose it is.

    Args:
        root: absolute path of a directory that was there before us: what we make is
            below it.
        path: the way from there.
        owner: user and group number of who owns that directory, and what we make below
            it.
        mode: its permission bits, which what we make below it does not go beyond.
    """

    root: str
    path: str
    owner: Tuple[int, int] = (0, 0)
    mode: int = 0o755

    @property
    def absolute(self) -> str:
        """Absolute path."""
        return f"{self.root.rstrip('/')}/{self.path}"

    @staticmethod
    def from_plain(plain: Any) -> DockerPlace:
        """Take what JSON made of it.

        Raise ValueError or TypeError where it cannot be.
        """
        root, path, (uid, gid), mode = plain
        if not root.startswith("/"):
            raise ValueError("a path that cannot be")
        return DockerPlace(root, checked_path(path), (int(uid), int(gid)), int(mode))


class DockerPlaces(NamedTuple):
    """Where a Docker engine keeps its configuration.

    Args:
        config: daemon.json.
        certs_d: the directory with a folder for each host.
    """

    config: DockerPlace
    certs_d: DockerPlace

    @staticmethod
    def from_plain(plain: Any) -> DockerPlaces:
        """Take what JSON made of it.

        Raise ValueError or TypeError where it cannot be.
        """
        config, certs_d = plain
        return DockerPlaces(
            DockerPlace.from_plain(config), DockerPlace.from_plain(certs_d)
        )


def sha256(content: bytes) -> str:
    """Return the hex digest that entries are compared by."""
    return hashlib.sha256(content).hexdigest()


def checked_path(plain: Any) -> str:
    """Take a path below a root from a record.

    Raise ValueError where it would lead elsewhere.
    """
    parts = plain.split("/")
    if "\0" in plain or any(part in ("", ".", "..") for part in parts):
        raise ValueError("a path that cannot be")
    return "/".join(parts)


# Mode, user and group as they were found.


def directory_mode(place: DockerPlace) -> int:
    """Return the permission bits of directories that are made there."""
    return _DIRECTORY_MODE & place.mode | 0o700


def file_mode(place: DockerPlace) -> int:
    """Return the permission bits of what is no secret, for whoever may enter the
    directory.
    """
    return _FILE_MODE & place.mode | SECRET_MODE
