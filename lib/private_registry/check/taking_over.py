"""Taking over: the commands that say all that somebody's files have in effect.

They are shown only where options say all of it: whom containerd asks, in which order,
with which trust. Headers, time limits, several CAs and the like have no option.
"""

from __future__ import annotations

from typing import Dict, List, Optional, Tuple

from private_registry.check.reading.reading import HostEntry, Trust
from private_registry.check.setup import Setup, is_own, typed_url
from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.registries.mirror_urls import parse_mirror_url
from private_registry.registries.model import Registry
from private_registry.registries.names import (
    DOCKER_HUB,
    EVERY_REGISTRY,
    parse_registry_name,
)
from private_registry.texts.showing import quoted

API = "/v2"
Words = Tuple[str, ...]
_CA, _CLIENT, _LOGIN = "--ca ", "--client-cert ", "--username "


class _Asked(NamedTuple):
    """One endpoint as options say it; the URL is empty for the registry itself."""

    url: str
    scheme: str
    options: Words = ()


def tls_words(trust: Trust) -> Words:
    """Return the options that keep an endpoint's TLS settings."""
    return (*ca_words(trust), *client_words(trust))


def ca_words(trust: Trust) -> Words:
    """Return the option that keeps a CA, or that no certificate is looked at."""
    if trust.skip_verify:
        return ("--skip-verify",)
    return tuple(f"--ca {quoted(path)}" for path in trust.authorities[:1])


def client_words(trust: Trust) -> Words:
    """Return the options that keep a client certificate."""
    return tuple(
        f"--client-cert {quoted(certificate)} --client-key {quoted(key)}"
        for certificate, key in trust.clients[:1]
    )


def commands(setup: Setup, options: Words, scheme: str) -> Tuple[Words, ...]:
    """Return the words of each command; none where options cannot say all of it.

    Args:
        setup: with the endpoints, and the one that the remedy is for.
        options: of that one, in place of what it has.
        scheme: of that one.

    Raises:
        UsageError: the registry's name cannot be typed.
    """
    name = str(parse_registry_name(setup.registry, "--registry"))
    found = _all_asked(setup, options, scheme)
    own = next((each for each in found if not each.url), None)
    mirrors = [each for each in found if each.url]
    entries = setup.entries or ()
    is_about = any(_is_meant(each, setup.asked, options) for each in entries)
    if not is_about and (options or scheme != setup.scheme):
        return ()
    is_first = own is not None and own is not found[-1]
    has_several = len(mirrors) > 1 and any(each.options for each in mirrors)
    if not found or is_first or has_several or _keeps_other_settings(setup, found):
        return ()
    own_words = _own_words(setup, name, own, is_alone=not mirrors)
    if not mirrors:
        return (own_words,) if own_words else ()
    words: List[str] = []
    for each in mirrors:
        words += ["--mirror", quoted(f"{name}={each.url}")]
    words += [] if own is not None else ["--no-fallback"]
    words += mirrors[0].options
    has_options = mirrors[0].options or (own is not None and own.options)
    if own_words and has_options:
        # What a mirror's options name may lie where the registry's own CA comes.
        return (tuple(words), own_words)
    return ((*own_words, *words),)


def _own_words(
    setup: Setup, name: str, own: Optional[_Asked], *, is_alone: bool
) -> Words:
    """Return the words for the registry itself, where it needs any."""
    if own is None or name == EVERY_REGISTRY:
        return ()
    saved = setup.saved
    is_other = saved is not None and (saved.insecure or not saved.tls.is_default)
    if not (is_alone or own.options or own.scheme == "http" or is_other):
        return ()
    option = "--insecure" if own.scheme == "http" else "--registry"
    return (option, quoted(name), *own.options)


def _keeps_other_settings(setup: Setup, found: List[_Asked]) -> bool:
    """Whether something that is saved would come back, or refuse to be asked so."""
    saved = setup.saved
    if saved is None:
        return False
    if saved.mirrors and all(not each.url for each in found):
        return True
    is_plain = any(each.scheme == "http" and not _logs_in(each) for each in found)
    return is_plain and has_secret_login(saved)


def has_secret_login(saved: Registry) -> bool:
    """Whether a login is saved that may not travel over plain HTTP."""
    given = (saved.credentials, *(each.credentials for each in saved.mirrors))
    return any(each is not None and not each.plaintext for each in given)


def _logs_in(asked: _Asked) -> bool:
    return any(each.startswith(_LOGIN) for each in asked.options)


def _all_asked(setup: Setup, options: Words, scheme: str) -> List[_Asked]:
    """Return the endpoints in their order, each once; none where one cannot be
    said.
    """
    found: Dict[str, _Asked] = {}
    for entry in setup.entries or ():
        is_meant = _is_meant(entry, setup.asked, options)
        each = (
            _meant(setup, entry, options, scheme)
            if is_meant
            else _as_is(setup.registry, entry)
        )
        if each is None:
            return []
        known = found.setdefault(each.url, each)
        if known == each:
            continue
        if known.scheme != each.scheme or (known.options and each.options):
            return []
        # The second try succeeds with what the first one lacks.
        found[each.url] = each if each.options else known
    return list(found.values())


def _is_meant(entry: HostEntry, asked: Optional[HostEntry], options: Words) -> bool:
    """Whether a remedy is for an endpoint: what one server speaks and is trusted by
    holds for all its paths; a login is given once.
    """
    if asked is None or (entry.scheme, entry.authority) != (
        asked.scheme,
        asked.authority,
    ):
        return False
    return entry.path == asked.path or not _has(options, _LOGIN)


def _meant(
    setup: Setup, entry: HostEntry, options: Words, scheme: str
) -> Optional[_Asked]:
    trust = entry.trust
    has_ca = scheme == "http" or _has(options, _CA) or bool(trust.skip_verify)
    has_client = scheme == "http" or any(
        each.startswith(_CLIENT) and each not in client_words(trust) for each in options
    )
    is_unclear = entry.tries_https and not setup.speaks
    has_many_cas = len(trust.authorities) > 1 and not has_ca
    has_many_clients = len(trust.clients) > 1 and not has_client
    if is_unclear or has_many_cas or has_many_clients:
        return None
    return _said(setup.registry, entry, scheme, options)


def _has(options: Words, option: str) -> bool:
    return any(each.startswith(option) for each in options)


def _as_is(registry: str, entry: HostEntry) -> Optional[_Asked]:
    trust, is_plain = entry.trust, entry.scheme == "http"
    is_one = len(trust.authorities) <= 1 or bool(trust.skip_verify)
    if entry.tries_https or not is_one or len(trust.clients) > 1:
        return None
    return _said(registry, entry, entry.scheme, () if is_plain else tls_words(trust))


def _said(
    registry: str, entry: HostEntry, scheme: str, options: Words
) -> Optional[_Asked]:
    if entry.headers or entry.dial_timeout or not entry.resolves:
        return None
    if is_own(registry, entry) and registry == DOCKER_HUB:
        return _Asked("", "https", options)
    if is_own(registry, entry) and entry.path == API and scheme in ("http", "https"):
        return _Asked("", scheme, options)
    url = typed_url(scheme, entry)
    try:
        endpoint = parse_mirror_url(url, "--mirror")
    except UsageError:
        return None
    is_exact = (endpoint.scheme, endpoint.authority, endpoint.path or API) == (
        scheme,
        entry.authority,
        entry.path,
    )
    return _Asked(url, scheme, options) if is_exact else None
