"""Settings of hosts.toml that do not reach the endpoint they were meant for, or do
more.
"""

from __future__ import annotations

import posixpath
from typing import Any, Dict, FrozenSet, Iterator, List, Tuple

from private_registry.check.causes import CLIENT, LOGIN, TRUST, Cause
from private_registry.check.lint.drafts import (
    Draft,
    File,
    into_table,
    renamed,
    text_lines,
    without,
)
from private_registry.check.lint.edits import Edit, Edits
from private_registry.check.reading import hosts_fields
from private_registry.check.reading.hosts_document import HostsDocument, Table
from private_registry.check.reading.reading import HostEntry
from private_registry.containerd import releases
from private_registry.named_tuple import NamedTuple
from private_registry.texts import toml_writing
from private_registry.texts.showing import shown_name, shown_place
from private_registry.texts.toml_statements import Path, Statement

_TLS_CAUSES = TRUST | CLIENT | {Cause.CONNECTION_LOST, Cause.TIMEOUT, Cause.SPEAKS_HTTP}
_HEADER_CAUSES = LOGIN - {Cause.TOKEN_REFUSED}
_CANONICAL = ("Authorization", "User-Agent")


class _Endpoint(NamedTuple):
    """A table with what containerd makes of it."""

    path: Path
    keys: Dict[str, Any]
    entry: HostEntry

    @property
    def is_server(self) -> bool:
        return not self.path

    def statements(self, document: HostsDocument, key: str) -> List[Statement]:
        """List the statements that give a key its value."""
        length = len(self.path)
        return [
            each
            for each in document.statements
            if each.path[:length] == self.path
            and [str(part).lower() for part in each.path[length : length + 1]] == [key]
        ]


def drafts(
    file: File, document: HostsDocument, entries: Tuple[HostEntry, ...]
) -> Iterator[Draft]:
    """Look at trust, headers and capabilities."""
    hosts: List[_Endpoint] = []
    for host, entry in zip(document.hosts, entries):
        path = ("host", host.url)
        if path not in [each.path for each in hosts]:
            hosts.append(
                _Endpoint(
                    path, hosts_fields.found_keys(host.table, file.version), entry
                )
            )
    keys = hosts_fields.found_keys(document.root, file.version, is_root=True)
    server = _Endpoint((), keys, entries[-1])
    for each in hosts:
        yield from _not_inherited(document, server, each)
        yield from _not_given_to_server(document, each, server)
    resolve = any(each.resolves for each in entries)
    for number, each in enumerate((*hosts, server)):
        yield from _tls_on_http(document, each)
        yield from _headers(file, document, each)
        yield from _capabilities(
            document, each, none_resolves=not resolve and number == 0
        )
        yield from _certificates(file, document, each, entries)


# --- what is not inherited ------------------------------------------------------------


def _not_inherited(
    document: HostsDocument, server: _Endpoint, host: _Endpoint
) -> Iterator[Draft]:
    candidates = [*hosts_fields.TLS_KEYS] if host.entry.scheme == "https" else []
    keys = [
        k for k in (*candidates, "header") if k in server.keys and k not in host.keys
    ]
    if keys:
        yield Draft(
            Cause.NOT_INHERITED,
            f"{' and '.join(keys)} above all tables holds for server alone, "
            f"not for {shown_name(str(host.path[1]))}",
            f"{host.entry.shown_url} is asked without",
            server.keys[keys[0]].line,
            _copied(document, server, host, keys),
            host.entry.url,
            _explained_by(keys),
            is_certain=False,
        )


def _not_given_to_server(
    document: HostsDocument, host: _Endpoint, server: _Endpoint
) -> Iterator[Draft]:
    keys = [k for k in hosts_fields.TLS_KEYS if k in host.keys and k not in server.keys]
    is_same = (
        host.entry.authority == server.entry.authority
        and server.entry.scheme == "https"
    )
    if keys and is_same:
        yield Draft(
            Cause.NOT_INHERITED,
            f"{' and '.join(keys)} of {shown_name(str(host.path[1]))} does not hold for"
            " server, which is asked last",
            "when the first try fails, the error that is shown may be the second one's",
            host.keys[keys[0]].line,
            _copied(document, host, server, keys),
            server.entry.url,
            _explained_by(keys),
            is_certain=False,
        )


def _explained_by(keys: List[str]) -> FrozenSet[Cause]:
    causes = {
        "ca": TRUST,
        "skip_verify": TRUST,
        "client": CLIENT,
    }
    return frozenset().union(*(causes.get(key, _HEADER_CAUSES) for key in keys))


def _copied(
    document: HostsDocument, source: _Endpoint, target: _Endpoint, keys: List[str]
) -> Edits:
    """Return the edit that says keys of one table in another one, too."""
    lines: Tuple[str, ...] = ()
    for key in keys:
        for each in source.statements(document, key):
            if each.is_header or len(each.path) > len(source.path) + 1:
                return ()
            lines += text_lines(document, each)
    edit = into_table(document, target.path, lines)
    return () if edit is None or not lines else (edit,)


# --- TLS on plain HTTP ----------------------------------------------------------------


def _tls_on_http(document: HostsDocument, endpoint: _Endpoint) -> Iterator[Draft]:
    keys = [
        key for key in (*hosts_fields.TLS_KEYS, "dial_timeout") if key in endpoint.keys
    ]
    is_default = endpoint.is_server and "server" not in endpoint.keys
    if keys and endpoint.entry.tries_https and not is_default:
        found = [each for key in keys for each in endpoint.statements(document, key)]
        yield Draft(
            Cause.TLS_ON_HTTP,
            f"{' and '.join(keys)} makes containerd try {endpoint.entry.authority} with"
            " HTTPS first, although its address says http",
            "it falls back to plain HTTP only where the server's answer shows that it"
            " speaks it",
            endpoint.keys[keys[0]].line,
            tuple(without(each) for each in found),
            endpoint.entry.url,
            _TLS_CAUSES,
            is_certain=False,
        )


# --- headers --------------------------------------------------------------------------


def _headers(
    file: File, document: HostsDocument, endpoint: _Endpoint
) -> Iterator[Draft]:
    header = endpoint.keys.get("header")
    for name, leaf in header.items() if isinstance(header, Table) else ():
        right = next(
            (each for each in _CANONICAL if each.lower() == name.lower()), name
        )
        draft = Draft(
            Cause.BAD_HEADER,
            f"containerd sends the header {shown_name(name)} as it is written; it is"
            f" {right}",
            "both go out where containerd sends one of its own",
            leaf.line,
            endpoint=endpoint.entry.url,
            explains=_HEADER_CAUSES,
            is_certain=False,
        )
        if right != name:
            path = (*endpoint.path, "header", name)
            yield draft._replace(edits=renamed(document, path, right))
        elif (
            name == "Authorization" and file.version < releases.HEADERS_AT_TOKEN_SERVER
        ):
            yield draft._replace(
                what=(
                    "containerd before 2.1 does not send the header Authorization to a "
                    "registry's token server"
                ),
                why="a registry that hands out tokens takes the node for nobody",
                explains=LOGIN,
            )


# --- capabilities ---------------------------------------------------------------------


def _capabilities(
    document: HostsDocument, endpoint: _Endpoint, *, none_resolves: bool
) -> Iterator[Draft]:
    leaf = endpoint.keys.get("capabilities")
    if leaf is None or endpoint.entry.resolves:
        return
    line = f"capabilities = {toml_writing.scalar(['pull', 'resolve'])}"
    found = endpoint.statements(document, "capabilities")
    is_plain = len(found) == 1 and len(found[0].path) == len(endpoint.path) + 1
    edits = tuple(
        Edit(each.first + 1, each.end - each.first, (line,)) for each in found
    )
    yield Draft(
        Cause.NO_CAPABILITY,
        f"{endpoint.entry.shown_url} is never asked which image a tag is: that needs"
        " pull and resolve",
        "no endpoint is asked, so every pull of a tag fails" if none_resolves else "",
        leaf.line,
        edits if is_plain else (),
        endpoint.entry.url,
        is_certain=none_resolves,
    )


# --- certificates beside the file -----------------------------------------------------


def _certificates(
    file: File,
    document: HostsDocument,
    endpoint: _Endpoint,
    entries: Tuple[HostEntry, ...],
) -> Iterator[Draft]:
    named = {path for entry in entries for path in entry.trust.authorities}
    named |= {
        path for entry in entries for pair in entry.trust.clients for path in pair
    }
    unused = [
        posixpath.basename(path)
        for path in file.beside.authorities
        if path not in named
    ]
    pairs = [pair for pair in file.beside.clients if pair[0] not in named]
    lines = []
    if unused and "ca" not in endpoint.keys:
        lines.append(
            f"ca = {toml_writing.scalar(unused[0] if len(unused) == 1 else unused)}"
        )
    if pairs and "client" not in endpoint.keys:
        names = [[posixpath.basename(path) for path in pair] for pair in pairs]
        lines.append(f"client = {toml_writing.scalar(names)}")
    if not lines or endpoint.entry.scheme != "https":
        return
    edit = into_table(document, endpoint.path, tuple(lines))
    yield Draft(
        Cause.CERTIFICATES_IGNORED,
        f"the certificates in {shown_place(file.directory)} are not used for "
        + endpoint.entry.shown_url,
        "they count where there is no hosts.toml, and otherwise only where it names"
        " them",
        edits=() if edit is None else (edit,),
        endpoint=endpoint.entry.url,
        explains=(TRUST if unused else frozenset())
        | (CLIENT if pairs else frozenset()),
        is_certain=False,
    )
