"""Read and check the files that a command line names."""

from __future__ import annotations

import os
import sys
from typing import Mapping, Optional, Tuple

from private_registry.core.model import ClientCertificate
from private_registry.core.names import shown
from private_registry.errors import UsageError
from private_registry.shell import reading

STANDARD_INPUT = "-"
_PEM_REMEDY = "openssl x509 -inform der -in FILE -out FILE.pem turns DER into PEM"


class Inputs:
    """The files that options name; standard input can be used once, as ``-``.

    Args:
        variables: the environment that passwords are looked for in; None for that of this process.
    """

    def __init__(self, variables: Optional[Mapping[str, str]] = None) -> None:
        self._variables = os.environ if variables is None else variables
        self._input_of: Optional[str] = None

    def ca(self, path: str) -> str:
        """Read a CA file; raise UsageError where it is not one."""
        from private_registry.shell.certificates import checked_ca  # noqa: PLC0415 - OpenSSL is slow

        return checked_ca(self.text(path, "--ca"), f"option --ca, {named(path)}")

    def client(self, certificate: str, key: str) -> ClientCertificate:
        """Read a client certificate and its key; raise UsageError where they are not a pair."""
        from private_registry.shell.certificates import checked_client  # noqa: PLC0415 - OpenSSL is slow

        place = f"options --client-cert {named(certificate)} and --client-key {named(key)}"
        text = self.text(certificate, "--client-cert")
        key_text = text if key == certificate else self.text(key, "--client-key")
        return checked_client(text, key_text, place)

    def password_file(self, path: str, option: str) -> str:
        """Read a file that holds a password, or standard input."""
        return self.text(path, option, "the password must be UTF-8 text")

    def docker_config(self, path: str) -> Tuple[str, str]:
        """Read a Docker config.json; return its text, and its name for messages."""
        return self.text(path, "--pull-secret-from", "give Docker's config.json"), named(path)

    def variable(self, name: str) -> str:
        """Read a password from an environment variable; raise UsageError where it is not set."""
        value = self._variables.get(name)
        if value is None:
            raise UsageError(
                f"the environment variable {shown(name)} is not set",
                remedy=f"export it first; with sudo: sudo --preserve-env={shown(name)} ...",
            )
        return value

    def text(
        self, path: str, option: str, remedy: str = _PEM_REMEDY, *, inner: bool = False
    ) -> str:
        """Read a text file; raise UsageError where that is not possible.

        Args:
            path: of the file; of a pipe, too, where a user names it himself.
            option: that names it.
            remedy: where it is no text.
            inner: another file names it, and not the user.
        """
        try:
            return self._bytes(path, option, inner=inner).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UsageError(
                "not a text file",
                place=f"option {option}, {named(path)}",
                remedy=remedy,
            ) from error

    def _bytes(self, path: str, option: str, *, inner: bool) -> bytes:
        place = f"option {option}, {named(path)}"
        if path == STANDARD_INPUT:
            if self._input_of is not None:
                raise UsageError(
                    f"standard input was already read for {self._input_of}", place=place
                )
            self._input_of = option
        try:
            if path == STANDARD_INPUT and sys.stdin is None:
                raise UsageError("standard input is closed", place=place)
            if path == STANDARD_INPUT:
                content = sys.stdin.buffer.read(reading.MOST_BYTES + 1)
            else:
                content = reading.read(path)[1] if inner else reading.read_given(path)
        except (OSError, ValueError, reading.UnreadableError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(
                f"{named(path)} cannot be read: {reason[:1].lower()}{reason[1:]}",
                place=f"option {option}",
                remedy=f"check the path; what the snap may not read goes by: {option} - <FILE",
            ) from error
        if len(content) > reading.MOST_BYTES:
            raise UsageError("larger than 16 MiB", place=place)
        return content


def named(path: str) -> str:
    """Name a path in notes and errors; no control characters."""
    return "standard input" if path == STANDARD_INPUT else repr(path)[1:-1]
