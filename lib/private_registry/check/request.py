"""Requests: what `check` and `check --explain` are asked for."""

from __future__ import annotations

from typing import Tuple

from private_registry.check.image import Subject
from private_registry.named_tuple import NamedTuple


class CheckRequest(NamedTuple):
    """Find out why pulls fail.

    Args:
        subjects: registries and images; none for everything configured on the node.
        seconds: how long each endpoint may take.
        pull: pull the image, too.
        remembers: `list` shows afterwards what it said.
    """

    subjects: Tuple[Subject, ...] = ()
    seconds: float = 5
    pull: bool = False
    remembers: bool = True


class ExplainRequest(NamedTuple):
    """Explain an error message.

    Args:
        text: what was pasted; it may hold secrets and never shows in a repr.
    """

    text: str

    def __repr__(self) -> str:
        return "ExplainRequest(...)"
