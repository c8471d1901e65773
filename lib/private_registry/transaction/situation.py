"""Situations: all that the plan of a change depends on."""

from __future__ import annotations

from typing import Callable, Dict, FrozenSet, Mapping, Optional, Tuple

from private_registry.named_tuple import NamedTuple
from private_registry.node.file_values import (
    NodePath,
    ObservedFile,
    Root,
    WantedFile,
    sha256,
)
from private_registry.transaction.ledger import OWN, Ledger, LedgerEntry


class Situation(NamedTuple):
    """All that a plan depends on.

    Args:
        wanted: the files that should be there.
        observed: what is at the wanted paths and at those in the ledgers.
        ledgers: what we wrote.
        directories: those above the wanted and the recorded files that exist.
        owner: user and group number that our files should have.
        adopt: take over files in scope that somebody else wrote or changed.
        in_scope: whether a conflict at this path stops the command; elsewhere it is
            only told.
        is_stock: whether MicroK8s installed this content at this path of SNAP_DATA.
        by: whom the plan is made for. What was written for the other one stays as it is
            where it is not wanted here, too.
        repair: whether what somebody changed since we wrote it is written again; what
            is in the way is only told then. None for as the command line has it: a
            change is a conflict, what was removed comes back.
    """

    wanted: Mapping[NodePath, WantedFile]
    observed: Mapping[NodePath, ObservedFile]
    ledgers: Mapping[Root, Ledger]
    directories: FrozenSet[NodePath]
    owner: Tuple[int, int]
    adopt: bool = False
    in_scope: Callable[[NodePath], bool] = lambda _path: True
    is_stock: Callable[[str, bytes], bool] = lambda _path, _content: False
    by: str = OWN
    repair: Optional[bool] = None

    def entry(self, path: NodePath) -> Optional[LedgerEntry]:
        """Return the ledger's entry for a file, or None where it is not ours."""
        return self.ledgers[path.root].files.get(path.path)

    def adopts(self, path: NodePath) -> bool:
        """Whether to take over somebody else's file.

        Never one that the command is not about.
        """
        return self.adopt and self.in_scope(path)

    @property
    def unwanted(self) -> Dict[NodePath, LedgerEntry]:
        """The files that are ours and should not be there any more."""
        return self._not_wanted(is_ours=True)

    @property
    def of_others(self) -> Dict[NodePath, LedgerEntry]:
        """The files that were written for the other one, and are not wanted here."""
        return self._not_wanted(is_ours=False)

    def _not_wanted(self, *, is_ours: bool) -> Dict[NodePath, LedgerEntry]:
        return {
            NodePath(root, path): entry
            for root, ledger in self.ledgers.items()
            for path, entry in ledger.files.items()
            if NodePath(root, path) not in self.wanted
            and (entry.by == self.by) == is_ours
        }

    def written(self, content: bytes, original: Optional[str]) -> LedgerEntry:
        """Return the ledger's entry for a file that this plan writes."""
        return LedgerEntry(sha256(content), original, self.by)
