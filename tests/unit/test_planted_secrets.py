"""A secret at every place of every file that somebody else wrote, and every verb that
reads it.

Keys of tables are names and are shown; in them a secret is what stands before an @ or
behind a ?.
"""

from __future__ import annotations

import base64
import itertools
import json
import re
import shlex
import socket
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple
from unittest import mock

import pytest

from unit.fake_containerd import FakeContainerd
from unit.fake_docker import FakeDocker
from unit.microk8s import STOCK_HOSTS, TEMPLATE, Microk8s, Result

pytestmark = pytest.mark.attack

SECRET = "Hunter2_s3cr3t"
ENCODED = base64.b64encode(f"ann:{SECRET}".encode()).decode()
#: Addresses that hold it.
URLS = [
    f"https://ann:{SECRET}@m.corp",
    f"http://{SECRET}@m.corp:5000/v2",
    f"//ann:{SECRET}@m.corp",
    f"ann:{SECRET}@m.corp",
    f"https://a@b:{SECRET}@m.corp/x",
    f"https://m.corp?token={SECRET}",
    f"https://m.corp/v2/?a=1&token={SECRET}",
    f"https://m.corp#{SECRET}",
    f"https://m.corp&token={SECRET}",
    f"https://ann:{SECRET}@m.corp:port",
    f"//ann:{SECRET}@m.corp:/x",
    f"https://ann:{SECRET}@",
    f"ftp://ann:{SECRET}@m.corp",
    f"https:/ann:{SECRET}@m.corp",
    f"HTTPS://ann:{SECRET}@m.corp/%zz",
    f"ann:{SECRET}",
    f"https://m.corp:{SECRET}",
]
#: Those that stand at every place; each of the others at some.
WHOLE = (0, 2, 5, 15)
HOST = "reg.corp:5000"
VERSIONS = ("2.1.3", "1.6.28")
EXHAUSTIVE = pytest.mark.exhaustive
#: Each takes every text from its number on in steps; the first one alone is quick.
STEPS = pytest.mark.parametrize(
    ("first", "step"),
    [(0, 41), *(pytest.param(first, 4, marks=EXHAUSTIVE) for first in range(4))],
)
A = '[host."https://a.corp"]\n'


@pytest.fixture(autouse=True)
def _without_names(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)


def _assert_hidden(result: Result, arguments: Tuple[str, ...]) -> None:
    output = result.stdout + result.stderr
    assert "Traceback" not in output, (arguments, output)
    for planted in (SECRET, SECRET[3:], ENCODED, ENCODED[:12]):
        assert planted not in output, (arguments, output)


def _run(node: Microk8s, *arguments: str, stdin: bytes = b"") -> Result:
    result = node.run(*arguments, stdin=stdin)
    _assert_hidden(result, arguments)
    return result


def _both(node: Microk8s, *arguments: str, stdin: bytes = b"") -> None:
    _run(node, *arguments, stdin=stdin)
    _run(node, *arguments, "--json", stdin=stdin)


# --- hosts.toml -----------------------------------------------------------------------

_HEADERS = [
    f'Authorization = "Basic {SECRET}"',
    f'authorization = "Basic {SECRET}"',
    f'Authorization = ["Basic {SECRET}"]',
    f'Authorization = """\nBasic {SECRET}"""',
    f"Authorization = Basic {SECRET}",
    f"Authorization = {SECRET}",
    f'Authorization = "{SECRET}',
    f"Authorization = '''\n{SECRET}",
    f'Authorization = {{a = "{SECRET}"}}',
    f"Authorization = 5 # {SECRET}",
    f'ca = "{SECRET}"',
    f'server = "{SECRET}"',
    f'capabilities = ["{SECRET}"]',
    f'skip_verify = "{SECRET}"',
    f'"Authorization: Basic {SECRET}" = true',
]
_ANYWHERE = [
    f"# {SECRET}",
    f'server = "https://a.corp" # {SECRET}',
    f'password = "{SECRET}"',
    f'auth = {{username = "ann", password = "{SECRET}"}}',
    f"password = {SECRET}",
    f'password = "{SECRET}',
    f'token: "{SECRET}"',
    f'user = "ann:{SECRET}"',
    f'skip_verify = "{SECRET}"',
    f"skip_verify = {SECRET}",
    f'override_path = "{SECRET}"',
    f'capabilities = "{SECRET}"',
    f'capabilities = ["pull", "{SECRET}"]',
    f'capabilities = ["pull"\n"{SECRET}"]',
    f'dial_timeout = "{SECRET}"',
    f'dial_timeout = "3s{SECRET}"',
    f'ca = "{SECRET}"\nca = "{SECRET}"',
    f'client = "{SECRET}" = 1',
    f'client = [["{SECRET}", "", "{SECRET}"]]',
    f'ca = {{a = "{SECRET}"}}',
    f'header = {{Authorization = "{SECRET}"}}',
    f'header = "{SECRET}"',
    f'"ann:{SECRET}" = 1',
    f'"?{SECRET}" = 1',
    f'x = "\\u{SECRET}"',
    f"x = 1979-{SECRET}",
    f'x = """\n[host."https://a.corp"]\nca = "{SECRET}"\n"""',
    f"x = 'a' {SECRET}",
    f'x = "\x01{SECRET}"',
    f"{SECRET}",
    f"{SECRET} = 1 = 2",
    f"ann {SECRET} = 1",
    f'host = "{SECRET}"',
    f"[auth]\npassword = '{SECRET}'",
    f"[[auth]]\npassword = '{SECRET}'\n[auth]\npassword = '{SECRET}'",
]


def _hosts_texts() -> Iterator[str]:
    for number, url in enumerate(URLS):
        texts = [
            f'server = "{url}"\n',
            f'server = "{url}"\n{A}capabilities = ["pull"]\n',
            f'{A}server = "{url}"\n',
            f'server = "{url}"\nserver = "{url}"\n',
            f"server = {url}\n",
            f"server: {url}\n",
            f'[host."{url}"]\nskip_verify = true\nca = "no.crt"\n',
            f'[host."{url}"]\n[host."{url}"]\n',
            f'[[host."{url}"]]\n',
            f'[host."{url}".header]\nAuthorization = "x"\n[host."{url}"]\n',
            f'[host.{url}]\nca = "x"\n',
            f"[host.{url}\n",
            f'[hosts."{url}"]\n',
            f'[Host."{url}"]\n',
            f'["{url}"]\nca = "x"\n',
            f'{A}[host."https://a.corp".host."{url}"]\n',
            f'[host]\n"{url}" = 5\n',
            f'[host]\n"{url}" = {{ca = "x"}}\n',
            f'host."{url}".capabilities = ["pull"]\n',
            f'host = "{url}"\n',
            f'{A}ca = "{url}/ca.crt"\n',
            f'{A}ca = ["{url}/ca.crt", "{url}"]\n',
            f'{A}client = [["{url}/c.cert", "{url}/c.key"]]\n',
            f'server = "https://a.corp"\nca = "{url}/ca.crt"\n{A}',
            f'"{url}" = "x"\n',
            f'{A}"{url}" = "x"\n',
            f'{A}dial_timeout = "{url}"\n',
        ]
        yield from texts if number in WHOLE else texts[number % 5 :: 5]
    for line in _HEADERS:
        yield f"{A}[host.'https://a.corp'.header]\n{line}\n"
        yield f"server = 'https://a.corp'\n[header]\n{line}\n"
    for text in _ANYWHERE:
        yield f"{text}\n"
        yield f"{A}{text}\n"
        yield f"{A}ca = 'x.crt'\n[x]\n{text}\n"
        yield (
            f"server = 'https://a.corp'\n{A}skip_verify = true\n{text}\nca = 'x.crt'\n"
        )


HOSTS = list(dict.fromkeys(_hosts_texts()))


@STEPS
def test_hosts_toml(
    microk8s: Microk8s, containerd: FakeContainerd, first: int, step: int
) -> None:
    microk8s.set_containerd_version(VERSIONS[first % 2])
    _run(microk8s, "enable")
    for text in HOSTS[first::step]:
        file = microk8s.write(f"args/certs.d/{HOST}/hosts.toml", text)
        _both(microk8s, "plugin", "check", "--timeout", "1")
        _run(microk8s, "plugin", "check", "--timeout", "1", f"{HOST}/app")
        _run(microk8s, "enable", "--insecure", HOST)
        _both(microk8s, "enable", "--insecure", HOST, "--dry-run", "--adopt")
        _run(
            microk8s,
            "enable",
            "--mirror",
            f"{HOST}=https://a.corp",
            "--dry-run",
            "--adopt",
        )
        done = _run(microk8s, "enable", "--registry", HOST, "--adopt")
        assert done.exit_code == 0, done
        _both(microk8s, "plugin", "list")
        _both(microk8s, "disable", "--dry-run")
        _both(microk8s, "plugin", "remove", "--registry", HOST, "--dry-run")
        file.write_text(text)
        _run(microk8s, "plugin", "apply")
        _run(microk8s, "plugin", "apply", "--adopt", "--dry-run")
        _run(microk8s, "plugin", "list")
        _run(microk8s, "plugin", "remove", "--registry", HOST)
        file.unlink()


@STEPS
def test_an_imported_tree(
    microk8s: Microk8s, tmp_path: Path, first: int, step: int
) -> None:
    directory = tmp_path / "certs.d" / HOST
    directory.mkdir(parents=True)
    for text in HOSTS[first::step]:
        (directory / "hosts.toml").write_text(text)
        for verb in (["enable"], ["plugin", "apply"]):
            _both(microk8s, *verb, "--import", str(directory.parent), "--dry-run")


NAMES = [
    *(
        f"ann:{SECRET}@reg.corp",
        f"ann:{SECRET}",
        f"reg.corp?token={SECRET}",
        f"x@ann:{SECRET}@y",
    ),
    *(f"reg.corp:{SECRET}", f"ann:{SECRET}@reg.corp_5000_"),
]


@pytest.mark.parametrize("name", NAMES)
def test_names_in_certs_d(
    microk8s: Microk8s, containerd: FakeContainerd, tmp_path: Path, name: str
) -> None:
    _run(microk8s, "enable")
    tree = tmp_path / "tree"
    for path in (name, f"{name}.crt", "b.corp"):
        (tree / path).mkdir(parents=True)
    beside = f"args/certs.d/b.corp/{name}.crt"
    for file, text in (
        ("host.toml", "x = 1\n"),
        ("hosts.toml", A + "ca = 'x'\n"),
        ("a.crt", "x"),
    ):
        for place in (f"{name}/{file}", f"b.corp/{name}.{file}"):
            (tree / place).write_text(text)
            microk8s.write(f"args/certs.d/{place}", text)
        microk8s.write(beside, text)
        _both(microk8s, "plugin", "check", "--timeout", "1")
        _both(microk8s, "enable", "--import", str(tree), "--dry-run")
        _both(microk8s, "enable", "--insecure", "b.corp", "--dry-run")
    microk8s.write(f"args/certs.d/{name}_", "")
    _both(microk8s, "plugin", "check", "--timeout", "1")


# --- containerd's configuration -------------------------------------------------------

CRI = 'plugins."io.containerd.grpc.v1.cri".registry'
LEGACY = "".join(
    line for line in TEMPLATE.splitlines(keepends=True) if "config_path" not in line
)


def _template_texts() -> Iterator[str]:
    for number, url in enumerate(URLS):
        texts = [
            f'[{CRI}.mirrors."x.corp"]\nendpoint = ["{url}"]\n',
            f'[{CRI}.mirrors."{url}"]\nendpoint = ["https://x.corp"]\n',
            f'[{CRI}.mirrors."{HOST}"]\nendpoint = ["{url}", "https://{HOST}"]\n',
            f'[{CRI}.mirrors]\n"{HOST}" = {{endpoint = ["{url}"]}}\n',
            f'[{CRI}.mirrors."x.corp"]\nurl = ["{url}"]\nendpoints = ["{url}"]\n',
            f'[{CRI}.configs."{url}".auth]\nusername = "ann"\npassword = "{SECRET}"\n',
            f'[{CRI}.configs."{url}".tls]\nca_file = "{url}/ca.crt"\ninsecure = true\n',
            f'[{CRI}.configs]\n"{url}".auth.password = "{SECRET}"\n',
            f'[{CRI}.configs]\n"{url}" = {{auth = {{password = "{SECRET}"}}}}\n',
            f'[{CRI}.configs."{url}".auth]\n[{CRI}.configs."{url}".auth]\n',
            f'[{CRI}.auths."{url}"]\npassword = "{SECRET}"\n',
            f'[{CRI}.configs."{HOST}".tls]\nca_file = "{url}"\nca = "{url}"\n',
            f'[proxy_plugins."{url}"]\naddress = "{url}"\n',
            f'[x]\n"{url}" = 1\n"{url}" = 1\n',
        ]
        yield from texts if number in WHOLE else texts[number % 5 :: 5]
    for line in (
        *(
            f'password = "{SECRET}"',
            f'auth = "{ENCODED}"',
            f'identitytoken = "{SECRET}"',
        ),
        *(f'pass = "{SECRET}"', f'Password = "{SECRET}"', f"password = {SECRET}"),
        *(
            f'password = "{SECRET}',
            f'password = """\n{SECRET}\n"""',
            f"# password {SECRET}",
        ),
        *(f'username = "{SECRET}"\nusername = "{SECRET}"', f'user = "{SECRET}"'),
        *(
            f"password = '{SECRET}' # {SECRET}",
            f'"ann:{SECRET}" = 1',
            f"passwd: {SECRET}",
        ),
    ):
        yield f'[{CRI}.configs."{HOST}".auth]\n{line}\n'
        yield f'[{CRI}.configs."x.corp".auth]\nusername = "ann"\n{line}\n'
    yield f'[{CRI}.headers]\nAuthorization = ["{SECRET}"]\n'
    yield f'[{CRI}]\nheaders = {{Authorization = ["{SECRET}"]}}\n'
    yield f"# [{CRI}.headers]\n# X-Token = ['{SECRET}']\n"
    yield f'[x]\ntoken = "{SECRET}"\n'
    yield f"[x]\ntoken = 1{SECRET}\n"
    images = 'plugins."io.containerd.cri.v1.images".registry'
    yield f'[{images}.mirrors."x"]\nendpoint = ["{URLS[0]}"]\n'


CONTAINERD = list(dict.fromkeys(_template_texts()))


@pytest.mark.parametrize("stock", [TEMPLATE, LEGACY], ids=["certs.d", "legacy"])
@pytest.mark.parametrize("version", ["1.6.28", "2.1.3"])
@STEPS
def test_containerd_template_toml(
    microk8s: Microk8s,
    containerd: FakeContainerd,
    stock: str,
    version: str,
    first: int,
    step: int,
) -> None:
    microk8s.set_containerd_version(version)
    _run(microk8s, "enable")
    rendered = microk8s.data / "args/containerd.toml"
    login = ("--username", "ann", "--password-stdin", "--no-restart")
    for text in CONTAINERD[first::step]:
        for file in (microk8s.template, rendered):
            file.write_text(stock + text)
        _both(microk8s, "plugin", "check", "--timeout", "1")
        _run(microk8s, "enable", "--insecure", "new.corp", "--dry-run")
        _run(microk8s, "enable", "--registry", HOST, *login, "--dry-run", stdin=b"pw-x")
        _both(
            microk8s,
            "enable",
            "--registry",
            HOST,
            *login,
            "--dry-run",
            "--adopt",
            stdin=b"pw-x",
        )
        _run(microk8s, "enable", "--registry", HOST, *login, "--adopt", stdin=b"pw-x")
        _both(microk8s, "plugin", "list")
        _run(microk8s, "disable", "--dry-run")
        _run(microk8s, "plugin", "remove", "--registry", HOST, "--no-restart")
        microk8s.template.write_text(stock)
        rendered.write_text(stock + text)
        _run(microk8s, "plugin", "check", "--timeout", "1")
        _run(microk8s, "plugin", "list")


@pytest.mark.parametrize("url", URLS)
def test_single_settings_of_containerd(
    microk8s: Microk8s, containerd: FakeContainerd, url: str
) -> None:
    _run(microk8s, "enable")
    for name, old in (
        ("config_path", "${SNAP_DATA}/args/certs.d"),
        ("sandbox_image", "registry.k8s.io/pause:3.10"),
    ):
        text = TEMPLATE.replace(f'{name} = "{old}"', f'{name} = "{url}"')
        assert text != TEMPLATE
        for file in (microk8s.template, microk8s.data / "args/containerd.toml"):
            file.write_text(text)
        _both(microk8s, "plugin", "check", "--timeout", "1")
        _both(microk8s, "enable", "--insecure", "new.corp", "--dry-run")
        login = ("--username", "ann", "--password-stdin", "--no-restart", "--dry-run")
        _both(microk8s, "enable", "--registry", HOST, *login, stdin=b"pw-x")
    microk8s.template.write_text(TEMPLATE)
    microk8s.write(
        "args/containerd-env", f"HTTPS_PROXY={url}\nHTTP_PROXY={url}\nNO_PROXY={url}\n"
    )
    _both(microk8s, "plugin", "check", "--timeout", "1", HOST)


def test_what_containerd_says_of_its_configuration(microk8s: Microk8s) -> None:
    """It quotes the value that it stumbles over."""
    _run(microk8s, "enable")
    auth = f'[{CRI}.configs."x.corp".auth]\nusername = "ann"\npassword = "{SECRET}"\n'
    mirror = f'[{CRI}.mirrors."x.corp"]\nendpoint = ["{URLS[0]}"]\n'
    microk8s.template.write_text(LEGACY + auth + mirror)
    program = microk8s.snap / "bin" / "containerd"
    words = f"cannot decode {SECRET} of {URLS[0]}: invalid"
    program.write_text(f"#!/bin/sh\necho '{words}' >&2\nexit 1\n")
    login = ("--username", "ann", "--password-stdin", "--no-restart")
    result = _run(microk8s, "enable", "--registry", HOST, *login, stdin=b"pw-x")
    assert (
        "containerd cannot read its configuration: cannot decode ..." in result.stderr
    )


def test_what_containerd_says_of_its_cri(
    microk8s: Microk8s, containerd: FakeContainerd
) -> None:
    _run(microk8s, "enable")
    auth = f'[{CRI}.configs."x.corp".auth]\nusername = "ann"\npassword = "{SECRET}"\n'
    text = f"{TEMPLATE}{auth}# load CRI\n"
    microk8s.template.write_text(text)
    (microk8s.data / "args/containerd.toml").write_text(text)
    control = microk8s.snap / "bin" / "ctr"
    words = f"Message: invalid plugin config: {SECRET} of {URLS[0]}"
    control.write_text(f"#!/bin/sh\necho '{words}'\n")
    control.chmod(0o755)
    with mock.patch(
        "private_registry.containerd.cri.calls.answers", return_value=False
    ):
        for options in ([], ["--json"]):
            result = _run(microk8s, "plugin", "check", "--timeout", "1", *options)
            assert "invalid plugin config: ... of https://...@m.corp" in result.stdout
            assert "containerd runs without CRI" in result.stdout


# --- Docker's daemon.json -------------------------------------------------------------


def _daemon_texts() -> Iterator[str]:
    for number, url in enumerate(URLS):
        texts = [
            json.dumps({"registry-mirrors": [url]}),
            json.dumps({"insecure-registries": [url, "10.0.0.0/8", f"{url}/8"]}),
            json.dumps(
                {"proxies": {"http-proxy": url}, "registry-mirrors": ["https://a.corp"]}
            ),
            json.dumps({url: url, "insecure-registries": ["a.corp"]}),
            json.dumps({"registry-mirrors": [{"x": url}]}),
            json.dumps({"registry-mirrors": url}),
            f'{{"registry-mirrors": ["{url}"], "registry-mirrors": ["{url}"]}}',
            f'{{"{url}": 1, "{url}": 1, "debug": true}}',
            f'{{"registry-mirrors": ["{url}]}}',
            f'{{"registry-mirrors": ["{url}" "{url}"]}}',
            f'{{"debug": true}} {url}',
        ]
        yield from texts if number in WHOLE else texts[number % 5 :: 5]
    yield f'{{"debug": {SECRET}}}'
    yield f'{{"debug": "{SECRET}\n"}}'
    yield f'{{"debug": "\\u{SECRET}"}}'
    yield f"{{{SECRET}: 1}}"
    yield f'{{"debug": true, "log-opts": {{"token": "{SECRET}"}}}}'
    yield json.dumps(SECRET)


DAEMON = list(dict.fromkeys(_daemon_texts()))


@STEPS
def test_daemon_json(
    microk8s: Microk8s, new_docker: Callable[..., FakeDocker], first: int, step: int
) -> None:
    new_docker("{}")
    _run(microk8s, "enable")
    file = microk8s.etc_docker / "daemon.json"
    words = ("--insecure", HOST, "--mirror", "docker.io=https://m.corp", "--docker")
    for text in DAEMON[first::step]:
        file.write_text(text)
        _both(microk8s, "enable", *words, "--dry-run")
        _both(microk8s, "enable", *words, "--dry-run", "--adopt")
        _run(microk8s, "plugin", "add", *words)
        _both(microk8s, "plugin", "list")
        _both(microk8s, "disable", "--dry-run")
        _run(microk8s, "disable", "--dry-run")
        file.write_text(text)
        _both(microk8s, "plugin", "apply", "--dry-run")
        _run(
            microk8s, "plugin", "remove", "--registry", HOST, "--registry", "docker.io"
        )
        _file(microk8s, text)


@pytest.mark.parametrize(
    "name", ["ca.crt", "client.cert", "client.key", "x.key", "x.cert"]
)
def test_files_of_somebody_else_beside_it(
    microk8s: Microk8s,
    new_docker: Callable[..., FakeDocker],
    client_options: List[str],
    name: str,
) -> None:
    new_docker("{}")
    key = f"-----BEGIN PRIVATE KEY-----\n{SECRET}\n-----END PRIVATE KEY-----\n"
    for directory in (microk8s.etc_docker / "certs.d" / HOST, microk8s.certs_d / HOST):
        directory.mkdir(parents=True)
        (directory / name).write_text(key)
    for adopt in ([], ["--adopt"]):
        for docker in ([], ["--docker"]):
            words = ["--registry", HOST, *client_options, *docker, *adopt]
            _both(microk8s, "enable", *words, "--dry-run")
    _run(microk8s, "enable", "--registry", HOST, *client_options, "--adopt")
    _both(microk8s, "disable", "--dry-run")
    _both(microk8s, "plugin", "check", "--timeout", "1")


# --- files that are given -------------------------------------------------------------


def _file(microk8s: Microk8s, text: str) -> None:
    for verb in (["enable"], ["plugin", "add"], ["plugin", "apply"]):
        for options in ([], ["--json"]):
            words = [*verb, "--file", "-", "--dry-run", *options]
            result = microk8s.run(*words, stdin=text.encode())
            _assert_hidden(_without_username(result), tuple(words))


def _config_texts() -> Iterator[str]:
    for number, url in enumerate(URLS):
        texts = [
            json.dumps({"auths": {url: {"auth": ENCODED}}}),
            json.dumps({"auths": {url: {}}}),
            json.dumps({"auths": {"x.corp": {"auth": url, "email": url, url: url}}}),
            json.dumps(
                {"auths": {}, "credHelpers": {url: url}, "credsStore": url, url: url}
            ),
            json.dumps({"auths": {url: {"auth": ENCODED}, "x.corp": url}}),
            f'{{"auths": {{"{url}": {{}}, "{url}": {{}}}}}}',
        ]
        yield from texts if number in WHOLE else texts[number % 5 :: 5]
    for login in (
        *(
            {"auth": SECRET},
            {"auth": [SECRET]},
            {"username": SECRET},
            {"password": SECRET},
        ),
        *(
            {"username": f"a:{SECRET}", "password": SECRET},
            {"username": "a", "password": [SECRET]},
        ),
        *({"identitytoken": SECRET}, {"registrytoken": SECRET}, SECRET, [SECRET]),
        *({"username": "a", "password": f"{SECRET}\n\n"}, {"auth": ENCODED[:-3] + "!"}),
    ):
        yield json.dumps({"auths": {"x.corp": login}})
        yield json.dumps({"auths": {"x.corp": {"auth": ENCODED, SECRET: SECRET}}})
        yield json.dumps({"auths": {"x.corp": login, "y.corp": {"auth": ENCODED}}})
    for value in (SECRET, [SECRET], {"x": SECRET}):
        yield json.dumps({"auths": value})
        yield json.dumps({"auths": {"y.corp": {"auth": ENCODED}}, "HttpHeaders": value})
        yield json.dumps({"auths": {}, "credsStore": value, "credHelpers": value})
        yield json.dumps({"auths": {"y.corp": {"auth": ENCODED}}, "proxies": value})
    yield f'{{"auths": {{"x.corp": {{"auth": "{SECRET}}}}}'
    yield f'{{"auths": {{"x.corp": {{"auth": {SECRET}}}}}}}'
    yield f'{{"auths": {{"x.corp": {{"auth": "\\x{SECRET}"}}}}}}'


CONFIG = list(dict.fromkeys(_config_texts()))


@STEPS
def test_config_json(microk8s: Microk8s, first: int, step: int) -> None:
    _run(microk8s, "enable")
    for text in CONFIG[first::step]:
        _file(microk8s, text)
        words = ["--pull-secret", "x", "--pull-secret-from", "-", "--dry-run"]
        _both(microk8s, "plugin", "add", *words, stdin=text.encode())


@STEPS
def test_the_kubelets_config_json(microk8s: Microk8s, first: int, step: int) -> None:
    _run(microk8s, "enable")
    path = microk8s.common / "var" / "lib" / "kubelet" / "config.json"
    path.parent.mkdir(parents=True)
    words = ["--registry", "x.corp", "--username", "ann", "--password-stdin"]
    for text in CONFIG[first::step]:
        for adopt in ([], ["--adopt"]):
            path.write_text(text)
            add = ["add", *words, "--login-by", "kubelet", *adopt]
            _both(microk8s, "plugin", *add, "--dry-run", stdin=SECRET.encode())
            _run(microk8s, "plugin", *add, stdin=SECRET.encode())
            _both(microk8s, "plugin", "list")
            _both(microk8s, "plugin", "check", "x.corp", "--timeout", "0.01")
            path.write_text(text)
            _both(microk8s, "plugin", "apply", "--dry-run")
            _both(microk8s, "disable", "--dry-run")
            _run(microk8s, "disable")
            path.write_text("{}")


def _yaml_texts() -> Iterator[str]:
    for number, url in enumerate(URLS):
        texts = [
            f"mirrors:\n  x.corp:\n    endpoint: ['{url}']\n",
            f"mirrors:\n  '{url}':\n    endpoint: ['https://x.corp']\n",
            f"mirrors:\n  '{url}': {{}}\n  '{url}': {{}}\n",
            f"mirrors:\n  x.corp:\n    '{url}': x\n    endpoint: ['https://m.corp']\n",
            f"mirrors:\n  x.corp:\n    endpoint: {url}\n",
            f"configs:\n  '{url}':\n    auth: {{username: a, password: {SECRET}}}\n",
            f"configs:\n  x.corp:\n    tls: {{ca_file: '{url}/ca.crt'}}\n",
            f"configs:\n  x.corp:\n    '{url}': x\n",
            f"'{url}': x\nmirrors:\n",
            f"mirrors:\n  {url}: {url}: x\n",
        ]
        yield from texts if number in WHOLE else texts[number % 5 :: 5]
    for value in (
        *(
            SECRET,
            f"*{SECRET}",
            f"&{SECRET}",
            f"&{SECRET} x",
            f"!{SECRET}",
            f"!!{SECRET} x",
        ),
        *(
            f"!{SECRET}!x y",
            f"!<{SECRET}> x",
            f"!<{SECRET}",
            f"@{SECRET}",
            f"`{SECRET}",
        ),
        *(
            f"%{SECRET}",
            f"[{SECRET}",
            f"{{{SECRET}",
            f"'{SECRET}",
            f'"{SECRET}',
            f"|{SECRET}",
        ),
        *(
            f">{SECRET}\n   x",
            f'"\\{SECRET}"',
            f'"\\x{SECRET}"',
            f"{SECRET}: {SECRET}: x",
        ),
        *(f"x,{SECRET}", f"x, {SECRET}: y", f"x ,{SECRET}:", f"x: {SECRET}"),
        *(
            f"{{{SECRET}, {SECRET}}}",
            f"[{SECRET}]",
            f"? {SECRET}",
            f"- {SECRET}",
            f"\t{SECRET}",
        ),
        *(
            f"'a' {SECRET}",
            f"*{SECRET} x",
            f"&a &{SECRET} x",
            f"a\x07{SECRET}",
            f"# {SECRET}",
        ),
        *(
            f"a # {SECRET}",
            f"|\n{SECRET}\n",
            f'"{SECRET}\n"',
            f"!{SECRET}%zz x",
            f"*\n{SECRET}",
        ),
        *(f"!e!{SECRET} x", f"{{a: {SECRET}, a: {SECRET}}}"),
    ):
        yield (
            "configs:\n  x.corp:\n    auth:\n      username: ann\n      password:"
            f" {value}\n"
        )
        yield f"configs:\n  x.corp:\n    auth: {{username: ann, password: {value}}}\n"
        yield f"configs:\n  x.corp:\n    auth: {value}\n"
        yield (
            "configs:\n  x.corp:\n    auth:\n      username: ann\n      auth:"
            f" {value}\n"
        )
        yield (
            f"configs:\n  x.corp:\n    auth:\n      username: {value}\n     "
            " password: x\n"
        )
        yield f"configs:\n  x.corp:\n    tls:\n      insecure_skip_verify: {value}\n"
        yield f"mirrors:\n  x.corp:\n    endpoint: [{value}\n"
        yield f"mirrors: {value}\n"
        yield f"mirrors:\nconfigs: {value}\n"
        yield f"mirrors:\nother: {value}\n"
    yield f"%YAML 1.{SECRET}\n---\nmirrors:\n"
    yield f"%TAG !{SECRET}! x\n%TAG !{SECRET}! x\n---\nmirrors:\n"
    yield f"%{SECRET} x\n---\nmirrors:\n"
    yield f"mirrors:\n... {SECRET}\n--- {SECRET}\n"
    for entry in ({"auth": SECRET}, {"username": f"a:{SECRET}", "password": "x"}):
        yield json.dumps({"configs": {"x.corp": {"auth": entry}}})


YAML = list(dict.fromkeys(_yaml_texts()))


@STEPS
def test_registries_yaml(microk8s: Microk8s, first: int, step: int) -> None:
    _run(microk8s, "enable")
    for text in YAML[first::step]:
        _file(microk8s, text)


def _toml_texts() -> Iterator[str]:
    begin = '[[registry]]\nhost = "x.corp"\n'
    mirror = f'{begin}[[registry.mirror]]\nurl = "https://m.corp"\n'
    for number, url in enumerate(URLS):
        texts = [
            f'[[registry]]\nhost = "{url}"\n',
            f'{begin}[[registry.mirror]]\nurl = "{url}"\n',
            f'"{url}" = 1\n{begin}',
            f'{begin}"{url}" = 1\n',
            f'{begin}"{url}" = 1\n"{url}" = 1\n',
            f'{begin}["{url}"]\n["{url}"]\n',
            f'docker_config = "{url}"\n{begin}',
        ]
        yield from texts if number in WHOLE else texts[number % 5 :: 5]
        for key in ("ca_file", "client_cert_file", "password_file", "password_env"):
            yield (
                f'{begin}{key} = "{url}"\nusername = "ann"\nclient_key_file = "{url}"\n'
            )
            yield f'{mirror}{key} = "{url}"\nusername = "ann"\n'
    for table in (begin, mirror):
        for key in (
            "password",
            "username",
            "password_env",
            "password_file",
            "ca",
            "client_key",
        ):
            for value in (
                *(
                    f'"{SECRET}"',
                    f'["{SECRET}"]',
                    SECRET,
                    f'"{SECRET}',
                    f"'''\n{SECRET}",
                ),
                *(
                    f'"{SECRET}\\n"',
                    f'"\\{SECRET}"',
                    f"{SECRET} # {SECRET}",
                    f'{{x = "{SECRET}"}}',
                ),
                *(
                    f'"a:{SECRET}"',
                    f"'{SECRET}' {SECRET}",
                    f"1{SECRET}",
                    f"{SECRET[0]}={SECRET}",
                ),
            ):
                rest = "" if key == "username" else 'username = "ann"\n'
                yield f"{table}{rest}{key} = {value}\n"
            yield f'{table}{key} = "{SECRET}"\n{key} = "{SECRET}"\n'
        yield f'{table}pasword = "{SECRET}"\n'
        yield f'{table}"ann:{SECRET}" = "x"\n'
        yield f'{table}skip_verify = "{SECRET}"\n'
        yield f"{table}{SECRET}\n"
        yield f"{table}password {SECRET} = 1\n"
    yield f'version = "{SECRET}"\n'
    yield f"version = 2 # {SECRET}\n"
    yield f'registry = "{SECRET}"\n'
    yield f'registry = ["{SECRET}"]\n'
    yield f'[[registry]]\nhost = ["{SECRET}"]\n'


TOML = list(dict.fromkeys(_toml_texts()))


@STEPS
def test_registries_toml(microk8s: Microk8s, first: int, step: int) -> None:
    _run(microk8s, "enable")
    for text in TOML[first::step]:
        for verb in (["enable"], ["plugin", "apply"]):
            for options in ([], ["--json"]):
                words = [*verb, "--file", "-", "--dry-run", *options]
                result = microk8s.run(*words, stdin=text.encode())
                _assert_hidden(_without_username(result), (text, *words))


_USERNAME = re.compile(rf'(logs in as |"username": ")[^")]*{SECRET}')


def _without_username(result: Result) -> Result:
    """Take out the one place where the name of a user is meant to be shown."""
    return result._replace(stdout=_USERNAME.sub(r"\1", result.stdout))


@pytest.mark.parametrize("text", TOML[::7])
def test_saved_registries_that_somebody_edited(microk8s: Microk8s, text: str) -> None:
    _run(microk8s, "enable", "--insecure", HOST)
    microk8s.state.write_text(text)
    for verb in ("list", "apply", "export", "check"):
        words = ["--json"] if verb == "list" else []
        words += ["--timeout", "1"] if verb == "check" else []
        _assert_hidden(
            _without_username(microk8s.run("plugin", verb, *words)), (text, verb)
        )
    _run(microk8s, "disable")


def test_an_export_without_secrets_has_none(
    microk8s: Microk8s, client_options: List[str]
) -> None:
    login = ["--username", "ann", "--password-stdin", "--no-restart"]
    words = ["--registry", HOST, *client_options, *login]
    _run(microk8s, "enable", *words, stdin=SECRET.encode())
    for form, verb in itertools.product(
        ("toml", "hosts", "launch-config"), ("export",)
    ):
        assert _run(microk8s, "plugin", verb, "--format", form).exit_code == 0
    _both(microk8s, "disable", "--dry-run")


PW = "hunter-two"
TYPED = [
    ["--json=" + PW],
    ["--registry", "a.corp", "--username", "ann", "--password-stdin=" + PW],
    ["--registry", "a.corp", "--username", "ann", PW],
    ["--registry", "a.corp", "--username", "ann", "--password-stdin", PW, "x"],
    ["--registry", "a.corp", "--username", f"ann:{PW}", "--password-stdin"],
    ["--registry", "a.corp", "--username", "ann", "--password", PW],
    ["--registry", "a.corp", "--username", "ann", f"--password={PW}"],
    ["--registry", "a.corp", "--username", "ann", "--password-env", PW],
    ["--registry", "a.corp", "--username", "ann", "--password-file", PW],
    ["--registry", "a.corp", f"-uann:{PW}"],
    ["--registry", "a.corp", f"-u{PW}"],
    ["--registry", "a.corp", f"-p{PW}"],
    ["--registry", f"ann:{PW}@a.corp"],
    ["--registry", f"https://ann:{PW}@a.corp/x"],
    ["--registry", f"ann:{PW}"],
    ["--mirror", f"docker.io=https://ann:{PW}@a.corp"],
    ["--mirror", f"docker.io=ann:{PW}@a.corp"],
    ["--mirror", f"docker.io=https://a.corp?token={PW}"],
    ["--mirror", f"https://ann:{PW}@a.corp"],
    ["--registry", "a.corp", "--ca", f"https://ann:{PW}@a.corp/ca.crt"],
    ["--file", f"https://ann:{PW}@a.corp/registries.toml"],
]


@pytest.mark.parametrize("words", TYPED, ids=" ".join)
def test_a_password_that_is_typed_by_mistake_is_not_shown_again(
    microk8s: Microk8s, words: List[str]
) -> None:
    for options in ([], ["--json"]):
        result = microk8s.run("enable", *words, *options)
        assert result.exit_code == 2
        assert PW not in result.stdout + result.stderr


@pytest.mark.parametrize(
    "url", [*URLS, "m.corp", "a b", "x\u202ey", "https://m.corp/a b", ""]
)
def test_what_is_offered_instead_of_an_odd_address_is_accepted(
    microk8s: Microk8s, url: str
) -> None:
    for words in (
        ["--mirror", url],
        ["--mirror", f"docker.io={url}"],
        ["--registry", url],
        [url],
    ):
        result = microk8s.run("enable", *words)
        _assert_hidden(result, tuple(words))
        offered = re.search(
            "  do: microk8s enable private-registry-config (--.*)", result.stderr
        )
        for each in re.split(
            " {3}.*? ?or |   \\(HTTPS\\)", offered[1] if offered else ""
        ):
            command = each.replace("REGISTRY=", "docker.io=").replace(
                "MIRROR", "m.corp"
            )
            done = microk8s.run(
                "enable", *shlex.split(command.replace("=URL", "=https://m.corp"))
            )
            assert done.exit_code == 0, (words, each, done)


# --- what a diff still says -----------------------------------------------------------

MASK = "(a line that may hold a secret; not shown)"


def _diff(result: Result) -> List[str]:
    return [line[4:] for line in result.stdout.splitlines() if line.startswith("    ")]


def test_a_diff_shows_lines_of_ours_and_the_known_ones_and_keeps_the_place_of_others(
    microk8s: Microk8s,
) -> None:
    text = (
        '# ask ann\nserver = "https://reg.corp:5000"\n\n[host."https://a.corp/v2/x"]\n '
        ' capabilities = ["pull", "resolve"]\n  ca = ["/etc/ssl/ca.crt", "own.crt"]\n '
        " client = [['a.cert', 'a.key']]\n  skip_verify = false\n  override_path ="
        ' true\n  dial_timeout = "3s"\n  [host."https://a.corp/v2/x".header]\n   '
        ' Authorization = "x"\n'
    )
    microk8s.write(f"args/certs.d/{HOST}/hosts.toml", text)
    result = microk8s.run("enable", "--insecure", HOST, "--dry-run", "--adopt")
    diff = _diff(result)
    gone = [line[1:] for line in diff if line[:1] == "-" and line[:3] != "---"]
    expected = text.splitlines()
    expected[0] = expected[-1] = MASK
    kept = [line for line in expected if f" {line}" not in diff]
    assert gone == kept
    assert f'+server = "http://{HOST}"' in diff
    assert (
        "+# Written by the MicroK8s addon private-registry-config; to change it:"
        in diff
    )
    microk8s.run("enable", "--insecure", HOST, "--adopt")
    back = _diff(microk8s.run("disable", "--dry-run"))
    assert [line[1:] for line in back if line[:1] == "+" and line[:3] != "+++"] == kept


HARMLESS = [
    *(
        "",
        "   ",
        '[host."https://a.corp:5000"]',
        "[host.'http://[fd00::1]:5000/v2']",
        "[host]",
    ),
    *(
        '[ host . "a.corp" ]',
        '[host."https://a.corp".header]',
        'server = "https://a.corp"',
    ),
    *(
        "server = 'a.corp'",
        'ca = "ca.crt"',
        'ca = "/a b/c.pem"',
        'ca = ["a.crt", "b.crt"]',
    ),
    *('client = "c.pem"', "client = ['a.pem']", 'client = [["a.cert", "a.key"]]'),
    *(
        'capabilities = ["pull"]',
        "capabilities = []",
        "skip_verify = true",
        "dial_timeout = '1.5s'",
    ),
    *("override_path=false", "\tskip_verify = true"),
]
HARMFUL = [
    *(
        "#",
        "# x",
        "skip_verify = true # x",
        "x = 1",
        "[x]",
        '[host."https://a@b"]',
        "[host.x.y]",
    ),
    *(
        '[host."https://a?b"]',
        '[host."https://a#b"]',
        '[host."a:b"]',
        'server = "https://a:b@c"',
    ),
    *(
        'server = "x y"',
        "server = x",
        'server = "\\u0041"',
        'server = """x"""',
        'ca = "secret"',
    ),
    *(
        'ca = "a@b.crt"',
        'ca = "a?b.crt"',
        'ca = "a:b.crt"',
        'ca = ["a.crt", "secret"]',
        "ca = 5",
    ),
    *(
        'capabilities = ["x"]',
        'capabilities = "pull"',
        "skip_verify = 1",
        'skip_verify = "true"',
    ),
    *(
        'dial_timeout = "x"',
        "dial_timeout = 3",
        '"ca.crt"',
        "]",
        'header = {a = "b"}',
        "server",
    ),
    *(
        'Authorization = "x"',
        'server = "https://a.corp/\u202e"',
        'server = "https://a.corp/%41"',
    ),
]


@pytest.mark.parametrize("line", HARMLESS)
def test_a_line_that_is_known_is_shown(microk8s: Microk8s, line: str) -> None:
    shown = _diff_of(microk8s, f"{line}\n")
    assert f"-{line.expandtabs()}" in shown or f" {line}" in shown
    assert f"-{MASK}" not in shown


@pytest.mark.parametrize("line", HARMFUL)
def test_any_other_line_is_not(microk8s: Microk8s, line: str) -> None:
    assert f"-{MASK}" in _diff_of(microk8s, f"{line}\n")
    assert not [each for each in _diff_of(microk8s, f"{line}\n") if each == f"-{line}"]


@pytest.mark.parametrize(
    "line", ['ca = "ca.crt"', "skip_verify = true", 'server = "a.corp"']
)
@pytest.mark.parametrize(
    "table", ["[x]", '[host."https://a".header]', "[[x]]", "[a.b]", "['x']"]
)
def test_a_known_key_in_a_table_that_is_not_known_is_not_shown(
    microk8s: Microk8s, table: str, line: str
) -> None:
    assert f"-{line}" not in _diff_of(microk8s, f"{table}\n{line}\n")


def _diff_of(microk8s: Microk8s, text: str) -> List[str]:
    microk8s.write(f"args/certs.d/{HOST}/hosts.toml", text)
    return _diff(microk8s.run("enable", "--insecure", HOST, "--dry-run", "--adopt"))


def test_the_templates_diff_shows_its_tables_and_no_login(
    microk8s: Microk8s, containerd: FakeContainerd
) -> None:
    microk8s.template.write_text(TEMPLATE + "# ask ann\nx = 'y'\n")
    login = ["--username", "ann", "--password-stdin", "--no-restart", "--dry-run"]
    result = microk8s.run("enable", "--registry", HOST, *login, stdin=b"pw-x")
    diff = _diff(result)
    diff = diff[diff.index("--- before", 1) :]
    header = f'[{CRI}.configs."{HOST}".auth]'
    assert [line for line in diff if line.startswith("+") and line[:3] != "+++"] == [
        *("+", f"+{header}", "+username = ...", "+password = ..."),
    ]
    assert diff.count(f" {MASK}") == 2
    assert '     config_path = "${SNAP_DATA}/args/certs.d"' in diff


def test_daemon_jsons_diff_shows_lists_without_logins(
    microk8s: Microk8s, new_docker: Callable[..., FakeDocker]
) -> None:
    plain: Dict[str, Any] = {
        "registry-mirrors": ["https://b.corp/", URLS[0]],
        "insecure-registries": ["10.0.0.0/8", "a.corp:5000"],
    }
    new_docker(json.dumps(plain))
    words = [
        "--insecure",
        HOST,
        "--mirror",
        "docker.io=https://m.corp",
        "--docker",
        "--dry-run",
    ]
    result = microk8s.run("enable", *words)
    diff = "\n".join(_diff(result))
    for shown in ('"10.0.0.0/8"', '"a.corp:5000"', f'+    "{HOST}"', "https://b.corp/"):
        assert shown in diff
    assert SECRET not in diff


def test_what_microk8s_ships_is_shown_whole(microk8s: Microk8s) -> None:
    stock = STOCK_HOSTS.format("https://docker.io", "https://registry-1.docker.io")
    result = microk8s.run("enable", "--mirror", "docker.io=https://m.corp", "--dry-run")
    assert MASK not in result.stdout
    assert all(f"{line}" in result.stdout for line in stock.splitlines())
