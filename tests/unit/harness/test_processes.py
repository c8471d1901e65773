"""Daemons of the harness's own, with shell commands for daemons."""

from __future__ import annotations

from pathlib import Path

import pytest

from registry_harness import StartError
from registry_harness.machine.processes import Daemon


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where a daemon's output goes."""
    return tmp_path / "log"


def is_running(pid_file: Path) -> bool:
    """Whether the process is there whose number a daemon wrote down."""
    return Path("/proc", pid_file.read_text().strip()).exists()


def daemon(log: Path, command: str) -> tuple[Daemon, Path]:
    """Make a daemon that writes its process number down first."""
    pid_file = log.with_name("pid")
    return Daemon(["sh", "-c", f"echo $$ >{pid_file}; {command}"], log), pid_file


def test_a_daemon_that_ends_is_reported_with_its_log(log: Path) -> None:
    broken, _ = daemon(log, "echo bad flag >&2; exit 3")
    with pytest.raises(StartError, match="bad flag"):
        broken.start(lambda: False)


def test_a_daemon_that_is_never_ready_is_ended(log: Path) -> None:
    slow, pid_file = daemon(log, "exec sleep 60")
    with pytest.raises(StartError, match="did not come up"):
        slow.start(lambda: False, seconds=0.5)
    assert not is_running(pid_file)


def test_a_daemon_is_ended_when_waiting_for_it_is_interrupted(log: Path) -> None:
    slow, pid_file = daemon(log, "exec sleep 60")

    def interrupted() -> bool:
        if pid_file.exists() and pid_file.read_text():
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        slow.start(interrupted)
    assert slow.pid is None
    assert not is_running(pid_file)
