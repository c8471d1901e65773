"""Certificates and keys made for one test run: good ones, and every kind of bad
ones.
"""

from __future__ import annotations

import ipaddress
import warnings
from datetime import datetime, timedelta, timezone
from typing import NamedTuple, Optional, Sequence

with warnings.catch_warnings():
    # The last release for Python 3.8 says that it is the last.
    warnings.simplefilter("ignore")
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

TODAY = datetime.now(timezone.utc)
_YEAR = timedelta(days=365)


class Pair(NamedTuple):
    """A certificate and its private key."""

    certificate: x509.Certificate
    private_key: ec.EllipticCurvePrivateKey

    @property
    def pem(self) -> str:
        """The certificate as PEM text."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()

    @property
    def der(self) -> bytes:
        """The certificate as DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key(self) -> str:
        """The private key as PEM text (PKCS#8)."""
        return self._key(serialization.PrivateFormat.PKCS8)

    @property
    def traditional_key(self) -> str:
        """The private key as PEM text of the older kind (SEC 1)."""
        return self._key(serialization.PrivateFormat.TraditionalOpenSSL)

    def encrypted_key(self, *, traditional: bool) -> str:
        """The private key under a password."""
        form = serialization.PrivateFormat
        return self._key(
            form.TraditionalOpenSSL if traditional else form.PKCS8, password=b"hunter2"
        )

    def _key(
        self, form: serialization.PrivateFormat, password: Optional[bytes] = None
    ) -> str:
        protection: serialization.KeySerializationEncryption = (
            serialization.BestAvailableEncryption(password)
            if password
            else serialization.NoEncryption()
        )
        encoding = serialization.Encoding.PEM
        return self.private_key.private_bytes(encoding, form, protection).decode()


def make(
    name: str,
    *,
    authority: bool = False,
    issuer: Optional[Pair] = None,
    begins: timedelta = -_YEAR,
    ends: timedelta = _YEAR,
    names: Sequence[str] = (),
) -> Pair:
    """Make a key and a certificate for it.

    Args:
        name: its common name.
        authority: whether it may sign others.
        issuer: who signs it; None for itself.
        begins: when it becomes valid, from today.
        ends: when it stops being valid, from today.
        names: host names and IP addresses that it is for.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(TODAY + begins)
        .not_valid_after(TODAY + ends)
        .add_extension(
            x509.BasicConstraints(ca=authority, path_length=None), critical=True
        )
    )
    if names:
        alternative = x509.SubjectAlternativeName(
            [_general_name(each) for each in names]
        )
        builder = builder.add_extension(alternative, critical=False)
    certificate = builder.sign(issuer.private_key if issuer else key, hashes.SHA256())
    return Pair(certificate, key)


def _general_name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


class Pki(NamedTuple):
    """Certificates to try things with.

    ``client`` and ``server`` are signed by ``authority``.
    """

    authority: Pair
    other_authority: Pair
    expired_authority: Pair
    future_authority: Pair
    server: Pair
    client: Pair
    expired_client: Pair
    future_client: Pair

    @staticmethod
    def create() -> Pki:
        """Make all of them."""
        authority = make("Test CA", authority=True)
        return Pki(
            authority=authority,
            other_authority=make("Other CA", authority=True),
            expired_authority=make(
                "Expired CA", authority=True, begins=-2 * _YEAR, ends=-timedelta(days=2)
            ),
            future_authority=make(
                "Future CA", authority=True, begins=timedelta(days=2), ends=_YEAR
            ),
            server=make("reg.corp", issuer=authority),
            client=make("node", issuer=authority),
            expired_client=make(
                "node", issuer=authority, begins=-2 * _YEAR, ends=-timedelta(days=2)
            ),
            future_client=make("node", issuer=authority, begins=timedelta(days=2)),
        )
