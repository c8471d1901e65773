"""What the end-to-end tests share: refused and working pulls, and files for the
command line.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import docker
import pytest
from xdist.remote import Producer  # type: ignore[import-untyped]

from registry_harness import (
    CertificateAuthority,
    DockerEngine,
    HarnessNetwork,
    ProgramResult,
    PullFailed,
    PullingNode,
    Registry,
    RegistrySpec,
    difference,
)
from registry_harness.containerd.releases import EDGES, SERIES
from registry_harness.kubernetes import Cluster
from registry_harness.kubernetes.fixtures import NewCluster, NewClusterOfThree
from registry_harness.machine.workspace import remove_stale_workspaces
from registry_harness.node.snapshot import Snapshot
from registry_harness.pytest_plugin import NewRegistry
from registry_harness.registries.network import LABEL, labelled
from unit.in_memory import place
from unit.in_turn import not_in_turn

from .clusters import CLUSTERS, Clusters
from .matrix import CELL, Cell, table
from .spread import ByPart, rank_of

HTTP_TO_HTTPS = "http: server gave HTTP response to HTTPS client"
UNKNOWN_CA = "x509: certificate signed by unknown authority"
NOT_FOUND = "not found"
# For what containerds do differently; else the oldest and the newest are enough.
ON_EVERY_CONTAINERD = pytest.mark.parametrize(
    "containerd_release", SERIES, indirect=True
)
# Where tests run beside each other, their processes do not take Ctrl-C.
UNDER_SIGNALS = ("env", "--default-signal=INT")
PAUSE_IMAGE = "registry.k8s.io/pause:3.7"
_FIGURE = "figure"
# Three workers have had 0.8 GiB.
_ROOM = 4 * 2**30
# Takes what a test has measured, a line for people.
Figure = Callable[[str], None]


def pytest_configure() -> None:
    """Have all parts write to memory where it has room: nobody waits for its syncs."""
    remove_stale_workspaces()
    memory = place(_ROOM)
    if memory is not None and "TMPDIR" not in os.environ and takes_attributes(memory):
        os.environ["TMPDIR"] = tempfile.tempdir = memory


def takes_attributes(directory: str) -> bool:
    """Whether overlays can lie there, also an ordinary user's: Linux 6.6."""
    with tempfile.TemporaryDirectory(dir=directory) as tried:
        try:
            os.setxattr(tried, "user.overlay.opaque", b"y")
        except OSError:
            return False
    return True


# Before -m chooses, and after pytest has put in order what shares nodes.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> Generator[None, None, None]:
    """Leave out what a test's mark ``combinations(chosen=...)`` does not choose of its
    parameters, and mark as exhaustive what is not for every day.

    With one ``parametrize`` for all of them pytest would make a node anew for each
    test. For every day are the oldest and the newest containerd, and of these what
    ``combinations(daily=...)`` or ``in_turn`` chooses.
    """
    left_out = [item for item in items if not _is_chosen(item, "chosen")]
    config.hook.pytest_deselected(items=left_out)
    items[:] = [item for item in items if _is_chosen(item, "chosen")]
    for item in items:
        if not _is_chosen(item, "daily"):
            item.add_marker(pytest.mark.exhaustive)
    for item in not_in_turn(items):
        item.add_marker(pytest.mark.exhaustive)
    yield
    items.sort(key=lambda item: rank_of(item.nodeid))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(
    item: pytest.Item, nextitem: pytest.Item | None
) -> Generator[None, None, None]:
    """Stop the clusters that the next test does not ask for."""
    yield
    running = item.config.stash.get(CLUSTERS, None)
    if running is not None:
        running.stop(kept=getattr(nextitem, "fixturenames", ()))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> ByPart:
    """Spread the tests over workers; see spread."""
    return ByPart(config, log)


def _is_chosen(item: pytest.Item, way: str) -> bool:
    """Whether the test's mark chooses its parameters; where it has none, they are
    chosen. Not so those between the oldest and the newest containerd daily.
    """
    mark = item.get_closest_marker("combinations")
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    if mark is not None and way in mark.kwargs:
        return bool(mark.kwargs[way](**parameters))
    release = parameters.get("containerd_release")
    return way != "daily" or release is None or release in EDGES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the matrix, if any of it ran, what tests have measured, and how long
    scripts/test's parts took.
    """
    reports = [
        report
        for outcome in ("passed", "failed")
        for report in terminalreporter.stats.get(outcome, [])
    ]
    cells = [
        (Cell(*value), report.outcome)
        for report in reports
        for name, value in report.user_properties
        if name == CELL
    ]
    if cells:
        terminalreporter.section("matrix of registries")
        for line in table(cells):
            terminalreporter.line(line)
    figures = [
        str(value)
        for report in reports
        for name, value in report.user_properties
        if name == _FIGURE
    ]
    if figures:
        terminalreporter.section("figures")
        for line in figures:
            terminalreporter.line(line)
    if "TEST_TIMES" in os.environ:
        terminalreporter.section("times")
        own = int(time.time()) - int(os.environ["TEST_BEGUN"])
        told = f"{os.environ['TEST_TIMES']}{own:6} s  End to end"
        whole = sum(int(line.split()[0]) for line in told.splitlines())
        terminalreporter.line(f"{told}\n{whole:6} s  all of it")


class Pulls:
    """A node's pulls, with what a test wants to know of them."""

    def __init__(self, node: PullingNode) -> None:
        self._node = node

    def work(self, reference: str) -> None:
        """Pull, and check that containerd now has the image."""
        self._node.pull(reference)
        assert self._node.containerd.cri.has_image(reference)

    def fail(self, reference: str, *words: str) -> None:
        """Check that a pull fails, with these words, and leaves no image."""
        with pytest.raises(PullFailed) as failed:
            self._node.pull(reference)
        for each in words:
            assert each in str(failed.value)
        assert not self._node.containerd.cri.has_image(reference)


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Figure:
    """Have a line with what the test has measured printed at the end of the run."""
    return lambda line: record_property(_FIGURE, line)


@pytest.fixture(scope="session")
def clusters(
    harness_network: HarnessNetwork, pytestconfig: pytest.Config
) -> Iterator[Clusters]:
    """Clusters on that network, which also end when the run is interrupted."""
    running = pytestconfig.stash[CLUSTERS] = Clusters()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def kubernetes_cluster(
    clusters: Clusters, new_kubernetes_cluster: NewCluster
) -> Cluster:
    """The harness' own, also for the tests of the next file."""
    return clusters.get("kubernetes_cluster", "", new_kubernetes_cluster())


@pytest.fixture(scope="module", params=["Node,RBAC"])
def cluster_of_three(
    request: pytest.FixtureRequest,
    clusters: Clusters,
    new_cluster_of_three: NewClusterOfThree,
) -> Cluster:
    """The harness' own, also for the tests of the next file."""
    new = new_cluster_of_three(request.param)
    return clusters.get("cluster_of_three", request.param, new)


@pytest.fixture
def pulls(microk8s_node: PullingNode) -> Pulls:
    """Pulls on the node of this run."""
    return Pulls(microk8s_node)


def run(*done: ProgramResult) -> None:
    """Check that programs of the addon ended well and complained of nothing."""
    for each in done:
        assert (each.exit_code, each.stderr) == (0, "")


@pytest.fixture
def untouched(microk8s_node: PullingNode) -> Iterator[Snapshot]:
    """Check that after the test the node is as before, and containerd was never
    restarted.
    """
    before = microk8s_node.node.snapshot()
    starts, asked = microk8s_node.containerd.starts, list(
        microk8s_node.snapctl.requests
    )
    yield before
    microk8s_node.node.disable()
    assert difference(before, microk8s_node.node.snapshot()) == []
    assert microk8s_node.containerd.starts == starts
    assert microk8s_node.snapctl.requests == asked


@pytest.fixture(scope="session")
def ca_file(
    certificate_authority: CertificateAuthority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The CA of the TLS registries, as a file."""
    path = tmp_path_factory.mktemp("ca") / "ca.crt"
    path.write_bytes(certificate_authority.pem)
    return path


@pytest.fixture(scope="session")
def upstream(session_registry: NewRegistry) -> Registry:
    """A TLS registry that others are mirrors of."""
    return session_registry(RegistrySpec(tls=True))


@pytest.fixture(scope="session")
def trusting_engine(
    docker_engine: DockerEngine,
    plain_registry: Registry,
    tls_registry: Registry,
    mtls_registry: Registry,
) -> DockerEngine:
    """A Docker engine that may push to all registries of the matrix."""
    docker_engine.trust_insecure(plain_registry.host)
    for registry in (tls_registry, mtls_registry):
        assert registry.ca is not None
        docker_engine.trust_ca(registry.host, registry.ca, registry.client)
    return docker_engine


def parts_in_docker(client: docker.DockerClient) -> list[str]:
    """List the owners of all containers and networks of the harness."""
    networks = client.networks.list(filters={"label": LABEL})
    owners = [str(each.labels[LABEL]) for each in labelled(client)]
    return owners + [str(each.attrs["Labels"][LABEL]) for each in networks]
