"""The containerd versions that this machine has, and those that it can fetch."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from registry_harness.errors import MissingPartError
from registry_harness.packages import PackageSource, cache_directory, fetching, os_release

SERIES = ("1.6", "1.7", "2.1")
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

    Looked for in the environment's REGISTRY_HARNESS_CONTAINERD (a colon list of binaries or of
    directories that hold one), in the cache, on PATH; the first of a series counts.
    """
    found: dict[str, ContainerdRelease] = {}
    for candidate in _candidates():
        release = _release(candidate)
        if release is not None:
            found.setdefault(release.series, release)
    return found


def fetch_releases(say: Callable[[str], None]) -> dict[str, ContainerdRelease]:
    """Return one release of every series in SERIES, fetched where it is not here yet.

    Args:
        say: is given a line of progress now and then.

    Raises:
        MissingPartError: a series cannot be had.
    """
    found = find_releases()
    if _missing(found):
        with fetching():
            _fetch(_missing(find_releases()), say)
        found = find_releases()
    for series in SERIES:
        if series not in found:
            raise MissingPartError(
                f"there is no containerd {series} here, and this machine's packages have none",
                f"{_VARIABLE}=PATH names a binary of that version",
            )
    return found


def _missing(found: dict[str, ContainerdRelease]) -> list[str]:
    return [series for series in SERIES if series not in found]


def _fetch(series: list[str], say: Callable[[str], None]) -> None:
    if not series:
        return
    source = PackageSource(SUITES.get(os_release().get("ID", ""), ()))
    say("reading package lists for containerd " + ", ".join(series))
    source.update()
    packages = source.versions("containerd")
    for each in series:
        package = next((p for p in packages if p.version.startswith(each + ".")), None)
        if package is not None:
            say(f"fetching containerd {package.version}")
            source.unpack(package, _cache() / package.version)


def _cache() -> Path:
    directory = cache_directory() / "containerd"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _candidates() -> list[Path]:
    named = [Path(each) for each in os.environ.get(_VARIABLE, "").split(":") if each]
    inside = ("containerd", "bin/containerd", "usr/bin/containerd")
    binaries = [path if path.is_file() else _first(path, inside) for path in named]
    cached = [_first(directory, inside) for directory in sorted(_cache().iterdir())]
    on_path = shutil.which("containerd")
    return [path for path in [*binaries, *cached, Path(on_path or "")] if path.is_file()]


def _first(directory: Path, names: tuple[str, ...]) -> Path:
    return next((directory / name for name in names if (directory / name).is_file()), directory)


def _release(binary: Path) -> ContainerdRelease | None:
    try:
        asked = subprocess.run([binary, "--version"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"\bv?(\d+\.\d+\.\d+)", asked.stdout)
    return ContainerdRelease(match[1], binary.resolve()) if match else None
