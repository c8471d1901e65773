"""The only module that touches the node's files: small operations, each atomic or
repeatable.

Each opens the directory that it works in (see directories.py) and reaches nothing but a
name there; no link is ever followed.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import contextmanager
from typing import Iterable, Iterator, List, Optional, Tuple

from private_registry.node import bounded_reads
from private_registry.node.directories import (
    ObstacleError,
    Owner,
    Place,
    kind_of_mode,
    open_for_reading,
    opened,
)
from private_registry.node.file_values import ObservedFile

Mark = Tuple[int, int]

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700
_NOT_A_FILE = "a directory or device"
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_SYNC_ONE_BY_ONE = 16
_NOT_EMPTY_OR_NO_DIRECTORY = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)


class ChangedError(Exception):
    """What is at a place is not what was looked at before.

    Args:
        place: where.
    """

    def __init__(self, place: Place) -> None:
        super().__init__(place.absolute)
        self.place = place


def observe(place: Place) -> Optional[ObservedFile]:
    """Look at a file without following a symbolic link; None where there is none.

    What cannot be read as a file of at most 16 MiB is an obstacle.
    """
    try:
        with _at(place) as (directory, name):
            return _observed(directory, name)
    except FileNotFoundError:
        return None
    except ObstacleError as error:
        return ObservedFile(b"", 0, (0, 0), obstacle=str(error.strerror))


def _observed(directory: int, name: str) -> ObservedFile:
    status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    content, obstacle, is_link = b"", "", stat.S_ISLNK(status.st_mode)
    if is_link:
        content = os.fsencode(os.readlink(name, dir_fd=directory))
    elif not stat.S_ISREG(status.st_mode):
        obstacle = f"{_NOT_A_FILE} is where a file should be"
    else:
        try:
            status, content = bounded_reads.read(
                name, directory=directory, follow=False
            )
        except bounded_reads.UnreadableError as error:
            obstacle = f"{error.reason} is where ours should be"
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENXIO):
                raise
            # It became one at this very moment.
            obstacle = f"{_NOT_A_FILE} is where a file should be"
    owner, mode = (status.st_uid, status.st_gid), stat.S_IMODE(status.st_mode)
    return ObservedFile(content, mode, owner, _identity(status), is_link, obstacle)


def is_unchanged(place: Place, observed: ObservedFile) -> bool:
    """Whether a file is still the one that was observed."""
    status = _status(place)
    return status is not None and _identity(status) == observed.identity


def kind_of(place: Place) -> Optional[str]:
    """Name what is at a place: ``directory``, ``symbolic link``, ``file``.

    None for nothing.
    """
    try:
        status = _status(place)
    except ObstacleError:
        return None
    return None if status is None else kind_of_mode(status.st_mode)


def names_in(place: Place) -> List[str]:
    """List a directory; empty where there is none."""
    try:
        with _at(place) as (directory, name), open_for_reading(
            name, directory
        ) as descriptor:
            return os.listdir(descriptor)
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO):
            raise
        return []


def write_new(place: Place, content: bytes, mode: int, owner: Optional[Owner]) -> None:
    """Create a file, closed to others from its first byte.

    Owner None for the running user.
    """
    with _at(place) as (directory, name):
        descriptor = os.open(name, _CREATE, PRIVATE_FILE, dir_fd=directory)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            if owner is not None:
                os.fchown(stream.fileno(), *owner)
            os.fchmod(stream.fileno(), mode)


def link(source: Place, target: Place, *, exists_ok: bool = False) -> None:
    """Give a file, or a symbolic link itself, a second name on the same file system."""
    with _at(source) as (source_directory, source_name), _at(target) as (
        directory,
        name,
    ):
        try:
            os.link(
                source_name,
                name,
                src_dir_fd=source_directory,
                dst_dir_fd=directory,
                follow_symlinks=False,
            )
        except FileExistsError:
            if not exists_ok:
                raise


def link_observed(source: Place, target: Place, observed: ObservedFile) -> None:
    """Give a file that was observed a second name.

    Raises:
        ChangedError: it is another file now.
    """
    link(source, target)
    if not is_unchanged(target, observed):
        remove(target)
        raise ChangedError(source)


def rename(source: Place, target: Place) -> None:
    """Put a file in place of another one, atomically."""
    with _at(source) as (source_directory, source_name), _at(target) as (
        directory,
        name,
    ):
        os.rename(source_name, name, src_dir_fd=source_directory, dst_dir_fd=directory)


def rename_if_there(source: Place, target: Place) -> None:
    """Rename, unless an earlier run has done so."""
    if _status(source) is not None:
        rename(source, target)


def remove(place: Place) -> None:
    """Remove a file, unless it is gone."""
    if _status(place) is None:
        # A file system that is read-only would refuse even that.
        return
    try:
        with _at(place) as (directory, name):
            os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return


def mark_of(place: Place) -> Optional[Mark]:
    """Return what tells a file from another one that took its place.

    A copy of it has the same.
    """
    status = _status(place)
    return None if status is None else _mark(status)


def is_same(place: Place, other: Place) -> bool:
    """Whether two places hold names of one file."""
    one, two = _status(place), _status(other)
    return one is not None and two is not None and os.path.samestat(one, two)


def set_permissions(place: Place, mode: int, owner: Owner, mark: Mark) -> None:
    """Set mode and owner of a file.

    Raises:
        ChangedError: it is not the file that the mark was made of.
    """
    with _at(place) as (directory, name):
        status = _status_in(directory, name)
        if status is None or not stat.S_ISREG(status.st_mode) or _mark(status) != mark:
            raise ChangedError(place)
        with open_for_reading(name, directory) as descriptor:
            if _identity(os.fstat(descriptor)) != _identity(status):
                raise ChangedError(place)
            _set(descriptor, mode, owner)


def open_observed(
    place: Place, mode: int, owner: Owner, observed: ObservedFile
) -> None:
    """Give more permissions to a file that was observed.

    Raises:
        ChangedError: it is another file now, or has a second name elsewhere.
    """
    with _at(place) as (directory, name), open_for_reading(
        name, directory
    ) as descriptor:
        status = os.fstat(descriptor)
        if _identity(status) != observed.identity or status.st_nlink != 1:
            raise ChangedError(place)
        _set(descriptor, mode, owner)


def make_own_directory(place: Place) -> None:
    """Make a directory that only its owner may enter, unless it is there."""
    with _at(place) as (directory, name):
        try:
            os.mkdir(name, PRIVATE_DIRECTORY, dir_fd=directory)
        except FileExistsError:
            return


def open_own_directory(place: Place) -> int:
    """Open a directory of ours, which nobody else may enter then.

    Return its descriptor.
    """
    with _at(place) as (directory, name):
        descriptor = os.open(name, _DIRECTORY, dir_fd=directory)
        if stat.S_IMODE(os.fstat(descriptor).st_mode) & ~PRIVATE_DIRECTORY:
            os.fchmod(descriptor, PRIVATE_DIRECTORY)
        return descriptor


def is_at(place: Place, descriptor: int) -> bool:
    """Whether what was opened still is at its place."""
    status = _status(place)
    return status is not None and os.path.samestat(status, os.fstat(descriptor))


def make_directory(place: Place, mode: int, owner: Owner) -> None:
    """Make a directory with these permissions.

    One that a killed run of ours made gets them, too.

    Raises:
        ChangedError: somebody else has put something there.
    """
    make_own_directory(place)
    with _at(place) as (directory, name):
        status = _status_in(directory, name)
        if (
            status is None
            or not stat.S_ISDIR(status.st_mode)
            or status.st_uid != os.geteuid()
        ):
            raise ChangedError(place)
        with open_for_reading(name, directory) as descriptor:
            if os.fstat(descriptor).st_ino != status.st_ino:
                raise ChangedError(place)
            _set(descriptor, mode, owner)


def remove_empty_directory(place: Place) -> None:
    """Remove a directory of this user's if it is there and empty.

    What else is there stays.
    """
    try:
        with _at(place) as (directory, name):
            status = _status_in(directory, name)
            if status is None or status.st_uid != os.geteuid() or names_in(place):
                return
            os.rmdir(name, dir_fd=directory)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in _NOT_EMPTY_OR_NO_DIRECTORY:
            raise


def remove_made(place: Place) -> None:
    """Remove a file, or a directory if it is empty."""
    if kind_of(place) == "directory":
        remove_empty_directory(place)
    else:
        remove(place)


def remove_flat_directory(place: Place) -> None:
    """Remove a directory and the files in it."""
    for name in names_in(place):
        remove_made(place.below(name))
    remove_empty_directory(place)


def sync(places: Iterable[Place]) -> None:
    """Bring files or directories to the disk.

    Many of them by one sync of the whole system.
    """
    pending = list(places)
    if len(pending) > _SYNC_ONE_BY_ONE:
        os.sync()
        return
    for place in pending:
        with _at(place) as (directory, name), open_for_reading(
            name, directory
        ) as descriptor:
            os.fsync(descriptor)


def mount_of(place: Place) -> str:
    """Return what tells the mount that a directory is in from another one.

    Empty where there is no such directory. One file system may be mounted in several
    places, and from one to the other nothing can be renamed.
    """
    try:
        with _at(place) as (directory, name), open_for_reading(
            name, directory
        ) as descriptor:
            about = bounded_reads.read_of_process(f"/proc/self/fdinfo/{descriptor}")
    except OSError:
        return ""
    lines = (line.partition(b":") for line in about.splitlines())
    return next((n.strip().decode() for key, _, n in lines if key == b"mnt_id"), "")


@contextmanager
def _at(place: Place) -> Iterator[Tuple[int, str]]:
    """Open the directory that a place is in.

    Yields its descriptor and the name there.
    """
    try:
        with opened(place.directory) as directory:
            yield directory, place.name or "."
    except OSError as error:
        if not os.path.isabs(str(error.filename)):
            error.filename = place.absolute
        raise


def _status(place: Place) -> Optional[os.stat_result]:
    try:
        with _at(place) as (directory, name):
            return _status_in(directory, name)
    except FileNotFoundError:
        return None


def _status_in(directory: int, name: str) -> Optional[os.stat_result]:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _identity(status: os.stat_result) -> Tuple[int, ...]:
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def _mark(status: os.stat_result) -> Mark:
    return (status.st_size, status.st_mtime_ns)


def _set(descriptor: int, mode: int, owner: Owner) -> None:
    status = os.fstat(descriptor)
    if (status.st_uid, status.st_gid) != owner:
        os.fchown(descriptor, *owner)
    os.fchmod(descriptor, mode)
