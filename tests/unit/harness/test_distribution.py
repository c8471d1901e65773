"""Which registry program and which image the harness takes, told by stand-ins for
their sources.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import docker
import docker.errors
import pytest

from registry_harness import MissingPartError, RegistrySpec, StartError, registry_image
from registry_harness.registries import distribution as module
from registry_harness.registries.distribution import (
    DEFAULT,
    DISTRIBUTIONS,
    provide_program,
)

OWN = "private-registry-config/registry"
NEWEST = DISTRIBUTIONS[DEFAULT].newest


def silent(_line: str) -> None:
    """Say nothing."""


def test_a_registry_is_of_a_version_that_there_is() -> None:
    assert RegistrySpec().distribution == "3"
    assert RegistrySpec(distribution="2.8").distribution == "2.8"
    with pytest.raises(ValueError, match=r"one of 2\.8, 3"):
        RegistrySpec(distribution="2")


def test_versions_are_told_apart() -> None:
    for version, series in (
        ("2.8.2+ds1-1", "2.8"),
        ("3.1.2", "3"),
        ("2.80.1", ""),
        ("30.1", ""),
    ):
        assert [each for each in DISTRIBUTIONS if DISTRIBUTIONS[each].has(version)] == [
            *([series] if series else [])
        ]


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own, on a machine that downloads from a directory,
    without Go.
    """
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    place = f"file://{tmp_path}/published/registry_{{version}}.tar.gz"
    monkeypatch.setattr(module, "_PLACE", place)
    return tmp_path / "private-registry-config/distribution"


def publish(directory: Path, checksum: str = "") -> None:
    """Lay out a release as the project publishes it."""
    directory.mkdir()
    archive = directory / f"registry_{NEWEST}.tar.gz"
    with tarfile.open(archive, "w:gz") as opened:
        for name in ("LICENSE", "registry"):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(name), 0o755
            opened.addfile(entry, io.BytesIO(name.encode()))
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    Path(f"{archive}.sha256").write_text(f"{checksum or found}\n")


def test_a_program_is_downloaded_once(cache: Path, tmp_path: Path) -> None:
    publish(tmp_path / "published")
    said: list[str] = []
    for _ in range(2):
        program = provide_program(DISTRIBUTIONS["3"], said.append)
        assert (program.version, program.binary) == (
            NEWEST,
            cache / NEWEST / "registry",
        )
    assert program.binary.read_bytes() == b"registry"
    assert said == [f"downloading distribution {NEWEST}"]
    assert [each.name for each in cache.iterdir()] == [NEWEST]


def test_what_was_changed_on_the_way_is_refused(cache: Path, tmp_path: Path) -> None:
    publish(tmp_path / "published", checksum="0" * 64)
    with pytest.raises(StartError, match="does not have the checksum"):
        provide_program(DISTRIBUTIONS["3"], silent)


def test_the_newest_in_the_cache_is_taken(cache: Path) -> None:
    for version in ("2.8.2+ds1-1", "3.1.2", "3.1.10", "unfinished"):
        (cache / version).mkdir(parents=True)
        (cache / version / "registry").touch()
    (cache / "3.2.0").mkdir()
    assert provide_program(DISTRIBUTIONS["3"], silent).version == "3.1.10"
    assert provide_program(DISTRIBUTIONS["2.8"], silent).version == "2.8.2+ds1-1"


def test_without_a_network_and_go_it_is_said(cache: Path) -> None:
    with pytest.raises(MissingPartError, match="there is no Go to build it with"):
        provide_program(DISTRIBUTIONS["3"], silent)


def engine(*tags: str, **programs: str) -> docker.DockerClient:
    """Stand in for a Docker engine that has images, and cannot pull.

    Args:
        tags: of its images.
        programs: by the name of an image what its program says of its version.
    """

    def run(image: str, _command: list[str], **_options: Any) -> bytes:
        if image not in programs:
            raise docker.errors.ImageNotFound("no such image")
        return programs[image].encode()

    images = [{"RepoTags": list(tags)}, {"RepoTags": None}]
    return cast(
        "docker.DockerClient",
        SimpleNamespace(
            api=SimpleNamespace(images=lambda: images),
            containers=SimpleNamespace(run=run),
        ),
    )


@pytest.mark.parametrize(
    ("tags", "distribution", "name"),
    [
        (("registry:2", "registry:3"), "2.8", "registry:2"),
        (("registry:2", "registry:3"), "3", "registry:3"),
        (("registry:3", f"{OWN}:3.1.2"), "3", "registry:3"),
        ((f"{OWN}:3.1.10", f"{OWN}:3.1.2", f"{OWN}:2.8.3"), "3", f"{OWN}:3.1.10"),
        (
            ("registry:3", f"{OWN}:3.1.2", f"{OWN}:2.8.2-ds1-1"),
            "2.8",
            f"{OWN}:2.8.2-ds1-1",
        ),
    ],
)
def test_an_image_that_is_here_is_taken(
    tags: tuple[str, ...], distribution: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REGISTRY_IMAGE", raising=False)
    assert registry_image(engine(*tags), distribution=distribution) == name


def test_given_images_are_those_of_the_version_that_they_say(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = engine(
        "registry:2",
        "registry:3",
        old="registry github.com/docker/distribution 2.7.1\n",
        new="/bin/registry github.com/distribution/distribution/v3 v3.1.2+unknown\n",
        odd="usage: odd",
    )
    for given, expected in {
        "old": ["old", "registry:3"],
        "new": ["registry:2", "new"],
        "new,old": ["old", "new"],
    }.items():
        monkeypatch.setenv("REGISTRY_IMAGE", given)
        assert [
            registry_image(client, distribution=each) for each in ("2.8", "3")
        ] == expected
    for given, words in {
        "odd": "does not say its version",
        "gone": "gone does not run",
    }.items():
        monkeypatch.setenv("REGISTRY_IMAGE", given)
        with pytest.raises(MissingPartError, match=words):
            registry_image(client)
