"""Docker's daemon.json: lists in it change, and every other byte of it stays."""

from __future__ import annotations

import json
from typing import Any, Dict, List, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from private_registry.docker.daemon_json import bridging, plan_daemon
from private_registry.docker.trust import INSECURE, MIRRORS
from private_registry.texts import json_edits
from private_registry.transaction.ledger import DaemonRecord

NOTHING: Dict[str, List[str]] = {INSECURE: [], MIRRORS: []}

TEXTS = st.lists(st.text(min_size=1, max_size=8), unique=True, max_size=4)
HOSTS = st.lists(
    st.from_regex(r"[a-z]{1,6}\.corp(:[1-9][0-9]{0,3})?", fullmatch=True),
    unique=True,
    max_size=4,
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Texts of daemon.json, written as people and programs write them."""
    plain: Dict[str, Any] = draw(
        st.dictionaries(st.text(max_size=6), VALUES, max_size=4)
    )
    for key in draw(st.lists(st.sampled_from([INSECURE, MIRRORS]), unique=True)):
        plain[key] = draw(HOSTS)
    keys = draw(st.permutations(list(plain)))
    indent = draw(st.sampled_from([None, 0, 2, 4, "\t"]))
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,", " : ")]))
    ascii_only = draw(st.booleans())
    text = json.dumps(
        {key: plain[key] for key in keys},
        indent=indent,
        separators=separators,
        ensure_ascii=ascii_only,
    )
    before, after = (
        draw(st.sampled_from(["", " ", "\n", "\ufeff"])),
        draw(st.sampled_from(["\n", ""])),
    )
    return before + text.replace("\n", draw(st.sampled_from(["\n", "\r\n"]))) + after


def read(text: str) -> Any:
    """Read JSON with the standard library."""
    return json.loads(text.lstrip("\ufeff"))


@given(documents())
def test_it_is_read_as_the_standard_library_reads_it(text: str) -> None:
    assert json_edits.document(text) == read(text)


@given(documents(), TEXTS, st.booleans())
def test_texts_are_added_and_taken_out_again(
    text: str, added: List[str], in_front: bool
) -> None:
    there = json_edits.texts(text, INSECURE)
    new = [each for each in added if each not in there]
    longer = json_edits.with_texts(text, INSECURE, new, in_front=in_front)
    expected = [*new, *there] if in_front else [*there, *new]
    assert read(longer) == {**read(text), INSECURE: expected}
    drop_empty = INSECURE not in read(text)
    shorter = json_edits.without_texts(longer, INSECURE, new, drop_empty=drop_empty)
    assert read(shorter) == read(text)
    if read(text):
        assert shorter == text


@given(documents(), st.data())
def test_any_of_them_can_be_taken_out(text: str, data: st.DataObject) -> None:
    there = json_edits.texts(text, MIRRORS)
    gone = data.draw(st.lists(st.sampled_from(there), unique=True)) if there else []
    shorter = json_edits.without_texts(text, MIRRORS, gone, drop_empty=False)
    document = read(text)
    if there:
        document[MIRRORS] = [each for each in there if each not in gone]
    assert read(shorter) == document


@given(
    st.none() | documents(), st.lists(st.tuples(HOSTS, HOSTS), min_size=1, max_size=4)
)
def test_whatever_was_wanted_in_between_the_text_comes_back(
    text: Optional[str], wishes: List[Any]
) -> None:
    current, record = text, DaemonRecord()
    for insecure, mirrors in wishes:
        edit = plan_daemon(current, {INSECURE: insecure, MIRRORS: mirrors}, record, "f")
        current, record = edit.text, edit.record
        document = read(current) if current is not None else {}
        assert set(insecure) <= set(document.get(INSECURE, []))
        assert set(mirrors) <= set(document.get(MIRRORS, []))
    assert plan_daemon(current, NOTHING, record, "f").text == text
    assert plan_daemon(current, NOTHING, record, "f").record == DaemonRecord()


@given(documents(), HOSTS, HOSTS)
def test_somebody_elses_change_in_between_stays(
    text: str, first: List[str], second: List[str]
) -> None:
    edit = plan_daemon(text, {INSECURE: first}, DaemonRecord(), "f")
    assert edit.text is not None
    changed = json_edits.with_texts(edit.text, "added-by-hand", ["x"])
    edit = plan_daemon(changed, {INSECURE: second}, edit.record, "f")
    expected = {**read(text), "added-by-hand": ["x"]}
    there = read(text).get(INSECURE, [])
    ours = [each for each in second if each not in there]
    if ours or INSECURE in expected:
        expected[INSECURE] = [*there, *ours]
    assert read(edit.text or "") == expected
    last = plan_daemon(edit.text, {}, edit.record, "f")
    assert read(last.text or "") == {**read(text), "added-by-hand": ["x"]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, {INSECURE: []}),
        ("", {INSECURE: []}),
        ('{"debug": true}', {"debug": True, INSECURE: []}),
        (f'{{"{INSECURE}": ["a"]}}', {INSECURE: ["a"]}),
    ],
)
def test_a_reload_needs_every_list_by_its_name(
    text: Optional[str], expected: object
) -> None:
    assert read(bridging(text, [INSECURE])) == expected


@pytest.mark.parametrize(
    "written", ["https://m.corp", "https://m.corp/", "HTTPS://m.corp"]
)
def test_one_mirror_is_not_named_twice(written: str) -> None:
    text = json.dumps({MIRRORS: [written]})
    assert (
        plan_daemon(text, {MIRRORS: ["https://m.corp"]}, DaemonRecord(), "f").text
        == text
    )


def test_ten_thousand_registries_take_linear_time() -> None:
    hosts = [f"r{number}.corp:5000" for number in range(10_000)]
    edit = plan_daemon('{"a": 1}', {INSECURE: hosts}, DaemonRecord(), "f")
    assert read(edit.text or "")[INSECURE] == hosts
    changed = (edit.text or "").replace('"a": 1', '"a": 2')
    assert plan_daemon(changed, {}, edit.record, "f").text == '{"a": 2}'
