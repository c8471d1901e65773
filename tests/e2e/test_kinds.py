"""Every kind of registry on every containerd: refused, enabled, pulled, disabled,
refused again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from registry_harness import (
    DockerEngine,
    MicroK8sNode,
    PullingNode,
    Registry,
    RegistrySpec,
    difference,
    fill,
)
from registry_harness.node.snapshot import Snapshot
from registry_harness.pytest_plugin import NewRegistry

from .conftest import HTTP_TO_HTTPS, UNKNOWN_CA, Pulls

pytestmark = pytest.mark.usefixtures("untouched")


@dataclass(frozen=True)
class Kind:
    """A kind of registry that is asked directly.

    Args:
        registry: name of the fixture.
        refused: what a pull says without configuration.
        options: what enables it.
    """

    registry: str
    refused: str
    options: Callable[[Registry, Path, Path], list[str]]


def _with_client(registry: Registry, ca: Path, work: Path) -> list[str]:
    assert registry.client is not None
    (work / "client.crt").write_bytes(registry.client.certificate)
    (work / "client.key").write_bytes(registry.client.key)
    files = [
        "--client-cert",
        str(work / "client.crt"),
        "--client-key",
        str(work / "client.key"),
    ]
    return ["--registry", registry.host, "--ca", str(ca), *files]


DIRECT = {
    "plain-http": Kind(
        "plain_registry",
        HTTP_TO_HTTPS,
        lambda registry, ca, work: ["--insecure", registry.host],
    ),
    "private-ca": Kind(
        "tls_registry",
        UNKNOWN_CA,
        lambda registry, ca, work: ["--registry", registry.host, "--ca", str(ca)],
    ),
    "skip-verify": Kind(
        "tls_registry",
        UNKNOWN_CA,
        lambda registry, ca, work: ["--registry", registry.host, "--skip-verify"],
    ),
    "mtls": Kind("mtls_registry", UNKNOWN_CA, _with_client),
}


def enabled(node: MicroK8sNode, *options: str) -> None:
    """Run enable and check what it says."""
    done = node.enable(*options)
    assert (done.exit_code, done.stderr) == (0, "")
    assert "microk8s private-registry add" in done.stdout.splitlines()[-1]


def disabled(node: MicroK8sNode) -> None:
    """Run disable and check that it worked."""
    done = node.disable()
    assert (done.exit_code, done.stderr) == (0, "")


@pytest.mark.parametrize("kind", DIRECT.values(), ids=DIRECT)
def test_direct(
    kind: Kind,
    request: pytest.FixtureRequest,
    microk8s_node: PullingNode,
    pulls: Pulls,
    untouched: Snapshot,
    trusting_engine: DockerEngine,
    ca_file: Path,
    tmp_path: Path,
) -> None:
    registry: Registry = request.getfixturevalue(kind.registry)
    reference = registry.reference(f"app-{secrets.token_hex(4)}")
    trusting_engine.build(reference)
    trusting_engine.push(reference)

    pulls.fail(reference, kind.refused)
    enabled(microk8s_node.node, *kind.options(registry, ca_file, tmp_path))
    pulls.work(reference)
    disabled(microk8s_node.node)
    pulls.fail(fill(registry, "other"), kind.refused)
    assert difference(untouched, microk8s_node.node.snapshot()) == []


def test_client_certificate_is_really_asked_for(
    microk8s_node: PullingNode, pulls: Pulls, mtls_registry: Registry, ca_file: Path
) -> None:
    enabled(microk8s_node.node, "--registry", mtls_registry.host, "--ca", str(ca_file))
    pulls.fail(fill(mtls_registry, "app"), "remote error: tls: ")


def test_mirrors_are_asked_in_order(
    microk8s_node: PullingNode,
    pulls: Pulls,
    tls_registry: Registry,
    new_registry: NewRegistry,
) -> None:
    first, second = new_registry(RegistrySpec()), new_registry(RegistrySpec())
    on_both, on_second = _names()
    for registry, name in ((first, on_both), (second, on_both), (second, on_second)):
        fill(registry, name)

    enabled(
        microk8s_node.node,
        *("--mirror", f"{tls_registry.host}={first.url}"),
        *("--mirror", f"{tls_registry.host}={second.url}"),
    )
    pulls.work(tls_registry.reference(on_both))
    assert first.pulls(on_both)
    assert not _asked(second, on_both)
    pulls.work(tls_registry.reference(on_second))
    assert second.pulls(on_second)


def test_mirror_with_a_project(
    microk8s_node: PullingNode,
    pulls: Pulls,
    tls_registry: Registry,
    new_registry: NewRegistry,
) -> None:
    mirror = new_registry(RegistrySpec())
    name, _ = _names()
    fill(mirror, f"proxy/{name}")
    enabled(microk8s_node.node, "--mirror", f"{tls_registry.host}={mirror.url}/proxy")
    pulls.work(tls_registry.reference(name))
    assert mirror.pulls(f"proxy/{name}")


def test_mirror_for_every_registry(
    microk8s_node: PullingNode,
    pulls: Pulls,
    tls_registry: Registry,
    plain_registry: Registry,
    new_registry: NewRegistry,
) -> None:
    mirror = new_registry(RegistrySpec())
    name, own = _names()
    fill(mirror, name)
    enabled(
        microk8s_node.node,
        *("--mirror", f"*={mirror.url}", "--no-fallback"),
    )
    enabled_too = microk8s_node.node.plugin(
        "private-registry", "add", "--insecure", plain_registry.host
    )
    assert enabled_too.exit_code == 0
    pulls.work(tls_registry.reference(name))
    pulls.work(fill(plain_registry, own))
    assert not _asked(mirror, own)


def test_pull_through_mirror(
    microk8s_node: PullingNode,
    pulls: Pulls,
    plain_registry: Registry,
    mirror_registry: Registry,
) -> None:
    name, _ = _names()
    reference = fill(plain_registry, name)
    pulls.fail(reference, HTTP_TO_HTTPS)
    enabled(
        microk8s_node.node,
        "--mirror",
        f"{plain_registry.host}={mirror_registry.url}",
        "--no-fallback",
    )
    pulls.work(reference)
    assert mirror_registry.pulls(name)
    assert not plain_registry.pulls(name)
    assert _asked(plain_registry, name)


def test_ten_registries_in_one_file(
    microk8s_node: PullingNode,
    pulls: Pulls,
    plain_registry: Registry,
    tls_registry: Registry,
    ca_file: Path,
    tmp_path: Path,
) -> None:
    others = "".join(
        f'[[registry]]\nhost = "r{number}.example.com"\n\n' for number in range(8)
    )
    file = tmp_path / "registries.toml"
    file.write_text(
        f'{others}[[registry]]\nhost = "{plain_registry.host}"\ninsecure = true\n\n'
        f'[[registry]]\nhost = "{tls_registry.host}"\nca_file = "{ca_file}"\n'
    )
    enabled(microk8s_node.node, "--file", str(file))
    pulls.work(fill(plain_registry, "one"))
    pulls.work(fill(tls_registry, "two"))


def _names() -> tuple[str, str]:
    suffix = secrets.token_hex(4)
    return f"a-{suffix}", f"b-{suffix}"


def _asked(registry: Registry, repository: str) -> bool:
    reads = [each for each in registry.requests() if each.method in ("GET", "HEAD")]
    return any(f"/{repository}/" in each.path for each in reads)
