"""One call of a gRPC service at a unix socket: an HTTP/2 request (RFC 9113) without a
library.

The node's Python has neither gRPC nor HTTP/2. One request on a connection of its own
needs little of them; as much may be sent as is allowed at its start. Headers hold a
registry's own words where a pull fails, 64 KB of them. Whoever listens at the socket
may be anybody: what is longer is no answer, and everything ends at the deadline.
"""

from __future__ import annotations

import re
import socket
import struct
import time
from typing import Iterator, List, NamedTuple, Optional
from urllib.parse import unquote

from private_registry.containerd.cri.hpack import Decoder

OK = 0
UNAVAILABLE = 14
UNIMPLEMENTED = 12
UNASKED_BYTES = 65_535  # what of an answer may be sent by HTTP/2's own rules
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GO_AWAY, _WINDOW, _GOES_ON = (
    0,
    1,
    3,
    4,
    6,
    7,
    8,
    9,
)
_END_STREAM, _ACK, _END_HEADERS, _PADDED, _PRIORITY = 1, 1, 4, 8, 32
_PRIORITY_BYTES = 5
_STREAM = 1
_PREFIX_BYTES = 5
_FRAME_HEADER_BYTES = 9
_PING_BYTES = 8
_MOST_FRAME_BYTES = 16_384
_MOST_HEADER_BYTES = 262_144
_WINDOW_SETTING = 4
_MOST_FRAMES = 10_000
_STATUS = re.compile(r"[0-9]{1,2}\Z")


class _BrokenError(Exception):
    """What is answered is not HTTP/2, or more of it than an answer can be."""


class Reply(NamedTuple):
    """What a service answered.

    Args:
        status: gRPC's number: 0 where it worked.
        message: why it did not.
        content: the answer itself, as protobuf has it.
    """

    status: int
    message: str = ""
    content: bytes = b""


class _Frame(NamedTuple):
    kind: int
    flags: int
    stream: int
    payload: bytes


def call(
    path: str, method: str, content: bytes, seconds: float, most: int = UNASKED_BYTES
) -> Reply:
    """Call a method; a service that does not answer is UNAVAILABLE.

    Args:
        path: of the socket.
        method: ``/SERVICE/METHOD``.
        content: the request, as protobuf has it.
        seconds: how long it may take in all.
        most: bytes of the answer.
    """
    end = time.monotonic() + seconds
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds)
            connection.connect(path)
            exchange = _Exchange(connection, end, most)
            exchange.send(_PREFACE + _allowing(most) + _request(method, content))
            return exchange.reply()
    except socket.timeout:
        return Reply(UNAVAILABLE, f"no answer within {seconds:g} s")
    except (OSError, ValueError, _BrokenError) as error:
        # A path may be none, and headers none, too: both are ValueErrors.
        return Reply(UNAVAILABLE, str(error))


class _Exchange:
    """The answering half of a call."""

    def __init__(self, connection: socket.socket, end: float, most: int) -> None:
        self._connection, self._end, self._most = connection, end, most
        self._decoder = Decoder()
        self._content = bytearray()
        self._status: Optional[int] = None
        self._message = ""

    def send(self, content: bytes) -> None:
        """Send bytes; whoever does not take them in time is as good as silent."""
        self._connection.settimeout(self._left())
        self._connection.sendall(content)

    def reply(self) -> Reply:
        """Read frames up to the end of the answer."""
        frames = self._frames()
        for frame in frames:
            if frame.kind == _SETTINGS and not frame.flags & _ACK:
                self.send(_frame(_SETTINGS, _ACK))
            elif frame.kind == _PING and not frame.flags & _ACK:
                self._answer_ping(frame)
            elif frame.kind == _HEADERS:
                self._take_headers(_block(frame, frames))
            elif frame.kind == _DATA:
                self._take_data(frame)
            if _is_last(frame):
                break
        if self._status is None:
            return Reply(UNAVAILABLE, "the answer ended too early")
        return Reply(self._status, self._message, bytes(self._content[_PREFIX_BYTES:]))

    def _answer_ping(self, frame: _Frame) -> None:
        if len(frame.payload) != _PING_BYTES:
            raise _BrokenError("a ping of another length than pings have")
        self.send(_frame(_PING, _ACK, payload=frame.payload))

    def _take_data(self, frame: _Frame) -> None:
        if len(self._content) + len(frame.payload) > self._most:
            raise _BrokenError("the answer is too long")
        self._content += frame.payload

    def _take_headers(self, block: bytes) -> None:
        fields = dict(self._decoder.decode(block))
        if _STATUS.match(fields.get("grpc-status", "")):
            self._status = int(fields["grpc-status"])
            self._message = unquote(fields.get("grpc-message", ""))

    def _frames(self) -> Iterator[_Frame]:
        for _ in range(_MOST_FRAMES):
            header = self._read(_FRAME_HEADER_BYTES)
            if header is None:
                return
            length = int.from_bytes(header[:3], "big")
            if length > _MOST_FRAME_BYTES:
                raise _BrokenError("a frame is too long")
            kind, flags, stream = struct.unpack(">BBI", header[3:])
            payload = self._read(length)
            if payload is None:
                return
            yield _Frame(kind, flags, stream, payload)
        raise _BrokenError("the answer has no end")

    def _left(self) -> float:
        left = self._end - time.monotonic()
        if left <= 0:
            raise socket.timeout
        return left

    def _read(self, count: int) -> Optional[bytes]:
        parts: List[bytes] = []
        while count:
            self._connection.settimeout(self._left())
            part = self._connection.recv(count)
            if not part:
                return None
            parts.append(part)
            count -= len(part)
        return b"".join(parts)


def _block(frame: _Frame, following: Iterator[_Frame]) -> bytes:
    """Return the headers that begin in a frame and go on in those that follow it."""
    payload = frame.payload
    if frame.flags & _PADDED:
        padding = payload[0] if payload else 0
        payload = payload[1 : len(payload) - padding]
    if frame.flags & _PRIORITY:
        payload = payload[_PRIORITY_BYTES:]
    block, is_whole = bytearray(payload), bool(frame.flags & _END_HEADERS)
    while not is_whole:
        more = next(following, None)
        if more is None or more.kind != _GOES_ON or len(block) > _MOST_HEADER_BYTES:
            raise _BrokenError("the headers have no end")
        block += more.payload
        is_whole = bool(more.flags & _END_HEADERS)
    return bytes(block)


def _is_last(frame: _Frame) -> bool:
    is_end = frame.kind in (_DATA, _HEADERS) and bool(frame.flags & _END_STREAM)
    return is_end or frame.kind in (_RESET, _GO_AWAY)


def _allowing(most: int) -> bytes:
    """Let an answer be sent at once that is longer than HTTP/2 itself allows."""
    more = most - UNASKED_BYTES
    if more <= 0:
        return _frame(_SETTINGS)
    setting = struct.pack(">HI", _WINDOW_SETTING, most)
    return _frame(_SETTINGS, payload=setting) + _frame(
        _WINDOW, payload=struct.pack(">I", more)
    )


def _request(method: str, content: bytes) -> bytes:
    fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", method),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]
    block = b"".join(_field(name, value) for name, value in fields)
    headers = _frame(_HEADERS, _END_HEADERS, _STREAM, block)
    message = struct.pack(">BI", 0, len(content)) + content
    return headers + _frame(_DATA, _END_STREAM, _STREAM, message)


def _field(name: str, value: str) -> bytes:
    """Write a header as a literal that is not indexed.

    All of ours are shorter than 127 bytes.
    """
    parts = (name.encode(), value.encode())
    return b"\0" + b"".join(bytes([len(part)]) + part for part in parts)


def _frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    length = struct.pack(">I", len(payload))[1:]
    return length + struct.pack(">BBI", kind, flags, stream) + payload
