"""A server that answers what a test tells it to, by HTTP or HTTPS, and remembers
what was asked.
"""

from __future__ import annotations

import socket
import ssl
import tempfile
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

from unit.listening import Listening
from unit.pki import Pair


class Said(NamedTuple):
    """One answer."""

    status: int = 200
    headers: Tuple[Tuple[str, str], ...] = ()
    body: bytes = b"{}"
    date: str = ""


class Heard(NamedTuple):
    """One request."""

    method: str
    path: str
    headers: Dict[str, str]
    body: bytes = b""


Answering = Callable[[Heard], Said]


class FakeRegistry:
    """A running server.

    Args:
        answering: what it answers to what; by default that it is a registry.
        pair: its certificate; None for plain HTTP.
        client_authority: signs what it wants clients to present; None for nothing.
        newest_tls: the newest version of TLS it speaks.
    """

    def __init__(
        self,
        answering: Optional[Answering] = None,
        pair: Optional[Pair] = None,
        client_authority: Optional[Pair] = None,
        newest_tls: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
    ) -> None:
        self.heard: List[Heard] = []
        self.answering = answering or (lambda _heard: Said())
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.registry = self
        if pair is not None:
            self._server.context = _context(pair, client_authority, newest_tls)
        self.authority = f"127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        """Let it answer no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _context(
    pair: Pair, client_authority: Optional[Pair], newest_tls: ssl.TLSVersion
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = newest_tls
    with tempfile.TemporaryDirectory() as work:
        file = Path(work) / "pem"
        file.write_text(pair.pem + pair.key)
        context.load_cert_chain(str(file))
    if client_authority is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=client_authority.pem)
    return context


class _Server(ThreadingHTTPServer):
    registry: FakeRegistry
    context: Optional[ssl.SSLContext] = None
    daemon_threads = True
    request_queue_size = 256

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.context is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(5)
        try:
            with self.context.wrap_socket(request, server_side=True) as channel:
                super().finish_request(channel, client_address)
        except OSError:
            # Clients that do not like the certificate, or have none, go away.
            return

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leave it to the client to notice."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_any(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        heard = Heard(
            self.command, self.path, dict(self.headers), self.rfile.read(length)
        )
        self.server.registry.heard.append(heard)
        said = self.server.registry.answering(heard)
        self.send_response_only(said.status)
        if said.date:
            self.send_header("Date", said.date)
        for name, value in said.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(said.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(said.body)

    do_GET = do_HEAD = do_POST = do_CONNECT = do_any  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


class FakeRegistries:
    """Starts them, and stops all."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def start(
        self,
        answering: Optional[Answering] = None,
        pair: Optional[Pair] = None,
        **options: Any
    ) -> FakeRegistry:
        """Start one; see FakeRegistry."""
        registry = FakeRegistry(answering, pair, **options)
        self._stack.callback(registry.close)
        return registry

    def raw(self, serve: Callable[[socket.socket], None]) -> str:
        """Start something that is no HTTP server; return its ``HOST:PORT``."""
        listener = socket.create_server(("127.0.0.1", 0))

        def talk(connection: socket.socket) -> None:
            with connection:
                serve(connection)

        authority = f"127.0.0.1:{listener.getsockname()[1]}"
        self._stack.callback(Listening(listener, talk).close)
        return authority
