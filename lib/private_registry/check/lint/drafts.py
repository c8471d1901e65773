"""Drafts: what a rule finds in a file, and the finding that comes of it."""

from __future__ import annotations

import posixpath
from typing import FrozenSet, List, Optional, Tuple

from private_registry.check.causes import Cause
from private_registry.check.findings import Finding, Remedy, Severity
from private_registry.check.lint import edits as line_edits
from private_registry.check.lint.edits import Edit, Edits
from private_registry.check.reading import hosts_document, hosts_entries
from private_registry.check.reading.hosts_document import (
    BYTE_ORDER_MARK,
    HostsDocument,
    Refused,
)
from private_registry.check.reading.reading import HostEntry, Trust, asked_alike
from private_registry.containerd.releases import Version
from private_registry.named_tuple import NamedTuple
from private_registry.registries.addresses import Slip, slip_in
from private_registry.texts import toml_statements, toml_writing
from private_registry.texts.harmless_lines import is_known_of_hosts
from private_registry.texts.showing import quoted, shown_name
from private_registry.texts.toml_statements import Path, Statement

_MOST_CHARACTERS = 64 * 1024


class File(NamedTuple):
    """A hosts.toml.

    Args:
        registry: that it is for.
        path: of the file.
        content: of the file.
        version: of containerd.
        beside: the certificates in its directory.
    """

    registry: str
    path: str
    content: bytes
    version: Version
    beside: Trust = Trust()

    def __repr__(self) -> str:
        return f"File({self.path!r})"

    @property
    def text(self) -> str:
        """Its text, without a byte order mark."""
        return hosts_document.text_of(self.content)

    @property
    def lines(self) -> List[str]:
        """The lines of its text."""
        return toml_statements.split_lines(self.text)

    @property
    def directory(self) -> str:
        """Where it is."""
        return posixpath.dirname(self.path)

    def edited(self, edits: Edits) -> File:
        """Return it after edits."""
        mark = BYTE_ORDER_MARK if self.content.startswith(BYTE_ORDER_MARK) else b""
        return self._replace(
            content=mark + line_edits.applied(self.text, edits).encode()
        )

    def document(self) -> HostsDocument:
        """Read it; raise Refused."""
        return hosts_document.read(self.content, self.version)

    def entries(self) -> Optional[Tuple[HostEntry, ...]]:
        """Return whom containerd asks by it; None where it throws the file away."""
        try:
            return hosts_entries.entries_of_file(
                self.registry, self.content, self.path, self.version
            )
        except Refused:
            return None


class Draft(NamedTuple):
    """What a rule has found.

    Args:
        cause: the kind.
        what: see Finding.
        why: see Finding.
        line: number of the line, 0 for the whole file.
        edits: what makes the file say what was meant; none where that cannot be known.
        endpoint: URL of the endpoint that it is about.
        explains: see Finding.
        is_certain: what was meant is surely not what is read.
    """

    cause: Cause
    what: str
    why: str = ""
    line: int = 0
    edits: Edits = ()
    endpoint: str = ""
    explains: FrozenSet[Cause] = frozenset()
    is_certain: bool = True


def finding_of(file: File, draft: Draft, entries: Tuple[HostEntry, ...]) -> Finding:
    """Return a draft as a finding: a fault only where its edits change what containerd
    does.

    Args:
        file: that it is about.
        draft: what was found.
        entries: whom containerd asks now.
    """
    after = file.edited(draft.edits).entries() if draft.edits else None
    changes = after is None or not asked_alike(after, entries)
    command = command_of(file, draft.edits) if draft.edits else ""
    return Finding(
        draft.cause,
        draft.what,
        file.registry,
        draft.endpoint,
        f"{file.path}, line {draft.line}" if draft.line else file.path,
        draft.why,
        Remedy(command),
        Severity.FAULT if draft.is_certain and changes else Severity.NOTE,
        draft.explains,
        is_guess=bool(draft.edits) and changes and not draft.is_certain,
    )


def command_of(file: File, edits: Edits) -> str:
    """Return the command that makes edits.

    Empty where it would show what may be a secret.
    """
    command = line_edits.command(file.path, file.text, edits, is_known_of_hosts)
    has_mark = file.content.startswith(BYTE_ORDER_MARK)
    # A line before the first would leave the mark amid the file.
    return f"{without_mark(file)} && {command}" if command and has_mark else command


def without_mark(file: File) -> str:
    """Return the command that takes a byte order mark away."""
    script = r"1s/^\xEF\xBB\xBF//"
    return f"sudo sed -i {quoted(script)} {quoted(file.path)}"


def in_utf_8(file: File) -> str:
    """Return the command that writes a file in UTF-16 anew; empty where it is none."""
    try:
        text = file.content.decode("utf-16")
    except UnicodeDecodeError:
        return ""
    old, new = quoted(file.path), quoted(f"{file.path}.utf-8")
    convert = f"sudo iconv -f UTF-16 -t UTF-8 -o {new} {old}"
    return "" if "\0" in text else f"{convert} && sudo mv {new} {old}"


# --- edits of statements --------------------------------------------------------------


def statement_at(document: HostsDocument, line: int) -> Optional[Statement]:
    """Return the statement that begins in a line."""
    return next((each for each in document.statements if each.first == line - 1), None)


def with_value(document: HostsDocument, statement: Statement, value: object) -> Edit:
    """Return the edit that gives a key another value."""
    name = document.lines[statement.first].partition("=")[0].rstrip()
    lines = (f"{name} = {toml_writing.scalar(value)}",)
    return Edit(statement.first + 1, statement.end - statement.first, lines)


def without(statement: Statement) -> Edit:
    """Return the edit that takes a statement away."""
    return Edit(statement.first + 1, statement.end - statement.first)


def text_lines(document: HostsDocument, statement: Statement) -> Tuple[str, ...]:
    """Return the lines of a statement, without their ends and indentation."""
    lines = document.lines[statement.first : statement.end]
    return tuple(line.strip() for line in lines if line.strip())


def into_table(
    document: HostsDocument, path: Path, lines: Tuple[str, ...]
) -> Optional[Edit]:
    """Return the edit that puts lines into a table.

    None where it has no header of its own.
    """
    if not path:
        return Edit(1, 0, lines)
    headers = (
        each for each in document.statements if each.is_header and each.path == path
    )
    header = next(headers, None)
    return None if header is None else Edit(header.end + 1, 0, lines)


def renamed(document: HostsDocument, path: Path, new: str) -> Edits:
    """Return the edits that give the last key of a path another name, wherever it
    stands.
    """
    found = []
    for each in document.statements:
        if each.path[: len(path)] != path:
            continue
        old = str(path[-1])
        line = document.lines[each.first].rstrip("\r\n")
        before, hit, after = (
            line.partition("=") if not each.is_header else (line, "", "")
        )
        if old in before:
            start, _, end = before.rpartition(old)
            found.append(Edit(each.first + 1, 1, (start + new + end + hit + after,)))
    return tuple(found)


class BadAddress(NamedTuple):
    """An address that cannot be.

    Args:
        address: as it stands there.
        slip: what is wrong with it.
        line: number of its line.
    """

    address: str
    slip: Slip
    line: int

    @property
    def what(self) -> str:
        """See Finding."""
        return f"{shown_name(self.address)} {self.slip.what}"


def bad_addresses(lines: List[str]) -> List[BadAddress]:
    """List the addresses in lines of a hosts.toml that cannot be."""
    if sum(map(len, lines)) > _MOST_CHARACTERS:
        return []
    found = []
    for each in toml_statements.parse(lines, may_repeat=True, skip_unreadable=True):
        is_host = each.path[:1] == ("host",) and len(each.path) > 1
        if not is_host and each.path != ("server",):
            continue
        address = str(each.path[1] if is_host else each.value)
        slip = slip_in(address) if address else None
        if slip is not None:
            found.append(BadAddress(address, slip, each.first + 1))
    return found


def bad_addresses_of(edits: Edits) -> List[BadAddress]:
    """List those in the lines that come."""
    return bad_addresses([f"{line}\n" for edit in edits for line in edit.lines])


def with_url(
    document: HostsDocument, statement: Statement, old: str, new: str
) -> Edits:
    """Return the edits that give an endpoint another URL, in all headers that name
    it.
    """
    if not statement.is_header:
        return (with_value(document, statement, new),)
    found = []
    for each in document.statements:
        if each.is_header and each.path[:2] == ("host", old):
            header = f"[{hosts_document.dotted(('host', new, *each.path[2:]))}]"
            found.append(Edit(each.first + 1, 1, (header,)))
    return tuple(found)


def as_tables(document: HostsDocument, url: str) -> Edits:
    """Return what writes a host as a table at the end of the file; its lines go."""
    found = [each for each in document.statements if each.path[:2] == ("host", url)]
    lines = [f"[{hosts_document.dotted(('host', url))}]"]
    for each in found:
        # Host and its URL.
        if len(each.path) == 2 and isinstance(each.value, dict):  # noqa: PLR2004
            lines += [
                f"{hosts_document.dotted((key,))} = {toml_writing.scalar(item)}"
                for key, item in each.value.items()
            ]
        elif not each.is_header:
            lines.append(
                f"{hosts_document.dotted(each.path[2:])} ="
                f" {toml_writing.scalar(each.value)}"
            )
        else:
            return ()
    whole = [each for each in document.statements if each.path[:1] == ("host",)]
    if any(len(each.path) == 1 and not each.is_header for each in whole):
        return ()
    end = len(document.lines) + 1
    return (*(without(each) for each in found), Edit(end, 0, tuple(lines)))
