"""What every node finds out for itself, and what a worker says of what was left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from e2e.conftest import run
from registry_harness import Registry, difference, fill

from .together import NAMESPACE, Together, done

pytestmark = pytest.mark.kubernetes

EXIT_FAULTS = 5


def test_every_node_checks_for_itself(
    nodes: Together, plain_registry: Registry, tmp_path: Path
) -> None:
    host = plain_registry.host
    done(nodes.enable("--insecure", host))
    image = fill(plain_registry, "checked")
    told = nodes.plugin("check", image, "--json")
    assert told.exit_code == 0
    plain = json.loads(told.stdout)
    assert [(each["name"], each["pulled"]) for each in plain["nodes"]] == [
        ("node-1", True),
        ("node-2", True),
        ("node-3", True),
    ]
    assert len(plain_registry.pulls("checked")) >= len(plain["nodes"])
    # What was pulled for it is gone again.
    for number in (1, 2, 3):
        assert not nodes.node(number).containerd.cri.has_image(image)

    # A node whose own setting is wrong finds out what the others do not.
    run(nodes.node(3).node.enable("--registry", host))
    wrong = nodes.plugin("check")
    assert wrong.exit_code == EXIT_FAULTS
    assert "node-1  ok" in wrong.stdout
    assert "node-3  fault  speaks_http" in wrong.stdout
    assert wrong.stdout.count("fault: ") == 1
    run(nodes.node(3).node.disable())

    exported = nodes.plugin("export")
    run(exported)
    assert f'host = "{host}"' in exported.stdout
    file = tmp_path / "registries.toml"
    file.write_text(exported.stdout.replace(host, "other.corp:5000"))
    done(nodes.give(file, "apply", "--file"))
    assert nodes.hosts() == ["other.corp:5000"]
    done(nodes.disable())


def test_a_worker_says_what_was_left_behind(
    nodes: Together, plain_registry: Registry
) -> None:
    host, worker = plain_registry.host, nodes.node(3).node
    before = worker.snapshot()
    run(worker.enable("--insecure", "own.corp:5000"))
    done(nodes.enable("--insecure", host))
    listed = nodes.own("list", on=3).stdout
    assert f"for all nodes, and so on this one: {host}" in listed
    assert "--left-behind" not in listed
    refused = nodes.own("remove", "--left-behind", on=3)
    assert refused.exit_code != 0
    assert "would bring again" in refused.stderr

    nodes.api.delete("namespaces", "", NAMESPACE)
    nodes.cluster.wait_until(
        "it is gone", lambda: nodes.api.get("namespaces", name=NAMESPACE) is None
    )
    listed = nodes.own("list", on=3).stdout
    assert "microk8s private-registry remove --left-behind" in listed
    run(nodes.own("remove", "--left-behind", on=3))
    assert not nodes.hosts_toml(3, host).exists()
    run(worker.disable())
    assert difference(before, worker.snapshot()) == []
    for number in (1, 2):
        run(nodes.node(number).node.disable("--left-behind"))
    run(nodes.node(1).node.disable())
