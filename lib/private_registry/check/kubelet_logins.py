"""Where the kubelet's own logins stand in the way of a pull, or cannot be read."""

from __future__ import annotations

from typing import Optional, Tuple

from private_registry.check.causes import LOGIN, Cause
from private_registry.check.findings import Finding, Remedy, Severity
from private_registry.kubelet.keys import parse_key
from private_registry.kubelet.logins import KubeletLogin, KubeletLogins
from private_registry.texts.showing import quoted, shown_name

KEPT_SECONDS = 300
_WHEN = "The kubelet reads the file anew within five minutes"


def problem_of(logins: KubeletLogins) -> Tuple[Finding, ...]:
    """Say why the kubelet can read none of its logins; nothing where it can."""
    if not logins.problem:
        return ()
    finding = Finding(
        Cause.KUBELET_LOGIN,
        "the kubelet can read none of the logins of its config.json",
        where=logins.where,
        why=logins.problem,
        remedy=_opened(logins.where),
        severity=Severity.NOTE,
    )
    return (finding,)


def hints_of(
    logins: KubeletLogins, registry: str, repository: str = "", *, has_login: bool
) -> Tuple[Finding, ...]:
    """Say where the kubelet's logins stand in the way of a registry's own, or miss it.

    Args:
        logins: of the kubelet.
        registry: as image references spell it.
        repository: of an image of it; empty for none.
        has_login: containerd has one for it.
    """
    entries = logins.of(registry, repository)
    if not entries:
        return () if has_login else _missed(logins, registry)
    if logins.login(registry, repository) is not None:
        return ()
    return (_empty(logins, registry, entries[0], has_login=has_login),)


def hints_of_age(
    logins: KubeletLogins, age: Optional[float], registry: str, repository: str
) -> Tuple[Finding, ...]:
    """Say where the kubelet may not have read yet what it has for a registry.

    Args:
        logins: of the kubelet.
        age: seconds since their file was written; None where that is not known.
        registry: as image references spell it.
        repository: of an image of it; empty for none.
    """
    is_new = age is not None and age < KEPT_SECONDS
    if not is_new or not logins.counts_for(registry, repository):
        return ()
    finding = Finding(
        Cause.KUBELET_LOGIN,
        "the kubelet's logins have just been changed, and it may not have read them",
        registry,
        where=logins.where,
        why=_WHEN,
        remedy=Remedy(owner="nobody: it counts when five minutes have passed"),
        severity=Severity.NOTE,
    )
    return (finding,)


def _missed(logins: KubeletLogins, registry: str) -> Tuple[Finding, ...]:
    """Name an entry that would be for a registry but for its port."""
    wanted = parse_key(registry)
    found = (
        each
        for each in logins.entries
        if wanted is not None
        and each.login is not None
        and each.meaning.host == wanted.host
        and each.meaning.port != wanted.port
    )
    entry = next(found, None)
    if entry is None:
        return ()
    line = logins.lines.get(entry.key)
    finding = Finding(
        Cause.KUBELET_LOGIN,
        f"the kubelet's entry {shown_name(entry.key)} is for another port than"
        f" {registry} and does not count for it",
        registry,
        where=f"{logins.where}, line {line}" if line else logins.where,
        why="Ports have to be equal, and no port is not 443",
        remedy=_opened(logins.where, line),
        severity=Severity.NOTE,
        explains=LOGIN,
    )
    return (finding,)


def _empty(
    logins: KubeletLogins, registry: str, entry: KubeletLogin, *, has_login: bool
) -> Finding:
    line = logins.lines.get(entry.key)
    beside = (
        ", and the one in containerd-template.toml is not used" if has_login else ""
    )
    return Finding(
        Cause.KUBELET_LOGIN,
        "the kubelet hands containerd an empty login: its entry"
        f" {shown_name(entry.key)} has no user name{beside}",
        registry,
        where=f"{logins.where}, line {line}" if line else logins.where,
        why=f"{_WHEN}; docker login with a credsStore leaves such entries",
        remedy=_opened(logins.where, line),
        severity=Severity.NOTE,
        explains=LOGIN,
    )


def _opened(where: str, line: Optional[int] = None) -> Remedy:
    return Remedy(f"sudo nano {f'+{line} ' if line else ''}{quoted(where)}")
