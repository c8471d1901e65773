"""What somebody does between a run that was killed and the next one: none of it is
undone.

Whoever edits, replaces or removes files then does not know of the run; what stood there
before it comes back where nobody has put anything else, and is kept and named where
somebody has.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Callable, Dict, Iterator, List

import pytest

from unit.interruptions import interrupted, killed_at
from unit.microk8s import Microk8s, ok
from unit.planting import FOREIGN_TEXT, killed_before

OURS = "private-registry-config"
HOSTS = ("changed.corp", "gone.corp", "kept.corp", "docker.io", "new.corp")
FIRST = """version = 1
[[registry]]
host = "changed.corp"
[[registry]]
host = "gone.corp"
[[registry]]
host = "kept.corp"
"""
SECOND = """version = 1
[[registry]]
host = "docker.io"
[[registry.mirror]]
url = "https://mirror.corp"
[[registry]]
host = "changed.corp"
skip_verify = true
[[registry]]
host = "kept.corp"
[[registry]]
host = "new.corp"
"""


def _edit(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(FOREIGN_TEXT)


def _replace(path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    new = path.with_name("new")
    new.write_bytes(FOREIGN_TEXT)
    new.rename(path)


def _remove(path: Path) -> None:
    if path.exists():
        path.unlink()


def _move_directory_away(path: Path) -> None:
    if path.parent.exists():
        path.parent.rename(path.parent.with_name(path.parent.name + ".away"))


DEEDS: Dict[str, Callable[[Path], None]] = {
    "edited": _edit,
    "replaced": _replace,
    "removed": _remove,
    "directory moved away": _move_directory_away,
}


def hosts_toml(node: Microk8s, host: str) -> Path:
    return node.certs_d / host / "hosts.toml"


class Scene:
    """A node with three registries, and a run that changes, removes, adds and mends."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self.files = [work / name for name in ("first.toml", "second.toml")]
        for path, text in zip(self.files, (FIRST, SECOND)):
            path.write_text(text)
        self.command = ("plugin", "apply", "--file", str(self.files[1]))
        self.reset()
        self.stock = hosts_toml(self.node, "docker.io").read_bytes()

    def reset(self) -> None:
        shutil.rmtree(str(self._work / "node"), ignore_errors=True)
        self.node = Microk8s(self._work / "node")
        ok(self.node.run("enable", "--file", str(self.files[0])))
        # So that the run mends permissions, too.
        hosts_toml(self.node, "kept.corp").chmod(0o604)

    def is_interrupted(self) -> bool:
        return (self.node.data / OURS / "journal.json").exists()

    def kept_texts(self) -> List[bytes]:
        """Return what is kept of files that could not be put back."""
        rescued = self.node.data / OURS / "rescued"
        return (
            [path.read_bytes() for path in rescued.iterdir()]
            if rescued.is_dir()
            else []
        )


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def interruptions(scene: Scene) -> Iterator[int]:
    """Kill the run at every operation at which it has changed something, the last
    one first.
    """
    with interrupted(0, lambda _operation: None) as counted:
        ok(scene.node.run(*scene.command))
    for at in range(counted.count, 0, -1):
        scene.reset()
        assert killed_at(scene.node, at, scene.command)
        if scene.is_interrupted():
            yield at
        elif at < counted.count // 2:
            return


@pytest.mark.exhaustive
@pytest.mark.parametrize("deed", list(DEEDS))
def test_killed_anywhere_and_then_done_by_hand(scene: Scene, deed: str) -> None:
    count = 0
    for at in interruptions(scene):
        count += 1
        for host in HOSTS:
            DEEDS[deed](hosts_toml(scene.node, host))
        listed = ok(scene.node.run("plugin", "list"))
        assert "unfinished" not in listed.stderr, at
        if DEEDS[deed] in (_edit, _replace):
            for host in HOSTS:
                assert hosts_toml(scene.node, host).read_bytes() == FOREIGN_TEXT, (
                    at,
                    host,
                )
        for command in (scene.command, ("disable",)):
            assert scene.node.run(*command).exit_code in (0, 3), (at, command)
        assert not scene.is_interrupted()
    assert count > 8


@pytest.mark.parametrize("by_hand", [_edit, _replace], ids=["edited", "replaced"])
def test_an_edit_after_a_killed_run_stays_and_what_stood_there_is_kept(
    scene: Scene, by_hand: Callable[[Path], None]
) -> None:
    killed_before(scene.node, "unlink", "hosts.toml", *scene.command)
    paths = [
        hosts_toml(scene.node, host)
        for host in ("docker.io", "changed.corp", "gone.corp")
    ]
    for path in paths:
        by_hand(path)
    said = ok(scene.node.run("plugin", "list")).stderr
    assert "is undone now" in said
    for path in paths[:2]:
        assert f"left alone: {path}" in said
    assert [path.read_bytes() for path in paths] == [FOREIGN_TEXT] * 3
    # What we wrote ourselves can be written again.
    assert scene.kept_texts() == [scene.stock]


def test_a_new_file_that_somebody_edited_stays(scene: Scene) -> None:
    text = SECOND + '[[registry]]\nhost = "z.corp"\n'
    scene.files[1].write_text(text)
    killed_before(scene.node, "rename", "ledger.json", *scene.command)
    new, ledger = (
        hosts_toml(scene.node, "new.corp"),
        scene.node.data / OURS / "ledger.json",
    )
    new.write_bytes(FOREIGN_TEXT)
    ledger.write_bytes(ledger.read_bytes())
    said = ok(scene.node.run("plugin", "list")).stderr
    assert f"left alone: {new}" in said
    assert new.read_bytes() == FOREIGN_TEXT
    assert not hosts_toml(scene.node, "z.corp").exists()


@pytest.mark.parametrize("verb", ["list", "apply"])
def test_a_directory_that_is_gone_stops_no_later_run(
    scene: Scene, client_options: List[str], verb: str
) -> None:
    command = ("plugin", "add", "--registry", "changed.corp", *client_options)
    killed_before(scene.node, "rename", "ca.crt", *command)
    _move_directory_away(hosts_toml(scene.node, "changed.corp"))
    ok(scene.node.run("plugin", verb))
    ok(scene.node.run("disable"))
    assert not scene.is_interrupted()
