"""Exchanges: one request and its answer, within a deadline and bounds."""

from __future__ import annotations

import email.errors
import http.client
import io
import re
import socket
import zlib
from typing import Any, List, Mapping, Optional, cast

from private_registry.check.cause_columns import Layer
from private_registry.check.causes import Cause
from private_registry.check.probe.failure import Deadline, ProbeFailure
from private_registry.check.probe.targets import Target
from private_registry.named_tuple import NamedTuple

_MOST_BODY = 1024 * 1024
_MOST_BYTES = 10 * 1024 * 1024  # as many as Go takes for a head
_GZIP = 31
_LENGTH = re.compile(r"[0-9]{1,18}\Z")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_UNFIT_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
# Go writes these itself, and leaves them out of what is to be sent.
_NOT_SENT = frozenset(["Host", "Content-Length", "Transfer-Encoding", "Trailer"])
_MALFORMED = (
    email.errors.MissingHeaderBodySeparatorDefect,
    email.errors.FirstHeaderLineIsContinuationDefect,
    email.errors.MisplacedEnvelopeHeaderDefect,
    email.errors.InvalidHeaderDefect,
)


class Request(NamedTuple):
    """What is sent.

    Args:
        method: such as ``GET``.
        target: what stands in the request: a path, or for a proxy a whole URL.
        host: the header Host.
        headers: all others; their case is kept.
        body: None for none.
    """

    method: str
    target: str
    host: str
    headers: Mapping[str, str]
    body: Optional[bytes] = None


class Answer(NamedTuple):
    """What a server answered; the body up to 1 MiB.

    Args:
        status: its number.
        headers: as they were sent.
        body: unpacked where it was packed.
        target: who answered.
    """

    status: int
    headers: http.client.HTTPMessage
    body: bytes
    target: Target = Target("", "")

    @property
    def kind(self) -> str:
        """The media type, without parameters."""
        return self.field("Content-Type").partition(";")[0].strip().lower()

    @property
    def is_html(self) -> bool:
        """Whether it is a page for people."""
        return self.kind == "text/html" or self.body.lstrip()[:9].lower() in (
            b"<!doctype",
            b"<html>",
        )

    def field(self, name: str) -> str:
        """Return a header, empty where it is not there.

        Bytes that are no UTF-8 as surrogates.
        """
        return next(iter(self.fields(name)), "")

    def fields(self, name: str) -> List[str]:
        """Return all headers of a name."""
        found = (str(each) for each in self.headers.get_all(name) or [])
        octets = (each.encode("latin-1", "replace") for each in found)
        return [each.decode("utf-8", "surrogateescape") for each in octets]


class _Wire(io.RawIOBase):
    """Reads a connection until the deadline, however slowly it drips, and no more than
    is bearable.

    For http.client it is the socket, too.
    """

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection, self._deadline = connection, deadline
        self._left = _MOST_BYTES
        self._stream = _Stream(self)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._left:
            raise http.client.HTTPException(f"more than {_MOST_BYTES} bytes")
        self._connection.settimeout(self._deadline.left(Layer.HTTP))
        count = self._connection.recv_into(memoryview(buffer)[: self._left])
        self._left -= count
        return count

    def sendall(self, content: bytes) -> None:
        self._connection.settimeout(self._deadline.left(Layer.HTTP))
        self._connection.sendall(content)

    def makefile(self, *_: object) -> _Stream:
        return self._stream

    def close(self) -> None:
        """Leave the connection to whoever made it."""


class _Stream(io.BufferedReader):
    """What several answers are read from, one after the other."""

    def close(self) -> None:
        """Leave it open for the next answer."""


def exchange(
    connection: socket.socket, request: Request, deadline: Deadline, target: Target
) -> Answer:
    """Send a request and read its answer; the connection stays open.

    Args:
        connection: to whoever is asked.
        request: what is sent.
        deadline: when it has to be over.
        target: who is asked.

    Raises:
        ProbeFailure: the time is over, or the answer cannot be understood.
        OSError: the connection is lost.
        http.client.HTTPException: what it answers is not HTTP.
    """
    wire = _Wire(connection, deadline)
    try:
        _send(wire, request)
        response = _final(wire, request.method)
        body = _body(response)
    except socket.timeout:
        raise deadline.passed(Layer.HTTP) from None
    except ConnectionError:
        # With TLS 1.3 a refusal comes after the handshake, and may lie unread.
        connection.recv(1)
        raise
    return Answer(response.status, response.headers, body, target)


def tunnelled(connection: socket.socket, head: bytes, deadline: Deadline) -> int:
    """Send the head of a CONNECT, and return the status of its answer.

    Raises:
        ProbeFailure: the time is over, or the answer cannot be understood.
        OSError: the connection is lost.
        http.client.HTTPException: what it answers is not HTTP.
    """
    wire = _Wire(connection, deadline)
    try:
        wire.sendall(head)
        return _final(wire, "CONNECT").status
    except socket.timeout:
        raise deadline.passed(Layer.TCP) from None


def _send(wire: _Wire, request: Request) -> None:
    client = http.client.HTTPConnection("unused")
    client.sock = cast("socket.socket", wire)
    headers = {
        name: each for name, each in request.headers.items() if name not in _NOT_SENT
    }
    for name, value in headers.items():
        if not _NAME.match(name) or _UNFIT_VALUE.search(value):
            words = (
                "a header for it cannot be sent: it has a name or value that HTTP does"
                " not know"
            )
            raise ProbeFailure(Cause.BAD_HEADER, words)
    encoded = {
        name: value.encode(errors="surrogateescape") for name, value in headers.items()
    }
    client.request(
        request.method,
        request.target,
        request.body,
        {"Host": request.host.encode(), **encoded},
    )


def _final(wire: _Wire, method: str) -> http.client.HTTPResponse:
    """Return the answer behind all that only announce it."""
    while True:
        response = http.client.HTTPResponse(cast("socket.socket", wire), method=method)
        response.begin()
        is_final = response.status >= http.client.OK
        if is_final or response.status == http.client.SWITCHING_PROTOCOLS:
            _check_head(response.headers)
            return response


def _check_head(headers: http.client.HTTPMessage) -> None:
    """Refuse what Go would not take for an answer (net/http transfer.go,
    net/textproto).
    """
    lengths = {str(each).strip() for each in headers.get_all("Content-Length") or []}
    encodings = [
        str(each).strip().lower() for each in headers.get_all("Transfer-Encoding") or []
    ]
    reason = ""
    if any(isinstance(each, _MALFORMED) for each in headers.defects):
        reason = "a header without a name"
    elif len(lengths) > 1 or not all(_LENGTH.match(each) for each in lengths):
        reason = "a length that cannot be"
    elif encodings not in ([], ["chunked"]):
        reason = "an encoding that nobody knows"
    if reason:
        raise ProbeFailure(Cause.NOT_UNDERSTOOD, f"its answer has {reason}")


def _body(response: http.client.HTTPResponse) -> bytes:
    try:
        body = response.read(_MOST_BODY)
    except (http.client.HTTPException, ValueError):
        # The head counts all the same.
        return b""
    is_packed = (
        str(response.headers.get("Content-Encoding", "")).strip().lower() == "gzip"
    )
    return _unpacked(body) if is_packed else body


def _unpacked(body: bytes) -> bytes:
    # Go asks for it, and unpacks it, by itself.
    try:
        return zlib.decompressobj(_GZIP).decompress(body, _MOST_BODY)
    except zlib.error:
        return body
