"""Fetch and unpack the distribution's packages without installing anything.

apt runs with directories of its own, so neither the machine's package lists nor its
choice of releases changes. Where packages come from, and whose signature they bear, is
taken from the machine's own sources.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from registry_harness.errors import MissingPartError

_KEYRINGS = {
    "debian": "/usr/share/keyrings/debian-archive-keyring.gpg",
    "ubuntu": "/usr/share/keyrings/ubuntu-archive-keyring.gpg",
}
_COMPONENTS = {"debian": "main", "ubuntu": "main universe"}
_TRANSPORT = ("Acquire::http", "Acquire::https", "Acquire::Retries")
_LATER_POCKETS = {"debian": (), "ubuntu": ("-updates",)}


def cache_directory() -> Path:
    """Where fetched parts are kept between runs."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "private-registry-config"


@contextmanager
def fetching(what: str = "packages") -> Iterator[None]:
    """Let one process at a time fetch; who waited finds what the other has fetched.

    Args:
        what: is fetched; who wants something else need not wait for minutes of
            building.
    """
    directory = cache_directory()
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / f"lock-{what}").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@dataclass(frozen=True)
class Package:
    """A version of a package that a suite holds."""

    name: str
    version: str


class PackageSource:
    """Packages of one or more suites of this machine's distribution.

    Args:
        suites: names such as ``bookworm``; those that the mirror does not have are left
            out.
    """

    def __init__(self, suites: tuple[str, ...]) -> None:
        self._suites = suites
        self._root = cache_directory() / "apt"

    def versions(self, name: str) -> list[Package]:
        """Return all versions of a package that the suites hold, newest first."""
        table = self._run("apt-cache", "madison", name)
        rows = [
            [part.strip() for part in line.split("|")] for line in table.splitlines()
        ]
        return [
            Package(row[0], row[1]) for row in rows if row[2:] and "Packages" in row[2]
        ]

    def unpack(self, package: Package, target: Path) -> None:
        """Download a package and unpack it into a directory, whole or not at all.

        See fetching.
        """
        work = cache_directory() / "unpacking"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        self._run("apt-get", "download", f"{package.name}={package.version}", cwd=work)
        (archive,) = work.glob("*.deb")
        _checked(["dpkg-deb", "-x", str(archive), str(work)])
        archive.unlink()
        work.rename(target)

    def update(self) -> None:
        """Read the suites' package lists.

        Raises:
            MissingPartError: the machine has no apt, or reaches no mirror.
        """
        if shutil.which("apt-get") is None or _distribution() not in _KEYRINGS:
            raise MissingPartError("packages can only be fetched on Debian and Ubuntu")
        for directory in ("etc/apt.conf.d", "etc/preferences.d", "state/lists/partial"):
            (self._root / directory).mkdir(parents=True, exist_ok=True)
        (self._root / "cache/archives/partial").mkdir(parents=True, exist_ok=True)
        self._configuration.write_text(
            f"{_transport_settings()}"
            f'Dir::Etc "{self._root}/etc";\nDir::State "{self._root}/state";\n'
            f'Dir::Cache "{self._root}/cache";\nDir::State::status "/dev/null";\n'
            'Acquire::Languages "none";\nAPT::Sandbox::User "root";\n'
            'Acquire::Check-Valid-Until "false";\n'
        )
        (self._root / "etc/sources.list").write_text("".join(self._source_lines()))
        # A suite that the mirror does not have is an error of apt's, and none of ours.
        subprocess.run(
            ["apt-get", "update", "-q"],
            env=self._environment,
            capture_output=True,
            check=False,
        )

    def _source_lines(self) -> list[str]:
        distribution = _distribution()
        mirror = _mirror()
        options = f"[signed-by={_KEYRINGS[distribution]}]"
        return [
            f"deb {options} {mirror} {suite}{pocket} {_COMPONENTS[distribution]}\n"
            for suite in self._suites
            for pocket in ("", *_LATER_POCKETS[distribution])
        ]

    @property
    def _configuration(self) -> Path:
        return self._root / "apt.conf"

    @property
    def _environment(self) -> dict[str, str]:
        return {**os.environ, "APT_CONFIG": str(self._configuration), "LC_ALL": "C"}

    def _run(self, *command: str, cwd: Path | None = None) -> str:
        return _checked(list(command), env=self._environment, cwd=cwd)


def _checked(
    command: list[str], env: dict[str, str] | None = None, cwd: Path | None = None
) -> str:
    done = subprocess.run(
        command, env=env, cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise MissingPartError(
            f"{' '.join(command)} failed: {done.stderr.strip()[-400:]}"
        )
    return done.stdout


def _transport_settings() -> str:
    """How the machine reaches its mirrors: proxies, certificates, time limits."""
    settings = _checked(["apt-config", "dump"]).splitlines(keepends=True)
    return "".join(line for line in settings if line.startswith(_TRANSPORT))


def _distribution() -> str:
    return os_release().get("ID", "")


def os_release() -> dict[str, str]:
    """Return the fields of /etc/os-release."""
    lines = Path("/etc/os-release").read_text(encoding="utf-8").splitlines()
    fields = (line.split("=", 1) for line in lines if "=" in line)
    return {key: value.strip('"') for key, value in fields}


def _mirror() -> str:
    """Address of the mirror that the machine's own release comes from."""
    codename = os_release().get("VERSION_CODENAME", "")
    mirrors = [
        uri for uri, origin in _sources(codename, "$(ORIGIN)") if _is_ours(origin)
    ]
    # Whose lists they are is known of those that were read; a bare machine has read
    # none.
    mirrors += [
        uri
        for uri, part in _sources(codename, "$(COMPONENT)", "--no-release-info")
        if part == "main"
    ]
    if not mirrors:
        raise MissingPartError(
            "the machine's package sources name no mirror of its own release",
            "mend /etc/apt/sources.list; apt-get update",
        )
    return mirrors[0]


def _sources(codename: str, field: str, *options: str) -> list[tuple[str, str]]:
    """Return address and one more field of the machine's package sources of a
    release.
    """
    table = _checked(
        [
            "apt-get",
            "indextargets",
            *options,
            "--format",
            f"$(RELEASE) $(REPO_URI) {field}",
        ]
    )
    rows = [line.split(maxsplit=2) for line in table.splitlines()]
    return [(row[1], row[2]) for row in rows if row[0] == codename and row[2:]]


def _is_ours(origin: str) -> bool:
    return origin.lower() == _distribution()
