"""The kubelet's config.json: entries in it change, and every other byte of it stays."""

from __future__ import annotations

import base64
import json
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from private_registry.errors import ConflictError, NodeError
from private_registry.kubelet.config_json import (
    LoginsEdit,
    LoginsSituation,
    plan_logins,
)
from private_registry.kubelet.logins import read_kubelet_logins
from private_registry.registries.model import KUBELET, Credentials
from private_registry.texts import json_edits
from private_registry.transaction.ledger import (
    KubeletRecord,
    Ledger,
    from_json,
    to_json,
)

PASSWORD = "s3cr3t-of-ann"
ANN = Credentials("ann", PASSWORD, login_by=KUBELET)
BOB = Credentials("bob", "s3cr3t-of-bob", login_by=KUBELET)
EVE = Credentials("eve", "s3cr3t-of-eve", login_by=KUBELET)
NEW = (0o600, (0, 0))
CLUSTER = "all-nodes"
NO_RECORD = KubeletRecord()

Wanted = Dict[str, Credentials]


def entry(login: Credentials) -> Dict[str, str]:
    """Return an entry as `docker login` writes it."""
    pair = f"{login.username}:{login.password}".encode()
    return {"auth": base64.b64encode(pair).decode()}


def auths(text: Optional[str]) -> Any:
    """Read the entries with the standard library."""
    return {} if text is None else json.loads(text).get("auths")


def plan(
    text: Optional[str],
    wanted: Wanted,
    record: KubeletRecord = NO_RECORD,
    **more: Any,
) -> LoginsEdit:
    """Plan for a file whose mode is 0644."""
    there = more.pop("found", (0o644, (0, 7)))
    found = None if text is None else there
    return plan_logins(
        LoginsSituation(text, found, NEW, wanted, record, "config.json", **more)
    )


HOSTS = st.lists(
    st.from_regex(r"[a-z]{1,6}\.corp(:[1-9][0-9]{0,3})?", fullmatch=True),
    unique=True,
    max_size=4,
)
LOGINS = st.sampled_from([ANN, BOB])
WISHES = st.dictionaries(
    st.from_regex(r"[a-z]{1,6}\.own(:[1-9][0-9]{0,3})?", fullmatch=True),
    LOGINS,
    max_size=4,
)


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Texts of config.json, written as people and programs write them."""
    plain: Dict[str, Any] = draw(
        st.dictionaries(st.sampled_from(["credsStore", "ä", "x"]), st.integers())
    )
    if draw(st.booleans()):
        plain["auths"] = {host: entry(EVE) for host in draw(HOSTS)}
    keys = draw(st.permutations(list(plain)))
    indent = draw(st.sampled_from([None, 0, 2, "\t"]))
    separators = draw(st.sampled_from([(",", ":"), (", ", ": "), (" ,", " : ")]))
    text = json.dumps(
        {key: plain[key] for key in keys},
        indent=indent,
        separators=separators,
        ensure_ascii=draw(st.booleans()),
    )
    return (
        draw(st.sampled_from(["", " ", "\n"]))
        + text
        + draw(st.sampled_from(["", "\n"]))
    )


@given(st.none() | documents(), st.lists(WISHES, min_size=1, max_size=4))
def test_whatever_was_wanted_in_between_the_text_comes_back(
    text: Optional[str], wishes: List[Wanted]
) -> None:
    current, record, found = text, KubeletRecord(), (0o644, (0, 7))
    for wanted in wishes:
        edit = plan(current, wanted, record, found=found)
        current, record, found = edit.text, edit.record, edit.permissions
        expected = {host: entry(login) for host, login in wanted.items()}
        assert (auths(current) or {}) == {**(auths(text) or {}), **expected}
    last = plan(current, {}, record, found=found)
    assert (last.text, last.record) == (text, KubeletRecord())
    assert text is None or last.permissions == (0o644, (0, 7))


@given(documents(), WISHES, WISHES)
def test_somebody_elses_change_in_between_stays(
    text: str, first: Wanted, second: Wanted
) -> None:
    edit = plan(text, first)
    changed = json_edits.with_texts(edit.text or "", "by-hand", ["x"])
    edit = plan(changed, second, edit.record)
    last = plan(edit.text, {}, edit.record)
    there = {**json.loads(text), "by-hand": ["x"]}
    if not first:
        there.setdefault("auths", {})
    found = json.loads(last.text or "")
    assert {**found, "auths": found.get("auths", {})} == {
        **there,
        "auths": there.get("auths", {}),
    }


@given(documents(), WISHES)
def test_entries_of_others_keep_their_bytes(text: str, wanted: Wanted) -> None:
    edit = plan(text, wanted)
    if not wanted:
        assert edit.text == text
    before = json_edits.members(text, "auths")
    after = json_edits.members(edit.text or "", "auths")
    assert before.items() <= after.items()
    later = json_edits.with_members(edit.text or "", "auths", {"their.own": "{}"})
    rest = json_edits.members(plan(later, {}, edit.record).text or "", "auths")
    assert rest == {**before, "their.own": "{}"}


class Step(NamedTuple):
    """Who wants what, and what stands there then.

    Args:
        by: who speaks.
        wanted: by registry.
        there: who is logged in, by registry.
        ours: for whom each of ours was written.
    """

    by: str
    wanted: Wanted
    there: Wanted
    ours: Dict[str, str]


A, B = "a.corp", "b.corp"
SPEAKERS: Dict[str, Tuple[Wanted, List[Step]]] = {
    "each has its own": (
        {},
        [
            Step("", {A: ANN}, {A: ANN}, {A: ""}),
            Step(CLUSTER, {B: BOB}, {A: ANN, B: BOB}, {A: "", B: CLUSTER}),
            Step("", {}, {B: BOB}, {B: CLUSTER}),
            Step(CLUSTER, {}, {}, {}),
        ],
    ),
    "the node's own counts, whoever came first": (
        {},
        [
            Step(CLUSTER, {A: BOB}, {A: BOB}, {A: CLUSTER}),
            Step("", {A: ANN}, {A: ANN}, {A: ""}),
            Step(CLUSTER, {A: EVE}, {A: ANN}, {A: ""}),
            Step("", {}, {}, {}),
            Step(CLUSTER, {A: EVE}, {A: EVE}, {A: CLUSTER}),
        ],
    ),
    "what stood there before both comes back": (
        {A: EVE},
        [
            Step(CLUSTER, {A: BOB}, {A: BOB}, {A: CLUSTER}),
            Step("", {A: ANN}, {A: ANN}, {A: ""}),
            Step("", {}, {A: EVE}, {}),
        ],
    ),
    "one that says the same is taken over, too": (
        {},
        [
            Step(CLUSTER, {A: ANN}, {A: ANN}, {A: CLUSTER}),
            Step("", {A: ANN}, {A: ANN}, {A: ""}),
            Step(CLUSTER, {}, {A: ANN}, {A: ""}),
        ],
    ),
}


@pytest.mark.parametrize(("before", "steps"), SPEAKERS.values(), ids=SPEAKERS)
def test_two_that_speak_leave_each_other_alone(
    before: Wanted, steps: List[Step]
) -> None:
    def written(logins: Wanted) -> Any:
        return {host: entry(login) for host, login in logins.items()}

    first = json.dumps({"auths": written(before)})
    text: Optional[str] = first
    record = KubeletRecord()
    for step in steps:
        edit = plan(text, step.wanted, record, speaks_for=step.by, adopt=True)
        text, record = edit.text, edit.record
        assert auths(text) == written(step.there)
        assert {key: each.by for key, each in record.entries.items()} == step.ours
    if not record.entries:
        assert text == first


@pytest.mark.parametrize("change", ["changed", "gone"])
def test_what_another_one_wrote_is_not_repaired(change: str) -> None:
    edit = plan(None, {A: BOB}, speaks_for=CLUSTER)
    by_hand = {A: entry(EVE)} if change == "changed" else {}
    text = json.dumps({"auths": by_hand})
    after = plan(text, {B: ANN}, edit.record)
    assert auths(after.text) == {**by_hand, B: entry(ANN)}
    assert after.record.entries[A] == edit.record.entries[A]
    back = plan(after.text, {}, after.record)
    assert auths(back.text) == by_hand
    assert set(back.record.entries) == {A}


CONFLICTS = {
    "another login": {A: entry(EVE)},
    "an empty one": {A: {}},
    "none": {A: None},
    "another spelling": {f"https://{A}/v2/": entry(EVE)},
    "two spellings": {f"https://{A}": entry(EVE), f"{A}/": {}},
}


@pytest.mark.parametrize("there", CONFLICTS.values(), ids=CONFLICTS)
def test_what_is_somebody_elses_is_a_conflict_or_taken_over_and_comes_back(
    there: Dict[str, Any],
) -> None:
    text = json.dumps({"auths": {"x": {}, **there}}, indent=1)
    with pytest.raises(ConflictError) as caught:
        plan(text, {A: ANN})
    assert caught.value.place == "config.json, line 4"
    assert "--adopt" in (caught.value.remedy or "")
    edit = plan(text, {A: ANN}, adopt=True)
    assert auths(edit.text) == {"x": {}, **dict.fromkeys(there, entry(ANN))}
    later = json_edits.with_texts(edit.text or "", "by-hand", ["x"])
    for current, expected in ((edit.text, text), (later, None)):
        back = plan(current, {}, edit.record).text
        assert auths(back) == {"x": {}, **there}
        assert expected is None or back == expected
    out_of_scope = plan(text, {A: ANN}, in_scope=lambda _registry: False)
    assert (out_of_scope.text, out_of_scope.record.entries) == (text, {})
    assert out_of_scope.hints


NO_CONFLICTS = {
    "the same login": {A: entry(ANN)},
    "the same, in words": {A: {"username": "ann", "password": PASSWORD}},
    "the same, spelled otherwise": {f"http://{A}/v1/": entry(ANN)},
}


@pytest.mark.parametrize("there", NO_CONFLICTS.values(), ids=NO_CONFLICTS)
def test_what_is_so_already_is_not_ours(there: Dict[str, Any]) -> None:
    text = json.dumps({"auths": there})
    edit = plan(text, {A: ANN})
    assert (edit.text, edit.record, edit.permissions[0]) == (
        text,
        KubeletRecord(),
        0o644,
    )


BESIDE = {
    "another port": f"{A}:5000",
    "a path": f"{A}/team",
    "a pattern": "*.corp",
    "Docker Hub": "docker.io",
}


@pytest.mark.parametrize("key", BESIDE.values(), ids=BESIDE)
def test_what_counts_for_something_else_stays_beside_ours(key: str) -> None:
    edit = plan(json.dumps({"auths": {key: entry(EVE)}}), {A: ANN})
    assert auths(edit.text) == {key: entry(EVE), A: entry(ANN)}


def test_docker_hub_is_known_by_both_of_its_keys() -> None:
    text = json.dumps({"auths": {"https://index.docker.io/v1/": entry(EVE)}})
    with pytest.raises(ConflictError):
        plan(text, {"docker.io": ANN})
    assert set(auths(plan(None, {"docker.io": ANN}).text)) == {"docker.io"}


@pytest.mark.parametrize("adopt", [False, True])
def test_what_was_changed_by_hand_is_a_conflict(adopt: bool) -> None:
    edit = plan(None, {A: ANN})
    text = json.dumps({"auths": {A: entry(EVE)}})
    if adopt:
        after = plan(text, {A: BOB}, edit.record, adopt=True)
        assert auths(after.text) == {A: entry(BOB)}
        assert plan(after.text, {}, after.record).text == text
        return
    with pytest.raises(ConflictError, match="by hand"):
        plan(text, {A: BOB}, edit.record)
    gone = plan(text, {}, edit.record)
    assert (gone.text, gone.record) == (text, KubeletRecord())
    assert "no longer ours" in gone.hints[0]


def test_one_that_somebody_removed_comes_again_or_is_forgotten() -> None:
    edit = plan("{}", {A: ANN})
    assert auths(plan("{}", {A: ANN}, edit.record).text) == {A: entry(ANN)}
    assert plan("{}", {}, edit.record).text == "{}"


BROKEN = {
    "no JSON": "{",
    "a list": "[]",
    "a list of entries": '{"auths": []}',
    "an entry twice": '{"auths": {"x": {}, "x": {}}}',
    "two objects": "{} {}",
    "a text as an entry": '{"auths": {"x": "y"}}',
    "no base64": '{"auths": {"x": {"auth": "%%%"}}}',
    "a byte order mark": "\ufeff{}",
    "cut off": '{"auths": {"x": {"auth": "aGVsbG86d29ybGQ=',
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_what_the_kubelet_could_not_read_is_an_error(text: str) -> None:
    with pytest.raises(NodeError) as caught:
        plan(text, {A: ANN})
    assert "aGVsbG86d29ybGQ" not in str(caught.value)
    assert "config.json" in (caught.value.place or "")


@pytest.mark.parametrize("text", ["", " \n", '{"auths": null}', '{"auths": {}}', "{}"])
def test_what_says_nothing_can_be_written_into(text: str) -> None:
    edit = plan(text, {A: ANN, B: BOB})
    assert auths(edit.text) == {A: entry(ANN), B: entry(BOB)}
    assert not read_kubelet_logins((edit.text or "").encode(), "f").problem
    assert plan(edit.text, {}, edit.record).text == text


@pytest.mark.parametrize(
    ("found", "closed"),
    [
        ((0o644, (0, 7)), (0o600, (0, 7))),
        ((0o400, (0, 0)), (0o400, (0, 0))),
        ((0o666, (5, 5)), (0o600, (0, 5))),
    ],
)
def test_it_is_closed_as_long_as_it_holds_a_login_of_ours(
    found: Any, closed: Any
) -> None:
    edit = plan("{}", {A: ANN}, found=found)
    assert edit.permissions == closed
    again = plan(edit.text, {A: BOB}, edit.record, found=closed)
    assert again.permissions == closed
    assert plan(again.text, {}, again.record, found=closed).permissions == found


def test_nothing_of_it_shows_and_the_record_is_read_as_it_is_written() -> None:
    text = json.dumps({"auths": {A: entry(EVE), B: entry(EVE)}})
    edit = plan(text, {A: ANN}, adopt=True)
    situation = LoginsSituation(text, None, NEW, {A: ANN}, edit.record, "f")
    for shown in (repr(edit), repr(situation), repr(edit.record), repr([ANN])):
        assert "s3cr3t" not in shown
        assert entry(ANN)["auth"] not in shown
        assert entry(EVE)["auth"] not in shown
    ledger = Ledger(kubelet=edit.record)
    assert from_json(to_json(ledger), "f") == ledger
    assert not ledger.is_empty


@pytest.mark.exhaustive
def test_ten_thousand_registries_take_linear_time() -> None:
    wanted = {f"r{number}.corp:5000": ANN for number in range(10_000)}
    edit = plan('{"a": 1}', wanted)
    assert len(auths(edit.text)) == len(wanted)
    changed = (edit.text or "").replace('"a": 1', '"a": 2')
    assert plan(changed, {}, edit.record).text == '{"a": 2}'
