"""containerd from its own project: its release, or built of its Go modules."""

from __future__ import annotations

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

from registry_harness.errors import MissingPartError, StartError
from registry_harness.machine import downloads
from registry_harness.machine.go_modules import QUICKLY, can_build, go, linked_with

PROGRAMS = ("containerd", "ctr", "containerd-shim-runc-v2")
_MODULE = "github.com/containerd/containerd/v2"
_PLACE = (
    "https://github.com/containerd/containerd/releases/download/v{version}/"
    "containerd-{version}-linux-{architecture}.tar.gz"
)
# What no pull has to do with: some snapshotters, and traces.
_TAGS = "no_btrfs no_zfs no_devmapper no_tracing"


def provide(version: str, target: Path, say: Callable[[str], None]) -> None:
    """Put PROGRAMS of a version into a directory.

    Args:
        version: of containerd.
        target: an empty directory.
        say: is given a line of progress now and then.

    Raises:
        MissingPartError: they can neither be downloaded nor built.
        StartError: what was downloaded is not what it should be.
    """
    say(f"downloading containerd {version}")
    if _download(version, target):
        return
    if not can_build():
        raise MissingPartError(
            f"containerd {version} cannot be downloaded, and there is no Go to build it"
            " with"
        )
    say(
        f"it cannot be had; building containerd {version} of its Go modules: a minute"
        " or two"
    )
    programs = [f"{_MODULE}/cmd/{program}@v{version}" for program in PROGRAMS]
    stamp = linked_with({f"{_MODULE}/version.Version": f"v{version}"})
    go(target, "install", f"-tags={_TAGS}", QUICKLY, stamp, *programs, programs=target)


def _download(version: str, target: Path) -> bool:
    place = _PLACE.format(version=version, architecture=downloads.architecture())
    archive = target / "archive"
    if not downloads.download(place, f"{place}.sha256sum", archive):
        return False
    with tarfile.open(archive) as opened:
        for program in PROGRAMS:
            found = opened.extractfile(f"bin/{program}")
            if found is None:
                raise StartError(
                    f"{place} holds something else than a program {program}"
                )
            with (target / program).open("wb") as file:
                shutil.copyfileobj(found, file)
            (target / program).chmod(0o755)
    archive.unlink()
    return True
