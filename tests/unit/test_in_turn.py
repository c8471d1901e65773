"""What is daily run with one value of a parameter meets all of them together."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, List, Optional

import pytest

from unit.in_turn import not_in_turn


def _item(test: str, turn: Optional[str], **params: object) -> Any:
    mark = pytest.mark.in_turn(turn).mark if turn else None
    values = "-".join(map(str, params.values()))
    made = SimpleNamespace(
        nodeid=f"{test}[{values}]" if params else test,
        get_closest_marker={"in_turn": mark}.get,
    )
    if params:
        made.callspec = SimpleNamespace(params=params)
    return made


def _daily(items: List[Any]) -> List[str]:
    left_out = not_in_turn(items)
    return [each.nodeid for each in items if each not in left_out]


def test_tests_take_turns() -> None:
    items = [
        _item(f"t.py::{name}", "version", version=version)
        for name in ("one", "two", "three")
        for version in (1, 2)
    ]
    assert _daily(items) == ["t.py::one[1]", "t.py::two[2]", "t.py::three[1]"]


def test_so_do_the_other_parameters_of_a_test() -> None:
    items = [
        _item("t.py::test", "version", version=version, row=row)
        for version in (1, 2, 3)
        for row in "abcd"
    ]
    assert _daily(items) == [
        *("t.py::test[1-a]", "t.py::test[1-d]", "t.py::test[2-b]", "t.py::test[3-c]"),
    ]


def test_who_has_one_value_takes_no_turn() -> None:
    items = [
        _item("t.py::one", "version", version=1),
        _item("t.py::two", "version", version=1),
        _item("t.py::two", "version", version=2),
        _item("t.py::three", "version", other=1),
        _item("t.py::four", "version"),
        _item("t.py::five", None, version=1),
        _item("t.py::five", None, version=2),
    ]
    left_out = [each.nodeid for each in not_in_turn(items)]
    assert left_out == ["t.py::two[2]"]


def test_each_file_begins_anew() -> None:
    items = [
        _item(f"{file}.py::test", "version", version=version)
        for file in ("a", "b")
        for version in (1, 2)
    ]
    assert _daily(items) == ["a.py::test[1]", "b.py::test[1]"]
