"""Images: references as containerd reads them (distribution reference/normalize.go)."""

from __future__ import annotations

import re
from typing import Optional

from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.registries.names import (
    DOCKER_HUB,
    RegistryName,
    parse_registry_name,
)
from private_registry.texts.showing import quoted, shown

_PLACE = "what is to be checked"
_FORM = "microk8s private-registry check HOST[:PORT][/REPOSITORY[:TAG]]"
_OFFICIAL = "library"
_LATEST = "latest"
_REPOSITORY = re.compile(
    r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*\Z"
)
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}\Z", re.ASCII)
_DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}\Z")
_PORT = re.compile(r"[0-9]{1,5}\Z", re.ASCII)
_VERSION = re.compile(r"(v?[0-9][0-9.]{0,19}|latest)\Z", re.ASCII)
_LONGEST = 255


class Image(NamedTuple):
    """An image of a registry.

    Args:
        registry: that it is named after.
        repository: such as ``library/nginx``.
        version: its tag, or its digest.
    """

    registry: RegistryName
    repository: str
    version: str

    @property
    def is_by_digest(self) -> bool:
        """Whether it is named by what is in it, and needs not be resolved."""
        return ":" in self.version

    def of_others(self) -> str:
        """Name it where somebody else wrote it: with its version if it is known to
        be one.
        """
        is_known = self.is_by_digest or _VERSION.match(self.version)
        return str(self if is_known else self._replace(version="..."))

    def __str__(self) -> str:
        joint = "@" if self.is_by_digest else ":"
        return f"{self.registry}/{self.repository}{joint}{self.version}"


class Subject(NamedTuple):
    """What is to be checked.

    Args:
        registry: which registry.
        image: which image of it; None for the registry alone.
    """

    registry: RegistryName
    image: Optional[Image] = None


def parse_subject(text: str) -> Subject:
    """Read ``HOST[:PORT]`` or an image reference; a pasted scheme is taken off.

    Raises:
        UsageError: it is neither.
    """
    bare = (
        text.partition("://")[2] if text.startswith(("http://", "https://")) else text
    )
    domain, _, rest = bare.partition("/")
    if _is_domain(domain) and not rest:
        name, _, tag = domain.partition(":")
        if (
            "." in name
            or name == "localhost"
            or not tag
            or _PORT.match(tag)
            or "[" in domain
        ):
            return Subject(_registry(domain))
    image = parse_image(bare, text)
    return Subject(image.registry, image)


def parse_image(text: str, typed: str = "") -> Image:
    """Read an image reference; one without a registry is of Docker Hub.

    Args:
        text: the reference.
        typed: for errors, where somebody typed more than that.

    Raises:
        UsageError: it is none.
    """
    domain, slash, rest = text.partition("/")
    if slash and rest and _is_domain(domain):
        return _of_image(domain, rest, typed or text)
    return _of_image(DOCKER_HUB, text, typed or text)


def _is_domain(text: str) -> bool:
    return "." in text or ":" in text or text == "localhost" or text != text.lower()


def _of_image(domain: str, rest: str, text: str) -> Image:
    registry = _registry(domain)
    path, at, digest = rest.partition("@")
    repository, colon, tag = path.partition(":")
    if registry.host == DOCKER_HUB and "/" not in repository:
        repository = f"{_OFFICIAL}/{repository}"
    is_right = _REPOSITORY.match(repository) and len(repository) <= _LONGEST
    if colon and not _TAG.match(tag):
        is_right = None
    if at and not _DIGEST.match(digest):
        is_right = None
    if not is_right:
        raise UsageError(
            f"{quoted(shown(text))} is no image",
            place=_PLACE,
            remedy=f"{_FORM}; repositories are spelled in lower case",
        )
    return Image(registry, repository, digest or tag or _LATEST)


def _registry(text: str) -> RegistryName:
    try:
        return parse_registry_name(text, "--registry")
    except UsageError as error:
        raise UsageError(error.message, place=_PLACE, remedy=_FORM) from error
