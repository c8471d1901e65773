"""Mirror URLs: the path that containerd must be told, and what is refused."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from private_registry.errors import UsageError
from private_registry.registries.mirror_urls import Endpoint, parse_mirror_url
from unit import strategies

ACCEPTED = [
    ("https://mirror.corp", "https://mirror.corp", False),
    ("https://mirror.corp/", "https://mirror.corp", False),
    ("https://mirror.corp/v2", "https://mirror.corp", False),
    ("https://mirror.corp/v2/", "https://mirror.corp", False),
    ("HTTP://Mirror.Corp:5000", "http://mirror.corp:5000", False),
    ("http://10.0.0.1:5000/", "http://10.0.0.1:5000", False),
    ("https://[FD00::1]:5000", "https://[fd00::1]:5000", False),
    ("https://harbor.corp/proxy", "https://harbor.corp/v2/proxy", True),
    ("https://harbor.corp/proxy/", "https://harbor.corp/v2/proxy", True),
    ("https://harbor.corp//proxy//", "https://harbor.corp/v2/proxy", True),
    ("https://harbor.corp/v2/proxy", "https://harbor.corp/v2/proxy", True),
    ("https://nexus.corp/repo/v2/x", "https://nexus.corp/repo/v2/x", True),
    ("https://nexus.corp/repo/v2", "https://nexus.corp/repo/v2", False),
    ("https://m.corp/Team_A/b.c~d", "https://m.corp/v2/Team_A/b.c~d", True),
    ("https://m.corp/v2x", "https://m.corp/v2/v2x", True),
    (
        "https://registry.aliyuncs.com/v2/google_containers",
        "https://registry.aliyuncs.com/v2/google_containers",
        True,
    ),
]


@pytest.mark.parametrize(
    ("text", "url", "override_path"), ACCEPTED, ids=[case[0] for case in ACCEPTED]
)
def test_a_url_becomes_what_containerd_must_read(
    text: str, url: str, override_path: bool
) -> None:
    endpoint = parse_mirror_url(text, "--mirror")
    assert (endpoint.url, endpoint.needs_override_path) == (url, override_path)


REFUSED = [
    ("", "http:// or https://", "https://MIRROR"),
    ("mirror.corp", "http:// or https://", "REGISTRY=https://mirror.corp"),
    (
        "mirror.corp:5000/x",
        "http:// or https://",
        "REGISTRY=https://mirror.corp:5000/x",
    ),
    ("//mirror.corp", "http:// or https://", "https://"),
    ("http:/mirror.corp", "http:// or https://", "REGISTRY=http://mirror.corp"),
    ("ftp://mirror.corp", "http or https", "https://MIRROR"),
    ("oci://mirror.corp", "http or https", "https://MIRROR"),
    ("https://", "not a host name|no host", "https://mirror.example.com"),
    ("https:///proxy", "not a host name|no host", "https://mirror.example.com"),
    ("https://user:secret@mirror.corp", "user name or password", "https://mirror.corp"),
    (
        "https://user:secret@mirror.corp/proxy",
        "user name or password",
        "https://mirror.corp/proxy",
    ),
    ("https://token@mirror.corp", "user name or password", "https://mirror.corp"),
    ("https://mirror.corp:0", "1 to 65535", "https://mirror.example.com"),
    ("https://mirror.corp:70000/x", "1 to 65535", "https://mirror.example.com"),
    ("https://mirror.corp:0443", "leading zero", "HOST:443|mirror.corp:443"),
    (
        "https://mirror.corp:\u0664\u0664\u0663",
        "1 to 65535",
        "https://mirror.example.com",
    ),
    ("https://mir ror.corp", "not a host name", "https://mirror.example.com"),
    ("https://mirror.corp/a b", "path of", None),
    ("https://mirror.corp/a\n", "path of", None),
    ("https://mirror.corp/a\x00", "path of", None),
    ("https://mirror.corp/../x", "path of", None),
    ("https://mirror.corp/v2/./x", "path of", None),
    ("https://mirror.corp/%2e%2e/x", "path of", None),
    ("https://mirror.corp/x?y=1", "path of", None),
    ("https://mirror.corp/x#y", "path of", None),
    ('https://mirror.corp/x"]', "path of", None),
    ("https://mirror.corp/x\\y", "path of", None),
    ("https://mirror.corp?x=1", "not a host name", "https://mirror.example.com"),
    ("https://mirror.corp#x", "not a host name", "https://mirror.example.com"),
    ("https://*", "not a host name", "https://mirror.example.com"),
    ("https://fd00::1:5000", r"\[fd00::1\]:5000", "https://mirror.example.com"),
]


@pytest.mark.parametrize(
    ("text", "message", "instead"), REFUSED, ids=[ascii(case[0]) for case in REFUSED]
)
def test_what_is_no_mirror_is_refused(text: str, message: str, instead: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_mirror_url(text, "--mirror")
    error = caught.value
    assert re.search(message, error.message)
    assert "secret" not in f"{error.message} {error.instead} {error.remedy}"
    if instead is None:
        assert "https://mirror.example.com/project" in str(error.remedy)
    else:
        assert re.search(instead, str(error.instead))


@given(strategies.https_endpoints | strategies.http_endpoints)
def test_an_endpoint_reads_back_as_itself(endpoint: Endpoint) -> None:
    assert parse_mirror_url(endpoint.url, "--mirror") == endpoint


@given(
    st.builds(
        "{}{}".format,
        st.sampled_from(
            ["", "http://", "https://", "https://m.corp/", "https://m.corp:"]
        ),
        st.text(max_size=20) | st.text("v2/.:@%?#\"'\\\n\x00 []a", max_size=20),
    )
)
@example("https://m.corp/v2/v2")
def test_whatever_is_accepted_is_one_plain_url(text: str) -> None:
    try:
        endpoint = parse_mirror_url(text, "--mirror")
    except UsageError:
        return
    parts = urlsplit(endpoint.url)
    assert parts.scheme in ("http", "https")
    assert (parts.netloc, parts.path) == (endpoint.authority, endpoint.path)
    assert (parts.query, parts.fragment, parts.username) == ("", "", None)
    assert not re.search(r"[\s\x00-\x20\"\\`<>{}|^]|/\.\.?(/|$)", endpoint.url)
    assert parse_mirror_url(endpoint.url, "--mirror") == endpoint


@given(strategies.https_endpoints)
def test_containerd_asks_below_v2(endpoint: Endpoint) -> None:
    path = endpoint.path if endpoint.needs_override_path else endpoint.path + "/v2"
    assert "v2" in path.split("/")
