"""A hosts.toml that containerd throws away: why, and what makes it readable."""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, Optional, Tuple

from private_registry.check.causes import Cause
from private_registry.check.lint import hosts_syntax_lint
from private_registry.check.lint.drafts import (
    Draft,
    File,
    as_tables,
    into_table,
    statement_at,
    text_lines,
    with_url,
    with_value,
    without,
)
from private_registry.check.lint.edits import Edit, Edits
from private_registry.check.lint.hosts_foreign_keys import OF_TEMPLATE, of_template
from private_registry.check.lint.hosts_syntax_lint import shown_line
from private_registry.check.reading import hosts_document, hosts_fields
from private_registry.check.reading.hosts_document import (
    HostsDocument,
    Refused,
    dotted,
    shown_keys,
)
from private_registry.check.reading.reading import EVERY_CAPABILITY
from private_registry.containerd import releases
from private_registry.registries.addresses import Slip, slip_in
from private_registry.texts import toml_writing
from private_registry.texts.did_you_mean import nearest
from private_registry.texts.harmless_lines import is_known_of_hosts
from private_registry.texts.showing import shown_name
from private_registry.texts.toml_statements import Path, Statement, keys_of

_THROWN_AWAY = (
    "containerd throws the whole file away, says so in its log only, and asks the"
    " registry itself by HTTPS"
)
_CRASHES = "containerd crashes whenever it reads this file"
_NO_HOST = "containerd before 1.7.32 takes no file without a [host] table"
_FLAG_WORDS = {"true": True, "yes": True, "on": True, "1": True}
_NO_WORDS = {"false": False, "no": False, "off": False, "0": False}
# A host and its address.
_HOST = 2
_TLS_KEYS = ("ca", "client", "skip_verify")
_UNIT = re.compile(r"[0-9]+\Z", re.ASCII)


def draft_of(file: File, refused: Refused) -> Draft:
    """Say why containerd throws a file away."""
    makers: Dict[str, Callable[[File, Refused], Draft]] = {
        "mark": _mark,
        "utf-16": hosts_syntax_lint.utf_16,
        "syntax": hosts_syntax_lint.syntax,
        "twice": _twice,
        "bracket": _bracket,
        "no host": _no_host,
        "type": _type,
        "crash": _crash,
        "capability": _capability,
        "header": _header,
        "url": _url,
        "duration": _duration,
    }
    draft = makers[refused.kind](file, refused)
    is_crash = refused.kind == "crash"
    return draft._replace(
        cause=Cause.CRASHES if is_crash else draft.cause,
        line=draft.line or refused.line,
        why=draft.why or (_CRASHES if is_crash else _THROWN_AWAY),
    )


def _mark(_file: File, _refused: Refused) -> Draft:
    return Draft(
        Cause.BYTE_ORDER_MARK,
        "the file begins with a byte order mark, which no editor shows",
    )


# --- twice ----------------------------------------------------------------------------


def _twice(file: File, refused: Refused) -> Draft:
    draft = Draft(Cause.DUPLICATE, refused.words)
    document, second = _place(file, refused)
    if document is None or second is None:
        return draft
    found = document.statements
    first = next(each for each in found if each.path == second.path or each is second)
    if not second.is_header:
        is_same = (
            first is not second and first.value == second.value and not first.is_header
        )
        return draft._replace(edits=(without(second),) if is_same else ())
    return draft._replace(edits=_merged(document, first, second))


def _merged(document: HostsDocument, first: Statement, second: Statement) -> Edits:
    """Return what takes a table's second header away and puts its keys under the
    first.
    """
    ours, theirs = (keys_of(document.statements, each) for each in (first, second))
    known = {each.path: each.value for each in ours}
    new = [each for each in theirs if each.path not in known]
    second_at = document.statements.index(second)
    if first is second or any(
        known.get(each.path, each.value) != each.value for each in theirs
    ):
        return ()
    between = document.statements[document.statements.index(first) : second_at]
    if not any(each.is_header for each in between[1:]):
        # Without the second header its keys belong to the first.
        return tuple(without(each) for each in (second, *theirs) if each not in new)
    lines = tuple(line for each in new for line in text_lines(document, each))
    end = ours[-1].end if ours else first.end
    edits = [without(each) for each in (second, *theirs)]
    return (*((Edit(end + 1, 0, lines),) if lines else ()), *edits)


# --- tables ---------------------------------------------------------------------------


def _bracket(file: File, refused: Refused) -> Draft:
    return Draft(
        Cause.FIELD_TOO_NEW,
        "containerd before 2.0 takes no brackets in a table's name",
        edits=_as_server(file, refused.line),
    )


def _as_server(file: File, line: int) -> Edits:
    """Return what says the same with ``server``, where there is but this one host."""
    document = _unchecked(file)
    found = () if document is None else document.statements
    headers = [each for each in found if each.is_header]
    server = next((each for each in found if each.path == ("server",)), None)
    url = headers[0].path[-1] if headers else ""
    if (
        document is None
        or len(headers) != 1
        or headers[0].path[:1] != ("host",)
        or len(headers[0].path) != 2  # noqa: PLR2004 - host and its URL
    ):
        return ()
    if server is not None and server.value != url:
        return ()
    keys = keys_of(document.statements, headers[0])
    root = {each.path[0] for each in found if len(each.path) == 1}
    moved = [each for each in keys if each.path[-1] not in (*root, "capabilities")]
    lines = tuple(text for each in moved for text in text_lines(document, each))
    top = (
        () if server is not None else (f"server = {toml_writing.scalar(url)}",)
    ) + lines
    edits = [Edit(line, 1, ("[host]",)), *(without(each) for each in keys)]
    return (*((Edit(1, 0, top),) if top else ()), *edits)


def _no_host(file: File, refused: Refused) -> Draft:
    if refused.line:
        return _type(file, refused)
    document = _unchecked(file)
    draft = Draft(Cause.NO_HOST_TABLE, f"there is no [host] table; {_NO_HOST}")
    if document is None:
        return draft
    for each in document.statements:
        if each.is_header and each.path[0] in OF_TEMPLATE:
            what = of_template(str(each.path[0]))
            return draft._replace(what=what, line=each.first + 1)
        cause, header = other_header(each.path) if each.is_header else (None, "")
        if cause is not None:
            edits = (Edit(each.first + 1, 1, (header,)),)
            what = (
                f"[{shown_keys(each.path)}] should be"
                f" {shown_line(header) or 'a [host] table'}"
            )
            return Draft(cause, what, "", each.first + 1, edits)
    return draft._replace(edits=(Edit(len(document.lines) + 1, 0, ("[host]",)),))


def other_header(path: Path) -> Tuple[Optional[Cause], str]:
    """Return what is wrong with a table's header that was meant for a host, and the
    right one.
    """
    names = [str(key) for key in path if isinstance(key, str)]
    tail = names[1:]
    if names[0] != "host" and names[0].lower() == "host" and len(path) == len(names):
        return Cause.KEY_CASE, f"[{dotted(('host', *tail))}]"
    if names[0].lower() in ("hosts", "mirror", "mirrors") and tail:
        return Cause.UNKNOWN_KEY, f"[{dotted(('host', *tail))}]"
    if "://" in names[0]:
        return Cause.NOT_A_HOST, f"[{dotted(('host', *names))}]"
    if names[0] == "host" and len(path) > len(names) > 1:
        return Cause.NOT_A_HOST, f"[{dotted(tuple(names))}]"
    return None, ""


def _unchecked(file: File) -> Optional[HostsDocument]:
    try:
        found = hosts_document.parsed(file.lines)
    except Refused:
        return None
    return HostsDocument(hosts_document.Table(), (), tuple(found), tuple(file.lines))


def _place(
    file: File, refused: Refused
) -> Tuple[Optional[HostsDocument], Optional[Statement]]:
    """Return what can be read of a file, and what begins in the line that is wrong."""
    document = _unchecked(file)
    return document, document and statement_at(document, refused.line)


# --- values ---------------------------------------------------------------------------


def _type(file: File, refused: Refused) -> Draft:
    document, statement = _place(file, refused)
    draft = Draft(Cause.WRONG_TYPE, refused.words)
    if document is None or statement is None:
        return draft
    if statement.is_header:
        cause, header = other_header(statement.path)
        right = (Edit(refused.line, 1, (header,)),) if cause is not None else ()
        return draft._replace(cause=cause or Cause.WRONG_TYPE, edits=right)
    if statement.path == ("host",) and isinstance(statement.value, str):
        new = (f"[host.{toml_writing.scalar(statement.value)}]",)
        edits = (without(statement), Edit(len(document.lines) + 1, 0, new))
        what = "host is a table for each host"
        what += f": {new[0]}" if is_known_of_hosts(new[0]) else ""
        return draft._replace(cause=Cause.NOT_A_HOST, what=what, edits=edits)
    # A key of [host].
    if len(statement.path) == 2 and statement.path[0] == "host":  # noqa: PLR2004
        return _key_of_host(document, statement, draft)
    value = _right_value(str(statement.path[-1]).lower(), statement.value)
    return (
        draft
        if value is None
        else draft._replace(edits=(with_value(document, statement, value),))
    )


def _key_of_host(document: HostsDocument, statement: Statement, draft: Draft) -> Draft:
    """Say of a key in a bare ``[host]`` that it needs the host's name in the header."""
    server = next(
        (each for each in document.statements if each.path == ("server",)), None
    )
    header = next(
        (e for e in document.statements if e.is_header and e.path == ("host",)), None
    )
    key = str(statement.path[-1])
    edits: Edits = ()
    lines = text_lines(document, statement)
    hosts = [
        each
        for each in document.statements
        if each.is_header and each.path[:1] == ("host",) and len(each.path) > 1
    ]
    if key == "server" and header is not None:
        edits = (Edit(1, 0, lines), without(statement))
    elif hosts:
        takers = [each for each in hosts if _may_take(document, each.path, key)]
        moved = (Edit(each.end + 1, 0, lines) for each in takers)
        edits = (*moved, without(statement))
    elif server is not None and header is not None and isinstance(server.value, str):
        edits = (
            Edit(header.first + 1, 1, (f"[host.{toml_writing.scalar(server.value)}]",)),
        )
    what = f"{shown_name(key)} stands in [host], which holds hosts only"
    return draft._replace(cause=Cause.MISPLACED_KEY, what=what, edits=edits)


def _may_take(document: HostsDocument, host: Path, key: str) -> bool:
    """Whether a key that stood in [host] can stand in a host's own table."""
    is_plain = str(host[1]).startswith("http://")
    is_there = any(each.path == (*host, key) for each in document.statements)
    is_whole = host == host[:_HOST]
    return is_whole and not is_there and not (is_plain and key in _TLS_KEYS)


def _right_value(key: str, value: Any) -> Any:
    word = str(value).strip().lower()
    if key in ("skip_verify", "override_path"):
        return {**_FLAG_WORDS, **_NO_WORDS}.get(word)
    if key == "capabilities" and isinstance(value, str):
        words = re.split(r"[\s,]+", value.strip())
        return (
            words if all(each.lower() in EVERY_CAPABILITY for each in words) else None
        )
    if key == "dial_timeout" and _UNIT.match(word):
        return f"{word}s"
    is_one = isinstance(value, list) and len(value) == 1 and isinstance(value[0], str)
    if key == "server" and is_one:
        return value[0]
    if key == "client" and isinstance(value, list) and len(value) == 1:
        inner = value[0]
        return inner if isinstance(inner, list) and len(inner) == 1 else None
    return None


def _crash(file: File, refused: Refused) -> Draft:
    document, statement = _place(file, refused)
    if (
        document is None
        or statement is None
        or len(statement.path) <= 2  # noqa: PLR2004 - a key of [host]
    ):
        return _type(file, refused)
    return Draft(
        Cause.CRASHES, refused.words, edits=as_tables(document, str(statement.path[1]))
    )


def _capability(file: File, refused: Refused) -> Draft:
    document, statement = _place(file, refused)
    draft = Draft(Cause.UNKNOWN_CAPABILITY, refused.words)
    if document is None or statement is None or not isinstance(statement.value, list):
        return draft
    known = hosts_fields.capabilities_of(file.version)
    words = [
        each if each.lower() in known else nearest(each.lower(), sorted(known))
        for each in statement.value
    ]
    right = list(dict.fromkeys(word for word in words if word))
    if (
        "referrers" in (str(each).lower() for each in statement.value)
        and "referrers" not in known
    ):
        since = releases.dotted(releases.REFERRERS)
        draft = draft._replace(
            what=f"only containerd {since} and newer know the capability referrers"
        )
    return draft._replace(
        edits=(with_value(document, statement, right),) if right else ()
    )


def _header(file: File, refused: Refused) -> Draft:
    document, statement = _place(file, refused)
    draft = Draft(Cause.BAD_HEADER, refused.words)
    if document is None or statement is None or statement.is_header:
        return draft
    key = str(statement.path[-1])
    above = statement.path[:-2]
    if key in hosts_fields.HOST_KEYS and statement.path[-2:-1] == ("header",):
        return out_of_header(document, statement, above)
    if isinstance(statement.value, (bool, int, float)):
        text = str(statement.value).lower()
        return draft._replace(edits=(with_value(document, statement, text),))
    return draft


def out_of_header(document: HostsDocument, statement: Statement, above: Path) -> Draft:
    """Say of a key in a table of headers that it belongs into the table above."""
    key = str(statement.path[-1])
    edit = into_table(document, above, text_lines(document, statement))
    return Draft(
        Cause.MISPLACED_KEY,
        f"{key} stands below a [...header] table, and so is a header",
        line=statement.first + 1,
        edits=() if edit is None else (edit, without(statement)),
    )


def _url(file: File, refused: Refused) -> Draft:
    old = refused.words[: -len(" is no URL")]
    slip = slip_in(old) or Slip("is no URL")
    draft = Draft(Cause.BAD_URL, f"{shown_name(old)} {slip.what}")
    document, statement = _place(file, refused)
    if document is None or statement is None or not slip.right:
        return draft
    return draft._replace(edits=with_url(document, statement, old, slip.right))


def _duration(file: File, refused: Refused) -> Draft:
    return _type(file, refused)
