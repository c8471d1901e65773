"""The how-to guides' examples are carried out: what a command prints, and the files
that it writes.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, NamedTuple

import pytest

from unit.docs import pages
from unit.docs.files_at_hand import put_files
from unit.fake_kubectl import FakeCluster
from unit.microk8s import Microk8s, Result, ok

DOCS = pages.REPOSITORY / "docs"
HOW_TO = DOCS / "how-to"
_FILE = re.compile(r"# certs\.d/(\S+)/hosts\.toml.*\n")
_ADDED = re.compile(r"# added to containerd-template\.toml\n")
_COMMAND = re.compile(
    r"microk8s (enable private-registry-config|private-registry) (.*?)(?: <(\S+))?$"
)


class Shown(NamedTuple):
    """A command with what stands behind it: its output, or a file that it writes."""

    page: Path
    command: str
    behind: str


def _dialogues() -> Iterator[Shown]:
    for page in sorted(DOCS.rglob("*.md")):
        for block in pages.blocks_of(page):
            text = block.text.replace("\\\n", " ")
            command, _, output = text.partition("\n")
            if command.startswith("$ microk8s") and output:
                yield Shown(page, " ".join(command[2:].split()), output + "\n")


def _files() -> Iterator[Shown]:
    for page in sorted(HOW_TO.glob("*.md")):
        blocks = pages.blocks_of(page)
        for before, block in zip(blocks, blocks[1:]):
            if block.kind == "toml":
                command = before.text.replace("\\\n", " ").partition("\n")[0]
                command = " ".join(re.sub(r"^\$ ", "", command).split())
                yield Shown(page, command, block.text)


def _name(shown: Any) -> str:
    return f"{pages.name(shown.page)}: {shown.command}"


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The directory that the commands are given in."""
    directory = put_files(tmp_path / "examples")
    monkeypatch.chdir(directory)
    return directory


def _run(node: Microk8s, command: str, directory: Path) -> Result:
    match = _COMMAND.match(command)
    assert match, command
    words = [re.sub("^/", f"{directory}/", word) for word in shlex.split(match[2])]
    stdin = (directory / match[3]).read_bytes() if match[3] else b""
    door = "enable" if match[1].startswith("enable") else "plugin"
    return node.run(door, *words, stdin=stdin)


# --- what is printed ------------------------------------------------------------------


class Stage(NamedTuple):
    """What an example is carried out on."""

    node: Microk8s
    directory: Path
    request: pytest.FixtureRequest

    def add(self, *options: str) -> None:
        """Run add, which must work."""
        ok(self.node.run("plugin", "add", *options))


def _nothing(stage: Stage) -> None:
    del stage


def _enabled(stage: Stage) -> None:
    ok(stage.node.run("enable"))


def _with_own_ca(stage: Stage) -> None:
    stage.request.getfixturevalue("containerd")
    stage.add("--registry", "reg.corp:5000", "--ca", "ca.crt")


def _with_a_file_by_hand(stage: Stage) -> None:
    stage.node.write("args/certs.d/hand.corp/hosts.toml", "# by hand\n")


def _with_three(stage: Stage) -> None:
    stage.add("--insecure", "10.141.241.175:32000")
    stage.add("--registry", "reg.corp:5000", "--ca", "ca.crt")
    stage.add("--registry", "lab.corp:5000", "--skip-verify")
    with (stage.node.certs_d / "lab.corp:5000" / "hosts.toml").open("a") as stream:
        stream.write("# by hand\n")


def _with_docker(stage: Stage) -> None:
    _enabled(stage)
    stage.request.getfixturevalue("new_docker")('{"insecure-registries": []}')


def _with_a_cluster(stage: Stage) -> None:
    _enabled(stage)
    stage.add("--registry", "reg.corp:5000")
    FakeCluster(stage.node, stage.request.getfixturevalue("monkeypatch"))


def _with_a_slip(stage: Stage) -> None:
    text = 'version = 1\n\n[[registry]]\nhost = "a.corp"\ninsecur = true\n'
    (stage.directory / "registries.toml").write_text(text)


def _of_k3s(stage: Stage) -> None:
    _enabled(stage)
    path = stage.directory / "etc/rancher/k3s/registries.yaml"
    path.write_text(path.read_text() + "    auth:\n      identity_token: abc\n")


STAGES: Dict[str, Callable[[Stage], None]] = {
    "microk8s enable private-registry-config": _nothing,
    "--username ann --password-stdin <": _with_own_ca,
    "--login-by kubelet <": _enabled,
    "--insecure 10.141.241.175:32000 --dry-run": _enabled,
    "--insecure hand.corp": _with_a_file_by_hand,
    "list": _with_three,
    "--docker": _with_docker,
    "--pull-secret": _with_a_cluster,
    "--file registries.toml": _with_a_slip,
    "k3s/registries.yaml": _of_k3s,
}
# They ask registries, which tests of `check` do.
NOT_HERE = (" check",)


def _stage_of(command: str) -> str:
    return next((each for each in STAGES if each in command), "")


@pytest.mark.parametrize("shown", list(_dialogues()), ids=_name)
def test_each_output_is_carried_out_or_known_not_to_be(shown: Shown) -> None:
    is_left_out = any(each in shown.command for each in NOT_HERE)
    assert bool(_stage_of(shown.command)) != is_left_out


@pytest.mark.parametrize(
    "shown", [each for each in _dialogues() if _stage_of(each.command)], ids=_name
)
def test_a_command_prints_what_is_shown(
    microk8s: Microk8s,
    directory: Path,
    request: pytest.FixtureRequest,
    shown: Shown,
) -> None:
    STAGES[_stage_of(shown.command)](Stage(microk8s, directory, request))
    result = _run(microk8s, shown.command, directory)
    printed = (result.stdout + result.stderr).replace(str(microk8s.root), "")
    printed = re.sub(r"owner \d+:\d+", "owner 0:0", printed.replace(str(directory), ""))
    if "...\n" in shown.behind:
        head, _, tail = shown.behind.partition("...\n")
        assert printed.startswith(head)
        assert printed.endswith(tail)
    else:
        assert printed == shown.behind


# --- what is written ------------------------------------------------------------------


@pytest.mark.parametrize("shown", list(_files()), ids=_name)
def test_a_command_writes_the_file_that_is_shown(
    microk8s: Microk8s, directory: Path, shown: Shown
) -> None:
    if shown.page.name == "older-nodes.md":
        lines = microk8s.template.read_text().splitlines(keepends=True)
        microk8s.template.write_text(
            "".join(line for line in lines if "config_path" not in line)
        )
    ok(_run(microk8s, shown.command, directory))
    file = _FILE.match(shown.behind)
    if file is not None:
        written = (microk8s.certs_d / file[1] / "hosts.toml").read_text()
        written = written.replace(str(microk8s.root), "")
        head, _, written = written.partition("\n")[2].partition("\n")
        assert head.startswith("# microk8s private-registry")
        assert written == shown.behind[file.end() :]
    else:
        added = _ADDED.match(shown.behind)
        assert added
        wanted = shown.behind[added.end() :].replace('"..."', '"x"')
        assert wanted in microk8s.template.read_text()


def test_there_are_enough_of_both() -> None:
    assert len(list(_files())) >= 10
    assert len(list(_dialogues())) >= 9
