"""What the matrix is made of, and the table of it that a run of the tests ends with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product

from registry_harness.containerd.releases import SERIES
from registry_harness.pytest_plugin import AUTHENTICATIONS, TRANSPORTS

WAYS = ("direct", "mirror", "mirror-only")
LEGACY_SERIES = ("1.6", "1.7")
LEGACY = "legacy "
NODES = (*SERIES, *(LEGACY + series for series in LEGACY_SERIES))
CELL = "cell"
# Why a cell has no pull: what is tested there instead is that it is refused.
REASONS = {
    "refused": "a node without config_path always asks the registry itself last: enable refuses "
    "--no-fallback there",
}
NOT_THERE = "legacy mode on containerd 2.1 has no column: it reads no CA and no client certificate"


@dataclass(frozen=True)
class Cell:
    """One row of the matrix on one node.

    Args:
        transport: one of TRANSPORTS.
        authentication: one of AUTHENTICATIONS.
        way: one of WAYS.
        node: one of NODES.
    """

    transport: str
    authentication: str
    way: str
    node: str

    @property
    def is_refused(self) -> bool:
        """Whether such a node cannot do it."""
        return self.way == "mirror-only" and self.node.startswith(LEGACY)

    @property
    def needs_restart(self) -> bool:
        """Whether containerd has to be restarted for it."""
        return self.node.startswith(LEGACY) or self.authentication != "none"

    def __str__(self) -> str:
        return f"{self.transport}-{self.authentication}-{self.way}-{self.node.replace(' ', '-')}"


ROWS = tuple(product(TRANSPORTS, AUTHENTICATIONS, WAYS))


def table(outcomes: Iterable[tuple[Cell, str]]) -> list[str]:
    """Draw the matrix.

    Args:
        outcomes: of the cells that ran: ``passed`` or ``failed``.
    """
    known = dict(outcomes)
    heads = [f"{node:<11}" for node in NODES]
    lines = [f"{'registry':<9}{'login':<10}{'way':<13}{''.join(heads)}".rstrip()]
    for row in ROWS:
        cells = [Cell(*row, node) for node in NODES]
        words = [f"{_word(cell, known.get(cell)):<11}" for cell in cells]
        lines.append(f"{row[0]:<9}{row[1]:<10}{row[2]:<13}{''.join(words)}".rstrip())
    lines += [f"{word}: {reason}" for word, reason in REASONS.items()]
    return [*lines, NOT_THERE]


def _word(cell: Cell, outcome: str | None) -> str:
    if outcome != "passed":
        return outcome.upper() if outcome else "not run"
    return "refused" if cell.is_refused else "pulls"
