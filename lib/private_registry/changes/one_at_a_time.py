"""Turns of runs: alone with a node where it is changed, beside others to look at it."""

from __future__ import annotations

from typing import ContextManager

from private_registry.changes.change import Options, followers_of_killed_run
from private_registry.node.paths import Node
from private_registry.transaction.turns import alone, looking


def turn_of(found: Node, options: Options) -> ContextManager[Node]:
    """Return what a change runs in: alone, or with a dry run beside whoever is at work.

    It gives the node with the places of the Docker engine that has files of ours.
    """
    if options.dry_run:
        return look_of(found, options)
    followers = followers_of_killed_run(options)
    return alone(found, followers, options.say, is_hook=options.after_refresh)


def look_of(found: Node, options: Options) -> ContextManager[Node]:
    """Return what somebody who only looks runs in: beside whoever is at work."""
    return looking(found, followers_of_killed_run(options), options.say)
