"""containerd's Container Runtime Interface, by which the kubelet pulls (cri-api
api.proto).
"""

from __future__ import annotations

from typing import FrozenSet, Iterator, Optional, Tuple

from private_registry.containerd.cri.grpc import (
    OK,
    UNASKED_BYTES,
    UNIMPLEMENTED,
    Reply,
    call,
)
from private_registry.registries.logins import Login

_VERSIONS = ("runtime.v1", "runtime.v1alpha2")  # the latter alone before containerd 1.6
_VERSION = 3  # the field of a VersionResponse
_FIRST_FIELD = b"\x0a"  # field 1, of a length that follows
_SECOND_FIELD = b"\x12"  # field 2, the same
_SEVEN_BITS = 0x7F
_MOST_LISTED_BYTES = 4 * 1024 * 1024  # of some thousand images
_FIXED_BYTES = {1: 8, 5: 4}  # of protobuf's wire types
_VARINT, _LENGTH = 0, 2
_MOST_SHIFT = 63


def answers(path: str, seconds: float) -> bool:
    """Whether CRI answers at a socket, which answers even where the CRI plugin was not
    loaded.

    Args:
        path: of containerd's socket.
        seconds: how long to wait for each answer.
    """
    reply = _call(path, "RuntimeService/Version", b"", seconds)
    return reply.status == OK and bool(reply.content)


def version(path: str, seconds: float) -> Optional[str]:
    """Return containerd's version as CRI tells it, such as ``v1.7.24``.

    None where it does not.

    Args:
        path: of containerd's socket.
        seconds: how long to wait for each answer.
    """
    reply = _call(path, "RuntimeService/Version", b"", seconds)
    try:
        told = [each for number, each in _fields(reply.content) if number == _VERSION]
    except ValueError:
        return None
    return _text(told[0]) if reply.status == OK and told else None


def pull(
    path: str, reference: str, seconds: float, login: Optional[Login] = None
) -> Optional[str]:
    """Pull an image as the kubelet does.

    Return containerd's words where it fails, else None.

    Args:
        path: of containerd's socket.
        reference: of the image.
        seconds: how long it may take.
        login: that the kubelet hands over; None where containerd is to use its own.
    """
    request = _image(reference)
    if login is not None:
        request += _SECOND_FIELD + _sized(_login(login))
    reply = _call(path, "ImageService/PullImage", request, seconds)
    return None if reply.status == OK else reply.message


def has_image(path: str, reference: str, seconds: float) -> Optional[bool]:
    """Whether containerd has an image; None where CRI does not tell."""
    reply = _call(path, "ImageService/ImageStatus", _image(reference), seconds)
    return reply.content.startswith(_FIRST_FIELD) if reply.status == OK else None


def image_id(path: str, reference: str, seconds: float) -> Optional[str]:
    """Return the identifier of an image, empty for none.

    None where CRI does not tell.
    """
    reply = _call(path, "ImageService/ImageStatus", _image(reference), seconds)
    try:
        return _text(_first(_first(reply.content))) if reply.status == OK else None
    except ValueError:
        return None


def image_ids(path: str, seconds: float) -> Optional[FrozenSet[str]]:
    """Return the identifiers of all images; None where CRI does not tell."""
    reply = _call(path, "ImageService/ListImages", b"", seconds, _MOST_LISTED_BYTES)
    if reply.status != OK:
        return None
    try:
        listed = [each for number, each in _fields(reply.content) if number == 1]
        return frozenset(_text(_first(each)) for each in listed)
    except ValueError:
        return None


def remove(path: str, identifier: str, seconds: float) -> Optional[str]:
    """Remove an image with all its names.

    Return containerd's words where it fails, else None.
    """
    reply = _call(path, "ImageService/RemoveImage", _image(identifier), seconds)
    return None if reply.status == OK else reply.message


def _call(
    path: str, method: str, content: bytes, seconds: float, most: int = UNASKED_BYTES
) -> Reply:
    first = call(path, f"/{_VERSIONS[0]}.{method}", content, seconds, most)
    if first.status != UNIMPLEMENTED:
        return first
    second = call(path, f"/{_VERSIONS[1]}.{method}", content, seconds, most)
    return first if second.status == UNIMPLEMENTED else second


def _image(reference: str) -> bytes:
    """Write a request whose first field is an ImageSpec, whose first field is the
    image.
    """
    return _text_field(_text_field(reference.encode()))


def _login(login: Login) -> bytes:
    """Write an AuthConfig, in which an empty text is left out."""
    pairs = ((_FIRST_FIELD, login.username), (_SECOND_FIELD, login.password))
    return b"".join(field + _sized(text.encode()) for field, text in pairs if text)


def _text_field(content: bytes) -> bytes:
    return _FIRST_FIELD + _sized(content)


def _sized(content: bytes) -> bytes:
    return _varint(len(content)) + content


def _varint(number: int) -> bytes:
    written = b""
    while number > _SEVEN_BITS:
        written += bytes([number & _SEVEN_BITS | 0x80])
        number >>= 7
    return written + bytes([number])


def _first(content: bytes) -> bytes:
    """Return the first field of a message, which has a length.

    Empty where it is not there.

    Raises:
        ValueError: it is no message.
    """
    return next((each for number, each in _fields(content) if number == 1), b"")


def _text(content: bytes) -> str:
    return content.decode(errors="replace")


def _fields(content: bytes) -> Iterator[Tuple[int, bytes]]:
    """Read the fields of a message that have a length; the others are skipped.

    Raises:
        ValueError: it is no message.
    """
    at = 0
    while at < len(content):
        tag, at = _number(content, at)
        kind = tag & 7
        if kind == _VARINT:
            _, at = _number(content, at)
            continue
        size, at = (
            _number(content, at) if kind == _LENGTH else (_FIXED_BYTES.get(kind, 0), at)
        )
        if size > len(content) - at or not (size or kind == _LENGTH):
            raise ValueError("no message")
        if kind == _LENGTH:
            yield tag >> 3, content[at : at + size]
        at += size


def _number(content: bytes, at: int) -> Tuple[int, int]:
    value = 0
    for shift in range(0, _MOST_SHIFT + 1, 7):
        if at >= len(content):
            break
        byte = content[at]
        value, at = value | (byte & _SEVEN_BITS) << shift, at + 1
        if byte <= _SEVEN_BITS:
            return value, at
    raise ValueError("no message")
