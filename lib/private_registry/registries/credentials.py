"""What a user name and a password may be; no message ever holds a password."""

from __future__ import annotations

import json
import re
from typing import List

from private_registry.errors import UsageError
from private_registry.registries.model import KEEPERS
from private_registry.texts import toml_writing
from private_registry.texts.did_you_mean import did_you_mean
from private_registry.texts.showing import shown

# What lays out a key file that is a password, such as Google's.
_LAYOUT = "\t\n\r"
_LAST_BREAK = "\r\n"
# Shorter ones, such as brackets, say nothing.
_SHORTEST_LINE = 4


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
    if _has_control_characters(text):
        raise UsageError(
            "the user name holds a line break or another control character"
        )
    _check_is_text(text, "the user name")
    return text


def checked_password(text: str) -> str:
    """Check a password.

    A line break at its end, as files and pipes have it, is taken off. Those within it
    are a part of it: a key file is a password of many lines, and Basic carries it.

    Raises:
        UsageError: it cannot be sent.
    """
    password = re.sub(r"\r?\n\Z", "", text)
    if not password:
        raise UsageError("the password is empty")
    if _has_control_characters(password.translate(dict.fromkeys(map(ord, _LAYOUT)))):
        raise UsageError(
            "the password holds a control character other than a tab or a line break"
        )
    _check_is_text(password, "the password")
    return password


def checked_login_by(text: str) -> str:
    """Check who is to keep a login.

    Raises:
        UsageError: nobody is called so.
    """
    if text not in KEEPERS:
        raise UsageError(
            f"{shown(text)} keeps no logins{did_you_mean(text, KEEPERS)}",
            remedy=f"give {' or '.join(KEEPERS)}",
        )
    return text


def as_given(password: str) -> str:
    """Return a text of which ``checked_password`` makes this password."""
    return password + _LAST_BREAK if password.endswith(tuple(_LAST_BREAK)) else password


def notes_on(password: str) -> List[str]:
    """Tell where a file may have been taken for a password that holds more than it.

    A key file is known by its brace.
    """
    count = len(password.splitlines())
    if count == 1 or password.lstrip().startswith("{"):
        return []
    return [f"the password has {count} lines, and all of them are sent"]


def forms_of(password: str) -> List[str]:
    """List the forms in which a password may stand in a program's words.

    The longest first: as it is, escaped, and each of its lines.
    """
    escaped = (toml_writing.scalar(password)[1:-1], json.dumps(password)[1:-1])
    lines = [each.strip() for each in password.splitlines()]
    telling = lines if len(lines) > 1 else []
    found = {password, *escaped, *(e for e in telling if len(e) >= _SHORTEST_LINE)}
    return sorted(found, key=len, reverse=True)


def _has_control_characters(text: str) -> bool:
    return any(character < " " or character == "\x7f" for character in text)


def _check_is_text(text: str, what: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise UsageError(f"{what} is not UTF-8 text")
