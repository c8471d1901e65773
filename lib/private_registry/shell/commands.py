"""The only module that runs other programs."""

from __future__ import annotations

import os
from typing import Dict, List, NamedTuple, Optional

TIMEOUT_SECONDS = 20
# What MicroK8s sets for the snap's own programs; those of the host break with it.
_SNAP_ONLY = ("LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME")


class Done(NamedTuple):
    """How a program ended."""

    exit_code: int
    stdout: str
    stderr: str


def host_environment() -> Dict[str, str]:
    """Return the environment for programs that are not the snap's own."""
    return {name: value for name, value in os.environ.items() if name not in _SNAP_ONLY}


def run(
    command: List[str],
    *,
    stdin: bytes = b"",
    environment: Optional[Dict[str, str]] = None,
    seconds: float = TIMEOUT_SECONDS,
) -> Optional[Done]:
    """Run a program to its end; None where it cannot run or hangs.

    Args:
        command: a fixed program and its arguments, none of them secret.
        stdin: given to it.
        environment: None for that of this process.
        seconds: how long it may take.
    """
    import subprocess  # noqa: PLC0415 - slow to import, and most runs start no program

    try:
        done = subprocess.run(  # noqa: S603 - a fixed program, never user input
            command,
            input=stdin,
            capture_output=True,
            timeout=seconds,
            check=False,
            env=environment,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    out, err = (each.decode(errors="replace") for each in (done.stdout, done.stderr))
    return Done(done.returncode, out, err)


def output_of(command: List[str]) -> Optional[str]:
    """Run a program and return what it printed; None where it cannot run, fails or hangs."""
    done = run(command)
    return None if done is None or done.exit_code != 0 else done.stdout
