"""Values of containerd-template.toml that containerd does not start with, lists that
take CRI out, and logins where it looks for none; as measured with containerd 1.6.20,
1.7.24, 2.1.9, 2.2.3, 2.3.7 and 2.4.2; tests/e2e/test_reading_templates.py asks again.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any, Dict, Tuple

import pytest
from hypothesis import given, strategies

from private_registry.check.causes import Cause
from private_registry.check.lint.template_lint import lint_template
from private_registry.check.lint.template_looked import RESTART
from private_registry.containerd.plugin_lists import wrong_lists
from private_registry.containerd.template import Template
from private_registry.containerd.template_values import wrong_values
from private_registry.texts import toml_writing
from unit.certs_d import Version
from unit.check.test_template_names import (
    AUTH,
    CRI,
    EVERY,
    FIRST,
    IMAGES,
    KEY,
    LEGACY,
    LOGIN,
    MIRROR,
    NAME,
    PATH,
    REGISTRY,
    SKIP,
    TREE,
    V1,
    V1_6,
    V1_7,
    V2,
    V2_1,
    V2_3,
    V2_4,
    Row,
)
from unit.typed import type_in

VALUE, NO_CRI = Cause.TEMPLATE_VALUE, Cause.CRI_MISSING
HOST = f'{REGISTRY}.configs."reg.corp:5000"'
TWO = (HOST, f'{REGISTRY}.configs."a.b"')
OWN_MIRROR = f'[{REGISTRY}.mirrors."reg.corp:5000"]\n'
ENCODED = base64.b64encode(b"me:pw").decode()
_TEXTS = f'{LEGACY}[{REGISTRY}.headers]\n  X-Key = ["pw"]\n'


def _login(line: str) -> str:
    return f'{TREE}[{HOST}.auth]\n  username = "me"\n  {line}\n'


def _tls(line: str) -> str:
    return f"{LEGACY}[{HOST}.tls]\n  {line}\n"


def _mirror(line: str) -> str:
    return f"{LEGACY}{OWN_MIRROR}  {line}\n"


def _value(text: str, after: Any = None, versions: Tuple[Version, ...] = EVERY) -> Row:
    return Row(text, VALUE, versions, after, stops=True)


def _list(text: str) -> str:
    return f"version = 2\n{text}\n" + TREE.partition("\n")[2]


def _elsewhere(table: str) -> Row:
    """Return a row of a login that leads nowhere under a name."""
    return Row(f"{TREE}[{REGISTRY}.{table}]\n{LOGIN}", KEY, EVERY, AUTH)


ROWS: Dict[str, Row] = {
    # A value of another type.
    "an endpoint that is a text": _value(
        _mirror('endpoint = "http://reg.corp:5000"'), LEGACY + OWN_MIRROR + MIRROR
    ),
    "the same in version 3": _value(
        f'version = 3\n[{IMAGES}.registry.mirrors."a"]\n  endpoint = "http://a"\n',
        f'version = 3\n[{IMAGES}.registry.mirrors."a"]\n  endpoint = ["http://a"]\n',
        V2,
    ),
    "the same without a version": _value(
        f"[{FIRST}.mirrors.a]\n  endpoint = 'http://a'\n",
        f"[{FIRST}.mirrors.a]\n  endpoint = ['http://a']\n",
        (*V1, V2_3, V2_4),
    ),
    "two endpoints in one text": _value(
        _mirror('endpoint = "http://m.corp, http://reg.corp:5000" # both'),
        _mirror('endpoint = ["http://m.corp", "http://reg.corp:5000"] # both'),
    ),
    "an endpoint with a login": _value(
        _mirror('endpoint = "http://me:pw@reg.corp:5000"'),
        _mirror('endpoint = ["http://me:pw@reg.corp:5000"]'),
    ),
    "an endpoint that is a number": _value(_mirror("endpoint = 5000")),
    "an endpoint with a number": _value(_mirror('endpoint = ["http://a", 5]')),
    "an endpoint of a list": _value(_mirror('endpoint = [["http://a"]]')),
    "an endpoint that is a table": _value(
        f'{LEGACY}[{REGISTRY}.mirrors."a".endpoint]\n  url = "http://a"\n'
    ),
    "Endpoint": _value(
        _mirror('Endpoint = "http://a"'), _mirror('Endpoint = ["http://a"]'), V2
    ),
    "a mirror that is a text": _value(
        f'{LEGACY}[{REGISTRY}.mirrors]\n  "reg.corp:5000" = "http://a"\n'
    ),
    "mirrors in an array": _value(
        f'{LEGACY}[[{REGISTRY}.mirrors."reg.corp:5000"]]\n{MIRROR}',
        LEGACY + OWN_MIRROR + MIRROR,
    ),
    "mirrors in a list": _value(f'{LEGACY}[{REGISTRY}]\n  mirrors = ["http://a"]\n'),
    "a numeric password": _value(
        _login("password = 12345 # pw"), _login('password = "12345" # pw')
    ),
    "a password that is a fraction": _value(
        _login("password = 1.50"), _login('password = "1.50"')
    ),
    "a password that is true": _value(
        _login("password = true"), _login('password = "true"')
    ),
    "a password in a list": _value(
        _login('password = ["pw"]'), _login('password = "pw"')
    ),
    "a numeric user": _value(
        f'{TREE}[{HOST}.auth]\n  username = 1000\n  password = "pw"\n',
        f'{TREE}[{HOST}.auth]\n  username = "1000"\n  password = "pw"\n',
    ),
    "a numeric auth": _value(_login("auth = 12345"), _login('auth = "12345"')),
    "a numeric token": _value(
        _login("identitytoken = 12345"), _login('identitytoken = "12345"')
    ),
    "a login inside": _value(
        f"{TREE}[{HOST}]\n  auth = {{ username = 1, password = 2 }}\n"
    ),
    "two numbers": Row(
        f"{TREE}[{HOST}.auth]\n  username = 1\n  password = 2\n",
        VALUE,
        EVERY,
        f'{TREE}[{HOST}.auth]\n  username = "1"\n  password = "2"\n',
        stops=True,
        findings=2,
    ),
    "a numeric password in auths": _value(
        f'{TREE}[{REGISTRY}.auths."https://a"]\n  password = 1\n',
        f'{TREE}[{REGISTRY}.auths."https://a"]\n  password = "1"\n',
    ),
    "auth of a host as a text": _value(
        f'{TREE}[{HOST}]\n  auth = "{ENCODED}"\n',
        f'{TREE}[{HOST}.auth]\n  auth = "{ENCODED}"\n',
    ),
    "a host that is a text": _value(f'{TREE}[{REGISTRY}.configs]\n  "a" = "pw"\n'),
    "skip_verify as a text": _value(
        _tls('insecure_skip_verify = "true"'), f"{LEGACY}[{HOST}.tls]\n{SKIP}", V1
    ),
    "skip_verify as a number": _value(
        _tls("insecure_skip_verify = 1"), _tls("insecure_skip_verify = true"), V1
    ),
    "skip_verify as a word": _value(_tls('insecure_skip_verify = "yes"'), None, V1),
    "skip_verify as a text, which 2.x ignores": Row(
        _tls('insecure_skip_verify = "true"'), Cause.SETTINGS_IGNORED, V2
    ),
    "a CA in a list": _value(
        _tls('ca_file = ["/a.crt"]'), _tls('ca_file = "/a.crt"'), V1
    ),
    "TLS that is false": _value(f"{LEGACY}[{HOST}]\n  tls = false\n", None, V1),
    "config_path in a list": _value(
        f'version = 2\n[{REGISTRY}]\n  config_path = ["${{SNAP_DATA}}/args/certs.d"]\n',
        TREE,
    ),
    "a header that is a text": _value(_TEXTS.replace('["pw"]', '"pw"'), _TEXTS),
    "a header in a list": Row(_TEXTS, None),
    "imports that are a text": _value(
        _list('imports = "/a/*.toml"'), _list('imports = ["/a/*.toml"]')
    ),
    "a key that nobody knows": Row(
        _login('password = "pw"\n  colour = 1'), Cause.UNKNOWN_KEY
    ),
    # Lists of plugins.
    "CRI by its short name": Row(
        _list('disabled_plugins = ["cri"]'),
        NAME,
        EVERY,
        _list("disabled_plugins = []"),
        stops=True,
    ),
    "CRI's short name among others": Row(
        _list('disabled_plugins = ["io.containerd.snapshotter.v1.zfs", "cri"] # x'),
        NAME,
        EVERY,
        _list('disabled_plugins = ["io.containerd.snapshotter.v1.zfs"] # x'),
        stops=True,
    ),
    "CRI's short name as a text": _value(
        _list('disabled_plugins = "cri"'), _list("disabled_plugins = []")
    ),
    "CRI's short name wanted": Row(
        _list('required_plugins = ["cri"]'),
        NAME,
        EVERY,
        _list('required_plugins = ["io.containerd.grpc.v1.cri"]'),
        stops=True,
    ),
    "CRI taken out": Row(
        _list('disabled_plugins = ["io.containerd.grpc.v1.cri"]'),
        NO_CRI,
        EVERY,
        _list("disabled_plugins = []"),
    ),
    "CRI taken out without a version": Row(
        f'disabled_plugins = ["cri"]\n[{FIRST}]\n{PATH}',
        NO_CRI,
        (*V1, V2_3, V2_4),
        f"disabled_plugins = []\n[{FIRST}]\n{PATH}",
    ),
    "a part of CRI taken out": Row(
        _list('disabled_plugins = ["io.containerd.cri.v1.images"]'),
        NO_CRI,
        V2,
        _list("disabled_plugins = []"),
    ),
    "a part that 1.x does not have": Row(
        _list('disabled_plugins = ["io.containerd.cri.v1.runtime"]'), None, V1
    ),
    "CRI on a line of its own": Row(
        _list('disabled_plugins = [\n  "io.containerd.grpc.v1.cri",\n]'), NO_CRI
    ),
    "another plugin taken out": Row(
        _list('disabled_plugins = ["io.containerd.snapshotter.v1.zfs"]'), None
    ),
    # A login where nobody looks.
    "a login in auths of configs": _elsewhere('configs.auths."https://reg.corp:5000"'),
    "a login in auth of configs": _elsewhere('configs.auth."reg.corp:5000"'),
    "a login without auth": _elsewhere('configs."reg.corp:5000"'),
    "a login in auths of a host": _elsewhere('configs."reg.corp:5000".auths'),
    "a login among TLS settings": _elsewhere('configs."reg.corp:5000".login'),
    "a login in auth": _elsewhere('auth."https://reg.corp:5000"'),
    "a login of a mirror's": Row(
        LEGACY + OWN_MIRROR + MIRROR + f"[{OWN_MIRROR[1:-2]}.auth]\n{LOGIN}",
        KEY,
        EVERY,
        LEGACY + OWN_MIRROR + MIRROR + f"[{HOST}.auth]\n{LOGIN}",
    ),
    "a login of another mirror": Row(
        LEGACY
        + OWN_MIRROR
        + '  endpoint = ["http://m.corp"]\n'
        + f"[{OWN_MIRROR[1:-2]}.auth]\n{LOGIN}",
        KEY,
    ),
    "a login beside an endpoint": Row(LEGACY + OWN_MIRROR + MIRROR + LOGIN, KEY),
    "a login for nobody": Row(f"{TREE}{LOGIN}", KEY),
    "a login beside the right one": Row(AUTH + f"[{HOST}]\n{LOGIN}", KEY),
    "a login and TLS below it": Row(
        f"{LEGACY}[{HOST}]\n{LOGIN}[{HOST}.tls]\n{SKIP}",
        KEY,
        V1,
        f"{LEGACY}[{HOST}.auth]\n{LOGIN}[{HOST}.tls]\n{SKIP}",
    ),
    # A login that cannot be read.
    "auth in plain text": Row(
        f'{TREE}[{HOST}.auth]\n  auth = "me:pw" # pw\n',
        VALUE,
        EVERY,
        f'{TREE}[{HOST}.auth]\n  username = "me"\n  password = "pw" # pw\n',
    ),
    "auth in plain text with escapes": Row(
        f'{TREE}[{HOST}.auth]\n  auth = "me\\\\:pw\\":\\u00e4&/1"\n',
        VALUE,
        EVERY,
        f'{TREE}[{HOST}.auth]\n  username = "me\\\\"\n  password ='
        ' "pw\\":\\u00e4&/1"\n',
    ),
    "auth with a colon in an escape": Row(
        f'{TREE}[{HOST}.auth]\n  auth = "me\\u003apw:1"\n', VALUE
    ),
    "auth that is a token": Row(f'{TREE}[{HOST}.auth]\n  auth = "pw_12345"\n', VALUE),
    "auth without padding": Row(
        f'{TREE}[{HOST}.auth]\n  auth = "{ENCODED.rstrip("=")}"\n', VALUE
    ),
    "auth without a colon": Row(f'{TREE}[{HOST}.auth]\n  auth = "YWJj"\n', VALUE),
    "two in plain text": Row(
        "".join(
            f'{above}.auth]\n  auth = "me:pw"\n'
            for above in (f"{TREE}[{HOST}", f'[{REGISTRY}.configs."a.b"')
        ),
        VALUE,
        EVERY,
        "".join(
            f"{above}.auth]\n{LOGIN}"
            for above in (f"{TREE}[{HOST}", f'[{REGISTRY}.configs."a.b"')
        ),
        findings=2,
    ),
    "auth in base64": Row(f'{TREE}[{HOST}.auth]\n  auth = "{ENCODED}"\n', None),
    "auth behind a user name": Row(_login('auth = "me:pw"'), None),
}
CASES = [
    pytest.param(row, version, id=f"{name}-{version}")
    for name, row in ROWS.items()
    for version in row.versions
]


@pytest.mark.parametrize(("row", "version"), CASES)
def test_values_and_logins(row: Row, version: Version, tmp_path: Path) -> None:
    file = tmp_path / "t.toml"
    found = lint_template(Template(row.text, str(file)), None, version)
    assert {each.cause for each in found} == (
        set() if row.cause is None else {row.cause}
    ), found
    assert len(found) == (0 if row.cause is None else row.findings)
    assert not any(secret in repr(found) for secret in ("pw", "12345", ENCODED))
    assert all(("does not start" in each.why) == row.stops for each in found)
    if row.cause in (KEY, VALUE) and not row.stops and "reg.corp:5000" in row.text:
        assert {each.registry for each in found} <= {"reg.corp:5000", "a.b"}
    (command,) = {each.remedy.command for each in found} or {""}
    assert bool(command) == (row.after is not None)
    if row.after is not None:
        file.write_text(row.text)
        _run(command)
        assert file.read_text() == row.after
        after = Template(row.after, str(file))
        assert not wrong_values(after, version)
        assert not wrong_lists(after, version)


def _run(command: str) -> None:
    """Run a command that is shown, without its restart."""
    here = command.replace("sudo ", "").replace(RESTART.replace("sudo ", ""), ":")
    type_in(here)


def test_a_value_beside_config_path_goes_with_its_table() -> None:
    """One command takes the table out; another would count lines that have moved."""
    text = TREE + OWN_MIRROR + '  endpoint = "http://a"\n'
    (found,) = lint_template(Template(text, "/t.toml"), None, V1_7)
    assert found.cause is Cause.MIRRORS_BESIDE_CONFIG_PATH


PLACES = strategies.sampled_from(
    [
        f'[{REGISTRY}.mirrors."a.b"]\n  endpoint',
        f"[{HOST}.auth]\n  password",
        f"[{HOST}.auth]\n  auth",
        f"[{HOST}.tls]\n  insecure_skip_verify",
        f"[{HOST}.tls]\n  ca_file",
        f"[{HOST}]\n  auth",
        f"[{HOST}]\n  username",
        f"[{REGISTRY}.headers]\n  X",
        f"[{CRI}.x]\n  disabled_plugins",
    ]
)
TEXTS = strategies.text(alphabet="aB1:/= .,'\"\\#&|\t\u00e4", max_size=12)
VALUES = strategies.one_of(
    TEXTS,
    strategies.lists(TEXTS, max_size=3),
    strategies.booleans(),
    strategies.integers(-9, 10**12),
)


@given(PLACES, VALUES, strategies.sampled_from((V1_6, V1_7, V2_1, V2_4)))
def test_every_command_mends(
    tmp_path_factory: pytest.TempPathFactory, place: str, value: Any, version: Version
) -> None:
    """Whatever a value is, after the command that is shown it is no fault, and the
    file holds the same text.
    """
    file = tmp_path_factory.getbasetemp() / "t.toml"
    text = f"{LEGACY}{place} = {toml_writing.scalar(value)}\n"
    found = lint_template(Template(text, str(file)), None, version)
    commands = {each.remedy.command for each in found if each.cause is VALUE} - {""}
    for command in commands:
        file.write_text(text)
        _run(command)
        after = Template(file.read_text(), str(file))
        assert not wrong_values(after, version)
        left = [e for e in lint_template(after, None, version) if e.cause is VALUE]
        assert not left or all(each.explains for each in left)
