"""A server that sends whatever bytes a test wants, as fast or as slowly as it wants."""

from __future__ import annotations

import socket
import ssl
import tempfile
import time
from pathlib import Path
from typing import Callable, Iterable, Iterator, Optional, Union

from unit.listening import Listening
from unit.pki import Pair

# What is answered to a request's head; SELF in it is the server's own HOST:PORT.
Answering = Union[bytes, Callable[[bytes], Union[bytes, Iterable[bytes]]]]

_SECONDS = 20
_BYTES = 65536


def said(
    status: str = "200 OK", *fields: Union[str, bytes], body: bytes = b"{}"
) -> bytes:
    """Write an answer; a body is as long as it is unless a field says otherwise."""
    lines = [f"HTTP/1.1 {status}".encode("latin-1")]
    lines += [each.encode() if isinstance(each, str) else each for each in fields]
    if not any(
        each.lower().startswith((b"content-length", b"transfer-enc")) for each in lines
    ):
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


def dripped(content: bytes, seconds: float = 0.05) -> Iterator[bytes]:
    """Hand out the last byte again and again, slowly."""
    yield content[:-1]
    while True:
        yield content[-1:]
        time.sleep(seconds)


def endless(first: bytes, then: bytes) -> Iterator[bytes]:
    """Hand out the same again and again, as fast as it is taken."""
    yield first
    while True:
        yield then * 100


class HostileServer:
    """A running server.

    Args:
        answering: what it sends to what.
        pair: its certificate; None for plain HTTP.
        tunnels: it lets CONNECT through, to itself, and speaks TLS from there on.
        heads: it waits for the head of a request before it answers.
    """

    def __init__(
        self,
        answering: Answering,
        pair: Optional[Pair] = None,
        *,
        tunnels: bool = False,
        heads: bool = True,
    ) -> None:
        self._answering, self._tunnels, self._heads = answering, tunnels, heads
        self._context = None if pair is None else _context(pair)
        listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.authority = f"127.0.0.1:{listener.getsockname()[1]}"
        self._listening = Listening(listener, self._talk)

    def close(self) -> None:
        """Let it answer no more."""
        self._listening.close()

    def _talk(self, connection: socket.socket) -> None:
        connection.settimeout(_SECONDS)
        try:
            with connection:
                if self._tunnels:
                    _head(connection)
                    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                if self._context is None:
                    self._answer(connection)
                    return
                with self._context.wrap_socket(connection, server_side=True) as channel:
                    self._answer(channel)
        except OSError:
            # Whoever asked has heard enough.
            return

    def _answer(self, connection: socket.socket) -> None:
        head = _head(connection) if self._heads else connection.recv(_BYTES)
        answering = self._answering
        answer = answering if isinstance(answering, bytes) else answering(head)
        for part in (answer,) if isinstance(answer, bytes) else answer:
            connection.sendall(part.replace(b"SELF", self.authority.encode()))
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(_BYTES):
            pass


def _head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        some = connection.recv(_BYTES)
        if not some:
            raise OSError("it hung up")
        head += some
    return head


def _context(pair: Pair) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as work:
        file = Path(work) / "pem"
        file.write_text(pair.pem + pair.key)
        context.load_cert_chain(str(file))
    return context
