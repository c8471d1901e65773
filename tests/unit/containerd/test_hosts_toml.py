"""What containerd is told about each kind of registry."""

from __future__ import annotations

from typing import Any, Dict, List

import pytest
from hypothesis import given

from private_registry.containerd.hosts_toml import registry_files
from private_registry.containerd.releases import needs_of
from private_registry.registries.mirror_urls import parse_mirror_url
from private_registry.registries.model import ClientCertificate, Mirror, Registry, Tls
from private_registry.registries.names import parse_registry_name
from unit import safe_subset, strategies

BOTH = ["pull", "resolve"]
CAN = {"capabilities": BOTH}
SYSTEM = Tls()
CA = Tls(ca="CA PEM\n")
CLIENT = Tls(ca="CA PEM\n", client=ClientCertificate("CERT PEM\n", "KEY PEM\n"))
SKIP = Tls(skip_verify=True)


def registry(text: str, **settings: Any) -> Registry:
    return Registry(parse_registry_name(text, "--mirror"), **settings)


def mirror(url: str, tls: Tls = SYSTEM) -> Mirror:
    return Mirror(parse_mirror_url(url, "--mirror"), tls)


RENDERED = [
    (
        "insecure",
        registry("10.141.241.175:32000", insecure=True),
        {
            "server": "http://10.141.241.175:32000",
            "host": {"http://10.141.241.175:32000": CAN},
        },
    ),
    (
        "secure",
        registry("reg.corp"),
        {"server": "https://reg.corp", "host": {"https://reg.corp": CAN}},
    ),
    (
        "own CA, for the root too",
        registry("reg.corp", tls=CA),
        {
            "server": "https://reg.corp",
            "ca": "/d/ca.crt",
            "host": {"https://reg.corp": {**CAN, "ca": "/d/ca.crt"}},
        },
    ),
    (
        "client certificate",
        registry("reg.corp", tls=CLIENT),
        {
            "server": "https://reg.corp",
            "ca": "/d/ca.crt",
            "client": [["/d/client.cert", "/d/client.key"]],
            "host": {
                "https://reg.corp": {
                    **CAN,
                    "ca": "/d/ca.crt",
                    "client": [["/d/client.cert", "/d/client.key"]],
                }
            },
        },
    ),
    (
        "skip verify",
        registry("reg.corp", tls=SKIP),
        {
            "server": "https://reg.corp",
            "skip_verify": True,
            "host": {"https://reg.corp": {**CAN, "skip_verify": True}},
        },
    ),
    (
        "mirror",
        registry("registry.k8s.io", mirrors=(mirror("https://m.corp"),)),
        {"server": "https://registry.k8s.io", "host": {"https://m.corp": CAN}},
    ),
    (
        "mirror of Docker Hub with a project",
        registry("docker.io", mirrors=(mirror("https://harbor.corp/proxy"),)),
        {
            "server": "https://registry-1.docker.io",
            "host": {"https://harbor.corp/v2/proxy": {**CAN, "override_path": True}},
        },
    ),
    (
        "Docker Hub itself",
        registry("docker.io"),
        {
            "server": "https://registry-1.docker.io",
            "host": {"https://registry-1.docker.io": CAN},
        },
    ),
    (
        "each mirror with its own TLS",
        registry(
            "reg.corp",
            tls=SKIP,
            mirrors=(mirror("https://b.corp", CLIENT), mirror("http://a.corp:80/v2/p")),
        ),
        {
            "server": "https://reg.corp",
            "skip_verify": True,
            "host": {
                "https://b.corp": {
                    **CAN,
                    "ca": "/d/mirror-1-ca.crt",
                    "client": [["/d/mirror-1-client.cert", "/d/mirror-1-client.key"]],
                },
                "http://a.corp:80/v2/p": {**CAN, "override_path": True},
            },
        },
    ),
    (
        "no fallback: the last mirror stands in for the upstream, with its TLS",
        registry(
            "reg.corp",
            fallback=False,
            mirrors=(mirror("https://a.corp"), mirror("https://b.corp/p", CA)),
        ),
        {
            "server": "https://b.corp/v2/p",
            **CAN,
            "ca": "/d/mirror-2-ca.crt",
            "override_path": True,
            "host": {
                "https://a.corp": CAN,
                "https://b.corp/v2/p": {
                    **CAN,
                    "ca": "/d/mirror-2-ca.crt",
                    "override_path": True,
                },
            },
        },
    ),
    (
        "insecure upstream behind a mirror",
        registry(
            "reg.corp:5000", insecure=True, mirrors=(mirror("https://m.corp", CA),)
        ),
        {
            "server": "http://reg.corp:5000",
            "host": {"https://m.corp": {**CAN, "ca": "/d/mirror-1-ca.crt"}},
        },
    ),
    (
        "every registry, each falling back to itself",
        registry("*", mirrors=(mirror("https://m.corp"),)),
        {"host": {"https://m.corp": CAN}},
    ),
    (
        "every registry, without fallback",
        registry("*", mirrors=(mirror("https://m.corp"),), fallback=False),
        {"server": "https://m.corp", **CAN, "host": {"https://m.corp": CAN}},
    ),
    (
        "IPv6 without a table key",
        registry("[fd00::1]:5000", insecure=True),
        {"server": "http://[fd00::1]:5000", **CAN, "host": {}},
    ),
    (
        "IPv6 with a CA",
        registry("[fd00::1]", tls=CA),
        {"server": "https://[fd00::1]", **CAN, "ca": "/d/ca.crt", "host": {}},
    ),
    (
        "IPv6 behind a mirror",
        registry("[fd00::1]:5000", mirrors=(mirror("https://m.corp"),)),
        {"server": "https://[fd00::1]:5000", "host": {"https://m.corp": CAN}},
    ),
]


@pytest.mark.parametrize(
    ("given_registry", "document"),
    [case[1:] for case in RENDERED],
    ids=[case[0] for case in RENDERED],
)
def test_a_registry_is_rendered(
    given_registry: Registry, document: Dict[str, Any]
) -> None:
    files = {file.name: file for file in registry_files(given_registry, "/d")}
    found = safe_subset.check(files["hosts.toml"].content)
    assert found == document
    assert list(found["host"]) == list(document["host"])


def test_mirrors_are_asked_in_the_order_given() -> None:
    urls = [f"https://{letter}.corp" for letter in "zmay"]
    files = registry_files(registry("docker.io", mirrors=tuple(map(mirror, urls))), "")
    assert list(safe_subset.check(files[-1].content)["host"]) == urls


def test_files_are_relative_where_no_stable_path_is_known() -> None:
    document = safe_subset.check(
        registry_files(registry("reg.corp", tls=CLIENT), "")[-1].content
    )
    assert safe_subset.named_files(document) == {"ca.crt", "client.cert", "client.key"}


def test_only_the_key_is_a_secret() -> None:
    files = registry_files(registry("reg.corp", tls=CLIENT), "/d")
    assert [(file.name, file.content, file.secret) for file in files[:-1]] == [
        ("ca.crt", b"CA PEM\n", False),
        ("client.cert", b"CERT PEM\n", False),
        ("client.key", b"KEY PEM\n", True),
    ]
    assert files[-1].name == "hosts.toml"
    assert not files[-1].secret


def test_the_file_says_who_wrote_it_and_how_to_change_it() -> None:
    text = registry_files(registry("reg.corp"), "")[-1].content.decode()
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert "private-registry-config" in comments[0]
    assert "microk8s private-registry add|remove" in comments[1]


@given(strategies.registries() | strategies.every_registry)
def test_every_file_is_in_the_subset_that_all_containerds_read(
    given_registry: Registry,
) -> None:
    files = registry_files(given_registry, "/var/snap/microk8s/current/args/certs.d/x")
    needs: List[Any] = [need.since for need in needs_of(given_registry)]
    document = safe_subset.check(files[-1].content, max(needs, default=(1, 5, 0)))
    names = {path.rpartition("/")[2] for path in safe_subset.named_files(document)}
    written = {file.name for file in files[:-1]}
    assert names <= written
    if given_registry.fallback:
        assert names == written
    urls = [each.endpoint.url for each in given_registry.mirrors]
    assert list(document["host"]) == urls or not urls
