"""Servers that have no image, and remember who asked them for what: HTTP and HTTPS."""

from __future__ import annotations

import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from registry_harness.machine.running import Running
from registry_harness.registries.certificates import CertificateAuthority

_CLIENT_SECONDS = 5
_SETTLE_SECONDS = 2
_POLL_SECONDS = 0.002
_TLS_RECORD = b"\x16"
_BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
)


@dataclass(frozen=True)
class Recorded:
    """One attempt to ask a recorder.

    Args:
        scheme: ``http`` or ``https``.
        host: of the request; where TLS failed, the recorder's own address.
        path: without the query, unescaped; empty where TLS failed.
        namespace: of the query ``ns``; empty for none.
        method: of the request; empty where TLS failed.
    """

    scheme: str
    host: str
    path: str = ""
    namespace: str = ""
    method: str = ""

    @property
    def is_refusal(self) -> bool:
        """Whether the client did not like the certificate."""
        return not self.method


class Recorder(Running):
    """Answers 404 on one plain and one TLS port of an address, and remembers.

    Args:
        address: of this machine.
        authority: signs its certificate.
    """

    def __init__(self, address: str, authority: CertificateAuthority) -> None:
        self._recorded: list[tuple[float, Recorded]] = []
        self._lock = threading.Lock()
        self._beginning = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.server(address).load_into(self._context)
        self._plain = socket.create_server((address, 0))
        self._tls = socket.create_server((address, 0))
        self.http = f"{address}:{self._plain.getsockname()[1]}"
        self.https = f"{address}:{self._tls.getsockname()[1]}"
        self._wake, self._end = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def start(self) -> None:
        """Let it answer."""
        self._thread.start()

    def stop(self) -> None:
        """Let it answer no more."""
        self._wake.send(b"x")
        self._thread.join()
        for each in (self._plain, self._tls, self._wake, self._end):
            each.close()

    def taken(self) -> list[Recorded]:
        """Return what was recorded since the last call, in the order of its
        beginning.
        """
        end = time.monotonic() + _SETTLE_SECONDS
        while self._beginning and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
        with self._lock:
            found, self._recorded = self._recorded, []
        return [recorded for _, recorded in sorted(found, key=lambda each: each[0])]

    def record(self, recorded: Recorded, began: float | None = None) -> None:
        """Remember an attempt; ``began`` is None for just now."""
        with self._lock:
            self._recorded.append((began or time.monotonic(), recorded))

    def _serve(self) -> None:
        with selectors.DefaultSelector() as selector:
            for each in (self._plain, self._tls, self._end):
                selector.register(each, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._end:
                        return
                    listener = self._tls if key.fileobj is self._tls else self._plain
                    client, _ = listener.accept()
                    with self._lock:
                        self._beginning += 1
                    answer = self._by_tls if listener is self._tls else self._by_http
                    arguments = (answer, client, time.monotonic())
                    threading.Thread(
                        target=self._answer, args=arguments, daemon=True
                    ).start()

    def _answer(
        self,
        answer: Callable[[socket.socket, float], None],
        client: socket.socket,
        began: float,
    ) -> None:
        client.settimeout(_CLIENT_SECONDS)
        try:
            with client:
                answer(client, began)
        except OSError:
            # A client that hangs up has said all it wanted to.
            return

    def _by_http(self, client: socket.socket, began: float) -> None:
        is_tls = client.recv(1, socket.MSG_PEEK) == _TLS_RECORD
        if is_tls:
            self.record(Recorded("https", self.http), began)
            client.sendall(_BAD_REQUEST)
        self._is_beginning_no_more()
        if not is_tls:
            _Handler(client, self, "http")

    def _by_tls(self, client: socket.socket, began: float) -> None:
        is_tls = client.recv(1, socket.MSG_PEEK) == _TLS_RECORD
        try:
            channel = self._context.wrap_socket(client, server_side=True)
        except OSError:
            self.record(Recorded("https" if is_tls else "http", self.https), began)
            self._is_beginning_no_more()
            return
        self._is_beginning_no_more()
        with channel:
            _Handler(channel, self, "https")

    def _is_beginning_no_more(self) -> None:
        with self._lock:
            self._beginning -= 1


class _Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    protocol_version = "HTTP/1.1"

    def __init__(self, client: socket.socket, recorder: Recorder, scheme: str) -> None:
        self._recorder, self._scheme = recorder, scheme
        super().__init__(client, ("", 0), None)  # type: ignore[arg-type]

    def do_any(self) -> None:
        """Remember a request and answer 404."""
        parts = urlsplit(self.path)
        namespace = parse_qs(parts.query).get("ns", [""])[0]
        host = self.headers.get("Host", "")
        method = self.command
        self._recorder.record(
            Recorded(self._scheme, host, unquote(parts.path), namespace, method)
        )
        self.send_response(404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_HEAD = do_any  # noqa: N815 - http.server's names

    def log_message(self, *_: Any) -> None:
        """Print nothing; the recorder remembers requests itself."""
