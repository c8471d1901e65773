"""Registry names: what is accepted, what it means, and what to type where it is
refused.
"""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from private_registry.errors import UsageError
from private_registry.registries.names import (
    DOCKER_HUB_SERVER,
    RegistryName,
    parse_registry_name,
)
from private_registry.texts.showing import shown
from unit import strategies

ACCEPTED = [
    ("10.141.241.175:32000", "10.141.241.175", 32000),
    ("registry.example.com", "registry.example.com", None),
    ("Registry.Example.COM:5000", "registry.example.com", 5000),
    ("xn--bcher-kva.example", "xn--bcher-kva.example", None),
    ("a-b.c9", "a-b.c9", None),
    ("localhost", "localhost", None),
    ("localhost:32000", "localhost", 32000),
    ("buildbox:5000", "buildbox", 5000),
    ("reg.corp:1", "reg.corp", 1),
    ("reg.corp:65535", "reg.corp", 65535),
    ("reg.corp/", "reg.corp", None),
    ("reg.corp:5000/", "reg.corp", 5000),
    ("[fd00::1]", "[fd00::1]", None),
    ("[fd00::1]:5000", "[fd00::1]", 5000),
    ("[FD00::ABCD]:5000", "[fd00::abcd]", 5000),
    ("fd00::1", "[fd00::1]", None),
    ("::1", "[::1]", None),
    ("a" * 63 + ".corp", "a" * 63 + ".corp", None),
]


@pytest.mark.parametrize("option", ["--insecure", "--registry", "--mirror", "host"])
@pytest.mark.parametrize(
    ("text", "host", "port"), ACCEPTED, ids=[case[0] for case in ACCEPTED]
)
def test_a_name_is_understood(text: str, host: str, port: int, option: str) -> None:
    assert parse_registry_name(text, option) == RegistryName(host, port)


@pytest.mark.parametrize(
    ("text", "option"),
    [
        ("http://reg.corp:5000", "--insecure"),
        ("http://reg.corp:5000/", "--insecure"),
        ("HTTP://Reg.Corp:5000", "--insecure"),
        ("https://reg.corp:5000", "--registry"),
        ("https://reg.corp:5000/", "--mirror"),
        ("http://reg.corp:5000/", "--mirror"),
        ("HttpS://reg.corp:5000", "host"),
    ],
)
def test_a_pasted_scheme_that_fits_is_taken_off(text: str, option: str) -> None:
    assert parse_registry_name(text, option) == RegistryName("reg.corp", 5000)


REFUSED = [
    ("", "--insecure", "is empty", "10.141.241.175:32000"),
    ("   ", "--registry", "is empty", "10.141.241.175:32000"),
    ("http://", "--insecure", "is empty|is not a host name", "--insecure [a-z0-9]"),
    ("https:///", "--registry", "is empty|is not a host name", "--registry [a-z0-9]"),
    (" reg.corp", "--insecure", "white space", "10.141.241.175:32000"),
    ("reg.corp\n", "--insecure", "white space", "10.141.241.175:32000"),
    ("reg\tcorp", "--insecure", r"reg\\\\tcorp.*white space", "10.141.241.175:32000"),
    ("reg\x00corp", "--insecure", "control characters", "10.141.241.175:32000"),
    ("reg\u202ecorp", "--insecure", "control characters", "10.141.241.175:32000"),
    ("reg\u2028corp", "--mirror", "control characters", "docker.io="),
    ("ftp://reg.corp", "--insecure", "http or https", "10.141.241.175:32000"),
    ("oci://reg.corp", "--mirror", "http or https", "docker.io="),
    ("https://reg.corp", "--insecure", "says https://", "^--registry reg.corp$"),
    ("http://reg.corp:80", "--registry", "says http://", "^--insecure reg.corp:80$"),
    ("user:secret@reg.corp", "--registry", "user name", "^--registry reg.corp$"),
    (
        "http://user:secret@reg.corp:1",
        "--insecure",
        "user name",
        "^--insecure reg.corp:1$",
    ),
    ("reg.corp/team", "--insecure", "goes on after", "^--insecure reg.corp$"),
    ("reg.corp:5000/v2/", "--registry", "goes on after", "^--registry reg.corp:5000$"),
    (
        "http://reg.corp/team/app",
        "--insecure",
        "goes on after",
        "^--insecure reg.corp$",
    ),
    ("../../etc", "--insecure", "goes on after|not a host name", "--insecure"),
    ("..", "--insecure", "is not", "--insecure"),
    (".", "--insecure", "is not", "--insecure"),
    (
        "_default",
        "--registry",
        "is not a host name",
        "--registry registry.example.com:5000",
    ),
    ("my_reg.corp", "--registry", "is not a host name", "registry.example.com:5000"),
    ("reg..corp", "--registry", "is not a host name", "registry.example.com:5000"),
    ("-reg.corp", "--registry", "is not a host name", "registry.example.com:5000"),
    ("reg-.corp", "--registry", "is not a host name", "registry.example.com:5000"),
    ("reg.corp.", "--registry", "is not a host name", "registry.example.com:5000"),
    (
        "a" * 64 + ".corp",
        "--registry",
        "is not a host name",
        "registry.example.com:5000",
    ),
    (
        ".".join(["a" * 60] * 5),
        "--registry",
        "is not a host name",
        "registry.example.com:5000",
    ),
    ('reg".corp', "--registry", "is not a host name", "registry.example.com:5000"),
    ("reg'.corp", "--mirror", "is not a host name", "docker.io="),
    ("reg$(id).corp", "--registry", "is not a host name", "registry.example.com:5000"),
    ("256.1.1.1", "--insecure", "is not an IPv4 address", "10.141.241.175:32000"),
    ("10.1.1", "--insecure", "is not an IPv4 address", "10.141.241.175:32000"),
    ("10.1.1.1.1", "--insecure", "is not an IPv4 address", "10.141.241.175:32000"),
    (
        "b\u00fccher.example",
        "--registry",
        "outside ASCII",
        "^--registry xn--bcher-kva.example$",
    ),
    (
        "\u212aelvin.example",
        "--registry",
        "outside ASCII",
        "^--registry kelvin.example$",
    ),
    ("reg.corp:", "--insecure", "1 to 65535", "10.141.241.175:32000"),
    ("reg.corp:0", "--insecure", "1 to 65535", "10.141.241.175:32000"),
    ("reg.corp:65536", "--insecure", "1 to 65535", "10.141.241.175:32000"),
    ("reg.corp:99999999999", "--insecure", "1 to 65535", "10.141.241.175:32000"),
    ("reg.corp:+5000", "--insecure", "1 to 65535", "10.141.241.175:32000"),
    ("reg.corp:-1", "--insecure", "1 to 65535", "10.141.241.175:32000"),
    ("reg.corp:5_0", "--insecure", "1 to 65535", "10.141.241.175:32000"),
    ("reg.corp:\u0665\u0660", "--insecure", "1 to 65535", "10.141.241.175:32000"),
    ("reg.corp:05000", "--insecure", "leading zero", "HOST:5000|reg.corp:5000"),
    ("http", "--registry", "docker.io/http/app", "^--registry http:443$"),
    ("buildbox", "--insecure", "docker.io/buildbox/app", "^--insecure buildbox:80$"),
    ("buildbox", "--registry", "docker.io/buildbox/app", "^--registry buildbox:443$"),
    ("[fd00::1", "--insecure", "in brackets", "fd00::1"),
    ("[fd00::1]5000", "--insecure", "in brackets", "fd00::1"),
    ("[fd00::g]:5000", "--insecure", "is not an IPv6 address", "fd00::1"),
    ("[10.1.1.1]:5000", "--insecure", "is not an IPv6 address", "fd00::1"),
    ("[fe80::1%eth0]:5000", "--insecure", "zone|is not an IPv6 address", "fd00::1"),
    ("fd00::1:5000", "--insecure", r"\[fd00::1\]:5000 or \[fd00::1:5000\]", "fd00::1"),
    ("fd00::5000", "--insecure", r"\[fd00::\]:5000 or \[fd00::5000\]", "fd00::5000"),
    ("1:2:3", "--insecure", "is not an IPv6 address", "fd00::1"),
    ("*", "--insecure", "stands for every registry", r"^--mirror '\*=https://MIRROR'$"),
    ("*", "--registry", "stands for every registry", r"^--mirror '\*=https://MIRROR'$"),
    ("*.corp", "--mirror", "is not a host name", "docker.io="),
    (
        "docker.io",
        "--insecure",
        "does not speak plain HTTP",
        "^--mirror docker.io=http://MIRROR$",
    ),
    (
        "registry-1.docker.io",
        "--registry",
        "named docker.io/",
        "^--registry docker.io$",
    ),
    ("index.docker.io", "--mirror", "named docker.io/", "^--mirror docker.io=URL$"),
    ("hub.docker.com", "--registry", "named docker.io/", "^--registry docker.io$"),
]


@pytest.mark.parametrize(
    ("text", "option", "message", "instead"),
    REFUSED,
    ids=[f"{case[1]} {ascii(case[0])[:40]}" for case in REFUSED],
)
def test_what_is_no_name_is_refused_with_the_right_spelling(
    text: str, option: str, message: str, instead: str
) -> None:
    with pytest.raises(UsageError) as caught:
        parse_registry_name(text, option)
    assert re.search(message, caught.value.message)
    assert "secret" not in caught.value.message + str(caught.value.instead)
    assert option in str(caught.value.place)
    assert re.search(instead, str(caught.value.instead))


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        (text, instead[1:-1].split(" ", 1)[1])
        for text, option, _, instead in REFUSED
        if instead.startswith("^--registry") and option == "--registry"
    ],
)
def test_the_spelling_that_is_offered_is_accepted(text: str, instead: str) -> None:
    assert str(parse_registry_name(instead, "--registry")) == instead


def test_every_registry_is_a_name_for_mirrors_only() -> None:
    name = parse_registry_name("*", "--mirror")
    assert (name.is_every_registry, name.directory, str(name)) == (
        True,
        "_default",
        "*",
    )


@pytest.mark.parametrize(
    ("text", "directory", "shadow", "server"),
    [
        ("reg.corp", "reg.corp", None, "reg.corp"),
        ("reg.corp:5000", "reg.corp:5000", "reg.corp_5000_", "reg.corp:5000"),
        ("[fd00::1]:5000", "[fd00::1]:5000", "[fd00::1]_5000_", "[fd00::1]:5000"),
        ("docker.io", "docker.io", None, DOCKER_HUB_SERVER),
        ("docker.io:5000", "docker.io:5000", "docker.io_5000_", "docker.io:5000"),
    ],
)
def test_where_containerd_looks_a_name_up(
    text: str, directory: str, shadow: str, server: str
) -> None:
    name = parse_registry_name(text, "--registry")
    assert (name.directory, name.shadowing_directory, name.server) == (
        directory,
        shadow,
        server,
    )


@given(strategies.names)
def test_a_name_reads_back_as_itself(name: RegistryName) -> None:
    if "." in name.host or name.port or name.is_ipv6:
        assert parse_registry_name(str(name), "--registry") == name


@given(
    st.one_of(
        st.text(max_size=40),
        st.text(":/.[]@*\"'\\%0a9A-_\x00\n \u0660\u212a", max_size=20),
        st.builds("{}{}".format, strategies.names.map(str), st.text(max_size=3)),
    ),
    st.sampled_from(["--insecure", "--registry", "--mirror", "host"]),
)
@example("a/../b:1", "host")
@example("http://[::1]:5/", "--insecure")
def test_whatever_is_accepted_is_safe_as_a_path_and_in_toml(
    text: str, option: str
) -> None:
    try:
        name = parse_registry_name(text, option)
    except UsageError:
        return
    assert re.match(r"([a-z0-9.-]+|\[[0-9a-f:.]+\]|\*)(:[1-9][0-9]{0,4})?\Z", str(name))
    assert ".." not in str(name)
    assert parse_registry_name(str(name), "--mirror") == name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("reg.corp", "reg.corp"),
        ("user:secret@reg.corp", "...@reg.corp"),
        ("https://user:secret@reg.corp/x", "https://...@reg.corp/x"),
        ("a\nb\x1b[31m", "a\\nb\\x1b[31m"),
        ("x" * 100, "x" * 77 + "..."),
    ],
)
def test_user_input_is_shown_short_and_without_passwords(
    text: str, expected: str
) -> None:
    assert shown(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "https://user:se/cret@reg.corp",
        "user:se@cret@reg.corp",
        "user:sec ret@reg.corp",
        "u:cret\n@h",
        "https://u:https://cret@h",
    ],
)
def test_a_password_with_odd_characters_is_not_shown_either(text: str) -> None:
    assert "cret" not in shown(text)
    assert "ret@" not in shown(text)
