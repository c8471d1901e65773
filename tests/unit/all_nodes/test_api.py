"""The API server as agents ask it, when it or what stands before it is not well."""

from __future__ import annotations

import ssl
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Tuple, cast

import pytest

from private_registry.all_nodes import orders
from private_registry.all_nodes.agent import watching
from private_registry.all_nodes.agent.api import Api, ApiError, Server
from private_registry.all_nodes.agent.watching import OrdersWatch
from private_registry.all_nodes.orders import Orders
from unit.hostile_server import Answering, HostileServer, said
from unit.pki import make

TOKEN = "T0ken.of.the.account"
CHUNKED = "Transfer-Encoding: chunked"
AUTHORITY = make("10.152.183.1", authority=True)
SERVER = make("server", issuer=AUTHORITY, names=["127.0.0.1"])


class Asked:
    """Starts servers, and hands out who asks them.

    Args:
        account: directory with token and CA.
    """

    def __init__(self, account: Path) -> None:
        self._account = account
        self.servers: List[HostileServer] = []
        (account / "token").write_text(f"{TOKEN}\n")
        (account / "ca.crt").write_text(AUTHORITY.pem)

    def __call__(self, answering: Answering) -> Api:
        """Start a server, and return who asks it."""
        server = HostileServer(answering, SERVER)
        self.servers.append(server)
        host, _, port = server.authority.partition(":")
        return Api(Server(host, port, str(self._account)))


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    """Servers, until the test is over."""
    found = Asked(tmp_path)
    yield found
    for each in found.servers:
        each.close()


def test_the_ca_of_microk8s_is_believed_on_each_python(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_context = ssl.create_default_context

    def strict(**options: Any) -> ssl.SSLContext:
        """As Python 3.13 makes it: a CA without key usage is none."""
        context = make_context(**options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    assert asked(said(body=b'{"metadata": {}}')).secret() == {"metadata": {}}


def test_another_ca_is_not(asked: Asked, tmp_path: Path) -> None:
    api = asked(said())
    (tmp_path / "ca.crt").write_text(make("other", authority=True).pem)
    with pytest.raises(ApiError, match="certificate verify failed"):
        api.secret()


WRONG: Dict[str, Answering] = {
    "a list": said(body=b"[]"),
    "a text": said(body=b'"x"'),
    "nothing": said(body=b""),
    "HTML": said(body=b"<html>"),
    "half": said("200 OK", "Content-Length: 100", body=b'{"a"'),
    "deep": said(body=b"[" * 200_000),
    "no HTTP": b"SSH-2.0-x\r\n\r\n",
    "redirect": said("302 Found", "Location: https://SELF/", body=b""),
    "an error that is a text": said("500 Oops", body=b'"x"'),
    "an error that is a list": said("429 Too Many Requests", body=b"[1]"),
    "an error in HTML": said("502 Bad Gateway", body=b"<html>"),
    "not logged in": said("401 Unauthorized", body=b'{"message": null}'),
    "wrong chunks": said("200 OK", CHUNKED, body=b"zz\r\n{}\r\n"),
    "a long head": said("200 OK", "X: " + "a" * 100_000),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_answer_is_an_error_of_one_kind(asked: Asked, name: str) -> None:
    api = asked(WRONG[name])
    with pytest.raises(ApiError) as error:
        api.secret()
    assert TOKEN not in str(error.value)
    # A watch may also end before anything has happened.
    with suppress(ApiError):
        assert list(api.changes("0", 1)) == []


@pytest.mark.parametrize("event", ["[]", "1", '{"type": "ADDED"}', '{"object": 1}'])
def test_a_wrong_event_is_one_too(asked: Asked, event: str) -> None:
    with pytest.raises(ApiError):
        list(asked(said(body=event.encode())).changes("0", 1))


@pytest.mark.parametrize("name", ["token", "ca.crt"])
@pytest.mark.parametrize("content", [None, b"\xff\x00", b"a\nb"])
def test_an_account_that_cannot_be_read_is_one_too(
    asked: Asked, tmp_path: Path, name: str, content: Optional[bytes]
) -> None:
    api = asked(said())
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ApiError) as error:
        api.secret()
    assert "Bearer" not in str(error.value)


class EndError(BaseException):
    """Ends a watch that would go on for ever."""


Event = Tuple[str, Any]


class ToldApi:
    """An API server that says what a test wants, and then that it is away.

    Args:
        secret: what it has.
        watches: the events of each watch.
        clock: that goes on while a watch lasts.
    """

    def __init__(self, secret: Any, watches: List[List[Event]], clock: Clock) -> None:
        self._secret, self._watches, self._clock = secret, watches, clock
        self.reads = 0

    def secret(self) -> Any:
        """Return the Secret."""
        self.reads += 1
        return self._secret

    def changes(self, _version: str, _seconds: int) -> Iterator[Event]:
        """Yield the events of the next watch."""
        if not self._watches:
            raise ApiError(0, "it is away")
        self._clock.now += self._clock.watch_seconds
        yield from self._watches.pop(0)


class Clock:
    """A clock that sleeping moves.

    Args:
        most: so often something may sleep.
    """

    def __init__(self, most: int) -> None:
        self.now, self.watch_seconds = 0.0, 0.0
        self.slept: List[float] = []
        self._most = most

    def monotonic(self) -> float:
        """Return the time."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Sleep, or end it all."""
        self.slept.append(seconds)
        self.now += seconds
        if len(self.slept) >= self._most:
            raise EndError


def followed(
    monkeypatch: pytest.MonkeyPatch, api: Any, clock: Clock
) -> Tuple[OrdersWatch, List[str]]:
    """Follow an API server until the clock ends it."""
    monkeypatch.setattr(watching, "time", clock)
    said_lines: List[str] = []
    watch = OrdersWatch(api, said_lines.append)
    with pytest.raises(EndError):
        watch._watch()  # noqa: SLF001 - without its thread
    return watch, said_lines


def secret_of(wanted: Orders, version: str = "1") -> Mapping[str, Any]:
    return {"metadata": {"resourceVersion": version}, "data": orders.to_data(wanted)}


@pytest.mark.parametrize(
    "secret",
    [{}, {"data": "x"}, {**secret_of(Orders()), "metadata": None}],
)
def test_whatever_the_server_says_it_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, secret: Any
) -> None:
    watch, told = followed(
        monkeypatch, lambda clock: ToldApi(secret, [], clock), Clock(9)
    )
    assert told
    watch.next(0.0)


def test_no_wait_for_orders_is_for_ever() -> None:
    """SimpleQueue's is where its time is over as it begins, up to Python 3.12."""

    def wait_again_and_again() -> None:
        for _ in range(40_000):
            assert OrdersWatch(cast("Api", None), print).next(1e-6) is None

    waiting = threading.Thread(target=wait_again_and_again, daemon=True)
    waiting.start()
    waiting.join(60)
    assert not waiting.is_alive()


def test_after_a_good_while_the_first_wait_is_short_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(20)
    followed(monkeypatch, ToldApi(secret_of(Orders()), [], clock), clock)
    assert clock.slept[-1] > 10

    clock = Clock(20)
    clock.watch_seconds = 3600.0
    gone: List[List[Event]] = [[("ERROR", {"code": 410})] for _ in range(20)]
    followed(monkeypatch, ToldApi(secret_of(Orders()), gone, clock), clock)
    assert max(clock.slept) < 1


def test_orders_that_cannot_be_read_are_not_read_again_and_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    damaged = {"metadata": {"resourceVersion": "1"}, "data": {"orders.json": "%"}}
    mended = secret_of(Orders(number=3), "2")
    clock = Clock(3)
    api = ToldApi(damaged, [[], [("MODIFIED", mended)], []], clock)
    watch, told = followed(monkeypatch, api, clock)
    assert api.reads == 1
    assert told == ["the cluster's registries cannot be read: damaged"]
    assert watch.next(0.0) == Orders(number=3)
