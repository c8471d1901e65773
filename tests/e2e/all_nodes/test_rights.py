"""What the agents of all nodes may do in a cluster, and where the secrets that they
carry show.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from e2e.host_python import host_python_pod
from registry_harness import CertificateAuthority, HarnessNetwork, Registry, fill
from registry_harness.containerd.releases import SERIES, ContainerdRelease
from registry_harness.kubernetes import (
    ApiRefused,
    Cluster,
    ClusterSpec,
    KubernetesRelease,
    Rule,
    api_as_account,
    may,
    rules,
    running_cluster,
)
from registry_harness.kubernetes.kubectl import fetch_kubectls
from registry_harness.pytest_plugin import log_on_failure

from .together import AGENT, NAMESPACE, SECRET, Together, done, together

pytestmark = pytest.mark.kubernetes

PASSWORD = "planted-s3cr3t"
USERNAME = "planted-ann"
REGISTRIES = f"""
[[registry]]
host = "reg.corp:5000"
ca_file = "ca.crt"
client_cert_file = "node.crt"
client_key_file = "node.key"
username = "{USERNAME}"
password = "{PASSWORD}"
"""
ELSEWHERE = "elsewhere"
NOT_ALLOWED = [
    *((verb, "secrets", NAMESPACE, SECRET) for verb in ("update", "patch", "delete")),
    *((verb, "secrets", NAMESPACE) for verb in ("get", "list", "watch", "create")),
    ("get", "secrets", NAMESPACE, "another"),
    *(("get", "secrets", each, SECRET) for each in ("default", "kube-system")),
    *(("create", each, "default") for each in ("events", "leases")),
    *((verb, "events", NAMESPACE) for verb in ("list", "patch", "delete")),
    *((verb, "leases", NAMESPACE) for verb in ("list", "delete", "deletecollection")),
    *((verb, "leases", "kube-node-lease") for verb in ("get", "create", "patch")),
    *(
        (verb, kind, where)
        for verb in ("get", "list", "create", "patch", "delete")
        for kind in ("configmaps", "pods", "daemonsets", "deployments", "roles")
        for where in (NAMESPACE, "default", "kube-system")
    ),
    *((verb, "nodes") for verb in ("get", "list", "patch", "delete")),
    *(("list", each) for each in ("namespaces", "secrets", "pods", "clusterroles")),
    *(
        ("create", each, NAMESPACE)
        for each in ("serviceaccounts/token", "pods/exec", "rolebindings")
    ),
    ("impersonate", "users"),
]


def allowed(*verbs: str, of: str, names: tuple[str, ...] = ()) -> Rule:
    """Return what somebody may do."""
    return Rule(frozenset(verbs), frozenset([of]), frozenset(names))


def test_an_agent_may_read_its_orders_and_report_and_nothing_else(
    nodes: Together,
) -> None:
    done(nodes.enable("--insecure", "reg.corp:5000"))
    agent = api_as_account(nodes.api, NAMESPACE, AGENT)
    assert rules(agent, NAMESPACE) == {
        allowed("get", "list", "watch", of="secrets", names=(SECRET,)),
        allowed("get", "create", "patch", of="leases.coordination.k8s.io"),
        allowed("create", of="events"),
    }
    for each in nodes.api.items("namespaces"):
        name = each["metadata"]["name"]
        assert name == NAMESPACE or rules(agent, name) == set()
    for verb in ("get", "list", "watch"):
        assert may(agent, verb, "secrets", NAMESPACE, SECRET)
    for question in NOT_ALLOWED:
        assert not may(agent, *question), question
    # Of the namespace's own account, which pods have that name none, nothing is said.
    other = api_as_account(nodes.api, NAMESPACE, "default")
    assert rules(other, NAMESPACE) == set()


@pytest.mark.exhaustive
@pytest.mark.parametrize("cluster_of_three", ["AlwaysAllow"], indirect=True)
def test_where_everybody_may_do_all_it_is_the_same(
    nodes: Together, plain_registry: Registry
) -> None:
    done(nodes.enable("--insecure", plain_registry.host))
    nodes.pull_on(plain_registry, "app", 1, 2, 3)
    done(nodes.plugin("add", "--insecure", "other.corp:5000"))
    nodes.wait_until_listed("ok", "node-1", "node-2", "node-3")
    done(nodes.disable())
    assert nodes.differences(2, 3) == []


@pytest.fixture(scope="module")
def restricted_cluster(
    kubernetes_release: KubernetesRelease,
    containerd_releases: dict[str, ContainerdRelease],
    harness_network: HarnessNetwork,
    addon_repository: Path,
    addon_name: str,
    pytestconfig: pytest.Config,
) -> Iterator[Cluster]:
    """A cluster of one node that lets pods of namespaces do as little as it can."""
    spec = ClusterSpec(
        [containerd_releases[SERIES[-1]]],
        addon_repository,
        addon_name,
        fetch_kubectls(lambda _line: None)[-1],
        pod_security="restricted",
    )
    with (
        running_cluster(kubernetes_release, spec, harness_network) as cluster,
        log_on_failure(pytestconfig, "restricted cluster", cluster.log),
    ):
        yield cluster


@pytest.mark.exhaustive
def test_a_cluster_that_restricts_pods_has_agents_and_one_node_is_enough(
    restricted_cluster: Cluster, plain_registry: Registry
) -> None:
    api = restricted_cluster.api
    api.create("namespaces", "", {"metadata": {"name": ELSEWHERE}})
    api.create("serviceaccounts", ELSEWHERE, {"metadata": {"name": "some"}})
    restricted_cluster.wait_until(
        "the account is there",
        lambda: api.get("serviceaccounts", ELSEWHERE, "default"),
    )
    pod = host_python_pod("like-an-agent", "pass", "node-1")
    with pytest.raises(ApiRefused, match='violates PodSecurity "restricted:latest"'):
        api.create("pods", ELSEWHERE, pod)
    with together(restricted_cluster) as nodes:
        done(nodes.enable("--insecure", plain_registry.host))
        nodes.node(1).pull(fill(plain_registry, "app"))
        assert [each["state"] for each in nodes.rows().values()] == ["ok"]


def test_secrets_show_nowhere_but_in_the_secret(
    nodes: Together, certificate_authority: CertificateAuthority
) -> None:
    pair, place = certificate_authority.client(), nodes.node(1).machine.work / "given"
    place.mkdir()
    for name, content in {
        "ca.crt": certificate_authority.pem,
        "node.crt": pair.certificate,
        "node.key": pair.key,
        "registries.toml": REGISTRIES.encode(),
    }.items():
        (place / name).write_bytes(content)
    planted = forms(PASSWORD, f"{USERNAME}:{PASSWORD}", *key_lines(pair.key.decode()))
    give = ("--file", str(place / "registries.toml"))
    commands = [
        nodes.enable(*give),
        nodes.plugin("add", *give, "--dry-run"),
        nodes.plugin("add", *give, "--json"),
        *(nodes.plugin("list", *each) for each in ((), ("--json",))),
        nodes.plugin("apply", "--repair"),
        nodes.plugin("check"),
        nodes.own("list", on=1),
    ]
    assert commands[0].exit_code == 0
    assert {each["state"] for each in nodes.rows().values()} == {"ok"}
    secret = nodes.api.get("secrets", NAMESPACE, SECRET) or {}
    state = base64.b64decode(secret["data"]["registries.toml"]).decode()
    assert all(each in state for each in (PASSWORD, *key_lines(pair.key.decode())))
    places = {
        **{f"output {number}": str(each) for number, each in enumerate(commands)},
        **objects(nodes),
        **logs(nodes),
    }
    for name, text in places.items():
        assert text, name
        assert [each for each in planted if each in text] == [], name


def key_lines(pem: str) -> list[str]:
    """Return the lines of a key that are secret."""
    return [each for each in pem.splitlines() if each and "-----" not in each]


def forms(*secrets: str) -> list[str]:
    """Return secrets in the forms in which they may be written."""
    encoded = [base64.b64encode(each.encode()).decode() for each in secrets]
    return [*secrets, *(each.rstrip("=") for each in encoded)]


def objects(nodes: Together) -> dict[str, str]:
    """Return all objects of the namespace but the Secret, as kubectl shows them, and
    what of the cluster agents write to.
    """
    kubectl = nodes.node(1).node.kubectl
    listed = kubectl("api-resources", "--verbs=list", "--namespaced", "-o=name")
    kinds = [each for each in listed.stdout.split() if each != "secrets"]
    assert {"configmaps", "events", "leases.coordination.k8s.io"} <= set(kinds)
    shown = {
        kind: kubectl("get", kind, f"--namespace={NAMESPACE}", "-o=yaml")
        for kind in kinds
    }
    for kind in ("nodes", "namespaces"):
        shown[kind] = kubectl("get", kind, "-o=yaml")
    secrets = nodes.api.items("secrets", NAMESPACE)
    assert [each["metadata"]["name"] for each in secrets] == [SECRET]
    about = json.dumps(secrets[0]["metadata"])
    return {"the Secret's metadata": about} | {
        kind: each.stdout for kind, each in shown.items()
    }


def logs(nodes: Together) -> dict[str, str]:
    """Return what agents, kubelets, containerds and the control plane have written."""
    found = {"control plane": nodes.cluster.control_plane.log()}
    for pod in nodes.api.items("pods", NAMESPACE):
        name = pod["metadata"]["name"]
        found[f"log of {name}"] = nodes.cluster.pod_log(NAMESPACE, name)
    for number, node in enumerate(nodes.cluster.nodes, 1):
        found[f"kubelet of {node.name}"] = node.kubelet.log()
        found[f"containerd of {node.name}"] = node.containerd.log()
        process = node.machine.processes / str(nodes.agent(number).process)
        for part in ("environ", "cmdline"):
            found[f"{part} on {node.name}"] = (process / part).read_text()
        # In its config.json a login belongs.
        kubelets = node.node.common / "var/lib/kubelet"
        files = (each for each in kubelets.rglob("*") if each.is_file())
        found[f"kubelet's files on {node.name}"] = "".join(
            each.read_text(errors="replace")
            for each in files
            if each.name not in ("engine.zip", "config.json")
        )
    return found
