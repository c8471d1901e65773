"""A cluster whose nodes are configured together, as the tests of that see it."""

from __future__ import annotations

import json
import shlex
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from e2e.conftest import PAUSE_IMAGE, run
from e2e.story import Story
from registry_harness import ProgramResult, Registry, difference
from registry_harness.kubernetes import Cluster, ClusterNode, NodeContainer

NAMESPACE = "private-registry-config"
AGENT = "agent"
SECRET = "registries"
STATUS = "private-registry-config/status"
# A change is on all nodes that are ready within that.
PROMISED_SECONDS = 10.0
_PLUGIN = "private-registry"
_ALL_NODES = "--all-nodes"


def done(*ended: ProgramResult) -> None:
    """Check that commands ended well, and that all nodes that are up have it."""
    for each in ended:
        assert each.exit_code == 0, each
        assert "need somebody" not in each.stdout


class Running:
    """A command that runs in a thread, and how it ended."""

    def __init__(self, command: partial[ProgramResult]) -> None:
        self._done: list[ProgramResult] = []
        self._thread = threading.Thread(target=lambda: self._done.append(command()))
        self._thread.start()

    def result(self) -> ProgramResult:
        """Wait for its end."""
        self._thread.join()
        (done,) = self._done
        return done


class Together:
    """A cluster's nodes, configured together from the first one.

    Args:
        cluster: whose.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.api = cluster, cluster.api
        self.stories = {each.name: Story(cluster, each) for each in cluster.nodes}
        self.before = {each.name: each.node.snapshot() for each in cluster.nodes}

    def node(self, number: int) -> ClusterNode:
        """Return a node, counted from 1."""
        return self.cluster.nodes[number - 1]

    def story(self, number: int) -> Story:
        """Return the Deployments of a node, counted from 1."""
        return self.stories[f"node-{number}"]

    def enable(
        self, *options: str, on: int = 1, stdin: str | None = None
    ) -> ProgramResult:
        """Run ``microk8s enable ADDON OPTIONS --all-nodes`` on a node."""
        return self.node(on).node.enable(*options, _ALL_NODES, stdin=stdin)

    def disable(self, *options: str) -> ProgramResult:
        """Run ``microk8s disable ADDON OPTIONS --all-nodes`` on the first node."""
        return self.node(1).node.disable(*options, _ALL_NODES)

    def plugin(
        self, *arguments: str, on: int = 1, stdin: str | None = None
    ) -> ProgramResult:
        """Run ``microk8s private-registry ARGUMENTS --all-nodes`` on a node."""
        return self.own(*arguments, _ALL_NODES, on=on, stdin=stdin)

    def own(self, *arguments: str, on: int, stdin: str | None = None) -> ProgramResult:
        """Run ``microk8s private-registry ARGUMENTS`` on a node, about that alone."""
        return self.node(on).node.plugin(_PLUGIN, *arguments, stdin=stdin)

    def give(self, file: Path, *arguments: str) -> ProgramResult:
        """Run ``microk8s private-registry ARGUMENTS - --all-nodes`` with a file of the
        host on standard input.
        """
        text = file.read_text(encoding="utf-8")
        return self.plugin(*arguments, "-", stdin=text)

    def typed(self, command: str) -> ProgramResult:
        """Run a command for the first node as it was shown."""
        program, verb, *arguments = shlex.split(command)
        assert program == "microk8s"
        return self.node(1).node.plugin(verb, *arguments)

    def has_plugin(self, number: int) -> bool:
        """Whether ``microk8s private-registry`` is a command on a node."""
        return (self.node(number).node.common / "plugins" / _PLUGIN).exists()

    def listed(self) -> dict[str, Any]:
        """Return what ``list --all-nodes --json`` says."""
        done = self.plugin("list", "--json", on=1 if self.has_plugin(1) else 2)
        run(done)
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return what that says of each node."""
        return {each["name"]: each for each in self.listed()["nodes"]}

    def hosts(self) -> list[str]:
        """Return the registries that it names."""
        return [str(each["host"]) for each in self.listed()["registries"]]

    def wait_until_listed(self, state: str, *nodes: str) -> None:
        """Wait until it says the same of some nodes."""
        self.cluster.wait_until(
            f"{nodes} are {state}",
            lambda: {self.rows()[each]["state"] for each in nodes} == {state},
        )

    def lease(self, node: str) -> dict[str, Any]:
        """Return what a node's agent writes to; an empty one where none has."""
        return self.api.get("leases", NAMESPACE, node) or {}

    def reported(self, node: str) -> dict[str, Any]:
        """Return what a node's agent has reported; nothing where none has."""
        return self.reported_in(self.lease(node))

    def reported_in(self, lease: dict[str, Any]) -> dict[str, Any]:
        """Return what stands in the Lease of a node's agent."""
        annotations = lease.get("metadata", {}).get("annotations") or {}
        told: dict[str, Any] = json.loads(annotations.get(STATUS, "{}"))
        return told

    def complaints(self) -> list[str]:
        """Return what agents have said in Events."""
        return [
            str(each["message"])
            for each in self.api.items("events", NAMESPACE)
            if each["source"].get("component") == NAMESPACE
        ]

    def wait_for_secret(self) -> float:
        """Wait until the registries are in the cluster; return when they were."""
        self.cluster.wait_until(
            "the registries are there",
            lambda: self.api.get("secrets", NAMESPACE, SECRET),
        )
        return time.monotonic()

    def delete_daemon_sets(self) -> None:
        """Delete the agents by hand; return when they have ended."""
        for each in self.api.items("daemonsets", NAMESPACE):
            self.api.delete("daemonsets", NAMESPACE, each["metadata"]["name"])
        self.cluster.wait_until(
            "no agent is left", lambda: not self.api.items("pods", NAMESPACE)
        )

    def agent(self, number: int) -> NodeContainer:
        """Return the agent's container on a node."""
        return self.node(number).container(NAMESPACE, AGENT, AGENT)

    def hosts_toml(self, number: int, host: str) -> Path:
        """Return where a node's containerd is told of a registry."""
        return self.node(number).node.certs_d / host / "hosts.toml"

    def wait_for_hosts_toml(self, number: int, host: str) -> None:
        """Wait until a node's containerd is told of a registry."""
        path = self.hosts_toml(number, host)
        self.cluster.wait_until(f"{path} is there", path.exists)

    def pull_on(self, registry: Registry, repository: str, *numbers: int) -> None:
        """Check that a Deployment of a new image runs on each of some nodes."""
        self.pull(self.fill(registry, repository, *numbers), repository)

    def fill(
        self, registry: Registry, repository: str, *numbers: int
    ) -> dict[int, str]:
        """Make a new image for each of some nodes; return them by node."""
        return {
            number: self.story(number).fill(registry, f"{repository}-node-{number}")
            for number in numbers
        }

    def pull(self, images: dict[int, str], repository: str) -> float:
        """Check that a Deployment of each node's image runs there.

        Returns when all of them had pulled it.
        """
        names = [
            self.story(number).deploy_image(image, repository)
            for number, image in images.items()
        ]
        for number, image in images.items():
            has_image = self.node(number).containerd.cri.has_image
            self.cluster.wait_until(f"{image} is pulled", partial(has_image, image))
        pulled = time.monotonic()
        self.wait_until_available(names)
        return pulled

    def deploy_on(
        self, registry: Registry, repository: str, *numbers: int
    ) -> list[str]:
        """Deploy a new image on each of some nodes; return the Deployments' names."""
        return [self.story(each).deploy(registry, repository) for each in numbers]

    def refused_on(
        self, registry: Registry, repository: str, words: str, *numbers: int
    ) -> None:
        """Check that a Deployment of a new image fails on each of some nodes."""
        self.wait_until_refused(self.deploy_on(registry, repository, *numbers), words)

    def wait_until_refused(self, names: list[str], words: str) -> None:
        """Wait until the pulls of Deployments have failed with some words."""
        for name in names:
            self.story(1).wait_until_refused(name, words)

    def wait_until_available(self, names: list[str]) -> None:
        """Wait until the pods of Deployments run."""
        for name in names:
            self.story(1).wait_until_available(name)

    def start_kubelets_anew(self) -> None:
        """Have kubelets that have read no logins yet."""
        for node in self.cluster.nodes:
            node.kubelet.stop()
            node.kubelet.start(lambda: True)

    def differences(self, *numbers: int) -> list[str]:
        """Say how nodes differ from before."""
        return [
            f"{node.name}: {line}"
            for node in map(self.node, numbers)
            for line in difference(self.before[node.name], node.node.snapshot())
        ]

    def wait_until_settled(self) -> None:
        """Wait until a namespace that is being deleted is gone."""
        self.cluster.wait_until(
            "no namespace is being deleted",
            lambda: "deletionTimestamp"
            not in (self.api.get("namespaces", "", NAMESPACE) or {}).get(
                "metadata", {}
            ),
        )

    def wait_until_gone(self) -> None:
        """Wait until nothing of it is in the cluster."""
        self.cluster.wait_until(
            "the namespace is gone",
            lambda: not self.api.get("namespaces", "", NAMESPACE),
        )

    def leave(self) -> None:
        """Take all back, and check that each node is as before."""
        for story in self.stories.values():
            story.clear()
        for node in self.cluster.nodes:
            if not node.machine.is_up:
                node.up()
                self.cluster.wait_until_ready(node.name)
        done(self.disable())
        for number, node in enumerate(self.cluster.nodes, 1):
            if self.has_plugin(number):
                run(node.node.disable())
        self.wait_until_gone()
        self.cluster.wait_until(
            "their pods are gone", lambda: not self.api.items("pods", "default")
        )
        numbers = range(1, len(self.cluster.nodes) + 1)
        assert self.differences(*numbers) == []


class _Standing(NamedTuple):
    containers: set[NodeContainer]
    containerd: int
    kubelet: int | None
    images: set[str]


def _standing(node: ClusterNode, pods: set[str]) -> _Standing:
    """Return what runs on a node of some pods, and its daemons and images."""
    listed = node.containerd.ctr("images", "list", "--quiet").split()
    return _Standing(
        {each for each in node.containers() if each.pod in pods},
        node.containerd.started,
        node.kubelet.program,
        {each for each in listed if not each.startswith("sha256:")},
    )


class Bystanders:
    """What is on the nodes before, and has to stay: pods, daemons and images.

    Args:
        together: whose nodes.
        numbers: of those that count, from 1; none for all.
    """

    def __init__(self, together: Together, *numbers: int) -> None:
        numbers = numbers or tuple(range(1, len(together.cluster.nodes) + 1))
        self._nodes = [together.node(each) for each in numbers]
        for each in numbers:
            story = together.story(each)
            story.wait_until_available(story.deploy_image(PAUSE_IMAGE, "bystander"))
        # Of those that were deleted just now, sandboxes may be left.
        self._pods = {
            each["metadata"]["name"] for each in together.api.items("pods", "default")
        }
        self._before = [_standing(each, self._pods) for each in self._nodes]

    def check_containers(self) -> None:
        """Check that no pod and no containerd was restarted."""
        for node, before in zip(self._nodes, self._before, strict=True):
            after = _standing(node, self._pods)
            assert (after.containers, after.containerd) == (
                before.containers,
                before.containerd,
            )

    def check(self, *registries: str) -> None:
        """Check that all is as it was.

        Args:
            registries: whose images may have come since.
        """
        for node, before in zip(self._nodes, self._before, strict=True):
            after = _standing(node, self._pods)
            # Some of them are there from before.
            images = {
                each
                for each in after.images
                if each in before.images or not each.startswith(registries)
            }
            changed = [
                f"{node.name}: {name} {was} -> {now}"
                for name, was, now in zip(
                    before._fields, before, after._replace(images=images), strict=True
                )
                if was != now
            ]
            assert not changed, changed


@contextmanager
def together(cluster: Cluster) -> Iterator[Together]:
    """Configure the nodes of a cluster together during the block."""
    told = Together(cluster)
    yield told
    told.leave()
