"""Scenes: whom a message is about, and the setup that its remedy is for."""

from __future__ import annotations

import re
from typing import Optional, Pattern, Tuple

from private_registry.check.causes import LOGIN, Cause
from private_registry.check.explain.message import Asked, registry_of
from private_registry.check.image import Subject
from private_registry.check.reading.reading import HostEntry, Reading, Trust
from private_registry.check.setup import (
    NodeFacts,
    OnNode,
    Setup,
    is_own,
    setup_of,
    with_scheme,
)
from private_registry.named_tuple import NamedTuple
from private_registry.registries.model import Mirror, Registry, Tls

_DOCKER = re.compile(
    r"Error response from daemon|docker: |docker (?:pull|push|login|run)|The push"
    r" refers to"
    r"|requested access to the resource is denied"
)
_NOT_DOCKER = re.compile(r"rpc error|containerd|Failed to pull image|failed to resolve")
_TOKEN_PATH = re.compile(r"token|auth", re.IGNORECASE)
_TOKEN_WORDS = re.compile(r"failed to fetch (?:anonymous|oauth) token")
_SECRET = re.compile(
    r"pull secrets \(([a-z0-9.-]{1,253})[,)]"
    r'|secret \\{0,4}"([a-z0-9.-]{1,253})\\{0,4}" not found'
)
_POD = re.compile(r'pod="([a-z0-9-]{1,63})/')
_HOST_ONLY = "the mirror's URL as hosts.toml has it: the message names its host only"
_IF_PLAIN = (
    "where it speaks plain HTTP, --insecure in place of --registry and "
    "--allow-plaintext-credentials"
)


class Scene(NamedTuple):
    """What a message is about.

    Args:
        subject: the image, or only the registry, that it names; None for neither.
        asked: who was; None where it does not say.
        registry: whose images are asked for; empty where that is not known.
        around: the words, and what stands around them.
    """

    subject: Optional[Subject]
    asked: Optional[Asked]
    registry: str
    around: str

    @property
    def is_own(self) -> bool:
        """Whether the registry itself was asked, as far as that can be told."""
        return self.asked is None or registry_of(self.asked.authority) == self.registry

    @property
    def is_token_server(self) -> bool:
        """Whether it is a token server that was asked."""
        if self.asked is None:
            return bool(_TOKEN_WORDS.search(self.around))
        return not self.asked.is_api and bool(_TOKEN_PATH.search(self.asked.path))

    @property
    def is_mirror(self) -> bool:
        """Whether a mirror was asked."""
        if self.asked is None or self.is_own:
            return False
        return self.asked.is_mirror or bool(self.asked.scheme and self.asked.is_api)

    @property
    def is_docker(self) -> bool:
        """Whether it is a Docker engine that complains."""
        return bool(_DOCKER.search(self.around)) and not _NOT_DOCKER.search(self.around)

    @property
    def who(self) -> str:
        """Who was asked, for people."""
        whose = self.registry
        host = self.asked.authority if self.asked else ""
        if self.is_token_server:
            return f"the token server {host or 'of ' + (whose or 'the registry')}"
        if not host or (self.is_own and whose):
            return whose or "the registry"
        if self.is_mirror:
            return f"the mirror {host} of {whose}" if whose else f"the mirror {host}"
        return host


def setup_of_scene(cause: Cause, scene: Scene, facts: NodeFacts) -> Tuple[Setup, str]:
    """Return whom a remedy is for, in what is known of the node, and what of it is
    only guessed, as a need of a command; empty for nothing.
    """
    saved = next(
        (each for each in facts.saved if str(each.name) == scene.registry), None
    )
    mirror = _saved_mirror(saved, scene)
    url, is_known = _endpoint(cause, scene, saved, mirror)
    by_hand = scene.registry in facts.handwritten
    setup = Setup(
        scene.registry,
        url,
        scene.is_mirror,
        () if mirror is None or saved is None else _urls(saved),
        saved is None or mirror is None or saved.fallback,
        trust=_trust(saved, mirror, scene),
        where=f"{facts.files.certs_d}/{scene.registry}/hosts.toml" if by_hand else "",
        is_saved=saved is not None,
        by_hand=by_hand,
        has_login=_has_login(saved, mirror, scene),
        has_plugin=facts.has_plugin,
        in_docker=scene.is_docker,
        image=str(scene.subject.image) if scene.subject and scene.subject.image else "",
        pull_secret=_first_name(_SECRET, scene.around),
        namespace=_first_name(_POD, scene.around),
        files=facts.files,
        service=facts.service,
        saved=saved,
    )
    found = facts.on_node(scene.registry) if by_hand else None
    if found is not None and not scene.is_docker:
        return _as_written(setup, found, scene), ""
    if is_known or scene.is_docker:
        return setup, ""
    return setup, _HOST_ONLY if scene.is_mirror else _IF_PLAIN if cause in LOGIN else ""


def _first_name(pattern: Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return next(filter(None, found.groups()), "") if found else ""


def _as_written(setup: Setup, found: OnNode, scene: Scene) -> Setup:
    """Return a setup with what somebody's files say, and whom of them the message is
    about.
    """
    entry = _entry_asked(found.reading, scene)
    now = setup_of(found.reading, entry, "")
    if entry is not None:
        setup = setup._replace(url=now.url, is_mirror=now.is_mirror)
    return found.added_to(setup)._replace(
        mirrors=now.mirrors,
        falls_back=now.falls_back,
        trust=now.trust,
        entries=now.entries,
        asked=entry,
        where=now.where or setup.where,
    )


def _entry_asked(reading: Reading, scene: Scene) -> Optional[HostEntry]:
    """Return the endpoint that was asked; None where it may be one of several."""
    if scene.asked is None or scene.is_token_server:
        own = [each for each in reading.entries if is_own(reading.registry, each)]
        places = {(each.scheme, each.authority) for each in reading.entries}
        return own[0] if own and len(places) == 1 else None
    scheme, authority = scene.asked.scheme, scene.asked.authority
    at = [each for each in reading.entries if each.authority == authority]
    found = [each for each in at if scheme in ("", each.scheme)]
    return found[0] if len({(e.scheme, e.path) for e in found}) == 1 else None


def _endpoint(
    cause: Cause, scene: Scene, saved: Optional[Registry], mirror: Optional[Mirror]
) -> Tuple[str, bool]:
    """Return the URL of who was asked, and whether that is sure.

    Empty for the registry.
    """
    asked = scene.asked
    if asked is not None and not (scene.is_token_server and cause in LOGIN):
        if mirror is not None:
            url = mirror.endpoint.url
            return with_scheme(url, asked.scheme) if asked.scheme else url, True
        if asked.scheme:
            image = scene.subject.image if scene.subject else None
            base = asked.base(image.repository if image else "")
            path = base if scene.is_mirror else ""
            return f"{asked.scheme}://{asked.authority}{path}", True
        if not scene.is_own:
            return f"https://{asked.authority}", False
    return (saved.upstream.url, True) if saved else ("", False)


def _saved_mirror(saved: Optional[Registry], scene: Scene) -> Optional[Mirror]:
    if saved is None or scene.asked is None or not scene.is_mirror:
        return None
    authority = scene.asked.authority
    return next(
        (each for each in saved.mirrors if each.endpoint.authority == authority), None
    )


def _urls(saved: Registry) -> Tuple[str, ...]:
    return tuple(each.endpoint.url for each in saved.mirrors)


def _has_login(
    saved: Optional[Registry], mirror: Optional[Mirror], scene: Scene
) -> bool:
    asked = mirror if scene.is_mirror else saved
    return asked is not None and asked.credentials is not None


def _trust(
    saved: Optional[Registry], mirror: Optional[Mirror], scene: Scene
) -> Optional[Trust]:
    """Return the TLS settings that are saved, by the names that remedies have for
    their files.
    """
    asked = mirror if scene.is_mirror else saved
    if asked is None:
        return None
    tls: Tls = asked.tls
    return Trust(
        ("ca.crt",) if tls.ca else (),
        (("client.crt", "client.key"),) if tls.client else (),
        tls.skip_verify or None,
    )
