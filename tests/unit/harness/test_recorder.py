"""Who remembers what was asked, without Docker."""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest

from registry_harness import CertificateAuthority
from registry_harness.registries.recorder import Recorded, Recorder

ADDRESS = "127.0.0.1"


@pytest.fixture
def authority() -> CertificateAuthority:
    return CertificateAuthority()


@pytest.fixture
def recorder(authority: CertificateAuthority) -> Iterator[Recorder]:
    with Recorder(ADDRESS, authority) as running:
        yield running


def ask(url: str, context: ssl.SSLContext | None = None) -> int:
    try:
        with urllib.request.urlopen(url, timeout=5, context=context) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_requests_are_remembered_in_their_order(
    recorder: Recorder, authority: CertificateAuthority
) -> None:
    trusting = ssl.create_default_context(cadata=authority.pem.decode())
    assert ask(f"http://{recorder.http}/v2/a%20b?ns=reg.corp%3A5000") == 404
    assert ask(f"https://{recorder.https}/v2/", trusting) == 404
    assert recorder.taken() == [
        Recorded("http", recorder.http, "/v2/a b", "reg.corp:5000", "GET"),
        Recorded("https", recorder.https, "/v2/", "", "GET"),
    ]
    assert recorder.taken() == []


def test_so_are_clients_that_come_by_the_wrong_protocol_or_do_not_trust_it(
    recorder: Recorder,
) -> None:
    for url in (f"https://{recorder.http}/", f"https://{recorder.https}/"):
        with pytest.raises(urllib.error.URLError):
            ask(url, ssl.create_default_context())
    with pytest.raises(OSError, match=r"closed|reset"):
        ask(f"http://{recorder.https}/")
    found = recorder.taken()
    assert [(each.scheme, each.host) for each in found] == [
        ("https", recorder.http),
        ("https", recorder.https),
        ("http", recorder.https),
    ]
    assert all(each.is_refusal for each in found)
