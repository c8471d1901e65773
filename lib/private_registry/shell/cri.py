"""Ask containerd's Container Runtime Interface for its version: whether CRI itself answers.

containerd's socket answers even where the CRI plugin was not loaded. The kubelet's first call,
RuntimeService/Version, tells the two apart; it is one request of HTTP/2 (RFC 9113, RFC 7541), for
which the node's Python has no library. An answer with content is what counts, so that no headers of
the answer need be read.
"""

from __future__ import annotations

import socket
import struct
from typing import Iterator, List, NamedTuple, Optional

_SERVICES = ("runtime.v1", "runtime.v1alpha2")  # the latter alone before containerd 1.6
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_DATA, _HEADERS, _RESET, _SETTINGS, _PING, _GO_AWAY = 0, 1, 3, 4, 6, 7
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_STREAM = 1
_GRPC_PREFIX_BYTES = 5
_FRAME_HEADER_BYTES = 9
_CREDENTIALS = struct.Struct("iII")


class _Frame(NamedTuple):
    kind: int
    flags: int
    stream: int
    payload: bytes


def answers(path: str, seconds: float) -> bool:
    """Whether CRI answers at a socket.

    Args:
        path: of containerd's socket.
        seconds: how long to wait for each answer.
    """
    return any(_version_is_told(path, service, seconds) for service in _SERVICES)


def listener(path: str) -> Optional[int]:
    """Return the number of the process that listens at a socket; None where none does."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(path)
            size = _CREDENTIALS.size
            found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    except OSError:
        return None
    pid: int = _CREDENTIALS.unpack(found)[0]
    return pid


def _version_is_told(path: str, service: str, seconds: float) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds)
            connection.connect(path)
            connection.sendall(_PREFACE + _frame(_SETTINGS) + _request(service))
            return _has_content(connection)
    except OSError:
        return False


def _request(service: str) -> bytes:
    fields = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", f"/{service}.RuntimeService/Version"),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ]
    block = b"".join(_field(name, value) for name, value in fields)
    headers = _frame(_HEADERS, _END_HEADERS, _STREAM, block)
    return headers + _frame(_DATA, _END_STREAM, _STREAM, bytes(_GRPC_PREFIX_BYTES))


def _field(name: str, value: str) -> bytes:
    """Write a header as a literal that is not indexed; all of ours are shorter than 127 bytes."""
    parts = (name.encode(), value.encode())
    return b"\0" + b"".join(bytes([len(part)]) + part for part in parts)


def _frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    length = struct.pack(">I", len(payload))[1:]
    return length + struct.pack(">BBI", kind, flags, stream) + payload


def _has_content(connection: socket.socket) -> bool:
    for frame in _frames(connection):
        if frame.kind == _SETTINGS and not frame.flags & _ACK:
            connection.sendall(_frame(_SETTINGS, _ACK))
        elif frame.kind == _PING and not frame.flags & _ACK:
            connection.sendall(_frame(_PING, _ACK, payload=frame.payload))
        elif frame.kind == _DATA and len(frame.payload) > _GRPC_PREFIX_BYTES:
            return True
        elif _is_last(frame):
            return False
    return False


def _is_last(frame: _Frame) -> bool:
    is_end = frame.kind in (_DATA, _HEADERS) and bool(frame.flags & _END_STREAM)
    return is_end or frame.kind in (_RESET, _GO_AWAY)


def _frames(connection: socket.socket) -> Iterator[_Frame]:
    while True:
        header = _read(connection, _FRAME_HEADER_BYTES)
        if header is None:
            return
        length = int.from_bytes(header[:3], "big")
        kind, flags, stream = struct.unpack(">BBI", header[3:])
        payload = _read(connection, length)
        if payload is None:
            return
        yield _Frame(kind, flags, stream, payload)


def _read(connection: socket.socket, count: int) -> Optional[bytes]:
    parts: List[bytes] = []
    while count:
        part = connection.recv(count)
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
