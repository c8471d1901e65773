"""Endpoints of a registry, from what its hosts.toml says: whom containerd asks.

As hosts.go ConfigureHosts does, over all its versions.
"""

from __future__ import annotations

import ipaddress
import posixpath
from typing import Tuple

from private_registry.check.reading import go_url, hosts_document, hosts_fields
from private_registry.check.reading.hosts_document import Refused
from private_registry.check.reading.hosts_fields import Fields
from private_registry.check.reading.reading import HostEntry, Trust
from private_registry.containerd import releases
from private_registry.containerd.releases import Version
from private_registry.registries.names import DOCKER_HUB, DOCKER_HUB_SERVER

API = "/v2"
_HTTP_PORT, _HTTPS_PORT = "80", "443"


def entries_of_file(
    registry: str, content: bytes, path: str, version: Version
) -> Tuple[HostEntry, ...]:
    """Return whom containerd asks, as a hosts.toml says.

    Args:
        registry: as image references spell it.
        content: of the file.
        path: of the file.
        version: of containerd.

    Raises:
        Refused: containerd throws the file away.
    """
    document = hosts_document.read(content, version)
    directory = posixpath.dirname(path)
    root = hosts_fields.fields_of(document.root, directory, version, is_root=True)
    hosts_fields.check_types(document.root, version)
    for key in hosts_fields.spellings("host", document.root, version):
        for table in document.root[key].values():
            hosts_fields.check_types(table, version)
    entries = []
    for url, table in document.hosts:
        fields = hosts_fields.fields_of(table, directory, version)
        entry = endpoint_of(url, fields, table.line, version)
        entries.append(
            _placed(entry, fields, registry, f"{path}, line {table.line}", version)
        )
    entries.append(_last(document, root, registry, path, version))
    return tuple(entries)


def default_entry(
    registry: str, trust: Trust, source: str, version: Version
) -> HostEntry:
    """Return the registry itself, as containerd asks it where no hosts.toml says how.

    Args:
        registry: as image references spell it.
        trust: from certificates beside it.
        source: where those are from; empty for none.
        version: of containerd.
    """
    return _placed(
        _default(registry, Fields(trust=trust), version),
        Fields(),
        registry,
        source,
        version,
    )


def _last(
    document: hosts_document.HostsDocument,
    root: Fields,
    registry: str,
    path: str,
    version: Version,
) -> HostEntry:
    server = document.root.get("server") or document.root.get("Server")
    line = server.line if isinstance(server, hosts_document.Leaf) else 0
    entry = endpoint_of(root.server, root, line, version) if root.server else None
    source = f"{path}, line {line}" if line else path
    if entry is None or not entry.authority:
        entry = _default(registry, root, version)
    return _placed(entry, root, registry, source, version)._replace(is_server=True)


def full_url(url: str) -> str:
    """Return a URL with its scheme, of which containerd looks for four letters only."""
    return url if url.startswith("http") else f"https://{url}"


def endpoint_of(url: str, fields: Fields, line: int, version: Version) -> HostEntry:
    """Return an endpoint as its own table says, whichever registry that is for.

    Raises:
        Refused: it is no URL.
    """
    if not url:
        return HostEntry("", "", "", fields.capabilities, fields.trust, fields.headers)
    parsed = go_url.parse(full_url(url), version)
    if parsed is None:
        raise Refused("url", line, f"{url} is no URL")
    return HostEntry(
        parsed.scheme,
        parsed.host,
        _api_path(parsed.path, override=fields.override_path),
        fields.capabilities,
        fields.trust,
        fields.headers,
    )


def _api_path(path: str, *, override: bool) -> str:
    """Return the API's path: with ``/v2`` behind it, unless that is there or may not
    be.
    """
    plain = _clean(path) if path else ""
    if not override and not plain.endswith(API):
        plain += API
    return (
        ""
        if plain == "/"
        else posixpath.normpath("/" + plain.lstrip("/")) if plain else ""
    )


def _clean(path: str) -> str:
    """Clean a path as Go's path.Clean does, which knows no double slash in front."""
    return posixpath.normpath("/" + path.lstrip("/"))


def _default(registry: str, root: Fields, version: Version) -> HostEntry:
    scheme, trust = "https", root.trust
    port = _port(registry)
    if (
        registry != DOCKER_HUB
        and is_localhost(registry)
        and releases.knows_localhost(version)
    ):
        scheme = "http"
        if releases.tries_https_first(version):
            scheme = "https" if port in ("", _HTTPS_PORT) else "http"
            trust = trust if port == _HTTP_PORT else trust._replace(skip_verify=True)
    authority = DOCKER_HUB_SERVER if registry == DOCKER_HUB else registry
    return HostEntry(
        scheme, authority, API, trust=trust, headers=root.headers, is_server=True
    )


def _placed(
    entry: HostEntry, fields: Fields, registry: str, where: str, version: Version
) -> HostEntry:
    has_tls = (
        entry.trust.is_given
        or fields.is_tls_given
        or (fields.dial_timeout and releases.takes_time_limit_for_tls(version))
    )
    tries_https = (
        entry.scheme == "http" and bool(has_tls) and _is_ambiguous(entry, version)
    )
    is_hub = (registry, entry.authority) == (DOCKER_HUB, DOCKER_HUB_SERVER)
    return entry._replace(
        tries_https=tries_https,
        falls_back_to_http=tries_https,
        dial_timeout=fields.dial_timeout,
        is_proxy=entry.authority != registry and not is_hub,
        where=where,
    )


def _is_ambiguous(entry: HostEntry, version: Version) -> bool:
    """Whether ``http`` with TLS settings is tried with HTTPS first (hosts.go,
    several states).
    """
    if not releases.tries_https_first(version):
        return False
    if releases.is_ambiguous_at_any_port(version):
        return True
    port = _port(entry.authority)
    if not port:
        return releases.is_ambiguous_without_port(version)
    return port != _HTTP_PORT


def _port(authority: str) -> str:
    """Return the port as Go's net.SplitHostPort does: none where it finds the text
    odd.
    """
    host, colon, port = authority.rpartition(":")
    is_plain = colon and (
        (":" not in host) or (host.startswith("[") and host.endswith("]"))
    )
    return port if is_plain else ""


def is_localhost(registry: str) -> bool:
    """Whether containerd takes a registry for the machine itself
    (docker.MatchLocalhost).
    """
    port = _port(registry)
    host = registry[: -len(port) - 1].strip("[]") if port else registry
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
