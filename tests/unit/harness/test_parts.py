"""The parts of the harness that need neither root nor Docker."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import tomlkit

from registry_harness import Credentials, MicroK8sNode, difference, snapshot
from registry_harness.containerd.template import (
    CERTS_D_TEMPLATE,
    LEGACY_TEMPLATE,
    render,
)
from registry_harness.registries.access_log import Request, parse_access_log

REPOSITORY = Path(__file__).resolve().parents[3]
ADDON = "private-registry-config"
LINE = (
    '10.141.1.1 - - [23/Nov/2026:14:31:24 +0000] "{method} {path} HTTP/1.1" {status} 2'
    ' "" "{agent}"'
)


@pytest.mark.parametrize(
    ("method", "path", "status", "agent", "is_pull"),
    [
        ("GET", "/v2/app/manifests/latest", 200, "containerd/1.7.24", True),
        (
            "HEAD",
            "/v2/app/manifests/latest?ns=docker.io",
            200,
            "containerd/v2.1.9",
            True,
        ),
        ("GET", "/v2/app/manifests/latest", 404, "containerd/1.6.20", False),
        ("PUT", "/v2/app/manifests/latest", 201, "containerd/1.6.20", False),
        ("GET", "/v2/app/manifests/latest", 200, "Python-urllib/3.11", False),
    ],
)
def test_a_request_is_read_from_the_log(
    method: str, path: str, status: int, agent: str, is_pull: bool
) -> None:
    line = LINE.format(method=method, path=path, status=status, agent=agent)
    (request,) = parse_access_log(f'time="x" level=info msg="listening on"\n{line}\n')
    assert request == Request("10.141.1.1", method, path, status, agent)
    assert request.is_pull is is_pull


def test_a_difference_names_what_is_new_gone_and_changed(tmp_path: Path) -> None:
    (tmp_path / "same").write_text("x")
    (tmp_path / "mode").write_text("x")
    (tmp_path / "gone").write_text("x")
    before = snapshot(tmp_path)
    (tmp_path / "gone").unlink()
    (tmp_path / "mode").chmod(0o600)
    (tmp_path / "new").symlink_to("same")
    lines = difference(before, snapshot(tmp_path))
    assert [line.split(":")[0] for line in lines] == ["gone", "changed", "new"]
    assert difference(before, before) == []


def test_what_is_left_out_does_not_count(tmp_path: Path) -> None:
    (tmp_path / "deep/er").mkdir(parents=True)
    (tmp_path / "deep/er/file").write_text("x")
    assert list(snapshot(tmp_path, frozenset({"deep/er"}))) == ["deep"]


def test_a_template_is_rendered_as_microk8s_does() -> None:
    rendered = tomlkit.parse(
        render(CERTS_D_TEMPLATE, snap="/s", snap_data="/d/8000")
    ).unwrap()
    cri = rendered["plugins"]["io.containerd.grpc.v1.cri"]
    assert cri["registry"]["config_path"] == "/d/8000/args/certs.d"
    assert cri["containerd"]["snapshotter"] == "overlayfs"
    assert "${" not in str(rendered)
    legacy = tomlkit.parse(
        render(LEGACY_TEMPLATE, snap="/s", snap_data="/d/8000")
    ).unwrap()
    mirrors = legacy["plugins"]["io.containerd.grpc.v1.cri"]["registry"]["mirrors"]
    assert mirrors["docker.io"]["endpoint"] == ["https://registry-1.docker.io"]


def test_a_password_never_shows() -> None:
    credentials = Credentials.random()
    assert credentials.password not in repr(credentials)
    assert credentials.username in credentials.htpasswd()
    assert credentials.password not in credentials.htpasswd()


def test_only_people_get_passwords_that_can_be_typed() -> None:
    odd, typed = Credentials.random(), Credentials.to_type()
    assert any(not character.isalnum() for character in odd.password)
    for text in (typed.username, typed.password):
        assert re.fullmatch("[a-z0-9]{4,24}", text)
    assert typed != Credentials.to_type()


def test_a_node_runs_the_addons_own_programs(tmp_path: Path) -> None:
    node = MicroK8sNode(tmp_path / "node", REPOSITORY, ADDON)
    before = node.snapshot()
    enabled = node.enable("--insecure", "10.141.241.175:32000")
    assert (enabled.exit_code, enabled.stderr) == (0, "")
    assert "new: data/args/certs.d/10.141.241.175:32000/hosts.toml" in difference(
        before, node.snapshot()
    )
    listed = node.plugin("private-registry", "list")
    assert "10.141.241.175:32000: plain HTTP  [ok]" in listed.stdout
    assert node.disable().exit_code == 0
    assert difference(before, node.snapshot()) == []


def test_refresh_and_revert_move_current(tmp_path: Path) -> None:
    node = MicroK8sNode(tmp_path / "node", REPOSITORY, ADDON)
    first = node.data
    assert node.enable("--insecure", "a.example:5000").exit_code == 0
    (hook,) = node.refresh()
    assert (hook.exit_code, hook.stderr) == (0, "")
    assert node.data != first
    assert (first.parent / "current").resolve() == node.data
    assert node.environment()["SNAP_DATA"] == str(node.data)
    node.revert()
    assert (first.parent / "current").resolve() == first


def test_commands_run_as_people_paste_them(tmp_path: Path) -> None:
    node = MicroK8sNode(tmp_path / "node", REPOSITORY, ADDON)
    (tmp_path / "secret").write_text("x")
    command = (
        'microk8s enable private-registry-config --insecure "$HOST" && test -f secret'
        " && sudo -E WORD=y sh -c 'echo $WORD' && microk8s private-registry list &&"
        " microk8s disable private-registry-config"
    )
    done = node.shell(command, tmp_path, {"HOST": "a.example:5000"})
    assert (done.exit_code, done.stderr) == (0, "")
    assert "\ny\n" in done.stdout
    assert "a.example:5000: plain HTTP  [ok]" in done.stdout
    assert node.shell("false | true", tmp_path).exit_code == 1
