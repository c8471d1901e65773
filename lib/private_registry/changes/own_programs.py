"""This addon's own programs on a node: the plugin command and the hook."""

from __future__ import annotations

from typing import FrozenSet, Mapping, Tuple

from private_registry.named_tuple import NamedTuple
from private_registry.node.file_values import NodePath, WantedFile
from private_registry.registries.names import RegistryName
from private_registry.transaction.follower import Follower
from private_registry.transaction.plan import Plan


class OwnPrograms(NamedTuple):
    """The plugin command and the hook.

    Args:
        files: of both.
    """

    files: Mapping[NodePath, WantedFile]

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
