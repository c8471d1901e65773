"""Many registries at once: --file and apply."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import List

from unit.microk8s import HOOK, MARKER, PLUGIN, Microk8s, ok
from unit.pki import Pki

A, B = "a.corp:5000", "b.corp"


def names(microk8s: Microk8s) -> List[str]:
    return sorted(path.name for path in microk8s.certs_d.iterdir())


MANY = """
[[registry]]
host = "a.corp:5000"
insecure = true

[[registry]]
host = "docker.io"
[[registry.mirror]]
url = "https://harbor.corp/proxy"
ca_file = "ca.crt"
"""


def test_a_file_adds_many_registries(
    microk8s: Microk8s, pki: Pki, tmp_path: Path
) -> None:
    (tmp_path / "ca.crt").write_text(pki.authority.pem)
    (tmp_path / "many.toml").write_text(MANY)
    before = microk8s.tree()
    ok(microk8s.run("enable", "--registry", B))
    ok(microk8s.run("plugin", "add", "--file", str(tmp_path / "many.toml")))
    assert names(microk8s) == [A, B, "docker.io", "localhost:32000"]
    ca = microk8s.certs_d / "docker.io" / "mirror-1-ca.crt"
    assert ca.read_text() == pki.authority.pem
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


def test_apply_with_a_file_leaves_only_what_it_names(microk8s: Microk8s) -> None:
    ok(microk8s.run("enable", "--insecure", A, "--registry", B))
    text = f'[[registry]]\nhost = "{B}"\nskip_verify = true\n'
    ok(microk8s.run("plugin", "apply", "--file", "-", stdin=text.encode()))
    assert names(microk8s) == [B, "docker.io", "localhost:32000"]
    assert microk8s.hosts(B)["skip_verify"] is True


def test_what_is_saved_can_be_given_back_as_a_file(
    microk8s: Microk8s, pki: Pki, tmp_path: Path
) -> None:
    (tmp_path / "ca.crt").write_text(pki.authority.pem)
    (tmp_path / "many.toml").write_text(MANY)
    ok(microk8s.run("enable", "--file", str(tmp_path / "many.toml")))
    before = microk8s.tree()
    saved = microk8s.state.read_bytes()
    ok(microk8s.run("disable"))
    ok(microk8s.run("plugin", "apply", "--file", "-", stdin=saved))
    assert microk8s.tree() == before


def test_apply_brings_back_what_is_missing(microk8s: Microk8s) -> None:
    ok(microk8s.run("enable", "--insecure", A))
    before = microk8s.tree()
    shutil.rmtree(str(microk8s.certs_d / A))
    (microk8s.common / PLUGIN).unlink()
    (microk8s.common / HOOK).unlink()
    (microk8s.data / MARKER).unlink()
    ok(microk8s.run("plugin", "apply"))
    assert microk8s.tree() == before


def test_an_edit_of_the_saved_registries_is_applied(microk8s: Microk8s) -> None:
    ok(microk8s.run("enable", "--insecure", A))
    microk8s.state.write_text(microk8s.state.read_text().replace(A, B))
    ok(microk8s.run("plugin", "apply"))
    assert names(microk8s) == [B, "docker.io", "localhost:32000"]
