"""A stand-in for a running Docker engine beside a throwaway node."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List, Optional, Set

from private_registry.docker.api import get
from unit.microk8s import Microk8s

DAEMON = Path(__file__).with_name("fake_docker_daemon.py")
SECONDS = 10


class FakeDocker:
    """A running engine.

    Args:
        node: that it is beside.
        text: of its daemon.json; None for none.
        config: path of that file; None for the usual one.
        options: more for its command line.
    """

    def __init__(
        self,
        node: Microk8s,
        text: Optional[str] = None,
        config: Optional[Path] = None,
        options: List[str] = [],  # noqa: B006 - only read
    ) -> None:
        self._node = node
        self._work = Path(tempfile.mkdtemp(prefix="d"))
        self.config = config or node.etc_docker / "daemon.json"
        self.config.parent.mkdir(parents=True, exist_ok=True)
        if text is not None:
            self.config.write_text(text)
        # A process is named after its program.
        program = self._work / "dockerd"
        program.write_text(f"#!{sys.executable}\n{DAEMON.read_text()}")
        program.chmod(0o755)
        command = [str(program), f"--config-file={self.config}", f"--work={self._work}"]
        command += ["-H", f"unix://{self.socket}", *options]
        self.process = subprocess.Popen(command, start_new_session=True)
        end = time.monotonic() + SECONDS
        while not (self._work / "pid").exists():
            assert time.monotonic() < end
            time.sleep(0.01)
        node.show_process(self.process.pid)

    @property
    def socket(self) -> str:
        """Where its API answers."""
        return str(self._work / "s")

    @property
    def reloads(self) -> int:
        """How often it was told to reload."""
        return len((self._work / "reloads").read_text().splitlines())

    @property
    def text(self) -> Optional[str]:
        """What its daemon.json says now; None where there is none."""
        return self.config.read_text() if self.config.exists() else None

    @property
    def document(self) -> Dict[str, Any]:
        """The same, read."""
        plain = json.loads(self.text or "{}")
        assert isinstance(plain, dict)
        return plain

    def insecure(self) -> Set[str]:
        """Return the registries that it lets speak plain HTTP now."""
        indexes = self._registries()["IndexConfigs"].items()
        return {name for name, index in indexes if not index["Secure"]}

    def mirrors(self) -> List[str]:
        """Return the mirrors that it asks now."""
        return list(self._registries()["Mirrors"] or [])

    def pause(self) -> None:
        """Let it answer nothing any more."""
        self.process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        self._node.hide_process(self.process.pid)

    def close(self) -> None:
        """End it and remove its files."""
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(str(self._work))

    def _registries(self) -> Dict[str, Any]:
        info = get(self.socket, "/info", SECONDS)
        assert info is not None
        found = info["RegistryConfig"]
        assert isinstance(found, dict)
        return found
