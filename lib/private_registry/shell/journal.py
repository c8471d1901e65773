"""The journal of a transaction: what is needed to finish or undo it, as values and as JSON."""

from __future__ import annotations

import json
from typing import Any, List, Mapping, NamedTuple, Optional, Sequence

from private_registry.core import json_text
from private_registry.core.ledger import DockerPlaces
from private_registry.shell.files import Owner


class Permissions(NamedTuple):
    """Mode and owner of a file or directory."""

    mode: int
    owner: Owner

    @staticmethod
    def from_plain(plain: Any) -> Permissions:
        """Take what JSON made of it."""
        mode, (uid, gid) = plain
        return Permissions(mode, (uid, gid))


class Step(NamedTuple):
    """One rename, removal or change of permissions; paths are relative to the root.

    Args:
        root: value of the Root that everything is below.
        path: the file.
        staged: what is renamed to it; None for a removal or a change of permissions.
        before: second name of the file as it was; None where there was none.
        permissions: for a change of permissions, the new ones.
        old_permissions: for a change of permissions, the old ones.
    """

    root: str
    path: str
    staged: Optional[str] = None
    before: Optional[str] = None
    permissions: Optional[Permissions] = None
    old_permissions: Optional[Permissions] = None

    @staticmethod
    def from_plain(plain: Any) -> Step:
        """Take what JSON made of it."""
        root, path, staged, before, *permissions = plain
        new, old = (each and Permissions.from_plain(each) for each in permissions)
        return Step(root, path, staged, before, new, old)


class Directory(NamedTuple):
    """A directory to make, with these permissions, or to remove."""

    root: str
    path: str
    permissions: Permissions

    @staticmethod
    def from_plain(plain: Any) -> Directory:
        """Take what JSON made of it."""
        root, path, permissions = plain
        return Directory(root, path, Permissions.from_plain(permissions))


class Journal(NamedTuple):
    """All that is needed to finish or undo a run.

    Args:
        staging: path of the staging directory below each root that it is about.
        steps: in order.
        new_directories: in the order to make them.
        spent_directories: in the order to remove them.
        restart: containerd has to take it, too, before the run is over.
        docker: where the Docker engine is that the run is about.
        reload: the texts of that engine's daemon.json that it has to take, by the key of their
            list; None where it has to take nothing.
    """

    staging: str
    new_directories: List[Directory]
    spent_directories: List[Directory]
    steps: List[Step]
    restart: bool = False
    docker: Optional[DockerPlaces] = None
    reload: Optional[Mapping[str, Sequence[str]]] = None

    def to_json(self) -> bytes:
        """Write it."""
        return json.dumps(self).encode()

    @staticmethod
    def from_json(content: bytes) -> Journal:
        """Read what to_json wrote."""
        staging, new, spent, steps, restart, docker, reload = json_text.loads(content)
        return Journal(
            staging,
            [Directory.from_plain(each) for each in new],
            [Directory.from_plain(each) for each in spent],
            [Step.from_plain(each) for each in steps],
            restart,
            docker and DockerPlaces.from_plain(docker),
            reload,
        )
