"""Fixtures of the harness's unit tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from registry_harness import CertificateAuthority, TokenServer
from unit.harness.token_client import running


@pytest.fixture(scope="module")
def authority() -> CertificateAuthority:
    return CertificateAuthority()


@pytest.fixture
def server(authority: CertificateAuthority) -> Iterator[TokenServer]:
    with running(authority) as server:
        yield server


@pytest.fixture
def open_server(authority: CertificateAuthority) -> Iterator[TokenServer]:
    """A token server that lets anybody pull."""
    with running(authority, anonymous=True) as server:
        yield server
