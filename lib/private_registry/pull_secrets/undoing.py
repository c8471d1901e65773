"""How what was sent to the cluster is put back where the rest of a run fails.

An answer can be lost after its request was carried out. So how to put something back is
remembered before it is sent, and forgotten only where the API itself refused.
"""

from __future__ import annotations

from typing import Callable, List

from private_registry.errors import LeftBehindError, PrivateRegistryError
from private_registry.named_tuple import NamedTuple
from private_registry.pull_secrets.retrying import RefusedError


class Undo(NamedTuple):
    """How to put one thing back.

    Args:
        put_back: does it, as far as what is there is what we made of it.
        left: how it may be where that fails, for people.
        remedy: what to do then, for people.
    """

    put_back: Callable[[], object]
    left: str
    remedy: str


class Undoing:
    """What a run has sent, and has to put back where it fails."""

    def __init__(self) -> None:
        self._sent: List[Undo] = []

    def send(self, request: Callable[[], None], undo: Undo) -> None:
        """Send a request.

        Args:
            request: sends it; raises RefusedError where the API itself says no.
            undo: puts back what it does.
        """
        self._sent.append(undo)
        try:
            request()
        except RefusedError:
            self._sent.pop()
            raise

    def put_back(self, why: BaseException) -> None:
        """Put everything back, the last first.

        Args:
            why: what failed.

        Raises:
            LeftBehindError: some of it could not be put back; the rest was.
        """
        left: List[Undo] = []
        problems: List[PrivateRegistryError] = []
        while self._sent:
            undo = self._sent.pop()
            try:
                undo.put_back()
            except PrivateRegistryError as error:
                left.insert(0, undo)
                problems.append(error)
        if problems:
            raise _left_behind(why, problems[0], left) from problems[0]


def _left_behind(
    why: BaseException, problem: PrivateRegistryError, left: List[Undo]
) -> LeftBehindError:
    words = [f"not everything in the cluster could be put back: {problem.message}"]
    if isinstance(why, PrivateRegistryError) and why.message != problem.message:
        words.insert(0, why.message)
    remedies = dict.fromkeys(each.remedy for each in left)
    return LeftBehindError(
        "; ".join([*words, *(each.left for each in left)]),
        place=problem.place,
        remedy="when the API answers: " + "; ".join(remedies),
    )
