"""Facts of this node: what a remedy may name, as far as whoever asks may see it."""

from __future__ import annotations

from functools import partial
from typing import FrozenSet, Mapping, Optional, Tuple

from private_registry.check.files_on_node import on_node
from private_registry.check.hosts_reading import read_registry
from private_registry.check.observing import look_at
from private_registry.check.reading.directories import registries_in
from private_registry.check.reading.reading import Look
from private_registry.check.setup import NO_FACTS, Files, NodeFacts, OnNode
from private_registry.containerd.daemon import version_of
from private_registry.containerd.hosts_toml import HOSTS_TOML
from private_registry.containerd.microk8s_defaults import is_stock
from private_registry.containerd.template_file import TEMPLATE_PATH
from private_registry.errors import UsageError
from private_registry.node.file_values import NodePath, Root
from private_registry.node.paths import CERTS_D, CONTAINERD_ENVIRONMENT, STATE, Node
from private_registry.registries import registries_toml
from private_registry.registries.model import Registry


def facts_here(environment: Mapping[str, str]) -> NodeFacts:
    """Look at the node of this machine; where there is none, nothing is known.

    Args:
        environment: that snapd describes the node in.
    """
    try:
        node = Node.from_environment(environment)
        return facts_of(node) if _look(node, CERTS_D).names is not None else NO_FACTS
    # Whatever is wrong with a node, an error text can be explained.
    except Exception:  # noqa: BLE001
        return NO_FACTS


def facts_of(node: Node) -> NodeFacts:
    """Look at a node; what this user may not see is not known."""
    saved = _saved(node)
    others = frozenset() if saved is None else _handwritten(node, saved)
    return NodeFacts(
        node.has_plugin,
        saved or (),
        others,
        files_of(node),
        service_of(node),
        partial(_on_node, node),
    )


def _on_node(node: Node, registry: str) -> OnNode:
    certs_d = node.stable_certs_d or node.absolute(NodePath(Root.DATA, CERTS_D))
    version = version_of(node)
    return on_node(read_registry(registry, certs_d, look_at, version), look_at, version)


def files_of(node: Node) -> Files:
    """Return where a node's settings are, as people see it."""
    return Files(
        node.shown(TEMPLATE_PATH),
        node.shown(NodePath(Root.DATA, CONTAINERD_ENVIRONMENT)),
        node.shown(NodePath(Root.DATA, CERTS_D)),
    )


def service_of(node: Node) -> str:
    """Return the name of containerd's service."""
    return f"{node.snap_name}.daemon-containerd"


def _look(node: Node, path: str) -> Look:
    return look_at(node.absolute(NodePath(Root.DATA, path)))


def _saved(node: Node) -> Optional[Tuple[Registry, ...]]:
    """Return the saved registries; None where this user may not read them."""
    look = look_at(node.absolute(STATE))
    if look.content is None:
        return () if look.problem == "missing" else None
    try:
        text = look.content.decode()
        state = registries_toml.from_toml(text, node.shown(STATE), _no_file)
    except (UnicodeDecodeError, UsageError):
        return None
    return tuple(state.registries)


def _no_file(kind: str, _name: str) -> str:
    raise UsageError(
        f"the saved registries hold everything themselves and name no {kind}"
    )


def _handwritten(node: Node, saved: Tuple[Registry, ...]) -> FrozenSet[str]:
    names = registries_in(node.absolute(NodePath(Root.DATA, CERTS_D)), look_at)
    own = {str(each.name) for each in saved}
    return frozenset(
        name for name in names if name not in own and not is_stock_directory(node, name)
    )


def is_stock_directory(node: Node, name: str) -> bool:
    """Whether a registry's directory is as MicroK8s ships it."""
    path = f"{CERTS_D}/{name}/{HOSTS_TOML}"
    content = _look(node, path).content
    return content is not None and is_stock(path, content)
