"""The newest Docker engine that this machine's packages have, beside the one that is
installed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from registry_harness.containerd.releases import SUITES
from registry_harness.errors import MissingPartError
from registry_harness.machine.packages import (
    PackageSource,
    cache_directory,
    fetching,
    os_release,
)

_PACKAGE = "docker.io"
_PROGRAMS = ("usr/sbin/dockerd", "usr/bin/dockerd")


def fetch_newest_engine(say: Callable[[str], None]) -> Path:
    """Return the path of a dockerd, fetched and unpacked where it is not here yet.

    Args:
        say: is given a line of progress now and then.

    Raises:
        MissingPartError: the machine's packages have none.
    """
    with fetching():
        found = _cached() or _fetched(say)
    if found is None:
        raise MissingPartError(
            f"no suite of this machine's packages has {_PACKAGE}",
            "see whether apt-get update works",
        )
    return found


def _cached() -> Path | None:
    found = [
        each / program for each in sorted(_cache().iterdir()) for program in _PROGRAMS
    ]
    return next((each for each in found if each.is_file()), None)


def _fetched(say: Callable[[str], None]) -> Path | None:
    source = PackageSource(SUITES.get(os_release().get("ID", ""), ()))
    source.update()
    newest = next(iter(source.versions(_PACKAGE)), None)
    if newest is not None:
        say(f"fetching {_PACKAGE} {newest.version}")
        source.unpack(newest, _cache() / newest.version)
    return _cached()


def _cache() -> Path:
    directory = cache_directory() / "docker"
    directory.mkdir(parents=True, exist_ok=True)
    return directory
