"""Whom a message is about, and whom its remedy is for."""

from __future__ import annotations

import re
from typing import FrozenSet, NamedTuple, Optional, Tuple

from private_registry.check.explain.error_text import Asked, Image, registry_of
from private_registry.check.findings import Cause, Remedy
from private_registry.check.remedies import RESTART, Files, Target, remedy_for
from private_registry.registries.model import Mirror, Registry, Tls

ABOUT_LOGINS = frozenset(
    [Cause.LOGIN_MISSING, Cause.LOGIN_REFUSED, Cause.TOKEN_REFUSED, Cause.ACCESS_DENIED]
)
_DOCKER = re.compile(
    r"Error response from daemon|docker: |docker (?:pull|push|login|run)|The push"
    r" refers to"
    r"|requested access to the resource is denied"
)
_NOT_DOCKER = re.compile(r"rpc error|containerd|Failed to pull image|failed to resolve")
_TOKEN_PATH = re.compile(r"token|auth", re.IGNORECASE)
_TOKEN_WORDS = re.compile(r"failed to fetch (?:anonymous|oauth) token")
_HOST_ONLY = "the mirror's URL as hosts.toml has it: the message names its host only"
_IF_PLAIN = (
    "where it speaks plain HTTP, --insecure in place of --registry and "
    "--allow-plaintext-credentials"
)


class ExplainFacts(NamedTuple):
    """What is known of the node that the text comes from; all of it may be missing.

    Args:
        plugin_installed: ``microk8s private-registry`` is there.
        saved: the registries of registries.toml.
        handwritten: registries whose hosts.toml somebody else wrote.
        files: of the node.
        restart: what restarts containerd.
    """

    plugin_installed: bool = True
    saved: Tuple[Registry, ...] = ()
    handwritten: FrozenSet[str] = frozenset()
    files: Files = Files()
    restart: str = RESTART


NO_FACTS = ExplainFacts()


class Scene(NamedTuple):
    """What a message is about.

    Args:
        image: that it names; None where it names none.
        asked: who was; None where it does not say.
        registry: whose images are asked for; empty where that is not known.
        around: the words, and what stands around them.
    """

    image: Optional[Image]
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


def remedy_of(cause: Cause, scene: Scene, facts: ExplainFacts) -> Remedy:
    """Say what mends a cause, in what is known of the node."""
    saved = next(
        (each for each in facts.saved if str(each.name) == scene.registry), None
    )
    mirror = _saved_mirror(saved, scene)
    url, is_known = _endpoint(cause, scene, saved, mirror)
    tls = _tls(saved, mirror, scene)
    target = Target(
        scene.registry,
        url,
        scene.is_mirror,
        saved is not None,
        facts.plugin_installed,
        scene.registry in facts.handwritten,
        None if tls is None else tls.ca is not None,
        tls is not None and tls.client is not None,
        scene.is_docker,
        facts.files,
        facts.restart,
    )
    remedy = remedy_for(cause, target)
    if is_known or not remedy.command or scene.is_docker:
        return remedy
    guessed = (
        _HOST_ONLY if scene.is_mirror else _IF_PLAIN if cause in ABOUT_LOGINS else ""
    )
    return remedy._replace(needs="; ".join(filter(None, (remedy.needs, guessed))))


def _endpoint(
    cause: Cause, scene: Scene, saved: Optional[Registry], mirror: Optional[Mirror]
) -> Tuple[str, bool]:
    """Return the URL of who was asked, and whether that is sure.

    Empty for the registry.
    """
    asked = scene.asked
    if asked is not None and not (scene.is_token_server and cause in ABOUT_LOGINS):
        if asked.scheme:
            base = asked.base(scene.image.repository if scene.image else "")
            path = base if scene.is_mirror else ""
            return f"{asked.scheme}://{asked.authority}{path}", True
        if mirror is not None:
            return mirror.endpoint.url, True
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


def _tls(
    saved: Optional[Registry], mirror: Optional[Mirror], scene: Scene
) -> Optional[Tls]:
    if scene.is_mirror:
        return mirror.tls if mirror else None
    return saved.tls if saved else None
