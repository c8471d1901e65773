"""The kubelet's own logins, as it reads them: config.json in its root directory.

What matches an image there is tried in turn, and containerd's own logins are not used
then: an entry without a user name, too, is one (pkg/credentialprovider; read anew
within five minutes).
"""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import Any, Dict, List, Mapping, Optional, Tuple

from private_registry.kubelet.keys import Key, parse_key
from private_registry.named_tuple import NamedTuple
from private_registry.registries.logins import Login
from private_registry.registries.names import DOCKER_HUB
from private_registry.texts import json_text

AUTHS = "auths"


class KubeletLogin(NamedTuple):
    """One entry.

    Args:
        key: as it stands there.
        meaning: the same, read.
        login: None where it has no user name.
    """

    key: str
    meaning: Key
    login: Optional[Login]


class KubeletLogins(NamedTuple):
    """All of the file that counts.

    Args:
        where: path of the file.
        entries: in the order in which the kubelet tries them.
        lines: 1-based, by key.
        problem: why the kubelet reads none of it; empty where it does.
    """

    where: str = ""
    entries: Tuple[KubeletLogin, ...] = ()
    lines: Mapping[str, int] = MappingProxyType({})
    problem: str = ""

    def of(self, registry: str, repository: str = "") -> Tuple[KubeletLogin, ...]:
        """Return what the kubelet tries for a repository of a registry.

        Without a repository, what it tries for all of them.
        """
        found = tuple(
            each for each in self.entries if each.meaning.matches(registry, repository)
        )
        if found or registry != DOCKER_HUB:
            return found
        return tuple(each for each in self.entries if each.meaning.is_last_resort)

    def counts_for(self, registry: str, repository: str = "") -> bool:
        """Whether containerd's own logins are left out for a repository."""
        return bool(self.of(registry, repository))

    def login(self, registry: str, repository: str = "") -> Optional[Login]:
        """Return the first one that says who logs in."""
        found = (each.login for each in self.of(registry, repository) if each.login)
        return next(found, None)

    def handed_over(self, registry: str, repository: str) -> Optional[Login]:
        """Return what containerd gets with a pull: an empty login, too.

        None where there is no entry.
        """
        if not self.counts_for(registry, repository):
            return None
        return self.login(registry, repository) or Login("", "")


NO_KUBELET_LOGINS = KubeletLogins()


def read_kubelet_logins(
    content: bytes, where: str, *, is_old: bool = False
) -> KubeletLogins:
    """Read config.json as the kubelet does; raises nothing.

    Args:
        content: of the file.
        where: its path.
        is_old: it is a .dockercfg, which has nothing but entries.
    """
    try:
        text = content.decode()
        plain = json_text.loads(text)
        auths = plain if is_old else plain.get(AUTHS)
        logins = {
            key: None if entry is None else login_of(entry)
            for key, entry in ({} if auths is None else auths).items()
        }
    except json_text.JsonSyntaxError as error:
        return KubeletLogins(where, problem=error.reason)
    except (ValueError, AttributeError, TypeError):
        return KubeletLogins(where, problem="it is no config.json of Docker's")
    entries: List[KubeletLogin] = []
    for key, login in logins.items():
        meaning = parse_key(key)
        if meaning is not None:
            entries.append(KubeletLogin(key, meaning, login))
    entries.sort(key=lambda each: each.meaning.text, reverse=True)
    return KubeletLogins(where, tuple(entries), _lines(text, entries))


def login_of(entry: Mapping[str, Any]) -> Optional[Login]:
    """Return the login of an entry; None where nobody is named.

    Raises:
        ValueError: the kubelet could not read it, and nothing else of the file then.
    """
    found = {key: entry.get(key) for key in ("username", "password", "auth")}
    if not all(each is None or isinstance(each, str) for each in found.values()):
        raise ValueError("not a text")
    username, password = found["username"] or "", found["password"] or ""
    if found["auth"]:
        username, password = _pair(found["auth"])
    return Login(username, password) if username else None


def _pair(auth: str) -> Tuple[str, str]:
    import base64  # noqa: PLC0415 - rarely needed

    text = auth.replace("\r", "").replace("\n", "")
    if not text.endswith("="):
        text += "=" * (-len(text) % 4)
    both = base64.b64decode(text, validate=True).decode(errors="replace")
    username, colon, password = both.partition(":")
    if not colon:
        raise ValueError("no user name and password")
    return username, password


def _lines(text: str, entries: List[KubeletLogin]) -> Dict[str, int]:
    found = {}
    for each in entries:
        position = text.find(json.dumps(each.key))
        if position >= 0:
            found[each.key] = text.count("\n", 0, position) + 1
    return found
