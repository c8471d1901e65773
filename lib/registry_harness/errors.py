"""Errors of the harness: a part is missing, did not start, or refused."""

from __future__ import annotations


class HarnessError(Exception):
    """Base of all errors of the harness.

    Args:
        message: what is wrong, one line, or a line and a log.
        remedy: what to do about it, as a sentence or a command.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(f"{message}\n{remedy}" if remedy else message)
        self.message = message
        self.remedy = remedy


class MissingPartError(HarnessError):
    """Something that must be installed is not here and cannot be fetched."""


class StartError(HarnessError):
    """A part did not come up."""


class PushRefused(HarnessError):
    """A push was refused; the message is the engine's or the registry's own."""


class PullFailed(HarnessError):
    """containerd could not pull.

    Args:
        message: containerd's own words.
        code: name of the gRPC status, for example ``UNKNOWN`` or ``NOT_FOUND``.
    """

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code
