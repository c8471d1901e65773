"""The console: the only module that prints."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from typing import Callable, Iterable, Iterator, Optional, TextIO

from private_registry.texts.showing import printable

_CLEAR_LINE = "\r\x1b[K"
Progress = Callable[[int, int], None]


class Console:
    """Shows answers on standard output, and all else on standard error."""

    def lines(self, lines: Iterable[str]) -> None:
        """Print lines; whatever is in them, a terminal obeys none of it."""
        _write(sys.stdout, map(printable, lines))

    def painted(self, lines: Iterable[str]) -> None:
        """Print lines that have colours and were cleaned before they got them."""
        _write(sys.stdout, lines)

    def json(self, text: str) -> None:
        """Print JSON, which writes everything outside of ASCII as an escape."""
        _write(sys.stdout, [text])

    def text(self, text: str) -> None:
        """Print a text of our own as it is."""
        print(text, end="", flush=True)

    def say(self, line: str) -> None:
        """Tell people something beside the answer."""
        self.complain([line])

    def complain(self, lines: Iterable[str]) -> None:
        """Tell people what is wrong; who takes no text has the exit code."""
        with suppress(OSError):
            _write(sys.stderr, map(printable, lines))

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
            sys.stderr.write(_CLEAR_LINE + form.format(done, total))
            sys.stderr.flush()

        try:
            yield show
        finally:
            sys.stderr.write(_CLEAR_LINE)


def _write(stream: Optional[TextIO], lines: Iterable[str]) -> None:
    if stream is None:
        # The caller has closed it.
        return
    text = "\n".join(lines)
    encoding = getattr(stream, "encoding", None) or "utf-8"
    print(
        text.encode(encoding, "backslashreplace").decode(encoding),
        file=stream,
        flush=True,
    )
