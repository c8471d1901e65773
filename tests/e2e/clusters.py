"""Clusters of three nodes, kept for as long as one test after the other asks for them:
they take long to start, and each test leaves them as they were.
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from registry_harness.kubernetes import Cluster
from registry_harness.pytest_plugin import NewClusterOfThree


class Clusters:
    """Those that run, by their authorization.

    Args:
        new: starts one.
    """

    def __init__(self, new: NewClusterOfThree) -> None:
        self._new = new
        self._running: dict[str, Cluster] = {}
        self._stack = ExitStack()

    def get(self, authorization: str) -> Cluster:
        """Return the one that runs, or start it."""
        if authorization not in self._running:
            cluster = self._stack.enter_context(self._new(authorization))
            self._running[authorization] = cluster
        return self._running[authorization]

    def stop(self) -> None:
        """Stop them."""
        self._running.clear()
        self._stack.close()


# Of this run of pytest; none until a test asks for them.
CLUSTERS = pytest.StashKey[Clusters]()
