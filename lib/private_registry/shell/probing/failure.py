"""What ends a probe."""

from __future__ import annotations

import time

from private_registry.core.check.findings import Cause, Layer


class ProbeFailure(Exception):
    """An endpoint does not serve.

    Args:
        cause: why.
        layer: where it was noticed.
        detail: in the words of who noticed.
        asked: URL of what refused, where that is not the endpoint itself.
        is_silent: it hung up on TLS without a word, and containerd cannot tell what it speaks.
    """

    def __init__(
        self,
        cause: Cause,
        layer: Layer,
        detail: str = "",
        asked: str = "",
        *,
        is_silent: bool = False,
    ) -> None:
        super().__init__(cause, layer, detail)
        self.cause, self.layer, self.detail, self.asked = cause, layer, detail, asked
        self.is_silent = is_silent


class Deadline:
    """When a probe has to end.

    Args:
        seconds: from now on.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self, layer: Layer) -> float:
        """Return how many seconds are left.

        Raises:
            ProbeFailure: none.
        """
        left = self._end - time.monotonic()
        if left <= 0:
            raise self.passed(layer)
        return left

    def passed(self, layer: Layer) -> ProbeFailure:
        """Return the failure of what took too long."""
        return ProbeFailure(Cause.TIMEOUT, layer, f"no answer within {self.seconds:g} s")
