"""Addresses of mirrors: a URL as typed, and how containerd must be told about it.

containerd adds ``/v2`` behind a URL's path unless the path ends in it or override_path
is set (containerd hosts.go parseHostConfig); a mirror's project path belongs behind
``/v2``.
"""

from __future__ import annotations

import posixpath
import re

from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.registries.names import (
    DOCKER_HUB,
    DOCKER_HUB_ALIASES,
    DOCKER_HUB_SERVER,
    is_port,
    split_host_port,
)
from private_registry.texts.showing import quoted, shown_name

_PATH = r"[A-Za-z0-9._~!$&'()*+,;=:@/-]*\Z"
_API = "v2"
_PORTS = {"http": 80, "https": 443}
_HUB_PAGES = "hub.docker.com"


class Endpoint(NamedTuple):
    """Where a registry's API answers.

    Args:
        scheme: ``http`` or ``https``.
        authority: ``HOST[:PORT]``, lower case.
        path: empty, or the whole path of the API including ``/v2``, without a slash at
            the end.
    """

    scheme: str
    authority: str
    path: str = ""

    @property
    def url(self) -> str:
        """The URL as containerd reads it."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def is_plain_http(self) -> bool:
        """Whether the endpoint is asked without TLS."""
        return self.scheme == "http"

    @property
    def is_ipv6(self) -> bool:
        """Whether the host is an IPv6 address."""
        return self.authority.startswith("[")

    def is_same(self, other: Endpoint) -> bool:
        """Whether both lead to one place, a port that needs not be written or not."""
        own, others = (
            (each.scheme, _host_and_port(each.scheme, each.authority), each.path)
            for each in (self, other)
        )
        return own == others

    @property
    def needs_override_path(self) -> bool:
        """Whether containerd would append ``/v2`` to the path if not told otherwise."""
        return bool(self.path) and not self.path.endswith("/" + _API)


def parse_mirror_url(text: str, option: str) -> Endpoint:
    """Read a mirror's URL.

    A path without ``/v2`` is a project of the mirror and goes behind it.

    ``https://harbor.corp/proxy`` becomes ``https://harbor.corp/v2/proxy``; a path that
    already holds ``/v2`` is taken as it is. Docker Hub by any of its names is where its
    registry answers.

    Raises:
        UsageError: not a URL of a registry.
    """
    try:
        return _parsed(text, option)
    except UsageError as error:
        from private_registry.registries.addresses import (  # noqa: PLC0415 - only errors
            slip_in,
        )

        slip = None if isinstance(error, NoRegistryError) else slip_in(text)
        if slip is None or slip.is_told_elsewhere:
            raise
        url = f"{option} REGISTRY={url_to_type(slip.right)}" if slip.right else ""
        raise UsageError(
            slip.told(shown_name(text), error.message),
            place=error.place,
            instead=url or error.instead,
        ) from error


def _parsed(text: str, option: str) -> Endpoint:
    place = f"option {option}"
    scheme, separator, rest = text.partition("://")
    if not separator:
        raise UsageError(
            "the mirror {} needs http:// or https:// in front".format(
                shown_name(text) or "URL"
            ),
            place=place,
            instead=f"{option} REGISTRY={url_to_type(text)}",
        )
    if scheme.lower() not in ("http", "https"):
        raise UsageError(
            f"{shown_name(text)} does not speak a registry's protocol: http or https",
            place=place,
            instead=f"{option} REGISTRY={url_to_type(text)}",
        )
    if "@" in rest.partition("/")[0]:
        raise UsageError(
            "a user name or password does not belong in a mirror's URL",
            place=place,
            instead=f"{option} REGISTRY={url_to_type(text)}",
        )
    host_port, _, path = rest.partition("/")
    host, port = split_host_port(host_port, option)
    if is_docker_hub(host) and port in (None, *_PORTS.values()):
        return _docker_hub(scheme.lower(), host, path, text, option)
    authority = host if port is None else f"{host}:{port}"
    return Endpoint(scheme.lower(), authority, _api_path(path, text, place))


def url_to_type(text: str) -> str:
    """Return a mirror's URL as it was meant, for a command line.

    ``https://MIRROR`` if unclear.
    """
    scheme, separator, rest = text.partition("://")
    is_known = bool(separator) and scheme.lower() in ("http", "https")
    bare = (rest if is_known else text).rpartition("@")[2]
    url = f"{scheme.lower() if is_known else 'https'}://{bare}"
    try:
        parse_mirror_url(url, "--mirror")
    except UsageError:
        return "https://MIRROR"
    return quoted(url)


def is_docker_hub(authority: str) -> bool:
    """Whether ``HOST[:PORT]`` is Docker Hub by one of its names."""
    host = authority.lower() if authority.isascii() else ""
    host = host[: -len(":443")] if host.endswith(":443") else host
    return host == DOCKER_HUB or host in DOCKER_HUB_ALIASES


class NoRegistryError(UsageError):
    """An address is well-formed and known to be no registry's."""


def _docker_hub(scheme: str, host: str, path: str, text: str, option: str) -> Endpoint:
    problem = ""
    below = "" if path.strip("/") in ("", "v1", _API) else path
    if scheme == "http":
        problem = "Docker Hub does not speak plain HTTP"
    elif host == _HUB_PAGES and below:
        problem = "the web pages of Docker Hub are no registry"
    if problem:
        raise NoRegistryError(
            problem,
            place=f"option {option}",
            instead=f"{option} REGISTRY=https://{DOCKER_HUB_SERVER}",
            remedy=f'write "https://{DOCKER_HUB_SERVER}"',
        )
    return Endpoint(
        scheme, DOCKER_HUB_SERVER, _api_path(below, text, f"option {option}")
    )


def _host_and_port(scheme: str, authority: str) -> str:
    host, _, port = authority.rpartition(":")
    has_port = bool(host) and not authority.endswith("]") and is_port(port)
    return authority if has_port else f"{authority}:{_PORTS[scheme]}"


def _api_path(path: str, text: str, place: str) -> str:
    if not re.match(_PATH, path) or any(
        part in (".", "..") for part in path.split("/")
    ):
        raise UsageError(
            f"the path of {shown_name(text)} is not that of a registry",
            place=place,
            instead=None,
            remedy=(
                "give the mirror's address and, where it has one, its project: "
                "https://mirror.example.com/project"
            ),
        )
    parts = [part for part in path.split("/") if part]
    if parts in ([], [_API]):
        return ""
    if _API in parts:
        return "/" + "/".join(parts)
    return posixpath.join("/", _API, *parts)
