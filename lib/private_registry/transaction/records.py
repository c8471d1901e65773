"""What a node's files and our own records say; looks only, changes nothing."""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterable, List, Optional, Tuple

from private_registry.errors import ConflictError
from private_registry.node import files
from private_registry.node.file_values import NodePath, ObservedFile, Root
from private_registry.node.paths import STATE_DIRECTORY, Node
from private_registry.texts.showing import moved_aside
from private_registry.transaction import ledger as ledger_format
from private_registry.transaction.ledger import Ledger
from private_registry.transaction.plan import parents_of

_DIRECTORY = "directory"
_LEDGERS = {
    Root.DATA: NodePath(Root.DATA, STATE_DIRECTORY + "/ledger.json"),
    Root.COMMON: NodePath(Root.COMMON, STATE_DIRECTORY + "/ledger.json"),
    # Nothing of the addon's own: what is its in config.json is in that of SNAP_COMMON.
    Root.KUBELET: NodePath(Root.COMMON, STATE_DIRECTORY + "/kubelet-ledger.json"),
    # Docker's own directories belong to no revision of the snap, and stay tidy.
    Root.DOCKER: NodePath(Root.COMMON, STATE_DIRECTORY + "/docker-ledger.json"),
    Root.DOCKER_CERTS: NodePath(
        Root.COMMON, STATE_DIRECTORY + "/docker-certs-ledger.json"
    ),
}


def read(node: Node, path: NodePath) -> Optional[bytes]:
    """Return a file's content, or None where there is none."""
    observed = observe_file(node, path)
    return None if observed is None else observed.content


def ledger(node: Node, root: Root) -> Ledger:
    """Read what this addon wrote below one root.

    Raises:
        NodeError: the ledger is damaged.
    """
    path = ledger_path(root)
    content = read(node, path)
    return (
        Ledger()
        if content is None
        else ledger_format.from_json(content, node.shown(path))
    )


def ledgers(node: Node) -> Dict[Root, Ledger]:
    """Read what this addon wrote."""
    return {root: ledger(node, root) for root in node.roots}


def ledger_path(root: Root) -> NodePath:
    """Return where the ledger for one root is."""
    return _LEDGERS[root]


def originals_of(root: Root) -> NodePath:
    """Return the directory of a root's originals.

    Two of Docker's roots may be one directory.
    """
    name = "certs-originals" if root is Root.DOCKER_CERTS else "originals"
    return NodePath(root, f"{STATE_DIRECTORY}/{name}")


def with_docker(node: Node) -> Node:
    """Return the node with the places of the Docker engine that files of ours are
    in, if any.
    """
    return node._replace(docker=ledger(node, Root.DOCKER).places)


def original(node: Node, root: Root, name: str) -> Optional[ObservedFile]:
    """Return an original that is kept for giving back."""
    return observe_file(node, NodePath(root, f"{originals_of(root).path}/{name}"))


def observe(
    node: Node, paths: Iterable[NodePath]
) -> Tuple[Dict[NodePath, ObservedFile], FrozenSet[NodePath]]:
    """Look at files.

    Returns:
        What is there, obstacles included, and those of the directories above all paths
        that exist.
    """
    wanted = list(paths)
    above = {
        NodePath(path.root, parent)
        for path in wanted
        for parent in parents_of(path.path)
    }
    kinds = {each: files.kind_of(node.place(each)) for each in above}
    directories = frozenset(each for each, kind in kinds.items() if kind == _DIRECTORY)
    found: Dict[NodePath, ObservedFile] = {}
    for path in wanted:
        obstacle = next(
            (each for each in _above(path) if kinds[each] not in (None, _DIRECTORY)),
            None,
        )
        if path.directory in directories or obstacle is not None:
            seen = files.observe(node.place(path))
            if seen is not None:
                found[path] = seen
    return found, directories


def names_in(node: Node, path: NodePath) -> List[str]:
    """List a directory; empty where there is none."""
    return files.names_in(node.place(path))


def exists(node: Node, path: NodePath) -> bool:
    """Whether anything is there."""
    return files.kind_of(node.place(path)) is not None


def observe_file(node: Node, path: NodePath) -> Optional[ObservedFile]:
    """Look at one file; None where there is none.

    Raises:
        ConflictError: something that is not a file is in the way.
    """
    found = files.observe(node.place(path))
    if found is not None and found.obstacle:
        raise in_the_way(node, path, found.obstacle)
    return found


def in_the_way(node: Node, path: NodePath, obstacle: str) -> ConflictError:
    """Return the error for an obstacle, with what to do about it."""
    blocked = (
        each for each in _above(path) if files.kind_of(node.place(each)) != _DIRECTORY
    )
    shown = node.shown(next(blocked, path))
    return ConflictError(
        obstacle, place=shown, remedy=f"move it away: {moved_aside(shown)}"
    )


def _above(path: NodePath) -> List[NodePath]:
    return [NodePath(path.root, parent) for parent in parents_of(path.path)]
