"""One containerd of the harness's own, on a throwaway MicroK8s node's configuration."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from types import TracebackType

from registry_harness.containerd.cri import Cri
from registry_harness.containerd.releases import ContainerdRelease
from registry_harness.containerd.template import render
from registry_harness.processes import Daemon

_TEMPLATE = "args/containerd-template.toml"
_RENDERED = "args/containerd.toml"


class Containerd:
    """containerd as MicroK8s starts it: configuration rendered from the template at each start.

    Args:
        release: which binary.
        snap: SNAP of the node.
        snap_data: SNAP_DATA of the node, whose args it reads.
        work: for its root, state, socket and log; a short path, as sockets need.
    """

    def __init__(self, release: ContainerdRelease, snap: Path, snap_data: Path, work: Path) -> None:
        self.release = release
        self.starts = 0
        self._snap, self._snap_data, self._work = snap, snap_data, work
        work.mkdir(parents=True, exist_ok=True)
        self.socket = work / "containerd.sock"
        path = f"{release.binary.parent}:{os.environ['PATH']}"
        self._daemon = Daemon(
            [
                str(release.binary),
                f"--config={snap_data / _RENDERED}",
                f"--root={work / 'root'}",
                f"--state={work / 'state'}",
                f"--address={self.socket}",
            ],
            work / "log",
            {"PATH": path, "NO_PROXY": "*", "no_proxy": "*"},
        )
        self._cri: Cri | None = None

    @property
    def cri(self) -> Cri:
        """The connection to its CRI."""
        if self._cri is None:
            self._cri = Cri(str(self.socket))
        return self._cri

    def start(self) -> None:
        """Render the configuration and start; return when CRI answers.

        Raises:
            StartError: it ended, or CRI did not answer in 30 s.
        """
        template = (self._snap_data / _TEMPLATE).read_text(encoding="utf-8")
        rendered = render(template, snap=str(self._snap), snap_data=str(self._snap_data))
        (self._snap_data / _RENDERED).write_text(rendered, encoding="utf-8")
        self.starts += 1
        self._daemon.start(lambda: self.cri.is_ready())

    def restart(self) -> None:
        """Stop and start again, with the configuration rendered anew."""
        self._daemon.stop()
        self.start()

    def stop(self) -> None:
        """Stop and remove everything but the log."""
        if self._cri is not None:
            self._cri.close()
            self._cri = None
        self._daemon.stop()
        _unmount_below(self._work)
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
        return self._daemon.log()

    def __enter__(self) -> Containerd:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()


def _unmount_below(directory: Path) -> None:
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    targets = [line.split()[1] for line in mounts]
    for target in sorted((each for each in targets if each.startswith(f"{directory}/")), reverse=True):
        subprocess.run(["umount", "--lazy", target], check=False, capture_output=True)
