"""enable, disable and the plugin on a whole node: what they write and take back."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, List, Tuple

import pytest

from unit.microk8s import ADDON, HOOK, MARKER, PLUGIN, Microk8s, Result, ok, same_but
from unit.pki import Pki

A, B = "a.corp:5000", "b.corp"
BOTH = {"capabilities": ["pull", "resolve"]}


def names(microk8s: Microk8s) -> List[str]:
    return sorted(path.name for path in microk8s.certs_d.iterdir())


# --- enable and disable ---------------------------------------------------------------


def test_enable_writes_what_the_design_says_and_disable_takes_it_all_back(
    microk8s: Microk8s,
) -> None:
    before = microk8s.tree()
    ok(microk8s.run("enable", "--insecure", A))
    assert set(microk8s.tree()) - set(before) == {
        str(path.relative_to(microk8s.root))
        for path in (
            microk8s.certs_d / A,
            microk8s.certs_d / A / "hosts.toml",
            microk8s.data / MARKER,
            microk8s.data / "private-registry-config",
            microk8s.data / "private-registry-config" / "ledger.json",
            microk8s.common / PLUGIN,
            microk8s.common / "hooks",
            microk8s.common / "hooks" / "post-refresh.d",
            microk8s.common / HOOK,
            microk8s.common / "private-registry-config",
            microk8s.common / "private-registry-config" / "ledger.json",
            microk8s.state,
        )
    }
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


def test_the_real_programs_do_the_same(microk8s: Microk8s) -> None:
    before = microk8s.tree()
    ok(microk8s.program("enable", "--insecure", A))
    assert microk8s.hosts(A)["server"] == f"http://{A}"
    ok(microk8s.program("plugin", "add", "--registry", B))
    assert "2 registries" in ok(microk8s.program("plugin", "list")).stdout
    ok(microk8s.program("disable"))
    assert microk8s.tree() == before


def test_enable_without_options_installs_the_plugin_only(microk8s: Microk8s) -> None:
    ok(microk8s.run("enable"))
    assert names(microk8s) == ["docker.io", "localhost:32000"]
    assert os.access(str(microk8s.common / PLUGIN), os.X_OK)
    assert (microk8s.data / MARKER).is_file()
    assert microk8s.state.is_file()


def test_enable_without_options_applies_what_is_saved(microk8s: Microk8s) -> None:
    ok(microk8s.run("enable", "--insecure", A))
    shutil.rmtree(str(microk8s.certs_d / A))
    ok(microk8s.run("enable"))
    assert microk8s.hosts(A)["server"] == f"http://{A}"


def test_disable_on_a_node_without_anything_of_ours_changes_nothing(
    microk8s: Microk8s,
) -> None:
    before = microk8s.tree()
    ok(microk8s.run("disable"))
    ok(microk8s.run("plugin", "remove", "--all"))
    assert microk8s.tree() == before


@pytest.mark.parametrize(
    "damage", [b"[[registry", b"\xff\xfe", b"", b'version = 9\nregistry = "x"']
)
def test_disable_works_with_damaged_saved_registries(
    microk8s: Microk8s, damage: bytes
) -> None:
    before = microk8s.tree()
    ok(microk8s.run("enable", "--insecure", A, "--mirror", "docker.io=https://m.corp"))
    microk8s.state.write_bytes(damage)
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


@pytest.mark.parametrize("damage", [b"[[registry", b"\xff\xfe", b"version = 9\n"])
def test_damaged_saved_registries_are_an_error_that_names_the_file(
    microk8s: Microk8s, damage: bytes
) -> None:
    ok(microk8s.run("enable", "--insecure", A))
    microk8s.state.write_bytes(damage)
    before = microk8s.tree()
    for arguments in (["add", "--insecure", B], ["apply"], ["list"]):
        result = microk8s.run("plugin", *arguments)
        assert result.exit_code == 2
        assert "registries.toml" in result.stderr
    assert microk8s.tree() == before


# --- add and remove -------------------------------------------------------------------


def test_several_registries_in_one_command(microk8s: Microk8s) -> None:
    ok(
        microk8s.run(
            *("enable", "--insecure", A, "--insecure", "c.corp", "--registry", B),
            *(
                "--mirror",
                "quay.io=https://m.corp",
                "--mirror",
                "quay.io=https://n.corp",
            ),
        )
    )
    assert microk8s.hosts(A)["server"] == f"http://{A}"
    assert microk8s.hosts("c.corp")["server"] == "http://c.corp"
    assert microk8s.hosts(B)["server"] == f"https://{B}"
    assert list(microk8s.hosts("quay.io")["host"]) == [
        "https://m.corp",
        "https://n.corp",
    ]


@pytest.mark.parametrize(
    "arguments",
    [("--insecure", A), (f"--insecure={A}",), ("--insecure", f"http://{A.upper()}/")],
)
def test_every_spelling_gives_the_same(
    microk8s: Microk8s, arguments: Tuple[str, ...]
) -> None:
    ok(microk8s.run("enable", *arguments))
    assert microk8s.hosts(A) == {"server": f"http://{A}", "host": {f"http://{A}": BOTH}}


def test_what_a_command_does_not_name_stays(microk8s: Microk8s) -> None:
    ok(microk8s.run("enable", "--insecure", A, "--registry", B))
    before = microk8s.tree()
    ok(microk8s.run("plugin", "add", "--mirror", "quay.io=https://m.corp"))
    assert same_but(microk8s.tree(), before, "quay.io", "private-registry-config/")


def test_mirrors_and_the_registrys_own_settings_do_not_touch_each_other(
    microk8s: Microk8s,
) -> None:
    ok(microk8s.run("enable", "--insecure", A))
    ok(microk8s.run("plugin", "add", "--mirror", f"{A}=https://m.corp"))
    assert microk8s.hosts(A) == {
        "server": f"http://{A}",
        "host": {"https://m.corp": BOTH},
    }
    ok(microk8s.run("plugin", "add", "--registry", A, "--skip-verify"))
    assert microk8s.hosts(A) == {
        "server": f"https://{A}",
        "skip_verify": True,
        "host": {"https://m.corp": BOTH},
    }


def test_new_mirrors_take_the_place_of_the_old(microk8s: Microk8s) -> None:
    ok(microk8s.run("enable", "--mirror", "quay.io=https://m.corp", "--no-fallback"))
    ok(microk8s.run("plugin", "add", "--mirror", "quay.io=https://n.corp"))
    assert microk8s.hosts("quay.io") == {
        "server": "https://quay.io",
        "host": {"https://n.corp": BOTH},
    }


def test_files_that_are_no_longer_named_go(
    microk8s: Microk8s, pki: Pki, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.crt"
    ca.write_text(pki.authority.pem)
    ok(microk8s.run("enable", "--registry", A, "--ca", str(ca)))
    assert (microk8s.certs_d / A / "ca.crt").exists()
    ok(microk8s.run("plugin", "add", "--insecure", A))
    assert [path.name for path in (microk8s.certs_d / A).iterdir()] == ["hosts.toml"]


@pytest.mark.parametrize(
    "command",
    [("plugin", "remove"), ("disable",)],
    ids=["plugin", "disable"],
)
def test_one_registry_is_taken_back_and_the_others_stay(
    microk8s: Microk8s, command: Tuple[str, ...]
) -> None:
    ok(microk8s.run("enable", "--insecure", A))
    before = microk8s.tree()
    ok(microk8s.run("plugin", "add", "--registry", B))
    ok(microk8s.run(*command, "--registry", B))
    assert microk8s.tree() == before
    assert (microk8s.data / MARKER).exists()


def test_several_registries_are_taken_back_at_once(microk8s: Microk8s) -> None:
    ok(microk8s.run("enable"))
    before = microk8s.tree()
    ok(microk8s.run("plugin", "add", "--insecure", A, "--registry", B))
    ok(microk8s.run("plugin", "remove", "--registry", f"http://{A}/", "--registry", B))
    assert microk8s.tree() == before


@pytest.mark.parametrize(
    ("add", "remove"),
    [
        (["--mirror", "*=https://m.corp"], "*"),
        (["--mirror", "docker.io=https://m.corp"], "docker.io"),
        (["--registry", "[FD00::1]:5000"], "[fd00::1]:5000"),
        (["--insecure", "localhost:32000"], "localhost:32000"),
    ],
)
def test_every_kind_of_name_can_be_taken_back(
    microk8s: Microk8s, add: List[str], remove: str
) -> None:
    ok(microk8s.run("enable"))
    before = microk8s.tree()
    ok(microk8s.run("plugin", "add", *add))
    assert microk8s.tree() != before
    ok(microk8s.run("plugin", "remove", "--registry", remove))
    assert microk8s.tree() == before


def test_removing_an_unknown_registry_says_so_and_changes_nothing(
    microk8s: Microk8s,
) -> None:
    ok(microk8s.run("enable", "--insecure", A))
    before = microk8s.tree()
    result = ok(microk8s.run("plugin", "remove", "--registry", B))
    assert f"{B} is not configured" in result.stdout
    assert microk8s.tree() == before
    result = ok(microk8s.run("plugin", "remove", "--registry", B, "--registry", A))
    assert f"{B} is not configured" in result.stdout
    assert not (microk8s.certs_d / A).exists()


def test_remove_all_is_disable(microk8s: Microk8s) -> None:
    before = microk8s.tree()
    ok(microk8s.run("enable", "--insecure", A, "--mirror", "docker.io=https://m.corp"))
    ok(microk8s.run("plugin", "remove", "--all"))
    assert microk8s.tree() == before


# --- the plugin and the hook ----------------------------------------------------------


def _start(microk8s: Microk8s, path: str, *arguments: str, **extra: Any) -> Result:
    python = Path(sys.executable).parent
    done = subprocess.run(
        [str(microk8s.common / path), *arguments],
        capture_output=True,
        env={
            **os.environ,
            **microk8s.environment,
            "PATH": f"{python}:{os.environ['PATH']}",
        },
        timeout=60,
        check=False,
        **extra,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def test_the_installed_plugin_goes_through_the_addons_door(microk8s: Microk8s) -> None:
    before = microk8s.tree()
    ok(microk8s.run("enable"))
    ok(_start(microk8s, PLUGIN, "add", "--insecure", A))
    assert microk8s.hosts(A)["server"] == f"http://{A}"
    assert A in ok(_start(microk8s, PLUGIN, "list")).stdout
    assert _start(microk8s, PLUGIN, "add", "--insecure", "a b").exit_code == 2
    text = f'[[registry]]\nhost = "{B}"\n'.encode()
    ok(_start(microk8s, PLUGIN, "apply", "--file", "-", input=text))
    assert microk8s.hosts(B)["server"] == f"https://{B}"
    ok(_start(microk8s, PLUGIN, "remove", "--all"))
    assert microk8s.tree() == before


def test_the_installed_hook_applies_what_is_saved(microk8s: Microk8s) -> None:
    ok(microk8s.run("enable", "--insecure", A))
    before = microk8s.tree()
    shutil.rmtree(str(microk8s.certs_d / A))
    ok(_start(microk8s, HOOK))
    assert microk8s.tree() == before


@pytest.mark.parametrize("path", [PLUGIN, HOOK])
def test_the_plugin_explains_that_the_addons_files_are_gone(
    microk8s: Microk8s, tmp_path: Path, path: str
) -> None:
    addon = tmp_path / "it's here" / "addons" / ADDON.name
    shutil.copytree(str(ADDON), str(addon))
    (addon.parents[1] / "lib").symlink_to(ADDON.parents[1] / "lib")
    done = subprocess.run(
        [sys.executable, str(addon / "enable")],
        env={**os.environ, **microk8s.environment},
        stdout=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 0
    assert (
        _start(microk8s, path, *(["version"] if path == PLUGIN else [])).exit_code == 0
    )
    shutil.rmtree(str(addon))
    result = _start(microk8s, path)
    assert (result.exit_code, result.stdout) == (4, "")
    lines = result.stderr.splitlines()
    assert lines[0].startswith("error: the addon's own files are gone: ")
    assert str(addon / "plugin") in lines[0]
    assert "microk8s addons repo add" in lines[1]
