"""Fixtures of the engine's unit tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from unit.microk8s import Microk8s


@pytest.fixture
def microk8s(tmp_path: Path) -> Microk8s:
    """A throwaway MicroK8s node without any registry of ours."""
    return Microk8s(tmp_path / "node")
