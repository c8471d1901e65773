"""The journal of a transaction: what is needed to finish or undo it, as values and
as JSON.
"""

from __future__ import annotations

import json
from enum import Enum
from typing import Any, Dict, List, Mapping, Optional, Sequence

from private_registry.named_tuple import NamedTuple
from private_registry.node.directories import Owner
from private_registry.node.file_values import DockerPlaces, Root, checked_path
from private_registry.node.files import Mark
from private_registry.texts import json_text
from private_registry.transaction.ledger import unusable
from private_registry.transaction.permissions import InPlace

FORMAT_VERSION = 1
_WHAT = "the record of an earlier run, which was killed,"


class Permissions(NamedTuple):
    """Mode and owner of a file or directory."""

    mode: int
    owner: Owner

    @staticmethod
    def from_plain(plain: Any) -> Permissions:
        """Take what JSON made of it."""
        mode, (uid, gid) = plain
        return Permissions(int(mode), (int(uid), int(gid)))


class Step(NamedTuple):
    """One rename, removal or change of permissions; paths are relative to the root.

    Args:
        root: value of the Root that everything is below.
        path: the file.
        staged: what is renamed to it; None for a removal or a change of permissions.
        before: second name of the file as it was; None where there was none.
        permissions: for a change of permissions, the new ones.
        old_permissions: for a change of permissions, the old ones.
        mark: tells the file as it was from another one; None where there was none.
        new_mark: tells the file that is staged from another one; None where none is.
        in_place: for a change of permissions of what containerd's start writes in
            place, which.
    """

    root: str
    path: str
    staged: Optional[str] = None
    before: Optional[str] = None
    permissions: Optional[Permissions] = None
    old_permissions: Optional[Permissions] = None
    mark: Optional[Mark] = None
    new_mark: Optional[Mark] = None
    in_place: Optional[InPlace] = None

    @staticmethod
    def from_plain(plain: Mapping[str, Any]) -> Step:
        """Take what JSON made of it."""
        staged, before = (
            checked_path(plain[key]) if key in plain else None
            for key in ("staged", "before")
        )
        new, old = (
            Permissions.from_plain(plain[key]) if key in plain else None
            for key in ("permissions", "old_permissions")
        )
        mark, new_mark = _mark(plain.get("mark")), _mark(plain.get("new_mark"))
        if (staged is None) != (new_mark is None):
            raise ValueError("a step without the mark of what it writes")
        in_place = InPlace(plain["in_place"]) if "in_place" in plain else None
        root, path = Root(plain["root"]).value, checked_path(plain["path"])
        return Step(root, path, staged, before, new, old, mark, new_mark, in_place)


class JournalledDirectory(NamedTuple):
    """A directory to make, with these permissions, or to remove."""

    root: str
    path: str
    permissions: Permissions

    @staticmethod
    def from_plain(plain: Mapping[str, Any]) -> JournalledDirectory:
        """Take what JSON made of it."""
        permissions = Permissions.from_plain(plain["permissions"])
        return JournalledDirectory(
            Root(plain["root"]).value, checked_path(plain["path"]), permissions
        )


class Journal(NamedTuple):
    """All that is needed to finish or undo a run.

    Args:
        staging: path of the staging directory below each root that it is about.
        steps: in order.
        new_directories: in the order to make them.
        spent_directories: in the order to remove them.
        restart: containerd has to take it, too, before the run is over.
        docker: where the Docker engine is that the run is about.
        reload: the texts of that engine's daemon.json that it has to take, by the key
            of their list; None where it has to take nothing.
    """

    staging: str
    new_directories: List[JournalledDirectory]
    spent_directories: List[JournalledDirectory]
    steps: List[Step]
    restart: bool = False
    docker: Optional[DockerPlaces] = None
    reload: Optional[Mapping[str, Sequence[str]]] = None

    def to_json(self) -> bytes:
        """Write it."""
        plain: Dict[str, Any] = {"version": FORMAT_VERSION, **self._asdict()}
        for key in ("new_directories", "spent_directories", "steps"):
            plain[key] = [_given(each._asdict()) for each in plain[key]]
        return json.dumps(plain, separators=(",", ":")).encode()

    @staticmethod
    def from_json(content: bytes, source: str) -> Journal:
        """Read what to_json wrote.

        Args:
            content: of the file.
            source: its path, for errors.

        Raises:
            NodeError: damaged, or written by another version of this addon.
        """
        try:
            plain = json_text.loads(content)
            if plain["version"] != FORMAT_VERSION:
                raise unusable(_WHAT, source, version=plain["version"])
            return _from_plain(plain)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise unusable(_WHAT, source) from error


def _mark(plain: Any) -> Optional[Mark]:
    if plain is None:
        return None
    size, time = plain
    return int(size), int(time)


def _given(plain: Mapping[str, Any]) -> Dict[str, Any]:
    given = {key: value for key, value in plain.items() if value is not None}
    return {
        key: each.value if isinstance(each, Enum) else each
        for key, each in given.items()
    }


def _from_plain(plain: Mapping[str, Any]) -> Journal:
    docker, reload = plain["docker"], plain["reload"]
    if reload is not None:
        reload = {
            str(key): [str(each) for each in texts] for key, texts in reload.items()
        }
    return Journal(
        checked_path(plain["staging"]),
        [JournalledDirectory.from_plain(each) for each in plain["new_directories"]],
        [JournalledDirectory.from_plain(each) for each in plain["spent_directories"]],
        [Step.from_plain(each) for each in plain["steps"]],
        bool(plain["restart"]),
        None if docker is None else DockerPlaces.from_plain(docker),
        reload,
    )
