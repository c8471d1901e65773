"""Logins of containerd-template.toml in a table where containerd looks for none."""

from __future__ import annotations

from typing import Dict, Iterator, List, Optional, Sequence, Tuple

from private_registry.check.causes import NO_LOGIN, Cause
from private_registry.check.findings import Finding, Remedy
from private_registry.check.lint.edits import Edit
from private_registry.check.lint.template_looked import (
    Looked,
    finding,
    header,
    mended,
)
from private_registry.check.reading.directories import can_be_named
from private_registry.check.reading.hosts_document import shown_keys
from private_registry.containerd.plugin_names import misnamed, right_host
from private_registry.containerd.template_values import (
    LOGIN_KEYS,
    WrongValue,
    wrong_values,
)
from private_registry.named_tuple import NamedTuple
from private_registry.texts.toml_statements import Path, Statement

_TABLES = ("auth", "auths")
_BY_NAME = ("configs", "mirrors")
_LENGTH_OF_NAME, _LENGTH_OF_SETTING = 2, 3


class Misplaced(NamedTuple):
    """A table with a login where containerd looks for none.

    Args:
        table: its name.
        logins: the statements of the login.
        host: that it is meant for; empty where it names none.
    """

    table: Path
    logins: Tuple[Statement, ...]
    host: str


def findings_of(looked: Looked) -> Iterator[Finding]:
    """Yield the logins that are never used."""
    taken: List[Path] = []
    for each in misplaced(looked):
        yield _misplaced(looked, each, taken)


def misplaced(looked: Looked) -> List[Misplaced]:
    """List the tables with a login where containerd looks for none."""
    section = looked.template.section
    others = [each.path for each in misnamed(looked.template, looked.version)]
    wrong = [
        each.statement.first for each in wrong_values(looked.template, looked.version)
    ]
    found: Dict[Path, List[Statement]] = {}
    for each in looked.template.statements:
        if (
            each.is_header
            or each.path[: len(section)] != section
            or each.first in wrong
        ):
            continue
        table, key = each.path[:-1], str(each.path[-1]).lower()
        is_login = key in LOGIN_KEYS and not isinstance(each.value, dict)
        is_others = any(table[: len(path)] == path for path in others)
        if is_login and not is_others and _is_elsewhere(table[len(section) :]):
            found.setdefault(table, []).append(each)
    return [
        Misplaced(table, tuple(logins), _host(table[len(section) :]))
        for table, logins in found.items()
    ]


def _is_elsewhere(inner: Path) -> bool:
    """Whether a table of the section is none that logins belong into."""
    if not inner or inner == ("auth",):
        return True
    if inner[0] == "auth":
        return len(inner) == _LENGTH_OF_NAME
    is_setting = len(inner) == _LENGTH_OF_SETTING
    if inner[0] not in _BY_NAME or not (len(inner) == _LENGTH_OF_NAME or is_setting):
        return False
    is_right = inner[0] == "configs" and is_setting and inner[2] == "auth"
    return not is_right or inner[1] in _TABLES


def _host(inner: Path) -> str:
    names = [str(part) for part in inner[1:]]
    if len(names) > 1 and names[0] in _TABLES:
        names = names[1:]
    return right_host(names[0], "auth") if names else ""


def _misplaced(looked: Looked, each: Misplaced, taken: List[Path]) -> Finding:
    right = _right_table(looked, each.host)
    words = f"; they belong into [{shown_keys(right)}]" if right else ""
    edit = _renamed(looked, each.table, right, taken) if right else None
    return finding(
        looked,
        Cause.CREDENTIALS_KEY,
        f"credentials in [{shown_keys(each.table)}] are never used{words}",
        each.logins[0],
        "containerd looks for them in configs, the very host and port that it asks,"
        " and auth",
    )._replace(
        remedy=mended(looked, (edit,)) if edit is not None else Remedy(),
        registry=each.host if can_be_named(each.host) else "",
        explains=NO_LOGIN,
    )


def _right_table(looked: Looked, host: str) -> Path:
    return (*looked.template.section, "configs", host, "auth") if host else ()


def _renamed(
    looked: Looked, table: Path, right: Path, taken: List[Path]
) -> Optional[Edit]:
    """Return the edit that makes a table the right one; None where it holds more."""
    statements = looked.template.statements
    headers = [each for each in statements if each.is_header and each.path == table]
    own = [each for each in statements if each.path[:-1] == table and _is_login(each)]
    others = [
        each
        for each in statements
        if each.path[: len(table)] == table
        and each not in (*headers, *own)
        and not _has_own_header(statements, each, table)
    ]
    is_taken = right in taken or any(
        each.path[: len(right)] == right for each in statements if each not in own
    )
    # A mirror's own login may be meant for the mirror.
    is_doubtful = table[len(looked.template.section)] == "mirrors" and not all(
        host == right[-2] for host in _asked(looked, table)
    )
    if len(headers) != 1 or others or is_taken or is_doubtful:
        return None
    taken.append(right)
    line = looked.template.lines[headers[0].first]
    indent = line[: len(line) - len(line.lstrip())]
    return Edit(headers[0].first + 1, 1, (indent + header(right),))


def _is_login(statement: Statement) -> bool:
    return not statement.is_header and str(statement.path[-1]) in LOGIN_KEYS


def _has_own_header(
    statements: Sequence[Statement], statement: Statement, table: Path
) -> bool:
    """Whether a statement stands below a longer header, which names it whole."""
    if statement.is_header:
        return True
    above = [each for each in statements if each.is_header and each < statement]
    return bool(above) and len(above[-1].path) > len(table)


def _asked(looked: Looked, table: Path) -> List[str]:
    """List the hosts that the mirrors of a name ask."""
    length = len(looked.template.section) + _LENGTH_OF_NAME
    path = (*table[:length], "endpoint")
    values = [each.value for each in looked.template.statements if each.path == path]
    urls = values[0] if values and isinstance(values[0], list) else []
    return [right_host(str(url), "auth") for url in urls]


def renamed_above(looked: Looked, value: WrongValue) -> Optional[Edit]:
    """Return the edit that gives a text ``auth`` the table that it lacks."""
    section, path = looked.template.section, value.statement.path
    is_auth = path[len(section) :][2:] == ("auth",) and isinstance(
        value.statement.value, str
    )
    if (
        path[: len(section)] != section
        or not is_auth
        or path[len(section)] != "configs"
    ):
        return None
    right = _right_table(looked, right_host(str(path[-2]), "auth"))
    return _renamed(looked, path[:-1], right, []) if right else None
