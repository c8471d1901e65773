"""A stand-in for a running containerd on a throwaway node, with a snapctl that
restarts it.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import List

from private_registry.containerd.cri import listening
from unit.microk8s import Microk8s

DAEMON = Path(__file__).with_name("fake_containerd_daemon.py")
SECONDS = 10
RESTART = "restart microk8s.daemon-containerd"
REASON = "invalid plugin config: something is wrong"
SNAPCTL = """#!/bin/sh
echo "$@" >>'{work}/requests'
read -r old <'{work}/pid'
kill "$old"
rm -f '{work}/s' '{work}/pid'
setsid '{python}' '{program}' '{data}' '{snap}' '{work}' >/dev/null 2>>'{work}/log' &
for _ in $(seq 200); do
    [ -e '{work}/pid' ] && exit 0
    kill -0 $! 2>/dev/null || break
    sleep 0.02
done
echo "the service failed" >&2
exit 1
"""
CTR = """#!/bin/sh
printf 'ID: cri\\n'
if grep -q 'load CRI' '{data}/args/containerd.toml'; then
    printf 'Error:\\n     Code:     Unknown\\n     Message:  {reason}\\n'
fi
"""


class FakeContainerd:
    """A running containerd on a throwaway node."""

    def __init__(self, node: Microk8s) -> None:
        self._node = node
        self._work = Path(tempfile.mkdtemp(prefix="c"))
        arguments = f"--config x\n--address {self._work}/s\n"
        node.write("args/containerd", arguments)
        values = {
            "work": self._work,
            "python": sys.executable,
            "program": DAEMON,
            "data": node.data,
            "snap": node.snap,
            "reason": REASON,
        }
        node.host_program("snapctl", SNAPCTL.format(**values))
        node.host_program("journalctl", f"#!/bin/sh\ntail -n 3 '{self._work}/log'\n")
        program = node.snap / "bin" / "ctr"
        program.write_text(CTR.format(**values))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        command = [
            sys.executable,
            str(DAEMON),
            str(node.data),
            str(node.snap),
            str(self._work),
        ]
        subprocess.Popen(command, start_new_session=True).returncode = 0
        end = time.monotonic() + SECONDS
        while not (self._work / "pid").exists():
            assert time.monotonic() < end
            time.sleep(0.01)

    @property
    def requests(self) -> List[str]:
        """What snapctl was asked for."""
        path = self._work / "requests"
        return path.read_text().splitlines() if path.exists() else []

    @property
    def pid(self) -> int:
        """The number of its process."""
        return int((self._work / "pid").read_text())

    @property
    def socket(self) -> str:
        """Where it listens."""
        return str(self._work / "s")

    def restart(self) -> None:
        """Restart it as somebody else would."""
        subprocess.check_call([str(self._node.host / "snapctl"), *RESTART.split()])

    def render_no_more(self) -> None:
        """Let restarts come up with what it has now."""
        (self._work / "frozen").touch()

    def loaded(self) -> str:
        """Return what it has read."""
        return (self._node.data / "args" / "containerd.toml").read_text()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        os.kill(self.pid, signal.SIGKILL)
        (self._work / "pid").unlink()
        while listening.listener(self.socket) is not None:
            time.sleep(0.01)

    def close(self) -> None:
        """End it and remove its files."""
        if (self._work / "pid").exists():
            self.kill()
        shutil.rmtree(str(self._work))
