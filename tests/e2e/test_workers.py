"""Pull secrets from a worker node, at real API servers, as its kubelet asks them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry_harness import MicroK8sNode, difference
from registry_harness.kubernetes import Api, ControlPlane, KubernetesRelease
from registry_harness.kubernetes.kubectl import fetch_kubectls, make_worker, use_kubectl
from registry_harness.machine.workspace import workspace

from .conftest import run

pytestmark = pytest.mark.kubernetes

NAME = "worker-1"
LOGIN = [
    *("--registry", "reg.corp:5000", "--username", "ann", "--password-stdin"),
    *("--pull-secret", "regcred", "--namespace", "apps"),
]
WITH_ACCOUNT = (*LOGIN, "--service-account", "default")
ADDON = "private-registry"


@pytest.fixture(scope="module", params=["AlwaysAllow", "Node,RBAC"])
def api(
    request: pytest.FixtureRequest, kubernetes_release: KubernetesRelease
) -> Iterator[ControlPlane]:
    """A control plane as MicroK8s has it, then with its addon ``rbac``.

    It has a namespace.
    """
    mode = request.param
    with (
        workspace() as work,
        ControlPlane(
            kubernetes_release, work / "k", "127.0.0.1", [NAME], authorization=mode
        ) as running,
    ):
        running.api.create("namespaces", "", {"metadata": {"name": "apps"}})
        while running.api.get("serviceaccounts", "apps", "default") is None:
            # The controller makes it.
            time.sleep(0.02)
        yield running


@pytest.fixture
def worker(microk8s_files: MicroK8sNode, api: ControlPlane) -> MicroK8sNode:
    """A worker node of that cluster."""
    kubectl = fetch_kubectls(lambda _line: None)[-1]
    use_kubectl(microk8s_files, kubectl, "a worker has none that works")
    make_worker(microk8s_files, api.kubeconfig(api.nodes[NAME]))
    return microk8s_files


all_is_allowed = pytest.mark.parametrize("api", ["AlwaysAllow"], indirect=True)
with_rbac = pytest.mark.parametrize("api", ["Node,RBAC"], indirect=True)


def secret(api: ControlPlane) -> object:
    """Return the pull secret; None where there is none."""
    return api.api.get("secrets", "apps", "regcred")


@all_is_allowed
def test_a_worker_may_do_all(worker: MicroK8sNode, api: ControlPlane) -> None:
    assert worker.run(
        worker.snap / "microk8s-kubectl.wrapper", "get", "nodes"
    ).stdout.startswith("This MicroK8s deployment is acting as a node")
    before = worker.snapshot()
    run(worker.enable(*WITH_ACCOUNT, stdin="s3cret"))
    assert secret(api) is not None
    account = api.api.get("serviceaccounts", "apps", "default") or {}
    assert account["imagePullSecrets"] == [{"name": "regcred"}]
    run(worker.disable())
    assert secret(api) is None
    assert "imagePullSecrets" not in (
        api.api.get("serviceaccounts", "apps", "default") or {}
    )
    assert difference(before, worker.snapshot()) == []


@all_is_allowed
def test_what_is_typed_there_works_there(
    worker: MicroK8sNode, api: ControlPlane, tmp_path: Path
) -> None:
    elsewhere = [*LOGIN[:-1], "new"]
    refused = worker.enable(*elsewhere, stdin="s3cret")
    assert refused.exit_code == 4
    remedy = refused.stderr.splitlines()[-1].partition("do: ")[2]
    assert worker.shell(remedy, tmp_path).exit_code == 0
    run(worker.enable(*elsewhere, stdin="s3cret"), worker.disable())
    api.api.delete("namespaces", "", "new")


@with_rbac
def test_what_a_worker_may_not_do_is_named(
    worker: MicroK8sNode, api: ControlPlane
) -> None:
    login = f"--kubeconfig={worker.data}/credentials/kubelet.config"
    asked = worker.run(
        worker.snap / "kubectl", login, "get", "secret", "regcred", "-n", "apps"
    )
    assert (
        'Error from server (Forbidden): secrets "regcred" is forbidden: User'
        f' "system:node:{NAME}" cannot get resource "secrets" in API group "" in the'
        ' namespace "apps": ' in asked.stderr
    )
    before = worker.snapshot()
    refused = worker.enable(*WITH_ACCOUNT, stdin="s3cret")
    assert refused.exit_code == 4
    assert refused.stderr.splitlines() == [
        (
            "error: the cluster does not let this worker node get secrets in namespace"
            " apps"
        ),
        "  where: the cluster's API",
        (
            "  do: run the same command on a control plane node; "
            "a pull secret counts for the whole cluster"
        ),
    ]
    assert secret(api) is None
    assert difference(before, worker.snapshot()) == []


@with_rbac
def test_reading_is_enough_where_there_is_nothing_to_make(
    worker: MicroK8sNode,
    api: ControlPlane,
    addon_repository: Path,
    addon_name: str,
    tmp_path: Path,
) -> None:
    from_elsewhere = MicroK8sNode(tmp_path / "other", addon_repository, addon_name)
    kubectl = fetch_kubectls(lambda _line: None)[-1]
    use_kubectl(from_elsewhere, kubectl, api.kubeconfig(api.admin))
    run(from_elsewhere.enable(*LOGIN, stdin="s3cret"))
    api.api.create("pods", "apps", pod_with("regcred"))
    run(worker.enable(*LOGIN, stdin="s3cret"))
    other = worker.plugin(ADDON, "add", *LOGIN, stdin="another")
    assert "this worker node update secrets in namespace apps" in other.stderr
    account = worker.plugin(ADDON, "add", *WITH_ACCOUNT, stdin="s3cret")
    assert "this worker node patch serviceaccounts in namespace apps" in account.stderr
    taken = worker.disable()
    assert taken.exit_code == 4
    assert (
        "do: on a control plane node: microk8s kubectl delete secret -n apps"
        in taken.stderr
    )
    run(worker.disable("--keep-pull-secrets"), from_elsewhere.disable())
    assert secret(api) is None


@with_rbac
def test_a_right_that_somebody_gave_is_used(
    worker: MicroK8sNode, api: ControlPlane
) -> None:
    allow(api.api, f"system:node:{NAME}")
    run(worker.enable(*WITH_ACCOUNT, stdin="s3cret"))
    assert secret(api) is not None
    run(worker.disable())
    assert secret(api) is None


def pod_with(pull_secret: str) -> dict[str, object]:
    """Return a pod of the worker that names a pull secret."""
    return {
        "metadata": {"name": "app"},
        "spec": {
            "nodeName": NAME,
            "containers": [{"name": "app", "image": "reg.corp:5000/app"}],
            "imagePullSecrets": [{"name": pull_secret}],
        },
    }


def allow(api: Api, user: str) -> None:
    """Let a user do all with Secrets and service accounts of the namespace."""
    group = "rbac.authorization.k8s.io"
    rule = {
        "apiGroups": [""],
        "resources": ["secrets", "serviceaccounts"],
        "verbs": ["*"],
    }
    api.create("roles", "apps", {"metadata": {"name": "all"}, "rules": [rule]})
    binding = {
        "metadata": {"name": "all"},
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "all"},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
    api.create("rolebindings", "apps", binding)
