"""The house rules: what each part of the engine may import and do, and addons.yaml's
form.
"""

from __future__ import annotations

import ast
import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import Dict, FrozenSet, Iterator, List, Set, Tuple

import pytest

from private_registry.launcher import PACKAGES
from private_registry.node.file_values import NodePath, Root
from private_registry.node.paths import MARKER

REPOSITORY = Path(__file__).resolve().parents[2]
ENGINE = REPOSITORY / "lib" / "private_registry"
ADDON = REPOSITORY / "addons" / "private-registry-config"
MODULES = sorted(ENGINE.rglob("*.py"))
HARNESS = sorted((REPOSITORY / "lib" / "registry_harness").rglob("*.py"))
SCRIPTS = sorted((REPOSITORY / "scripts").glob("*.py"))

# All that look at the machine or change it, by room. Whatever is not named here is
# pure.
TOUCHES = {
    "": ["launcher"],
    "all_nodes": ["engine_zip", "publishing"],
    "all_nodes/agent": ["api", "loop", "watching"],
    "changes": ["exported_files", "last_check"],
    "check": ["node_state", "observing", "pulling", "written_state"],
    "check/probe": [
        *("answers", "caller", "connection", "exchange", "failure", "probe"),
        *("targets", "parallel", "trust"),
    ],
    "cli": [
        *(
            "enable_options",
            "file_options",
            "shared_options",
            "console",
            "files_given",
            "imports_given",
            "agent_main",
        ),
        *("main", "parser", "show_list", "verb"),
    ],
    "containerd": ["daemon", "refusals"],
    "containerd/cri": ["grpc", "http2", "listening"],
    "docker": ["api", "discovery", "engine", "part", "reach"],
    "kubelet": ["search_path"],
    "node": [
        *("bounded_reads", "commands", "directories", "files", "paths"),
        *("trusted_places", "environment_variables"),
    ],
    "pull_secrets": ["kubectl", "retrying"],
    "registries": ["certificates"],
    "transaction": ["lock", "staging"],
}
# These do so by the modules above and by nothing else.
WORKS_WITH_THEM = {
    "all_nodes": ["asking", "changing", "left_behind"],
    "all_nodes/agent": ["answering", "round"],
    "changes": [
        "change",
        "for_all_nodes",
        "listing",
        "outcomes",
        "planning",
        "saved",
        "one_at_a_time",
    ],
    "check": ["remedy_facts", "run"],
    "cli": [
        *("check_options", "command_line", "credential_options", "export_options"),
        *("pull_secret_options", "disable_options", "show_all_nodes"),
        *("show_answers", "show_changes", "show_diff"),
        "tls_options",
    ],
    "containerd": ["part", "template_file"],
    "containerd/cri": ["calls"],
    "kubelet": ["part", "reach", "refusals"],
    "node": ["services"],
    "pull_secrets": [
        "cluster",
        "part",
        "record",
        "namespace_steps",
        "undoing",
    ],
    "transaction": [
        *(
            "commit",
            "follower",
            "containerd_toml_permissions",
            "journal",
            "lent_place",
            "part",
            "records",
        ),
        *("journal_steps", "turns"),
    ],
    "verbs": [
        *("add", "after_change", "apply", "check", "everywhere", "export", "help"),
        *("list", "remove"),
        *("own_tree", "version"),
    ],
}
OURS = "private_registry"
# Imports go from a room to those before it, and to no other one.
ROOMS = (
    *("texts", "node", "registries", "transaction", "containerd", "pull_secrets"),
    *("kubelet", "docker", "changes", "check", "imports", "all_nodes", "cli"),
    "verbs",
)

ROOMS_OF_CHECK = ("reading", "lint", "probe", "explain")


def _files(table: Dict[str, List[str]]) -> Set[Path]:
    return {
        ENGINE / room / f"{name}.py" for room, names in table.items() for name in names
    }


PURE = [
    path for path in MODULES if path not in _files(TOUCHES) | _files(WORKS_WITH_THEM)
]
DOORS = [ADDON / name for name in ("enable", "disable", "plugin")]

IMPURE = {
    *(
        "os",
        "io",
        "sys",
        "time",
        "datetime",
        "random",
        "secrets",
        "uuid",
        "tempfile",
        "shutil",
    ),
    *(
        "subprocess",
        "socket",
        "ssl",
        "urllib",
        "http",
        "pathlib",
        "glob",
        "fcntl",
        "signal",
    ),
    *(
        "logging",
        "argparse",
        "platform",
        "getpass",
        "pwd",
        "grp",
        "threading",
        "multiprocessing",
    ),
}
WRITERS = {
    *(
        "link",
        "rename",
        "replace",
        "remove",
        "unlink",
        "mkdir",
        "makedirs",
        "rmdir",
        "removedirs",
    ),
    *(
        "chmod",
        "chown",
        "fchmod",
        "fchown",
        "lchown",
        "symlink",
        "truncate",
        "ftruncate",
        "utime",
    ),
    *(
        "fsync",
        "sync",
        "mkfifo",
        "mknod",
        "rmtree",
        "copy",
        "copyfile",
        "move",
        "write_text",
    ),
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
            yield (
                ast.unparse(node.func)
                if sys.version_info >= (3, 9)
                else _dotted(node.func)
            )


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def test_each_module_of_the_tables_is_there() -> None:
    assert _files(TOUCHES) | _files(WORKS_WITH_THEM) <= set(MODULES)
    assert not _files(TOUCHES) & _files(WORKS_WITH_THEM)
    assert len(PURE) > 60


def _touches(path: Path) -> bool:
    calls = {"open", "print", "input", "exec", "eval", "exit"} & set(_calls(path))
    return bool(_packages(path) & IMPURE or calls)


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_only_those_of_the_table_touch_anything(path: Path) -> None:
    assert _touches(path) == (path in _files(TOUCHES))


@pytest.mark.parametrize("path", PURE, ids=_name)
def test_what_is_pure_knows_only_what_is_pure(path: Path) -> None:
    known = {
        ENGINE.parent / (name.replace(".", "/") + ".py") for name in _imports(path)
    }
    assert not known & (_files(TOUCHES) | _files(WORKS_WITH_THEM))


def _room(name: str) -> str:
    return name.partition("/")[0]


def test_each_room_is_in_the_order_and_says_what_it_is() -> None:
    found = {_room(_name(path)) for path in MODULES if "/" in _name(path)}
    assert found == set(ROOMS)
    for path in ENGINE.rglob("__init__.py"):
        assert len(ast.get_docstring(ast.parse(path.read_text())) or "") > 20


@pytest.mark.parametrize(
    "path", [path for path in MODULES if "/" in _name(path)], ids=_name
)
def test_imports_go_down(path: Path) -> None:
    below = {*ROOMS[: ROOMS.index(_room(_name(path))) + 1]}
    below |= {"errors", "named_tuple", "__version__"}
    ours = [name.split(".")[1:] for name in _imports(path) if name.startswith(OURS)]
    for room, *module in filter(None, ours):
        # The table of verbs imports nothing; whoever wants a verb finds it by its name.
        assert room in below or (room == "verbs" and module in ([], ["all_verbs"]))


@pytest.mark.parametrize("path", sorted((ENGINE / "check").glob("*/*.py")), ids=_name)
def test_in_check_imports_go_down_too(path: Path) -> None:
    room = path.parent.name
    allowed = {room, *ROOMS_OF_CHECK[: ROOMS_OF_CHECK.index(room)]}
    ours = [name.split(".")[2:] for name in _imports(path) if f"{OURS}.check." in name]
    assert {each[0] for each in ours} & set(ROOMS_OF_CHECK) <= allowed


def test_nothing_waits_at_a_simple_queue() -> None:
    """Up to Python 3.12 its get may wait for ever where its time is nearly over."""
    assert [
        str(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and "SimpleQueue" in [each.name for each in node.names]
    ] == []


def test_only_one_module_makes_named_tuples() -> None:
    makers = {
        _name(path)
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "typing"
        if "NamedTuple" in {each.name for each in node.names}
    }
    assert makers == {"named_tuple.py"}


def _users_of(package: str) -> Set[str]:
    return {_name(path) for path in MODULES if package in _packages(path)}


@pytest.mark.parametrize(
    ("package", "modules"),
    [
        ("tomli", {"texts/toml.py"}),
        ("h2", {"containerd/cri/http2.py"}),
        ("hpack", {"containerd/cri/http2.py"}),
        ("asn1crypto", {"registries/x509.py"}),
        ("subprocess", {"node/commands.py", "launcher.py"}),
        (
            "argparse",
            {
                *("cli/enable_options.py", "cli/file_options.py"),
                *("cli/shared_options.py", "cli/parser.py"),
            },
        ),
        ("fcntl", {"transaction/lock.py"}),
        ("yaml", {"imports/yaml_text.py"}),
    ],
)
def test_one_module_knows_each_of_these(package: str, modules: Set[str]) -> None:
    assert _users_of(package) == modules


def test_only_one_module_imports_the_one_that_knows_yaml_and_late() -> None:
    name = "private_registry.imports.yaml_text"
    assert [_name(path) for path in MODULES if name in _imports(path)] == [
        "cli/imports_given.py"
    ]
    tree = ast.parse((ENGINE / "cli" / "imports_given.py").read_text())
    top = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    assert "yaml_text" not in [alias.name for node in top for alias in node.names]


def test_the_engine_needs_the_standard_library_and_its_packages_only() -> None:
    ours = {"private_registry", "yaml", *PACKAGES}
    found = set().union(*(_packages(path) for path in MODULES)) - ours
    if sys.version_info >= (3, 10):
        assert found <= sys.stdlib_module_names
    assert not found & {"requests", "click", "cryptography", "jsonschema", "OpenSSL"}


def test_only_the_console_and_the_launcher_print_or_exit() -> None:
    printing = re.compile(
        r"^print$|\bstd(out|err)\.write$|^sys\.exit$|^exit$|^os\._exit$"
    )
    found = {
        _name(path)
        for path in MODULES
        for call in _calls(path)
        if printing.search(call)
    }
    assert found == {"cli/console.py", "launcher.py"}


def test_only_one_module_writes_files() -> None:
    found = {
        _name(path)
        for path in MODULES
        for call in _calls(path)
        if call.partition(".")[0] in ("os", "shutil")
        and call.rpartition(".")[2] in WRITERS
    }
    assert found == {"node/files.py", "launcher.py"}


def test_only_one_module_reads_json() -> None:
    reading = re.compile(r"(^|\.)json\.loads?$|(^|\.)JSONDecoder$|\bjson\(\)$")
    found = {
        _name(path) for path in MODULES for call in _calls(path) if reading.search(call)
    }
    assert found == {"texts/json_text.py"}


def test_files_are_opened_for_writing_in_one_module_only() -> None:
    pattern = re.compile(
        r"\bopen\([^)]*[\"'][rwax]?b?[wax+]b?[\"']|O_WRONLY|O_RDWR|O_CREAT"
    )
    found = {_name(path) for path in MODULES if pattern.search(path.read_text())}
    assert found <= {"node/files.py", "cli/main.py", "launcher.py"}


@pytest.mark.parametrize(
    ("pattern", "modules"),
    [
        (
            r"[\"'](/var)?/snap/microk8s|containerd-template\.toml[\"']|var/lock",
            {"node/paths.py", "node/trusted_places.py"},
        ),
        (r"[\"'](/etc|/var/snap|/var/run)/docker", {"docker/discovery.py"}),
    ],
    ids=["MicroK8s", "Docker"],
)
def test_only_one_module_knows_the_paths_of(pattern: str, modules: Set[str]) -> None:
    found = {_name(path) for path in MODULES if re.search(pattern, path.read_text())}
    assert found == modules


@pytest.mark.parametrize(
    "path", [*MODULES, *DOORS, *HARNESS, *SCRIPTS], ids=lambda path: path.name
)
def test_a_file_is_short_and_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) < 400
    # Not parsed: the harness may be newer than this Python.
    assert path.suffix == "" or text.startswith('"""')


# --- what MicroK8s reads --------------------------------------------------------------


def test_addons_yaml_has_what_microk8s_asks_for() -> None:
    text = (REPOSITORY / "addons.yaml").read_text()
    lines = [
        line for line in text.splitlines() if line != "---" and not line.startswith("#")
    ]
    assert lines[0] == "microk8s-addons:"
    assert re.fullmatch(r'  description: ".+"', lines[1])
    assert lines[2:4] == ["  addons:", '    - name: "private-registry-config"']
    keys = [line.strip().partition(":")[0] for line in lines[4:] if ":" in line]
    assert keys == ["description", "version", "check_status", "supported_architectures"]
    architectures = {
        line.strip()[2:] for line in lines if re.match(r"        - ", line)
    }
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
