"""Certificate authorities and certificates, made in the run that uses them."""

from __future__ import annotations

import datetime
import ssl
import tempfile
from dataclasses import dataclass, field

import trustme


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

    def server(self, *names: str, expired: bool = False, future: bool = False) -> KeyPair:
        """Issue a server's certificate.

        Args:
            names: host names and IP addresses it is for.
            expired: let it have ended yesterday.
            future: let it begin tomorrow.
        """
        now, day = datetime.datetime.now(datetime.timezone.utc), datetime.timedelta(days=1)
        return _pair(
            self._ca.issue_cert(
                *names,
                not_before=now + day if future else None,
                not_after=now - day if expired else None,
            )
        )

    def client(self, name: str = "node.example") -> KeyPair:
        """Issue a client's certificate."""
        return _pair(self._ca.issue_cert(name, common_name=name))


def _pair(issued: trustme.LeafCert) -> KeyPair:
    chain = b"".join(blob.bytes() for blob in issued.cert_chain_pems)
    return KeyPair(chain, issued.private_key_pem.bytes())
