"""What the kubelet would ignore in silence, and what has to be known of its logins."""

from __future__ import annotations

from typing import Iterable, List, Optional

from private_registry.errors import UnsupportedError
from private_registry.kubelet.keys import parse_key
from private_registry.kubelet.search_path import (
    directory_of,
    files_behind,
    first_of,
    is_elsewhere,
)
from private_registry.node.file_values import NodePath, Root
from private_registry.node.paths import KUBELET_ARGUMENTS, KUBELET_CONFIG_JSON, Node
from private_registry.registries.model import Registry
from private_registry.registries.names import DOCKER_HUB
from private_registry.texts.showing import shown_place

IN_CONTAINERD = "keep the login in containerd: --login-by containerd"


def check_counts(
    node: Node, registries: Iterable[Registry], sandbox_image: Optional[str]
) -> None:
    """Refuse logins that the kubelet would not hand over.

    Args:
        node: whose kubelet it is.
        registries: whose logins it is to keep.
        sandbox_image: that each pod is started with; containerd pulls it by itself.

    Raises:
        UnsupportedError: it looks elsewhere, or does not pull what the login is for.
    """
    for registry in registries:
        name = str(registry.name)
        key = parse_key(name)
        if key is None or not key.matches(name, ""):
            raise UnsupportedError(
                f"{name}: the kubelet takes this address for a pattern and has no login"
                " for it",
                remedy=IN_CONTAINERD,
            )
        if sandbox_image is not None and _registry_of(sandbox_image) == name:
            raise UnsupportedError(
                f"{name}: the image that each pod is started with, {sandbox_image}, is"
                " pulled without the kubelet's logins",
                remedy=IN_CONTAINERD,
            )
    _check_directory(node)


def notes_on(registries: Iterable[Registry]) -> List[str]:
    """Tell to whom else the kubelet's logins are offered."""
    return [
        f"the mirrors of {registry.name} are offered its login, too:"
        f" {', '.join(each.endpoint.url for each in registry.mirrors)}"
        for registry in registries
        if registry.mirrors
    ]


def note_on_silenced(node: Node) -> List[str]:
    """Tell whose logins do not count any more beside a config.json of ours."""
    logins = first_of(files_behind(directory_of(node)))
    if logins is None or not logins.entries:
        return []
    where = shown_place(logins.where)
    return [f"the kubelet reads one file only: the logins of {where} count no more"]


def _check_directory(node: Node) -> None:
    path = NodePath(Root.DATA, KUBELET_ARGUMENTS)
    directory = directory_of(node)
    if is_elsewhere(node, directory):
        raise UnsupportedError(
            f"this node's kubelet keeps its files in {shown_place(directory)} and would"
            f" not read {node.shown(KUBELET_CONFIG_JSON)}",
            place=node.shown(path),
            remedy=IN_CONTAINERD,
        )


def _registry_of(image: str) -> str:
    """Return the registry of an image as it is written (distribution
    reference/normalize.go).
    """
    first, slash, _ = image.partition("/")
    is_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return first if is_host else DOCKER_HUB
