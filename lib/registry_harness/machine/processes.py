"""Start and stop daemons of the harness's own.

None outlives the process that started it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from registry_harness.errors import StartError

_STOP_SECONDS = 15
_POLL_SECONDS = 0.02

# A daemon of Go that lives for some tests need not look again and again for memory that
# it could give back: of an API server's start that takes a sixth.
_SELDOM_COLLECTING = {"GOGC": "400"}


class Daemon:
    """One daemon, with its log in a file; it ends with the thread that started it.

    Args:
        command: program and arguments.
        log: where its output goes.
        environment: added to this process's own.
        through: put in front of the command, where that starts it as a child and waits
            for it.
    """

    def __init__(
        self,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        through: Sequence[str] = (),
    ) -> None:
        self._command = command
        self._through = through
        self._log = log
        self._environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, is_ready: Callable[[], bool], seconds: float = 30) -> None:
        """Start it and wait until it is ready.

        Raises:
            StartError: it ended, or was not ready in time; the message has its log.
        """
        with self._log.open("ab") as stream:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *self._through, *self._command],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                env={**os.environ, **_SELDOM_COLLECTING, **self._environment},
                start_new_session=True,
            )
        try:
            self._wait(self._process, is_ready, seconds)
        except BaseException:
            self.stop()
            raise

    def _wait(
        self,
        process: subprocess.Popen[bytes],
        is_ready: Callable[[], bool],
        seconds: float,
    ) -> None:
        deadline = time.monotonic() + seconds
        while not is_ready():
            if process.poll() is not None or time.monotonic() > deadline:
                raise StartError(
                    f"{self._command[0]} did not come up\n{self.log()[-4000:]}"
                )
            time.sleep(_POLL_SECONDS)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if (pid := self.program) is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def stop(self) -> None:
        """End it, gently first."""
        if self._process is None:
            return
        self.signal(signal.SIGTERM)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGKILL)
            self._process.kill()
            self._process.wait()
        self._process = None

    @property
    def pid(self) -> int | None:
        """Its process number while it runs."""
        return None if self._process is None else self._process.pid

    @property
    def program(self) -> int | None:
        """The process number of the command itself, whatever it was started through."""
        return self.child if self._through else self.pid

    @property
    def child(self) -> int | None:
        """The number of the first process that it started; None where there is none."""
        if self.pid is None:
            return None
        try:
            children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        except OSError:
            return None
        return int(children.split()[0]) if children else None

    def log(self) -> str:
        """Return all that it printed."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""


def unmount_below(directory: Path) -> None:
    """Unmount what a stopped daemon left mounted below a directory."""
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    targets = [line.split()[1] for line in mounts]
    for target in sorted(
        (each for each in targets if each.startswith(f"{directory}/")), reverse=True
    ):
        subprocess.run(["umount", "--lazy", target], check=False, capture_output=True)
