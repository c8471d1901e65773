"""The console: the only module that prints."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, suppress
from typing import Any, Callable, Iterable, Iterator, Mapping, Optional, TextIO

from private_registry.errors import AnswerError
from private_registry.texts.showing import printable

_CLEAR_LINE = "\r\x1b[K"
Progress = Callable[[int, int], None]


class ReaderLeftError(Exception):
    """Who read the answer reads no more."""


class Console:
    """Shows answers on standard output, and all else on standard error.

    An answer that cannot be written is an AnswerError; a ReaderLeftError where nobody
    wants it.
    """

    def lines(self, lines: Iterable[str]) -> None:
        """Print lines; whatever is in them, a terminal obeys none of it."""
        _answer("\n".join(map(printable, lines)) + "\n")

    def painted(self, lines: Iterable[str]) -> None:
        """Print lines that have colours and were cleaned before they got them."""
        _answer("\n".join(lines) + "\n")

    def json(self, plain: Mapping[str, Any]) -> None:
        """Print JSON, which writes everything outside of ASCII as an escape."""
        _answer(json.dumps(plain, indent=2) + "\n")

    def text(self, text: str) -> None:
        """Print a text of our own as it is."""
        _answer(text)

    def say(self, line: str) -> None:
        """Tell people something beside the answer."""
        self.complain([line])

    def complain(self, lines: Iterable[str]) -> None:
        """Tell people what is wrong."""
        _try_to_tell("\n".join(map(printable, lines)) + "\n")

    @property
    def has_colours(self) -> bool:
        """Whether the answer goes to a terminal that shows colours."""
        is_terminal = sys.stdout is not None and sys.stdout.isatty()
        return is_terminal and not os.environ.get("NO_COLOR")

    @contextmanager
    def progress(self, form: str) -> Iterator[Progress]:
        """Show how far something is, where there is a terminal.

        Args:
            form: of the line, with what is done and the total.
        """
        if sys.stderr is None or not sys.stderr.isatty():
            yield lambda _done, _total: None
            return

        def show(done: int, total: int) -> None:
            _try_to_tell(_CLEAR_LINE + form.format(done, total))

        try:
            yield show
        finally:
            _try_to_tell(_CLEAR_LINE)


def _answer(text: str) -> None:
    try:
        _write(sys.stdout, text)
    except BrokenPipeError as error:
        raise ReaderLeftError from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise AnswerError(
            f"all is done, but the answer cannot be written: {reason}",
            place="standard output",
            remedy="microk8s private-registry list shows what is configured",
        ) from error


def _try_to_tell(text: str) -> None:
    # Who takes no text has the exit code.
    with suppress(OSError):
        _write(sys.stderr, text)


def _write(stream: Optional[TextIO], text: str) -> None:
    if stream is None:
        # The caller has closed it.
        return
    encoding = getattr(stream, "encoding", None) or "utf-8"
    shown = text.encode(encoding, "backslashreplace").decode(encoding)
    print(shown, end="", file=stream, flush=True)
