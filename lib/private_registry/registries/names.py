"""Registry names as image references spell them: ``HOST[:PORT]``.

The rules are those of an image reference's domain (distribution reference/regexp.go):
dotted labels of letters, digits and inner hyphens, or a bracketed IPv6 address;
containerd looks up the directory certs.d/NAME by exactly that text (containerd
config_unix.go hostPaths).
"""

from __future__ import annotations

import re
from typing import Optional, Tuple

from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.texts.showing import quoted, shown_name

DOCKER_HUB = "docker.io"
DOCKER_HUB_SERVER = "registry-1.docker.io"
DOCKER_HUB_ALIASES = frozenset(
    ["registry-1.docker.io", "index.docker.io", "registry.docker.io", "hub.docker.com"]
)
EVERY_REGISTRY = "*"
EVERY_REGISTRY_DIRECTORY = "_default"

_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?\Z")
_PORT = re.compile(r"[0-9]{1,5}\Z", re.ASCII)
_DIGITS = r"[0-9]{1,20}\Z"
DIGITS_AND_DOTS = re.compile(r"[0-9.]+\Z", re.ASCII)
_MAX_LABEL = 63
_MAX_NAME = 253
_MAX_PORT = 65535
_EXAMPLE = "10.141.241.175:32000"
_MIRROR_EXAMPLE = "--mirror docker.io=https://mirror.example.com"
_NAME_EXAMPLE = "registry.example.com:5000"
_IPV6_EXAMPLE = "[fd00::1]:5000"


class RegistryName(NamedTuple):
    """A registry as image references name it.

    Args:
        host: lower-case DNS name, IPv4 address, bracketed IPv6 address, or ``*`` for
            every registry that has no entry of its own.
        port: 1 to 65535, or None where the reference has none.
    """

    host: str
    port: Optional[int] = None

    def __str__(self) -> str:
        return self.host if self.port is None else f"{self.host}:{self.port}"

    @property
    def is_every_registry(self) -> bool:
        """Whether this stands for all registries without an entry of their own."""
        return self.host == EVERY_REGISTRY

    @property
    def is_ipv6(self) -> bool:
        """Whether the host is an IPv6 address."""
        return self.host.startswith("[")

    @property
    def directory(self) -> str:
        """Name of the directory in certs.d that containerd reads for this registry."""
        return EVERY_REGISTRY_DIRECTORY if self.is_every_registry else str(self)

    @property
    def shadowing_directory(self) -> Optional[str]:
        """Name of the directory that containerd would read instead, if it existed."""
        return None if self.port is None else f"{self.host}_{self.port}_"

    @property
    def server(self) -> str:
        """``HOST[:PORT]`` that really answers: Docker Hub's registry has another
        name.
        """
        return DOCKER_HUB_SERVER if str(self) == DOCKER_HUB else str(self)


def parse_registry_name(text: str, option: str) -> RegistryName:
    """Read ``HOST[:PORT]``; a pasted scheme and trailing slash are taken off.

    Args:
        text: what was typed.
        option: where it was typed, for the error: ``--insecure``, ``--registry``,
            ``--mirror`` …

    Raises:
        UsageError: it names no registry; the error shows the right spelling.
    """
    try:
        return _parsed(text, option)
    except UsageError as error:
        from private_registry.registries.addresses import (  # noqa: PLC0415 - only errors
            slip_in,
        )

        slip = slip_in(text)
        if slip is None or slip.is_told_elsewhere or text.strip() == EVERY_REGISTRY:
            raise
        right = slip.right.rpartition("://")[2].partition("/")[0]
        instead = right and _is_name(right, option) and suggestion(option, right)
        raise UsageError(
            slip.told(shown_name(text), error.message),
            place=error.place,
            instead=instead or error.instead,
        ) from error


def _parsed(text: str, option: str) -> RegistryName:
    rest = _without_scheme(text, option)
    if rest == EVERY_REGISTRY:
        if option in ("--insecure", "--registry"):
            raise UsageError(
                "* stands for every registry and only a mirror can serve them all",
                place=f"option {option}",
                instead="--mirror '*=https://MIRROR'",
            )
        return RegistryName(EVERY_REGISTRY)
    host, port = split_host_port(rest, option)
    name = RegistryName(host, port)
    _check_image_reference_can_say(name, option)
    return name


def _without_scheme(text: str, option: str) -> str:
    if text.strip() == "":
        raise _bad_name("the registry's name is empty", option)
    if not text.isprintable() or re.search(r"\s", text):
        raise _bad_name(
            f"{shown_name(text)!r} holds white space or control characters", option
        )
    scheme, separator, rest = text.partition("://")
    if not separator:
        scheme, rest = "", text
    elif scheme.lower() not in ("http", "https"):
        raise _bad_name(
            f"{shown_name(text)} does not speak a registry's protocol: http or https",
            option,
        )
    if "@" in rest:
        raise _bad_name(
            "a user name or password does not belong in a registry's name",
            option,
            rest.rpartition("@")[2],
        )
    host_port, _, path = rest.partition("/")
    if host_port == "":
        raise _bad_name("the registry's name is empty", option)
    if path.strip("/"):
        raise _bad_name(
            f"{shown_name(text)} goes on after the registry's name", option, host_port
        )
    _check_scheme_fits(scheme.lower(), host_port, option)
    return host_port


def _check_scheme_fits(scheme: str, host_port: str, option: str) -> None:
    other = {
        ("https", "--insecure"): "--registry",
        ("http", "--registry"): "--insecure",
    }.get((scheme, option))
    if other:
        means = "plain HTTP" if option == "--insecure" else "HTTPS"
        raise UsageError(
            f"{option} means {means}, but the address says {scheme}://",
            place=f"option {option}",
            instead=suggestion(other, host_port),
        )


def split_host_port(text: str, option: str) -> Tuple[str, Optional[int]]:
    """Split and check ``HOST[:PORT]``.

    The host comes back in lower case, IPv6 in brackets.

    Raises:
        UsageError: host or port cannot be.
    """
    if text.startswith("["):
        address, bracket, tail = text[1:].partition("]")
        if not bracket or (tail and not tail.startswith(":")):
            raise _bad_host(
                text, "is not an IPv6 address in brackets", option, _IPV6_EXAMPLE
            )
        return f"[{_ipv6(address, text, option)}]", _port(
            tail[1:] if tail else None, option
        )
    if text.count(":") > 1:
        return _bare_ipv6(text, option), None
    host, colon, port = text.partition(":")
    return _host(host, text, option), _port(port if colon else None, option)


def _bare_ipv6(text: str, option: str) -> str:
    address = _ipv6(text, text, option)
    head, _, last = address.rpartition(":")
    if len(last) > 1 and is_port(last):
        with_port = f"[{head}:]:{last}" if head.endswith(":") else f"[{head}]:{last}"
        raise _bad_host(
            text,
            f"may be an address with or without a port; write {with_port} or"
            f" [{address}]",
            option,
            f"[{address}]",
        )
    return f"[{address}]"


def _ipv6(address: str, text: str, option: str) -> str:
    if not is_ip(address, 6):
        raise _bad_host(text, "is not an IPv6 address", option, _IPV6_EXAMPLE)
    if "." in address:
        raise _bad_host(
            text, "has dots, which no image name can hold", option, _IPV6_EXAMPLE
        )
    if "%" in address:
        raise _bad_host(
            text, "has a zone, which no image name can hold", option, _IPV6_EXAMPLE
        )
    return address.lower()


def is_ip(address: str, version: int) -> bool:
    """Whether a text is an IP address of version 4 or 6."""
    # Slow to import, and most registries have names.
    import ipaddress  # noqa: PLC0415

    try:
        return ipaddress.ip_address(address).version == version
    except ValueError:
        return False


def _host(host: str, text: str, option: str) -> str:
    lowered = host.lower()
    if not host.isascii():
        raise _bad_host(text, "has letters outside ASCII", option, _in_ascii(text))
    if DIGITS_AND_DOTS.match(lowered):
        if not is_ip(lowered, 4):
            raise _bad_host(text, "is not an IPv4 address", option)
        return lowered
    labels = lowered.split(".")
    too_long = len(lowered) > _MAX_NAME or any(
        len(label) > _MAX_LABEL for label in labels
    )
    if too_long or not all(_LABEL.match(label) for label in labels):
        raise _bad_host(text, "is not a host name", option, _NAME_EXAMPLE)
    return lowered


def _in_ascii(name: str) -> str:
    try:
        return name.encode("idna").decode("ascii")
    except UnicodeError:
        return ""


def is_port(text: str) -> bool:
    """Whether a text is a number from 1 to 65535, in digits of ASCII."""
    return bool(_PORT.match(text)) and 1 <= int(text) <= _MAX_PORT


def _port(text: Optional[str], option: str) -> Optional[int]:
    if text is None:
        return None
    if not is_port(text):
        what = f"port {text!r}" if re.match(_DIGITS, text) else "the port"
        raise _bad_name(f"{what} is not a number from 1 to 65535", option)
    if text.startswith("0"):
        raise UsageError(
            f"port {text} has a leading zero; image names would have to spell it"
            " so too",
            place=f"option {option}",
            instead=f"{option} HOST:{int(text)}",
        )
    return int(text)


def _check_image_reference_can_say(name: RegistryName, option: str) -> None:
    if str(name) in DOCKER_HUB_ALIASES:
        raise _bad_name(
            "images of Docker Hub are named docker.io/...; containerd never looks up"
            f" {name}",
            option,
            DOCKER_HUB,
        )
    if option == "--insecure" and name.host == DOCKER_HUB:
        raise UsageError(
            "Docker Hub does not speak plain HTTP; a mirror for it may",
            place="option --insecure",
            instead="--mirror docker.io=http://MIRROR",
        )
    if (
        "." not in name.host
        and name.port is None
        and name.host != "localhost"
        and not name.is_ipv6
    ):
        raise _bad_name(
            f"the image name {name.host}/app means docker.io/{name.host}/app; "
            "a host without a dot needs its port",
            option,
            f"{name.host}:{80 if option == '--insecure' else 443}",
        )


def _bad_host(text: str, why: str, option: str, example: str = "") -> UsageError:
    # In --mirror the text may be the registry's or the mirror's; an example shows both.
    return _bad_name(
        f"{quoted(shown_name(text))} {why}",
        option,
        "" if option == "--mirror" else example,
    )


def _bad_name(message: str, option: str, candidate: str = "") -> UsageError:
    return UsageError(
        message, place=f"option {option}", instead=suggestion(option, candidate)
    )


def suggestion(option: str, candidate: str) -> str:
    """Return an option that is accepted: with the candidate if that is a name, else
    an example.
    """
    if candidate and _is_name(candidate, option):
        return f"{option} {quoted(candidate)}{'=URL' if option == '--mirror' else ''}"
    return _MIRROR_EXAMPLE if option == "--mirror" else f"{option} {_EXAMPLE}"


def _is_name(text: str, option: str) -> bool:
    try:
        parse_registry_name(text, option)
    except UsageError:
        return False
    return True
