"""What a node's files and our own records say; looks only, changes nothing."""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterable, List, Optional, Tuple

from private_registry.core import ledger as ledger_format
from private_registry.core.ledger import Ledger
from private_registry.core.plan import NodePath, ObservedFile, Root, parents_of
from private_registry.errors import ConflictError
from private_registry.shell import files
from private_registry.shell.node import STATE_DIRECTORY, Node

_LEDGERS = {
    Root.DATA: NodePath(Root.DATA, STATE_DIRECTORY + "/ledger.json"),
    Root.COMMON: NodePath(Root.COMMON, STATE_DIRECTORY + "/ledger.json"),
    # Docker's own directories belong to no revision of the snap, and stay tidy.
    Root.DOCKER: NodePath(Root.COMMON, STATE_DIRECTORY + "/docker-ledger.json"),
    Root.DOCKER_CERTS: NodePath(Root.COMMON, STATE_DIRECTORY + "/docker-certs-ledger.json"),
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
    return Ledger() if content is None else ledger_format.from_json(content, node.shown(path))


def ledgers(node: Node) -> Dict[Root, Ledger]:
    """Read what this addon wrote."""
    return {root: ledger(node, root) for root in node.roots}


def ledger_path(root: Root) -> NodePath:
    """Return where the ledger for one root is."""
    return _LEDGERS[root]


def originals_of(root: Root) -> NodePath:
    """Return the directory of a root's originals; two of Docker's roots may be one directory."""
    name = "certs-originals" if root is Root.DOCKER_CERTS else "originals"
    return NodePath(root, f"{STATE_DIRECTORY}/{name}")


def with_docker(node: Node) -> Node:
    """Return the node with the places of the Docker engine that files of ours are in, if any."""
    return node._replace(docker=ledger(node, Root.DOCKER).places)


def original(node: Node, root: Root, name: str) -> Optional[ObservedFile]:
    """Return an original that is kept for giving back."""
    return observe_file(node, NodePath(root, f"{originals_of(root).path}/{name}"))


def observe(
    node: Node, paths: Iterable[NodePath]
) -> Tuple[Dict[NodePath, ObservedFile], FrozenSet[NodePath]]:
    """Look at files.

    Returns:
        The files that exist, and those of the directories above all paths that exist.

    Raises:
        ConflictError: something that is not a file, or a symbolic link to a directory, is in the
            way.
    """
    wanted = list(paths)
    above = {NodePath(path.root, parent) for path in wanted for parent in parents_of(path.path)}
    directories = frozenset(each for each in above if _is_directory(node, each))
    candidates = [path for path in wanted if path.directory in directories]
    observed = ((path, observe_file(node, path)) for path in candidates)
    return {path: file for path, file in observed if file is not None}, directories


def names_in(node: Node, path: NodePath) -> List[str]:
    """List a directory; empty where there is none."""
    return files.names_in(node.absolute(path))


def exists(node: Node, path: NodePath) -> bool:
    """Whether anything is there."""
    return files.kind_of(node.absolute(path)) is not None


def observe_file(node: Node, path: NodePath) -> Optional[ObservedFile]:
    """Look at one file; None where there is none.

    Raises:
        ConflictError: something that is not a file is in the way.
    """
    try:
        return files.observe(node.absolute(path))
    except files.NotAFileError as error:
        raise _in_the_way(node, path, "a directory or device is where a file should be") from error


def _is_directory(node: Node, path: NodePath) -> bool:
    kind = files.kind_of(node.absolute(path))
    if kind in (None, "directory"):
        return kind is not None
    raise _in_the_way(node, path, f"a {kind} is where a directory should be")


def _in_the_way(node: Node, path: NodePath, what: str) -> ConflictError:
    shown = node.shown(path)
    return ConflictError(what, place=shown, remedy=f"move it away: sudo mv '{shown}' '{shown}.old'")
