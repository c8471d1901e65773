"""Nothing for nothing, and the modes of what is written."""

from __future__ import annotations

import grp
import os
import stat
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from unit.microk8s import HOOK, PLUGIN, Microk8s, ok
from unit.pki import Pki

pytestmark = pytest.mark.owners

A, B = "a.corp:5000", "b.corp"


# --- nothing for nothing --------------------------------------------------------------


def _times(microk8s: Microk8s) -> Dict[str, Tuple[int, int]]:
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_ino)
        for path in microk8s.snaps_data.rglob("*")
    }


@pytest.mark.parametrize(
    "again",
    [
        ["plugin", "add", "--insecure", A],
        ["plugin", "add", "--mirror", "docker.io=https://m.corp/p"],
        ["plugin", "apply"],
        ["enable"],
        ["plugin", "list"],
        ["plugin", "remove", "--registry", "unknown.corp"],
        ["plugin", "add", "--insecure", "new.corp", "--dry-run"],
        ["disable", "--dry-run"],
        ["plugin", "add", "--adopt", "--insecure", A],
    ],
    ids=" ".join,
)
def test_what_is_already_so_is_not_written_again(
    microk8s: Microk8s, again: List[str]
) -> None:
    ok(
        microk8s.run(
            *(
                "enable",
                "--insecure",
                A,
                "--mirror",
                "docker.io=https://m.corp/p",
                "--registry",
                B,
            )
        )
    )
    before = _times(microk8s)
    ok(microk8s.run(*again))
    assert _times(microk8s) == before


def test_only_the_files_that_change_are_written(microk8s: Microk8s) -> None:
    ok(microk8s.run("enable", "--insecure", A, "--registry", B))
    before = _times(microk8s)
    ok(microk8s.run("plugin", "add", "--registry", B, "--skip-verify"))
    changed = {
        path for path, time in _times(microk8s).items() if before.get(path) != time
    }
    files = {path for path in changed if Path(path).is_file()}
    assert files == {
        str(microk8s.certs_d / B / "hosts.toml"),
        str(microk8s.state),
        str(microk8s.data / "private-registry-config" / "ledger.json"),
    }


# --- modes ----------------------------------------------------------------------------


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _add_client(microk8s: Microk8s, pki: Pki, tmp_path: Path) -> None:
    both = tmp_path / "both.pem"
    both.write_text(pki.client.pem + pki.client.key)
    pair = ["--client-cert", str(both), "--client-key", str(both)]
    ok(microk8s.run("enable", "--registry", A, *pair))


@pytest.mark.parametrize(
    ("hardened", "file", "program", "directory"),
    [(False, 0o660, 0o770, 0o770), (True, 0o600, 0o700, 0o700)],
    ids=["stock", "cis-hardening"],
)
def test_modes_follow_microk8s_and_secrets_are_for_root_only(
    microk8s: Microk8s,
    pki: Pki,
    tmp_path: Path,
    hardened: bool,
    file: int,
    program: int,
    directory: int,
) -> None:
    if hardened:
        microk8s.write("var/lock/cis-hardening", "")
    _add_client(microk8s, pki, tmp_path)
    found = {
        path: _mode(path)
        for path in (
            microk8s.certs_d / A,
            microk8s.certs_d / A / "hosts.toml",
            microk8s.certs_d / A / "client.cert",
            microk8s.certs_d / A / "client.key",
            microk8s.common / PLUGIN,
            microk8s.common / HOOK,
            microk8s.state,
            microk8s.state.parent,
            microk8s.data / "private-registry-config",
            microk8s.data / "private-registry-config" / "ledger.json",
        )
    }
    assert list(found.values()) == [
        *(directory, file, file, 0o600, program, program),
        *(0o600, 0o700, 0o700, 0o600),
    ]


def test_what_root_writes_belongs_to_microk8s_group_where_there_is_one(
    microk8s: Microk8s,
) -> None:
    ok(microk8s.run("enable", "--insecure", A))
    groups = {each.gr_name: each.gr_gid for each in grp.getgrall()}
    is_there = os.geteuid() == 0 and "microk8s" in groups
    expected = groups["microk8s"] if is_there else os.getegid()
    for path in (
        microk8s.certs_d / A,
        microk8s.certs_d / A / "hosts.toml",
        microk8s.common / HOOK,
    ):
        assert (path.stat().st_uid, path.stat().st_gid) == (
            os.geteuid(),
            expected,
        ), path


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_umask_changes_nothing(
    microk8s: Microk8s, pki: Pki, tmp_path: Path, umask: int
) -> None:
    before = microk8s.tree()
    old = os.umask(umask)
    try:
        ok(microk8s.run("enable", "--insecure", A))
    finally:
        os.umask(old)
    assert _mode(microk8s.certs_d / A) == 0o770
    assert _mode(microk8s.certs_d / A / "hosts.toml") == 0o660
    assert _mode(microk8s.state) == 0o600
    assert _mode(microk8s.common / HOOK) == 0o770
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


def test_apply_mends_the_modes_that_the_configure_hook_opens(
    microk8s: Microk8s, pki: Pki, tmp_path: Path
) -> None:
    _add_client(microk8s, pki, tmp_path)
    before = microk8s.tree()
    (microk8s.certs_d / A / "client.key").chmod(0o660)
    result = ok(microk8s.run("plugin", "apply"))
    assert "permissions set on" in result.stdout
    assert microk8s.tree() == before
