"""Odd input that once ended in a traceback, in a leak or in silence."""

from __future__ import annotations

import re
import ssl
import sys
from pathlib import Path

import pytest

from private_registry.errors import UsageError
from private_registry.registries.names import parse_registry_name
from private_registry.texts.showing import shown
from unit.microk8s import Microk8s
from unit.pki import Pki


def test_a_closed_standard_input_is_an_error_of_the_user(
    microk8s: Microk8s, monkeypatch: pytest.MonkeyPatch
) -> None:
    """inputs._bytes: sys.stdin is None where the caller closed it."""
    monkeypatch.setattr(microk8s, "run", microk8s.run)
    from unittest import mock  # noqa: PLC0415

    with mock.patch("unit.microk8s.io.TextIOWrapper", return_value=None):
        result = microk8s.run("enable", "--registry", "a.corp", "--ca", "-")
    assert sys.stdin is not None
    assert result.exit_code == 2, result.stderr


def test_a_password_with_a_scheme_in_it_is_not_shown() -> None:
    assert "cret" not in shown("u:cret://x@h")


def test_an_address_that_no_image_name_can_hold_is_refused() -> None:
    """distribution's reference grammar takes hex digits and colons between the
    brackets only.
    """
    with pytest.raises(UsageError):
        parse_registry_name("[::ffff:1.2.3.4]:5000", "--insecure")


def test_a_client_certificate_with_odd_dates_is_an_error_of_the_user(
    microk8s: Microk8s, pki: Pki, tmp_path: Path
) -> None:
    """x509.validity raises ValueError, which checked_client lets through: exit code
    1.
    """
    dates = re.search(rb"\x17\x0d(\d{12})Z", pki.client.der)
    assert dates
    der = pki.client.der.replace(dates[1], b"99" * 6)
    both = tmp_path / "both.pem"
    both.write_text(ssl.DER_cert_to_PEM_cert(der) + pki.client.key)
    options = ("--client-cert", str(both), "--client-key", str(both))
    result = microk8s.run("enable", "--registry", "a.corp", *options)
    assert result.exit_code == 2, result.stderr
