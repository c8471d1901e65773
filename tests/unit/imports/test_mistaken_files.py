"""Files that are something else than what was asked for: said as what they are, with
what to type.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Dict, NamedTuple, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from private_registry.errors import UsageError
from private_registry.imports import yaml_text
from private_registry.pull_secrets.secret import docker_config_from
from private_registry.registries import mistaken_files
from unit.microk8s import Microk8s, ok

SECRET = "s3cr3t-pw"
PAIR = base64.b64encode(f"ann:{SECRET}".encode()).decode()
CONFIG = json.dumps({"auths": {"reg.lab.test": {"auth": PAIR}}})
ENCODED = base64.b64encode(CONFIG.encode()).decode()
TYPE = "kubernetes.io/dockerconfigjson"
ADD = "microk8s private-registry add --file -"


def _secret(name: str = "regcred", **more: Any) -> Dict[str, Any]:
    plain = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": TYPE,
        "metadata": {"name": name},
        "data": {".dockerconfigjson": ENCODED},
    }
    return {**plain, **more}


def _kubectl(name: str = "regcred", key: str = ".dockerconfigjson") -> str:
    path = "{.data.\\" + key + "}"
    return f"microk8s kubectl get secret {name} -o jsonpath='{path}' | base64 -d"


SECRET_YAML = (
    "apiVersion: v1\nkind: Secret\nmetadata:\n  labels: {a: b}\n  name: regcred\n"
    f"  namespace: apps\ntype: {TYPE}\ndata:\n  .dockerconfigjson: {ENCODED}\n"
)


class Row(NamedTuple):
    """A text, what it is said to be, and what is to be typed."""

    id: str
    text: str
    what: str
    do: Optional[str] = None


def _row(name: str, plain: Any, what: str, do: Optional[str] = None) -> Row:
    return Row(name, json.dumps(plain), what, do)


KUBERNETES = [
    Row(
        "a Secret of YAML",
        SECRET_YAML,
        "a Secret of Kubernetes (regcred)",
        _kubectl("regcred --namespace apps"),
    ),
    Row(
        "a Secret of YAML, its key first",
        f"---\n# made\ndata:\n  .dockerconfigjson: {ENCODED}\nkind: Secret\nmetadata:"
        f'\n    name: "regcred"\n    annotations:\n      name: other\ntype: "{TYPE}"\n',
        "a Secret of Kubernetes (regcred)",
        _kubectl(),
    ),
    Row(
        "a Secret of YAML in text",
        "kind: Secret\nmetadata: {name: regcred}\nstringData:\n"
        f"  .dockerconfigjson: |\n    {CONFIG}\n",
        "a Secret of Kubernetes",
        _kubectl("SECRET"),
    ),
    Row(
        "a List of YAML",
        "apiVersion: v1\nitems:\n- apiVersion: v1\n  data:\n    .dockerconfigjson:"
        f" {ENCODED}\n  kind: Secret\n  metadata:\n    name: regcred\n  type: {TYPE}\n"
        "kind: List\n",
        "a Secret of Kubernetes (regcred)",
        _kubectl(),
    ),
    _row("a Secret", _secret(), "a Secret of Kubernetes (regcred)", _kubectl()),
    _row(
        "a List",
        {"kind": "List", "items": [_secret("one"), _secret("two")]},
        "a Secret of Kubernetes (one)",
        _kubectl("one"),
    ),
    _row(
        "a List of others and a Secret",
        {"kind": "SecretList", "items": [{"kind": "Pod"}, _secret("two")]},
        "a Secret of Kubernetes (two)",
        _kubectl("two"),
    ),
    _row(
        "the data of a Secret",
        {".dockerconfigjson": ENCODED},
        "a Secret of Kubernetes",
        _kubectl("SECRET"),
    ),
    _row(
        "an old Secret",
        _secret(type="kubernetes.io/dockercfg", data={".dockercfg": ENCODED}),
        "a Secret of Kubernetes (regcred)",
        _kubectl(key=".dockercfg"),
    ),
    _row(
        "a Secret with a name that cannot be",
        _secret(metadata={"name": "$(id)"}),
        "a Secret of Kubernetes",
        _kubectl("SECRET"),
    ),
]
NO_LOGIN = [
    _row(
        "a Secret without such a login",
        _secret(type="Opaque", data={"password": PAIR}),
        "a Secret of Kubernetes (regcred), and no login that pods pull with",
    ),
    _row("a Pod", {"kind": "Pod", "apiVersion": "v1"}, "an object of Kubernetes (Pod)"),
    Row(
        "a ConfigMap of YAML",
        "apiVersion: v1\nkind: ConfigMap\ndata: {a: b}\n",
        "an object of Kubernetes (ConfigMap)",
    ),
]
BASE64 = [
    Row("base64", ENCODED, "the base64 of another file", "base64 -d FILE"),
    Row(
        "base64 in lines",
        "\n".join(ENCODED[at : at + 40] for at in range(0, len(ENCODED), 40)) + "\n",
        "the base64 of another file",
        "base64 -d FILE",
    ),
]
CRI = 'plugins."io.containerd.grpc.v1.cri".registry'
HERE = "microk8s private-registry add"
TOML = [
    Row(
        "containerd's configuration",
        f'version = 2\n[{CRI}]\n [{CRI}.mirrors."docker.io"]\n  endpoint = ["https://'
        'harbor.lab.test", "https://b.lab.test/v2/p", "https://c.lab.test/p"]\n'
        f'[{CRI}.mirrors."a.test:5000"]\n'
        f'endpoint = ["http://a.test:5000"]\n[{CRI}.configs."harbor.lab.test".auth]\n'
        f'username = "ann"\npassword = "{SECRET}"\n',
        "containerd's own configuration",
        f"{HERE} --mirror docker.io=https://harbor.lab.test --mirror"
        " docker.io=https://b.lab.test/v2/p --insecure a.test:5000   # and for its"
        f" logins: {HERE} --registry HOST --username NAME --password-stdin",
    ),
    Row(
        "containerd's configuration 3",
        'version = 3\n[plugins."io.containerd.cri.v1.images".registry]\n'
        'config_path = "/etc/containerd/certs.d"\n',
        "containerd's own configuration",
        f"{HERE} --import /etc/containerd/certs.d",
    ),
    Row(
        "MicroK8s' template",
        f'[{CRI}]\nconfig_path = "${{SNAP_DATA}}/args/certs.d"\n',
        "containerd's own configuration",
        f"{HERE} --mirror REGISTRY=URL",
    ),
    Row(
        "k3s' template",
        '{{ template "base" . }}\n[plugins."x".registry]\n{{ if .A }}\n',
        "containerd's own configuration",
        f"{HERE} --mirror REGISTRY=URL",
    ),
    Row(
        "another template",
        f'[{CRI}.mirrors."docker.io"]\n{{{{ range .Mirrors }}}}\n',
        "containerd's own configuration",
        f"{HERE} --mirror REGISTRY=URL",
    ),
    Row(
        "Podman's registries.conf",
        'unqualified-search-registries = ["docker.io"]\n[[registry]]\nprefix ='
        ' "docker.io"\nlocation = "harbor.lab.test/hub"\n[[registry.mirror]]\n'
        'location = "mirror.lab.test"\n',
        "Podman's and CRI-O's registries.conf",
        f"{HERE} --mirror docker.io=https://mirror.lab.test --mirror"
        " docker.io=https://harbor.lab.test/hub",
    ),
    Row(
        "Podman's registries.conf with insecure",
        '[[registry]]\nlocation = "a.lab.test:5000"\ninsecure = true\n[[registry]]\n'
        'prefix = "*.lab.test"\nlocation = "b.lab.test"\n',
        "Podman's and CRI-O's registries.conf",
        f"{HERE} --insecure a.lab.test:5000",
    ),
    Row(
        "Podman's old registries.conf",
        '[registries.search]\nregistries = ["docker.io"]\n',
        "Podman's and CRI-O's registries.conf",
        f"{HERE} --mirror REGISTRY=URL",
    ),
    Row(
        "a hosts.toml",
        'server = "https://registry-1.docker.io"\n[host."https://h.lab.test/v2/p"]\n'
        'capabilities = ["pull", "resolve"]\noverride_path = true\n',
        "containerd's hosts.toml of one registry",
        f"{HERE} --import DIR",
    ),
    Row(
        "a hosts.toml without server",
        "[host.'https://h.lab.test']\n",
        "containerd's hosts.toml of one registry",
        f"{HERE} --import DIR",
    ),
]
ROWS = [*KUBERNETES, *NO_LOGIN, *BASE64, *TOML]


def _says(stderr: str, row: Row) -> None:
    error, place, *remedy = stderr.splitlines()
    assert error.startswith(f"error: it is {row.what}"), stderr
    assert place.startswith("  where: "), stderr
    assert bool(remedy) == (row.do is not None), stderr
    for each in remedy:
        assert row.do in each  # type: ignore[operator]
    for secret in (SECRET, PAIR, ENCODED):
        assert secret not in stderr


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.id)
def test_a_file_that_is_something_else(microk8s: Microk8s, row: Row) -> None:
    before = microk8s.tree()
    result = microk8s.run("enable", "--file", "-", stdin=row.text.encode())
    assert result.exit_code == 2
    _says(result.stderr, row)
    if row in (*KUBERNETES, *BASE64):
        assert result.stderr.rstrip().endswith(f" | {ADD}")
    assert microk8s.tree() == before


@pytest.mark.parametrize("row", [*KUBERNETES, *NO_LOGIN, *BASE64], ids=lambda r: r.id)
def test_a_pull_secret_from_something_else(microk8s: Microk8s, row: Row) -> None:
    options = ["--pull-secret", "reg", "--pull-secret-from", "-"]
    result = microk8s.run("enable", *options, stdin=row.text.encode())
    assert result.exit_code == 2
    _says(result.stderr, row)
    if row.do:
        typed = "microk8s private-registry add --pull-secret reg --pull-secret-from -"
        assert result.stderr.rstrip().endswith(f" | {typed}")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("mirrors:\n  docker.io:\n", "k3s' registries.yaml"),
        ('{"configs": {"a.lab.test": {}}}', "k3s' registries.yaml"),
        ('{"insecure-registries": ["a.lab.test"]}', "Docker's daemon.json"),
        ("[[registry]]\nhost = 'a.lab.test'\n", "registries.toml"),
    ],
)
def test_a_pull_secret_from_what_belongs_to_file(
    microk8s: Microk8s, tmp_path: Path, text: str, what: str
) -> None:
    file = tmp_path / "a file"
    file.write_text(text)
    options = ["--pull-secret", "reg", "--pull-secret-from", str(file)]
    result = microk8s.run("enable", *options)
    assert result.exit_code == 2
    assert f"error: it is {what}" in result.stderr
    assert f"  do: microk8s private-registry add --file '{file}'\n" in result.stderr


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_a_pull_secret_from_nothing(microk8s: Microk8s, text: str) -> None:
    options = ["--pull-secret", "reg", "--pull-secret-from", "-"]
    result = microk8s.run("enable", *options, stdin=text.encode())
    assert result.exit_code == 2
    assert "error: nothing stands in it\n" in result.stderr


def test_what_is_shown_names_the_file(microk8s: Microk8s, tmp_path: Path) -> None:
    file = tmp_path / "a file"
    file.write_text(ENCODED)
    result = microk8s.run("enable", "--file", str(file))
    assert f"  do: base64 -d '{file}' | {ADD}\n" in result.stderr
    decoded = base64.b64decode(file.read_text())
    assert (
        "reg.lab.test: HTTPS (logs in as ann)"
        in ok(microk8s.run("enable", "--file", "-", "--dry-run", stdin=decoded)).stdout
    )


@pytest.mark.parametrize("row", TOML, ids=lambda row: row.id)
def test_what_is_to_be_typed_is_accepted(microk8s: Microk8s, row: Row) -> None:
    options = (row.do or "").partition("   #")[0][len(HERE) :].split()
    if "--import" in options or "REGISTRY=URL" in options:
        return
    ok(microk8s.run("enable", *options, "--dry-run"))


@pytest.mark.parametrize(
    ("below", "options", "does"),
    [
        ("certs.d/docker.io/hosts.toml", "--file", "--import {0}/certs.d"),
        ("certs.d/docker.io/hosts.toml", "--import", "--import {0}/certs.d"),
        ("certs.d/docker.io", "--import", "--import {0}/certs.d"),
        ("registries.yaml", "--import", "--file {0}/registries.yaml"),
    ],
)
def test_the_right_directory_is_named(
    microk8s: Microk8s, tmp_path: Path, below: str, options: str, does: str
) -> None:
    hosts = tmp_path / "certs.d/docker.io/hosts.toml"
    hosts.parent.mkdir(parents=True)
    hosts.write_text("[host.'https://m.lab.test']\n")
    (tmp_path / "registries.yaml").write_text("configs: {a.test: {auth: {auth: x}}}\n")
    result = microk8s.run("enable", options, str(tmp_path / below))
    assert result.exit_code == 2
    typed = f"microk8s private-registry add {does.format(tmp_path)}\n"
    assert result.stderr.endswith(typed)


OLD = {"reg.lab.test": {"auth": PAIR, "email": "a@lab.test"}, "b.lab.test": {}}


def test_the_old_dockercfg_is_taken(microk8s: Microk8s) -> None:
    text = json.dumps(OLD, indent=1).encode()
    told = ok(microk8s.run("enable", "--file", "-", "--dry-run", stdin=text)).stdout
    assert "reg.lab.test: HTTPS (logs in as ann)\n" in told
    assert "standard input, line 6: b.lab.test: no password stands here" in told
    assert SECRET not in told


def test_the_old_dockercfg_makes_a_pull_secret() -> None:
    text, notes = docker_config_from(json.dumps(OLD), "f")
    assert json.loads(text)["auths"]["reg.lab.test"]["auth"] == PAIR
    assert list(json.loads(text)["auths"]) == ["reg.lab.test"]
    assert notes == ("f: b.lab.test holds no user name and password; left out",)


@pytest.mark.parametrize(
    "options", [["--file"], ["--pull-secret", "reg", "--pull-secret-from"]]
)
@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_file_in_utf_16(
    microk8s: Microk8s, tmp_path: Path, options: Tuple[str, ...], encoding: str
) -> None:
    file = tmp_path / "r.yaml"
    mark = "" if encoding == "utf-16" else "\ufeff"
    file.write_bytes((mark + "configs:\n  a.test: {}\n").encode(encoding))
    result = microk8s.run("enable", *options, str(file))
    assert result.exit_code == 2
    assert "error: not a text file in UTF-8, but in UTF-16\n" in result.stderr
    assert f"  do: iconv -f UTF-16 -t UTF-8 {file} " in result.stderr


def test_a_file_that_is_no_text(microk8s: Microk8s, tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_bytes(b"\x1f\x8b\x00\xff")
    result = microk8s.run("enable", "--file", str(file))
    assert "not a text file" in result.stderr
    assert "openssl" not in result.stderr


@given(
    st.text()
    | st.text("kindSecret: \n{}[]\"'.metadata=")
    | st.sampled_from([row.text for row in ROWS]).flatmap(
        lambda text: st.integers(0, len(text)).map(lambda at: text[:at])
    )
)
def test_no_text_is_a_bug(text: str) -> None:
    for found in (mistaken_files.of_text(text, "f"), mistaken_files.of_json(text)):
        assert found is None or found.what


_KEYS = (
    *("kind", "data", "metadata", "name", "items", "plugins", "registry", "mirrors"),
    *("endpoint", "host", "location", "prefix", "mirror", "type"),
)
_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text() | st.sampled_from(["Secret", ENCODED]),
    lambda below: st.lists(below, max_size=3)
    | st.dictionaries(
        st.sampled_from(_KEYS),
        below,
        max_size=4,
    ),
)


@given(_json)
def test_no_value_is_a_bug(plain: Any) -> None:
    found = mistaken_files.of_json(plain)
    assert found is None or found.what
    found = mistaken_files.of_toml(plain, "f") if isinstance(plain, dict) else None
    assert found is None or found.what


# --- characters that look as others ---------------------------------------------------

YAML = [
    ("mirrors:\n\tdocker.io:\n", "line 2", "a tab (U+0009)", "expand -t 2 FILE"),
    ("mirrors:\n  docker.io:\t{}\n", "line 2", "a tab (U+0009)", "expand -t 2 FILE"),
    (
        "mirrors:\n\u00a0 docker.io:\n\u00a0 endpoint:\n    - a\n",
        "line 2",
        "a hard blank (U+00A0)",
        "",
    ),
    ("mirrors:\n\u00a0\u00a0docker.io: {}\n", "line 2", "a hard blank (U+00A0)", ""),
    ("configs:\n  a.test:\u00a0{}\n  b:\n", "line 2", "a hard blank (U+00A0)", ""),
    ("mirrors:\n\u3000docker.io: {}\n", "line 2", "a hard blank (U+3000)", ""),
    ("mirrors:\n  a.test\u200b: {}\n", "line 2", "a hard blank (U+200B)", ""),
]


@pytest.mark.parametrize(("text", "line", "what", "does"), YAML)
def test_a_blank_of_yaml_that_is_none(
    text: str, line: str, what: str, does: str
) -> None:
    with pytest.raises(UsageError) as refused:
        yaml_text.parse(text, "standard input")
    assert refused.value.place == f"standard input, {line}"
    assert refused.value.message.startswith(f"not YAML: {what}")
    assert does in (refused.value.remedy or "")


def test_a_hard_blank_in_a_value_is_one() -> None:
    text = "configs:\n  a.test:\n    auth: {username: 'a\u00a0b', password: x\u00a0y}\n"
    auth = yaml_text.parse(text, "f").plain["configs"]["a.test"]["auth"]
    assert auth == {"username": "a\u00a0b", "password": "x\u00a0y"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[registry]]\n\u00a0 host = 'a.lab.test'\n", "a hard blank (U+00A0)"),
        (
            "# \u00a0\n[[registry]]\nhost = \u201ca.lab.test\u201d\n",
            "a quote of typesetting (U+201C)",
        ),
        ('{"auths":\n\u00a0{}}', "a hard blank (U+00A0)"),
        ('{"auths":\n{\u201ca.test\u201d: {}}}', "a quote of typesetting (U+201C)"),
    ],
)
def test_a_blank_or_quote_of_others_that_is_none(
    microk8s: Microk8s, text: str, says: str
) -> None:
    result = microk8s.run("enable", "--file", "-", stdin=text.encode())
    assert result.exit_code == 2
    line = 3 if "#" in text else 2
    assert says in result.stderr
    assert f"where: standard input, line {line}\n" in result.stderr
