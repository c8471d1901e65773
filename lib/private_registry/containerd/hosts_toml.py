"""Render a registry as the files that containerd reads: hosts.toml, CA, client
certificate, key.

Only what every containerd from 1.5 to 2.4 reads alike is written: ``server`` first and
with its scheme, then one ``[host."URL"]`` table for each endpoint in the order to ask
them. The keys at the root hold for ``server`` alone and are not inherited (containerd
hosts.go parseHostsFile), so the last endpoint's TLS settings stand there too.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Tuple

from private_registry.named_tuple import NamedTuple
from private_registry.registries.mirror_urls import Endpoint
from private_registry.registries.model import Registry, Tls
from private_registry.texts import toml_writing

HOSTS_TOML = "hosts.toml"
HEADER = """Written by the MicroK8s addon private-registry-config; to change it:
microk8s private-registry add|remove"""
HEADER_FOR_ALL_NODES = """\
Written by the MicroK8s addon private-registry-config for all nodes; to change it:
microk8s private-registry add|remove --all-nodes, on a control plane node"""
CAPABILITIES = ["pull", "resolve"]


class RegistryFile(NamedTuple):
    """One file in a registry's directory.

    Args:
        name: file name.
        content: what stands in it.
        secret: nobody but root may read it, and it is never shown.
        document: what the content must parse to, for TOML.
    """

    name: str
    content: bytes
    secret: bool = False
    document: Optional[Mapping[str, Any]] = None


class TrustFiles(NamedTuple):
    """Names of the files that an endpoint is trusted by."""

    ca: str
    certificate: str
    key: str

    @staticmethod
    def named(prefix: str) -> TrustFiles:
        """Return the names for an endpoint: no prefix for the registry itself."""
        return TrustFiles(
            prefix + "ca.crt", prefix + "client.cert", prefix + "client.key"
        )


def certificate_files(registry: Registry) -> List[RegistryFile]:
    """Render the certificates and keys alone, for a node that reads no hosts.toml."""
    return [file for file in registry_files(registry, "") if file.name != HOSTS_TOML]


def registry_files(
    registry: Registry, directory: str, header: str = HEADER
) -> List[RegistryFile]:
    """Render all files of a registry's directory.

    hosts.toml, which names the others, comes last.

    Args:
        registry: what to render.
        directory: path of the registry's directory as containerd is to read it, stable
            across snap refreshes; empty for names relative to hosts.toml.
        header: of hosts.toml, for people.
    """
    upstream = _Rendered.of(registry.upstream, registry.tls, "", directory)
    mirrors = [
        _Rendered.of(mirror.endpoint, mirror.tls, f"mirror-{number}-", directory)
        for number, mirror in enumerate(registry.mirrors, start=1)
    ]
    document = _document(registry, upstream, mirrors)
    files = [file for rendered in (upstream, *mirrors) for file in rendered.files]
    text = toml_writing.dumps(document, header)
    return [*files, RegistryFile(HOSTS_TOML, text.encode(), document=document)]


def _document(
    registry: Registry, upstream: _Rendered, mirrors: List[_Rendered]
) -> Dict[str, Any]:
    hosts = mirrors or [upstream]
    tables = {each.endpoint.url: each.keys for each in hosts}
    if not registry.fallback:
        last = mirrors[-1]
        return {"server": last.endpoint.url, **last.keys, "host": tables}
    if registry.name.is_every_registry:
        return {"host": tables}
    if not mirrors and upstream.endpoint.is_ipv6:
        # go-toml v1 (containerd 1.x) takes no ']' in a table key; a bare [host] is
        # enough there.
        return {"server": upstream.endpoint.url, **upstream.keys, "host": {}}
    return {"server": upstream.endpoint.url, **upstream.trust, "host": tables}


class _Rendered(NamedTuple):
    """An endpoint with the keys of its table and the files that those name."""

    endpoint: Endpoint
    trust: Dict[str, Any]
    files: Tuple[RegistryFile, ...]

    @property
    def keys(self) -> Dict[str, Any]:
        keys: Dict[str, Any] = {"capabilities": list(CAPABILITIES), **self.trust}
        if self.endpoint.needs_override_path:
            keys["override_path"] = True
        return keys

    @staticmethod
    def of(endpoint: Endpoint, tls: Tls, prefix: str, directory: str) -> _Rendered:
        trust: Dict[str, Any] = {}
        files: List[RegistryFile] = []
        names = TrustFiles.named(prefix)

        def place(name: str, text: str, *, secret: bool = False) -> str:
            files.append(RegistryFile(name, text.encode(), secret))
            return f"{directory}/{name}" if directory else name

        if tls.ca is not None:
            trust["ca"] = place(names.ca, tls.ca)
        if tls.client is not None:
            certificate = place(names.certificate, tls.client.certificate)
            key = place(names.key, tls.client.key, secret=True)
            trust["client"] = [[certificate, key]]
        if tls.skip_verify:
            trust["skip_verify"] = True
        return _Rendered(endpoint, trust, tuple(files))
