"""Programs built of Go modules, where they can be had in no other way."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from registry_harness.errors import MissingPartError

# Without optimizing Go compiles in two thirds of the time, and no test waits for these
# programs.
QUICKLY = "-gcflags=all=-N -l -dwarf=false"


def can_build() -> bool:
    """Whether there is a Go."""
    return shutil.which("go") is not None


def linked_with(values: Mapping[str, str]) -> str:
    """Return the option that leaves debugging out and sets variables.

    Args:
        values: by the variable's name, with its package in front.
    """
    stamps = (f"-X={name}={value}" for name, value in values.items())
    return f"-ldflags={' '.join(('-s', '-w', *stamps))}"


def go(work: Path, *words: str, programs: Path | None = None) -> str:
    """Run Go in a directory and return what it prints.

    Args:
        work: the directory.
        words: its arguments.
        programs: where ``go install`` puts what it builds.

    Raises:
        MissingPartError: it fails; with its words.
    """
    # Compilers that collect less garbage take a quarter less of the processor's time.
    own = {"CGO_ENABLED": "0", "GOWORK": "off", "GOGC": "400"}
    if programs is not None:
        own["GOBIN"] = str(programs)
    done = subprocess.run(
        ["go", *words],
        cwd=work,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise MissingPartError(f"go {words[0]} failed: {done.stderr.strip()[-600:]}")
    return done.stdout
