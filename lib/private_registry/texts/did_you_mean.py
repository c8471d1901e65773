"""Words: what somebody may have meant who wrote something else."""

from __future__ import annotations

from typing import Sequence

DID_YOU_MEAN = "; did you mean "
# How alike words are where one is surely the other, misspelt.
VERY_NEAR = 0.75


def nearest(word: str, known: Sequence[str], cutoff: float = 0.6) -> str:
    """Return the known word that is nearest to one; empty where none is near.

    Args:
        word: what is written.
        known: what may be meant.
        cutoff: how alike they are at least: 0 for nothing in common, 1 for the same.
    """
    import difflib  # noqa: PLC0415 - slow to import, and only errors need it

    return next(iter(difflib.get_close_matches(word, known, 1, cutoff)), "")


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return ``; did you mean NAME?`` for the nearest known word, or an empty text."""
    found = nearest(word, known)
    return f"{DID_YOU_MEAN}{found}?" if found else ""
