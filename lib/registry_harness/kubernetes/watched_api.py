"""What stands between kubectl and a real API server: it remembers, and it can be in the
way.

The answers are the API server's own. What only somebody in between can do is let a
request fail that would have worked, lose an answer, answer nothing, or do something
right before a request.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from registry_harness.kubernetes.api import Answer, Api
from registry_harness.kubernetes.kubectl import kubeconfig_for
from registry_harness.machine.running import Running

_WRITING = ("POST", "PUT", "PATCH", "DELETE")
_POLL_SECONDS = 0.05
_CONNECTION_FIELDS = frozenset(
    (
        "connection",
        "host",
        "authorization",
        "accept-encoding",
        "transfer-encoding",
        "content-length",
    )
)


class Way(Enum):
    """How a request fails that would have worked."""

    REFUSED = "answered as by an API server whose disk is full"
    LOST = "carried out, and the answer is lost"
    DEAD = "carried out, and nothing is answered from then on"
    HANGING = "never answered"


@dataclass(frozen=True)
class ApiRequest:
    """A request that arrived.

    Args:
        method: GET, POST, PUT, PATCH or DELETE.
        path: without the query.
        query: by name.
        content_type: of the body.
        body: as text; it may hold a secret.
    """

    method: str
    path: str
    query: dict[str, list[str]]
    content_type: str
    body: str = field(repr=False)

    @property
    def is_dry(self) -> bool:
        """Whether nothing may come of it."""
        return "dryRun" in self.query

    @property
    def is_write(self) -> bool:
        """Whether it changes something."""
        return self.method in _WRITING and not self.is_dry


class WatchedApi(Running):
    """A running one; what it is asked it asks the API server, as the user whom that is
    for.

    Args:
        api: the real one.
    """

    def __init__(self, api: Api) -> None:
        self.requests: list[ApiRequest] = []
        self.meanwhile: Callable[[ApiRequest], None] = lambda _request: None
        self._api = api
        self._fails_at, self._way = 0, Way.REFUSED
        self._is_dead = False
        self._stopped = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        # A client that is gone before it is taken must not hold up all others.
        self._server.socket.settimeout(1)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_SECONDS,)
        )

    def start(self) -> None:
        """Let it answer."""
        self._thread.start()

    def stop(self) -> None:
        """Let it answer no more."""
        self._stopped.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def kubeconfig(self) -> str:
        """Return what kubectl needs to ask it."""
        return kubeconfig_for(self.url)

    @property
    def writes(self) -> list[ApiRequest]:
        """The requests that changed something, or were to."""
        return [each for each in self.requests if each.is_write]

    @contextmanager
    def failing_at(self, write: int, way: Way = Way.REFUSED) -> Iterator[None]:
        """Let the n-th write from now fail."""
        self._fails_at, self._way = len(self.writes) + write, way
        try:
            yield
        finally:
            self._fails_at, self._is_dead = 0, False

    def answer(
        self, request: ApiRequest, target: str, fields: Mapping[str, str]
    ) -> Answer | None:
        """Carry a request out.

        Args:
            request: that arrived.
            target: its path and query, as they arrived.
            fields: its headers.

        Returns:
            The answer; None for none at all.
        """
        if self._is_dead:
            return None
        self.requests.append(request)
        self.meanwhile(request)
        fails = request.is_write and len(self.writes) == self._fails_at
        if fails and self._way is Way.REFUSED:
            return _DISK_IS_FULL
        if fails and self._way is Way.HANGING:
            self._stopped.wait()
            return None
        kept = {
            name: text
            for name, text in fields.items()
            if name.lower() not in _CONNECTION_FIELDS
        }
        answer = self._api.send(
            request.method, target, request.body.encode() or None, kept
        )
        self._is_dead = fails and self._way is Way.DEAD
        return None if fails else answer


_DISK_IS_FULL = Answer(
    500,
    {"Content-Type": "application/json"},
    json.dumps(
        {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "message": "etcdserver: mvcc: database space exceeded",
            "reason": "InternalError",
            "code": 500,
        }
    ).encode(),
)


def body_of(request: BaseHTTPRequestHandler) -> bytes:
    """Read the body of a request that kubectl sends."""
    if request.headers.get("Transfer-Encoding") != "chunked":
        return request.rfile.read(int(request.headers.get("Content-Length") or 0))
    # What it reads from its own standard input for a request of --raw.
    chunks = []
    while size := int(request.rfile.readline(), 16):
        chunks.append(request.rfile.read(size))
        request.rfile.readline()
    request.rfile.readline()
    return b"".join(chunks)


def _handler(api: WatchedApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            target = urlsplit(self.path)
            kind = self.headers.get("Content-Type") or ""
            body = body_of(self).decode()
            request = ApiRequest(
                self.command, target.path, parse_qs(target.query), kind, body
            )
            answer = api.answer(request, self.path, dict(self.headers))
            if answer is None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(answer.code)
            for name, text in answer.headers.items():
                if name.lower() not in _CONNECTION_FIELDS:
                    self.send_header(name, text)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        # The names that http.server calls by.
        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815

        def log_message(self, *_words: object) -> None:
            return

    return Handler
