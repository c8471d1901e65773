"""What runs as long as a ``with`` block, and no longer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from types import TracebackType
from typing import TypeVar

_Self = TypeVar("_Self", bound="Running")


class Running(ABC):
    """Something that is started and stopped."""

    def start(self) -> None:  # noqa: B027 - for those that run as soon as they are made
        """Start it."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it; it may not have started."""

    def __enter__(self: _Self) -> _Self:  # noqa: PYI019 - Python 3.10 has no typing.Self
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
