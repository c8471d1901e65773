"""Registries that send their clients to a token server, as Docker Hub and Harbor do."""

from __future__ import annotations

import base64
import json
import ssl
import threading
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import jwt
import pytest

from registry_harness import (
    CertificateAuthority,
    Credentials,
    PullingNode,
    Registry,
    RegistrySpec,
    TokenServer,
    fill,
)
from registry_harness.pytest_plugin import NewRegistry, RegistryOfKind

from .conftest import Pulls, run

AWKWARD = Credentials("robot$lib ü", ":/%# \"'\\$∞" * 20)
LOOPBACK = "127.0.0.1"


@pytest.fixture
def tokens(certificate_authority: CertificateAuthority) -> Any:
    with TokenServer(LOOPBACK, certificate_authority) as server:
        server.add(AWKWARD)
        yield server


def ask(
    realm: str,
    login: Credentials | None,
    *,
    post: bool = False,
    context: ssl.SSLContext | None = None,
) -> tuple[int, dict[str, Any]]:
    query = {"service": "registry-harness", "scope": "repository:app:pull,push"}
    request = urllib.request.Request(f"{realm}?{urllib.parse.urlencode(query)}")
    if login is not None and not post:
        request.add_header("Authorization", login.basic())
    if login is not None and post:
        login_form = {"username": login.username, "password": login.password}
        form = {**query, "grant_type": "password", **login_form}
        request = urllib.request.Request(realm, urllib.parse.urlencode(form).encode())
    try:
        with urllib.request.urlopen(request, timeout=5, context=context) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, {}


def access(token: str) -> Any:
    return jwt.decode(token, options={"verify_signature": False})["access"]


@pytest.mark.parametrize("post", [False, True])
def test_who_logs_in_gets_a_token(tokens: TokenServer, post: bool) -> None:
    status, answer = ask(tokens.realm, AWKWARD, post=post)
    assert status == 200
    scope = {"type": "repository", "name": "app", "actions": ["pull", "push"]}
    assert access(answer["token"]) == [scope]
    (request,) = tokens.requests
    assert (request.method, request.username) == ("POST" if post else "GET", AWKWARD.username)
    assert request.granted
    assert AWKWARD.password not in repr(tokens.requests)


@pytest.mark.parametrize("post", [False, True])
@pytest.mark.parametrize(
    "login",
    [Credentials(AWKWARD.username, "wrong"), Credentials("nobody", AWKWARD.password), None],
    ids=["password", "user", "nobody"],
)
def test_who_does_not_gets_none(tokens: TokenServer, login: Credentials | None, post: bool) -> None:
    assert ask(tokens.realm, login, post=post)[0] == 401
    assert not tokens.requests[-1].granted


def test_an_anonymous_client_may_pull_only(certificate_authority: CertificateAuthority) -> None:
    with TokenServer(LOOPBACK, certificate_authority, anonymous=True) as tokens:
        status, answer = ask(tokens.realm, None)
        assert status == 200
        assert access(answer["token"])[0]["actions"] == ["pull"]
        assert ask(tokens.realm, AWKWARD)[0] == 401


def test_a_header_that_is_none_is_refused(tokens: TokenServer) -> None:
    broken = base64.b64encode(b"\xff\xff").decode()
    for value in ("Basic %%%", f"Basic {broken}", "Basic"):
        request = urllib.request.Request(tokens.realm, headers={"Authorization": value})
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=5)
        refused.value.close()
        assert refused.value.code == 401


def test_fifty_at_once(tokens: TokenServer) -> None:
    answers: list[int] = []

    def one() -> None:
        answers.append(ask(tokens.realm, AWKWARD)[0])

    threads = [threading.Thread(target=one) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 50


def test_it_is_gone_when_closed(certificate_authority: CertificateAuthority) -> None:
    with TokenServer(LOOPBACK, certificate_authority) as tokens:
        realm = tokens.realm
    with pytest.raises(urllib.error.URLError):
        ask(realm, AWKWARD)


@pytest.mark.parametrize("transport", ["http", "tls", "mtls"])
def test_a_registry_takes_its_tokens_and_no_others(
    registry_of_kind: RegistryOfKind, transport: str
) -> None:
    registry = registry_of_kind(transport, "token")
    tokens = registry.token_server
    assert tokens is not None
    assert registry.credentials is not None
    assert registry.open("/v2/") == 401
    context = registry.tls_context()
    _, answer = ask(tokens.realm, registry.credentials, context=context)
    assert _status(registry, answer["token"]) == 200
    assert _status(registry, answer["token"][:-8] + "AAAAAAAA") == 401
    stranger = CertificateAuthority("stranger")
    with TokenServer(LOOPBACK, stranger) as others:
        assert _status(registry, others.token("repository:app:pull")) == 401


def test_a_token_server_that_wants_a_client_certificate(registry_of_kind: RegistryOfKind) -> None:
    registry = registry_of_kind("mtls", "token")
    assert registry.ca is not None
    assert registry.token_server is not None
    without = ssl.create_default_context(cadata=registry.ca.decode())
    with pytest.raises(OSError, match=r"certificate required|EOF|reset|closed"):
        ask(registry.token_server.realm, registry.credentials, context=without)


def test_an_anonymous_pull(new_registry: NewRegistry) -> None:
    registry = new_registry(RegistrySpec(token=True, anonymous=True))
    assert registry.token_server is not None
    _, answer = ask(registry.token_server.realm, None)
    assert _status(registry, answer["token"]) == 200


def test_containerd_as_a_wrong_user_and_as_nobody(
    microk8s_node: PullingNode,
    pulls: Pulls,
    token_registry: Registry,
    new_registry: NewRegistry,
) -> None:
    node = microk8s_node.node
    assert token_registry.credentials is not None
    login = ["--username", "nobody", "--password-stdin", "--allow-plaintext-credentials"]
    options = ["--insecure", token_registry.host, *login]
    run(node.enable(*options, stdin=token_registry.credentials.password))
    pulls.fail(fill(token_registry, "wrong-user"), "failed to fetch oauth token")
    everybody = new_registry(RegistrySpec(token=True, anonymous=True))
    run(node.plugin("private-registry", "add", "--insecure", everybody.host))
    pulls.work(fill(everybody, "anonymous"))
    run(node.disable())


def _status(registry: Registry, token: str) -> int:
    request = urllib.request.Request(
        f"{registry.url}/v2/", headers={"Authorization": f"Bearer {token}"}
    )
    try:
        with urllib.request.urlopen(request, timeout=5, context=registry.tls_context()) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
