"""Every kind of registry by every way on every containerd: refused, enabled, pulled,
and back.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass
from pathlib import Path

import pytest

from registry_harness import (
    PullingNode,
    Registry,
    RegistrySpec,
    difference,
    fill,
    pulling_node,
)
from registry_harness.containerd.releases import ContainerdRelease
from registry_harness.containerd.template import CERTS_D_TEMPLATE, LEGACY_TEMPLATE
from registry_harness.pytest_plugin import NewRegistry, RegistryOfKind, log_on_failure

from .conftest import HTTP_TO_HTTPS, NOT_FOUND, PAUSE_IMAGE, UNKNOWN_CA, Pulls, run
from .matrix import CELL, CELLS, DAILY, LEGACY, NODES, ROWS, Cell

REFUSALS = ("cannot be promised", "reads no CA")
RESTART = "restart microk8s.daemon-containerd"


@pytest.fixture(scope="module")
def node(
    request: pytest.FixtureRequest,
    containerd_releases: dict[str, ContainerdRelease],
    addon_repository: Path,
    addon_name: str,
    pytestconfig: pytest.Config,
) -> Iterator[tuple[tuple[str, str], PullingNode]]:
    """Each node of the matrix in turn, with its series and mode."""
    series, mode = request.param
    release = containerd_releases[series]
    template = LEGACY_TEMPLATE if mode == LEGACY else CERTS_D_TEMPLATE
    with (
        pulling_node(release, addon_repository, addon_name, template) as made,
        log_on_failure(
            pytestconfig, f"containerd {series} {mode}", made.containerd.log
        ),
    ):
        made.containerd.load(PAUSE_IMAGE)
        yield request.param, made


@pytest.fixture(scope="module")
def plain_upstream(session_registry: NewRegistry) -> Registry:
    """A registry without TLS that others are mirrors of."""
    return session_registry(RegistrySpec())


@dataclass(frozen=True)
class Login:
    """What containerd says of a login.

    Args:
        missing: without credentials.
        wrong: with a wrong password.
    """

    missing: str
    wrong: str


def _login(authentication: str, series: str) -> Login:
    """Return containerd's words (remotes/docker/authorizer.go and resolver.go of
    each version).
    """
    status = "401 Unauthorized"
    if authentication == "token":
        words = "failed to authorize: failed to fetch {} token: unexpected status"
        return Login(words.format("anonymous"), words.format("oauth"))
    if series == "1.6":
        return Login(status, status)
    return Login(
        "no basic auth credentials", "unexpected status from HEAD request to http"
    )


class Play:
    """A cell's actors and what they do.

    Args:
        cell: which.
        made: its node.
        registry: the registry of the cell's kind: asked itself, or as a mirror.
        other: whose mirror it is.
        ca: file of the registries' CA.
        work: for files.
    """

    def __init__(
        self,
        cell: Cell,
        made: PullingNode,
        registry: Registry,
        other: Registry,
        ca: Path,
        work: Path,
    ) -> None:
        self.cell, self.made, self.registry, self.other = cell, made, registry, other
        self.pulls = Pulls(made)
        self._ca, self._work = ca, work

    def options(self) -> list[str]:
        """Return what names the registry to the addon, without credentials."""
        tls = self._tls()
        if self.cell.way == "direct":
            kind = "--registry" if self.registry.spec.tls else "--insecure"
            return [kind, self.registry.host, *tls]
        only = ["--no-fallback"] if self.cell.way == "mirror-only" else []
        return ["--mirror", f"{self.other.host}={self.registry.url}", *only, *tls]

    def _tls(self) -> list[str]:
        if not self.registry.spec.tls:
            return []
        options = ["--ca", str(self._ca)]
        if self.registry.client is not None:
            for name, content in (
                ("cert", self.registry.client.certificate),
                ("key", self.registry.client.key),
            ):
                (self._work / name).write_bytes(content)
                options += [f"--client-{name}", str(self._work / name)]
        return options

    def add(self, *options: str, password: str = "") -> None:
        """Run the plugin's add, which must work."""
        done = self.made.node.plugin(
            "private-registry", "add", *options, stdin=password
        )
        run(done)

    def log_in(self, password: str) -> None:
        """Give the registry credentials."""
        assert self.registry.credentials is not None
        plain = [] if self.registry.spec.tls else ["--allow-plaintext-credentials"]
        login = ["--username", self.registry.credentials.username, "--password-stdin"]
        target = self.options()[:2]
        only = ["--no-fallback"] if self.cell.way == "mirror-only" else []
        self.add(*target, *only, *login, *plain, password=password)

    def image(self) -> str:
        """Put a new image where this cell's pulls must find it.

        Return its reference.
        """
        name = f"app-{secrets.token_hex(4)}"
        fill(self.registry, name)
        return (self.registry if self.cell.way == "direct" else self.other).reference(
            name
        )

    def works(self) -> None:
        """Pull from the registry, and nothing of it from another one."""
        reference = self.image()
        self.pulls.work(reference)
        name = reference.partition("/")[2].partition(":")[0]
        assert self.registry.pulls(name)
        assert self.registry is self.other or not self.other.pulls(name)

    def is_clean(self) -> None:
        """Check an image, and all that is configured: no false alarm."""
        subject = [] if self.cell.way == "direct" else [self.image()]
        done = self.made.node.plugin("private-registry", "check", *subject)
        assert (done.exit_code, done.stderr) == (0, ""), done.stdout

    def falls_back(self) -> None:
        """Pull what only the registry itself has, once it is trusted."""
        name = f"other-{secrets.token_hex(4)}"
        reference = fill(self.other, name)
        self.pulls.fail(reference)
        tls = ["--registry", self.other.host, "--ca", str(self._ca)]
        self.add(*(tls if self.other.spec.tls else ["--insecure", self.other.host]))
        self.pulls.work(reference)
        assert self.other.pulls(name)
        assert not self.registry.pulls(name)


def _is_run(node: tuple[str, str], row: tuple[str, ...]) -> bool:
    return Cell(*node, *row) in CELLS


def _is_daily(node: tuple[str, str], row: tuple[str, ...]) -> bool:
    return Cell(*node, *row) in DAILY


@pytest.mark.parametrize("node", NODES, ids="-".join, indirect=True)
@pytest.mark.parametrize("row", ROWS, ids="-".join)
@pytest.mark.combinations(chosen=_is_run, daily=_is_daily)
def test_matrix(
    row: tuple[str, ...],
    node: tuple[tuple[str, str], PullingNode],
    registry_of_kind: RegistryOfKind,
    upstream: Registry,
    plain_upstream: Registry,
    ca_file: Path,
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    (series, mode), made = node
    cell = Cell(series, mode, *row)
    record_property(CELL, astuple(cell))
    registry = registry_of_kind(cell.transport, cell.authentication, cell.distribution)
    mirrored = plain_upstream if cell.reads_no_ca else upstream
    other = registry if cell.way == "direct" else mirrored
    play = Play(cell, made, registry, other, ca_file, tmp_path)
    before, asked = made.node.snapshot(), len(made.snapctl.requests)
    if cell.is_refused:
        done = made.node.enable(*play.options())
        assert done.exit_code == 4
        assert any(words in done.stderr for words in REFUSALS), done
    else:
        try:
            restarts = _refused_enabled_pulled(play)
        finally:
            # Also where it went wrong: the next cell has the same node.
            undone = made.node.disable()
        run(undone)
        play.pulls.fail(play.image(), _without_configuration(play))
        expected = restarts + 1 if cell.needs_restart else 0
        assert made.snapctl.requests[asked:] == [RESTART] * expected
    assert difference(before, made.node.snapshot()) == []


def _refused_enabled_pulled(play: Play) -> int:
    """Play the cell's middle; return how many restarts it is to have taken."""
    cell = play.cell
    play.pulls.fail(play.image(), _without_configuration(play))
    run(play.made.node.enable(*play.options()))
    restarts = 1 if cell.is_legacy else 0
    if cell.authentication != "none":
        assert play.registry.credentials is not None
        login = _login(cell.authentication, cell.series)
        play.pulls.fail(play.image(), login.missing)
        play.log_in("wrong " + play.registry.credentials.password)
        play.pulls.fail(play.image(), login.wrong)
        play.log_in(play.registry.credentials.password)
        restarts += 2
    play.works()
    play.is_clean()
    if cell.way == "mirror":
        play.falls_back()
        play.is_clean()
        restarts += cell.is_legacy
    elif cell.way == "mirror-only":
        name = f"other-{secrets.token_hex(4)}"
        play.pulls.fail(fill(play.other, name), NOT_FOUND)
        assert not play.other.pulls(name)
    return restarts


def _without_configuration(play: Play) -> str:
    return UNKNOWN_CA if play.other.spec.tls else HTTP_TO_HTTPS
