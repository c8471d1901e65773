"""Directories of running parts: those of killed runs go, wherever they lie."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

import pytest

from registry_harness.machine.workspace import remove_stale_workspaces, workspace


@pytest.mark.parametrize("place", ["/tmp", "/dev/shm", ""])  # noqa: S108
def test_what_a_killed_run_left_goes(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = Path(place or tmp_path)
    if not os.access(directory, os.W_OK):
        pytest.skip(f"nobody can write to {directory} here")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = directory / f"rh-{ended.pid}-left"
    left.mkdir()
    with workspace() as used:
        remove_stale_workspaces()
        assert not left.exists()
        assert used.exists()
