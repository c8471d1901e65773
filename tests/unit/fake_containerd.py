"""A stand-in for containerd: reads the template at its start, and answers as CRI does, or not.

Run as a program it is the daemon; ``FakeContainerd`` puts it on a node, with a snapctl that
restarts it. What the template says decides what it does: ``cannot = "start"`` or
``cannot = "load CRI"``.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import List

from unit.microk8s import Microk8s

SECONDS = 10
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
            "program": __file__,
            "data": node.data,
            "snap": node.snap,
            "reason": REASON,
        }
        node.host_program("snapctl", SNAPCTL.format(**values))
        node.host_program("journalctl", f"#!/bin/sh\ntail -n 3 '{self._work}/log'\n")
        program = node.snap / "bin" / "ctr"
        program.write_text(CTR.format(**values))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        command = [sys.executable, __file__, str(node.data), str(node.snap), str(self._work)]
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

    def loaded(self) -> str:
        """Return what it has read."""
        return (self._node.data / "args" / "containerd.toml").read_text()

    def kill(self) -> None:
        """End it at once, as a crash would."""
        os.kill(self.pid, signal.SIGKILL)
        (self._work / "pid").unlink()

    def close(self) -> None:
        """End it and remove its files."""
        if (self._work / "pid").exists():
            self.kill()
        shutil.rmtree(str(self._work))


def _frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


# As gRPC servers do: settings, a ping, headers, an answer in two parts, trailers.
_ANSWER = b"\x0a\x05fake1"
_GOOD = (
    _frame(4, 0, 0)
    + _frame(6, 0, 0, b"12345678")
    + _frame(1, 4, 1, b"\x88")
    + _frame(0, 0, 1, b"\0" + struct.pack(">I", len(_ANSWER)) + _ANSWER)
    + _frame(1, 5, 1, b"\x88")
)
_NO_CRI = _frame(4, 0, 0) + _frame(1, 5, 1, b"\x88")


def main(data: Path, snap: str, work: Path) -> None:
    """Be the daemon."""
    text = (data / "args" / "containerd-template.toml").read_text()
    text = text.replace("${SNAP_DATA}", str(data)).replace("${SNAP}", snap)
    (data / "args" / "containerd.toml").write_text(text)
    if 'cannot = "start"' in text:
        sys.exit("containerd: failed to load TOML: cannot start")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(work / "s"))
        server.listen(8)
        (work / "pid.new").write_text(str(os.getpid()))
        (work / "pid.new").rename(work / "pid")
        while True:
            connection, _ = server.accept()
            with connection:
                _serve(connection, _NO_CRI if 'cannot = "load CRI"' in text else _GOOD)


def _serve(connection: socket.socket, answer: bytes) -> None:
    connection.settimeout(1)
    try:
        if connection.recv(4096):
            connection.sendall(answer)
            while connection.recv(4096):
                pass
    except OSError:
        return


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
