"""Ratios between the addon and what it cannot do without, measured in turn.

See scripts/bench.

Machines differ, so seconds alone say little: each measure is taken in pairs, one right
after the other, and the medians are compared.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from registry_harness import MicroK8sNode, ProgramResult

REPOSITORY = Path(__file__).resolve().parent.parent
ADDON = "private-registry-config"
LOGIN = """username = "ann"
password = "my-safe-password"
allow_plaintext_credentials = true
"""
IMPORTS = "import argparse, tomlkit"
# Each takes a twentieth of a second, of which the disk has a part that differs.
_STARTS = 15


class Measure(NamedTuple):
    """Two things that were done in turn, and how long each took.

    Args:
        name: of the first thing.
        seconds: median of the first thing's times.
        against: name of the second thing.
        against_seconds: median of the second thing's times.
    """

    name: str
    seconds: float
    against: str
    against_seconds: float

    def row(self) -> str:
        """Return the measure as a line of the table."""
        ratio = self.seconds / self.against_seconds
        return (
            f"{self.name:36}{self.seconds:8.3f} s  "
            f"{self.against:36}{self.against_seconds:8.3f} s  {ratio:6.2f}"
        )


class Bench:
    """Measures on throwaway nodes below a directory.

    Args:
        work: an empty directory.
        rounds: how often each pair is measured.
    """

    def __init__(self, work: Path, rounds: int) -> None:
        self._work = work
        self._rounds = rounds
        self._nodes = 0

    def start(self) -> Measure:
        """Compare an enable of one registry with a bare start of the same Python."""
        node = self._node()
        python = node.snap / "usr/bin/python3"
        enables, starts = [], []
        for _ in range(_STARTS):
            starts.append(_seconds(partial(node.run, python, "-c", IMPORTS)))
            enables.append(
                _seconds(partial(node.enable, "--insecure", "reg.example:5000"))
            )
            _succeeded(node.disable())
        return _measure(
            "enable, 1 registry", enables, f'python3 -c "{IMPORTS}"', starts
        )

    def write(self, count: int) -> Measure:
        """Compare an enable of many registries with writing the same files plainly."""
        file = self._registries(count)
        enables, writes = [], []
        for _ in range(self._rounds):
            node = self._node()
            enables.append(_seconds(partial(node.enable, "--file", str(file))))
            writes.append(_seconds(partial(self._write_plainly, _files(node.certs_d))))
        return _measure(
            f"enable, {count:,} registries", enables, "writing the same files", writes
        )

    def scale(
        self, many: int, few: int, what: str = "registries", keys: str = ""
    ) -> Measure:
        """Compare enables of many registries and of few, each with some more keys."""
        file_of_many, file_of_few = self._registries(many, keys), self._registries(
            few, keys
        )
        enables_of_many, enables_of_few = [], []
        for _ in range(self._rounds):
            enables_of_few.append(self._first_enable(file_of_few))
            enables_of_many.append(self._first_enable(file_of_many))
        return _measure(
            f"enable, {many:,} {what}",
            enables_of_many,
            f"enable, {few:,} {what}",
            enables_of_few,
        )

    def repeat(self, count: int) -> Measure:
        """Compare an apply that changes nothing with the first one."""
        file = self._registries(count)
        firsts, repeats = [], []
        for _ in range(self._rounds):
            node = self._node()
            firsts.append(_seconds(partial(node.enable, "--file", str(file))))
            repeats.append(_seconds(partial(node.enable, "--file", str(file))))
        return _measure(
            f"the same again, {count:,}", repeats, f"first enable, {count:,}", firsts
        )

    def _first_enable(self, file: Path) -> float:
        node = self._node()
        return _seconds(partial(node.enable, "--file", str(file)))

    def _node(self) -> MicroK8sNode:
        self._nodes += 1
        return MicroK8sNode(self._work / f"node{self._nodes}", REPOSITORY, ADDON)

    def _registries(self, count: int, keys: str = "") -> Path:
        path = self._work / f"registries-{count}.toml"
        entries = [
            f'\n[[registry]]\nhost = "reg{number}.example:5000"\ninsecure ='
            f" true\n{keys}"
            for number in range(count)
        ]
        path.write_text("version = 1\n" + "".join(entries), encoding="utf-8")
        return path

    def _write_plainly(self, files: dict[Path, bytes]) -> None:
        with tempfile.TemporaryDirectory(dir=self._work) as target:
            for path, content in files.items():
                final = Path(target) / path
                final.parent.mkdir(exist_ok=True)
                draft = final.with_suffix(".new")
                draft.write_bytes(content)
                draft.rename(final)
            os.sync()


def _files(directory: Path) -> dict[Path, bytes]:
    return {
        path.relative_to(directory): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def _seconds(act: Callable[[], ProgramResult | None]) -> float:
    begin = time.perf_counter()
    done = act()
    taken = time.perf_counter() - begin
    if done is not None:
        _succeeded(done)
    return taken


def _succeeded(done: ProgramResult) -> None:
    if done.exit_code != 0:
        raise SystemExit(f"a program of the addon failed: {done.stderr}")


def _measure(
    name: str, times: list[float], against: str, against_times: list[float]
) -> Measure:
    return Measure(
        name, statistics.median(times), against, statistics.median(against_times)
    )


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="fewer rounds, no 10,000 registries"
    )
    is_quick = parser.parse_args().quick
    with tempfile.TemporaryDirectory(prefix="bench-") as work:
        bench = Bench(Path(work), rounds=1 if is_quick else 3)
        print(f"{'':36}{'median':>10}  {'against':36}{'median':>10}   ratio")
        print(bench.start().row(), flush=True)
        print(bench.write(1000).row(), flush=True)
        print(bench.repeat(1000).row(), flush=True)
        print(bench.scale(1000, 100, "logins", LOGIN).row(), flush=True)
        if not is_quick:
            print(bench.scale(10_000, 1000).row(), flush=True)


if __name__ == "__main__":
    main()
