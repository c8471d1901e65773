"""Pull secrets by kubectl itself, old and new, against an API that checks what arrives."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from private_registry.core.model import Credentials
from private_registry.core.names import RegistryName
from private_registry.core.pull_secrets import PullSecret, docker_config_of
from registry_harness import MicroK8sNode, ProgramResult, difference
from registry_harness.cluster_api import ClusterApi
from registry_harness.kubectl import use_kubectl
from registry_harness.kubernetes import ApiRequest
from unit.strategies import passwords, usernames

from .conftest import run

HOST = "reg.corp:5000"
PASSWORD = "s3cr3t ∞ \\\" '"
LOGIN = ["--registry", HOST, "--username", "ann", "--password-stdin", "--pull-secret", "regcred"]
EVERYWHERE = ["--namespace", "default", "--namespace", "apps", "--service-account", "default"]
TYPE = "kubernetes.io/dockerconfigjson"
# What the API refuses, every kubectl passes on alike.
NEWEST = pytest.mark.parametrize("kubectl", ["newest"], indirect=True)
JSON_PATCH = "application/json-patch+json"


@pytest.fixture
def node(microk8s_files: MicroK8sNode, kubectl: Path, cluster_api: ClusterApi) -> MicroK8sNode:
    """A node whose kubectl speaks to the stand-in."""
    use_kubectl(microk8s_files, kubectl, cluster_api.kubeconfig())
    return microk8s_files


def enable(node: MicroK8sNode, *options: str) -> ProgramResult:
    """Enable with the pull secret everywhere."""
    return node.enable(*LOGIN, *EVERYWHERE, *options, stdin=PASSWORD)


def test_what_arrives(node: MicroK8sNode, cluster_api: ClusterApi) -> None:
    before, objects = node.snapshot(), cluster_api.objects()
    run(enable(node))
    made = [(each.method, each.path) for each in cluster_api.writes]
    below = "/api/v1/namespaces"
    assert made == [
        ("POST", f"{below}/default/secrets"),
        ("PATCH", f"{below}/default/serviceaccounts/default"),
        ("POST", f"{below}/apps/secrets"),
        ("PATCH", f"{below}/apps/serviceaccounts/default"),
    ]
    for create in cluster_api.writes[::2]:
        plain = json.loads(create.body)
        assert plain["type"] == TYPE
        assert plain["metadata"]["labels"] == {
            "app.kubernetes.io/managed-by": "private-registry-config"
        }
        assert "annotations" not in plain["metadata"]
        login = json.loads(base64.b64decode(plain["data"][".dockerconfigjson"]))["auths"][HOST]
        assert (login["username"], login["password"]) == ("ann", PASSWORD)
    for patch in cluster_api.writes[1::2]:
        assert patch.content_type == JSON_PATCH
        test, add = json.loads(patch.body)
        assert (test["op"], test["path"]) == ("test", "/metadata/resourceVersion")
        assert add == {"op": "add", "path": "/imagePullSecrets", "value": [{"name": "regcred"}]}
    versions = [
        cluster_api.version_of("secrets", namespace, "regcred") for namespace in ("default", "apps")
    ]
    run(node.disable())
    gone = cluster_api.writes[4:]
    assert [each.method for each in gone] == ["PATCH", "DELETE", "PATCH", "DELETE"]
    bound = [json.loads(each.body)["preconditions"] for each in gone[1::2]]
    assert bound == [{"resourceVersion": version} for version in versions]
    assert cluster_api.objects() == objects
    assert difference(before, node.snapshot()) == []


def test_all_is_asked_for_before_anything_changes(
    node: MicroK8sNode, cluster_api: ClusterApi
) -> None:
    run(enable(node))
    dry = [each.method for each in cluster_api.requests if each.is_dry]
    assert dry == ["POST", "PATCH", "POST", "PATCH"]
    first_write = next(each for each in cluster_api.requests if each.is_write)
    asked = cluster_api.requests[: cluster_api.requests.index(first_write)]
    assert sum(each.is_dry for each in asked) == len(dry)


def test_a_new_password_and_the_same_again(node: MicroK8sNode, cluster_api: ClusterApi) -> None:
    run(enable(node))
    count = len(cluster_api.writes)
    run(enable(node))
    assert len(cluster_api.writes) == count
    run(node.plugin("private-registry", "add", *LOGIN, stdin="new"))
    assert [each.method for each in cluster_api.writes[count:]] == ["PUT"]
    secret = cluster_api.get("secrets", "default", "regcred")
    assert password_in(secret) == "new"
    assert password_in(cluster_api.get("secrets", "apps", "regcred")) == PASSWORD


THEIRS = {"name": "theirs"}


def let_list(api: ClusterApi, namespace: str, *entries: dict[str, Any]) -> None:
    """Let the service account ``default`` list these."""
    listing = {"metadata": {"name": "default"}, "imagePullSecrets": list(entries)}
    api.put("serviceaccounts", namespace, listing)


def listed(api: ClusterApi, namespace: str = "default") -> list[dict[str, Any]]:
    """Return what the service account ``default`` lists."""
    account = api.get("serviceaccounts", namespace, "default") or {}
    return list(account.get("imagePullSecrets", []))


def test_accounts_keep_what_else_they_list(node: MicroK8sNode, cluster_api: ClusterApi) -> None:
    odd: list[dict[str, Any]] = [THEIRS, {}, THEIRS, {"name": "regcred2", "optional": True}]
    let_list(cluster_api, "default", {"name": "a"}, {"name": "regcred"}, {"name": "b"})
    let_list(cluster_api, "apps", *odd)
    objects = cluster_api.objects()
    run(enable(node))
    assert listed(cluster_api, "apps") == [*odd, {"name": "regcred"}]
    run(node.disable())
    assert cluster_api.objects() == objects


class Somebody:
    """Who changes what there is right before the first write, and the first asking, of a kind.

    Args:
        api: where.
        method: of the write.
        change: what is done; given the turn, from 0 on.
    """

    def __init__(self, api: ClusterApi, method: str, change: Callable[[int], None]) -> None:
        self.turns: list[bool] = []
        self._method, self._change = method, change
        api.meanwhile = self._look

    def _look(self, request: ApiRequest) -> None:
        if request.method == self._method and request.is_dry not in self.turns:
            self.turns.append(request.is_dry)
            self._change(len(self.turns) - 1)


def test_what_somebody_lists_in_between_stays(node: MicroK8sNode, cluster_api: ClusterApi) -> None:
    def change(turn: int) -> None:
        let_list(cluster_api, "default", *listed(cluster_api), {"name": f"late{turn}"})

    somebody = Somebody(cluster_api, "PATCH", change)
    run(enable(node))
    assert somebody.turns == [True, False]
    assert [each["name"] for each in listed(cluster_api)] == ["late0", "late1", "regcred"]
    somebody = Somebody(cluster_api, "PATCH", change)
    run(node.disable())
    assert somebody.turns == [False]
    assert [each["name"] for each in listed(cluster_api)] == ["late0", "late1", "late0"]


def test_what_somebody_makes_of_the_secret_in_between_stays(
    node: MicroK8sNode, cluster_api: ClusterApi
) -> None:
    def change(turn: int) -> None:
        secret = cluster_api.get("secrets", "default", "regcred")
        assert secret is not None
        secret["metadata"].setdefault("annotations", {})[f"a{turn}"] = "b"
        cluster_api.put("secrets", "default", secret)

    def take_over(_turn: int) -> None:
        secret = cluster_api.get("secrets", "default", "regcred")
        assert secret is not None
        del secret["metadata"]["labels"]
        cluster_api.put("secrets", "default", secret)

    run(enable(node))
    somebody = Somebody(cluster_api, "PUT", change)
    run(node.plugin("private-registry", "add", *LOGIN, stdin="new"))
    secret = cluster_api.get("secrets", "default", "regcred")
    assert somebody.turns == [True, False]
    assert secret is not None
    assert (password_in(secret), secret["metadata"]["annotations"]) == (
        "new",
        {"a0": "b", "a1": "b"},
    )
    somebody = Somebody(cluster_api, "DELETE", take_over)
    done = node.disable()
    run(done)
    assert "no longer labelled as ours" in done.stdout
    assert somebody.turns == [False]
    assert cluster_api.get("secrets", "default", "regcred")
    assert not cluster_api.get("secrets", "apps", "regcred")


@pytest.mark.parametrize("names", [["regcred", "another"], ["regcred", "regcred"]], ids=" ".join)
def test_two_runs_at_once_both_land(
    kubectl: Path,
    cluster_api: ClusterApi,
    addon_repository: Path,
    addon_name: str,
    tmp_path: Path,
    names: list[str],
) -> None:
    nodes = [
        MicroK8sNode(tmp_path / f"at-once-{at}", addon_repository, addon_name) for at in (0, 1)
    ]
    let_list(cluster_api, "default", THEIRS)
    objects = cluster_api.objects()
    for each in nodes:
        use_kubectl(each, kubectl, cluster_api.kubeconfig())
    with ThreadPoolExecutor() as both:
        for done in both.map(
            lambda pair: pair[0].enable(*LOGIN[:-1], pair[1], *EVERYWHERE, stdin=PASSWORD),
            zip(nodes, names, strict=True),
        ):
            run(done)
        assert listed(cluster_api)[0] == THEIRS
        assert sorted(each["name"] for each in listed(cluster_api)[1:]) == sorted(set(names))
        for done in both.map(MicroK8sNode.disable, nodes):
            run(done)
    assert cluster_api.objects() == objects


@NEWEST
@pytest.mark.parametrize("write", [2, 3])
def test_all_or_none(node: MicroK8sNode, cluster_api: ClusterApi, write: int) -> None:
    before, objects = node.snapshot(), cluster_api.objects()
    with cluster_api.failing_at(write):
        refused = enable(node)
    assert refused.exit_code == 4
    assert "database space exceeded" in refused.stderr
    assert cluster_api.objects() == objects
    assert difference(before, node.snapshot()) == []
    run(enable(node))
    enabled = cluster_api.objects()
    with cluster_api.failing_at(write):
        assert node.disable().exit_code == 4
    assert cluster_api.objects() == enabled
    run(node.disable())
    assert cluster_api.objects() == objects


@NEWEST
@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (("create", "secrets", "apps"), 'cannot create resource "secrets"'),
        (("patch", "serviceaccounts", "apps"), 'cannot patch resource "serviceaccounts"'),
        (("get", "secrets", "default"), 'cannot get resource "secrets"'),
        (("get", "namespaces", ""), 'cannot get resource "namespaces"'),
    ],
    ids=" ".join,
)
def test_what_is_forbidden(
    node: MicroK8sNode, cluster_api: ClusterApi, rule: tuple[str, str, str], words: str
) -> None:
    cluster_api.forbidden.add(rule)
    objects = cluster_api.objects()
    refused = enable(node)
    assert refused.exit_code == 4
    assert words in refused.stderr.splitlines()[0]
    assert cluster_api.writes == []
    assert cluster_api.objects() == objects


def test_a_conflict(node: MicroK8sNode, cluster_api: ClusterApi) -> None:
    theirs: dict[str, Any] = {"metadata": {"name": "regcred"}, "type": "Opaque", "data": {}}
    cluster_api.put("secrets", "apps", theirs)
    refused = enable(node)
    assert refused.exit_code == 3
    assert "kubectl delete secret -n apps regcred" in refused.stderr
    assert cluster_api.writes == []


def test_no_such_namespace_or_account(node: MicroK8sNode, cluster_api: ClusterApi) -> None:
    refused = node.enable(*LOGIN, "--namespace", "nowhere", stdin=PASSWORD)
    assert refused.exit_code == 4
    assert "microk8s kubectl create namespace nowhere" in refused.stderr
    refused = node.enable(*LOGIN, "--service-account", "nobody", stdin=PASSWORD)
    assert refused.exit_code == 4
    assert "microk8s kubectl create serviceaccount -n default nobody" in refused.stderr
    assert cluster_api.writes == []


def test_nobody_answers(microk8s_files: MicroK8sNode, kubectl: Path) -> None:
    with ClusterApi("default") as api:
        use_kubectl(microk8s_files, kubectl, api.kubeconfig())
        run(microk8s_files.enable(*LOGIN, stdin=PASSWORD))
    enabled = microk8s_files.snapshot()
    for refused in (microk8s_files.disable(), microk8s_files.enable(*LOGIN, stdin="new")):
        assert refused.exit_code == 4
        assert "the cluster's API does not answer" in refused.stderr.splitlines()[0]
    assert difference(enabled, microk8s_files.snapshot()) == []
    run(microk8s_files.disable("--keep-pull-secrets"))


def test_no_secret_is_in_any_path_or_patch(node: MicroK8sNode, cluster_api: ClusterApi) -> None:
    run(enable(node))
    run(node.disable())
    secret = json.dumps(PASSWORD)[1:-1]
    encoded = base64.b64encode(f"ann:{PASSWORD}".encode()).decode()
    for request in cluster_api.requests:
        said = [request.path, json.dumps(request.query), *patch_of(request)]
        assert not any(each in text for each in (secret, encoded) for text in said)


# --- what kubectl itself accepts -------------------------------------------------------------


def accepts(kubectl: Path, api: ClusterApi, plain: dict[str, Any]) -> bool:
    """Whether kubectl's own validation lets a manifest pass."""
    command = [str(kubectl), "--kubeconfig=/dev/null", f"--server={api.url}", "create"]
    done = subprocess.run(
        [*command, "--filename=-", "--dry-run=client"],
        input=json.dumps(plain).encode(),
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(usernames, passwords, st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8})?", fullmatch=True))
def test_kubectl_takes_every_manifest(
    kubectl: Path, cluster_api: ClusterApi, username: str, password: str, name: str
) -> None:
    text = docker_config_of(RegistryName("reg.corp"), Credentials(username, password))
    secret = PullSecret(name, ("default",), (), None, text)
    assert accepts(kubectl, cluster_api, secret.manifest("default"))


def test_kubectl_does_look_at_it(kubectl: Path, cluster_api: ClusterApi) -> None:
    plain = PullSecret("x", ("default",), (), None, '{"auths": {}}').manifest("default")
    assert accepts(kubectl, cluster_api, plain)
    assert not accepts(kubectl, cluster_api, {**plain, "dota": {}})
    assert not accepts(kubectl, cluster_api, {**plain, "data": ["x"]})


def password_in(secret: dict[str, Any] | None) -> str:
    """Return the password for HOST that a Secret holds."""
    assert secret is not None
    auths = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))["auths"]
    return str(auths[HOST]["password"])


def patch_of(request: ApiRequest) -> list[str]:
    """Return the body of a patch, which stands on kubectl's command line."""
    return [request.body] if request.method == "PATCH" else []
