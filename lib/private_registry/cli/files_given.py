"""Read and check the files that a command line names."""

from __future__ import annotations

import codecs
import os
import re
import sys
from typing import Mapping, Optional, Tuple

from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.node import bounded_reads
from private_registry.registries.model import ClientCertificate
from private_registry.texts.showing import quoted, shown_path, shown_place

STANDARD_INPUT = "-"
_VARIABLE = r"[A-Z_][A-Z0-9_]{0,80}\Z"
_PEM_REMEDY = "openssl x509 -inform der -in FILE -out FILE.pem turns DER into PEM"


class _File(NamedTuple):
    """A file that is to be read: its path, and what it and its option are called in
    errors.

    One that a user names himself may be a pipe: ``<(pass show corp)``.
    """

    path: str
    shown: str
    option: str
    may_be_pipe: bool = True

    @property
    def place(self) -> str:
        return f"option {self.option}, {self.shown}"


class Inputs:
    """The files that options name; standard input can be used once, as ``-``.

    Args:
        variables: the environment that passwords are looked for in; None for that of
            this process.
    """

    def __init__(self, variables: Optional[Mapping[str, str]] = None) -> None:
        self._variables = os.environ if variables is None else variables
        self._input_of: Optional[str] = None

    def ca(self, path: str) -> str:
        """Read a CA file; raise UsageError where it is not one."""
        # OpenSSL is slow.
        from private_registry.registries.certificates import checked_ca  # noqa: PLC0415

        return checked_ca(self.text(path, "--ca"), f"option --ca, {named(path)}")

    def client(self, certificate: str, key: str) -> ClientCertificate:
        """Read a client certificate and its key.

        Raise UsageError where they are not a pair.
        """
        from private_registry.registries.certificates import (  # noqa: PLC0415
            checked_client,
        )

        place = (
            f"options --client-cert {named(certificate)} and --client-key {named(key)}"
        )
        text = self.text(certificate, "--client-cert")
        key_text = text if key == certificate else self.text(key, "--client-key")
        return checked_client(text, key_text, place)

    def password_file(self, path: str, option: str, *, may_be_pipe: bool = True) -> str:
        """Read a file that holds a password, or standard input.

        Every character counts.
        """
        if path != STANDARD_INPUT and not os.path.lexists(path):
            # It is not named: who takes this for the password itself must not find it
            # in a log.
            raise UsageError(
                "the password's file cannot be read: no such file or directory",
                place=f"option {option}",
                remedy=(
                    f"check the path; what the snap may not read goes by: {option} -"
                    " <FILE"
                ),
            )
        file = _File(path, named(path), option, may_be_pipe)
        return self._decoded(file, "utf-8", "the password must be UTF-8 text")

    def docker_config(self, path: str) -> Tuple[str, str]:
        """Read a Docker config.json; return its text, and its name for messages."""
        return self.text(
            path, "--pull-secret-from", "give Docker's config.json"
        ), named(path)

    def variable(self, name: str) -> str:
        """Read a password from an environment variable.

        Raise UsageError where it is not set.
        """
        value = self._variables.get(name)
        if value is None and not re.match(_VARIABLE, name):
            # It is not named: who takes this for the password itself must not find it
            # in a log.
            raise UsageError(
                "there is no such environment variable",
                remedy="export REGISTRY_PASSWORD, and give that name",
            )
        if value is None:
            raise UsageError(
                f"the environment variable {name} is not set",
                remedy=f"export it first; with sudo: sudo --preserve-env={name} ...",
            )
        return value

    def text(self, path: str, option: str, remedy: str = _PEM_REMEDY) -> str:
        """Read a text file; raise UsageError where that is not possible.

        Editors put a byte order mark before TOML, JSON, YAML and PEM, where it says
        nothing.
        """
        return self._decoded(_File(path, named(path), option), "utf-8-sig", remedy)

    def found(self, path: str, option: str) -> str:
        """Read a text file that another file names, or that was found in a
        directory.
        """
        file = _File(path, shown_place(path), shown_place(option), may_be_pipe=False)
        return self._decoded(file, "utf-8-sig", _PEM_REMEDY)

    def _decoded(self, file: _File, encoding: str, remedy: str) -> str:
        content = self._bytes(file)
        if _is_utf_16(content):
            raise UsageError(
                "not a text file in UTF-8, but in UTF-16",
                place=file.place,
                remedy=f"iconv -f UTF-16 -t UTF-8 {_typed(file.path)} gives UTF-8",
            )
        try:
            return content.decode(encoding)
        except UnicodeDecodeError as error:
            raise UsageError(
                "not a text file", place=file.place, remedy=remedy
            ) from error

    def _bytes(self, file: _File) -> bytes:
        is_standard_input = file.path == STANDARD_INPUT
        if is_standard_input:
            if self._input_of is not None:
                raise UsageError(
                    f"standard input was already read for {self._input_of}",
                    place=file.place,
                )
            self._input_of = file.option
        try:
            if is_standard_input and sys.stdin is None:
                raise UsageError("standard input is closed", place=file.place)
            if is_standard_input:
                content = sys.stdin.buffer.read(bounded_reads.MOST_BYTES + 1)
            elif file.may_be_pipe:
                content = bounded_reads.read_given(file.path)
            else:
                content = bounded_reads.read(file.path)[1]
        except (OSError, ValueError, bounded_reads.UnreadableError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise UsageError(
                f"{file.shown} cannot be read: {reason[:1].lower()}{reason[1:]}",
                place=f"option {file.option}",
                remedy=(
                    f"check the path; what the snap may not read goes by: {file.option}"
                    " - <FILE"
                ),
            ) from error
        if len(content) > bounded_reads.MOST_BYTES:
            raise UsageError("larger than 16 MiB", place=file.place)
        return content


def _is_utf_16(content: bytes) -> bool:
    """Whether bytes are a text as Windows writes it."""
    if not content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return False
    try:
        content.decode("utf-16")
    except UnicodeDecodeError:
        return False
    return True


def _typed(path: str) -> str:
    return "FILE" if path == STANDARD_INPUT else quoted(shown_path(path))


def named(path: str) -> str:
    """Name a path in notes and errors."""
    return "standard input" if path == STANDARD_INPUT else shown_path(path)
