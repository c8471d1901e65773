"""What is saved, for elsewhere: every format, with secrets and without, and read
back again.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from private_registry.changes.export import (
    FORMATS,
    Export,
    as_hosts,
    as_launch_config,
    as_toml,
)
from private_registry.imports import certs_d, k3s_yaml, yaml_text
from private_registry.imports.directory_tree import ImportedDirectory
from private_registry.registries.credentials import as_given
from private_registry.registries.mirror_urls import Endpoint
from private_registry.registries.model import (
    Credentials,
    DesiredState,
    Mirror,
    Registry,
    Tls,
)
from private_registry.registries.names import DOCKER_HUB, RegistryName
from private_registry.registries.registries_toml import from_toml
from unit import strategies
from unit.microk8s import Microk8s, ok
from unit.pki import Pki

PASSWORD = "hunter2-s3cr3t"


def _no_files(kind: str, name: str) -> str:
    raise AssertionError((kind, name))


def _secrets(state: DesiredState) -> Dict[str, str]:
    """Return what a placeholder may stand for, by the address that notes name."""
    found = {}
    for registry in state.registries:
        addresses: List[Tuple[str, Any]] = [(str(registry.name), registry)]
        addresses += [
            (each.endpoint.url.partition("://")[2], each) for each in registry.mirrors
        ]
        for address, each in addresses:
            if each.credentials:
                found[f"the password for {address}"] = as_given(
                    each.credentials.password
                )
            if each.tls.client:
                found[f"the client key for {address}"] = each.tls.client.key
    return found


# --- round trips ----------------------------------------------------------------------


@settings(max_examples=strategies.examples(50))
@given(strategies.states)
def test_toml_with_secrets_reads_back_as_the_state(state: DesiredState) -> None:
    export = as_toml(state, with_secrets=True)
    assert from_toml(export.text, "x", _no_files) == state
    assert export.notes == ()


@settings(max_examples=strategies.examples(50))
@given(strategies.states)
def test_toml_without_secrets_reads_back_once_they_are_given(
    state: DesiredState,
) -> None:
    addresses = [str(each.name) for each in state.registries]
    addresses += [
        m.endpoint.url.partition("://")[2] for r in state.registries for m in r.mirrors
    ]
    assume(len(set(addresses)) == len(addresses))
    export = as_toml(state, with_secrets=False)
    given_for = {}
    for note in export.notes:
        what, _, meaning = note.partition(": ")[2].partition(": ")
        name = what.replace(" beside it", "").rpartition(" ")[2]
        assert name not in given_for
        given_for[name] = _secrets(state)[meaning]
    assert from_toml(export.text, "x", lambda _, name: given_for[name]) == state


def _tree(export: Export) -> Tuple[Dict[str, ImportedDirectory], Dict[str, str]]:
    contents = {each.path: each.content for each in export.files}
    names = {path.rpartition("/")[0] for path in contents}
    tree = {
        name: ImportedDirectory(
            name,
            [
                path.rpartition("/")[2]
                for path in contents
                if path.startswith(f"{name}/")
            ],
            contents[f"{name}/hosts.toml"],
        )
        for name in names
    }
    return tree, contents


def _as_hosts_say(registry: Registry) -> Registry:
    """Return what of a registry hosts.toml can hold: no logins, and nothing of one
    never asked.
    """
    mirrors = tuple(each._replace(credentials=None) for each in registry.mirrors)
    if not registry.fallback:
        return Registry(registry.name, mirrors=mirrors, fallback=False)
    return registry._replace(mirrors=mirrors, credentials=None, docker=False)


def _is_its_own_mirror(registry: Registry) -> bool:
    return any(
        each.endpoint.authority == registry.name.server for each in registry.mirrors
    )


@settings(max_examples=strategies.examples(50))
@given(strategies.states)
def test_a_tree_reads_back_as_the_state_without_logins(state: DesiredState) -> None:
    assume(not any(_is_its_own_mirror(each) for each in state.registries))
    tree, contents = _tree(as_hosts(state, with_secrets=True))
    imported = certs_d.read(tree, lambda _, name: contents[name])
    expected = {each.name: _as_hosts_say(each) for each in state.registries}
    assert {each.name: each for each in imported.state.registries} == expected
    assert imported.notes == ()


@settings(max_examples=strategies.examples(50))
@given(strategies.states)
def test_a_tree_without_secrets_has_no_key_and_no_file_that_is_not_there(
    state: DesiredState,
) -> None:
    export = as_hosts(state, with_secrets=False)
    tree, contents = _tree(export)
    imported = certs_d.read(tree, lambda _, name: contents[name])
    assert not any(each.secret for each in export.files)
    assert not any(each.tls.client for each in imported.state.registries)
    settings_of = [each.tls for each in state.registries]
    settings_of += [
        each.tls for registry in state.registries for each in registry.mirrors
    ]
    clients = sum(each.client is not None for each in settings_of)
    assert export.text.count("# left out: the client certificate") == clients


@settings(max_examples=strategies.examples(50))
@given(strategies.states, st.booleans())
def test_a_launch_configuration_holds_the_same_hosts_toml(
    state: DesiredState, with_secrets: bool
) -> None:
    document = yaml.safe_load(as_launch_config(state, with_secrets=with_secrets).text)
    hosts = as_hosts(state, with_secrets=with_secrets)
    assert document == {
        "version": "0.2.0",
        "containerdRegistryConfigs": {
            each.path.rpartition("/")[0]: each.content
            for each in hosts.files
            if each.path.endswith("/hosts.toml")
        },
    }


_settings = st.tuples(strategies.tls_settings, strategies.secure_credentials)


def _k3s_state(
    hosts: List[Tuple[RegistryName, Tuple[Tls, Any]]],
    mirrored: Dict[RegistryName, List[int]],
) -> DesiredState:
    registries = []
    for name, (tls, credentials) in hosts:
        mirrors = tuple(
            Mirror(Endpoint("https", str(hosts[i][0])), *hosts[i][1])
            for i in dict.fromkeys(each % len(hosts) for each in mirrored.get(name, []))
            if hosts[i][0] != name
        )
        registries.append(Registry(name, False, tls, mirrors, True, credentials))
    return DesiredState(tuple(registries))


def _k3s_config(tls: Tls, credentials: Any, files: Dict[str, str]) -> Dict[str, Any]:
    def file(text: str) -> str:
        name = f"file-{len(files)}"
        files[name] = text
        return name

    plain: Dict[str, Any] = {"insecure_skip_verify": tls.skip_verify}
    if tls.ca is not None:
        plain["ca_file"] = file(tls.ca)
    if tls.client is not None:
        plain["cert_file"] = file(tls.client.certificate)
        plain["key_file"] = file(tls.client.key)
    config: Dict[str, Any] = {"tls": plain}
    if credentials is not None:
        config["auth"] = {
            "username": credentials.username,
            "password": as_given(credentials.password),
        }
    return config


_hub_free = strategies.names.filter(lambda name: name.host != DOCKER_HUB)


@given(
    st.lists(
        st.tuples(_hub_free, _settings), max_size=4, unique_by=lambda each: each[0]
    ),
    st.data(),
)
def test_k3s_file_of_a_state_reads_back_as_the_state(
    hosts: List[Tuple[RegistryName, Tuple[Tls, Any]]], data: st.DataObject
) -> None:
    mirrored = {
        name: data.draw(st.lists(st.integers(0, 3), min_size=1, max_size=3))
        for name, _ in hosts
    }
    state = _k3s_state(hosts, mirrored)
    files: Dict[str, str] = {}
    document = {
        "mirrors": {
            str(each.name): {
                "endpoint": (
                    [m.endpoint.url for m in each.mirrors] + [f"https://{each.name}"]
                )
            }
            for each in state.registries
        },
        "configs": {str(name): _k3s_config(*given, files) for name, given in hosts},
    }
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True)
    parsed = yaml_text.parse(text, "f")
    imported = k3s_yaml.read(
        parsed.plain, "f", lambda _, name: files[name], parsed.lines
    )
    assert imported.state == state
    assert imported.notes == ()


def test_what_a_block_cannot_give_back_is_quoted() -> None:
    from private_registry.changes.export import _yaml_text  # noqa: PLC0415

    for text in (
        "",
        " a\n",
        "a",
        "a\n\n",
        "a\n\tb\n",
        "ä\n",
        "a\r\n",
        "a\n\nb\n",
        "a: |\n  b\n",
    ):
        assert yaml.safe_load(f"x:\n  y: {_yaml_text(text)}\n") == {"x": {"y": text}}


# --- no secret ------------------------------------------------------------------------


@pytest.mark.parametrize("name", FORMATS)
def test_no_secret_without_being_asked(name: str, pki: Pki) -> None:
    from private_registry.registries.model import ClientCertificate  # noqa: PLC0415

    tls = Tls(client=ClientCertificate(pki.client.pem, pki.client.key))
    login = Credentials("ann", PASSWORD)
    mirror = Mirror(Endpoint("https", "m.corp"), tls, login)
    state = DesiredState(
        (Registry(RegistryName("a.corp"), False, tls, (mirror,), True, login),)
    )
    export = FORMATS[name](state, with_secrets=False)
    shown = export.text + "\n".join(export.notes)
    assert PASSWORD not in shown
    assert not any(line in shown for line in pki.client.key.splitlines()[1:-1])
    assert len(export.notes) == 4
    assert "PRIVATE KEY" not in shown


# --- the command ----------------------------------------------------------------------


@pytest.fixture
def filled(microk8s: Microk8s, client_options: List[str]) -> Microk8s:
    ok(microk8s.run("enable", "--registry", "reg.corp:5000", *client_options))
    ok(microk8s.run("plugin", "add", "--mirror", "docker.io=https://harbor.corp/proxy"))
    return microk8s


def test_export_changes_nothing_and_prints_registries_toml(filled: Microk8s) -> None:
    before = filled.tree()
    result = ok(filled.run("plugin", "export"))
    assert filled.tree() == before
    assert 'client_key_file = "reg-corp-5000.key"' in result.stdout
    assert "note: left out" in result.stderr


@pytest.mark.parametrize("name", FORMATS)
def test_what_was_exported_can_be_applied(
    filled: Microk8s, tmp_path: Path, name: str
) -> None:
    before = filled.tree()
    target = tmp_path / "out"
    options = ["--format", name, "--with-secrets", "--output", str(target)]
    ok(filled.run("plugin", "export", *options))
    if name == "launch-config":
        assert (
            "reg.corp:5000"
            in yaml.safe_load(target.read_text())["containerdRegistryConfigs"]
        )
        return
    ok(filled.run("disable"))
    option = "--import" if name == "hosts" else "--file"
    ok(filled.run("enable", option, str(target)))
    after = filled.tree()
    assert {path for path in after if "certs.d" in path} == {
        p for p in before if "certs.d" in p
    }
    assert all(after[path] == before[path] for path in after if "certs.d" in path)


def test_a_tree_is_written_with_keys_for_their_owner_only(
    filled: Microk8s, tmp_path: Path
) -> None:
    target = tmp_path / "out"
    options = ["--format", "hosts", "--with-secrets", "--output", str(target)]
    ok(filled.run("plugin", "export", *options))
    modes = {
        str(path.relative_to(target)): stat.S_IMODE(path.stat().st_mode)
        for path in target.rglob("*")
        if path.is_file()
    }
    assert modes == {
        "docker.io/hosts.toml": 0o644,
        "reg.corp:5000/ca.crt": 0o644,
        "reg.corp:5000/client.cert": 0o644,
        "reg.corp:5000/client.key": 0o600,
        "reg.corp:5000/hosts.toml": 0o644,
    }
    again = filled.run("plugin", "export", *options)
    assert again.exit_code == 2
    assert "not an empty directory" in again.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--format", "yaml"], "no format"),
        (["--format", "toml", "--format", "toml"], "2 times"),
        (["--output", ""], "a name is missing"),
        (["--output", "there"], "is there already"),
        (["--format", "hosts", "--output", "there"], "not an empty directory"),
        (["--output", "no/such/file"], "cannot be written"),
        (["--output", "a\x00b"], "cannot be written"),
        (["--with-secret"], "no option --with-secret"),
    ],
)
def test_wrong_options_of_export(
    filled: Microk8s,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: List[str],
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").write_text("mine")
    result = filled.run("plugin", "export", *arguments)
    assert result.exit_code == 2
    assert says in result.stderr
    assert (tmp_path / "there").read_text() == "mine"


def test_hosts_on_standard_output_names_each_file(filled: Microk8s) -> None:
    text = ok(filled.run("plugin", "export", "--format", "hosts")).stdout
    headers = [line for line in text.splitlines() if line.startswith("# ==> ")]
    assert headers == [
        "# ==> reg.corp:5000/ca.crt",
        "# ==> reg.corp:5000/hosts.toml",
        "# ==> docker.io/hosts.toml",
    ]


# --- links of strangers ---------------------------------------------------------------

_STRANGER, _CALLER = 65534, 4321


class _Link(NamedTuple):
    """A link on the way, where the directory it lies in has an owner and a mode."""

    owner: int
    directory: int
    mode: int
    is_followed: bool


LINKS = {
    "a stranger's, where everybody may write": _Link(
        _STRANGER, 0, 0o1777, is_followed=False
    ),
    "a stranger's, in his own directory": _Link(
        _STRANGER, _STRANGER, 0o755, is_followed=False
    ),
    "root's, in a stranger's directory": _Link(0, _STRANGER, 0o755, is_followed=False),
    "root's, where others may put another": _Link(0, 0, 0o777, is_followed=False),
    "root's, where everybody has his own": _Link(0, 0, 0o1777, is_followed=True),
    "root's own": _Link(0, 0, 0o755, is_followed=True),
    "the caller's own": _Link(_CALLER, _CALLER, 0o775, is_followed=True),
    "the caller's, where everybody has his own": _Link(
        _CALLER, 0, 0o1777, is_followed=True
    ),
}


@pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can be led where others may not go"
)
@pytest.mark.parametrize("is_last", [True, False], ids=["at its end", "on the way"])
@pytest.mark.parametrize("name", LINKS)
def test_a_link_of_a_stranger_leads_root_nowhere(
    filled: Microk8s, tmp_path: Path, name: str, is_last: bool
) -> None:
    case = LINKS[name]
    target, directory = tmp_path / "etc", tmp_path / "shared"
    target.mkdir()
    directory.mkdir()
    (directory / "link").symlink_to(target)
    os.chown(str(directory / "link"), case.owner, case.owner, follow_symlinks=False)
    os.chown(str(directory), case.directory, case.directory)
    directory.chmod(case.mode)
    output = directory / "link" if is_last else directory / "link" / "out"
    words = ["export", "--format", "hosts", "--output", str(output)]
    result = filled.run("plugin", *words, env={"SUDO_UID": str(_CALLER)})
    if case.is_followed:
        ok(result)
        assert list(target.iterdir())
        return
    assert (result.exit_code, list(target.iterdir())) == (2, []), result
    assert "a link that somebody else may have made" in result.stderr
    assert "give a path without that link" in result.stderr
