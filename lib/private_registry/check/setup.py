"""Setups: whom a remedy is for, and how that is configured on this node."""

from __future__ import annotations

from typing import Callable, Dict, FrozenSet, Optional, Tuple

from private_registry.check.lint.drafts import File
from private_registry.check.reading.reading import HostEntry, Reading, Trust
from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.registries.mirror_urls import is_docker_hub, parse_mirror_url
from private_registry.registries.model import Registry
from private_registry.registries.names import (
    DOCKER_HUB,
    DOCKER_HUB_SERVER,
    EVERY_REGISTRY,
)

SERVICE = "microk8s.daemon-containerd"


class Files(NamedTuple):
    """Where a node's settings are, as people see it; empty where that is not known.

    Args:
        template: containerd's configuration as MicroK8s keeps it.
        environment: containerd's environment.
        certs_d: the directory of hosts.toml trees.
    """

    template: str = ""
    environment: str = ""
    certs_d: str = ""


class OnNode(NamedTuple):
    """What containerd reads for a registry, and the files that it is from.

    Args:
        reading: of the registry.
        written: see Setup.
        directory: see Setup.
        names: see Setup.
    """

    reading: Reading
    written: Optional[File] = None
    directory: str = ""
    names: Tuple[str, ...] = ()

    def added_to(self, setup: Setup) -> Setup:
        """Return a setup with these files."""
        return setup._replace(
            written=self.written, directory=self.directory, names=self.names
        )


def _unknown(_registry: str) -> Optional[OnNode]:
    return None


class NodeFacts(NamedTuple):
    """What is known of the node that an error text comes from; all may be missing.

    Args:
        has_plugin: ``microk8s private-registry`` is there.
        saved: the registries of registries.toml.
        handwritten: registries whose directory in certs.d somebody else made.
        files: of the node.
        service: name of containerd's.
        on_node: returns what containerd reads for a registry; None where that is not
            known.
    """

    has_plugin: bool = True
    saved: Tuple[Registry, ...] = ()
    handwritten: FrozenSet[str] = frozenset()
    files: Files = Files()
    service: str = SERVICE
    on_node: Callable[[str], Optional[OnNode]] = _unknown


NO_FACTS = NodeFacts()


class Setup(NamedTuple):
    """Whom a remedy is for, and what is known of its configuration.

    Args:
        registry: as image references spell it, or ``*``; empty where that is not known.
        url: of who was asked, as a mirror's URL is typed; empty for the registry.
        is_mirror: that is a mirror of the registry.
        mirrors: URLs of all that the registry has; none where only the one that was
            asked is known.
        falls_back: the registry itself is asked behind its mirrors.
        speaks: ``http`` or ``https``, as far as that came out.
        trust: TLS settings that are there; None where they are not known.
        where: file and line that the cause is in.
        is_saved: registries.toml knows the registry.
        by_hand: what stands there was written, or changed, by somebody else.
        has_login: the node logs in to it.
        login_at: address of another host whose login it is about, where the registry
            redirects to one.
        instead: URL of the same host where a registry answers, in place of one that is
            none; empty where none is known.
        lacks_ca: if it were asked by HTTPS, its CA would not be known.
        has_plugin: ``microk8s private-registry`` is there; else the first enable is to
            come.
        in_docker: it is a Docker engine that complains.
        image: that was pulled; empty where that is not known.
        pull_secret: name of the one that a pod wants; empty where that is not known.
        namespace: of that pod; likewise.
        files: of the node; without them no command changes one.
        service: name of containerd's.
        entries: whom containerd asks now; None where that is not known.
        asked: the one of them that it is about; None for none.
        written: the hosts.toml that says so, as somebody else wrote it; None for none,
            and where it is not known.
        directory: of that file, or of certificates without one; empty likewise.
        names: of what is in that directory.
        saved: what registries.toml says of the registry.
    """

    registry: str = ""
    url: str = ""
    is_mirror: bool = False
    mirrors: Tuple[str, ...] = ()
    falls_back: bool = True
    speaks: str = ""
    trust: Optional[Trust] = None
    where: str = ""
    is_saved: bool = False
    by_hand: bool = False
    has_login: bool = False
    login_at: str = ""
    instead: str = ""
    lacks_ca: bool = False
    has_plugin: bool = True
    in_docker: bool = False
    image: str = ""
    pull_secret: str = ""
    namespace: str = ""
    files: Files = Files()
    service: str = SERVICE
    entries: Optional[Tuple[HostEntry, ...]] = None
    asked: Optional[HostEntry] = None
    written: Optional[File] = None
    directory: str = ""
    names: Tuple[str, ...] = ()
    saved: Optional[Registry] = None

    @property
    def scheme(self) -> str:
        """``http`` or ``https``, as it is to be asked."""
        if self.is_docker_hub:
            return "https"
        is_plain = self.url.startswith("http://") and self.speaks != "https"
        return "http" if is_plain or self.speaks == "http" else "https"

    @property
    def authority(self) -> str:
        """``HOST[:PORT]`` of who was asked; empty where nobody is known."""
        rest = self.url.partition("://")[2].partition("/")[0]
        own = DOCKER_HUB_SERVER if self.registry == DOCKER_HUB else self.registry
        return rest or own

    @property
    def who(self) -> str:
        """Who was asked, for people."""
        return self.authority or "the registry"

    @property
    def is_docker_hub(self) -> bool:
        """Whether Docker Hub itself was asked."""
        return self.registry == DOCKER_HUB and not self.is_mirror

    @property
    def restart(self) -> str:
        """What people type to restart containerd."""
        return f"sudo snap restart {self.service}"


def setup_of(reading: Reading, entry: Optional[HostEntry], speaks: str) -> Setup:
    """Return the setup of a registry as containerd reads its configuration.

    Args:
        reading: that configuration.
        entry: the endpoint that it is about; None where it is about files.
        speaks: what that one speaks, as far as that came out.
    """
    is_mirror = entry is not None and not is_own(reading.registry, entry)
    is_every = reading.registry == EVERY_REGISTRY
    return Setup(
        reading.registry,
        "" if entry is None else typed_url(entry.scheme, entry),
        is_mirror,
        _mirrors(reading),
        is_every or any(is_own(reading.registry, each) for each in reading.entries),
        speaks,
        Trust() if entry is None else entry.trust,
        "" if entry is None else entry.where,
        by_hand=bool(reading.source),
        entries=reading.entries,
        asked=entry,
    )


def can_be_typed(url: str) -> bool:
    """Whether a mirror's URL, as some file has it, is one for a command line."""
    try:
        parse_mirror_url(url, "--mirror")
    except UsageError:
        return False
    return True


def with_scheme(url: str, scheme: str) -> str:
    """Return a URL with another scheme."""
    return f"{scheme}://{url.partition('://')[2]}"


def _mirrors(reading: Reading) -> Tuple[str, ...]:
    found: Dict[Tuple[str, str], str] = {}
    for entry in reading.entries:
        url = typed_url(entry.scheme, entry)
        if not is_own(reading.registry, entry) and can_be_typed(url):
            found.setdefault((entry.authority, entry.path), url)
    return tuple(found.values())


def is_own(registry: str, entry: HostEntry) -> bool:
    """Whether an endpoint is the registry itself."""
    if registry == DOCKER_HUB:
        return is_docker_hub(entry.authority)
    return entry.authority == registry


def typed_url(scheme: str, entry: HostEntry) -> str:
    """Return an endpoint's URL as it is typed for a mirror."""
    path = "" if entry.path == "/v2" else entry.path
    return f"{scheme}://{entry.authority}{path}"
