"""A throwaway MicroK8s node: the directories, programs and environment that an addon
meets.

No file of a MicroK8s on the same machine is read or touched. Layout as snapd and
MicroK8s' install hook make it: SNAP_DATA is a revision's own directory, ``current``
beside it points to the revision in use, SNAP_COMMON is shared.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from registry_harness.containerd.template import CERTS_D_TEMPLATE
from registry_harness.node.snapctl import PROGRAM
from registry_harness.node.snapshot import Snapshot, snapshot

FIRST_REVISION = 8000
KUBECTL = "microk8s-kubectl.wrapper"
_REPOSITORY = "harness"
_STOCK_HOSTS = {
    "docker.io": ("https://docker.io", "https://registry-1.docker.io"),
    "localhost:32000": ("http://localhost:32000", "http://localhost:32000"),
}
# What MicroK8s and its daemons write themselves, and the addon's own clone.
_NOT_COUNTED = frozenset({"args/containerd.toml", "addons", "run", "var/lib"})
# As in MicroK8s' default-args, but for the directories of the daemon's own files.
_CONTAINERD_ARGUMENTS = """--config ${SNAP_DATA}/args/containerd.toml
--address ${SNAP_COMMON}/run/containerd.sock
"""
_SUDO = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
exec env "$@"
"""
_MICROK8S = """#!/bin/sh
verb=$1 name=$2
shift
case $verb in
    enable|disable)
        shift
        exec "$SNAP_COMMON/addons/{repository}/addons/$name/$verb" "$@"
        ;;
    kubectl) exec "$SNAP/{kubectl}" "$@" ;;
    *) exec "$SNAP_COMMON/plugins/$verb" "$@" ;;
esac
"""


@dataclass(frozen=True)
class ProgramResult:
    """How a program of the addon ended."""

    exit_code: int
    stdout: str
    stderr: str


class MicroK8sNode:
    """A throwaway node below a directory of its own.

    Args:
        root: an empty directory, or one that is not there yet.
        repository: holds addons.yaml, addons/ and, where there is one, lib/; added to
            the node.
        addon: name of the addon that enable and disable are about.
        template: text of args/containerd-template.toml.
        containerd: binary that SNAP/bin/containerd points to; None for none.
        python: interpreter that the node's programs are run with.

    On a machine of its own ``through`` is put in front of the addon's programs, such as
    nsenter and its options, and ``root_as_seen`` is what they see as the root.
    """

    def __init__(
        self,
        root: Path,
        repository: Path,
        addon: str,
        template: str = CERTS_D_TEMPLATE,
        containerd: Path | None = None,
        python: str = sys.executable,
    ) -> None:
        self.root = self.root_as_seen = root
        self.revision = FIRST_REVISION
        self.snap = root / "snap/microk8s/current"
        self.snapctl_socket = root / "snapctl.sock"
        self.containerd_log = root / "containerd.log"
        self.through: tuple[str, ...] = ()
        self._addon_name = addon
        self._var = root / "var/snap/microk8s"
        self.common = self._var / "common"
        self._make_snap(python, containerd)
        self._make_data(template)
        self._make_common(repository)
        self._close_to_others()

    @property
    def data(self) -> Path:
        """SNAP_DATA: the directory of the revision in use."""
        return self._var / str(self.revision)

    def as_seen(self, path: Path) -> Path:
        """Return a path of the node as the node's own programs see it."""
        if not path.is_relative_to(self.root):
            return path
        return self.root_as_seen / path.relative_to(self.root)

    @property
    def template(self) -> Path:
        """containerd's configuration, of the revision in use."""
        return self.data / "args/containerd-template.toml"

    @property
    def containerd_socket(self) -> Path:
        """Where the node's containerd listens."""
        return self.common / "run/containerd.sock"

    @property
    def certs_d(self) -> Path:
        """The hosts.toml tree of the revision in use."""
        return self.data / "args/certs.d"

    def environment(self) -> dict[str, str]:
        """Return the environment that snapd and MicroK8s' wrappers give an addon's
        programs.
        """
        system = os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        snap = self.as_seen(self.snap)
        return {
            "HOME": str(self.root),
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            "PATH": f"{snap}/usr/bin:{snap}/bin:{snap}/usr/sbin:{system}",
            "PYTHONNOUSERSITE": "false",
            "SNAP": str(snap),
            "SNAP_DATA": str(self.as_seen(self.data)),
            "SNAP_COMMON": str(self.as_seen(self.common)),
            "SNAP_NAME": "microk8s",
            "SNAP_REVISION": str(self.revision),
            "SNAP_ARCH": "amd64" if os.uname().machine == "x86_64" else "arm64",
        }

    def enable(self, *options: str, stdin: str | None = None) -> ProgramResult:
        """Run ``microk8s enable ADDON OPTIONS``."""
        return self.run(self._addon / "enable", *options, stdin=stdin)

    def disable(self, *options: str) -> ProgramResult:
        """Run ``microk8s disable ADDON OPTIONS``."""
        return self.run(self._addon / "disable", *options)

    def plugin(
        self, command: str, *arguments: str, stdin: str | None = None
    ) -> ProgramResult:
        """Run ``microk8s COMMAND ARGUMENTS``, a command that an addon has installed."""
        return self.run(self.common / "plugins" / command, *arguments, stdin=stdin)

    def kubectl(self, *arguments: str) -> ProgramResult:
        """Run ``microk8s kubectl ARGUMENTS``.

        Only where use_kubectl has given the node one.
        """
        return self.run(self.snap / KUBECTL, *arguments)

    def run(
        self, program: Path, *arguments: str, stdin: str | None = None
    ) -> ProgramResult:
        """Run a program as MicroK8s does."""
        done = subprocess.run(
            [*self.through, str(self.as_seen(program)), *arguments],
            env=self.environment(),
            input="" if stdin is None else stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        return ProgramResult(done.returncode, done.stdout, done.stderr)

    def shell(
        self, command: str, cwd: Path, environment: Mapping[str, str] | None = None
    ) -> ProgramResult:
        """Run a command line as people paste it: it finds ``microk8s``, ``snap`` and
        ``sudo``.

        Args:
            command: for a shell.
            cwd: where the files are that it names.
            environment: added to the node's own.
        """
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            cwd=cwd,
            env={**self.environment(), **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return ProgramResult(done.returncode, done.stdout, done.stderr)

    def refresh(self) -> list[ProgramResult]:
        """Refresh the snap: SNAP_DATA is copied to a new revision, then the hooks
        run.
        """
        old = self.data
        self.revision += 1
        subprocess.run(["cp", "-a", str(old), str(self.data)], check=True)
        self._point_current()
        hooks = self.common / "hooks/post-refresh.d"
        return (
            [self.run(hook) for hook in sorted(hooks.iterdir())]
            if hooks.is_dir()
            else []
        )

    def revert(self) -> None:
        """Revert the snap to the revision before, with the data it then had."""
        self.revision -= 1
        self._point_current()

    def snapshot(self) -> Snapshot:
        """Look at all that an addon may change: SNAP_DATA and SNAP_COMMON."""
        parts = {"data": self.data, "common": self.common}
        return {
            f"{name}/{path}": entry
            for name, directory in parts.items()
            for path, entry in snapshot(directory, _NOT_COUNTED).items()
        }

    @property
    def _addon(self) -> Path:
        return self.common / "addons" / _REPOSITORY / "addons" / self._addon_name

    def _make_snap(self, python: str, containerd: Path | None) -> None:
        programs = self.snap / "usr/bin"
        binaries = self.snap / "bin"
        for directory in (programs, binaries):
            directory.mkdir(parents=True)
        # A link would make Python look for its libraries beside the link.
        _program(programs / "python3", f'#!/bin/sh\nexec "{python}" "$@"\n')
        snapctl = PROGRAM.format(python=python, socket=str(self.snapctl_socket))
        _program(programs / "snapctl", snapctl)
        # On a real node snapd carries this out, too.
        (programs / "snap").symlink_to("snapctl")
        _program(programs / "sudo", _SUDO)
        microk8s = _MICROK8S.format(repository=_REPOSITORY, kubectl=KUBECTL)
        _program(programs / "microk8s", microk8s)
        _program(
            programs / "journalctl", f'#!/bin/sh\ntail -n 20 "{self.containerd_log}"\n'
        )
        if containerd is not None:
            for name in ("containerd", "ctr"):
                (binaries / name).symlink_to(containerd.with_name(name))

    def _make_data(self, template: str) -> None:
        self.certs_d.mkdir(parents=True)
        (self.data / "var/lock").mkdir(parents=True)
        (self.data / "args/cni-network").mkdir()
        self.template.write_text(template, encoding="utf-8")
        (self.data / "args/containerd").write_text(
            _CONTAINERD_ARGUMENTS, encoding="utf-8"
        )
        for name, (server, host) in _STOCK_HOSTS.items():
            directory = self.certs_d / name
            directory.mkdir()
            text = (
                f'server = "{server}"\n\n[host."{host}"]\n  capabilities = ["pull",'
                ' "resolve"]\n'
            )
            (directory / "hosts.toml").write_text(text, encoding="utf-8")
        for path in self.data.rglob("*"):
            path.chmod(0o770 if path.is_dir() else 0o660)
        self._point_current()

    def _make_common(self, repository: Path) -> None:
        for name in ("plugins", "run", "hooks/reconcile.d", "hooks/post-refresh.d"):
            (self.common / name).mkdir(parents=True)
        clone = self.common / "addons" / _REPOSITORY
        clone.mkdir(parents=True)
        for name in ("addons", "lib"):
            if (repository / name).is_dir():
                shutil.copytree(repository / name, clone / name, ignore=_left_out)
        shutil.copy(repository / "addons.yaml", clone)

    def _close_to_others(self) -> None:
        """Let nobody else write where on a real node only root can, whatever the
        umask is.
        """
        for place in (self.snap / "usr/bin", self.snap / "bin", self.data, self.common):
            for directory in (place, *place.parents):
                if directory.is_relative_to(self.root):
                    directory.chmod(0o755)

    def _point_current(self) -> None:
        current = self._var / "current"
        current.unlink(missing_ok=True)
        current.symlink_to(str(self.revision))


def _left_out(_directory: str, names: list[str]) -> list[str]:
    """Choose what is not copied: what other Pythons have compiled, and the harness.

    What this one has compiled already, each node would compile anew.
    """
    own = f".{sys.implementation.cache_tag}.pyc"
    return [
        name
        for name in names
        if name == "registry_harness"
        or (name.endswith(".pyc") and not name.endswith(own))
    ]


def _program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
