"""Runs queue: whatever is started at once takes effect as if one came after the
other.
"""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, List, Tuple

import pytest

from private_registry.node.directories import Place
from private_registry.transaction import turns
from private_registry.transaction.lock import Turn, held_at_once
from unit.microk8s import ADDON, HOOK, Microk8s, ok

AT_ONCE = 20
HOLDER = """
import fcntl, os, sys, time
kind = fcntl.LOCK_SH if sys.argv[2:] == ["shared"] else fcntl.LOCK_EX
fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), kind)
print("held", flush=True)
time.sleep(60)
"""
OURS = "private-registry-config"


def start(node: Microk8s, door: str, *arguments: str) -> subprocess.Popen[bytes]:
    """Start one of the addon's programs and go on."""
    return subprocess.Popen(
        [sys.executable, str(ADDON / door), *arguments],
        env={**os.environ, **node.environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def finish(runs: List[subprocess.Popen[bytes]]) -> None:
    """Wait for programs and check that they ended well."""
    for run in runs:
        out, err = run.communicate(timeout=120)
        assert run.returncode == 0, (out, err)


def test_twenty_at_once_all_take_effect(microk8s: Microk8s) -> None:
    before = microk8s.tree()
    names = [f"10.3.0.{number}:5000" for number in range(AT_ONCE)]
    finish([start(microk8s, "enable", "--insecure", name) for name in names])
    listed = ok(microk8s.run("plugin", "list")).stdout
    for name in names:
        assert f"{name}: plain HTTP  [ok]" in listed
        assert microk8s.hosts(name)["server"] == f"http://{name}"
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


def test_adding_and_removing_at_once(microk8s: Microk8s) -> None:
    names = [f"10.4.0.{number}:5000" for number in range(8)]
    ok(
        microk8s.run(
            "enable", *[word for name in names for word in ("--insecure", name)]
        )
    )
    removed = [start(microk8s, "disable", "--registry", name) for name in names]
    added = [start(microk8s, "enable", "--insecure", f"r{n}.corp") for n in range(8)]
    finish(removed + added)
    present = {path.name for path in microk8s.certs_d.iterdir()}
    assert present == {
        "docker.io",
        "localhost:32000",
        *(f"r{n}.corp" for n in range(8)),
    }


@contextmanager
def holding(directory: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Have another process hold the lock on a directory."""
    command = [sys.executable, "-c", HOLDER, str(directory), *words]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    try:
        yield holder
    finally:
        holder.kill()
        holder.communicate()


@pytest.fixture
def lock(microk8s: Microk8s) -> Path:
    """The directory that the lock of a node lies on, made by a first enable."""
    ok(microk8s.run("enable", "--insecure", "first.corp"))
    return microk8s.common / OURS


def test_who_waits_names_the_holder_and_then_goes_on(
    microk8s: Microk8s, lock: Path
) -> None:
    with holding(lock) as holder:
        run = start(microk8s, "plugin", "add", "--insecure", "a.corp")
        assert run.stderr is not None
        told = run.stderr.readline()
        assert b"waiting" in told
        assert b"(process %d)" % holder.pid in told
        time.sleep(0.2)
        assert run.poll() is None
        assert not (microk8s.certs_d / "a.corp").exists()
    finish([run])
    assert microk8s.hosts("a.corp")["server"] == "http://a.corp"


def test_who_waits_too_long_gives_up_and_says_what_to_do(
    microk8s: Microk8s, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "SECONDS", 0.3)
    before = microk8s.tree()
    for command in (
        ("plugin", "add", "--insecure", "a.corp"),
        ("plugin", "apply"),
        ("plugin", "remove", "--registry", "first.corp"),
        ("disable",),
    ):
        with holding(lock) as holder:
            result = microk8s.run(*command)
        assert result.exit_code == 4, result
        assert (
            f"another run (process {holder.pid}) has not ended within 0.3 s"
            in result.stderr
        )
        assert f"sudo kill {holder.pid}" in result.stderr
        assert microk8s.tree() == before


def test_who_only_looks_waits_for_nobody(microk8s: Microk8s, lock: Path) -> None:
    before = microk8s.tree()
    with holding(lock) as holder:
        for command in (
            ("plugin", "list"),
            ("plugin", "list", "--json"),
            ("plugin", "export"),
            ("plugin", "add", "--insecure", "a.corp", "--dry-run"),
            ("plugin", "apply", "--dry-run"),
            ("disable", "--dry-run"),
        ):
            start_time = time.monotonic()
            result = ok(microk8s.run(*command))
            assert time.monotonic() - start_time < 5
            assert (
                f"Another run (process {holder.pid}) is at work right now."
                in result.stderr
            )
        start_time = time.monotonic()
        microk8s.run("plugin", "check", "--timeout", "1")
        assert time.monotonic() - start_time < 5
    assert microk8s.tree() == before


@pytest.mark.parametrize("words", [(), ("shared",)], ids=["exclusive", "shared"])
def test_what_everybody_may_open_is_not_what_is_locked(
    microk8s: Microk8s, words: Tuple[str, ...]
) -> None:
    with holding(microk8s.common, *words), holding(microk8s.data, *words):
        ok(microk8s.run("enable", "--insecure", "a.corp"))
        ok(microk8s.run("disable"))


def test_the_lock_can_be_opened_by_its_owner_alone(
    microk8s: Microk8s, lock: Path
) -> None:
    assert stat.S_IMODE(lock.stat().st_mode) == 0o700
    lock.chmod(0o755)
    ok(microk8s.run("plugin", "add", "--insecure", "a.corp"))
    assert stat.S_IMODE(lock.stat().st_mode) == 0o700
    if os.geteuid() == 0:
        attempt = "import os, sys; os.setuid(65534); os.open(sys.argv[1], os.O_RDONLY)"
        done = subprocess.run(
            [sys.executable, "-c", attempt, str(lock)], capture_output=True, check=False
        )
        assert b"PermissionError" in done.stderr


def test_a_killed_holder_frees_the_lock(microk8s: Microk8s, lock: Path) -> None:
    with holding(lock):
        run = start(microk8s, "plugin", "add", "--insecure", "a.corp")
    finish([run])


def test_no_file_is_left_for_the_lock(microk8s: Microk8s) -> None:
    before = microk8s.tree()
    ok(microk8s.run("plugin", "list"))
    assert microk8s.tree() == before


def test_the_holder_is_told_by_device_and_inode(
    microk8s: Microk8s, lock: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The same inode number on another file system is another file."""
    status = lock.stat()
    line = "{}: FLOCK  ADVISORY  WRITE {} {:02x}:{:02x}:{} 0 EOF\n"
    device = os.major(status.st_dev), os.minor(status.st_dev)
    other = line.format(1, 4711, device[0] + 1, device[1], status.st_ino)
    own = line.format(2, 4712, *device, status.st_ino)
    for text, holder in ((other, None), (other + own, 4712)):
        (tmp_path / "locks").write_text(text)
        monkeypatch.setattr(
            "private_registry.transaction.lock._LOCKS", str(tmp_path / "locks")
        )
        with holding(lock), held_at_once(Place(str(microk8s.common), OURS)) as turn:
            assert turn == Turn(is_ours=False, holder=holder)


def test_the_hook_gives_up_before_snapd_ends_it(
    microk8s: Microk8s, lock: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert turns.HOOK_SECONDS < 120 < turns.SECONDS
    monkeypatch.setattr(turns, "HOOK_SECONDS", 0.3)
    (line,) = [
        each
        for each in (microk8s.common / HOOK).read_text().splitlines()
        if "exec" in each
    ]
    words = line.partition('"$door" ')[2].split()
    with holding(lock) as holder:
        result = microk8s.run("plugin", *words)
    assert result.exit_code == 4
    assert (
        f"another run (process {holder.pid}) has not ended within 0.3 s"
        in result.stderr
    )
    assert "when it has, type: microk8s private-registry apply" in result.stderr
