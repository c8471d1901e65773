"""Kubernetes' programs: those that are here, that can be downloaded, or that can be
built.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from registry_harness.errors import MissingPartError
from registry_harness.kubernetes.building import build
from registry_harness.kubernetes.downloading import download
from registry_harness.machine.go_modules import can_build
from registry_harness.machine.packages import (
    PackageSource,
    cache_directory,
    fetching,
    os_release,
)

NEWEST = "1.36.3"
# Its kubelets give every pod the images that are there; from 1.35 on they ask who
# pulled them.
OLDER = "1.32.9"
PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet")
_VARIABLE = "REGISTRY_HARNESS_KUBERNETES"
# What they need beside them: the package that has it, and where in it.
BESIDE = {
    "etcd": ("etcd-server", "usr/bin/etcd"),
    "bridge": ("containernetworking-plugins", "usr/lib/cni/bridge"),
    "busybox": ("busybox-static", "bin/busybox"),
}
_ELSEWHERE = {"bridge": (Path("/opt/cni/bin/bridge"), Path("/usr/lib/cni/bridge"))}


@dataclass(frozen=True)
class KubernetesRelease:
    """Kubernetes' programs.

    Args:
        version: such as ``1.36.3``.
        directory: holds PROGRAMS.
        beside: what else is needed, by name: ``etcd``, ``bridge``, ``busybox``.
    """

    version: str
    directory: Path
    beside: dict[str, Path]

    def program(self, name: str) -> Path:
        """Return the path of a program."""
        return self.beside.get(name, self.directory / name)

    @property
    def is_older(self) -> bool:
        """Whether its minor version is OLDER's or below."""
        return _is_older(self.version)

    @property
    def directories(self) -> set[Path]:
        """All directories that hold programs of it."""
        return {self.directory, *(each.parent for each in self.beside.values())}

    @property
    def cni(self) -> Path:
        """The directory with the plugins of the pods' network."""
        return self.beside["bridge"].parent


def fetch_kubernetes(
    say: Callable[[str], None], *, older: bool = False
) -> KubernetesRelease:
    """Return the newest Kubernetes that is here.

    Where there is none, fetch or build it.

    Looked for in the environment's REGISTRY_HARNESS_KUBERNETES (a colon list of
    directories), in the cache, on PATH; then downloaded from Kubernetes' own place,
    with its checksums; then built of Go modules.

    Args:
        say: is given a line of progress now and then.
        older: one of OLDER's minor version or below, else one above it.

    Raises:
        MissingPartError: it cannot be had.
    """
    with fetching("kubernetes"):
        found = _found(older=older) or _fetched(OLDER if older else NEWEST, say)
    with fetching():
        beside = {name: _beside(name, say) for name in BESIDE}
    return KubernetesRelease(_version(found), found, beside)


def find_kubernetes() -> KubernetesRelease | None:
    """Return the newest Kubernetes that is here with all that it needs.

    None where there is none.

    Raises:
        MissingPartError: REGISTRY_HARNESS_KUBERNETES names what is none.
    """
    found = _found(older=False)
    beside = {name: _beside_here(name) for name in BESIDE}
    here = {name: path for name, path in beside.items() if path is not None}
    if found is None or here != beside:
        return None
    return KubernetesRelease(_version(found), found, here)


def _found(*, older: bool) -> Path | None:
    named = [Path(each) for each in os.environ.get(_VARIABLE, "").split(":") if each]
    for each in named:
        if not _is_whole(each):
            raise MissingPartError(
                f"{each} of {_VARIABLE} does not hold {', '.join(PROGRAMS)}",
                f"unset {_VARIABLE}",
            )
    if named and not older:
        return named[0]
    on_path = shutil.which(PROGRAMS[0])
    others = [*_by_version(_cache()), *([Path(on_path).parent] if on_path else [])]
    candidates = (each for each in [*named, *others] if _is_whole(each))
    return next(
        (each for each in candidates if _is_older(_version(each)) == older), None
    )


def _is_older(version: str) -> bool:
    return _numbers(version)[:2] <= _numbers(OLDER)[:2]


def _numbers(version: str) -> list[int]:
    return [int(part) for part in version.split(".")]


def _fetched(version: str, say: Callable[[str], None]) -> Path:
    target = _cache() / version
    work = _cache() / "unfinished"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    say(f"downloading Kubernetes {version}")
    if not download(version, PROGRAMS, work):
        if not can_build():
            raise MissingPartError(
                "there is no Kubernetes here, none can be downloaded, and there is no"
                " Go to build it with",
                f"{_VARIABLE}=DIRECTORY names one that holds {', '.join(PROGRAMS)}",
            )
        say(
            f"it cannot be had; building Kubernetes {version} of its Go modules: some"
            " minutes"
        )
        build(version, PROGRAMS, work, say)
    work.rename(target)
    return target


def _beside_here(name: str) -> Path | None:
    package, inside = BESIDE[name]
    on_path = shutil.which(name) if name == "etcd" else None
    unpacked = cache_directory() / package / inside
    candidates = [
        *([Path(on_path)] if on_path else []),
        *_ELSEWHERE.get(name, ()),
        unpacked,
    ]
    return next((each for each in candidates if each.is_file()), None)


def _beside(name: str, say: Callable[[str], None]) -> Path:
    here = _beside_here(name)
    if here is not None:
        return here
    package, inside = BESIDE[name]
    source = PackageSource((os_release().get("VERSION_CODENAME", ""),))
    source.update()
    versions = source.versions(package)
    if not versions:
        raise MissingPartError(
            f"the machine's packages have no {package}", f"install {name}"
        )
    say(f"fetching {package} {versions[0].version}")
    source.unpack(versions[0], cache_directory() / package)
    return cache_directory() / package / inside


def _is_whole(directory: Path) -> bool:
    return all(os.access(directory / name, os.X_OK) for name in PROGRAMS)


def _version(directory: Path) -> str:
    command = [str(directory / "kubelet"), "--version"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    match = re.search(r"v(\d+\.\d+\.\d+)", told)
    if match is None:
        raise MissingPartError(f"{command[0]} does not say its version: {told.strip()}")
    return match[1]


def _by_version(cache: Path) -> list[Path]:
    directories = [
        each for each in cache.iterdir() if re.fullmatch(r"\d+\.\d+\.\d+", each.name)
    ]
    return sorted(directories, key=lambda each: _numbers(each.name), reverse=True)


def _cache() -> Path:
    directory = cache_directory() / "kubernetes"
    directory.mkdir(parents=True, exist_ok=True)
    return directory
