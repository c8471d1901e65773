"""Addresses in hosts.toml: missing and wrong schemes, paths that containerd changes."""

from __future__ import annotations

from typing import Iterator, List, Optional, Tuple

from private_registry.check.causes import LOGIN, PATH, Cause
from private_registry.check.lint import hosts_keys_lint
from private_registry.check.lint.drafts import (
    Draft,
    File,
    into_table,
    with_url,
)
from private_registry.check.lint.edits import Edits
from private_registry.check.lint.hosts_foreign_keys import flag_of
from private_registry.check.reading import go_url, hosts_fields
from private_registry.check.reading.hosts_document import HostsDocument, Leaf, Table
from private_registry.check.reading.reading import HostEntry
from private_registry.containerd import releases
from private_registry.named_tuple import NamedTuple
from private_registry.registries.addresses import slip_in
from private_registry.registries.names import DOCKER_HUB, DOCKER_HUB_SERVER
from private_registry.texts.showing import shown_name
from private_registry.texts.toml_statements import Statement

OVERRIDE = "override_path"
_NO_DOCKER_HUB = frozenset(
    [DOCKER_HUB, "index.docker.io", "hub.docker.com", "www.docker.com", "docker.com"]
)
# What a page's path begins with; behind a dash, what it holds.
_WEB_PAGES = (
    ("Harbor's", ("harbor", "projects")),
    ("Harbor's", ("harbor", "sign-in")),
    ("Artifactory's", ("ui", "repos")),
    ("Artifactory's", ("artifactory", "webapp")),
    ("GitLab's", ("-", "container_registry")),
)
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
        web = _no_api(document, address) or _of_web_page(address)
        hub = _no_docker_hub(file, document, address)
        yield from (hub,) if hub else (web,) if web else _path(file, document, address)


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


def _authority_and_path(address: _Address) -> Tuple[str, List[str]]:
    """Return what is before an address' path, with the scheme, and the path's parts."""
    scheme, separator, rest = address.url.partition("://")
    authority, _, path = (rest if separator else scheme).partition("/")
    base = f"{scheme}{separator}" if separator else ""
    return base + authority, [part for part in path.split("/") if part]


def _no_api(document: HostsDocument, address: _Address) -> Optional[Draft]:
    """Say of the path of Docker's first API that it goes."""
    base, parts = _authority_and_path(address)
    if parts[-1:] != ["v1"]:
        return None
    return Draft(
        Cause.PATH_APPENDED,
        f"/v1 at the end of {shown_name(address.url)} is the API before the one that"
        " containerd speaks",
        f"leave it out: containerd asks {address.entry.shown_url}",
        address.line,
        () if parts[:-1] else _unless_there(document, address, base),
        address.entry.url,
        _PATH_CAUSES,
        is_certain=False,
    )


def _of_web_page(address: _Address) -> Optional[Draft]:
    """Say of a page for people that no registry answers there."""
    base, parts = _authority_and_path(address)
    whose = next((who for who, path in _WEB_PAGES if _holds(parts, path)), "")
    if not whose:
        return None
    what = f"{shown_name(address.url)} is the address of {whose} web page"
    return Draft(
        Cause.PATH_APPENDED,
        what,
        f"a project's images are at {shown_name(f'{base}/v2/PROJECT')}, with the"
        " project's name for PROJECT and override_path = true",
        address.line,
        endpoint=address.entry.url,
        explains=_PATH_CAUSES,
        is_certain=False,
    )


def _holds(parts: List[str], some: Tuple[str, ...]) -> bool:
    if some[0] == "-":
        return any(
            tuple(parts[at : at + len(some)]) == some for at in range(len(parts))
        )
    return tuple(parts[: len(some)]) == some


def _unless_there(document: HostsDocument, address: _Address, url: str) -> Edits:
    """Return the edits for another URL; none where the file has a table for that."""
    is_host = address.statement is not None and address.statement.is_header
    others = [each.path[:2] for each in document.statements]
    return () if is_host and ("host", url) in others else _with(document, address, url)


def _path(file: File, document: HostsDocument, address: _Address) -> Iterator[Draft]:
    base, parts = _authority_and_path(address)
    is_given = _is_overridden(file, address)
    if is_given and "v2" not in parts:
        right = "/".join([base, "v2", *parts])
        asked = "/".join([base, *parts])
        yield Draft(
            Cause.PATH_APPENDED,
            f"with override_path containerd asks {shown_name(asked)}/..., without"
            " /v2",
            "few registries answer there",
            address.line,
            _with(document, address, right),
            address.entry.url,
            _PATH_CAUSES,
            is_certain=False,
        )
    elif parts and not is_given and parts[-1] != "v2":
        own = parts if "v2" in parts else ["v2", *parts]
        right = "/".join([base, *own])
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


def _is_overridden(file: File, address: _Address) -> bool:
    """Whether the path is the API's, also by a key that another finding mends."""
    keys = hosts_fields.found_keys(address.table, file.version)
    known = hosts_fields.known_keys(file.version)
    for key, value in address.table.items():
        if key not in known and hosts_keys_lint.meant(key, tuple(known)) == OVERRIDE:
            keys.setdefault(OVERRIDE, value)
    return OVERRIDE in keys and flag_of(keys[OVERRIDE]) is True


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
        or any("path" in key.lower() for key in address.table)
    ):
        return ()
    above = () if path == ("server",) else path
    edit = into_table(document, above, ("override_path = true",))
    other = _with(document, address, url) if url != address.url else ()
    return () if edit is None else (edit, *other)


def _no_docker_hub(
    file: File, document: HostsDocument, address: _Address
) -> Optional[Draft]:
    """Say of what is Docker Hub for people that images are not pulled from there."""
    authority = address.entry.authority
    host = authority[: -len(":443")] if authority.endswith(":443") else authority
    if (
        host.lower() not in _NO_DOCKER_HUB
        or file.registry == host.lower() != DOCKER_HUB
    ):
        return None
    return Draft(
        Cause.BAD_FALLBACK,
        f"{host} is no registry; Docker Hub's is {DOCKER_HUB_SERVER}",
        "an image that no other endpoint has then ends in an unexpected media type"
        " text/html",
        address.line,
        _unless_there(document, address, f"https://{DOCKER_HUB_SERVER}"),
        address.entry.url,
        PATH,
        is_certain=False,
    )
