"""Addresses in hosts.toml: missing and wrong schemes, paths that containerd changes."""

from __future__ import annotations

from typing import Iterator, NamedTuple, Optional, Tuple

from private_registry.check.causes import LOGIN, PATH, Cause
from private_registry.check.lint.drafts import (
    Draft,
    File,
    into_table,
    with_url,
)
from private_registry.check.lint.edits import Edits
from private_registry.check.reading import go_url, hosts_fields
from private_registry.check.reading.hosts_document import HostsDocument, Leaf, Table
from private_registry.check.reading.reading import HostEntry
from private_registry.containerd import releases
from private_registry.registries.addresses import slip_in
from private_registry.registries.names import DOCKER_HUB, DOCKER_HUB_SERVER
from private_registry.texts.showing import shown_name
from private_registry.texts.toml_statements import Statement

_PATH_CAUSES = PATH | {Cause.ACCESS_DENIED, Cause.FORBIDDEN, Cause.LOGIN_MISSING}


class _Address(NamedTuple):
    """A URL as written, what containerd makes of it, and where it stands."""

    url: str
    table: Table
    entry: HostEntry
    statement: Optional[Statement]
    line: int


def drafts(
    file: File, document: HostsDocument, entries: Tuple[HostEntry, ...]
) -> Iterator[Draft]:
    """Look at the addresses."""
    for address in _addresses(file, document, entries):
        draft = _scheme(document, address)
        if draft is not None:
            yield draft
            continue
        yield from _parts(address)
        yield from _path(file, document, address)
    yield from _fallback(file, document, entries)


def _addresses(
    file: File, document: HostsDocument, entries: Tuple[HostEntry, ...]
) -> Iterator[_Address]:
    seen = set()
    for host, entry in zip(document.hosts, entries):
        if host.url not in seen:
            seen.add(host.url)
            headers = (
                each
                for each in document.statements
                if each.path[:2] == ("host", host.url)
            )
            header = next((each for each in headers if each.is_header), None)
            yield _Address(host.url, host.table, entry, header, host.table.line)
    server = server_of(file, document)
    if server is not None and server.value:
        yield _Address(
            server.value, document.root, entries[-1], _at(document, server), server.line
        )


def server_of(file: File, document: HostsDocument) -> Optional[Leaf]:
    """Return ``server`` as containerd finds it."""
    found = hosts_fields.found_keys(document.root, file.version, is_root=True).get(
        "server"
    )
    return found if isinstance(found, Leaf) else None


def _at(document: HostsDocument, leaf: Leaf) -> Optional[Statement]:
    return next(
        (each for each in document.statements if each.first == leaf.line - 1), None
    )


def _scheme(document: HostsDocument, address: _Address) -> Optional[Draft]:
    url = address.url
    slip = slip_in(url) if url else None
    if slip is not None:
        what = f"{shown_name(url)} {slip.what}"
        return _draft(document, address, Cause.BAD_URL, what, slip.right)
    parsed = go_url.parse(url if url.startswith("http") else f"https://{url}")
    scheme, separator, rest = url.partition("://")
    if parsed is not None and parsed.host and parsed.scheme in ("http", "https"):
        if separator and scheme.lower() not in ("http", "https"):
            what = (
                f"{shown_name(url)} has no scheme that containerd speaks: http or https"
            )
            return _draft(document, address, Cause.BAD_SCHEME, what, "")
        if separator and scheme not in ("http", "https") and not url.startswith("http"):
            what = f"the scheme of {shown_name(url)} must be written small"
            return _draft(
                document, address, Cause.BAD_SCHEME, what, f"{scheme.lower()}://{rest}"
            )
        return None if separator else _missing(document, address)
    what = (
        f"{shown_name(url)} needs http:// or https:// in front, since it begins with"
        " http itself"
    )
    return _draft(document, address, Cause.BAD_SCHEME, what, "")


def _draft(
    document: HostsDocument, address: _Address, cause: Cause, what: str, right: str
) -> Draft:
    return Draft(
        cause,
        what,
        f"containerd asks {address.entry.shown_url} instead",
        address.line,
        _with(document, address, right),
        address.entry.url,
    )


def _with(document: HostsDocument, address: _Address, url: str) -> Edits:
    if not url or address.statement is None:
        return ()
    return with_url(document, address.statement, address.url, url)


def _missing(document: HostsDocument, address: _Address) -> Draft:
    return Draft(
        Cause.SCHEME_MISSING,
        f"{shown_name(address.url)} has no http:// or https:// in front",
        "containerd takes it for https",
        address.line,
        _with(document, address, f"http://{address.url}"),
        address.entry.url,
        frozenset([Cause.SPEAKS_HTTP]),
        is_certain=False,
    )


def _parts(address: _Address) -> Iterator[Draft]:
    url = address.url if address.url.startswith("http") else f"https://{address.url}"
    parsed = go_url.parse(url)
    if parsed is not None and (parsed.has_user or parsed.has_query):
        part = "user name" if parsed.has_user else "query"
        yield Draft(
            Cause.URL_PART_IGNORED,
            f"containerd does not send the {part} in {shown_name(address.url)}",
            "",
            address.line,
            endpoint=address.entry.url,
            explains=LOGIN if parsed.has_user else frozenset(),
            is_certain=False,
        )


def _path(file: File, document: HostsDocument, address: _Address) -> Iterator[Draft]:
    scheme, separator, rest = address.url.partition("://")
    authority, _, path = (rest if separator else scheme).partition("/")
    parts = [part for part in path.split("/") if part]
    keys = hosts_fields.found_keys(address.table, file.version)
    is_given = keys["override_path"].value if "override_path" in keys else False
    base = f"{scheme}{separator}" if separator else ""
    if is_given and "v2" not in parts:
        right = "/".join([base + authority, "v2", *parts])
        yield Draft(
            Cause.PATH_APPENDED,
            f"with override_path containerd asks {address.entry.shown_url}/...,"
            " without /v2",
            "few registries answer there",
            address.line,
            _with(document, address, right),
            address.entry.url,
            _PATH_CAUSES,
            is_certain=False,
        )
    elif parts and not is_given and parts[-1] != "v2":
        own = parts if "v2" in parts else ["v2", *parts]
        right = "/".join([base + authority, *own])
        yield Draft(
            Cause.PATH_APPENDED,
            f"containerd puts /v2 behind the path: {address.entry.shown_url}",
            "a mirror's project mostly stands behind /v2, which needs override_path",
            address.line,
            _overridden(file, document, address, right),
            address.entry.url,
            _PATH_CAUSES,
            is_certain=False,
        )


def _overridden(
    file: File, document: HostsDocument, address: _Address, url: str
) -> Edits:
    """Return the edits that give an endpoint a path which containerd leaves as it
    is.
    """
    path = address.statement.path if address.statement is not None else ()
    if (
        file.version < releases.OVERRIDE_PATH
        or path[2:]
        or "override_path" in address.table
    ):
        return ()
    above = () if path == ("server",) else path
    edit = into_table(document, above, ("override_path = true",))
    other = _with(document, address, url) if url != address.url else ()
    return () if edit is None else (edit, *other)


def _fallback(
    file: File, document: HostsDocument, entries: Tuple[HostEntry, ...]
) -> Iterator[Draft]:
    last = entries[-1]
    server = server_of(file, document)
    if (
        file.registry == DOCKER_HUB
        and last.authority == DOCKER_HUB
        and server is not None
    ):
        found = _at(document, server)
        address = _Address(str(server.value), document.root, last, found, server.line)
        yield Draft(
            Cause.BAD_FALLBACK,
            f"{DOCKER_HUB} is no registry; Docker Hub's is {DOCKER_HUB_SERVER}",
            "an image that no other endpoint has then ends in an unexpected media type"
            " text/html",
            server.line,
            _with(document, address, f"https://{DOCKER_HUB_SERVER}"),
            last.url,
            PATH,
            is_certain=False,
        )
