"""Starting a door: old interpreters, no tomlkit, no root; each ends in work done or one error."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from importlib import util
from pathlib import Path
from typing import Dict, List, Optional
from unittest import mock

import pytest

from private_registry import launcher
from unit.microk8s import ADDON, Microk8s, Result

REPOSITORY = ADDON.parents[1]
LAUNCHER = Path(launcher.__file__)


@pytest.mark.parametrize(
    "path", [LAUNCHER, *(ADDON / door for door in ("enable", "disable", "plugin"))], ids=str
)
def test_what_starts_first_is_python_3_5(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 5))
    newer = (ast.JoinedStr, ast.AnnAssign, ast.NamedExpr)
    assert not [node for node in ast.walk(tree) if isinstance(node, newer)]


def _pythons() -> List[str]:
    """List this interpreter and every older one of this machine that needs a hand-over."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
    old = [
        str(found) if found else shutil.which(f"python3.{minor}")
        for minor in (5, 6, 7)
        for found in [max(root.glob(f"3.{minor}.*/bin/python"), default=None)]
    ]
    return [sys.executable, *(each for each in old if each)]


@pytest.mark.parametrize("python", _pythons())
def test_what_starts_first_compiles(python: str) -> None:
    check = "import sys; [compile(open(path).read(), path, 'exec') for path in sys.argv[1:]]"
    done = subprocess.run([python, "-c", check, str(LAUNCHER), str(ADDON / "enable")], check=False)
    assert done.returncode == 0


# --- a copy of the addon as `microk8s addons repo add` makes it ------------------------------


class Copy:
    """The addon in a directory of its own, started by an interpreter that has no tomlkit."""

    def __init__(self, root: Path, node: Microk8s) -> None:
        self.root = root
        self.node = node
        self.vendor = root / "lib" / "vendor"
        ignore = shutil.ignore_patterns("__pycache__", "vendor*")
        shutil.copytree(str(ADDON), str(root / "addons" / ADDON.name), ignore=ignore)
        shutil.copytree(str(LAUNCHER.parent), str(root / "lib" / "private_registry"), ignore=ignore)
        shutil.copy(str(REPOSITORY / "lib" / "requirements.txt"), str(root / "lib"))

    @property
    def door(self) -> Path:
        return self.root / "addons" / ADDON.name / "enable"

    def fill_vendor(self) -> None:
        spec = util.find_spec("tomlkit")
        assert spec is not None
        assert spec.origin is not None
        shutil.copytree(str(Path(spec.origin).parent), str(self.vendor / "tomlkit"))

    def enable(
        self, *arguments: str, python: str = sys.executable, env: Optional[Dict[str, str]] = None
    ) -> Result:
        """Run without site-packages: -S hides them, -I hides PYTHONPATH and the user's."""
        environment = {
            **os.environ,
            **self.node.environment,
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": "",
            **(env or {}),
        }
        done = subprocess.run(
            [python, "-I", "-S", str(self.door), *arguments],
            capture_output=True,
            env=environment,
            timeout=120,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def copy(microk8s: Microk8s, tmp_path: Path) -> Copy:
    return Copy(tmp_path / "addon", microk8s)


def test_a_node_without_network_works_with_a_filled_vendor_directory(copy: Copy) -> None:
    copy.fill_vendor()
    result = copy.enable("--insecure", "reg.corp:5000")
    assert (result.exit_code, result.stderr) == (0, "")
    assert copy.node.hosts("reg.corp:5000")["server"] == "http://reg.corp:5000"


def test_without_tomlkit_and_network_there_is_one_error_with_the_remedy(copy: Copy) -> None:
    before = copy.node.tree()
    result = copy.enable("--insecure", "reg.corp:5000")
    assert result.exit_code == 4
    errors = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert errors == ["error: the Python package tomlkit is not here and could not be fetched"]
    assert result.stderr.startswith("Fetching the Python package tomlkit once")
    assert "scripts/vendor" in result.stderr
    assert str(copy.vendor) in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""
    assert copy.node.tree() == before
    assert not list((copy.root / "lib").glob("vendor*"))


def test_tomlkit_is_fetched_once(copy: Copy, tmp_path: Path) -> None:
    _find_pip_at(_fake_pip(tmp_path / "python3"), copy)
    first = copy.enable("--insecure", "reg.corp:5000")
    assert first.exit_code == 0, first.stderr
    assert "Fetching the Python package tomlkit once" in first.stderr
    assert (copy.vendor / "tomlkit").is_dir()
    assert [path.name for path in (copy.root / "lib").glob("vendor*")] == ["vendor"]
    second = copy.enable("--insecure", "reg2.corp:5000")
    assert (second.exit_code, second.stderr) == (0, "")


def _fake_pip(python: Path) -> Path:
    """Make a python3 whose pip copies the tomlkit of this interpreter."""
    spec = util.find_spec("tomlkit")
    assert spec is not None
    assert spec.origin is not None
    python.write_text(
        "#!/bin/sh\n"
        'while [ $# -gt 0 ]; do if [ "$1" = --target ]; then target=$2; fi; shift; done\n'
        '[ -z "$target" ] && exit 0\n'
        f'mkdir -p "$target" && cp -r \'{Path(spec.origin).parent}\' "$target"\n'
    )
    python.chmod(0o755)
    return python


def _find_pip_at(python: Path, copy: Copy) -> None:
    path = copy.root / "lib" / "private_registry" / "launcher.py"
    text = path.read_text()
    found = (
        "pythons = [(sys.executable, dict(os.environ))] + [(each, clean) for each in HOST_PYTHONS]"
    )
    replaced = text.replace(found, f"pythons = [({str(python)!r}, clean)]")
    assert replaced != text
    path.write_text(replaced)


def test_help_needs_no_node(tmp_path: Path, microk8s: Microk8s) -> None:
    missing = {name: str(tmp_path / "none") for name in ("SNAP", "SNAP_DATA", "SNAP_COMMON")}
    result = microk8s.program("enable", "help", env=missing)
    assert result.exit_code == 0
    assert result.stdout.startswith("microk8s enable private-registry-config [OPTIONS]")


# --- interpreters older than 3.8 -------------------------------------------------------------


class Replaced(Exception):
    """The process would have been replaced by another program."""


def test_an_old_python_hands_over_to_the_hosts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    old, new = _python_that_says(tmp_path / "old", 1), _python_that_says(tmp_path / "new", 0)
    monkeypatch.setattr(launcher, "HOST_PYTHONS", ("/nonexistent/python3", old, new))
    monkeypatch.setattr(sys, "argv", ["enable", "--insecure", "reg.corp"])
    monkeypatch.setattr(sys, "version_info", (3, 6, 9, "final", 0))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("LD_LIBRARY_PATH", "/snap/lib")
    monkeypatch.setenv("PYTHONPATH", "/snap/python")
    monkeypatch.setenv("SNAP_DATA", "/var/snap/microk8s/1")
    with mock.patch("os.execve", side_effect=Replaced) as execve, pytest.raises(Replaced):
        launcher.main("enable", "/addon/enable")
    (program, arguments, environment), _ = execve.call_args
    assert (program, arguments) == (new, [new, "/addon/enable", "--insecure", "reg.corp"])
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
    assert lines[0] == "error: this MicroK8s has Python 3.6; the addon needs 3.8 or newer"
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


# --- not root --------------------------------------------------------------------------------


def as_other_user(
    microk8s: Microk8s, path: Path, *arguments: str, env: Optional[Dict[str, str]] = None
) -> Result:
    """Run enable as if the node's files belonged to another user, with ``path`` as PATH."""
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
            **{name: value for name, value in os.environ.items() if not name.startswith("SNAP")},
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


def test_without_root_it_runs_again_through_sudo(microk8s: Microk8s, bin_directory: Path) -> None:
    _sudo(
        bin_directory,
        'if [ "$1" = true ]; then exit 0; fi\nfor word in "$@"; do echo "$word"; done\n',
    )
    odd = {"SNAP_ODD": "a b'c", "LD_LIBRARY_PATH": "/l", "SECRET_TOKEN": "hidden"}
    result = as_other_user(microk8s, bin_directory, "--insecure", "reg.corp", env=odd)
    assert result.exit_code == 0, result.stderr
    words = result.stdout.splitlines()
    assert words[0] == "env"
    assert words[-4:] == [sys.executable, str(ADDON / "enable"), "--insecure", "reg.corp"]
    kept = dict(word.split("=", 1) for word in words[1:-4])
    environment = {**microk8s.environment, "PATH": kept.get("PATH")}
    assert {**kept, **environment} == {**kept, "PATH": None}
    assert kept["SNAP_ODD"] == "a b'c"
    assert kept["LD_LIBRARY_PATH"] == "/l"
    assert "SECRET_TOKEN" not in kept


@pytest.mark.parametrize("option", [["--password-env", "REG_PASS"], ["--password-env=REG_PASS"]])
def test_a_password_goes_through_sudo_by_its_variable_and_not_by_its_text(
    microk8s: Microk8s, bin_directory: Path, option: List[str]
) -> None:
    _sudo(
        bin_directory,
        'if [ "$1" = true ]; then exit 0; fi\nfor word in "$@"; do echo "$word"; done\n',
    )
    secret = {"REG_PASS": "s3cr3t"}
    options = ["--registry", "reg.corp", "--username", "ann", *option]
    result = as_other_user(microk8s, bin_directory, *options, env=secret)
    assert result.stdout.splitlines()[:2] == ["--preserve-env=REG_PASS", "env"]
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
def test_help_needs_no_root(microk8s: Microk8s, bin_directory: Path, words: List[str]) -> None:
    result = as_other_user(microk8s, bin_directory, *words)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("microk8s enable")
