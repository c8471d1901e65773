"""Fixtures for tests of containerd: here its programs are started, elsewhere not."""

from __future__ import annotations

from pathlib import Path

import pytest

from unit.microk8s import Microk8s


@pytest.fixture
def microk8s(tmp_path: Path) -> Microk8s:
    """A throwaway MicroK8s node whose containerd is a process."""
    return Microk8s(tmp_path / "node", starts_programs=True)
