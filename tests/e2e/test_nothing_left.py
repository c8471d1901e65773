"""Runs of tests that pass, fail, are interrupted or killed: nothing of the harness
is left.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import docker
import pytest

from registry_harness import HarnessNetwork
from registry_harness.kubernetes import KubernetesRelease
from registry_harness.machine.cgroups import cgroups_named
from registry_harness.machine.namespaces import DEVICES, check_machines
from registry_harness.machine.workspace import remove_stale_workspaces

from .conftest import UNDER_SIGNALS, parts_in_docker

SMALL_SUITE = """
import time
from registry_harness import fill

def test_small(microk8s_node, plain_registry, docker_engine):
    reference = fill(plain_registry, "app")
    print("started", flush=True)
    {body}
"""
CLUSTER_SUITE = """
import time
from registry_harness import fill
from registry_harness.kubernetes import containers, deployment

def test_pods(kubernetes_cluster, plain_registry):
    node, api = kubernetes_cluster.nodes[0], kubernetes_cluster.api
    image = fill(plain_registry, "app", busybox=kubernetes_cluster.busybox)
    node.node.enable("--insecure", plain_registry.host)
    api.create("deployments", "default", deployment("app", image, node=node.name))
    kubernetes_cluster.wait_until("it runs", lambda: [
        each for each in containers(api, "default", "app") if each.identifier
    ])
    print("started", flush=True)
    {body}
"""
# Clusters that go on from test to test are this project's own; see clusters.py.
KEPT_SUITE = """
import time
from e2e.conftest import *

def test_first(cluster_of_three):
    print("started", flush=True)
    time.sleep(60)

def test_second(cluster_of_three):
    pass
"""
NO_CACHE = ("-p", "no:cacheprovider")


@pytest.mark.parametrize(
    ("body", "how", "words"),
    [
        ("microk8s_node.node.enable('help')", "end", "passed"),
        ("assert reference == 'x'", "end", "log of registry http://"),
        ("time.sleep(60)", "SIGINT", "KeyboardInterrupt"),
        ("time.sleep(60)", "SIGKILL", ""),
    ],
    ids=["passed", "failed", "interrupted", "killed"],
)
def test_a_run_leaves_nothing(
    body: str, how: str, words: str, tmp_path: Path, addon_repository: Path
) -> None:
    leaves_nothing(
        SMALL_SUITE.format(body=body), how, words, tmp_path, addon_repository
    )


@pytest.mark.kubernetes
@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("body", "how", "words"),
    [
        ("assert image == 'x'", "end", "log of cluster"),
        ("time.sleep(60)", "SIGINT", "KeyboardInterrupt"),
        ("time.sleep(60)", "SIGKILL", ""),
    ],
    ids=["failed", "interrupted", "killed"],
)
def test_a_run_with_a_cluster_leaves_nothing(
    body: str,
    how: str,
    words: str,
    tmp_path: Path,
    addon_repository: Path,
    kubernetes_release: KubernetesRelease,
) -> None:
    check_machines()
    leaves_nothing(
        CLUSTER_SUITE.format(body=body), how, words, tmp_path, addon_repository
    )


@pytest.mark.kubernetes
@pytest.mark.exhaustive
def test_an_interrupted_run_leaves_no_cluster_that_was_kept_for_the_next_test(
    tmp_path: Path, addon_repository: Path, kubernetes_release: KubernetesRelease
) -> None:
    check_machines()
    words = "KeyboardInterrupt"
    leaves_nothing(KEPT_SUITE, "SIGINT", words, tmp_path, addon_repository)


def leaves_nothing(
    suite: str, how: str, words: str, tmp_path: Path, addon_repository: Path
) -> None:
    """Check that a run of tests, however it ends, leaves no process, mount, file or
    device.
    """
    (tmp_path / "test_suite.py").write_text(suite)
    (tmp_path / "conftest.py").write_text(
        "import pathlib, pytest\n\n\n@pytest.fixture(scope='session')\n"
        f"def addon_repository():\n    return pathlib.Path({str(addon_repository)!r})\n"
    )
    run = subprocess.Popen(
        [
            *UNDER_SIGNALS,
            sys.executable,
            "-m",
            "pytest",
            "-s",
            *NO_CACHE,
            str(tmp_path),
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={
            key: value
            for key, value in os.environ.items()
            if not key.startswith("PYTEST")
        }
        | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert run.stdout is not None
    said = ""
    if how != "end":
        for line in run.stdout:
            said += line
            if line.strip().endswith("started"):
                break
        run.send_signal(getattr(signal, how))
    said += run.communicate(timeout=120)[0]
    assert words in said
    client = docker.from_env()
    try:
        if how == "SIGKILL":
            sweep(client, run.pid)
        assert not [each for each in parts_in_docker(client) if each == str(run.pid)]
    finally:
        client.close()
    assert not list(Path(tempfile.gettempdir()).glob(f"rh-{run.pid}-*"))
    assert f"/rh-{run.pid}-" not in Path("/proc/mounts").read_text()
    assert not running_daemons(run.pid)
    assert not cgroups_named(f"rh-{run.pid}-")
    assert not list(Path("/sys/class/net").glob(f"{DEVICES}{run.pid}-*"))


def sweep(client: docker.DockerClient, pid: int) -> None:
    """Start the next run, which tidies up after a killed one."""
    deadline = time.monotonic() + 10
    while running_daemons(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    remove_stale_workspaces()
    HarnessNetwork(client).stop()


def running_daemons(pid: int) -> list[str]:
    """List the commands of processes that work in a run's directories."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"/rh-{pid}-" in command:
            found.append(command)
    return found
