"""Directories, opened one below the other without following a link, and used by
descriptor.

Group microk8s may write below SNAP_DATA/args, and a user in his own home: whatever
stands there can be another thing at any moment. A descriptor stays what it was opened
as, and a name is only ever looked up in a directory that is open.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager, nullcontext
from typing import Iterator, Optional, Tuple

from private_registry.named_tuple import NamedTuple

Owner = Tuple[int, int]

_OPEN = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_DIRECTORY = (errno.ENOTDIR, errno.ELOOP)
_OURSELVES = nullcontext()


class Place(NamedTuple):
    """Where a file or directory is.

    Args:
        root: absolute path of a directory that only its owner can put another one in
            place of.
        path: the way from there; empty for the root itself.
        user: user and group number of the root's owner where that is neither root nor
            this user: everything is done as that user, who then can lead us nowhere he
            could not go himself.
    """

    root: str
    path: str
    user: Optional[Owner] = None

    @property
    def absolute(self) -> str:
        """Absolute path, for people."""
        return os.path.join(self.root, self.path) if self.path else self.root

    @property
    def directory(self) -> Place:
        """The directory that it is in."""
        return Place(self.root, self.path.rpartition("/")[0], self.user)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    def below(self, name: str) -> Place:
        """Return the place of something in this directory."""
        below = f"{self.path}/{name}" if self.path else name
        return Place(self.root, below, self.user)


class ObstacleError(NotADirectoryError):
    """A link, file or device is where a directory should be.

    Args:
        kind: what it is, as ``kind_of_mode`` says it.
        absolute: its path.
    """

    def __init__(self, kind: str, absolute: str) -> None:
        what = f"a {kind} is where a directory should be"
        super().__init__(errno.ENOTDIR, what, absolute)


def kind_of_mode(mode: int) -> str:
    """Name what a file's mode says it is."""
    if stat.S_ISDIR(mode):
        return "directory"
    if stat.S_ISLNK(mode):
        return "symbolic link"
    return "file" if stat.S_ISREG(mode) else "device, socket or pipe"


@contextmanager
def opened(place: Place) -> Iterator[int]:
    """Open a directory; yields a descriptor for looking up names in it.

    Raises:
        FileNotFoundError: it, or one above it, is not there.
        ObstacleError: something else is there.
    """
    with _OURSELVES if place.user is None else acting_as(place.user):
        descriptor = os.open(place.root, _OPEN)
        try:
            names = place.path.split("/") if place.path else []
            for depth, name in enumerate(names):
                following = _open_below(descriptor, name, place, depth)
                os.close(descriptor)
                descriptor = following
            yield descriptor
        finally:
            os.close(descriptor)


@contextmanager
def open_for_reading(name: str, directory: int) -> Iterator[int]:
    """Open a file or directory by its name in an open directory.

    A link is not followed.
    """
    descriptor = os.open(name, _READ, dir_fd=directory)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def acting_as(user: Optional[Owner]) -> Iterator[None]:
    """Have this process's rights be those of a user.

    None, or where it is not root, for its own.
    """
    if user is None or os.geteuid() != 0:
        yield
        return
    groups, group = os.getgroups(), os.getegid()
    try:
        os.setgroups([user[1]])
        os.setegid(user[1])
        os.seteuid(user[0])
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def _open_below(descriptor: int, name: str, place: Place, depth: int) -> int:
    """Open the next directory on the way to a place, so many below its root."""
    if name in ("", ".", ".."):
        raise ValueError(place.path)
    try:
        return os.open(name, _OPEN | os.O_NOFOLLOW, dir_fd=descriptor)
    except OSError as error:
        way = place.path.split("/")[: depth + 1]
        error.filename = os.path.join(place.root, *way)
        if error.errno in _NO_DIRECTORY:
            mode = os.lstat(name, dir_fd=descriptor).st_mode
            raise ObstacleError(kind_of_mode(mode), error.filename) from error
        raise
