"""Certificate authorities and certificates, made in the run that uses them."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class KeyPair:
    """A certificate, with its chain, and its key, as PEM; no repr shows the key."""

    certificate: bytes
    key: bytes = field(repr=False)

    def load_into(self, context: ssl.SSLContext) -> None:
        """Let a TLS context present it."""
        with tempfile.NamedTemporaryFile() as pem:
            pem.write(self.certificate + self.key)
            pem.flush()
            context.load_cert_chain(pem.name)


class CertificateAuthority:
    """A certificate authority of the harness's own."""

    def __init__(self, name: str = "registry-harness") -> None:
        self._ca = trustme.CA(organization_name=name)

    @property
    def pem(self) -> bytes:
        """The authority's certificate."""
        return self._ca.cert_pem.bytes()

    def server(
        self, *names: str, expired: bool = False, future: bool = False
    ) -> KeyPair:
        """Issue a server's certificate.

        Args:
            names: host names and IP addresses it is for.
            expired: let it have ended yesterday.
            future: let it begin tomorrow.
        """
        now = datetime.datetime.now(datetime.timezone.utc)
        return _pair(
            self._ca.issue_cert(
                *names,
                not_before=now + _DAY if future else None,
                not_after=now - _DAY if expired else None,
            )
        )

    def spelled(self, name: str, *, is_alternative: bool) -> KeyPair:
        """Issue a server's certificate with its name where TLS clients do not look for
        it.

        Args:
            name: host name or IP address.
            is_alternative: it is an alternative name, as a DNS name even if it is an IP
                address; else the common name, and there is no alternative one.
        """
        issuer = x509.load_pem_x509_certificate(self.pem)
        key = serialization.load_pem_private_key(self._ca.private_key_pem.bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise TypeError(type(key))
        alternatives = [x509.DNSName(name)] if is_alternative else []
        return _signed(
            "registry" if is_alternative else name, alternatives, issuer.subject, key
        )

    def client(
        self, name: str = "node.example", organization: str | None = None
    ) -> KeyPair:
        """Issue a client's certificate.

        Args:
            name: of the client.
            organization: that it is in, which Kubernetes takes for its group.
        """
        return _pair(
            self._ca.issue_cert(name, common_name=name, organization_name=organization)
        )


def self_signed(name: str) -> KeyPair:
    """Make a server's certificate that is its own CA, as ``openssl req -x509`` does.

    Args:
        name: host name or IP address that it is for.
    """
    try:
        alternative: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        alternative = x509.DNSName(name)
    return _signed(name, [alternative], is_authority=True)


def _signed(
    common_name: str,
    alternatives: Sequence[x509.GeneralName],
    issuer: x509.Name | None = None,
    issuer_key: ec.EllipticCurvePrivateKey | None = None,
    *,
    is_authority: bool = False,
) -> KeyPair:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(
            x509.BasicConstraints(ca=is_authority, path_length=None), critical=True
        )
    )
    if alternatives:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(alternatives), critical=False
        )
    certificate = builder.sign(issuer_key or key, hashes.SHA256())
    return KeyPair(
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


def _pair(issued: trustme.LeafCert) -> KeyPair:
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    return KeyPair(chain, issued.private_key_pem.bytes())
