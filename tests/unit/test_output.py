"""Output that nobody takes: the exit code says what came of the work all the same."""

from __future__ import annotations

import subprocess
import sys
from typing import NamedTuple

import pytest

from unit.microk8s import ADDON, Microk8s

_DONE = "--insecure reg.example:5000"
_REFUSED = "--insecure reg.example/path"


class Case(NamedTuple):
    """A command line in a shell, and the exit code that it has to end with."""

    options: str
    exit_code: int


CASES = [
    Case(f"{_DONE} >&-", 0),
    Case(f"{_DONE} 2>&-", 0),
    Case(f"{_DONE} >&- 2>&-", 0),
    Case(f"{_DONE} >/dev/full", 4),
    Case(f"{_DONE} >/dev/full 2>&1", 4),
    Case(f"{_REFUSED} 2>&-", 2),
    Case(f"{_REFUSED} 2>/dev/full", 2),
    Case(f"{_REFUSED} >/dev/full 2>&1", 2),
    Case(f"{_DONE} | true; exit ${{PIPESTATUS[0]}}", 0),
    *(
        Case(f"--json {options} {output}", code)
        for options, code in ((_DONE, 4), (_REFUSED, 2))
        for output in (">/dev/full", ">/dev/full 2>&1", ">/dev/full 2>&-")
    ),
    Case(f"--json {_REFUSED} >&-", 2),
    Case(f"--json {_REFUSED} | true; exit ${{PIPESTATUS[0]}}", 2),
]


@pytest.mark.parametrize("case", CASES, ids=[case.options for case in CASES])
def test_the_exit_code_is_one_that_is_documented(
    microk8s: Microk8s, case: Case
) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} {ADDON}/enable {case.options}"],
        env=microk8s.environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == case.exit_code, done
    assert b"Exception" not in done.stderr, done
    assert b"is a bug" not in done.stderr, done
    assert b"Traceback" not in done.stderr, done


def test_what_could_not_be_answered_is_done_and_told(microk8s: Microk8s) -> None:
    command = f"{sys.executable} {ADDON}/enable {_DONE} >/dev/full"
    environment = microk8s.environment
    done = subprocess.run(
        ["bash", "-c", command], env=environment, capture_output=True, check=False
    )
    assert done.stderr.decode().splitlines() == [
        "error: all is done, but the answer cannot be written: no space left on device",
        "  where: standard output",
        "  do: microk8s private-registry list shows what is configured",
    ]
    assert microk8s.hosts("reg.example:5000")["server"] == "http://reg.example:5000"
