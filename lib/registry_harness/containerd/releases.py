"""The containerd versions that this machine has, and those that it can fetch."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from registry_harness.containerd.upstream import provide
from registry_harness.errors import MissingPartError
from registry_harness.machine.packages import (
    Package,
    PackageSource,
    cache_directory,
    fetching,
    os_release,
)

# Those that the distributions' packages have come first; MicroK8s 1.36 has 2.2.3.
SERIES = ("1.6", "1.7", "2.1", "2.2", "2.3", "2.4")
EDGES = (SERIES[0], SERIES[-1])
# The oldest one of version 2.
BETWEEN = "2.1"
# What is downloaded or built where no package has the series.
UPSTREAM = {"2.2": "2.2.3", "2.3": "2.3.7", "2.4": "2.4.2"}
# Only this very version will do, unless it cannot be had.
EXACT = ("2.2",)
SUITES = {
    "debian": ("bookworm", "trixie", "forky"),
    "ubuntu": ("jammy", "noble", "plucky", "questing"),
}
_VARIABLE = "REGISTRY_HARNESS_CONTAINERD"


@dataclass(frozen=True)
class ContainerdRelease:
    """A containerd binary.

    Args:
        version: such as ``1.7.24``.
        binary: its path; the shims and ``ctr`` stand beside it.
    """

    version: str
    binary: Path

    @property
    def series(self) -> str:
        """The first two numbers of the version."""
        return ".".join(self.version.split(".")[:2])


def find_releases() -> dict[str, ContainerdRelease]:
    """Return the releases that are here already, by series.

    Looked for in the environment's REGISTRY_HARNESS_CONTAINERD (a colon list of
    binaries or of directories that hold one), in the cache, on PATH; the first of a
    series counts.
    """
    found: dict[str, ContainerdRelease] = {}
    for release in [*_releases(_named()), *_releases(_cached()), *_on_path()]:
        found.setdefault(release.series, release)
    return found


def fetch_releases(
    say: Callable[[str], None], wanted: Sequence[str] = SERIES
) -> dict[str, ContainerdRelease]:
    """Return one release of every series that is wanted, fetched where it is not here
    yet.

    Fetched is a package of the distribution; where none has the series, what UPSTREAM
    says is downloaded from containerd's own place, with its checksum, or built of Go
    modules.

    Args:
        say: is given a line of progress now and then.
        wanted: series of SERIES.

    Raises:
        MissingPartError: a series cannot be had.
        StartError: what was downloaded is not what it should be.
    """
    found = find_releases()
    if any(series not in found for series in wanted):
        with fetching("containerd"):
            found = find_releases()
            _fetch([series for series in wanted if series not in found], say)
        found = find_releases()
    return {series: found[series] for series in wanted}


def _fetch(missing: list[str], say: Callable[[str], None]) -> None:
    if not missing:
        return
    source = PackageSource(SUITES.get(os_release().get("ID", ""), ()))
    say("reading package lists for containerd " + ", ".join(missing))
    try:
        with fetching():
            source.update()
            packages = source.versions("containerd")
    except MissingPartError as error:
        say(error.message)
        packages = []
    for series in missing:
        fit = [each for each in packages if each.version.startswith(f"{series}.")]
        _fetch_series(series, source, fit, say)


def _fetch_series(
    series: str, source: PackageSource, fit: list[Package], say: Callable[[str], None]
) -> None:
    """Fetch a release of a series, of which there are some packages, by the cheapest
    way.
    """
    wanted = [each for each in fit if series not in EXACT or _is_upstream(each.version)]
    if not wanted:
        try:
            _fetch_upstream(series, say)
        except MissingPartError as error:
            if not fit:
                raise MissingPartError(
                    f"there is no containerd {series} here, nor in this machine's"
                    " packages: " + error.message,
                    f"{_VARIABLE}=PATH names a binary of that version",
                ) from error
            say(f"{error.message}; another {series} stands for it")
            wanted = fit
    if wanted:
        say(f"fetching containerd {wanted[0].version}")
        with fetching():
            source.unpack(wanted[0], _cache() / wanted[0].version)


def _fetch_upstream(series: str, say: Callable[[str], None]) -> None:
    if series not in UPSTREAM:
        raise MissingPartError("containerd's own releases of it are not used")
    work = cache_directory() / "unfinished-containerd"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    provide(UPSTREAM[series], work, say)
    work.rename(_cache() / UPSTREAM[series])


def _is_upstream(version: str) -> bool:
    return _numbers(version) in UPSTREAM.values()


def _cache() -> Path:
    directory = cache_directory() / "containerd"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _named() -> list[Path]:
    named = [Path(each) for each in os.environ.get(_VARIABLE, "").split(":") if each]
    return [path if path.is_file() else _first(path) for path in named]


def _cached() -> list[Path]:
    directories = sorted(
        _cache().iterdir(), key=lambda each: not _is_upstream(each.name)
    )
    return [_first(each) for each in directories]


def _on_path() -> Iterator[ContainerdRelease]:
    """Yield the containerd on PATH, unless it is another one than the very one that
    is wanted.
    """
    for release in _releases([Path(shutil.which("containerd") or "")]):
        if release.series not in EXACT or _is_upstream(release.version):
            yield release


def _first(directory: Path) -> Path:
    inside = (
        directory / name
        for name in ("containerd", "bin/containerd", "usr/bin/containerd")
    )
    return next((each for each in inside if each.is_file()), directory)


def _releases(binaries: Iterable[Path]) -> Iterator[ContainerdRelease]:
    for binary in binaries:
        release = _release(binary) if binary.is_file() else None
        if release is not None:
            yield release


def _release(binary: Path) -> ContainerdRelease | None:
    try:
        asked = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    version = _numbers(asked.stdout)
    return ContainerdRelease(version, binary.resolve()) if version else None


def _numbers(text: str) -> str | None:
    match = re.search(r"\bv?(\d+\.\d+\.\d+)", text)
    return match[1] if match else None
