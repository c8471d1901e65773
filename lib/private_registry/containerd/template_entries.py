"""What registries need in CRI's own registry section: credentials, and all else on
older nodes.

A node whose template has a ``config_path`` reads hosts.toml files, and only credentials
stand in the template (containerd docs/cri/registry.md). A *legacy* node has none, and
there mirrors and TLS settings stand in the template, too.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from private_registry.containerd.hosts_toml import TrustFiles
from private_registry.containerd.releases import (
    DEFAULT_CONFIG_PATH,
    TLS_OF_MIRRORS_GONE,
    Version,
    dotted,
)
from private_registry.containerd.template import Entry
from private_registry.errors import UnsupportedError, UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.registries.mirror_urls import Endpoint
from private_registry.registries.model import Credentials, Registry, Tls
from private_registry.registries.names import DOCKER_HUB, RegistryName

MIGRATE = (
    'set config_path = "${SNAP_DATA}/args/certs.d" in its registry section, take its'
    " mirrors and configs.*.tls out, and run: microk8s stop; microk8s start"
)


class OwnedEntry(NamedTuple):
    """An entry, and the registries that it is for."""

    entry: Entry
    owners: Tuple[RegistryName, ...]


class _Use(NamedTuple):
    """An endpoint as one registry uses it."""

    endpoint: Endpoint
    tls: Tls
    credentials: Optional[Credentials]
    registry: Registry
    prefix: str


def credential_entries(registries: Iterable[Registry]) -> List[OwnedEntry]:
    """Return the credentials, keyed by the host that answers 401.

    containerd knows one pair for each host (remotes/docker/authorizer.go,
    pkg/cri/server image_pull.go).

    Raises:
        UsageError: two registries or mirrors give one host different ones.
    """
    found: Dict[str, OwnedEntry] = {}
    for use in _uses(registries):
        if use.credentials is None or use.credentials.is_kubelets:
            continue
        value = {
            "username": use.credentials.username,
            "password": use.credentials.password,
        }
        entry = Entry(("configs", use.endpoint.authority, "auth"), value)
        _add(found, entry, use, "credentials")
    return list(found.values())


def legacy_entries(registries: Iterable[Registry], certs_d: str) -> List[OwnedEntry]:
    """Return mirrors and TLS settings as a node without ``config_path`` reads them.

    An endpoint's path is taken as it is there, and the registry itself is always asked
    last (containerd pkg/cri/server/image_pull.go registryEndpoints).

    Args:
        registries: what to write.
        certs_d: directory of the certificate files' directories, as the template may
            name it.

    Raises:
        UsageError: two registries or mirrors give one host different TLS settings.
    """
    mirrors: List[OwnedEntry] = []
    tls: Dict[str, OwnedEntry] = {}
    trusted: Dict[str, Tls] = {}
    for registry in registries:
        value = {"endpoint": _endpoints(registry)}
        mirrors.append(
            OwnedEntry(Entry(("mirrors", str(registry.name)), value), (registry.name,))
        )
        for use in _uses([registry]):
            host = use.endpoint.authority
            if use.tls.is_default:
                continue
            if trusted.setdefault(host, use.tls) != use.tls:
                raise _two(host, "TLS settings", (tls[host].owners[0], registry.name))
            directory = f"{certs_d}/{registry.name.directory}"
            entry = Entry(("configs", host, "tls"), _tls(use, directory))
            known = tls.get(host, OwnedEntry(entry, ()))
            tls[host] = known._replace(owners=(*known.owners, registry.name))
    return [*mirrors, *tls.values()]


def check_legacy(registry: Registry, version: Optional[Version]) -> None:
    """Refuse what a node without ``config_path`` cannot do.

    Raises:
        UnsupportedError: its containerd would not do it, or not start CRI.
    """
    if not registry.fallback:
        raise UnsupportedError(
            f"{registry.name}: --no-fallback cannot be promised: without config_path,"
            " containerd always asks the registry itself last",
            remedy="leave --no-fallback (fallback = false) out, or " + MIGRATE,
        )
    has_tls = any(not use.tls.is_default for use in _uses([registry]))
    if version is not None and version >= TLS_OF_MIRRORS_GONE and has_tls:
        raise UnsupportedError(
            f"{registry.name}: without config_path, containerd {dotted(version)} reads"
            " no CA, client certificate or skip_verify",
            remedy=MIGRATE,
        )
    if (
        version is not None
        and DEFAULT_CONFIG_PATH[0] <= version < DEFAULT_CONFIG_PATH[1]
    ):
        raise UnsupportedError(
            f"{registry.name}: without config_path, containerd {dotted(version)} does"
            " not start CRI with a mirror",
            remedy=MIGRATE,
        )


def _add(found: Dict[str, OwnedEntry], entry: Entry, use: _Use, what: str) -> None:
    host, name = use.endpoint.authority, use.registry.name
    known = found.get(host, OwnedEntry(entry, ()))
    if known.entry.value != entry.value:
        raise _two(host, what, (known.owners[0], name))
    found[host] = known._replace(owners=(*known.owners, name))


def _two(host: str, what: str, names: Tuple[RegistryName, RegistryName]) -> UsageError:
    first, second = names
    return UsageError(
        f"{host} cannot have one set of {what} for {first} and another for {second}",
        remedy="give both the same; containerd keeps one for each host",
    )


def _uses(registries: Iterable[Registry]) -> Iterator[_Use]:
    for registry in registries:
        if not registry.name.is_every_registry:
            yield _Use(
                registry.upstream, registry.tls, registry.credentials, registry, ""
            )
        for number, mirror in enumerate(registry.mirrors, start=1):
            prefix = f"mirror-{number}-"
            yield _Use(
                mirror.endpoint, mirror.tls, mirror.credentials, registry, prefix
            )


def _endpoints(registry: Registry) -> List[str]:
    urls = [mirror.endpoint.url for mirror in registry.mirrors]
    is_added = registry.name.is_every_registry or str(registry.name) == DOCKER_HUB
    if not urls or not is_added:
        urls.append(registry.upstream.url)
    return urls


def _tls(use: _Use, directory: str) -> Dict[str, Any]:
    names = TrustFiles.named(use.prefix)
    value: Dict[str, Any] = {}
    if use.tls.ca is not None:
        value["ca_file"] = f"{directory}/{names.ca}"
    if use.tls.client is not None:
        value["cert_file"] = f"{directory}/{names.certificate}"
        value["key_file"] = f"{directory}/{names.key}"
    if use.tls.skip_verify:
        value["insecure_skip_verify"] = True
    return value
