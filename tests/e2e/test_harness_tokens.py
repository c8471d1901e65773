"""Registries with a token server: what clients need to have, and what they ask the
server for.
"""

from __future__ import annotations

import secrets
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_harness import (
    CertificateAuthority,
    HarnessNetwork,
    PullingNode,
    Registry,
    RegistrySpec,
    StartError,
    TokenRequest,
    TokenServer,
    fill,
    start_registry,
)
from registry_harness.pytest_plugin import NewRegistry, RegistryOfKind
from unit.harness.token_client import get, post

from .conftest import Pulls, run

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
REFUSED = ("failed to authorize", "401 Unauthorized")

transports = pytest.mark.parametrize("transport", ["http", "tls", "mtls"])


def server_of(registry: Registry) -> TokenServer:
    assert registry.token_server is not None
    return registry.token_server


def asked_of(registry: Registry, repository: str) -> list[TokenRequest]:
    """Return what a token server was asked about one repository."""
    scope = f"repository:{repository}:pull"
    return [each for each in server_of(registry).requests if scope in each.scopes]


def status(registry: Registry, path: str, token: str, method: str = "GET") -> int:
    """Ask a registry for something with a token."""
    headers = {"Authorization": f"Bearer {token}", "Accept": MANIFEST}
    request = urllib.request.Request(
        registry.url + path, headers=headers, method=method
    )
    try:
        with urllib.request.urlopen(
            request, timeout=5, context=registry.tls_context()
        ) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


@pytest.fixture
def registry(registry_of_kind: RegistryOfKind, transport: str) -> Registry:
    """A registry of this test's transport that wants a token."""
    return registry_of_kind(transport, "token")


@transports
def test_a_token_opens_what_it_is_for(transport: str, registry: Registry) -> None:
    server, name = server_of(registry), f"opened-{secrets.token_hex(4)}"
    fill(registry, name)
    manifest, upload = f"/v2/{name}/manifests/latest", f"/v2/{name}/blobs/uploads/"
    for ask in (get, post):
        trust = registry.tls_context()
        answer = ask(
            server, registry.credentials, f"repository:{name}:pull", trust=trust
        )
        assert status(registry, manifest, answer.body["token"]) == 200
        assert status(registry, upload, answer.body["token"], "POST") == 401
        answer = ask(
            server, registry.credentials, f"repository:{name}:pull,push", trust=trust
        )
        assert status(registry, upload, answer.body["token"], "POST") == 202
        answer = ask(
            server, registry.credentials, "repository:other:pull,push", trust=trust
        )
        assert status(registry, manifest, answer.body["token"]) == 401
        answer = ask(server, registry.credentials, trust=trust)
        assert status(registry, "/v2/", answer.body["token"]) == 200
    catalog = server.token("registry:catalog:*")
    assert status(registry, "/v2/_catalog", catalog) == 200


def test_a_registry_names_its_token_server(tls_token_registry: Registry) -> None:
    registry = tls_token_registry
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{registry.url}/v2/", context=registry.tls_context())
    with refused.value as answer:
        challenge = answer.headers["WWW-Authenticate"]
    realm = server_of(registry).realm
    assert challenge.startswith(f'Bearer realm="{realm}",service="registry-harness"')
    assert realm.startswith("https://")
    assert registry.host.split(":")[0] not in realm


def test_a_token_of_somebody_else_opens_nothing(
    token_registry: Registry, harness_network: HarnessNetwork
) -> None:
    fill(token_registry, "forged")
    path, scope = "/v2/forged/manifests/latest", "repository:forged:pull"
    forger = TokenServer(harness_network.gateway, CertificateAuthority())
    forger.stop()
    assert status(token_registry, path, forger.token(scope)) == 401
    assert status(token_registry, path, server_of(token_registry).token(scope)) == 200


def options(transport: str, registry: Registry, ca: Path, work: Path) -> list[str]:
    """What adds a registry to a node, but for its password."""
    assert registry.credentials is not None
    login = ["--username", registry.credentials.username, "--password-stdin"]
    if transport == "http":
        return ["--insecure", registry.host, "--allow-plaintext-credentials", *login]
    words = ["--registry", registry.host, "--ca", str(ca), *login]
    if registry.client is not None:
        (work / "client.crt").write_bytes(registry.client.certificate)
        (work / "client.key").write_bytes(registry.client.key)
        words += ["--client-cert", str(work / "client.crt")]
        words += ["--client-key", str(work / "client.key")]
    return words


@pytest.fixture
def node(microk8s_node: PullingNode) -> Iterator[PullingNode]:
    """A node that has no registry before or after the test."""
    yield microk8s_node
    microk8s_node.node.disable()


@transports
def test_containerd_pulls_with_a_token(
    transport: str,
    registry: Registry,
    node: PullingNode,
    pulls: Pulls,
    ca_file: Path,
    tmp_path: Path,
) -> None:
    assert registry.credentials is not None
    run(node.node.enable())
    add = ["add", *options(transport, registry, ca_file, tmp_path)]
    suffix = secrets.token_hex(4)
    username = registry.credentials.username

    run(node.node.plugin("private-registry", *add, stdin="wrong"))
    pulls.fail(fill(registry, f"wrong-{suffix}"), *REFUSED)
    refused = asked_of(registry, f"wrong-{suffix}")
    assert refused
    assert not [each for each in refused if each.granted or each.username != username]

    run(node.node.plugin("private-registry", *add, stdin=registry.credentials.password))
    pulls.work(fill(registry, f"right-{suffix}"))
    granted = asked_of(registry, f"right-{suffix}")
    scope = f"repository:right-{suffix}:pull"
    assert TokenRequest("POST", username, (scope,), 200, granted=True) in granted
    assert registry.pulls(f"right-{suffix}")


def test_containerd_pulls_without_credentials_where_that_is_allowed(
    node: PullingNode, pulls: Pulls, new_registry: NewRegistry, token_registry: Registry
) -> None:
    registry = new_registry(RegistrySpec(token=True, anonymous=True))
    run(
        node.node.enable("--insecure", registry.host, "--insecure", token_registry.host)
    )
    pulls.fail(fill(token_registry, "anonymous"), *REFUSED)
    pulls.work(fill(registry, "anonymous"))
    granted = TokenRequest(
        "GET", None, ("repository:anonymous:pull",), 200, granted=True
    )
    assert set(server_of(registry).requests) == {granted}
    server_of(registry).denied.add("denied")
    pulls.fail(fill(registry, "denied"), "insufficient_scope")
    assert not asked_of(registry, "denied")[-1].granted


def test_a_registry_stops_with_its_token_server(new_registry: NewRegistry) -> None:
    threads = set(threading.enumerate())
    registry = new_registry(RegistrySpec(tls=True, token=True))
    trust = registry.tls_context()
    assert get(server_of(registry), registry.credentials, trust=trust).status == 200
    registry.stop()
    assert set(threading.enumerate()) <= threads
    with pytest.raises(ConnectionRefusedError):
        get(server_of(registry), registry.credentials, trust=trust)


def test_a_registry_that_cannot_start_leaves_no_token_server(
    harness_network: HarnessNetwork,
    certificate_authority: CertificateAuthority,
    registry_image: str,
) -> None:
    threads = set(threading.enumerate())
    with pytest.raises(StartError, match="invalid port"):
        start_registry(
            RegistrySpec(token=True, port=99999),
            harness_network,
            certificate_authority,
            registry_image,
        )
    assert set(threading.enumerate()) <= threads
