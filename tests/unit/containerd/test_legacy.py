"""Nodes without config_path: MicroK8s 1.22 and older, or refreshed from there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from unit.fake_containerd import FakeContainerd
from unit.microk8s import ADDON, Microk8s, ok, same_but
from unit.safe_subset import parse

CRI = 'plugins."io.containerd.grpc.v1.cri"'
# In the shape of MicroK8s 1.20 to 1.22, with its trailing comma and its four-space
# steps.
STOCK = f"""# Use config version 2 to enable new configuration fields.
version = 2
oom_score = 0

[{CRI}]
  sandbox_image = "k8s.gcr.io/pause:3.1"

  # 'plugins."io.containerd.grpc.v1.cri".registry' contains config related to \
the registry
  [{CRI}.registry]

    # namespace to mirror mapping for all namespaces
    [{CRI}.registry.mirrors]
      [{CRI}.registry.mirrors."docker.io"]
        endpoint = ["https://registry-1.docker.io", ]
      [{CRI}.registry.mirrors."localhost:32000"]
        endpoint = ["http://localhost:32000"]
"""
LOGIN = ["--username", "ann", "--password-stdin"]
CERTS = "${SNAP_DATA}/args/certs.d"


@pytest.fixture
def node(microk8s: Microk8s) -> Microk8s:
    """A node of MicroK8s 1.22."""
    for directory in list(microk8s.certs_d.iterdir()):
        (directory / "hosts.toml").unlink()
        directory.rmdir()
    microk8s.certs_d.rmdir()
    microk8s.template.write_text(STOCK)
    microk8s.set_containerd_version("1.5.13")
    return microk8s


def registry_section(node: Microk8s) -> Dict[str, Any]:
    found: Any = parse(node.template.read_text())
    for key in ("plugins", "io.containerd.grpc.v1.cri", "registry"):
        found = found[key]
    return dict(found)


def test_the_page_of_the_seed_comes_out(node: Microk8s) -> None:
    before = node.tree()
    ok(node.run("enable", "--insecure", "10.141.241.175:32000"))
    page = STOCK.replace(
        f'      [{CRI}.registry.mirrors."docker.io"]\n',
        f'[{CRI}.registry.mirrors."10.141.241.175:32000"]\n'
        'endpoint = ["http://10.141.241.175:32000"]\n'
        f'      [{CRI}.registry.mirrors."docker.io"]\n',
    )
    assert parse(node.template.read_text()) == parse(page)
    assert node.template.read_text().startswith(STOCK)
    ok(node.run("disable"))
    assert node.tree() == before


CASES: List[Tuple[List[str], Dict[str, Any], Dict[str, Any]]] = [
    (["--insecure", "a.corp"], {"a.corp": ["http://a.corp"]}, {}),
    (["--registry", "a.corp"], {"a.corp": ["https://a.corp"]}, {}),
    (
        ["--registry", "a.corp:5000", "--skip-verify"],
        {"a.corp:5000": ["https://a.corp:5000"]},
        {"a.corp:5000": {"tls": {"insecure_skip_verify": True}}},
    ),
    (
        ["--registry", "a.corp", "CA"],
        {"a.corp": ["https://a.corp"]},
        {"a.corp": {"tls": {"ca_file": f"{CERTS}/a.corp/ca.crt"}}},
    ),
    (
        ["--registry", "a.corp", "CLIENT", *LOGIN],
        {"a.corp": ["https://a.corp"]},
        {
            "a.corp": {
                "tls": {
                    "ca_file": f"{CERTS}/a.corp/ca.crt",
                    "cert_file": f"{CERTS}/a.corp/client.cert",
                    "key_file": f"{CERTS}/a.corp/client.key",
                },
                "auth": {"username": "ann", "password": "p"},
            }
        },
    ),
    (
        ["--mirror", "quay.io=https://m.corp/quay"],
        {"quay.io": ["https://m.corp/v2/quay", "https://quay.io"]},
        {},
    ),
    (
        ["--mirror", "docker.io=https://m.corp/hub", "CA", *LOGIN],
        {"docker.io": ["https://m.corp/v2/hub"]},
        {
            "m.corp": {
                "tls": {"ca_file": f"{CERTS}/docker.io/mirror-1-ca.crt"},
                "auth": {"username": "ann", "password": "p"},
            }
        },
    ),
    (
        ["--registry", "docker.io", *LOGIN],
        {},
        {"registry-1.docker.io": {"auth": {"username": "ann", "password": "p"}}},
    ),
    (["--mirror", "*=https://m.corp"], {"*": ["https://m.corp"]}, {}),
    (
        ["--insecure", "a.corp", "--mirror", "a.corp=http://m.corp"],
        {"a.corp": ["http://m.corp", "http://a.corp"]},
        {},
    ),
]


@pytest.mark.parametrize(
    ("options", "mirrors", "configs"), CASES, ids=[" ".join(case[0]) for case in CASES]
)
def test_what_is_written(
    node: Microk8s,
    client_options: List[str],
    options: List[str],
    mirrors: Dict[str, Any],
    configs: Dict[str, Any],
) -> None:
    before = node.tree()
    words: List[str] = []
    for word in options:
        given = {"CA": client_options[:2], "CLIENT": client_options}
        words += given.get(word, [word])
    ok(node.run("enable", *words, stdin=b"p"))
    section = registry_section(node)
    stock = {
        "docker.io": ["https://registry-1.docker.io"],
        "localhost:32000": ["http://localhost:32000"],
    }
    assert {name: each["endpoint"] for name, each in section["mirrors"].items()} == {
        **stock,
        **mirrors,
    }
    assert section.get("configs", {}) == configs
    named = [
        value.replace("${SNAP_DATA}", str(node.data))
        for config in configs.values()
        for key, value in config.get("tls", {}).items()
        if key.endswith("_file")
    ]
    assert all(Path(each).read_text().startswith("-----BEGIN") for each in named)
    assert not list(node.data.rglob("hosts.toml"))
    assert "[ok]" in node.run("plugin", "list").stdout
    middle = node.tree()
    ok(node.run("plugin", "apply"))
    assert node.tree() == middle
    ok(node.run("disable"))
    assert node.tree() == before


def test_each_step_restarts_once(node: Microk8s) -> None:
    containerd = FakeContainerd(node)
    try:
        before = node.tree()
        ok(node.run("enable", "--insecure", "a.corp", "--insecure", "b.corp"))
        assert len(containerd.requests) == 1
        ok(node.run("plugin", "apply"))
        assert len(containerd.requests) == 1
        ok(node.run("disable"))
        assert len(containerd.requests) == 2
        assert same_but(node.tree(), before, "args/containerd.toml")
    finally:
        containerd.close()


def test_a_new_ca_is_read_without_a_restart(
    node: Microk8s, client_options: List[str], pki: Any, tmp_path: Path
) -> None:
    containerd = FakeContainerd(node)
    try:
        ok(node.run("enable", "--registry", "a.corp", *client_options[:2]))
        other = tmp_path / "other.crt"
        other.write_text(pki.authority.pem + pki.authority.pem)
        ok(node.run("plugin", "add", "--registry", "a.corp", "--ca", str(other)))
        assert len(containerd.requests) == 1
    finally:
        containerd.close()


@pytest.mark.parametrize(
    ("version", "options", "says"),
    [
        (
            "1.5.13",
            ["--mirror", "a.corp=https://m.corp", "--no-fallback"],
            "cannot be promised",
        ),
        (
            "2.1.6",
            ["--registry", "a.corp", "--skip-verify"],
            "containerd 2.1.6 reads no CA",
        ),
        ("2.2.0", ["--insecure", "a.corp"], "does not start CRI with a mirror"),
        ("2.2.1", ["--insecure", "a.corp"], "does not start CRI with a mirror"),
        ("1.7.29", ["--mirror", "a.corp=https://[fd00::1]", "--skip-verify"], "2.0.0"),
    ],
)
def test_what_such_a_node_cannot_do_is_refused(
    node: Microk8s, version: str, options: List[str], says: str
) -> None:
    node.set_containerd_version(version)
    before = node.tree()
    refused = node.run("enable", *options)
    assert refused.exit_code == 4
    assert says in refused.stderr
    assert node.tree() == before


def test_a_containerd_that_no_longer_takes_mirrors_is_told(node: Microk8s) -> None:
    program = node.snap / "bin" / "containerd"
    program.write_text(
        "#!/bin/sh\n[ \"$3\" = config ] && sed '/a.corp/,$d' && exit\necho v9.0.0\n"
    )
    before = node.tree()
    refused = node.run("enable", "--insecure", "a.corp")
    assert refused.exit_code == 4
    assert "no longer reads the mirrors of a.corp" in refused.stderr
    assert "config_path" in refused.stderr
    assert node.tree() == before


@pytest.mark.parametrize(
    ("version", "options"),
    [
        ("1.3.7", ["--insecure", "a.corp"]),
        ("1.5.13", ["--mirror", "a.corp=https://m.corp/project"]),
        ("1.5.13", ["--mirror", "*=https://m.corp"]),
        ("2.1.6", ["--insecure", "a.corp"]),
        ("2.2.2", ["--insecure", "a.corp"]),
    ],
)
def test_what_only_hosts_toml_needs_a_newer_containerd_for_is_taken(
    node: Microk8s, version: str, options: List[str]
) -> None:
    node.set_containerd_version(version)
    ok(node.run("enable", *options))


def test_one_host_has_one_set_of_tls_settings(
    node: Microk8s, client_options: List[str]
) -> None:
    ok(node.run("enable", "--registry", "h.corp", *client_options[:2]))
    same = ["--mirror", "quay.io=https://h.corp/q", *client_options[:2]]
    ok(node.run("plugin", "add", *same))
    refused = node.run(
        "plugin", "add", "--mirror", "quay.io=https://h.corp/q", "--skip-verify"
    )
    assert refused.exit_code == 2
    assert "h.corp" in refused.stderr


def test_a_node_that_gets_its_config_path_later_moves_with_the_next_apply(
    node: Microk8s, client_options: List[str]
) -> None:
    ok(node.run("enable", "--registry", "a.corp", *client_options[:2]))
    ok(node.run("plugin", "add", "--mirror", "docker.io=https://m.corp"))
    header = f"  [{CRI}.registry]\n"
    path = '    config_path = "${SNAP_DATA}/args/certs.d"\n'
    text = node.template.read_text()
    node.template.write_text(text.replace(header, header + path))
    refused = node.run("plugin", "apply")
    assert refused.exit_code == 4
    assert "beside config_path" in refused.stderr
    moved = text[: text.index(header)] + header + path
    node.template.write_text(moved)
    ok(node.run("plugin", "apply"))
    assert node.template.read_text() == moved
    assert node.hosts("a.corp")["server"] == "https://a.corp"
    assert "https://m.corp" in node.hosts("docker.io")["host"]


def test_a_mirror_by_hand_is_a_conflict(node: Microk8s) -> None:
    hand = (
        f'[{CRI}.registry.mirrors."a.corp"]\n  endpoint = [ "http://by.hand" ] # mine\n'
    )
    node.template.write_text(STOCK + hand)
    before = node.tree()
    refused = node.run("enable", "--insecure", "a.corp")
    assert refused.exit_code == 3
    assert "the mirrors of a.corp" in refused.stderr
    assert node.tree() == before
    ok(node.run("enable", "--insecure", "a.corp", "--adopt"))
    assert registry_section(node)["mirrors"]["a.corp"]["endpoint"] == ["http://a.corp"]
    ok(node.run("disable"))
    assert node.tree() == before


def test_by_hand_without_microk8s_own_machinery(node: Microk8s) -> None:
    """MicroK8s before 1.24 has no addon repositories: the programs are run by
    themselves.
    """
    environment = {**node.environment}
    for name in ("SNAP_NAME", "SNAP_REVISION"):
        del environment[name]
    before = node.tree()
    for door, options in (
        ("enable", ["--insecure", "10.141.241.175:32000"]),
        ("plugin", ["list"]),
        ("disable", []),
    ):
        done = subprocess.run(
            [sys.executable, str(ADDON / door), *options],
            env=environment,
            capture_output=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert (b"10.141.241.175:32000" in done.stdout) or door == "disable"
    assert node.tree() == before
