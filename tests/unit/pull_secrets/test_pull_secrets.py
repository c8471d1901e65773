"""Pull secrets: logins in the cluster, made in all namespaces or in none, and taken
back.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from private_registry.errors import UsageError
from private_registry.pull_secrets.secret import (
    PullSecret,
    docker_config_from,
    docker_config_of,
)
from private_registry.registries.model import Credentials
from private_registry.registries.names import RegistryName
from unit.fake_kubectl import FakeCluster
from unit.microk8s import Microk8s, ok
from unit.strategies import passwords, usernames

HOST = "reg.corp:5000"
PASSWORD = "s3cr3t-pass"
LOGIN = ("--registry", HOST, "--username", "ann", "--password-stdin")
MAKE = ("enable", *LOGIN, "--pull-secret", "regcred")
EVERYWHERE = (
    *MAKE,
    "--namespace",
    "default",
    "--namespace",
    "apps",
    "--service-account",
    "default",
)


@pytest.fixture
def cluster(microk8s: Microk8s, monkeypatch: pytest.MonkeyPatch) -> FakeCluster:
    """The cluster of that node."""
    return FakeCluster(microk8s, monkeypatch)


def make(microk8s: Microk8s, *command: str) -> Any:
    """Run a command with the password on its standard input."""
    return microk8s.run(*command, stdin=PASSWORD.encode())


def logins(secret: Optional[Dict[str, Any]]) -> Any:
    """Return what a Secret's config.json says."""
    assert secret is not None
    return json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))["auths"]


def references(cluster: FakeCluster, namespace: str) -> List[str]:
    """Return what the service account ``default`` names."""
    account = cluster.get("serviceaccount", namespace, "default") or {}
    return [each["name"] for each in account.get("imagePullSecrets", [])]


def test_a_secret_is_made_and_taken_back(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    tree, objects = microk8s.tree(), cluster.objects
    done = ok(make(microk8s, *EVERYWHERE))
    assert "created the Secret regcred in namespace apps" in done.stdout
    assert "service account default of namespace apps names it now" in done.stdout
    for namespace in ("default", "apps"):
        secret = cluster.get("secret", namespace, "regcred")
        auth = base64.b64encode(f"ann:{PASSWORD}".encode()).decode()
        login = {"username": "ann", "password": PASSWORD, "auth": auth}
        assert logins(secret) == {HOST: login}
        assert secret is not None
        assert secret["type"] == "kubernetes.io/dockerconfigjson"
        labels = {"app.kubernetes.io/managed-by": "private-registry-config"}
        assert secret["metadata"]["labels"] == labels
        assert references(cluster, namespace) == ["regcred"]
    assert PASSWORD not in microk8s.template.read_text()
    assert PASSWORD not in microk8s.state.read_text()
    assert microk8s.hosts(HOST)
    ok(microk8s.run("disable"))
    assert (microk8s.tree(), cluster.objects) == (tree, objects)


def test_the_namespace_is_default_without_another(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    ok(make(microk8s, *MAKE))
    assert set(cluster.objects["secret"]) == {"default/regcred"}
    assert references(cluster, "default") == []


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("docker.io", "https://index.docker.io/v1/"),
        ("ghcr.io", "ghcr.io"),
        ("[fd00::1]:5000", "[fd00::1]:5000"),
    ],
)
def test_what_the_kubelet_knows_a_registry_by(
    microk8s: Microk8s, cluster: FakeCluster, host: str, key: str
) -> None:
    ok(make(microk8s, "enable", "--registry", host, *LOGIN[2:], "--pull-secret", "r"))
    assert set(logins(cluster.get("secret", "default", "r"))) == {key}


def test_the_same_again_changes_nothing(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    ok(make(microk8s, *EVERYWHERE))
    writes = cluster.writes
    assert "Nothing to do" in ok(make(microk8s, *EVERYWHERE)).stdout
    assert cluster.writes == writes


def test_a_new_password_takes_the_place_of_the_old_one(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    ok(make(microk8s, *EVERYWHERE))
    done = ok(microk8s.run(*EVERYWHERE, stdin=b"new"))
    assert "updated the Secret regcred" in done.stdout
    assert logins(cluster.get("secret", "apps", "regcred"))[HOST]["password"] == "new"


def test_what_others_put_on_our_secret_stays(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    ok(make(microk8s, *MAKE))
    secret = cluster.get("secret", "default", "regcred")
    assert secret is not None
    secret["metadata"]["labels"]["team"] = "blue"
    secret["metadata"]["annotations"] = {"a": "b"}
    cluster.put("secret", "default", secret)
    ok(microk8s.run(*MAKE, stdin=b"new"))
    secret = cluster.get("secret", "default", "regcred")
    assert secret is not None
    assert secret["metadata"]["labels"]["team"] == "blue"
    assert secret["metadata"]["annotations"] == {"a": "b"}


def test_another_namespace_later(microk8s: Microk8s, cluster: FakeCluster) -> None:
    objects = cluster.objects
    ok(make(microk8s, *MAKE))
    ok(make(microk8s, "plugin", "add", *MAKE[1:], "--namespace", "apps"))
    listed = ok(microk8s.run("plugin", "list")).stdout
    assert f"pull secret regcred in namespace default for {HOST}" in listed
    assert f"pull secret regcred in namespace apps for {HOST}" in listed
    ok(microk8s.run("plugin", "remove", "--registry", HOST))
    assert cluster.objects == objects
    assert "pull secret" not in ok(microk8s.run("plugin", "list")).stdout


def test_one_name_is_for_one_registry(microk8s: Microk8s, cluster: FakeCluster) -> None:
    ok(make(microk8s, *MAKE))
    other = make(microk8s, "plugin", "add", "--registry", "b.corp", *MAKE[3:])
    assert other.exit_code == 2
    assert f"is for {HOST} already" in other.stderr
    assert set(logins(cluster.get("secret", "default", "regcred"))) == {HOST}


def test_a_secret_can_be_taken_back_alone(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    objects = cluster.objects
    ok(make(microk8s, *EVERYWHERE))
    ok(microk8s.run("plugin", "remove", "--pull-secret", "regcred"))
    assert cluster.objects == objects
    assert microk8s.hosts(HOST)


def test_somebody_elses_secret_is_a_conflict(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    theirs = {
        "metadata": {"name": "regcred", "namespace": "apps"},
        "type": "Opaque",
        "data": {},
    }
    cluster.put("secret", "apps", theirs)
    tree, objects = microk8s.tree(), cluster.objects
    refused = make(microk8s, *EVERYWHERE)
    assert refused.exit_code == 3
    assert "microk8s kubectl delete secret -n apps regcred" in refused.stderr
    assert (microk8s.tree(), cluster.objects) == (tree, objects)


def test_what_an_account_listed_before_stays(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    for namespace, names in (("default", ["old", "regcred"]), ("apps", ["old"])):
        account = {
            "metadata": {"name": "default", "namespace": namespace},
            "imagePullSecrets": [{"name": name} for name in names],
            "secrets": [{"name": "token"}],
        }
        cluster.put("serviceaccount", namespace, account)
    objects = cluster.objects
    ok(make(microk8s, *EVERYWHERE))
    assert references(cluster, "apps") == ["old", "regcred"]
    ok(microk8s.run("disable"))
    assert cluster.objects == objects


def test_what_somebody_took_over_stays(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    ok(make(microk8s, *EVERYWHERE))
    secret = cluster.get("secret", "apps", "regcred")
    assert secret is not None
    secret["metadata"]["labels"] = {}
    cluster.put("secret", "apps", secret)
    done = ok(microk8s.run("disable"))
    assert (
        "note: the Secret regcred in namespace apps is no longer labelled"
        in done.stdout
    )
    assert set(cluster.objects["secret"]) == {"apps/regcred"}
    assert references(cluster, "apps") == []


def test_what_is_gone_already_is_no_error(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    tree = microk8s.tree()
    ok(make(microk8s, *EVERYWHERE))
    objects = {"serviceaccount": {}, "secret": {}}  # type: Dict[str, Any]
    cluster.set(namespaces=["default"], objects=objects)
    ok(microk8s.run("disable"))
    assert microk8s.tree() == tree


# --- all or none ----------------------------------------------------------------------


@pytest.mark.parametrize("at", range(1, 5))
def test_whatever_write_fails_nothing_is_left(
    microk8s: Microk8s, cluster: FakeCluster, at: int
) -> None:
    tree, objects = microk8s.tree(), cluster.objects
    cluster.set(fail_at=at)
    refused = make(microk8s, *EVERYWHERE)
    assert refused.exit_code == 4
    assert "etcdserver" in refused.stderr
    assert PASSWORD not in refused.stderr
    assert (microk8s.tree(), cluster.objects) == (tree, objects)
    cluster.set(fail_at=0)
    ok(make(microk8s, *EVERYWHERE))


@pytest.mark.parametrize("at", range(1, 3))
def test_an_update_that_fails_is_put_back(
    microk8s: Microk8s, cluster: FakeCluster, at: int
) -> None:
    ok(make(microk8s, *EVERYWHERE))
    objects = cluster.objects
    cluster.set(fail_at=at)
    assert microk8s.run(*EVERYWHERE, stdin=b"new").exit_code == 4
    assert cluster.objects == objects


@pytest.mark.parametrize("at", range(1, 5))
def test_a_disable_that_fails_puts_all_back(
    microk8s: Microk8s, cluster: FakeCluster, at: int
) -> None:
    start = microk8s.tree()
    ok(make(microk8s, *EVERYWHERE))
    tree, objects = microk8s.tree(), cluster.objects
    cluster.set(fail_at=at)
    assert microk8s.run("disable").exit_code == 4
    assert (microk8s.tree(), cluster.objects) == (tree, objects)
    cluster.set(fail_at=0)
    ok(microk8s.run("disable"))
    assert microk8s.tree() == start


def test_a_node_that_does_not_take_it_takes_the_secret_back(
    microk8s: Microk8s, cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    ok(make(microk8s, *EVERYWHERE))
    objects, tree = cluster.objects, microk8s.tree()

    def full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("private_registry.node.files.write_new", full)
        assert microk8s.run("plugin", "remove", "--registry", HOST).exit_code == 4
    assert (cluster.objects, microk8s.tree()) == (objects, tree)


@pytest.mark.parametrize(
    ("behaviour", "words", "remedy"),
    [
        ({"down": True}, "the cluster's API does not answer", "microk8s start"),
        (
            {"namespaces": ["default"]},
            "no namespace apps",
            "kubectl create namespace apps",
        ),
        (
            {"objects": {"secret": {}, "serviceaccount": {}}},
            "no service account default in namespace default",
            "kubectl create serviceaccount -n default default",
        ),
        (
            {"forbidden": [["create", "secret", "apps"]]},
            "cannot create",
            "where: the cluster",
        ),
        ({"forbidden": [["patch", "*", "apps"]]}, "cannot patch", "where: the cluster"),
        (
            {"forbidden": [["get", "namespace", None]]},
            "cannot get",
            "where: the cluster",
        ),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else "",
)
def test_what_the_cluster_refuses_is_one_clear_line(
    microk8s: Microk8s,
    cluster: FakeCluster,
    behaviour: Dict[str, Any],
    words: str,
    remedy: str,
) -> None:
    cluster.set(**behaviour)
    tree, objects = microk8s.tree(), cluster.objects
    refused = make(microk8s, *EVERYWHERE)
    assert refused.exit_code == 4
    assert words in refused.stderr.splitlines()[0]
    assert remedy in refused.stderr
    assert len(refused.stderr.splitlines()) <= 3
    assert (microk8s.tree(), cluster.objects) == (tree, objects)
    assert cluster.writes == []


def test_a_webhook_that_cannot_be_asked_beforehand(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    objects = cluster.objects
    cluster.set(has_webhook=True)
    ok(make(microk8s, *EVERYWHERE))
    assert set(cluster.objects["secret"]) == {"default/regcred", "apps/regcred"}
    ok(microk8s.run("disable"))
    assert cluster.objects == objects


def test_disable_without_an_api(microk8s: Microk8s, cluster: FakeCluster) -> None:
    start = microk8s.tree()
    ok(make(microk8s, *EVERYWHERE))
    cluster.set(down=True)
    tree, objects = microk8s.tree(), cluster.objects
    refused = microk8s.run("disable")
    assert refused.exit_code == 4
    assert "--keep-pull-secrets" in refused.stderr
    assert microk8s.tree() == tree
    done = ok(microk8s.run("disable", "--keep-pull-secrets"))
    assert (
        "note: left in the cluster: Secret regcred in namespace default" in done.stdout
    )
    assert microk8s.tree() == start
    assert cluster.objects == objects


def test_who_has_no_pull_secret_needs_no_api(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    cluster.set(down=True)
    ok(microk8s.run("enable", "--insecure", "a.corp"))
    ok(microk8s.run("disable"))
    assert cluster.command_lines == []


def test_where_there_is_no_kubectl(microk8s: Microk8s, cluster: FakeCluster) -> None:
    (microk8s.snap / "microk8s-kubectl.wrapper").unlink()
    refused = make(microk8s, *MAKE)
    assert refused.exit_code == 4
    assert "do: see whether it works: microk8s kubectl get nodes" in refused.stderr
    assert cluster.command_lines == []


def test_a_dry_run_asks_and_changes_nothing(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    tree, objects = microk8s.tree(), cluster.objects
    shown = ok(make(microk8s, *EVERYWHERE, "--dry-run")).stdout
    assert "would create the Secret regcred in namespace apps" in shown
    assert "would name it" in shown
    assert PASSWORD not in shown
    assert (microk8s.tree(), cluster.objects, cluster.writes) == (tree, objects, [])
    ok(make(microk8s, *EVERYWHERE))
    writes = cluster.writes
    shown = ok(microk8s.run("disable", "--dry-run")).stdout
    assert "would delete the Secret regcred" in shown
    assert cluster.writes == writes


def test_machines_are_told(microk8s: Microk8s, cluster: FakeCluster) -> None:
    del cluster
    done = json.loads(ok(make(microk8s, *EVERYWHERE, "--json")).stdout)
    assert done["pull_secrets"][1] == {
        "name": "regcred",
        "namespace": "apps",
        "registry": HOST,
        "change": "create",
        "service_accounts": ["default"],
    }
    assert done["changed"]
    listed = json.loads(ok(microk8s.run("plugin", "list", "--json")).stdout)
    assert [each["namespace"] for each in listed["pull_secrets"]] == ["default", "apps"]


def test_the_password_goes_by_standard_input_only(
    microk8s: Microk8s, cluster: FakeCluster
) -> None:
    ok(make(microk8s, *EVERYWHERE))
    ok(microk8s.run("disable"))
    secrets = [PASSWORD, base64.b64encode(f"ann:{PASSWORD}".encode()).decode()]
    said = json.dumps(cluster.command_lines)
    assert not any(each in said for each in secrets)


def test_a_damaged_record_is_told(microk8s: Microk8s, cluster: FakeCluster) -> None:
    ok(make(microk8s, *MAKE))
    del cluster
    (microk8s.common / "private-registry-config/pull-secrets.json").write_text("{")
    refused = microk8s.run("disable")
    assert refused.exit_code == 4
    assert "kubectl get secrets -A -l app.kubernetes.io/managed-by" in refused.stderr


# --- the command line -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--pull-secret", "x"], "needs a login"),
        (["--registry", HOST, "--pull-secret", "x"], "needs a login"),
        (["--registry", HOST, "--namespace", "x"], "there is none"),
        (["--registry", HOST, "--service-account", "x"], "there is none"),
        (["--pull-secret-from", "x"], "there is none"),
        ([*LOGIN, "--pull-secret", "X"], "cannot be the name of a Secret"),
        (
            [*LOGIN, "--pull-secret", "x", "--namespace", "a.b"],
            "the name of a namespace",
        ),
        (
            [*LOGIN, "--pull-secret", "x", "--namespace", "../x"],
            "the name of a namespace",
        ),
        (
            [*LOGIN, "--pull-secret", "x", "--service-account", "_x"],
            "of a service account",
        ),
        ([*LOGIN, "--pull-secret", "--all"], "a value is missing"),
        ([*LOGIN, "--pull-secret", "x", "--pull-secret", "y"], "given 2 times"),
        (
            [*LOGIN, "--pull-secret", "x", "--pull-secret-from", "f"],
            "leave --username out",
        ),
        (
            ["--mirror", "docker.io=https://m", *LOGIN[2:], "--pull-secret", "x"],
            "not for a mirror",
        ),
        (
            ["--insecure", HOST, *LOGIN[2:], "--pull-secret", "x"],
            "everybody on the way",
        ),
        (["--file", "f", "--pull-secret", "x"], "stands alone"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_make_no_sense(
    microk8s: Microk8s, cluster: FakeCluster, options: List[str], words: str
) -> None:
    refused = make(microk8s, "enable", *options)
    assert refused.exit_code == 2
    assert words in refused.stderr
    assert cluster.command_lines == []


# --- config.json ----------------------------------------------------------------------

AUTH = base64.b64encode(b"ann:s3cr3t").decode()
WHOLE = {"username": "ann", "password": "s3cr3t", "auth": AUTH}


@pytest.mark.parametrize(
    ("document", "kept", "notes"),
    [
        ({"auths": {"reg.corp": {"auth": AUTH}}}, {"reg.corp": WHOLE}, []),
        ({"auths": {"r": {"username": "ann", "password": "s3cr3t"}}}, {"r": WHOLE}, []),
        (
            {
                "auths": {
                    "r": {"auth": AUTH, "email": "x"},
                    "https://index.docker.io/v1/": {},
                }
            },
            {"r": WHOLE},
            ["auths.https://index.docker.io/v1/ holds no user name"],
        ),
        (
            {
                "auths": {"r": {"auth": AUTH}, "t": {"identitytoken": "secret"}},
                "psFormat": "x",
            },
            {"r": WHOLE},
            ["auths.t holds no user name", "psFormat is no login"],
        ),
        (
            {
                "auths": {"r": {"auth": AUTH}},
                "credsStore": "desktop",
                "credHelpers": {"1.dkr.ecr.eu-west-1.amazonaws.com": "ecr-login"},
                "HttpHeaders": {"X-Token": "secret"},
            },
            {"r": WHOLE},
            [
                "the credential store desktop",
                "the credential helper for 1.dkr.ecr",
                "HttpHeaders is no login",
            ],
        ),
    ],
)
def test_a_config_json_becomes_a_secret(
    microk8s: Microk8s,
    cluster: FakeCluster,
    tmp_path: Path,
    document: Any,
    kept: Any,
    notes: List[str],
) -> None:
    file = tmp_path / "config.json"
    file.write_text(json.dumps(document))
    done = ok(
        microk8s.run("enable", "--pull-secret", "x", "--pull-secret-from", str(file))
    )
    assert logins(cluster.get("secret", "default", "x")) == kept
    told = [line for line in done.stdout.splitlines() if line.startswith("note: ")]
    assert len(told) == len(notes)
    for line, words in zip(told, notes):
        assert words in line
        assert "secret" not in line
    ok(microk8s.run("disable"))
    assert cluster.objects["secret"] == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "nothing stands in it"),
        ("{", "not JSON"),
        ("[]", "no object auths"),
        ("{}", "no user name and password"),
        ('{"auths": []}', "no object auths"),
        ('{"auths": {"r": {}}, "credsStore": "desktop"}', "credential store desktop"),
        ('{"auths": {"r": {"auth": "%%%"}}}', "no user name and password"),
        ('{"auths": {"r": {"auth": "czNjcjN0"}}}', "no user name and password"),
        ('{"auths": {"r": 1}}', "no user name and password"),
        ("[" * 100_000, "not JSON"),
    ],
    ids=lambda value: value[:30],
)
def test_a_config_json_without_logins(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        docker_config_from(text, "config.json")
    assert "s3cr3t" not in str(refused.value)


@pytest.mark.parametrize(
    ("document", "does"),
    [
        (
            {"auths": {"acme.azurecr.io": {"auth": "", "identitytoken": "s3cr3t"}}},
            "--password-stdin --pull-secret reg (it ends after 3 hours",
        ),
        ({"credsStore": "ecr-login"}, "aws ecr get-login-password | microk8s"),
        ({"credHelpers": {"gcr.io": "gcloud"}}, "--registry gcr.io --username oauth2"),
        ({"credsStore": "desktop"}, "docker --config DIR login HOST, and give DIR/"),
        ({"auths": {"a.lab.test": {}}}, "docker --config DIR login a.lab.test, and"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_to_type_in_place_of_a_login_that_is_not_there(
    document: Any, does: str
) -> None:
    with pytest.raises(UsageError) as refused:
        docker_config_from(json.dumps(document), "f", "reg")
    assert does in (refused.value.remedy or "")
    assert "s3cr3t" not in f"{refused.value}{refused.value.remedy}"


@given(usernames, passwords)
def test_any_login_arrives_as_it_is(username: str, password: str) -> None:
    credentials = Credentials(username, password)
    text = docker_config_of(RegistryName("reg.corp", 5000), credentials)
    login = json.loads(text)["auths"][HOST]
    assert (login["username"], login["password"]) == (username, password)
    assert base64.b64decode(login["auth"]).decode() == f"{username}:{password}"
    assert docker_config_from(text, "f") == (text, ())
    secret = PullSecret("x", ("default",), (), None, text)
    # By nothing of its password does one repr differ from another.
    assert repr(secret) == repr(PullSecret("x", ("default",), (), None, ""))


@given(st.text(max_size=20))
def test_a_config_json_is_never_a_traceback(text: str) -> None:
    with pytest.raises(UsageError):
        docker_config_from(json.dumps({"auths": {text: {"auth": text}}}), text)
