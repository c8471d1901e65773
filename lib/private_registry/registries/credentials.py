"""What a user name and a password may be; no message ever holds a password."""

from __future__ import annotations

from private_registry.errors import UsageError
from private_registry.texts.showing import shown


def checked_username(text: str) -> str:
    """Check a user name.

    HTTP's Basic scheme puts a colon behind the name (RFC 7617), so it cannot hold one.

    Raises:
        UsageError: it cannot be sent.
    """
    if not text:
        raise UsageError("the user name is empty")
    if ":" in text:
        raise UsageError(
            "a user name cannot hold a colon",
            remedy=(
                f"{shown(text.partition(':')[0])} may be the name; give the password by"
                " --password-stdin, --password-file or --password-env"
            ),
        )
    _check_characters(text, "the user name")
    return text


def checked_password(text: str) -> str:
    """Check a password.

    A line break at its end, as files and pipes have it, is taken off.

    Raises:
        UsageError: it cannot be sent.
    """
    password = text[:-1] if text.endswith("\n") else text
    password = password[:-1] if password.endswith("\r") else password
    if not password:
        raise UsageError("the password is empty")
    _check_characters(password, "the password")
    return password


def _check_characters(text: str, what: str) -> None:
    if any(ord(character) < ord(" ") or character == "\x7f" for character in text):
        raise UsageError(f"{what} holds a line break or another control character")
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise UsageError(f"{what} is not UTF-8 text")
