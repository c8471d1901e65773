"""A throwaway MicroK8s tree with the addon's doors, for tests without root, snap or
network.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional
from unittest import mock

from private_registry.cli import main
from private_registry.docker import discovery
from private_registry.node import commands
from unit import safe_subset
from unit.trees import Tree, below, entry_of

ADDON = Path(__file__).resolve().parents[2] / "addons" / "private-registry-config"
TEMPLATE = """version = 2
oom_score = 0

[plugins]
  [plugins."io.containerd.grpc.v1.cri"]
    sandbox_image = "registry.k8s.io/pause:3.10"

  # 'plugins."io.containerd.grpc.v1.cri".registry' contains config related to \
the registry
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "${SNAP_DATA}/args/certs.d"
"""
STOCK = {
    "docker.io": ("https://docker.io", "https://registry-1.docker.io"),
    "localhost:32000": ("http://localhost:32000", "http://localhost:32000"),
}
STOCK_HOSTS = 'server = "{}"\n\n[host."{}"]\n  capabilities = ["pull", "resolve"]\n'
MARKER = "var/lock/private-registry-config.enabled"
PLUGIN = "plugins/private-registry"
HOOK = "hooks/post-refresh.d/50-private-registry-config"
STATE = "private-registry-config/registries.toml"


class Result(NamedTuple):
    """What a run of a door gave back."""

    exit_code: int
    stdout: str
    stderr: str


class Microk8s:
    """One node with MicroK8s' own layout and files.

    Args:
        root: an empty directory that stands for ``/``.
        revision: of the snap.
        starts_programs: whether its containerd is a process. Else a run in this process
            gets the same answers without one, which is half of its time.
    """

    def __init__(
        self, root: Path, revision: str = "8000", *, starts_programs: bool = False
    ) -> None:
        self.root = root
        self._starts_programs = starts_programs
        self.snap = root / "snap" / "microk8s" / revision
        self.snaps_data = root / "var" / "snap" / "microk8s"
        self.data = self.snaps_data / revision
        self.current = self.snaps_data / "current"
        self.common = self.snaps_data / "common"
        self.host = root / "usr" / "bin"
        self.etc_docker = root / "etc" / "docker"
        self.snap_docker = root / "var" / "snap" / "docker"
        self.processes = root / "proc"
        self.extra_environment: Dict[str, str] = {}
        for directory in (
            self.snap / "bin",
            self.certs_d,
            self.data / "var" / "lock",
            self.common / "plugins",
            self.host,
            root / "etc",
            self.processes,
        ):
            directory.mkdir(parents=True)
        self.current.symlink_to(revision)
        (self.processes / "self").symlink_to("/proc/self")
        self.template.write_text(TEMPLATE)
        self.template.chmod(0o660)
        for name, (server, host) in STOCK.items():
            self.write(
                f"args/certs.d/{name}/hosts.toml", STOCK_HOSTS.format(server, host)
            )
        for path in [root, *root.rglob("*")]:
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        # MicroK8s' configure hook; the directories of the snap itself stay as snapd
        # makes them.
        for path in [*self.data.rglob("*"), self.common / "plugins"]:
            path.chmod(0o770 if path.is_dir() else 0o660)
        for name in ("snapctl", "snap", "systemctl", "journalctl"):
            self.host_program(name, "#!/bin/sh\nexit 1\n")
        self.set_containerd_version("1.7.29")

    @property
    def certs_d(self) -> Path:
        """The hosts.toml tree of the revision that was current at first."""
        return self.data / "args" / "certs.d"

    @property
    def template(self) -> Path:
        """containerd's configuration."""
        return self.data / "args" / "containerd-template.toml"

    @property
    def state(self) -> Path:
        """The saved registries."""
        return self.common / STATE

    @property
    def environment(self) -> Dict[str, str]:
        """The variables that snapd gives to the snap's programs."""
        return {
            "SNAP": str(self.snap),
            "SNAP_DATA": str(self.data),
            "SNAP_COMMON": str(self.common),
            "SNAP_NAME": "microk8s",
            "SNAP_REVISION": self.data.name,
            # Nothing here may restart a service of the machine that the tests run on.
            "PATH": f"{self.host}:{os.environ['PATH']}",
            **self.extra_environment,
        }

    def host_program(self, name: str, text: str) -> None:
        """Put a program where the node finds it first."""
        program = self.host / name
        program.write_text(text)
        program.chmod(0o755)

    def show_process(self, number: int) -> None:
        """Let the node see a process of this machine; at first it sees none."""
        (self.processes / str(number)).symlink_to(f"/proc/{number}")

    def hide_process(self, number: int) -> None:
        """Let it see that process no more."""
        (self.processes / str(number)).unlink()

    def set_containerd_version(self, version: str) -> None:
        """Make the snap's containerd print a version; an empty one makes it fail."""
        program = self._containerd
        line = (
            "exit 1"
            if not version
            else (
                f"echo containerd github.com/containerd/containerd/v2 v{version}"
                " 0123abc"
            )
        )
        # As containerd does: what it reads it also prints.
        self._text = f'#!/bin/sh\n[ "$3" != config ] || exec cat\n{line}\n'
        self._told = f"{line[len('echo ') :]}\n" if version else None
        program.write_text(self._text)
        program.chmod(0o755)

    @property
    def _containerd(self) -> Path:
        return self.snap / "bin" / "containerd"

    @contextmanager
    def containerd_here(self) -> Iterator[None]:
        """Answer for the snap's containerd in this process, unless a test put another
        one there.
        """
        really = commands.run

        def run(command: List[str], **options: Any) -> Optional[commands.Done]:
            if command[0] != str(self._containerd) or not self._is_stand_in():
                return really(command, **options)
            if command[3:4] == ["config"]:
                return commands.Done(0, options["stdin"].decode(errors="replace"), "")
            return commands.Done(1 if self._told is None else 0, self._told or "", "")

        with mock.patch.object(commands, "run", run):
            yield

    def _is_stand_in(self) -> bool:
        try:
            is_same = self._containerd.read_text() == self._text
        except OSError:
            # Gone, or not for this user to see.
            return False
        return is_same and os.access(str(self._containerd), os.X_OK)

    def write(self, path: str, content: Any, mode: int = 0o660) -> Path:
        """Write a file below SNAP_DATA, as text or bytes, and make the directories
        above it.
        """
        target = self.data / path
        target.parent.mkdir(mode=0o770, parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        target.chmod(mode)
        return target

    def hosts(self, directory: str) -> Dict[str, Any]:
        """Parse a registry's hosts.toml, with another parser than the addon's own."""
        return safe_subset.parse((self.certs_d / directory / "hosts.toml").read_text())

    def run(
        self,
        door: str,
        *arguments: str,
        stdin: Optional[bytes] = None,
        env: Optional[Mapping[str, str]] = None,
    ) -> Result:
        """Carry out a command line in this process."""
        standard_input = io.TextIOWrapper(io.BytesIO(stdin or b""))
        out, err = io.StringIO(), io.StringIO()
        environment = {**self.environment, **(env or {})}
        with ExitStack() as around:
            around.enter_context(_variables(environment))
            around.enter_context(mock.patch("sys.stdin", standard_input))
            if not self._starts_programs:
                around.enter_context(self.containerd_here())
            for name, value in self._docker.items():
                around.enter_context(mock.patch.object(discovery, name, value))
            around.enter_context(redirect_stdout(out))
            around.enter_context(redirect_stderr(err))
            exit_code = main.run(door, str(ADDON / door), arguments)
        return Result(exit_code, out.getvalue(), err.getvalue())

    @property
    def _docker(self) -> Dict[str, Any]:
        """Where this machine's own Docker engine is not looked for."""
        return {
            "ETC_DOCKER": str(self.etc_docker),
            "SNAP_DOCKER": str(self.snap_docker),
            "PROCESSES": str(self.processes),
            "PROGRAMS": (str(self.host / "dockerd"),),
        }

    def program(
        self,
        door: str,
        *arguments: str,
        stdin: Optional[bytes] = None,
        env: Optional[Mapping[str, str]] = None,
    ) -> Result:
        """Run one of the addon's programs as MicroK8s does."""
        done = subprocess.run(
            [sys.executable, str(ADDON / door), *arguments],
            input=stdin or b"",
            capture_output=True,
            env={**os.environ, **self.environment, **(env or {})},
            timeout=60,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def tree(self) -> Tree:
        """Snapshot all that may change: kind, content, mode, owner of everything."""
        parts = (
            self.snaps_data,
            self.snap_docker,
            self.root / "etc",
            self.root / "home",
        )
        above = len(str(self.root)) + 1
        return {
            path[above:]: entry_of(path) for part in parts for path in below(str(part))
        }


@contextmanager
def _variables(given: Mapping[str, str]) -> Iterator[None]:
    """Have variables during the block; mock would set all others anew, too."""
    before = {name: os.environ.get(name) for name in given}
    try:
        os.environ.update(given)
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def ok(result: Result) -> Result:
    """Assert that a run went well and return it."""
    assert result.exit_code == 0, result
    return result


def same_but(tree: Tree, other: Tree, *parts: str) -> bool:
    """Compare two trees, apart from paths that hold one of the parts."""
    first, second = (
        {
            path: entry
            for path, entry in each.items()
            if not any(part in path for part in parts)
        }
        for each in (tree, other)
    )
    return first == second
