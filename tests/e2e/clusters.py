"""Clusters that are kept for as long as one test after the other asks for them: they
take long to start, and each test leaves them as they were.

In a file whose tests ask for one, all do: the next one that does not ends it.
"""

from __future__ import annotations

from collections.abc import Container
from contextlib import AbstractContextManager, ExitStack

import pytest

from registry_harness.kubernetes import Cluster


class Clusters:
    """Those that run, by the fixture that gives them and what it was asked for."""

    def __init__(self) -> None:
        self._running: dict[tuple[str, str], tuple[Cluster, ExitStack]] = {}

    def get(
        self, fixture: str, asked: str, new: AbstractContextManager[Cluster]
    ) -> Cluster:
        """Return the one that runs, or start the new one."""
        if (fixture, asked) not in self._running:
            stack = ExitStack()
            self._running[fixture, asked] = stack.enter_context(new), stack
        return self._running[fixture, asked][0]

    def stop(self, kept: Container[str] = ()) -> None:
        """Stop all but those that fixtures of these names give.

        Where one does not end well, the others end all the same.
        """
        with ExitStack() as ending:
            for fixture, asked in list(self._running):
                if fixture not in kept:
                    ending.push(self._running.pop((fixture, asked))[1])


# Of this run of pytest.
CLUSTERS = pytest.StashKey[Clusters]()
