"""containerd-template.toml: whom its mirrors ask, and what of it does not do what it
says.
"""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

import pytest

from private_registry.check.causes import Cause
from private_registry.check.findings import Severity
from private_registry.check.lint.template_lint import lint_template
from private_registry.check.lint.template_looked import RESTART
from private_registry.check.reading.legacy_reading import read_legacy
from private_registry.containerd.template import Template
from unit.certs_d import V1_5, V1_6, V1_7, V2_1, Version
from unit.typed import type_in

CRI = 'plugins."io.containerd.grpc.v1.cri"'
IMAGES = 'plugins."io.containerd.cri.v1.images"'
REGISTRY = f"{CRI}.registry"
TREE = f'version = 2\n[{REGISTRY}]\n  config_path = "${{SNAP_DATA}}/args/certs.d"\n'
LEGACY = f"version = 2\n[{REGISTRY}]\n"
STOCK_LEGACY = f"""version = 2
[{REGISTRY}.mirrors]
  [{REGISTRY}.mirrors."docker.io"]
    endpoint = ["https://registry-1.docker.io", ]
  [{REGISTRY}.mirrors."localhost:32000"]
    endpoint = ["http://localhost:32000"]
"""
MIRROR = f'[{REGISTRY}.mirrors."reg:5000"]\n  endpoint = ["http://m"]\n'
TLS = f'[{REGISTRY}.configs."reg:5000".tls]\n  insecure_skip_verify = true\n'
FAULT, NOTE = Severity.FAULT, Severity.NOTE


def _template(text: str) -> Template:
    return Template(text, "/t.toml")


def _auth(host: str) -> str:
    return f'[{REGISTRY}.configs."{host}".auth]\n  username = "me"\n  password = "pw"\n'


# --- mirrors (image_pull_test.go TestRegistryEndpoints) -------------------------------

OWN = "https://registry-3.io/v2"
ENDPOINTS: Dict[str, Tuple[Dict[str, List[str]], List[str]]] = {
    "another registry's": ({"registry-1.io": ["https://1"]}, [OWN]),
    "its own": (
        {"registry-3.io": ["https://1", "https://2"]},
        ["https://1/v2", "https://2/v2", OWN],
    ),
    "everybody's": ({"*": ["https://1"]}, ["https://1/v2", OWN]),
    "its own before everybody's": (
        {"*": ["https://1"], "registry-3.io": ["https://2"]},
        ["https://2/v2", OWN],
    ),
    "itself by HTTP": (
        {"registry-3.io": ["http://registry-3.io"]},
        ["http://registry-3.io/v2"],
    ),
    "itself with a path": (
        {"registry-3.io": ["https://1", "https://registry-3.io/path"]},
        ["https://1/v2", "https://registry-3.io/path"],
    ),
    "without schemes": (
        {"registry-3.io": ["registry-1.io", "127.0.0.1:1234"]},
        ["https://registry-1.io/v2", "http://127.0.0.1:1234/v2", OWN],
    ),
    "a project": ({"registry-3.io": ["http://m/proj/"]}, ["http://m/proj", OWN]),
}


@pytest.mark.parametrize(("mirrors", "expected"), ENDPOINTS.values(), ids=ENDPOINTS)
def test_mirrors(mirrors: Dict[str, List[str]], expected: List[str]) -> None:
    text = LEGACY + "".join(
        f'[{REGISTRY}.mirrors."{name}"]\nendpoint = {urls!r}\n'
        for name, urls in mirrors.items()
    )
    for version in (V1_5, V1_6, V2_1, None):
        reading = read_legacy("registry-3.io", _template(text), version)
        assert [entry.url for entry in reading.entries] == expected
        assert all(entry.resolves for entry in reading.entries)
        is_default = [entry.is_server for entry in reading.entries]
        assert is_default == [False] * (len(expected) - 1) + [expected[-1] == OWN]


@pytest.mark.parametrize(
    ("registry", "version", "expected"),
    [
        ("docker.io", V1_6, ["https://registry-1.docker.io/v2"] * 2),
        ("localhost:32000", V1_6, ["http://localhost:32000/v2"]),
        ("localhost:5000", V1_6, ["http://localhost:5000/v2"]),
        ("localhost:5000", (1, 3, 7), ["https://localhost:5000/v2"]),
    ],
)
def test_what_microk8s_1_22_ships(
    registry: str, version: Version, expected: List[str]
) -> None:
    reading = read_legacy(registry, _template(STOCK_LEGACY), version)
    assert [entry.url for entry in reading.entries] == expected
    assert not reading.findings


def test_inline_mirrors() -> None:
    text = LEGACY + 'mirrors = {"r" = {endpoint = ["http://m"]}}\n'
    assert read_legacy("r", _template(text), V1_6).entries[0].url == "http://m/v2"


def test_tls_settings_are_read_before_2_0() -> None:
    text = (
        LEGACY + f'[{REGISTRY}.configs."reg:5000".tls]\nca_file = "/ca"\ncert_file ='
        ' "/c"\nkey_file = "/k"\ninsecure_skip_verify = false\n'
    )
    (entry,) = read_legacy("reg:5000", _template(text), V1_7).entries
    assert (entry.trust.authorities, entry.trust.clients) == (("/ca",), (("/c", "/k"),))
    assert entry.trust.skip_verify is False
    assert not read_legacy("reg:5000", _template(text), V2_1).entries[0].trust.is_given


@pytest.mark.parametrize(
    ("url", "cause", "severity"),
    [
        ("http://m/proj", Cause.PATH_APPENDED, NOTE),
        ("m:5000", Cause.SCHEME_MISSING, NOTE),
        ("ftp://m", Cause.BAD_SCHEME, FAULT),
        ("http:///x", Cause.BAD_URL, FAULT),
    ],
)
def test_odd_mirrors(url: str, cause: Cause, severity: Severity) -> None:
    text = LEGACY + f'[{REGISTRY}.mirrors."r:1"]\nendpoint = ["{url}"]\n'
    (finding,) = read_legacy("r:1", _template(text), V1_6).findings
    assert (finding.cause, finding.severity) == (cause, severity)
    assert finding.where == "/t.toml, line 3"


# --- lint -----------------------------------------------------------------------------


class Row(NamedTuple):
    """A template, what is found in it, and what its text holds after the command."""

    text: str
    cause: Optional[Cause]
    versions: Tuple[Version, ...] = (V1_5, V1_6, V1_7, V2_1)
    severity: Severity = FAULT
    after: Optional[str] = None


V1 = (V1_5, V1_6, V1_7)
LIST = TREE.replace("certs.d", "certs.d:/etc/certs.d")
NATIVE = f'{TREE}[{CRI}.containerd]\nsnapshotter = "native"\n'
LOCAL = f"[{IMAGES}]\n  use_local_image_pull = true\n"

ROWS: Dict[str, Row] = {
    "what MicroK8s ships": Row(TREE, None),
    "what MicroK8s 1.22 ships": Row(STOCK_LEGACY, None),
    "a login": Row(TREE + _auth("reg:5000"), None),
    "mirrors beside config_path": Row(
        TREE + MIRROR, Cause.MIRRORS_BESIDE_CONFIG_PATH, after=TREE
    ),
    "mirrors below a table of their own": Row(
        TREE + f"[{REGISTRY}.mirrors]\n" + MIRROR,
        Cause.MIRRORS_BESIDE_CONFIG_PATH,
        after=TREE,
    ),
    "mirrors and TLS": Row(TREE + MIRROR + TLS, Cause.MIRRORS_BESIDE_CONFIG_PATH),
    "TLS beside config_path": Row(
        TREE + TLS, Cause.TLS_BESIDE_CONFIG_PATH, V1, after=TREE
    ),
    "TLS that 2.x ignores": Row(
        TREE + TLS, Cause.TLS_BESIDE_CONFIG_PATH, (V2_1,), NOTE, TREE
    ),
    "TLS without config_path": Row(LEGACY + TLS, None, V1),
    "TLS without config_path on 2.x": Row(
        LEGACY + TLS, Cause.SETTINGS_IGNORED, (V2_1,), NOTE
    ),
    "mirrors on 2.2.0": Row(
        LEGACY + MIRROR, Cause.MIRRORS_KILL_CRI, ((2, 2, 0), (2, 2, 1))
    ),
    "mirrors on others": Row(LEGACY + MIRROR, None, (V1_7, V2_1, (2, 2, 2))),
    "several directories": Row(LIST, Cause.CONFIG_PATH_LIST, (V2_1,), after=TREE),
    "several directories before 2.1": Row(LIST, None, V1),
    "several directories, pulled locally": Row(LIST + LOCAL, None, (V2_1,)),
    "several directories and a login": Row(LIST + _auth("reg:5000"), None, (V2_1,)),
    "native": Row(NATIVE, Cause.NATIVE_SNAPSHOTTER, (V2_1,), after=NATIVE + LOCAL),
    "native before 2.1": Row(NATIVE, None, V1),
    "native, pulled locally": Row(NATIVE + LOCAL, None, (V2_1,)),
    "a login for Docker Hub": Row(
        TREE + _auth("docker.io"),
        Cause.CREDENTIALS_KEY,
        after=TREE + _auth("registry-1.docker.io"),
    ),
    "a login for a URL": Row(
        TREE + _auth("https://reg:5000/v2/"),
        Cause.CREDENTIALS_KEY,
        after=TREE + _auth("reg:5000"),
    ),
    "a login for somebody": Row(TREE + _auth("reg:5000"), None),
    "auths without a scheme": Row(
        f'{TREE}[{REGISTRY}.auths."reg:5000"]\nusername = "me"\n', Cause.CREDENTIALS_KEY
    ),
    "auths": Row(
        f'{TREE}[{REGISTRY}.auths."https://reg:5000"]\nusername = "me"\n', None
    ),
    "endpoints": Row(
        LEGACY + MIRROR.replace("endpoint", "endpoints"),
        Cause.UNKNOWN_KEY,
        after=LEGACY + MIRROR,
    ),
    "an unknown key": Row(
        LEGACY + MIRROR + "colour = 1\n", Cause.UNKNOWN_KEY, severity=NOTE
    ),
    "a section of version 2 in version 3": Row(
        TREE.replace("version = 2", "version = 3"), Cause.SETTINGS_IGNORED, (V2_1,)
    ),
    "a section of version 2 without a version": Row(
        TREE.replace("version = 2\n", ""), Cause.SETTINGS_IGNORED
    ),
    "a section of version 1 in version 2": Row(
        LEGACY + "[plugins.cri.registry]\nx = 1\n", Cause.SETTINGS_IGNORED, (V2_1,)
    ),
    "a section of version 1 ends the start of 1.x": Row(
        LEGACY + "[plugins.cri.registry]\nx = 1\n", Cause.PLUGIN_NAME, V1
    ),
}
_CASES = [
    pytest.param(row, version, id=f"{name}-{version}")
    for name, row in ROWS.items()
    for version in row.versions
]


@pytest.mark.parametrize(("row", "version"), _CASES)
def test_lint(row: Row, version: Version, tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    found = lint_template(Template(row.text, str(file)), None, version)
    assert [(each.cause, each.severity) for each in found] == (
        [] if row.cause is None else [(row.cause, row.severity)]
    )
    assert "pw" not in repr(found)
    commands = [each.remedy.command for each in found if each.remedy.command]
    if row.after is not None:
        file.write_text(row.text)
        command = (
            commands[0]
            .replace("sudo ", "")
            .replace(RESTART.replace("sudo ", ""), "true")
        )
        type_in(command)
        assert file.read_text() == row.after


def test_what_stands_only_in_the_rendered_file() -> None:
    loaded = Template(TREE + _auth("reg:5000"), "/rendered.toml")
    (finding,) = lint_template(_template(TREE), loaded, V1_7)
    assert (finding.cause, finding.severity) == (Cause.EDITS_VANISH, NOTE)
    assert finding.where == "/rendered.toml, line 4"
    assert lint_template(_template(TREE), _template(TREE), V1_7) == ()


def test_the_snapshotter_is_that_of_the_rendered_file() -> None:
    text = f'{TREE}[{CRI}.containerd]\nsnapshotter = "${{SNAPSHOTTER}}"\n'
    loaded = _template(text.replace("${SNAPSHOTTER}", "native"))
    assert [each.cause for each in lint_template(_template(text), loaded, V2_1)] == [
        Cause.NATIVE_SNAPSHOTTER
    ]
    assert lint_template(_template(text), _template(text), V2_1) == ()


@pytest.mark.parametrize("version", [V1_6, V1_7, V2_1])
@pytest.mark.parametrize(
    "text",
    [
        f'version = 2\n[{REGISTRY}]\nconfig_path = "x"\n[[{REGISTRY}.mirrors]]\n',
        f'version = 2\nconfig_path = "x"\n[[{REGISTRY}.mirrors]]\n',
        f'[[{REGISTRY}.configs."a".auth]]\n',
    ],
)
def test_a_list_of_tables_where_a_table_should_be(text: str, version: Version) -> None:
    template = Template("version = 2\n" * ("version" not in text) + text, "/t")
    lint_template(template, None, version)
    for key in template.keys:
        template.get(key)
