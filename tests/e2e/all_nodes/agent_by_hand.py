"""The agent's program on a node without a pod, so that it can be killed anywhere and
started again at once.
"""

from __future__ import annotations

import base64
import signal
import subprocess
import time
from contextlib import suppress

from private_registry.all_nodes.orders import Orders, to_data
from registry_harness import StartError
from registry_harness.kubernetes import api_as_account

from .together import AGENT, NAMESPACE, SECRET, Together

_SECONDS = 30
_POLL_SECONDS = 0.02
# What changes files, as Python's audit hooks tell it. The agent's thread that asks the
# API server changes none.
_PROGRAM = """
import os, runpy, signal, sys
left = int(sys.argv[1])
changing = {"os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.chmod"}
changing |= {"os.chown", "os.symlink", "os.truncate"}
def count(event, arguments):
    global left
    writes = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if event in changing or writes:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(count)
runpy.run_path(sys.argv[2], run_name="__main__")
"""
_ACCOUNT = "run/secrets/kubernetes.io/serviceaccount"
_START = 'cp -r "$0/run" / && exec "$@"'


class AgentByHand:
    """The agent's program, started and killed by hand on one node.

    The DaemonSet is gone from then on.

    Args:
        together: whose nodes; something is configured for all of them.
        number: of the node.
    """

    def __init__(self, together: Together, number: int) -> None:
        self._together, self._node = together, together.node(number)
        self._number = together.listed()["number"]
        api = together.api
        engine = api.get("configmaps", NAMESPACE, "engine") or {}
        account = api_as_account(api, NAMESPACE, AGENT)
        together.delete_daemon_sets()
        self._work = self._node.machine.work / "by-hand"
        place = self._work / _ACCOUNT
        place.mkdir(parents=True, exist_ok=True)
        (place / "token").write_text(account.token)
        (place / "ca.crt").write_text(account.ca)
        self._zip = self._work / "engine.zip"
        self._zip.write_bytes(base64.b64decode(engine["binaryData"]["engine.zip"]))

    def order(self, orders: Orders) -> None:
        """Change what all nodes are to know."""
        self._number += 1
        data = to_data(orders._replace(number=self._number))
        self._together.api.change(
            "secrets", NAMESPACE, SECRET, lambda plain: plain.update(data=data)
        )

    def run(self, kill_at: int = 0) -> bool:
        """Let it work until it has reported; return whether it was killed before.

        Args:
            kill_at: it is killed when it changes files for this time; 0 for never.

        Raises:
            StartError: it does neither.
        """
        process = subprocess.Popen(self._command(kill_at), env=self._environment())
        try:
            deadline = time.monotonic() + _SECONDS
            while process.poll() is None:
                if self._has_reported():
                    return False
                if time.monotonic() > deadline:
                    raise StartError("the agent neither ends nor reports")
                time.sleep(_POLL_SECONDS)
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()
        if process.returncode != -signal.SIGKILL:
            raise StartError(f"the agent ended with {process.returncode}")
        return True

    def _has_reported(self) -> bool:
        name = self._node.name
        return bool(self._together.reported(name).get("number") == self._number)

    def _command(self, kill_at: int) -> list[str]:
        # It ends with nsenter, which is what is killed from here.
        ends = ("setpriv", "--pdeathsig", "KILL")
        python = ("/usr/bin/python3", "-I", "-B", "-c", _PROGRAM, str(kill_at))
        program = (*ends, *python, str(self._zip))
        inside = self._node.machine.inside
        return [*inside, "sh", "-c", _START, str(self._work), *program]

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "NODE_NAME": self._node.name,
            "POD_NAME": "by-hand",
            "POD_UID": "by-hand",
            "KUBERNETES_SERVICE_HOST": "10.152.183.1",
            "KUBERNETES_SERVICE_PORT": "443",
        }
