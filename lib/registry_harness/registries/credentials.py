"""User names and passwords for registries that ask for them."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field

import bcrypt

_ROUNDS = 4  # the fewest that bcrypt knows: safety is not what these protect
_AWKWARD = ":/%# \"'\\$∞"


@dataclass(frozen=True)
class Credentials:
    """A user name and a password, which no repr shows."""

    username: str
    password: str = field(repr=False)

    @staticmethod
    def random() -> Credentials:
        """Make credentials for tests: the password holds what quoting and encoding
        get wrong.
        """
        return Credentials(
            f"user-{secrets.token_hex(4)}", _AWKWARD + secrets.token_urlsafe(12)
        )

    @staticmethod
    def to_type() -> Credentials:
        """Make credentials that people can type and paste anywhere: small letters
        and digits.
        """
        return Credentials(f"user{secrets.token_hex(2)}", secrets.token_hex(8))

    def htpasswd(self) -> str:
        """Return the line of an htpasswd file; a registry reads bcrypt only."""
        salt = bcrypt.gensalt(_ROUNDS, prefix=b"2a")
        return (
            f"{self.username}:{bcrypt.hashpw(self.password.encode(), salt).decode()}\n"
        )

    def basic(self) -> str:
        """Return the value of an Authorization header."""
        return (
            "Basic "
            + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
        )
