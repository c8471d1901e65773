"""Connections to API servers: what is asked goes over those that are there already."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from registry_harness.kubernetes import Api
from registry_harness.kubernetes.connections import close_kept_connections
from registry_harness.registries.certificates import CertificateAuthority

ADDRESS = "127.0.0.1"


class Server(ThreadingHTTPServer):
    """Answers everything by what it was asked for, and counts connections.

    Those of before are closed with it.
    """

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        super().__init__((ADDRESS, port), Handler)
        self.context, self.connections = context, 0
        self.asked: list[str] = []

    def get_request(self) -> tuple[ssl.SSLSocket, tuple[str, int]]:
        """Take a connection."""
        accepted, address = super().get_request()
        self.connections += 1
        return self.context.wrap_socket(accepted, server_side=True), address


class Handler(BaseHTTPRequestHandler):
    """Answers."""

    protocol_version = "HTTP/1.1"
    server: Server

    def _any(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
        self.close_connection = self.path == "/last"

    # The names that http.server calls by.
    do_GET = do_POST = _any  # noqa: N815

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture
def authority() -> CertificateAuthority:
    """Whom the server's certificate is of."""
    return CertificateAuthority()


@pytest.fixture
def context(authority: CertificateAuthority, tmp_path: Path) -> ssl.SSLContext:
    """What the server proves itself by."""
    pair = authority.server(ADDRESS)
    for name, content in (("crt", pair.certificate), ("key", pair.key)):
        (tmp_path / name).write_bytes(content)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    return made


@contextmanager
def serving(context: ssl.SSLContext, port: int = 0) -> Iterator[Server]:
    server = Server(port, context)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        close_kept_connections(f"{ADDRESS}:{server.server_port}")
        server.shutdown()
        thread.join()
        server.server_close()


def api_of(server: Server, authority: CertificateAuthority) -> Api:
    return Api(f"{ADDRESS}:{server.server_port}", authority.pem.decode(), "token")


def test_questions_share_one_and_changes_have_their_own(
    context: ssl.SSLContext, authority: CertificateAuthority
) -> None:
    with serving(context) as server:
        api = api_of(server, authority)
        for _ in range(3):
            api.call("GET", "/a")
        assert server.connections == 1
        api.call("POST", "/b", {})
        api.call("GET", "/a")
        assert server.connections == 2


def test_a_question_over_one_that_was_closed_meanwhile_is_asked_again(
    context: ssl.SSLContext, authority: CertificateAuthority
) -> None:
    with serving(context) as server:
        api = api_of(server, authority)
        for path in ("/last", "/last", "/a"):
            api.call("GET", path)
        assert server.asked == ["GET /last", "GET /last", "GET /a"]
        assert server.connections == 3


def test_where_nobody_answers_it_is_said(
    context: ssl.SSLContext, authority: CertificateAuthority
) -> None:
    with serving(context) as server:
        api = api_of(server, authority)
        api.call("GET", "/last")
    with pytest.raises(ConnectionRefusedError):
        api.call("GET", "/a")
