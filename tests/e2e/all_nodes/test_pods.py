"""All nodes configured by one command: what pods on three real nodes see."""

from __future__ import annotations

import re
import time
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import HTTP_TO_HTTPS, UNKNOWN_CA, Figure, run
from e2e.story import login
from registry_harness import (
    CertificateAuthority,
    Registry,
    difference,
    fill,
)
from registry_harness.containerd.releases import ContainerdRelease
from registry_harness.kubernetes import conditions, deployment

from .together import (
    PROMISED_SECONDS,
    Bystanders,
    Running,
    Together,
    done,
)

pytestmark = pytest.mark.kubernetes

NODE_FAILED = 4
NO_LOGIN = "failed to resolve"


def test_one_command_and_every_node_pulls(
    nodes: Together,
    plain_registry: Registry,
    containerd_releases: dict[str, ContainerdRelease],
    figure: Figure,
) -> None:
    cluster, host, worker = nodes.cluster, plain_registry.host, nodes.node(3)
    bystanders = Bystanders(nodes, 1, 2)
    late = nodes.story(3).deploy(plain_registry, "late")
    nodes.story(3).wait_until_refused(late, HTTP_TO_HTTPS)
    worker.down()
    cluster.wait_until("it is not ready", lambda: not cluster.is_ready("node-3"))
    nodes.refused_on(plain_registry, "early", HTTP_TO_HTTPS, 1, 2)
    images = nodes.fill(plain_registry, "app", 1, 2)

    command = Running(partial(nodes.enable, "--insecure", host))
    begun = nodes.wait_for_secret()
    for number in (1, 2):
        nodes.wait_for_hosts_toml(number, host)
    known = time.monotonic() - begun
    pulled = nodes.pull(images, "app") - begun
    figure(f"first change: on 2 nodes after {known:.1f} s, pods pull at {pulled:.1f} s")
    assert pulled < PROMISED_SECONDS
    done = command.result()
    assert done.exit_code == 0
    assert done.stdout.splitlines()[1:5] == [
        "  node-3  down",
        "  node-1  ok",
        "  node-2  ok",
        (
            "Done; it counts from the next pull on. When they come back, they get it:"
            " node-3."
        ),
    ]
    for number in (1, 2):
        nodes.story(number).wait_until_available(f"early-1-node-{number}")
    bystanders.check(host)

    worker.up()
    cluster.wait_until_ready("node-3")
    a_node_joins(nodes, plain_registry, containerd_releases["2.4"], figure)
    nodes.story(3).wait_until_available(late)
    nodes.wait_until_listed("ok", "node-1", "node-2", "node-3")
    assert plain_registry.pulls("pause") == []


def a_node_joins(
    nodes: Together,
    registry: Registry,
    containerd: ContainerdRelease,
    figure: Figure,
) -> None:
    """Check that a pod that waits for a node runs there soon after it has joined."""
    cluster, api, name = nodes.cluster, nodes.api, "first"
    image = fill(registry, name, "registry", cluster.busybox)
    api.create("deployments", "default", deployment(name, image, node="node-4"))
    with cluster.joined(containerd, is_worker=True):
        cluster.wait_until(
            "the pod runs there",
            lambda: "Available" in conditions(api.get("deployments", "default", name)),
        )
        ready = ready_since(api.get("nodes", name="node-4"))
        reported = moment(nodes.lease("node-4")["spec"]["renewTime"]) - ready
        began, refusals = first_run(nodes, name)
        figure(
            f"a node that joins: reported {reported:.0f} s after it was ready; a pod"
            f" that waited for it ran after {began - ready:.0f} s, refused before:"
            f" {len(refusals)}"
        )
        assert began - ready < 30
        assert [each for each in refusals if HTTP_TO_HTTPS not in each] == []
        nodes.wait_until_listed("ok", "node-4")
    api.delete("deployments", "default", name)


def first_run(nodes: Together, name: str) -> tuple[float, list[str]]:
    """Return when the pod of a Deployment ran, and what pulls before failed with."""
    (pod,) = (
        each
        for each in nodes.api.items("pods", "default")
        if each["metadata"]["labels"].get("app") == name
    )
    (container,) = pod["status"]["containerStatuses"]
    events = nodes.api.items("events", "default")
    failed = [
        each["message"]
        for each in events
        if each["involvedObject"]["name"] == pod["metadata"]["name"]
        and each["message"].startswith("Failed to pull")
    ]
    return moment(container["state"]["running"]["startedAt"]), failed


def moment(text: str) -> float:
    """Return a time as the API has it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def ready_since(node: dict[str, Any] | None) -> float:
    """Return when a node became ready."""
    found = {each["type"]: each for each in (node or {})["status"]["conditions"]}
    return moment(found["Ready"]["lastTransitionTime"])


def test_registries_come_go_and_change(
    nodes: Together, plain_registry: Registry, tls_registry: Registry, tmp_path: Path
) -> None:
    bystanders = Bystanders(nodes)
    wrong, right = tmp_path / "wrong.crt", tmp_path / "right.crt"
    wrong.write_bytes(CertificateAuthority("another").pem)
    right.write_bytes(tls_registry.ca or b"")
    add_tls = ("add", "--registry", tls_registry.host, "--ca")

    done(nodes.enable("--insecure", plain_registry.host))
    nodes.pull_on(plain_registry, "one", 1, 2, 3)
    nodes.refused_on(tls_registry, "unknown", UNKNOWN_CA, 1, 2, 3)
    done(nodes.give(wrong, *add_tls))
    nodes.refused_on(tls_registry, "wrong", UNKNOWN_CA, 1, 2, 3)
    done(nodes.give(right, *add_tls))
    nodes.pull_on(tls_registry, "right", 1, 2, 3)
    # Any control plane node does.
    done(nodes.node(2).node.disable("--registry", plain_registry.host, "--all-nodes"))
    nodes.refused_on(plain_registry, "gone", HTTP_TO_HTTPS, 1, 2, 3)
    assert nodes.hosts() == [tls_registry.host]
    nodes.pull_on(tls_registry, "still", 1, 2, 3)
    bystanders.check(plain_registry.host, tls_registry.host)


def test_a_login_is_the_kubelets_and_its_password_changes(
    nodes: Together, htpasswd_registry: Registry
) -> None:
    credentials = htpasswd_registry.credentials
    assert credentials is not None
    configs = [
        each.node.common / "var/lib/kubelet/config.json" for each in nodes.cluster.nodes
    ]
    words = login(htpasswd_registry)
    bystanders = Bystanders(nodes)
    done(nodes.enable(*words, stdin="another"))
    # They read it at once then, and not within five minutes.
    nodes.start_kubelets_anew()
    refused = nodes.deploy_on(htpasswd_registry, "private", 1, 2, 3)
    nodes.wait_until_refused(refused, NO_LOGIN)
    done(nodes.plugin("add", *words, stdin=credentials.password))
    nodes.start_kubelets_anew()
    nodes.wait_until_available(refused)
    nodes.pull_on(htpasswd_registry, "login", 1, 2, 3)
    bystanders.check_containers()
    done(nodes.disable())
    assert [each for each in configs if each.exists()] == []


def test_a_nodes_own_setting_wins_and_is_told(
    nodes: Together, plain_registry: Registry
) -> None:
    host, own = plain_registry.host, nodes.node(1).node
    before = own.snapshot()
    run(own.enable("--registry", host))
    alone = own.snapshot()
    done(nodes.plugin("add", "--insecure", host))
    nodes.refused_on(plain_registry, "own", HTTP_TO_HTTPS, 1)
    nodes.pull_on(plain_registry, "all", 2, 3)
    rows = nodes.rows()
    assert {name: each["own"] for name, each in rows.items()} == {
        "node-1": [host],
        "node-2": [],
        "node-3": [],
    }
    shown = nodes.plugin("list").stdout
    assert f"  node-1  ok: own settings count for {host}\n" in shown
    assert f"  {host}: HTTPS  [ok]" in nodes.own("list", on=1).stdout
    # What is the cluster's needs the node's own no more.
    run(nodes.own("remove", "--registry", host, on=1))
    nodes.wait_for_hosts_toml(1, host)
    nodes.cluster.wait_until("it is told", lambda: not nodes.rows()["node-1"]["own"])
    nodes.pull_on(plain_registry, "again", 1)
    # Nor does the cluster take back what is the node's own.
    run(nodes.own("add", "--registry", host, on=1))
    done(nodes.plugin("remove", "--registry", host))
    assert nodes.hosts_toml(1, host).exists()
    assert not nodes.hosts_toml(2, host).exists()
    done(nodes.disable())
    assert difference(alone, own.snapshot()) == []
    run(own.disable())
    assert difference(before, own.snapshot()) == []


def test_a_hand_edit_is_told_and_put_right_when_told_to(
    nodes: Together, plain_registry: Registry
) -> None:
    host = plain_registry.host
    done(nodes.enable("--insecure", host))
    path = nodes.hosts_toml(2, host)
    written = path.read_text()
    edited = written.replace("http://", "https://")
    assert nodes.complaints() == []
    path.write_text(edited)
    nodes.wait_until_listed("changed by hand", "node-2")
    nodes.cluster.wait_until("there is an Event", nodes.complaints)
    row = nodes.rows()["node-2"]
    current = f"/var/snap/microk8s/current/args/certs.d/{host}/hosts.toml"
    assert row["changed_by_hand"] == [current]
    assert nodes.complaints() == [
        f"node node-2: change 1: {current} was changed by hand"
    ]
    assert [each["state"] for each in nodes.rows().values()].count("ok") == 2
    nodes.refused_on(plain_registry, "edited", HTTP_TO_HTTPS, 2)
    # Another change leaves it alone, and says so.
    left = nodes.plugin("add", "--insecure", "other.corp:5000")
    assert (left.exit_code, path.read_text()) == (0, edited)
    assert "  node-2  changed by hand: " in left.stdout
    assert "1 of 3 nodes need somebody" in left.stdout
    assert nodes.hosts_toml(2, "other.corp:5000").exists()

    (typed,) = (line for line in left.stdout.splitlines() if "->" in line)
    done(nodes.typed(typed.partition("-> ")[2]))
    assert path.read_text() == written
    nodes.wait_until_listed("ok", "node-1", "node-2", "node-3")
    nodes.pull_on(plain_registry, "adopted", 2)

    done(nodes.plugin("apply", "--repair"))
    assert "What somebody changes by hand is put right." in nodes.plugin("list").stdout
    paths = [nodes.hosts_toml(number, host) for number in (1, 2, 3)]
    assert [each.read_text() for each in paths] == [written] * 3
    paths[0].write_text("")
    paths[1].write_text(edited)
    paths[2].unlink()
    for number, each in enumerate(paths, 1):
        nodes.wait_for_hosts_toml(number, host)
        is_right = partial(has_text, each, written)
        nodes.cluster.wait_until("it is put right", is_right, PROMISED_SECONDS)
    nodes.pull_on(plain_registry, "repaired", 1, 2, 3)


def has_text(file: Path, text: str) -> bool:
    """Whether a file is that, and nothing else."""
    return file.read_text() == text


def test_a_node_that_is_down_is_waited_for_or_forgotten(
    nodes: Together, plain_registry: Registry
) -> None:
    cluster, host, worker = nodes.cluster, plain_registry.host, nodes.node(3)
    bystanders = Bystanders(nodes, 1, 2)
    done(nodes.enable("--insecure", host))
    nodes.pull_on(plain_registry, "app", 1, 2, 3)
    worker.down()
    cluster.wait_until("it is not ready", lambda: not cluster.is_ready("node-3"))
    told = nodes.disable()
    assert told.exit_code == NODE_FAILED
    assert re.search(r"  node-3  down: when last heard of, .*: ok\n", told.stdout)
    assert "  node-1  given back\n" in told.stdout
    assert not nodes.hosts_toml(1, host).exists()
    assert nodes.differences(2) == []
    forget = told.stdout.splitlines()[-1].partition(": ")[2]
    assert forget.endswith(" --forget node-3")
    # Waiting for it is the other way.
    shown = nodes.plugin("list").stdout
    assert "All nodes are to give back what they got:" in shown
    unknown = nodes.disable("--forget", "node-9")
    assert unknown.exit_code == NODE_FAILED
    assert "the cluster has no node node-9" in unknown.stderr
    over = nodes.typed(forget)
    assert over.exit_code == 0
    nodes.wait_until_gone()
    bystanders.check(host)
    assert nodes.differences(1, 2) == []
    nodes.refused_on(plain_registry, "later", HTTP_TO_HTTPS, 1, 2)
    worker.up()
    cluster.wait_until_ready("node-3")
    nodes.pull_on(plain_registry, "left", 3)
    run(worker.node.disable("--left-behind"))
    assert nodes.differences(3) == []
