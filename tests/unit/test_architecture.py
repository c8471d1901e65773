"""The house rules: what each part of the engine may import and do, and addons.yaml's form."""

from __future__ import annotations

import ast
import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import FrozenSet, Iterator, List, Set, Tuple

import pytest

from private_registry.core.plan import NodePath, Root
from private_registry.shell.node import MARKER

REPOSITORY = Path(__file__).resolve().parents[2]
ENGINE = REPOSITORY / "lib" / "private_registry"
ADDON = REPOSITORY / "addons" / "private-registry-config"
MODULES = sorted(ENGINE.rglob("*.py"))
CORE = [path for path in MODULES if "core" in path.relative_to(ENGINE).parts]
DOORS = [ADDON / name for name in ("enable", "disable", "plugin")]

IMPURE = {
    *("os", "io", "sys", "time", "datetime", "random", "secrets", "uuid", "tempfile", "shutil"),
    *("subprocess", "socket", "ssl", "urllib", "http", "pathlib", "glob", "fcntl", "signal"),
    *("logging", "argparse", "platform", "getpass", "pwd", "grp", "threading", "multiprocessing"),
}
WRITERS = {
    *("link", "rename", "replace", "remove", "unlink", "mkdir", "makedirs", "rmdir", "removedirs"),
    *("chmod", "chown", "fchmod", "fchown", "lchown", "symlink", "truncate", "ftruncate", "utime"),
    *("fsync", "sync", "mkfifo", "mknod", "rmtree", "copy", "copyfile", "move", "write_text"),
    *("write_bytes", "touch"),
}


def _name(path: Path) -> str:
    return str(path.relative_to(ENGINE))


@lru_cache(maxsize=None)
def _imports(path: Path) -> FrozenSet[str]:
    found: Set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found.add(str(node.module))
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(found)


def _packages(path: Path) -> Set[str]:
    return {name.partition(".")[0] for name in _imports(path)}


@lru_cache(maxsize=None)
def _calls(path: Path) -> Tuple[str, ...]:
    return tuple(_called(path))


def _called(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func) if sys.version_info >= (3, 9) else _dotted(node.func)


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def test_the_engine_is_found() -> None:
    assert len(CORE) > 5
    assert {"errors.py", "launcher.py", "operations.py"} <= {_name(path) for path in MODULES}


@pytest.mark.parametrize("path", CORE, ids=_name)
def test_the_core_is_pure(path: Path) -> None:
    assert not _packages(path) & IMPURE
    assert not {"open", "print", "input", "exec", "eval", "exit"} & set(_calls(path))


@pytest.mark.parametrize("path", CORE, ids=_name)
def test_the_core_knows_only_itself_and_the_errors(path: Path) -> None:
    ours = {name for name in _imports(path) if name.startswith("private_registry.")}
    assert all(
        name.startswith(("private_registry.core", "private_registry.errors")) for name in ours
    )


@pytest.mark.parametrize(
    ("folder", "may_not_know"),
    [("shell", ["doors", "operations"]), ("doors", []), ("core", ["shell", "doors", "operations"])],
)
def test_imports_go_one_way(folder: str, may_not_know: List[str]) -> None:
    for path in (ENGINE / folder).rglob("*.py"):
        for other in may_not_know:
            prefix = f"private_registry.{other}"
            assert not [name for name in _imports(path) if name.startswith(prefix)]


def _users_of(package: str) -> Set[str]:
    return {_name(path) for path in MODULES if package in _packages(path)}


@pytest.mark.parametrize(
    ("package", "modules"),
    [
        ("tomlkit", {"core/toml.py", "launcher.py"}),
        ("subprocess", {"shell/commands.py", "launcher.py"}),
        ("argparse", {"doors/options.py", "doors/parser.py"}),
        ("fcntl", {"shell/lock.py"}),
        ("yaml", {"doors/yaml_text.py"}),
    ],
)
def test_one_module_knows_each_of_these(package: str, modules: Set[str]) -> None:
    assert _users_of(package) == modules


def test_only_one_module_imports_the_one_that_knows_yaml_and_late() -> None:
    name = "private_registry.doors.yaml_text"
    assert [_name(path) for path in MODULES if name in _imports(path)] == [
        "doors/foreign_inputs.py"
    ]
    tree = ast.parse((ENGINE / "doors" / "foreign_inputs.py").read_text())
    top = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert "yaml_text" not in [alias.name for node in top for alias in node.names]


def test_the_engine_needs_the_standard_library_and_tomlkit_only() -> None:
    ours = {"private_registry", "tomlkit", "yaml"}
    found = set().union(*(_packages(path) for path in MODULES)) - ours
    if sys.version_info >= (3, 10):
        assert found <= sys.stdlib_module_names
    assert not found & {"requests", "click", "cryptography", "jsonschema", "OpenSSL"}


def test_only_the_console_and_the_launcher_print_or_exit() -> None:
    printing = re.compile(r"^print$|\bstd(out|err)\.write$|^sys\.exit$|^exit$|^os\._exit$")
    found = {_name(path) for path in MODULES for call in _calls(path) if printing.search(call)}
    assert found == {"doors/console.py", "launcher.py"}


def test_only_one_module_writes_files() -> None:
    found = {
        _name(path)
        for path in MODULES
        for call in _calls(path)
        if call.partition(".")[0] in ("os", "shutil") and call.rpartition(".")[2] in WRITERS
    }
    assert found == {"shell/files.py", "launcher.py"}


def test_only_one_module_reads_json() -> None:
    reading = re.compile(r"(^|\.)json\.loads?$|(^|\.)JSONDecoder$|\bjson\(\)$")
    found = {_name(path) for path in MODULES for call in _calls(path) if reading.search(call)}
    assert found == {"core/json_text.py"}


def test_files_are_opened_for_writing_in_one_module_only() -> None:
    pattern = re.compile(r"\bopen\([^)]*[\"'][rwax]?b?[wax+]b?[\"']|O_WRONLY|O_RDWR|O_CREAT")
    found = {_name(path) for path in MODULES if pattern.search(path.read_text())}
    assert found <= {"shell/files.py", "doors/console.py", "launcher.py"}


@pytest.mark.parametrize(
    ("pattern", "modules"),
    [
        (
            r"[\"'](/var)?/snap/microk8s|containerd-template\.toml[\"']|var/lock",
            {"shell/node.py", "places.py"},
        ),
        (r"[\"'](/etc|/var/snap|/var/run)/docker", {"shell/docker_discovery.py"}),
    ],
    ids=["MicroK8s", "Docker"],
)
def test_only_one_module_knows_the_paths_of(pattern: str, modules: Set[str]) -> None:
    found = {_name(path) for path in MODULES if re.search(pattern, path.read_text())}
    assert found == modules


@pytest.mark.parametrize("path", [*MODULES, *DOORS], ids=lambda path: path.name)
def test_a_file_is_short_and_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) < 400
    if path.suffix:
        assert ast.get_docstring(ast.parse(text))


# --- what MicroK8s reads ---------------------------------------------------------------------


def test_addons_yaml_has_what_microk8s_asks_for() -> None:
    text = (REPOSITORY / "addons.yaml").read_text()
    lines = [line for line in text.splitlines() if line != "---" and not line.startswith("#")]
    assert lines[0] == "microk8s-addons:"
    assert re.fullmatch(r'  description: ".+"', lines[1])
    assert lines[2:4] == ["  addons:", '    - name: "private-registry-config"']
    keys = [line.strip().partition(":")[0] for line in lines[4:] if ":" in line]
    assert keys == ["description", "version", "check_status", "supported_architectures"]
    architectures = {line.strip()[2:] for line in lines if re.match(r"        - ", line)}
    assert architectures == {"amd64", "arm64", "s390x", "ppc64le"}


def test_the_marker_is_the_one_that_addons_yaml_names() -> None:
    text = (REPOSITORY / "addons.yaml").read_text()
    match = re.search(r'check_status: "\$\{SNAP_DATA\}/(.+)"', text)
    assert match
    assert NodePath(Root.DATA, match[1]) == MARKER


def test_the_version_is_the_same_everywhere() -> None:
    version = re.search(r'__version__ = "(.+)"', (ENGINE / "__init__.py").read_text())
    listed = re.search(r'version: "(.+)"', (REPOSITORY / "addons.yaml").read_text())
    assert version
    assert listed
    assert version[1] == listed[1]


@pytest.mark.parametrize("door", DOORS, ids=lambda path: path.name)
def test_a_door_is_a_program_for_the_snaps_python(door: Path) -> None:
    assert door.stat().st_mode & 0o111 == 0o111
    assert door.read_text().startswith("#!/usr/bin/env python3\n")
    assert len(door.read_text().splitlines()) < 20
