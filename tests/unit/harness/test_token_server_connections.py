"""The token server as a server: TLS, many clients, slow ones, and its end."""

from __future__ import annotations

import random
import secrets
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from urllib.parse import urlsplit

import pytest

from registry_harness import (
    CertificateAuthority,
    Credentials,
    RegistrySpec,
    StartError,
    TokenServer,
)
from unit.harness.token_client import (
    ALICE,
    PULL,
    Ask,
    get,
    post,
    running,
)

ways = pytest.mark.parametrize("ask", [get, post])


@ways
def test_https(ask: Ask, authority: CertificateAuthority) -> None:
    trust = ssl.create_default_context(cadata=authority.pem.decode())
    other = ssl.create_default_context(cadata=CertificateAuthority().pem.decode())
    with running(authority, tls=True) as server:
        assert server.realm.startswith("https://127.0.0.1:")
        assert ask(server, ALICE, PULL, trust=trust).status == 200
        assert ask(server, Credentials("alice", "x"), PULL, trust=trust).is_refused
        with pytest.raises(ssl.SSLCertVerificationError):
            ask(server, ALICE, PULL, trust=other)
        with pytest.raises(ConnectionError):
            ask(server, ALICE, PULL)
        assert len(server.requests) == 2


@ways
def test_client_certificates(
    ask: Ask, authority: CertificateAuthority, capfd: pytest.CaptureFixture[str]
) -> None:
    right, none, other = (
        ssl.create_default_context(cadata=authority.pem.decode()) for _ in range(3)
    )
    authority.client().load_into(right)
    CertificateAuthority().client().load_into(other)
    with running(authority, tls=True, client_certificates=True) as server:
        assert ask(server, ALICE, PULL, trust=right).status == 200
        for wrong in (none, other):
            with pytest.raises(
                OSError, match=r"certificate required|unknown ca|closed|reset|EOF|pipe"
            ):
                ask(server, ALICE, PULL, trust=wrong)
        assert len(server.requests) == 1
    assert capfd.readouterr() == ("", "")


def test_many_users_ask_at_once(server: TokenServer) -> None:
    users = [
        Credentials(f"user {n} ∞", secrets.token_urlsafe(150)) for n in range(1000)
    ]
    server.users.update({each.username: each.password for each in users})
    asking = random.sample(users, 50)
    meet = threading.Barrier(len(asking), timeout=10)

    def ask_both_ways(credentials: Credentials) -> list[str]:
        scope = f"repository:{secrets.token_hex(4)}:pull"
        meet.wait()
        answers = [get(server, credentials, scope), post(server, credentials, scope)]
        assert [[*each.access] for each in answers] == [[scope.split(":")[1]]] * 2
        return [str(each.claims["sub"]) for each in answers]

    with ThreadPoolExecutor(len(asking)) as pool:
        subjects = list(pool.map(ask_both_ways, asking))
    assert subjects == [[each.username] * 2 for each in asking]
    assert len(server.requests) == 100
    assert all(request.granted for request in server.requests)


@pytest.mark.parametrize("tls", [False, True])
def test_a_client_that_says_nothing_delays_nobody(
    tls: bool, authority: CertificateAuthority
) -> None:
    trust = ssl.create_default_context(cadata=authority.pem.decode()) if tls else None
    with running(authority, tls=tls) as server:
        with closing(socket.create_connection(_address(server))):
            begin = time.monotonic()
            assert get(server, ALICE, trust=trust).status == 200
            assert time.monotonic() - begin < 2
        assert len(server.requests) == 1


@pytest.mark.parametrize("tls", [False, True])
def test_closing_frees_the_port_and_the_thread(
    tls: bool, authority: CertificateAuthority
) -> None:
    threads = set(threading.enumerate())
    with running(authority, tls=tls) as server:
        assert set(threading.enumerate()) > threads
        socket.create_connection(_address(server)).close()
    assert set(threading.enumerate()) == threads
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(_address(server))
    with socket.create_server(_address(server)):
        server.stop()


def test_each_has_a_port_of_its_own(
    server: TokenServer, open_server: TokenServer
) -> None:
    assert server.realm != open_server.realm


def test_an_address_of_another_machine(authority: CertificateAuthority) -> None:
    with pytest.raises(StartError, match=r"cannot listen on 192\.0\.2\.1"):
        TokenServer("192.0.2.1", authority)


def _address(server: TokenServer) -> tuple[str, int]:
    url = urlsplit(server.realm)
    assert url.hostname is not None
    assert url.port is not None
    return url.hostname, url.port


def test_a_registry_cannot_ask_both_ways() -> None:
    with pytest.raises(ValueError, match="either for a password or for a token"):
        RegistrySpec(htpasswd=True, token=True)
    with pytest.raises(ValueError, match="anonymous"):
        RegistrySpec(htpasswd=True, anonymous=True)
