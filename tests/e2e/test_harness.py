"""The harness itself: registries ask for what they should, the engine pushes,
nothing is left.
"""

from __future__ import annotations

import os
import re
import secrets
import socket
import ssl
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest

from registry_harness import (
    CertificateAuthority,
    Credentials,
    DockerEngine,
    HarnessNetwork,
    PullingNode,
    PushRefused,
    Registry,
    RegistrySpec,
    StartError,
    fill,
    pulling_node,
    start_registry,
)
from registry_harness.containerd.releases import ContainerdRelease
from registry_harness.pytest_plugin import NewRegistry, RegistryOfKind
from registry_harness.registries.kinds import AUTHENTICATIONS, TRANSPORTS
from registry_harness.registries.network import LABEL, Ipv6Network, remove_stale

from .conftest import HTTP_TO_HTTPS, parts_in_docker


@pytest.mark.parametrize("authentication", AUTHENTICATIONS)
@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_registry_asks_for_what_it_should(
    transport: str, authentication: str, registry_of_kind: RegistryOfKind
) -> None:
    registry = registry_of_kind(transport, authentication)
    assert not registry.host.startswith("127.")
    assert registry.url.startswith("http:" if transport == "http" else "https:")
    assert registry.open("/v2/") == (200 if authentication == "none" else 401)
    assert (registry.client is not None) == (transport == "mtls")
    assert (registry.credentials is not None) == (authentication != "none")
    assert (registry.token_server is not None) == (authentication == "token")
    fill(registry, "asked")
    assert any(
        each.method == "PUT" and each.status == 201 for each in registry.requests()
    )


def test_what_connects_by_ipv6_comes_from_the_network(
    plain_registry: Registry, harness_network: HarnessNetwork
) -> None:
    with Ipv6Network(harness_network) as network:
        address = network.address_of(plain_registry.container.get_wrapped_container())
        begun = time.monotonic()
        with socket.create_connection((address, plain_registry.spec.port)) as stream:
            assert stream.getsockname()[0] == re.sub("::.*", "::1", address)
        assert time.monotonic() - begun < 5


def test_others_may_end_their_containers_while_stale_ones_are_looked_for(
    docker_client: docker.DockerClient, registry_image: str
) -> None:
    is_over = threading.Event()
    others = docker.from_env()

    def come_and_go() -> None:
        while not is_over.is_set():
            labels = {LABEL: str(os.getpid())}
            others.containers.create(registry_image, labels=labels).remove()

    coming = threading.Thread(target=come_and_go)
    coming.start()
    try:
        for _ in range(20):
            remove_stale(docker_client)
            parts_in_docker(docker_client)
    finally:
        is_over.set()
        coming.join()
        others.close()


@pytest.mark.parametrize(
    ("fixture", "transport", "authentication"),
    [
        ("plain_registry", "http", "none"),
        ("tls_registry", "tls", "none"),
        ("mtls_registry", "mtls", "none"),
        ("htpasswd_registry", "http", "htpasswd"),
        ("tls_htpasswd_registry", "tls", "htpasswd"),
        ("token_registry", "http", "token"),
        ("tls_token_registry", "tls", "token"),
    ],
)
def test_a_session_has_one_registry_of_each_kind(
    fixture: str,
    transport: str,
    authentication: str,
    registry_of_kind: RegistryOfKind,
    request: pytest.FixtureRequest,
) -> None:
    assert request.getfixturevalue(fixture) is registry_of_kind(
        transport, authentication
    )


def test_another_ca_is_not_trusted(tls_registry: Registry) -> None:
    other = ssl.create_default_context(cadata=CertificateAuthority().pem.decode())
    with pytest.raises(urllib.error.URLError, match="certificate verify failed"):
        urllib.request.urlopen(tls_registry.url, timeout=5, context=other)


def test_a_client_certificate_is_asked_for(mtls_registry: Registry) -> None:
    assert mtls_registry.ca is not None
    without = ssl.create_default_context(cadata=mtls_registry.ca.decode())
    with pytest.raises(OSError, match=r"certificate required|alert"):
        urllib.request.urlopen(mtls_registry.url, timeout=5, context=without).read()


@pytest.mark.exhaustive
def test_a_mirror_serves_what_it_has_when_its_upstream_is_gone(
    new_registry: NewRegistry, microk8s_node: PullingNode
) -> None:
    upstream = new_registry(RegistrySpec())
    mirror = new_registry(RegistrySpec(proxy_of=upstream))
    reference = fill(upstream, "app")
    option = f"{upstream.host}={mirror.url}"
    assert microk8s_node.node.enable("--mirror", option, "--no-fallback").exit_code == 0
    microk8s_node.pull(reference)
    upstream.stop()
    # At an address that nobody has each attempt would wait for three seconds, so that a
    # pull takes up to a minute; here the machine refuses.
    address = upstream.host.partition(":")[0]
    new_registry(RegistrySpec(address=address, port=5001))
    served = len(mirror.pulls("app"))
    microk8s_node.containerd.cri.remove(reference)
    microk8s_node.pull(reference)
    assert len(mirror.pulls("app")) > served > 0
    assert microk8s_node.node.disable().exit_code == 0


def test_a_registry_that_cannot_start_shows_its_log(
    harness_network: HarnessNetwork,
    certificate_authority: CertificateAuthority,
    registry_image: str,
) -> None:
    # Other runs may be going on beside this one.
    own = str(os.getpid())
    taken = parts_in_docker(harness_network.client).count(own)
    with pytest.raises(StartError, match="invalid port"):
        start_registry(
            RegistrySpec(port=99999),
            harness_network,
            certificate_authority,
            registry_image,
        )
    assert parts_in_docker(harness_network.client).count(own) == taken


def test_push_is_refused_until_trusted_and_after_it_is_taken_back(
    docker_engine: DockerEngine,
    new_registry: NewRegistry,
    docker_client: docker.DockerClient,
) -> None:
    host_before = docker_client.info()["RegistryConfig"]
    plain, secure = new_registry(RegistrySpec()), new_registry(RegistrySpec(tls=True))
    wanted = new_registry(RegistrySpec(tls=True, client_certificates=True))
    refusals = {plain: HTTP_TO_HTTPS, secure: "x509", wanted: "x509"}
    references = {each: each.reference("pushed") for each in refusals}
    for registry, words in refusals.items():
        docker_engine.build(references[registry])
        with pytest.raises(PushRefused, match=re.escape(words)):
            docker_engine.push(references[registry])

    docker_engine.trust_insecure(plain.host)
    for registry in (secure, wanted):
        assert registry.ca is not None
        docker_engine.trust_ca(registry.host, registry.ca, registry.client)
    for registry in refusals:
        docker_engine.push(references[registry])

    docker_engine.trust_insecure()
    docker_engine.distrust(secure.host)
    docker_engine.distrust(wanted.host)
    for registry, words in refusals.items():
        with pytest.raises(PushRefused, match=re.escape(words)):
            docker_engine.push(references[registry])
    assert docker_client.info()["RegistryConfig"] == host_before
    assert not Path("/etc/docker/certs.d", secure.host).exists()


@pytest.mark.parametrize(
    ("transport", "authentication"),
    [("tls", "htpasswd"), ("tls", "token"), ("mtls", "token")],
)
def test_push_needs_the_right_password(
    transport: str,
    authentication: str,
    docker_engine: DockerEngine,
    registry_of_kind: RegistryOfKind,
) -> None:
    registry = registry_of_kind(transport, authentication)
    assert registry.ca is not None
    docker_engine.trust_ca(registry.host, registry.ca, registry.client)
    reference = registry.reference(f"secret-{secrets.token_hex(4)}")
    docker_engine.build(reference)
    for wrong in (None, Credentials.random()):
        with pytest.raises(PushRefused, match=r"no basic auth|unauthorized"):
            docker_engine.push(reference, wrong)
    docker_engine.push(reference, registry.credentials)


@pytest.fixture
def own_node(
    containerd_release: ContainerdRelease, addon_repository: Path, addon_name: str
) -> Iterator[PullingNode]:
    """A node that a test may restart."""
    with pulling_node(containerd_release, addon_repository, addon_name) as node:
        yield node


def test_snapctl_restarts_the_nodes_own_containerd(own_node: PullingNode) -> None:
    node = own_node.node
    snapctl = node.snap / "usr/bin/snapctl"
    series = own_node.containerd.release.series
    assert own_node.containerd.cri.version().lstrip("v").startswith(series)
    assert node.run(snapctl, "restart", "microk8s.daemon-containerd").exit_code == 0
    assert own_node.containerd.starts == 2
    assert own_node.containerd.cri.is_ready()
    assert node.run(snapctl, "stop", "microk8s").exit_code == 1
    assert own_node.snapctl.requests == [
        "restart microk8s.daemon-containerd",
        "stop microk8s",
    ]
