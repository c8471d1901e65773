"""The options that are about all nodes of a cluster."""

from __future__ import annotations

from typing import Any, Optional, Tuple

from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.texts.showing import shown, shown_name

Namespace = Any
ALL_NODES = "--all-nodes"
FLAGS = (ALL_NODES, "--repair", "--no-repair")
VALUES = ("--agent-image",)
FORGET = "--forget"
# About this node, or another thing of the cluster.
_ELSEWHERE = {
    "--docker": "it is about this machine's Docker engine",
    "--no-docker": "it is about this machine's Docker engine",
    "--docker-config": "it is about this machine's Docker engine",
    "--pull-secret": "a pull secret is there for the whole cluster anyway",
    "--keep-pull-secrets": "no pull secret is taken back with it",
    "--no-restart": "nothing is ever restarted for it",
    "--check": "ask all nodes afterwards: microk8s private-registry check --all-nodes",
    "--after-refresh": "the agents go on by themselves",
}
_IMAGE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")


class AllNodes(NamedTuple):
    """What a command says of all nodes.

    Args:
        agent_image: of the agents' container; None for the one of this node's pods.
        repair: whether what somebody changes by hand is put right; None for as before.
        forget: nodes that nobody waits for.
    """

    agent_image: Optional[str] = None
    repair: Optional[bool] = None
    forget: Tuple[str, ...] = ()


def all_nodes_of(values: Namespace) -> Optional[AllNodes]:
    """Return what a command says of all nodes; None where it is about this one alone.

    Raises:
        UsageError: it contradicts itself.
    """
    if not values.all_nodes:
        _check_none_alone(values)
        return None
    for option, why in _ELSEWHERE.items():
        if getattr(values, _key(option), None):
            raise UsageError(
                f"{option} does not go with {ALL_NODES}: {why}",
                place=f"option {option}",
            )
    repairs = [_value(values, "--repair"), _value(values, "--no-repair")]
    if all(repairs):
        raise UsageError(
            "--repair and --no-repair exclude each other", place="option --no-repair"
        )
    return AllNodes(
        _image(_value(values, "--agent-image") or []),
        repairs[0] if any(repairs) else None,
        tuple(_value(values, FORGET) or ()),
    )


def _check_none_alone(values: Namespace) -> None:
    for option in (*FLAGS[1:], *VALUES, FORGET):
        if _value(values, option):
            raise UsageError(
                f"{option} is about all nodes",
                place=f"option {option}",
                remedy=f"add {ALL_NODES}",
            )


def _image(given: Any) -> Optional[str]:
    if len(given) > 1:
        raise UsageError(
            f"--agent-image is given {len(given)} times", place="option --agent-image"
        )
    if not given:
        return None
    image = str(given[0])
    if not image or not _IMAGE.union("._-/:@").issuperset(image):
        raise UsageError(
            f"{shown_name(shown(image))} is no image",
            place="option --agent-image",
            instead="--agent-image registry.k8s.io/pause:3.10",
        )
    return image


def _value(values: Namespace, option: str) -> Any:
    return getattr(values, _key(option), None)


def _key(option: str) -> str:
    return option[2:].replace("-", "_")
