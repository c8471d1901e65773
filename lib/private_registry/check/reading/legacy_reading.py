"""The reading of one registry where there is no config_path: CRI's own mirrors.

As image_pull.go of CRI does.
"""

from __future__ import annotations

from typing import Any, Iterator, List, Mapping, Optional, Tuple

from private_registry.check.causes import PATH, Cause
from private_registry.check.findings import Finding, Severity
from private_registry.check.reading import go_url
from private_registry.check.reading.hosts_entries import is_localhost
from private_registry.check.reading.reading import HostEntry, Reading, Trust
from private_registry.containerd import releases
from private_registry.containerd.releases import (
    NAMESPACE_QUERY,
    PATHS_OF_MIRRORS,
    PLAIN_LOCALHOST,
    TLS_OF_MIRRORS_GONE,
    Version,
)
from private_registry.containerd.template import Template
from private_registry.errors import ConflictError
from private_registry.named_tuple import NamedTuple
from private_registry.registries.addresses import slip_in
from private_registry.registries.names import (
    DOCKER_HUB,
    DOCKER_HUB_SERVER,
    EVERY_REGISTRY,
)
from private_registry.texts.showing import shown_name
from private_registry.transaction.ledger import EntryKey

_API = "/v2"
_CAPABILITIES = frozenset(["pull", "resolve"])


class _Endpoint(NamedTuple):
    """One endpoint of a mirror, with what is odd about it."""

    entry: HostEntry
    findings: Tuple[Finding, ...] = ()


def read_legacy(
    registry: str, template: Template, version: Optional[Version] = None
) -> Reading:
    """Read what containerd-template.toml says of a registry on a node without
    config_path.

    Args:
        registry: as image references spell it; ``*`` for those without mirrors of their
            own.
        template: containerd's configuration.
        version: of containerd; None for a current one.
    """
    wanted = releases.CURRENT if version is None else version
    key = next(
        (key for key in _keys(registry) if _get(template, key) is not None),
        ("mirrors", registry),
    )
    given = texts_in(_get(template, key), "endpoint")
    place = template.place_of(key) if key in template.keys else ""
    endpoints = [_endpoint(url, registry, template, wanted, place) for url in given]
    if not any(_host(url) == registry for url in given):
        default = _default(registry, wanted)
        endpoints.append(
            _endpoint(default, registry, template, wanted, "", is_server=True)
        )
    entries = tuple(each.entry for each in endpoints)
    findings = tuple(finding for each in endpoints for finding in each.findings)
    return Reading(registry, entries, findings, template.source if given else "")


def texts_in(value: Any, key: str) -> List[str]:
    """Return the texts that stand in a list of an entry; none where it is no list."""
    found = value.get(key) if isinstance(value, Mapping) else None
    return (
        [each for each in found if isinstance(each, str)]
        if isinstance(found, list)
        else []
    )


def _keys(registry: str) -> Iterator[EntryKey]:
    yield ("mirrors", registry)
    yield ("mirrors", EVERY_REGISTRY)


def _get(template: Template, key: EntryKey) -> Any:
    try:
        return template.get(key)
    except ConflictError:
        return _inline(template, key)


def _inline(template: Template, key: EntryKey) -> Any:
    """Return what an entry says that stands inside an inline table."""
    path = (*template.section, *key)
    for statement in template.statements:
        rest = path[len(statement.path) :]
        value: Any = statement.value
        if statement.path == path[: len(statement.path)] and isinstance(value, dict):
            for part in rest:
                value = value.get(part) if isinstance(value, dict) else None
            return value
    return None


def _default(registry: str, version: Version) -> str:
    host = DOCKER_HUB_SERVER if registry == DOCKER_HUB else registry
    return f"{_scheme_of(host, version)}://{host}"


def _scheme_of(host: str, version: Version) -> str:
    is_plain = is_localhost(host) and version >= PLAIN_LOCALHOST
    return "http" if is_plain else "https"


def _host(url: str) -> str:
    parsed = go_url.parse(url if "://" in url else f"dummy://{url}")
    return "" if parsed is None else parsed.host


def _endpoint(
    url: str,
    registry: str,
    template: Template,
    version: Version,
    place: str,
    *,
    is_server: bool = False,
) -> _Endpoint:
    full = url if "://" in url else f"{_scheme_of(_host(url), version)}://{url}"
    parsed = go_url.parse(full, version) or go_url.GoUrl("", "", "")
    path = parsed.path if version >= PATHS_OF_MIRRORS else ""
    is_hub = (registry, parsed.host) == (DOCKER_HUB, DOCKER_HUB_SERVER)
    entry = HostEntry(
        parsed.scheme,
        parsed.host,
        path.rstrip("/") if path else _API,
        _CAPABILITIES,
        _trust(template, parsed.host, version),
        is_proxy=parsed.host != registry and not is_hub and version >= NAMESPACE_QUERY,
        is_server=is_server,
        where=place,
    )
    return _Endpoint(entry, tuple(_findings(url, registry, entry, place)))


def _trust(template: Template, host: str, version: Version) -> Trust:
    if version >= TLS_OF_MIRRORS_GONE:
        return Trust()
    plain = _get(template, ("configs", host, "tls"))
    if not isinstance(plain, Mapping):
        return Trust()
    ca, certificate, key = (
        str(plain.get(f"{name}_file", "")) for name in ("ca", "cert", "key")
    )
    skip = plain.get("insecure_skip_verify")
    return Trust(
        (ca,) if ca else (),
        ((certificate, key),) if certificate and key else (),
        skip if isinstance(skip, bool) else None,
    )


def _findings(
    url: str, registry: str, entry: HostEntry, place: str
) -> Iterator[Finding]:
    finding = Finding(
        Cause.BAD_URL,
        "",
        registry,
        entry.url,
        place,
        severity=Severity.NOTE,
        explains=PATH,
    )
    slip = slip_in(url)
    if slip is not None:
        yield finding._replace(
            what=f"{shown_name(url)} {slip.what}",
            severity=Severity.FAULT,
            explains=frozenset(),
        )
    elif not entry.authority or entry.scheme not in ("http", "https"):
        yield finding._replace(
            cause=Cause.BAD_SCHEME if entry.authority else Cause.BAD_URL,
            what=(
                f"{shown_name(url)} is no address that containerd can ask: it begins"
                " with http:// or https://"
            ),
            severity=Severity.FAULT,
            explains=frozenset(),
        )
    elif "://" not in url and entry.scheme == "https":
        yield finding._replace(
            cause=Cause.SCHEME_MISSING,
            what=f"{shown_name(url)} has no http:// or https:// in front",
            why="containerd takes it for https",
            explains=frozenset([Cause.SPEAKS_HTTP]),
        )
    elif "v2" not in entry.path.split("/"):
        yield finding._replace(
            cause=Cause.PATH_APPENDED,
            what=f"containerd asks {entry.shown_url}/..., without /v2",
            why=(
                "in this file the path of a mirror is taken as it is, and few"
                " registries answer there"
            ),
        )
