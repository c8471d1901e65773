"""Logins as files have them: a user name and a password, or both in base64."""

from __future__ import annotations

from typing import Any, Mapping, Optional

from private_registry.named_tuple import NamedTuple


class Login(NamedTuple):
    """What containerd answers a challenge with; never shows in a repr.

    Args:
        username: may be empty.
        password: that belongs to it.
    """

    username: str
    password: str

    def __repr__(self) -> str:
        return "Login(...)"


def login_in(entry: Mapping[str, Any]) -> Optional[Login]:
    """Return the login of an entry; None where nobody is named.

    Args:
        entry: with ``username`` and ``password``, or ``auth``.

    Raises:
        ValueError: ``auth`` is no base64.
    """
    username, password = entry.get("username"), entry.get("password")
    encoded = entry.get("auth")
    if not username and encoded:
        import base64  # noqa: PLC0415 - rarely needed

        both = base64.b64decode(str(encoded), validate=True).decode()
        username, _, password = both.partition(":")
        # Docker pads what it encodes (cli/config/configfile decodeAuth).
        password = password.strip("\0")
    return Login(str(username), str(password or "")) if username else None


def auth_of(username: str, password: str) -> str:
    """Return both in base64, as ``docker login`` writes them."""
    import base64  # noqa: PLC0415 - as above

    return base64.b64encode(f"{username}:{password}".encode()).decode()
