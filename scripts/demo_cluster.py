"""The story of a cluster: one command, and every node pulls.

See scripts/demo.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import docker
from demo_story import ADDON, ADDRESS, PORT, newest_release, refused, told
from demo_teller import Teller, WrongEndingError, succeeded

from registry_harness import (
    CertificateAuthority,
    HarnessNetwork,
    Registry,
    RegistrySpec,
    fill,
    registry_image,
    running_registry,
)
from registry_harness.kubernetes import (
    Cluster,
    ClusterNode,
    ClusterSpec,
    fetch_kubernetes,
    running_cluster,
)
from registry_harness.kubernetes.kubectl import fetch_kubectls
from registry_harness.registries.network import SEED_SUBNET

REPOSITORY = Path(__file__).resolve().parent.parent
PLUGIN = "microk8s private-registry"
_NODES = 3
_SECONDS = 60


@dataclass(frozen=True)
class Scene:
    """The parts of the story, running."""

    registry: Registry
    cluster: Cluster

    @property
    def host(self) -> str:
        """Where the registry answers."""
        return self.registry.host

    def pull(self, node: ClusterNode, name: str) -> str:
        """Pull a new image on a node, as the kubelet does; return what was pulled."""
        return f"{node.name}: pulled {node.pull(fill(self.registry, name))}"

    def hosts_toml(self, node: ClusterNode) -> Path:
        """What containerd reads on a node for the registry."""
        return node.node.certs_d / self.host / "hosts.toml"

    def run(self, *arguments: str) -> str:
        """Run the addon's command on the first node."""
        first = self.cluster.nodes[0].node
        return succeeded(first.plugin("private-registry", *arguments))


@contextmanager
def running_scene() -> Iterator[Scene]:
    """Start the parts; all is gone at the end of the block.

    Raises:
        HarnessError: a part did not start, or the registry's address is taken.
    """
    with ExitStack() as stack:
        client = docker.from_env()
        stack.callback(client.close)
        network = stack.enter_context(HarnessNetwork(client, SEED_SUBNET))
        kubectl = fetch_kubectls(print)[-1]
        releases = [newest_release()] * _NODES
        spec = ClusterSpec(releases, REPOSITORY, ADDON, kubectl, workers=1)
        registry = running_registry(
            RegistrySpec(address=ADDRESS, port=PORT),
            network,
            CertificateAuthority(),
            registry_image(client, print),
        )
        yield Scene(
            stack.enter_context(registry),
            stack.enter_context(
                running_cluster(fetch_kubernetes(print), spec, network)
            ),
        )


def tell(teller: Teller, scene: Scene) -> None:
    """Tell the story.

    Raises:
        WrongEndingError: a step did not end as the story says.
        HarnessError: a node refused what it should have done.
    """
    first, second, worker = scene.cluster.nodes
    nodes = (first, second, worker)
    before = {each.name: each.node.snapshot() for each in nodes}
    starts = {each.name: each.containerd.starts for each in nodes}
    crictl = f"crictl pull {scene.host}/app    # what the kubelet does for a pod"
    teller.step(
        "No node trusts the registry",
        crictl,
        lambda: refused(lambda: scene.pull(second, "refused")),
    )
    worker.down()
    teller.step(
        f"{worker.name} is switched off. One command on {first.name}",
        f"microk8s enable {ADDON} --insecure {scene.host} --all-nodes",
        lambda: succeeded(first.node.enable("--insecure", scene.host, "--all-nodes")),
    )
    teller.step(
        "The nodes that are there pull",
        crictl,
        lambda: "\n".join(scene.pull(each, "app") for each in (first, second)),
    )
    worker.up()
    scene.cluster.wait_until_ready(worker.name)
    teller.step(
        f"{worker.name} comes back, and has it some seconds later",
        f"{PLUGIN} list --all-nodes",
        partial(_listed, scene, f"{worker.name}  ok"),
    )
    teller.step("It pulls, too", crictl, lambda: scene.pull(worker, "later"))
    scene.hosts_toml(second).write_text('server = "http://typo"\n', encoding="utf-8")
    teller.step(
        f"Somebody edits the file on {second.name}",
        f"{PLUGIN} list --all-nodes",
        partial(_listed, scene, f"{second.name}  changed by hand"),
    )
    teller.step(
        "It is put right when that is asked for",
        f"{PLUGIN} apply --all-nodes --adopt",
        lambda: scene.run("apply", "--all-nodes", "--adopt"),
    )
    teller.step(
        "And back",
        f"microk8s disable {ADDON} --all-nodes",
        lambda: succeeded(first.node.disable("--all-nodes")),
    )
    for each in nodes:
        if each.node.snapshot() != before[each.name]:
            raise WrongEndingError(f"the files of {each.name} are not as before")
    restarted = [
        each.name
        for each in (first, second)
        if each.containerd.starts != starts[each.name]
    ]
    if restarted:
        raise WrongEndingError(f"containerd of {restarted[0]} was restarted")


def _listed(scene: Scene, line: str) -> str:
    """Return what `list` shows when a line of it is there."""
    end = time.monotonic() + _SECONDS
    while True:
        shown = scene.run("list", "--all-nodes")
        if line in shown:
            return shown
        if time.monotonic() > end:
            raise WrongEndingError(f"expected «{line}», got: {shown}")
        time.sleep(1)


def main() -> int:
    """Tell the story; return 0 only if every step ended as it says."""
    return told(
        running_scene,
        lambda scene: (
            f"Running now: a registry that speaks plain HTTP at {scene.host}, and a"
            f" Kubernetes of {_NODES} MicroK8s nodes.\nAll of them are the demo's own."
        ),
        tell,
    )


if __name__ == "__main__":
    sys.exit(main())
