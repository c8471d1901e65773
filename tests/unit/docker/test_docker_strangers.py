"""Docker engines of strangers: a process, a socket or a home of theirs leads root
nowhere.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator, List, NamedTuple, Tuple

import pytest

from private_registry.docker import api, discovery, engine
from unit.fake_docker import FakeDocker
from unit.listening import Listening
from unit.microk8s import Microk8s, ok

pytestmark = pytest.mark.attack

NewDocker = Callable[..., FakeDocker]
NOBODY = 65534
SECONDS = 30
ADD = ("enable", "--insecure", "a.corp", "--docker")
needs_root = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can start what is another's"
)


@pytest.fixture(autouse=True)
def _in_time() -> Iterator[None]:
    """No run of these tests may wait for a stranger."""

    def late(*_: Any) -> None:
        raise AssertionError("something is waited for")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@contextmanager
def running(node: Microk8s, *arguments: str, environment: Any = None) -> Iterator[int]:
    """Have a user without rights run a program named dockerd."""
    work = Path(tempfile.mkdtemp(prefix="d"))
    program = work / "dockerd"
    # A program that every user may run, which this Python may not be.
    program.write_text("#!/bin/sh\necho here\nread -r end\n")
    program.chmod(0o755)
    work.chmod(0o755)
    command = [
        "setpriv",
        "--reuid",
        str(NOBODY),
        "--clear-groups",
        str(program),
        *arguments,
    ]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"here\n"
        node.show_process(process.pid)
        yield process.pid
        node.hide_process(process.pid)
        process.communicate()
    shutil.rmtree(str(work))


# --- processes ------------------------------------------------------------------------


@needs_root
@pytest.mark.parametrize(
    "place", ["etc/profile.d/zz.sh", "etc/docker/daemon.json", "zz"]
)
def test_a_strangers_command_line_names_no_file_of_roots(
    microk8s: Microk8s, tmp_path: Path, place: str
) -> None:
    config = microk8s.root / place
    before = microk8s.tree()
    xdg = {"XDG_CONFIG_HOME": str(tmp_path / "theirs")}
    with running(microk8s, f"--config-file={config}", environment=xdg):
        result = microk8s.run(*ADD)
    assert result.exit_code == 4, result
    assert "there is no Docker engine" in result.stderr
    assert not config.exists()
    assert not (tmp_path / "theirs").exists()
    assert microk8s.tree() == before


@needs_root
@pytest.mark.parametrize("has_directory", [True, False])
def test_what_root_names_stays_roots(
    microk8s: Microk8s, tmp_path: Path, client_options: List[str], has_directory: bool
) -> None:
    """Where a stranger's process claims the same file, which may not be there yet."""
    if has_directory:
        microk8s.etc_docker.mkdir(mode=0o755)
        (microk8s.etc_docker / "daemon.json").write_text("{}\n")
    before = microk8s.tree()
    config = microk8s.etc_docker / "daemon.json"
    xdg = {"XDG_CONFIG_HOME": str(tmp_path / "theirs")}
    with running(microk8s, f"--config-file={config}", environment=xdg):
        options = ["--docker", "--docker-config", str(config), *client_options]
        ok(microk8s.run("enable", "--registry", "a.corp", *options))
        ok(microk8s.run("plugin", "add", "--insecure", "b.corp", "--docker"))
        assert not (tmp_path / "theirs").exists()
        for path in [microk8s.etc_docker, *microk8s.etc_docker.rglob("*")]:
            assert (path.stat().st_uid, path.stat().st_gid) == (0, 0), path
        key = microk8s.etc_docker / "certs.d/a.corp/client.key"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        ok(microk8s.run("disable"))
    assert microk8s.tree() == before


@needs_root
def test_a_strangers_process_makes_no_choice_necessary(
    microk8s: Microk8s, new_docker: NewDocker
) -> None:
    docker = new_docker()
    with running(microk8s, "--config-file=/etc/x"), running(microk8s):
        ok(microk8s.run(*ADD))
        assert docker.insecure() == {"a.corp"}
        ok(microk8s.run("disable"))


# --- homes ----------------------------------------------------------------------------


class Home(NamedTuple):
    """A user's home, with a rootless engine that does not run."""

    path: Path
    config: Path

    def owners(self) -> List[Tuple[int, int]]:
        """Return the owners of all that is in it."""
        return sorted(
            {
                (each.lstat().st_uid, each.lstat().st_gid)
                for each in self.path.rglob("*")
            }
        )


@pytest.fixture
def home(microk8s: Microk8s, monkeypatch: pytest.MonkeyPatch) -> Home:
    path = microk8s.root / "home" / "ann"
    docker = path / ".config" / "docker"
    docker.mkdir(parents=True)
    for each in [path, *path.rglob("*")]:
        os.chown(str(each), NOBODY, NOBODY)
        each.chmod(0o700)
    for each in path.parents:
        if each != Path("/"):
            each.chmod(each.stat().st_mode | 0o011)
    account = pwd.struct_passwd(("ann", "x", NOBODY, NOBODY, "", str(path), "sh"))
    monkeypatch.setattr(pwd, "getpwuid", lambda _number: account)
    return Home(path, docker / "daemon.json")


@needs_root
def test_in_a_home_everything_is_its_owners(
    microk8s: Microk8s, home: Home, client_options: List[str]
) -> None:
    before = microk8s.tree()
    options = ["--docker", "--docker-config", str(home.config), *client_options]
    with running(microk8s):
        ok(microk8s.run("enable", "--registry", "b.corp", *options))
        assert home.owners() == [(NOBODY, NOBODY)]
        key = home.config.parent / "certs.d/b.corp/client.key"
        assert stat.S_IMODE(key.stat().st_mode) == 0o600
        assert stat.S_IMODE(key.parent.stat().st_mode) == 0o700
        ok(microk8s.run("disable"))
    assert microk8s.tree() == before


@needs_root
@pytest.mark.parametrize(
    "linked", [".config", ".config/docker", ".config/docker/certs.d"]
)
def test_a_link_in_a_home_leads_root_nowhere(
    microk8s: Microk8s, home: Home, client_options: List[str], linked: str
) -> None:
    victim = microk8s.root / "etc" / "victim"
    (victim / "docker").mkdir(parents=True)
    for path in (victim / "docker", victim):
        path.chmod(0o755)
    place = home.path / linked
    if place.exists():
        shutil.rmtree(str(place))
    place.symlink_to(victim)
    os.lchown(str(place), NOBODY, NOBODY)
    before = microk8s.tree()
    options = ["--docker", "--docker-config", str(home.config), *client_options]
    with running(microk8s):
        result = microk8s.run("enable", "--registry", "b.corp", *options)
        assert result.exit_code in (3, 4), result
        options = ["--docker", "--docker-config", str(home.config)]
        result = microk8s.run("enable", "--insecure", "b.corp", *options)
    if linked != ".config/docker/certs.d":
        assert result.exit_code in (3, 4), result
        assert microk8s.tree() == before
    assert not list(victim.rglob("*.*"))
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


@needs_root
def test_a_link_swapped_in_later_leads_root_nowhere(
    microk8s: Microk8s, home: Home, client_options: List[str]
) -> None:
    options = ["--docker", "--docker-config", str(home.config), *client_options]
    with running(microk8s):
        ok(microk8s.run("enable", "--registry", "b.corp", *options))
    victim = microk8s.root / "etc" / "victim"
    for host in ("b.corp", "c.corp"):
        (victim / "certs.d" / host).mkdir(parents=True)
        for name in ("ca.crt", "client.cert", "client.key"):
            (victim / "certs.d" / host / name).write_text("theirs")
    (victim / "daemon.json").write_text("{}")
    tree = {
        path: entry for path, entry in microk8s.tree().items() if "/victim/" in path
    }
    (home.path / ".config/docker").rename(home.path / ".config/away")
    (home.path / ".config/docker").symlink_to(victim)
    os.lchown(str(home.path / ".config/docker"), NOBODY, NOBODY)
    microk8s.run("plugin", "add", "--insecure", "c.corp", "--docker")
    ok(microk8s.run("plugin", "list"))
    microk8s.run("disable")
    now = {path: entry for path, entry in microk8s.tree().items() if "/victim/" in path}
    assert now == tree


# --- sockets --------------------------------------------------------------------------

OK = b"HTTP/1.1 200 OK\r\n"
CLOSE = OK + b"Connection: close\r\n\r\n"
DRIP_SECONDS = 0.05


def _sized(body: bytes) -> bytes:
    return OK + b"Content-Length: %d\r\n\r\n" % len(body) + body


def _config(inner: bytes) -> bytes:
    return _sized(b'{"RegistryConfig": ' + inner + b"}")


def _endless(channel: socket.socket) -> None:
    channel.sendall(CLOSE)
    while True:
        channel.sendall(b"[" * 65536)


def _dripping_body(channel: socket.socket) -> None:
    channel.sendall(CLOSE)
    while True:
        channel.sendall(b" ")
        time.sleep(DRIP_SECONDS)


def _dripping_head(channel: socket.socket) -> None:
    channel.sendall(OK + b"X: ")
    while True:
        channel.sendall(b"x")
        time.sleep(DRIP_SECONDS)


def _silent(channel: socket.socket) -> None:
    channel.recv(1)
    time.sleep(SECONDS)


ANSWERS = {
    "deep": _sized(b"[" * 1_000_000),
    "deep in it": _config(b'{"IndexConfigs": ' + b"[" * 200 + b"]" * 200 + b"}"),
    "no json": _sized(b"<html>"),
    "null": _sized(b"null"),
    "list": _sized(b"[]"),
    "no config": _sized(b"{}"),
    "config is null": _config(b"null"),
    "config is a list": _config(b"[1]"),
    "indexes are a list": _config(b'{"IndexConfigs": [1], "Mirrors": 7}'),
    "an index is a text": _config(
        b'{"IndexConfigs": {"a.corp": "x"}, "Mirrors": [7, null, {}]}'
    ),
    "mirrors are a text": _config(b'{"IndexConfigs": {}, "Mirrors": "https://m.corp"}'),
    "a huge number": _config(b'{"Mirrors": [' + b"9" * 5000 + b"]}"),
    "surrogates": _config(b'{"Mirrors": ["\\ud800"]}'),
    "larger than any": _sized(b" " * 5_000_000 + b"{}"),
    "negative length": OK + b"Content-Length: -5\r\n\r\n{}",
    "odd length": OK + b"Content-Length: \xb2\r\n\r\n{}",
    "odd chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n",
    "odd status": b"HTTP/1.1 \xb2 OK\r\n\r\n",
    "not http": b"SSH-2.0-OpenSSH\r\n",
    "many headers": OK + b"X: y\r\n" * 10_000 + b"\r\n",
    "nothing": b"",
    "endless": _endless,
    "dripping body": _dripping_body,
    "dripping head": _dripping_head,
    "silent": _silent,
}


class Stranger:
    """A server at a unix socket that answers as it likes."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self._work = Path(tempfile.mkdtemp(prefix="s"))
        self.path = str(self._work / "s")
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(self.path)
        listener.listen(8)
        self._listening = Listening(listener, self._talk)

    def _talk(self, channel: socket.socket) -> None:
        with channel:
            try:
                if callable(self._answer):
                    self._answer(channel)
                channel.recv(4096)
                channel.sendall(self._answer)
            except (OSError, TypeError):
                return

    def close(self) -> None:
        self._listening.close()
        shutil.rmtree(str(self._work))


@pytest.fixture(params=list(ANSWERS.values()), ids=list(ANSWERS))
def stranger(request: Any) -> Iterator[Stranger]:
    server = Stranger(request.param)
    yield server
    server.close()


def test_an_answer_has_a_bound_and_a_deadline(stranger: Stranger) -> None:
    start = time.monotonic()
    api.get(stranger.path, "/info", 0.5)
    assert time.monotonic() - start < 10


def test_whoever_answers_for_an_engine_a_run_ends_and_undoes(
    microk8s: Microk8s,
    new_docker: NewDocker,
    stranger: Stranger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(engine, "_ANSWER_SECONDS", 0.3)
    monkeypatch.setattr(engine, "RELOAD_SECONDS", 0.3)
    docker = new_docker('{"debug": true}\n')
    monkeypatch.setattr(
        discovery,
        "running_engines",
        lambda: [
            discovery.Engine(
                str(docker.config),
                str(microk8s.etc_docker / "certs.d"),
                os.geteuid(),
                docker.process.pid,
                (stranger.path,),
            )
        ],
    )
    before = microk8s.tree()
    result = microk8s.run(*ADD)
    assert result.exit_code == 4, result
    assert "Traceback" not in result.stderr
    assert microk8s.tree() == before
    ok(microk8s.run("enable", "--insecure", "a.corp"))
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before
