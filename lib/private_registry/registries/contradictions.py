"""What a registry's settings cannot mean all at once."""

from __future__ import annotations

from typing import List, Optional, Sequence

from private_registry.named_tuple import NamedTuple
from private_registry.registries.model import KUBELET, Mirror, Registry, Tls


class Contradiction(NamedTuple):
    """What in a registry's settings cannot all be meant, and how to mend it."""

    message: str
    remedy: Optional[str] = None


def contradiction(registry: Registry) -> Optional[Contradiction]:
    """Find what in a registry's settings cannot all be meant, or None."""
    plaintext = _plaintext_contradiction(registry)
    if plaintext is not None:
        return Contradiction(
            plaintext,
            "if that may be: --allow-plaintext-credentials "
            "(in a file: allow_plaintext_credentials = true); else leave the login out",
        )
    if _is_for_a_mirror_only(registry):
        return Contradiction(
            "the kubelet hands its login to a registry and all of its mirrors, so that"
            " none is for one mirror",
            "a login for one mirror: --login-by containerd (in a file: leave login_by"
            " out)",
        )
    if registry.kubelet_login is not None and any(
        each.credentials is not None for each in registry.mirrors
    ):
        return Contradiction(
            "where the kubelet has a login for a registry, containerd's for its mirrors"
            " are not used",
            "keep both in containerd: --login-by containerd (in a file: leave login_by"
            " out)",
        )
    message = (
        _tls_contradiction(registry)
        or _every_registry_contradiction(registry)
        or _mirror_contradiction(registry.mirrors)
        or _itself_contradiction(registry)
    )
    return None if message is None else Contradiction(message)


def _tls_contradiction(registry: Registry) -> Optional[str]:
    if registry.insecure and not registry.tls.is_default:
        return (
            "plain HTTP (insecure) has no TLS: leave insecure out, or the TLS settings"
        )
    for tls in (registry.tls, *(mirror.tls for mirror in registry.mirrors)):
        if tls.skip_verify and tls.ca is not None:
            return "with skip_verify no CA is looked at: leave one of the two out"
    if not registry.fallback and not registry.mirrors:
        return "without a mirror there is nothing but the registry itself to ask"
    return None


def _is_for_a_mirror_only(registry: Registry) -> bool:
    logins = (each.credentials for each in registry.mirrors)
    return any(each is not None and each.login_by == KUBELET for each in logins)


def _plaintext_contradiction(registry: Registry) -> Optional[str]:
    users = [(mirror.endpoint, mirror.credentials) for mirror in registry.mirrors]
    # The kubelet's is offered to whoever of them asks for one.
    users += [(each.endpoint, registry.kubelet_login) for each in registry.mirrors]
    if registry.credentials is not None:
        users.insert(0, (registry.upstream, registry.credentials))
    for endpoint, credentials in users:
        if (
            credentials is not None
            and endpoint.is_plain_http
            and not credentials.plaintext
        ):
            return (
                f"over plain HTTP ({endpoint.url}) everybody on the way could read the"
                " password"
            )
    return None


def _every_registry_contradiction(registry: Registry) -> Optional[str]:
    if not registry.name.is_every_registry:
        return None
    if registry.insecure or registry.credentials or not registry.tls.is_default:
        return "* stands for every registry and takes mirrors only"
    return None if registry.mirrors else "* needs at least one mirror"


def _itself_contradiction(registry: Registry) -> Optional[str]:
    found = [
        each for each in registry.mirrors if each.endpoint.is_same(registry.upstream)
    ]
    for mirror in found if registry.fallback else ():
        is_other = (
            mirror.tls not in (Tls(), registry.tls) and not registry.tls.is_default
        )
        logins = {mirror.credentials, registry.credentials} - {None}
        if is_other or len(logins) > 1:
            return f"{registry.name} is named among its own mirrors with other settings"
    return None


def _mirror_contradiction(mirrors: Sequence[Mirror]) -> Optional[str]:
    seen: List[str] = []
    for mirror in mirrors:
        if mirror.endpoint.is_plain_http and not mirror.tls.is_default:
            return (
                f"the mirror {mirror.endpoint.url} speaks plain HTTP, which has no TLS"
            )
        if mirror.endpoint.url in seen:
            return f"the mirror {mirror.endpoint.url} is named twice"
        seen.append(mirror.endpoint.url)
    return None
