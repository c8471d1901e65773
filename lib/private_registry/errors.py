"""What can go wrong, as values; only cli/main.py turns them into text and exit codes.

PrivateRegistryError
├── UsageError           2  the command line or a file given to it is wrong
│   └── CertificateError 2  a CA, client certificate or key cannot be used
├── ConflictError        3  a file is in the way that this addon did not write
└── NodeError            4  the node cannot take it; it is as it was before
    ├── UnsupportedError 4  this node's containerd would ignore what was asked
    ├── LeftBehindError  4  something that was done could not be undone
    ├── AnswerError      4  all is done, and standard output does not take the answer
    └── WriteError       4  the disk or the permissions refused

5 is no error: `check` found a fault.
"""

from __future__ import annotations

from typing import Optional

EXIT_OK = 0
EXIT_BUG = 1
EXIT_USAGE = 2
EXIT_CONFLICT = 3
EXIT_NODE = 4
EXIT_FAULT = 5


class PrivateRegistryError(Exception):
    """Base of all errors that a user may see.

    Args:
        message: what is wrong, one line.
        place: the file, option or line it was found in.
        remedy: what to do, as a sentence or a command to paste.
        instead: options to type after the command that was used, e.g. ``--registry
            reg.corp``; shown in place of the remedy, with the command put in front.
    """

    exit_code = EXIT_BUG

    def __init__(
        self,
        message: str,
        *,
        place: Optional[str] = None,
        remedy: Optional[str] = None,
        instead: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.remedy = remedy
        self.instead = instead


class UsageError(PrivateRegistryError):
    """The command line, or a file given to it, cannot be understood or contradicts
    itself.
    """

    exit_code = EXIT_USAGE


class CertificateError(UsageError):
    """A certificate or key is not what the option needs."""


class ConflictError(PrivateRegistryError):
    """A file that somebody else wrote is where ours should go."""

    exit_code = EXIT_CONFLICT


class NodeError(PrivateRegistryError):
    """The node cannot take what was asked; nothing on it has changed."""

    exit_code = EXIT_NODE


class AnswerError(NodeError):
    """What was asked is done, but the answer cannot be written."""


class UnsupportedError(NodeError):
    """This node's containerd would ignore, in silence, what was asked."""


class LeftBehindError(NodeError):
    """Something outside of the node's files was done and could not be undone.

    It is named.
    """


class WriteError(NodeError):
    """A file operation failed and what had been done was undone."""
