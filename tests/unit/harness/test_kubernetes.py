"""What of the harness' Kubernetes needs none: finding it, fetching it, standing in
between.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from registry_harness.errors import MissingPartError, StartError
from registry_harness.kubernetes import Api, WatchedApi, Way, downloading, programs
from registry_harness.kubernetes.api import Answer, path_of
from registry_harness.kubernetes.downloading import download

PROGRAM = b"a program"


def put_programs(directory: Path, *names: str) -> Path:
    directory.mkdir(parents=True)
    for name in names or programs.PROGRAMS:
        (directory / name).write_text(f"#!/bin/sh\necho Kubernetes v{directory.name}\n")
        (directory / name).chmod(0o755)
    return directory


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache of this test's own, with all that is needed beside Kubernetes."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("REGISTRY_HARNESS_KUBERNETES", raising=False)
    ours = tmp_path / "private-registry-config"
    for package, inside in programs.BESIDE.values():
        (ours / package / inside).parent.mkdir(parents=True)
        (ours / package / inside).touch()
    return ours / "kubernetes"


def test_the_newest_in_the_cache_is_taken(cache: Path) -> None:
    for version in ("1.9.1", "1.36.3", "1.35.12"):
        put_programs(cache / version)
    put_programs(cache / "1.40.0", "kubelet")
    release = programs.fetch_kubernetes(print)
    assert (release.version, release.directory) == ("1.36.3", cache / "1.36.3")
    assert release.program("kubelet") == cache / "1.36.3/kubelet"
    assert release.program("busybox").name == "busybox"
    assert programs.fetch_kubernetes(print, older=True).version == "1.9.1"


def test_what_is_not_here_is_fetched(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_programs(cache / "1.32.7")
    monkeypatch.setattr(programs, "download", downloads_as_asked)
    assert programs.fetch_kubernetes(print).version == programs.NEWEST
    assert programs.fetch_kubernetes(print, older=True).version == "1.32.7"
    shutil.rmtree(cache / "1.32.7")
    assert programs.fetch_kubernetes(print, older=True).version == programs.OLDER


def downloads_as_asked(version: str, names: Sequence[str], target: Path) -> bool:
    made = put_programs(target / version, *names)
    for name in names:
        (made / name).rename(target / name)
    return True


def test_a_directory_that_is_named_comes_first(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_programs(cache / "1.36.3")
    named = put_programs(tmp_path / "1.32.0")
    monkeypatch.setenv("REGISTRY_HARNESS_KUBERNETES", str(named))
    assert programs.fetch_kubernetes(print).version == "1.32.0"
    newer = put_programs(tmp_path / "1.35.0")
    monkeypatch.setenv("REGISTRY_HARNESS_KUBERNETES", f"{newer}:{named}")
    assert programs.fetch_kubernetes(print).version == "1.35.0"
    assert programs.fetch_kubernetes(print, older=True).version == "1.32.0"
    (named / "kubelet").unlink()
    with pytest.raises(MissingPartError, match="does not hold"):
        programs.fetch_kubernetes(print)


@pytest.fixture
def published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place that programs are downloaded from, with their checksums."""
    place = tmp_path / "published"
    place.mkdir()
    for name in programs.PROGRAMS:
        (place / name).write_bytes(PROGRAM)
        (place / f"{name}.sha256").write_text(hashlib.sha256(PROGRAM).hexdigest())
    monkeypatch.setattr(downloading, "_PLACE", f"file://{place}/{{program}}")
    return place


def test_programs_are_downloaded(published: Path, tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    assert download("1.36.3", programs.PROGRAMS, target)
    assert [(target / name).read_bytes() for name in programs.PROGRAMS] == [PROGRAM] * 4


def test_what_was_changed_on_the_way_is_refused(
    published: Path, tmp_path: Path
) -> None:
    (published / "kubelet").write_bytes(b"another program")
    with pytest.raises(StartError, match="kubelet does not have the checksum"):
        download("1.36.3", programs.PROGRAMS, tmp_path)


def test_what_cannot_be_downloaded_is_no_error(published: Path, tmp_path: Path) -> None:
    (published / "kubelet").unlink()
    assert not download("1.36.3", programs.PROGRAMS, tmp_path)


def test_paths_of_objects() -> None:
    assert path_of("secrets", "apps", "a") == "/api/v1/namespaces/apps/secrets/a"
    assert path_of("namespaces", name="apps") == "/api/v1/namespaces/apps"
    assert path_of("deployments", "apps") == "/apis/apps/v1/namespaces/apps/deployments"


class Echo(Api):
    """Stands where the real API server stands, and says what it was asked."""

    def send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        told = {"asked": [method, path, (body or b"").decode()]}
        return Answer(
            200, {"Content-Type": "application/json"}, json.dumps(told).encode()
        )


@pytest.fixture
def watched() -> Iterator[WatchedApi]:
    with WatchedApi(Echo("", "", "")) as running:
        yield running


def ask(
    watched: WatchedApi, method: str = "POST", path: str = "/api/v1/x?a=b"
) -> tuple[int, str]:
    connection = http.client.HTTPConnection(
        watched.url.removeprefix("http://"), timeout=5
    )
    try:
        connection.request(method, path, b"{}")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_what_is_asked_is_passed_on_and_remembered(watched: WatchedApi) -> None:
    assert ask(watched) == (200, '{"asked": ["POST", "/api/v1/x?a=b", "{}"]}')
    ask(watched, "GET")
    ask(watched, "DELETE", "/api/v1/x?dryRun=All")
    assert [each.method for each in watched.requests] == ["POST", "GET", "DELETE"]
    assert [(each.method, each.path) for each in watched.writes] == [
        ("POST", "/api/v1/x")
    ]


def test_a_write_is_refused(watched: WatchedApi) -> None:
    with watched.failing_at(2):
        assert [ask(watched)[0] for _ in range(3)] == [200, 500, 200]
    assert ask(watched)[0] == 200


@pytest.mark.parametrize(("way", "later"), [(Way.LOST, 200), (Way.DEAD, None)])
def test_an_answer_is_lost(watched: WatchedApi, way: Way, later: int | None) -> None:
    with watched.failing_at(1, way):
        with pytest.raises(http.client.RemoteDisconnected):
            ask(watched)
        if later is None:
            with pytest.raises(http.client.RemoteDisconnected):
                ask(watched)
        else:
            assert ask(watched)[0] == later
    assert ask(watched)[0] == 200
