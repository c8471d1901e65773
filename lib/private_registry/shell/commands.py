"""The only module that runs other programs."""

from __future__ import annotations

from typing import Dict, List, Optional

TIMEOUT_SECONDS = 20


def output_of(command: List[str], environment: Optional[Dict[str, str]] = None) -> Optional[str]:
    """Run a program and return what it printed; None where it cannot run, fails or hangs."""
    import subprocess  # noqa: PLC0415 - slow to import, and most runs start no program

    try:
        done = subprocess.run(  # noqa: S603 - a fixed program of the snap, never user input
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=TIMEOUT_SECONDS,
            check=True,
            env=environment,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode(errors="replace")
