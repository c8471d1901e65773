"""The only module that touches the node's files: small operations, each atomic or repeatable."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from contextlib import contextmanager
from typing import Callable, Iterable, Iterator, List, Optional, Tuple

from private_registry.core.plan import ObservedFile

Owner = Tuple[int, int]

PRIVATE_FILE = 0o600
PRIVATE_DIRECTORY = 0o700
_SYNC_ONE_BY_ONE = 16


class NotAFileError(Exception):
    """A directory, device or socket is where a file was expected."""


@contextmanager
def locked(directory: str, on_wait: Callable[[], None]) -> Iterator[None]:
    """Keep all other runs out; ``on_wait`` is called once if another one must end first.

    The lock is on the directory itself, so no lock file is left behind.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


@contextmanager
def locked_at_once(directory: str) -> Iterator[bool]:
    """Keep all other runs out where none is at work; yields whether that is so."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def observe(absolute: str) -> Optional[ObservedFile]:
    """Look at a file without following a symbolic link; None where there is none.

    Raises:
        NotAFileError: something else is there.
    """
    try:
        status = os.lstat(absolute)
    except (FileNotFoundError, NotADirectoryError):
        return None
    is_link = stat.S_ISLNK(status.st_mode)
    if not is_link and not stat.S_ISREG(status.st_mode):
        raise NotAFileError(absolute)
    return ObservedFile(
        content=os.readlink(absolute).encode() if is_link else _read(absolute),
        mode=stat.S_IMODE(status.st_mode),
        owner=(status.st_uid, status.st_gid),
        identity=_identity(status),
        is_link=is_link,
    )


def is_unchanged(absolute: str, observed: ObservedFile) -> bool:
    """Whether a file is still the one that was observed."""
    try:
        return _identity(os.lstat(absolute)) == observed.identity
    except FileNotFoundError:
        return False


def kind_of(absolute: str) -> Optional[str]:
    """Name what is at a path: ``directory``, ``symbolic link``, ``file``; None for nothing."""
    try:
        mode = os.lstat(absolute).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISDIR(mode):
        return "directory"
    return "symbolic link" if stat.S_ISLNK(mode) else "file"


def names_in(directory: str) -> List[str]:
    """List a directory; empty where there is none."""
    try:
        return os.listdir(directory)
    except (FileNotFoundError, NotADirectoryError):
        return []


def write_new(absolute: str, content: bytes, mode: int, owner: Optional[Owner]) -> None:
    """Create a file, closed to others from its first byte; owner None for the running user."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(absolute, flags, PRIVATE_FILE), "wb") as stream:
        stream.write(content)
        if owner is not None:
            os.fchown(stream.fileno(), *owner)
        os.fchmod(stream.fileno(), mode)


def link(source: str, target: str, *, exists_ok: bool = False) -> None:
    """Give a file, or a symbolic link itself, a second name on the same file system."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        if not exists_ok:
            raise


def rename(source: str, target: str) -> None:
    """Put a file in place of another one, atomically."""
    os.rename(source, target)


def rename_if_there(source: str, target: str) -> None:
    """Rename, unless an earlier run has done so."""
    if os.path.lexists(source):
        rename(source, target)


def remove(absolute: str) -> None:
    """Remove a file, unless it is gone."""
    try:
        os.unlink(absolute)
    except FileNotFoundError:
        return


def set_permissions(absolute: str, mode: int, owner: Owner) -> None:
    """Set mode and owner of a file or directory."""
    status = os.lstat(absolute)
    if (status.st_uid, status.st_gid) != owner:
        os.chown(absolute, *owner, follow_symlinks=False)
    os.chmod(absolute, mode)


def close_to_others(absolute: str) -> None:
    """Take away what a file lets everybody do; a link is not followed, and no file is fine."""
    try:
        descriptor = os.open(absolute, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ELOOP):
            return
        raise
    try:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        if mode & stat.S_IRWXO:
            os.fchmod(descriptor, mode & ~stat.S_IRWXO)
    finally:
        os.close(descriptor)


def make_directory(absolute: str) -> None:
    """Make a directory that only its owner may enter, unless it is there."""
    try:
        os.mkdir(absolute, PRIVATE_DIRECTORY)
    except FileExistsError:
        return


def remove_empty_directory(absolute: str) -> None:
    """Remove a directory if it is there and empty."""
    try:
        os.rmdir(absolute)
    except FileNotFoundError:
        return
    except OSError:
        if not os.listdir(absolute):
            raise


def remove_made(absolute: str) -> None:
    """Remove a file, or a directory if it is empty."""
    if kind_of(absolute) == "directory":
        remove_empty_directory(absolute)
    else:
        remove(absolute)


def remove_flat_directory(absolute: str) -> None:
    """Remove a directory and the files in it."""
    for name in os.listdir(absolute):
        remove(os.path.join(absolute, name))
    os.rmdir(absolute)


def sync(paths: Iterable[str]) -> None:
    """Bring files or directories to the disk; many of them by one sync of the whole system."""
    pending = list(paths)
    if len(pending) > _SYNC_ONE_BY_ONE:
        os.sync()
        return
    for path in pending:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _identity(status: os.stat_result) -> Tuple[int, ...]:
    return (status.st_ino, status.st_size, status.st_mtime_ns)


def _read(absolute: str) -> bytes:
    with open(absolute, "rb") as stream:
        return stream.read()
