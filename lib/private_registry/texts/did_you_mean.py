"""Words: what somebody may have meant who wrote something else."""

from __future__ import annotations

from typing import Sequence

DID_YOU_MEAN = "; did you mean "


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return ``; did you mean NAME?`` for the nearest known word, or an empty text."""
    import difflib  # noqa: PLC0415 - slow to import, and only errors need it

    nearest = difflib.get_close_matches(word, known, n=1)
    return f"{DID_YOU_MEAN}{nearest[0]}?" if nearest else ""
