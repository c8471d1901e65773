"""Credentials on every containerd: refused, enabled, pulled, disabled, refused again."""

from __future__ import annotations

from registry_harness import PullingNode, Registry, difference, fill

from .conftest import Pulls, run


def test_a_password_is_given_changed_and_taken_back(
    microk8s_node: PullingNode, pulls: Pulls, htpasswd_registry: Registry
) -> None:
    node, registry = microk8s_node.node, htpasswd_registry
    assert registry.credentials is not None
    before, asked = node.snapshot(), len(microk8s_node.snapctl.requests)
    run(node.enable("--insecure", registry.host))
    pulls.fail(fill(registry, "before"))
    login = ["--username", registry.credentials.username, "--password-stdin"]
    add = ["add", "--insecure", registry.host, "--allow-plaintext-credentials", *login]

    run(node.plugin("private-registry", *add, stdin="wrong"))
    pulls.fail(fill(registry, "wrong"))
    run(node.plugin("private-registry", *add, stdin=registry.credentials.password))
    pulls.work(fill(registry, "right"))
    run(node.disable())
    assert difference(before, node.snapshot()) == []
    pulls.fail(fill(registry, "after"))
    restart = "restart microk8s.daemon-containerd"
    assert microk8s_node.snapctl.requests[asked:] == [restart] * 3
