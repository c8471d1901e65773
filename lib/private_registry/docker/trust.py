"""What a Docker engine needs, to push to registries and to pull through their mirrors.

Docker takes plain HTTP and unverified certificates from ``insecure-registries`` and
mirrors of Docker Hub from ``registry-mirrors`` of its daemon.json, and certificates
from certs.d/HOST (moby registry/config.go, registry/registry.go,
registry/service_v2.go).
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Mapping, Tuple

from private_registry.containerd.hosts_toml import TrustFiles
from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.node.file_values import (
    SECRET_MODE,
    DockerPlace,
    WantedFile,
    file_mode,
)
from private_registry.registries.mirror_urls import Endpoint
from private_registry.registries.model import Mirror, Registry, Tls
from private_registry.registries.names import DOCKER_HUB, RegistryName

INSECURE, MIRRORS = "insecure-registries", "registry-mirrors"
DAEMON_JSON, CERTS_D = "daemon.json", "certs.d"


class TrustedHost(NamedTuple):
    """A host with certificates of its own.

    Args:
        tls: what is to be known of it.
        owners: the registries that it is for.
    """

    tls: Tls
    owners: Tuple[RegistryName, ...]


class DockerTrust(NamedTuple):
    """What a Docker engine should know.

    Args:
        lists: the texts that lists of daemon.json should hold, by key.
        hosts: whose certificates should stand in certs.d, by ``HOST[:PORT]``.
        notes: what Docker cannot do, for people, a line each.
    """

    lists: Mapping[str, Tuple[str, ...]]
    hosts: Mapping[str, TrustedHost]
    notes: Tuple[str, ...]

    def files(self, place: DockerPlace) -> Dict[str, WantedFile]:
        """Return the files of certs.d, which is at this place, by ``HOST/NAME``."""
        found: Dict[str, WantedFile] = {}
        names = TrustFiles.named("")
        for host, (tls, _) in self.hosts.items():
            parts = [(names.ca, tls.ca, False)]
            if tls.client is not None:
                # A key never stands there without its certificate: Docker then refuses
                # the folder.
                parts.append((names.certificate, tls.client.certificate, False))
                parts.append((names.key, tls.client.key, True))
            for name, text, secret in parts:
                if text is not None:
                    mode = SECRET_MODE if secret else file_mode(place)
                    file = WantedFile(text.encode(), mode, secret, owner=place.owner)
                    found[f"{host}/{name}"] = file
        return found


class _Draft:
    def __init__(self) -> None:
        self.lists: Dict[str, List[str]] = {INSECURE: [], MIRRORS: []}
        self.hosts: Dict[str, TrustedHost] = {}
        self.notes: List[str] = []

    def add(self, key: str, text: str) -> None:
        if text not in self.lists[key]:
            self.lists[key].append(text)

    def trust(self, endpoint: Endpoint, tls: Tls, owner: RegistryName) -> None:
        """Have an endpoint trusted as its TLS settings say."""
        if tls.skip_verify:
            self.add(INSECURE, endpoint.authority)
        if tls.ca is None and tls.client is None:
            return
        host = endpoint.authority
        known = self.hosts.get(host, TrustedHost(tls, ()))
        if known.tls != tls:
            raise UsageError(
                f"Docker cannot trust {host} in one way for {known.owners[0]} and in"
                f" another for {owner}",
                remedy=(
                    "give both the same, or leave --docker (docker = true) out of one"
                ),
            )
        self.hosts[host] = known._replace(owners=(*known.owners, owner))


def docker_trust(registries: Iterable[Registry]) -> DockerTrust:
    """Return what Docker needs for those of the registries that are meant for it.

    Raises:
        UsageError: two of them say different things of one host.
    """
    draft = _Draft()
    for registry in registries:
        if registry.docker:
            _add_registry(draft, registry)
    lists = {key: tuple(texts) for key, texts in draft.lists.items()}
    return DockerTrust(lists, draft.hosts, tuple(draft.notes))


def _add_registry(draft: _Draft, registry: Registry) -> None:
    name = registry.name
    if registry.credentials is not None:
        draft.notes.append(
            f"Docker logs in by itself; who pushes types: docker login {name}"
        )
    if name.is_every_registry:
        draft.notes.append("Docker knows no mirror for every registry")
        return
    is_hub = str(name) == DOCKER_HUB
    if is_hub:
        if not registry.tls.is_default:
            draft.notes.append(
                "Docker trusts Docker Hub itself by the system's CAs alone"
            )
        for mirror in registry.mirrors:
            _add_mirror(draft, registry, mirror)
        if registry.mirrors and not registry.fallback:
            draft.notes.append(
                "Docker asks Docker Hub itself when its mirrors have not an image"
            )
        return
    if registry.insecure:
        draft.add(INSECURE, registry.upstream.authority)
    draft.trust(registry.upstream, registry.tls, name)
    if registry.mirrors:
        draft.notes.append(
            f"Docker knows mirrors of docker.io only, and so none of {name}"
        )


def _add_mirror(draft: _Draft, registry: Registry, mirror: Mirror) -> None:
    if mirror.endpoint.path:
        draft.notes.append(
            f"Docker takes no mirror with a path, and so not {mirror.endpoint.url}"
        )
        return
    draft.add(MIRRORS, mirror.endpoint.url)
    draft.trust(mirror.endpoint, mirror.tls, registry.name)
