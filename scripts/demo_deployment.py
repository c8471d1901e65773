"""The demo's last chapter: a Deployment on a real Kubernetes, where the machine has
one.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from demo_teller import HTTP_TO_HTTPS, Teller, WrongEndingError, succeeded

from registry_harness import HarnessError, HarnessNetwork
from registry_harness.containerd.releases import ContainerdRelease
from registry_harness.kubernetes import (
    Cluster,
    ClusterSpec,
    conditions,
    containers,
    find_kubernetes,
    running_cluster,
)
from registry_harness.kubernetes.kubectl import fetch_kubectls
from registry_harness.machine.namespaces import check_machines
from registry_harness.machine.running import in_background

NAME = "nginx"
_NAMESPACE = "default"
_ADDON = "private-registry-config"
LEFT_OUT = """
Left out: the same with a Deployment, for lack of a Kubernetes here (or of the right to
make network namespaces). Where you are root, this gets one:
scripts/harness fetch-kubernetes"""


@dataclass(frozen=True)
class Upcoming:
    """A cluster that is being started.

    Args:
        cluster: it is there once it has started.
        busybox: a static program, for an image that can run.
    """

    cluster: Future[Cluster]
    busybox: Path


@contextmanager
def cluster_here(
    release: ContainerdRelease, repository: Path, network: HarnessNetwork
) -> Iterator[Upcoming | None]:
    """Begin to start a cluster of one node; None where the machine has no Kubernetes.

    Args:
        release: its containerd.
        repository: of the addon on its node.
        network: that the node is in.
    """
    kubernetes = find_kubernetes()
    if kubernetes is None or not _may_make_machines():
        yield None
        return
    kubectl = fetch_kubectls(lambda _line: None)[-1]
    spec = ClusterSpec([release], repository, _ADDON, kubectl)
    with in_background(running_cluster(kubernetes, spec, network)) as cluster:
        yield Upcoming(cluster, kubernetes.program("busybox"))


def _may_make_machines() -> bool:
    try:
        check_machines()
    except HarnessError:
        return False
    return True


def tell_of_deployment(teller: Teller, cluster: Cluster, host: str, image: str) -> None:
    """Tell the chapter.

    Args:
        teller: who tells it.
        cluster: of one node, which does not know the registry.
        host: of the registry.
        image: that is on it, and can run.

    Raises:
        WrongEndingError: a step did not end as the story says.
    """
    (member,) = cluster.nodes
    node, before, starts = member.node, member.node.snapshot(), member.containerd.starts
    teller.step(
        "So far it was containerd alone. This is the page's last line, on a Kubernetes",
        f"microk8s kubectl create deployment {NAME} --image={image}",
        partial(_created_and_refused, cluster, image),
    )
    teller.step(
        "One command on its node",
        f"microk8s enable {_ADDON} --insecure {host}",
        lambda: succeeded(node.enable("--insecure", host)),
    )
    teller.step(
        "The pod runs; without this line the kubelet would have tried again within half"
        " a minute",
        f"microk8s kubectl delete pod --selector app={NAME}",
        partial(_deleted_and_available, cluster),
    )
    teller.step(
        "And back", f"microk8s disable {_ADDON}", lambda: succeeded(node.disable())
    )
    if node.snapshot() != before:
        raise WrongEndingError(
            "the files of Kubernetes' node are not as they were before"
        )
    if member.containerd.starts != starts:
        raise WrongEndingError("containerd of Kubernetes' node was restarted")
    (container,) = containers(cluster.api, _NAMESPACE, NAME)
    if container.waiting or container.restarts:
        raise WrongEndingError(f"the pod does not run any more: {container}")


def _created_and_refused(cluster: Cluster, image: str) -> str:
    kubectl = cluster.nodes[0].node.kubectl
    created = succeeded(kubectl("create", "deployment", NAME, f"--image={image}"))
    cluster.wait_until("a pull fails", partial(_refusals, cluster))
    return created + _refusals(cluster)[0]


def _refusals(cluster: Cluster) -> list[str]:
    found = containers(cluster.api, _NAMESPACE, NAME)
    return [each.message for each in found if HTTP_TO_HTTPS in each.message]


def _deleted_and_available(cluster: Cluster) -> str:
    kubectl = cluster.nodes[0].node.kubectl
    deleted = succeeded(kubectl("delete", "pod", "--selector", f"app={NAME}"))
    cluster.wait_until("the Deployment is available", partial(_is_available, cluster))
    return deleted + succeeded(kubectl("get", "deployment", NAME))


def _is_available(cluster: Cluster) -> bool:
    return "Available" in conditions(cluster.api.get("deployments", _NAMESPACE, NAME))
