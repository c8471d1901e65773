"""Fixtures for tests that have a real Kubernetes; registry_harness.pytest_plugin brings
them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from registry_harness.containerd.releases import BETWEEN, EDGES, fetch_releases
from registry_harness.kubernetes.cluster import Cluster, ClusterSpec, running_cluster
from registry_harness.kubernetes.control_plane import ControlPlane
from registry_harness.kubernetes.kubectl import fetch_kubectls
from registry_harness.kubernetes.programs import (
    OLDER,
    KubernetesRelease,
    fetch_kubernetes,
)
from registry_harness.machine.workspace import workspace
from registry_harness.pytest_plugin import log_on_failure
from registry_harness.registries.network import HarnessNetwork

# Starts a cluster of two nodes.
NewCluster = Callable[[], AbstractContextManager[Cluster]]
# Starts one of three, given the API server's authorization.
NewClusterOfThree = Callable[[str], AbstractContextManager[Cluster]]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the command line say which Kubernetes."""
    parser.addoption(
        "--kubernetes",
        choices=("newest", "older"),
        default="newest",
        help=f"which Kubernetes tests run on: a new one, or one of {OLDER} or before",
    )


@pytest.fixture(scope="module")
def control_plane(
    kubernetes_release: KubernetesRelease, pytestconfig: pytest.Config
) -> Iterator[ControlPlane]:
    """A control plane without nodes, for the tests of a file: see kubernetes_cluster.

    Its users ``ann`` and ``bob`` may do nothing until let.
    """
    with (
        workspace() as work,
        ControlPlane(
            kubernetes_release, work / "k", "127.0.0.1", users=["ann", "bob"]
        ) as running,
        log_on_failure(pytestconfig, "control plane", running.log),
    ):
        yield running


@pytest.fixture(scope="session", params=["oldest", "newest"])
def kubectl(request: pytest.FixtureRequest) -> Path:
    """The oldest kubectl that this machine can have, then the newest."""
    return fetch_kubectls(lambda _line: None)[0 if request.param == "oldest" else -1]


@pytest.fixture(scope="session")
def kubernetes_release(pytestconfig: pytest.Config) -> KubernetesRelease:
    """Kubernetes' programs, as ``--kubernetes`` says.

    Where they are not here, it takes minutes.
    """
    older = pytestconfig.getoption("--kubernetes") == "older"
    return fetch_kubernetes(lambda _line: None, older=older)


@pytest.fixture(scope="session")
def new_kubernetes_cluster(
    kubernetes_release: KubernetesRelease,
    harness_network: HarnessNetwork,
    addon_repository: Path,
    addon_name: str,
    pytestconfig: pytest.Config,
) -> NewCluster:
    """Starts a cluster as kubernetes_cluster is, for whoever needs one for longer, or
    shorter, than a module.
    """
    releases = list(fetch_releases(lambda _line: None, EDGES).values())
    newest_kubectl = fetch_kubectls(lambda _line: None)[-1]

    @contextmanager
    def new() -> Iterator[Cluster]:
        spec = ClusterSpec(releases, addon_repository, addon_name, newest_kubectl)
        with (
            running_cluster(kubernetes_release, spec, harness_network) as cluster,
            log_on_failure(pytestconfig, "cluster", cluster.log),
        ):
            yield cluster

    return new


@pytest.fixture(scope="module")
def kubernetes_cluster(new_kubernetes_cluster: NewCluster) -> Iterator[Cluster]:
    """A cluster of two nodes: one with the oldest containerd, one with the newest.

    It lives as long as the tests of a file: with nothing to do it keeps a tenth of a
    processor busy.
    """
    with new_kubernetes_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def new_cluster_of_three(
    kubernetes_release: KubernetesRelease,
    harness_network: HarnessNetwork,
    addon_repository: Path,
    addon_name: str,
    pytestconfig: pytest.Config,
) -> NewClusterOfThree:
    """Starts a cluster as cluster_of_three is, given the API server's authorization;
    for whoever needs one for longer, or shorter, than a module.
    """
    chosen = fetch_releases(lambda _line: None, [EDGES[0], BETWEEN, EDGES[-1]])
    newest_kubectl = fetch_kubectls(lambda _line: None)[-1]

    @contextmanager
    def new(authorization: str) -> Iterator[Cluster]:
        spec = ClusterSpec(
            list(chosen.values()),
            addon_repository,
            addon_name,
            newest_kubectl,
            authorization=authorization,
            workers=1,
        )
        with (
            running_cluster(kubernetes_release, spec, harness_network) as cluster,
            log_on_failure(pytestconfig, "cluster of three", cluster.log),
        ):
            yield cluster

    return new


@pytest.fixture(scope="module", params=["Node,RBAC"])
def cluster_of_three(
    request: pytest.FixtureRequest, new_cluster_of_three: NewClusterOfThree
) -> Iterator[Cluster]:
    """A cluster of two control plane nodes and a worker, for the tests of a module:
    nodes may be switched off, others may join, and the control plane may be away.

    They have the oldest containerd, one from between, and the newest. A test may choose
    another authorization by ``indirect``, such as ``AlwaysAllow``.
    """
    with new_cluster_of_three(request.param) as cluster:
        yield cluster
