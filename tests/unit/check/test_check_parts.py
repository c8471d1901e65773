"""What `check` reads before it asks anybody: image names, proxies, challenges,
certificates.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Dict, List, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from private_registry.check.image import Image, parse_subject
from private_registry.check.probe.challenge import login, parse_challenges
from private_registry.check.probe.proxies import Proxies, environment_of
from private_registry.errors import UsageError
from private_registry.registries.x509 import certificate
from unit import pki

DIGEST = "sha256:" + "a" * 64


# --- what is to be checked ------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "registry", "image"),
    [
        ("reg.corp", "reg.corp", None),
        ("reg.corp:5000", "reg.corp:5000", None),
        ("https://reg.corp:5000/", "reg.corp:5000", None),
        ("nix:32000", "nix:32000", None),
        ("localhost", "localhost", None),
        ("docker.io", "docker.io", None),
        ("[fd00::1]:5000", "[fd00::1]:5000", None),
        ("10.141.241.175:32000/app", "10.141.241.175:32000", "app:latest"),
        ("reg.corp/a/b_c/d:1.2", "reg.corp", "a/b_c/d:1.2"),
        (f"reg.corp/app@{DIGEST}", "reg.corp", f"app@{DIGEST}"),
        (f"reg.corp/app:1@{DIGEST}", "reg.corp", f"app@{DIGEST}"),
        ("[fd00::1]:5000/app", "[fd00::1]:5000", "app:latest"),
        ("nginx", "docker.io", "library/nginx:latest"),
        ("nginx:1.25", "docker.io", "library/nginx:1.25"),
        ("library/nginx:1", "docker.io", "library/nginx:1"),
        ("docker.io/nginx", "docker.io", "library/nginx:latest"),
        ("me/app", "docker.io", "me/app:latest"),
    ],
)
def test_a_subject(text: str, registry: str, image: Optional[str]) -> None:
    subject = parse_subject(text)
    assert str(subject.registry) == registry
    expected = None if image is None else f"{registry}/{image}"
    assert (None if subject.image is None else str(subject.image)) == expected


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "reg.corp/UPPER",
            "reg.corp/app:",
            "reg.corp/app@sha256:12",
            "a b",
            "reg.corp/../x",
        ),
        *(
            "reg.corp:99999/app",
            "user:pw@reg.corp/app",
            "index.docker.io/app",
            "*",
            "ftp://reg.corp",
        ),
        *("reg.corp/app:tag:tag", "reg.corp//app", "reg.corp/app\n", "-x"),
    ],
)
def test_no_subject(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_subject(text)
    assert refused.value.remedy
    assert "microk8s private-registry check" in refused.value.remedy
    assert "pw" not in str(refused.value)


@given(st.text(max_size=60))
def test_any_text_is_a_subject_or_refused(text: str) -> None:
    try:
        subject = parse_subject(text)
    except UsageError:
        return
    if subject.image is not None:
        assert parse_subject(str(subject.image)).image == subject.image


def test_an_image_by_digest_needs_not_be_resolved() -> None:
    image = parse_subject(f"reg.corp/app@{DIGEST}").image
    assert isinstance(image, Image)
    assert image.is_by_digest


# --- proxies --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "is_asked"),
    [
        ("", "reg.corp", None, True),
        ("*", "reg.corp", None, False),
        ("corp", "reg.corp", None, False),
        (".corp", "reg.corp", None, False),
        ("*.corp", "reg.corp", None, False),
        (".corp", "corp", None, True),
        ("reg.corp", "reg.corp", 5000, False),
        ("reg.corp:5000", "reg.corp", 5000, False),
        ("reg.corp:5001", "reg.corp", 5000, True),
        ("eg.corp", "reg.corp", None, True),
        ("REG.corp", "reg.CORP", None, False),
        ("10.0.0.0/8", "10.141.241.175", 32000, False),
        ("10.141.241.175", "10.141.241.175", 32000, False),
        ("10.141.241.17", "10.141.241.175", 32000, True),
        ("10.0.0.0/99", "10.141.241.175", 32000, True),
        ("fd00::/8", "fd00::1", 5000, False),
        ("[fd00::1]:5000", "fd00::1", 5000, False),
        ("a, ,reg.corp", "reg.corp", None, False),
        ("reg.corp:²", "reg.corp", 5000, True),
        ("reg.corp:٣", "reg.corp", 3, True),
        ("reg.corp:" + "9" * 5000, "reg.corp", 5000, True),
        ("[::1, ::1]:, :, [, ]:1, /, x/y, ::/x", "reg.corp", 5000, True),
        ("", "localhost", 5000, False),
        ("", "127.0.0.1", 5000, False),
        ("", "::1", 5000, False),
    ],
)
def test_what_goes_through_a_proxy(
    no_proxy: str, host: str, port: Optional[int], is_asked: bool
) -> None:
    proxies = Proxies("http://p:1", "p:2", no_proxy)
    assert proxies.of_url("http", host, port) == ("http://p:1" if is_asked else None)
    assert proxies.of_url("https", host, port) == ("http://p:2" if is_asked else None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("HTTPS_PROXY=http://p:3128\n", {"HTTPS_PROXY": "http://p:3128"}),
        ("  export A='b c' # d", {"A": "b c"}),
        ('A="b c"', {"A": "b c"}),
        ("# A=1\n#B=2\nC=3", {"C": "3"}),
        ("A=1\nA=$A,2\nA=${A},3", {"A": "1,2,3"}),
        ("NO_PROXY=${NO_PROXY:-$no_proxy},r", {"NO_PROXY": ",r"}),
        (
            "no_proxy=a\nNO_PROXY=${NO_PROXY:-$no_proxy},r",
            {"no_proxy": "a", "NO_PROXY": "a,r"},
        ),
        ("ulimit -n 65536 || true\nA=1", {"A": "1"}),
    ],
)
def test_the_file_with_proxies(text: str, expected: Dict[str, str]) -> None:
    assert environment_of(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "A=xxxxxxxxxx\n" + "A=$A$A\n" * 200,
        "A=" + "${a:-" * 100_000,
        "A=" + "${" * 100_000,
        " " * 1_000_000 + "\n" + "export" + " " * 1_000_000 + "=",
    ],
    ids=["doubling", "defaults", "braces", "spaces"],
)
def test_no_file_of_proxies_takes_long(text: str) -> None:
    start = time.thread_time()
    assert all(len(value) <= 65536 for value in environment_of(text).values())
    assert time.thread_time() - start < 5


def test_capitals_count_first() -> None:
    given_ = {"HTTP_PROXY": "a", "http_proxy": "b", "https_proxy": "c", "no_proxy": "d"}
    assert Proxies.of(given_) == Proxies("a", "c", "d")


# --- challenges -----------------------------------------------------------------------

BEARER = 'Bearer realm="https://t/token",service="s",scope="repository:a:pull,push"'


@pytest.mark.parametrize(
    ("headers", "scheme", "parameters"),
    [
        (['Basic realm="r"'], "basic", {"realm": "r"}),
        (
            [BEARER],
            "bearer",
            {
                "realm": "https://t/token",
                "service": "s",
                "scope": "repository:a:pull,push",
            },
        ),
        (['Basic realm="r"', BEARER], "bearer", None),
        # As containerd reads them (tests/e2e/test_redirects.py): one challenge in each
        # header.
        ([f'Basic realm="r", {BEARER}'], "basic", {"realm": "r"}),
        (["bearer realm=https://t"], "bearer", {"realm": "https"}),
        (['BASIC realm="a \\"b\\""'], "basic", {"realm": 'a "b"'}),
        (["Basic"], "basic", {}),
    ],
)
def test_a_challenge(
    headers: List[str], scheme: str, parameters: Optional[Dict[str, str]]
) -> None:
    found = login(parse_challenges(headers))
    assert found is not None
    assert found.scheme == scheme
    assert parameters is None or dict(found.parameters) == parameters


@pytest.mark.parametrize("headers", [[], [""], ["Negotiate"], ["="], ['"']])
def test_no_challenge_that_containerd_answers(headers: List[str]) -> None:
    assert login(parse_challenges(headers)) is None


@given(st.lists(st.text(max_size=80), max_size=3))
def test_any_header_is_read_or_left_out(headers: List[str]) -> None:
    assert all(each.scheme == each.scheme.lower() for each in parse_challenges(headers))


# --- certificates ---------------------------------------------------------------------


def test_a_certificate_says_whom_it_is_for_and_who_signed_it() -> None:
    authority = pki.make("The CA", authority=True)
    names = ("reg.corp", "*.reg.corp", "10.1.2.3", "fd00::1")
    found = certificate(pki.make("reg", issuer=authority, names=names).der)
    assert found.names == ("reg.corp", "*.reg.corp")
    assert found.addresses == ("10.1.2.3", "fd00::1")
    assert (found.issuer, found.common_name) == ("The CA", "reg")
    assert not found.is_self_signed
    assert certificate(authority.der).is_self_signed
    assert certificate(authority.der).names == ()


def test_its_dates() -> None:
    pair = pki.make("x", begins=timedelta(days=-2), ends=timedelta(days=3))
    dates = certificate(pair.der).validity
    assert dates.end - dates.begin == 5 * 86400


@given(st.binary(max_size=60))
def test_what_is_no_certificate(der: bytes) -> None:
    with pytest.raises(
        ValueError, match=r"certificate|does not match|unconverted|invalid|codec|unpack"
    ):
        certificate(der)
