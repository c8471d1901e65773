"""What a node's containerd understands.

What it would ignore is refused before anything changes.
"""

from __future__ import annotations

from typing import Callable, List, Optional, Tuple

import pytest

from private_registry.containerd.releases import needs_of, parse_version
from private_registry.containerd.template import Template
from private_registry.errors import NodeError
from private_registry.node import commands
from private_registry.registries.mirror_urls import parse_mirror_url
from private_registry.registries.model import Mirror, Registry
from private_registry.registries.names import parse_registry_name
from unit.fake_containerd import FakeContainerd
from unit.microk8s import Microk8s

CRI = 'plugins."io.containerd.grpc.v1.cri"'


@pytest.mark.parametrize(
    ("output", "version"),
    [
        ("containerd github.com/containerd/containerd v1.5.13 a17ec49\n", (1, 5, 13)),
        ("containerd github.com/containerd/containerd/v2 v2.1.6 abc\n", (2, 1, 6)),
        (
            "containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1\n",
            (1, 6, 20),
        ),
        ("containerd github.com/containerd/containerd v1.7.0-rc.1\n", (1, 7, 0)),
        ("containerd github.com/containerd/containerd v1.10.0+unknown\n", (1, 10, 0)),
        ("containerd github.com/containerd/containerd\n", None),
        ("", None),
    ],
)
def test_a_version_is_read(
    output: str, version: Optional[Tuple[int, int, int]]
) -> None:
    assert parse_version(output) == version


@pytest.mark.parametrize(
    ("name", "mirror", "since"),
    [
        ("reg.corp", None, None),
        ("reg.corp", "https://m.corp", None),
        ("reg.corp", "https://m.corp/v2", None),
        ("reg.corp", "https://m.corp/p", (1, 6, 0)),
        ("*", "https://m.corp", (1, 6, 17)),
        ("[fd00::1]:5000", None, (1, 7, 0)),
        ("reg.corp", "https://[fd00::1]", (2, 0, 0)),
    ],
)
def test_what_needs_a_newer_containerd(
    name: str, mirror: Optional[str], since: Optional[Tuple[int, int, int]]
) -> None:
    mirrors = (Mirror(parse_mirror_url(mirror, "--mirror")),) if mirror else ()
    needs = needs_of(Registry(parse_registry_name(name, "--mirror"), mirrors=mirrors))
    assert [need.since for need in needs] == ([since] if since else [])


TOO_OLD = [
    ("1.5.13", ["--mirror", "docker.io=https://m.corp/p"], "1.6.0", "override_path"),
    ("1.6.16", ["--mirror", "*=https://m.corp"], "1.6.17", "_default"),
    ("1.6.36", ["--insecure", "[fd00::1]:5000"], "1.7.0", "IPv6"),
    ("1.7.29", ["--mirror", "docker.io=http://[fd00::1]:5000"], "2.0.0", "IPv6"),
]


@pytest.mark.parametrize(("version", "arguments", "needed", "what"), TOO_OLD)
def test_what_this_containerd_would_ignore_is_refused(
    microk8s: Microk8s, version: str, arguments: List[str], needed: str, what: str
) -> None:
    microk8s.set_containerd_version(version)
    before = microk8s.tree()
    result = microk8s.run("enable", *arguments)
    assert result.exit_code == 4
    first = result.stderr.splitlines()[0]
    assert first.startswith("error: ")
    assert all(word in first for word in (version, needed, what))
    assert microk8s.tree() == before


@pytest.mark.parametrize(("version", "arguments", "needed", "what"), TOO_OLD)
def test_what_this_containerd_reads_is_taken(
    microk8s: Microk8s, version: str, arguments: List[str], needed: str, what: str
) -> None:
    microk8s.set_containerd_version(needed)
    assert microk8s.run("enable", *arguments).exit_code == 0


def test_a_containerd_that_does_not_tell_its_version_is_taken_for_a_current_one(
    microk8s: Microk8s,
) -> None:
    microk8s.set_containerd_version("")
    assert (
        microk8s.run("enable", "--mirror", "docker.io=https://m.corp/p").exit_code == 0
    )


def test_containerd_is_not_asked_where_nothing_depends_on_it(
    microk8s: Microk8s, containerd: FakeContainerd
) -> None:
    asked = microk8s.root / "asked"
    program = microk8s.snap / "bin" / "containerd"
    program.write_text(f"#!/bin/sh\ntouch '{asked}'\n")
    assert microk8s.run("enable", "--insecure", "reg.corp:5000").exit_code == 0
    assert not asked.exists()
    assert microk8s.run("enable", "--mirror", "*=https://m.corp").exit_code == 0
    assert asked.exists()


FIRST = """
[plugins.cri.registry.mirrors."reg.corp"]
  endpoint = ["http://reg.corp"]
"""
CANNOT_DUMP = """#!/bin/sh
[ "$3" != config ] || { echo 'containerd: unsupported config version' >&2; exit 1; }
echo containerd v1.7.29 0123abc
"""


def _append(microk8s: Microk8s, text: str) -> None:
    with microk8s.template.open("a") as stream:
        stream.write(text)


@pytest.mark.parametrize(
    "arguments",
    [
        ("enable", "--insecure", "reg.corp:5000"),
        ("plugin", "add", "--mirror", "docker.io=https://m.corp"),
        ("plugin", "add", "--insecure", "reg.corp:5000", "--dry-run"),
        ("plugin", "apply"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("is_running", [True, False])
def test_nothing_is_done_on_a_node_that_cannot_start(
    microk8s: Microk8s,
    request: pytest.FixtureRequest,
    arguments: Tuple[str, ...],
    is_running: bool,
) -> None:
    assert microk8s.run("enable", "--registry", "other.corp").exit_code == 0
    if is_running:
        request.getfixturevalue("containerd")
    _append(microk8s, FIRST)
    before = microk8s.tree()
    result = microk8s.run(*arguments)
    assert result.exit_code == 4
    assert "Done" not in result.stdout
    assert "does not start with [plugins.cri.registry.mirrors." in result.stderr
    # Beside config_path the table spelt right would end CRI.
    assert "  do: take it out" in result.stderr
    assert "containerd-template.toml, line " in result.stderr
    assert microk8s.tree() == before


_LOGIN_OF = f'\n[{CRI}.registry.configs."reg.corp".auth]\n'
WRONG_VALUES = [
    (
        f'{_LOGIN_OF}username = "ann"\npassword = 12345\n',
        ".auth.password must be a text",
    ),
    (f'\n[{CRI}.registry.headers]\nX = "y"\n', "headers.X must be a list"),
    (
        f'\n[{CRI}.registry.configs."reg.corp"]\ntls = false\n',
        ".tls must be a table",
    ),
]
DISABLED = 'disabled_plugins = ["{}"]\n'


@pytest.mark.parametrize("words", ["enable", "plugin add", "plugin apply"])
@pytest.mark.parametrize(("text", "says"), WRONG_VALUES)
def test_nothing_is_done_beside_a_value_that_ends_the_start(
    microk8s: Microk8s, text: str, says: str, words: str
) -> None:
    options = () if words.endswith("apply") else ("--insecure", "reg.corp:5000")
    _assert_refused(microk8s, lambda old: old + text, (*words.split(), *options), says)


@pytest.mark.parametrize(
    ("name", "says"),
    [("cri", "does not start"), ("io.containerd.grpc.v1.cri", "starts without CRI")],
)
def test_nothing_is_done_beside_a_list_that_takes_cri_out(
    microk8s: Microk8s, name: str, says: str
) -> None:
    options = ("plugin", "add", "--insecure", "reg.corp:5000")
    line = DISABLED.format(name)
    _assert_refused(microk8s, lambda old: line + old, options, says)


def _assert_refused(
    microk8s: Microk8s, change: Callable[[str], str], words: Tuple[str, ...], says: str
) -> None:
    assert microk8s.run("enable", "--registry", "other.corp").exit_code == 0
    microk8s.template.write_text(change(microk8s.template.read_text()))
    before = microk8s.tree()
    result = microk8s.run(*words)
    assert result.exit_code == 4
    assert "Done" not in result.stdout
    assert says in result.stderr
    assert "12345" not in result.stderr
    assert "containerd-template.toml, line " in result.stderr
    assert microk8s.tree() == before


def test_what_2_x_does_not_read_of_tls_is_in_nobodys_way(microk8s: Microk8s) -> None:
    section = f'{CRI}.registry.configs."reg.corp".tls'
    microk8s.template.write_text(
        f'version = 2\n[{section}]\ninsecure_skip_verify = "true"\n'
    )
    microk8s.set_containerd_version("2.1.6")
    result = microk8s.run("enable", "--insecure", "reg.corp:5000")
    assert result.exit_code == 0, result


def test_the_right_name_of_a_table_is_told(microk8s: Microk8s) -> None:
    _append(microk8s, FIRST.replace("mirrors", "configs").replace("]\n", ".auth]\n", 1))
    result = microk8s.run("enable", "--insecure", "reg.corp:5000")
    assert result.exit_code == 4
    right = f'write it as [{CRI}.registry.configs."reg.corp".auth]'
    assert right in result.stderr


def test_what_a_newer_containerd_passes_over_is_in_nobodys_way(
    microk8s: Microk8s,
) -> None:
    _append(microk8s, FIRST)
    microk8s.set_containerd_version("2.1.6")
    assert microk8s.run("enable", "--insecure", "reg.corp:5000").exit_code == 0


def test_what_a_program_is_given_can_be_read_twice() -> None:
    """As containerd 2 does with a table that it does not know."""
    done = commands.run(["/bin/sh", "-c", "cat /dev/stdin /dev/stdin"], stdin=b"x")
    assert done is not None
    assert done.stdout == "xx"


def test_a_containerd_that_does_not_run_says_why(microk8s: Microk8s) -> None:
    assert microk8s.run("enable", "--registry", "other.corp").exit_code == 0
    (microk8s.snap / "bin" / "containerd").write_text(CANNOT_DUMP)
    before = microk8s.tree()
    result = microk8s.run("plugin", "add", "--insecure", "reg.corp:5000")
    assert result.exit_code == 4
    assert "unsupported config version" in result.stderr
    assert "Done" not in result.stdout
    assert microk8s.tree() == before


@pytest.mark.parametrize(
    "arguments", [("plugin", "remove", "--registry", "other.corp"), ("disable",)]
)
def test_all_is_taken_back_on_a_node_that_cannot_start(
    microk8s: Microk8s, arguments: Tuple[str, ...]
) -> None:
    assert microk8s.run("enable", "--registry", "other.corp").exit_code == 0
    _append(microk8s, FIRST)
    assert microk8s.run(*arguments).exit_code == 0
    assert not (microk8s.certs_d / "other.corp").exists()


def test_a_saved_registry_that_containerd_no_longer_reads_does_not_stop_others(
    microk8s: Microk8s,
) -> None:
    assert (
        microk8s.run("enable", "--mirror", "docker.io=https://m.corp/p").exit_code == 0
    )
    microk8s.set_containerd_version("1.5.13")
    assert microk8s.run("plugin", "add", "--insecure", "reg.corp:5000").exit_code == 0
    assert microk8s.run("plugin", "apply").exit_code == 4


CERTS_D = [
    ("version 2", f'version = 2\n[{CRI}.registry]\nconfig_path = "{{}}"\n'),
    (
        "version 3",
        (
            'version = 3\n[plugins."io.containerd.cri.v1.images".registry]\nconfig_path'
            ' = "{}"\n'
        ),
    ),
    ("version 1", 'version = 1\n[plugins.cri.registry]\nconfig_path = "{}"\n'),
    ("no version", '[plugins.cri.registry]\nconfig_path = "{}"\n'),
    ("inline", f'[{CRI}]\nregistry = {{{{ config_path = "{{}}" }}}}\n'),
]


@pytest.mark.parametrize(
    "text", [case[1] for case in CERTS_D], ids=[case[0] for case in CERTS_D]
)
@pytest.mark.parametrize("way", ["variable", "revision", "current", "slash"])
def test_every_spelling_of_certs_d_is_understood(
    microk8s: Microk8s, text: str, way: str
) -> None:
    path = {
        "variable": "${SNAP_DATA}/args/certs.d",
        "revision": f"{microk8s.data}/args/certs.d",
        "current": f"{microk8s.current}/args/certs.d",
        "slash": "${SNAP_DATA}/args/certs.d/",
    }[way]
    microk8s.template.write_text(text.format(path))
    assert microk8s.run("enable", "--insecure", "reg.corp:5000").exit_code == 0


READS_CERTS_D = (
    f'version = 2\n[{CRI}.registry]\nconfig_path = "${{SNAP_DATA}}/args/certs.d"\n'
)
OTHERS = [
    ("other path", f'[{CRI}.registry]\nconfig_path = "/etc/c"\n', "in /etc/c"),
    (
        "path of an old revision",
        f'[{CRI}.registry]\nconfig_path = "/var/snap/microk8s/7/args/certs.d"\n',
        "microk8s/7/args",
    ),
    (
        "two paths",
        f'[{CRI}.registry]\nconfig_path = "${{SNAP_DATA}}/args/certs.d:/etc/c"\n',
        ":/etc/c",
    ),
    (
        "mirrors beside a path",
        READS_CERTS_D
        + f'[{CRI}.registry.mirrors."a.corp"]\nendpoint = ["http://a.corp"]\n',
        "line 4",
    ),
    (
        "TLS beside a path",
        READS_CERTS_D
        + f'[{CRI}.registry.configs."a.corp".tls]\ninsecure_skip_verify = true\n',
        "line 4",
    ),
    ("not TOML", "version = 2\n[plugins\n", "line 2"),
    ("the same table twice", "[a]\n[b]\n[a]\n", "not TOML"),
]


@pytest.mark.parametrize(
    ("text", "says"), [case[1:] for case in OTHERS], ids=[case[0] for case in OTHERS]
)
@pytest.mark.parametrize(
    "arguments",
    [
        ["enable", "--insecure", "reg.corp"],
        ["enable"],
        ["plugin", "apply"],
        ["enable", "--dry-run"],
    ],
    ids=["add", "enable", "apply", "dry run"],
)
def test_a_node_that_would_not_read_our_files_is_left_alone(
    microk8s: Microk8s, text: str, says: str, arguments: List[str]
) -> None:
    microk8s.template.write_text(text)
    before = microk8s.tree()
    result = microk8s.run(*arguments)
    assert result.exit_code == 4
    assert says in result.stderr
    assert "containerd-template.toml" in result.stderr
    assert 1 <= len(result.stderr.splitlines()) <= 3
    assert microk8s.tree() == before


@pytest.mark.parametrize("kind", ["missing", "directory", "binary"])
def test_a_template_that_cannot_be_read_is_an_error(
    microk8s: Microk8s, kind: str
) -> None:
    microk8s.template.unlink()
    if kind == "directory":
        microk8s.template.mkdir()
    if kind == "binary":
        microk8s.template.write_bytes(b"\xff\xfe")
    before = microk8s.tree()
    result = microk8s.run("enable", "--insecure", "reg.corp")
    assert result.exit_code == 4
    assert result.stderr.startswith("error: containerd's configuration cannot be read")
    assert microk8s.tree() == before


def test_disable_works_on_a_node_whose_template_was_damaged_since(
    microk8s: Microk8s,
) -> None:
    before = microk8s.tree()
    assert microk8s.run("enable", "--insecure", "reg.corp").exit_code == 0
    microk8s.template.write_text("[")
    assert microk8s.run("disable").exit_code == 0
    microk8s.template.write_bytes(
        before[str(microk8s.template.relative_to(microk8s.root))][1]
    )
    assert microk8s.tree() == before


def test_without_credentials_the_template_is_not_written(microk8s: Microk8s) -> None:
    before = microk8s.template.stat().st_mtime_ns, microk8s.template.stat().st_ino
    assert microk8s.run("enable", "--insecure", "reg.corp").exit_code == 0
    assert (
        microk8s.template.stat().st_mtime_ns,
        microk8s.template.stat().st_ino,
    ) == before


def test_a_template_that_is_not_toml_names_the_line() -> None:
    with pytest.raises(NodeError) as caught:
        Template("a = 1\nb = = 2\n", "the-template")
    assert caught.value.place == "the-template, line 2"


@pytest.mark.parametrize(
    ("variable", "says"),
    [("SNAP_DATA", "there is no MicroK8s"), ("SNAP_COMMON", "there is no MicroK8s")],
)
def test_a_machine_without_microk8s_is_told_so(
    microk8s: Microk8s, variable: str, says: str
) -> None:
    before = microk8s.tree()
    missing = str(microk8s.root / "missing")
    result = microk8s.run("enable", "--insecure", "reg.corp", env={variable: missing})
    assert result.exit_code == 4
    assert says in result.stderr
    assert missing in result.stderr
    assert "snap install microk8s" in result.stderr
    assert microk8s.tree() == before
