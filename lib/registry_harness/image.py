"""The registry image: a given one, a local one, a pulled one, or one built from a package."""

from __future__ import annotations

import io
import os
import re
import subprocess
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import docker
import docker.errors

from registry_harness.errors import MissingPartError, StartError
from registry_harness.packages import Package, PackageSource, cache_directory, fetching, os_release

OFFICIAL = "registry:2"
OWN = "private-registry-config/registry"
_PACKAGE = "docker-registry"
_PULL_SECONDS = 20
_DOCKERFILE = """FROM scratch
COPY files/ /
EXPOSE 5000
ENTRYPOINT ["/usr/bin/docker-registry"]
CMD ["serve", "/etc/docker/registry/config.yml"]
"""
_CONFIGURATION = b"""version: 0.1
log: {accesslog: {disabled: false}, level: info}
storage: {filesystem: {rootdirectory: /var/lib/registry}}
http: {addr: ":5000", headers: {X-Content-Type-Options: [nosniff]}}
"""


def _silent(_line: str) -> None:
    """Say nothing."""


def registry_image(client: docker.DockerClient, say: Callable[[str], None] = _silent) -> str:
    """Return the name of an image that runs a registry (distribution 2.8).

    In this order: the environment's REGISTRY_IMAGE, an official image that is here, one that can
    be pulled in 20 s, one built from the distribution's ``docker-registry`` package.

    Args:
        client: of the Docker engine that is to have it.
        say: is given a line of progress before each slow step.

    Raises:
        MissingPartError: none can be had.
    """
    given = os.environ.get("REGISTRY_IMAGE")
    if given:
        return given
    local = _local(client)
    if local is not None:
        return local
    say(f"pulling the image {OFFICIAL}")
    if _pull(client):
        return OFFICIAL
    say(f"it cannot be had; building one of the package {_PACKAGE}")
    with fetching():
        return _local(client) or _build(client)


def _local(client: docker.DockerClient) -> str | None:
    tags = [tag for image in client.images.list() for tag in image.tags]
    own = sorted(tag for tag in tags if tag.startswith(OWN + ":"))
    return OFFICIAL if OFFICIAL in tags else own[-1] if own else None


def _pull(client: docker.DockerClient) -> bool:
    done = threading.Event()
    worked: list[bool] = []

    def pull() -> None:
        try:
            client.images.pull(OFFICIAL)
            worked.append(True)
        except (docker.errors.APIError, OSError):
            worked.clear()
        finally:
            done.set()

    threading.Thread(target=pull, daemon=True).start()
    return done.wait(_PULL_SECONDS) and bool(worked)


def _build(client: docker.DockerClient) -> str:
    codename = os_release().get("VERSION_CODENAME", "")
    source = PackageSource((codename,))
    source.update()
    packages = source.versions(_PACKAGE)
    if not packages:
        raise MissingPartError(
            f"no registry image: none given, none here, none to pull, and no package {_PACKAGE}",
            "REGISTRY_IMAGE=NAME names one",
        )
    package = packages[0]
    tag = f"{OWN}:{re.sub(r'[^A-Za-z0-9_.-]', '-', package.version)}"
    client.images.build(fileobj=_context(_files(source, package)), custom_context=True, tag=tag)
    return tag


def _files(source: PackageSource, package: Package) -> dict[str, bytes]:
    unpacked = cache_directory() / f"{package.name}-{package.version}"
    if not unpacked.is_dir():
        source.unpack(package, unpacked)
    binary = unpacked / "usr/bin/docker-registry"
    files = {"/usr/bin/docker-registry": binary.read_bytes()}
    files.update({str(path): path.read_bytes() for path in libraries_of(binary)})
    files["/etc/docker/registry/config.yml"] = _CONFIGURATION
    return files


def libraries_of(binary: Path) -> list[Path]:
    """List the libraries and the loader that a program needs.

    Raises:
        StartError: it is no program of this machine.
    """
    listed = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False)
    if "not a dynamic executable" in listed.stderr + listed.stdout:
        return []
    if listed.returncode != 0:
        raise StartError(f"ldd cannot read {binary}: {listed.stderr.strip()}")
    return [Path(match) for match in re.findall(r"(/\S+) \(0x", listed.stdout)]


def _context(files: dict[str, bytes]) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        _put(archive, "Dockerfile", _DOCKERFILE.encode(), 0o644)
        for path, content in files.items():
            _put(archive, f"files{path}", content, 0o755)
    buffer.seek(0)
    return buffer


def _put(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
