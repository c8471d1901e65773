"""distribution, the registry: the versions that the harness has, and where they come
from.
"""

from __future__ import annotations

import re
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from registry_harness.errors import MissingPartError
from registry_harness.machine import downloads
from registry_harness.machine.go_modules import QUICKLY, can_build, go, linked_with
from registry_harness.machine.packages import (
    PackageSource,
    cache_directory,
    fetching,
    os_release,
)

PROGRAM = "registry"
_PLACE = (
    "https://github.com/distribution/distribution/releases/download/v{version}/"
    "registry_{version}_linux_{architecture}.tar.gz"
)
_PACKAGE = "docker-registry"
_MODULE = "github.com/distribution/distribution/v3"
# Its own main program has the storage of three clouds besides, which is half of what is
# compiled.
_MAIN = f"""package main

import (
	"os"

	"{_MODULE}/registry"
	_ "{_MODULE}/registry/auth/htpasswd"
	_ "{_MODULE}/registry/auth/token"
	_ "{_MODULE}/registry/proxy"
	_ "{_MODULE}/registry/storage/driver/filesystem"
)

func main() {{
	if registry.RootCmd.Execute() != nil {{
		os.Exit(1)
	}}
}}
"""


@dataclass(frozen=True)
class Distribution:
    """A version of distribution.

    Args:
        series: what it is called by: the numbers that all its releases have in common.
        newest: its newest release.
        image: name of the official image.
        configuration: where that image has its configuration.
    """

    series: str
    newest: str
    image: str
    configuration: str

    def has(self, version: str) -> bool:
        """Whether it is the one that a release, or a package of it, belongs to."""
        return version.startswith(f"{self.series}.")


DISTRIBUTIONS = {
    each.series: each
    for each in (
        # What MicroK8s' own registry runs.
        Distribution("2.8", "2.8.3", "registry:2", "/etc/docker/registry/config.yml"),
        Distribution("3", "3.1.2", "registry:3", "/etc/distribution/config.yml"),
    )
}
DEFAULT = "3"


@dataclass(frozen=True)
class RegistryProgram:
    """distribution's program.

    Args:
        version: such as ``3.1.2``, or a package's.
        binary: its path.
    """

    version: str
    binary: Path


def provide_program(
    distribution: Distribution, say: Callable[[str], None]
) -> RegistryProgram:
    """Return the program from the cache, else downloaded, else by the only way that is
    left.

    Downloaded it is from distribution's own place, with its checksum. Else 2.8 comes
    from this machine's packages, and 3, which no package has, is built of Go modules.
    See fetching.

    Args:
        distribution: which version.
        say: is given a line of progress before each slow step.

    Raises:
        MissingPartError: it cannot be had.
        StartError: what was downloaded is not what it should be.
    """
    found = _cached(distribution)
    if found is None:
        work = _cache() / "unfinished"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir()
        work.rename(_cache() / _fetch(distribution, work, say))
        found = _cached(distribution)
    if found is None:
        raise MissingPartError(
            f"what was fetched is no distribution {distribution.series}"
        )
    return found


def _cached(distribution: Distribution) -> RegistryProgram | None:
    found = [
        RegistryProgram(each.name, each / PROGRAM)
        for each in _cache().iterdir()
        if distribution.has(each.name) and (each / PROGRAM).is_file()
    ]
    return max(found, key=lambda each: numbers_of(each.version), default=None)


def numbers_of(version: str) -> list[int]:
    """Return all numbers in a version's text, for comparing it with others."""
    return [int(each) for each in re.findall(r"\d+", version)]


def _cache() -> Path:
    directory = cache_directory() / "distribution"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _fetch(distribution: Distribution, work: Path, say: Callable[[str], None]) -> str:
    """Put the program into an empty directory and return its version."""
    version = distribution.newest
    say(f"downloading distribution {version}")
    if _download(version, work):
        return version
    if distribution.series == "2.8":
        say(f"it cannot be had; fetching the package {_PACKAGE}")
        return _unpack(distribution, work)
    if not can_build():
        raise MissingPartError(
            f"distribution {version} cannot be downloaded, and there is no Go to build"
            " it with"
        )
    say(
        f"it cannot be had; building distribution {version} of its Go modules: some"
        " minutes"
    )
    _build(version, work)
    return version


def _download(version: str, work: Path) -> bool:
    place = _PLACE.format(version=version, architecture=downloads.architecture())
    archive = work / "archive"
    if not downloads.download(place, f"{place}.sha256", archive):
        return False
    with tarfile.open(archive) as opened:
        opened.extract(PROGRAM, work)
    archive.unlink()
    return True


def _unpack(distribution: Distribution, work: Path) -> str:
    source = PackageSource((os_release().get("VERSION_CODENAME", ""),))
    with fetching():
        source.update()
        packages = [
            each for each in source.versions(_PACKAGE) if distribution.has(each.version)
        ]
        if not packages:
            raise MissingPartError(
                f"distribution {distribution.series} cannot be downloaded, and this"
                f" machine's packages have no {_PACKAGE} of that version"
            )
        source.unpack(packages[0], work / "package")
    (work / f"package/usr/bin/{_PACKAGE}").rename(work / PROGRAM)
    shutil.rmtree(work / "package")
    return packages[0].version


def _build(version: str, target: Path) -> None:
    work = target / "module"
    work.mkdir()
    (work / "main.go").write_text(_MAIN, encoding="utf-8")
    go(work, "mod", "init", PROGRAM)
    go(work, "get", f"{_MODULE}/registry@v{version}")
    flags = ("-mod=mod", QUICKLY, linked_with({}))
    go(work, "build", *flags, "-o", str(target / PROGRAM), ".")
    shutil.rmtree(work)
