"""Amazon ECR, whose logins are not those of other registries."""

from __future__ import annotations

import re
from typing import Iterable, List, Tuple

from private_registry.registries.model import Registry

USER = "AWS"
_PRIVATE = re.compile(
    r"[0-9]+\.dkr[.-]ecr(-fips)?\.[a-z0-9-]+\.(amazonaws\.com(\.cn)?|on\.aws)(:443)?"
)
_PUBLIC = "public.ecr.aws"


def is_ecr(authority: str) -> bool:
    """Whether ``HOST[:PORT]`` is a registry of Amazon ECR."""
    return authority == _PUBLIC or bool(_PRIVATE.fullmatch(authority))


def notes_on_logins(registries: Iterable[Registry]) -> Tuple[str, ...]:
    """Tell what is special about the logins of these registries and their mirrors."""
    hosts = (host for registry in registries for host, _ in registry.logins)
    notes = (note for host in hosts for note in notes_on_login(host))
    return tuple(dict.fromkeys(notes))


def notes_on_login(authority: str) -> List[str]:
    """Tell what is special about a login to ``HOST[:PORT]``."""
    if not is_ecr(authority):
        return []
    words = (
        f"{authority}: at Amazon ECR the user is {USER}, and a password ends 12 hours"
        " after `aws ecr get-login-password` made it; the kubelet's credential provider"
        " makes new ones by itself"
    )
    return [words]
