"""The certificates of faulty servers: what is wrong with each, and nothing else."""

from __future__ import annotations

import datetime
import ipaddress

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from registry_harness import CertificateAuthority, KeyPair
from registry_harness.registries.certificates import self_signed

ADDRESS = "10.141.1.1"


def parsed(pair: KeyPair) -> x509.Certificate:
    """Return a pair's certificate."""
    return x509.load_pem_x509_certificate(pair.certificate)


def alternatives(pair: KeyPair) -> list[x509.GeneralName]:
    """Return its alternative names; none where it has no such extension."""
    try:
        found = parsed(pair).extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except x509.ExtensionNotFound:
        return []
    return list(found.value)


@pytest.mark.parametrize(
    ("expired", "future"), [(False, False), (True, False), (False, True)], ids=str
)
def test_a_certificate_is_valid_when_it_should_be(
    authority: CertificateAuthority, *, expired: bool, future: bool
) -> None:
    certificate = parsed(authority.server(ADDRESS, expired=expired, future=future))
    now = datetime.datetime.now(datetime.timezone.utc)
    assert (certificate.not_valid_after_utc < now) is expired
    assert (certificate.not_valid_before_utc > now) is future


def test_a_name_may_stand_where_nobody_looks(authority: CertificateAuthority) -> None:
    root = x509.load_pem_x509_certificate(authority.pem)
    common = authority.spelled(ADDRESS, is_alternative=False)
    text = authority.spelled(ADDRESS, is_alternative=True)
    for pair in (common, text):
        parsed(pair).verify_directly_issued_by(root)
    (name,) = parsed(common).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert (name.value, alternatives(common)) == (ADDRESS, [])
    assert alternatives(text) == [x509.DNSName(ADDRESS)]


@pytest.mark.parametrize(
    ("name", "alternative"),
    [
        (ADDRESS, x509.IPAddress(ipaddress.ip_address(ADDRESS))),
        ("reg.example", x509.DNSName("reg.example")),
    ],
)
def test_a_certificate_may_be_its_own_ca(
    name: str, alternative: x509.GeneralName
) -> None:
    pair = self_signed(name)
    certificate = parsed(pair)
    certificate.verify_directly_issued_by(certificate)
    assert alternatives(pair) == [alternative]
    assert certificate.extensions.get_extension_for_class(
        x509.BasicConstraints
    ).value.ca
