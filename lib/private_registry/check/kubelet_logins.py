"""Where the kubelet's own logins stand in the way of a pull, or cannot be read."""

from __future__ import annotations

from typing import Optional, Tuple

from private_registry.check.causes import LOGIN, Cause
from private_registry.check.findings import Finding, Remedy, Severity
from private_registry.kubelet.logins import KubeletLogin, KubeletLogins
from private_registry.texts.showing import quoted, shown_name

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
    logins: KubeletLogins, registry: str, *, has_login: bool
) -> Tuple[Finding, ...]:
    """Say where the kubelet's logins stand in the way of a registry's own.

    Args:
        logins: of the kubelet.
        registry: as image references spell it.
        has_login: containerd has one for it.
    """
    entries = logins.of(registry)
    if not entries or logins.login(registry) is not None:
        return ()
    return (_empty(logins, registry, entries[0], has_login=has_login),)


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
