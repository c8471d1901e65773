"""Registry images: a given one, a local one, a pulled one, or one made of the
program alone.
"""

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
from registry_harness.machine.packages import fetching
from registry_harness.registries.distribution import (
    DEFAULT,
    DISTRIBUTIONS,
    Distribution,
    RegistryProgram,
    numbers_of,
    provide_program,
)

OWN = "private-registry-config/registry"
_VARIABLE = "REGISTRY_IMAGE"
_PULL_SECONDS = 20
_DOCKERFILE = """FROM scratch
COPY files/ /
EXPOSE 5000
ENTRYPOINT ["/bin/registry"]
CMD ["serve", "{configuration}"]
"""
_CONFIGURATION = b"""version: 0.1
log: {accesslog: {disabled: false}, level: info}
storage: {filesystem: {rootdirectory: /var/lib/registry}}
http: {addr: ":5000", headers: {X-Content-Type-Options: [nosniff]}}
"""


def _silent(_line: str) -> None:
    """Say nothing."""


def registry_image(
    client: docker.DockerClient,
    say: Callable[[str], None] = _silent,
    distribution: str = DEFAULT,
) -> str:
    """Return the name of an image that runs a registry.

    In this order: those of the environment's REGISTRY_IMAGE that run this version, an
    official image that is here, one that can be pulled in 20 s, one made of the program
    alone; see provide_program.

    Args:
        client: of the Docker engine that is to have it.
        say: is given a line of progress before each slow step.
        distribution: which version of distribution it runs: ``2.8`` or ``3``.

    Raises:
        MissingPartError: none can be had, or REGISTRY_IMAGE names what is none.
        StartError: what was downloaded is not what it should be.
    """
    wanted = DISTRIBUTIONS[distribution]
    here = _given(client, wanted) or _local(client, wanted)
    if here is not None:
        return here
    say(f"pulling the image {wanted.image}")
    if _pull(client, wanted.image):
        return wanted.image
    with fetching("distribution"):
        return _local(client, wanted) or _make(client, wanted, say)


def _given(client: docker.DockerClient, wanted: Distribution) -> str | None:
    for name in os.environ.get(_VARIABLE, "").replace(",", " ").split():
        if _major(client, name) == wanted.series[0]:
            return name
    return None


def _major(client: docker.DockerClient, image: str) -> str:
    """Return the first number of the version that an image's registry says it has."""
    remedy = f"{_VARIABLE}=NAME, or NAME,NAME: images of distribution 2 or 3"
    try:
        told = client.containers.run(
            image, ["--version"], remove=True, network_mode="none"
        )
    except (docker.errors.DockerException, OSError) as error:
        raise MissingPartError(
            f"{_VARIABLE}: {image} does not run: {error}", remedy
        ) from error
    match = re.search(r"\sv?(\d+)\.\d+", told.decode(errors="replace"))
    if match is None:
        raise MissingPartError(f"{_VARIABLE}: {image} does not say its version", remedy)
    return match[1]


def _local(client: docker.DockerClient, wanted: Distribution) -> str | None:
    # Without asking for each of them, which somebody may remove meanwhile.
    tags = [tag for image in client.api.images() for tag in image["RepoTags"] or ()]
    own = [tag for tag in tags if tag.startswith(f"{OWN}:{wanted.series}.")]
    return (
        wanted.image if wanted.image in tags else max(own, key=numbers_of, default=None)
    )


def _pull(client: docker.DockerClient, image: str) -> bool:
    done = threading.Event()
    worked: list[bool] = []

    def pull() -> None:
        try:
            client.images.pull(image)
            worked.append(True)
        except (docker.errors.APIError, OSError):
            worked.clear()
        finally:
            done.set()

    threading.Thread(target=pull, daemon=True).start()
    return done.wait(_PULL_SECONDS) and bool(worked)


def _make(
    client: docker.DockerClient, wanted: Distribution, say: Callable[[str], None]
) -> str:
    try:
        program = provide_program(wanted, say)
    except MissingPartError as error:
        raise MissingPartError(
            f"no registry image of distribution {wanted.series}: none given, here or to"
            " pull; " + error.message,
            f"{_VARIABLE}=NAME names one",
        ) from error
    tag = f"{OWN}:{re.sub(r'[^A-Za-z0-9_.-]', '-', program.version)}"
    files = _files(program, wanted)
    context = _context(_DOCKERFILE.format(configuration=wanted.configuration), files)
    client.images.build(fileobj=context, custom_context=True, tag=tag, rm=True)
    return tag


def _files(program: RegistryProgram, wanted: Distribution) -> dict[str, bytes]:
    files = {"/bin/registry": program.binary.read_bytes()}
    files.update(
        {str(path): path.read_bytes() for path in libraries_of(program.binary)}
    )
    files[wanted.configuration] = _CONFIGURATION
    return files


def libraries_of(binary: Path) -> list[Path]:
    """List the libraries and the loader that a program needs.

    Raises:
        StartError: it is no program of this machine.
    """
    listed = subprocess.run(
        ["ldd", str(binary)], capture_output=True, text=True, check=False
    )
    if "not a dynamic executable" in listed.stderr + listed.stdout:
        return []
    if listed.returncode != 0:
        raise StartError(f"ldd cannot read {binary}: {listed.stderr.strip()}")
    return [Path(match) for match in re.findall(r"(/\S+) \(0x", listed.stdout)]


def _context(dockerfile: str, files: dict[str, bytes]) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        _put(archive, "Dockerfile", dockerfile.encode(), 0o644)
        for path, content in files.items():
            _put(archive, f"files{path}", content, 0o755)
    buffer.seek(0)
    return buffer


def _put(archive: tarfile.TarFile, name: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))
