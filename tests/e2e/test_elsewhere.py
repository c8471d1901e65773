"""What other programs know of registries, and what is exported, is what containerd
pulls by.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from registry_harness import (
    DockerEngine,
    PullingNode,
    Registry,
    RegistrySpec,
    difference,
    fill,
)
from registry_harness.pytest_plugin import NewRegistry

from .conftest import HTTP_TO_HTTPS, UNKNOWN_CA, Pulls, run

K3S = """
mirrors:
  {upstream}:
    endpoint:
      - "{mirror}"
    rewrite:
      "^(.*)$": "proxy/$1"
  "{plain}":
    endpoint:
      - "http://{plain}"
configs:
  "{upstream}":
    tls:
      ca_file: {ca}
    auth:
      username: {username}
      password: '{password}'
"""


def test_a_k3s_file(
    microk8s_node: PullingNode,
    pulls: Pulls,
    tls_htpasswd_registry: Registry,
    new_registry: NewRegistry,
    plain_registry: Registry,
    ca_file: Path,
    tmp_path: Path,
) -> None:
    node, upstream, mirror = (
        microk8s_node.node,
        tls_htpasswd_registry,
        new_registry(RegistrySpec()),
    )
    assert upstream.credentials is not None
    text = K3S.format(
        upstream=upstream.host,
        mirror=mirror.url,
        plain=plain_registry.host,
        ca=ca_file,
        username=upstream.credentials.username,
        password=upstream.credentials.password.replace("'", "''"),
    )
    (tmp_path / "registries.yaml").write_text(text, encoding="utf-8")
    before = node.snapshot()
    pulls.fail(fill(upstream, "before"), UNKNOWN_CA)
    run(node.enable("--file", str(tmp_path / "registries.yaml")))
    pulls.work(fill(upstream, "on-upstream"))
    pulls.work(fill(plain_registry, "plain"))
    fill(mirror, "proxy/on-mirror")
    pulls.work(upstream.reference("on-mirror"))
    assert mirror.pulls("proxy/on-mirror")
    run(node.disable())
    pulls.fail(fill(upstream, "after"), UNKNOWN_CA)
    assert difference(before, node.snapshot()) == []


def test_dockers_certificates(
    microk8s_node: PullingNode, pulls: Pulls, mtls_registry: Registry, tmp_path: Path
) -> None:
    node, registry = microk8s_node.node, mtls_registry
    folder = tmp_path / "certs.d" / registry.host
    folder.mkdir(parents=True)
    assert registry.ca is not None
    assert registry.client is not None
    (folder / "corp.crt").write_bytes(registry.ca)
    (folder / "node.cert").write_bytes(registry.client.certificate)
    (folder / "node.key").write_bytes(registry.client.key)
    pulls.fail(fill(registry, "before"), UNKNOWN_CA)
    run(node.enable("--import", str(tmp_path / "certs.d")))
    pulls.work(fill(registry, "enabled"))
    run(node.disable())
    pulls.fail(fill(registry, "after"), UNKNOWN_CA)


def test_a_tree_that_was_exported_is_what_containerd_reads(
    microk8s_node: PullingNode,
    pulls: Pulls,
    mtls_registry: Registry,
    plain_registry: Registry,
    ca_file: Path,
    tmp_path: Path,
) -> None:
    node = microk8s_node.node
    client = mtls_registry.client
    assert client is not None
    (tmp_path / "node.crt").write_bytes(client.certificate)
    (tmp_path / "node.key").write_bytes(client.key)
    run(node.enable("--insecure", plain_registry.host))
    files = [str(tmp_path / "node.crt"), "--client-key", str(tmp_path / "node.key")]
    options = [
        "--registry",
        mtls_registry.host,
        "--ca",
        str(ca_file),
        "--client-cert",
        *files,
    ]
    run(node.plugin("private-registry", "add", *options))
    tree = tmp_path / "tree"
    run(
        node.plugin(
            "private-registry",
            *("export", "--format", "hosts", "--with-secrets", "--output", str(tree)),
        )
    )
    run(node.disable())
    pulls.fail(fill(plain_registry, "before"), HTTP_TO_HTTPS)
    for folder in tree.iterdir():
        target = node.certs_d / folder.name
        target.mkdir()
        for file in folder.iterdir():
            (target / file.name).write_bytes(file.read_bytes())
    try:
        pulls.work(fill(plain_registry, "copied"))
        pulls.work(fill(mtls_registry, "copied"))
        run(node.enable("--import", str(node.certs_d), "--adopt"))
        pulls.work(fill(mtls_registry, "taken-over"))
        run(node.disable())
        pulls.work(fill(mtls_registry, "given-back"))
    finally:
        for folder in tree.iterdir():
            target = node.certs_d / folder.name
            for file in target.iterdir():
                file.unlink()
            target.rmdir()


def test_what_docker_knows(
    microk8s_node: PullingNode,
    pulls: Pulls,
    plain_registry: Registry,
    tls_htpasswd_registry: Registry,
    docker_engine: DockerEngine,
    ca_file: Path,
    tmp_path: Path,
) -> None:
    node, registry = microk8s_node.node, tls_htpasswd_registry
    docker_engine.trust_insecure(plain_registry.host)
    run(node.enable("--file", str(docker_engine.configuration)))
    pulls.work(fill(plain_registry, "from-daemon-json"))
    run(
        node.plugin(
            "private-registry", "add", "--registry", registry.host, "--ca", str(ca_file)
        )
    )
    pulls.fail(fill(registry, "no-login"))
    assert registry.credentials is not None
    auth = registry.credentials.basic().partition(" ")[2]
    config = json.dumps({"auths": {registry.host: {"auth": auth}}})
    run(node.plugin("private-registry", "add", "--file", "-", stdin=config))
    pulls.work(fill(registry, "from-config-json"))
    run(node.disable())


@pytest.mark.parametrize("format_name", ["toml", "launch-config"])
def test_an_export_names_what_it_leaves_out(
    microk8s_node: PullingNode, tls_registry: Registry, ca_file: Path, format_name: str
) -> None:
    node = microk8s_node.node
    login = ["--username", "ann", "--password-stdin", "--no-restart"]
    options = ["--registry", tls_registry.host, "--ca", str(ca_file), *login]
    run(node.enable(*options, stdin="s3cr3t-pass"))
    done = node.plugin("private-registry", "export", "--format", format_name)
    assert done.exit_code == 0
    assert "s3cr3t-pass" not in done.stdout + done.stderr
    assert tls_registry.host in done.stdout
    assert tls_registry.host in done.stderr
    run(node.disable())
