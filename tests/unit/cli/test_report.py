"""What people and machines are told: texts, JSON, diffs; secrets never."""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Tuple

import pytest

from private_registry.verbs import add
from unit.microk8s import HOOK, PLUGIN, Microk8s

INSECURE = ("--insecure", "10.141.241.175:32000")


# --- what a command says --------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        INSECURE,
        (*INSECURE, "--dry-run"),
        ("--registry", "reg.corp", "--skip-verify"),
        ("--mirror", "docker.io=https://harbor.corp/proxy", "--no-fallback"),
        tuple(
            word for number in range(30) for word in ("--insecure", f"r{number}.corp")
        ),
    ],
    ids=["alone", "insecure", "dry run", "skip verify", "mirror", "many"],
)
def test_the_last_line_of_every_enable_says_how_to_go_on(
    microk8s: Microk8s, arguments: Tuple[str, ...]
) -> None:
    for _ in range(2):
        result = microk8s.run("enable", *arguments)
        assert (result.exit_code, result.stderr) == (0, "")
        last = result.stdout.splitlines()[-1]
        assert "microk8s private-registry add" in last
        assert "second `microk8s enable` is refused" in last


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (INSECURE, "10.141.241.175:32000: plain HTTP"),
        (("--registry", "reg.corp"), "reg.corp: HTTPS"),
        (
            ("--registry", "reg.corp", "--skip-verify"),
            "reg.corp: HTTPS (certificate not verified)",
        ),
        (
            (
                "--mirror",
                "docker.io=https://m.corp/p",
                "--mirror",
                "docker.io=http://n.corp",
            ),
            "docker.io: https://m.corp/v2/p, then http://n.corp, then itself (HTTPS)",
        ),
        (
            ("--mirror", "docker.io=https://m.corp", "--no-fallback"),
            "docker.io: https://m.corp, and nothing else",
        ),
        (
            ("--mirror", "*=https://m.corp"),
            "every other registry: https://m.corp, then the registry itself",
        ),
        (
            ("--mirror", "*=https://m.corp", "--no-fallback"),
            "every other registry: https://m.corp, and nothing else",
        ),
    ],
)
def test_a_registry_is_told_in_a_line(
    microk8s: Microk8s, arguments: Tuple[str, ...], line: str
) -> None:
    result = microk8s.run("enable", *arguments)
    assert result.stdout.splitlines()[0] == line
    assert f"  {line}  [ok]" in microk8s.run("plugin", "list").stdout.splitlines()


def test_a_ca_and_a_client_certificate_are_told(
    microk8s: Microk8s, client_options: List[str]
) -> None:
    result = microk8s.run("enable", "--registry", "reg.corp", *client_options)
    assert (
        result.stdout.splitlines()[0] == "reg.corp: HTTPS (own CA, client certificate)"
    )


def test_every_changed_file_is_told_by_a_path_that_stays_right(
    microk8s: Microk8s,
) -> None:
    lines = microk8s.run("enable", *INSECURE).stdout.splitlines()
    hosts = f"{microk8s.current}/args/certs.d/10.141.241.175:32000/hosts.toml"
    assert f"  created {hosts} (new)" in lines
    assert f"  created {microk8s.common / PLUGIN} (new)" in lines
    assert f"  created {microk8s.common / HOOK} (new)" in lines
    assert "Containerd was not restarted." in lines[-2]


def test_nothing_to_do_is_said(microk8s: Microk8s) -> None:
    microk8s.run("enable", *INSECURE)
    lines = microk8s.run("plugin", "add", *INSECURE).stdout.splitlines()
    assert lines[:2] == [
        "10.141.241.175:32000: plain HTTP",
        "Nothing to do: the node is so already.",
    ]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["disable"], "All is as it was before. Containerd was not restarted."),
        (["plugin", "remove", "--registry", "x.corp"], "x.corp is not configured"),
        (
            ["plugin", "remove", "--registry", "10.141.241.175:32000"],
            "No registry is configured yet.",
        ),
        (["plugin", "apply"], "Nothing to do: the node is so already."),
        (
            ["disable", "--dry-run"],
            "Nothing was changed. Containerd would not be restarted.",
        ),
    ],
)
def test_what_was_done_is_said(
    microk8s: Microk8s, arguments: List[str], line: str
) -> None:
    microk8s.run("enable", *INSECURE)
    result = microk8s.run(*arguments)
    assert result.exit_code == 0
    assert line in result.stdout.splitlines()


def test_files_that_are_left_alone_are_told(microk8s: Microk8s) -> None:
    microk8s.run("enable", *INSECURE)
    hosts = microk8s.write("args/certs.d/10.141.241.175:32000/hosts.toml", "# mine\n")
    lines = microk8s.run("disable").stdout.splitlines()
    assert any(
        line.startswith("left alone: ") and "hosts.toml" in line for line in lines
    )
    assert lines[-1].startswith("All but the files left alone")
    assert hosts.read_text() == "# mine\n"


# --- dry runs -------------------------------------------------------------------------


def test_a_dry_run_shows_a_unified_diff_and_changes_nothing(microk8s: Microk8s) -> None:
    microk8s.run("enable", *INSECURE)
    before = microk8s.tree()
    result = microk8s.run(
        "plugin", "add", "--registry", "10.141.241.175:32000", "--dry-run"
    )
    lines = [line.strip() for line in result.stdout.splitlines()]
    at = lines.index("--- before")
    assert lines[at + 1] == "+++ after"
    assert lines[at + 2].startswith("@@ ")
    assert '-server = "http://10.141.241.175:32000"' in lines
    assert '+server = "https://10.141.241.175:32000"' in lines
    assert "Nothing was changed. Containerd would not be restarted." in lines
    assert microk8s.tree() == before


def test_a_dry_run_of_disable_shows_the_original_that_comes_back(
    microk8s: Microk8s,
) -> None:
    microk8s.run("enable", "--mirror", "docker.io=https://m.corp")
    result = microk8s.run("disable", "--dry-run")
    assert "would give back" in result.stdout
    assert '+server = "https://docker.io"' in result.stdout
    assert '-server = "https://registry-1.docker.io"' in result.stdout


STEPS: List[Tuple[str, ...]] = [
    ("enable", *INSECURE),
    (
        "plugin",
        "add",
        "--mirror",
        "docker.io=https://m.corp/p",
        "--registry",
        "reg.corp",
    ),
    ("plugin", "add", "--registry", "10.141.241.175:32000"),
    ("plugin", "apply"),
    ("plugin", "remove", "--registry", "docker.io", "--registry", "unknown.corp"),
    ("disable",),
]


def test_a_dry_run_says_just_what_is_then_done(microk8s: Microk8s) -> None:
    for step in STEPS:
        before = microk8s.tree()
        planned = json.loads(microk8s.run(*step, "--dry-run", "--json").stdout)
        assert microk8s.tree() == before
        done = json.loads(microk8s.run(*step, "--json").stdout)
        assert (planned.pop("dry_run"), done.pop("dry_run")) == (True, False)
        assert planned == done
        kinds = {action["kind"] for action in done["actions"]}
        assert done["changed"] == bool(kinds - {"keep"})


# --- JSON -----------------------------------------------------------------------------


def test_json_of_a_change(microk8s: Microk8s) -> None:
    result = microk8s.run("enable", *INSECURE, "--json")
    assert result.stderr == ""
    document: Dict[str, Any] = json.loads(result.stdout)
    actions = document.pop("actions")
    assert document == {
        "changed": True,
        "dry_run": False,
        "enabled": True,
        "restart": "none",
        "docker_reload": "none",
        "kubelet": "none",
        "pull_secrets": [],
        "registries": [
            {
                "host": "10.141.241.175:32000",
                "insecure": True,
                "ca": False,
                "client_certificate": False,
                "skip_verify": False,
                "username": None,
                "login_by": None,
                "fallback": True,
                "docker": False,
                "mirrors": [],
            }
        ],
        "not_configured": [],
        "notes": [],
    }
    assert actions[0] == {
        "path": f"{microk8s.current}/args/certs.d/10.141.241.175:32000/hosts.toml",
        "kind": "create",
        "reason": "new",
        "left_alone": False,
    }


def test_json_of_a_listing(microk8s: Microk8s) -> None:
    microk8s.run("enable", "--mirror", "docker.io=https://m.corp/p")
    document = json.loads(microk8s.run("plugin", "list", "--json").stdout)
    assert document["enabled"] is True
    (registry,) = document["registries"]
    assert (registry["host"], registry["state"]) == ("docker.io", "ok")
    assert registry["mirrors"] == [
        {
            "url": "https://m.corp/v2/p",
            "ca": False,
            "client_certificate": False,
            "skip_verify": False,
            "username": None,
        }
    ]


def test_json_of_an_error(microk8s: Microk8s) -> None:
    result = microk8s.run("enable", "--insecure", "https://reg.corp", "--json")
    assert (result.exit_code, result.stderr) == (2, "")
    assert json.loads(result.stdout) == {
        "error": {
            "message": "--insecure means plain HTTP, but the address says https://",
            "where": "option --insecure",
            "do": "microk8s enable private-registry-config --registry reg.corp",
            "exit_code": 2,
        }
    }


# --- the list -------------------------------------------------------------------------


def test_list_of_nothing(microk8s: Microk8s) -> None:
    result = microk8s.run("plugin", "list")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[0] == "No registry is configured."
    assert "microk8s private-registry add" in result.stdout
    assert json.loads(microk8s.run("plugin", "list", "--json").stdout) == {
        "enabled": False,
        "registries": [],
        "still_loaded": [],
        "pull_secrets": [],
        "for_all_nodes": [],
        "left_behind": False,
    }


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ("nothing", "ok"),
        ("text", "changed by hand"),
        ("link", "changed by hand"),
        ("delete", "missing on this node"),
        ("delete all", "missing on this node"),
    ],
)
def test_list_says_whether_the_node_still_has_it(
    microk8s: Microk8s, client_options: List[str], change: str, state: str
) -> None:
    microk8s.run("enable", "--registry", "reg.corp", *client_options, "--json")
    directory = microk8s.certs_d / "reg.corp"
    if change == "text":
        (directory / "hosts.toml").write_text("# mine\n")
    if change == "link":
        (directory / "ca.crt").unlink()
        (directory / "ca.crt").symlink_to("elsewhere")
    if change.startswith("delete"):
        for path in directory.iterdir():
            if change == "delete all" or path.name == "client.key":
                path.unlink()
    before = microk8s.tree()
    result = microk8s.run("plugin", "list")
    assert result.stdout.splitlines()[0] == "1 registry is configured:"
    assert f"[{state}]" in result.stdout.splitlines()[1]
    hint = "To make the node match again: microk8s private-registry apply"
    assert (hint in result.stdout.splitlines()) == (state != "ok")
    found = json.loads(microk8s.run("plugin", "list", "--json").stdout)["registries"][0]
    assert found["state"] == state
    assert microk8s.tree() == before


# --- help and bugs --------------------------------------------------------------------


@pytest.mark.parametrize("word", ["help", "-h", "--help"])
@pytest.mark.parametrize("door", ["enable", "disable", "plugin"])
def test_help_is_a_word(microk8s: Microk8s, door: str, word: str) -> None:
    result = microk8s.run(door, word)
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("microk8s ")
    assert all(len(line) <= 100 for line in result.stdout.splitlines())


def test_help_names_every_option(microk8s: Microk8s) -> None:
    text = microk8s.run("enable", "help").stdout
    named = set(re.findall(r"--[a-z-]+", text))
    contract = (
        "--insecure --registry --mirror --no-fallback --ca --client-cert --client-key"
        " --skip-verify --file --import --adopt --dry-run --json --username"
        " --password-stdin --password-file --password-env --allow-plaintext-credentials"
        " --no-credentials --no-restart --docker --docker-config --no-docker"
        " --pull-secret --pull-secret-from --namespace --service-account --check"
        " --header-logins --login-by --all-nodes --agent-image --repair --no-repair"
    )
    assert named == set(contract.split())


@pytest.mark.parametrize("word", ["version", "--version"])
def test_the_version_is_told(microk8s: Microk8s, word: str) -> None:
    assert re.fullmatch(
        r"private-registry-config \d+\.\d+\.\d+\n", microk8s.run("plugin", word).stdout
    )


def test_a_bug_of_ours_is_exit_code_1_with_a_traceback(
    microk8s: Microk8s, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(add, "add", fail)
    result = microk8s.run("enable")
    assert result.exit_code == 1
    assert "ZeroDivisionError" in result.stderr
    assert result.stderr.splitlines()[-1].startswith(
        "error: this is a bug in private-registry-config"
    )


def test_ctrl_c_is_no_bug(microk8s: Microk8s, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(add, "add", interrupt)
    result = microk8s.run("enable")
    assert (result.exit_code, result.stdout) == (130, "")
    assert "interrupted" in result.stderr
    assert "Traceback" not in result.stderr
