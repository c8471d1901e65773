"""Which tests are daily run with one value of a parameter, and not with each."""

from __future__ import annotations

from typing import Dict, Iterable, List, Tuple

import pytest

IN_TURN = "in_turn"


def not_in_turn(items: Iterable[pytest.Item]) -> List[pytest.Item]:
    """Return what only `scripts/test all` runs of tests marked ``in_turn(NAME)``.

    Daily the first test of a file that has several values of that parameter is run with
    the first of them, the next one with the second, and so on, so that each value is
    met by as many tests. What else a test has for parameters makes a test each.
    """
    turns: Dict[Tuple[str, str], Dict[Tuple[str, ...], List[pytest.Item]]] = {}
    for item in items:
        mark = item.get_closest_marker(IN_TURN)
        others = dict(item.callspec.params) if hasattr(item, "callspec") else {}
        if mark is not None and others.pop(mark.args[0], None) is not None:
            path, _, name = item.nodeid.partition("::")
            values = (f"{key} {others[key]!r}" for key in sorted(others))
            test = (name.partition("[")[0], *values)
            of_test = turns.setdefault((path, mark.args[0]), {}).setdefault(test, [])
            of_test.append(item)
    several = [
        [of_test for of_test in tests.values() if len(of_test) > 1]
        for tests in turns.values()
    ]
    return [
        item
        for tests in several
        for number, of_test in enumerate(tests)
        for item in of_test
        if item is not of_test[number % len(of_test)]
    ]
