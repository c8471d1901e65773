"""Mode and owner of a file that is not ours to replace."""

from __future__ import annotations

from enum import Enum

from private_registry.node.file_values import SECRET_MODE, Found


def closed(now: Found, user: int) -> Found:
    """Return the permissions of what a user alone may read."""
    mode, (_, group) = now
    return mode & SECRET_MODE, (user, group)


def opened(now: Found, before: Found, user: int) -> Found:
    """Return the permissions to give back, but for what somebody has set since it was
    closed.

    Args:
        now: what they are.
        before: what they were before it was closed.
        user: for whom it was closed.
    """
    mode = before[0] if now[0] == before[0] & SECRET_MODE else now[0]
    owner = before[1][0] if now[1][0] == user else now[1][0]
    return mode, (owner, now[1][1])


class InPlace(Enum):
    """What happens to the permissions of a file that containerd's start writes in
    place.

    It is closed before anything else is done, and opened after everything else.
    """

    CLOSE = "close"
    OPEN = "open"
