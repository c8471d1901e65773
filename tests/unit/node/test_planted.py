"""What others may plant where they may write: links, pipes and the like, before, amid
and after.

Group microk8s may write below SNAP_DATA/args. Whatever stands there is never followed,
written through, waited for or taken away, and `disable` goes on around it.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat
from pathlib import Path
from typing import Any, List, Tuple
from unittest import mock

import pytest

from private_registry.node import bounded_reads
from unit.fake_containerd import FakeContainerd
from unit.microk8s import HOOK, MARKER, PLUGIN, Microk8s, ok
from unit.planting import FOREIGN_TEXT, just_before, killed_before, plant, victim_below

pytestmark = pytest.mark.attack

HOST = "a.corp"
ADD = ("plugin", "add", "--insecure", HOST)
LINKS = ["link", "dangling link"]
KINDS = [*LINKS, "file", "directory", "pipe", "socket"]
OURS = "private-registry-config"


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    return victim_below(tmp_path)


def is_untouched(victim: Path) -> bool:
    """Whether a directory is as ``victim_below`` made it."""
    names = {path.name: path for path in victim.iterdir()}
    return (
        sorted(names) == ["ca.crt", "client.key", "hosts.toml", "other"]
        and all(path.read_bytes() == FOREIGN_TEXT for path in names.values())
        and all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in names.values())
        and stat.S_IMODE(victim.stat().st_mode) == 0o700
    )


def replaced(path: Path, kind: str, victim: Path) -> None:
    """Move something away and plant another thing in its place."""
    path.rename(path.with_name(path.name + ".away"))
    plant(kind, path, victim)


# --- before and amid ------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_planted_right_before_a_directory_is_made(
    microk8s: Microk8s, victim: Path, kind: str
) -> None:
    ok(microk8s.run("enable", "--insecure", "first.corp"))
    before, place = microk8s.tree(), microk8s.certs_d / HOST
    with just_before("mkdir", HOST, lambda: plant(kind, place, victim)):
        result = microk8s.run(*ADD)
    if kind == "directory" and os.geteuid() == place.lstat().st_uid:
        # Root's own is as good as one that we make.
        ok(result)
        ok(microk8s.run("plugin", "remove", "--registry", HOST))
        shutil.rmtree(str(place))
    else:
        assert result.exit_code == 3, result
        assert is_untouched(victim)
        assert microk8s.run(*ADD).exit_code == 3
        listed = ok(microk8s.run("plugin", "list"))
        assert HOST not in listed.stdout
        place.unlink()
    assert microk8s.tree() == before
    ok(microk8s.run(*ADD))


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can make directories of somebody else"
)
def test_a_directory_of_somebody_else_planted_there_is_not_taken_over(
    microk8s: Microk8s, victim: Path
) -> None:
    ok(microk8s.run("enable", "--insecure", "first.corp"))
    place = microk8s.certs_d / HOST

    def theirs() -> None:
        place.mkdir(0o755)
        os.chown(str(place), 65534, 65534)

    with just_before("mkdir", HOST, theirs):
        result = microk8s.run(*ADD)
    assert result.exit_code == 3, result
    status = place.stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (65534, 0o755)
    assert not list(place.iterdir())


CHANGE = ("plugin", "add", "--registry", HOST)
REMOVE = ("plugin", "remove", "--registry", HOST)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", [CHANGE, REMOVE], ids=["replaced", "removed"])
def test_a_directory_swapped_amid_a_run(
    microk8s: Microk8s, victim: Path, kind: str, command: Tuple[str, ...]
) -> None:
    ok(microk8s.run("enable", "--insecure", "first.corp"))
    ok(microk8s.run(*ADD))
    place = microk8s.certs_d / HOST
    with just_before("rename", "journal.json", lambda: replaced(place, kind, victim)):
        result = microk8s.run(*command)
    # In another directory there is nothing to remove.
    assert result.exit_code == (
        0 if (kind, command) == ("directory", REMOVE) else 3
    ), result
    assert is_untouched(victim)
    ok(microk8s.run("plugin", "list"))
    disabled = ok(microk8s.run("disable"))
    assert is_untouched(victim)
    assert os.path.lexists(str(place))
    if kind != "directory":
        assert f"{microk8s.current}/args/certs.d/{HOST}" in disabled.stdout
    assert not (microk8s.common / OURS).exists()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("operation", "command"), [("link", CHANGE), ("rename", CHANGE), ("unlink", REMOVE)]
)
def test_a_directory_swapped_when_it_is_open(
    microk8s: Microk8s,
    victim: Path,
    kind: str,
    operation: str,
    command: Tuple[str, ...],
) -> None:
    """It is the one that was opened which is worked in, wherever it is now."""
    ok(microk8s.run("enable", "--insecure", "first.corp"))
    ok(microk8s.run(*ADD))
    place = microk8s.certs_d / HOST
    with just_before(operation, "hosts.toml", lambda: replaced(place, kind, victim)):
        result = microk8s.run(*command)
    assert result.exit_code in (0, 3), result
    assert is_untouched(victim)
    ok(microk8s.run("disable"))
    assert is_untouched(victim)
    assert os.path.lexists(str(place))
    assert not (microk8s.common / OURS).exists()


def test_a_hard_link_planted_where_permissions_are_mended(
    microk8s: Microk8s, victim: Path
) -> None:
    ok(microk8s.run("enable", "--insecure", HOST))
    hosts = microk8s.certs_d / HOST / "hosts.toml"
    hosts.chmod(0o604)
    secret = microk8s.root / "secret"
    secret.write_bytes(b"root's own")
    secret.chmod(0o400)

    def swap() -> None:
        hosts.unlink()
        os.link(str(secret), str(hosts))

    with just_before("rename", "journal.json", swap):
        result = microk8s.run("plugin", "apply")
    assert result.exit_code == 3, result
    assert stat.S_IMODE(secret.stat().st_mode) == 0o400
    ok(microk8s.run("disable"))
    assert secret.read_bytes() == b"root's own"


@pytest.mark.parametrize("kind", ["link", "pipe", "socket", "directory"])
def test_a_file_swapped_between_looking_and_reading(
    microk8s: Microk8s, victim: Path, kind: str
) -> None:
    ok(microk8s.run("enable", "--insecure", HOST))
    hosts = microk8s.certs_d / HOST / "hosts.toml"
    really_read = bounded_reads.read

    def swap_and_read(path: str, **options: Any) -> Any:
        if path == "hosts.toml" and hosts.is_file():
            hosts.unlink()
            plant(kind, hosts, victim)
        return really_read(path, **options)

    with mock.patch.object(bounded_reads, "read", swap_and_read):
        result = microk8s.run("plugin", "apply")
    assert result.exit_code == 3, result
    ok(microk8s.run("disable"))
    assert is_untouched(victim)


# --- after ----------------------------------------------------------------------------

PLACES = [
    f"args/certs.d/{HOST}",
    f"args/certs.d/{HOST}/hosts.toml",
    f"args/certs.d/{HOST}/ca.crt",
    f"args/certs.d/{HOST}/client.key",
    "args/certs.d",
    "args/containerd",
    "args/containerd.toml",
    MARKER,
]
COMMON_PLACES = [PLUGIN, HOOK, "plugins", "hooks", "hooks/post-refresh.d"]


def _place(microk8s: Microk8s, name: str) -> Path:
    return (microk8s.common if name in COMMON_PLACES else microk8s.data) / name


@pytest.mark.parametrize("kind", [*KINDS, "large"])
@pytest.mark.parametrize("name", [*PLACES, *COMMON_PLACES])
def test_disable_goes_on_around_what_was_planted(
    microk8s: Microk8s, victim: Path, client_options: List[str], name: str, kind: str
) -> None:
    before = microk8s.tree()
    ok(microk8s.run("enable", "--registry", HOST, *client_options))
    ok(microk8s.run("plugin", "add", "--insecure", "other.corp"))
    place = _place(microk8s, name)
    away = place.with_name(place.name + ".away")
    if os.path.lexists(str(place)):
        place.rename(away)
    plant(kind, place, victim)
    result = ok(microk8s.run("disable"))
    assert is_untouched(victim)
    assert not (microk8s.common / OURS).exists()
    assert not (microk8s.data / OURS).exists()
    is_gone = not os.path.lexists(str(place))
    if name == MARKER:
        # It is MicroK8s' sign for "enabled", whatever it is; a directory is none.
        assert is_gone == (kind != "directory")
    else:
        assert not is_gone
    # In a directory of somebody else's there is no file of ours.
    if kind != "directory" and name not in (
        "args/containerd",
        "args/containerd.toml",
        MARKER,
    ):
        lines = [
            line for line in result.stdout.splitlines() if line.startswith("left alone")
        ]
        assert any(
            str(place).replace(microk8s.data.name, "current") in line for line in lines
        )
    # What was not under the planted thing is as it was before the first enable.
    if not is_gone:
        (
            shutil.rmtree(str(place))
            if place.is_dir() and not place.is_symlink()
            else place.unlink()
        )
    if name in ("args/containerd", "args/containerd.toml", MARKER) and away.exists():
        away.unlink()
    for path, entry in before.items():
        if str(place.relative_to(microk8s.root)) not in path:
            assert microk8s.tree()[path] == entry, path


@pytest.mark.parametrize("kind", [*KINDS, "large"])
@pytest.mark.parametrize(
    "name", [f"args/certs.d/{HOST}", f"args/certs.d/{HOST}/hosts.toml"]
)
def test_what_is_planted_there_is_a_conflict_for_who_wants_the_place(
    microk8s: Microk8s, victim: Path, name: str, kind: str
) -> None:
    ok(microk8s.run("enable", "--insecure", "first.corp"))
    place = _place(microk8s, name)
    place.parent.mkdir(exist_ok=True)
    plant(kind, place, victim)
    before = microk8s.tree() if kind != "large" else {}
    adoptable = name.endswith("hosts.toml") and kind in (*LINKS, "file")
    is_directory = kind == "directory" and not name.endswith("hosts.toml")
    for adopt in ([], ["--adopt"]):
        result = microk8s.run(*ADD, *adopt)
        if is_directory or (adopt and adoptable):
            ok(result)
            ok(microk8s.run("plugin", "remove", "--registry", HOST))
        else:
            assert result.exit_code == 3, result
            shown = str(place).replace(microk8s.data.name, "current")
            assert shown in result.stderr
        if before:
            assert microk8s.tree() == before
        assert is_untouched(victim)
    # Others are not held up by it.
    ok(microk8s.run("plugin", "add", "--insecure", "second.corp"))


def test_the_way_out_of_a_conflict_is_taken_when_it_is_typed(
    microk8s: Microk8s, victim: Path
) -> None:
    ok(microk8s.run("enable", "--insecure", "first.corp"))
    plant("link", microk8s.certs_d / HOST, victim)
    refused = json.loads(microk8s.run(*ADD, "--json").stdout)["error"]
    assert refused["message"] == "a symbolic link is where a directory should be"
    assert refused["do"].startswith("move it away: sudo mv ")
    # The remedy as it is shown.
    os.system(refused["do"].partition("sudo ")[2])  # noqa: S605
    ok(microk8s.run(*ADD))


# --- a killed run, and what was planted since -----------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("verb", ["list", "add", "disable"])
def test_planted_after_a_run_was_killed(
    microk8s: Microk8s, victim: Path, kind: str, verb: str
) -> None:
    ok(microk8s.run("enable", "--insecure", "first.corp"))
    before = microk8s.tree()
    killed_before(microk8s, "mkdir", HOST, *ADD)
    plant(kind, microk8s.certs_d / HOST, victim)
    command = {
        "list": ("plugin", "list"),
        "add": ("plugin", "add", "--insecure", "second.corp"),
        "disable": ("disable",),
    }[verb]
    result = ok(microk8s.run(*command))
    assert is_untouched(victim)
    if kind != "directory":
        assert "killed and is undone now" in result.stderr
        assert HOST not in ok(microk8s.run("plugin", "list")).stdout
    if verb == "list" and kind != "directory":
        (microk8s.certs_d / HOST).unlink()
        assert microk8s.tree() == before


def test_what_cannot_be_put_back_is_kept_and_named(
    microk8s: Microk8s, victim: Path
) -> None:
    stock = microk8s.certs_d / "docker.io"
    original = (stock / "hosts.toml").read_bytes()
    ok(microk8s.run("enable", "--insecure", "first.corp"))
    command = (
        "plugin",
        "add",
        "--mirror",
        "docker.io=https://m.corp",
        "--insecure",
        "z.corp",
    )
    killed_before(microk8s, "mkdir", "z.corp", *command)
    replaced(stock, "link", victim)
    result = ok(microk8s.run("plugin", "list"))
    assert is_untouched(victim)
    assert "killed and is undone now" in result.stderr
    assert (microk8s.certs_d / "docker.io.away" / "hosts.toml").read_bytes() == original


def test_a_directory_that_was_removed_meanwhile_comes_back_with_its_original(
    microk8s: Microk8s,
) -> None:
    ok(microk8s.run("enable", "--insecure", "first.corp"))
    stock = microk8s.certs_d / "docker.io"
    original = (stock / "hosts.toml").read_bytes()
    before = microk8s.tree()

    def remove_and_fail() -> None:
        shutil.rmtree(str(stock))
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with just_before("rename", "ledger.json", remove_and_fail):
        result = microk8s.run("plugin", "add", "--mirror", "docker.io=https://m.corp")
    assert result.exit_code == 4, result
    assert (stock / "hosts.toml").read_bytes() == original
    assert microk8s.tree() == before


def test_a_file_edited_after_a_run_was_killed_is_not_overwritten(
    microk8s: Microk8s,
) -> None:
    ok(microk8s.run("enable", "--insecure", "first.corp", "--insecure", HOST))
    command = ("plugin", "add", "--registry", "first.corp", "--registry", HOST)
    killed_before(microk8s, "rename", "hosts.toml", *command)
    by_hand = microk8s.certs_d / HOST / "hosts.toml"
    by_hand.write_bytes(FOREIGN_TEXT)
    ok(microk8s.run("plugin", "list"))
    assert by_hand.read_bytes() == FOREIGN_TEXT


# --- containerd's configuration -------------------------------------------------------

LOGIN = ("--username", "ann", "--password-env", "REG_PASS")
DEEP = "[" * 3000
UNREADABLE = {
    "deep array": f"deep = {DEEP}{']' * 3000}\n",
    "deep header": "[" + "a." * 3000 + "b]\nx = 1\n",
    "huge number": "n = 0x" + "f" * 5000 + "\n",
    "broken": "[\n",
    "long value": "x = '" + "y" * 70_000 + "'\n",
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=list(UNREADABLE))
@pytest.mark.parametrize("at_the_end", [True, False], ids=["behind", "in front"])
def test_disable_takes_a_login_out_of_a_template_that_cannot_be_read(
    containerd: FakeContainerd, microk8s: Microk8s, text: str, at_the_end: bool
) -> None:
    before = microk8s.template.read_text()
    secret = {"REG_PASS": "hunter-two"}
    ok(microk8s.run("enable", "--registry", HOST, *LOGIN, env=secret))
    requests = list(containerd.requests)
    now = microk8s.template.read_text()
    microk8s.template.write_text(now + text if at_the_end else text + now)
    listed = microk8s.run("plugin", "list")
    assert listed.exit_code == 4, listed
    disabled = ok(microk8s.run("disable"))
    after = microk8s.template.read_text()
    assert after == (before + text if at_the_end else text + before)
    assert "cannot be read" in disabled.stdout
    assert (
        containerd.requests == requests
    ), "nothing is restarted with what cannot be read"
    assert "snap restart microk8s.daemon-containerd" in disabled.stdout
    assert not (microk8s.common / OURS).exists()


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=list(UNREADABLE))
def test_what_stands_in_the_rendered_configuration_stops_nothing(
    containerd: FakeContainerd, microk8s: Microk8s, text: str
) -> None:
    before = microk8s.template.read_text()
    secret = {"REG_PASS": "hunter-two"}
    ok(microk8s.run("enable", "--registry", HOST, *LOGIN, env=secret))
    (microk8s.data / "args" / "containerd.toml").write_text(text)
    microk8s.run("plugin", "check", "--timeout", "1")
    ok(microk8s.run("disable"))
    assert microk8s.template.read_text() == before
    assert containerd.loaded() == before.replace("${SNAP_DATA}", str(microk8s.data))
