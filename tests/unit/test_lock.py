"""Runs queue: whatever is started at once takes effect as if one came after the other."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from typing import List

from unit.microk8s import ADDON, Microk8s, ok

AT_ONCE = 20
HOLDER = """
import fcntl, os, sys, time
fcntl.flock(os.open(sys.argv[1], os.O_RDONLY), fcntl.LOCK_EX)
print("held", flush=True)
time.sleep(60)
"""


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
    ok(microk8s.run("enable", *[word for name in names for word in ("--insecure", name)]))
    removed = [start(microk8s, "disable", "--registry", name) for name in names]
    added = [start(microk8s, "enable", "--insecure", f"r{n}.corp") for n in range(8)]
    finish(removed + added)
    present = {path.name for path in microk8s.certs_d.iterdir()}
    assert present == {"docker.io", "localhost:32000", *(f"r{n}.corp" for n in range(8))}


def test_who_waits_says_so_and_then_goes_on(microk8s: Microk8s) -> None:
    descriptor = os.open(str(microk8s.common), os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    run = start(microk8s, "enable", "--insecure", "a.corp")
    assert run.stderr is not None
    assert b"waiting" in run.stderr.readline()
    time.sleep(0.1)
    assert run.poll() is None
    assert not (microk8s.certs_d / "a.corp").exists()
    os.close(descriptor)
    finish([run])
    assert microk8s.hosts("a.corp")["server"] == "http://a.corp"


def test_a_killed_holder_frees_the_lock(microk8s: Microk8s) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            HOLDER,
            str(microk8s.common),
        ],
        stdout=subprocess.PIPE,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    run = start(microk8s, "enable", "--insecure", "a.corp")
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    finish([run])


def test_no_file_is_left_for_the_lock(microk8s: Microk8s) -> None:
    before = microk8s.tree()
    ok(microk8s.run("plugin", "list"))
    assert microk8s.tree() == before
