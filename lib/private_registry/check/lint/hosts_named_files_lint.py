"""Names of CAs, certificates and keys in hosts.toml: why they lead nowhere, or soon
will.
"""

from __future__ import annotations

import posixpath
import re
from typing import Any, Callable, Iterator, List, Tuple

from private_registry.check.causes import NAMED_FILES, Cause
from private_registry.check.findings import Finding
from private_registry.check.lint.drafts import Draft, File, finding_of, with_value
from private_registry.check.reading.hosts_document import HostsDocument, Refused
from private_registry.check.reading.reading import HostEntry
from private_registry.texts.showing import shown, shown_place
from private_registry.texts.toml_statements import Statement

_REVISION = re.compile(r"(/snap/[^/]+)/x?[0-9]+/")
_VARIABLE = re.compile(r"\$\{?SNAP_DATA\}?")
_ANY_VARIABLE = re.compile(r"\$\{?[A-Z_]+\}?")
_TREE = "/args/certs.d/"
_PAIR = 2


def findings_of(
    file: File, problems: List[Finding], entries: Tuple[HostEntry, ...]
) -> List[Finding]:
    """Return the findings about the files that a hosts.toml names.

    Args:
        file: the hosts.toml, which is not empty.
        problems: what is wrong with those files themselves; where the reason is how
            they are named, that is said instead.
        entries: whom containerd asks.
    """
    try:
        document = file.document()
    except Refused:
        return problems
    located = [_located(file, document, each) for each in problems]
    drafts = list(_drafts(file, document))
    missing = [each for each in located if each.cause in NAMED_FILES]
    if not missing:
        soon = [draft for draft in drafts if not draft.is_certain]
        return [*located, *(finding_of(file, draft, entries) for draft in soon)]
    if not drafts:
        return located
    first = drafts[0]._replace(
        is_certain=True, why=missing[0].why, endpoint=missing[0].endpoint
    )
    others = [each for each in located if each.cause not in NAMED_FILES]
    return [finding_of(file, first, entries), *others]


def _located(file: File, document: HostsDocument, problem: Finding) -> Finding:
    """Return a problem with the line of the key that names its file."""
    for each in document.statements:
        names = (
            _names(each.value) if str(each.path[-1]).lower() in ("ca", "client") else []
        )
        paths = [
            posixpath.normpath(posixpath.join(file.directory, name)) for name in names
        ]
        if any(problem.what.endswith(" " + shown_place(path)) for path in paths):
            return problem._replace(where=f"{file.path}, line {each.first + 1}")
    return problem


def _drafts(file: File, document: HostsDocument) -> Iterator[Draft]:
    """Yield what is odd about names; certain where no such file can be meant."""
    for statement in document.statements:
        key = str(statement.path[-1]).lower()
        if statement.is_header or key not in ("ca", "client"):
            continue
        names = _names(statement.value)
        yield from _variables(file, document, statement, names)
        yield from _pairs(document, statement)
        yield from _revisions(file, document, statement, names)


def _names(value: Any) -> List[str]:
    if isinstance(value, list):
        return [name for each in value for name in _names(each)]
    return [value] if isinstance(value, str) else []


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, list):
        return [_mapped(each, change) for each in value]
    return change(value) if isinstance(value, str) else value


def _variables(
    file: File, document: HostsDocument, statement: Statement, names: List[str]
) -> Iterator[Draft]:
    match = _ANY_VARIABLE.search(" ".join(names))
    if match is None:
        return
    data, tree, _ = file.path.partition(_TREE)
    new = _mapped(statement.value, lambda name: _VARIABLE.sub(lambda _: data, name))
    is_clear = tree and not any(_ANY_VARIABLE.search(name) for name in _names(new))
    yield Draft(
        Cause.NOT_RENDERED,
        f"nothing replaces {shown(match[0])} in hosts.toml",
        "",
        statement.first + 1,
        (with_value(document, statement, new),) if is_clear else (),
    )


def _pairs(document: HostsDocument, statement: Statement) -> Iterator[Draft]:
    if str(statement.path[-1]).lower() != "client" or not isinstance(
        statement.value, list
    ):
        return
    value = statement.value
    flat = [each for each in value if isinstance(each, str)]
    new: Any = None
    if len(value) == len(flat) == _PAIR and flat[1].endswith((".key", "key.pem")):
        new = [flat]
    elif any(isinstance(each, list) and each[1:] == [""] for each in value):
        new = [
            each[0] if isinstance(each, list) and each[1:] == [""] else each
            for each in value
        ]
    if new is not None:
        yield Draft(
            Cause.CLIENT_UNUSABLE,
            "client is a list of pairs of a certificate and its key, or of files with"
            " both in one",
            "",
            statement.first + 1,
            (with_value(document, statement, new),),
        )


def _revisions(
    file: File, document: HostsDocument, statement: Statement, names: List[str]
) -> Iterator[Draft]:
    if not any(_REVISION.search(name) for name in names):
        return
    inside = file.directory + "/"

    def steady(name: str) -> str:
        if name.startswith(inside):
            return name[len(inside) :]
        return _REVISION.sub(r"\1/current/", name)

    yield Draft(
        Cause.REVISION_PATH,
        "the path of one revision of the snap is gone after the next refresh or two",
        "",
        statement.first + 1,
        (with_value(document, statement, _mapped(statement.value, steady)),),
        is_certain=False,
    )
