"""--file and --import with what other programs wrote: on a whole node, and with
hostile input.
"""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
import sys
from pathlib import Path
from typing import Any, Callable, List, Optional, TypeVar

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from private_registry.errors import UsageError
from private_registry.imports import (
    certs_d,
    charm_list,
    docker_config,
    docker_daemon,
    k3s_yaml,
    launch_config,
    yaml_text,
)
from private_registry.imports.directory_tree import ImportedDirectory
from unit.microk8s import Microk8s, ok
from unit.pki import Pki

Value = TypeVar("Value")
SECRET = "hunter2-s3cr3t"
LOGIN = base64.b64encode(f"ann:{SECRET}".encode()).decode()
CONFIG = json.dumps(
    {"auths": {"reg.corp": {"auth": LOGIN}, "b.corp": {}}, "credsStore": "x"}
)
K3S = (
    'mirrors:\n  "10.0.0.1:5000":\n    endpoint: ["http://10.0.0.1:5000"]\n    extra:'
    " 1\nconfigs:\n  reg.corp:\n    tls: {ca_file: ca.crt}\n    auth: {token:"
    f" {SECRET}}}\n"
)


def _saved(microk8s: Microk8s) -> List[Any]:
    text = ok(microk8s.run("plugin", "list", "--json")).stdout
    registries: List[Any] = json.loads(text)["registries"]
    return registries


def test_k3s_file_is_added_and_files_are_looked_for_beside_it(
    microk8s: Microk8s, pki: Pki, tmp_path: Path
) -> None:
    (tmp_path / "ca.crt").write_text(pki.authority.pem)
    source = tmp_path / "registries.yaml"
    source.write_text(K3S)
    before = microk8s.tree()
    result = ok(microk8s.run("enable", "--file", str(source)))
    assert (
        f"note: {source}, line 4: mirrors.10.0.0.1:5000.extra: this addon"
        in result.stdout
    )
    assert microk8s.hosts("10.0.0.1:5000")["server"] == "http://10.0.0.1:5000"
    assert (microk8s.certs_d / "reg.corp" / "ca.crt").read_text() == pki.authority.pem
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


@pytest.mark.parametrize("command", [["enable"], ["plugin", "apply"]])
@pytest.mark.parametrize(
    "options", [[], ["--json"], ["--dry-run"], ["--dry-run", "--json"]]
)
@pytest.mark.parametrize("text", [CONFIG, K3S.replace("{ca_file: ca.crt}", "")])
def test_notes_are_told_everywhere_and_secrets_nowhere(
    microk8s: Microk8s, command: List[str], options: List[str], text: str
) -> None:
    arguments = [*command[1:], "--file", "-", *options, "--no-restart"]
    result = ok(microk8s.run(command[0], *arguments, stdin=text.encode()))
    if "--json" in options:
        assert json.loads(result.stdout)["notes"]
    else:
        assert "note: standard input" in result.stdout
    assert SECRET not in result.stdout + result.stderr
    assert LOGIN not in result.stdout + result.stderr


def test_a_missing_file_is_told_with_its_key(
    microk8s: Microk8s, tmp_path: Path
) -> None:
    source = tmp_path / "registries.yaml"
    source.write_text(K3S)
    result = ok(microk8s.run("enable", "--file", str(source)))
    place = f"note: {source}, line 7: configs.reg.corp.tls.ca_file: "
    assert f"{place}{tmp_path}/ca.crt cannot be read: no such file" in result.stdout
    assert [each["host"] for each in _saved(microk8s)] == ["10.0.0.1:5000"]


def test_a_missing_file_is_an_error_where_nothing_else_is_taken(
    microk8s: Microk8s, tmp_path: Path
) -> None:
    source = tmp_path / "registries.yaml"
    source.write_text(K3S[K3S.index("configs:") :])
    before = microk8s.tree()
    for command in (["enable"], ["plugin", "apply"]):
        result = microk8s.run(*command, "--file", str(source))
        assert result.exit_code == 2
        assert "ca.crt cannot be read" in result.stderr
        assert f"{source}, line 3, configs.reg.corp.tls.ca_file" in result.stderr
    assert microk8s.tree() == before


def test_logins_of_docker_leave_the_rest_of_a_registry_alone(
    microk8s: Microk8s, client_options: List[str]
) -> None:
    ok(microk8s.run("enable", "--registry", "reg.corp", *client_options))
    added = ["add", "--file", "-", "--no-restart"]
    ok(microk8s.run("plugin", *added, stdin=CONFIG.encode()))
    (saved,) = _saved(microk8s)
    assert (saved["username"], saved["ca"], saved["client_certificate"]) == (
        "ann",
        True,
        True,
    )


def test_addresses_of_docker_leave_the_rest_of_a_registry_alone(
    microk8s: Microk8s,
) -> None:
    ok(
        microk8s.run(
            "enable", "--registry", "a.corp", "--mirror", "a.corp=https://m.corp"
        )
    )
    text = (
        '{"insecure-registries": ["a.corp"], "registry-mirrors": ["https://hub.corp"]}'
    )
    ok(microk8s.run("plugin", "add", "--file", "-", stdin=text.encode()))
    own, hub = _saved(microk8s)
    assert (own["insecure"], own["mirrors"][0]["url"]) == (True, "https://m.corp")
    assert (hub["host"], hub["mirrors"][0]["url"]) == ("docker.io", "https://hub.corp")


def test_the_nodes_own_tree_can_be_taken_over_and_given_back(
    microk8s: Microk8s, pki: Pki
) -> None:
    ca = microk8s.write("args/certs.d/hand.corp/my-ca.crt", pki.authority.pem)
    text = f'[host."https://hand.corp"]\nca = "{ca}"\ndial_timeout = "3s"\n'
    microk8s.write("args/certs.d/hand.corp/hosts.toml", text)
    before = microk8s.tree()
    tree = ["--import", str(microk8s.certs_d)]
    assert microk8s.run("enable", *tree).exit_code == 3
    result = ok(microk8s.run("enable", *tree, "--adopt"))
    assert "dial_timeout: this addon has no such key" in result.stdout
    assert "is what MicroK8s ships for docker.io; left out" in result.stdout
    assert [each["host"] for each in _saved(microk8s)] == ["hand.corp"]
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


def test_logins_stay_when_a_tree_is_imported(
    microk8s: Microk8s, tmp_path: Path
) -> None:
    login = ["--username", "ann", "--password-stdin", "--no-restart"]
    ok(microk8s.run("enable", "--registry", "reg.corp", *login, stdin=SECRET.encode()))
    (tmp_path / "reg.corp").mkdir()
    (tmp_path / "reg.corp" / "hosts.toml").write_text('[host."https://m.corp"]\n')
    (tmp_path / "README").write_text("x")
    result = ok(
        microk8s.run("plugin", "add", "--import", str(tmp_path), "--no-restart")
    )
    assert f"note: {tmp_path}/README: not a directory" in result.stdout
    (saved,) = _saved(microk8s)
    assert (saved["username"], saved["mirrors"][0]["url"]) == ("ann", "https://m.corp")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--import", "missing"], "is not a directory"),
        (["--import", "/dev/null"], "is not a directory"),
        (["--import", ""], "is not a directory"),
        (["--import", "a\x00b"], "is not a directory"),
        (["--import", "/", "--file", "/dev/null"], "stands alone"),
        (["--import", "/", "--import", "/"], "2 times"),
    ],
)
@pytest.mark.parametrize("command", [["enable"], ["plugin", "apply"]])
def test_wrong_options_of_import(
    microk8s: Microk8s, command: List[str], arguments: List[str], says: str
) -> None:
    result = microk8s.run(*command, *arguments)
    assert result.exit_code == 2
    assert says in result.stderr


def test_import_stands_alone(microk8s: Microk8s, tmp_path: Path) -> None:
    for other in (["--insecure", "a.corp"], ["--skip-verify"], ["--no-credentials"]):
        result = microk8s.run("enable", "--import", str(tmp_path), *other)
        assert result.exit_code == 2
        assert "--import holds whole registries and stands alone" in result.stderr


def test_without_a_yaml_library_the_error_says_what_to_type(
    microk8s: Microk8s, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    monkeypatch.delitem(
        sys.modules, "private_registry.imports.yaml_text", raising=False
    )
    monkeypatch.delattr("private_registry.imports.yaml_text", raising=False)
    result = microk8s.run("enable", "--file", "-", stdin=b"mirrors:\n  a.corp:\n")
    assert result.exit_code == 2
    assert "has no YAML library" in result.stderr
    assert "apt-get install python3-yaml" in result.stderr


# --- hostile input --------------------------------------------------------------------

_LAUGHS = "configs:\n a: &a [x, x]\n" + "".join(
    f" {chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n"
    for i in range(20)
)
HOSTILE = [
    (_LAUGHS, "an alias (*NAME) is not taken"),
    ("mirrors: &m\n  a.corp: *m\n", "line 2"),
    ("mirrors:\n  *:\n    endpoint: []\n", "standard input, line"),
    ("mirrors: " + "[" * 100000, "nested too deeply"),
    ("mirrors: " + "{a: " * 1000, "nested too deeply"),
    ("mirrors:\n" + "#" * 1100000, "larger than 1 MiB"),
    ("mirrors:\n  a.corp:\n  a.corp:\n", "a.corp stands there twice"),
    ("mirrors:\n  ? [a]\n  : b\n", "a key must be a text"),
    ("mirrors:\n  ~: b\n", "a key must be a text"),
    ("mirrors:\n  5: {}\n", "mirrors.5"),
    ("mirrors: !!python/object:os.system x\n", "the tag"),
    ("mirrors: !!binary aGk=\n", "the tag"),
    ("mirrors: {}\n---\nmirrors: {}\n", "a second document"),
    ("mirrors:\n  a.corp: {\n", "not YAML"),
    ("mirrors:\n\ta: b\n", "not YAML"),
    ("mirrors: \x01\n", "not YAML"),
    ("mirrors: text\n", "line 1, mirrors"),
    ("mirrors: [a]\n", "must be keys with values"),
    ("mirrors:\n  a.corp: [x]\n", "line 2, mirrors.a.corp"),
    ("mirrors:\n  a.corp: {endpoint: x}\n", "mirrors.a.corp.endpoint"),
    ("mirrors:\n  a.corp: {endpoint: [[x]]}\n", "must be a list of texts"),
    ("mirrors:\n  a.corp: {endpoint: [ftp://x]}\n", "registry's protocol"),
    (
        f"mirrors:\n  a.corp: {{endpoint: ['https://u:{SECRET}@x']}}\n",
        "user name or password",
    ),
    ("mirrors:\n  a.corp: {endpoint: ['https://x/../y']}\n", "mirrors.a.corp.endpoint"),
    ("mirrors:\n  a.corp: {rewrite: [a]}\n", "mirrors.a.corp.rewrite"),
    ("mirrors:\n  a.corp: {rewrite: {a: [b]}}\n", "mirrors.a.corp.rewrite.a"),
    ("mirrors:\n  ../../etc: {endpoint: [x]}\n", "mirrors.../../etc"),
    ("mirrors:\n  'a\\n.corp': {endpoint: [x.corp]}\n", "not a host name"),
    ('mirrors:\n  "a\\n.corp": {endpoint: [x.corp]}\n', "not a host name"),
    ("configs: 5\n", "configs"),
    ("configs:\n  ../x: {}\n", "configs.../x"),
    ("configs:\n  a.corp: {tls: x}\n", "configs.a.corp.tls"),
    ("configs:\n  a.corp: {tls: {insecure_skip_verify: maybe}}\n", "true or false"),
    ("configs:\n  a.corp: {tls: {insecure_skip_verify: [x]}}\n", "true or false"),
    ("configs:\n  a.corp: {tls: {ca_file: [x]}}\n", "configs.a.corp.tls.ca_file"),
    ("configs:\n  a.corp: {tls: {ca_file: no.crt}}\n", "no.crt cannot be read"),
    ("configs:\n  a.corp: {tls: {cert_file: /dev/null}}\n", "a directory or device"),
    (f"configs:\n  a.corp: {{auth: {SECRET}}}\n", "configs.a.corp.auth"),
    (f"configs:\n  a.corp: {{auth: {{auth: {SECRET}}}}}\n", "base64"),
    (
        f"configs:\n  a.corp: {{auth: {{username: 'a:b', password: {SECRET}}}}}\n",
        "colon",
    ),
    (
        f'configs:\n  a.corp: {{auth: {{username: a, password: "{SECRET}\\ex"}}}}\n',
        "control character",
    ),
    ("[]", "not TOML, and not k3s'"),
    ('[{"host": "a.corp"}]', "not TOML, and not k3s'"),
    ('[{"url": 5}]', "1.url"),
    (f'[{{"url": "https://u:{SECRET}@a.corp"}}]', "user name or password"),
    (f'[{{"url": "https://a.corp", "key_file": "{SECRET}"}}]', "base64"),
    ("containerdRegistryConfigs: [x]\n", "containerdRegistryConfigs"),
    ("containerdRegistryConfigs:\n  a.corp: {x: y}\n", "must be a text"),
    ("containerdRegistryConfigs:\n  ../x: 'server = 5'\n", "../x"),
    (f"containerdRegistryConfigs:\n  a.corp: '{SECRET}'\n", "not TOML"),
    ("mirrros:\n  a.corp:\n", "standard input, line 1|did you mean mirrors?"),
    ("", "nothing stands in it"),
    ("other: 5\n", "not TOML, and not k3s'"),
    ("- a\n", "not TOML, and not k3s'"),
    ("{}", "not TOML, and not k3s'"),
    ('{"other": 5}', "not TOML, and not k3s'"),
    ("{", "not JSON"),
    (f'{{"auths": {{"a.corp": {{"auth": "{SECRET}", }}}}}}', "not JSON"),
    ('{"auths": {}, "auths": {}}', "auths stands there twice"),
    ('{"auths": ' + "[" * 100000, "nested too deeply|not JSON"),
    ('{"debug": ' + "9" * 10000 + "}", "too long|"),
    ('{"auths": []}', "auths"),
    ('{"auths": {"a.corp": 5}}', "auths.a.corp"),
    ('{"auths": {"a.corp": {"auth": 5}}}', "auths.a.corp.auth"),
    (f'{{"auths": {{"a.corp": {{"auth": "{SECRET}"}}}}}}', "base64"),
    (
        f'{{"auths": {{"a.corp": {{"username": "\\ud800", "password": "{SECRET}"}}}}}}',
        "UTF-8",
    ),
    (f'{{"auths": {{"https://u:{SECRET}@a/": {{"auth": "{LOGIN}"}}}}}}', "..."),
    (f'{{"auths": {{"../x": {{"auth": "{LOGIN}"}}}}}}', "auths.../x"),
    (f'{{"auths": {{"\\ud800": {{"auth": "{LOGIN}"}}}}}}', "ASCII"),
    ('{"credHelpers": 5, "auths": {}}', "credHelpers"),
    ('{"insecure-registries": "a.corp"}', "insecure-registries"),
    ('{"insecure-registries": [5]}', "must be a list of texts"),
    ('{"insecure-registries": ["$(id)"]}', "not a host name"),
    ('{"registry-mirrors": [{}]}', "registry-mirrors"),
    ('{"registry-mirrors": ["m.corp"]}', "needs http:// or https://"),
    (f'{{"registry-mirrors": ["https://u:{SECRET}@m.corp"]}}', "user name or password"),
]


@pytest.mark.parametrize(
    ("text", "says"), HOSTILE, ids=[ascii(each[0])[:60] for each in HOSTILE]
)
def test_hostile_files_are_refused_with_their_place(
    microk8s: Microk8s, text: str, says: str
) -> None:
    before = microk8s.tree()
    result = microk8s.run("enable", "--file", "-", stdin=text.encode())
    output = result.stdout + result.stderr
    if "999" not in text:
        assert result.exit_code == 2, output
        assert "standard input" in result.stderr
        assert microk8s.tree() == before
    assert any(each in output for each in says.split("|")), output
    assert "Traceback" not in output
    assert SECRET not in output
    assert len(result.stderr.splitlines()) <= 3


TREES = [
    ("server = 5", "server: must be|server"),
    ("host = 5", "host"),
    ("[[host]]", "host"),
    ("[host]\n'https://a' = 5", "host.https://a"),
    ("[host.'https://a'\n", "not TOML"),
    ("[host.'https://a.corp']\ncapabilities = 'pull'", "capabilities"),
    ("[host.'https://a.corp']\ncapabilities = ['fly']", "fly is no capability"),
    ("[host.'https://a.corp']\nskip_verify = 'maybe'", "skip_verify"),
    # containerd throws the whole file away, however plain what is meant.
    (
        "[host.'https://a.corp']\nskip_verify = 'true'",
        "line 2, host.https://a.corp.skip",
    ),
    ("[host.'https://a.corp']\n[host.\"https://a.corp\"]", "is there twice"),
    ("[host.'https://a.corp']\nca = 5", "ca"),
    ("[host.'https://a.corp']\nca = ['missing']", "cannot be read"),
    ("[host.'https://a.corp']\nclient = 5", "client"),
    ("[host.'https://a.corp']\nclient = [['a','b','c']]", "pairs"),
    ("[host.'https://a.corp']\nclient = [[]]", "pairs"),
    ("[host.'https://a.corp']\noverride_path = 5", "override_path"),
    ("[host.'https://a.corp/../b']", "path of"),
    (f"[host.'https://u:{SECRET}@a.corp']", "user name or password"),
    ("[host.'HTTP://a.corp']", "host"),
    ("[host.'']", "host"),
]


@pytest.mark.parametrize(
    ("text", "says"), TREES, ids=[ascii(each[0])[:60] for each in TREES]
)
def test_hostile_trees_are_refused_with_their_place(
    microk8s: Microk8s, tmp_path: Path, text: str, says: str
) -> None:
    directory = tmp_path / "a.corp"
    directory.mkdir()
    (directory / "hosts.toml").write_text(text)
    result = microk8s.run("enable", "--import", str(tmp_path))
    assert result.exit_code == 2, result
    assert f"{directory}/hosts.toml" in result.stderr
    assert any(each in result.stderr for each in says.split("|"))
    assert SECRET not in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "name", ["..%2f", "a b.corp", "a\nb.corp", "-", "a.corp_99999_", "ü.corp"]
)
def test_odd_directories_are_left_out_with_a_note(
    microk8s: Microk8s, tmp_path: Path, name: str
) -> None:
    for each in (name, "b.corp"):
        (tmp_path / each).mkdir()
        (tmp_path / each / "hosts.toml").write_text("[host.'https://a.corp']")
    tree = ["--import", str(tmp_path), "--dry-run"]
    result = ok(microk8s.run("enable", *tree))
    assert "left out" in result.stdout
    assert "b.corp: https://a.corp, then itself (HTTPS)\n" in result.stdout
    assert result.stdout.count("then itself") == 1
    shutil.rmtree(str(tmp_path / "b.corp"))
    alone = microk8s.run("enable", *tree)
    assert alone.exit_code == 2
    assert "nothing of it can be carried over" in alone.stderr
    shutil.rmtree(str(tmp_path / name))


_keys = st.sampled_from(
    [
        *(
            "mirrors",
            "configs",
            "endpoint",
            "rewrite",
            "auth",
            "tls",
            "username",
            "password",
        ),
        *(
            "auths",
            "credHelpers",
            "credsStore",
            "insecure-registries",
            "registry-mirrors",
        ),
        *(
            "a.corp",
            "docker.io",
            "*",
            "10.0.0.1:5000",
            "../x",
            "ca_file",
            "identitytoken",
        ),
        *(
            "server",
            "host",
            "capabilities",
            "client",
            "ca",
            "https://a.corp",
            "http://b/v2/c",
        ),
        *("^(.*)$", "", "\x00", "x"),
    ]
)
_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | _keys
    | st.just("p/$1")
    | st.text(),
    lambda below: st.lists(below, max_size=3)
    | st.dictionaries(_keys, below, max_size=4),
    max_leaves=20,
)
_configs = st.fixed_dictionaries(
    {},
    optional={
        key: st.dictionaries(_keys, _values, max_size=3)
        for key in ("mirrors", "configs")
    },
)


def _nothing(kind: str, name: str) -> str:
    raise UsageError(f"{name} cannot be read")


def _unless_refused(read: Callable[[], Value]) -> Optional[Value]:
    """Return what was read, or None where it was refused in the way that users may
    see.
    """
    with contextlib.suppress(UsageError):
        return read()
    return None


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(_values | _configs)
@example({"mirrors": {"*": {"endpoint": ["https://a.corp/v2", "a.corp"]}}})
def test_no_document_is_a_bug(plain: Any) -> None:
    for read in (
        *(k3s_yaml.read, docker_config.read, docker_daemon.read),
        *(launch_config.read, charm_list.read),
    ):
        imported = _unless_refused(lambda read=read: read(plain, "f", _nothing))  # type: ignore[misc]
        assert all(
            note.startswith("f") for note in (imported.notes if imported else ())
        )


@given(st.text() | st.text("[]{}:,-*&!|>'\"# \nab~?%@\t"))
def test_no_yaml_text_is_a_bug(text: str) -> None:
    parsed = _unless_refused(lambda: yaml_text.parse(text, "f"))
    assert all(line > 0 for line in (parsed.lines.values() if parsed else ()))


@given(
    st.sampled_from(["a.corp", "_default", "docker.io", "a.corp_80_", "..", "x", ""]),
    st.lists(st.sampled_from(["ca.crt", "a.cert", "a.key", "b.key", "x"]), unique=True),
    st.none() | st.text(max_size=30),
)
def test_no_directory_is_a_bug(name: str, files: List[str], text: Any) -> None:
    tree = {name: ImportedDirectory("f", files, text)}
    imported = _unless_refused(lambda: certs_d.read(tree, lambda _, name: name))
    assert imported is None or len(imported.state.registries) <= 1
