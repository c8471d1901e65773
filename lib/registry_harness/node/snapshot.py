"""What a directory tree looks like, for comparing before and after."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Entry:
    """A file, directory or symbolic link.

    Args:
        kind: ``file``, ``directory`` or ``link``.
        content: digest of a file, target of a link, empty for a directory.
        mode: permission bits.
        owner: user and group number.
    """

    kind: str
    content: str
    mode: int
    owner: tuple[int, int]


Snapshot = Mapping[str, Entry]


def snapshot(root: Path, leave_out: frozenset[str] = frozenset()) -> Snapshot:
    """Look at everything below a directory.

    Args:
        root: the directory.
        leave_out: relative paths that do not count, with all below them.
    """
    entries: dict[str, Entry] = {}
    pending = [root]
    while pending:
        for item in os.scandir(pending.pop()):
            relative = os.path.relpath(item.path, root)
            if relative in leave_out:
                continue
            entries[relative] = _entry(item)
            if item.is_dir(follow_symlinks=False):
                pending.append(Path(item.path))
    return dict(sorted(entries.items()))


def difference(before: Snapshot, after: Snapshot) -> list[str]:
    """Say in lines how two snapshots differ; empty where they do not."""
    lines = []
    for path in sorted(before.keys() | after.keys()):
        if path not in after:
            lines.append(f"gone: {path}")
        elif path not in before:
            lines.append(f"new: {path}")
        elif before[path] != after[path]:
            lines.append(f"changed: {path}: {before[path]} -> {after[path]}")
    return lines


def _entry(item: os.DirEntry[str]) -> Entry:
    status = item.stat(follow_symlinks=False)
    if item.is_symlink():
        kind, content = "link", str(Path(item.path).readlink())
    elif item.is_dir():
        kind, content = "directory", ""
    else:
        kind, content = "file", hashlib.sha256(Path(item.path).read_bytes()).hexdigest()
    return Entry(
        kind, content, stat.S_IMODE(status.st_mode), (status.st_uid, status.st_gid)
    )
