"""Interrupted at any file operation a run is done or undone, and every file is
whole.
"""

from __future__ import annotations

import errno
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from unit.interruptions import Scene, failing, interrupted, killed_at
from unit.microk8s import ADDON, TEMPLATE, Microk8s, ok
from unit.trees import Tree, copy_with_owners

pytestmark = pytest.mark.owners

FIRST = ("enable", "--insecure", "10.1.1.1:5000")
LOGIN = ("--username", "ann", "--password-env", "REG_PASS")
KUBELET = ("--login-by", "kubelet")
SCENES = {
    "first enable": Scene((), FIRST),
    "two more": Scene(
        (FIRST,),
        ("plugin", "add", "--insecure", "a.corp", "--insecure", "10.1.1.3:5000"),
    ),
    "stock file replaced": Scene(
        (FIRST,), ("plugin", "add", "--mirror", "docker.io=https://m.corp/x")
    ),
    "client certificate goes": Scene(
        (("enable", "--registry", "a.corp", "@client"),),
        ("plugin", "add", "--insecure", "a.corp"),
    ),
    "foreign file adopted": Scene(
        (FIRST,), ("plugin", "add", "--insecure", "hand.corp", "--adopt")
    ),
    "one removed": Scene(
        (FIRST, ("plugin", "add", "--mirror", "docker.io=https://m.corp")),
        ("plugin", "remove", "--registry", "docker.io"),
    ),
    "a login": Scene((FIRST,), ("plugin", "add", "--registry", "l.corp", *LOGIN)),
    "a login goes": Scene(
        (("enable", "--registry", "l.corp", *LOGIN),),
        ("plugin", "remove", "--registry", "l.corp"),
    ),
    "a login of the kubelet": Scene(
        (FIRST,), ("plugin", "add", "--registry", "l.corp", *LOGIN, *KUBELET)
    ),
    "a login moves to the kubelet": Scene(
        (("enable", "--registry", "l.corp", *LOGIN),),
        ("plugin", "add", "--registry", "l.corp", *KUBELET),
    ),
    "the last login of the kubelet goes": Scene(
        (("enable", "--registry", "l.corp", *LOGIN, *KUBELET),),
        ("plugin", "remove", "--registry", "l.corp"),
    ),
    "docker, too": Scene(
        (("enable", "--registry", "a.corp", "@client", "--docker"),),
        ("plugin", "add", "--insecure", "b.corp", "--docker"),
    ),
    "disable with docker": Scene(
        (("enable", "--registry", "a.corp", "@client", "--docker"),), ("disable",)
    ),
    "disable": Scene(
        (FIRST, ("plugin", "add", "--mirror", "docker.io=https://m.corp")), ("disable",)
    ),
}
OURS = "private-registry-config"


class Stage:
    """A scene that can be played again and again."""

    def __init__(self, scene: Scene, work: Path, client_options: List[str]) -> None:
        self._client = client_options
        self._master = work / "master"
        self._play = work / "play"
        self.scene = scene
        node = Microk8s(self._play)
        node.extra_environment["REG_PASS"] = "s3cr3t"
        (node.host / "dockerd").touch()
        (node.etc_docker / "certs.d/by.hand").mkdir(parents=True)
        (node.etc_docker / "daemon.json").write_text('{"debug": true}\n')
        node.write(
            "args/certs.d/hand.corp/hosts.toml",
            b"# by hand\r\nserver = 'http://x'",
            0o604,
        )
        node.write("args/containerd.toml", TEMPLATE)
        self.original = node.tree()
        for command in scene.before:
            ok(node.run(*self._words(command)))
        self.command = self._words(scene.command)
        self.before = node.tree()
        copy_with_owners(self._play, self._master)
        with interrupted(0, failing(0)) as counted:
            ok(node.run(*self.command))
        self.operations = counted.count
        self.after = node.tree()
        self.node = node

    def reset(self) -> None:
        """Bring back what was before the command."""
        shutil.rmtree(str(self._play))
        copy_with_owners(self._master, self._play)

    def _words(self, command: Tuple[str, ...]) -> Tuple[str, ...]:
        words: List[str] = []
        for word in command:
            words += self._client if word == "@client" else [word]
        return tuple(words)

    def check_old_or_new(self) -> None:
        """Check that the node's own files are as before or as after, all of them."""
        assert seen(self.node.tree()) in (seen(self.before), seen(self.after))

    def check_all_can_be_taken_back(self) -> None:
        """Check that disable leads back to before the first enable."""
        ok(self.node.run("disable"))
        assert self.node.tree() == self.original


def seen(tree: Tree) -> Tree:
    """Return what MicroK8s and containerd see of a tree: not our records, not our
    marker.

    The marker goes last of all, so that a disable that was killed can be called again.
    """
    return {path: entry for path, entry in tree.items() if OURS not in path}


@pytest.fixture(params=list(SCENES.values()), ids=list(SCENES))
def stage(request: Any, tmp_path: Path, client_options: List[str]) -> Stage:
    return Stage(request.param, tmp_path, client_options)


def test_the_stage_is_the_same_again(stage: Stage) -> None:
    stage.reset()
    assert stage.node.tree() == stage.before


def test_killed_in_the_middle(stage: Stage) -> None:
    for at in (stage.operations // 3, stage.operations * 2 // 3):
        stage.reset()
        assert killed_at(stage.node, at, stage.command)
        ok(stage.node.run("plugin", "list"))
        stage.check_old_or_new()
        ok(stage.node.run(*stage.command))
        assert stage.node.tree() == stage.after, at
        stage.check_all_can_be_taken_back()


@pytest.mark.exhaustive
def test_a_failing_operation_is_undone_or_finished(stage: Stage) -> None:
    errors = [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES]
    for at in range(1, stage.operations + 1):
        stage.reset()
        with interrupted(at, failing(errors[at % len(errors)])):
            result = stage.node.run(*stage.command)
        assert result.exit_code in (0, 4), (at, result)
        if result.exit_code == 4:
            assert result.stderr.startswith("error: a file "), (at, result)
            if "nothing was changed" in result.stderr:
                assert stage.node.tree() == stage.before, at
            else:
                ok(stage.node.run("plugin", "list"))
        stage.check_old_or_new()
        ok(stage.node.run(*stage.command))
        assert stage.node.tree() == stage.after, at
        stage.check_all_can_be_taken_back()


@pytest.mark.exhaustive
def test_when_even_undoing_fails_the_next_run_puts_it_right(stage: Stage) -> None:
    for at in range(1, stage.operations + 1, 3):
        stage.reset()
        with interrupted(at, failing(errno.EIO), for_good=True):
            result = stage.node.run(*stage.command)
        assert result.exit_code in (0, 4), (at, result)
        ok(stage.node.run("plugin", "list"))
        stage.check_old_or_new()
        stage.check_all_can_be_taken_back()


@pytest.mark.exhaustive
def test_killed_anywhere_the_next_run_finishes_or_undoes(stage: Stage) -> None:
    for at in range(1, stage.operations + 1):
        stage.reset()
        assert killed_at(stage.node, at, stage.command)
        for path, entry in stage.node.tree().items():
            if OURS not in path and entry[0] == "file":
                whole = (stage.before.get(path), stage.after.get(path))
                assert entry in whole, (at, path)
        ok(stage.node.run("plugin", "list"))
        stage.check_old_or_new()
        stage.check_all_can_be_taken_back()


@pytest.mark.exhaustive
def test_killed_twice_in_a_row(stage: Stage) -> None:
    chance = random.Random(1)  # noqa: S311 - repeatable
    for at in range(2, stage.operations + 1, 4):
        stage.reset()
        assert killed_at(stage.node, at, stage.command)
        killed_at(stage.node, chance.randint(1, 12), ("plugin", "list"))
        ok(stage.node.run("plugin", "list"))
        stage.check_old_or_new()
        stage.check_all_can_be_taken_back()


def test_real_programs_killed_at_any_time(microk8s: Microk8s) -> None:
    before = microk8s.tree()
    chance = random.Random(2)  # noqa: S311 - repeatable
    environment = {**os.environ, **microk8s.environment}
    door = [sys.executable, str(ADDON / "enable"), "--adopt"]
    kills = 0
    for number in range(25):
        options = [
            "--insecure",
            f"10.2.0.{number}:5000",
            "--mirror",
            "docker.io=https://m.corp",
        ]
        program = subprocess.Popen(
            [*door, *options],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(chance.uniform(0.02, 0.25))
        program.send_signal(signal.SIGKILL)
        kills += program.wait() == -signal.SIGKILL
        for hosts in microk8s.certs_d.glob("*/hosts.toml"):
            assert microk8s.hosts(hosts.parent.name)["server"]
    assert kills
    ok(microk8s.program("disable"))
    assert microk8s.tree() == before


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """In a mount namespace of its own, on a tmpfs of 256 KiB that a big file fills."""
    script = f"""
import sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
from unit.microk8s import Microk8s, ok
node = Microk8s(Path({str(tmp_path)!r}) / "disk")
ok(node.run("enable", "--insecure", "10.1.1.1:5000"))
before = node.tree()
filler = node.root / "filler"
with open(str(filler), "wb", buffering=0) as stream:
    try:
        while True:
            stream.write(b"x" * 4096)
    except OSError:
        pass
two = ("--insecure", "10.1.1.2:5000", "--insecure", "10.1.1.3:5000")
full = node.run("plugin", "add", *two)
assert full.exit_code == 4, full
assert "no space left on device" in full.stderr, full
assert node.tree() == before
filler.unlink()
ok(node.run("plugin", "add", "--insecure", "10.1.1.2:5000"))
print("done")
"""
    mount = (
        f"mkdir {tmp_path}/disk && mount -t tmpfs -o size=256k tmpfs {tmp_path}/disk &&"
        ' exec "$@"'
    )
    namespace = (
        ["unshare", "--mount"]
        if os.geteuid() == 0
        else ["unshare", "--user", "-r", "-m"]
    )
    if subprocess.call(
        [*namespace, "true"], stderr=subprocess.DEVNULL
    ) != 0 and not os.getenv("CI"):
        pytest.skip("this machine lets nobody make namespaces")
    done = subprocess.run(
        [*namespace, "sh", "-c", mount, "sh", sys.executable, "-c", script],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        env=_environment(),
    )
    assert done.stdout.decode().splitlines()[-1:] == ["done"], done.stdout.decode()


def _environment() -> Dict[str, str]:
    return {
        key: value for key, value in os.environ.items() if not key.startswith("SNAP")
    }
