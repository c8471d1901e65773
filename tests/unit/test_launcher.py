"""Starting a door: old interpreters, no packages, no root.

Each ends in work done or one error.
"""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Tuple
from unittest import mock

import pytest
import yaml

from private_registry import launcher
from private_registry.launcher import PACKAGES
from private_registry.node import environment_variables, trusted_places
from private_registry.verbs import all_verbs
from unit.addon_copy import (
    LAUNCHER,
    REPOSITORY,
    Copy,
    installed,
    wheels_of_packages,
)
from unit.microk8s import ADDON, Microk8s, Result, ok
from unit.pki import Pki

FIRST = [
    LAUNCHER,
    *(
        Path(str(each.__file__))
        for each in (trusted_places, environment_variables, all_verbs)
    ),
]


@pytest.mark.parametrize(
    "path",
    [*FIRST, *(ADDON / door for door in ("enable", "disable", "plugin"))],
    ids=str,
)
def test_what_starts_first_is_python_3_5(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 5))
    newer = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr)
    assert not [node for node in ast.walk(tree) if isinstance(node, newer)]


def _pythons() -> List[str]:
    """List this interpreter and every older one of this machine that needs a
    hand-over.
    """
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    old = [
        str(found) if found else shutil.which(f"python3.{minor}")
        for minor in (5, 6, 7)
        for found in [max(root.glob(f"3.{minor}.*/bin/python"), default=None)]
    ]
    return [sys.executable, *(each for each in old if each)]


@pytest.mark.parametrize("python", _pythons())
def test_what_starts_first_compiles(python: str) -> None:
    check = (
        "import sys; [compile(open(path).read(), path, 'exec') for path in"
        " sys.argv[1:]]"
    )
    done = subprocess.run(
        [python, "-c", check, *map(str, FIRST), str(ADDON / "enable")], check=False
    )
    assert done.returncode == 0


# --- packages -------------------------------------------------------------------------


@pytest.fixture
def copy(microk8s: Microk8s, tmp_path: Path) -> Copy:
    return Copy(tmp_path / "addon", microk8s)


def test_a_node_without_network_works_with_a_filled_vendor_directory(
    copy: Copy,
) -> None:
    copy.fill_vendor()
    result = copy.enable("--insecure", "reg.corp:5000")
    assert (result.exit_code, result.stderr) == (0, "")
    assert copy.node.hosts("reg.corp:5000")["server"] == "http://reg.corp:5000"


def test_without_packages_and_network_there_is_one_error_with_the_remedy(
    copy: Copy,
) -> None:
    before = copy.node.tree()
    # Nothing listens there.
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
    result = copy.enable("--insecure", "reg.corp:5000", env={**proxies, "no_proxy": ""})
    assert result.exit_code == 4
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    words = "error: Python packages are not here and could not be fetched: "
    assert errors == [words + ", ".join(PACKAGES)]
    assert result.stderr.startswith("Fetching Python packages once, with pip")
    assert "scripts/vendor" in result.stderr
    assert str(copy.vendor) in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert copy.node.tree() == before
    assert not list((copy.root / "lib").glob("vendor*"))


@pytest.mark.parametrize("before", [(), ("tomli",)], ids=["none", "an older set"])
def test_packages_are_fetched_once(
    copy: Copy, tmp_path: Path, before: Tuple[str, ...]
) -> None:
    for name in before:
        shutil.copytree(str(installed(name)), str(copy.vendor / name))
    copy.let_pip_find(tmp_path / "wheels", wheels_of_packages(tmp_path / "wheels"))
    first = copy.enable("--insecure", "reg.corp:5000")
    assert first.exit_code == 0, first.stderr
    assert "Fetching Python packages once, with pip" in first.stderr
    assert set(PACKAGES) < {path.name for path in copy.vendor.iterdir()}
    assert [path.name for path in (copy.root / "lib").glob("vendor*")] == ["vendor"]
    second = copy.enable("--insecure", "reg2.corp:5000")
    assert (second.exit_code, second.stderr) == (0, "")


def test_packages_are_the_ones_of_the_requirements() -> None:
    text = (REPOSITORY / "lib" / "requirements.txt").read_text()
    pinned = re.findall(r"^(\w+)==(\S+) \\$", text, re.MULTILINE)
    assert sorted(name for name, _ in pinned) == sorted(PACKAGES)
    assert [(name, metadata.version(name)) for name, _ in pinned] == pinned


RUN = """
import sys
from private_registry.cli.main import run
code = run(sys.argv[1], sys.argv[2], sys.argv[3:], {})
rare = ("h2", "hpack", "hyperframe", "asn1crypto", "dataclasses", "ipaddress")
rare += ("private_registry.docker.part", "private_registry.pull_secrets.secret")
rare += ("private_registry.registries.addresses", "private_registry.registries.amazon")
rare += ("private_registry.texts.look_alikes", "private_registry.verbs.own_tree")
print(*(name for name in rare if name in sys.modules))
sys.exit(code)
"""


def test_an_enable_imports_only_what_it_needs(
    microk8s: Microk8s, pki: Pki, tmp_path: Path
) -> None:
    ca, both = tmp_path / "ca.crt", tmp_path / "both.pem"
    ca.write_text(pki.authority.pem)
    both.write_text(pki.client.pem + pki.client.key)
    client = ("--client-cert", str(both), "--client-key", str(both))
    for options, wanted in (
        (("--insecure", "reg.corp"), []),
        (("--registry", "reg.corp", "--ca", str(ca)), ["ipaddress"]),
        (("--registry", "reg.corp", *client), ["asn1crypto", "ipaddress"]),
        (("--insecure", "10.1.2.3:5000"), ["ipaddress"]),
    ):
        path = str(REPOSITORY / "lib")
        done = subprocess.run(
            [sys.executable, "-c", RUN, "enable", str(ADDON / "enable"), *options],
            capture_output=True,
            env={**os.environ, **microk8s.environment, "PYTHONPATH": path},
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.decode().splitlines()[-1].split() == wanted
        ok(microk8s.run("disable"))


K3S = "mirrors:\n  reg.corp:\n    endpoint:\n      - https://m.corp\n"


def test_yaml_comes_with_the_snaps_python(copy: Copy, tmp_path: Path) -> None:
    """Where MicroK8s' wrappers point PYTHONPATH to, which -I leaves out."""
    copy.fill_vendor()
    (tmp_path / "registries.yaml").write_text(K3S)
    command = ("--file", str(tmp_path / "registries.yaml"))
    assert "python3-yaml" in copy.enable(*command).stderr
    version = "python{}.{}".format(*sys.version_info)
    (copy.node.snap / "usr/lib" / version).mkdir(parents=True)
    packages = copy.node.snap / "lib" / version / "site-packages"
    shutil.copytree(str(Path(yaml.__file__).parent), str(packages / "yaml"))
    result = copy.enable(*command)
    assert (result.exit_code, result.stderr) == (0, "")
    assert "https://m.corp" in copy.node.hosts("reg.corp")["host"]


def test_help_needs_no_node(tmp_path: Path, microk8s: Microk8s) -> None:
    missing = {
        name: str(tmp_path / "none") for name in ("SNAP", "SNAP_DATA", "SNAP_COMMON")
    }
    result = microk8s.program("enable", "help", env=missing)
    assert result.exit_code == 0
    assert result.stdout.startswith("microk8s enable private-registry-config [OPTIONS]")


# --- interpreters older than 3.8 ------------------------------------------------------


class Replaced(Exception):
    """The process would have been replaced by another program."""


@pytest.fixture(autouse=True)
def process() -> Iterator[None]:
    """Give back to this process what the launcher takes from it."""
    with mock.patch.dict(os.environ), mock.patch.object(sys, "path", list(sys.path)):
        yield


def test_an_old_python_hands_over_to_the_hosts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old, new = _python_that_says(tmp_path / "old", 1), _python_that_says(
        tmp_path / "new", 0
    )
    monkeypatch.setattr(launcher, "HOST_PYTHONS", ("/nonexistent/python3", old, new))
    monkeypatch.setattr(sys, "argv", ["enable", "--insecure", "reg.corp"])
    monkeypatch.setattr(sys, "version_info", (3, 6, 9, "final", 0))
    monkeypatch.setattr(launcher, "needs_root", lambda _: False)
    monkeypatch.setenv("LD_LIBRARY_PATH", "/snap/lib")
    monkeypatch.setenv("PYTHONPATH", "/snap/python")
    monkeypatch.setenv("SNAP_DATA", "/var/snap/microk8s/1")
    with mock.patch("os.execve", side_effect=Replaced) as execve, pytest.raises(
        Replaced
    ):
        launcher.main("enable", "/addon/enable")
    (program, arguments, environment), _ = execve.call_args
    assert (program, arguments) == (
        new,
        [new, "-I", "/addon/enable", "--insecure", "reg.corp"],
    )
    assert "LD_LIBRARY_PATH" not in environment
    assert "PYTHONPATH" not in environment
    assert environment["SNAP_DATA"] == "/var/snap/microk8s/1"


def _python_that_says(path: Path, exit_code: int) -> str:
    path.write_text(f"#!/bin/sh\nexit {exit_code}\n")
    path.chmod(0o755)
    return str(path)


def test_an_old_python_and_no_other_is_one_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(launcher, "HOST_PYTHONS", ("/nonexistent/python3",))
    monkeypatch.setattr(sys, "argv", ["enable"])
    monkeypatch.setattr(sys, "version_info", (3, 6, 9, "final", 0))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(SystemExit) as caught:
        launcher.main("enable", "/addon/enable")
    assert caught.value.code == 4
    lines = capsys.readouterr().err.splitlines()
    assert (
        lines[0] == "error: this MicroK8s has Python 3.6; the addon needs 3.8 or newer"
    )
    assert "/nonexistent/python3" in lines[1]
    assert len(lines) == 3


@pytest.mark.parametrize("python", _pythons())
def test_every_python_ends_in_work_done_or_one_error(copy: Copy, python: str) -> None:
    copy.fill_vendor()
    result = copy.enable("--insecure", "reg.corp:5000", python=python)
    if result.exit_code == 0:
        assert result.stderr == ""
        assert copy.node.hosts("reg.corp:5000")["server"] == "http://reg.corp:5000"
        return
    assert python != sys.executable
    assert result.exit_code == 4
    assert result.stderr.startswith("error: this MicroK8s has Python 3.")


# --- not root -------------------------------------------------------------------------


def as_other_user(
    microk8s: Microk8s,
    path: Path,
    *arguments: str,
    env: Optional[Dict[str, str]] = None
) -> Result:
    """Run enable as if the node's files belonged to another user, with ``path`` as
    PATH.
    """
    program = (
        "import os, runpy, sys\n"
        "other = os.geteuid() + 1\n"
        "os.geteuid = lambda: other\n"
        "sys.argv = sys.argv[1:]\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(ADDON / "enable"), *arguments],
        capture_output=True,
        env={
            **{
                name: value
                for name, value in os.environ.items()
                if not name.startswith("SNAP")
            },
            **microk8s.environment,
            "PATH": str(path),
            **(env or {}),
        },
        timeout=60,
        check=False,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def bin_directory(tmp_path: Path) -> Path:
    directory = tmp_path / "bin"
    directory.mkdir()
    return directory


def _sudo(directory: Path, text: str) -> None:
    program = directory / "sudo"
    program.write_text("#!/bin/sh\n" + text)
    program.chmod(0o755)


def test_without_root_it_runs_again_through_sudo(
    microk8s: Microk8s, bin_directory: Path
) -> None:
    _sudo(
        bin_directory,
        'if [ "$1" = true ]; then exit 0; fi\nfor word in "$@"; do echo "$word";'
        " done\n",
    )
    odd = {
        "SNAP_ODD": "a",
        "LD_LIBRARY_PATH": "/l",
        "PYTHONPATH": "/p",
        "SNAP_COOKIE": "hidden",
        "SNAP_REVISION": "x1",
        "LC_ALL": "de_DE.UTF-8",
        "LC_TIME": "/evil",
    }
    result = as_other_user(microk8s, bin_directory, "--insecure", "reg.corp", env=odd)
    assert result.exit_code == 0, result.stderr
    words = result.stdout.splitlines()
    assert words[0] == "/usr/bin/env"
    assert words[-4:] == ["-I", str(ADDON / "enable"), "--insecure", "reg.corp"]
    told = dict(word.split("=", 1) for word in words[1:-5])
    wanted = {**microk8s.environment, "SNAP_REVISION": "x1", "LC_ALL": "de_DE.UTF-8"}
    del wanted["PATH"]
    assert _without_language(told) == {**wanted}
    assert words[-5] in (sys.executable, "/usr/bin/python3")


def _without_language(told: Dict[str, str]) -> Dict[str, str]:
    return {
        name: value for name, value in told.items() if name not in ("LANG", "LC_CTYPE")
    }


@pytest.mark.parametrize(
    "option", [["--password-env", "REG_PASS"], ["--password-env=REG_PASS"]]
)
def test_a_password_goes_through_sudo_by_its_variable_and_not_by_its_text(
    microk8s: Microk8s, bin_directory: Path, option: List[str]
) -> None:
    _sudo(
        bin_directory,
        'if [ "$1" = true ]; then exit 0; fi\nfor word in "$@"; do echo "$word";'
        " done\n",
    )
    secret = {"REG_PASS": "s3cr3t"}
    options = ["--registry", "reg.corp", "--username", "ann", *option]
    result = as_other_user(microk8s, bin_directory, *options, env=secret)
    assert result.stdout.splitlines()[:2] == ["--preserve-env=REG_PASS", "/usr/bin/env"]
    assert "s3cr3t" not in result.stdout + result.stderr


@pytest.mark.parametrize(
    ("sudo", "says"),
    [(None, "there is no sudo"), ("exit 1\n", "sudo refused")],
    ids=["no sudo", "refused"],
)
def test_without_root_and_sudo_there_is_one_error(
    microk8s: Microk8s, bin_directory: Path, sudo: Optional[str], says: str
) -> None:
    if sudo is not None:
        _sudo(bin_directory, sudo)
    before = microk8s.tree()
    result = as_other_user(microk8s, bin_directory, "--insecure", "reg.corp")
    lines = result.stderr.splitlines()
    assert (result.exit_code, result.stdout, len(lines)) == (4, "", 3)
    assert lines[0] == f"error: the node's files belong to root, and {says}"
    assert microk8s.tree() == before


@pytest.mark.parametrize("words", [["help"], ["--help"], ["-h"]])
def test_help_needs_no_root(
    microk8s: Microk8s, bin_directory: Path, words: List[str]
) -> None:
    result = as_other_user(microk8s, bin_directory, *words)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("microk8s enable")
