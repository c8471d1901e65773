"""What the matrix is made of, and the table of it that a run of the tests ends with.

The oldest and the newest containerd run every cell, the one with the oldest registries,
the other with the newest. The others run so many that each two values of different
factors meet in one: on each of them every transport with every login, every login by
every way, and so on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from itertools import combinations, product

from registry_harness.containerd.releases import EDGES, SERIES
from registry_harness.registries.distribution import DISTRIBUTIONS
from registry_harness.registries.kinds import AUTHENTICATIONS, TRANSPORTS

CELL = "cell"
LEGACY = "legacy"
WAYS = ("direct", "mirror", "mirror-only")
# In the order of Cell's fields; another factor is a line here and one there.
FACTORS = {
    "mode": ("certs.d", LEGACY),
    "transport": tuple(TRANSPORTS),
    "authentication": AUTHENTICATIONS,
    "way": WAYS,
    "distribution": tuple(DISTRIBUTIONS),
}
# With what the ends of the line run every cell.
AT_EDGES = dict(zip(EDGES, ("2.8", "3"), strict=True))
Values = tuple[str, ...]
_WIDTH = 11
_HEADS = {"authentication": "login"}
NOTES = """
refused: a node without config_path (legacy) always asks the registry itself last, so
that enable refuses --no-fallback there; containerd 2 reads no CA and no client
certificate there.
distribution 2.8 on the oldest containerd, 3 on the newest, both on the others.
·: not run; on these containerds each two values of different factors meet in some cell.
"""


@dataclass(frozen=True)
class Cell:
    """One kind of registry, asked by one way, on one node.

    Args:
        series: of containerd.
        mode: ``certs.d``, or ``legacy`` for a node without config_path.
        transport: one of TRANSPORTS.
        authentication: one of AUTHENTICATIONS.
        way: one of WAYS.
        distribution: of the registry.
    """

    series: str
    mode: str
    transport: str
    authentication: str
    way: str
    distribution: str

    @property
    def is_legacy(self) -> bool:
        """Whether its node has no config_path."""
        return self.mode == LEGACY

    @property
    def reads_no_ca(self) -> bool:
        """Whether its node has neither hosts.toml nor configs.*.tls."""
        return self.is_legacy and self.series >= "2"

    @property
    def is_refused(self) -> bool:
        """Whether such a node cannot do it."""
        falls_back_anyway = self.is_legacy and self.way == "mirror-only"
        return falls_back_anyway or (self.reads_no_ca and self.transport != "http")

    @property
    def needs_restart(self) -> bool:
        """Whether containerd has to be restarted for it."""
        return self.is_legacy or self.authentication != "none"


def covering(*groups: Sequence[Values]) -> list[Values]:
    """Choose so many rows that every pair of values that some row has is in one of
    those chosen.

    Args:
        groups: rows with a value of each factor; from a later group come only pairs
            that no row of an earlier one has.
    """
    chosen: list[Values] = []
    met: set[object] = set()
    for rows in groups:
        missing = {pair for row in rows for pair in _pairs(row)} - met
        while missing:
            best = max(rows, key=lambda row: len(missing & _pairs(row)))
            chosen.append(best)
            met |= _pairs(best)
            missing -= met
    return chosen


def _pairs(row: Values) -> set[object]:
    return set(combinations(enumerate(row), 2))


def cells_of(series: str) -> list[Cell]:
    """Return the cells that are run on a containerd."""
    rows = list(product(*FACTORS.values()))
    if series in EDGES:
        rows = [row for row in rows if row[-1] == AT_EDGES[series]]
    else:
        # Each containerd begins elsewhere, so that they do not all run the same.
        start = SERIES.index(series) * len(rows) // len(SERIES)
        rows = [*rows[start:], *rows[:start]]
        refused = [row for row in rows if Cell(series, *row).is_refused]
        rows = covering([row for row in rows if row not in refused], refused)
    return [Cell(series, *row) for row in rows]


def daily_cells_of(series: str) -> list[Cell]:
    """Return of these the cells that `scripts/test` runs: every pair of values."""
    rows = [astuple(cell)[1:] for cell in cells_of(series)]
    refused = [row for row in rows if Cell(series, *row).is_refused]
    rows = covering([row for row in rows if row not in refused], refused)
    return [Cell(series, *row) for row in rows]


NODES = tuple(product(SERIES, FACTORS["mode"]))
ROWS = tuple(product(*list(FACTORS.values())[1:]))
CELLS = tuple(cell for series in SERIES for cell in cells_of(series))
DAILY = frozenset(cell for series in EDGES for cell in daily_cells_of(series))


def table(outcomes: Iterable[tuple[Cell, str]]) -> list[str]:
    """Draw the matrix.

    Args:
        outcomes: of the cells that ran: ``passed`` or ``failed``.
    """
    known = dict(outcomes)
    names = list(FACTORS)[1:]
    nodes = sorted(NODES, key=lambda node: node[1] == LEGACY)
    heads = [*(_HEADS.get(each, each) for each in names)]
    heads += [
        f"{mode} {series}" if mode == LEGACY else series for series, mode in nodes
    ]
    lines = [_line(heads)]
    for row in ROWS:
        cells = [Cell(*node, *row) for node in nodes]
        lines.append(_line([*row, *(_word(cell, known.get(cell)) for cell in cells)]))
    return [*lines, *NOTES.splitlines(), _total(known)]


def _line(words: Sequence[str]) -> str:
    return "".join(f"{word:<{_WIDTH}} " for word in words).rstrip()


def _word(cell: Cell, outcome: str | None) -> str:
    if cell not in CELLS:
        return "·"
    if outcome != "passed":
        return outcome.upper() if outcome else "not run"
    return "refused" if cell.is_refused else "pulls"


def _total(known: dict[Cell, str]) -> str:
    words = Counter(_word(cell, known.get(cell)) for cell in CELLS)
    told = ", ".join(f"{count} {word}" for word, count in sorted(words.items()))
    whole = len(SERIES) * len(list(product(*FACTORS.values())))
    return f"{len(CELLS)} of {whole} cells: {told}"
