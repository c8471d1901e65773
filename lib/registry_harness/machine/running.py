"""What runs as long as a ``with`` block, and no longer."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager
from types import TracebackType
from typing import TypeVar

_Value = TypeVar("_Value")
_Self = TypeVar("_Self", bound="Running")


class Running(ABC):
    """Something that is started and stopped."""

    def start(self) -> None:  # noqa: B027 - for those that run as soon as they are made
        """Start it."""

    @abstractmethod
    def stop(self) -> None:
        """Stop it; it may not have started."""

    # Python 3.10 has no typing.Self.
    def __enter__(self: _Self) -> _Self:  # noqa: PYI019
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


@contextmanager
def in_background(block: AbstractContextManager[_Value]) -> Iterator[Future[_Value]]:
    """Begin a block in a thread of its own, and end it there at the end of this one.

    Args:
        block: what takes long to begin; its result is there once it has begun.
    """
    begun: Future[_Value] = Future()
    is_over = threading.Event()

    def hold() -> None:
        try:
            with block as value:
                begun.set_result(value)
                # Daemons end with the thread that started them.
                is_over.wait()
        except BaseException as error:
            if begun.done():
                raise
            begun.set_exception(error)

    thread = threading.Thread(target=hold)
    thread.start()
    try:
        yield begun
    finally:
        is_over.set()
        thread.join()
