"""Trees of files: what is in them, and copies.

With plain paths, as they are compared and copied many thousand times.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Dict, Iterator, Tuple

#: Kind, content, mode, owner and group.
TreeEntry = Tuple[str, bytes, int, int, int]
Tree = Dict[str, TreeEntry]


def below(path: str) -> Iterator[str]:
    """Name a path and all that is below it."""
    if os.path.lexists(path):
        yield path
    if os.path.isdir(path) and not os.path.islink(path):
        for name in sorted(os.listdir(path)):
            yield from below(f"{path}/{name}")


def entry_of(path: str) -> TreeEntry:
    """Describe what is at a path."""
    status = os.lstat(path)
    mode, owner = stat.S_IMODE(status.st_mode), (status.st_uid, status.st_gid)
    if stat.S_ISLNK(status.st_mode):
        return ("link", os.readlink(path).encode(), mode, *owner)
    if stat.S_ISDIR(status.st_mode):
        return ("directory", b"", mode, *owner)
    if not stat.S_ISREG(status.st_mode):
        return ("device, socket or pipe", b"", mode, *owner)
    with open(path, "rb") as stream:
        return ("file", stream.read(), mode, *owner)


def copy_with_owners(source: Path, target: Path) -> None:
    """Copy a tree with modes and owners: what root writes belongs to MicroK8s'
    group.
    """
    for path in below(str(source)):
        kind, content, mode, *owner = entry_of(path)
        copy = f"{target}{path[len(str(source)):]}"
        if kind == "link":
            os.symlink(content, copy)
        elif kind == "directory":
            os.mkdir(copy)
        else:
            assert kind == "file", path
            with open(copy, "wb") as stream:
                stream.write(content)
        os.chown(copy, *owner, follow_symlinks=False)
        if kind != "link":
            os.chmod(copy, mode)
