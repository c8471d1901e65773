"""A user name and a password in one text: base64 of ``USER:PASSWORD``."""

from __future__ import annotations

import base64
import binascii
from typing import Optional, Tuple

from private_registry.registries.variables import is_variable

_NO_LOGIN = (
    "must be base64 of USER:PASSWORD; a token goes into password, with username beside"
    " it"
)
_NOT_FILLED_IN = "must be base64 of USER:PASSWORD; nobody fills in a variable here"


def login_of(text: str) -> Optional[Tuple[str, str]]:
    """Return the user name and password of which a text is the base64, or None."""
    try:
        plain = base64.b64decode(text.encode("ascii"), validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    username, colon, password = plain.partition(":")
    return (username, password.rstrip("\0")) if colon else None


def why_no_login(text: str) -> str:
    """Return why a text of which ``login_of`` makes nothing is none; it is not told."""
    return _NOT_FILLED_IN if is_variable(text) else _NO_LOGIN
