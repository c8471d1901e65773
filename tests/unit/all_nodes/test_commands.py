"""Commands with --all-nodes: what they change, what they say, how they end."""

from __future__ import annotations

import json
from typing import Any, Dict, NamedTuple, Optional, Tuple

import pytest

from private_registry.all_nodes.answers import Answer, Told, to_text
from private_registry.all_nodes.node_rows import ClusterNode, NodeRow
from private_registry.all_nodes.node_status import ANSWER, NodeStatus, Trouble
from private_registry.all_nodes.orders import Question
from private_registry.all_nodes.publishing import ClusterRegistries
from private_registry.pull_secrets.kubectl import Wanted
from unit.all_nodes.fake_cluster import FakeCluster
from unit.fake_kubectl import FakeCluster as KubectlCluster
from unit.microk8s import MARKER, Microk8s, Result, ok

HOST = "10.141.241.175:32000"
ADD = ("--insecure", HOST, "--all-nodes")
PASSWORD = "S3cret!pass"
FINE = NodeStatus(1, "0.1.0")


def enabled(node: Microk8s) -> Result:
    return ok(node.run("enable", *ADD))


def names(cluster: FakeCluster) -> Tuple[str, ...]:
    return tuple(str(each.name) for each in cluster.orders.registries.registries)


def test_the_first_one_makes_all_there_is_and_says_so(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    done = enabled(microk8s)
    assert {kind for kind, _ in cluster.objects} == {
        "namespace",
        "secret",
        "serviceaccount",
        "role",
        "rolebinding",
        "configmap",
        "daemonset",
    }
    assert names(cluster) == (HOST,)
    assert "Secret registries" in done.stderr
    assert "reads the logins" in done.stderr
    assert done.stdout.count("  ok\n") == 3
    # This node gets the command, and nothing of its own.
    assert (microk8s.data / MARKER).exists()
    assert not (microk8s.certs_d / HOST).exists()


def test_a_second_one_adds_and_says_less(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    enabled(microk8s)
    done = ok(
        microk8s.run("plugin", "add", "--registry", "reg.corp:5000", "--all-nodes")
    )
    assert names(cluster) == (HOST, "reg.corp:5000")
    assert cluster.orders.number == 2
    assert "Secret" not in done.stderr
    assert "added for all nodes: reg.corp:5000" in done.stdout


def test_one_is_removed_and_the_others_stay(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    enabled(microk8s)
    ok(microk8s.run("plugin", "add", "--registry", "reg.corp", "--all-nodes"))
    done = ok(microk8s.run("plugin", "remove", "--registry", HOST, "--all-nodes"))
    assert names(cluster) == ("reg.corp",)
    assert f"removed for all nodes: {HOST}" in done.stdout


def test_apply_with_a_file_takes_its_place(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    enabled(microk8s)
    file = b'version = 1\n[[registry]]\nhost = "other.corp"\n'
    ok(microk8s.run("plugin", "apply", "--file", "-", "--all-nodes", stdin=file))
    assert names(cluster) == ("other.corp",)
    again = ok(microk8s.run("plugin", "apply", "--all-nodes"))
    assert names(cluster) == ("other.corp",)
    assert "added" not in again.stdout


@pytest.mark.parametrize("door", [("enable",), ("plugin", "apply")])
def test_without_any_registry_it_says_what_to_type(
    microk8s: Microk8s, cluster: FakeCluster, door: Tuple[str, ...]
) -> None:
    failed = microk8s.run(*door, "--all-nodes")
    assert failed.exit_code == 2
    assert "--registry HOST[:PORT] --all-nodes" in failed.stderr
    assert cluster.objects == {}


def test_a_dry_run_changes_nothing(microk8s: Microk8s, cluster: FakeCluster) -> None:
    before = microk8s.tree()
    done = ok(microk8s.run("enable", *ADD, "--dry-run"))
    assert "would add for all nodes" in done.stdout
    assert "Secret registries" in done.stdout
    assert cluster.objects == {}
    assert microk8s.tree() == before


@pytest.mark.parametrize("is_first", [True, False], ids=["the first", "a later one"])
def test_of_two_at_once_one_is_told(
    microk8s: Microk8s, cluster: FakeCluster, is_first: bool
) -> None:
    if not is_first:
        enabled(microk8s)
    cluster.meanwhile = True
    failed = microk8s.run("plugin", "add", "--registry", "reg.corp", "--all-nodes")
    assert failed.exit_code == 3
    assert "at the same time" in failed.stderr
    assert "run the same command again" in failed.stderr


def test_what_agents_have_reported_of_a_secret_that_is_gone_is_no_answer(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    enabled(microk8s)
    for number in range(3):
        ok(
            microk8s.run(
                "plugin", "add", "--insecure", f"r{number}.corp", "--all-nodes"
            )
        )
    assert cluster.orders.number == 4
    cluster.left = dict.fromkeys(cluster.nodes, FINE._replace(number=4))
    cluster.reports.update(cluster.left)
    del cluster.objects["secret", "registries"]
    done = microk8s.run("plugin", "add", *ADD)
    assert cluster.orders.number == 5
    assert done.exit_code == 4
    assert "node-1  not yet" in done.stdout


class Row(NamedTuple):
    """What a node reports, and what is told of it."""

    status: Optional[NodeStatus]
    state: str
    words: str
    exit_code: int = 0


ROWS = {
    "own": Row(FINE._replace(own=(HOST,)), "ok", f"own settings count for {HOST}"),
    "older": Row(FINE._replace(version="0.0.1"), "ok", "its agent is of version 0.0.1"),
    "hand": Row(FINE._replace(changed=("/a", "/b")), "changed by hand", "/a (and 1"),
    "cannot": Row(
        FINE._replace(cannot=(Trouble(HOST, "it is so", "mend it"),)),
        "cannot",
        f"{HOST}: it is so",
        4,
    ),
    "restart": Row(
        FINE._replace(needs_restart=(Trouble(HOST, "it is so", "type it"),)),
        "needs a restart",
        f"{HOST}: it is so",
    ),
    "behind": Row(FINE._replace(number=0), "not yet", "no agent has been started", 4),
    "silent": Row(None, "never reported", "no agent has been started there", 4),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_each_state_of_a_node_is_told(
    microk8s: Microk8s, cluster: FakeCluster, row: Row
) -> None:
    cluster.reports["node-2"] = row.status
    done = microk8s.run("enable", *ADD)
    assert done.exit_code == row.exit_code
    assert f"node-2  {row.state}: {row.words}" in done.stdout
    listed = ok(microk8s.run("plugin", "list", "--all-nodes"))
    assert f"node-2  {row.state}: {row.words}" in listed.stdout
    plain = json.loads(
        ok(microk8s.run("plugin", "list", "--all-nodes", "--json")).stdout
    )
    [node] = [each for each in plain["nodes"] if each["name"] == "node-2"]
    assert node["state"] == row.state
    assert row.words in node["why"]


def test_a_node_that_is_down_is_told_and_no_error(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    cluster.nodes["node-3"] = "Unknown"
    done = ok(microk8s.run("enable", *ADD))
    assert "node-3  down" in done.stdout
    assert "When they come back, they get it: node-3." in done.stdout


PROBLEMS: Dict[str, Dict[str, Any]] = {
    "the node's Python is 3.6": {
        "containerStatuses": [
            {
                "state": {"waiting": {"reason": "CrashLoopBackOff"}},
                "lastState": {"terminated": {"message": "the node's Python is 3.6\n"}},
            }
        ]
    },
    "ErrImagePull": {
        "containerStatuses": [{"state": {"waiting": {"reason": "ErrImagePull"}}}]
    },
    'exec: "/usr/bin/python3": no such file': {
        "containerStatuses": [
            {
                "state": {
                    "waiting": {
                        "reason": "RunContainerError",
                        "message": 'exec: "/usr/bin/python3": no such file',
                    }
                }
            }
        ]
    },
    "0/3 nodes are available": {
        "conditions": [
            {"type": "Ready", "status": "False", "message": "0/3 nodes are available"}
        ]
    },
}


@pytest.mark.parametrize("words", PROBLEMS)
@pytest.mark.parametrize("is_placed", [True, False])
def test_why_an_agent_does_not_run_is_told(
    microk8s: Microk8s, cluster: FakeCluster, words: str, is_placed: bool
) -> None:
    cluster.reports["node-2"] = None
    field = {"key": "metadata.name", "operator": "In", "values": ["node-2"]}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    affinity = {"requiredDuringSchedulingIgnoredDuringExecution": terms}
    meant = {"affinity": {"nodeAffinity": affinity}}
    spec = {"nodeName": "node-2"} if is_placed else meant
    cluster.pods = [{"spec": spec, "status": PROBLEMS[words]}]
    done = microk8s.run("enable", *ADD)
    assert f"node-2  never reported: {words}" in done.stdout


def test_disable_has_all_given_back_and_leaves_nothing(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    before = microk8s.tree()
    enabled(microk8s)
    done = ok(microk8s.run("disable", "--all-nodes"))
    assert cluster.objects == {}
    assert "All nodes are as before" in done.stdout
    # The Secret goes first: who changes it meanwhile is told.
    assert cluster.deleted == [
        "secret registries",
        "daemonset agent-amd64",
        "namespace private-registry-config",
    ]
    assert microk8s.tree() == before


def test_disable_leaves_what_this_node_has_of_its_own(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    ok(microk8s.run("enable", "--registry", "own.corp"))
    own = microk8s.tree()
    ok(microk8s.run("plugin", "add", *ADD))
    ok(microk8s.run("plugin", "remove", "--all", "--all-nodes"))
    assert cluster.objects == {}
    assert microk8s.tree() == own


def test_disable_remembers_the_pull_secrets_that_this_node_made(
    microk8s: Microk8s, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = KubectlCluster(microk8s, monkeypatch)
    enabled(microk8s)
    words = ("--pull-secret", "regcred", "--pull-secret-from", "-")
    login = b'{"auths": {"reg.corp": {"auth": "YW5uOnMzY3IzdC1wYXNz"}}}'
    ok(microk8s.run("plugin", "add", *words, "--namespace", "default", stdin=login))
    ok(microk8s.run("plugin", "remove", "--all", "--all-nodes"))
    assert made.objects["secret"]
    ok(microk8s.run("plugin", "remove", "--all"))
    assert not made.objects["secret"]


@pytest.mark.parametrize("is_late", [True, False])
def test_disable_takes_down_nothing_that_somebody_changed_meanwhile(
    microk8s: Microk8s, cluster: FakeCluster, is_late: bool
) -> None:
    enabled(microk8s)
    if is_late:
        cluster.is_taken_down_late = True
    else:
        cluster.reports["node-2"] = FINE._replace(number=3)
    failed = microk8s.run("plugin", "remove", "--all", "--all-nodes")
    assert failed.exit_code == 3
    assert "gave the cluster registries while all was taken back" in failed.stderr
    assert cluster.deleted == []


def test_disable_starts_agents_that_somebody_deleted(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    enabled(microk8s)
    del cluster.objects["daemonset", "agent-amd64"]
    cluster.nodes["node-3"] = "Unknown"
    assert microk8s.run("plugin", "remove", "--all", "--all-nodes").exit_code == 4
    assert ("daemonset", "agent-amd64") in cluster.objects


@pytest.mark.parametrize("state", ["down", "cannot"])
def test_disable_waits_for_every_node_until_it_is_forgotten(
    microk8s: Microk8s, cluster: FakeCluster, state: str
) -> None:
    enabled(microk8s)
    if state == "down":
        cluster.nodes["node-3"] = "Unknown"
    else:
        trouble = (Trouble("", "the disk is full"),)
        status = NodeStatus(2, "0.1.0", taken_back=True, cannot=trouble)
        cluster.reports["node-3"] = status
    done = microk8s.run("plugin", "remove", "--all", "--all-nodes")
    assert done.exit_code == 4
    assert state in done.stdout
    assert "remove --all --all-nodes --forget node-3" in done.stdout
    assert cluster.orders.takes_back
    assert cluster.deleted == []
    again = microk8s.run("plugin", "remove", "--all", "--all-nodes")
    assert (again.exit_code, cluster.orders.number) == (4, 2)

    pods = [("agent-1", "node-1"), ("agent-3", "node-3")]
    cluster.pods = [
        {"metadata": {"name": name}, "spec": {"nodeName": node}} for name, node in pods
    ]
    words = ("remove", "--all", "--all-nodes", "--forget", "node-3")
    ok(microk8s.run("plugin", *words))
    assert cluster.objects == {}
    # A namespace waits for pods, and they for the kubelet of their node.
    left = [each for each in cluster.deleted if each.startswith("pod ")]
    assert left == (["pod agent-3 at once"] if state == "down" else [])


def test_a_node_to_forget_has_to_be_one(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    enabled(microk8s)
    failed = microk8s.run("disable", "--all-nodes", "--forget", "node-9")
    assert failed.exit_code == 4
    assert "no node node-9" in failed.stderr
    assert not cluster.orders.takes_back


def test_nothing_to_take_back_is_no_error(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    done = ok(microk8s.run("disable", "--all-nodes"))
    assert "Nothing is configured for all nodes." in done.stdout
    assert cluster.deleted == []


def test_where_only_the_secret_is_gone_nodes_are_told_and_give_back(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    enabled(microk8s)
    cluster.left = dict.fromkeys(cluster.nodes, FINE)
    del cluster.objects["secret", "registries"]
    listed = ok(microk8s.run("plugin", "list", "--all-nodes")).stdout
    assert "node-1  ok" in listed
    assert "microk8s private-registry remove --all --all-nodes" in listed
    done = ok(microk8s.run("plugin", "remove", "--all", "--all-nodes"))
    assert done.stdout.count("given back") == 3
    assert cluster.objects == {}


def test_what_is_so_already_is_not_ordered_again(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    enabled(microk8s)
    before = cluster.objects["secret", "registries"]
    for command in (("add", *ADD), ("apply", "--all-nodes")):
        done = ok(microk8s.run("plugin", *command, "--json"))
        assert json.loads(done.stdout)["changed"] is False
        assert cluster.objects["secret", "registries"] == before
    # Agents of another engine are to report once more.
    cluster.objects["configmap", "engine"]["metadata"]["annotations"] = {}
    ok(microk8s.run("plugin", "apply", "--all-nodes"))
    assert cluster.orders.number == 2


@pytest.mark.parametrize("is_first", [True, False], ids=["none yet", "another one"])
def test_taking_back_what_is_not_there_is_told_and_changes_nothing(
    microk8s: Microk8s, cluster: FakeCluster, is_first: bool
) -> None:
    ok(microk8s.run("enable"))
    if not is_first:
        enabled(microk8s)
    before = dict(cluster.objects)
    words = ("remove", "--registry", "no.corp", "--all-nodes")
    done = ok(microk8s.run("plugin", *words))
    assert "not configured for all nodes: no.corp" in done.stdout
    assert "Nothing was changed." in done.stdout
    assert cluster.objects == before


def test_orders_that_cannot_be_read_are_given_anew_as_is_told(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    enabled(microk8s)
    cluster.objects["secret", "registries"]["data"]["orders.json"] = "eA=="
    file = b'version = 1\n[[registry]]\nhost = "other.corp"\n'
    words = ("plugin", "apply", "--all-nodes", "--file", "-")
    failed = microk8s.run(*words, stdin=file)
    assert failed.exit_code == 4
    told = "kubectl --namespace private-registry-config delete secret registries"
    assert told in failed.stderr
    cluster.left = dict.fromkeys(cluster.nodes, FINE)
    del cluster.objects["secret", "registries"]
    ok(microk8s.run(*words, stdin=file))
    assert (names(cluster), cluster.orders.number) == (("other.corp",), 2)


def test_what_is_still_being_deleted_is_told(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    ending = {"metadata": {}, "status": {"phase": "Terminating"}}
    cluster.objects["namespace", "private-registry-config"] = ending
    failed = microk8s.run("enable", *ADD)
    assert failed.exit_code == 4
    assert "wait --for=delete namespace/private-registry-config" in failed.stderr
    assert ("secret", "registries") not in cluster.objects


def test_a_login_stays_with_whom_it_was_given_to(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    login = ("--registry", "reg.corp", "--username", "ann", "--password-stdin")

    def kept_by() -> str:
        (found,) = cluster.orders.registries.credentials
        return found.login_by

    for more, keeper in (
        ((), "kubelet"),
        (("--login-by", "containerd"), "containerd"),
        ((), "containerd"),
    ):
        words = ("add", *login, "--all-nodes", *more)
        ok(microk8s.run("plugin", *words, stdin=f"{PASSWORD}{keeper}".encode()))
        assert kept_by() == keeper
    words = ("export", "--all-nodes", "--with-secrets")
    file = ok(microk8s.run("plugin", *words)).stdout.encode()
    ok(microk8s.run("plugin", "apply", "--all-nodes", "--file", "-", stdin=file))
    assert kept_by() == "containerd"


def test_repairing_is_a_standing_order(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    ok(microk8s.run("enable", *ADD, "--repair"))
    assert cluster.orders.repair
    ok(microk8s.run("plugin", "apply", "--all-nodes"))
    assert cluster.orders.repair
    ok(microk8s.run("plugin", "apply", "--all-nodes", "--no-repair"))
    assert not cluster.orders.repair


def test_taking_over_is_for_one_change(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    ok(microk8s.run("enable", *ADD, "--adopt"))
    assert cluster.orders.adopt
    ok(microk8s.run("plugin", "apply", "--all-nodes"))
    assert not cluster.orders.adopt


def test_a_check_tells_once_what_several_nodes_found(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    enabled(microk8s)
    told = Told("reg.corp", "refused", "nobody listens", "https://reg.corp", "do", True)
    note = told._replace(is_fault=False, what="worth knowing")
    cluster.findings = {"node-1": (told,), "node-2": (told, note)}
    done = microk8s.run("plugin", "check", "reg.corp/app:1", "--all-nodes")
    assert done.exit_code == 5
    assert done.stdout.count("nobody listens") == 1
    assert "on node-1, node-2: https://reg.corp" in done.stdout
    assert "node-3  ok" in done.stdout
    assert cluster.orders.question is not None
    assert cluster.orders.question.subjects == ("reg.corp/app:1",)
    # A question is no change.
    assert cluster.orders.number == 1


def test_no_two_questions_have_one_number(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    enabled(microk8s)
    numbers = []
    for name in ("one.corp", "two.corp"):
        ok(microk8s.run("plugin", "check", "--all-nodes"))
        numbers.append(cluster.orders.question)
        ok(microk8s.run("plugin", "add", "--insecure", name, "--all-nodes"))
    assert [each and each.number for each in numbers] == [1, 2]


def test_an_answer_to_a_question_that_is_gone_is_no_answer(
    microk8s: Microk8s, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    enabled(microk8s)
    old = {ANSWER: to_text(Answer(4, ("reg.corp",)))}
    node = ClusterNode("node-1", True, "amd64")
    rows = [NodeRow(node, "ok", annotations=old)]
    monkeypatch.setattr(ClusterRegistries, "rows", lambda *_given: rows)
    failed = microk8s.run("plugin", "check", "--all-nodes")
    assert failed.exit_code == 5
    assert "has not answered" in failed.stdout
    assert cluster.orders.question == Question(5)


def test_many_nodes_are_told_to_spread_their_reports(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    cluster.nodes.update((f"other-{number}", "Unknown") for number in range(997))
    enabled(microk8s)
    assert cluster.orders.spread == 5.0
    microk8s.run("disable", "--all-nodes")
    assert (cluster.orders.takes_back, cluster.orders.spread) == (True, 5.0)


def test_a_check_that_not_all_answer_is_no_clean_one(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    enabled(microk8s)
    cluster.reports["node-2"] = FINE
    done = microk8s.run("plugin", "check", "--all-nodes", "--json")
    assert done.exit_code == 5
    plain = json.loads(done.stdout)
    assert [each["answered"] for each in plain["nodes"]] == [True, False, True]


def test_export_gives_what_all_nodes_are_to_know(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    enabled(microk8s)
    done = ok(microk8s.run("plugin", "export", "--all-nodes"))
    assert f'host = "{HOST}"' in done.stdout
    assert names(cluster) == (HOST,)


def test_no_password_shows_anywhere(microk8s: Microk8s, cluster: FakeCluster) -> None:
    login = ("--registry", "reg.corp", "--username", "me", "--password-stdin")
    done = [
        microk8s.run("enable", *login, "--all-nodes", *more, stdin=PASSWORD.encode())
        for more in (("--dry-run",), (), ("--json",))
    ]
    done.append(microk8s.run("plugin", "list", "--all-nodes", "--json"))
    assert all(each.exit_code == 0 for each in done)
    assert PASSWORD not in "".join(each.stdout + each.stderr for each in done)
    shown = [str(each) for key, each in cluster.objects.items() if key[0] != "secret"]
    assert PASSWORD not in "".join(shown)
    assert cluster.orders.registries.credentials[0].password == PASSWORD


WRONG = [
    (("enable", *ADD, "--docker"), "--docker does not go with --all-nodes"),
    (("enable", *ADD, "--no-restart"), "--no-restart does not go with"),
    (("enable", *ADD, "--check"), "check --all-nodes"),
    (("enable", *ADD, "--repair", "--no-repair"), "exclude each other"),
    (("enable", *ADD, "--agent-image", "a b"), "is no image"),
    (("enable", *ADD, "--agent-image", ""), "is no image"),
    (("enable", *ADD, "--agent-image=a", "--agent-image=b"), "given 2 times"),
    (("enable", "--insecure", HOST, "--repair"), "add --all-nodes"),
    (("enable", "--insecure", HOST, "--agent-image", "a"), "add --all-nodes"),
    (("disable", "--forget", "node-1"), "add --all-nodes"),
    (("disable", "--left-behind", "--all-nodes"), "stands alone"),
    (("plugin", "check", "--all-nodes", "--timeout", "3"), "of this node alone"),
    (("plugin", "apply", "--all-nodes", "--after-refresh"), "does not go with"),
]


@pytest.mark.parametrize(("words", "told"), WRONG)
def test_what_does_not_go_together_is_refused(
    microk8s: Microk8s, cluster: FakeCluster, words: Tuple[str, ...], told: str
) -> None:
    failed = microk8s.run(*words)
    assert failed.exit_code == 2
    assert told in failed.stderr
    assert cluster.objects == {}


def test_a_worker_is_told_where_to_go(microk8s: Microk8s, cluster: FakeCluster) -> None:
    microk8s.write("var/lock/clustered.lock", "")
    failed = microk8s.run("enable", *ADD)
    assert failed.exit_code == 4
    assert "from a control plane node" in failed.stderr
    assert cluster.objects == {}


def test_an_image_that_was_named_is_kept_by_later_changes(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    def image() -> str:
        spec = cluster.objects["daemonset", "agent-amd64"]["spec"]["template"]["spec"]
        return str(spec["containers"][0]["image"])

    enabled(microk8s)
    of_this_node = image()
    for options in (("--agent-image", "pause:1"), ()):
        ok(microk8s.run("plugin", "apply", "--all-nodes", *options))
        assert image() == "pause:1"
    assert of_this_node != "pause:1"


def test_a_node_without_sandbox_image_asks_for_one(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    text = microk8s.template.read_text()
    microk8s.template.write_text(text.replace("sandbox_image", "other"))
    failed = microk8s.run("enable", *ADD)
    assert failed.exit_code == 2
    assert "--agent-image IMAGE" in failed.stderr
    assert cluster.objects == {}
    ok(microk8s.run("enable", *ADD, "--agent-image", "registry.k8s.io/pause:3.10"))


def test_orders_that_cannot_be_read_are_given_anew_as_is_said(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    enabled(microk8s)
    cluster.left = {"node-1": FINE._replace(number=7)}
    cluster.objects["secret", "registries"]["data"] = {"orders.json": "%"}
    anew = ("apply", "--file", "-", "--all-nodes")
    file = b'version = 1\n[[registry]]\nhost = "other.corp"\n'
    done = microk8s.run("plugin", *anew, stdin=file)
    assert done.exit_code == 4
    assert "cannot be read" in done.stderr
    assert "delete secret registries" in done.stderr

    del cluster.objects["secret", "registries"]
    ok(microk8s.run("plugin", *anew, stdin=file))
    assert names(cluster) == ("other.corp",)
    assert cluster.orders.number == 8


def test_all_is_taken_back_though_somebody_deleted_the_secret(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    enabled(microk8s)
    del cluster.objects["secret", "registries"]
    done = ok(microk8s.run("disable", "--all-nodes"))
    assert "All nodes are as before" in done.stdout
    assert not cluster.objects


def test_what_is_being_deleted_is_not_taken_back_once_more(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    enabled(microk8s)
    del cluster.objects["secret", "registries"]
    cluster.objects["namespace", "private-registry-config"]["status"] = {
        "phase": "Terminating"
    }
    done = ok(microk8s.run("disable", "--all-nodes"))
    assert "Nothing is configured for all nodes" in done.stdout
    assert ("secret", "registries") not in cluster.objects


def test_of_two_that_take_all_back_at_once_none_waits_for_what_is_gone(
    microk8s: Microk8s, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    enabled(microk8s)
    listed = cluster.listed

    def gone_meanwhile(namespace: str, *wanted: Wanted) -> Any:
        if "Lease" in [each.kind for each in wanted]:
            cluster.objects.clear()
        return listed(namespace, *wanted)

    monkeypatch.setattr(cluster, "listed", gone_meanwhile)
    done = ok(microk8s.run("disable", "--all-nodes"))
    assert "Nothing is configured for all nodes" in done.stdout
    assert "--forget" not in done.stdout


@pytest.mark.parametrize("answer", ["<html>", '{"a":', "[" * 200])
def test_an_api_that_answers_something_else_is_no_bug_of_ours(
    microk8s: Microk8s, answer: str
) -> None:
    kubectl = microk8s.snap / "microk8s-kubectl.wrapper"
    kubectl.write_text(f"#!/bin/sh\necho '{answer}'\n")
    kubectl.chmod(0o755)
    done = microk8s.run("plugin", "list", "--all-nodes")
    assert done.exit_code == 4, done
    assert "cannot be taken" in done.stderr
