"""Turns: one run at a time, after what a killed run left.

Who only looks waits for nobody.
"""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import Callable, Iterator, Optional

from private_registry.errors import NodeError, WriteError
from private_registry.node import files
from private_registry.node.paths import Node
from private_registry.transaction import commit, records
from private_registry.transaction.follower import FollowersOf
from private_registry.transaction.lock import HeldError, held, held_at_once

SECONDS = 300
# MicroK8s ends a hook after 120 s, without a word.
HOOK_SECONDS = 60
_AGAIN = "run the same command again when it has"
_AFTER_REFRESH = "when it has, type: microk8s private-registry apply"


@contextmanager
def alone(
    node: Node,
    followers_of: FollowersOf,
    say: Callable[[str], None],
    *,
    is_hook: bool = False
) -> Iterator[Node]:
    """Hold the lock, at most 300 s later, after finishing or undoing what a killed run
    left.

    A hook waits 60 s.

    Yields the node with the places of the Docker engine that has files of ours.

    Raises:
        NodeError: another run does not end in time.
    """
    seconds = HOOK_SECONDS if is_hook else SECONDS

    def tell(holder: Optional[int]) -> None:
        say(f"Another run{_process(holder)} is at work; waiting for it to end ...")

    try:
        with held(node.lock, seconds, tell):
            commit.recover(node, followers_of)
            yield records.with_docker(node)
    except HeldError as error:
        kill = (
            ""
            if error.holder is None
            else f"; if it hangs, end it: sudo kill {error.holder}"
        )
        raise NodeError(
            f"another run{_process(error.holder)} has not ended within {seconds:g} s",
            place=node.lock.absolute,
            remedy=f"{_AFTER_REFRESH if is_hook else _AGAIN}{kill}",
        ) from error


@contextmanager
def looking(
    node: Node, followers_of: FollowersOf, say: Callable[[str], None]
) -> Iterator[Node]:
    """Look at a node as it is, beside whoever is at work.

    What a killed run left is finished or undone first, where nobody is and the disk
    lets us. Yields the node as ``alone`` does.
    """
    with ExitStack() as stack:
        try:
            if files.kind_of(node.lock) is not None or commit.is_interrupted(node):
                turn = stack.enter_context(held_at_once(node.lock))
                if turn.is_ours:
                    commit.recover(node, followers_of)
                else:
                    say(f"Another run{_process(turn.holder)} is at work right now.")
        except (OSError, WriteError) as error:
            if commit.is_interrupted(node):
                reason = getattr(error, "strerror", None) or str(error)
                say(
                    "note: an earlier run was killed and cannot be finished now:"
                    f" {reason}"
                )
        yield records.with_docker(node)


def _process(number: Optional[int]) -> str:
    return "" if number is None else f" (process {number})"
