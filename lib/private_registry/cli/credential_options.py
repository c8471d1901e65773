"""The options about user names and passwords.

A password itself never stands on a command line.
"""

from __future__ import annotations

from typing import Any, Callable, List, Optional

from private_registry.cli.files_given import STANDARD_INPUT, Inputs
from private_registry.errors import UsageError
from private_registry.registries.credentials import (
    checked_login_by,
    checked_password,
    checked_username,
)
from private_registry.registries.model import Credentials

Namespace = Any
LOGIN_BY = "--login-by"
_PASSWORD_SOURCES = ("--password-stdin", "--password-file", "--password-env")


def credential_options(values: Namespace) -> List[str]:
    """List the options given that are about credentials."""
    given = {
        "--username": values.username,
        "--password-stdin": values.password_stdin,
        "--password-file": values.password_file,
        "--password-env": values.password_env,
        "--allow-plaintext-credentials": values.allow_plaintext_credentials,
        LOGIN_BY: values.login_by,
    }
    return [option for option, value in given.items() if value]


def credentials_of(values: Namespace, inputs: Inputs) -> Optional[Credentials]:
    """Read the credentials that a command gives; None where it gives none.

    Raises:
        UsageError: a part is missing, there is one too many, or it cannot be sent.
    """
    options = credential_options(values)
    sources = [option for option in options if option in _PASSWORD_SOURCES]
    if not options or options == [LOGIN_BY]:
        return None
    if len(sources) > 1:
        raise UsageError(
            f"{sources[0]} and {sources[1]} exclude each other",
            place=f"option {sources[1]}",
        )
    if values.no_credentials:
        raise UsageError(
            f"--no-credentials forgets them, {options[0]} gives new ones: leave"
            " one out",
            place=f"option {options[0]}",
        )
    if not values.username:
        raise UsageError(
            f"{options[0]} needs --username beside it",
            place=f"option {options[0]}",
            remedy="add --username NAME and --password-stdin",
        )
    if not sources:
        raise UsageError(
            "--username needs a password beside it",
            place="option --username",
            remedy="add --password-stdin, --password-file FILE or --password-env VAR",
        )
    username = _placed(lambda: checked_username(values.username[0]), "--username")
    password = _placed(lambda: checked_password(_password(values, inputs)), sources[0])
    return Credentials(username, password, values.allow_plaintext_credentials)


def login_by_of(values: Namespace) -> Optional[str]:
    """Read who is to keep the login; None where the command does not say.

    Raises:
        UsageError: nobody is called so, or it contradicts another option.
    """
    if not values.login_by:
        return None
    for other, given in (
        ("--no-credentials", values.no_credentials),
        ("--pull-secret", values.pull_secret),
    ):
        if given:
            raise UsageError(
                f"{LOGIN_BY} and {other} exclude each other", place=f"option {LOGIN_BY}"
            )
    return _placed(lambda: checked_login_by(values.login_by[0]), LOGIN_BY)


def _password(values: Namespace, inputs: Inputs) -> str:
    if values.password_stdin:
        return inputs.password_file(STANDARD_INPUT, "--password-stdin")
    if values.password_file:
        return inputs.password_file(values.password_file[0], "--password-file")
    return inputs.variable(values.password_env[0])


def _placed(read: Callable[[], str], option: str) -> str:
    try:
        return read()
    except UsageError as error:
        error.place = error.place or f"option {option}"
        raise
