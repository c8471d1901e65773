"""Files of somebody else: never overwritten unasked, and given back byte for byte."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path
from typing import Callable, Dict, List

import pytest

from unit.microk8s import MARKER, Microk8s, ok, same_but
from unit.pki import Pki

pytestmark = pytest.mark.owners

A, B = "a.corp:5000", "b.corp"


# --- files of somebody else -----------------------------------------------------------

FOREIGN = (
    b"# mine\r\nserver = 'https://a.corp:5000' # by hand\r\n\r\n[ host . 'https://x'"
    b" ]\r\n"
)


def _foreign_file(microk8s: Microk8s) -> None:
    microk8s.write(f"args/certs.d/{A}/hosts.toml", FOREIGN, mode=0o604)


def _foreign_without_newline(microk8s: Microk8s) -> None:
    microk8s.write(
        f"args/certs.d/{A}/hosts.toml", b"\xff\x00 no TOML at all", mode=0o400
    )


def _foreign_link(microk8s: Microk8s) -> None:
    target = microk8s.root / "etc-hosts.toml"
    target.write_bytes(FOREIGN)
    (microk8s.certs_d / A).mkdir()
    (microk8s.certs_d / A / "hosts.toml").symlink_to(target)


def _link_to_nowhere(microk8s: Microk8s) -> None:
    (microk8s.certs_d / A).mkdir()
    (microk8s.certs_d / A / "hosts.toml").symlink_to("../elsewhere/hosts.toml")


FOREIGN_FILES = [
    _foreign_file,
    _foreign_without_newline,
    _foreign_link,
    _link_to_nowhere,
]


@pytest.mark.parametrize("make", FOREIGN_FILES)
def test_a_file_of_somebody_else_stops_the_command(
    microk8s: Microk8s, make: Callable[[Microk8s], None]
) -> None:
    make(microk8s)
    before = microk8s.tree()
    result = microk8s.run("enable", "--insecure", A)
    lines = result.stderr.splitlines()
    assert (result.exit_code, result.stdout, len(lines)) == (3, "", 3)
    assert lines[0] == "error: a file in the way was written by somebody else"
    assert f"{microk8s.current}/args/certs.d/{A}/hosts.toml" in lines[1]
    assert "--adopt" in lines[2]
    assert microk8s.tree() == before


@pytest.mark.parametrize("make", FOREIGN_FILES)
@pytest.mark.parametrize(
    "back",
    [["disable"], ["plugin", "remove", "--registry", A]],
    ids=["disable", "remove"],
)
def test_an_adopted_file_comes_back_byte_for_byte(
    microk8s: Microk8s, make: Callable[[Microk8s], None], back: List[str]
) -> None:
    ok(microk8s.run("enable"))
    ok(microk8s.run("disable"))
    make(microk8s)
    before = microk8s.tree()
    ok(microk8s.run("enable", "--insecure", A, "--adopt"))
    hosts = microk8s.certs_d / A / "hosts.toml"
    assert not hosts.is_symlink()
    assert microk8s.hosts(A)["server"] == f"http://{A}"
    ok(microk8s.run("plugin", "add", "--registry", A, "--skip-verify"))
    ok(microk8s.run(*back))
    if back == ["disable"]:
        assert microk8s.tree() == before
    else:
        assert same_but(
            microk8s.tree(), before, "common", MARKER, "private-registry-config"
        )


def test_the_target_of_an_adopted_link_is_not_touched(microk8s: Microk8s) -> None:
    _foreign_link(microk8s)
    ok(microk8s.run("enable", "--insecure", A, "--adopt"))
    assert (microk8s.root / "etc-hosts.toml").read_bytes() == FOREIGN


def test_a_link_to_a_pipe_comes_back_and_nobody_waits_for_it(
    microk8s: Microk8s,
) -> None:
    (microk8s.certs_d / A).mkdir()
    hosts = microk8s.certs_d / A / "hosts.toml"
    os.mkfifo(str(microk8s.certs_d / A / "pipe"))
    hosts.symlink_to("pipe")
    ok(microk8s.program("enable", "--insecure", A, "--adopt"))
    ok(microk8s.program("disable"))
    assert os.readlink(str(hosts)) == "pipe"


def test_other_files_in_a_registrys_directory_are_not_touched(
    microk8s: Microk8s, pki: Pki, tmp_path: Path
) -> None:
    mine = microk8s.write(f"args/certs.d/{A}/notes.txt", "mine", mode=0o640)
    ca = tmp_path / "ca.crt"
    ca.write_text(pki.authority.pem)
    before = microk8s.tree()
    ok(microk8s.run("enable", "--registry", A, "--ca", str(ca)))
    ok(microk8s.run("disable"))
    assert mine.read_text() == "mine"
    assert microk8s.tree() == before


def test_a_foreign_ca_file_stops_the_command_too(
    microk8s: Microk8s, pki: Pki, tmp_path: Path
) -> None:
    microk8s.write(f"args/certs.d/{A}/ca.crt", pki.other_authority.pem)
    ca = tmp_path / "ca.crt"
    ca.write_text(pki.authority.pem)
    before = microk8s.tree()
    result = microk8s.run("enable", "--registry", A, "--ca", str(ca))
    assert result.exit_code == 3
    assert "ca.crt" in result.stderr
    assert microk8s.tree() == before


def test_a_foreign_file_of_another_registry_stops_nothing(microk8s: Microk8s) -> None:
    ok(microk8s.run("enable", "--insecure", A))
    microk8s.write(f"args/certs.d/{A}/hosts.toml", "# by hand\n")
    result = ok(microk8s.run("plugin", "add", "--registry", B))
    assert "left alone: " in result.stdout
    assert (microk8s.certs_d / A / "hosts.toml").read_text() == "# by hand\n"
    assert microk8s.hosts(B)["server"] == f"https://{B}"


def test_a_file_that_was_changed_by_hand_is_kept_and_reported(
    microk8s: Microk8s,
) -> None:
    ok(microk8s.run("enable", "--insecure", A))
    microk8s.write(f"args/certs.d/{A}/hosts.toml", "# by hand\n", mode=0o640)
    result = microk8s.run("plugin", "apply")
    assert result.exit_code == 3
    assert "changed by hand" in result.stderr
    result = ok(microk8s.run("disable"))
    assert "changed by hand" in result.stdout
    hosts = microk8s.certs_d / A / "hosts.toml"
    assert (hosts.read_text(), stat.S_IMODE(hosts.stat().st_mode)) == (
        "# by hand\n",
        0o640,
    )
    assert not (microk8s.data / MARKER).exists()
    assert not (microk8s.data / "private-registry-config").exists()


def test_a_hand_change_is_taken_over_with_adopt_and_given_back(
    microk8s: Microk8s,
) -> None:
    ok(microk8s.run("enable", "--insecure", A))
    microk8s.write(f"args/certs.d/{A}/hosts.toml", "# by hand\n", mode=0o640)
    ok(microk8s.run("plugin", "apply", "--adopt"))
    assert microk8s.hosts(A)["server"] == f"http://{A}"
    ok(microk8s.run("disable"))
    hosts = microk8s.certs_d / A / "hosts.toml"
    assert (hosts.read_text(), stat.S_IMODE(hosts.stat().st_mode)) == (
        "# by hand\n",
        0o640,
    )


def test_a_file_that_already_says_so_is_left_to_its_owner(microk8s: Microk8s) -> None:
    ok(microk8s.run("enable", "--insecure", A))
    content = (microk8s.certs_d / A / "hosts.toml").read_bytes()
    ok(microk8s.run("disable"))
    microk8s.write(f"args/certs.d/{A}/hosts.toml", content, mode=0o644)
    before = microk8s.tree()
    ok(microk8s.run("enable", "--insecure", A))
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


@pytest.mark.parametrize("name", ["docker.io", "localhost:32000"])
def test_what_microk8s_ships_is_replaced_without_asking_and_given_back(
    microk8s: Microk8s, name: str
) -> None:
    before = microk8s.tree()
    ok(microk8s.run("enable", "--mirror", f"{name}=https://m.corp"))
    assert list(microk8s.hosts(name)["host"]) == ["https://m.corp"]
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


# --- things in the way ----------------------------------------------------------------


def _shadow(microk8s: Microk8s) -> str:
    (microk8s.certs_d / "a.corp_5000_").mkdir()
    return "a.corp_5000_"


def _directory_for_file(microk8s: Microk8s) -> str:
    (microk8s.certs_d / A / "hosts.toml").mkdir(parents=True)
    return f"{A}/hosts.toml"


def _file_for_directory(microk8s: Microk8s) -> str:
    microk8s.write(f"args/certs.d/{A}", "x")
    return A


def _link_for_directory(microk8s: Microk8s) -> str:
    (microk8s.certs_d / A).symlink_to("docker.io")
    return A


def _pipe_for_file(microk8s: Microk8s) -> str:
    (microk8s.certs_d / A).mkdir()
    os.mkfifo(str(microk8s.certs_d / A / "hosts.toml"))
    return f"{A}/hosts.toml"


@pytest.mark.parametrize(
    "make",
    [
        _shadow,
        _directory_for_file,
        _file_for_directory,
        _link_for_directory,
        _pipe_for_file,
    ],
)
@pytest.mark.parametrize("adopt", [[], ["--adopt"]], ids=["", "adopt"])
def test_what_is_no_file_in_the_way_is_never_overwritten(
    microk8s: Microk8s, make: Callable[[Microk8s], str], adopt: List[str]
) -> None:
    part = make(microk8s)
    before = _kinds(microk8s)
    result = microk8s.run("enable", "--insecure", A, *adopt)
    lines = result.stderr.splitlines()
    assert (result.exit_code, len(lines)) == (3, 3)
    assert lines[0].startswith("error: ")
    assert lines[1].endswith(f"args/certs.d/{part}")
    assert "sudo mv" in lines[2]
    assert _kinds(microk8s) == before


def _kinds(microk8s: Microk8s) -> Dict[str, int]:
    return {str(path): path.lstat().st_mode for path in microk8s.snaps_data.rglob("*")}


def test_a_link_for_certs_d_itself_is_never_followed(microk8s: Microk8s) -> None:
    elsewhere = microk8s.root / "elsewhere"
    shutil.move(str(microk8s.certs_d), str(elsewhere))
    microk8s.certs_d.symlink_to(elsewhere)
    result = microk8s.run("enable", "--insecure", A)
    assert result.exit_code in (3, 4)
    assert not (elsewhere / A).exists()
