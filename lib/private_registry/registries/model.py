"""What the node should do for each registry: the desired state, as plain values.

A new field starts here; then registries_toml.py reads and writes it, hosts_toml.py
renders it and cli/command_line.py gives it an option.
"""

from __future__ import annotations

import posixpath
from typing import Iterable, Optional, Tuple

from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.registries.mirror_urls import Endpoint
from private_registry.registries.names import RegistryName
from private_registry.texts.showing import shown_place

# Where a login is kept: with containerd's configuration, or with the kubelet's.
CONTAINERD, KUBELET = "containerd", "kubelet"
KEEPERS = (CONTAINERD, KUBELET)


class ClientCertificate(NamedTuple):
    """What a registry asks of its clients.

    Both texts are PEM. The key never shows in a repr.
    """

    certificate: str
    key: str

    def __repr__(self) -> str:
        return f"ClientCertificate(certificate={self.certificate!r})"


class Tls(NamedTuple):
    """How an HTTPS endpoint is trusted.

    Args:
        ca: PEM text of one or more CA certificates, added to the system's; None for the
            system's.
        client: presented to the endpoint; None for nothing.
        skip_verify: trust any certificate.
    """

    ca: Optional[str] = None
    client: Optional[ClientCertificate] = None
    skip_verify: bool = False

    @property
    def is_default(self) -> bool:
        """Whether containerd needs no TLS settings at all."""
        return self == Tls()


class Credentials(NamedTuple):
    """What a node logs in with where a pod brings no pull secret.

    Args:
        username: without a colon, which HTTP's Basic scheme cannot carry.
        password: never shows in a repr.
        plaintext: they may travel over plain HTTP, where everybody on the way can read
            them.
        login_by: CONTAINERD or KUBELET: who keeps them, and hands them over.
    """

    username: str
    password: str
    plaintext: bool = False
    login_by: str = CONTAINERD

    def __repr__(self) -> str:
        return (
            f"Credentials(username={self.username!r}, plaintext={self.plaintext},"
            f" login_by={self.login_by!r})"
        )

    @property
    def is_kubelets(self) -> bool:
        """Whether the kubelet hands them to containerd with each pull."""
        return self.login_by == KUBELET


class Mirror(NamedTuple):
    """An endpoint that is asked before the registry itself."""

    endpoint: Endpoint
    tls: Tls = Tls()
    credentials: Optional[Credentials] = None


class Registry(NamedTuple):
    """All that the node needs to know about one registry.

    Args:
        name: as image references spell it.
        insecure: the registry itself speaks plain HTTP.
        tls: how the registry itself is trusted.
        mirrors: asked first, in this order.
        fallback: whether the registry itself is asked when no mirror has the image.
        credentials: what the registry itself is logged in to with.
        docker: this host's Docker engine is to trust it, too.
    """

    name: RegistryName
    insecure: bool = False
    tls: Tls = Tls()
    mirrors: Tuple[Mirror, ...] = ()
    fallback: bool = True
    credentials: Optional[Credentials] = None
    docker: bool = False

    @property
    def logins(self) -> Tuple[Tuple[str, Credentials], ...]:
        """``HOST[:PORT]`` of the registry and its mirrors, and the login there is."""
        given = (
            (self.upstream.authority, self.credentials),
            *((each.endpoint.authority, each.credentials) for each in self.mirrors),
        )
        return tuple((host, login) for host, login in given if login is not None)

    @property
    def kubelet_login(self) -> Optional[Credentials]:
        """The login that the kubelet hands over for its images; None for none."""
        login = self.credentials
        return login if login is not None and login.is_kubelets else None

    @property
    def upstream(self) -> Endpoint:
        """The registry's own address."""
        return Endpoint("http" if self.insecure else "https", self.name.server)


def without_itself(registry: Registry) -> Registry:
    """Return a registry without itself as the last mirror: it is asked last anyway.

    The settings of such a mirror are the registry's own then. Without fallback it
    stays.
    """
    while registry.mirrors and registry.fallback:
        last = registry.mirrors[-1]
        if not last.endpoint.is_same(registry.upstream):
            break
        registry = registry._replace(
            mirrors=registry.mirrors[:-1],
            tls=registry.tls if last.tls.is_default else last.tls,
            credentials=last.credentials or registry.credentials,
        )
    return registry


class DesiredState(NamedTuple):
    """What the node is to know.

    Args:
        registries: each name once, in the order they were added.
        docker_config: path of the daemon.json of the Docker engine that is meant; None
            for the one that is there.
    """

    registries: Tuple[Registry, ...] = ()
    docker_config: Optional[str] = None

    @property
    def credentials(self) -> Tuple[Credentials, ...]:
        """All user names and passwords."""
        found = [each.credentials for each in self.registries]
        found += [
            mirror.credentials for each in self.registries for mirror in each.mirrors
        ]
        return tuple(each for each in found if each is not None)

    def get(self, name: RegistryName) -> Optional[Registry]:
        """Return the registry of that name, or None."""
        return next((each for each in self.registries if each.name == name), None)

    def with_registries(self, added: Iterable[Registry]) -> DesiredState:
        """Return the state with these added, each in place of the one of its name."""
        registries = {each.name: each for each in self.registries}
        registries.update((each.name, each) for each in added)
        return self._replace(registries=tuple(registries.values()))

    def without(self, names: Iterable[RegistryName]) -> DesiredState:
        """Return the state without the registries of these names."""
        gone = frozenset(names)
        return self._replace(
            registries=tuple(each for each in self.registries if each.name not in gone)
        )


def checked_docker_config(path: str) -> str:
    """Check the path of a daemon.json.

    Raises:
        UsageError: not an absolute path of a file.
    """
    is_file = posixpath.isabs(path) and path == posixpath.normpath(path) and path != "/"
    if not is_file or not path.isprintable():
        raise UsageError(
            f"{shown_place(path)} is not the absolute path of a file",
            remedy="give that of Docker's daemon.json, such as /etc/docker/daemon.json",
        )
    return path
