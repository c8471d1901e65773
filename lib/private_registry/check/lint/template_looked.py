"""The template under lint: what rules look at, and how they say what they find."""

from __future__ import annotations

from typing import List, Optional

from private_registry.check.causes import Cause
from private_registry.check.findings import Finding, Remedy
from private_registry.check.lint import edits as line_edits
from private_registry.check.lint.edits import Edit, Edits
from private_registry.check.reading.hosts_document import dotted
from private_registry.containerd.releases import Version
from private_registry.containerd.template import Template
from private_registry.named_tuple import NamedTuple
from private_registry.texts.harmless_lines import is_known_of_containerd
from private_registry.texts.toml_statements import Path, Statement
from private_registry.transaction.ledger import EntryKey

RESTART = "sudo snap restart microk8s.daemon-containerd"


class Looked(NamedTuple):
    """What the rules look at.

    Args:
        template: containerd's configuration.
        loaded: the same as the running one has read it.
        version: of containerd.
    """

    template: Template
    loaded: Optional[Template]
    version: Version


def finding(
    looked: Looked, cause: Cause, what: str, statement: Optional[Statement], why: str
) -> Finding:
    """Return a finding about a statement of the template; None for the whole file."""
    source = looked.template.source
    where = source if statement is None else f"{source}, line {statement.first + 1}"
    return Finding(cause, what, where=where, why=why)


def mended(looked: Looked, edits: Edits) -> Remedy:
    """Return the command that makes edits and restarts containerd, which reads the
    file then.
    """
    if not edits:
        return Remedy()
    text = "".join(looked.template.lines)
    command = line_edits.command(
        looked.template.source, text, edits, is_known_of_containerd
    )
    return Remedy(f"{command} && {RESTART}" if command else "")


def of_entry(looked: Looked, key: EntryKey) -> List[Statement]:
    """List the statements of an entry."""
    path = (*looked.template.section, *key)
    return [
        each for each in looked.template.statements if each.path[: len(path)] == path
    ]


def entries(looked: Looked, kind: str) -> List[EntryKey]:
    """List the entries of a kind: ``mirrors``, ``tls`` or ``auth``."""
    keys = looked.template.keys
    return [key for key in keys if (key[0] if kind == "mirrors" else key[-1]) == kind]


def without(looked: Looked, keys: List[EntryKey]) -> Edits:
    """Return the edits that take entries away, and the headers that nothing is left
    under.
    """
    gone = [each for key in keys for each in of_entry(looked, key)]
    paths = {(*looked.template.section, *key[:end]) for key in keys for end in (1, 2)}
    for each in looked.template.statements:
        inside = [
            other
            for other in looked.template.statements
            if other.path[: len(each.path)] == each.path and not other.is_header
        ]
        is_bare = each.is_header and each.path in paths and each not in gone
        if is_bare and all(other in gone for other in inside):
            gone.append(each)
    return tuple(Edit(each.first + 1, each.end - each.first) for each in sorted(gone))


def header(path: Path) -> str:
    """Write a table's header."""
    return f"[{dotted(path)}]"
