"""Every kind of registry in every version of distribution: asked itself, and as a
mirror.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from registry_harness import (
    Credentials,
    PullFailed,
    PullingNode,
    PushRefused,
    Registry,
    difference,
    fill,
    pulling_node,
)
from registry_harness.containerd.releases import SERIES, ContainerdRelease
from registry_harness.pytest_plugin import NewRegistry, RegistryOfKind, log_on_failure
from registry_harness.registries.distribution import DEFAULT, DISTRIBUTIONS
from registry_harness.registries.kinds import AUTHENTICATIONS, TRANSPORTS

from .conftest import HTTP_TO_HTTPS, UNKNOWN_CA, Pulls, run

REFUSED = "401 Unauthorized"


@pytest.fixture(scope="module")
def node(
    containerd_releases: dict[str, ContainerdRelease],
    addon_repository: Path,
    addon_name: str,
    pytestconfig: pytest.Config,
) -> Iterator[PullingNode]:
    """A node with the newest containerd."""
    with (
        pulling_node(
            containerd_releases[SERIES[-1]], addon_repository, addon_name
        ) as made,
        log_on_failure(pytestconfig, "containerd", made.containerd.log),
    ):
        yield made


def is_of(distribution: str, registry: Registry) -> bool:
    """Whether a registry says, in its log, that it is of this version."""
    match = re.search(r" version=v?(\d\S*)", registry.log())
    return match is not None and DISTRIBUTIONS[distribution].has(match[1])


def tls_options(registry: Registry, ca: Path, work: Path) -> list[str]:
    """Return what a client needs to trust a registry, and to be let in."""
    options = ["--ca", str(ca)] if registry.spec.tls else []
    if registry.client is not None:
        (work / "cert").write_bytes(registry.client.certificate)
        (work / "key").write_bytes(registry.client.key)
        options += [
            "--client-cert",
            str(work / "cert"),
            "--client-key",
            str(work / "key"),
        ]
    return options


def is_pulled_while_enabled(
    node: PullingNode, registry: Registry, other: Registry, options: list[str]
) -> None:
    """Pull before, while and after the registry is enabled: with the right login, and
    without.

    Args:
        node: that pulls.
        registry: that is asked.
        other: that the image is pushed to, and named after.
        options: what enables the registry.
    """
    pull, name = node.containerd.cri.pull, f"app-{secrets.token_hex(4)}"
    words = UNKNOWN_CA if other.spec.tls else HTTP_TO_HTTPS
    reference = fill(other, name)
    Pulls(node).fail(reference, words)
    run(node.node.enable(*options))
    if registry.spec.asks_for_login:
        for wrong in (None, Credentials.random()):
            with pytest.raises(
                PullFailed, match=f"{REFUSED}|no basic auth credentials"
            ):
                pull(reference, credentials=wrong)
    pull(reference, credentials=registry.credentials)
    assert registry.pulls(name)
    assert registry is other or not other.pulls(name)
    run(node.node.disable())
    Pulls(node).fail(fill(other, "after"), words)


def _kinds() -> Iterator[object]:
    """Every kind in each version; daily each transport and each login once in each."""
    daily = set(zip(TRANSPORTS, AUTHENTICATIONS, strict=True))
    for each in product(TRANSPORTS, AUTHENTICATIONS, DISTRIBUTIONS):
        marks = () if each[:2] in daily else (pytest.mark.exhaustive,)
        yield pytest.param(each, marks=marks, id="-".join(each))


@pytest.fixture(params=_kinds())
def kind(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    """Each kind in each version: transport, login, distribution."""
    transport, authentication, distribution = request.param
    return transport, authentication, distribution


def test_one_that_is_asked_itself(
    kind: tuple[str, str, str],
    registry_of_kind: RegistryOfKind,
    node: PullingNode,
    ca_file: Path,
    tmp_path: Path,
) -> None:
    registry = registry_of_kind(*kind)
    assert is_of(registry.spec.distribution, registry)
    option, before = (
        "--registry" if registry.spec.tls else "--insecure"
    ), node.node.snapshot()
    options = [option, registry.host, *tls_options(registry, ca_file, tmp_path)]
    is_pulled_while_enabled(node, registry, registry, options)
    assert difference(before, node.node.snapshot()) == []


@pytest.mark.exhaustive
def test_a_mirror(
    kind: tuple[str, str, str],
    registry_of_kind: RegistryOfKind,
    new_registry: NewRegistry,
    node: PullingNode,
    ca_file: Path,
    tmp_path: Path,
) -> None:
    upstream = registry_of_kind("http", "none", kind[2])
    mirror = new_registry(replace(registry_of_kind(*kind).spec, proxy_of=upstream))
    assert is_of(kind[2], mirror)
    with pytest.raises(PushRefused, match=r"405 .*UNSUPPORTED"):
        fill(mirror, "refused")
    before = node.node.snapshot()
    options = ["--mirror", f"{upstream.host}={mirror.url}", "--no-fallback"]
    options += tls_options(mirror, ca_file, tmp_path)
    is_pulled_while_enabled(node, mirror, upstream, options)
    assert difference(before, node.node.snapshot()) == []


def test_the_default_is_one_of_them(registry_of_kind: RegistryOfKind) -> None:
    registry = registry_of_kind("http", "none")
    assert registry is registry_of_kind("http", "none", DEFAULT)
    assert registry is not registry_of_kind("http", "none", "2.8")
