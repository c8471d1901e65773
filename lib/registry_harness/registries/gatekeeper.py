"""A server in front of a registry that passes everything on, or does what registries
should not.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol
from urllib.parse import urlsplit

from registry_harness.machine.running import Running
from registry_harness.registries.certificates import CertificateAuthority, KeyPair

_SECONDS = 10
_BACKLOG = 128
_BYTES = 65536
_TLS_RECORD = b"\x16"


@dataclass(frozen=True)
class Answer:
    """What a gatekeeper answers by itself.

    Args:
        status: of the answer.
        headers: beside those that say how long it is.
        body: of the answer.
    """

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


class Server(Protocol):
    """What speaks plain HTTP somewhere, such as a registry."""

    @property
    def host(self) -> str:
        """``ADDRESS:PORT``."""


# Returns what to answer to a path; None to pass the request on.
Rule = Callable[[str], Answer | None]


def pass_on(_path: str) -> Answer | None:
    """Let every request through."""
    return None


def always(answer: Answer) -> Rule:
    """Answer everything alike."""
    return lambda _path: answer


class Gatekeeper(Running):
    """Stands in front of a registry that speaks plain HTTP, and may be changed while it
    runs.

    Args:
        address: of this machine, where it answers.
        server: what it passes requests on to.
        port: where it answers; 0 lets the kernel choose.

    Attributes:
        host: ``ADDRESS:PORT``.
        requests: paths of what it was asked.
    """

    def __init__(self, address: str, server: Server, port: int = 0) -> None:
        self.requests: list[str] = []
        self._upstream = server
        self._listener = socket.create_server((address, port), backlog=_BACKLOG)
        self.host = f"{address}:{self._listener.getsockname()[1]}"
        self._context: ssl.SSLContext | None = None
        self._rule: Rule = pass_on
        self._greeting: bytes | None = None
        self._to_hello: bytes | None = None
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        """Let it answer."""
        self._thread.start()

    def stop(self) -> None:
        """Let it answer no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def be(
        self,
        pair: KeyPair | None = None,
        *,
        rule: Rule = pass_on,
        clients: CertificateAuthority | None = None,
        greeting: bytes | None = None,
        to_hello: bytes | None = None,
    ) -> None:
        """Change what it does, from the next connection on.

        Args:
            pair: its certificate; None for plain HTTP.
            rule: what it answers by itself.
            clients: whose certificates it wants clients to present; None for nothing.
            greeting: all that it says, whatever it is asked, before it hangs up; None
                to answer.
            to_hello: as ``greeting``, but only to those who begin TLS where it speaks
                plain HTTP; None for what Go's servers say.
        """
        context = None
        if pair is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            pair.load_into(context)
            if clients is not None:
                context.verify_mode = ssl.CERT_REQUIRED
                context.load_verify_locations(cadata=clients.pem.decode())
        self._context, self._rule = context, rule
        self._greeting, self._to_hello = greeting, to_hello

    def answer(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        """Return what it answers to a request."""
        self.requests.append(path)
        return self._rule(urlsplit(path).path) or self._passed_on(method, path, headers)

    def _passed_on(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        connection = http.client.HTTPConnection(self._upstream.host, timeout=_SECONDS)
        kept = {
            key: value
            for key, value in headers.items()
            if key in ("Accept", "Authorization")
        }
        try:
            connection.request(method, path, headers=kept)
            answer = connection.getresponse()
            told = {
                key: value
                for key, value in answer.getheaders()
                if key not in ("Connection", "Date", "Transfer-Encoding")
            }
            return Answer(answer.status, told, answer.read())
        finally:
            connection.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(
                target=self._talk, args=(client, self._context), daemon=True
            ).start()

    def _talk(self, client: socket.socket, context: ssl.SSLContext | None) -> None:
        client.settimeout(_SECONDS)
        # A client that hangs up, or does not like the certificate, knows of it.
        with suppress(OSError), client:
            greeting = self._greeting_of(client, is_plain=context is None)
            if greeting is not None:
                client.recv(1)
                client.sendall(greeting)
            elif context is None:
                _Handler(client, self)
            else:
                with context.wrap_socket(client, server_side=True) as channel:
                    _Handler(channel, self)

    def _greeting_of(self, client: socket.socket, *, is_plain: bool) -> bytes | None:
        if is_plain and self._to_hello is not None:
            is_hello = client.recv(1, socket.MSG_PEEK) == _TLS_RECORD
            return self._to_hello if is_hello else None
        return self._greeting


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"

    def __init__(self, client: socket.socket, gatekeeper: Gatekeeper) -> None:
        self._gatekeeper = gatekeeper
        super().__init__(client, ("", 0), None)  # type: ignore[arg-type]

    def do_any(self) -> None:
        """Answer a request."""
        answer = self._gatekeeper.answer(self.command, self.path, dict(self.headers))
        self.send_response_only(answer.status)
        for name, value in {"Date": self.date_time_string(), **answer.headers}.items():
            self.send_header(name, value)
        if "Content-Length" not in answer.headers:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)

    do_GET = do_HEAD = do_POST = do_any  # noqa: N815 - http.server's names

    def send_error(
        self, code: int, message: str | None = None, explain: str | None = None
    ) -> None:
        """Answer what is no request, such as a TLS hello, as Go's server does."""
        del explain
        with suppress(OSError):
            self.connection.sendall(
                f"HTTP/1.1 {code} {message or ''}\r\nConnection: close\r\n\r\n".encode()
            )
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Print nothing; the gatekeeper remembers requests itself."""


class BlackHole(Running):
    """A port at which nobody ever answers: its queue is full, so that the kernel drops
    all others.

    Args:
        address: of this machine.
    """

    def __init__(self, address: str) -> None:
        self._listener = socket.socket()
        self._listener.bind((address, 0))
        self._listener.listen(0)
        self.host = f"{address}:{self._listener.getsockname()[1]}"
        self._held: list[socket.socket] = []

    def start(self) -> None:
        """Fill the queue."""
        for _ in range(4):
            client = socket.socket()
            client.settimeout(0)
            client.connect_ex(self._listener.getsockname())
            self._held.append(client)

    def stop(self) -> None:
        """Free the port."""
        for each in (*self._held, self._listener):
            each.close()


class ForwardProxy(Running):
    """An HTTP proxy, for plain HTTP and, by CONNECT, for all else.

    Args:
        address: of this machine.
        forbids: it lets nobody through.

    Attributes:
        requests: lines of what it was asked.
    """

    def __init__(self, address: str, *, forbids: bool) -> None:
        self.requests: list[str] = []
        self._forbids = forbids
        self._listener = socket.create_server((address, 0), backlog=_BACKLOG)
        self.url = f"http://{address}:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        """Let it answer."""
        self._thread.start()

    def stop(self) -> None:
        """Let it answer no more."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        client.settimeout(_SECONDS)
        with suppress(OSError), client:
            head = _head_of(client)
            line, _, fields = head.partition(b"\r\n")
            self.requests.append(line.decode(errors="replace"))
            method, target, _ = self.requests[-1].split(" ", 2)
            url = urlsplit(f"//{target}" if method == "CONNECT" else target)
            if self._forbids:
                client.sendall(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n")
                return
            with socket.create_connection(
                (url.hostname, url.port or 80), _SECONDS
            ) as server:
                if method == "CONNECT":
                    client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                else:
                    path = url._replace(scheme="", netloc="").geturl()
                    # One request for each connection, so that none has to be told from
                    # the next.
                    first = f"{method} {path} HTTP/1.1\r\nConnection: close\r\n"
                    server.sendall(first.encode() + _without_connection(fields))
                _both_ways(client, server)


def _head_of(client: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        some = client.recv(_BYTES)
        if not some:
            raise OSError("it hung up")
        head += some
    return head


def _without_connection(fields: bytes) -> bytes:
    lines = fields.split(b"\r\n")
    return b"\r\n".join(
        each for each in lines if not each.lower().startswith(b"connection:")
    )


def _both_ways(client: socket.socket, server: socket.socket) -> None:
    back = threading.Thread(target=_copy, args=(server, client), daemon=True)
    back.start()
    _copy(client, server)
    back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while content := source.recv(_BYTES):
            target.sendall(content)
        target.shutdown(socket.SHUT_WR)
