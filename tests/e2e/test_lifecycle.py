"""What happens to a node around the addon: snap refresh and revert, and constant
change.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_harness import PullingNode, Registry, fill, pulling_node
from registry_harness.containerd.releases import ContainerdRelease
from registry_harness.node.microk8s_node import MicroK8sNode

from .conftest import UNKNOWN_CA, Pulls, run

CHURNS, AT_ONCE = 200, 20
_CHURN = """
import os, sys
plugin, times = sys.argv[1:]
sys.path.insert(0, os.path.join(os.path.dirname(plugin), "../../lib"))
from private_registry.cli.main import run
for _ in range(int(times)):
    for words in (["add", "--insecure"], ["remove", "--registry"]):
        if run("plugin", plugin, [*words, "10.9.9.9:5000"]) != 0:
            sys.exit(1)
"""


@pytest.fixture
def own_node(
    containerd_release: ContainerdRelease, addon_repository: Path, addon_name: str
) -> Iterator[PullingNode]:
    """A node that a test may restart."""
    with pulling_node(containerd_release, addon_repository, addon_name) as node:
        yield node


def test_pulls_survive_a_refresh_and_a_revert(
    own_node: PullingNode,
    tls_registry: Registry,
    plain_registry: Registry,
    ca_file: Path,
) -> None:
    node, pulls = own_node.node, Pulls(own_node)
    run(node.enable("--registry", tls_registry.host, "--ca", str(ca_file)))
    old = node.data

    run(*node.refresh())
    own_node.containerd.restart()
    run(node.plugin("private-registry", "add", "--insecure", plain_registry.host))
    # snapd removes old revisions: nothing may still point there.
    away = old.rename(old.with_name("removed"))
    pulls.work(fill(tls_registry, "refreshed"))
    pulls.work(fill(plain_registry, "refreshed"))
    away.rename(old)

    node.revert()
    own_node.containerd.restart()
    pulls.work(fill(tls_registry, "reverted"))
    pulls.fail(fill(plain_registry, "reverted"), "server gave HTTP response")
    run(node.plugin("private-registry", "apply"))
    pulls.work(fill(plain_registry, "reverted"))
    run(node.disable())
    pulls.fail(fill(tls_registry, "disabled"), UNKNOWN_CA)


@pytest.mark.parametrize("containerd_release", ["1.7"], indirect=True)
@pytest.mark.exhaustive
def test_pulls_go_on_while_another_registry_comes_and_goes(
    microk8s_node: PullingNode, plain_registry: Registry
) -> None:
    node, starts = microk8s_node.node, microk8s_node.containerd.starts
    run(node.enable("--insecure", plain_registry.host))
    failed: list[Exception] = []
    pulled: list[str] = []
    over = threading.Event()

    def pull_all_the_time() -> None:
        for number in itertools.count():
            if over.is_set():
                return
            try:
                pulled.append(
                    microk8s_node.pull(fill(plain_registry, f"churn-{number}"))
                )
            # Any failure is what the test looks for.
            except Exception as error:  # noqa: BLE001
                failed.append(error)

    puller = threading.Thread(target=pull_all_the_time)
    puller.start()
    churned = 0
    try:
        while puller.is_alive() and (churned < CHURNS or len(pulled) < CHURNS):
            _churn(node)
            churned += AT_ONCE
    finally:
        over.set()
        puller.join()
    run(node.disable())
    assert failed == []
    assert len(pulled) >= CHURNS
    assert churned >= CHURNS
    assert microk8s_node.containerd.starts == starts


def _churn(node: MicroK8sNode) -> None:
    """Let a registry come and go some times, in one process: most of what a program
    of the addon takes is its start.
    """
    plugin = node.common / "addons/harness/addons/private-registry-config/plugin"
    command = [sys.executable, "-c", _CHURN, str(plugin), str(AT_ONCE)]
    done = subprocess.run(
        command, env=node.environment(), capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
