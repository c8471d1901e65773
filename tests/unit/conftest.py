"""Fixtures of the engine's unit tests."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from unit.microk8s import Microk8s
from unit.pki import Pki

# A slow machine is no fault of the engine.
settings.register_profile("engine", deadline=None)
settings.load_profile("engine")


@pytest.fixture
def microk8s(tmp_path: Path) -> Microk8s:
    """A throwaway MicroK8s node without any registry of ours."""
    return Microk8s(tmp_path / "node")


@pytest.fixture(scope="session")
def pki() -> Pki:
    """Good and bad certificates and keys."""
    return Pki.create()
