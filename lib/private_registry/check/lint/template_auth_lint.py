"""Logins of containerd-template.toml that are in base64, and cannot be read."""

from __future__ import annotations

import re
from typing import Iterator, List, Tuple

from private_registry.check.causes import NO_LOGIN, Cause
from private_registry.check.findings import Finding, Remedy
from private_registry.check.lint.template_looked import (
    RESTART,
    Looked,
    entries,
    finding,
    of_entry,
)
from private_registry.check.reading.directories import can_be_named
from private_registry.containerd.template import shown_key
from private_registry.texts.showing import quoted
from private_registry.texts.toml_statements import Statement
from private_registry.transaction.ledger import EntryKey

# What comes first is all that containerd looks at.
_BEFORE = ("username", "identitytoken")
# An escape of the colon itself would part it elsewhere.
_PLAIN = re.compile(
    r'(?!.*\\[uUx]0*3[aA])\s*auth\s*=\s*"(?:[^"\\:]|\\.)+:(?!//)(?:[^"\\]|\\.)+"'
    r"\s*(?:#.*)?\Z"
)
_SPLIT = (
    r's/^(\s*)auth(\s*=\s*)"(([^":\]|\\.)*):(([^"\]|\\.)*)"'
    r'/\1username\2"\3"\n\1password\2"\5"/'
)


def findings_of(looked: Looked, *, is_alone: bool) -> Iterator[Finding]:
    """Yield logins whose ``auth`` is no base64 of USER:PASSWORD (cri image_pull.go
    ParseAuth).

    Args:
        looked: the template.
        is_alone: no other command edits its lines; one that counts them would come too
            late behind another.
    """
    found = list(_unreadable(looked))
    plain = [each for _, each, _ in found if _is_plain(looked, each)]
    remedy = _split(looked, plain) if is_alone else Remedy()
    for key, statement, words in found:
        yield finding(
            looked,
            Cause.TEMPLATE_VALUE,
            f"auth in {shown_key(key)} is no base64 of USER:PASSWORD",
            statement,
            f"every pull for which that host wants a login ends in: {words}",
        )._replace(
            remedy=remedy if statement in plain else Remedy(),
            registry=key[1] if can_be_named(key[1]) else "",
            explains=NO_LOGIN,
        )


def _unreadable(looked: Looked) -> Iterator[Tuple[EntryKey, Statement, str]]:
    for key in entries(looked, "auth"):
        values = {
            str(each.path[-1]): each
            for each in of_entry(looked, key)
            if not each.is_header and isinstance(each.value, str) and each.value
        }
        if "auth" in values and not any(name in values for name in _BEFORE):
            words = _words_of(str(values["auth"].value))
            if words:
                yield key, values["auth"], words


def _words_of(encoded: str) -> str:
    """Return what containerd says of an ``auth``; empty where it takes it."""
    import base64  # noqa: PLC0415 - rarely needed

    # Go passes over line breaks.
    text = encoded.replace("\n", "").replace("\r", "")
    try:
        both = base64.b64decode(text.encode("ascii"), validate=True)
    except ValueError:
        return "illegal base64 data"
    return "" if b":" in both else "invalid decoded auth"


def _is_plain(looked: Looked, statement: Statement) -> bool:
    line = looked.template.lines[statement.first].rstrip("\r\n")
    return statement.end == statement.first + 1 and bool(_PLAIN.match(line))


def _split(looked: Looked, plain: List[Statement]) -> Remedy:
    """Return the command that writes a user name and a password that stand there as
    they are on lines of their own, and shows neither.
    """
    if not plain:
        return Remedy()
    scripts = [quoted(f"{each.first + 1}{_SPLIT}") for each in plain]
    shown = scripts[0] if len(scripts) == 1 else " ".join(f"-e {e}" for e in scripts)
    return Remedy(
        f"sudo sed -E -i {shown} {quoted(looked.template.source)} && {RESTART}"
    )
