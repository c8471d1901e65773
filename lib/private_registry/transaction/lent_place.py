"""A file whose place is lent to another one for a moment, and comes back whatever
happens.

A Docker engine forgets a list on a reload only while its file names that list; where
the file is to be without, another one stands in for it as long as the reload takes.
"""

from __future__ import annotations

from private_registry.node import files
from private_registry.node.directories import Place
from private_registry.node.file_values import NodePath, ObservedFile
from private_registry.node.paths import Node
from private_registry.transaction import records

_FILE = "lent-file"
_NO_FILE = "lent-nothing"
_STAND_IN = "stand-in"
_LENT = "stand-in-to-be"


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
        files.write_new(
            _place(node, path, staging, _NO_FILE), b"", files.PRIVATE_FILE, None
        )
    lent = _place(node, path, staging, _LENT)
    files.link(place, lent)
    files.rename(lent, target)


def give_back(node: Node, path: NodePath, staging: str) -> None:
    """Put the file itself back in its place, if that is lent.

    Raises:
        ChangedError: somebody has put another file there; the place stays as it is.
    """
    target, stand_in = node.place(path), _place(node, path, staging, _STAND_IN)
    kept, sign = (_place(node, path, staging, name) for name in (_FILE, _NO_FILE))
    is_lent = files.is_same(target, stand_in)
    is_changed = files.kind_of(target) is not None and not files.is_same(target, kept)
    was_lent = files.kind_of(kept) is not None or files.kind_of(sign) is not None
    if is_lent and files.kind_of(kept) is not None:
        files.rename(kept, target)
    elif is_lent:
        files.remove(target)
    for place in (kept, sign, _place(node, path, staging, _LENT), stand_in):
        files.remove(place)
    if was_lent and is_changed and not is_lent:
        raise files.ChangedError(target)


def _place(node: Node, path: NodePath, staging: str, name: str) -> Place:
    return node.place(NodePath(path.root, f"{staging}/{name}"))
