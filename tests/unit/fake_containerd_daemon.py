"""A program that reads the template at its start, as containerd does, and answers as CRI or not.

What the template says decides: ``cannot = "start"`` or ``cannot = "load CRI"``.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
from pathlib import Path


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def _status(number: bytes) -> bytes:
    return b"\0\x0bgrpc-status" + bytes([len(number)]) + number


# As gRPC servers do: settings, a ping, headers, an answer in two parts, trailers.
_ANSWER = b"\x0a\x05fake1"
_GOOD = (
    _frame(4, 0, 0)
    + _frame(6, 0, 0, b"12345678")
    + _frame(1, 4, 1, b"\x88")
    + _frame(0, 0, 1, b"\0" + struct.pack(">I", len(_ANSWER)) + _ANSWER)
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
                _serve(connection, _NO_CRI if 'cannot = "load CRI"' in text else _GOOD)


def _serve(connection: socket.socket, answer: bytes) -> None:
    connection.settimeout(1)
    try:
        if connection.recv(4096):
            connection.sendall(answer)
            while connection.recv(4096):
                pass
    except OSError:
        return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
