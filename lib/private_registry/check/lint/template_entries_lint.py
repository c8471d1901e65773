"""Entries of containerd-template.toml: unused credentials, keys that are not read."""

from __future__ import annotations

from typing import Iterator, Tuple

from private_registry.check.causes import (
    CLIENT,
    NETWORK,
    NO_LOGIN,
    PROTOCOL,
    TRUST,
    Cause,
)
from private_registry.check.findings import Finding, Severity
from private_registry.check.lint import template_logins_lint
from private_registry.check.lint.edits import Edit, Edits
from private_registry.check.lint.template_looked import (
    Looked,
    entries,
    finding,
    header,
    mended,
    of_entry,
)
from private_registry.containerd import releases
from private_registry.containerd.plugin_names import misnamed, right_host
from private_registry.containerd.template import shown_key
from private_registry.texts.did_you_mean import VERY_NEAR, nearest
from private_registry.texts.showing import shown_name
from private_registry.texts.toml_statements import Statement
from private_registry.transaction.ledger import EntryKey

_KNOWN = {
    "mirrors": ("endpoint",),
    "tls": ("ca_file", "cert_file", "key_file", "insecure_skip_verify"),
    "auth": ("username", "password", "auth", "identitytoken"),
}
_ALIASES = {
    "endpoints": "endpoint",
    "url": "endpoint",
    "ca": "ca_file",
    "cafile": "ca_file",
    "cert": "cert_file",
    "key": "key_file",
    "skip_verify": "insecure_skip_verify",
    "insecureskipverify": "insecure_skip_verify",
    "user": "username",
    "pass": "password",
    "identity_token": "identitytoken",
}

_OF_KIND = {"auth": "credentials", "mirrors": "mirrors", "tls": "TLS settings"}
_ASKED = "containerd looks for the very host and port that it asks"
_WHYS = {
    "auth": _ASKED,
    "tls": _ASKED,
    "mirrors": "containerd looks for the registry as image names begin with it, or *",
}
_EXPLAINS = {
    "auth": NO_LOGIN,
    "tls": TRUST | CLIENT,
    "mirrors": NETWORK | PROTOCOL | TRUST | NO_LOGIN,
}


def findings_of(looked: Looked) -> Iterator[Finding]:
    """Look through credentials, keys, and what stands in the rendered file alone."""
    yield from _hosts(looked)
    yield from _keys(looked)
    yield from _vanishing(looked)


# --- credentials ----------------------------------------------------------------------


def _hosts(looked: Looked) -> Iterator[Finding]:
    for key in _keyed_by_host(looked):
        kind = key[0] if key[0] == "mirrors" else key[-1]
        right = right_host(key[1], kind)
        if right == key[1]:
            continue
        own, wanted = shown_name(key[1]), shown_name(right)
        must = f"; they must be for {wanted}" if right else "; there is no such pattern"
        is_auth = kind == "auth"
        found = finding(
            looked,
            Cause.CREDENTIALS_KEY if is_auth else Cause.SETTINGS_IGNORED,
            f"{_OF_KIND[kind]} for {own} are never used{must}",
            of_entry(looked, key)[0],
            _WHYS[kind],
        )
        # All of a registry is more than what stands behind its name.
        is_same = bool(right) and not (kind == "mirrors" and _has_path(key[1]))
        edits = _renamed(looked, key, right) if is_same else ()
        yield found._replace(remedy=mended(looked, edits), explains=_EXPLAINS[kind])
    yield from _auths(looked)


def _keyed_by_host(looked: Looked) -> Iterator[EntryKey]:
    yield from entries(looked, "auth")
    if looked.template.is_legacy:
        yield from entries(looked, "mirrors")
        if looked.version < releases.TLS_OF_MIRRORS_GONE:
            yield from entries(looked, "tls")


def _has_path(name: str) -> bool:
    return "/" in name.rpartition("://")[2].rstrip("/")


def _renamed(looked: Looked, key: EntryKey, right: str) -> Edits:
    """Return the edits that give an entry another host.

    None where its lines hold more.
    """
    found = [each for each in of_entry(looked, key) if each.is_header]
    path = (*looked.template.section, key[0], right, *key[2:])
    taken = any(each.path[: len(path)] == path for each in looked.template.statements)
    if len(found) != 1 or taken:
        return ()
    line = looked.template.lines[found[0].first]
    indent = line[: len(line) - len(line.lstrip())]
    return (Edit(found[0].first + 1, 1, (indent + header(path),)),)


def _auths(looked: Looked) -> Iterator[Finding]:
    section = (*looked.template.section, "auths")
    seen = set()
    inside = [
        e for e in looked.template.statements if e.path[: len(section)] == section
    ]
    for each in inside:
        name = str(each.path[len(section)]) if len(each.path) > len(section) else ""
        if not name or name in seen:
            continue
        seen.add(name)
        has_scheme = "://" in name
        if (
            not has_scheme
            or releases.CREDENTIALS <= looked.version < releases.AUTHS_WITHOUT_SCHEME
        ):
            yield finding(
                looked,
                Cause.CREDENTIALS_KEY,
                f"credentials in auths for {shown_name(name)} are never used",
                each,
                (
                    "there the name must be a URL"
                    if not has_scheme
                    else "they belong into configs"
                ),
            )._replace(explains=NO_LOGIN)


# --- keys -----------------------------------------------------------------------------


def _keys(looked: Looked) -> Iterator[Finding]:
    # A host without quotes is no key that a mirror does not know.
    others = [each.path for each in misnamed(looked.template, looked.version)]
    # Nor is a login that belongs elsewhere, which is told once.
    elsewhere = template_logins_lint.misplaced(looked)
    logins = [login.path for each in elsewhere for login in each.logins]
    others += [each.table for each in elsewhere if "auth" in each.table[-1:]] + logins
    for key in looked.template.keys:
        kind = "mirrors" if key[0] == "mirrors" else key[-1]
        length = len(looked.template.section) + len(key)
        for each in of_entry(looked, key):
            if any(each.path[: len(path)] == path for path in others):
                continue
            is_key = len(each.path) > length and isinstance(each.path[length], str)
            name = str(each.path[length]) if is_key else ""
            if name and name not in _KNOWN[kind] and name.lower() not in _KNOWN[kind]:
                yield _unknown(looked, key, each, name, _KNOWN[kind])


def _unknown(
    looked: Looked,
    key: EntryKey,
    statement: Statement,
    name: str,
    known: Tuple[str, ...],
) -> Finding:
    right = _ALIASES.get(name.lower(), "") or nearest(name.lower(), known, VERY_NEAR)
    edits: Edits = ()
    is_secret = key[-1] == "auth"
    if right in known and not is_secret and statement.end == statement.first + 1:
        line = looked.template.lines[statement.first].rstrip("\r\n")
        edits = (Edit(statement.first + 1, 1, (line.replace(name, right, 1),)),)
    hint = f"; it is {right}" if right in known else ""
    return finding(
        looked,
        Cause.UNKNOWN_KEY,
        f"{shown_key(key)} have no key {shown_name(name)}{hint}",
        statement,
        "containerd ignores it without a word",
    )._replace(
        remedy=mended(looked, edits),
        severity=Severity.FAULT if right in known else Severity.NOTE,
    )


# --- what vanishes --------------------------------------------------------------------


def _vanishing(looked: Looked) -> Iterator[Finding]:
    if looked.loaded is None:
        return
    there = set(looked.template.keys)
    for key in looked.loaded.keys:
        if key not in there:
            yield Finding(
                Cause.EDITS_VANISH,
                f"{shown_key(key)} stand in the file that MicroK8s makes anew at each"
                " start, and not in its template",
                where=looked.loaded.place_of(key),
                why=(
                    f"the next start takes them away; {looked.template.source} is the"
                    " file to edit"
                ),
                severity=Severity.NOTE,
            )
