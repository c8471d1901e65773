"""Whom containerd asks on a node without ``config_path``: mirrors of the template.

Sources: containerd pkg/cri/server/image_pull.go registryHosts, registryEndpoints and
getTLSConfig; an endpoint's path is taken as it is.
"""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Tuple

from private_registry.core.check.findings import Cause, Finding
from private_registry.core.check.hosts_entries import is_localhost
from private_registry.core.check.reading import HostEntry, LookAt, Reading, Trust
from private_registry.core.check.trust_files import problems_of
from private_registry.core.containerd import Version
from private_registry.core.names import DOCKER_HUB, DOCKER_HUB_SERVER, EVERY_REGISTRY
from private_registry.core.template import EntryKey, Template
from private_registry.errors import ConflictError

_REMOVED_TLS = (2, 0, 0)
_CAPABILITIES = frozenset(["pull", "resolve"])


def read_legacy(
    registry: str, template: Template, look: LookAt, version: Optional[Version]
) -> Reading:
    """Return whom containerd asks for a registry's images.

    Args:
        registry: as image references spell it; ``*`` for what holds for all others.
        template: containerd's configuration.
        look: looks at a path.
        version: of this node's containerd; None for a current one.
    """
    key = ("mirrors", registry)
    found = _get(template, key)
    if found is None:
        key = ("mirrors", EVERY_REGISTRY)
        found = _get(template, key)
    where = template.place_of(key) if found is not None else ""
    entries = [_entry(registry, str(each), template, version, where) for each in _endpoints(found)]
    own = DOCKER_HUB_SERVER if registry == DOCKER_HUB else registry
    if registry not in (EVERY_REGISTRY, *(each.authority for each in entries)):
        entries.append(_entry(registry, _default(own), template, version, where, is_server=True))
    reading = Reading(registry, tuple(entries), (), template.source if where else "")
    problems = problems_of(registry, reading.entries, look, is_root=True)
    findings = [*_ignored(reading, template, version), *problems]
    return reading._replace(
        findings=tuple(each._replace(registry=registry) for each in findings), fails=bool(problems)
    )


def _get(template: Template, key: EntryKey) -> Optional[Mapping[str, Any]]:
    try:
        found = template.get(key)
    except ConflictError:
        return None
    return found if isinstance(found, Mapping) else None


def _endpoints(mirror: Optional[Mapping[str, Any]]) -> List[Any]:
    given = None if mirror is None else mirror.get("endpoint")
    return given if isinstance(given, list) else []


def _default(authority: str) -> str:
    return f"{'http' if is_localhost(authority) else 'https'}://{authority}/v2"


def _entry(
    registry: str,
    url: str,
    template: Template,
    version: Optional[Version],
    where: str,
    *,
    is_server: bool = False,
) -> HostEntry:
    full = url if "://" in url else _default(url)
    scheme, _, rest = full.partition("://")
    netloc, _, path = rest.partition("?")[0].partition("/")
    path = f"/{path}".rstrip("/")
    host = netloc.rpartition("@")[2]
    return HostEntry(
        scheme=scheme,
        authority=host,
        path=path or "/v2",
        capabilities=_CAPABILITIES,
        trust=_trust(template, host, version),
        is_proxy=registry not in (EVERY_REGISTRY, host) and not is_server,
        is_server=is_server,
        where=where,
    )


def _trust(template: Template, host: str, version: Optional[Version]) -> Trust:
    found = _get(template, ("configs", host, "tls"))
    if found is None or version is None or version >= _REMOVED_TLS:
        return Trust()
    authority, certificate, key = (
        str(found.get(name) or "") for name in ("ca_file", "cert_file", "key_file")
    )
    clients: Tuple[Tuple[str, str], ...] = ((certificate, key),) if certificate and key else ()
    return Trust((authority,) if authority else (), clients, found.get("insecure_skip_verify"))


def _ignored(reading: Reading, template: Template, version: Optional[Version]) -> List[Finding]:
    """Find TLS settings that this containerd does not read any more."""
    if version is not None and version < _REMOVED_TLS:
        return []
    keys = [("configs", each.authority, "tls") for each in reading.entries]
    return [
        Finding(
            Cause.SETTINGS_IGNORED,
            "containerd 2 reads no configs.*.tls; it needs config_path and hosts.toml",
            where=template.place_of(key),
        )
        for key in keys
        if _get(template, key) is not None
    ]
