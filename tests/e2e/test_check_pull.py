"""`check --pull` on real containerds: what it brings goes again, what was there
before stays.
"""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from registry_harness import HarnessNetwork, PullingNode, Registry, fill
from registry_harness.registries.gatekeeper import Answer, Gatekeeper

from .conftest import UNDER_SIGNALS

pytestmark = pytest.mark.in_turn("containerd_release")
ADDON = "private-registry"
KIND = "application/vnd.oci.image.manifest.v1+json"
_SECONDS = 20


class Stage:
    """A node that may pull from a registry.

    Args:
        made: the node.
        registry: which.
    """

    def __init__(self, made: PullingNode, registry: Registry) -> None:
        self.made, self.registry = made, registry
        self.node, self.cri = made.node, made.containerd.cri

    def check(self, reference: str) -> dict[str, Any]:
        """Check with a pull; return what is told of it."""
        done = self.node.plugin(ADDON, "check", reference, "--pull", "--json")
        assert done.stderr == ""
        told: dict[str, Any] = json.loads(done.stdout)["pull"]
        return told

    def names(self) -> list[str]:
        """Return the names of all images, digests and identifiers among them."""
        return sorted(self._ctr("images", "ls", "--quiet"))

    def contents(self) -> set[str]:
        """Return the digests of all that is stored."""
        return set(self._ctr("content", "ls", "--quiet"))

    def tag(self, reference: str, tag: str) -> str:
        """Let another tag of the registry stand for an image of it.

        Return that one's reference.
        """
        repository, _, version = reference.partition("/")[2].rpartition(":")
        kind, manifest = self._ask("GET", repository, version)
        self._ask("PUT", repository, tag, manifest, kind)
        return self.registry.reference(repository, tag)

    def by_digest(self, reference: str) -> str:
        """Return an image's reference by its digest."""
        (found,) = [
            each for each in self.names() if each.startswith(f"{_untagged(reference)}@")
        ]
        return found

    def _ask(
        self,
        method: str,
        repository: str,
        tag: str,
        body: bytes = b"",
        kind: str = KIND,
    ) -> tuple[str, bytes]:
        connection = http.client.HTTPConnection(self.registry.host, timeout=10)
        headers = {"Accept": KIND, "Content-Type": kind}
        connection.request(method, f"/v2/{repository}/manifests/{tag}", body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        assert answer.status < http.client.BAD_REQUEST, content
        return answer.headers["Content-Type"] or kind, content

    def _ctr(self, *words: str) -> list[str]:
        program = self.made.containerd.release.binary.with_name("ctr")
        socket = str(self.made.containerd.socket)
        command = [str(program), "--address", socket, "--namespace", "k8s.io", *words]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout.split()


@pytest.fixture
def stage(microk8s_node: PullingNode, plain_registry: Registry) -> Iterator[Stage]:
    """A node that may pull, and the same images on it afterwards."""
    made = Stage(microk8s_node, plain_registry)
    assert made.node.enable("--insecure", plain_registry.host).exit_code == 0
    before = made.names()
    yield made
    for each in set(made.names()) - set(before):
        made.cri.remove(each)
    assert made.node.disable().exit_code == 0


def test_what_it_brings_goes_again(stage: Stage) -> None:
    names, contents = stage.names(), stage.contents()
    image = fill(stage.registry, "private")
    pulled = stage.check(image)
    assert (pulled["works"], pulled["afterwards"]) == (True, "removed")
    assert stage.registry.pulls("private")
    assert stage.names() == names
    _wait_until(lambda: stage.contents() == contents)
    by_digest = _with_digest(stage, image)
    assert stage.check(by_digest)["afterwards"] == "removed"
    assert stage.names() == names


def test_what_was_there_stays(stage: Stage) -> None:
    image = fill(stage.registry, "there")
    stage.made.pull(image)
    names = stage.names()
    for each in (image, stage.by_digest(image)):
        assert stage.check(each)["afterwards"] == "was_there"
    assert stage.names() == names
    assert stage.cri.has_image(image)


def test_what_was_there_under_another_name_stays(stage: Stage) -> None:
    image = fill(stage.registry, "other")
    stage.made.pull(image)
    names = stage.names()
    again = stage.tag(image, "again")
    assert stage.check(again)["afterwards"] == "was_there"
    assert set(stage.names()) >= set(names)
    assert stage.cri.has_image(image)


def test_what_was_there_by_its_digest_alone_stays(stage: Stage) -> None:
    image = fill(stage.registry, "digest")
    by_digest = _with_digest(stage, image)
    stage.made.pull(by_digest)
    assert stage.check(image)["afterwards"] == "was_there"
    assert stage.cri.has_image(by_digest)


def test_a_name_that_stood_for_another_image_stands_for_it_again(stage: Stage) -> None:
    image = fill(stage.registry, "moved")
    before = stage.made.pull(image)
    names = stage.names()
    fill(stage.registry, "moved")
    pulled = stage.check(image)
    assert pulled == {**pulled, "works": True, "afterwards": "removed", "why": ""}
    assert stage.names() == names
    assert stage.made.containerd.cri.image(image) == before


def test_a_pull_that_fails_leaves_nothing(stage: Stage) -> None:
    names = stage.names()
    pulled = stage.check(stage.registry.reference("none", "1"))
    assert (pulled["works"], pulled["afterwards"]) == (False, "nothing")
    assert stage.names() == names


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=str)
def test_a_run_that_is_killed_in_the_middle_leaves_nothing(
    stage: Stage, harness_network: HarnessNetwork, by: signal.Signals
) -> None:
    names, asked, go_on = stage.names(), threading.Event(), threading.Event()

    def hold_up(path: str) -> Answer | None:
        if "/blobs/" in path:
            asked.set()
            go_on.wait(_SECONDS)
        return None

    with Gatekeeper(harness_network.gateway, stage.registry) as gate:
        gate.be(rule=hold_up)
        assert stage.node.plugin(ADDON, "add", "--insecure", gate.host).exit_code == 0
        image = fill(stage.registry, "killed").replace(stage.registry.host, gate.host)
        program = stage.node.common / "plugins" / ADDON
        running = subprocess.Popen(
            [*UNDER_SIGNALS, str(program), "check", image, "--pull"],
            env=stage.node.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        assert asked.wait(_SECONDS)
        running.send_signal(by)
        running.communicate(timeout=_SECONDS)
        go_on.set()
        _wait_until(lambda: stage.names() == names)
        time.sleep(1)
        assert stage.names() == names
        gone = stage.node.plugin(ADDON, "remove", "--registry", gate.host)
        assert gone.exit_code == 0


def _with_digest(stage: Stage, reference: str) -> str:
    """Return an image's reference by its digest, which the node need not have."""
    stage.made.pull(reference)
    found = stage.by_digest(reference)
    stage.cri.remove(reference)
    return found


def _untagged(reference: str) -> str:
    return reference.rpartition(":")[0]


def _wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + _SECONDS
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)
