"""Docker: whether a command is about an engine on this machine, and reaches it."""

from __future__ import annotations

import os
from enum import Enum
from typing import TYPE_CHECKING, Iterable, Mapping, Optional, Sequence, Tuple

from private_registry.errors import NodeError, PrivateRegistryError
from private_registry.named_tuple import NamedTuple
from private_registry.node.file_values import Root
from private_registry.node.paths import Node
from private_registry.registries.model import DesiredState, Registry
from private_registry.transaction.follower import Follower
from private_registry.transaction.ledger import Ledger

if TYPE_CHECKING:
    from private_registry.docker.part import DockerPart


class Reload(Enum):
    """What became of a Docker engine, or in a dry run would."""

    NONE = "none"
    DONE = "done"
    AT_START = "at_next_start"


class DockerReach(NamedTuple):
    """Whether and how a command reaches a Docker engine's files.

    Args:
        node: with the places of those files, if they are reached.
        part: what becomes of them; None where they are not concerned or not reached.
        notes: why not, for people, a line each.
        forgotten: ledgers of files that went with their engine.
    """

    node: Node
    part: Optional[DockerPart] = None
    notes: Tuple[str, ...] = ()
    forgotten: Mapping[Root, Ledger] = {}


def docker_reach(
    node: Node, desired: DesiredState, outside: str, *, is_asked: bool
) -> DockerReach:
    """Work out what becomes of a Docker engine's files.

    Args:
        node: with the places of the engine that has files of ours, if any.
        desired: what the node is to know.
        outside: what people type to run the same outside of the snap.
        is_asked: the command is about Docker; else what is in the way there is only
            told, because containerd must not wait for it.

    Raises:
        NodeError: there is no engine, its file cannot be read, or it would not start
        with it. UsageError: it is not clear which engine is meant. ConflictError:
        something that is no file is in the way.
    """
    forgotten: Mapping[Root, Ledger] = {}
    try:
        is_wanted = any(each.docker for each in desired.registries)
        # From inside of a confined snap what is there looks as if it were gone.
        is_confined = (is_wanted or node.docker is not None) and node.is_confined
        if not is_confined and _is_gone(node):
            forgotten = dict.fromkeys((Root.DOCKER, Root.DOCKER_CERTS), Ledger())
            node = node._replace(docker=None)
        if node.docker is None and not is_wanted:
            return DockerReach(node, forgotten=forgotten)
        if is_confined:
            raise NodeError(
                "a strictly confined MicroK8s cannot reach Docker's configuration",
                remedy=f"run the same outside of the snap: {outside}",
            )
        # Slow to import, and few nodes have such an engine.
        from private_registry.docker.part import docker_part  # noqa: PLC0415

        part = docker_part(node, desired)
    except PrivateRegistryError as error:
        if is_asked:
            raise
        note = f"Docker was left as it is: {error.message}"
        note += f" ({error.remedy})" if error.remedy else ""
        return DockerReach(node._replace(docker=None), None, (note,), forgotten)
    return DockerReach(part.node, part, (), forgotten)


def docker_notes(registries: Iterable[Registry]) -> Tuple[str, ...]:
    """Tell people what Docker cannot do for those of the registries that are meant
    for it.
    """
    meant = [each for each in registries if each.docker]
    if not meant:
        return ()
    from private_registry.docker.trust import docker_trust  # noqa: PLC0415 - as above

    return docker_trust(meant).notes


def engine_to_settle(
    node: Node, concerned: Optional[Mapping[str, Sequence[str]]]
) -> Optional[Follower]:
    """Return the engine that a killed run left; None where it was about none."""
    if node.docker is None or concerned is None:
        return None
    from private_registry.docker import discovery  # noqa: PLC0415 - as above
    from private_registry.docker.engine import DockerEngine  # noqa: PLC0415

    engine = discovery.engine_of(node.docker.config.absolute)
    return DockerEngine(node, engine, concerned)


def _is_gone(node: Node) -> bool:
    places = node.docker
    return places is not None and not os.path.isdir(places.config.root)
