"""registries.toml: what is written reads back, and errors name file, line and the
right key.
"""

from __future__ import annotations

from typing import Any, Dict, Optional

import pytest
from hypothesis import given, settings

from private_registry.errors import UsageError
from private_registry.registries.mirror_urls import parse_mirror_url
from private_registry.registries.model import (
    ClientCertificate,
    DesiredState,
    Mirror,
    Registry,
    Tls,
)
from private_registry.registries.names import RegistryName
from private_registry.registries.registries_toml import from_toml, to_toml
from unit import strategies

FILES = {"ca.crt": "CA\n", "node.crt": "CERT\n", "node.key": "KEY\n"}


def read(text: str) -> DesiredState:
    return from_toml(text, "my.toml", read_file)


def read_file(kind: str, name: str) -> str:
    if name not in FILES:
        raise UsageError("cannot be read: no such file", place=name)
    return FILES[name]


@settings(max_examples=strategies.examples(60))
@given(strategies.states)
def test_what_is_written_reads_back_and_is_written_alike(state: DesiredState) -> None:
    text = to_toml(state)
    assert read(text) == state
    assert to_toml(read(text)) == text


def test_every_key_is_understood() -> None:
    text = """
version = 1
[[registry]]
host = "10.141.241.175:32000"
insecure = true

[[registry]]
host = "Reg.corp"
ca_file = "ca.crt"
client_cert_file = "node.crt"
client_key_file = "node.key"

[[registry]]
host = "docker.io"
fallback = false
skip_verify = true
[[registry.mirror]]
url = "https://harbor.corp/proxy"
ca = "CA\\n"
client_cert = "CERT\\n"
client_key = "KEY\\n"
[[registry.mirror]]
url = "https://b.corp"
skip_verify = true
"""
    tls = Tls(ca="CA\n", client=ClientCertificate("CERT\n", "KEY\n"))
    skip = Tls(skip_verify=True)
    mirrors = (
        Mirror(parse_mirror_url("https://harbor.corp/proxy", "url"), tls),
        Mirror(parse_mirror_url("https://b.corp", "url"), skip),
    )
    assert read(text).registries == (
        Registry(RegistryName("10.141.241.175", 32000), insecure=True),
        Registry(RegistryName("reg.corp"), tls=tls),
        Registry(RegistryName("docker.io"), tls=skip, mirrors=mirrors, fallback=False),
    )


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "version = 1\n", "registry = []\n"]
)
def test_no_registry_is_a_state_too(text: str) -> None:
    assert read(text) == DesiredState()


@pytest.mark.parametrize(
    "text",
    [
        'registry = [{host = "a.corp", insecure = true}]',
        '[[ registry ]]\r\nhost = "a.corp"\r\ninsecure = true\r\n',
        '[["registry"]]\n"host" = \'a.corp\'\ninsecure = true',
    ],
    ids=["inline", "CRLF", "quoted keys"],
)
def test_every_toml_spelling_is_read(text: str) -> None:
    assert read(text).registries == (Registry(RegistryName("a.corp"), insecure=True),)


HEAD = '[[registry]]\nhost = "first.corp"\n\n[[registry]]\nhost = "a.corp"\n'
MIRROR = '[[registry.mirror]]\nurl = "https://m.corp"\n'
ERRORS = [
    ("top key", "verson = 1", 1, "unknown key verson; did you mean version"),
    ("key of a registry", HEAD + "insecre = true", 6, "did you mean insecure"),
    (
        "key of a mirror",
        HEAD + '[[registry.mirror]]\nurl = "https://m"\nulr = 1',
        8,
        "mean url",
    ),
    ("a key far from all", HEAD + "colour = 1", 6, "unknown key colour"),
    ("wrong type", HEAD + 'insecure = "true"', 6, "insecure must be true or false"),
    ("number for a text", HEAD + "ca = 5", 6, "ca must be a text in quotes"),
    ("both spellings", HEAD + 'ca = "x"\nca_file = "ca.crt"', 6, "exclude each other"),
    ("missing file", HEAD + 'ca_file = "no.crt"', 6, "cannot be read"),
    ("key without certificate", HEAD + 'client_key = "x"', 6, "needs client_cert"),
    ("bad host", '[[registry]]\nhost = "a b"', 2, "white space"),
    ("bad host in the second", HEAD.replace("a.corp", "a/b"), 5, "goes on after"),
    (
        "the same twice",
        HEAD.replace("a.corp", "First.corp"),
        5,
        "first.corp is named twice",
    ),
    ("bad mirror", HEAD + '[[registry.mirror]]\nurl = "m.corp"', 7, "https://"),
    (
        "TLS with plain HTTP",
        HEAD + "insecure = true\nskip_verify = true",
        5,
        "has no TLS",
    ),
    ("CA with skip_verify", HEAD + 'ca = "x"\nskip_verify = true', 5, "skip_verify"),
    ("nobody to ask", HEAD + "fallback = false", 5, "without a mirror"),
    (
        "every registry insecure",
        '[[registry]]\nhost = "*"\ninsecure = true',
        2,
        "mirrors only",
    ),
    ("every registry alone", '[[registry]]\nhost = "*"', 2, "at least one mirror"),
    ("broken TOML", HEAD + "insecure = maybe", 6, "not TOML"),
    (
        "key file without certificate",
        HEAD + 'client_key_file = "node.key"',
        6,
        "needs client_cert",
    ),
    ("second mirror", HEAD + MIRROR + '[[registry.mirror]]\nurl = "x"', 9, "https://"),
    (
        "file of a mirror",
        HEAD + 'ca = "x"\n' + MIRROR + 'ca_file = "no"',
        9,
        "cannot be read",
    ),
    ("same key twice", HEAD + "insecure = true\ninsecure = true", 7, "insecure"),
    ("no host", "[[registry]]\ninsecure = true", 1, "without host"),
]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [case[1:] for case in ERRORS],
    ids=[case[0] for case in ERRORS],
)
def test_an_error_names_file_and_line(text: str, line: int, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(text)
    assert message in caught.value.message
    assert caught.value.place == f"my.toml, line {line}"


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [
        ("https://m.corp", "https://m.corp", "named twice"),
        ("https://m.corp", "https://M.corp/", "named twice"),
        ("https://m.corp/v2/p", "https://m.corp/p", "named twice"),
        ("https://m.corp/p", "https://m.corp/q", None),
        ("https://m.corp", "http://m.corp", None),
    ],
)
def test_a_mirror_is_named_once(
    first: str, second: str, problem: Optional[str]
) -> None:
    text = HEAD + "".join(
        f'[[registry.mirror]]\nurl = "{url}"\n' for url in (first, second)
    )
    if problem is None:
        assert len(read(text).registries[1].mirrors) == 2
        return
    with pytest.raises(UsageError, match=problem):
        read(text)


def test_a_newer_format_is_refused() -> None:
    with pytest.raises(UsageError, match="version 2 of this format"):
        read("version = 2")


def test_keys_are_in_no_repr() -> None:
    keys: Dict[str, Any] = {
        "client_cert_file": "node.crt",
        "client_key_file": "node.key",
    }
    lines = "".join('{} = "{}"\n'.format(*item) for item in keys.items())
    shown = repr(read(HEAD + lines))
    assert "CERT" in shown
    assert "KEY" not in shown
