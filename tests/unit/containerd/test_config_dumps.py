"""What `containerd config dump` of containerd 2 prints of MicroK8s' template is no
refusal of it.

The texts are parts of what 2.2.3, 2.3.7 and 2.4.2 really print: the template's version
2 is migrated to 3 and 4, in which CRI's sections have other names.
"""

from __future__ import annotations

import pytest

from private_registry.containerd.template import Template
from unit.microk8s import Microk8s, Result, ok

DUMP = """version = {version}
imports = ['/etc/containerd/conf.d/*.toml']

[plugins]
  [plugins.'io.containerd.cri.v1.images']
    snapshotter = 'overlayfs'

    [plugins.'io.containerd.cri.v1.images'.pinned_images]
      sandbox = 'registry.k8s.io/pause:3.7'

    [plugins.'io.containerd.cri.v1.images'.registry]
      config_path = '{path}'
{entries}
    [plugins.'io.containerd.cri.v1.images'.image_decryption]
      key_model = 'node'

  [plugins.'io.containerd.nri.v1.nri']
    plugin_config_path = '/etc/nri/conf.d'

  [plugins.'io.containerd.transfer.v1.local']
    config_path = ''
"""
LOGIN = """
      [plugins.'io.containerd.cri.v1.images'.registry.configs]
        [plugins.'io.containerd.cri.v1.images'.registry.configs.'a.corp']
          [plugins.'io.containerd.cri.v1.images'.registry.configs.'a.corp'.auth]
            username = 'ann'
            password = 'pass-word'
            auth = ''
            identitytoken = ''
"""
MIRRORS = """
      [plugins.'io.containerd.cri.v1.images'.registry.mirrors]
        [plugins.'io.containerd.cri.v1.images'.registry.mirrors.'a.corp']
          endpoint = ['http://a.corp']

        [plugins.'io.containerd.cri.v1.images'.registry.mirrors.'docker.io']
          endpoint = ['https://registry-1.docker.io']
"""
VERSIONS = pytest.mark.parametrize(
    ("containerd", "version"), [("2.2.3", 3), ("2.3.7", 4), ("2.4.2", 4)]
)


def prints(
    node: Microk8s, containerd: str, version: int, path: str, entries: str
) -> None:
    """Let the node's containerd print a configuration."""
    dump = node.root / "dump"
    dump.write_text(DUMP.format(version=version, path=path, entries=entries))
    program = node.snap / "bin" / "containerd"
    program.write_text(
        f"#!/bin/sh\n[ \"$3\" = config ] && cat '{dump}' && exit\n"
        f"echo containerd github.com/containerd/containerd/v2 v{containerd}\n"
    )


def log_in(node: Microk8s) -> Result:
    options = [
        "enable",
        "--registry",
        "a.corp",
        "--username",
        "ann",
        "--password-stdin",
    ]
    return node.run(*options, stdin=b"pass-word")


@VERSIONS
def test_a_login_that_was_migrated_is_taken(
    microk8s: Microk8s, containerd: str, version: int
) -> None:
    path = f"{microk8s.data}/args/certs.d"
    prints(microk8s, containerd, version, path, LOGIN)
    ok(log_in(microk8s))


@VERSIONS
@pytest.mark.parametrize("lost", ["the login", "config_path"])
def test_what_the_migration_really_loses_is_refused(
    microk8s: Microk8s, containerd: str, version: int, lost: str
) -> None:
    path = "" if lost == "config_path" else f"{microk8s.data}/args/certs.d"
    prints(microk8s, containerd, version, path, "" if lost == "the login" else LOGIN)
    refused = log_in(microk8s)
    assert refused.exit_code == 4
    assert "no longer read" in refused.stderr


@VERSIONS
def test_mirrors_that_were_migrated_are_taken(
    microk8s: Microk8s, containerd: str, version: int
) -> None:
    prints(microk8s, containerd, version, "", MIRRORS)
    text = microk8s.template.read_text()
    lines = (
        line for line in text.splitlines(keepends=True) if "config_path" not in line
    )
    microk8s.template.write_text("".join(lines))
    ok(microk8s.run("enable", "--insecure", "a.corp"))
    template = Template(microk8s.template.read_text(), "the template")
    assert template.is_legacy
    assert template.get(("mirrors", "a.corp")) == {"endpoint": ["http://a.corp"]}
