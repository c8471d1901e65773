"""A program that reads the template at its start, as containerd does, and answers as
CRI or not.

What the template says decides: ``cannot = "start"`` or ``cannot = "load CRI"``.
"""

from __future__ import annotations

import os
import re
import socket
import struct
import sys
from pathlib import Path
from typing import Optional, Tuple

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return (
        struct.pack(">I", len(payload))[1:]
        + struct.pack(">BBI", kind, flags, stream)
        + payload
    )


def _status(number: bytes) -> bytes:
    return b"\0\x0bgrpc-status" + bytes([len(number)]) + number


# As gRPC servers do: settings, a ping, headers, an answer in two parts, trailers.
_PAUSE = b"registry.k8s.io/pause:3.10"
_VERSION = b"\x0a\x05fake1"
_NAMED = re.compile(rb"\x0a.\x0a.([!-~]+)\Z", re.DOTALL)


def _good(answer: bytes) -> bytes:
    return (
        _frame(4, 0, 0)
        + _frame(6, 0, 0, b"12345678")
        + _frame(1, 4, 1, b"\x88")
        + _frame(0, 0, 1, b"\0" + struct.pack(">I", len(answer)) + answer)
        + _frame(1, 5, 1, _status(b"0"))
    )


_NO_CRI = _frame(4, 0, 0) + _frame(1, 5, 1, b"\x88" + _status(b"12"))


def main(data: Path, snap: str, work: Path) -> None:
    """Be the daemon."""
    text = (data / "args" / "containerd-template.toml").read_text()
    text = text.replace("${SNAP_DATA}", str(data)).replace("${SNAP}", snap)
    if not (work / "frozen").exists():
        (data / "args" / "containerd.toml").write_text(text)
    text = text.replace("\\", "")
    images = _Images()
    if 'cannot = "start"' in text:
        sys.exit("containerd: failed to load TOML: cannot start")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(work / "s"))
        server.listen(8)
        # Where its test was killed, nobody else ends it.
        server.settimeout(300)
        (work / "pid.new").write_text(str(os.getpid()))
        (work / "pid.new").rename(work / "pid")
        while True:
            connection, _ = server.accept()
            with connection:
                _serve(connection, None if 'cannot = "load CRI"' in text else images)


class _Images:
    """Images by their names, with the one of every pod.

    Each pull brings one of its own.
    """

    def __init__(self) -> None:
        self._images = {_PAUSE: b"sha256:pause"}

    def answer(self, method: str, request: bytes) -> bytes:
        """Return the answer to a request."""
        named = _NAMED.search(request)
        name = named[1] if named else b""
        if method == "ImageStatus":
            return _field(_field(self._images[name])) if name in self._images else b""
        if method == "ListImages":
            return b"".join(_field(_field(each)) for each in self._images.values())
        if method == "PullImage":
            self._images[name] = b"sha256:of-" + name
            return _field(self._images[name])
        if method == "RemoveImage":
            self._images = {
                key: each for key, each in self._images.items() if each != name
            }
            return b""
        return _VERSION


def _read(request: bytes) -> Tuple[str, bytes]:
    """Return the method and the message of a request."""
    http = H2Connection(H2Configuration(client_side=False, header_encoding="ascii"))
    events = http.receive_data(request)
    received = [each for each in events if isinstance(each, RequestReceived)]
    data = [each.data for each in events if isinstance(each, DataReceived)]
    path = dict(received[0].headers)[":path"]
    return path.rpartition("/")[2], b"".join(data)


def _field(content: bytes) -> bytes:
    return b"\x0a" + bytes([len(content)]) + content


def _serve(connection: socket.socket, images: Optional[_Images]) -> None:
    connection.settimeout(1)
    try:
        request = connection.recv(4096)
        if request:
            connection.sendall(
                _NO_CRI if images is None else _good(images.answer(*_read(request)))
            )
            while connection.recv(4096):
                pass
    except OSError:
        return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
