"""Tables of containerd-template.toml whose names lead nowhere: what containerd does of
them, and how they are spelt right.
"""

from __future__ import annotations

from itertools import islice
from typing import Iterator, List, Optional, Sequence, Set

from private_registry.check.causes import (
    CLIENT,
    NETWORK,
    NO_LOGIN,
    PATH,
    PROTOCOL,
    TRUST,
    Cause,
)
from private_registry.check.findings import Finding, Severity
from private_registry.check.lint import edits as line_edits
from private_registry.check.lint.edits import Edit, Edits
from private_registry.check.lint.template_looked import (
    Looked,
    finding,
    header,
    mended,
)
from private_registry.check.reading.directories import can_be_named
from private_registry.check.reading.hosts_document import shown_keys
from private_registry.check.setup import can_be_typed
from private_registry.containerd import config_versions, releases
from private_registry.containerd.plugin_names import (
    Misnamed,
    misnamed,
    right_host,
    right_section,
)
from private_registry.containerd.releases import dotted
from private_registry.containerd.template import Template
from private_registry.errors import NodeError
from private_registry.texts.showing import quoted
from private_registry.texts.toml_statements import Path, keys_of

_MOST = 20
_EXPLAINS = {
    "mirrors": NETWORK | PROTOCOL | TRUST | PATH | NO_LOGIN,
    "tls": TRUST | CLIENT,
    "auth": NO_LOGIN,
    "auths": NO_LOGIN,
}
_LOGINS = ("auth", "auths")


def findings_of(looked: Looked) -> Iterator[Finding]:
    """Yield the tables that containerd does not read, or does not start with."""
    found = misnamed(looked.template, looked.version)
    telling = [each for each in found if _is_telling(looked, each, found)]
    remedy = mended(looked, edits_of(looked, found)) if telling else None
    for each in islice(telling, _MOST):
        draft = _finding(looked, each)
        yield draft if remedy is None else draft._replace(remedy=remedy)


def _is_telling(looked: Looked, table: Misnamed, found: Sequence[Misnamed]) -> bool:
    """Whether a table says something, or none below it does where it ends the start."""
    statements = looked.template.statements
    if not table.statement.is_header or keys_of(statements, table.statement):
        return True
    is_above = any(
        each is not table and each.path[: len(table.path)] == table.path
        for each in found
    )
    return table.ends_start and not is_above


def _finding(looked: Looked, table: Misnamed) -> Finding:
    name, version = shown_keys(table.path), dotted(looked.version)
    own = (*right_section(looked.template, looked.version), "registry")
    number = looked.template.number
    right = f"; it is [{shown_keys(table.right)}] there" if table.right else ""
    if _is_out_of_place(looked, table):
        right = "; beside config_path its words belong into hosts.toml"
    if table.ends_start:
        return finding(
            looked,
            Cause.PLUGIN_NAME,
            f"[{name}] is for no plugin in a file of version {number}{right}",
            table.statement,
            f"containerd {version} does not start with it, and no pod starts"
            + _added(looked, table),
        )
    where = right or f"; it looks in [{shown_keys(own)}]"
    above = table.path[: len(own)]
    is_of_another = above != own and above in config_versions.REGISTRY.values()
    found = finding(
        looked,
        Cause.SETTINGS_IGNORED if is_of_another else Cause.PLUGIN_NAME,
        f"containerd {version} never reads [{name}] in a file of version"
        f" {number}{where}",
        table.statement,
        "containerd ignores it without a word" + _added(looked, table),
    )
    explains = _EXPLAINS.get(table.kind, frozenset()) if table.host else frozenset()
    host = right_host(table.host, table.kind)
    is_note = bool(explains) and table.kind not in _LOGINS and _has_tree(looked)
    return found._replace(
        registry=host if explains and can_be_named(host) else "",
        explains=explains,
        severity=Severity.NOTE if is_note else Severity.FAULT,
    )


# --- what mends it --------------------------------------------------------------------


def _has_tree(looked: Looked) -> bool:
    """Whether the node reads hosts.toml, or would with its tables spelt right."""
    found = (each for each in looked.template.statements if not each.is_header)
    return any(
        str(each.path[-1]) == "config_path" and "registry" in str(each.path[-2:-1])
        for each in found
        if each.value
    )


def _is_out_of_place(looked: Looked, table: Misnamed) -> bool:
    """Whether CRI would not be loaded with a table spelt right."""
    return table.kind in ("mirrors", "tls") and _has_tree(looked)


def _added(looked: Looked, table: Misnamed) -> str:
    """Say what adds a mirror where its table has to go."""
    if table.kind != "mirrors" or not _is_out_of_place(looked, table):
        return ""
    host = right_host(table.host, table.kind)
    values = [
        each.value
        for each in keys_of(looked.template.statements, table.statement)
        if isinstance(each.value, list)
    ]
    urls = [str(url) for url in values[0]] if len(values) == 1 else []
    if not can_be_named(host) or not urls or not all(map(can_be_typed, urls)):
        return ""
    words = [
        (
            f"--insecure {quoted(host)}"
            if url.rstrip("/") == f"http://{host}"
            else f"--mirror {quoted(f'{host}={url}')}"
        )
        for url in urls
        if url.rstrip("/") != f"https://{host}"
    ]
    is_one = len(words) == 1 or not any("--insecure" in each for each in words)
    if not words or not is_one:
        return ""
    return f"; in its place: microk8s private-registry add {' '.join(words)}"


def edits_of(looked: Looked, found: Sequence[Misnamed]) -> Edits:
    """Return what spells all these tables right; none where that cannot be."""
    whole = _version_edit(looked, found)
    edits = _renamed(looked, found) if whole is None else (whole,)
    return edits if edits and _is_well(looked, edits) else ()


def _version_edit(looked: Looked, found: Sequence[Misnamed]) -> Optional[Edit]:
    """Return the line that a file of version 2 lacks."""
    paths = [each.path for each in looked.template.statements]
    has_number = ("version",) in paths
    is_old = any(path[:2] == config_versions.FIRST_CRI for path in paths)
    own: Path = config_versions.REGISTRY[2]
    if has_number or is_old or not all(each.path[: len(own)] == own for each in found):
        return None
    return Edit(1, 0, ("version = 2",))


def _renamed(looked: Looked, found: Sequence[Misnamed]) -> Edits:
    tables = [each.statement for each in found]
    taken: Set[Path] = {
        each.path
        for each in looked.template.statements
        if each.is_header and each not in tables
    }
    edits: List[Edit] = []
    for each in found:
        keys = keys_of(looked.template.statements, each.statement)
        first = each.statement.first
        line = looked.template.lines[first]
        if not each.statement.is_header or not each.right:
            return ()
        if _is_out_of_place(looked, each):
            gone = [each.statement, *keys]
            edits += [Edit(one.first + 1, one.end - one.first) for one in gone]
        elif each.right not in taken:
            taken.add(each.right)
            indent = line[: len(line) - len(line.lstrip())]
            edits.append(Edit(first + 1, 1, (indent + header(each.right),)))
        elif keys:
            return ()
        else:
            edits.append(Edit(first + 1, 1))
    return tuple(edits)


def _is_well(looked: Looked, edits: Edits) -> bool:
    """Whether containerd reads every table after edits, and CRI is loaded."""
    text = line_edits.applied("".join(looked.template.lines), edits)
    try:
        after = Template(text, looked.template.source)
    except NodeError:
        return False
    first, fixed = releases.DEFAULT_CONFIG_PATH
    takes_mirrors = after.is_legacy and not first <= looked.version < fixed
    has_mirrors = any(key[0] == "mirrors" for key in after.keys)
    has_tls = any(key[-1] == "tls" for key in after.keys)
    takes_tls = after.is_legacy or looked.version >= releases.TLS_OF_MIRRORS_GONE
    return (
        not misnamed(after, looked.version)
        and (takes_mirrors or not has_mirrors)
        and (takes_tls or not has_tls)
    )
