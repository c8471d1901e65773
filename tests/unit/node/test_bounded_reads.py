"""Whatever stands where a file is read: a pipe, a device, a sparse giant, a file of the
kernel.

Nobody waits for it, and nobody takes more of it into memory than there can be a reason
for.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest

from private_registry.check.observing import look_at
from private_registry.node import bounded_reads
from private_registry.node.bounded_reads import UnreadableError
from unit.microk8s import Microk8s, ok
from unit.planting import plant

pytestmark = pytest.mark.attack

KINDS = ["pipe", "socket", "directory", "large"]
NEVER_ENDING = ["/proc/kmsg", "/dev/zero", "/dev/urandom"]
SECONDS = 20


class Late(Exception):
    """Something is waited for."""


@pytest.fixture(autouse=True)
def _in_time() -> Iterator[None]:
    """No run of these tests may wait for anything."""

    def late(*_: Any) -> None:
        raise Late

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


# --- the reader -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_only_regular_files_of_a_sane_size_are_read(tmp_path: Path, kind: str) -> None:
    plant(kind, tmp_path / "x", tmp_path)
    with pytest.raises((UnreadableError, OSError)):
        bounded_reads.read(str(tmp_path / "x"))
    if kind != "pipe":
        with pytest.raises((UnreadableError, OSError)):
            bounded_reads.read_given(str(tmp_path / "x"))


@pytest.mark.parametrize("path", NEVER_ENDING)
def test_what_never_ends_is_not_read(path: str) -> None:
    try:
        _, content = bounded_reads.read(path)
    except (UnreadableError, OSError):
        return
    assert content == b"", "the kernel says that it is empty"


def test_a_file_is_read_to_its_end(tmp_path: Path) -> None:
    for size in (0, 1, bounded_reads.MOST_BYTES):
        (tmp_path / "x").write_bytes(b"x" * size)
        assert len(bounded_reads.read(str(tmp_path / "x"))[1]) == size
    with (tmp_path / "x").open("ab") as stream:
        stream.write(b"x")
    with pytest.raises(UnreadableError, match="more than 16 MiB"):
        bounded_reads.read(str(tmp_path / "x"))


def test_a_link_is_followed_only_where_that_is_meant(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"x")
    (tmp_path / "link").symlink_to("x")
    assert bounded_reads.read(str(tmp_path / "link"))[1] == b"x"
    with pytest.raises(OSError, match="symbolic links"):
        bounded_reads.read(str(tmp_path / "link"), follow=False)


# --- what the command line names ------------------------------------------------------


def test_a_pipe_that_the_user_names_is_read_to_its_end(
    microk8s: Microk8s, tmp_path: Path, client_options: List[str]
) -> None:
    """As bash does it: --ca <(cat ca.crt)."""
    pipe, ca = tmp_path / "pipe", Path(client_options[1])
    os.mkfifo(str(pipe))

    def write_slowly() -> None:
        with pipe.open("wb") as stream:
            for line in ca.read_bytes().splitlines(keepends=True):
                stream.write(line)
                stream.flush()
                time.sleep(0.01)

    writer = threading.Thread(target=write_slowly)
    writer.start()
    result = microk8s.run("enable", "--registry", "a.corp", "--ca", str(pipe))
    writer.join()
    ok(result)
    assert (
        microk8s.certs_d / "a.corp" / "ca.crt"
    ).read_bytes().strip() == ca.read_bytes().strip()


@pytest.mark.parametrize("option", ["--ca", "--file", "--password-file"])
def test_a_pipe_that_nobody_writes_to_is_given_up(
    microk8s: Microk8s, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setattr(bounded_reads, "_GIVEN_SECONDS", 0.2)
    os.mkfifo(str(tmp_path / "pipe"))
    other = [] if option == "--file" else ["--registry", "a.corp"]
    other += ["--username", "ann"] if option == "--password-file" else []
    result = microk8s.run("enable", *other, option, str(tmp_path / "pipe"))
    assert result.exit_code == 2, result
    assert "a pipe from which nothing comes for 0.2 seconds" in result.stderr


@pytest.mark.parametrize("path", ["/dev/zero", "/dev/urandom", "/"])
def test_a_device_that_the_user_names_is_refused(microk8s: Microk8s, path: str) -> None:
    result = microk8s.run("enable", "--registry", "a.corp", "--ca", path)
    assert result.exit_code == 2, result
    assert "cannot be read" in result.stderr


# --- what files name, and what stands in their place ----------------------------------

HOSTS = '[host."https://m.corp"]\n  ca = "ca.crt"\n'


def _import_with(tmp_path: Path, name: str, kind: str) -> Tuple[str, str]:
    tree = tmp_path / "certs.d"
    (tree / "a.corp").mkdir(parents=True)
    if name != "hosts.toml":
        (tree / "a.corp" / "hosts.toml").write_text(HOSTS)
    if kind in KINDS:
        plant(kind, tree / "a.corp" / name, tmp_path)
    else:
        (tree / "a.corp" / name).symlink_to(kind)
    return "--import", str(tree)


@pytest.mark.parametrize("name", ["hosts.toml", "ca.crt"])
@pytest.mark.parametrize("kind", [*KINDS, *NEVER_ENDING])
def test_an_import_waits_for_nothing(
    microk8s: Microk8s, tmp_path: Path, name: str, kind: str
) -> None:
    before = microk8s.tree()
    result = microk8s.run("enable", *_import_with(tmp_path, name, kind), "--dry-run")
    if result.exit_code != 0:
        assert result.exit_code == 2, result
        assert "a.corp" in result.stderr
    assert microk8s.tree() == before


@pytest.mark.parametrize("name", ["hosts.toml", "ca.crt"])
@pytest.mark.parametrize("kind", [*KINDS, *NEVER_ENDING])
def test_check_waits_for_nothing(
    microk8s: Microk8s, tmp_path: Path, name: str, kind: str
) -> None:
    ok(microk8s.run("enable"))
    directory = microk8s.certs_d / "127.0.0.1:1"
    directory.mkdir()
    (directory / "hosts.toml").write_text(
        '[host."https://127.0.0.1:1"]\n  ca = "ca.crt"\n' if name == "ca.crt" else ""
    )
    if name == "hosts.toml":
        (directory / name).unlink()
    if kind in KINDS:
        plant(kind, directory / name, tmp_path)
    else:
        (directory / name).symlink_to(kind)
    result = microk8s.run("plugin", "check", "127.0.0.1:1", "--timeout", "1")
    assert result.exit_code == 5, result
    assert "Traceback" not in result.stderr
    assert "127.0.0.1:1" in result.stdout


PLACES = [
    "args/certs.d/a.corp/hosts.toml",
    "args/certs.d/a.corp/ca.crt",
    "args/containerd-template.toml",
    "args/containerd.toml",
    "args/containerd",
    "args/containerd-env",
    "args/certs.d/docker.io/hosts.toml",
    "var/lock/private-registry-config.enabled",
    "../common/plugins/private-registry",
    "../common/hooks/post-refresh.d/50-private-registry-config",
]


@pytest.mark.parametrize("kind", ["pipe", "large"])
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("verb", ["list", "add", "apply", "check", "disable"])
def test_every_verb_ends_whatever_stands_there(
    microk8s: Microk8s,
    tmp_path: Path,
    client_options: List[str],
    place: str,
    kind: str,
    verb: str,
) -> None:
    ok(microk8s.run("enable", "--registry", "a.corp", *client_options))
    path = microk8s.data / place
    if path.exists():
        path.unlink()
    plant(kind, path, tmp_path)
    commands = {
        "list": ("plugin", "list"),
        "add": ("plugin", "add", "--insecure", "b.corp"),
        "apply": ("plugin", "apply"),
        "check": ("plugin", "check", "--timeout", "1"),
        "disable": ("disable",),
    }
    result = microk8s.run(*commands[verb])
    assert "Traceback" not in result.stderr, result
    assert result.exit_code in {"disable": (0,), "check": (0, 5)}.get(
        verb, (0, 3, 4)
    ), result
    if verb == "disable":
        assert not (microk8s.common / "private-registry-config").exists()


@pytest.mark.parametrize("name", ["read", "look_at"])
def test_who_waits_at_a_pipe_is_not_woken(tmp_path: Path, name: str) -> None:
    """To open a device does something already, such as to start a watchdog."""
    os.mkfifo(str(tmp_path / "pipe"))
    woken = threading.Event()

    def write() -> None:
        os.close(os.open(str(tmp_path / "pipe"), os.O_WRONLY))
        woken.set()

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    time.sleep(0.2)
    for _ in range(3):
        if name == "look_at":
            assert look_at(str(tmp_path / "pipe")).problem == "unreadable"
        else:
            with pytest.raises(UnreadableError):
                bounded_reads.read(str(tmp_path / "pipe"))
    assert not woken.wait(0.3)
    os.close(os.open(str(tmp_path / "pipe"), os.O_RDONLY | os.O_NONBLOCK))
    writer.join(5)
