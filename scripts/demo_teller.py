"""Who tells the demo's story, step by step."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable

from registry_harness import ProgramResult

HTTP_TO_HTTPS = "http: server gave HTTP response to HTTPS client"
BOLD, DIM, RED, GREEN, PLAIN = "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[0m"


class WrongEndingError(Exception):
    """A step did not end as the story says."""


class Teller:
    """Tells the story, in colours on a terminal only."""

    def __init__(self) -> None:
        self._is_coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self._steps = 0

    def paint(self, text: str, colour: str) -> str:
        """Return a text in a colour, where there are colours."""
        return f"{colour}{text}{PLAIN}" if self._is_coloured else text

    def step(self, title: str, command: str, act: Callable[[], str]) -> None:
        """Do a step and tell it: what, the command as people type it, what came of it.

        Args:
            title: what happens.
            command: as people would type it.
            act: does it; returns what to show, raises where the story ends otherwise.
        """
        self._steps += 1
        print(
            f"\n{self.paint(f'{self._steps}. {title}', BOLD)}\n   $ {command}",
            flush=True,
        )
        begin = time.monotonic()
        try:
            shown = act()
        except Exception:
            print(f"   {self.paint('✗', RED)} not as the story says", flush=True)
            raise
        for line in shown.splitlines():
            print(f"   {self.paint(line, DIM)}")
        print(
            f"   {self.paint('✓', GREEN)} {time.monotonic() - begin:.1f} s", flush=True
        )


def succeeded(done: ProgramResult) -> str:
    """Return what a program of the addon printed, if it ended well."""
    if done.exit_code != 0:
        raise WrongEndingError(f"exit code {done.exit_code}: {done.stderr}")
    return done.stdout
