"""Logins that the kubelet keeps, from the command line to its config.json and back."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple
from unittest import mock

import pytest

from private_registry.node import files
from private_registry.node.directories import Place
from unit.interruptions import killed_at
from unit.microk8s import Microk8s, Result, ok, same_but

pytestmark = pytest.mark.owners

PASSWORD = "my-safe-p\"ss'word"
LOGIN = ("--username", "ann", "--password-stdin")
KUBELET = ("--login-by", "kubelet")
CONTAINERD = ("--login-by", "containerd")
REG = ("--registry", "reg.corp:5000")
THEIRS = '{\n\t"auths": {\n\t\t"other.corp": {}\n\t},\n\t"credsStore": "x" }\n'


def add(node: Microk8s, *options: str, password: str = PASSWORD) -> Result:
    """Add a login that the kubelet keeps."""
    words = ("plugin", "add", *options, *LOGIN, *KUBELET)
    return node.run(*words, stdin=password.encode())


def config(node: Microk8s) -> Path:
    """Return where the kubelet looks first."""
    return node.common / "var" / "lib" / "kubelet" / "config.json"


def logins(node: Microk8s) -> Dict[str, Tuple[str, str]]:
    """Read who logs in where."""
    found = {}
    for key, entry in json.loads(config(node).read_text())["auths"].items():
        both = base64.b64decode(entry.get("auth", "")).decode().partition(":")
        found[key] = (both[0], both[2])
    return found


def with_config(node: Microk8s, text: str = THEIRS, mode: int = 0o644) -> Path:
    """Put a config.json of somebody else's there."""
    path = config(node)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


def test_a_login_is_written_for_root_alone_and_taken_back(microk8s: Microk8s) -> None:
    before = microk8s.tree()
    done = ok(add(microk8s, *REG))
    assert logins(microk8s) == {"reg.corp:5000": ("ann", PASSWORD)}
    assert stat.S_IMODE(config(microk8s).stat().st_mode) == 0o600
    assert stat.S_IMODE(config(microk8s).parent.stat().st_mode) == 0o700
    assert "within five minutes" in done.stdout
    assert "Containerd was not restarted." in done.stdout
    assert "inspect" not in done.stdout
    assert PASSWORD not in microk8s.template.read_text()
    assert PASSWORD not in done.stdout + done.stderr
    again = ok(microk8s.run("plugin", "apply"))
    assert "Nothing to do" in again.stdout
    assert "five minutes" not in again.stdout
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


def test_a_file_that_was_there_keeps_every_byte_and_comes_back(
    microk8s: Microk8s,
) -> None:
    path = with_config(microk8s)
    before = microk8s.tree()
    ok(add(microk8s, *REG))
    ok(add(microk8s, "--registry", "docker.io"))
    ok(add(microk8s, *REG, password="another"))
    text = path.read_text()
    assert text.startswith(THEIRS.partition("{}")[0] + "{}")
    assert text.endswith(THEIRS.partition("{}")[2])
    assert list(logins(microk8s)) == ["other.corp", "reg.corp:5000", "docker.io"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    ok(microk8s.run("plugin", "remove", *REG))
    assert list(logins(microk8s)) == ["other.corp", "docker.io"]
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


@pytest.fixture
def mounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the kubelet's directory look as if it were a mount of its own."""
    real = files.mount_of

    def mount_of(place: Place) -> str:
        there = real(place)
        return f"{there}, another" if there and "kubelet" in place.path else there

    monkeypatch.setattr(files, "mount_of", mount_of)


@pytest.mark.usefixtures("mounted")
@pytest.mark.parametrize("text", [None, THEIRS])
def test_it_is_written_from_within_a_directory_that_is_a_mount(
    microk8s: Microk8s, text: Optional[str]
) -> None:
    config(microk8s).parent.mkdir(parents=True)
    if text is not None:
        with_config(microk8s)
    before = microk8s.tree()
    renames: List[Tuple[str, str]] = []
    real = files.rename

    def rename(source: Place, target: Place) -> None:
        renames.append((source.absolute, target.absolute))
        real(source, target)

    with mock.patch.object(files, "rename", rename):
        ok(add(microk8s, *REG))
        ok(add(microk8s, *REG, password="another"))
    directory = f"{config(microk8s).parent}/"
    moved = [each for each in renames if str(config(microk8s)) in each]
    assert len(moved) == 2
    assert all(each.startswith(directory) for pair in moved for each in pair)
    assert logins(microk8s)["reg.corp:5000"] == ("ann", "another")
    assert list(Path(directory).iterdir()) == [config(microk8s)]
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


@pytest.mark.exhaustive
@pytest.mark.usefixtures("mounted")
def test_killed_anywhere_with_a_directory_that_is_a_mount(microk8s: Microk8s) -> None:
    microk8s.extra_environment["REG_PASS"] = PASSWORD
    with_config(microk8s)
    before = microk8s.tree()
    words = ("plugin", "add", *REG, "--username", "ann", "--password-env", "REG_PASS")
    at = 0
    while killed_at(microk8s, at + 1, (*words, *KUBELET)):
        at += 1
        assert config(microk8s).read_text() == THEIRS or len(logins(microk8s)) == 2
        ok(microk8s.run("plugin", "apply"))
        ok(microk8s.run("disable"))
        assert microk8s.tree() == before
    assert at > 20


def test_mounts_are_told_apart(microk8s: Microk8s) -> None:
    root = str(microk8s.common)
    own = files.mount_of(Place(root, ""))
    assert own == files.mount_of(Place(root, "plugins"))
    assert own != files.mount_of(Place("/proc", "self"))
    assert files.mount_of(Place(root, "missing")) == ""


def test_what_others_add_meanwhile_stays(microk8s: Microk8s) -> None:
    ok(add(microk8s, *REG))
    path = config(microk8s)
    text = path.read_text().replace('"auths": {', '"auths": {\n    "x.corp": {},')
    path.write_text(text)
    ok(add(microk8s, "--registry", "two.corp"))
    assert list(logins(microk8s)) == ["x.corp", "reg.corp:5000", "two.corp"]
    ok(microk8s.run("disable"))
    assert json.loads(path.read_text()) == {"auths": {"x.corp": {}}}
    # It lies in directories that were made for ours; now they are theirs.
    assert sorted(each.name for each in microk8s.common.iterdir()) == [
        "plugins",
        "var",
    ]


MOVES = {
    "to the kubelet": ((), KUBELET),
    "to containerd": (KUBELET, CONTAINERD),
}


@pytest.mark.parametrize(("first", "second"), MOVES.values(), ids=MOVES)
def test_a_login_moves_by_one_command_and_leaves_nothing_behind(
    microk8s: Microk8s, first: Tuple[str, ...], second: Tuple[str, ...], tmp_path: Path
) -> None:
    before = microk8s.tree()
    words = ("plugin", "add", *REG)
    ok(microk8s.run(*words, *LOGIN, *first, stdin=PASSWORD.encode()))
    done = ok(microk8s.run(*words, *second))
    assert "within five minutes" in done.stdout
    is_kubelets = second == KUBELET
    assert config(microk8s).exists() is is_kubelets
    assert ("ann" in microk8s.template.read_text()) is not is_kubelets
    assert ("by the kubelet" in done.stdout) is is_kubelets
    other = Microk8s(tmp_path / "other")
    ok(other.run(*words, *LOGIN, *second, stdin=PASSWORD.encode()))
    assert other.state.read_text() == microk8s.state.read_text()
    for path in ("args/containerd-template.toml",):
        assert (other.data / path).read_bytes() == (microk8s.data / path).read_bytes()
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


def test_a_new_password_stays_where_the_old_one_was(microk8s: Microk8s) -> None:
    ok(add(microk8s, *REG))
    ok(microk8s.run("plugin", "add", *REG, *LOGIN, stdin=b"another"))
    assert logins(microk8s) == {"reg.corp:5000": ("ann", "another")}
    ok(microk8s.run("plugin", "add", *REG, "--no-credentials"))
    assert not config(microk8s).exists()


def test_a_move_keeps_the_tls_settings(
    microk8s: Microk8s, client_options: List[str]
) -> None:
    ok(add(microk8s, *REG[:2], *client_options))
    ok(microk8s.run("plugin", "add", *REG, *CONTAINERD))
    assert "client certificate" in ok(microk8s.run("plugin", "list")).stdout


REFUSED = {
    "no login to move": (
        (*REG, *KUBELET),
        *(2, "no login for reg.corp:5000", "--username NAME"),
    ),
    "nobody": ((*REG, "--login-by", "kublet"), *(2, "kublet", "containerd or kubelet")),
    "none at all": ((*REG, *KUBELET, "--no-credentials"), *(2, "exclude", "")),
    "the cluster's": (
        (*REG, *LOGIN, *KUBELET, "--pull-secret", "regcred"),
        *(2, "--pull-secret exclude", ""),
    ),
    "no registry": (KUBELET, 2, "for which registry", "--login-by kubelet"),
    "a mirror's": (
        ("--mirror", "docker.io=https://m.corp", *LOGIN, *KUBELET),
        *(2, "one mirror", "--login-by containerd"),
    ),
    "plain HTTP": (
        ("--insecure", "10.1.1.1:5000", *LOGIN, *KUBELET),
        *(2, "could read", "--allow-plaintext-credentials"),
    ),
    "the pause image": (
        ("--registry", "registry.k8s.io", *LOGIN, *KUBELET),
        *(4, "registry.k8s.io/pause:3.10", "--login-by containerd"),
    ),
    "an address that Go takes for a pattern": (
        ("--registry", "[fd00::1]", *LOGIN, *KUBELET),
        *(4, "pattern", "--login-by containerd"),
    ),
}


@pytest.mark.parametrize(
    ("options", "code", "said", "remedy"), REFUSED.values(), ids=REFUSED
)
def test_what_cannot_be_is_refused_with_the_way_that_can(
    microk8s: Microk8s, options: Tuple[str, ...], code: int, said: str, remedy: str
) -> None:
    before = microk8s.tree()
    found = microk8s.run("plugin", "add", *options, stdin=PASSWORD.encode())
    assert found.exit_code == code, found
    assert said in found.stderr
    assert remedy in found.stderr
    assert PASSWORD not in found.stderr
    assert same_but(microk8s.tree(), before, "private-registry-config")


def test_a_plain_mirror_would_get_the_registrys_login(microk8s: Microk8s) -> None:
    mirror = ("--mirror", "reg.corp:5000=http://m.corp")
    ok(microk8s.run("plugin", "add", *mirror))
    found = add(microk8s, *REG)
    assert (found.exit_code, "http://m.corp" in found.stderr) == (2, True)
    ok(add(microk8s, *REG, "--allow-plaintext-credentials"))


def test_a_mirrors_own_login_would_not_be_used(microk8s: Microk8s) -> None:
    mirror = ("--mirror", "reg.corp:5000=https://m.corp")
    ok(microk8s.run("plugin", "add", *mirror, *LOGIN, stdin=b"x"))
    found = add(microk8s, *REG)
    assert (found.exit_code, "are not used" in found.stderr) == (2, True)


def test_it_is_told_that_mirrors_get_the_login_too(microk8s: Microk8s) -> None:
    ok(microk8s.run("plugin", "add", "--mirror", "reg.corp:5000=https://m.corp"))
    assert "https://m.corp" in ok(add(microk8s, *REG)).stdout.partition("note: ")[2]


ROOT_DIRECTORIES = {
    "as MicroK8s has it": ("--root-dir=${SNAP_COMMON}/var/lib/kubelet", True),
    "in two words": ("--root-dir ${SNAP_COMMON}/var/lib/kubelet/", True),
    "not said": ("--v=2", True),
    "elsewhere": ("--root-dir=/data/kubelet", False),
    "the last one counts": (
        "--root-dir=${SNAP_COMMON}/var/lib/kubelet\n--root-dir=/data/kubelet",
        False,
    ),
}


@pytest.mark.parametrize(
    ("arguments", "is_ours"), ROOT_DIRECTORIES.values(), ids=ROOT_DIRECTORIES
)
def test_a_kubelet_that_looks_elsewhere_is_not_written_for(
    microk8s: Microk8s, arguments: str, is_ours: bool
) -> None:
    microk8s.write("args/kubelet", arguments + "\n")
    found = add(microk8s, *REG)
    assert (found.exit_code == 0) is is_ours, found
    if not is_ours:
        assert "/data/kubelet" in found.stderr
        assert found.exit_code == 4


def test_somebody_elses_entry_is_a_conflict_and_adopted(microk8s: Microk8s) -> None:
    theirs = json.dumps({"auths": {"reg.corp:5000": {"auth": "ZXZlOng="}}})
    with_config(microk8s, theirs)
    before = microk8s.tree()
    found = add(microk8s, *REG)
    assert (found.exit_code, "--adopt" in found.stderr) == (3, True)
    assert "ZXZlOng=" not in found.stderr
    assert same_but(microk8s.tree(), before, "private-registry-config")
    ok(add(microk8s, *REG, "--adopt"))
    assert logins(microk8s) == {"reg.corp:5000": ("ann", PASSWORD)}
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


def _link(path: Path) -> None:
    target = path.parent.parent / "elsewhere"
    target.write_text("{}")
    path.symlink_to(target)


OBSTACLES: Dict[str, Any] = {
    "broken": lambda path: path.write_text('{"auths": {"x": "a-secret'),
    "no text": lambda path: path.write_bytes(b"\xff\xfe"),
    "a link": _link,
    "a directory": lambda path: path.mkdir(),
    "a pipe": lambda path: os.mkfifo(str(path)),
}


@pytest.mark.parametrize("put", OBSTACLES.values(), ids=OBSTACLES)
def test_what_is_in_the_way_is_an_error_and_never_overwritten(
    microk8s: Microk8s, put: Any
) -> None:
    config(microk8s).parent.mkdir(parents=True)
    put(config(microk8s))
    before = microk8s.tree()
    found = add(microk8s, *REG)
    assert found.exit_code in (3, 4), found
    assert str(config(microk8s)) in found.stderr
    assert "a-secret" not in found.stderr
    assert same_but(microk8s.tree(), before, "private-registry-config")


@pytest.mark.parametrize("put", OBSTACLES.values(), ids=OBSTACLES)
def test_what_came_in_the_way_later_stops_only_what_is_about_it(
    microk8s: Microk8s, put: Any
) -> None:
    ok(add(microk8s, *REG))
    config(microk8s).unlink()
    put(config(microk8s))
    there = os.lstat(str(config(microk8s)))
    assert add(microk8s, *REG, password="new").exit_code in (3, 4)
    assert microk8s.run("plugin", "remove", *REG).exit_code in (3, 4)
    other = ok(microk8s.run("plugin", "add", "--insecure", "10.1.1.1:5000"))
    assert "the kubelet's logins were left as they are" in other.stdout
    listed = ok(microk8s.run("plugin", "list")).stdout
    assert "[changed by hand]" in listed
    done = ok(microk8s.run("disable"))
    assert "the kubelet's logins were left as they are" in done.stdout
    assert os.lstat(str(config(microk8s))).st_ino == there.st_ino
    assert not (microk8s.common / "private-registry-config").exists()


def test_the_remedy_for_a_link_is_what_it_says(microk8s: Microk8s) -> None:
    config(microk8s).parent.mkdir(parents=True)
    _link(config(microk8s))
    command = add(microk8s, *REG).stderr.partition("do: ")[2].partition(": ")[2]
    assert command.startswith("sudo cp ")
    assert os.system(command.replace("sudo ", "")) == 0  # noqa: S605 - as typed
    ok(add(microk8s, *REG))


STATES: Dict[str, Tuple[Optional[str], str]] = {
    "as it was": (None, "ok"),
    "gone": ('{"auths": {}}', "missing on this node"),
    "changed": ('{"auths": {"reg.corp:5000": {}}}', "changed by hand"),
    "spelled otherwise": (
        json.dumps(
            {
                "auths": {
                    "https://reg.corp:5000": {"username": "ann", "password": PASSWORD}
                }
            }
        ),
        "ok",
    ),
}


@pytest.mark.parametrize(("text", "state"), STATES.values(), ids=STATES)
def test_list_tells_who_keeps_it_and_whether_it_is_there(
    microk8s: Microk8s, text: Optional[str], state: str
) -> None:
    ok(add(microk8s, *REG))
    if text is not None:
        config(microk8s).write_text(text)
    assert "logs in as ann, by the kubelet" in ok(microk8s.run("plugin", "list")).stdout
    found = json.loads(ok(microk8s.run("plugin", "list", "--json")).stdout)
    (registry,) = found["registries"]
    assert (registry["login_by"], registry["state"]) == ("kubelet", state)
    if state != "ok":
        ok(microk8s.run("plugin", "apply", "--adopt"))
        assert logins(microk8s)["reg.corp:5000"] == ("ann", PASSWORD)


def test_machines_are_told_when_it_counts(microk8s: Microk8s) -> None:
    done = json.loads(ok(add(microk8s, *REG, "--json")).stdout)
    assert (done["kubelet"], done["restart"]) == ("within_5_minutes", "none")
    again = json.loads(ok(add(microk8s, *REG, "--json")).stdout)
    assert again["kubelet"] == "none"


def test_a_dry_run_shows_no_secret_and_changes_nothing(microk8s: Microk8s) -> None:
    with_config(microk8s, '{"auths": {"x": {"auth": "ZXZlOng="}}}')
    before = microk8s.tree()
    shown = ok(add(microk8s, *REG, "--dry-run")).stdout
    assert "adds the login for reg.corp:5000" in shown
    assert "(a secret; not shown)" in shown
    pair = base64.b64encode(f"ann:{PASSWORD}".encode()).decode()
    for secret in (PASSWORD, pair, "ZXZlOng="):
        assert secret not in shown
    assert microk8s.tree() == before
    ok(add(microk8s, *REG))
    shown = ok(microk8s.run("disable", "--dry-run")).stdout
    assert "takes away the login for reg.corp:5000" in shown
    for secret in (PASSWORD, pair, "ZXZlOng="):
        assert secret not in shown


FILES: List[Tuple[str, int, str]] = [
    ('login_by = "kubelet"\n', 0, ""),
    ('login_by = "containerd"\n', 0, ""),
    ('login_by = "kubelt"\n', 2, "line 5"),
    ("login_by = true\n", 2, "line 5"),
]


@pytest.mark.parametrize(("line", "code", "said"), FILES)
def test_a_file_says_who_keeps_a_login(
    microk8s: Microk8s, tmp_path: Path, line: str, code: int, said: str
) -> None:
    file = tmp_path / "registries.toml"
    file.write_text(
        '[[registry]]\nhost = "reg.corp:5000"\nusername = "ann"\n'
        f'password = "x"\n{line}'
    )
    file.chmod(0o600)
    found = microk8s.run("plugin", "apply", "--file", str(file))
    assert found.exit_code == code, found
    assert said in found.stderr
    if not code:
        assert config(microk8s).exists() is ("kubelet" in line)
        exported = ok(microk8s.run("plugin", "export", "--with-secrets")).stdout
        assert ('login_by = "kubelet"' in exported) is ("kubelet" in line)


def test_a_login_of_a_file_alone_is_none(microk8s: Microk8s, tmp_path: Path) -> None:
    file = tmp_path / "registries.toml"
    file.write_text('[[registry]]\nhost = "reg.corp"\nlogin_by = "kubelet"\n')
    found = microk8s.run("plugin", "apply", "--file", str(file))
    assert "login_by needs username beside it" in found.stderr
