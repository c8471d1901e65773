"""Keys and tables of hosts.toml that containerd ignores: typing errors, capitals,
wrong places.
"""

from __future__ import annotations

from typing import Any, Iterator, List, Optional, Tuple

from private_registry.check.causes import CLIENT, LOGIN, PATH, PROTOCOL, TRUST, Cause
from private_registry.check.lint import hosts_foreign_keys, hosts_refused_lint
from private_registry.check.lint.drafts import (
    Draft,
    File,
    as_tables,
    renamed,
    text_lines,
    without,
)
from private_registry.check.lint.edits import Edit, Edits
from private_registry.check.lint.hosts_foreign_keys import IGNORED as _IGNORED
from private_registry.check.lint.hosts_foreign_keys import Spot
from private_registry.check.reading import hosts_fields
from private_registry.check.reading.go_toml import is_go_toml_2
from private_registry.check.reading.hosts_document import (
    HostsDocument,
    Leaf,
    Table,
    dotted,
    shown_keys,
)
from private_registry.check.reading.reading import HostEntry
from private_registry.containerd import releases
from private_registry.texts.did_you_mean import VERY_NEAR, nearest
from private_registry.texts.showing import shown_name
from private_registry.texts.toml_statements import Path, Statement

_ALIASES = {
    "insecure_skip_verify": "skip_verify",
    "insecureskipverify": "skip_verify",
    "skip-verify": "skip_verify",
    "tls_skip_verify": "skip_verify",
    "skip_tls_verify": "skip_verify",
    "ca_file": "ca",
    "cafile": "ca",
    "ca_cert": "ca",
    "cacert": "ca",
    "ca-cert": "ca",
    "override-path": "override_path",
    "dial-timeout": "dial_timeout",
    "headers": "header",
    "hosts": "host",
    "capability": "capabilities",
    "caps": "capabilities",
}
_TOO_NEW = {
    "override_path": PATH | {Cause.ACCESS_DENIED},
    "dial_timeout": frozenset([Cause.TIMEOUT]),
}
_MEANT = (
    (("insecure", "verify", "tls", "plain", "http", "ca"), TRUST | PROTOCOL),
    (("user", "pass", "auth", "login", "token", "cred"), LOGIN),
    (("cert", "key", "client"), CLIENT),
)


def drafts(
    file: File, document: HostsDocument, entries: Tuple[HostEntry, ...]
) -> Iterator[Draft]:
    """Look for keys and tables that are not read."""
    asked = {host.url: entry for host, entry in zip(document.hosts, entries)}
    yield from _in_table(file, document, document.root, (), entries[-1])
    hosts = document.root.get("host", Table())
    for url, table in hosts.items():
        yield from _in_table(file, document, table, ("host", url), asked.get(url))
        header = table.get("header", Table())
        for key in header if isinstance(header, Table) else ():
            if key in hosts_fields.HOST_KEYS or key == "server":
                yield from _in_header(document, ("host", url, "header", key))
    if is_go_toml_2(file.version):
        collected = {each.url for each in document.hosts}
        for url, table in hosts.items():
            if url not in collected:
                yield _no_host(document, url, table)


def _in_table(
    file: File,
    document: HostsDocument,
    table: Table,
    path: Path,
    entry: Optional[HostEntry],
) -> Iterator[Draft]:
    is_root = not path
    known = hosts_fields.found_keys(table, file.version, is_root=is_root)
    read = {id(value) for value in known.values()}
    spelled = hosts_fields.known_keys(file.version, is_root=is_root)
    named = {
        key: value.value if isinstance(value, Leaf) else value
        for key, value in known.items()
    }
    for key, value in table.items():
        if key not in spelled and id(value) not in read:
            place = (*path, key)
            spot = Spot(file, document, place, value, table, entry, named)
            yield from _unknown(spot)
        elif is_root and key != "host" and key.lower() == "host":
            yield _renamed_key(document, Cause.KEY_CASE, (key,), "host", value)


def _unknown(spot: Spot) -> Iterator[Draft]:
    key, value, document, path = spot.key, spot.value, spot.document, spot.path
    known = hosts_fields.ROOT_KEYS if len(path) == 1 else hosts_fields.HOST_KEYS
    if key in known:
        yield _too_new(spot.file, key, value)
    elif key.lower() in known:
        yield _renamed_key(document, Cause.KEY_CASE, path, key.lower(), value)
    else:
        draft = _elsewhere(document, path, value) or hosts_foreign_keys.draft_of(spot)
        is_told = hosts_foreign_keys.is_told(spot)
        if draft is not None or not is_told:
            yield draft or _unheard_of(spot, known)


def _elsewhere(document: HostsDocument, path: Path, value: Any) -> Optional[Draft]:
    """Say of what is known in another place where that is."""
    key, is_root = path[-1], len(path) == 1
    if not is_root and key == "server":
        return _server(document, path, value)
    if not is_root and key == "host":
        return _nested_host(document, path, value)
    if is_root and isinstance(value, Table) and "://" in str(key):
        return _header_without_host(document, path, value)
    return None


def _unheard_of(spot: Spot, known: Tuple[str, ...]) -> Draft:
    new = meant(spot.key, known)
    if new:
        draft = _renamed_key(
            spot.document, Cause.UNKNOWN_KEY, spot.path, new, spot.value
        )
        is_leaf = isinstance(spot.value, Leaf)
        value = spot.value.value if is_leaf else spot.value
        return hosts_foreign_keys.named(spot, new, value, draft)
    words = spot.key.lower()
    found = [causes for parts, causes in _MEANT if any(each in words for each in parts)]
    return Draft(
        Cause.UNKNOWN_KEY,
        f"hosts.toml has no key {spot.shown}",
        _IGNORED,
        spot.value.line,
        explains=frozenset().union(*found),
        is_certain=False,
    )


def meant(key: str, known: Tuple[str, ...]) -> str:
    """Return the key that a misspelt one was meant for; empty where none is near."""
    new = _ALIASES.get(key.lower(), "") or nearest(key.lower(), known, VERY_NEAR)
    is_other = hosts_foreign_keys.kind_of(key) is not None
    return new if new in known and not is_other else ""


def _too_new(file: File, key: str, value: Any) -> Draft:
    since = releases.dotted(hosts_fields.since(key))
    return Draft(
        Cause.FIELD_TOO_NEW,
        f"only containerd {since} and newer read {key}; this node has "
        f"{releases.dotted(file.version)}",
        _IGNORED,
        value.line,
        explains=_TOO_NEW[key],
        is_certain=key == "override_path" and value.value is True,
    )


def _renamed_key(
    document: HostsDocument, cause: Cause, path: Path, new: str, value: Any
) -> Draft:
    old = str(path[-1])
    words = "is written" if cause is Cause.KEY_CASE else "is not known; it is"
    return Draft(
        cause,
        f"{shown_name(old)} {words} {new}",
        _IGNORED,
        value.line,
        renamed(document, path, new),
        is_certain=new != "override_path" or _has_api(document, path),
    )


def _has_api(document: HostsDocument, path: Path) -> bool:
    """Whether a host's own path is that of an API; else override_path may end it."""
    server = document.root.get("server")
    url = str(path[1] if path[0] == "host" else getattr(server, "value", ""))
    return "v2" in url.partition("://")[2].split("/")[1:]


def _statements(document: HostsDocument, path: Path) -> List[Statement]:
    return [each for each in document.statements if each.path[: len(path)] == path]


def _server(document: HostsDocument, path: Path, value: Any) -> Draft:
    found = _statements(document, path)
    root = document.root.get("server")
    edits: Edits = ()
    if len(found) == 1 and isinstance(value, Leaf):
        moved = (
            () if root is not None else (Edit(1, 0, text_lines(document, found[0])),)
        )
        edits = (*moved, without(found[0]))
    is_other = root is not None and root.value != value.value
    return Draft(
        Cause.MISPLACED_KEY,
        "server stands below a table, and so belongs to that; it must stand above all"
        " tables",
        _IGNORED,
        value.line,
        () if is_other else edits,
        is_certain=not is_other,
    )


def _nested_host(document: HostsDocument, path: Path, value: Any) -> Draft:
    found = _statements(document, path)
    edits: List[Edit] = []
    for each in found:
        if each.is_header and len(each.path) > len(path):
            header = f"[{dotted(('host', *each.path[len(path) :]))}]"
            edits.append(Edit(each.first + 1, 1, (header,)))
    return Draft(
        Cause.MISPLACED_KEY,
        "a host stands inside another host",
        _IGNORED,
        value.line,
        tuple(edits) if any(each.is_header for each in found) else (),
    )


def _header_without_host(document: HostsDocument, path: Path, value: Any) -> Draft:
    edits = tuple(
        Edit(each.first + 1, 1, (f"[{dotted(('host', *each.path))}]",))
        for each in _statements(document, path)
        if each.is_header
    )
    return Draft(
        Cause.NOT_A_HOST,
        f"[{shown_keys(path)}] is no host; it is [{shown_keys(('host', *path))}]",
        _IGNORED,
        value.line,
        edits,
    )


def _in_header(document: HostsDocument, path: Path) -> Iterator[Draft]:
    for each in _statements(document, path):
        if len(each.path) == len(path) and not each.is_header:
            above = () if path[-1] == "server" else path[:2]
            yield hosts_refused_lint.out_of_header(document, each, above)._replace(
                why="it is sent to the registry as a header, and does nothing else"
            )


def _no_host(document: HostsDocument, url: str, table: Table) -> Draft:
    return Draft(
        Cause.NOT_A_HOST,
        f"{shown_name(url)} needs a table with a header of its own:"
        f" [{shown_keys(('host', url))}]",
        "containerd 2 takes only such tables for hosts, and ignores this one",
        table.line,
        as_tables(document, url),
    )
