"""containerd sockets at which somebody else listens: every call ends in time and
takes no more.
"""

from __future__ import annotations

import resource
import socket
import struct
import tempfile
import threading
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Callable, Dict, Iterable, Iterator, Tuple

import pytest

from private_registry.containerd.cri import calls, grpc, listening
from private_registry.containerd.cri.grpc import UNAVAILABLE, call
from unit.listening import Listening

pytestmark = pytest.mark.attack

DATA, HEADERS, SETTINGS, PING, CONTINUATION = 0, 1, 4, 6, 9
END_STREAM, END_HEADERS, PADDED, PRIORITY = 1, 4, 8, 32
SECONDS = 0.5
MUCH_MEMORY = 200 * 1024  # KiB


def frame(kind: int, flags: int = 0, payload: bytes = b"", stream: int = 1) -> bytes:
    length = struct.pack(">I", len(payload))[1:]
    return length + struct.pack(">BBI", kind, flags, stream) + payload


def field(name: bytes, value: bytes) -> bytes:
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def status(value: bytes) -> bytes:
    return frame(
        HEADERS, END_STREAM | END_HEADERS, b"\x88" + field(b"grpc-status", value)
    )


BEGUN = frame(HEADERS, END_HEADERS, b"\x88")


def answered(content: bytes) -> Iterable[bytes]:
    """Answer as gRPC servers do: headers, a message, trailers."""
    whole = b"\0" + struct.pack(">I", len(content)) + content
    parts = [whole[at : at + 16_000] for at in range(0, len(whole), 16_000)]
    return [
        BEGUN,
        *(frame(DATA, 0, each) for each in parts),
        frame(HEADERS, END_STREAM | END_HEADERS, field(b"grpc-status", b"0")),
    ]


def forever(content: bytes, first: bytes = b"") -> Iterator[bytes]:
    yield first
    while True:
        yield content


def dripped(content: bytes) -> Iterator[bytes]:
    for each in content * 1000:
        yield bytes([each])
        time.sleep(0.05)


def block(content: bytes) -> Iterator[bytes]:
    """Send one block of headers in as many frames as it needs."""
    parts = [content[at : at + 16_000] for at in range(0, len(content), 16_000)]
    yield frame(HEADERS, 0, parts[0])
    for part in parts[1:]:
        yield frame(CONTINUATION, 0, part)
    yield frame(CONTINUATION, END_HEADERS)


def silence() -> Iterator[bytes]:
    yield b""
    time.sleep(5 * SECONDS)


ADDED = b"\x40\x01a\x01b" * 3000
MUCH = 250_000
# Numbers, codes, tables and lists that a reader could be busy with for long.
BLOCKS = [
    *(b"\xff" * size for size in (4000, 16_000, MUCH)),
    b"\xff" * (MUCH - 1000) + b"\x01",
    b"\xff" + b"\x80" * MUCH + b"\x01",
    *(b"\x0f" + b"\xff" * size for size in (15_000, MUCH)),
    *(b"\0\x7f" + b"\xff" * size for size in (15_000, MUCH)),
    *(b"\0\x01a\x7f" + b"\x80" * size + b"\x01" for size in (15_000, MUCH)),
    b"\0\x01a\xff\x81\x7b" + b"\xff" * 15_872,
    b"\0\x01a\xff\xff\xff\x0d" + b"\x07" * MUCH,
    b"\x40\x01a\x01b" * 2000 + b"\xbe" * 8000,
    b"\0\0\0" * (MUCH // 3),
    *(each * (MUCH // len(each)) for each in (b"\x20", b"\x3f\xe1\x1f", b"\x3f\0")),
    b"\x3f" + b"\xff" * MUCH,
    (b"\x3f" + b"\x80" * 4000 + b"\0") * (MUCH // 4002),
]
# What is sent, and whether the other side reads what we send.
ROWS: Dict[str, Tuple[Callable[[], Iterable[bytes]], bool]] = {
    "nothing": (silence, True),
    "hangs up": (list, True),
    "drips": (lambda: dripped(frame(SETTINGS)), True),
    "drips a header": (lambda: dripped(b"\xff"), True),
    "drips a payload": (
        lambda: forever_slowly(b"\x00\x3f\xff" + frame(DATA)[3:]),
        True,
    ),
    "endless settings": (lambda: forever(frame(SETTINGS) * 100), True),
    "endless pings": (lambda: forever(frame(PING, 0, b"12345678") * 100), True),
    "endless pings, and reads nothing": (
        lambda: forever(frame(PING, 0, b"1" * 8) * 100),
        False,
    ),
    "data before any headers": (lambda: [frame(DATA, 0, b"x"), status(b"0")], True),
    "endless data": (lambda: forever(frame(DATA, 0, b"x" * 16_000), BEGUN), True),
    "endless empty data": (lambda: forever(frame(DATA) * 100, BEGUN), True),
    "endless headers": (lambda: forever(frame(HEADERS, END_HEADERS, ADDED)), True),
    "headers that go on for ever": (
        lambda: forever(frame(CONTINUATION, 0, b"\0" * 16_000), frame(HEADERS)),
        True,
    ),
    "headers that go on with nothing": (
        lambda: forever(frame(CONTINUATION) * 100, frame(HEADERS)),
        True,
    ),
    "headers that data break off": (
        lambda: [frame(HEADERS), frame(DATA), status(b"0")],
        True,
    ),
    "headers that never end": (lambda: [frame(HEADERS, END_STREAM)], True),
    "headers that end nowhere": (lambda: [frame(CONTINUATION, END_HEADERS)], True),
    "endless unknown frames": (lambda: forever(frame(99, 0, b"x" * 16_000)), True),
    "huge frame": (
        lambda: forever(b"x" * 65536, b"\xff\xff\xff" + frame(DATA)[3:]),
        True,
    ),
    "huge ping": (lambda: [frame(PING, 0, b"x" * 16_000), status(b"0")], True),
    "padding of nothing": (lambda: [frame(HEADERS, PADDED | END_HEADERS)], True),
    "padding beyond all": (
        lambda: [frame(HEADERS, PADDED | END_HEADERS, b"\xffabc")],
        True,
    ),
    "priority of nothing": (
        lambda: [frame(HEADERS, PRIORITY | END_HEADERS, b"a")],
        True,
    ),
    "superscript status": (lambda: [status("²".encode())], True),
    "Arabic status": (lambda: [status("٣".encode())], True),
    "status of many digits": (lambda: [status(b"9" * 120)], True),
    "negative status": (lambda: [status(b"-1")], True),
    "not HTTP/2": (lambda: forever(b"HTTP/1.1 400 Bad Request\r\n\r\n"), True),
    "number without an end": (
        lambda: [frame(HEADERS, END_HEADERS, b"\xff" * 16_000)],
        True,
    ),
    "huge number": (
        lambda: [frame(HEADERS, END_HEADERS, b"\xff" * 15_000 + b"\x01")],
        True,
    ),
    "codes of no letter": (
        lambda: [
            frame(HEADERS, END_HEADERS, b"\0\x01a\xff\x80\x7c" + b"\xff" * 16_000)
        ],
        True,
    ),
}


def forever_slowly(first: bytes) -> Iterator[bytes]:
    yield first
    while True:
        yield b"x"
        time.sleep(0.05)


@pytest.fixture
def listen() -> Iterator[Callable[..., str]]:
    with ExitStack() as stack:
        work = stack.enter_context(tempfile.TemporaryDirectory(prefix="c"))

        def start(answer: Callable[[], Iterable[bytes]], reads: bool) -> str:
            path = str(Path(work) / "s")
            server = socket.socket(socket.AF_UNIX)
            server.bind(path)
            server.listen(8)
            talk = partial(_talk, answer=answer, reads=reads)
            stack.callback(Listening(server, talk).close)
            return path

        yield start


def _talk(
    connection: socket.socket, answer: Callable[[], Iterable[bytes]], reads: bool
) -> None:
    connection.settimeout(20)
    try:
        with connection:
            if reads:
                threading.Thread(target=_drain, args=(connection,), daemon=True).start()
            for part in answer():
                connection.sendall(part)
            connection.shutdown(socket.SHUT_WR)
            time.sleep(0.1)
    except OSError:
        # Whoever asked has heard enough.
        return


def _drain(connection: socket.socket) -> None:
    try:
        while connection.recv(65536):
            pass
    except OSError:
        return


@pytest.mark.parametrize(("answer", "reads"), ROWS.values(), ids=ROWS)
def test_a_call_ends_in_time(
    listen: Callable[..., str], answer: Callable[[], Iterable[bytes]], reads: bool
) -> None:
    path = listen(answer, reads)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.monotonic()
    reply = call(path, "/service/Method", b"", SECONDS)
    assert time.monotonic() - start < SECONDS + 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MUCH_MEMORY
    assert reply.status == UNAVAILABLE, reply
    assert len(reply.message) < 200
    assert reply.message


@pytest.mark.parametrize("content", BLOCKS, ids=range(len(BLOCKS)))
def test_headers_take_little_time_and_memory(
    listen: Callable[..., str], content: bytes
) -> None:
    path = listen(partial(block, content), True)
    call("", "/service/Method", b"", 1)  # imports what it needs
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.thread_time()
    reply = call(path, "/service/Method", b"", 20)
    assert time.thread_time() - start < SECONDS + 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MUCH_MEMORY
    assert reply == grpc.Reply(UNAVAILABLE, "the answer is not HTTP/2")


def test_nobody_takes_the_call(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server, ExitStack() as held:
        path = str(tmp_path / "s")
        server.bind(path)
        server.listen(0)
        for _ in range(4):
            client = held.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            client.connect_ex(path)
        start = time.monotonic()
        assert call(path, "/service/Method", b"", SECONDS).status == UNAVAILABLE
        assert calls.has_image(path, "a/b:1", SECONDS) is None
        assert not calls.answers(path, SECONDS)
        assert time.monotonic() - start < 4 * SECONDS
    for other in (path, str(tmp_path), str(tmp_path / "none"), "x" * 300, "\0", ""):
        assert call(other, "/service/Method", b"", SECONDS).status == UNAVAILABLE
        assert listening.listener(other) is None or other == path


@pytest.mark.parametrize("size", [65_000, 65_530])
def test_an_answer_as_long_as_can_be_sent_unasked(
    listen: Callable[..., str], size: int
) -> None:
    path = listen(lambda: answered(b"x" * size), True)
    assert call(path, "/service/Method", b"", 5) == grpc.Reply(0, "", b"x" * size)


def test_an_answer_that_is_longer_than_that(listen: Callable[..., str]) -> None:
    path = listen(lambda: answered(b"x" * 65_531), True)
    wanted = grpc.Reply(UNAVAILABLE, "the answer is too long")
    assert call(path, "/service/Method", b"", 5) == wanted


def test_headers_that_are_no_text(listen: Callable[..., str]) -> None:
    fields = field(b"odd", b"\xff") + field(b"grpc-status", b"2")
    block = b"\x88" + fields + field(b"grpc-message", b"a\xff%ff%c3%a9")
    path = listen(lambda: [frame(HEADERS, END_STREAM | END_HEADERS, block)], True)
    assert call(path, "/service/Method", b"", 5) == grpc.Reply(2, "a\ufffd\ufffdé")


def test_words_longer_than_a_frame(listen: Callable[..., str]) -> None:
    words = b"x" * 100_000
    size = bytes([127]) + varint(len(words) - 127)
    block = b"\x88" + field(b"grpc-status", b"2") + b"\0\x0cgrpc-message" + size + words
    parts = [block[at : at + 16_000] for at in range(0, len(block), 16_000)]
    frames = [frame(CONTINUATION, 0, each) for each in parts[1:-1]]
    whole = [
        frame(HEADERS, END_STREAM, parts[0]),
        *frames,
        frame(CONTINUATION, END_HEADERS, parts[-1]),
    ]
    path = listen(lambda: whole, True)
    assert call(path, "/service/Method", b"", 5) == grpc.Reply(2, words.decode())


# --- images ---------------------------------------------------------------------------


def varint(number: int) -> bytes:
    written = b""
    while number > 127:
        written += bytes([number & 127 | 128])
        number >>= 7
    return written + bytes([number])


def text(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | 2]) + varint(len(content)) + content


def test_a_list_of_some_thousand_images(listen: Callable[..., str]) -> None:
    names = [b"sha256:%064d" % number for number in range(5000)]
    # An identifier, names, a size, and what nobody needs to know.
    images = [
        text(1, text(1, name) + text(2, b"reg.corp/a:1" * 20) + b"\x20\xff\x01")
        for name in names
    ]
    path = listen(lambda: answered(b"".join(images)), True)
    assert calls.image_ids(path, 10) == frozenset(each.decode() for each in names)


def test_an_image_by_its_name(listen: Callable[..., str]) -> None:
    path = listen(lambda: answered(text(1, text(1, b"sha256:a") + text(2, b"x"))), True)
    assert calls.image_id(path, "a/b:1", 5) == "sha256:a"


@pytest.mark.parametrize(
    "content", [b"", text(2, b"info")], ids=["nothing", "something else"]
)
def test_an_image_that_is_not_there(listen: Callable[..., str], content: bytes) -> None:
    path = listen(lambda: answered(content), True)
    assert (calls.image_id(path, "a/b:1", 5), calls.image_ids(path, 5)) == (
        "",
        frozenset(),
    )


@pytest.mark.parametrize(
    "content",
    [
        *(b"\x0a", b"\x0a\xff", b"\x0a\x05abc", b"\x0a\x02\x0a\xff", b"\x0b", b"\x0f"),
        *(b"\xff" * 20, b"\x0a" + b"\xff" * 9 + b"\x01", b"\x09abc", b"\x0d", b"\x08"),
    ],
    ids=repr,
)
def test_what_is_no_message_tells_nothing(
    listen: Callable[..., str], content: bytes
) -> None:
    path = listen(lambda: answered(content), True)
    assert calls.image_id(path, "a/b:1", 5) is None
    assert calls.image_ids(path, 5) is None


def test_a_list_has_a_bound(listen: Callable[..., str]) -> None:
    path = listen(lambda: forever(frame(DATA, 0, b"\0" * 16_000), BEGUN), True)
    assert calls.image_ids(path, 10) is None
