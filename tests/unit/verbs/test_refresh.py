"""Snap refresh and revert: SNAP_DATA changes under the addon, SNAP_COMMON does not."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import List

import pytest

from unit.interruptions import killed_at
from unit.microk8s import HOOK, MARKER, PLUGIN, Microk8s, ok
from unit.revisions import forget_revision, refresh, revert
from unit.trees import Tree

pytestmark = pytest.mark.owners

FIRST = ("enable", "--insecure", "10.1.1.1:5000")


def here(node: Microk8s) -> Tree:
    """Return the tree of the revision in use and of SNAP_COMMON."""
    parts = (
        f"{node.data.relative_to(node.root)}/",
        f"{node.common.relative_to(node.root)}/",
    )
    return {
        f"{parts.index(part)}/{path[len(part) :]}": entry
        for path, entry in node.tree().items()
        for part in parts
        if path.startswith(part)
    }


def test_nothing_names_a_revision(
    microk8s: Microk8s, client_options: List[str]
) -> None:
    ok(microk8s.run("enable", "--registry", "a.corp", *client_options))
    for path in microk8s.certs_d.glob("*/*"):
        assert b"8000" not in path.read_bytes(), path
    keys = microk8s.hosts("a.corp")
    assert [ok(each).exit_code for each in refresh(microk8s)] == [0]
    forget_revision(microk8s, "8000")
    assert microk8s.hosts("a.corp") == keys
    for path in (keys["ca"], *keys["client"][0]):
        assert Path(path).is_file()


def test_after_a_refresh_nothing_is_to_do_and_all_can_be_taken_back(
    microk8s: Microk8s,
) -> None:
    before = here(microk8s)
    ok(microk8s.run(*FIRST))
    (hook,) = refresh(microk8s)
    assert "Nothing to do" in ok(hook).stdout
    ok(microk8s.run("disable"))
    assert here(microk8s) == before


def test_the_hook_brings_back_what_the_new_revision_lost(microk8s: Microk8s) -> None:
    ok(microk8s.run(*FIRST))
    (microk8s.certs_d / "10.1.1.1:5000" / "hosts.toml").unlink()
    (hook,) = refresh(microk8s)
    assert "somebody removed it" in ok(hook).stdout
    assert microk8s.hosts("10.1.1.1:5000")["server"] == "http://10.1.1.1:5000"


def test_a_hand_changed_file_is_not_overwritten_by_the_hook(microk8s: Microk8s) -> None:
    ok(microk8s.run(*FIRST))
    microk8s.write("args/certs.d/10.1.1.1:5000/hosts.toml", "# mine now\n")
    (hook,) = refresh(microk8s)
    assert hook.exit_code == 3
    assert (
        microk8s.certs_d / "10.1.1.1:5000" / "hosts.toml"
    ).read_text() == "# mine now\n"


def test_reverted_to_before_the_first_enable(microk8s: Microk8s) -> None:
    untouched = here(microk8s)
    refresh(microk8s)
    ok(microk8s.run(*FIRST))
    revert(microk8s)
    assert not (microk8s.data / MARKER).exists()
    listed = ok(microk8s.run("plugin", "list")).stdout
    assert "missing on this node" in listed
    ok(microk8s.run("plugin", "apply"))
    assert microk8s.hosts("10.1.1.1:5000")["server"] == "http://10.1.1.1:5000"
    ok(microk8s.run("plugin", "remove", "--all"))
    assert here(microk8s) == untouched


def test_taken_back_by_the_plugin_in_a_revision_that_never_was_enabled(
    microk8s: Microk8s,
) -> None:
    untouched = here(microk8s)
    refresh(microk8s)
    ok(microk8s.run(*FIRST))
    revert(microk8s)
    assert (microk8s.common / PLUGIN).exists()
    assert (microk8s.common / HOOK).exists()
    ok(microk8s.run("plugin", "remove", "--all"))
    assert here(microk8s) == untouched


def test_disabled_then_reverted_to_an_enabled_revision(microk8s: Microk8s) -> None:
    untouched = here(microk8s)
    ok(microk8s.run(*FIRST))
    refresh(microk8s)
    ok(microk8s.run("disable"))
    revert(microk8s)
    assert (microk8s.data / MARKER).exists()
    ok(microk8s.run("disable"))
    assert here(microk8s) == untouched


def test_a_crash_is_mended_in_the_new_revision_and_then_in_the_old_one(
    microk8s: Microk8s,
) -> None:
    untouched = here(microk8s)
    ok(microk8s.run(*FIRST))
    at = 1
    while killed_at(microk8s, at, ("plugin", "add", "--insecure", "a.corp")):
        if (microk8s.data / "private-registry-config" / "journal.json").exists():
            break
        at += 1
    assert (microk8s.data / "private-registry-config" / "journal.json").exists()
    refresh(microk8s)
    assert "a.corp: plain HTTP  [ok]" in ok(microk8s.run("plugin", "list")).stdout
    ok(microk8s.run("plugin", "add", "--insecure", "b.corp"))
    revert(microk8s)
    listed = ok(microk8s.run("plugin", "list")).stdout
    assert "b.corp: plain HTTP  [missing on this node]" in listed
    ok(microk8s.run("plugin", "apply"))
    assert "b.corp: plain HTTP  [ok]" in ok(microk8s.run("plugin", "list")).stdout
    ok(microk8s.run("disable"))
    assert here(microk8s) == untouched


def test_what_the_configure_hook_does_to_modes_is_mended(
    microk8s: Microk8s, client_options: List[str]
) -> None:
    before = microk8s.tree()
    ok(microk8s.run("enable", "--registry", "a.corp", *client_options))
    key = microk8s.certs_d / "a.corp" / "client.key"
    changed = key.stat().st_mtime_ns
    for path in (microk8s.data / "args").rglob("*"):
        path.chmod(stat.S_IMODE(path.stat().st_mode) | 0o060)
    assert stat.S_IMODE(key.stat().st_mode) == 0o660
    applied = ok(microk8s.run("plugin", "apply")).stdout
    assert (
        f"permissions set on {microk8s.current}/args/certs.d/a.corp/client.key"
        in applied
    )
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert key.stat().st_mtime_ns == changed
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before
