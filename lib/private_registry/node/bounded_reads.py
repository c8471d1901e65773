"""Reading: regular files only, and never more than 16 MiB, whoever put what there.

A pipe would be waited for, a device may have no end, and a file of the kernel
(/proc/kmsg) says that it is empty and holds whoever reads it.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import Optional, Tuple

MOST_BYTES = 16 * 1024 * 1024
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
# To open a device, or a pipe that somebody waits at, does something already; this does
# not.
_LOOK = os.O_PATH | os.O_CLOEXEC
_GIVEN_SECONDS = 10


class UnreadableError(Exception):
    """What is there is not read.

    Args:
        reason: why, such as ``a directory or device``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def read(
    path: str, *, directory: Optional[int] = None, follow: bool = True
) -> Tuple[os.stat_result, bytes]:
    """Read a regular file; return what is known of it, and its content.

    Args:
        path: of the file.
        directory: descriptor of the directory that the path is below; None for this
            process's own.
        follow: whether the path may be a symbolic link.

    Raises:
        UnreadableError: it is something else, or larger than 16 MiB.
        OSError: it cannot be opened or read.
    """
    flags = _LOOK if follow else _LOOK | os.O_NOFOLLOW
    seen = os.open(path, flags, dir_fd=directory)
    try:
        kind = os.fstat(seen).st_mode
        if stat.S_ISLNK(kind):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        if not stat.S_ISREG(kind):
            raise UnreadableError("a directory or device")
        # The very file that was looked at, whatever has its name by now.
        descriptor = _opened(seen, path)
    finally:
        os.close(seen)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise UnreadableError("a directory or device")
        if status.st_size > MOST_BYTES:
            raise UnreadableError("a file of more than 16 MiB")
        return status, _bytes(descriptor, status.st_size)
    finally:
        os.close(descriptor)


def _opened(seen: int, path: str) -> int:
    try:
        return os.open(f"/proc/self/fd/{seen}", _OPEN)
    except OSError as error:
        error.filename = path
        raise


def read_of_process(path: str) -> bytes:
    """Read what the kernel says of a process, at most 16 MiB.

    Such files have no size.
    """
    descriptor = os.open(path, _OPEN)
    try:
        return _bytes(descriptor, MOST_BYTES)
    finally:
        os.close(descriptor)


def read_given(path: str) -> bytes:
    """Read a file that the command line names, which may be a pipe: ``<(pass show
    corp)``.

    Raises:
        UnreadableError: it is neither, larger than 16 MiB, or nothing comes for 10
        seconds. OSError: it cannot be opened or read.
    """
    seen = os.open(path, _LOOK)
    try:
        is_pipe = stat.S_ISFIFO(os.fstat(seen).st_mode)
        descriptor = _opened(seen, path) if is_pipe else None
    finally:
        os.close(seen)
    if descriptor is None:
        return read(path)[1]
    try:
        return _piped(descriptor)
    finally:
        os.close(descriptor)


def _piped(descriptor: int) -> bytes:
    import select  # noqa: PLC0415 - rarely needed

    waiting = select.poll()
    waiting.register(descriptor, select.POLLIN)
    content = b""
    while len(content) <= MOST_BYTES:
        if not waiting.poll(_GIVEN_SECONDS * 1000):
            raise UnreadableError(
                f"a pipe from which nothing comes for {_GIVEN_SECONDS} seconds"
            )
        part = os.read(descriptor, MOST_BYTES)
        if not part:
            return content
        content += part
    raise UnreadableError("more than 16 MiB")


def _bytes(descriptor: int, count: int) -> bytes:
    parts = []
    while count:
        part = os.read(descriptor, count)
        if not part:
            break
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
