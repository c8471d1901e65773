"""What people start by hand: registries and a cluster that are held up, and the
demo.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from registry_harness.kubernetes import KubernetesRelease
from registry_harness.machine.namespaces import check_machines
from registry_harness.machine.packages import cache_directory

Harness = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def harness(addon_repository: Path, tmp_path: Path) -> Harness:
    """Runs a command of the harness, whose state is the test's own."""

    def run(
        *command: str, cwd: Path = addon_repository
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "registry_harness", *command],
            cwd=cwd,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_registries_held_up_by_hand(harness: Harness, tmp_path: Path) -> None:
    up = harness("up")
    try:
        assert up.returncode == 0, up.stderr
        assert up.stdout.count("microk8s enable private-registry-config") == 6
        host = re.search(r"--insecure (\S+)", up.stdout)
        assert host is not None
        with urllib.request.urlopen(f"http://{host[1]}/v2/", timeout=5) as answer:
            assert answer.status == 200
        files = re.findall(r"--password-file (\S+)", up.stdout)
        passwords = [Path(each).read_text() for each in files]
        assert [re.findall(r"  password +(\S+)", up.stdout), len(passwords)] == [
            passwords,
            2,
        ]
        assert all(re.fullmatch("[a-z0-9]+", each) for each in passwords)
        again = harness("up")
        assert (again.returncode, again.stdout) == (1, "")
        assert "up already" in again.stderr
        assert "6 containers are up" in harness("status").stdout
        state = tmp_path / "private-registry-config/harness"
        assert state.stat().st_mode & 0o777 == 0o700
        assert {each.stat().st_mode & 0o777 for each in state.iterdir()} == {0o600}
    finally:
        down = harness("down")
    assert down.stdout.startswith("removed 7 ")
    assert harness("down").stdout == "nothing was up\n"
    assert not (tmp_path / "private-registry-config/harness").exists()


@pytest.mark.exhaustive
@pytest.mark.kubernetes
def test_a_cluster_held_up_by_hand(
    harness: Harness, tmp_path: Path, kubernetes_release: KubernetesRelease
) -> None:
    check_machines()
    up = harness("up", "--kubernetes")
    try:
        assert up.returncode == 0, up.stderr
        state = tmp_path / "private-registry-config/harness"
        node = str(state / "node-1")
        enable = re.search(rf"{node} (microk8s enable .*)", up.stdout)
        assert enable is not None
        for command in (enable[1].split(), ["microk8s", "private-registry", "check"]):
            subprocess.run([node, *command], check=True, capture_output=True)
        shown = subprocess.run(
            [node, "microk8s", "kubectl", "get", "nodes"],
            check=True,
            capture_output=True,
            text=True,
        )
        assert re.search(r"node-1 +Ready ", shown.stdout)
        assert (state / "kubeconfig").stat().st_mode & 0o777 == 0o600
        assert str(state / "kubeconfig") in harness("status").stdout
    finally:
        down = harness("down")
    assert down.stdout.startswith("ended the cluster\nremoved 7 ")
    assert harness("down").stdout == "nothing was up\n"


def test_a_cluster_needs_an_addon(harness: Harness, tmp_path: Path) -> None:
    check_machines()
    refused = harness("up", "--kubernetes", cwd=tmp_path)
    assert refused.returncode == 1
    assert "does not hold addons.yaml" in refused.stderr
    assert harness("status").stdout == "nothing is up\n"


# Daily by those of test_kubernetes.py: a Deployment of the seed.
@pytest.mark.exhaustive
@pytest.mark.kubernetes
def test_the_demo_ends_as_told(
    addon_repository: Path, kubernetes_release: KubernetesRelease
) -> None:
    check_machines()
    demo = [sys.executable, str(addon_repository / "scripts/demo_story.py")]
    told = subprocess.run(demo, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "deployment.apps/nginx created" in told.stdout
    assert re.search(r"nginx +1/1", told.stdout)
    assert told.stdout.splitlines()[-1].startswith("was never restarted.")


@pytest.mark.exhaustive
@pytest.mark.kubernetes
@pytest.mark.usefixtures("kubernetes_release")
def test_the_demo_of_a_cluster_ends_as_told(addon_repository: Path) -> None:
    check_machines()
    demo = [sys.executable, str(addon_repository / "scripts/demo_cluster.py")]
    told = subprocess.run(demo, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    assert "node-3  down" in told.stdout
    assert "node-2  changed by hand" in told.stdout
    assert told.stdout.splitlines()[-1].startswith("was never restarted.")


def test_the_demo_without_kubernetes_says_what_it_leaves_out(
    addon_repository: Path, tmp_path: Path
) -> None:
    cache = tmp_path / "private-registry-config"
    cache.mkdir()
    for part in cache_directory().iterdir():
        if part.name != "kubernetes":
            (cache / part.name).symlink_to(part)
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    environment.pop("REGISTRY_HARNESS_KUBERNETES", None)
    demo = [sys.executable, str(addon_repository / "scripts/demo_story.py")]
    told = subprocess.run(
        demo, env=environment, capture_output=True, text=True, check=False
    )
    assert told.returncode == 0, told.stderr
    assert "Left out: the same with a Deployment" in told.stdout
    assert "create deployment" not in told.stdout
