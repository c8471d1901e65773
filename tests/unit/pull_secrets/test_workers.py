"""Pull secrets from a worker node, which asks the cluster's API as its kubelet does."""

from __future__ import annotations

import os
from typing import Any, List, Optional

import pytest

from unit.fake_kubectl import FakeCluster
from unit.microk8s import Microk8s, ok
from unit.pull_secrets.test_pull_secrets import EVERYWHERE, MAKE, make

LOGIN = "credentials/kubelet.config"
NOWHERE = "on a control plane node; a pull secret counts for the whole cluster"


@pytest.fixture
def cluster(microk8s: Microk8s, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """The cluster that kubectl speaks to."""
    return FakeCluster(microk8s, monkeypatch)


@pytest.fixture
def worker(microk8s: Microk8s, cluster: FakeCluster) -> Microk8s:
    """A worker node of the cluster."""
    cluster.join_worker(microk8s)
    return microk8s


def test_a_worker_makes_and_takes_back(worker: Microk8s, cluster: FakeCluster) -> None:
    tree, objects = worker.tree(), cluster.objects
    ok(make(worker, *EVERYWHERE))
    assert set(cluster.objects["secret"]) == {"default/regcred", "apps/regcred"}
    ok(worker.run("disable"))
    assert (worker.tree(), cluster.objects) == (tree, objects)


@pytest.mark.parametrize("is_told", [True, False], ids=["told", "not told"])
@pytest.mark.parametrize(
    ("refused", "words"),
    [
        (["get", "secret", "default"], "get secrets in namespace default"),
        (["get", "serviceaccount", "apps"], "get serviceaccounts in namespace apps"),
        (["create", "secret", "apps"], "create secrets in namespace apps"),
        (
            ["patch", "serviceaccount", "default"],
            "patch serviceaccounts in namespace default",
        ),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, list) else "",
)
def test_what_a_worker_may_not_do_is_named(
    worker: Microk8s,
    cluster: FakeCluster,
    refused: List[str],
    words: str,
    *,
    is_told: bool
) -> None:
    cluster.set(
        forbidden=[refused], because=": no relationship found" if is_told else ""
    )
    tree, objects = worker.tree(), cluster.objects
    done = make(worker, *EVERYWHERE)
    assert done.exit_code == 4
    assert done.stderr.splitlines() == [
        f"error: the cluster does not let this worker node {words}",
        "  where: the cluster's API",
        f"  do: run the same command {NOWHERE}",
    ]
    assert (worker.tree(), cluster.objects, cluster.writes) == (tree, objects, [])


def test_who_may_not_see_namespaces_may_write_into_one(
    worker: Microk8s, cluster: FakeCluster
) -> None:
    cluster.set(forbidden=[["get", "namespace", None]])
    ok(make(worker, *MAKE))
    assert set(cluster.objects["secret"]) == {"default/regcred"}


def test_what_a_worker_may_no_longer_take_back(
    worker: Microk8s, cluster: FakeCluster
) -> None:
    ok(make(worker, *EVERYWHERE))
    cluster.set(forbidden=[["patch", "serviceaccount", None]])
    tree, objects = worker.tree(), cluster.objects
    done = worker.run("disable")
    assert done.exit_code == 4
    assert (
        done.stderr.splitlines()[-1]
        == "  do: on a control plane node: microk8s kubectl delete secret -n default"
        " regcred; microk8s kubectl delete secret -n apps regcred; then here again:"
        " --keep-pull-secrets"
    )
    assert (worker.tree(), cluster.objects) == (tree, objects)
    ok(worker.run("disable", "--keep-pull-secrets"))


QUOTA = (
    'secrets "regcred" is forbidden: exceeded quota: two, requested: secrets=1, used:'
    " secrets=2"
)
LYING = (
    'secrets is forbidden: User "\x1b[2J cannot get resource "x y"" cannot get resource'
    ' "secrets; rm -rf /" in API group "" in the namespace "default"'
)


@pytest.mark.parametrize(
    "words", [QUOTA, LYING], ids=["quota", "no words of an authorizer"]
)
def test_other_refusals_are_told_as_they_are(
    worker: Microk8s, cluster: FakeCluster, words: str
) -> None:
    cluster.set(refused=words)
    done = make(worker, *MAKE)
    assert done.exit_code == 4
    assert done.stderr.startswith("error: the cluster refuses: secrets")
    assert "\x1b[" not in done.stderr
    assert "worker" not in done.stderr


def _remove(worker: Microk8s) -> None:
    (worker.data / LOGIN).unlink()


def _make_directory(worker: Microk8s) -> None:
    _remove(worker)
    (worker.data / LOGIN).mkdir()


def _make_pipe(worker: Microk8s) -> None:
    _remove(worker)
    os.mkfifo(worker.data / LOGIN)


def _make_link(worker: Microk8s) -> None:
    _remove(worker)
    (worker.data / LOGIN).symlink_to("/etc/passwd")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_remove, "whose login is not there"),
        (_make_directory, "whose login cannot be read: a directory or device is where"),
        (_make_pipe, "whose login cannot be read: a directory or device is where"),
        (_make_link, "whose login cannot be read: a symbolic link is where"),
    ],
    ids=["no file", "directory", "pipe", "link"],
)
def test_a_worker_without_a_login(
    worker: Microk8s, cluster: FakeCluster, change: Any, words: str
) -> None:
    change(worker)
    done = make(worker, *MAKE)
    assert done.exit_code == 4
    assert words in done.stderr
    assert f"where: {worker.current / LOGIN}" in done.stderr
    assert NOWHERE in done.stderr
    assert cluster.command_lines == []


def test_a_worker_without_kubectl(worker: Microk8s, cluster: FakeCluster) -> None:
    (worker.snap / "kubectl").unlink()
    done = make(worker, *MAKE)
    assert done.exit_code == 4
    assert (
        f"sudo {worker.snap}/kubectl --kubeconfig={worker.current / LOGIN} get"
        in done.stderr
    )
    assert cluster.command_lines == []


@pytest.mark.parametrize(
    ("behaviour", "remedy"),
    [
        ({"down": True}, "on a control plane node: microk8s start"),
        ({"namespaces": ["default"]}, "kubectl --kubeconfig={} create namespace apps"),
    ],
)
def test_what_is_typed_works_on_a_worker(
    worker: Microk8s, cluster: FakeCluster, behaviour: Any, remedy: Optional[str]
) -> None:
    cluster.set(**behaviour)
    done = make(worker, *EVERYWHERE)
    assert done.exit_code == 4
    assert str(remedy).format(worker.current / LOGIN) in done.stderr.splitlines()[-1]
