"""The kubelet's own logins: config.json in its root directory, handed to containerd
with each pull.

What matches an image there is tried in turn, and containerd's own logins are not used
then: an entry without a user name, too, is one (pkg/credentialprovider/keyring.go; read
anew within five minutes).
"""

from __future__ import annotations

import json
import re
from types import MappingProxyType
from typing import Dict, Mapping, NamedTuple, Optional, Tuple

from private_registry.check.causes import LOGIN, Cause
from private_registry.check.findings import Finding, Remedy, Severity
from private_registry.check.logins import login_in
from private_registry.check.probe.result import Login
from private_registry.registries.endpoints import is_docker_hub
from private_registry.registries.names import DOCKER_HUB
from private_registry.texts import json_text
from private_registry.texts.showing import quoted, shown_name

_SCHEME = re.compile(r"https?://")
_API = re.compile(r"/v[12]/?\Z")
_WHEN = "The kubelet reads the file anew within five minutes"


class KubeletLogin(NamedTuple):
    """One entry.

    Args:
        key: as it stands there.
        login: None where it has no user name.
    """

    key: str
    login: Optional[Login]


class KubeletLogins(NamedTuple):
    """All of the file that counts for whole registries.

    Args:
        where: path of the file.
        entries: in the order of the file.
        lines: 1-based, by key.
        problem: why the kubelet reads none of it; empty where it does.
    """

    where: str = ""
    entries: Tuple[KubeletLogin, ...] = ()
    lines: Mapping[str, int] = MappingProxyType({})
    problem: str = ""

    def of(self, registry: str) -> Tuple[KubeletLogin, ...]:
        """Return what the kubelet tries for images of a registry."""
        return tuple(each for each in self.entries if _matches(each.key, registry))

    def counts_for(self, registry: str) -> bool:
        """Whether containerd's own logins are left out for a registry."""
        return bool(self.of(registry))

    def login(self, registry: str) -> Optional[Login]:
        """Return the first one that says who logs in."""
        return next((each.login for each in self.of(registry) if each.login), None)


NO_KUBELET_LOGINS = KubeletLogins()


def read_kubelet_logins(content: bytes, where: str) -> KubeletLogins:
    """Read config.json as the kubelet does; raises nothing.

    Args:
        content: of the file.
        where: its path.
    """
    try:
        text = content.decode()
        plain = json_text.loads(text)
        auths = plain.get("auths")
        entries = tuple(
            KubeletLogin(key, None if entry is None else login_in(entry))
            for key, entry in ({} if auths is None else auths).items()
        )
    except json_text.JsonSyntaxError as error:
        return KubeletLogins(where, problem=error.reason)
    except (ValueError, AttributeError):
        return KubeletLogins(where, problem="it is no config.json of Docker's")
    whole = tuple(each for each in entries if "/" not in _place(each.key))
    return KubeletLogins(where, whole, _lines(text, whole))


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


def _place(key: str) -> str:
    return _API.sub("", _SCHEME.sub("", key)).rstrip("/")


def _matches(key: str, registry: str) -> bool:
    place = _place(key)
    if registry == DOCKER_HUB:
        return is_docker_hub(place)
    host, _, port = place.partition(":")
    wanted, _, wanted_port = registry.partition(":")
    labels, wanted_labels = host.split("."), wanted.split(".")
    return (
        port == wanted_port
        and len(labels) == len(wanted_labels)
        and all(
            _is_like(label, pattern) for pattern, label in zip(labels, wanted_labels)
        )
    )


def _is_like(label: str, pattern: str) -> bool:
    """Whether a label is one of a pattern with ``*`` and ``?``; in linear time."""
    first, *rest = pattern.split("*")
    if not rest:
        return len(label) == len(pattern) and _starts(label, pattern, 0)
    *middle, last = rest
    end = len(label) - len(last)
    if (
        end < len(first)
        or not _starts(label, first, 0)
        or not _starts(label, last, end)
    ):
        return False
    position = len(first)
    for part in middle:
        found = (at for at in range(position, end + 1) if _starts(label, part, at))
        at = next(found, None)
        if at is None or at + len(part) > end:
            return False
        position = at + len(part)
    return True


def _starts(label: str, part: str, at: int) -> bool:
    here = label[at : at + len(part)]
    return len(here) == len(part) and all(
        wanted in ("?", letter) for letter, wanted in zip(here, part)
    )


def _lines(text: str, entries: Tuple[KubeletLogin, ...]) -> Dict[str, int]:
    found = {}
    for each in entries:
        position = text.find(json.dumps(each.key))
        if position >= 0:
            found[each.key] = text.count("\n", 0, position) + 1
    return found
