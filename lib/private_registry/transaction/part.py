"""Parts: the things of a node that one change is about."""

from __future__ import annotations

from typing import FrozenSet, Mapping, Optional, Protocol, Tuple

from private_registry.node.file_values import NodePath, WantedFile
from private_registry.registries.names import RegistryName
from private_registry.transaction.follower import Follower
from private_registry.transaction.plan import Plan

# The registries that a change is about; None for all.
Scope = Optional[FrozenSet[RegistryName]]


class Part(Protocol):
    """Something that is configured for registries; a change loops over its parts."""

    @property
    def files(self) -> Mapping[NodePath, WantedFile]:
        """Files of our own that should be there."""

    def is_about(self, path: NodePath, names: FrozenSet[RegistryName]) -> bool:
        """Whether a file of ours is one for some registries."""

    def refuse(self) -> None:
        """Raise what has to be refused before anything is compared.

        Raises:
            PrivateRegistryError: what is wanted would be ignored, or read otherwise.
        """

    def added_to(self, plan: Plan) -> Plan:
        """Return a plan with what happens to this part beside its files."""

    @property
    def followers(self) -> Tuple[Follower, ...]:
        """Who has to take it; known once it is added to a plan."""


class PlainPart:
    """A part that is files and nothing else; base of those that are more.

    Args:
        files: of our own, that should be there.
    """

    def __init__(self, files: Mapping[NodePath, WantedFile]) -> None:
        self.files = files

    def is_about(self, _path: NodePath, _names: FrozenSet[RegistryName]) -> bool:
        """Whether a file is one for some registries: they are for all."""
        return False

    def refuse(self) -> None:
        """Raise nothing."""

    def added_to(self, plan: Plan) -> Plan:
        """Return the plan: the files are all there is."""
        return plan

    @property
    def followers(self) -> Tuple[Follower, ...]:
        """Nobody."""
        return ()
