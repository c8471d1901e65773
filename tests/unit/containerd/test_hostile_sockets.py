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

from private_registry.containerd.cri import calls, grpc
from private_registry.containerd.cri.grpc import UNAVAILABLE, call
from private_registry.containerd.cri.hpack import Decoder, HpackError
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


def forever(content: bytes, first: bytes = b"") -> Iterator[bytes]:
    yield first
    while True:
        yield content


def dripped(content: bytes) -> Iterator[bytes]:
    for each in content * 1000:
        yield bytes([each])
        time.sleep(0.05)


def silence() -> Iterator[bytes]:
    yield b""
    time.sleep(5 * SECONDS)


ADDED = b"\x40\x01a\x01b" * 3000
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
    "endless data": (lambda: forever(frame(DATA, 0, b"x" * 16_000)), True),
    "endless empty data": (lambda: forever(frame(DATA) * 100), True),
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
        assert calls.listener(other) is None or other == path


def test_an_answer_as_long_as_can_be_sent_unasked(listen: Callable[..., str]) -> None:
    content = b"\0" + struct.pack(">I", 65_000) + b"x" * 65_000
    parts = [content[at : at + 16_000] for at in range(0, len(content), 16_000)]
    answer = [*(frame(DATA, 0, each) for each in parts), status(b"0")]
    path = listen(lambda: answer, True)
    assert call(path, "/service/Method", b"", 5) == grpc.Reply(0, "", b"x" * 65_000)


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


def answer_of(content: bytes) -> Iterable[bytes]:
    whole = b"\0" + struct.pack(">I", len(content)) + content
    parts = [whole[at : at + 16_000] for at in range(0, len(whole), 16_000)]
    return [*(frame(DATA, 0, each) for each in parts), status(b"0")]


def test_a_list_of_some_thousand_images(listen: Callable[..., str]) -> None:
    names = [b"sha256:%064d" % number for number in range(5000)]
    # An identifier, names, a size, and what nobody needs to know.
    images = [
        text(1, text(1, name) + text(2, b"reg.corp/a:1" * 20) + b"\x20\xff\x01")
        for name in names
    ]
    path = listen(lambda: answer_of(b"".join(images)), True)
    assert calls.image_ids(path, 10) == frozenset(each.decode() for each in names)


def test_an_image_by_its_name(listen: Callable[..., str]) -> None:
    path = listen(
        lambda: answer_of(text(1, text(1, b"sha256:a") + text(2, b"x"))), True
    )
    assert calls.image_id(path, "a/b:1", 5) == "sha256:a"


@pytest.mark.parametrize(
    "content", [b"", text(2, b"info")], ids=["nothing", "something else"]
)
def test_an_image_that_is_not_there(listen: Callable[..., str], content: bytes) -> None:
    path = listen(lambda: answer_of(content), True)
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
    path = listen(lambda: answer_of(content), True)
    assert calls.image_id(path, "a/b:1", 5) is None
    assert calls.image_ids(path, 5) is None


def test_a_list_has_a_bound(listen: Callable[..., str]) -> None:
    path = listen(lambda: forever(frame(DATA, 0, b"\0" * 16_000)), True)
    assert calls.image_ids(path, 10) is None


# --- headers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "block",
    [
        b"\xff" * 16_000,
        b"\xff" * 15_000 + b"\x01",
        b"\x0f" + b"\xff" * 15_000,
        b"\0\x7f" + b"\xff" * 15_000,
        b"\0\x01a\x7f" + b"\x80" * 15_000 + b"\x01",
        b"\0\x01a\xff\x81\x7b" + b"\xff" * 15_872,
    ],
    ids=range(6),
)
def test_numbers_and_codes_have_a_bound(block: bytes) -> None:
    start = time.thread_time()
    with pytest.raises(HpackError):
        Decoder().decode(block)
    assert time.thread_time() - start < 0.5


def test_a_table_has_a_bound_and_takes_no_time() -> None:
    decoder = Decoder()
    start = time.thread_time()
    fields = decoder.decode(b"\x40\x01a\x01b" * 2000 + b"\xbe" * 8000)
    assert fields == [("a", "b")] * 10_000
    with pytest.raises(HpackError, match="too many"):
        decoder.decode(ADDED)
    assert time.thread_time() - start < 2
