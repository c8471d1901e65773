"""What a cluster of the harness lets tests do: ask the API server from pods, switch
nodes and the control plane off, let nodes join.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from registry_harness import StartError, difference
from registry_harness.containerd.releases import ContainerdRelease
from registry_harness.kubernetes import (
    Api,
    ApiRefused,
    Cluster,
    Rule,
    account_user,
    api_as_account,
    fake_nodes,
    may,
    pod_reports,
    rules,
)

from .conftest import run
from .host_python import host_python_daemon_set, host_python_pod

pytestmark = pytest.mark.kubernetes

ASK_VERSION = """
import http.client, os, ssl
account = "/var/run/secrets/kubernetes.io/serviceaccount"
with open(account + "/token") as file:
    token = file.read()
address = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
context = ssl.create_default_context(cafile=account + "/ca.crt")
asked = http.client.HTTPSConnection(
    address[0], int(address[1]), timeout=10, context=context
)
asked.request("GET", "/version", headers={"Authorization": "Bearer " + token})
answer = asked.getresponse()
print(*address, answer.status, answer.read().decode().replace("\\n", ""))
with open("/var/snap/microk8s/current/args/certs.d/written", "w") as file:
    file.write(os.environ["HOSTNAME"])
"""
both_authorizations = pytest.mark.parametrize(
    "cluster_of_three",
    ["Node,RBAC", pytest.param("AlwaysAllow", marks=pytest.mark.exhaustive)],
    indirect=True,
)


@both_authorizations
def test_a_pod_asks_the_api_server_by_the_hosts_python(
    cluster_of_three: Cluster,
) -> None:
    api = cluster_of_three.api
    cluster_of_three.wait_until(
        "the account is there",
        lambda: api.get("serviceaccounts", "default", "default"),
    )
    for name in cluster_of_three.names:
        api.create("pods", "default", host_python_pod(name, ASK_VERSION, name))
    for node in cluster_of_three.nodes:
        name = node.name
        cluster_of_three.wait_until(
            f"the pod on {name} has ended",
            partial(has_ended, cluster_of_three, name),
        )
        host, port, status, told = cluster_of_three.pod_log("default", name).split(
            " ", 3
        )
        assert (host, port, status) == ("10.152.183.1", "443", "200")
        version = cluster_of_three.control_plane.release.version
        assert json.loads(told)["gitVersion"] == f"v{version}"
        assert phase(cluster_of_three, name) == "Succeeded"
        written = node.node.certs_d / "written"
        assert written.read_text() == name
        written.unlink()
        api.delete("pods", "default", name)


def has_ended(cluster: Cluster, pod: str) -> bool:
    """Whether a pod is over."""
    return phase(cluster, pod) in ("Succeeded", "Failed")


def phase(cluster: Cluster, pod: str) -> str:
    """Return how far a pod has come."""
    found = cluster.api.get("pods", "default", pod) or {}
    return str(found["status"]["phase"])


@pytest.fixture(scope="module")
def sleepers(cluster_of_three: Cluster) -> Iterator[Cluster]:
    """The cluster with a DaemonSet whose pods sleep, and a service account that may
    read one Secret.
    """
    code = "import time; print('here', flush=True); time.sleep(3600)"
    api = cluster_of_three.api
    api.create("daemonsets", "default", host_python_daemon_set("sleepers", code))
    api.create("serviceaccounts", "default", {"metadata": {"name": "agent"}})
    allow_one_secret(api)
    cluster_of_three.wait_for_daemon_set("default", "sleepers")
    yield cluster_of_three
    api.delete("daemonsets", "default", "sleepers")
    for resource in ("rolebindings", "roles", "serviceaccounts"):
        api.delete(resource, "default", "agent")
    cluster_of_three.wait_until(
        "its pods are gone", lambda: not api.items("pods", "default")
    )


def allow_one_secret(api: Api) -> None:
    """Let the service account read a Secret that is not there."""
    group = "rbac.authorization.k8s.io"
    rule = {
        "apiGroups": [""],
        "resources": ["secrets"],
        "resourceNames": ["one"],
        "verbs": ["get", "watch"],
    }
    role = {"metadata": {"name": "agent"}, "rules": [rule]}
    api.create("roles", "default", role)
    binding = {
        "metadata": {"name": "agent"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "agent"},
        "subjects": [{"kind": "ServiceAccount", "name": "agent"}],
    }
    api.create("rolebindings", "default", binding)


def test_two_nodes_are_control_plane_nodes_and_one_is_a_worker(
    cluster_of_three: Cluster,
) -> None:
    first, second, worker = cluster_of_three.nodes
    series = [each.containerd.release.series for each in cluster_of_three.nodes]
    assert series == ["1.6", "2.1", "2.4"]
    for node in (first, second):
        assert "node-3" in node.node.kubectl("get", "nodes").stdout
    assert "acting as a node" in worker.node.kubectl("get", "nodes").stdout
    data = worker.node.as_seen(worker.node.data)
    login = f"--kubeconfig={data}/credentials/kubelet.config"
    own = worker.node.run(worker.node.snap / "kubectl", login, "get", "node", "node-3")
    run(own)
    assert "Ready" in own.stdout


# Daily by those of all_nodes/.
@pytest.mark.exhaustive
def test_a_node_goes_down_and_comes_back(sleepers: Cluster) -> None:
    first, second, _ = sleepers.nodes
    before, others = second.containers(), first.containers()
    container = second.container("default", "sleepers", "agent")
    files = second.node.snapshot()
    second.down()
    assert not second.machine.is_up
    assert second.node.run(Path("/bin/true")).exit_code != 0
    with pytest.raises(StartError):
        second.containers()
    second.up()
    sleepers.wait_until_ready("node-2")
    sleepers.wait_until(
        "its pod runs again",
        lambda: [
            each
            for each in second.containers()
            if (each.pod, each.name) == (container.pod, "agent")
        ],
    )
    assert not before & second.containers()
    assert difference(files, second.node.snapshot()) == []
    assert first.containers() == others
    assert sleepers.pod_log("default", container.pod, "agent") == "here\n"


@pytest.mark.exhaustive
def test_a_node_that_is_down_is_not_ready(cluster_of_three: Cluster) -> None:
    worker = cluster_of_three.nodes[2]
    worker.down()
    cluster_of_three.wait_until(
        "it is not ready", lambda: not cluster_of_three.is_ready("node-3")
    )
    worker.up()
    cluster_of_three.wait_until_ready("node-3")


# Daily by those of all_nodes/.
@pytest.mark.exhaustive
@pytest.mark.parametrize("is_worker", [True, False])
def test_a_node_joins_and_leaves(
    is_worker: bool,
    sleepers: Cluster,
    containerd_releases: dict[str, ContainerdRelease],
) -> None:
    with sleepers.joined(containerd_releases["2.4"], is_worker=is_worker) as node:
        assert sleepers.names == ["node-1", "node-2", "node-3", "node-4"]
        sleepers.wait_for_daemon_set("default", "sleepers", ["node-4"])
        sleepers.wait_for_daemon_set("default", "sleepers")
        assert ("node-4" in node.node.kubectl("get", "nodes").stdout) != is_worker
    assert sleepers.names == ["node-1", "node-2", "node-3"]
    assert sleepers.api.get("nodes", name="node-4") is None


# Daily by those of all_nodes/.
@pytest.mark.exhaustive
def test_the_control_plane_is_away_and_comes_back(sleepers: Cluster) -> None:
    control_plane = sleepers.control_plane
    host, api = control_plane.host, control_plane.api
    before = {each.name: each.containers() for each in sleepers.nodes}
    uid = (api.get("daemonsets", "default", "sleepers") or {})["metadata"]["uid"]
    with control_plane.away(), pytest.raises(OSError, match="refused"):
        api.get("nodes")
    assert control_plane.host == host
    found = api.get("daemonsets", "default", "sleepers") or {}
    assert found["metadata"]["uid"] == uid
    sleepers.wait_until_ready(*before)
    assert {each.name: each.containers() for each in sleepers.nodes} == before


def test_a_container_that_ends_is_another_one(sleepers: Cluster) -> None:
    node = sleepers.nodes[0]
    before, since = node.containers(), node.containerd.started
    agent = node.container("default", "sleepers", "agent")
    assert {(each.pod, each.name) for each in before} >= {
        (agent.pod, "agent"),
        (agent.pod, ""),
    }
    used = node.usage(agent)
    assert used.processes == 1
    assert 0 < used.cpu_seconds < 10
    assert 4 << 20 < used.rss_bytes < 64 << 20
    run(node.node.run(Path("/bin/kill"), "-KILL", str(agent.process)))
    sleepers.wait_until(
        "it was started again",
        lambda: len(node.containers() - {agent}) == len(before),
    )
    after = node.containers()
    assert before - after == {agent}
    assert (node.usage(agent).processes, node.containerd.started) == (0, since)
    node.containerd.restart()
    assert node.containerd.started > since
    assert node.containers() == after
    sleepers.wait_for_daemon_set("default", "sleepers")


def test_a_daemon_set_that_does_not_start_says_why(cluster_of_three: Cluster) -> None:
    api = cluster_of_three.api
    plain = host_python_daemon_set("stuck", "pass")
    (container,) = plain["spec"]["template"]["spec"]["containers"]
    container["image"] = "registry.example/missing:1"
    api.create("daemonsets", "default", plain)

    def is_told() -> bool:
        # What the kubelet says of a container comes after its Event.
        told = [each.splitlines()[0] for each in pod_reports(api, "default", "stuck")]
        return len(told) == 3 and all("waiting ErrImageNeverPull" in e for e in told)

    cluster_of_three.wait_until("each pod has its reason", is_told)
    words = "not rolled out after 0 s: stuck\npod stuck-.* on node-.: Pending .*waiting"
    with pytest.raises(StartError, match=words):
        cluster_of_three.wait_for_daemon_set("default", "stuck", seconds=0)
    api.delete("daemonsets", "default", "stuck")


def test_requests_are_counted_by_who_asked(sleepers: Cluster) -> None:
    control_plane = sleepers.control_plane
    agent = api_as_account(sleepers.api, "default", "agent")
    before, since = control_plane.usage(), control_plane.moment()
    for _ in range(20):
        assert agent.get("secrets", "default", "one") is None
    with pytest.raises(ApiRefused, match="cannot list resource"):
        agent.items("secrets", "default")
    user = account_user("default", "agent")
    asked = [each for each in control_plane.requests(since) if each.user == user]
    assert [(each.verb, each.resource, each.name) for each in asked] == [
        *[("get", "secrets", "one")] * 20,
        ("list", "secrets", ""),
    ]
    assert {each.namespace for each in asked} == {"default"}
    after = control_plane.usage()
    assert after.cpu_seconds > before.cpu_seconds > 0
    assert after.rss_bytes > 50 << 20


def test_what_an_account_may_do(sleepers: Cluster) -> None:
    agent = api_as_account(sleepers.api, "default", "agent")
    assert may(agent, "get", "secrets", "default", "one")
    for question in (
        ("get", "secrets", "default", "two"),
        ("get", "secrets", "kube-system", "one"),
        ("update", "secrets", "default", "one"),
        ("list", "secrets"),
        ("create", "serviceaccounts/token", "default", "agent"),
        ("get", "nodes"),
    ):
        assert not may(agent, *question)
        assert may(sleepers.api, *question)
    one = Rule(frozenset({"get", "watch"}), frozenset({"secrets"}), frozenset({"one"}))
    assert rules(agent, "default") == {one}
    assert rules(agent, "kube-system") == set()


# What many nodes cost: all_nodes/test_many.py.
@pytest.mark.exhaustive
def test_many_nodes_are_simulated(sleepers: Cluster) -> None:
    with fake_nodes(sleepers.api, 40, "default", "agent") as fakes:
        names = [each.name for each in fakes]
        assert len(set(names)) == len(sleepers.api.items("nodes")) - 3 == 40
        told = [each.api.create("selfsubjectreviews", "", {}) for each in fakes]
        users = [each["status"]["userInfo"] for each in told]
        assert {each["username"] for each in users} == {
            account_user("default", "agent")
        }
        extra = "authentication.kubernetes.io/node-name"
        assert [each["extra"][extra] for each in users] == [[name] for name in names]
    assert len(sleepers.api.items("nodes")) == 3
    pods = sleepers.api.items("pods")
    assert not {each["spec"].get("nodeName") for each in pods} & set(names)
    sleepers.wait_for_daemon_set("default", "sleepers")
