"""An answer of the cluster's API that is lost: what was done all the same is put
back, or named.
"""

from __future__ import annotations

import copy
from typing import Any, Dict, List

import pytest

from unit.fake_kubectl import Call, FakeCluster, Refused
from unit.microk8s import Microk8s, Result, ok

pytestmark = pytest.mark.attack

PASSWORD = "s3cr3t-pass"
LOGIN = ("--registry", "reg.corp:5000", "--username", "ann", "--password-stdin")
NAMESPACES = ("--namespace", "default", "--namespace", "apps")
ADD = (
    "enable",
    *LOGIN,
    "--pull-secret",
    "regcred",
    *NAMESPACES,
    "--service-account",
    "default",
)
PUT_BACK = "all was put back as it was"
LOST = {
    "cut": "error: unexpected EOF\n",
    "slow": (
        "Unable to connect to the server: net/http: request canceled (Client.Timeout"
        " exceeded while awaiting headers)\n"
    ),
    "slow etcd": "Error from server: etcdserver: request timed out\n",
    "server's time is up": (
        "Error from server (Timeout): error when creating: the server was "
        "unable to return a response in the time allotted\n"
    ),
    "hangs": "",
}
# What is sent, in order, and what of it may be left.
SENT = [
    (
        "the Secret regcred in namespace default may still be there",
        "microk8s kubectl delete secret -n default regcred",
    ),
    (
        "the service account default in namespace default may still name regcred",
        "microk8s kubectl edit serviceaccount -n default default",
    ),
    (
        "the Secret regcred in namespace apps may still be there",
        "microk8s kubectl delete secret -n apps regcred",
    ),
    (
        "the service account default in namespace apps may still name regcred",
        "microk8s kubectl edit serviceaccount -n apps default",
    ),
]
TAKEN = [
    "the service account default in namespace default may no longer name regcred",
    "the Secret regcred in namespace default may be gone",
    "the service account default in namespace apps may no longer name regcred",
    "the Secret regcred in namespace apps may be gone",
]


@pytest.fixture
def cluster(microk8s: Microk8s, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """The cluster of that node."""
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    return FakeCluster(microk8s, monkeypatch)


def add(node: Microk8s, password: str = PASSWORD) -> Result:
    """Make the Secrets and let the accounts name them: four writes."""
    return node.run(*ADD, stdin=password.encode())


@pytest.mark.parametrize("at", range(1, 5))
@pytest.mark.parametrize("words", LOST.values(), ids=LOST)
def test_what_was_made_all_the_same_is_taken_away(
    microk8s: Microk8s, cluster: FakeCluster, words: str, at: int
) -> None:
    tree, objects = microk8s.tree(), cluster.objects
    cluster.lose(at, words)
    lost = add(microk8s)
    assert (lost.exit_code, PUT_BACK in lost.stderr) == (4, True), lost
    assert PASSWORD not in lost.stderr
    assert (microk8s.tree(), cluster.objects) == (tree, objects)
    ok(add(microk8s))
    ok(microk8s.run("disable"))
    assert (microk8s.tree(), cluster.objects) == (tree, objects)


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize("words", LOST.values(), ids=LOST)
def test_what_was_updated_all_the_same_is_as_before(
    microk8s: Microk8s, cluster: FakeCluster, words: str, at: int
) -> None:
    ok(add(microk8s))
    tree, objects = microk8s.tree(), cluster.objects
    cluster.lose(at, words)
    lost = add(microk8s, "new")
    assert (lost.exit_code, PUT_BACK in lost.stderr) == (4, True), lost
    assert (microk8s.tree(), cluster.objects) == (tree, objects)


@pytest.mark.parametrize("at", range(1, 5))
@pytest.mark.parametrize("words", LOST.values(), ids=LOST)
def test_what_was_taken_away_all_the_same_comes_back(
    microk8s: Microk8s, cluster: FakeCluster, words: str, at: int
) -> None:
    start, empty = microk8s.tree(), cluster.objects
    ok(add(microk8s))
    tree, objects = microk8s.tree(), cluster.objects
    cluster.lose(at, words)
    assert microk8s.run("disable").exit_code == 4
    assert (microk8s.tree(), cluster.objects) == (tree, objects)
    ok(microk8s.run("disable"))
    assert (microk8s.tree(), cluster.objects) == (start, empty)


# --- and then no answer at all --------------------------------------------------------


@pytest.mark.parametrize("at", range(1, 5))
def test_what_may_be_left_is_named_with_what_takes_it_away(
    microk8s: Microk8s, cluster: FakeCluster, at: int
) -> None:
    tree = microk8s.tree()
    cluster.lose(at, LOST["cut"], down=True)
    lost = add(microk8s)
    assert lost.exit_code == 4
    assert PUT_BACK not in lost.stderr
    assert "the node's files were put back" in lost.stderr
    assert len(lost.stderr.splitlines()) <= 3
    told = [(left in lost.stderr, command in lost.stderr) for left, command in SENT]
    assert told == [(True, True)] * at + [(False, False)] * (4 - at)
    assert microk8s.tree() == tree


@pytest.mark.parametrize("at", [1, 2])
def test_an_update_that_may_be_left_is_named(
    microk8s: Microk8s, cluster: FakeCluster, at: int
) -> None:
    ok(add(microk8s))
    cluster.lose(at, LOST["cut"], down=True)
    lost = add(microk8s, "new")
    assert lost.exit_code == 4
    for number, namespace in enumerate(("default", "apps")):
        left = f"the Secret regcred in namespace {namespace} may hold the new login"
        assert (left in lost.stderr) == (number < at), lost
    assert "give the login that is to count once more" in lost.stderr


@pytest.mark.parametrize("at", range(1, 5))
def test_what_a_disable_may_have_taken_is_named_and_the_next_one_goes_on(
    microk8s: Microk8s, cluster: FakeCluster, at: int
) -> None:
    start, empty = microk8s.tree(), cluster.objects
    ok(add(microk8s))
    tree = microk8s.tree()
    cluster.lose(at, LOST["cut"], down=True)
    lost = microk8s.run("disable")
    assert (lost.exit_code, microk8s.tree() == tree) == (4, True)
    assert [left in lost.stderr for left in TAKEN] == [True] * at + [False] * (4 - at)
    assert "run the same command once more" in lost.stderr
    cluster.set(down=False)
    ok(microk8s.run("disable"))
    assert (microk8s.tree(), cluster.objects) == (start, empty)


# --- what somebody else made at that very moment --------------------------------------


def our_secret(node: Microk8s, cluster: FakeCluster) -> Dict[str, Any]:
    """Return the Secret as we send it, and leave nothing of it."""
    ok(add(node))
    found = cluster.get("secret", "default", "regcred")
    ok(node.run("disable"))
    assert found is not None
    return copy.deepcopy(found)


def lost_behind(
    cluster: FakeCluster, verb: str, kind: str, theirs: Dict[str, Any]
) -> List[str]:
    """Let somebody be faster once, and our request be lost before it comes to
    anything.
    """
    done: List[str] = []

    def lose(call: Call) -> None:
        if (call.verb, call.kind, call.is_dry) == (verb, kind, False) and not done:
            done.append(verb)
            cluster.put(kind, "default", theirs)
            raise Refused(LOST["cut"])

    cluster.set(meanwhile=lose)
    return done


@pytest.mark.parametrize(
    ("other", "is_told"),
    [
        ({"type": "Opaque"}, True),
        ({"labels": {}}, True),
        ({"labels": {"app.kubernetes.io/managed-by": "them"}}, True),
        ({"data": {"extra": "eA=="}}, True),
        ({"data": {".dockerconfigjson": "e30="}}, False),
    ],
    ids=str,
)
def test_a_secret_that_is_not_what_we_sent_stays(
    microk8s: Microk8s, cluster: FakeCluster, other: Dict[str, Any], is_told: bool
) -> None:
    theirs = our_secret(microk8s, cluster)
    theirs["type"] = other.get("type", theirs["type"])
    theirs["data"].update(other.get("data", {}))
    theirs["metadata"]["labels"] = other.get("labels", theirs["metadata"]["labels"])
    done = lost_behind(cluster, "create", "secret", theirs)
    lost = add(microk8s)
    assert (lost.exit_code, done) == (4, ["create"])
    assert cluster.get("secret", "default", "regcred") == theirs
    # It holds the very login, whoever made it.
    assert (SENT[0][0] in lost.stderr) == is_told


def test_an_entry_that_is_not_what_we_sent_stays(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    entries = [{"name": "regcred", "of": "them"}]
    theirs = {"metadata": {"name": "default"}, "imagePullSecrets": entries}
    done = lost_behind(cluster, "patch", "serviceaccount", theirs)
    assert (add(microk8s).exit_code, done) == (4, ["patch"])
    account = cluster.get("serviceaccount", "default", "default") or {}
    assert account["imagePullSecrets"] == entries
    assert cluster.objects["secret"] == {}


@pytest.mark.parametrize("reason", ["Forbidden", "Invalid", "InternalError"])
def test_what_the_api_refused_is_not_ours_to_undo(
    microk8s: Microk8s, cluster: FakeCluster, reason: str
) -> None:
    theirs = our_secret(microk8s, cluster)
    done: List[str] = []

    def refuse(call: Call) -> None:
        if (call.verb, call.is_dry) == ("create", False) and not done:
            done.append(reason)
            cluster.put("secret", "default", theirs)
            raise Refused(f"Error from server ({reason}): no\n")

    cluster.set(meanwhile=refuse)
    refused = add(microk8s)
    assert (refused.exit_code, done) == (4, [reason])
    assert PUT_BACK in refused.stderr
    assert cluster.get("secret", "default", "regcred") == theirs
