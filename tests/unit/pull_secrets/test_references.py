"""One entry of a service account's list is changed, and all others stay as and where
they are.
"""

from __future__ import annotations

from typing import Any, Dict, List

from hypothesis import given
from hypothesis import strategies as st

from private_registry.pull_secrets.references import (
    adding,
    is_named,
    putting_back,
    taking_out,
)
from unit.json_patch import patched

Entries = List[Dict[str, Any]]

names = st.sampled_from(["ours", "ours2", "a", "b", ""])
entries = st.lists(
    st.one_of(
        st.builds(lambda name: {"name": name}, names),
        st.builds(lambda name: {"name": name, "more": [1]}, names),
        st.just({}),
    ),
    max_size=6,
)
# What somebody else does to a list: keeps some, in this order, and adds some.
changes = st.tuples(st.permutations(range(6)), st.integers(0, 6), entries)


def account(listed: Entries) -> Dict[str, Any]:
    """Return a service account that lists these, as the API gives it."""
    plain: Dict[str, Any] = {"metadata": {"name": "default", "resourceVersion": "7"}}
    return {**plain, "imagePullSecrets": listed} if listed else plain


def after(plain: Dict[str, Any], operations: List[Dict[str, Any]]) -> Entries:
    """Return what an account lists when it was patched."""
    found: Entries = patched(plain, operations).get("imagePullSecrets", [])
    return found


@given(entries)
def test_adding_and_taking_out_again_changes_nothing(listed: Entries) -> None:
    before = account(listed)
    operations = adding(before, "ours")
    assert bool(operations) == (not is_named(before, "ours"))
    added = after(before, operations)
    assert added == (
        listed if is_named(before, "ours") else [*listed, {"name": "ours"}]
    )
    if operations:
        assert after(account(added), taking_out(account(added), "ours")) == listed


@given(entries)
def test_taking_out_takes_one_and_putting_back_gives_the_order_back(
    listed: Entries,
) -> None:
    before = account(listed)
    left = after(before, taking_out(before, "ours"))
    assert len(left) == len(listed) - is_named(before, "ours")
    assert after(account(left), putting_back(account(left), before, "ours")) == listed


@given(entries, changes)
def test_putting_back_keeps_what_somebody_did_in_between(
    listed: Entries, change: Any
) -> None:
    order, kept, new = change
    before = account(listed)
    left = after(before, taking_out(before, "ours"))
    theirs = [left[place] for place in order[:kept] if place < len(left)] + new
    now = account(theirs)
    again = after(now, putting_back(now, before, "ours"))
    had, has = (sum(is_ours(each) for each in many) for many in (listed, theirs))
    if has >= had:
        assert again == theirs
    else:
        place = first_difference(again, theirs)
        assert is_ours(again[place])
        assert again[:place] + again[place + 1 :] == theirs


def is_ours(entry: Dict[str, Any]) -> bool:
    """Whether an entry names our Secret."""
    return entry.get("name") == "ours"


def first_difference(longer: Entries, shorter: Entries) -> int:
    """Return where the one entry more is."""
    pairs = zip(longer, shorter)
    return next(
        (at for at, (one, other) in enumerate(pairs) if one != other), len(shorter)
    )


@given(entries)
def test_every_patch_tests_what_was_read(listed: Entries) -> None:
    before = account(listed)
    left = account(after(before, taking_out(before, "ours")))
    test = {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
    for operations in (
        adding(before, "ours"),
        taking_out(before, "ours"),
        putting_back(left, before, "ours"),
    ):
        assert operations[:1] in ([], [test])
