"""Which containerd stands for a series, and where it comes from: told by stand-ins."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from registry_harness import MissingPartError
from registry_harness.containerd import releases, upstream
from registry_harness.containerd.releases import SERIES, fetch_releases, find_releases
from registry_harness.errors import StartError
from registry_harness.machine.packages import Package

VARIABLE = "REGISTRY_HARNESS_CONTAINERD"
OTHERS = ("1.6.20", "1.7.24", "2.1.9", "2.3.7", "2.4.2")
GO = """#!/bin/sh
echo "$*" >"$GOBIN/asked"
for word in "$@"; do
    case $word in
    */cmd/*) name=${word##*/} name=${name%%@*}
        printf '#!/bin/sh\\necho %s v%s\\n' "$name" "${word##*@v}" >"$GOBIN/$name"
        chmod +x "$GOBIN/$name" ;;
    esac
done
"""


def program(version: str) -> bytes:
    return f"#!/bin/sh\necho containerd v{version}\n".encode()


def put(directory: Path, version: str) -> Path:
    """Put a containerd into a directory; return it."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "containerd").write_bytes(program(version))
    (directory / "containerd").chmod(0o755)
    return directory / "containerd"


class Packages:
    """Stands where the distribution's packages stand."""

    versions_there: tuple[str, ...] = ()
    is_missing = False

    def __init__(self, suites: tuple[str, ...]) -> None:
        self.suites = suites

    def update(self) -> None:
        if self.is_missing:
            raise MissingPartError("packages can only be fetched on Debian and Ubuntu")

    def versions(self, name: str) -> list[Package]:
        return [Package(name, each) for each in self.versions_there]

    def unpack(self, package: Package, target: Path) -> None:
        put(target / "usr/bin", package.version.partition("+")[0])


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own, on a machine without containerd, Go, packages and
    network.
    """
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(releases, "PackageSource", Packages)
    monkeypatch.setattr(releases, "_on_path", lambda: iter(()))
    monkeypatch.setattr(upstream, "_PLACE", f"file://{tmp_path}/published-{{version}}")
    monkeypatch.setattr(upstream, "can_build", lambda: False)
    return tmp_path / "private-registry-config/containerd"


def fill(cache: Path, *versions: str) -> None:
    for version in versions:
        put(cache / version, version)


def publish(folder: Path, version: str, checksum: str = "") -> None:
    """Publish a release as containerd does."""
    with tarfile.open(folder / f"published-{version}", "w:gz") as archive:
        for name in (
            "bin/containerd-stress",
            *(f"bin/{each}" for each in upstream.PROGRAMS),
        ):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(program(version)), 0o755
            archive.addfile(entry, io.BytesIO(program(version)))
    found = hashlib.sha256((folder / f"published-{version}").read_bytes()).hexdigest()
    words = f"{checksum or found}  containerd-{version}-linux-amd64.tar.gz\n"
    (folder / f"published-{version}.sha256sum").write_text(words)


# --- what is here ---------------------------------------------------------------------


def test_what_is_named_comes_first(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(cache, "2.2.3", "2.1.9")
    put(tmp_path / "own/usr/bin", "2.2.1")
    monkeypatch.setenv(VARIABLE, f"{tmp_path}/own:{put(tmp_path / 'x', '2.4.9')}")
    found = {series: each.version for series, each in find_releases().items()}
    assert found == {"2.2": "2.2.1", "2.4": "2.4.9", "2.1": "2.1.9"}


def test_of_those_in_the_cache_the_very_one_comes_first(cache: Path) -> None:
    fill(cache, "2.2.10", "2.2.3", "2.2.4")
    assert find_releases()["2.2"].version == "2.2.3"


@pytest.mark.parametrize(
    ("version", "counts"), [("2.2.3", True), ("2.2.4", False), ("2.3.1", True)]
)
def test_another_version_on_path_is_not_the_very_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, counts: bool
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{put(tmp_path / 'bin', version).parent}:/usr/bin:/bin")
    monkeypatch.delenv(VARIABLE, raising=False)
    assert [each.version for each in find_releases().values()] == [version] * counts


# --- what is fetched ------------------------------------------------------------------


def test_what_is_here_is_not_fetched(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(cache, *OTHERS, "2.2.3")
    monkeypatch.setattr(releases, "_fetch", None)
    assert tuple(sorted(fetch_releases(print))) == SERIES


@pytest.mark.parametrize(
    ("there", "fetched"),
    [
        (("2.3.1+ds1-1", "2.2.4+ds1-1"), "2.2.3"),
        (("2.2.4+ds1-1", "2.2.3+ds1-1"), "2.2.3+ds1-1"),
    ],
)
def test_a_package_of_another_version_is_not_the_very_one(
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    there: tuple[str, ...],
    fetched: str,
) -> None:
    fill(cache, *OTHERS)
    publish(tmp_path, "2.2.3")
    monkeypatch.setattr(Packages, "versions_there", there)
    assert fetch_releases(print)["2.2"].version == "2.2.3"
    assert (cache / fetched).is_dir()


def test_a_package_of_another_version_is_better_than_nothing(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(cache, *OTHERS)
    monkeypatch.setattr(Packages, "versions_there", ("2.2.4+ds1-1",))
    said: list[str] = []
    assert fetch_releases(said.append)["2.2"].version == "2.2.4"
    assert "containerd 2.2.3 cannot be downloaded" in "\n".join(said)


def test_a_package_of_the_series_is_taken_before_a_download(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(cache, *OTHERS[:4], "2.2.3")
    publish(tmp_path, "2.4.2")
    monkeypatch.setattr(Packages, "versions_there", ("2.4.5+ds1-1",))
    assert fetch_releases(print)["2.4"].version == "2.4.5"


def test_a_download_brings_all_programs(cache: Path, tmp_path: Path) -> None:
    fill(cache, *OTHERS)
    publish(tmp_path, "2.2.3")
    release = fetch_releases(print)["2.2"]
    assert (release.version, release.binary) == ("2.2.3", cache / "2.2.3/containerd")
    programs = sorted(each.name for each in release.binary.parent.iterdir())
    assert programs == sorted(upstream.PROGRAMS)
    assert not (cache.parent / "unfinished-containerd").exists()


def test_what_was_changed_on_the_way_is_refused(cache: Path, tmp_path: Path) -> None:
    fill(cache, *OTHERS)
    publish(tmp_path, "2.2.3", "0" * 64)
    with pytest.raises(StartError, match="does not have the checksum"):
        fetch_releases(print)
    assert "2.2" not in find_releases()


def test_what_cannot_be_downloaded_is_built(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(cache, *OTHERS)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/go").write_text(GO)
    (tmp_path / "bin/go").chmod(0o755)
    monkeypatch.setattr(upstream, "can_build", lambda: True)
    # Without apt, too.
    monkeypatch.setattr(Packages, "is_missing", True)
    assert fetch_releases(print)["2.2"].version == "2.2.3"
    asked = (cache / "2.2.3/asked").read_text()
    assert "version.Version=v2.2.3" in asked
    assert asked.count("@v2.2.3") == len(upstream.PROGRAMS)


@pytest.mark.parametrize(
    ("missing", "says"),
    [
        ("2.2", "there is no Go to build it with"),
        ("1.6", "own releases of it are not used"),
    ],
)
def test_what_cannot_be_had_is_said(cache: Path, missing: str, says: str) -> None:
    fill(cache, *(each for each in (*OTHERS, "2.2.3") if not each.startswith(missing)))
    with pytest.raises(MissingPartError, match=says) as raised:
        fetch_releases(print)
    assert raised.value.message.startswith(f"there is no containerd {missing} here")
    assert VARIABLE in raised.value.remedy
