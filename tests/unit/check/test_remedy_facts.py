"""Facts of this node: what `check --explain` makes of them, and does without them."""

from __future__ import annotations

import json
import os
import shlex
from typing import Any
from unittest import mock

import pytest

from private_registry.check import remedy_facts
from private_registry.check.observing import look_at
from private_registry.check.reading.reading import Look
from private_registry.check.remedy_facts import facts_here, facts_of
from private_registry.check.setup import NO_FACTS
from private_registry.errors import NodeError
from private_registry.node.paths import STATE, Node
from unit.check import test_check_lint, test_check_reading
from unit.microk8s import Microk8s, ok
from unit.pki import Pki

HOST = "reg.corp:5000"
ADD = "microk8s private-registry add"
LOGIN = '--username "$REGISTRY_USER" --password-env REGISTRY_PASSWORD'
PULL = f'Failed to pull image "{HOST}/app:v1": failed to resolve reference: '
HEAD = f'{PULL}failed to do request: Head "https://{HOST}/v2/app/manifests/v1": '
PLAIN = HEAD + "http: server gave HTTP response to HTTPS client"
UNKNOWN_CA = HEAD + "x509: certificate signed by unknown authority"
NO_CA = f"{PULL}unable to read CA cert"
DENIED = f"{PULL}pull access denied, insufficient_scope: authorization failed"
PROXY = HEAD + "proxyconnect tcp: EOF"
NO_CLIENT = HEAD + "remote error: tls: certificate required"
SPEAKS_HTTPS = (
    f"{PULL}unexpected status from HEAD request to http://{HOST}/v2/app/manifests/v1:"
    " 400 Bad Request: Client sent an HTTP request to an HTTPS server."
)
# What people and tests have as a hosts.toml, right or wrong.
HOSTS_TOMLS = {
    **{f"row {name}": row.text for name, row in test_check_lint.ROWS.items()},
    **{f"text {name}": each[0] for name, each in test_check_reading.TEXTS.items()},
}


def explained(node: Microk8s, text: str) -> Any:
    done = ok(node.run("plugin", "check", "--explain", text, "--json"))
    return json.loads(done.stdout)["explanations"][0]


def test_before_the_first_enable_the_plugin_is_in_no_command(
    microk8s: Microk8s,
) -> None:
    told = explained(microk8s, PLAIN)["do"]
    assert told == f"microk8s enable private-registry-config --insecure {HOST}"


def test_what_somebody_wrote_is_taken_over(microk8s: Microk8s) -> None:
    ok(microk8s.run("enable"))
    assert explained(microk8s, PLAIN)["do"] == f"{ADD} --insecure {HOST}"
    microk8s.write(f"args/certs.d/{HOST}/hosts.toml", f'server = "https://{HOST}"\n')
    assert explained(microk8s, PLAIN)["do"] == f"{ADD} --insecure {HOST} --adopt"


def test_what_is_saved_is_applied_and_kept(microk8s: Microk8s, pki: Pki) -> None:
    files = {"ca.crt": pki.authority.pem, "client.crt": pki.client.pem}
    for name, text in {**files, "client.key": pki.client.key}.items():
        (microk8s.root / name).write_text(text)
    ca, certificate, key = (
        str(microk8s.root / name) for name in (*files, "client.key")
    )
    client = ("--client-cert", certificate, "--client-key", key)
    ok(microk8s.run("enable", "--registry", HOST, "--ca", ca, *client))
    assert explained(microk8s, NO_CA)["do"] == "microk8s private-registry apply"
    found = explained(microk8s, UNKNOWN_CA)
    kept = "--client-cert client.crt --client-key client.key"
    assert found["do"] == f"{ADD} --registry {HOST} --ca ca.crt {kept}"
    assert "client.key" in found["needs"]
    assert explained(microk8s, DENIED)["do"] == f"{ADD} --registry {HOST} {LOGIN}"


def test_who_has_a_login_asks_for_the_right(microk8s: Microk8s) -> None:
    login = ("--username", "ann", "--password-stdin")
    ok(microk8s.run("enable", "--registry", HOST, *login, stdin=b"s3cr3t"))
    found = explained(microk8s, DENIED)
    assert found["do"] is None
    assert "the right to pull" in found["owner"]


def test_one_of_several_mirrors_is_mended_in_a_file(microk8s: Microk8s) -> None:
    mirrors = ("https://m.corp", "https://n.corp")
    options = [each for url in mirrors for each in ("--mirror", f"{HOST}={url}")]
    ok(microk8s.run("enable", *options))
    url = "https://m.corp/v2/app/manifests/v1?ns=reg.corp%3A5000"
    text = f'{PULL}Head "{url}": x509: certificate signed by unknown authority'
    found = explained(microk8s, text)
    assert "export --with-secrets" in found["do"]
    assert "https://m.corp" in found["needs"]


def test_a_proxys_remedy_names_the_nodes_file(microk8s: Microk8s) -> None:
    ok(microk8s.run("enable"))
    command = explained(microk8s, PROXY)["do"]
    assert str(microk8s.current / "args/containerd-env") in shlex.split(command)


@pytest.mark.parametrize("text", HOSTS_TOMLS.values(), ids=HOSTS_TOMLS)
def test_whatever_containerd_makes_of_a_file_there_is_an_explanation(
    text: str, microk8s: Microk8s
) -> None:
    directory = f"args/certs.d/{HOST}"
    for pair in ("a", "b"):
        # No option says two of them, and they count where hosts.toml does not.
        microk8s.write(f"{directory}/{pair}.cert", "")
        microk8s.write(f"{directory}/{pair}.key", "")
    content = text.encode(errors="surrogateescape")
    microk8s.write(f"{directory}/hosts.toml", content)
    for said in (PLAIN, SPEAKS_HTTPS, UNKNOWN_CA, NO_CLIENT, NO_CA, DENIED):
        found = explained(microk8s, said)
        assert found["do"] or found["owner"]


def test_a_file_that_somebody_wrote_is_opened(microk8s: Microk8s) -> None:
    microk8s.write(f"args/certs.d/{HOST}/hosts.toml", 'server = "https://a:b:c"\n')
    text = f"{PULL}dial tcp: address a:b:c: too many colons in address"
    command = explained(microk8s, text)["do"]
    path = microk8s.current / "args/certs.d" / HOST / "hosts.toml"
    assert command == f"sudo nano {path}"


@pytest.mark.parametrize("error", [NodeError("none"), OSError("broken"), KeyError("x")])
def test_without_a_node_nothing_is_known(error: Exception) -> None:
    with mock.patch.object(Node, "from_environment", side_effect=error):
        assert facts_here({}) == NO_FACTS


def test_a_node_that_is_none_is_not_looked_at(microk8s: Microk8s) -> None:
    node = Node.at("/nowhere", str(microk8s.root / "nowhere"), "/nowhere")
    with mock.patch.object(Node, "from_environment", return_value=node):
        assert facts_here({}) == NO_FACTS


@pytest.mark.parametrize("problem", ["hidden", "unreadable", "damaged"])
def test_what_may_not_be_read_is_not_known(
    microk8s: Microk8s, monkeypatch: pytest.MonkeyPatch, problem: str
) -> None:
    ok(microk8s.run("enable", "--insecure", HOST))
    data, common = os.path.realpath(microk8s.current), str(microk8s.common)
    node = Node.at(str(microk8s.root), data, common)
    assert [str(each.name) for each in facts_of(node).saved] == [HOST]
    state = node.absolute(STATE)
    damaged = Look(content=b"[[registry") if problem == "damaged" else None

    def look(path: str) -> Look:
        hidden = damaged or Look(problem=problem)
        return hidden if path == state else look_at(path)

    monkeypatch.setattr(remedy_facts, "look_at", look)
    facts = facts_of(node)
    assert (facts.saved, facts.handwritten) == ((), frozenset())
    assert facts.has_plugin
