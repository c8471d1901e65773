"""``--docker`` with a real engine: a push between two refusals, and what must not
change.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import docker.errors
import pytest

from registry_harness import (
    Credentials,
    DockerEngine,
    MicroK8sNode,
    PullingNode,
    PushRefused,
    Registry,
    RegistrySpec,
    difference,
    fill,
    snapshot,
    workspace,
)
from registry_harness.pytest_plugin import NewRegistry, RegistryOfKind, log_on_failure
from registry_harness.registries.image import libraries_of
from registry_harness.registries.kinds import TRANSPORTS

from .conftest import HTTP_TO_HTTPS, UNKNOWN_CA, Pulls, run

REFUSED = {"http": HTTP_TO_HTTPS, "tls": UNKNOWN_CA, "mtls": UNKNOWN_CA}
BY_HAND = """{
    "shutdown-timeout": 7,
    "insecure-registries": ["10.9.9.9:5000"],
    "labels": ["a=b"]
}
"""
# Files that the engine keeps for itself.
OWN = frozenset({"key.json"})
pytestmark = pytest.mark.in_turn("dockerd")


@pytest.fixture(scope="module")
def engine(dockerd: Path, pytestconfig: pytest.Config) -> Iterator[DockerEngine]:
    """An engine that trusts nobody, for the tests of this file.

    Each release in turn.
    """
    with (
        workspace() as work,
        DockerEngine(work / "d", program=dockerd) as running,
        log_on_failure(pytestconfig, "docker engine", running.log),
    ):
        yield running


@pytest.fixture
def node(microk8s_files: MicroK8sNode, engine: DockerEngine) -> Iterator[MicroK8sNode]:
    """A node beside that engine; afterwards both are as before."""
    microk8s_files.through = engine.inside
    before, known = (
        microk8s_files.snapshot(),
        snapshot(engine.etc, OWN),
    ), engine.insecure()
    yield microk8s_files
    run(microk8s_files.disable())
    assert difference(before[0], microk8s_files.snapshot()) == []
    assert difference(before[1], snapshot(engine.etc, OWN)) == []
    assert engine.insecure() == known


_LOG_SECONDS = 5


class Pushes:
    """An engine's pushes to one registry, each of an image of its own."""

    def __init__(self, engine: DockerEngine, registry: Registry) -> None:
        self._engine = engine
        self._registry = registry

    def _answered(self) -> list[tuple[str, str, int]]:
        return [
            (each.method, each.path, each.status) for each in self._registry.requests()
        ]

    def work(self) -> str:
        """Push, check that the registry has the image, and return its name."""
        reference = self._push(self._registry.credentials)
        path = f"/v2/{repository_of(reference)}/manifests/latest"
        # Docker hands on what a container prints a moment later.
        end = time.monotonic() + _LOG_SECONDS
        while ("PUT", path, 201) not in self._answered():
            assert time.monotonic() < end, self._answered()
            time.sleep(0.05)
        return reference

    def fail(self, words: str, credentials: Credentials | None = None) -> None:
        """Check that a push is refused with these words."""
        with pytest.raises(PushRefused) as refused:
            self._push(credentials or self._registry.credentials)
        assert words in str(refused.value)

    def _push(self, credentials: Credentials | None) -> str:
        reference = self._registry.reference(f"pushed-{secrets.token_hex(4)}")
        self._engine.build(reference)
        self._engine.push(reference, credentials)
        return reference


@pytest.mark.parametrize("login", ["none", "htpasswd"])
@pytest.mark.parametrize("transport", list(TRANSPORTS))
def test_a_push_between_two_refusals(
    node: MicroK8sNode,
    engine: DockerEngine,
    registry_of_kind: RegistryOfKind,
    transport: str,
    login: str,
    tmp_path: Path,
) -> None:
    registry = registry_of_kind(transport, login)
    pushes = Pushes(engine, registry)
    pushes.fail(REFUSED[transport])
    run(node.enable(*options_for(registry, tmp_path), "--docker"))
    pushes.work()
    if registry.credentials is not None:
        wrong = Credentials(registry.credentials.username, "wrong")
        pushes.fail("unauthorized", wrong)
    run(node.disable())
    pushes.fail(REFUSED[transport])


@pytest.mark.parametrize(
    "text", [None, BY_HAND, "{}"], ids=["none", "by hand", "empty"]
)
def test_whatever_daemon_json_said_before(
    node: MicroK8sNode, engine: DockerEngine, plain_registry: Registry, text: str | None
) -> None:
    write(engine, text)
    known = engine.insecure()
    run(node.enable("--insecure", plain_registry.host, "--docker"))
    Pushes(engine, plain_registry).work()
    assert engine.insecure() == {*known, plain_registry.host}
    run(node.disable())
    Pushes(engine, plain_registry).fail(HTTP_TO_HTTPS)
    assert (
        engine.configuration.read_text() if engine.configuration.exists() else None
    ) == text
    assert engine.insecure() == known
    write(engine, None)


@pytest.mark.parametrize("transport", list(TRANSPORTS))
def test_docker_pulls_images_of_docker_hub_from_a_mirror(
    node: MicroK8sNode,
    engine: DockerEngine,
    registry_of_kind: RegistryOfKind,
    transport: str,
    tmp_path: Path,
) -> None:
    mirror = registry_of_kind(transport, "none")
    name = repository_of(fill(mirror, "library/mirrored"))
    with pytest.raises(docker.errors.APIError):
        engine.client.images.pull(f"docker.io/{name}", "latest")
    options = options_for(mirror, tmp_path)[2:]
    run(node.enable("--mirror", f"docker.io={mirror.url}", *options, "--docker"))
    engine.client.images.pull(f"docker.io/{name}", "latest")
    asked = [each.path for each in mirror.requests() if each.status == 200]
    assert any(f"/v2/{name}/blobs/" in path for path in asked)
    run(node.disable())
    assert engine.client.info()["RegistryConfig"]["Mirrors"] in (None, [])


def test_containers_run_on(
    node: MicroK8sNode, engine: DockerEngine, plain_registry: Registry, tmp_path: Path
) -> None:
    sleep = Path(shutil.which("sleep") or "sleep").resolve()
    files = {
        str(each): {"bind": str(each), "mode": "ro"}
        for each in (sleep, *libraries_of(sleep))
    }
    engine.build("sleeper:latest")
    container = engine.client.containers.run(
        "sleeper:latest",
        [str(sleep), "600"],
        volumes=files,
        detach=True,
        network_mode="none",
    )
    try:
        process = process_of(engine, container.id)
        run(node.enable("--insecure", plain_registry.host, "--docker"))
        run(node.disable())
        assert process_of(engine, container.id) == process
    finally:
        container.remove(force=True)


def test_what_the_engine_does_not_take_is_put_back(
    node: MicroK8sNode, engine: DockerEngine, plain_registry: Registry
) -> None:
    broken = '{"labels": "no list"}\n'
    engine.configuration.write_text(broken)
    refused = node.enable("--insecure", plain_registry.host, "--docker")
    assert refused.exit_code == 4
    assert "did not take it; all was put back as it was" in refused.stderr
    assert engine.configuration.read_text() == broken
    Pushes(engine, plain_registry).fail(HTTP_TO_HTTPS)
    engine.configuration.unlink()


def test_an_engine_with_a_file_of_its_own(
    microk8s_files: MicroK8sNode,
    plain_registry: Registry,
    tls_registry: Registry,
    tmp_path: Path,
) -> None:
    node = microk8s_files
    with workspace() as work:
        file = tmp_path / "own/daemon.json"
        file.parent.mkdir()
        file.write_text(BY_HAND)
        with DockerEngine(work / "d", [f"--config-file={file}"]) as own:
            node.through = own.inside
            run(node.enable("--insecure", plain_registry.host, "--docker"))
            options = options_for(tls_registry, tmp_path)
            run(node.plugin("private-registry", "add", *options, "--docker"))
            Pushes(own, plain_registry).work()
            Pushes(own, tls_registry).work()
            listed = json.loads(file.read_text())["insecure-registries"]
            assert listed == ["10.9.9.9:5000", plain_registry.host]
            run(node.disable())
            Pushes(own, plain_registry).fail(HTTP_TO_HTTPS)
            assert file.read_text() == BY_HAND
            assert not own.certs_d.exists()


# Of the rules in a network of their own, where no other engine has left any.
RULES = """
import subprocess, sys
from pathlib import Path
from registry_harness import DockerEngine, workspace

with workspace() as work, DockerEngine(work / "d", program=Path(sys.argv[1])):
    for program in ("iptables-save", "ip6tables-save"):
        subprocess.run([program], check=True)
print("asked")
"""


def test_an_engine_writes_no_rules_of_the_machines_network(dockerd: Path) -> None:
    command = ["unshare", "--net", sys.executable, "-c", RULES, str(dockerd)]
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        text=True,
        timeout=60,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert "asked" in done.stdout
    assert "DOCKER" not in done.stdout


def test_a_restart_of_the_engine_knows_the_same(
    node: MicroK8sNode, engine: DockerEngine, plain_registry: Registry
) -> None:
    run(node.enable("--insecure", plain_registry.host, "--docker"))
    engine.restart()
    node.through = engine.inside
    Pushes(engine, plain_registry).work()


def test_pushed_by_docker_pulled_by_containerd(
    microk8s_node: PullingNode,
    engine: DockerEngine,
    pulls: Pulls,
    new_registry: NewRegistry,
) -> None:
    registry = new_registry(RegistrySpec())
    files, pushes = microk8s_node.node, Pushes(engine, registry)
    before = files.snapshot()
    files.through = engine.inside
    try:
        pushes.fail(HTTP_TO_HTTPS)
        run(files.enable("--insecure", registry.host, "--docker"))
        reference = pushes.work()
        pulls.work(reference)
        run(files.disable())
        pushes.fail(HTTP_TO_HTTPS)
        pulls.fail(fill(registry, "after"), HTTP_TO_HTTPS)
    finally:
        files.through = ()
    assert difference(before, files.snapshot()) == []


def options_for(registry: Registry, directory: Path) -> list[str]:
    """Return the options that name a registry and how it is trusted, without a
    login.
    """
    if registry.ca is None:
        return ["--insecure", registry.host]
    options = ["--registry", registry.host, "--ca", str(directory / "ca.crt")]
    (directory / "ca.crt").write_bytes(registry.ca)
    if registry.client is not None:
        (directory / "client.cert").write_bytes(registry.client.certificate)
        (directory / "client.key").write_bytes(registry.client.key)
        options += ["--client-cert", str(directory / "client.cert")]
        options += ["--client-key", str(directory / "client.key")]
    return options


def write(engine: DockerEngine, text: str | None) -> None:
    """Let an engine have a daemon.json from before the node's time, and nothing
    else.
    """
    empty = json.loads(text or "{}")
    engine.configuration.write_text(json.dumps({"insecure-registries": [], **empty}))
    engine.reload()
    wanted = set(empty.get("insecure-registries", []))
    engine.wait_until(lambda: engine.insecure() == wanted)
    engine.configuration.unlink()
    if text is not None:
        engine.configuration.write_text(text)


def repository_of(reference: str) -> str:
    """Return what stands in an image's name between the registry and the tag."""
    return reference.partition("/")[2].rpartition(":")[0]


def process_of(engine: DockerEngine, container: str | None) -> int:
    """Return the number of a running container's process."""
    assert container is not None
    state = engine.client.containers.get(container).attrs["State"]
    assert state["Running"]
    return int(state["Pid"])
