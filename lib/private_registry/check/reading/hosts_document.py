"""A hosts.toml as values with their lines, as containerd's TOML library reads it.

That is go-toml v1 in containerd 1.5 to 1.7, and v2 in 2.x. Where they differ from each
other, and from TOML, the one of the given version counts.
"""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Set, Tuple

from private_registry.check.reading import go_toml
from private_registry.containerd import releases
from private_registry.containerd.releases import Version
from private_registry.named_tuple import NamedTuple
from private_registry.texts import toml, toml_statements, toml_writing
from private_registry.texts.showing import shown_name
from private_registry.texts.toml_statements import Path, Statement

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
TLS_KEYS = ("ca", "client", "skip_verify")
HOST_KEYS = ("capabilities", *TLS_KEYS, "header", "override_path", "dial_timeout")
_LONE_RETURN = re.compile(r"\r(?!\n)")


class Refused(Exception):
    """containerd throws the whole file away.

    Args:
        kind: ``mark``, ``utf-16``, ``syntax``, ``twice``, ``bracket``, ``no host``, or
            another module's.
        line: 1-based; 0 where it is the whole file.
        words: what is wrong, for people.
    """

    def __init__(self, kind: str, line: int, words: str) -> None:
        super().__init__(words)
        self.kind, self.line, self.words = kind, line, words


class Leaf(NamedTuple):
    """A value and the number of its line."""

    value: Any
    line: int


class Table(Dict[str, Any]):
    """A table: leaves and tables by key, and the number of the line that it begins
    in.
    """

    line = 0
    is_inline = False


class HostTable(NamedTuple):
    """One ``[host."URL"]``."""

    url: str
    table: Table


class HostsDocument(NamedTuple):
    """What is in a file.

    Args:
        root: everything, nested.
        hosts: those hosts that containerd collects, in the order that it asks them.
        statements: of the text, in its order.
        lines: of the text.
    """

    root: Table
    hosts: Tuple[HostTable, ...]
    statements: Tuple[Statement, ...]
    lines: Tuple[str, ...]


def text_of(content: bytes) -> str:
    """Return the text of a file without its byte order mark, whatever bytes are in
    it.
    """
    plain = (
        content[len(BYTE_ORDER_MARK) :]
        if content.startswith(BYTE_ORDER_MARK)
        else content
    )
    return plain.decode(errors="replace")


def read(content: bytes, version: Version) -> HostsDocument:
    """Read a file.

    Raises:
        Refused: this containerd's library does not take it.
    """
    is_2 = go_toml.is_go_toml_2(version)
    if content.startswith(UTF_16_MARKS):
        raise Refused("utf-16", 1, "the file is in UTF-16, not in UTF-8")
    if is_2 and content.startswith(BYTE_ORDER_MARK):
        raise Refused("mark", 1, "the file begins with a byte order mark")
    if is_2:
        _check_utf8(content)
        _check_returns(content)
    text = text_of(content)
    # go-toml v1 takes a lone carriage return for the end of a line.
    lines = toml_statements.split_lines(text if is_2 else _LONE_RETURN.sub("\n", text))
    found = parsed(lines)
    twice = go_toml.first_twice(found, lines, HOST_KEYS, version)
    if twice is not None:
        words = f"{shown_keys(twice.path)} is there twice"
        raise Refused("twice", twice.first + 1, words)
    if not is_2:
        _check_names_of_tables(found, lines)
    root = _nested(found)
    if not is_2:
        hosts = _hosts_of_1(root, version)
    else:
        check_host_tables(root)
        if version < releases.GO_TOML_2_4:
            _check_dotted_skip_verify(found)
        hosts = list(_hosts_of_2(found, root))
    return HostsDocument(root, tuple(hosts), tuple(found), tuple(lines))


def parsed(lines: List[str]) -> List[Statement]:
    """Read the statements of a text, what is there twice too; raise Refused."""
    try:
        found = toml_statements.parse(lines, may_repeat=True)
    except toml.TomlSyntaxError as error:
        raise Refused("syntax", error.line or 0, error.reason) from error
    return found


def keys_at(content: bytes, line: int) -> Tuple[str, ...]:
    """Return the keys of what begins in a line; none where nothing readable does."""
    try:
        found = parsed(toml_statements.split_lines(text_of(content)))
    except Refused:
        return ()
    here = next((each.path for each in found if each.first == line - 1), ())
    return tuple(str(key) for key in here)


def _check_utf8(content: bytes) -> None:
    try:
        content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise Refused("syntax", line, "not UTF-8") from error


def _check_returns(content: bytes) -> None:
    """A carriage return alone is no end of a line, nor may it stand in a comment."""
    lone = _LONE_RETURN.search(content.decode())
    if lone is not None:
        line = lone.string.count("\n", 0, lone.start()) + 1
        raise Refused("syntax", line, "a carriage return without a line feed")


def _check_names_of_tables(found: List[Statement], lines: List[str]) -> None:
    """go-toml v1 takes no bracket, escape or tab in a table's name (containerd issue
    10055).
    """
    for each in (header for header in found if header.is_header):
        keys = [key for key in each.path if isinstance(key, str)]
        if any("[" in key or "]" in key for key in keys):
            raise Refused(
                "bracket",
                each.first + 1,
                f"a bracket in the table's name {shown_name(keys[-1])}",
            )
        if re.search(r"[\\\t]", go_toml.between_brackets(lines[each.first])):
            raise Refused(
                "syntax", each.first + 1, "a backslash or tab in the table's name"
            )


def dotted(path: Path) -> str:
    """Write a path as in a table's header."""
    return ".".join(toml_writing.key(str(key)) for key in path)


def shown_keys(path: Path) -> str:
    """Write a path as in a table's header, for people."""
    return dotted(tuple(shown_name(str(key)) for key in path))


def _nested(found: List[Statement]) -> Table:
    root = Table()
    for each in found:
        line = each.first + 1
        if each.is_header:
            _table_at(root, each.path, line)
        else:
            table = _table_at(root, each.path[:-1], line)
            table[str(each.path[-1])] = _valued(each.value, line)
    return root


def _table_at(root: Table, path: Path, line: int) -> Table:
    table = root
    for key in path:
        inner = table.setdefault(
            str(key) if isinstance(key, str) else f"#{key}", Table()
        )
        if not isinstance(inner, Table):
            raise Refused("twice", line, f"{shown_keys(path)} is there twice")
        inner.line = inner.line or line
        table = inner
    return table


def _valued(value: Any, line: int) -> Any:
    if not isinstance(value, dict):
        return Leaf(value, line)
    table = Table({key: _valued(inner, line) for key, inner in value.items()})
    table.line, table.is_inline = line, True
    return table


def _hosts_of_2(found: List[Statement], root: Table) -> Iterator[HostTable]:
    """Yield what ``getSortedHosts`` of containerd 2.x does: each header that names
    another host.
    """
    last = ""
    for each in found:
        keys = each.path
        is_host = each.is_header and len(keys) > 1 and keys[0] == "host"
        if is_host and isinstance(keys[1], str) and keys[1] != last:
            last = keys[1]
            yield HostTable(last, _merged(root, last))


def _merged(root: Table, url: str) -> Table:
    """Return what ``host`` in any spelling says of a URL: go-toml v2 decodes all
    into one.
    """
    merged = Table()
    for key, hosts in root.items():
        if key.lower() == "host" and isinstance(hosts, Table):
            merged.update(hosts.get(url, {}))
    merged.line = root["host"][url].line
    return merged


def _check_dotted_skip_verify(found: List[Statement]) -> None:
    """Before go-toml 2.4 it crashes at a dotted skip_verify of a host that it knows
    already.

    That is the only pointer among the fields (unmarshaler.go fieldByIndex).
    """
    known: Set[str] = set()
    table: Path = ()
    for each in found:
        table = each.path if each.is_header else table
        keys = [str(key) for key in each.path]
        if keys[:1] != ["host"] or len(keys) < 2:  # noqa: PLR2004 - host and its URL
            continue
        is_dotted = not each.is_header and len(table) < 2  # noqa: PLR2004 - the same
        if (
            is_dotted
            and keys[1] in known
            and [key.lower() for key in keys[2:]] == ["skip_verify"]
        ):
            words = (
                f"skip_verify of {shown_name(keys[1])} is written with dots, not below"
                " a header"
            )
            raise Refused("crash", each.first + 1, words)
        known.add(keys[1])


def _hosts_of_1(root: Table, version: Version) -> List[HostTable]:
    """Return what ``getSortedHosts`` of containerd 1.x does: all of the table, by
    its lines.
    """
    host = root.get("host")
    if host is None and version >= releases.ROOT_ONLY:
        return []
    if not isinstance(host, Table) or "#0" in host:
        line = host.line if isinstance(host, (Leaf, Table)) else 0
        raise Refused("no host", line, "there is no [host] table")
    try:
        check_host_tables(root)
    except Refused as error:
        if len(host) > 1:
            raise Refused("crash", error.line, error.words) from error
        raise
    # An inline table has no place of its own there, and comes before all others.
    hosts = [HostTable(url, table) for url, table in host.items()]
    return sorted(
        hosts, key=lambda each: 0 if each.table.is_inline else each.table.line
    )


def check_host_tables(root: Table) -> None:
    """Raise Refused unless ``host``, where it is given, holds tables only.

    containerd 1.x does more than throw such a file away, if more than this stands in
    ``host``: it takes the value for a table when it sorts them, and crashes (hosts.go
    getSortedHosts).
    """
    host = root.get("host", Table())
    if not isinstance(host, Table) or "#0" in host:
        raise Refused("type", host.line, "host must be a table")
    for url, table in host.items():
        if not isinstance(table, Table) or "#0" in table:
            raise Refused(
                "type", table.line, f"{shown_name(url)} in [host] is no table"
            )
