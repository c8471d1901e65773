"""Our own records, damaged or of another version: said, with a way on that works as
typed.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple

import pytest

from private_registry.errors import NodeError
from private_registry.node import file_values
from private_registry.node.file_values import checked_path
from private_registry.transaction import ledger
from private_registry.transaction.journal import (
    Journal,
    JournalledDirectory,
    Permissions,
    Step,
)
from unit.microk8s import Microk8s, ok
from unit.planting import just_before

pytestmark = pytest.mark.attack

ADD = ("plugin", "add", "--insecure", "a.corp", "--registry", "first.corp")
OURS = "private-registry-config"


def interrupted(
    microk8s: Microk8s, operation: str = "rename", name: str = "hosts.toml"
) -> None:
    """Leave a node as a run that is killed amid its renames leaves it."""
    ok(microk8s.run("enable", "--insecure", "first.corp"))
    pid = os.fork()
    if pid == 0:
        with just_before(operation, name, lambda: os._exit(137)):
            microk8s.run(*ADD)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] >> 8 == 137


class Record(NamedTuple):
    """One of our records.

    Args:
        path: below the node's root of that name.
        root: ``data`` or ``common``.
        what: how an error names it.
    """

    path: str
    root: str
    what: str

    def on(self, microk8s: Microk8s) -> Path:
        directory: Path = getattr(microk8s, self.root)
        return directory / OURS / self.path


JOURNAL = Record("journal.json", "data", "the record of an earlier run")
UNDO = Record("undo.json", "data", "the record of an earlier run")
LEDGER = Record("ledger.json", "data", "the record of what this addon wrote")
COMMON_LEDGER = Record("ledger.json", "common", "the record of what this addon wrote")
SECRETS = Record("pull-secrets.json", "common", "the record of pull secrets")
RECORDS = [JOURNAL, UNDO, LEDGER, COMMON_LEDGER, SECRETS]
NAMES = ["journal", "undo", "ledger", "ledger of SNAP_COMMON", "pull secrets"]


DAMAGES: Dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda content: content[: len(content) // 2],
    "binary": lambda _: b"\xff\x00",
    "null": lambda _: b"null",
    "list": lambda _: b"[]",
    "text": lambda _: b'"x"',
    "deep": lambda _: b"[" * 100_000,
    "no version": lambda _: b"{}",
    "version only": lambda _: b'{"version": 1}',
    "odd version": lambda _: b'{"version": [{}]}',
    "other version": lambda _: b'{"version": 99, "something": ["else"]}',
    "wrong types": (
        lambda _: json.dumps(
            {
                "version": 1,
                **dict.fromkeys(
                    ["files", "directories", "secrets", "staging", "steps"], 7
                ),
                **dict.fromkeys(
                    ["new_directories", "spent_directories", "docker", "reload"], 7
                ),
                "restart": 7,
            }
        ).encode()
    ),
    "huge number": lambda _: b'{"version": ' + b"9" * 100_000 + b"}",
}


@pytest.mark.in_turn("record")
@pytest.mark.parametrize("record", RECORDS, ids=NAMES)
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=list(DAMAGES))
def test_a_damaged_record_is_said_and_there_is_a_way_on(
    microk8s: Microk8s, record: Record, damage: Callable[[bytes], bytes]
) -> None:
    if record in (JOURNAL, UNDO):
        interrupted(microk8s)
        if record is UNDO:
            JOURNAL.on(microk8s).rename(UNDO.on(microk8s))
    else:
        ok(microk8s.run("enable", "--insecure", "first.corp"))
    path = record.on(microk8s)
    path.write_bytes(damage(path.read_bytes() if path.exists() else b"{}"))
    for command in (ADD, ("plugin", "list"), ("plugin", "apply"), ("disable",)):
        result = microk8s.run(*command)
        if record is COMMON_LEDGER and command[1:] == ("list",):
            # What is in SNAP_COMMON is no registry's.
            ok(result)
            continue
        assert result.exit_code == 4, (command, result)
        assert record.what in result.stderr
        assert path.name in result.stderr
        assert "Traceback" not in result.stderr
    remedy = json.loads(microk8s.run("plugin", "apply", "--json").stdout)["error"]["do"]
    move = re.search(r"put it aside: sudo (mv \S+ \S+); then: (.*)", remedy)
    assert move, remedy
    subprocess.check_call(["sh", "-c", move[1]])
    if record is not SECRETS:
        assert move[2] == "sudo microk8s private-registry apply --adopt"
    ok(microk8s.run("plugin", "apply", "--adopt"))
    ok(microk8s.run(*ADD, "--adopt"))
    ok(microk8s.run("disable"))


@pytest.mark.parametrize("record", RECORDS, ids=NAMES)
def test_check_goes_on_without_it(microk8s: Microk8s, record: Record) -> None:
    ok(microk8s.run("enable", "--insecure", "127.0.0.1:1"))
    record.on(microk8s).write_bytes(b"[[[")
    result = microk8s.run("plugin", "check", "127.0.0.1:1", "--timeout", "1")
    assert result.exit_code == 5, result
    assert "127.0.0.1:1" in result.stdout


def test_a_record_of_another_version_asks_for_an_update_first(
    microk8s: Microk8s,
) -> None:
    ok(microk8s.run("enable", "--insecure", "first.corp"))
    LEDGER.on(microk8s).write_bytes(b'{"version": 2}')
    result = microk8s.run("plugin", "apply")
    assert "is that of another version of this addon (format 2)" in result.stderr
    assert (
        "do: update the addon: microk8s addons repo update; or put it aside"
        in result.stderr
    )


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../../x", "a//b", "./a", "a/.", "a\x00b", "a/"],
)
def test_no_record_leads_out_of_its_root(path: str) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        checked_path(path)
    document = {
        "version": 1,
        "files": {path: {"sha256": "0", "original": None}},
        "directories": [],
    }
    with pytest.raises(NodeError, match="damaged"):
        ledger.from_json(json.dumps(document).encode(), "x")
    step = Step("SNAP_DATA", path, "a/b", None, new_mark=(1, 2))
    with pytest.raises(NodeError, match="damaged"):
        Journal.from_json(Journal("a/b", [], [], [step]).to_json(), "x")


def test_a_journal_reads_back_as_it_was_written() -> None:
    permissions = Permissions(0o640, (0, 4321))
    journal = Journal(
        "ours/staging-1",
        [JournalledDirectory("SNAP_DATA", "args/certs.d/a", permissions)],
        [JournalledDirectory("DOCKER_CERTS", "certs.d/a", permissions)],
        [
            Step("SNAP_DATA", "a", "s/0", new_mark=(5, 6)),
            Step("SNAP_COMMON", "b", None, "s/1.before", mark=(3, 4)),
            Step(
                "DOCKER",
                "c",
                permissions=permissions,
                old_permissions=permissions,
                mark=(1, 2),
            ),
        ],
        restart=True,
        docker=file_values.DockerPlaces(
            file_values.DockerPlace("/etc", "docker/daemon.json"),
            file_values.DockerPlace(
                "/home/ann", ".config/docker/certs.d", (7, 8), 0o700
            ),
        ),
        reload={"insecure-registries": ["a", "b"]},
    )
    assert Journal.from_json(journal.to_json(), "x") == journal


# --- a file system that is read-only --------------------------------------------------

READ_ONLY = """
import subprocess, sys
sys.path[:0] = {path!r}
from pathlib import Path
from unit.microk8s import Microk8s, ok
from unit.transaction.test_own_records import interrupted, ADD
node = Microk8s(Path({root!r}) / "disk" / "node")
if {killed!r}:
    interrupted(node)
else:
    ok(node.run("enable", "--insecure", "first.corp"))
node_tree = node.tree()
subprocess.check_call(["mount", "-o", "remount,ro", {root!r} + "/disk"])
listed = ok(node.run("plugin", "list"))
assert "first.corp" in listed.stdout, listed
assert ("an earlier run was killed" in listed.stderr) == {killed!r}, listed
assert ("read-only file system" in listed.stderr.lower()) == {killed!r}, listed
dry_run = ("plugin", "add", "--insecure", "b.corp", "--dry-run")
for command in (("plugin", "export"), dry_run):
    ok(node.run(*command))
assert node.run("plugin", "check", "--timeout", "1").exit_code in (0, 5)
for command in (ADD, ("disable",), ("plugin", "remove", "--registry", "first.corp")):
    result = node.run(*command)
    assert result.exit_code == 4, result
    assert "read-only file system" in result.stderr, result
    assert str(node.root) in result.stderr, result
assert node.tree() == node_tree
subprocess.check_call(["mount", "-o", "remount,rw", {root!r} + "/disk"])
ok(node.run("plugin", "list"))
ok(node.run(*ADD))
ok(node.run("disable"))
print("done")
"""


@pytest.mark.parametrize(
    "killed", [False, True], ids=["in order", "after a killed run"]
)
def test_on_a_read_only_file_system_who_looks_sees_and_who_changes_is_told(
    tmp_path: Path, killed: bool
) -> None:
    (tmp_path / "disk").mkdir()
    script = READ_ONLY.format(path=sys.path, root=str(tmp_path), killed=killed)
    done = in_a_mount_namespace(tmp_path / "disk", [sys.executable, "-c", script])
    assert done.splitlines()[-1:] == ["done"], done


def in_a_mount_namespace(disk: Path, command: List[str]) -> str:
    """Run a command with a small file system of its own; return what it printed."""
    namespace = (
        ["unshare", "--mount"]
        if os.geteuid() == 0
        else ["unshare", "--user", "-r", "-m"]
    )
    if subprocess.call(
        [*namespace, "true"], stderr=subprocess.DEVNULL
    ) != 0 and not os.getenv("CI"):
        pytest.skip("this machine lets nobody make namespaces")
    mount = f'mount -t tmpfs -o size=8m tmpfs {disk} && exec "$@"'
    done = subprocess.run(
        [*namespace, "sh", "-c", mount, "sh", *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        env={
            key: value
            for key, value in os.environ.items()
            if not key.startswith("SNAP")
        },
    )
    return done.stdout.decode()
