"""Tokens as registries check them: JWTs that name what their holder may do.

The claims are those of https://distribution.github.io/distribution/spec/auth/jwt/.
"""

from __future__ import annotations

import base64
import datetime
import secrets
from dataclasses import dataclass

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from registry_harness.registries.certificates import KeyPair

SERVICE = "registry-harness"
ISSUER = "token server of registry-harness"
VALID_SECONDS = 300


@dataclass(frozen=True)
class Access:
    """What may be done with one thing.

    Args:
        kind: ``repository``, or ``registry`` for its catalog.
        name: of the repository; it may begin with ``HOST:PORT/``.
        actions: ``pull``, ``push`` …
    """

    kind: str
    name: str
    actions: tuple[str, ...]

    @staticmethod
    def of(scope: str) -> Access:
        """Read a scope, such as ``repository:app:pull,push``.

        Raises:
            ValueError: it is none.
        """
        kind, _, rest = scope.partition(":")
        name, _, actions = rest.rpartition(":")
        if not (kind and name and actions):
            raise ValueError(f"not TYPE:NAME:ACTIONS: {scope}")
        return Access(kind, name, tuple(actions.split(",")))

    def only(self, *actions: str) -> Access:
        """Return what is left of it with these actions at most."""
        return Access(
            self.kind,
            self.name,
            tuple(each for each in self.actions if each in actions),
        )


class Signer:
    """Makes tokens that carry the certificate they are signed with.

    Args:
        pair: a certificate of the CA that the registry trusts, with its key on the
            curve P-256.
    """

    def __init__(self, pair: KeyPair) -> None:
        chain = x509.load_pem_x509_certificates(pair.certificate)
        encoded = [
            base64.b64encode(each.public_bytes(Encoding.DER)).decode() for each in chain
        ]
        self._headers = {"x5c": encoded}
        self._key = pair.key

    def sign(self, username: str, access: list[Access]) -> str:
        """Return a token that is good for 300 s from now.

        Without actions access is left out.
        """
        now = datetime.datetime.now(datetime.timezone.utc)
        claims = {
            "iss": ISSUER,
            "sub": username,
            "aud": SERVICE,
            "exp": now + datetime.timedelta(seconds=VALID_SECONDS),
            "nbf": now,
            "iat": now,
            "jti": secrets.token_hex(8),
            "access": [
                {"type": each.kind, "name": each.name, "actions": each.actions}
                for each in access
                if each.actions
            ],
        }
        return jwt.encode(claims, self._key, algorithm="ES256", headers=self._headers)
