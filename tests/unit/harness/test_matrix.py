"""Which cells of the end-to-end matrix are run: all of them, or so many that every
pair meets.
"""

from __future__ import annotations

from dataclasses import astuple
from itertools import combinations, product

import pytest

from e2e.matrix import (
    AT_EDGES,
    CELLS,
    DAILY,
    FACTORS,
    Cell,
    cells_of,
    covering,
    table,
)
from registry_harness.containerd.releases import EDGES, SERIES

OTHERS = [series for series in SERIES if series not in EDGES]


def pairs(rows: list[tuple[str, ...]]) -> set[object]:
    return {pair for row in rows for pair in combinations(enumerate(row), 2)}


def values(cell: Cell) -> tuple[str, ...]:
    return astuple(cell)[1:]


@pytest.mark.parametrize(
    "factors",
    [
        ("ab", "cde"),
        ("ab", "cd", "ef"),
        ("abc", "def", "ghi", "jk"),
        ("abc", "def", "ghi", "jk", "lm"),
    ],
    ids="-".join,
)
def test_every_pair_of_values_meets(factors: tuple[str, ...]) -> None:
    rows = list(product(*factors))
    chosen = covering(rows)
    assert pairs(chosen) == pairs(rows)
    assert len(chosen) < len(rows) or len(factors) == 2


def test_of_a_later_group_come_only_pairs_that_are_missing() -> None:
    first, second = [("a", "b"), ("a", "c")], [("a", "b"), ("d", "b")]
    assert covering(first, second) == [*first, ("d", "b")]


@pytest.mark.parametrize("series", EDGES)
def test_the_oldest_and_the_newest_run_all_with_registries_of_their_age(
    series: str,
) -> None:
    *factors, _ = FACTORS.values()
    assert [values(cell)[:-1] for cell in cells_of(series)] == list(product(*factors))
    assert {cell.distribution for cell in cells_of(series)} == {AT_EDGES[series]}


@pytest.mark.parametrize("series", EDGES)
def test_daily_every_pair_meets_on_the_oldest_and_the_newest(series: str) -> None:
    whole, daily = cells_of(series), [cell for cell in DAILY if cell.series == series]
    assert set(daily) <= set(whole)
    for is_refused in (True, False):
        of_whole, of_daily = (
            pairs([values(cell) for cell in cells if is_refused or not cell.is_refused])
            for cells in (whole, daily)
        )
        assert of_whole == of_daily
    assert len(daily) < len(whole) / 3


@pytest.mark.parametrize("series", OTHERS)
def test_on_the_others_every_pair_meets_and_is_pulled_where_it_can_be(
    series: str,
) -> None:
    whole = [Cell(series, *row) for row in product(*FACTORS.values())]
    chosen = cells_of(series)
    assert pairs([values(cell) for cell in chosen]) == pairs(
        [values(cell) for cell in whole]
    )
    pulled = [
        [values(each) for each in cells if not each.is_refused]
        for cells in (whole, chosen)
    ]
    assert pairs(pulled[0]) == pairs(pulled[1])
    assert len(chosen) < len(whole) / 3


def test_the_table_names_what_ran_and_what_was_left_to_pairs() -> None:
    lines = table([(CELLS[0], "passed"), (CELLS[1], "failed")])
    assert (
        len([line for line in lines if line.startswith(("http ", "tls ", "mtls "))])
        == 54
    )
    assert "pulls" in lines[1]
    assert "FAILED" in lines[3]
    assert "·" in lines[1]
    assert lines[-1].startswith(
        f"{len(CELLS)} of {108 * len(SERIES)} cells: 1 FAILED, "
    )
