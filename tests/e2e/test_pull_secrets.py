"""Pull secrets by kubectl itself, old and new, at a real API server."""

from __future__ import annotations

import base64
import itertools
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from private_registry.node.paths import Node
from private_registry.pull_secrets.kubectl import Kubectl, Wanted
from private_registry.pull_secrets.secret import PullSecret, docker_config_of
from private_registry.registries.model import Credentials
from private_registry.registries.names import RegistryName
from registry_harness import MicroK8sNode, ProgramResult, difference
from registry_harness.kubernetes import (
    Api,
    ApiRefused,
    ApiRequest,
    ControlPlane,
    User,
    WatchedApi,
    Way,
)
from registry_harness.kubernetes.api import path_of
from registry_harness.kubernetes.kubectl import use_kubectl
from unit.strategies import passwords, usernames

from .conftest import run
from .refusing_webhook import WORDS, refusing_webhook

pytestmark = [pytest.mark.kubernetes, pytest.mark.in_turn("kubectl")]

HOST = "reg.corp:5000"
PASSWORD = "s3cr3t ∞ \\\" '"
LOGIN = [
    "--registry",
    HOST,
    "--username",
    "ann",
    "--password-stdin",
    "--pull-secret",
    "regcred",
]
TYPE = "kubernetes.io/dockerconfigjson"
# What the API refuses, every kubectl passes on alike.
NEWEST = pytest.mark.parametrize("kubectl", ["newest"], indirect=True)
JSON_PATCH = "application/json-patch+json"
# What the API server itself writes into objects.
_ITS_OWN = ("resourceVersion", "managedFields", "uid", "creationTimestamp")
_POLL_SECONDS = 0.02
_numbers = itertools.count(1)


class Place:
    """Two namespaces that no other test has, and what stands between them and kubectl.

    Args:
        api: the real one, asked by who may do all.
        watched: the same for kubectl.
    """

    def __init__(self, api: Api, watched: WatchedApi) -> None:
        self.api, self.watched = api, watched
        number = next(_numbers)
        self.first, self.second = f"first-{number}", f"second-{number}"
        for name in (self.first, self.second):
            api.create("namespaces", "", {"metadata": {"name": name}})
        for name in (self.first, self.second):
            while api.get("serviceaccounts", name, "default") is None:
                # The controller makes it.
                time.sleep(_POLL_SECONDS)

    @property
    def everywhere(self) -> list[str]:
        """The options for both, and for their service accounts."""
        return [
            *("--namespace", self.first),
            *("--namespace", self.second),
            *("--service-account", "default"),
        ]

    def objects(self) -> list[dict[str, Any]]:
        """Return all Secrets and service accounts there, without what the API server
        writes.
        """
        found = [
            plain
            for resource in ("secrets", "serviceaccounts")
            for namespace in (self.first, self.second)
            for plain in self.api.items(resource, namespace)
        ]
        for plain in found:
            for key in _ITS_OWN:
                plain["metadata"].pop(key, None)
        return found

    def secret(self, namespace: str) -> dict[str, Any] | None:
        """Return the pull secret of a namespace."""
        return self.api.get("secrets", namespace, "regcred")

    def change_secret(
        self, namespace: str, how: Callable[[dict[str, Any]], object]
    ) -> None:
        """Change the pull secret of a namespace, as somebody else does."""
        self.api.change("secrets", namespace, "regcred", how)

    def let_list(self, namespace: str, *entries: dict[str, Any]) -> None:
        """Let the service account ``default`` list these, as somebody else does."""
        self.api.change(
            "serviceaccounts",
            namespace,
            "default",
            lambda plain: plain.update(imagePullSecrets=list(entries)),
        )

    def listed(self, namespace: str) -> list[dict[str, Any]]:
        """Return what the service account ``default`` lists."""
        account = self.api.get("serviceaccounts", namespace, "default") or {}
        return list(account.get("imagePullSecrets", []))

    def version(self, namespace: str) -> str:
        """Return the resourceVersion of the pull secret of a namespace."""
        return str((self.secret(namespace) or {})["metadata"]["resourceVersion"])


@pytest.fixture
def place(control_plane: ControlPlane) -> Iterator[Place]:
    """Namespaces of this test's own."""
    with WatchedApi(control_plane.api) as watched:
        yield Place(control_plane.api, watched)


@pytest.fixture
def node(microk8s_files: MicroK8sNode, kubectl: Path, place: Place) -> MicroK8sNode:
    """A node whose kubectl is watched on its way to the API server."""
    use_kubectl(microk8s_files, kubectl, place.watched.kubeconfig())
    return microk8s_files


def enable(node: MicroK8sNode, place: Place, *options: str) -> ProgramResult:
    """Enable with the pull secret everywhere."""
    return node.enable(*LOGIN, *place.everywhere, *options, stdin=PASSWORD)


def test_what_arrives(node: MicroK8sNode, place: Place) -> None:
    before, objects = node.snapshot(), place.objects()
    run(enable(node, place))
    made = [(each.method, each.path) for each in place.watched.writes]
    assert made == [
        (method, path)
        for namespace in (place.first, place.second)
        for method, path in (
            ("POST", path_of("secrets", namespace)),
            ("PATCH", path_of("serviceaccounts", namespace, "default")),
        )
    ]
    for create in place.watched.writes[::2]:
        plain = json.loads(create.body)
        assert plain["type"] == TYPE
        assert plain["metadata"]["labels"] == {
            "app.kubernetes.io/managed-by": "private-registry-config"
        }
        assert "annotations" not in plain["metadata"]
        login = json.loads(base64.b64decode(plain["data"][".dockerconfigjson"]))[
            "auths"
        ][HOST]
        assert (login["username"], login["password"]) == ("ann", PASSWORD)
    for patch in place.watched.writes[1::2]:
        assert patch.content_type == JSON_PATCH
        test, add = json.loads(patch.body)
        assert (test["op"], test["path"]) == ("test", "/metadata/resourceVersion")
        assert add == {
            "op": "add",
            "path": "/imagePullSecrets",
            "value": [{"name": "regcred"}],
        }
    versions = [place.version(namespace) for namespace in (place.first, place.second)]
    run(node.disable())
    gone = place.watched.writes[4:]
    assert [each.method for each in gone] == ["PATCH", "DELETE", "PATCH", "DELETE"]
    bound = [json.loads(each.body)["preconditions"] for each in gone[1::2]]
    assert bound == [{"resourceVersion": version} for version in versions]
    assert place.objects() == objects
    assert difference(before, node.snapshot()) == []


def test_all_is_asked_for_before_anything_changes(
    node: MicroK8sNode, place: Place
) -> None:
    run(enable(node, place))
    dry = [each.method for each in place.watched.requests if each.is_dry]
    assert dry == ["POST", "PATCH", "POST", "PATCH"]
    first_write = next(each for each in place.watched.requests if each.is_write)
    asked = place.watched.requests[: place.watched.requests.index(first_write)]
    assert sum(each.is_dry for each in asked) == len(dry)


def test_a_new_password_and_the_same_again(node: MicroK8sNode, place: Place) -> None:
    run(enable(node, place))
    count = len(place.watched.writes)
    run(enable(node, place))
    assert len(place.watched.writes) == count
    run(
        node.plugin(
            "private-registry", "add", *LOGIN, "--namespace", place.first, stdin="new"
        )
    )
    assert [each.method for each in place.watched.writes[count:]] == ["PUT"]
    assert password_in(place.secret(place.first)) == "new"
    assert password_in(place.secret(place.second)) == PASSWORD


THEIRS = {"name": "theirs"}


def test_accounts_keep_what_else_they_list(node: MicroK8sNode, place: Place) -> None:
    odd: list[dict[str, Any]] = [THEIRS, {}, THEIRS, {"name": "regcred2"}]
    place.let_list(place.first, {"name": "a"}, {"name": "regcred"}, {"name": "b"})
    place.let_list(place.second, *odd)
    objects = place.objects()
    run(enable(node, place))
    assert place.listed(place.second) == [*odd, {"name": "regcred"}]
    run(node.disable())
    assert place.objects() == objects


class Somebody:
    """Who changes what there is right before the first write, and the first asking, of
    a kind.

    Args:
        watched: where it passes.
        method: of the write.
        change: what is done; given the turn, from 0 on.
    """

    def __init__(
        self, watched: WatchedApi, method: str, change: Callable[[int], None]
    ) -> None:
        self.turns: list[bool] = []
        self._method, self._change = method, change
        watched.meanwhile = self._look

    def _look(self, request: ApiRequest) -> None:
        if request.method == self._method and request.is_dry not in self.turns:
            self.turns.append(request.is_dry)
            self._change(len(self.turns) - 1)


def test_what_somebody_lists_in_between_stays(node: MicroK8sNode, place: Place) -> None:
    def change(turn: int) -> None:
        place.let_list(place.first, *place.listed(place.first), {"name": f"late{turn}"})

    somebody = Somebody(place.watched, "PATCH", change)
    run(enable(node, place))
    assert somebody.turns == [True, False]
    assert names_in(place.listed(place.first)) == ["late0", "late1", "regcred"]
    somebody = Somebody(place.watched, "PATCH", change)
    run(node.disable())
    assert somebody.turns == [False]
    assert names_in(place.listed(place.first)) == ["late0", "late1", "late0"]


def test_what_somebody_makes_of_the_secret_in_between_stays(
    node: MicroK8sNode, place: Place
) -> None:
    def change(turn: int) -> None:
        place.change_secret(
            place.first,
            lambda plain: plain["metadata"]
            .setdefault("annotations", {})
            .update({f"a{turn}": "b"}),
        )

    def take_over(_turn: int) -> None:
        place.change_secret(place.first, lambda plain: plain["metadata"].pop("labels"))

    run(enable(node, place))
    somebody = Somebody(place.watched, "PUT", change)
    run(
        node.plugin(
            "private-registry", "add", *LOGIN, "--namespace", place.first, stdin="new"
        )
    )
    secret = place.secret(place.first)
    assert somebody.turns == [True, False]
    assert secret is not None
    assert (password_in(secret), secret["metadata"]["annotations"]) == (
        "new",
        {"a0": "b", "a1": "b"},
    )
    somebody = Somebody(place.watched, "DELETE", take_over)
    done = node.disable()
    run(done)
    assert "no longer labelled as ours" in done.stdout
    assert somebody.turns == [False]
    assert place.secret(place.first)
    assert not place.secret(place.second)


@pytest.mark.parametrize(
    "names", [["regcred", "another"], ["regcred", "regcred"]], ids=" ".join
)
def test_two_runs_at_once_both_land(
    kubectl: Path,
    place: Place,
    addon_repository: Path,
    addon_name: str,
    tmp_path: Path,
    names: list[str],
) -> None:
    nodes = [
        MicroK8sNode(tmp_path / f"at-once-{at}", addon_repository, addon_name)
        for at in (0, 1)
    ]
    place.let_list(place.first, THEIRS)
    objects = place.objects()
    for each in nodes:
        use_kubectl(each, kubectl, place.watched.kubeconfig())
    with ThreadPoolExecutor() as both:
        for done in both.map(
            lambda pair: pair[0].enable(
                *LOGIN[:-1], pair[1], *place.everywhere, stdin=PASSWORD
            ),
            zip(nodes, names, strict=True),
        ):
            run(done)
        assert place.listed(place.first)[0] == THEIRS
        assert sorted(names_in(place.listed(place.first)[1:])) == sorted(set(names))
        for done in both.map(MicroK8sNode.disable, nodes):
            run(done)
    assert place.objects() == objects


@NEWEST
@pytest.mark.in_turn("write")
@pytest.mark.parametrize("write", [2, 3])
def test_all_or_none(node: MicroK8sNode, place: Place, write: int) -> None:
    before, objects = node.snapshot(), place.objects()
    with place.watched.failing_at(write):
        refused = enable(node, place)
    assert refused.exit_code == 4
    assert "database space exceeded" in refused.stderr
    assert place.objects() == objects
    assert difference(before, node.snapshot()) == []
    run(enable(node, place))
    enabled = place.objects()
    with place.watched.failing_at(write):
        assert node.disable().exit_code == 4
    assert place.objects() == enabled
    run(node.disable())
    assert place.objects() == objects


@NEWEST
@pytest.mark.parametrize(
    ("verb", "resource", "where"),
    [
        ("create", "secrets", "second"),
        ("patch", "serviceaccounts", "second"),
        ("get", "secrets", "first"),
        ("get", "namespaces", ""),
    ],
)
def test_what_is_forbidden(
    node: MicroK8sNode,
    place: Place,
    kubectl: Path,
    control_plane: ControlPlane,
    verb: str,
    resource: str,
    where: str,
) -> None:
    # What is allowed cluster-wide stays so for later tests.
    user = control_plane.users["ann" if where else "bob"]
    for namespace in (place.first, place.second):
        without = (verb, resource) if where and namespace.startswith(where) else None
        allow(place.api, user, namespace, without)
    if where:
        allow_cluster_wide(place.api, user)
    objects = place.objects()
    with WatchedApi(control_plane.api_for(user)) as watched:
        use_kubectl(node, kubectl, watched.kubeconfig())
        refused = enable(node, place)
        assert watched.writes == []
    assert refused.exit_code == 4
    assert f'cannot {verb} resource "{resource}"' in refused.stderr.splitlines()[0]
    assert place.objects() == objects


@NEWEST
@pytest.mark.in_turn("write")
@pytest.mark.parametrize("write", [1, 2, 3, 4])
def test_a_lost_answer_leaves_nothing(
    node: MicroK8sNode, place: Place, write: int
) -> None:
    before, objects = node.snapshot(), place.objects()
    with place.watched.failing_at(write, Way.LOST):
        refused = enable(node, place)
    assert refused.exit_code == 4
    assert "all was put back as it was" in refused.stderr
    assert place.objects() == objects
    assert difference(before, node.snapshot()) == []


@NEWEST
@pytest.mark.parametrize(
    "write", [1, *(pytest.param(each, marks=pytest.mark.exhaustive) for each in (2, 4))]
)
def test_what_an_api_that_dies_in_the_middle_leaves_is_named(
    node: MicroK8sNode, place: Place, write: int
) -> None:
    objects = place.objects()
    with place.watched.failing_at(write, Way.DEAD):
        refused = enable(node, place)
    assert refused.exit_code == 4
    assert place.objects() != objects
    for namespace in (place.first, place.second)[: (write + 1) // 2]:
        assert (
            f"microk8s kubectl delete secret -n {namespace} regcred" in refused.stderr
        )


def _quota(place: Place) -> None:
    hard = {"hard": {"secrets": "0"}}
    plain = {"metadata": {"name": "none"}, "spec": hard}
    place.api.create("resourcequotas", place.second, plain)
    while (place.api.get("resourcequotas", place.second, "none") or {})["status"] == {}:
        # The controller counts first.
        continue


def _being_deleted(place: Place) -> None:
    account = ("serviceaccounts", place.second, "default")
    held = {"finalizers": ["example.com/held"]}
    place.api.change(*account, lambda plain: plain["metadata"].update(held))
    place.api.delete("namespaces", "", place.second)
    # Else the controllers might take the account away first, and that would be said.
    while "deletionTimestamp" not in (place.api.get(*account) or {})["metadata"]:
        time.sleep(_POLL_SECONDS)


@NEWEST
@pytest.mark.parametrize(
    ("prepare", "words"),
    [(_quota, "exceeded quota"), (_being_deleted, "being terminated")],
    ids=["quota", "being deleted"],
)
def test_what_a_namespace_does_not_take(
    node: MicroK8sNode, place: Place, prepare: Callable[[Place], None], words: str
) -> None:
    prepare(place)
    before, objects = node.snapshot(), place.objects()
    refused = enable(node, place)
    assert refused.exit_code == 4
    assert words in refused.stderr.splitlines()[0]
    assert place.watched.writes == []
    # Of a namespace that is being deleted the controllers take more and more away.
    assert [each for each in place.objects() if each not in objects] == []
    assert difference(before, node.snapshot()) == []


@NEWEST
def test_what_a_webhook_does_not_take(node: MicroK8sNode, place: Place) -> None:
    before, objects = node.snapshot(), place.objects()
    with refusing_webhook(place.api, place.second):
        refused = enable(node, place)
    assert refused.exit_code == 4
    assert WORDS in refused.stderr.splitlines()[0]
    assert place.watched.writes == []
    assert place.objects() == objects
    assert difference(before, node.snapshot()) == []


def test_a_conflict(node: MicroK8sNode, place: Place) -> None:
    theirs: dict[str, Any] = {
        "metadata": {"name": "regcred"},
        "type": "Opaque",
        "data": {},
    }
    place.api.create("secrets", place.second, theirs)
    refused = enable(node, place)
    assert refused.exit_code == 3
    assert f"kubectl delete secret -n {place.second} regcred" in refused.stderr
    assert place.watched.writes == []


def test_no_such_namespace_or_account(node: MicroK8sNode, place: Place) -> None:
    refused = node.enable(*LOGIN, "--namespace", "nowhere", stdin=PASSWORD)
    assert refused.exit_code == 4
    assert "microk8s kubectl create namespace nowhere" in refused.stderr
    refused = node.enable(*LOGIN, "--service-account", "nobody", stdin=PASSWORD)
    assert refused.exit_code == 4
    assert "microk8s kubectl create serviceaccount -n default nobody" in refused.stderr
    assert place.watched.writes == []


def test_nobody_answers(
    microk8s_files: MicroK8sNode, kubectl: Path, place: Place
) -> None:
    with WatchedApi(place.api) as watched:
        use_kubectl(microk8s_files, kubectl, watched.kubeconfig())
        run(microk8s_files.enable(*LOGIN, "--namespace", place.first, stdin=PASSWORD))
    enabled = microk8s_files.snapshot()
    again = (*LOGIN, "--namespace", place.first)
    for refused in (
        microk8s_files.disable(),
        microk8s_files.enable(*again, stdin="new"),
    ):
        assert refused.exit_code == 4
        assert "the cluster's API does not answer" in refused.stderr.splitlines()[0]
    assert difference(enabled, microk8s_files.snapshot()) == []
    run(microk8s_files.disable("--keep-pull-secrets"))


def test_no_secret_is_in_any_path_or_patch(node: MicroK8sNode, place: Place) -> None:
    run(enable(node, place))
    run(node.disable())
    secret = json.dumps(PASSWORD)[1:-1]
    encoded = base64.b64encode(f"ann:{PASSWORD}".encode()).decode()
    for request in place.watched.requests:
        said = [request.path, json.dumps(request.query), *patch_of(request)]
        assert not any(each in text for each in (secret, encoded) for text in said)


# --- what kubectl itself accepts ------------------------------------------------------


def accepts(kubectl: Path, place: Place, plain: dict[str, Any]) -> bool:
    """Whether kubectl and the API server would take a manifest."""
    server = f"--server={place.watched.url}"
    command = [str(kubectl), "--kubeconfig=/dev/null", server, "create"]
    done = subprocess.run(
        [*command, "--filename=-", "--dry-run=server"],
        input=json.dumps(plain).encode(),
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    usernames, passwords, st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8})?", fullmatch=True)
)
def test_kubectl_takes_every_manifest(
    kubectl: Path, place: Place, username: str, password: str, name: str
) -> None:
    text = docker_config_of(RegistryName("reg.corp"), Credentials(username, password))
    secret = PullSecret(name, ("default",), (), None, text)
    assert accepts(kubectl, place, secret.manifest("default"))


def test_kubectl_does_look_at_it(kubectl: Path, place: Place) -> None:
    plain = PullSecret("x", ("default",), (), None, '{"auths": {}}').manifest("default")
    assert accepts(kubectl, place, plain)
    assert not accepts(kubectl, place, {**plain, "dota": {}})
    assert not accepts(kubectl, place, {**plain, "data": ["x"]})


LEASES = Wanted(
    "leases.coordination.k8s.io",
    "Lease",
    (".metadata.name", r".metadata.labels.app\.io/name", ".metadata.annotations.a/b"),
    (".metadata.labels",),
)
SECRETS = Wanted("secrets", "Secret", (".metadata.name",))


def test_what_is_written_into_a_field_is_no_object(
    node: MicroK8sNode, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = {"app.io/name": "x"}
    written = {"plain": "1", "broken": "1\n0\tforged\n1\tforged\n2\tforged"}
    for name, text in written.items():
        metadata = {"name": name, "labels": labels, "annotations": {"a/b": text}}
        place.api.create("leases", place.first, {"metadata": metadata})
    monkeypatch.setenv("SNAP", str(node.snap))
    monkeypatch.setenv("SNAP_DATA", str(node.data))
    kubectl = Kubectl(Node.at(str(node.snap), str(node.data), str(node.common)))
    leases, none, again = kubectl.listed(place.first, LEASES, SECRETS, LEASES)
    assert (none, again) == ([], leases)
    assert sorted(each["metadata"]["name"] for each in leases) == sorted(written)
    for each in leases:
        assert each["metadata"]["annotations"]["a/b"] == "1"
    (plain,) = (each for each in leases if each["metadata"]["name"] == "plain")
    assert plain["metadata"]["labels"] == labels


def names_in(listed: list[dict[str, Any]]) -> list[str]:
    """Return the names of what a service account lists."""
    return [str(each["name"]) for each in listed]


def allow(
    api: Api, user: User, namespace: str, without: tuple[str, str] | None
) -> None:
    """Let a user do all with Secrets and service accounts of a namespace, but for
    one thing.
    """
    rules = [
        {
            "apiGroups": [""],
            "resources": [resource],
            "verbs": [
                verb
                for verb in ("get", "list", "create", "update", "patch", "delete")
                if (verb, resource) != without
            ],
        }
        for resource in ("secrets", "serviceaccounts")
    ]
    api.create("roles", namespace, {"metadata": {"name": "ann"}, "rules": rules})
    api.create("rolebindings", namespace, _binding("Role", "ann", user))


def allow_cluster_wide(api: Api, user: User) -> None:
    """Let a user see namespaces."""
    rules = [{"apiGroups": [""], "resources": ["namespaces"], "verbs": ["get"]}]
    for resource, plain in (
        ("clusterroles", {"metadata": {"name": "ann"}, "rules": rules}),
        ("clusterrolebindings", _binding("ClusterRole", "ann", user)),
    ):
        with suppress(ApiRefused):
            api.create(resource, "", plain)


def _binding(kind: str, role: str, user: User) -> dict[str, Any]:
    group = "rbac.authorization.k8s.io"
    return {
        "metadata": {"name": role},
        "roleRef": {"apiGroup": group, "kind": kind, "name": role},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user.name}],
    }


def password_in(secret: dict[str, Any] | None) -> str:
    """Return the password for HOST that a Secret holds."""
    assert secret is not None
    auths = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))["auths"]
    return str(auths[HOST]["password"])


def patch_of(request: ApiRequest) -> list[str]:
    """Return the body of a patch, which stands on kubectl's command line."""
    return [request.body] if request.method == "PATCH" else []
