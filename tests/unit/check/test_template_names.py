"""Tables of containerd-template.toml that containerd never reads, or does not start
with, as measured with ``containerd config dump`` of 1.6.20, 1.7.24, 2.1.9, 2.2.3, 2.3.7
and 2.4.2; tests/e2e/test_reading.py asks these again.
"""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

import pytest
from hypothesis import given, strategies

from private_registry.check.causes import Cause
from private_registry.check.lint.edits import applied
from private_registry.check.lint.template_lint import lint_template
from private_registry.check.lint.template_looked import RESTART, Looked
from private_registry.check.lint.template_names_lint import edits_of
from private_registry.containerd.plugin_names import misnamed, right_host
from private_registry.containerd.template import Template
from unit.certs_d import Version
from unit.typed import type_in

V1_6, V1_7, V2_1, V2_2 = (1, 6, 20), (1, 7, 24), (2, 1, 9), (2, 2, 3)
V2_3, V2_4 = (2, 3, 7), (2, 4, 2)
V1, V2 = (V1_6, V1_7), (V2_1, V2_2, V2_3, V2_4)
EVERY = (*V1, *V2)
CRI = 'plugins."io.containerd.grpc.v1.cri"'
IMAGES = 'plugins."io.containerd.cri.v1.images"'
REGISTRY = f"{CRI}.registry"
PATH = '  config_path = "${SNAP_DATA}/args/certs.d"\n'
TREE = f"version = 2\n[{REGISTRY}]\n{PATH}"
LEGACY = f"version = 2\n[{CRI}]\n  sandbox_image = 'pause'\n"
LOGIN = '  username = "me"\n  password = "pw"\n'
MIRROR = '  endpoint = ["http://reg.corp:5000"]\n'
SKIP = "  insecure_skip_verify = true\n"
NAME, IGNORED = Cause.PLUGIN_NAME, Cause.SETTINGS_IGNORED
KEY = Cause.CREDENTIALS_KEY


class Row(NamedTuple):
    """A template, what is found in it, and its text after the command that is shown.

    Args:
        text: of the file.
        cause: the one that is found; None for none.
        versions: of containerd that it holds for.
        after: the text after the command; None where no command is shown.
        stops: containerd does not start with it.
        findings: how many findings there are.
    """

    text: str
    cause: Optional[Cause]
    versions: Tuple[Version, ...] = EVERY
    after: Optional[str] = None
    stops: bool = False
    findings: int = 1


def _auth(section: str, host: str = '"reg.corp:5000"') -> str:
    return f"[{section}.configs.{host}.auth]\n{LOGIN}"


def _mirror(section: str, name: str = '"reg.corp:5000"') -> str:
    return f"[{section}.mirrors.{name}]\n{MIRROR}"


def _tls(section: str, name: str = '"reg.corp:5000"') -> str:
    return f"[{section}.configs.{name}.tls]\n{SKIP}"


AUTH = TREE + _auth(REGISTRY)
FIRST = "plugins.cri.registry"
IN_V2 = f"version = 2\n[{IMAGES}.registry]\n{PATH}"
V3 = f"version = 3\n[{IMAGES}.registry]\n{PATH}"
UNQUOTED = "plugins.io.containerd.grpc.v1.cri.registry"
QUOTED_LESS = 'plugins."io.containerd.grpc.v1".cri.registry'

ROWS: Dict[str, Row] = {
    "what is right": Row(AUTH, None),
    "right in version 3": Row(V3 + _auth(f"{IMAGES}.registry"), None, V2),
    "right without a version": Row(
        f"[{FIRST}]\n{PATH}" + _auth(FIRST), None, (*V1, V2_3, V2_4)
    ),
    "images in version 2": Row(IN_V2 + _auth(f"{IMAGES}.registry"), None, V2),
    "the CRI of version 2 in version 3": Row(
        f"version = 3\n[{REGISTRY}]\n{PATH}" + _auth(REGISTRY), None, (V2_3, V2_4)
    ),
    # A name of another version.
    "plugins.cri ends the start": Row(TREE + _auth(FIRST), NAME, V1, AUTH, stops=True),
    "plugins.cri is passed over": Row(TREE + _auth(FIRST), IGNORED, V2, AUTH),
    "plugins.cri in quotes": Row(
        TREE + _auth('plugins."cri".registry'), NAME, V1, AUTH, stops=True
    ),
    "plugins.cri with the tables above": Row(
        f"version = 2\n[plugins.cri]\n  [plugins.cri.registry]\n  {PATH}"
        f"    [plugins.cri.registry.configs]\n{_auth(FIRST)}",
        NAME,
        V1,
        f"version = 2\n[{CRI}]\n  [{REGISTRY}]\n  {PATH}"
        f"    [{REGISTRY}.configs]\n{_auth(REGISTRY)}",
        stops=True,
        findings=2,
    ),
    "an empty plugins.cri": Row(
        TREE + "[plugins.cri]\n", NAME, V1, TREE + f"[{CRI}]\n", stops=True
    ),
    "an empty plugins.cri that is passed over": Row(TREE + "[plugins.cri]\n", None, V2),
    "mirrors of plugins.cri without config_path": Row(
        LEGACY + _mirror(FIRST), NAME, V1, LEGACY + _mirror(REGISTRY), stops=True
    ),
    "the same, passed over": Row(
        LEGACY + _mirror(FIRST), IGNORED, V2, LEGACY + _mirror(REGISTRY)
    ),
    # Spelt right they would end CRI.
    "mirrors of plugins.cri beside config_path": Row(
        TREE + f"[{FIRST}.mirrors]\n" + _mirror(FIRST), NAME, V1, TREE, stops=True
    ),
    "the same, ignored": Row(TREE + _mirror(FIRST), IGNORED, V2, TREE),
    "TLS of plugins.cri beside config_path": Row(
        TREE + _tls(FIRST), NAME, V1, TREE, stops=True
    ),
    "images in version 2 on 1.x": Row(
        TREE + _auth(f"{IMAGES}.registry"), IGNORED, V1, AUTH
    ),
    "images beside the CRI of version 2": Row(
        TREE + _auth(f"{IMAGES}.registry"), IGNORED, V2, AUTH
    ),
    "the CRI of version 2 in version 3 on 2.1": Row(
        V3 + _auth(REGISTRY),
        IGNORED,
        (V2_1, V2_2),
        V3 + _auth(f"{IMAGES}.registry"),
    ),
    "runtime for images": Row(
        V3 + _auth('plugins."io.containerd.cri.v1.runtime".registry'),
        NAME,
        V2,
        V3 + _auth(f"{IMAGES}.registry"),
    ),
    "no version": Row(
        AUTH.replace("version = 2\n", ""),
        IGNORED,
        (*V1, V2_1, V2_2),
        AUTH,
        findings=2,
    ),
    "no version and plugins.cri on 2.1": Row(
        f"[{FIRST}]\n{PATH}", IGNORED, (V2_1, V2_2), f"[{IMAGES}.registry]\n{PATH}"
    ),
    # Quotes in the wrong place.
    "quotes before cri": Row(TREE + _auth(QUOTED_LESS), NAME, EVERY, AUTH),
    "quotes before cri, mirrors": Row(
        LEGACY + _mirror(QUOTED_LESS), NAME, EVERY, LEGACY + _mirror(REGISTRY)
    ),
    "quotes before cri, config_path": Row(
        f"version = 2\n[{QUOTED_LESS}]\n{PATH}", NAME, EVERY, TREE
    ),
    "no quotes": Row(TREE + _auth(UNQUOTED), NAME, V1, AUTH, stops=True),
    "no quotes, passed over": Row(TREE + _auth(UNQUOTED), NAME, V2, AUTH),
    "quotes behind registry": Row(
        TREE + _auth('plugins."io.containerd.grpc.v1.cri.registry"'), NAME, EVERY, AUTH
    ),
    "quotes behind mirrors": Row(
        LEGACY
        + '[plugins."io.containerd.grpc.v1.cri.registry.mirrors"."reg.corp:5000"]\n'
        + MIRROR,
        NAME,
        EVERY,
        LEGACY + _mirror(REGISTRY),
    ),
    "quotes around plugins": Row(
        TREE + _auth('"plugins.io.containerd.grpc.v1.cri".registry'), NAME, EVERY, AUTH
    ),
    "quotes around auth": Row(
        f'{TREE}[{REGISTRY}.configs."reg.corp:5000.auth"]\n{LOGIN}', NAME, EVERY, AUTH
    ),
    "a host without quotes": Row(
        TREE + _auth(REGISTRY, "reg.corp"),
        NAME,
        EVERY,
        TREE + _auth(REGISTRY, '"reg.corp"'),
    ),
    "a mirror without quotes": Row(
        LEGACY + _mirror(REGISTRY, "reg.corp"),
        NAME,
        EVERY,
        LEGACY + _mirror(REGISTRY, '"reg.corp"'),
    ),
    # Misspelt.
    "plugin": Row(
        TREE + _auth(REGISTRY.replace("plugins", "plugin")), NAME, EVERY, AUTH
    ),
    "no plugins": Row(
        TREE + _auth('"io.containerd.grpc.v1.cri".registry'), NAME, EVERY, AUTH
    ),
    "registry alone": Row(TREE + _auth("registry"), NAME, EVERY, AUTH),
    "registry below plugins": Row(
        TREE + _auth("plugins.registry"), NAME, V1, AUTH, stops=True
    ),
    "no registry": Row(TREE + _auth(CRI), NAME, EVERY, AUTH),
    "registries": Row(TREE + _auth(f"{CRI}.registries"), NAME, EVERY, AUTH),
    "config": Row(
        f'{TREE}[{REGISTRY}.config."reg.corp:5000".auth]\n{LOGIN}', NAME, EVERY, AUTH
    ),
    "mirror": Row(
        f'{LEGACY}[{REGISTRY}.mirror."reg.corp:5000"]\n{MIRROR}',
        NAME,
        EVERY,
        LEGACY + _mirror(REGISTRY),
    ),
    "below containerd": Row(
        TREE + _auth(f"{CRI}.containerd.registry"), NAME, EVERY, AUTH
    ),
    "grcp": Row(
        TREE + _auth('plugins."io.containerd.grcp.v1.cri".registry'), NAME, EVERY, AUTH
    ),
    "too few parts": Row(
        TREE + _auth('plugins."io.containerd.cri".registry'),
        NAME,
        V1,
        AUTH,
        stops=True,
    ),
    "capitals": Row(
        TREE + _auth('plugins."io.containerd.grpc.v1.CRI".registry'), NAME, EVERY, AUTH
    ),
    "a short name of version 1": Row(
        TREE + "[plugins.linux]\n  shim_debug = true\n", NAME, V1, stops=True
    ),
    "CRI taken out by its short name": Row(
        'version = 2\ndisabled_plugins = ["cri"]\n',
        NAME,
        EVERY,
        "version = 2\ndisabled_plugins = []\n",
        stops=True,
    ),
    # Both at once.
    "two that say the same": Row(AUTH + _auth(QUOTED_LESS), NAME, EVERY),
    "a wrong table with a wrong host": Row(
        TREE + _auth(QUOTED_LESS, '"https://reg.corp:5000"'), NAME, EVERY, AUTH
    ),
    # Others' tables.
    "another plugin's registry": Row(
        TREE + '[plugins."io.containerd.snapshotter.v1.x".registry]\n  a = 1\n', None
    ),
    "a rewrite of k3s": Row(
        LEGACY + _mirror(REGISTRY) + f'[{REGISTRY}.mirrors."reg.corp:5000".rewrite]\n',
        Cause.UNKNOWN_KEY,
    ),
    # Keys that are no host.
    "a login for a URL": Row(
        TREE + _auth(REGISTRY, '"https://reg.corp:5000"'), KEY, EVERY, AUTH
    ),
    "a login with a path": Row(
        TREE + _auth(REGISTRY, '"reg.corp:5000/v2/"'), KEY, EVERY, AUTH
    ),
    "a login for many": Row(TREE + _auth(REGISTRY, '"*.corp"'), KEY),
    "a login for all": Row(TREE + _auth(REGISTRY, '"*"'), KEY),
    "mirrors of a URL": Row(
        LEGACY + _mirror(REGISTRY, '"https://reg.corp:5000"'),
        IGNORED,
        EVERY,
        LEGACY + _mirror(REGISTRY),
    ),
    "mirrors of many": Row(LEGACY + _mirror(REGISTRY, '"*.corp"'), IGNORED),
    "mirrors of a project": Row(
        LEGACY + _mirror(REGISTRY, '"reg.corp:5000/app"'), IGNORED
    ),
    "mirrors of all": Row(LEGACY + _mirror(REGISTRY, '"*"'), None),
    "mirrors of _default": Row(
        LEGACY + _mirror(REGISTRY, "_default"),
        IGNORED,
        EVERY,
        LEGACY + _mirror(REGISTRY, '"*"'),
    ),
    "mirrors of Docker Hub's server": Row(
        LEGACY + _mirror(REGISTRY, '"registry-1.docker.io"'),
        IGNORED,
        EVERY,
        LEGACY + _mirror(REGISTRY, '"docker.io"'),
    ),
    "TLS for a URL": Row(
        LEGACY + _tls(REGISTRY, '"https://reg.corp:5000"'),
        IGNORED,
        V1,
        LEGACY + _tls(REGISTRY),
    ),
    "TLS for all": Row(LEGACY + _tls(REGISTRY, '"*"'), IGNORED, V1),
}
CASES = [
    pytest.param(row, version, id=f"{name}-{version}")
    for name, row in ROWS.items()
    for version in row.versions
]


@pytest.mark.parametrize(("row", "version"), CASES)
def test_tables_and_hosts(row: Row, version: Version, tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    found = lint_template(Template(row.text, str(file)), None, version)
    assert {each.cause for each in found} == (
        set() if row.cause is None else {row.cause}
    ), found
    assert len(found) == (0 if row.cause is None else row.findings)
    assert "pw" not in repr(found)
    assert all(("does not start" in each.why) == row.stops for each in found)
    (command,) = {each.remedy.command for each in found} or {""}
    assert bool(command) == (row.after is not None)
    if row.after is not None:
        file.write_text(row.text)
        command = command.replace("sudo ", "").replace(
            RESTART.replace("sudo ", ""), ":"
        )
        type_in(command)
        assert file.read_text() == row.after
        assert not misnamed(Template(row.after, str(file)), version)


WORDS = strategies.sampled_from(
    [
        *("plugins", "plugin", "io", "containerd", "grpc", "v1", "cri", "images"),
        *("registry", "mirrors", "configs", "auth", "tls", "reg.corp:5000", "*", "a.b"),
        *("io.containerd.grpc.v1", "io.containerd.grpc.v1.cri", "cri.registry"),
        *("io.containerd.cri.v1.images", "https://reg.corp", "mirrors.a"),
    ]
)
NAMES = strategies.lists(WORDS, min_size=1, max_size=7)
NUMBERS = strategies.sampled_from(["", "version = 2\n", "version = 3\n"])


@given(
    strategies.lists(NAMES, min_size=1, max_size=3, unique_by=tuple),
    NUMBERS,
    strategies.sampled_from(EVERY),
)
def test_what_a_command_leaves_is_read(
    names: List[List[str]], number: str, version: Version
) -> None:
    """Whatever tables are called, after the command that is shown all is read."""
    text = number + "".join(
        "[{}]\n  x = 1\n".format(".".join(f'"{word}"' for word in name))
        for name in names
    )
    looked = Looked(Template(text, "/t.toml"), None, version)
    found = misnamed(looked.template, version)
    edits = edits_of(looked, found) if found else ()
    if edits:
        after = Template(applied(text, edits), "/t.toml")
        assert not misnamed(after, version)
        assert not any(key[0] == "mirrors" for key in after.keys) or after.is_legacy


@pytest.mark.parametrize(
    ("name", "kind", "right"),
    [
        ("reg.corp", "auth", "reg.corp"),
        ("http://reg.corp:5000", "tls", "reg.corp:5000"),
        ("https://me@reg.corp/x", "auth", "reg.corp"),
        ("https://index.docker.io/v1/", "auth", "registry-1.docker.io"),
        ("https://index.docker.io/v1/", "mirrors", "docker.io"),
        ("*", "mirrors", "*"),
        ("https://*", "mirrors", "*"),
        ("*.corp", "mirrors", ""),
        ("*", "tls", ""),
    ],
)
def test_right_hosts(name: str, kind: str, right: str) -> None:
    assert right_host(name, kind) == right
