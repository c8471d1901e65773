"""The only module that runs other programs: in the folder /, with few variables
passed on.
"""

from __future__ import annotations

import os
from typing import List, Optional

from private_registry.named_tuple import NamedTuple
from private_registry.node import environment_variables

TIMEOUT_SECONDS = 20


class Done(NamedTuple):
    """How a program ended."""

    exit_code: int
    stdout: str
    stderr: str


def run(
    command: List[str], *, stdin: bytes = b"", seconds: float = TIMEOUT_SECONDS
) -> Optional[Done]:
    """Run a program to its end; None where it cannot run or hangs.

    Args:
        command: a fixed program and its arguments, none of them secret.
        stdin: given to it as a file that no disk has, since containerd 2 reads
            /dev/stdin once more where it does not know a table.
        seconds: how long it may take.
    """
    import subprocess  # noqa: PLC0415 - slow to import, and most runs start no program

    try:
        with open(os.memfd_create("stdin"), "w+b") as given:
            given.write(stdin)
            given.seek(0)
            done = subprocess.run(  # noqa: S603 - a fixed program, never user input
                command,
                stdin=given,
                capture_output=True,
                timeout=seconds,
                check=False,
                cwd="/",
                env=environment_variables.of_program(command[0], os.environ),
            )
    except (OSError, subprocess.SubprocessError):
        return None
    out, err = (each.decode(errors="replace") for each in (done.stdout, done.stderr))
    return Done(done.returncode, out, err)


def output_of(command: List[str]) -> Optional[str]:
    """Run a program and return what it printed.

    None where it cannot run, fails or hangs.
    """
    done = run(command)
    return None if done is None or done.exit_code != 0 else done.stdout
