"""A file whose place is lent to another one for a moment, and comes back whatever happens.

A Docker engine forgets a list on a reload only while its file names that list; where the file is to
be without, another one stands in for it as long as the reload takes.
"""

from __future__ import annotations

from private_registry.core.plan import NodePath, ObservedFile
from private_registry.shell import files, records
from private_registry.shell.directories import Place
from private_registry.shell.node import Node

_FILE = "lent-file"
_NO_FILE = "lent-nothing"
_STAND_IN = "stand-in"


def lend(node: Node, path: NodePath, staging: str, stand_in: ObservedFile) -> None:
    """Put another file in a file's place; ``give_back`` ends it.

    Args:
        node: whose file.
        path: the file; there may be none.
        staging: a directory of the running transaction below the same root.
        stand_in: content, mode and owner of the other one.
    """
    target, place = node.place(path), _place(node, path, staging, _STAND_IN)
    files.write_new(place, stand_in.content, stand_in.mode, stand_in.owner)
    if records.exists(node, path):
        files.link(target, _place(node, path, staging, _FILE))
    else:
        files.write_new(_place(node, path, staging, _NO_FILE), b"", files.PRIVATE_FILE, None)
    files.rename(place, target)


def give_back(node: Node, path: NodePath, staging: str) -> None:
    """Put the file itself back in its place, if that is lent."""
    kept = _place(node, path, staging, _FILE)
    files.rename_if_there(kept, node.place(path))
    # Where its place was not lent yet both are one file, and a rename leaves both names.
    files.remove(kept)
    sign = NodePath(path.root, f"{staging}/{_NO_FILE}")
    if records.exists(node, sign):
        files.remove(node.place(path))
        files.remove(node.place(sign))
    files.remove(_place(node, path, staging, _STAND_IN))


def _place(node: Node, path: NodePath, staging: str, name: str) -> Place:
    return node.place(NodePath(path.root, f"{staging}/{name}"))
