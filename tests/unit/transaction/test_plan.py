"""The decision table: what is observed, recorded and wanted decides what happens to
a file.
"""

from __future__ import annotations

import itertools
from typing import Dict, List, Mapping, NamedTuple, Optional, Tuple

import pytest

from private_registry.containerd.microk8s_defaults import is_stock
from private_registry.errors import ConflictError, NodeError
from private_registry.node.file_values import (
    NodePath,
    ObservedFile,
    Root,
    WantedFile,
    sha256,
)
from private_registry.transaction.ledger import Ledger, LedgerEntry, from_json, to_json
from private_registry.transaction.plan import Action, Kind, Plan, make_plan
from private_registry.transaction.situation import Situation

PATH = NodePath(Root.DATA, "args/certs.d/reg.corp/hosts.toml")
OWNER = (0, 7)
WANTED = WantedFile(b"wanted", 0o660)
EMPTY = {Root.DATA: Ledger(), Root.COMMON: Ledger()}
DIRECTORIES = frozenset(
    NodePath(Root.DATA, path)
    for path in ("args", "args/certs.d", "args/certs.d/reg.corp")
)


def observed(
    content: bytes, mode: int = 0o660, owner: Tuple[int, int] = OWNER
) -> ObservedFile:
    return ObservedFile(content, mode, owner)


def ledgers(entry: Optional[LedgerEntry]) -> Dict[Root, Ledger]:
    return {**EMPTY, Root.DATA: Ledger({PATH.path: entry} if entry else {})}


OBSERVED = {
    "nothing": None,
    "what we wrote": observed(b"written"),
    "the wanted text": observed(b"wanted"),
    "the wanted text, other mode": observed(b"wanted", 0o600),
    "the wanted text, other owner": observed(b"wanted", owner=(0, 0)),
    "something else": observed(b"foreign"),
    "what MicroK8s ships": observed(b"stock"),
    "a link": ObservedFile(b"wanted", 0o777, OWNER, is_link=True),
}
RECORDED = {
    "not ours": None,
    "ours": LedgerEntry(sha256(b"written")),
    "ours, over an original": LedgerEntry(sha256(b"written"), "kept"),
}


class Row(NamedTuple):
    """What must happen; ``kind`` None means that the command stops with a conflict."""

    kind: Optional[Kind]
    saves: bool = False
    hint: bool = False
    recorded: Optional[bytes] = b"wanted"
    original: Optional[str] = None


STOP = Row(None)
CREATE = Row(Kind.CREATE)
UPDATE = Row(Kind.UPDATE)
TAKE_OVER = Row(Kind.UPDATE, saves=True)
KEEP = Row(Kind.KEEP)
KEEP_FOREIGN = Row(Kind.KEEP, recorded=None)
PERMISSIONS = Row(Kind.PERMISSIONS)

# observed, recorded: without and with --adopt
TABLE: Mapping[Tuple[str, str], Tuple[Row, Row]] = {
    ("nothing", "not ours"): (CREATE, CREATE),
    ("nothing", "ours"): (CREATE, CREATE),
    ("what we wrote", "not ours"): (STOP, TAKE_OVER),
    ("what we wrote", "ours"): (UPDATE, UPDATE),
    ("the wanted text", "not ours"): (KEEP_FOREIGN, TAKE_OVER),
    ("the wanted text", "ours"): (KEEP, KEEP),
    ("the wanted text, other mode", "not ours"): (KEEP_FOREIGN, TAKE_OVER),
    ("the wanted text, other mode", "ours"): (PERMISSIONS, PERMISSIONS),
    ("the wanted text, other owner", "not ours"): (KEEP_FOREIGN, TAKE_OVER),
    ("the wanted text, other owner", "ours"): (PERMISSIONS, PERMISSIONS),
    ("something else", "not ours"): (STOP, TAKE_OVER),
    ("something else", "ours"): (STOP, TAKE_OVER),
    ("what MicroK8s ships", "not ours"): (TAKE_OVER, TAKE_OVER),
    ("what MicroK8s ships", "ours"): (STOP, TAKE_OVER),
    ("a link", "not ours"): (STOP, TAKE_OVER),
    ("a link", "ours"): (STOP, TAKE_OVER),
}
ROWS = [
    (seen, recorded, adopt)
    for seen, recorded, adopt in itertools.product(OBSERVED, RECORDED, (False, True))
]


def plan_for(
    seen: Optional[ObservedFile],
    entry: Optional[LedgerEntry],
    *,
    wanted: Optional[WantedFile] = WANTED,
    adopt: bool = False,
    in_scope: bool = True,
) -> Plan:
    return make_plan(
        Situation(
            wanted={PATH: wanted} if wanted else {},
            observed={PATH: seen} if seen else {},
            ledgers=ledgers(entry),
            directories=DIRECTORIES,
            owner=OWNER,
            adopt=adopt,
            in_scope=lambda path: in_scope,
            is_stock=lambda path, content: content == b"stock",
        )
    )


def entry_after(plan: Plan) -> Optional[LedgerEntry]:
    return plan.ledgers[Root.DATA].files.get(PATH.path)


@pytest.mark.parametrize(("seen", "recorded", "adopt"), ROWS)
def test_a_wanted_file(seen: str, recorded: str, adopt: bool) -> None:
    row = TABLE[seen, recorded.partition(",")[0]][adopt]
    entry = RECORDED[recorded]
    if row.kind is None:
        with pytest.raises(ConflictError, match="in the way") as caught:
            plan_for(OBSERVED[seen], entry, adopt=adopt)
        assert caught.value.place == PATH.path
        assert "--adopt" in str(caught.value.remedy)
        return
    plan = plan_for(OBSERVED[seen], entry, adopt=adopt)
    (action,) = plan.actions
    assert (action.kind, action.hint, action.after) == (row.kind, row.hint, WANTED)
    assert action.before == OBSERVED[seen]
    assert (action.save_as is not None) == row.saves
    after = entry_after(plan)
    if row.recorded is None:
        assert after is None
        return
    assert after is not None
    assert after.sha256 == sha256(row.recorded)
    if row.saves:
        assert after.original == action.save_as
    else:
        assert after.original == (entry.original if entry else None)


@pytest.mark.parametrize(
    ("seen", "recorded"), list(itertools.product(OBSERVED, RECORDED))
)
def test_a_wanted_file_out_of_scope_never_stops_the_command(
    seen: str, recorded: str
) -> None:
    row = TABLE[seen, recorded.partition(",")[0]][False]
    entry = RECORDED[recorded]
    plan = plan_for(OBSERVED[seen], entry, in_scope=False)
    (action,) = plan.actions
    if row.kind is not None:
        assert (action.kind, action.hint) == (row.kind, False)
        return
    assert (action.kind, action.hint, action.changes) == (Kind.KEEP, True, False)
    assert plan.hints == [action]
    assert entry_after(plan) == entry


UNWANTED = {
    "nothing": (None, Kind.RESTORE),
    "what we wrote": (Kind.DELETE, Kind.RESTORE),
    "the wanted text": (Kind.KEEP, Kind.KEEP),
    "the wanted text, other mode": (Kind.KEEP, Kind.KEEP),
    "the wanted text, other owner": (Kind.KEEP, Kind.KEEP),
    "something else": (Kind.KEEP, Kind.KEEP),
    "what MicroK8s ships": (Kind.KEEP, Kind.KEEP),
    "a link": (Kind.KEEP, Kind.KEEP),
}


@pytest.mark.parametrize("seen", OBSERVED)
@pytest.mark.parametrize("original", [False, True], ids=["new", "over an original"])
@pytest.mark.parametrize("adopt", [False, True], ids=["", "adopt"])
def test_an_unwanted_file_of_ours(seen: str, original: bool, adopt: bool) -> None:
    kind = UNWANTED[seen][original]
    entry = RECORDED["ours, over an original" if original else "ours"]
    plan = plan_for(OBSERVED[seen], entry, wanted=None, adopt=adopt)
    assert entry_after(plan) is None
    if kind is None:
        assert plan.actions == ()
        return
    (action,) = plan.actions
    assert (action.kind, action.hint) == (kind, kind is Kind.KEEP)
    assert action.original == ("kept" if kind is Kind.RESTORE else None)
    assert action.after is None


@pytest.mark.parametrize("seen", OBSERVED)
def test_what_is_neither_wanted_nor_ours_is_not_touched(seen: str) -> None:
    plan = plan_for(OBSERVED[seen], None, wanted=None)
    assert plan.actions == ()
    assert plan.ledgers == EMPTY


def test_a_file_changed_only_in_mode_is_ours_to_delete() -> None:
    plan = plan_for(observed(b"written", 0o600), RECORDED["ours"], wanted=None)
    assert [action.kind for action in plan.actions] == [Kind.DELETE]


# --- files that belong together -------------------------------------------------------

CA = NodePath(Root.DATA, "args/certs.d/reg.corp/ca.crt")
KEY = NodePath(Root.DATA, "args/certs.d/reg.corp/client.key")


def taken_back(hosts: bytes) -> List[Action]:
    files = {CA: b"CA", KEY: b"KEY", PATH: b"written"}
    recorded = Ledger(
        {path.path: LedgerEntry(sha256(text)) for path, text in files.items()}
    )
    seen = {path: observed(text) for path, text in {**files, PATH: hosts}.items()}
    situation = Situation({}, seen, {**EMPTY, Root.DATA: recorded}, DIRECTORIES, OWNER)
    return list(make_plan(situation).actions)


def test_hosts_toml_goes_before_the_files_that_it_names() -> None:
    actions = taken_back(b"written")
    assert actions[0].path == PATH
    assert {action.kind for action in actions} == {Kind.DELETE}


def test_what_a_hand_changed_hosts_toml_names_stays_with_it() -> None:
    kinds = {
        action.path: action.kind for action in taken_back(b'ca = "/x/ca.crt" # mine')
    }
    assert kinds == {PATH: Kind.KEEP, CA: Kind.KEEP, KEY: Kind.DELETE}


def test_the_key_stays_where_a_hand_changed_hosts_toml_names_it() -> None:
    kinds = {
        action.path: action.kind
        for action in taken_back(b'[["client.cert", "client.key"]]')
    }
    assert kinds == {PATH: Kind.KEEP, CA: Kind.DELETE, KEY: Kind.KEEP}


# --- several files --------------------------------------------------------------------


def test_all_conflicts_are_counted_and_the_first_is_named() -> None:
    paths = [NodePath(Root.DATA, f"args/certs.d/{name}/hosts.toml") for name in "abc"]
    with pytest.raises(ConflictError, match="and 2 more") as caught:
        make_plan(
            Situation(
                dict.fromkeys(paths, WANTED),
                {path: observed(b"foreign") for path in paths},
                EMPTY,
                DIRECTORIES,
                OWNER,
            )
        )
    assert caught.value.place == paths[0].path


def test_new_directories_are_made_outermost_first_and_recorded() -> None:
    path = NodePath(Root.COMMON, "hooks/post-refresh.d/50-x")
    plan = make_plan(Situation({path: WANTED}, {}, EMPTY, frozenset(), OWNER))
    made = [NodePath(Root.COMMON, each) for each in ("hooks", "hooks/post-refresh.d")]
    assert list(plan.new_directories) == made
    assert plan.ledgers[Root.COMMON].directories == {"hooks", "hooks/post-refresh.d"}
    assert plan.spent_directories == ()


def test_directories_that_were_there_are_never_ours() -> None:
    plan = plan_for(None, None)
    assert plan.new_directories == ()
    assert plan.ledgers[Root.DATA].directories == frozenset()


def test_our_directories_go_innermost_first_when_they_are_empty_of_ours() -> None:
    ours = Ledger({"a/b/f": LedgerEntry(sha256(b"written"))}, frozenset(["a", "a/b"]))
    path = NodePath(Root.DATA, "a/b/f")
    directories = frozenset(NodePath(Root.DATA, each) for each in ("a", "a/b"))
    plan = make_plan(
        Situation(
            {},
            {path: observed(b"written")},
            {**EMPTY, Root.DATA: ours},
            directories,
            OWNER,
        )
    )
    assert [each.path for each in plan.spent_directories] == ["a/b", "a"]
    assert plan.ledgers == EMPTY


def test_a_directory_stays_ours_while_a_file_of_ours_is_in_it() -> None:
    ours = Ledger(
        {
            "a/f": LedgerEntry(sha256(b"wanted")),
            "a/b/f": LedgerEntry(sha256(b"written")),
        },
        frozenset(["a", "a/b"]),
    )
    stays, goes = NodePath(Root.DATA, "a/f"), NodePath(Root.DATA, "a/b/f")
    plan = make_plan(
        Situation(
            {stays: WANTED},
            {stays: observed(b"wanted"), goes: observed(b"written")},
            {**EMPTY, Root.DATA: ours},
            frozenset(NodePath(Root.DATA, each) for each in ("a", "a/b")),
            OWNER,
        )
    )
    assert plan.ledgers[Root.DATA].directories == {"a"}
    assert [each.path for each in plan.spent_directories] == ["a/b"]


def test_originals_of_different_contents_have_different_names() -> None:
    names = {
        plan_for(observed(content), None, adopt=True).actions[0].save_as
        for content in (b"one", b"two")
    }
    assert len(names) == 2


# --- stock files ----------------------------------------------------------------------

STOCK = (
    'server = "https://docker.io"\n[host."https://registry-1.docker.io"]\ncapabilities'
    " = {}\n"
)


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("docker.io", STOCK.format('["pull", "resolve"]'), True),
        ("docker.io", "# Docker\n" + STOCK.format('[ "pull",\n "resolve" ]'), True),
        ("docker.io", STOCK.format('["pull", "resolve"]').replace("\n", "\r\n"), True),
        ("docker.io", STOCK.format('["pull"]'), False),
        (
            "docker.io",
            STOCK.format('["pull", "resolve"]') + "skip_verify = true\n",
            False,
        ),
        ("quay.io", STOCK.format('["pull", "resolve"]'), False),
        ("docker.io", "not TOML [", False),
        ("docker.io", "", False),
        ("docker.io", "\udcff", False),
    ],
)
def test_only_what_microk8s_ships_is_stock(
    path: str, text: str, expected: bool
) -> None:
    content = text.encode(errors="surrogateescape")
    assert is_stock(f"args/certs.d/{path}/hosts.toml", content) is expected


# --- the ledger -----------------------------------------------------------------------


def test_a_ledger_reads_back() -> None:
    ledger = Ledger(
        {"a/b": LedgerEntry("00", None), "c": LedgerEntry("11", "kept")},
        frozenset(["a"]),
    )
    assert from_json(to_json(ledger), "x") == ledger
    assert (ledger.is_empty, Ledger().is_empty) == (False, True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"version": 1}',
        b'{"version": 1, "files": 5, "directories": []}',
        b"\xff",
    ],
)
def test_a_damaged_ledger_is_an_error_that_names_it(content: bytes) -> None:
    with pytest.raises(NodeError, match="damaged") as caught:
        from_json(content, "the/ledger.json")
    assert caught.value.place == "the/ledger.json"


def test_a_ledger_of_another_version_is_refused_before_it_is_read() -> None:
    with pytest.raises(
        NodeError, match=r"another version of this addon \(format 2\)"
    ) as caught:
        from_json(b'{"version": 2, "things": []}', "x")
    assert "addons repo update" in str(caught.value.remedy)
