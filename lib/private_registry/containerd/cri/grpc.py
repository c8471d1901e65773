"""One call of a gRPC service at a unix socket.

The node's Python has no gRPC. One request on a connection of its own needs little more
of it than HTTP/2. Headers hold a registry's own words where a pull fails, 64 KB of
them.
"""

from __future__ import annotations

import re
import socket
import struct
import time
from urllib.parse import unquote

from private_registry.named_tuple import NamedTuple

OK = 0
UNAVAILABLE = 14
UNIMPLEMENTED = 12
UNASKED_BYTES = 65_535  # what of an answer may be sent by HTTP/2's own rules
_HEADERS = {"content-type": "application/grpc", "te": "trailers"}
_PREFIX = struct.Struct(">BI")
_STATUS = re.compile(r"[0-9]{1,2}\Z")


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
    # h2 is slow to import, and most runs ask nothing.
    from private_registry.containerd.cri.http2 import (  # noqa: PLC0415
        BrokenError,
        Exchange,
    )

    end = time.monotonic() + seconds
    message = _PREFIX.pack(0, len(content)) + content
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds)
            connection.connect(path)
            answer = Exchange(connection, end, most).post(method, _HEADERS, message)
    except socket.timeout:
        return Reply(UNAVAILABLE, f"no answer within {seconds:g} s")
    except (OSError, ValueError, BrokenError) as error:
        # A path may be none, which is a ValueError.
        return Reply(UNAVAILABLE, str(error))
    status = answer.headers.get("grpc-status", "")
    if not _STATUS.match(status):
        return Reply(UNAVAILABLE, "the answer ended too early")
    words = unquote(answer.headers.get("grpc-message", ""))
    return Reply(int(status), words, answer.content[_PREFIX.size :])
