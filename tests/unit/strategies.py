"""Hypothesis strategies for the addon's values."""

from __future__ import annotations

import string
from typing import List, Optional

from hypothesis import settings
from hypothesis import strategies as st

from private_registry.registries.mirror_urls import Endpoint
from private_registry.registries.model import (
    CONTAINERD,
    KUBELET,
    ClientCertificate,
    Credentials,
    DesiredState,
    Mirror,
    Registry,
    Tls,
)
from private_registry.registries.names import (
    DOCKER_HUB,
    DOCKER_HUB_ALIASES,
    RegistryName,
)

_USUAL = 100
_ALPHANUMERIC = string.ascii_lowercase + string.digits


def examples(count: int) -> int:
    """Return how many examples the profile in use has where all of them are so many."""
    chosen = settings.default
    assert chosen is not None
    return max(1, count * chosen.max_examples // _USUAL)


ports = st.integers(1, 65535)
labels = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?", fullmatch=True)
dns_names = st.lists(labels, min_size=1, max_size=4).map(
    lambda parts: ".".join([*parts, "example"])
)
ipv4 = st.ip_addresses(v=4).map(str)
ipv6 = (
    st.ip_addresses(v=6)
    .map(str)
    .filter(lambda text: "." not in text)
    .map("[{}]".format)
)
hosts = st.one_of(dns_names, ipv4, ipv6)
names = st.builds(RegistryName, hosts, st.none() | ports).filter(
    lambda name: str(name) not in DOCKER_HUB_ALIASES
)
insecure_names = names.filter(lambda name: name.host != DOCKER_HUB)

pem_texts = st.lists(
    st.text(string.ascii_letters + string.digits + "+/=", min_size=1, max_size=64),
    min_size=1,
    max_size=3,
).map(lambda lines: "-----BEGIN X-----\n{}\n-----END X-----\n".format("\n".join(lines)))
clients = st.builds(ClientCertificate, pem_texts, pem_texts)
tls_settings = st.one_of(
    st.builds(Tls, st.none() | pem_texts, st.none() | clients, st.just(False)),
    st.builds(Tls, st.none(), st.none() | clients, st.just(True)),
)

_printable = st.text(
    st.characters(blacklist_categories=("Cc", "Cs"))
    | st.sampled_from("\\\"'#${}:/%@ "),
    min_size=1,
    max_size=40,
)
usernames = _printable.map(lambda text: text.replace(":", "")).filter(bool)
passwords = _printable | st.sampled_from(
    [
        "${SNAP_DATA}",
        "\\${SNAP}",
        '"',
        "'\"'\"",
        "\\",
        "# no comment",
        "p" * 200,
        "pässword∞",
        "\U0001f004",
        '{\n  "type": "service_account",\n\t"private_key": "a\\\\nb\\n"\r\n}',
        "ends with two\n",
        "ends with a return\r",
        "\r\n",
    ]
)
secure_credentials = st.none() | st.builds(
    Credentials, usernames, passwords, st.just(False), st.just(CONTAINERD)
)
plain_credentials = st.none() | st.builds(
    Credentials, usernames, passwords, st.just(True), st.just(CONTAINERD)
)

_segments = st.text(_ALPHANUMERIC + "-_", min_size=1, max_size=8).filter(
    lambda part: part != "v2"
)


def _path(parts: List[str]) -> str:
    return "/v2/" + "/".join(parts) if parts else ""


_addresses = st.builds(RegistryName, hosts, st.none() | ports).map(str)
_paths = st.lists(_segments, max_size=3).map(_path)
https_endpoints = st.builds(Endpoint, st.just("https"), _addresses, _paths)
http_endpoints = st.builds(Endpoint, st.just("http"), _addresses, _paths)
mirrors = st.one_of(
    st.builds(Mirror, https_endpoints, tls_settings, secure_credentials),
    st.builds(Mirror, http_endpoints, st.just(Tls()), plain_credentials),
)
mirror_lists = st.lists(
    mirrors, min_size=1, max_size=4, unique_by=lambda mirror: mirror.endpoint.url
).map(tuple)


@st.composite
def registries(draw: st.DrawFn, name: Optional[RegistryName] = None) -> Registry:
    """Registries of every kind that the options can ask for."""
    chosen = draw(names) if name is None else name
    found = draw(st.just(()) | mirror_lists)
    insecure = chosen.host != DOCKER_HUB and draw(st.booleans())
    tls = Tls() if insecure else draw(tls_settings)
    credentials = draw(plain_credentials if insecure else secure_credentials)
    if credentials is not None and not found and draw(st.booleans()):
        credentials = credentials._replace(login_by=KUBELET)
    fallback = not found or draw(st.booleans())
    return Registry(chosen, insecure, tls, found, fallback, credentials)


every_registry = st.builds(
    Registry,
    st.just(RegistryName("*")),
    st.just(False),
    st.just(Tls()),
    mirror_lists,
    st.booleans(),
    st.none(),
)
states = st.lists(
    registries() | every_registry, max_size=4, unique_by=lambda registry: registry.name
).map(lambda found: DesiredState(tuple(found)))
