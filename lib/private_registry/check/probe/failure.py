"""Failures: what ends a probe, and when."""

from __future__ import annotations

import time
from typing import Optional

from private_registry.check.cause_columns import Layer
from private_registry.check.causes import Cause


class ProbeFailure(Exception):
    """An endpoint does not serve.

    Args:
        cause: why.
        detail: in the words of who noticed.
        asked: URL of what refused, where that is not the endpoint itself.
        layer: where it was noticed, if not where its cause mostly is.
        login_at: address of another host than the endpoint's whose login it is about.
        is_silent: it hung up on TLS without a word, and containerd cannot tell what it
            speaks.
    """

    def __init__(
        self,
        cause: Cause,
        detail: str = "",
        asked: str = "",
        *,
        layer: Optional[Layer] = None,
        is_silent: bool = False,
    ) -> None:
        super().__init__(cause, detail)
        self.cause, self.detail, self.asked = cause, detail, asked
        self.layer = layer or cause.row.layer
        self.is_silent = is_silent
        self.login_at = ""


def not_understood(error: Exception) -> ProbeFailure:
    """Say that an answer brought about an exception that nobody had thought of, and
    which.
    """
    words = f"what it answers is not understood ({type(error).__name__})"
    return ProbeFailure(Cause.NOT_UNDERSTOOD, words)


class Deadline:
    """When a probe has to end.

    Args:
        seconds: from now on.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def rest(self) -> float:
        """How many seconds are left; 0 for none."""
        return max(0.0, self._end - time.monotonic())

    def left(self, layer: Layer) -> float:
        """Return how many seconds are left.

        Raises:
            ProbeFailure: none.
        """
        left = self.rest
        if not left:
            raise self.passed(layer)
        return left

    def passed(self, layer: Layer) -> ProbeFailure:
        """Return the failure of what took too long."""
        return ProbeFailure(
            Cause.TIMEOUT, f"no answer within {self.seconds:g} s", layer=layer
        )
