"""Amazon ECR, whose logins are not those of other registries."""

from __future__ import annotations

import re
from typing import Iterable, List, Optional, Tuple

from private_registry.registries.model import Credentials, Registry

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
    found: List[str] = []
    for registry in registries:
        found += notes_on_login(registry.upstream.authority, registry.credentials)
        for mirror in registry.mirrors:
            found += notes_on_login(mirror.endpoint.authority, mirror.credentials)
    return tuple(dict.fromkeys(found))


def notes_on_login(authority: str, credentials: Optional[Credentials]) -> List[str]:
    """Tell what is special about a login to ``HOST[:PORT]``."""
    if credentials is None or not is_ecr(authority):
        return []
    words = (
        f"{authority}: at Amazon ECR the user is {USER}, and a password ends 12 hours"
        " after `aws ecr get-login-password` made it; the kubelet's credential provider"
        " makes new ones by itself"
    )
    return [words]
