"""Fixtures for tests of all nodes."""

from __future__ import annotations

import pytest

from .fake_cluster import FakeCluster


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """A cluster of three nodes."""
    return FakeCluster(monkeypatch)
