"""Edits of one endpoint of a hosts.toml: another scheme, a CA, a client certificate.

All else in the file stays as it is. Each edit is tried: where containerd would read
anything otherwise after it than what was meant, there is none.
"""

from __future__ import annotations

from typing import Any, Callable, Iterator, List, Optional, Sequence, Tuple

from private_registry.check.lint.drafts import (
    File,
    command_of,
    into_table,
    with_url,
    with_value,
    without,
)
from private_registry.check.lint.edits import Edit, Edits
from private_registry.check.reading import hosts_fields
from private_registry.check.reading.hosts_document import HostsDocument, Refused
from private_registry.check.reading.reading import HostEntry, Trust, asked_alike
from private_registry.named_tuple import NamedTuple
from private_registry.registries.names import EVERY_REGISTRY
from private_registry.texts import toml_writing
from private_registry.texts.showing import quoted
from private_registry.texts.toml_statements import Path, Statement

CA, CLIENT = ("ca.crt",), ("client.crt", "client.key")
_MODES = {".crt": "644", ".cert": "644", ".key": "600"}
_HOST = 2


class Place(NamedTuple):
    """Where certificates can be put.

    Args:
        directory: of the hosts.toml.
        names: of what is in it.
    """

    directory: str
    names: Tuple[str, ...] = ()

    def free(self, *names: str) -> Tuple[str, ...]:
        """Return names like these that nothing has there."""
        numbers = range(2, len(self.names) + 3)
        marks = ["", *(f"-{number}" for number in numbers)]
        found = (tuple(_marked(name, mark) for name in names) for mark in marks)
        return next(each for each in found if not set(each) & set(self.names))


def _marked(name: str, mark: str) -> str:
    stem, dot, ending = name.rpartition(".")
    return f"{stem}{mark}{dot}{ending}"


class _Table(NamedTuple):
    """A table of an endpoint; the path of the root's is empty."""

    path: Path
    url: str

    def key(self, document: HostsDocument, name: str) -> List[Statement]:
        """Return what gives a key its value."""
        length = len(self.path)
        return [
            each
            for each in document.statements
            if not each.is_header
            and len(each.path) == length + 1
            and each.path[:length] == self.path
            and str(each.path[-1]).lower() == name
        ]


def with_scheme(file: File, asked: HostEntry, scheme: str) -> Tuple[str, File]:
    """Return the command that has an endpoint asked by another scheme, and the file
    after it.

    By plain HTTP its TLS settings, which mean nothing there, go.
    """
    is_plain = scheme == "http"

    def changed(entry: HostEntry) -> HostEntry:
        trust = Trust() if is_plain else entry.trust
        return entry._replace(
            scheme=scheme, trust=trust, tries_https=False, falls_back_to_http=False
        )

    def edits(document: HostsDocument, table: _Table) -> Iterator[Edit]:
        yield from _schemed(document, table, scheme, asked)
        for key in hosts_fields.TLS_KEYS if is_plain else ():
            yield from map(without, table.key(document, key))

    return _command(file, asked, edits, changed)


def with_ca(file: File, asked: HostEntry, place: Place) -> str:
    """Return the command that gives an endpoint one more CA, from ca.crt."""
    (name,) = place.free("ca.crt")
    path = f"{place.directory}/{name}"

    def changed(entry: HostEntry) -> HostEntry:
        known = entry.trust.authorities
        return entry._replace(trust=entry.trust._replace(authorities=(*known, path)))

    def edits(document: HostsDocument, table: _Table) -> Iterator[Edit]:
        yield from _set(document, table, "ca", lambda old: [*_listed(old), name])

    return _installing(CA, [path], _command(file, asked, edits, changed)[0])


def with_client(file: File, asked: HostEntry, place: Place) -> str:
    """Return the command that gives an endpoint the client certificate of client.crt
    and client.key, in place of one that it has.
    """
    names = place.free("client.cert", "client.key")
    paths = [f"{place.directory}/{name}" for name in names]

    def changed(entry: HostEntry) -> HostEntry:
        pair = (paths[0], paths[1])
        return entry._replace(trust=entry.trust._replace(clients=(pair,)))

    def edits(document: HostsDocument, table: _Table) -> Iterator[Edit]:
        yield from _set(document, table, "client", lambda _old: [list(names)])

    return _installing(CLIENT, paths, _command(file, asked, edits, changed)[0])


def with_https_and_ca(file: File, asked: HostEntry, place: Place) -> str:
    """Return the commands of both, the first before the other."""
    first, edited = with_scheme(file, asked, "https")
    second = with_ca(edited, asked._replace(scheme="https"), place) if first else ""
    return f"{first} && {second}" if second else ""


def beside(place: Place, *, is_client: bool) -> str:
    """Return the command that puts a certificate into a directory without hosts.toml,
    where all of them count.
    """
    names = place.free(*(("client.cert", "client.key") if is_client else ("ca.crt",)))
    paths = [f"{place.directory}/{name}" for name in names]
    return _installs(CLIENT if is_client else CA, paths)


# --- the parts ------------------------------------------------------------------------

_EditsOf = Callable[[HostsDocument, _Table], Iterator[Edit]]


def _command(
    file: File,
    asked: HostEntry,
    edits_of: _EditsOf,
    changed: Callable[[HostEntry], HostEntry],
) -> Tuple[str, File]:
    """Return the command and the file after it; an empty command where it would not do
    what is meant and nothing else.
    """
    try:
        document, entries = file.document(), file.entries()
    except Refused:
        return "", file
    if not entries:
        # Containerd throws the file away; no edit of an endpoint has an effect.
        return "", file
    tables = list(_tables(file, document, entries, asked))
    edits: Edits = tuple(each for table in tables for each in edits_of(document, table))
    wanted = [changed(each) if _is_at(each, asked) else each for each in entries]
    edited = file.edited(edits)
    after = edited.entries()
    if not edits or after is None or not asked_alike(after, wanted):
        return "", file
    return command_of(file, edits), edited


def _is_at(entry: HostEntry, asked: HostEntry) -> bool:
    return (entry.scheme, entry.authority) == (asked.scheme, asked.authority)


def _tables(
    file: File,
    document: HostsDocument,
    entries: Sequence[HostEntry],
    asked: HostEntry,
) -> Iterator[_Table]:
    seen = set()
    for host, entry in zip(document.hosts, entries):
        if _is_at(entry, asked) and host.url not in seen:
            seen.add(host.url)
            yield _Table(("host", host.url), host.url)
    found = hosts_fields.found_keys(document.root, file.version, is_root=True)
    server = found.get("server")
    url = "" if server is None else str(server.value)
    if _is_at(entries[-1], asked) and file.registry != EVERY_REGISTRY:
        yield _Table((), url)


def _schemed(
    document: HostsDocument, table: _Table, scheme: str, asked: HostEntry
) -> Iterator[Edit]:
    _, _, rest = table.url.rpartition("://")
    url = f"{scheme}://{rest}"
    if table.path:
        headers = [e for e in document.statements if e.path[:_HOST] == table.path]
        header = next((each for each in headers if each.is_header), None)
        if header is not None:
            yield from with_url(document, header, table.url, url)
        return
    servers = table.key(document, "server")
    if servers:
        yield with_value(document, servers[0], url)
        return
    # The registry itself, which nothing names so far.
    line = f"server = {toml_writing.scalar(f'{scheme}://{asked.authority}')}"
    yield Edit(1, 0, (line,))


def _set(
    document: HostsDocument, table: _Table, key: str, value: Callable[[Any], Any]
) -> Iterator[Edit]:
    found = table.key(document, key)
    if found:
        yield with_value(document, found[0], value(found[0].value))
        return
    line = f"{key} = {toml_writing.scalar(_single(value(None)))}"
    edit: Optional[Edit] = into_table(document, table.path, (line,))
    if edit is not None:
        yield edit


def _listed(value: Any) -> List[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _single(value: Any) -> Any:
    return value[0] if len(value) == 1 and isinstance(value[0], str) else value


def _installing(sources: Tuple[str, ...], paths: List[str], command: str) -> str:
    return f"{_installs(sources, paths)} && {command}" if command else ""


def _installs(sources: Tuple[str, ...], paths: List[str]) -> str:
    return " && ".join(
        f"sudo install -m {_MODES[path[path.rindex('.') :]]} {source} {quoted(path)}"
        for source, path in zip(sources, paths)
    )
