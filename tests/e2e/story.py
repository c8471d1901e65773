"""Deployments on one node of a cluster, and what becomes of their pods."""

from __future__ import annotations

from functools import partial

from registry_harness import Registry, fill
from registry_harness.kubernetes import (
    Cluster,
    ClusterNode,
    Container,
    conditions,
    containers,
    deployment,
)

from .conftest import run


class Story:
    """Deployments on one node of a cluster.

    Args:
        cluster: which.
        node: that their pods run on.
    """

    def __init__(self, cluster: Cluster, node: ClusterNode) -> None:
        self._cluster, self.node = cluster, node
        self._names: list[str] = []

    def deploy(self, registry: Registry, repository: str) -> str:
        """Deploy a new image of a registry; return the Deployment's name."""
        return self.deploy_image(self.fill(registry, repository), repository)

    def fill(self, registry: Registry, repository: str) -> str:
        """Make a new image that can run.

        One of the same name may be there from another test.
        """
        return fill(registry, repository, "registry", self._cluster.busybox)

    def deploy_image(self, image: str, repository: str, *pull_secrets: str) -> str:
        """Deploy an image; return the Deployment's name."""
        name = f"{repository}-{len(self._names)}-{self.node.name}"
        plain = deployment(name, image, pull_secrets=pull_secrets, node=self.node.name)
        self._cluster.api.create("deployments", "default", plain)
        self._names.append(name)
        return name

    def create_by_kubectl(self, registry: Registry, repository: str) -> str:
        """Deploy a new image as the seed does; return the Deployment's name."""
        image = fill(registry, repository, "registry", self._cluster.busybox)
        name = f"nginx-{self.node.name}"
        others = [
            each.name for each in self._cluster.nodes if each.name != self.node.name
        ]
        for command in (
            *(("cordon", each) for each in others),
            ("create", "deployment", name, f"--image={image}"),
        ):
            run(self.node.node.kubectl(*command))
        self._names.append(name)
        get = partial(containers, self._cluster.api, "default", name)
        self._cluster.wait_until(f"{name} has a pod", get)
        for each in others:
            run(self.node.node.kubectl("uncordon", each))
        return name

    def events(self) -> str:
        """Return what `microk8s kubectl get events` shows."""
        done = self.node.node.kubectl("get", "events")
        run(done)
        return done.stdout

    def container(self, name: str) -> Container:
        """Return the one container of a Deployment."""
        (found,) = containers(self._cluster.api, "default", name)
        return found

    def wait_until_ready(self) -> None:
        """Wait until the node's kubelet has said that it is ready."""
        self._cluster.wait_until_ready(self.node.name)

    def wait_until_available(self, name: str) -> Container:
        """Wait until a Deployment's pod runs; return its container."""
        get = partial(self._cluster.api.get, "deployments", "default", name)
        self._cluster.wait_until(
            f"{name} is available", lambda: "Available" in conditions(get())
        )
        return self.container(name)

    def wait_until_refused(self, name: str, words: str) -> None:
        """Wait until the kubelet reports a pull that failed with these words."""
        found = partial(containers, self._cluster.api, "default", name)
        self._cluster.wait_until(
            f"a pull for {name} fails: {words}",
            lambda: [each for each in found() if words in each.message],
        )

    def take_away(self, name: str) -> None:
        """Delete a Deployment; return when its pods are gone."""
        self._names.remove(name)
        self._cluster.api.delete("deployments", "default", name)
        found = partial(containers, self._cluster.api, "default", name)
        self._cluster.wait_until(f"{name} has no pods", lambda: not found())

    def clear(self) -> None:
        """Delete the Deployments."""
        for name in self._names:
            self._cluster.api.delete("deployments", "default", name)


def login(registry: Registry) -> list[str]:
    """Return the options for a registry that wants a login, whose password is on
    standard input.
    """
    assert registry.credentials is not None
    return [
        *("--insecure", registry.host, "--allow-plaintext-credentials"),
        *("--username", registry.credentials.username, "--password-stdin"),
    ]
