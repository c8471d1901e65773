"""What stands in front of registries and in their way, without Docker."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Iterator

import pytest

from registry_harness import CertificateAuthority
from registry_harness.registries.gatekeeper import (
    Answer,
    BlackHole,
    ForwardProxy,
    Gatekeeper,
    always,
)

ADDRESS = "127.0.0.1"
HELLO = b"\x16\x03\x01\x00\x00"


@pytest.fixture
def behind() -> Iterator[Gatekeeper]:
    """What answers for a registry."""
    with Gatekeeper(ADDRESS, NOBODY) as server:
        server.be(rule=always(Answer(200, {"X-From": "behind"}, b"app")))
        yield server


@pytest.fixture
def gate(behind: Gatekeeper) -> Iterator[Gatekeeper]:
    with Gatekeeper(ADDRESS, behind) as gate:
        yield gate


class Nobody:
    host = f"{ADDRESS}:1"


NOBODY = Nobody()


def get(
    host: str, path: str = "/v2/", context: ssl.SSLContext | None = None
) -> tuple[int, bytes]:
    """Ask; return status and body."""
    connection = (
        http.client.HTTPConnection(host, timeout=5)
        if context is None
        else http.client.HTTPSConnection(host, timeout=5, context=context)
    )
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def said(host: str, first: bytes) -> bytes:
    """Say something to a server, and return all that it says before it hangs up."""
    address, _, port = host.rpartition(":")
    with socket.create_connection((address, int(port)), 5) as client:
        client.sendall(first)
        return b"".join(iter(lambda: client.recv(4096), b""))


def test_a_gatekeeper_passes_on_and_remembers(
    gate: Gatekeeper, behind: Gatekeeper
) -> None:
    assert get(gate.host, "/v2/app?ns=x") == (200, b"app")
    assert gate.requests == behind.requests == ["/v2/app?ns=x"]


def test_it_answers_by_itself_what_its_rule_says(
    gate: Gatekeeper, behind: Gatekeeper
) -> None:
    gate.be(rule=lambda path: Answer(503, {}, b"no") if path == "/v2/" else None)
    assert get(gate.host) == (503, b"no")
    assert get(gate.host, "/v2/app") == (200, b"app")
    assert behind.requests == ["/v2/app"]
    gate.be()
    assert get(gate.host) == (200, b"app")


def test_it_tells_any_date(gate: Gatekeeper) -> None:
    date = "Mon, 02 Jan 2006 15:04:05 GMT"
    gate.be(rule=always(Answer(200, {"Date": date})))
    told = said(gate.host, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n").decode()
    assert told.count("Date:") == 1
    assert date in told


def test_it_may_have_any_certificate(
    gate: Gatekeeper, authority: CertificateAuthority
) -> None:
    trusting = ssl.create_default_context(cadata=authority.pem.decode())
    gate.be(authority.server(ADDRESS))
    assert get(gate.host, context=trusting) == (200, b"app")
    gate.be(authority.server("reg.example"))
    with pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        get(gate.host, context=trusting)


def test_it_may_want_client_certificates(
    gate: Gatekeeper, authority: CertificateAuthority
) -> None:
    trusting = ssl.create_default_context(cadata=authority.pem.decode())
    gate.be(authority.server(ADDRESS), clients=authority)
    with pytest.raises(OSError, match=r"certificate required|closed|reset|pipe|EOF"):
        get(gate.host, context=trusting)
    authority.client().load_into(trusting)
    assert get(gate.host, context=trusting) == (200, b"app")


@pytest.mark.parametrize("greeting", [b"", b"SSH-2.0-server\r\n"])
def test_it_may_say_the_same_to_everybody(gate: Gatekeeper, greeting: bytes) -> None:
    gate.be(greeting=greeting)
    assert said(gate.host, b"G") == said(gate.host, HELLO[:1]) == greeting


def test_it_may_hang_up_on_tls_only(gate: Gatekeeper) -> None:
    assert said(gate.host, HELLO + b"\r\n").startswith(b"HTTP/1.1 400 ")
    gate.be(to_hello=b"")
    assert said(gate.host, HELLO[:1]) == b""
    assert get(gate.host) == (200, b"app")


def test_nobody_answers_from_a_black_hole() -> None:
    with BlackHole(ADDRESS) as hole, socket.socket() as client:
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.connect((ADDRESS, int(hole.host.rpartition(":")[2])))


@pytest.mark.parametrize("forbids", [False, True], ids=["lets through", "forbids"])
def test_a_proxy(behind: Gatekeeper, *, forbids: bool) -> None:
    wanted = (403, b"") if forbids else (200, b"app")
    with ForwardProxy(ADDRESS, forbids=forbids) as proxy:
        host = proxy.url.removeprefix("http://")
        assert get(host, f"http://{behind.host}/v2/") == wanted
        tunnel = http.client.HTTPConnection(host, timeout=5)
        tunnel.set_tunnel(behind.host)
        if forbids:
            with pytest.raises(OSError, match="403 Forbidden"):
                tunnel.request("GET", "/v2/")
        else:
            tunnel.request("GET", "/v2/")
            assert tunnel.getresponse().read() == b"app"
        tunnel.close()
    assert [each.split()[:2] for each in proxy.requests] == [
        ["GET", f"http://{behind.host}/v2/"],
        ["CONNECT", behind.host],
    ]
    assert len(behind.requests) == (0 if forbids else 2)
