"""What others own in the cluster stays theirs, also where they change it in between."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest

from private_registry.pull_secrets import retrying
from private_registry.pull_secrets.record import from_json
from unit.fake_kubectl import INVALID, Call, FakeCluster
from unit.microk8s import Microk8s, Result, ok

pytestmark = pytest.mark.attack

OURS, THEIRS, LATE = {"name": "regcred"}, {"name": "theirs"}, {"name": "late"}
LOGIN = ("--registry", "reg.corp:5000", "--username", "ann", "--password-stdin")
NAMESPACES = ("--namespace", "default", "--namespace", "apps")
ADD = ("enable", *LOGIN, "--pull-secret", "regcred", *NAMESPACES)
BOTH = (*ADD, "--service-account", "default")
LABEL = "app.kubernetes.io/managed-by"
RECORD = "private-registry-config/pull-secrets.json"

Entries = List[Dict[str, Any]]
At = Callable[[Call], bool]
Change = Callable[[], None]


@pytest.fixture(params=sorted(INVALID))
def cluster(
    microk8s: Microk8s, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> FakeCluster:
    """The cluster of that node, by an old kubectl and by a new one."""
    found = FakeCluster(microk8s, monkeypatch)
    found.kubectl = request.param
    return found


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> List[float]:
    """How long was waited between tries, without waiting."""
    found: List[float] = []
    # What waits for a slow kubectl sleeps, too, and is not meant.
    clock = SimpleNamespace(monotonic=time.monotonic, sleep=found.append)
    monkeypatch.setattr(retrying, "time", clock)
    return found


def run(node: Microk8s, *command: str, login: str = "s3cr3t") -> Result:
    """Run a command with the password on its standard input."""
    return node.run(*command, stdin=login.encode())


def let_list(
    cluster: FakeCluster, entries: Entries, namespace: str = "default"
) -> None:
    """Let the service account ``default`` list these."""
    account: Dict[str, Any] = {
        "metadata": {"name": "default", "annotations": {"a": "b"}},
        "secrets": [{"name": "token"}],
    }
    if entries:
        account["imagePullSecrets"] = entries
    cluster.put("serviceaccount", namespace, account)


def listed(cluster: FakeCluster, namespace: str = "default") -> Entries:
    """Return what the service account ``default`` lists."""
    account = cluster.get("serviceaccount", namespace, "default") or {}
    found: Entries = account.get("imagePullSecrets", [])
    return found


def secret_of(cluster: FakeCluster, namespace: str = "default") -> Dict[str, Any]:
    """Return our Secret."""
    found = cluster.get("secret", namespace, "regcred")
    assert found is not None
    return found


def password_in(secret: Dict[str, Any]) -> str:
    """Return the password that a Secret holds."""
    auths = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))["auths"]
    return str(auths["reg.corp:5000"]["password"])


def calls(verb: str, kind: str, *, dry: bool = False) -> At:
    """Tell calls of a kind."""
    return lambda call: (call.verb, call.kind, call.is_dry) == (verb, kind, dry)


def any_call(_call: Call) -> bool:
    """Tell all calls."""
    return True


def meanwhile(
    cluster: FakeCluster, *steps: Tuple[At, Change], fail_at: int = 0
) -> List[Any]:
    """Let somebody change things, each right before the first such call after the one
    before.

    Returns:
        What is still to come; empty where all of it was done.
    """
    to_come = list(steps)

    def before(call: Call) -> None:
        if to_come and to_come[0][0](call):
            to_come.pop(0)[1]()

    cluster.set(meanwhile=before, fail_at=fail_at)
    return to_come


def nothing() -> None:
    """Change nothing."""


def late(cluster: FakeCluster) -> Change:
    """Return what lets the account in ``default`` list one more."""
    return lambda: let_list(cluster, [*listed(cluster), LATE])


def edit_secret(cluster: FakeCluster, **parts: Optional[Dict[str, Any]]) -> Change:
    """Return what changes labels, annotations or data of the Secret in ``default``."""

    def change() -> None:
        secret = secret_of(cluster)
        for part, values in parts.items():
            holder = secret if part == "data" else secret["metadata"]
            holder[part] = {**holder.get(part, {}), **values} if values else {}
        cluster.put("secret", "default", secret)

    return change


def data_of(password: str) -> Dict[str, str]:
    """Return a Secret's data with another login."""
    config = {"auths": {"reg.corp:5000": {"username": "bob", "password": password}}}
    return {".dockerconfigjson": base64.b64encode(json.dumps(config).encode()).decode()}


# --- the list of a service account ----------------------------------------------------

LISTS: Dict[str, Entries] = {
    "nothing": [],
    "two": [THEIRS, {"name": "also-theirs"}],
    "names like ours": [{"name": "regcred2"}, {"name": "my-regcred"}],
    "twice": [THEIRS, {"name": "x"}, THEIRS],
    "without a name": [{}, THEIRS, {}],
    "more than a name": [
        {"name": "theirs", "optional": True},
        {"name": "x", "of": {"a": [1]}},
    ],
}


@pytest.mark.parametrize("entries", LISTS.values(), ids=LISTS)
def test_what_an_account_lists_stays_as_it_is(
    microk8s: Microk8s, cluster: FakeCluster, entries: Entries
) -> None:
    for namespace in ("default", "apps"):
        let_list(cluster, entries, namespace)
    objects = cluster.objects
    ok(run(microk8s, *BOTH))
    assert listed(cluster) == listed(cluster, "apps") == [*entries, OURS]
    ok(microk8s.run("disable"))
    assert cluster.objects == objects


@pytest.mark.parametrize(
    "entries",
    [[OURS], [THEIRS, OURS], [{"name": "regcred", "of": "them"}]],
    ids=json.dumps,
)
def test_what_names_it_already_is_not_named_twice_nor_taken_out(
    microk8s: Microk8s, cluster: FakeCluster, entries: Entries
) -> None:
    let_list(cluster, entries)
    ok(run(microk8s, *BOTH))
    assert listed(cluster) == entries
    ok(microk8s.run("disable"))
    assert listed(cluster) == entries
    assert listed(cluster, "apps") == []


@pytest.mark.parametrize(
    ("then", "left"),
    [
        ([OURS, THEIRS], [THEIRS]),
        ([THEIRS, OURS, {"name": "x"}], [THEIRS, {"name": "x"}]),
        (
            [{"name": "regcred", "of": "them"}, OURS],
            [{"name": "regcred", "of": "them"}],
        ),
        ([OURS, THEIRS, OURS], [THEIRS, OURS]),
        ([THEIRS], [THEIRS]),
        ([], []),
    ],
    ids=json.dumps,
)
def test_only_our_entry_is_taken_out(
    microk8s: Microk8s, cluster: FakeCluster, then: Entries, left: Entries
) -> None:
    ok(run(microk8s, *BOTH))
    let_list(cluster, then)
    ok(microk8s.run("disable"))
    assert listed(cluster) == left


@pytest.mark.parametrize("at", range(1, 5))
@pytest.mark.parametrize(
    "entries",
    [
        [OURS, THEIRS, {"name": "x"}],
        [THEIRS, OURS, {"name": "x", "optional": True}],
        [THEIRS, THEIRS, OURS],
        [THEIRS, OURS, THEIRS],
        [OURS, {}, OURS],
        [OURS],
        [{"name": "regcred", "of": "a newer kind"}, THEIRS],
    ],
    ids=json.dumps,
)
def test_a_disable_that_fails_gives_the_order_back(
    microk8s: Microk8s, cluster: FakeCluster, entries: Entries, at: int
) -> None:
    ok(run(microk8s, *BOTH))
    for namespace in ("default", "apps"):
        let_list(cluster, entries, namespace)
    objects = cluster.objects
    cluster.set(fail_at=at)
    assert microk8s.run("disable").exit_code == 4
    assert cluster.objects == objects


@pytest.mark.parametrize("at", range(1, 5))
@pytest.mark.parametrize("entries", LISTS.values(), ids=LISTS)
def test_an_enable_that_fails_gives_the_list_back(
    microk8s: Microk8s, cluster: FakeCluster, entries: Entries, at: int
) -> None:
    for namespace in ("default", "apps"):
        let_list(cluster, entries, namespace)
    objects = cluster.objects
    cluster.set(fail_at=at)
    assert run(microk8s, *BOTH).exit_code == 4
    assert cluster.objects == objects


@pytest.mark.parametrize("is_dry", [True, False], ids=["asked", "done"])
@pytest.mark.parametrize("entries", [[], [THEIRS]], ids=json.dumps)
def test_what_is_listed_in_between_stays(
    microk8s: Microk8s, cluster: FakeCluster, entries: Entries, is_dry: bool
) -> None:
    let_list(cluster, entries)
    patch = calls("patch", "serviceaccount", dry=is_dry)
    to_come = meanwhile(cluster, (patch, late(cluster)))
    ok(run(microk8s, *BOTH))
    assert (listed(cluster), to_come) == ([*entries, LATE, OURS], [])
    turned_round = [OURS, LATE, *entries]
    to_come = meanwhile(
        cluster,
        (calls("patch", "serviceaccount"), lambda: let_list(cluster, turned_round)),
    )
    ok(microk8s.run("disable"))
    assert (listed(cluster), to_come) == ([LATE, *entries], [])


def test_what_is_listed_before_an_undo_stays(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    let_list(cluster, [THEIRS])
    patch = calls("patch", "serviceaccount")
    to_come = meanwhile(cluster, (patch, nothing), (any_call, late(cluster)), fail_at=3)
    assert run(microk8s, *BOTH).exit_code == 4
    assert (listed(cluster), to_come) == ([THEIRS, LATE], [])
    cluster.set(fail_at=0)
    ok(run(microk8s, *BOTH))
    let_list(cluster, [{"name": "x"}, OURS, THEIRS])
    to_come = meanwhile(cluster, (patch, nothing), (any_call, late(cluster)), fail_at=3)
    assert microk8s.run("disable").exit_code == 4
    assert (listed(cluster), to_come) == ([{"name": "x"}, OURS, THEIRS, LATE], [])


@pytest.mark.parametrize(
    ("then", "put_back"),
    [
        ([THEIRS, {"name": "y"}], [THEIRS, OURS, {"name": "y"}]),
        ([{"name": "y"}], [OURS, {"name": "y"}]),
        (
            [LATE, {"name": "x"}, {"name": "y"}],
            [LATE, {"name": "x"}, OURS, {"name": "y"}],
        ),
        (
            [{"name": "x"}, THEIRS, OURS, {"name": "y"}],
            [{"name": "x"}, THEIRS, OURS, {"name": "y"}],
        ),
        ([], [OURS]),
    ],
    ids=json.dumps,
)
def test_an_undo_finds_the_place_in_a_changed_list(
    microk8s: Microk8s, cluster: FakeCluster, then: Entries, put_back: Entries
) -> None:
    ok(run(microk8s, *BOTH))
    let_list(cluster, [{"name": "x"}, THEIRS, OURS, {"name": "y"}])
    to_come = meanwhile(
        cluster,
        (calls("patch", "serviceaccount"), nothing),
        (any_call, lambda: let_list(cluster, then)),
        fail_at=3,
    )
    assert microk8s.run("disable").exit_code == 4
    assert (listed(cluster), to_come) == (put_back, [])


def test_an_account_that_goes_in_between(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    def gone() -> None:
        cluster.delete("serviceaccount", "default", "default")

    patch = calls("patch", "serviceaccount")
    meanwhile(cluster, (patch, gone))
    refused = run(microk8s, *BOTH)
    assert refused.exit_code == 4
    assert "no service account default in namespace default" in refused.stderr
    assert "kubectl create serviceaccount -n default default" in refused.stderr
    assert cluster.objects["secret"] == {}
    let_list(cluster, [])
    ok(run(microk8s, *BOTH))
    meanwhile(cluster, (patch, gone))
    ok(microk8s.run("disable"))
    assert cluster.objects["secret"] == {}


def test_who_changes_it_all_the_time_ends_it_with_clear_words(
    microk8s: Microk8s, cluster: FakeCluster, pauses: List[float]
) -> None:
    tree, objects = microk8s.tree(), cluster.objects

    def change(call: Call) -> None:
        if call.verb == "patch" and not call.is_dry:
            account = cluster.get("serviceaccount", "default", "default") or {}
            account["metadata"]["annotations"] = {"at": str(len(cluster.command_lines))}
            cluster.put("serviceaccount", "default", account)

    cluster.set(meanwhile=change)
    refused = run(microk8s, *BOTH)
    assert refused.exit_code == 4
    assert "default in namespace default was changed by somebody else" in refused.stderr
    assert len(refused.stderr.splitlines()) <= 3
    assert 5 <= len(pauses) < 100
    assert all(0 < pause <= 2 for pause in pauses)
    assert sum(pauses) < 60
    after = cluster.objects
    after["serviceaccount"]["default/default"]["metadata"].pop("annotations")
    assert (after, microk8s.tree()) == (objects, tree)


# --- two runs at once -----------------------------------------------------------------


@pytest.fixture
def other(tmp_path: Path, cluster: FakeCluster) -> Microk8s:
    """Another node of that cluster."""
    node = Microk8s(tmp_path / "other")
    cluster.join(node)
    return node


@pytest.mark.parametrize("at", range(14))
@pytest.mark.parametrize("name", ["regcred", "another"])
def test_two_runs_at_once_both_land(
    microk8s: Microk8s, cluster: FakeCluster, other: Microk8s, name: str, at: int
) -> None:
    for namespace in ("default", "apps"):
        let_list(cluster, [THEIRS], namespace)
    objects = cluster.objects
    before_that = iter([False] * at)

    def second() -> None:
        cluster.set()
        ok(run(other, *(name if each == "regcred" else each for each in BOTH)))

    to_come = meanwhile(cluster, (lambda _call: next(before_that, True), second))
    ok(run(microk8s, *BOTH))
    assert to_come == []
    for namespace in ("default", "apps"):
        entries = listed(cluster, namespace)
        assert entries[0] == THEIRS
        expected = {"regcred", name}
        assert sorted(each["name"] for each in entries[1:]) == sorted(expected)
        assert f"{namespace}/{name}" in cluster.objects["secret"]
    ok(microk8s.run("disable"))
    ok(other.run("disable"))
    assert cluster.objects == objects


@pytest.mark.parametrize("at", range(1, 4))
def test_an_undo_leaves_what_another_run_made_in_between(
    microk8s: Microk8s, cluster: FakeCluster, other: Microk8s, at: int
) -> None:
    after = []

    def second() -> None:
        cluster.set()
        ok(run(other, *BOTH))
        after.append(cluster.objects)
        cluster.set(fail_at=at)

    meanwhile(cluster, (calls("create", "secret"), second))
    assert run(microk8s, *BOTH).exit_code == 4
    assert [cluster.objects] == after
    assert not {"replace", "delete"} & set(cluster.writes)


def test_what_somebody_named_in_between_is_not_ours(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    meanwhile(
        cluster,
        (calls("patch", "serviceaccount"), lambda: let_list(cluster, [OURS, THEIRS])),
    )
    ok(run(microk8s, *BOTH))
    assert listed(cluster) == [OURS, THEIRS]
    record = (microk8s.common / RECORD).read_bytes()
    assert {
        each.namespace: each.service_accounts for each in from_json(record, "")
    } == {
        "default": (),
        "apps": ("default",),
    }
    ok(microk8s.run("disable"))
    assert listed(cluster) == [OURS, THEIRS]
    assert listed(cluster, "apps") == []


# --- the Secret itself ----------------------------------------------------------------

THEIR_PARTS: Dict[str, Dict[str, Any]] = {
    "labels": {"team": "blue"},
    "annotations": {"a": "b"},
    "data": {"extra": "eA=="},
}


def has(secret: Dict[str, Any], part: str) -> bool:
    """Whether somebody's part is in a Secret."""
    found = secret["data"] if part == "data" else secret["metadata"].get(part, {})
    return all(found.get(key) == value for key, value in THEIR_PARTS[part].items())


@pytest.mark.parametrize("part", THEIR_PARTS)
@pytest.mark.parametrize("is_dry", [None, True, False], ids=["before", "asked", "done"])
def test_what_others_put_on_our_secret_in_between_stays(
    microk8s: Microk8s, cluster: FakeCluster, is_dry: Optional[bool], part: str
) -> None:
    ok(run(microk8s, *ADD))
    at = any_call if is_dry is None else calls("replace", "secret", dry=is_dry)
    to_come = meanwhile(
        cluster, (at, edit_secret(cluster, **{part: THEIR_PARTS[part]}))
    )
    ok(run(microk8s, *ADD, login="new"))
    assert to_come == []
    assert password_in(secret_of(cluster)) == "new"
    assert has(secret_of(cluster), part)


@pytest.mark.parametrize("part", THEIR_PARTS)
def test_an_undone_update_keeps_what_others_put_on_it(
    microk8s: Microk8s, cluster: FakeCluster, part: str
) -> None:
    ok(run(microk8s, *ADD))
    to_come = meanwhile(
        cluster,
        (calls("replace", "secret"), nothing),
        (any_call, edit_secret(cluster, **{part: THEIR_PARTS[part]})),
        fail_at=2,
    )
    assert run(microk8s, *ADD, login="new").exit_code == 4
    assert to_come == []
    assert password_in(secret_of(cluster)) == "s3cr3t"
    assert has(secret_of(cluster), part)


def took_over(cluster: FakeCluster) -> Change:
    """Return what makes the Secret somebody else's."""
    return edit_secret(cluster, labels=None, data=data_of("theirs"))


def test_a_secret_that_is_taken_over_before_it_is_updated(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    ok(run(microk8s, *ADD))
    tree = microk8s.tree()
    to_come = meanwhile(cluster, (calls("replace", "secret"), took_over(cluster)))
    refused = run(microk8s, *ADD, login="new")
    assert (refused.exit_code, to_come) == (3, [])
    assert "somebody else has a Secret regcred in namespace default" in refused.stderr
    assert password_in(secret_of(cluster)) == "theirs"
    assert password_in(secret_of(cluster, "apps")) == "s3cr3t"
    assert microk8s.tree() == tree


def test_a_secret_that_somebody_makes_before_us(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    theirs = {"metadata": {"name": "regcred"}, "type": "Opaque", "data": {"x": "eA=="}}
    tree, objects = microk8s.tree(), cluster.objects
    make = calls("create", "secret")
    to_come = meanwhile(
        cluster, (make, nothing), (make, lambda: cluster.put("secret", "apps", theirs))
    )
    refused = run(microk8s, *BOTH)
    assert (refused.exit_code, to_come) == (3, [])
    assert "kubectl delete secret -n apps regcred" in refused.stderr
    objects["secret"]["apps/regcred"] = cluster.get("secret", "apps", "regcred")
    assert (cluster.objects, microk8s.tree()) == (objects, tree)
    assert secret_of(cluster, "apps")["data"] == {"x": "eA=="}


def test_a_secret_that_goes_before_it_is_updated(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    ok(run(microk8s, *ADD))
    meanwhile(
        cluster,
        (
            calls("replace", "secret"),
            lambda: cluster.delete("secret", "default", "regcred"),
        ),
    )
    ok(run(microk8s, *ADD, login="new"))
    assert password_in(secret_of(cluster)) == "new"


def test_a_secret_that_is_taken_over_before_it_is_deleted(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    ok(run(microk8s, *ADD))
    to_come = meanwhile(cluster, (calls("delete", "secret"), took_over(cluster)))
    done = ok(microk8s.run("disable"))
    assert to_come == []
    assert (
        "note: the Secret regcred in namespace default is no longer labelled"
        in done.stdout
    )
    assert password_in(secret_of(cluster)) == "theirs"
    assert set(cluster.objects["secret"]) == {"default/regcred"}


def test_a_secret_that_is_changed_before_it_is_deleted_comes_back_changed(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    ok(run(microk8s, *ADD))
    change = edit_secret(cluster, annotations={"a": "b"})
    to_come = meanwhile(cluster, (calls("delete", "secret"), change), fail_at=3)
    assert microk8s.run("disable").exit_code == 4
    assert to_come == []
    assert secret_of(cluster)["metadata"]["annotations"] == {"a": "b"}
    assert secret_of(cluster, "apps")
    cluster.set(fail_at=0)
    ok(microk8s.run("disable"))
    assert cluster.objects["secret"] == {}


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({"labels": None}, "s3cr3t"),
        ({"data": data_of("theirs")}, "theirs"),
        ({"labels": None, "data": data_of("theirs")}, "theirs"),
    ],
)
def test_an_undo_leaves_what_somebody_made_of_our_secret(
    microk8s: Microk8s, cluster: FakeCluster, change: Any, left: str
) -> None:
    to_come = meanwhile(
        cluster,
        (calls("create", "secret"), nothing),
        (any_call, edit_secret(cluster, **change)),
        fail_at=2,
    )
    assert run(microk8s, *ADD).exit_code == 4
    assert to_come == []
    assert password_in(secret_of(cluster)) == left
    cluster.delete("secret", "default", "regcred")
    cluster.set(fail_at=0)
    ok(run(microk8s, *ADD, login="old"))
    to_come = meanwhile(
        cluster,
        (calls("replace", "secret"), nothing),
        (any_call, edit_secret(cluster, **change)),
        fail_at=2,
    )
    assert run(microk8s, *ADD).exit_code == 4
    assert to_come == []
    assert password_in(secret_of(cluster)) == left


def test_an_undo_does_not_bring_back_what_somebody_deleted(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    ok(run(microk8s, *ADD))
    gone = (any_call, lambda: cluster.delete("secret", "default", "regcred"))
    meanwhile(cluster, (calls("replace", "secret"), nothing), gone, fail_at=2)
    assert run(microk8s, *ADD, login="new").exit_code == 4
    assert set(cluster.objects["secret"]) == {"apps/regcred"}


def test_what_somebody_made_in_place_of_ours_is_told_and_stays(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    ok(run(microk8s, *ADD))
    theirs = {"metadata": {"name": "regcred"}, "type": "Opaque", "data": {"x": "eA=="}}
    to_come = meanwhile(
        cluster,
        (calls("delete", "secret"), nothing),
        (any_call, lambda: cluster.put("secret", "default", theirs)),
        fail_at=2,
    )
    refused = microk8s.run("disable")
    assert (refused.exit_code, to_come) == (4, [])
    assert (
        "not everything in the cluster could be put back: somebody else"
        in refused.stderr
    )
    assert secret_of(cluster)["data"] == {"x": "eA=="}


def test_every_write_is_bound_to_what_was_read(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    bound = []

    def look(call: Call) -> None:
        if call.verb == "patch":
            bound.append(json.loads(call.option("--patch"))[0]["path"])
            assert call.option("--type") == "json"
        if call.verb == "replace":
            bound.append(call.manifest["metadata"]["resourceVersion"])
        if call.verb == "delete":
            bound.append(call.manifest["preconditions"]["resourceVersion"])

    cluster.set(meanwhile=look)
    ok(run(microk8s, *BOTH))
    ok(run(microk8s, *BOTH, login="new"))
    ok(microk8s.run("disable"))
    assert len(bound) == 2 * 2 + 2 * 2 + 4
    assert all(bound)
