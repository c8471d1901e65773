"""Followers: whoever has to take what a transaction has written."""

from __future__ import annotations

from typing import Callable, Protocol, Tuple

from private_registry.named_tuple import NamedTuple
from private_registry.node.paths import Node
from private_registry.transaction.journal import Journal


class Follower(Protocol):
    """A daemon, or a cluster, that has to take something when all files are in place.

    The transaction knows followers by this and by nothing else.
    """

    #: Whether it is part of a run in which no file changes: it stages something itself,
    #: or what it takes cannot be taken once more.
    needs_journal: bool
    #: What takes a moment comes before what takes a restart, and a cluster last.
    order: int

    def noted_in(self, journal: Journal) -> Journal:
        """Return a journal that also tells the next run what this one has to take."""

    def take(self, staging: str) -> None:
        """Take what is written now.

        Args:
            staging: name of the transaction's own directory below each root.

        Raises:
            NodeError: it does not; the transaction then puts all files back.
        """

    def settle(self, staging: str) -> None:
        """Take what is there: after an undo, or after a run that was killed."""


class Followers(NamedTuple):
    """All that have to take something of one run, the first one first.

    Args:
        takers: who.
        holds_logins: whether the text of a file that was closed for its logins still
            has some that are not wanted any more.
        say: is told what of somebody else's is left alone.
    """

    takers: Tuple[Follower, ...] = ()
    holds_logins: Callable[[bytes], bool] = lambda _content: True
    say: Callable[[str], None] = lambda _line: None

    @property
    def need_journal(self) -> bool:
        """Whether the run has to be journalled even if no file changes."""
        return any(each.needs_journal for each in self.takers)

    def noted_in(self, journal: Journal) -> Journal:
        """Return a journal that tells what they have to take."""
        for each in self.takers:
            journal = each.noted_in(journal)
        return journal

    def take(self, staging: str) -> None:
        """Have them take what is written; the first one that does not ends it."""
        for each in self.takers:
            each.take(staging)

    def settle(self, staging: str) -> None:
        """Have them take what is there."""
        for each in self.takers:
            each.settle(staging)


NOBODY = Followers()
# Returns those that have to take what a journal says.
FollowersOf = Callable[[Node, Journal], Followers]
