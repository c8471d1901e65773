"""Whatever happened, disable leads back: random histories, against a model of what must
be there.

The model: a file that nobody touched by hand ends as it was before the first enable;
one that somebody wrote or changed ends as they last left it. Each revision of the snap
has its own history.
"""

from __future__ import annotations

import copy
import json
import shutil
import tempfile
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Set

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from unit import strategies
from unit.in_memory import MEMORY
from unit.microk8s import Microk8s, Result, ok
from unit.revisions import refresh, revert

pytestmark = pytest.mark.owners

HOSTS = ["docker.io", "10.1.1.1:5000", "a.corp", "localhost:32000"]
HOST = st.sampled_from(HOSTS)
PASSWORDS = ["hunter-two", "correct-horse"]
CONTENT = st.sampled_from(
    [b"# by hand\r\n", b"server = 'http://x'", b"", b"\xff\x00 no text"]
)
MODE = st.sampled_from([0o600, 0o644, 0o664])


class File(NamedTuple):
    """What must be at a path in the end."""

    content: bytes
    mode: int


class Expected:
    """What one revision's certs.d must be in the end.

    Args:
        files: by registry; None where there must be none.
        directories: made by hand, or left with a file that is somebody's own.
        template: containerd's configuration.
    """

    def __init__(self, node: Microk8s) -> None:
        self.files: Dict[str, Optional[File]] = {
            host: present(node, host) for host in HOSTS
        }
        self.directories: Set[str] = set()
        self.template = File(
            node.template.read_bytes(), node.template.stat().st_mode & 0o777
        )


def path_of(node: Microk8s, host: str) -> Path:
    return node.certs_d / host / "hosts.toml"


def present(node: Microk8s, host: str) -> Optional[File]:
    path = path_of(node, host)
    if not path.exists():
        return None
    return File(path.read_bytes(), path.stat().st_mode & 0o777)


def recorded_original(node: Microk8s, host: str) -> Optional[str]:
    """Return the ledger's original for a registry's file.

    Raise KeyError if it is not ours.
    """
    ledger = node.data / "private-registry-config" / "ledger.json"
    files = json.loads(ledger.read_text())["files"] if ledger.exists() else {}
    original: Optional[str] = files[f"args/certs.d/{host}/hosts.toml"]["original"]
    return original


class Histories(RuleBasedStateMachine):
    """A node on which the addon, people and snapd take turns."""

    def __init__(self) -> None:
        super().__init__()
        self.work = Path(tempfile.mkdtemp(dir=MEMORY))
        self.node = Microk8s(self.work / "node")

    @initialize()
    def begin(self) -> None:
        self.common = self.common_tree()
        self.data = self.tree_without_certs_d()
        self.expected = Expected(self.node)
        self.older: List[Expected] = []

    # --- the addon --------------------------------------------------------------------

    @rule(host=HOST, adopt=st.booleans(), other=HOST)
    def add(self, host: str, other: str, adopt: bool) -> None:
        options = [word for name in {host, other} for word in self.option_for(name)]
        self.change("plugin", "add", *options, *(["--adopt"] if adopt else []))

    @rule(host=HOST, adopt=st.booleans(), fallback=st.booleans())
    def add_mirrors(self, host: str, adopt: bool, fallback: bool) -> None:
        options = [
            "--mirror",
            f"{host}=https://m.corp/hub",
            "--mirror",
            f"{host}=http://n.corp",
        ]
        options += [] if fallback else ["--no-fallback"]
        self.change("enable", *options, *(["--adopt"] if adopt else []))

    @rule(
        host=st.sampled_from(["a.corp", "docker.io"]),
        password=st.sampled_from(PASSWORDS),
    )
    def log_in(self, host: str, password: str) -> None:
        self.node.extra_environment["REG_PASS"] = password
        login = ["--username", "ann", "--password-env", "REG_PASS"]
        self.change("plugin", "add", "--registry", host, *login)

    @rule(host=st.sampled_from(["a.corp", "docker.io"]))
    def log_out(self, host: str) -> None:
        self.change("plugin", "add", "--registry", host, "--no-credentials")

    @rule(hosts=st.lists(HOST, min_size=1, max_size=2, unique=True))
    def remove(self, hosts: List[str]) -> None:
        options = [word for host in hosts for word in ("--registry", host)]
        ok(self.change("plugin", "remove", *options))

    @rule(adopt=st.booleans())
    def apply(self, adopt: bool) -> None:
        self.change("plugin", "apply", *(["--adopt"] if adopt else []))

    @rule(host=HOST)
    def dry_run(self, host: str) -> None:
        before = self.node.tree()
        self.node.run("enable", *self.option_for(host), "--dry-run")
        assert self.node.tree() == before

    @rule()
    def disable(self) -> None:
        ok(self.change("disable"))
        self.check_all_is_back()

    # --- people -----------------------------------------------------------------------

    @rule(host=HOST, content=CONTENT, mode=MODE)
    def write_by_hand(self, host: str, content: bytes, mode: int) -> None:
        path = path_of(self.node, host)
        if not path.parent.exists():
            self.expected.directories.add(host)
        self.node.write(f"args/certs.d/{host}/hosts.toml", content, mode)
        self.expected.files[host] = File(content, mode)

    @rule(host=HOST)
    def delete_by_hand(self, host: str) -> None:
        if not path_of(self.node, host).exists():
            return
        path_of(self.node, host).unlink()
        try:
            original = recorded_original(self.node, host)
        except KeyError:
            self.expected.files[host] = None
            return
        kept = self.node.data / "private-registry-config" / "originals" / str(original)
        self.expected.files[host] = (
            File(kept.read_bytes(), kept.stat().st_mode & 0o777) if original else None
        )

    @rule(host=HOST, mode=MODE)
    def chmod_by_hand(self, host: str, mode: int) -> None:
        path = path_of(self.node, host)
        before = present(self.node, host)
        if before is None:
            return
        path.chmod(mode)
        if before == self.expected.files[host]:
            self.expected.files[host] = File(before.content, mode)

    @rule(name=st.sampled_from("abc"))
    def add_to_the_template_by_hand(self, name: str) -> None:
        text = f"# by hand\n[proxy_plugins.{name}]\n  address = '/x'\n".encode()
        if text in self.expected.template.content:
            return
        mode = self.node.template.stat().st_mode
        self.node.template.write_bytes(self.node.template.read_bytes() + text)
        self.node.template.chmod(mode)
        before = self.expected.template
        self.expected.template = before._replace(content=before.content + text)

    @rule()
    def configure_hook(self) -> None:
        self.node.template.chmod(0o660)

    # --- snapd ------------------------------------------------------------------------

    @rule()
    def refresh_the_snap(self) -> None:
        self.older.append(copy.deepcopy(self.expected))
        for result in refresh(self.node):
            assert result.exit_code in (0, 3), result
        self.note_directories()

    @precondition(lambda self: self.older)
    @rule()
    def revert_the_snap(self) -> None:
        shutil.rmtree(str(self.node.data))
        revert(self.node)
        self.expected = self.older.pop()

    # --- the end ----------------------------------------------------------------------

    def teardown(self) -> None:
        ok(self.change("disable"))
        self.check_all_is_back()
        before = self.node.tree()
        ok(self.node.run("disable"))
        assert self.node.tree() == before
        shutil.rmtree(str(self.work))

    def check_all_is_back(self) -> None:
        for host in HOSTS:
            assert present(self.node, host) == self.expected.files[host], host
        directories = {path.name for path in self.node.certs_d.iterdir()}
        stock = {"docker.io", "localhost:32000"}
        assert directories == stock | self.expected.directories
        assert self.tree_without_certs_d() == self.data
        assert Expected(self.node).template == self.expected.template
        assert not any(
            password.encode() in self.all_content() for password in PASSWORDS
        )
        assert self.common_tree() == self.common

    def change(self, *command: str) -> Result:
        before = self.node.tree()
        result = self.node.run(*command)
        assert result.exit_code in (0, 3), result
        if result.exit_code == 3:
            assert self.node.tree() == before, result
        self.note_directories()
        return result

    def note_directories(self) -> None:
        """A directory that is left with somebody's own file in it is theirs from
        then on.
        """
        for host in HOSTS:
            try:
                recorded_original(self.node, host)
            except KeyError:
                if path_of(self.node, host).exists():
                    self.expected.directories.add(host)

    @staticmethod
    def option_for(host: str) -> List[str]:
        if host == "docker.io":
            return ["--mirror", "docker.io=https://harbor.corp/proxy"]
        return ["--insecure", host] if host[0].isdigit() else ["--registry", host]

    def common_tree(self) -> Dict[str, object]:
        tree = self.node.tree()
        return {path: entry for path, entry in tree.items() if "/common" in path}

    def tree_without_certs_d(self) -> Dict[str, object]:
        base = f"{self.node.data.relative_to(self.node.root)}/"
        tree = self.node.tree()
        return {
            path[len(base) :]: entry
            for path, entry in tree.items()
            if path.startswith(base)
            and "certs.d/" not in path
            and not path.endswith("containerd-template.toml")
        }

    def all_content(self) -> bytes:
        """Join all files of this revision and of SNAP_COMMON."""
        roots = (str(self.node.data.relative_to(self.node.root)), "/common")
        tree = self.node.tree()
        return b"\0".join(
            entry[1]
            for path, entry in tree.items()
            if any(root in path for root in roots)
        )


TestHistories = Histories.TestCase
TestHistories.settings = settings(
    max_examples=strategies.examples(40),
    stateful_step_count=20,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
