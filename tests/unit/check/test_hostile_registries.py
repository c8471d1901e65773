"""Registries that are wrong, broken or malicious: each has a result in time, and
harms no other.
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, Iterator, Optional

import pytest

from private_registry.check import run
from private_registry.check.cause_columns import Layer
from private_registry.check.causes import Cause
from private_registry.check.hosts_reading import read_registry
from private_registry.check.image import parse_subject
from private_registry.check.probe import probe as probe_module
from private_registry.check.probe.challenge import parse_challenges
from private_registry.check.probe.parallel import all_at_once
from private_registry.check.probe.probe import ask
from private_registry.check.probe.proxies import Proxies
from private_registry.check.probe.result import Question, Result
from private_registry.check.reading.reading import HostEntry, Trust
from private_registry.texts.showing import without_secrets
from unit.fake_containerd import FakeContainerd
from unit.fake_registry import FakeRegistries
from unit.hostile_answers import ENDLESS, INDEX, ROWS, Row
from unit.hostile_server import Answering, HostileServer, dripped, endless, said
from unit.microk8s import Microk8s, ok
from unit.pki import Pki

pytestmark = pytest.mark.attack

# What no terminal and no reader of JSON should get to see: controls, bidi, zero width,
# fillers.
UNFIT = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-"
    "\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\ud800-\udfff]"
)


class Hostile:
    """Starts hostile servers, and stops all."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack

    def start(self, answering: Answering, **options: Any) -> HostileServer:
        server = HostileServer(answering, **options)
        self._stack.callback(server.close)
        return server


@pytest.fixture
def hostile() -> Iterator[Hostile]:
    with ExitStack() as stack:
        yield Hostile(stack)


@pytest.fixture
def registries() -> Iterator[FakeRegistries]:
    with ExitStack() as stack:
        yield FakeRegistries(stack)


def question(
    authority: str, scheme: str = "http", image: Optional[str] = None
) -> Question:
    wanted = None if image is None else parse_subject(f"reg.corp/{image}").image
    trust = Trust(skip_verify=True if scheme == "https" else None)
    return Question(
        "reg.corp", HostEntry(scheme, authority, "/v2", trust=trust), wanted
    )


def is_fit(result: Result) -> bool:
    """Whether what a server said may be shown."""
    told = (result.detail, result.asked)
    return all(not UNFIT.search(each) and len(each) <= 1000 for each in told)


# --- every answer gets a result -------------------------------------------------------


@pytest.mark.parametrize("image", [None, "app:1"], ids=["registry", "image"])
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_an_answer(hostile: Hostile, row: Row, image: Optional[str]) -> None:
    server = hostile.start(row.answering)
    start = time.monotonic()
    result = ask(question(server.authority, image=image), 5)
    assert time.monotonic() - start < 6
    assert result.cause is row.cause, result
    assert is_fit(result)


@pytest.mark.parametrize(("first", "then"), ENDLESS.values(), ids=ENDLESS)
def test_an_answer_without_an_end(hostile: Hostile, first: bytes, then: bytes) -> None:
    server = hostile.start(lambda _: endless(first, then))
    start = time.monotonic()
    result = ask(question(server.authority), 1)
    assert time.monotonic() - start < 2
    assert result.cause in (Cause.FORBIDDEN, Cause.NOT_UNDERSTOOD, Cause.TIMEOUT)


@pytest.mark.parametrize(
    "kind", [KeyError, MemoryError, RecursionError, AssertionError, OSError]
)
def test_a_bug_of_ours_is_the_result_of_that_registry(
    registries: FakeRegistries, monkeypatch: pytest.MonkeyPatch, kind: type
) -> None:
    def fails(*_: Any) -> Any:
        raise kind("secret words")

    monkeypatch.setattr(probe_module, "check_status", fails)
    result = ask(question(registries.start().authority), 5)
    assert result.cause is Cause.NOT_UNDERSTOOD
    assert kind.__name__ in result.detail
    assert "secret" not in result.detail


def test_an_exception_in_one_job_leaves_the_others() -> None:
    def fails() -> str:
        raise KeyError("bug")

    jobs = {1: fails, **dict.fromkeys(range(2, 9), lambda: "done")}
    found = all_at_once(jobs, 5, otherwise=lambda error: type(error).__name__)
    assert found == {1: "KeyError", **dict.fromkeys(range(2, 9), "done")}


def test_where_no_more_threads_can_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    real, started = threading.Thread.start, []

    def start(thread: threading.Thread) -> None:
        started.append(thread)
        if len(started) > 2:
            raise RuntimeError("can't start new thread")
        real(thread)

    monkeypatch.setattr(threading.Thread, "start", start)
    jobs = dict.fromkeys(range(4), lambda: "done")
    found = all_at_once(jobs, 5, otherwise=lambda error: type(error).__name__)
    assert found == {0: "done", 1: "done", 2: "RuntimeError", 3: "RuntimeError"}


# --- and in time ----------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\n"
DRIPS = {
    "status line": b"H",
    "header": HEAD + b"A: b",
    "headers": HEAD + b"A: b\r\nB",
    "body": HEAD + b"Content-Length: 100000\r\n\r\nx",
    "body without a length": HEAD + b"\r\nx",
    "chunk": HEAD + b"Transfer-Encoding: chunked\r\n\r\nfff\r\nx",
    "chunk line": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;x",
    "100 Continue": b"HTTP/1.1 100 Continue\r\nA: b",
}


@pytest.mark.parametrize("content", DRIPS.values(), ids=DRIPS)
@pytest.mark.parametrize("way", ["http", "https", "http proxy", "https proxy"])
def test_what_drips_ends_at_the_deadline(
    hostile: Hostile,
    pki: Pki,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    content: bytes,
) -> None:
    scheme = way.partition(" ")[0]
    pair = pki.server if scheme == "https" else None
    server = hostile.start(
        lambda _: dripped(content), pair=pair, tunnels=way == "https proxy"
    )
    asked = question(server.authority, scheme)
    if way.endswith("proxy"):
        monkeypatch.setattr(socket, "getaddrinfo", _only_here)
        asked = question("reg.corp:1", scheme)._replace(proxies=_through(server))
    start = time.monotonic()
    result = ask(asked, 0.4)
    assert time.monotonic() - start < 1.4
    assert (result.cause, result.detail) == (Cause.TIMEOUT, "no answer within 0.4 s")


def _through(server: HostileServer) -> Proxies:
    url = f"http://{server.authority}"
    return Proxies(url, url)


def _only_here(_host: Any, port: int, *_: Any, **__: Any) -> Any:
    return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))]


@pytest.mark.parametrize(
    "content", [b"H", HEAD + b"A: b", b"HTTP/1.1 100 Continue\r\nA: b"]
)
def test_a_proxy_whose_answer_drips(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    server = hostile.start(lambda _: dripped(content))
    monkeypatch.setattr(socket, "getaddrinfo", _only_here)
    start = time.monotonic()
    result = ask(question("reg.corp:1", "https")._replace(proxies=_through(server)), 1)
    assert time.monotonic() - start < 2
    assert (result.cause, result.asked) == (Cause.PROXY, server.authority)
    assert "no answer within 1 s" in result.detail


@pytest.mark.parametrize(
    "answer",
    [
        *(b"HTTP/1.1 2\xb2\r\n\r\n", b"x", b"HTTP/1.1 200 " + b"x" * 100_000, b""),
        *(
            HEAD + b"A: b\r\n" * 200,
            b"HTTP/1.1 404 \x1b[2J\r\n\r\n",
            HEAD + b"x\r\n\r\n",
        ),
    ],
    ids=range(7),
)
def test_a_proxy_that_answers_nonsense(
    hostile: Hostile, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    server = hostile.start(answer)
    monkeypatch.setattr(socket, "getaddrinfo", _only_here)
    result = ask(question("reg.corp:1", "https")._replace(proxies=_through(server)), 2)
    assert result.cause is Cause.PROXY
    assert is_fit(result)


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://[::1",
            "http://127.0.0.1:²",
            "http://127.0.0.1:99999",
            "http://",
            "://",
            "²",
        ),
        *(
            "http://\u202e",
            "http://user:pw@[",
            "socks5://127.0.0.1:1",
            "http://127.0.0.1:-1",
        ),
    ],
)
def test_a_proxy_that_is_none(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _only_here)
    for scheme in ("http", "https"):
        result = ask(
            question("reg.corp:1", scheme)._replace(proxies=Proxies(url, url)), 2
        )
        assert result.cause is Cause.PROXY
        assert is_fit(result)
        assert "pw" not in repr(result)


def test_tls_that_drips_ends_at_the_deadline(hostile: Hostile) -> None:
    server = hostile.start(lambda _: dripped(b"\x16\x03\x03\x3f\xff\x02"), heads=False)
    start = time.monotonic()
    result = ask(question(server.authority, "https"), 1)
    assert time.monotonic() - start < 2
    assert (result.cause, result.layer) == (Cause.TIMEOUT, Layer.TLS)


@pytest.mark.parametrize(
    "field", ['WWW-Authenticate: Bearer realm="{}"', "Location: {}"]
)
def test_whoever_it_sends_to_has_no_more_time(hostile: Hostile, field: str) -> None:
    server = hostile.start(lambda _: dripped(HEAD + b"A: b"))
    status = "302 Found" if field.startswith("Loc") else "401 Unauthorized"
    first = hostile.start(said(status, field.format(f"http://{server.authority}/")))
    start = time.monotonic()
    result = ask(question(first.authority), 1)
    assert time.monotonic() - start < 2
    assert result.cause in (Cause.TIMEOUT, Cause.TOKEN_UNREACHABLE)


def test_a_proxy_in_the_way_does_not_double_the_time(
    hostile: Hostile, registries: FakeRegistries, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is silent to the end, and yet it comes out that the registry answers
    without it.
    """
    server = hostile.start(lambda _: dripped(b"H"))
    port = registries.start().authority.rpartition(":")[2]
    monkeypatch.setattr(socket, "getaddrinfo", _only_here)
    start = time.monotonic()
    result = ask(question(f"reg.corp:{port}")._replace(proxies=_through(server)), 1)
    assert time.monotonic() - start < 2
    assert result.cause is Cause.PROXY
    assert "asked without a proxy, it answers" in result.detail


# --- a whole check --------------------------------------------------------------------


def test_a_healthy_registry_beside_all_of_them(
    microk8s: Microk8s,
    containerd: FakeContainerd,
    hostile: Hostile,
    registries: FakeRegistries,
) -> None:
    rows: Dict[str, Row] = dict(ROWS)
    for name, content in DRIPS.items():
        # A manifest is asked for by HEAD, whose answer has no body.
        is_head = name not in ("body", "body without a length", "chunk", "chunk line")
        rows[f"drip: {name}"] = Row(
            _dripping(content), Cause.TIMEOUT if is_head else None
        )
    healthy = registries.start().authority
    servers = {
        hostile.start(row.answering).authority: name for name, row in rows.items()
    }
    for host in (healthy, *servers):
        text = f'server = "http://{host}"\n[host."http://{host}"]\n'
        microk8s.write(f"args/certs.d/{host}/hosts.toml", text)
    ok(microk8s.run("enable"))
    subjects = [f"{host}/app:1" for host in (healthy, *servers)]
    start = time.monotonic()
    done = microk8s.run("plugin", "check", "--timeout", "3", "--json", *subjects)
    # Two batches of threads, and reading the configuration of each.
    assert time.monotonic() - start < 20
    assert (done.exit_code, done.stderr) == (5, "")
    document = json.loads(done.stdout)
    found = {each["registry"]: each for each in document["registries"]}
    assert found[healthy]["result"] == "ok"
    assert set(found) == {healthy, *servers}
    results = {
        name: found[host]["endpoints"][0]["result"] for host, name in servers.items()
    }
    assert results == {
        name: row.cause.value if row.cause else "ok" for name, row in rows.items()
    }
    assert not [each for each in _texts(document) if UNFIT.search(each)]
    shown = microk8s.run("plugin", "check", "--timeout", "3", *subjects).stdout
    assert not UNFIT.search(shown.replace("\n", ""))
    assert max(map(len, shown.splitlines())) < 2000


def _dripping(content: bytes) -> Answering:
    return lambda _: dripped(content)


def _texts(plain: Any) -> Iterator[str]:
    if isinstance(plain, str):
        yield plain
    for each in (
        plain.values() if isinstance(plain, dict) else plain if _is_list(plain) else ()
    ):
        yield from _texts(each)


def _is_list(plain: Any) -> bool:
    return isinstance(plain, list)


@pytest.mark.parametrize(
    "name", ["x[y", "[", "[::1", "a]b", "x:²", "²", "a b", "http:", "a@b", "%zz", "x:"]
)
def test_a_directory_that_no_image_leads_to(
    microk8s: Microk8s,
    containerd: FakeContainerd,
    registries: FakeRegistries,
    name: str,
) -> None:
    healthy = registries.start().authority
    for host in (name, healthy):
        text = f'server = "http://{healthy}"\n[host."http://{healthy}"]\n'
        microk8s.write(f"args/certs.d/{host}/hosts.toml", text)
    microk8s.write(f"args/certs.d/{name}x/junk", "x")
    ok(microk8s.run("enable"))
    done = microk8s.run("plugin", "check", "--timeout", "2", "--json")
    assert done.stderr == ""
    document = json.loads(done.stdout)
    found = {each["registry"]: each["result"] for each in document["registries"]}
    assert found[healthy] == "ok"
    names = (name, without_secrets(name))
    causes = {
        each["cause"] for each in document["findings"] if each["registry"] in names
    }
    assert causes <= {"wrong_directory", "bad_url", "no_such_name"}
    assert causes


def test_our_own_bug_at_one_registry_leaves_the_others(
    microk8s: Microk8s,
    containerd: FakeContainerd,
    registries: FakeRegistries,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hosts = [registries.start().authority for _ in range(2)]
    for host in hosts:
        text = f'server = "http://{host}"\n[host."http://{host}"]\n'
        microk8s.write(f"args/certs.d/{host}/hosts.toml", text)
    ok(microk8s.run("enable"))
    for place, real in (("ask", ask), ("read_registry", read_registry)):

        def fails(first: Any, *rest: Any, _real: Any = real, **options: Any) -> Any:
            if hosts[0] in (first, getattr(first, "registry", "")):
                raise KeyError("hunter2")
            return _real(first, *rest, **options)

        with monkeypatch.context() as patch:
            patch.setattr(run, place, fails)
            done = microk8s.run("plugin", "check", "--json", *hosts)
        assert (done.exit_code, done.stderr) == (5, "")
        document = json.loads(done.stdout)
        assert [each["result"] for each in document["registries"]] == ["fault", "ok"]
        (finding,) = document["findings"]
        assert (finding["cause"], finding["registry"]) == ("not_understood", hosts[0])
        assert "KeyError" in finding["why"]
        assert "hunter2" not in done.stdout


@pytest.mark.parametrize("kind", ["CA", "certificate", "key"])
def test_a_pipe_in_place_of_a_file_holds_nobody(
    tmp_path: Path, pki: Pki, kind: str
) -> None:
    pipe, file = tmp_path / "pipe", tmp_path / "file"
    os.mkfifo(str(pipe))
    file.write_text(pki.client.pem + pki.client.key)
    paths = [
        str(pipe if each == kind else file) for each in ("CA", "certificate", "key")
    ]
    trust = Trust((paths[0],), ((paths[1], paths[2]),))
    entry = HostEntry("https", "127.0.0.1:1", "/v2", trust=trust)
    with socket.create_server(("127.0.0.1", 0)) as server:
        authority = f"127.0.0.1:{server.getsockname()[1]}"
        asked = Question("reg.corp", entry._replace(authority=authority))
        found = all_at_once(
            {0: lambda: ask(asked, 2)},
            3,
            lambda error: Result(Cause.NOT_UNDERSTOOD, Layer.NAME, repr(error)),
        )
    assert found[0].cause is (
        Cause.CA_UNUSABLE if kind == "CA" else Cause.CLIENT_UNUSABLE
    )
    assert str(pipe) in found[0].detail


# --- what is shown --------------------------------------------------------------------

RUDE = (
    "a\tb\x1b[2J\u202ec\u200bd\ufeffe\u2028f\u3164g\u034fh\xadi\ufe0fj\x85k\U000e0041l"
)


@pytest.mark.parametrize("text", [RUDE, "x" * 100_000, RUDE * 1000, "\ud800"])
@pytest.mark.parametrize(
    "where", ["message", "token server", "platform", "status", "location"]
)
def test_what_a_server_says_is_fit_to_be_shown(
    hostile: Hostile, text: str, where: str
) -> None:
    word = json.dumps(text)
    answers: Dict[str, Answering] = {
        "message": said(
            "403 Forbidden", body=b'{"errors": [{"message": %s}]}' % word.encode()
        ),
        "platform": said(
            "200 OK",
            INDEX,
            body=b'{"manifests": [{"platform": {"os": %s, "architecture": "vax"}}]}'
            % word.encode(),
        ),
        "status": said(f"403 {text}".encode("utf-8", "replace").decode("latin-1")),
        "location": said(
            "302 Found",
            b"Location: http://127.0.0.1:1/" + text.encode("utf-8", "replace"),
        ),
        "token server": lambda head: (
            said(
                "400 Bad Request", body=b'{"errors": [{"message": %s}]}' % word.encode()
            )
            if b"/token" in head
            else said(
                "401 Unauthorized", 'WWW-Authenticate: Bearer realm="http://SELF/token"'
            )
        ),
    }
    result = ask(question(hostile.start(answers[where]).authority, image="app:1"), 5)
    assert result.cause is not None
    assert is_fit(result)


def test_ordinary_words_are_told_as_they_are(hostile: Hostile) -> None:
    words = "quota für das Projekt »app« überschritten: 不够 (50%)"
    body = json.dumps({"errors": [{"message": words}]}, ensure_ascii=False).encode()
    result = ask(question(hostile.start(said("403 Forbidden", body=body)).authority), 5)
    assert result.detail == f"it answers 403 Forbidden: {words}"


# --- challenges, read in linear time --------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        *(
            "A" + " " * 60_000 + "=",
            " " * 60_000,
            "," * 60_000,
            ", " * 30_000,
            "a" * 60_000,
        ),
        *(
            "Bearer " + "a=b," * 15_000,
            'Bearer a="' + "\\" * 59_999,
            "Bearer a=" + '"' * 60_000,
        ),
        *(
            "Bearer " + 'a="",' * 12_000,
            "Bearer " + "a =" * 20_000,
            "Bearer a=" + " " * 60_000,
        ),
    ],
    ids=range(11),
)
def test_a_challenge_takes_no_time(header: str) -> None:
    start = time.thread_time()
    found = parse_challenges([header] * 1000)
    assert time.thread_time() - start < 1
    assert len(found) <= 100
    assert all(len(each.parameters) <= 100 for each in found)
