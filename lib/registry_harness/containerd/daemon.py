"""One containerd of the harness's own, on a throwaway MicroK8s node's configuration."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from registry_harness.containerd.cri import Cri
from registry_harness.containerd.releases import ContainerdRelease
from registry_harness.containerd.template import render, without_lower_oom_scores
from registry_harness.errors import StartError
from registry_harness.machine.processes import Daemon, unmount_below
from registry_harness.machine.running import Running
from registry_harness.machine.usage import started
from registry_harness.node.microk8s_node import MicroK8sNode
from registry_harness.registries.content import image_archive

_TEMPLATE = "args/containerd-template.toml"
_RENDERED = "args/containerd.toml"
_ENVIRONMENT = "args/containerd-env"


class Containerd(Running):
    """containerd as MicroK8s starts it: configuration rendered from the template at
    each start.

    Args:
        release: which binary.
        node: whose configuration it reads, of the revision in use at each start.
        work: for its root and state.
        through: what the daemon is started through, where it runs on a machine of its
            own.
    """

    def __init__(
        self,
        release: ContainerdRelease,
        node: MicroK8sNode,
        work: Path,
        through: Sequence[str] = (),
    ) -> None:
        self.release = release
        self.starts = 0
        self._node, self._work, self._through = node, work, through
        work.mkdir(parents=True, exist_ok=True)
        self.socket = node.containerd_socket
        self._log = node.containerd_log
        self._daemon: Daemon | None = None
        self._cri: Cri | None = None

    @property
    def cri(self) -> Cri:
        """The connection to its CRI."""
        if self._cri is None:
            self._cri = Cri(str(self.socket))
        return self._cri

    def start(self, *, wait_for_cri: bool = True) -> None:
        """Render the configuration and start.

        Return when CRI answers, or just the socket.

        Raises:
            StartError: it ended, or did not answer in 30 s.
        """
        template = (self._node.data / _TEMPLATE).read_text(encoding="utf-8")
        node = self._node
        rendered = render(
            template,
            snap=str(node.as_seen(node.snap)),
            snap_data=str(node.as_seen(node.data)),
        )
        if not _may_lower_oom_score():
            rendered = without_lower_oom_scores(rendered)
        (self._node.data / _RENDERED).write_text(rendered, encoding="utf-8")
        self.starts += 1
        path = f"{self.release.binary.parent}:{os.environ['PATH']}"
        environment = {"PATH": path, **self._proxies()}
        self._daemon = Daemon(self._command(), self._log, environment, self._through)
        self._daemon.start(self.cri.is_ready if wait_for_cri else self._listens)

    def restart(self, *, wait_for_cri: bool = True) -> None:
        """Stop and start again, with the configuration rendered anew."""
        self._stop_daemon()
        self.start(wait_for_cri=wait_for_cri)

    @property
    def pid(self) -> int | None:
        """The number of its process; None where it does not run."""
        return None if self._daemon is None else self._daemon.pid

    @property
    def started(self) -> int:
        """When its process started, in the kernel's ticks; 0 where it does not run."""
        pid = None if self._daemon is None else self._daemon.program
        return 0 if pid is None else started(pid)

    def power_off(self) -> None:
        """End it at once, as with the machine that it runs on; images and containers
        stay.
        """
        self._close_cri()
        if self._daemon is not None:
            self._daemon.kill()
        shutil.rmtree(self._work / "state", ignore_errors=True)

    def stop(self) -> None:
        """Stop and remove everything but the log."""
        self._close_cri()
        self._stop_daemon()
        unmount_below(self._work)
        for name in ("root", "state"):
            shutil.rmtree(self._work / name, ignore_errors=True)

    def pull(self, reference: str) -> str:
        """Pull as the kubelet does and return the image's identifier.

        Raises:
            PullFailed: with containerd's own words.
        """
        return self.cri.pull(reference)

    def log(self) -> str:
        """Return all that it printed, over all its starts."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    def _proxies(self) -> dict[str, str]:
        """Return what args/containerd-env says, which MicroK8s sources.

        Else that there is none.
        """
        file = self._node.data / _ENVIRONMENT
        if not file.exists():
            return {"NO_PROXY": "*", "no_proxy": "*"}
        command = [
            "env",
            "-i",
            "bash",
            "-c",
            'set -a; source "$1"; env -0',
            "bash",
            str(file),
        ]
        told = subprocess.run(
            command, capture_output=True, text=True, check=True
        ).stdout
        pairs = (each.partition("=") for each in told.split("\0") if each)
        return {
            name: value for name, _, value in pairs if name.lower().endswith("_proxy")
        }

    def load(self, reference: str, busybox: Path | None = None) -> None:
        """Let it have an image under a name, without pulling it.

        Args:
            reference: the name.
            busybox: a static program, for an image that can run.

        Raises:
            StartError: it does not take it.
        """
        with tempfile.NamedTemporaryFile() as archive:
            archive.write(image_archive(reference, busybox))
            archive.flush()
            local = ["--local"] if self.release.series >= "2.0" else []
            self.ctr("images", "import", *local, archive.name)

    def ctr(self, *arguments: str, namespace: str = "k8s.io") -> str:
        """Run its ``ctr`` and return what that prints.

        Args:
            arguments: of the program.
            namespace: containerd's; that of the kubelet, unless another one is named.

        Raises:
            StartError: it failed; with its words.
        """
        program = self.release.binary.with_name("ctr")
        where = ("--address", str(self.socket), "--namespace", namespace)
        done = subprocess.run(
            [str(program), *where, *arguments],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"},
        )
        if done.returncode != 0:
            raise StartError(f"ctr {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout

    def _close_cri(self) -> None:
        if self._cri is not None:
            self._cri.close()
            self._cri = None

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            return connection.connect_ex(str(self.socket)) == 0

    def _stop_daemon(self) -> None:
        if self._daemon is not None:
            self._daemon.stop()

    def _command(self) -> list[str]:
        return [
            str(self.release.binary),
            f"--config={self._node.as_seen(self._node.data) / _RENDERED}",
            f"--root={self._work / 'root'}",
            f"--state={self._work / 'state'}",
            f"--address={self.socket}",
        ]


@cache
def _may_lower_oom_score() -> bool:
    """Whether a container can get what the kubelet asks for.

    Most sandboxes forbid it.
    """
    own = Path("/proc/self/oom_score_adj")
    before = own.read_text(encoding="utf-8")
    try:
        own.write_text(str(int(before) - 1), encoding="utf-8")
    except OSError:
        return False
    own.write_text(before, encoding="utf-8")
    return True
