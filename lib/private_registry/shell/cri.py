"""containerd's Container Runtime Interface, by which the kubelet pulls (cri-api api.proto)."""

from __future__ import annotations

import socket
import struct
from typing import Optional

from private_registry.shell.grpc import OK, UNIMPLEMENTED, Reply, call

_VERSIONS = ("runtime.v1", "runtime.v1alpha2")  # the latter alone before containerd 1.6
_CREDENTIALS = struct.Struct("iII")
_FIRST_FIELD = b"\x0a"  # field 1, of a length that follows
_SEVEN_BITS = 0x7F


def answers(path: str, seconds: float) -> bool:
    """Whether CRI answers at a socket, which answers even where the CRI plugin was not loaded.

    Args:
        path: of containerd's socket.
        seconds: how long to wait for each answer.
    """
    reply = _call(path, "RuntimeService/Version", b"", seconds)
    return reply.status == OK and bool(reply.content)


def pull(path: str, reference: str, seconds: float) -> Optional[str]:
    """Pull an image as the kubelet does; return containerd's words where it fails, else None.

    Args:
        path: of containerd's socket.
        reference: of the image.
        seconds: how long it may take.
    """
    reply = _call(path, "ImageService/PullImage", _image(reference), seconds)
    return None if reply.status == OK else reply.message


def has_image(path: str, reference: str, seconds: float) -> Optional[bool]:
    """Whether containerd has an image; None where CRI does not tell."""
    reply = _call(path, "ImageService/ImageStatus", _image(reference), seconds)
    return reply.content.startswith(_FIRST_FIELD) if reply.status == OK else None


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


def _call(path: str, method: str, content: bytes, seconds: float) -> Reply:
    first = call(path, f"/{_VERSIONS[0]}.{method}", content, seconds)
    if first.status != UNIMPLEMENTED:
        return first
    second = call(path, f"/{_VERSIONS[1]}.{method}", content, seconds)
    return first if second.status == UNIMPLEMENTED else second


def _image(reference: str) -> bytes:
    """Write a request whose first field is an ImageSpec, whose first field is the image."""
    return _text_field(_text_field(reference.encode()))


def _text_field(content: bytes) -> bytes:
    return _FIRST_FIELD + _varint(len(content)) + content


def _varint(number: int) -> bytes:
    written = b""
    while number > _SEVEN_BITS:
        written += bytes([number & _SEVEN_BITS | 0x80])
        number >>= 7
    return written + bytes([number])
