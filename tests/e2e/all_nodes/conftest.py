"""Three nodes for all tests of this folder: a cluster takes long to start, and each
test leaves it as it was.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import ExitStack

import pytest

from registry_harness.kubernetes import Cluster
from registry_harness.pytest_plugin import NewClusterOfThree

from .together import Together, together


class Clusters:
    """Those that run, by their authorization."""

    def __init__(self) -> None:
        self._running: dict[str, Cluster] = {}
        self._stack = ExitStack()

    def get(self, authorization: str, new: NewClusterOfThree) -> Cluster:
        """Return the one that runs, or start it."""
        if authorization not in self._running:
            cluster = self._stack.enter_context(new(authorization))
            self._running[authorization] = cluster
        return self._running[authorization]

    def stop(self) -> None:
        """Stop them."""
        self._running.clear()
        self._stack.close()


_CLUSTERS = pytest.StashKey[Clusters]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, None, None]:
    """Stop the clusters after the last test of this folder."""
    yield
    if nextitem is None or nextitem.path.parent != item.path.parent:
        item.config.stash.setdefault(_CLUSTERS, Clusters()).stop()


@pytest.fixture(scope="module", params=["Node,RBAC"])
def cluster_of_three(
    request: pytest.FixtureRequest, new_cluster_of_three: NewClusterOfThree
) -> Cluster:
    """The harness' own, for longer than a file."""
    clusters = request.config.stash.setdefault(_CLUSTERS, Clusters())
    return clusters.get(request.param, new_cluster_of_three)


@pytest.fixture
def nodes(cluster_of_three: Cluster) -> Iterator[Together]:
    """Three nodes, which afterwards are as before."""
    with together(cluster_of_three) as told:
        yield told
