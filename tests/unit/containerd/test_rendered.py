"""Who can read containerd.toml, which MicroK8s makes of the template and its
passwords.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import List, Tuple

import pytest

from private_registry.containerd import daemon as shell_containerd
from unit.fake_containerd import RESTART, FakeContainerd
from unit.interruptions import killed_at
from unit.microk8s import TEMPLATE, Microk8s, Result, ok
from unit.revisions import refresh

pytestmark = pytest.mark.owners

PASSWORD = "pass-word"
OPEN = [0o660, 0o664, 0o644, 0o640, 0o600]


def add(
    node: Microk8s, host: str = "a.corp", *options: str, user: str = "ann"
) -> Result:
    login = ["--registry", host, "--username", user, "--password-stdin", *options]
    return node.run("plugin", "add", *login, stdin=PASSWORD.encode())


def rendered(node: Microk8s) -> Path:
    return node.data / "args" / "containerd.toml"


def mode_of(node: Microk8s) -> int:
    return stat.S_IMODE(rendered(node).stat().st_mode)


@pytest.fixture
def running(microk8s: Microk8s, containerd: FakeContainerd) -> FakeContainerd:
    """A containerd whose configuration MicroK8s' configure hook has given to the
    group.
    """
    rendered(microk8s).chmod(0o660)
    return containerd


def modes_at_restarts(node: Microk8s) -> List[str]:
    """Return the file's modes right before each restart."""
    return (node.root / "modes").read_text().split()


def watch_restarts(node: Microk8s) -> None:
    """Let snapctl note the file's mode first."""
    first, _, rest = (node.host / "snapctl").read_text().partition("\n")
    note = f"stat -c %a '{rendered(node)}' >>'{node.root}/modes'"
    node.host_program("snapctl", f"{first}\n{note}\n{rest}")


@pytest.mark.parametrize("mode", OPEN, ids=oct)
def test_it_is_roots_alone_while_it_holds_a_password(
    microk8s: Microk8s, running: FakeContainerd, mode: int
) -> None:
    rendered(microk8s).chmod(mode)
    owner = (rendered(microk8s).stat().st_uid, rendered(microk8s).stat().st_gid)
    watch_restarts(microk8s)
    ok(add(microk8s))
    assert PASSWORD in running.loaded()
    assert mode_of(microk8s) == 0o600
    ok(add(microk8s, "b.corp"))
    ok(microk8s.run("plugin", "remove", "--registry", "a.corp"))
    assert mode_of(microk8s) == 0o600
    ok(microk8s.run("disable"))
    assert PASSWORD not in running.loaded()
    assert mode_of(microk8s) == mode
    assert (rendered(microk8s).stat().st_uid, rendered(microk8s).stat().st_gid) == owner
    # Closed before containerd writes a password into it, and until it has written it
    # without.
    assert modes_at_restarts(microk8s) == ["600"] * 4


def as_written(microk8s: Microk8s) -> Tuple[int, ...]:
    """Return what a write or a change of owner or mode changes, and reading does
    not.
    """
    status = rendered(microk8s).stat()
    return (
        status.st_mode,
        status.st_ino,
        status.st_uid,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def test_only_a_login_closes_it(microk8s: Microk8s, running: FakeContainerd) -> None:
    before = as_written(microk8s)
    ok(microk8s.run("enable", "--insecure", "a.corp"))
    ok(add(microk8s, "b.corp", "--dry-run"))
    assert as_written(microk8s) == before


def test_what_is_so_is_not_done_again(
    microk8s: Microk8s, running: FakeContainerd
) -> None:
    ok(add(microk8s))
    before = as_written(microk8s)
    ok(add(microk8s))
    assert "Nothing to do" in ok(microk8s.run("plugin", "apply")).stdout
    assert as_written(microk8s) == before


def test_a_dry_run_tells_it(microk8s: Microk8s, running: FakeContainerd) -> None:
    said = ok(add(microk8s, "a.corp", "--dry-run")).stdout
    assert f"would set permissions on {microk8s.current}/args/containerd.toml" in said
    assert mode_of(microk8s) == 0o660


def test_what_the_configure_hook_opens_is_closed_again(
    microk8s: Microk8s, running: FakeContainerd
) -> None:
    rendered(microk8s).chmod(0o640)
    ok(add(microk8s))
    rendered(microk8s).chmod(0o660)
    said = ok(microk8s.run("plugin", "apply")).stdout
    assert f"permissions set on {microk8s.current}/args/containerd.toml" in said
    assert mode_of(microk8s) == 0o600
    assert running.requests == [RESTART]
    ok(microk8s.run("disable"))
    assert mode_of(microk8s) == 0o640


def test_what_the_configure_hook_opens_at_last_stays_so(
    microk8s: Microk8s, running: FakeContainerd
) -> None:
    rendered(microk8s).chmod(0o640)
    ok(add(microk8s))
    rendered(microk8s).chmod(0o660)
    ok(microk8s.run("disable"))
    assert mode_of(microk8s) == 0o660


def test_the_hook_of_a_refresh_closes_it_in_the_new_revision(
    microk8s: Microk8s, running: FakeContainerd
) -> None:
    ok(add(microk8s))
    rendered(microk8s).chmod(0o660)
    (hook,) = refresh(microk8s)
    ok(hook)
    assert mode_of(microk8s) == 0o600


def test_it_stays_closed_until_containerd_has_let_go(
    microk8s: Microk8s, running: FakeContainerd
) -> None:
    ok(add(microk8s))
    ok(microk8s.run("plugin", "remove", "--registry", "a.corp", "--no-restart"))
    assert PASSWORD in running.loaded()
    assert mode_of(microk8s) == 0o600
    rendered(microk8s).chmod(0o660)
    ok(microk8s.run("plugin", "apply", "--no-restart"))
    assert mode_of(microk8s) == 0o600
    ok(microk8s.run("plugin", "apply"))
    assert PASSWORD not in running.loaded()
    assert mode_of(microk8s) == 0o660


def test_a_restart_by_somebody_else_is_as_good(
    microk8s: Microk8s, running: FakeContainerd
) -> None:
    ok(add(microk8s))
    ok(microk8s.run("plugin", "remove", "--registry", "a.corp", "--no-restart"))
    running.restart()
    ok(microk8s.run("plugin", "apply"))
    assert mode_of(microk8s) == 0o660
    assert running.requests == [RESTART] * 2


def test_a_disable_without_restart_says_what_stays(
    microk8s: Microk8s, running: FakeContainerd
) -> None:
    ok(add(microk8s))
    said = ok(microk8s.run("disable", "--no-restart")).stdout
    assert mode_of(microk8s) == 0o600
    path = f"{microk8s.current}/args/containerd.toml"
    assert f"note: {path} holds a login until containerd's next start" in said
    assert f"sudo chmod 0660 {path}" in said


@pytest.mark.parametrize("cannot", ["start", "load CRI"])
def test_what_containerd_does_not_take_leaves_it_as_it_was(
    microk8s: Microk8s,
    running: FakeContainerd,
    cannot: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shell_containerd, "CRI_SECONDS", 3)
    assert add(microk8s, user=f'cannot = "{cannot}"').exit_code == 4
    assert PASSWORD not in running.loaded()
    assert mode_of(microk8s) == 0o660
    ok(add(microk8s))
    assert add(microk8s, "b.corp", user=f'cannot = "{cannot}"').exit_code == 4
    assert mode_of(microk8s) == 0o600


def test_where_containerd_does_not_run(microk8s: Microk8s) -> None:
    microk8s.write("args/containerd.toml", TEMPLATE)
    before = microk8s.tree()
    ok(add(microk8s))
    assert mode_of(microk8s) == 0o600
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


def test_what_it_holds_without_a_running_containerd_stays_closed(
    microk8s: Microk8s,
) -> None:
    microk8s.write("args/containerd.toml", TEMPLATE)
    ok(add(microk8s))
    rendered(microk8s).write_text(microk8s.template.read_text())
    said = ok(microk8s.run("plugin", "remove", "--registry", "a.corp")).stdout
    assert mode_of(microk8s) == 0o600, said
    rendered(microk8s).write_text(TEMPLATE)
    ok(microk8s.run("disable"))
    assert mode_of(microk8s) == 0o660


def test_killed_anywhere_it_is_open_only_without_a_password(
    microk8s: Microk8s, running: FakeContainerd
) -> None:
    microk8s.extra_environment["REG_PASS"] = PASSWORD
    login = ["--registry", "a.corp", "--username", "ann", "--password-env", "REG_PASS"]
    for command in (
        ("plugin", "add", *login),
        ("plugin", "remove", "--registry", "a.corp"),
    ):
        for at in (*range(1, 40, 13), *range(40, 80, 3)):
            ok(microk8s.run("disable"))
            if "remove" in command:
                ok(microk8s.run("plugin", "add", *login))
            killed = killed_at(microk8s, at, command)
            assert mode_of(microk8s) == 0o600 or PASSWORD not in running.loaded(), at
            ok(microk8s.run("plugin", "list"))
            is_in = PASSWORD in running.loaded()
            assert is_in == (PASSWORD in microk8s.template.read_text()), at
            assert mode_of(microk8s) == (0o600 if is_in else 0o660), at
            if not killed:
                break
    ok(microk8s.run("disable"))
    assert mode_of(microk8s) == 0o660


# --- what others may have put there ---------------------------------------------------


def test_who_has_it_open_already_sees_no_password(
    microk8s: Microk8s, running: FakeContainerd
) -> None:
    with rendered(microk8s).open() as stream:
        ok(add(microk8s))
        assert PASSWORD in running.loaded()
        assert PASSWORD not in stream.read()


@pytest.mark.parametrize("kind", ["link", "directory", "pipe"])
def test_a_login_is_not_written_through_what_is_no_file(
    microk8s: Microk8s, running: FakeContainerd, tmp_path: Path, kind: str
) -> None:
    target = tmp_path / "elsewhere"
    target.write_text("")
    rendered(microk8s).unlink()
    if kind == "link":
        rendered(microk8s).symlink_to(target)
    elif kind == "directory":
        rendered(microk8s).mkdir()
    else:
        os.mkfifo(str(rendered(microk8s)))
    before = microk8s.tree()
    refused = add(microk8s)
    assert refused.exit_code == 3
    assert "args/containerd.toml" in refused.stderr
    assert (microk8s.tree(), target.read_text(), running.requests) == (before, "", [])


@pytest.mark.parametrize(
    "text", ["-----BEGIN PRIVATE KEY-----\n", "\xff"], ids=["key", "other"]
)
def test_what_is_moved_there_is_not_opened(microk8s: Microk8s, text: str) -> None:
    microk8s.write("args/containerd.toml", TEMPLATE)
    ok(add(microk8s))
    rendered(microk8s).unlink()
    microk8s.write("args/containerd.toml", text.encode("latin-1"), 0o600)
    ok(microk8s.run("disable"))
    assert mode_of(microk8s) == 0o600


def test_a_second_name_of_something_else_is_not_opened(
    microk8s: Microk8s, tmp_path: Path
) -> None:
    microk8s.write("args/containerd.toml", TEMPLATE)
    ok(add(microk8s))
    other = tmp_path / "other"
    other.write_text("")
    other.chmod(0o600)
    rendered(microk8s).unlink()
    os.link(str(other), str(rendered(microk8s)))
    ok(microk8s.run("disable"))
    assert stat.S_IMODE(other.stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_template_of_a_members_is_roots_while_it_holds_a_password(
    microk8s: Microk8s, running: FakeContainerd
) -> None:
    member = 4242
    os.chown(str(microk8s.template), member, 4321)
    before = microk8s.tree()
    ok(add(microk8s))
    status = microk8s.template.stat()
    assert (status.st_uid, stat.S_IMODE(status.st_mode)) == (0, 0o600)
    ok(microk8s.run("disable"))
    assert microk8s.template.stat().st_uid == member
    assert microk8s.tree() == before
