"""Files of other programs: samples, what comes of them and what is said to be left
out.
"""

from __future__ import annotations

import base64
import json
from typing import Dict, NamedTuple, Tuple

import pytest

from private_registry.errors import UsageError
from private_registry.imports import (
    certs_d,
    docker_config,
    docker_daemon,
    k3s_yaml,
    yaml_text,
)
from private_registry.imports.directory_tree import ImportedDirectory
from private_registry.imports.document import Imported
from private_registry.imports.formats import Format, format_of_json, format_of_text
from private_registry.registries.registries_toml import from_toml

SECRET = "hunter2-s3cr3t"
LOGIN = base64.b64encode(f"ann:{SECRET}".encode()).decode()


def read_outside(kind: str, name: str) -> str:
    assert kind == "file"
    if "missing" in name:
        raise UsageError(f"{name} cannot be read")
    return f"PEM {name}\n"


class Sample(NamedTuple):
    """What somebody has, what it is here as registries.toml, and how its notes
    begin.
    """

    id: str
    text: str
    expected: str
    notes: Tuple[str, ...] = ()


def _registry(host: str, *lines: str) -> str:
    return "\n".join(("[[registry]]", f'host = "{host}"', *lines, ""))


def _mirror(url: str, *lines: str) -> str:
    return "\n".join(("[[registry.mirror]]", f'url = "{url}"', *lines, ""))


def _ca(name: str) -> str:
    return f'ca = """\nPEM {name}\n"""'


_LOGIN_TOML = ('username = "ann"', f'password = "{SECRET}"')

K3S = [
    Sample(
        "a mirror of Docker Hub",
        "mirrors:\n  docker.io:\n    endpoint:\n      - https://mirror.corp:5000\n",
        _registry("docker.io") + _mirror("https://mirror.corp:5000"),
    ),
    Sample(
        "a plain HTTP registry",
        'mirrors:\n  "10.0.0.1:5000":\n    endpoint:\n      - "http://10.0.0.1:5000"\n',
        _registry("10.0.0.1:5000", "insecure = true"),
    ),
    Sample(
        "a registry with TLS and login",
        "mirrors:\n  reg.corp:\n    endpoint: [https://reg.corp]\n"
        f"configs:\n  reg.corp:\n    auth: {{username: ann, password: {SECRET}}}\n"
        "    tls: {ca_file: ca.crt, cert_file: a.crt, key_file: a.key}\n",
        _registry(
            "reg.corp",
            _ca("ca.crt"),
            _ca("a.crt").replace("ca", "client_cert", 1),
            _ca("a.key").replace("ca", "client_key", 1),
            *_LOGIN_TOML,
        ),
    ),
    Sample(
        "configs alone, with base64",
        f"configs:\n  reg.corp:5000:\n    auth:\n      auth: {LOGIN}\n",
        _registry("reg.corp:5000", *_LOGIN_TOML),
    ),
    Sample(
        "a password of digits keeps its zeros",
        "configs:\n  reg.corp:\n    auth:\n      username: ann\n      password: 0123\n",
        _registry("reg.corp", 'username = "ann"', 'password = "0123"'),
    ),
    Sample(
        "Harbor with a rewrite, and its CA for both uses",
        'mirrors:\n  docker.io:\n    endpoint: ["https://harbor.corp"]\n'
        '    rewrite:\n      "^(.*)$": "proxy/$1"\n'
        "configs:\n  harbor.corp:\n    tls:\n      ca_file: harbor.crt\n",
        _registry("docker.io")
        + _mirror("https://harbor.corp/v2/proxy", _ca("harbor.crt"))
        + _registry("harbor.corp", _ca("harbor.crt")),
    ),
    Sample(
        "a rewrite behind a path, and without scheme",
        "mirrors:\n  quay.io:\n    endpoint: [harbor.corp/v2/a]\n"
        '    rewrite: {"(.*)": "b/c/${1}"}\n',
        _registry("quay.io") + _mirror("https://harbor.corp/v2/a/b/c"),
    ),
    Sample(
        "a rewrite of some names",
        'mirrors:\n  docker.io:\n    endpoint: ["https://harbor.corp"]\n'
        '    rewrite:\n      "^rancher/(.*)": "mirror/rancher/$1"\n',
        "",
        (
            "f, line 4: mirrors.docker.io.rewrite: only a prefix of every name",
            "f, line 2: mirrors.docker.io: no endpoint of it",
        ),
    ),
    Sample(
        "a path without /v2",
        "mirrors:\n  docker.io:\n    endpoint:\n    - https://a.corp/proxy\n    -"
        " https://b.corp/v2\n",
        _registry("docker.io") + _mirror("https://b.corp"),
        (
            (
                "f, line 3: mirrors.docker.io.endpoint: https://a.corp/proxy is asked"
                " there without /v2"
            ),
        ),
    ),
    Sample(
        "every registry, and k3s' embedded mirror",
        'mirrors:\n  "*":\n    endpoint: [https://cache.corp]\n  registry.k8s.io:\n',
        _registry("*") + _mirror("https://cache.corp"),
        ("f, line 4: mirrors.registry.k8s.io: no endpoint",),
    ),
    Sample(
        "Docker Hub's login is registry-1.docker.io's",
        "mirrors:\n  docker.io:\n    endpoint: [https://m.corp]\nconfigs:\n "
        f" registry-1.docker.io:\n    auth: {{username: ann, password: {SECRET}}}\n",
        _registry("docker.io", *_LOGIN_TOML) + _mirror("https://m.corp"),
    ),
    Sample(
        "what it has and this addon has not",
        "mirrors:\n  a.corp:\n    endpoints: [https://a.corp]\nconfigs:\n  '*':\n   "
        " tls: {insecure_skip_verify: true}\n  b.corp:\n    auth: {token:"
        f" {SECRET}}}\n  c.corp:\n    auth: {{identity_token: {SECRET}}}\n    tls:"
        " {ca_file: x, insecure_skip_verify: yes}\nextra: 1\n",
        _registry("c.corp", "skip_verify = true"),
        (
            "f, line 12: extra: this addon has no such key",
            "f, line 5: configs.*: settings belong to a host here",
            "f, line 8: configs.b.corp.auth.token: this addon has no such key",
            "f, line 11: configs.c.corp.tls.ca_file: with insecure_skip_verify no CA",
            "f, line 10: configs.c.corp.auth.identity_token: containerd",
            (
                "f, line 3: mirrors.a.corp.endpoints: this addon has no such key; did"
                " you mean"
            ),
            "f, line 2: mirrors.a.corp: no endpoint",
        ),
    ),
    Sample(
        "a login over plain HTTP",
        "mirrors:\n  a.corp:80:\n    endpoint: [http://a.corp:80]\n"
        f"configs:\n  a.corp:80:\n    auth: {{username: ann, password: {SECRET}}}\n",
        _registry("a.corp:80", "insecure = true"),
        ("f, line 6: configs.a.corp:80.auth: over plain HTTP everybody",),
    ),
    Sample(
        "a login over plain HTTP to a mirror, which has no TLS either",
        "mirrors:\n  docker.io:\n    endpoint: [http://a.corp:80]\nconfigs:\n "
        f" a.corp:80:\n    auth: {{username: ann, password: {SECRET}}}\n    tls:"
        " {ca_file: ca.crt}\n",
        _registry("docker.io")
        + _mirror("http://a.corp:80")
        + _registry("a.corp:80", _ca("ca.crt"), *_LOGIN_TOML),
        (
            "f, line 6: configs.a.corp:80.auth: over plain HTTP everybody",
            "f, line 7: configs.a.corp:80.tls: http://a.corp:80 speaks plain HTTP",
        ),
    ),
    Sample(
        "a host that no image can name",
        "mirrors:\n  customreg:\n    endpoint: [https://a.corp]\n",
        "",
        ("f, line 2: mirrors.customreg: the image name customreg/app means",),
    ),
]

CONFIG = [
    Sample(
        "Docker Hub and a registry",
        json.dumps(
            {
                "auths": {
                    "https://index.docker.io/v1/": {"auth": LOGIN},
                    "reg.corp:5000": {"username": "ann", "password": SECRET},
                }
            }
        ),
        _registry("docker.io", *_LOGIN_TOML) + _registry("reg.corp:5000", *_LOGIN_TOML),
    ),
    Sample(
        "Docker Desktop",
        json.dumps(
            {
                "auths": {"https://index.docker.io/v1/": {}},
                "credsStore": "desktop",
                "currentContext": "desktop-linux",
            }
        ),
        "",
        (
            "f: auths.https://index.docker.io/v1/: no password stands here",
            "f: credsStore: containerd calls no credential helper",
            "f: not about registries, left out: currentContext",
        ),
    ),
    Sample(
        "Amazon ECR",
        json.dumps({"credHelpers": {"1.dkr.ecr.eu-west-1.amazonaws.com": "ecr-login"}}),
        "",
        ("f: credHelpers.1.dkr.ecr.eu-west-1.amazonaws.com: containerd calls no",),
    ),
    Sample(
        "tokens, headers and paths",
        json.dumps(
            {
                "auths": {
                    "a.corp": {"auth": LOGIN, "identitytoken": SECRET},
                    f"https://{SECRET}@b.corp/v2/": {},
                    "https://c.corp/team": {"auth": LOGIN, "email": "a@b.c"},
                    "c.corp": {"auth": LOGIN},
                },
                "HttpHeaders": {"X": SECRET},
            }
        ).replace(f"https://{SECRET}@b.corp/v2/", "b.corp"),
        _registry("c.corp", *_LOGIN_TOML),
        (
            (
                "f: auths.a.corp.identitytoken: containerd of this addon has no"
                " identity tokens"
            ),
            "f: auths.b.corp: no password",
            "f: auths.https://c.corp/team.email: this addon has no such key",
            "f: auths.https://c.corp/team: another login for c.corp names it more",
            "f: HttpHeaders: ",
        ),
    ),
]

DAEMON = [
    Sample(
        "insecure registries and mirrors",
        json.dumps(
            {
                "insecure-registries": ["10.0.0.1:5000", "10.0.0.0/8", "http://b.corp"],
                "registry-mirrors": [
                    "https://m.corp/",
                    "https://b.corp",
                    "https://x.corp/y",
                ],
                "log-driver": "json-file",
                "data-root": "/srv",
            }
        ),
        _registry("10.0.0.1:5000", "insecure = true")
        + _registry("b.corp", "insecure = true")
        + _registry("docker.io")
        + _mirror("https://m.corp")
        + _mirror("https://b.corp", "skip_verify = true"),
        (
            "f: insecure-registries: 10.0.0.0/8 is a range",
            "f: insecure-registries: Docker tries HTTPS",
            "f: registry-mirrors: Docker takes no path in https://x.corp/y",
            "f: not about registries, left out: log-driver, data-root",
        ),
    )
]


def _read(text: str) -> Imported:
    if text[:1] != "{":
        assert format_of_text(text, "f") is Format.K3S_YAML
        parsed = yaml_text.parse(text, "f")
        return k3s_yaml.read(parsed.plain, "f", read_outside, parsed.lines)
    plain = json.loads(text)
    kind = format_of_json(plain, "f")
    if kind is Format.DOCKER_CONFIG:
        return docker_config.read(plain, "f", read_outside)
    return docker_daemon.read(plain, "f", read_outside)


def _check(imported: Imported, sample: Sample) -> None:
    assert imported.state == from_toml(sample.expected, "expected", read_outside)
    assert len(imported.notes) == len(sample.notes), imported.notes
    for note, begin in zip(imported.notes, sample.notes):
        assert note.startswith(begin), note
    assert SECRET not in repr(imported)


@pytest.mark.parametrize(
    "sample", [*K3S, *CONFIG, *DAEMON], ids=lambda sample: sample.id
)
def test_a_file_of_another_program(sample: Sample) -> None:
    _check(_read(sample.text), sample)


def test_a_login_over_plain_http_comes_with_the_command_that_adds_it() -> None:
    login = f"configs:\n  a.corp:80:\n    auth: {{username: ann, password: {SECRET}}}\n"
    for host, option in (
        ("a.corp:80", "--insecure a.corp:80"),
        ("docker.io", "--mirror docker.io=http://a.corp:80"),
        ("'*'", "--mirror '*=http://a.corp:80'"),
    ):
        text = f"mirrors:\n  {host}:\n    endpoint: [http://a.corp:80]\n{login}"
        (note,) = _read(text).notes
        assert f"microk8s private-registry add {option} --username NAME " in note


def test_k3s_as_json_needs_no_yaml() -> None:
    text = '{"mirrors": {"a.corp": {"endpoint": ["http://a.corp"]}}}'
    assert format_of_json(json.loads(text), "f") is Format.K3S_YAML
    imported = k3s_yaml.read(json.loads(text), "f", read_outside)
    assert imported.state.registries[0].insecure


# --- certs.d --------------------------------------------------------------------------

PULLS = 'capabilities = ["pull", "resolve"]'
TREES = [
    Sample(
        "docker.io: a mirror",
        'server = "https://docker.io"\n[host."https://m.corp"]\n' + PULLS,
        _registry("docker.io") + _mirror("https://m.corp"),
    ),
    Sample(
        "docker.io: as MicroK8s ships it",
        'server = "https://docker.io"\n[host."https://registry-1.docker.io"]\n' + PULLS,
        "",
        ("t/docker.io/hosts.toml: is what MicroK8s ships",),
    ),
    Sample(
        "10.0.0.1_5000_: plain HTTP, push too",
        '[host."http://10.0.0.1:5000"]\ncapabilities = ["pull", "resolve", "push"]\n'
        "skip_verify = true\n",
        _registry("10.0.0.1:5000", "insecure = true"),
        (
            (
                "t/10.0.0.1_5000_/hosts.toml, line 2:"
                " host.http://10.0.0.1:5000.capabilities:"
                " push: a node"
            ),
            (
                "t/10.0.0.1_5000_/hosts.toml, line 1: host.http://10.0.0.1:5000:"
                " plain HTTP has"
                " no TLS"
            ),
        ),
    ),
    Sample(
        "10.0.0.1:5000: plain HTTP with TLS settings everywhere",
        'server = "http://10.0.0.1:5000"\nskip_verify = true\n'
        '[host."http://10.0.0.1:5000"]\nskip_verify = true\n',
        _registry("10.0.0.1:5000", "insecure = true"),
        (
            (
                "t/10.0.0.1:5000/hosts.toml, line 3: host.http://10.0.0.1:5000:"
                " plain HTTP has"
                " no TLS"
            ),
            "t/10.0.0.1:5000/hosts.toml, line 1: server: plain HTTP has no TLS",
        ),
    ),
    Sample(
        "10.0.0.1:5000: plain HTTP before HTTPS",
        'server = "https://10.0.0.1:5000"\n[host."http://10.0.0.1:5000"]\n',
        _registry("10.0.0.1:5000") + _mirror("http://10.0.0.1:5000"),
    ),
    Sample(
        "localhost:5001: as kind has it",
        '[host."http://kind-registry:5000"]\n',
        _registry("localhost:5001") + _mirror("http://kind-registry:5000"),
    ),
    Sample(
        "reg.corp: all of TLS",
        'server = "https://reg.corp"\nca = "r.crt"\n[host."https://reg.corp"]\nca ='
        ' ["/a/1.crt", "2.crt"]\nclient = [["c.cert", "c.key"], ["d.cert", "d.key"]]\n',
        _registry(
            "reg.corp",
            'ca = """\nPEM /a/1.crt\nPEM t/reg.corp/2.crt\n"""',
            'client_cert = """\nPEM t/reg.corp/c.cert\n"""',
            'client_key = """\nPEM t/reg.corp/c.key\n"""',
        ),
        (
            (
                "t/reg.corp/hosts.toml, line 5: host.https://reg.corp.client: only"
                " one client"
            ),
            "t/reg.corp/hosts.toml: its TLS settings differ",
        ),
    ),
    Sample(
        "_default: every registry, never itself",
        'server = "https://cache.corp"\n[host."https://cache.corp"]\n',
        _registry("*", "fallback = false") + _mirror("https://cache.corp"),
    ),
    Sample(
        "reg.corp: another server",
        'server = "other.corp"\n[host."https://m.corp/v2/p"]\noverride_path = true\n',
        _registry("reg.corp", "fallback = false")
        + _mirror("https://m.corp/v2/p")
        + _mirror("https://other.corp"),
        ("t/reg.corp/hosts.toml, line 1: server: is another address",),
    ),
    Sample(
        "reg.corp: paths as containerd takes them",
        '[host."https://a.corp/proj"]\n[host."https://b.corp/proj"]\noverride_path ='
        " true\n",
        _registry("reg.corp") + _mirror("https://a.corp/proj/v2"),
        (
            (
                "t/reg.corp/hosts.toml, line 2: host.https://b.corp/proj: is"
                " asked at a path"
                " without /v2"
            ),
        ),
    ),
    Sample(
        "reg.corp: headers, time limits, pull only",
        'x = 1\n[host."https://a.corp"]\ndial_timeout ='
        ' "3s"\n[host."https://a.corp".header]\nAuthorization = "Basic'
        f' {SECRET}"\n[host."https://b.corp"]\ncapabilities = ["pull"]\n',
        _registry("reg.corp") + _mirror("https://a.corp"),
        (
            "t/reg.corp/hosts.toml, line 1: x: this addon has no such key",
            (
                "t/reg.corp/hosts.toml, line 3:"
                " host.https://a.corp.dial_timeout: this addon"
                " has no such"
            ),
            (
                "t/reg.corp/hosts.toml, line 4: host.https://a.corp.header: this"
                " addon has no such"
            ),
            (
                "t/reg.corp/hosts.toml, line 7:"
                " host.https://b.corp.capabilities: not both pull"
                " and resolve"
            ),
        ),
    ),
    Sample(
        "backup: nothing that containerd looks up",
        "server = 1",
        "",
        ("t/backup/hosts.toml: the image name backup/app means",),
    ),
    Sample("...: no host at all", "", "", ("t/...: ... is not an IPv4",)),
]


@pytest.mark.parametrize("sample", TREES, ids=lambda sample: sample.id)
def test_a_directory_of_certs_d(sample: Sample) -> None:
    name = sample.id.rpartition(": ")[0]
    tree: Dict[str, ImportedDirectory] = {
        name: ImportedDirectory(f"t/{name}", ["hosts.toml"], sample.text)
    }
    _check(certs_d.read(tree, read_outside), sample)


def test_dockers_own_directories() -> None:
    files = ["ca.crt", "client.cert", "client.key", "lone.key"]
    imported = certs_d.read(
        {"reg.corp:5000": ImportedDirectory("t/r", files)}, read_outside
    )
    tls = imported.state.registries[0].tls
    assert tls.ca == "PEM t/r/ca.crt\n"
    assert tls.client is not None
    assert (tls.client.certificate, tls.client.key) == (
        "PEM t/r/client.cert\n",
        "PEM t/r/client.key\n",
    )
    assert imported.notes == ("t/r: lone.key: no certificate with a key; left out",)


def test_of_two_directories_for_one_registry_containerd_reads_the_underscored() -> None:
    tree = {
        "a.corp:5000": ImportedDirectory("t/a", [], '[host."https://m.corp"]'),
        "a.corp_5000_": ImportedDirectory("t/b", [], '[host."http://a.corp:5000"]'),
    }
    imported = certs_d.read(tree, read_outside)
    assert [each.insecure for each in imported.state.registries] == [True]
    assert imported.notes == ("t/a: a.corp:5000 is read elsewhere; left out",)
