"""Directories of running parts: those of killed runs go, wherever they lie."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

import pytest

from registry_harness.machine import workspace as module
from registry_harness.machine.workspace import remove_stale_workspaces, workspace


def test_what_a_killed_run_left_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [tmp_path / each for each in ("now", "disk", "memory", "missing")]
    for each in places[:-1]:
        each.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(places[0]))
    monkeypatch.setattr(module, "_PLACES", tuple(map(str, places[1:])))
    ended = subprocess.Popen(["true"])
    ended.wait()
    left = [each / f"rh-{ended.pid}-left" for each in places[:-1]]
    others = [each / "another-1-directory" for each in places[:-1]]
    for directory in (*left, *others):
        directory.mkdir()
    with workspace() as used:
        assert remove_stale_workspaces() == len(left)
        assert [each for each in left if each.exists()] == []
        assert [each for each in others if not each.exists()] == []
        assert used.exists()
