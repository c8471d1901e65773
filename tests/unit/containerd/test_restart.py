"""containerd is restarted once, only if it has to be, and what it does not take goes
back.
"""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Callable, List

import pytest

from private_registry.containerd import daemon as shell_containerd
from private_registry.containerd.cri import calls, listening
from unit.fake_containerd import REASON, FakeContainerd
from unit.interruptions import killed_at
from unit.microk8s import Microk8s, Result, ok, same_but
from unit.trees import Tree

RESTART = ["restart microk8s.daemon-containerd"]
PASSWORD = "pass-word"
NOT_COUNTED = ("args/containerd.toml",)


def add(node: Microk8s, *options: str, password: str = PASSWORD) -> Result:
    login = ["--username", "ann", "--password-stdin", *options]
    return node.run("plugin", "add", *login, stdin=password.encode())


def changed(node: Microk8s, before: Tree) -> bool:
    return not same_but(node.tree(), before, *NOT_COUNTED)


def test_one_command_restarts_once(
    microk8s: Microk8s, containerd: FakeContainerd
) -> None:
    before, pid = microk8s.tree(), containerd.pid
    said = ok(add(microk8s, "--registry", "a.corp")).stdout
    assert "Containerd was restarted; CRI answers." in said
    assert containerd.requests == RESTART
    assert containerd.pid != pid
    assert '"a.corp"' in containerd.loaded()
    ok(add(microk8s, "--registry", "a.corp", password="changed"))
    assert containerd.requests == RESTART * 2
    ok(microk8s.run("disable"))
    assert containerd.requests == RESTART * 3
    assert "a.corp" not in containerd.loaded()
    assert not changed(microk8s, before)


@pytest.mark.parametrize(
    "command",
    [
        ["plugin", "apply"],
        ["plugin", "list"],
        ["plugin", "add", "--insecure", "b.corp"],
        ["plugin", "add", "--registry", "a.corp", "--skip-verify"],
        ["plugin", "add", "--mirror", "docker.io=https://m.corp"],
        ["plugin", "remove", "--registry", "c.corp"],
        ["plugin", "apply", "--dry-run"],
    ],
    ids=" ".join,
)
def test_what_containerd_reads_at_each_pull_restarts_nothing(
    microk8s: Microk8s, containerd: FakeContainerd, command: List[str]
) -> None:
    ok(add(microk8s, "--registry", "a.corp"))
    ok(microk8s.run("plugin", "add", "--registry", "c.corp"))
    ok(microk8s.run(*command))
    assert containerd.requests == RESTART


def test_the_same_again_restarts_nothing(
    microk8s: Microk8s, containerd: FakeContainerd
) -> None:
    for _ in range(3):
        ok(add(microk8s, "--registry", "a.corp"))
    assert containerd.requests == RESTART


def test_permissions_alone_restart_nothing(
    microk8s: Microk8s, containerd: FakeContainerd
) -> None:
    ok(add(microk8s, "--registry", "a.corp"))
    microk8s.template.chmod(0o660)
    ok(microk8s.run("plugin", "apply"))
    assert stat.S_IMODE(microk8s.template.stat().st_mode) == 0o600
    assert containerd.requests == RESTART


def test_a_dry_run_says_that_containerd_would_be_restarted(
    microk8s: Microk8s, containerd: FakeContainerd
) -> None:
    said = ok(add(microk8s, "--registry", "a.corp", "--dry-run")).stdout
    assert "Containerd would be restarted." in said
    document = json.loads(
        ok(add(microk8s, "--registry", "a.corp", "--dry-run", "--json")).stdout
    )
    assert document["restart"] == "done"
    assert containerd.requests == []


def test_a_containerd_that_does_not_run_is_not_started(microk8s: Microk8s) -> None:
    said = ok(add(microk8s, "--registry", "a.corp")).stdout
    assert "it takes this at its next start" in said
    assert "at its next start" not in ok(microk8s.run("plugin", "apply")).stdout


# --- left to people -------------------------------------------------------------------


def test_without_restart_it_waits_and_the_list_says_so(
    microk8s: Microk8s, containerd: FakeContainerd
) -> None:
    said = ok(add(microk8s, "--registry", "a.corp", "--no-restart")).stdout
    assert "sudo snap restart microk8s.daemon-containerd" in said
    listed = ok(microk8s.run("plugin", "list")).stdout
    assert "waits for a restart of containerd" in listed
    assert "sudo snap restart microk8s.daemon-containerd" in listed
    (registry,) = json.loads(ok(microk8s.run("plugin", "list", "--json")).stdout)[
        "registries"
    ]
    assert registry["state"] == "waits for a restart of containerd"
    assert containerd.requests == []
    assert "Containerd was restarted" in ok(microk8s.run("plugin", "apply")).stdout
    assert containerd.requests == RESTART
    assert "[ok]" in ok(microk8s.run("plugin", "list")).stdout


def test_a_restart_by_somebody_else_is_noticed(
    microk8s: Microk8s, containerd: FakeContainerd
) -> None:
    ok(add(microk8s, "--registry", "a.corp", "--no-restart"))
    containerd.restart()
    assert "[ok]" in ok(microk8s.run("plugin", "list")).stdout
    ok(microk8s.run("plugin", "apply"))
    assert containerd.requests == RESTART


def test_what_was_taken_away_waits_too(
    microk8s: Microk8s, containerd: FakeContainerd
) -> None:
    ok(add(microk8s, "--registry", "a.corp"))
    ok(microk8s.run("plugin", "remove", "--registry", "a.corp", "--no-restart"))
    assert (
        "containerd still has the credentials for a.corp"
        in microk8s.run("plugin", "list").stdout
    )
    assert json.loads(microk8s.run("plugin", "list", "--json").stdout)[
        "still_loaded"
    ] == ["the credentials for a.corp"]
    assert containerd.requests == RESTART
    ok(microk8s.run("plugin", "apply"))
    assert containerd.requests == RESTART * 2
    assert "still has" not in microk8s.run("plugin", "list").stdout


def test_a_disable_without_restart_leaves_nothing_but_the_running_one(
    microk8s: Microk8s, containerd: FakeContainerd
) -> None:
    before = microk8s.tree()
    ok(add(microk8s, "--registry", "a.corp"))
    said = ok(microk8s.run("disable", "--no-restart")).stdout
    assert "sudo snap restart microk8s.daemon-containerd" in said
    assert not changed(microk8s, before)
    assert "a.corp" in containerd.loaded()


def test_no_program_is_given_the_password(
    microk8s: Microk8s, containerd: FakeContainerd, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    spy = (
        "{ tr '\\0' ' ' </proc/$$/cmdline; tr '\\0' ' ' </proc/$PPID/cmdline; env; }"
        f" >>'{seen}'"
    )
    programs = [microk8s.host / "snapctl", *(microk8s.snap / "bin").iterdir()]
    for program in programs:
        first, _, rest = program.read_text().partition("\n")
        program.write_text(f"{first}\n{spy}\n{rest}")
    login = ["--registry", "a.corp", "--username", "ann", "--password-stdin"]
    done = microk8s.program("plugin", "add", *login, stdin=b"s3cr3t-word")
    assert done.exit_code == 0
    assert containerd.requests == RESTART
    text = seen.read_text()
    assert all(word in text for word in ("snapctl", "config dump", "--username ann"))
    assert "s3cr3t-word" not in text


# --- what containerd does not take ----------------------------------------------------


@pytest.fixture(params=["start", "load CRI"])
def broken(request: pytest.FixtureRequest, microk8s: Microk8s) -> Callable[[], None]:
    """Make the template one that containerd reads but does not start with, or
    without CRI.
    """

    def break_it() -> None:
        text = microk8s.template.read_text()
        microk8s.template.write_text(f'cannot = "{request.param}"\n{text}')

    return break_it


@pytest.mark.parametrize("cannot", ["start", "load CRI"])
def test_what_containerd_does_not_take_goes_back(
    microk8s: Microk8s,
    containerd: FakeContainerd,
    cannot: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shell_containerd, "CRI_SECONDS", 3)
    ok(add(microk8s, "--registry", "a.corp"))
    before = microk8s.tree()
    # A user name that the stand-in takes for an order.
    options = [
        "--registry",
        "b.corp",
        "--username",
        f'cannot = "{cannot}"',
        "--password-stdin",
    ]
    refused = microk8s.run("plugin", "add", *options, stdin=b"s3cr3t")
    assert refused.exit_code == 4, refused
    assert ("failed to load" if cannot == "start" else REASON) in refused.stderr
    assert "all was put back as it was" in refused.stderr
    assert "s3cr3t" not in refused.stderr
    assert not changed(microk8s, before)
    assert "b.corp" not in containerd.loaded()
    assert calls.answers(containerd.socket, 1)
    assert containerd.requests == RESTART * 3
    ok(add(microk8s, "--registry", "c.corp"))
    assert containerd.requests == RESTART * 4


def test_a_template_that_somebody_broke_is_named_when_even_the_old_one_fails(
    microk8s: Microk8s, containerd: FakeContainerd, broken: Callable[[], None]
) -> None:
    broken()
    before = microk8s.tree()
    refused = add(microk8s, "--registry", "a.corp")
    assert refused.exit_code == 4
    assert "the files were put back, but containerd does not start" in refused.stderr
    assert not changed(microk8s, before)


def test_a_pending_change_that_containerd_does_not_take_is_told(
    microk8s: Microk8s, containerd: FakeContainerd, broken: Callable[[], None]
) -> None:
    ok(add(microk8s, "--registry", "a.corp", "--no-restart"))
    broken()
    assert microk8s.run("plugin", "apply").exit_code == 4


def test_a_restart_that_reads_something_else_is_an_error(
    microk8s: Microk8s, containerd: FakeContainerd
) -> None:
    before = microk8s.tree()
    containerd.render_no_more()
    refused = add(microk8s, "--registry", "a.corp")
    assert refused.exit_code == 4
    assert not changed(microk8s, before)


# --- ways -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "request_"),
    [("snap", RESTART[0]), ("systemctl", "restart snap.microk8s.daemon-containerd")],
)
def test_where_snapctl_does_not_work_the_next_way_is_taken(
    microk8s: Microk8s, containerd: FakeContainerd, way: str, request_: str
) -> None:
    (microk8s.host / "snapctl").rename(microk8s.host / way)
    microk8s.host_program("snapctl", "#!/bin/sh\necho outside of a snap >&2\nexit 1\n")
    ok(add(microk8s, "--registry", "a.corp"))
    assert containerd.requests == [request_]


def test_where_no_way_works_nothing_changes(
    microk8s: Microk8s, containerd: FakeContainerd
) -> None:
    before = microk8s.tree()
    microk8s.host_program("snapctl", "#!/bin/sh\necho outside of a snap >&2\nexit 1\n")
    refused = add(microk8s, "--registry", "a.corp")
    assert refused.exit_code == 4
    assert "snapctl: outside of a snap" in refused.stderr
    assert not changed(microk8s, before)


# --- killed ---------------------------------------------------------------------------


@pytest.mark.exhaustive
def test_killed_anywhere_the_next_run_sees_to_containerd_too(
    microk8s: Microk8s, containerd: FakeContainerd
) -> None:
    before = microk8s.tree()
    microk8s.extra_environment["REG_PASS"] = "x"
    login = ["--registry", "a.corp", "--username", "ann", "--password-env", "REG_PASS"]
    at = 1
    while killed_at(microk8s, at, ("plugin", "add", *login)):
        listed = ok(microk8s.run("plugin", "list")).stdout
        assert ("a.corp" in listed) == ('"a.corp"' in containerd.loaded()), at
        assert "waits" not in listed
        ok(microk8s.run("disable"))
        assert not changed(microk8s, before), at
        assert "a.corp" not in containerd.loaded()
        at += 1
    assert at > 50


def test_killed_with_a_configuration_that_containerd_does_not_take(
    microk8s: Microk8s, containerd: FakeContainerd
) -> None:
    before = microk8s.tree()
    ok(add(microk8s, "--registry", "a.corp"))
    middle = microk8s.tree()
    real = (microk8s.host / "snapctl").read_text()
    microk8s.host_program("snapctl", real.replace("&& exit 0", "&& kill -9 $PPID"))
    options = [
        "--registry",
        "b.corp",
        "--username",
        'cannot = "load CRI"',
        "--password-stdin",
    ]
    killed = microk8s.program("plugin", "add", *options, stdin=b"x")
    assert killed.exit_code == -9
    microk8s.host_program("snapctl", real)
    assert not calls.answers(containerd.socket, 1)
    refused = microk8s.run("plugin", "list")
    assert refused.exit_code == 4
    assert REASON in refused.stderr
    assert not changed(microk8s, middle)
    assert calls.answers(containerd.socket, 1)
    ok(microk8s.run("disable"))
    assert not changed(microk8s, before)


# --- CRI ------------------------------------------------------------------------------


def test_cri_answers_or_not(microk8s: Microk8s, containerd: FakeContainerd) -> None:
    assert calls.answers(containerd.socket, 1)
    assert listening.listener(containerd.socket) == containerd.pid
    microk8s.template.write_text('cannot = "load CRI"\n')
    containerd.restart()
    assert not calls.answers(containerd.socket, 1)
    assert listening.listener(containerd.socket) == containerd.pid
    containerd.kill()
    assert not calls.answers(containerd.socket, 1)
    assert listening.listener(containerd.socket) is None
    assert not calls.answers("/no/such/socket", 1)
