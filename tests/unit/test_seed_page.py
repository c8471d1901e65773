"""The three examples of MicroK8s' page on private registries, by one command each."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Dict

from unit import safe_subset
from unit.microk8s import Microk8s
from unit.pki import Pki

REGISTRY = "10.141.241.175:32000"
BOTH = {"capabilities": ["pull", "resolve"]}


def _document(microk8s: Microk8s, directory: str) -> Dict[str, Any]:
    return safe_subset.check(
        (microk8s.certs_d / directory / "hosts.toml").read_bytes(), (1, 6, 0)
    )


def test_an_insecure_registry(microk8s: Microk8s) -> None:
    assert microk8s.run("enable", "--insecure", REGISTRY).exit_code == 0
    url = "http://10.141.241.175:32000"
    assert _document(microk8s, REGISTRY) == {"server": url, "host": {url: BOTH}}


def test_a_mirror_below_a_path(microk8s: Microk8s) -> None:
    mirror = "https://registry.aliyuncs.com/v2/google_containers"
    result = microk8s.run("enable", "--mirror", "registry.k8s.io=" + mirror)
    assert result.exit_code == 0
    assert _document(microk8s, "registry.k8s.io") == {
        "server": "https://registry.k8s.io",
        "host": {mirror: {**BOTH, "override_path": True}},
    }


def test_a_mirror_below_a_project(microk8s: Microk8s) -> None:
    mirror = "https://registry.aliyuncs.com/google_containers"
    assert (
        microk8s.run("enable", "--mirror", "registry.k8s.io=" + mirror).exit_code == 0
    )
    assert list(_document(microk8s, "registry.k8s.io")["host"]) == [
        "https://registry.aliyuncs.com/v2/google_containers"
    ]


def test_a_custom_ca(microk8s: Microk8s, pki: Pki, tmp_path: Path) -> None:
    source = tmp_path / "corp.crt"
    source.write_text(pki.authority.pem)
    result = microk8s.run(
        "enable", "--registry", "https://" + REGISTRY, "--ca", str(source)
    )
    assert result.exit_code == 0
    ca = f"{microk8s.current}/args/certs.d/{REGISTRY}/ca.crt"
    url = "https://10.141.241.175:32000"
    document = _document(microk8s, REGISTRY)
    assert document == {"server": url, "ca": ca, "host": {url: {**BOTH, "ca": ca}}}
    assert Path(ca).read_text() == pki.authority.pem
    assert microk8s.data.name not in ca


def test_the_ca_is_found_after_a_refresh(
    microk8s: Microk8s, pki: Pki, tmp_path: Path
) -> None:
    source = tmp_path / "corp.crt"
    source.write_text(pki.authority.pem)
    assert (
        microk8s.run("enable", "--registry", REGISTRY, "--ca", str(source)).exit_code
        == 0
    )
    shutil.copytree(
        str(microk8s.data), str(microk8s.snaps_data / "8001"), symlinks=True
    )
    microk8s.current.unlink()
    microk8s.current.symlink_to("8001")
    shutil.rmtree(str(microk8s.data))
    hosts = microk8s.current / "args" / "certs.d" / REGISTRY / "hosts.toml"
    for path in safe_subset.named_files(safe_subset.check(hosts.read_bytes())):
        assert Path(path).read_text() == pki.authority.pem


def test_no_revision_is_written_where_current_points_elsewhere(
    microk8s: Microk8s, pki: Pki, tmp_path: Path
) -> None:
    microk8s.current.unlink()
    microk8s.current.symlink_to("7999")
    source = tmp_path / "corp.crt"
    source.write_text(pki.authority.pem)
    assert (
        microk8s.run("enable", "--registry", REGISTRY, "--ca", str(source)).exit_code
        == 0
    )
    assert safe_subset.named_files(_document(microk8s, REGISTRY)) == {"ca.crt"}
