"""Fixtures for tests that pull from real registries.

``-p registry_harness.pytest_plugin``.

Where the package is installed, pytest loads it by itself. Registries live as long as
the session. When a test fails, what the running parts printed lately is shown with it.
When something that must be installed is missing, a test is skipped with the reason;
where the environment says CI, it fails.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import docker
import docker.errors
import pytest

from registry_harness.containerd.releases import (
    EDGES,
    ContainerdRelease,
    fetch_releases,
)
from registry_harness.docker.engine import DockerEngine
from registry_harness.docker.release import fetch_newest_engine
from registry_harness.errors import MissingPartError
from registry_harness.machine.workspace import remove_stale_workspaces, workspace
from registry_harness.node.microk8s_node import MicroK8sNode
from registry_harness.node.pulling_node import PullingNode, pulling_node
from registry_harness.registries.certificates import CertificateAuthority
from registry_harness.registries.distribution import DEFAULT
from registry_harness.registries.image import registry_image as find_registry_image
from registry_harness.registries.kinds import TRANSPORTS
from registry_harness.registries.network import HarnessNetwork
from registry_harness.registries.registry import (
    Registry,
    RegistrySpec,
    running_registry,
)

# Kubernetes has fixtures of its own.
pytest_plugins = ["registry_harness.kubernetes.fixtures"]

_SHOWN_LINES = 25
# By name; several parts may have the same one.
_logs = pytest.StashKey[list[tuple[str, Callable[[], str]]]]()

NewRegistry = Callable[[RegistrySpec], Registry]
RegistryImages = Callable[[str], str]


class RegistryOfKind(Protocol):
    """Returns the session's registry of a kind."""

    def __call__(
        self, transport: str, authentication: str, distribution: str = DEFAULT
    ) -> Registry:
        """Return the one of TRANSPORTS, of AUTHENTICATIONS and of a version of
        distribution.
        """


def pytest_configure(config: pytest.Config) -> None:
    """Make room for the logs of running parts."""
    config.stash[_logs] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show with a failed test what the running parts printed lately.

    Skip what cannot run here.
    """
    report = yield
    error = None if call.excinfo is None else call.excinfo.value
    if isinstance(error, MissingPartError) and not os.environ.get("CI"):
        path, line, _ = item.location
        reason = (
            f"{error.message}; do: {error.remedy}" if error.remedy else error.message
        )
        report.outcome, report.longrepr = "skipped", (
            path,
            line or 0,
            f"Skipped: {reason}",
        )
    elif report.failed:
        for name, log in item.config.stash[_logs]:
            report.sections.append((f"log of {name}", _end_of(log)))
    return report


def _end_of(log: Callable[[], str]) -> str:
    try:
        return "\n".join(log().splitlines()[-_SHOWN_LINES:])
    except OSError as error:
        # The engine or the container is gone; that must not hide why the test failed.
        return f"cannot be read: {error}"


@contextmanager
def log_on_failure(
    config: pytest.Config, name: str, log: Callable[[], str]
) -> Iterator[None]:
    """Show the end of a log with each test that fails in this block.

    Args:
        config: pytest's.
        name: of the part that the log is of.
        log: returns all that it printed; may raise OSError.
    """
    shown = (name, log)
    config.stash[_logs].append(shown)
    try:
        yield
    finally:
        config.stash[_logs].remove(shown)


@pytest.fixture(scope="session")
def addon_repository(pytestconfig: pytest.Config) -> Path:
    """The repository with addons.yaml that nodes get; override it for another one."""
    return pytestconfig.rootpath


@pytest.fixture(scope="session")
def addon_name(addon_repository: Path) -> str:
    """The addon that nodes enable and disable: the repository's only one, or
    override it.
    """
    (addon,) = (
        each.name for each in (addon_repository / "addons").iterdir() if each.is_dir()
    )
    return addon


@pytest.fixture(scope="session")
def docker_client() -> Iterator[docker.DockerClient]:
    """The Docker engine that registries run in: the one that ``docker`` uses."""
    try:
        client = docker.from_env()
        client.ping()
    except (docker.errors.DockerException, OSError) as error:
        raise MissingPartError(
            "no Docker engine answers", "scripts/setup starts one"
        ) from error
    remove_stale_workspaces()
    with closing(client):
        yield client


@pytest.fixture(scope="session")
def registry_image(docker_client: docker.DockerClient) -> str:
    """Name of an image that runs a registry, of distribution 3.

    Override it for another one.
    """
    return find_registry_image(docker_client)


@pytest.fixture(scope="session")
def registry_images(
    docker_client: docker.DockerClient, registry_image: str
) -> RegistryImages:
    """Names of images by their version of distribution: ``registry_images("2.8")``."""

    @functools.cache
    def image_of(distribution: str) -> str:
        if distribution == DEFAULT:
            return registry_image
        return find_registry_image(docker_client, distribution=distribution)

    return image_of


@pytest.fixture(scope="session")
def harness_network(docker_client: docker.DockerClient) -> Iterator[HarnessNetwork]:
    """A Docker network with addresses that are not loopback."""
    with HarnessNetwork(docker_client) as network:
        yield network


@pytest.fixture(scope="session")
def certificate_authority() -> CertificateAuthority:
    """The CA of all TLS registries of this run."""
    return CertificateAuthority()


@pytest.fixture(scope="session")
def session_registry(
    harness_network: HarnessNetwork,
    certificate_authority: CertificateAuthority,
    registry_images: RegistryImages,
    pytestconfig: pytest.Config,
) -> Iterator[NewRegistry]:
    """Start registries that live as long as the session:
    ``session_registry(RegistrySpec(…))``.
    """
    yield from _starter(
        harness_network, certificate_authority, registry_images, pytestconfig
    )


@pytest.fixture
def new_registry(
    harness_network: HarnessNetwork,
    certificate_authority: CertificateAuthority,
    registry_images: RegistryImages,
    pytestconfig: pytest.Config,
) -> Iterator[NewRegistry]:
    """Start registries that live as long as the test:
    ``new_registry(RegistrySpec(…))``.
    """
    yield from _starter(
        harness_network, certificate_authority, registry_images, pytestconfig
    )


def _starter(
    network: HarnessNetwork,
    authority: CertificateAuthority,
    images: RegistryImages,
    config: pytest.Config,
) -> Iterator[NewRegistry]:
    with ExitStack() as stack:

        def start(spec: RegistrySpec) -> Registry:
            image = images(spec.distribution)
            registry = stack.enter_context(
                running_registry(spec, network, authority, image)
            )
            name = f"registry {registry.url}"
            stack.enter_context(log_on_failure(config, name, registry.log))
            if (server := registry.token_server) is not None:
                name = f"token server {server.realm}"
                stack.enter_context(log_on_failure(config, name, server.log))
            return registry

        yield start


@pytest.fixture(scope="session")
def registry_of_kind(session_registry: NewRegistry) -> RegistryOfKind:
    """Registries by TRANSPORTS and AUTHENTICATIONS, each started once: ``(transport,
    login)``.

    A third argument is the version of distribution, if it is to be another one than 3.
    """
    started = functools.cache(session_registry)

    def of_kind(
        transport: str, authentication: str, distribution: str = DEFAULT
    ) -> Registry:
        asks_itself, sends_away = (
            authentication == "htpasswd",
            authentication == "token",
        )
        spec = replace(TRANSPORTS[transport], htpasswd=asks_itself, token=sends_away)
        return started(replace(spec, distribution=distribution))

    return of_kind


@pytest.fixture(scope="session")
def plain_registry(registry_of_kind: RegistryOfKind) -> Registry:
    """A registry that speaks plain HTTP."""
    return registry_of_kind("http", "none")


@pytest.fixture(scope="session")
def tls_registry(registry_of_kind: RegistryOfKind) -> Registry:
    """A registry with a certificate of the run's own CA."""
    return registry_of_kind("tls", "none")


@pytest.fixture(scope="session")
def mtls_registry(registry_of_kind: RegistryOfKind) -> Registry:
    """A TLS registry that wants a client certificate."""
    return registry_of_kind("mtls", "none")


@pytest.fixture(scope="session")
def htpasswd_registry(registry_of_kind: RegistryOfKind) -> Registry:
    """A plain HTTP registry that wants a user name and password."""
    return registry_of_kind("http", "htpasswd")


@pytest.fixture(scope="session")
def tls_htpasswd_registry(registry_of_kind: RegistryOfKind) -> Registry:
    """A TLS registry that wants a user name and password."""
    return registry_of_kind("tls", "htpasswd")


@pytest.fixture(scope="session")
def token_registry(registry_of_kind: RegistryOfKind) -> Registry:
    """A plain HTTP registry that sends its clients to a token server."""
    return registry_of_kind("http", "token")


@pytest.fixture(scope="session")
def tls_token_registry(registry_of_kind: RegistryOfKind) -> Registry:
    """A TLS registry that sends its clients to a token server."""
    return registry_of_kind("tls", "token")


@pytest.fixture(scope="session")
def mirror_registry(
    session_registry: NewRegistry, plain_registry: Registry
) -> Registry:
    """A pull-through mirror of ``plain_registry``."""
    return session_registry(RegistrySpec(proxy_of=plain_registry))


@pytest.fixture(scope="session")
def containerd_releases() -> dict[str, ContainerdRelease]:
    """The containerd releases of this machine by series, fetched where they are not
    here.
    """
    return fetch_releases(lambda _line: None)


@pytest.fixture(
    scope="session", params=EDGES, ids=lambda series: f"containerd-{series}"
)
def containerd_release(request: pytest.FixtureRequest) -> ContainerdRelease:
    """The oldest containerd, then the newest.

    A test may choose others by ``indirect``.
    """
    return fetch_releases(lambda _line: None, [request.param])[request.param]


@pytest.fixture(scope="session")
def microk8s_node(
    containerd_release: ContainerdRelease,
    addon_repository: Path,
    addon_name: str,
    pytestconfig: pytest.Config,
) -> Iterator[PullingNode]:
    """A throwaway node with a running containerd: the oldest one, then the newest."""
    with pulling_node(containerd_release, addon_repository, addon_name) as node:
        name = f"containerd {containerd_release.version}"
        with log_on_failure(pytestconfig, name, node.containerd.log):
            yield node


@pytest.fixture
def microk8s_files(
    addon_repository: Path, addon_name: str, tmp_path: Path
) -> MicroK8sNode:
    """A throwaway node without containerd: directories and programs.

    Needs no root, no Docker.
    """
    return MicroK8sNode(tmp_path / "node", addon_repository, addon_name)


@pytest.fixture(scope="session", params=["installed", "newest"])
def dockerd(request: pytest.FixtureRequest) -> Path:
    """The installed Docker engine's program, then that of the newest package."""
    if request.param == "installed":
        return Path("dockerd")
    return fetch_newest_engine(lambda _line: None)


@pytest.fixture(scope="session")
def docker_engine(pytestconfig: pytest.Config) -> Iterator[DockerEngine]:
    """A Docker engine of the harness's own, for pushing."""
    with (
        workspace() as work,
        DockerEngine(work / "d") as engine,
        log_on_failure(pytestconfig, "docker engine", engine.log),
    ):
        yield engine
