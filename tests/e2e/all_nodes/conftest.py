"""What the tests of all nodes share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from registry_harness.kubernetes import Cluster

from .together import Together, together


@pytest.fixture
def nodes(cluster_of_three: Cluster) -> Iterator[Together]:
    """Three nodes, which afterwards are as before."""
    with together(cluster_of_three) as told:
        yield told
