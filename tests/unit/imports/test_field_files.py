"""Files as people have them, with made-up names and secrets: what is taken of them, and
what is said.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from private_registry.texts import json_lines
from unit.microk8s import Microk8s, ok
from unit.pki import Pki

SECRET = "s3cret"
ANN = base64.b64encode(f"ann:{SECRET}".encode()).decode()
BOB = base64.b64encode(b"bob:0ther-s3cret").decode()
KEY_FILE = '{\n  "type": "service_account"\n}'
GOOGLE = base64.b64encode(f"_json_key:{KEY_FILE}".encode()).decode()
ECR = "123456789012.dkr.ecr.eu-west-2.amazonaws.com"
AWS = base64.b64encode(f"AWS:{SECRET}".encode()).decode()


class Row(NamedTuple):
    """A file, the registries that are taken of it, as ``list`` shows each, and what is
    said of the rest.

    Where nothing is taken, it is said in an error.
    """

    id: str
    text: str
    taken: Tuple[str, ...]
    says: Tuple[str, ...] = ()


def _config(**auths: Any) -> str:
    return json.dumps({"auths": auths}, indent=1)


def _auths(*logins: Tuple[str, str]) -> str:
    return _config(**{host: {"auth": auth} for host, auth in logins})


K3S = [
    Row(
        "a misspelt top",
        'mirrros:\n  myregistry:\n    endpoint:\n      - "http://myregistry"\nconfigs:\n'
        '  "myregistry":\n    auth:\n      username: myusr\n      password: mypasswd\n',
        (),
        ("line 1, mirrros", "did you mean mirrors?"),
    ),
    Row(
        "a misspelt top and nothing else",
        'mirrros:\n  docker.io:\n    endpoint: ["https://m.lab.test"]\n',
        (),
        ("line 1", "it has a key mirrros; did you mean mirrors?"),
    ),
    Row(
        "a misspelt top of JSON",
        '{\n "auth": {"reg.lab.test": {}}}',
        (),
        ("line 2", "it has a key auth; did you mean auths?"),
    ),
    Row(
        "a misspelt list of Docker",
        '{"insecure-registry": ["reg.lab.test"]}',
        (),
        ("did you mean insecure-registries?",),
    ),
    Row(
        "misspelt endpoints",
        "mirrors:\n  docker.io:\n    endpoints:\n      - https://mirror.lab.test\n",
        (),
        ("line 3, mirrors.docker.io.endpoints", "did you mean endpoint?"),
    ),
    Row(
        "misspelt endpoints of one of two",
        "mirrors:\n  docker.io:\n    endpoints:\n      - https://mirror.lab.test\n"
        "  quay.io:\n    endpoint: [https://m.lab.test]\n",
        ("quay.io: https://m.lab.test, then itself (HTTPS)",),
        ("line 3: mirrors.docker.io.endpoints: this addon", "did you mean endpoint?"),
    ),
    Row(
        "settings of the mirrored name, and a path",
        'mirrors:\n  "docker.io":\n    endpoint:\n      - 192.168.7.59/proxy-cache\n'
        'configs:\n  "docker.io":\n    tls:\n      insecure_skip_verify: true\n',
        ("docker.io: HTTPS (certificate not verified)",),
        (
            "line 6: configs.docker.io: this is how docker.io itself is spoken to",
            "that would stand in configs.192.168.7.59",
            "if a project is meant: https://192.168.7.59/v2/proxy-cache",
        ),
    ),
    Row(
        "settings of the mirrored name, and a login",
        "mirrors:\n  docker.io:\n    endpoint:\n    - https://m.docker.lab.test\n"
        "configs:\n  docker.io:\n    auth:\n      username: USERNAME\n      password:"
        ' PASSWORD\n      auth: BASICAUTH\n      identity_token: ""\n    tls:\n'
        '      ca_file: ""\n      cert_file: ""\n      key_file: ""\n'
        "      insecure_skip_verify: true\n",
        (
            (
                "docker.io: https://m.docker.lab.test, then itself (HTTPS (certificate"
                " not verified, logs in as USERNAME))"
            ),
        ),
        ("line 6: configs.docker.io: this is how docker.io itself",),
    ),
    Row(
        "a login of the mirrored name",
        'mirrors:\n  icr.io:\n    endpoint:\n      - "https://docker.lab.test"\nconfigs:'
        "\n  icr.io:\n    auth:\n      username: ann\n      password: s3cret\n",
        ("icr.io: https://docker.lab.test, then itself (HTTPS (logs in as ann))",),
        (
            "line 6: configs.icr.io: this is how icr.io itself is spoken to, not its",
            "that would stand in configs.docker.lab.test",
        ),
    ),
    Row(
        "Docker Hub as a mirror of itself",
        'mirrors:\n  docker.io:\n    endpoint: ["docker.io"]\n',
        ("docker.io: HTTPS",),
        ("line 3: mirrors.docker.io.endpoint: https://registry-1.docker.io is docker",),
    ),
    Row(
        "an endpoint that is none, and one that is",
        "mirrors:\n  docker.io:\n    endpoint:\n    - ftp://m.lab.test\n    - https://"
        "m.lab.test\n  quay.io: {endpoint: 5}\n  '../x': {endpoint: [a.lab.test]}\n",
        ("docker.io: https://m.lab.test, then itself (HTTPS)",),
        (
            "line 3: mirrors.docker.io.endpoint: ftp://m.lab.test does not speak",
            "line 6: mirrors.quay.io.endpoint: must be a list of texts; left out",
            "line 7: mirrors.../x: ",
        ),
    ),
    Row(
        "a certificate that is not there",
        "mirrors:\n  docker.io:\n    endpoint: [https://m.lab.test,"
        " https://n.lab.test]\n  quay.io:\n    endpoint: [https://m.lab.test]\nconfigs:"
        "\n  m.lab.test:\n    tls: {ca_file: /no/such.crt}\n",
        ("docker.io: https://n.lab.test, then itself (HTTPS)",),
        (
            "line 8: configs.m.lab.test.tls.ca_file: /no/such.crt cannot be read",
            "line 3: mirrors.docker.io.endpoint: https://m.lab.test is left out",
            "line 4: mirrors.quay.io: no endpoint of it can be carried over",
        ),
    ),
    Row(
        "logins that cannot be sent",
        "configs:\n  a.lab.test:\n    auth: {username: 'a:b', password: s3cret}\n"
        "  b.lab.test:\n    auth: {auth: '!'}\n    tls: {insecure_skip_verify: true}\n"
        "  c.lab.test:\n    auth: {username: ann, password: s3cret}\n",
        (
            "b.lab.test: HTTPS (certificate not verified)",
            "c.lab.test: HTTPS (logs in as ann)",
        ),
        (
            "line 3: configs.a.lab.test.auth: a user name cannot hold a colon",
            "line 5: configs.b.lab.test.auth.auth: must be base64",
        ),
    ),
    Row(
        "a key file as a block",
        "configs:\n  gcr.io:\n    auth:\n      username: _json_key\n      password: |\n"
        '        {\n          "type": "service_account"\n        }\n',
        ("gcr.io: HTTPS (logs in as _json_key)",),
    ),
    Row(
        "a name in two spellings",
        "mirrors:\n  A.test: {endpoint: [m.test]}\n  a.test: {endpoint: [n.test]}\n",
        ("a.test: https://m.test, then itself (HTTPS)",),
        ("line 3: mirrors.a.test: a.test is named twice; left out",),
    ),
    Row(
        "names with a scheme",
        'mirrors:\n  "https://nuc.lab.test:5000":\n    endpoint: ["https://nuc.lab.test:'
        '5000/v2"]\nconfigs:\n  "https://nuc.lab.test:5000":\n    auth: {username: ann,'
        " password: s3cret}\n  https://index.docker.io/v2/:\n    auth: {auth: x}\n"
        "  a.lab.test/team:\n  ftp://b.lab.test:\n  c.lab.test: {auth: {username: ann,"
        " password: s3cret}}\n",
        ("c.lab.test: HTTPS (logs in as ann)",),
        (
            (
                "line 2: mirrors.https://nuc.lab.test:5000: a name has no scheme:"
                " nuc.lab.test:5000 is meant; left out"
            ),
            "line 5: configs.https://nuc.lab.test:5000: a name has no scheme:",
            (
                "line 7: configs.https://index.docker.io/v2/: a name has no scheme and"
                " no path: docker.io is meant"
            ),
            "line 9: configs.a.lab.test/team: a name has no path: a.lab.test is meant",
            "line 10: configs.ftp://b.lab.test: ftp://b.lab.test is not a host name",
        ),
    ),
    Row(
        "names with a scheme and nothing else",
        'mirrors:\n  "http://nuc.lab.test":\n    endpoint: ["http://nuc.lab.test"]\n',
        (),
        ("a name has no scheme: nuc.lab.test is meant", "line 2"),
    ),
    Row(
        "wildcards",
        'mirrors:\n  "*.lab.test": {endpoint: [m.lab.test]}\n  "*":\n    endpoint:'
        ' [m.lab.test]\nconfigs:\n  "*.lab.test": {auth: {auth: x}}\n',
        ("every other registry: https://m.lab.test, then the registry itself",),
        (
            "line 2: mirrors.*.lab.test: '*.lab.test' is a wildcard, and containerd",
            "line 6: configs.*.lab.test: '*.lab.test' is a wildcard",
        ),
    ),
    Row(
        "addresses as they stand",
        "mirrors:\n  docker.io:\n    endpoint: [nexus.lab.test/repository/hub,"
        " M.lab.test/v2/, m.lab.test]\n",
        ("docker.io: https://m.lab.test, then itself (HTTPS)",),
        (
            "endpoint: nexus.lab.test/repository/hub is asked there without /v2",
            "endpoint: m.lab.test is named twice",
        ),
    ),
    Row(
        "variables",
        "mirrors:\n  docker.io: {endpoint: [m.lab.test]}\nconfigs:\n  m.lab.test:\n"
        "    auth: {username: '${REG_USER}', password: $REG_PASS}\n  a.lab.test:\n"
        "    auth: {username: robot$ci, password: '{{ s3cret }}'}\n  b.lab.test:\n"
        "    auth: {auth: '${AUTH}'}\n",
        (
            (
                "docker.io: https://m.lab.test (logs in as ${REG_USER}), then itself"
                " (HTTPS)"
            ),
            "a.lab.test: HTTPS (logs in as robot$ci)",
        ),
        (
            "note: m.lab.test: the user name and the password are written as a",
            "note: a.lab.test: the password is written as a variable, which nobody",
            (
                "line 9: configs.b.lab.test.auth.auth: must be base64 of USER:PASSWORD;"
                " nobody fills in a variable here"
            ),
        ),
    ),
    Row(
        "a token that is no base64",
        "configs:\n  docker.io:\n    auth: {auth: dckr_pat_s3cret}\n",
        (),
        ("must be base64 of USER:PASSWORD; a token goes into password", "line 3"),
    ),
    Row("nothing at all", "mirrors: {}\nconfigs:\n", (), ("there is no registry in",)),
    Row("an empty file", "\n# nothing\n", (), ("nothing stands in it",)),
]
CONFIGS = [
    Row(
        "an old config.json",
        json.dumps(
            {
                "auths": {
                    "https://index.docker.io/v1/": {"auth": ANN},
                    "https://reg.lab.test/v1/": {"auth": ANN},
                    "registry.gitlab.com": {},
                },
                "credHelpers": {"us-central1-docker.pkg.dev": "gcloud"},
                "HttpHeaders": {"User-Agent": "Docker-Client/19.03.12 (linux)"},
            },
            indent=1,
        ),
        (
            "docker.io: HTTPS (logs in as ann)",
            "reg.lab.test: HTTPS (logs in as ann)",
        ),
        (
            "line 9: auths.registry.gitlab.com: no password stands here",
            "line 12: credHelpers.us-central1-docker.pkg.dev: ",
            "line 14: HttpHeaders: ",
        ),
    ),
    Row(
        "with scheme",
        _auths(("http://10.0.0.5:5000", ANN)),
        ("10.0.0.5:5000: HTTPS (logs in as ann)",),
        ("line 3: auths.http://10.0.0.5:5000: taken as the login over HTTPS",),
    ),
    Row(
        "with /v2/",
        _auths(("reg2.lab.test:5000/v2/", ANN)),
        ("reg2.lab.test:5000: HTTPS (logs in as ann)",),
    ),
    Row(
        "the exact key behind a part",
        _auths(("quay.io/acme", ANN), ("quay.io", BOB)),
        ("quay.io: HTTPS (logs in as bob)",),
        ("line 3: auths.quay.io/acme: another login for quay.io names it more",),
    ),
    Row(
        "the exact key before a part",
        _auths(("quay.io", BOB), ("quay.io/acme", ANN)),
        ("quay.io: HTTPS (logs in as bob)",),
        ("auths.quay.io/acme: another login",),
    ),
    Row(
        "the exact key behind a URL",
        _auths(("https://quay.io/v1/", ANN), ("quay.io", BOB)),
        ("quay.io: HTTPS (logs in as bob)",),
        ("auths.https://quay.io/v1/: another login",),
    ),
    Row(
        "Docker Hub's exact key behind another",
        _auths(("docker.io", ANN), ("https://index.docker.io/v1/", BOB)),
        ("docker.io: HTTPS (logs in as bob)",),
        ("auths.docker.io: another login for docker.io names it more exactly",),
    ),
    Row(
        "two parts",
        _auths(("quay.io/acme", ANN), ("quay.io/other", BOB)),
        ("quay.io: HTTPS (logs in as ann)",),
        (
            "auths.quay.io/acme: taken for all of quay.io",
            "auths.quay.io/other: another login for quay.io stands above it",
        ),
    ),
    Row(
        "a key file of many lines",
        _auths(("gcr.io", GOOGLE), ("reg.lab.test", ANN)),
        (
            "gcr.io: HTTPS (logs in as _json_key)",
            "reg.lab.test: HTTPS (logs in as ann)",
        ),
    ),
    Row(
        "all of them",
        json.dumps(
            {
                "auths": {
                    "https://index.docker.io/v1/": {"auth": ANN},
                    "http://10.0.0.5:5000": {"auth": ANN},
                    "reg2.lab.test:5000/v2/": {"auth": ANN},
                    "registry.gitlab.com": {},
                    ECR: {"auth": AWS},
                    "https://gcr.io": {"auth": GOOGLE},
                },
                "proxies": {"default": {"httpProxy": "http://proxy.lab.test:3128"}},
                "currentContext": "rootless",
            },
            indent="\t",
        ),
        (
            "docker.io: HTTPS (logs in as ann)",
            "10.0.0.5:5000: HTTPS (logs in as ann)",
            "reg2.lab.test:5000: HTTPS (logs in as ann)",
            f"{ECR}: HTTPS (logs in as AWS)",
            "gcr.io: HTTPS (logs in as _json_key)",
        ),
        (
            "line 12: auths.registry.gitlab.com: no password",
            "not about registries, left out: proxies, currentContext",
            f"{ECR}: at Amazon ECR the user is AWS, and a password ends 12 hours",
        ),
    ),
    Row(
        "entries that cannot be",
        _config(
            **{
                "a.lab.test": {"auth": "!"},
                "b.lab.test": 5,
                "c.lab.test": {"auth": base64.b64encode(b"ann:\0x\x1b").decode()},
                "../x": {"auth": ANN},
                "d.lab.test": {"auth": ANN},
            }
        ),
        ("d.lab.test: HTTPS (logs in as ann)",),
        (
            "line 4: auths.a.lab.test.auth: must be base64",
            "line 6: auths.b.lab.test: must be keys with values",
            "line 7: auths.c.lab.test: the password holds a control character",
            "line 10: auths.../x: ",
        ),
    ),
    Row(
        "nothing but a store",
        '{"auths": {"a.lab.test": {}}, "credsStore": "desktop"}',
        (),
        ("no password stands here (and 1 more)", "standard input, auths.a.lab.test"),
    ),
    Row(
        "an Amazon store and nothing else",
        '{"credsStore": "ecr-login"}',
        (),
        (
            (
                "do: aws ecr get-login-password | microk8s private-registry add"
                " --registry HOST --username AWS --password-stdin"
            ),
        ),
    ),
    Row(
        "a store of a host",
        '{"auths": {"https://a.lab.test/v2/": {}}, "credsStore": "desktop"}',
        (),
        ("do: docker --config DIR login a.lab.test, and give DIR/config.json",),
    ),
    Row(
        "a store of Docker Hub",
        '{"auths": {"https://index.docker.io/v1/": {}}, "credsStore": "desktop"}',
        (),
        ("do: docker --config DIR login, and give DIR/config.json",),
    ),
    Row(
        "helpers",
        json.dumps(
            {
                "auths": {"a.lab.test": {"auth": ANN}},
                "credHelpers": {
                    "eu-docker.pkg.dev": "gcloud",
                    ECR: "ecr-login",
                    "b.lab.test": "pass",
                    "$(id)": "pass",
                },
            }
        ),
        ("a.lab.test: HTTPS (logs in as ann)",),
        (
            (
                "(instead: gcloud auth print-access-token | microk8s private-registry"
                " add --registry eu-docker.pkg.dev --username oauth2accesstoken"
            ),
            f"add --registry {ECR} --username AWS --password-stdin)",
            "(instead: docker --config DIR login b.lab.test, and give DIR/config.json)",
            "(instead: docker --config DIR login HOST, and give DIR/config.json)",
        ),
    ),
    Row(
        "an identity token of Azure",
        _config(**{"acme.azurecr.io": {"auth": ANN, "identitytoken": "s3cret-token"}}),
        (),
        (
            "containerd of this addon has no identity tokens",
            (
                "do: az acr login --name acme --expose-token -o tsv --query"
                " accessToken | microk8s private-registry add --registry"
                " acme.azurecr.io --username 00000000-0000-0000-0000-000000000000"
                " --password-stdin (it ends"
            ),
        ),
    ),
    Row(
        "an identity token of another",
        _config(**{"a.lab.test": {"identitytoken": "s3cret-token"}}),
        (),
        ("do: docker --config DIR login a.lab.test,",),
    ),
    Row(
        "keys that are no names",
        _auths(
            ("pip install torch --index-url https://x", ANN),
            ("*.dkr.ecr.eu-west-1.amazonaws.com", ANN),
            ("ftp://b.lab.test", ANN),
            ("a.lab.test", ANN),
        ),
        ("a.lab.test: HTTPS (logs in as ann)",),
        (
            "url https://x: 'pip install torch --index-url https://x' is not a host",
            "'*.dkr.ecr.eu-west-1.amazonaws.com' is a wildcard, and containerd",
            "auths.ftp://b.lab.test: ftp://b.lab.test is not a host name",
        ),
    ),
    Row("no login", '{"auths": {}}', (), ("there is no registry in it",)),
]
OTHERS = [
    Row(
        "daemon.json with entries that cannot be",
        '{\n "insecure-registries": ["$(id)", "a.lab.test", "10.0.0.0/8"],\n'
        ' "registry-mirrors": ["m.lab.test", "https://m.lab.test"]\n}',
        (
            "a.lab.test: plain HTTP",
            "docker.io: https://m.lab.test, then itself (HTTPS)",
        ),
        (
            "line 2: insecure-registries: '$(id)' is not a host name",
            "line 2: insecure-registries: 10.0.0.0/8 is a range",
            "line 3: registry-mirrors: the mirror m.lab.test needs http:// or",
        ),
    ),
    Row(
        "daemon.json with a list that is none",
        '{"insecure-registries": "a.lab.test", "registry-mirrors": ["https://m.test"]}',
        ("docker.io: https://m.test, then itself (HTTPS)",),
        ("insecure-registries: must be a list of texts",),
    ),
    Row(
        "daemon.json with paths",
        '{\n "insecure-registries": ["reg.lab.test:5000/team", "fd00::/8", "b.test"],\n'
        ' "registry-mirrors": ["https://m.lab.test/hub"]\n}',
        ("b.test: plain HTTP",),
        (
            "line 2: insecure-registries: a name has no path: reg.lab.test:5000 is",
            "line 2: insecure-registries: fd00::/8 is a range of addresses",
            (
                "line 3: registry-mirrors: Docker takes no path in https://m.lab.test/hub;"
                " left out (instead: microk8s private-registry add --mirror"
                " docker.io=https://m.lab.test/hub)"
            ),
        ),
    ),
    Row(
        "registries.toml with variables",
        '[[registry]]\nhost = "a.lab.test"\nusername = "${REG_USER}"\npassword = "x"\n',
        ("a.lab.test: HTTPS (logs in as ${REG_USER})",),
        ("note: a.lab.test: the user name is written as a variable, which nobody",),
    ),
    Row("daemon.json of others", '{"debug": true}', (), ("not about registries",)),
    Row(
        "a launch configuration",
        "version: 0.1.0\ncontainerdRegistryConfigs:\n  docker.io: |\n"
        '    server = "http://10.141.1.17:5000"\n',
        ("docker.io: http://10.141.1.17:5000, and nothing else",),
        ("line 3: containerdRegistryConfigs.docker.io: server: is another address",),
    ),
    Row(
        "a launch configuration with more",
        "version: 0.2.0\naddons: [{name: dns}]\nextraContainerdEnv: {A: b}\n"
        "containerdRegistryConfigs:\n  quay.io: |\n    [host.'https://m.lab.test']\n"
        "  a.lab.test: 'not toml'\n  b.lab.test: [x]\n  c.lab.test: ''\n",
        ("quay.io: https://m.lab.test, then itself (HTTPS)",),
        (
            "not about registries, left out: addons, extraContainerdEnv",
            "line 7: containerdRegistryConfigs.a.lab.test",
            "line 8: containerdRegistryConfigs.b.lab.test: must be a text",
            "line 9: containerdRegistryConfigs.c.lab.test: is empty",
        ),
    ),
    Row(
        "a launch configuration as JSON",
        '{"containerdRegistryConfigs": {"a.lab.test": "server = \'http://a.lab.test\'"}}',
        ("a.lab.test: plain HTTP",),
    ),
    Row(
        "a misspelt launch configuration",
        "version: 0.2.0\ncontainerdRegistryConfig:\n  quay.io: x\n",
        (),
        ("line 2", "did you mean containerdRegistryConfigs?"),
    ),
    Row(
        "a list of a charm",
        '[{ "url": "http://10.45.21.126:5000", "host": "docker.io" }]',
        ("docker.io: http://10.45.21.126:5000, and nothing else",),
    ),
    Row(
        "a list of a charm with everything",
        json.dumps(
            [
                {"url": "https://reg.lab.test", "username": "ann", "password": SECRET},
                {"url": "https://m.lab.test/p", "host": "quay.io", "skip_verify": True},
                {"url": "http://n.lab.test", "username": "ann", "password": SECRET},
                {"url": "https://o.lab.test/p", "override_path": True},
                {"url": "https://p.lab.test", "ca_file": "!"},
                {"url": "ftp://q.lab.test"},
                {"url": "https://reg.lab.test"},
                5,
            ],
            indent=1,
        ),
        (
            "reg.lab.test: HTTPS (logs in as ann)",
            (
                "quay.io: https://m.lab.test/p/v2 (certificate not verified), and"
                " nothing else"
            ),
            "n.lab.test: plain HTTP",
        ),
        (
            "line 12: 3: over plain HTTP everybody on the way",
            "line 18: 4.url: is asked at a path without /v2",
            "line 23: 5.ca_file: must be base64 of a PEM file",
            "line 26: 6.url: ftp://q.lab.test does not speak",
            "line 28: 7: reg.lab.test is named twice",
            ": 8: must be keys with values",
        ),
    ),
    Row("another list", '[{"name": "x"}]', (), ("not TOML, and not k3s'",)),
    Row("an empty list", "[]", (), ("not TOML, and not k3s'",)),
]


@pytest.mark.parametrize("row", [*K3S, *CONFIGS, *OTHERS], ids=lambda row: row.id)
def test_what_is_taken_of_a_file_and_what_is_said(microk8s: Microk8s, row: Row) -> None:
    ok(microk8s.run("enable", "--insecure", "before.lab.test"))
    before = microk8s.tree()
    for verb in ("add", "apply"):
        options = [verb, "--file", "-", "--dry-run"]
        result = microk8s.run("plugin", *options, stdin=row.text.encode())
        told = result.stdout if row.taken else result.stderr
        assert result.exit_code == (0 if row.taken else 2), result
        for each in row.says:
            assert each in told
        registries = [
            line
            for line in result.stdout.splitlines()
            if not line.startswith((" ", "note: ", "before.", "Nothing", "Mind"))
        ]
        assert registries == list(row.taken)
        for secret in (SECRET, ANN, BOB, GOOGLE, KEY_FILE, "service_account"):
            assert secret not in result.stdout + result.stderr
    assert microk8s.tree() == before


def _tree(root: Path, files: Dict[str, str]) -> None:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)


RKE2 = {
    "docker.io/hosts.toml": """\
# File generated by rke2. DO NOT EDIT.

server = "https://registry-1.docker.io/v2"
capabilities = ["pull", "resolve", "push"]


[host]
[host."https://pvt.lab.test/v2"]
  capabilities = ["pull", "resolve"]
  ca = ["ca.crt"]

[host."https://pvt.lab.test/v2".rewrite]
    "^rancher/(.*)" = "mirror/$1"
""",
    "pvt.lab.test/hosts.toml": """\
# File generated by rke2. DO NOT EDIT.

server = "https://pvt.lab.test/v2"
capabilities = ["pull", "resolve", "push"]

ca = ["ca.crt"]


[host]
""",
}


def test_an_endpoint_goes_with_its_rewriting(
    microk8s: Microk8s, pki: Pki, tmp_path: Path
) -> None:
    root = tmp_path / "tree"
    _tree(root, {**RKE2, "pvt.lab.test/ca.crt": pki.authority.pem})
    result = ok(microk8s.run("enable", "--import", str(root)))
    note = (
        f"note: {root}/docker.io/hosts.toml, line 12:"
        " host.https://pvt.lab.test/v2.rewrite: only a prefix of every name"
    )
    assert note in result.stdout
    assert "docker.io: HTTPS\npvt.lab.test: HTTPS (own CA)\n" in result.stdout


REWRITES = [
    ("'^(.*)$' = 'proxy/$1'", "quay.io: https://m.lab.test/v2/proxy, then itself"),
    ("'(.+)' = 'a/b/${1}'", "quay.io: https://m.lab.test/v2/a/b, then itself"),
    ("'^' = 'a/'", "quay.io: https://m.lab.test/v2/a, then itself"),
    ("", "quay.io: https://m.lab.test, then itself"),
    ("'^a/(.*)' = 'b/$1'", ""),
    ("'^(.*)$' = '../$1'", ""),
    ("'^(.*)$' = 'p/$1'\n'b' = 'c'", ""),
    ("'^(.*)$' = 5", ""),
    ("'^(.*)$' = ['p/$1']", ""),
]


@pytest.mark.parametrize(("rewrite", "says"), REWRITES)
def test_a_prefix_of_every_name_is_carried_over(
    microk8s: Microk8s, tmp_path: Path, rewrite: str, says: str
) -> None:
    host = (
        f'[host."https://m.lab.test"]\n[host."https://m.lab.test".rewrite]\n{rewrite}'
    )
    root = tmp_path / "tree"
    _tree(root, {"quay.io/hosts.toml": host})
    result = microk8s.run("enable", "--import", str(root), "--dry-run")
    if says:
        assert says in ok(result).stdout
    else:
        assert result.exit_code == 2
        assert "only a prefix of every name" in result.stderr
        assert f"{root}/quay.io/hosts.toml, line 2, host" in result.stderr


@pytest.mark.parametrize(
    "server",
    ["server = 'https://reg.lab.test'\n", "server = 'https://m.lab.test'\n", ""],
)
def test_a_server_with_a_rewriting_is_left_out_with_all_of_its_file(
    microk8s: Microk8s, tmp_path: Path, server: str
) -> None:
    rewrite = "[host.'https://n.lab.test']\n[rewrite]\n'^a/(.*)' = 'b/$1'\n"
    root = tmp_path / "tree"
    _tree(root, {"reg.lab.test/hosts.toml": server + rewrite})
    result = microk8s.run("enable", "--import", str(root), "--dry-run")
    assert result.exit_code == 2
    assert "only a prefix of every name" in result.stderr


def test_of_a_tree_what_can_be_taken_is_taken(
    microk8s: Microk8s, tmp_path: Path
) -> None:
    root = tmp_path / "tree"
    files = {
        "a.lab.test/hosts.toml": "server = 5\n",
        "b.lab.test/hosts.toml": "[host.'https://m.lab.test'\n",
        "c.lab.test/hosts.toml": "\n[host.'https://m.lab.test']\nca = 'no.crt'\n"
        "[host.'https://n.lab.test']\n",
        "d.lab.test/hosts.toml": "ca = 'bad.crt'\n",
        "d.lab.test/bad.crt": "no certificate",
        "e.lab.test/hosts.toml": "skip_verify = true\n",
    }
    _tree(root, files)
    result = ok(microk8s.run("enable", "--import", str(root), "--dry-run"))
    for each in (
        "c.lab.test: https://n.lab.test, then itself (HTTPS)\n",
        "e.lab.test: HTTPS (certificate not verified)\n",
        f"note: {root}/a.lab.test/hosts.toml, line 1, server: ",
        f"note: {root}/b.lab.test/hosts.toml, line 1: not TOML: ",
        f"note: {root}/c.lab.test/hosts.toml, line 3: host.https://m.lab.test.ca: ",
        "no.crt cannot be read: no such file or directory; https://m.lab.test is left",
        f"note: {root}, registry d.lab.test: ",
    ):
        assert each in result.stdout
    assert "\nd.lab.test" not in result.stdout


# --- logins in headers ----------------------------------------------------------------

HEADER = f"authorization = 'Basic {ANN}'\n"


def _hosts(url: str, header: str = HEADER) -> str:
    return f"[host.'{url}']\nskip_verify = true\n[host.'{url}'.header]\n{header}"


def _saved(microk8s: Microk8s) -> List[Any]:
    text = ok(microk8s.run("plugin", "list", "--json")).stdout
    registries: List[Any] = json.loads(text)["registries"]
    return registries


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        HEADER.replace("authorization", "Authorization").replace("Basic", "basic"),
        f"Authorization = ['Basic {ANN}']\n",
    ],
)
def test_a_login_in_a_header_is_named_with_the_command_that_carries_it_over(
    microk8s: Microk8s, tmp_path: Path, header: str
) -> None:
    root = tmp_path / "a tree"
    hosts = _hosts("https://reg.lab.test", header)
    _tree(root, {"reg.lab.test/hosts.toml": hosts})
    result = ok(microk8s.run("enable", "--import", str(root), "--no-restart"))
    (note,) = [line for line in result.stdout.splitlines() if line[:5] == "note:"]
    command = f"microk8s private-registry add --import '{root}' --header-logins"
    assert f"is a login; left out ({command} carries it over)" in note
    assert "line 4: host.https://reg.lab.test.header.Authorization"[:40] in note
    assert SECRET not in result.stdout + result.stderr
    assert _saved(microk8s)[0]["username"] is None
    typed = ["add", "--import", str(root), "--header-logins", "--no-restart"]
    again = ok(microk8s.run("plugin", *typed))
    assert "reg.lab.test: HTTPS (certificate not verified, logs in as ann)" in (
        again.stdout
    )
    assert "note: /" not in again.stdout
    assert SECRET in microk8s.template.read_text()


def test_logins_in_headers_of_mirrors_and_of_plain_http(
    microk8s: Microk8s, tmp_path: Path
) -> None:
    other = f"authorization = 'Basic {BOB}'\n"
    root = tmp_path / "tree"
    files = {
        "quay.io/hosts.toml": _hosts("https://m.lab.test"),
        "ghcr.io/hosts.toml": _hosts("https://m.lab.test", other),
        "reg.lab.test/hosts.toml": f"[header]\n{HEADER}",
        "p.lab.test/hosts.toml": "server = 'http://p.lab.test'\n[header]\n" + HEADER,
        "q.lab.test/hosts.toml": _hosts("https://q.lab.test", "X-Key = 's3cret'\n"),
        "r.lab.test/hosts.toml": _hosts("https://r.lab.test", "Authorization = 'B x'"),
    }
    _tree(root, files)
    tree = ["--import", str(root), "--dry-run", "--header-logins"]
    told = ok(microk8s.run("enable", *tree)).stdout
    for each in (
        "ghcr.io: https://m.lab.test (certificate not verified, logs in as bob),",
        "quay.io: https://m.lab.test (certificate not verified), then",
        "reg.lab.test: HTTPS (logs in as ann)\n",
        "p.lab.test: plain HTTP\n",
        "another login for m.lab.test stands elsewhere",
        "q.lab.test.header: this addon has no such key",
        "r.lab.test.header: this addon has no such key",
        f"add --import {root} --header-logins --allow-plaintext-credentials)",
    ):
        assert each in told
    assert SECRET not in told
    for command in (["enable"], ["plugin", "apply"]):
        plain = ok(microk8s.run(*command, *tree, "--allow-plaintext-credentials"))
        assert "p.lab.test: plain HTTP (logs in as ann)\n" in plain.stdout


def test_of_the_nodes_own_tree_no_login_is_lost(microk8s: Microk8s) -> None:
    for host, url in (("a.lab.test", "https"), ("b.lab.test", "http")):
        hosts = _hosts(f"{url}://{host}").replace("skip_verify = true", "")
        microk8s.write(f"args/certs.d/{host}/hosts.toml", hosts)
    before = microk8s.tree()
    tree = ["--import", str(microk8s.current / "args/certs.d"), "--adopt"]
    for command in (["enable"], ["plugin", "add"], ["plugin", "apply"]):
        result = microk8s.run(*command, *tree)
        assert result.exit_code == 2
        options = ["--header-logins", "--allow-plaintext-credentials", "--adopt"]
        typed = [*tree[:2], *options]
        assert "logins in headers would be lost" in result.stderr
        assert " ".join(typed) in result.stderr
        assert microk8s.tree() == before
    result = ok(microk8s.run("enable", *typed, "--no-restart"))
    assert "a.lab.test: HTTPS (logs in as ann)" in result.stdout
    assert "b.lab.test: plain HTTP (logs in as ann)" in result.stdout
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


#: A file that says something of quay.io, which is saved, and of others.
LOST = {
    "a login that is no base64": json.dumps(
        {"auths": {"x.lab.test": {"auth": ANN}, "quay.io": {"auth": "!!"}}}
    ),
    "a login without words": json.dumps(
        {"auths": {"x.lab.test": {"auth": ANN}, "quay.io": {}}}
    ),
    "a key with a scheme": json.dumps(
        {"auths": {"x.lab.test": {"auth": ANN}, "https://quay.io/v2/": {"auth": "!"}}}
    ),
    "misspelt endpoints": "mirrors:\n  quay.io: {endpoints: ['https://m.lab.test']}\n"
    "  x.lab.test: {endpoint: ['https://m.lab.test']}\n",
    "misspelt mirrors": "mirror:\n  quay.io: {endpoint: ['https://m.lab.test']}\n"
    "configs:\n  x.lab.test: {tls: {insecure_skip_verify: true}}\n",
    "a launch configuration": "version: 0.2.0\ncontainerdRegistryConfigs:\n"
    "  quay.io: |\n    [host\n"
    '  x.lab.test: |\n    server = "http://x.lab.test"\n',
    "a charm's list": json.dumps(
        [
            {"url": "ftp://m.lab.test", "host": "quay.io"},
            {"url": "http://m.lab.test", "host": "x.lab.test"},
        ]
    ),
}


@pytest.mark.parametrize("text", LOST.values(), ids=LOST)
def test_apply_takes_nothing_away_that_it_could_not_read(
    microk8s: Microk8s, text: str
) -> None:
    ok(microk8s.run("enable", "--registry", "quay.io", "--skip-verify"))
    before = microk8s.tree()
    given = ["--file", "-", "--no-restart"]
    result = microk8s.run("plugin", "apply", *given, stdin=text.encode())
    assert result.exit_code == 2, result
    assert "quay.io" in result.stderr
    assert microk8s.tree() == before
    ok(microk8s.run("plugin", "add", *given, stdin=text.encode()))
    assert {each["host"] for each in _saved(microk8s)} == {"quay.io", "x.lab.test"}


def test_apply_takes_nothing_away_that_a_tree_could_not_say(
    microk8s: Microk8s, tmp_path: Path
) -> None:
    ok(microk8s.run("enable", "--registry", "quay.io", "--skip-verify"))
    root = tmp_path / "tree"
    _tree(root, {"quay.io/hosts.toml": "[host", "x.lab.test/hosts.toml": "ca = 'x'\n"})
    (root / "a.lab.test").mkdir()
    (root / "a.lab.test/hosts.toml").write_text("skip_verify = true\n")
    result = microk8s.run("plugin", "apply", "--import", str(root))
    assert result.exit_code == 2, result
    assert "quay.io" in result.stderr


def test_saved_logins_stay_where_a_tree_has_none(
    microk8s: Microk8s, tmp_path: Path
) -> None:
    login = ["--username", "bob", "--password-stdin", "--no-restart"]
    named = ["--registry", "b.lab.test", *login]
    ok(microk8s.run("enable", *named, stdin=b"0ther"))
    root = tmp_path / "tree"
    files = {
        "a.lab.test/hosts.toml": _hosts("https://a.lab.test"),
        "b.lab.test/hosts.toml": "skip_verify = true\n",
    }
    _tree(root, files)
    options = ["--import", str(root), "--header-logins", "--no-restart"]
    ok(microk8s.run("plugin", "add", *options))
    found = {each["host"]: each["username"] for each in _saved(microk8s)}
    assert found == {"a.lab.test": "ann", "b.lab.test": "bob"}


def test_logins_in_the_headers_of_a_launch_configuration(
    microk8s: Microk8s, tmp_path: Path
) -> None:
    file = tmp_path / "launch.yaml"
    indented = _hosts("https://a.lab.test").replace("\n", "\n    ").rstrip()
    file.write_text(f"containerdRegistryConfigs:\n  a.lab.test: |\n    {indented}\n")
    told = ok(microk8s.run("enable", "--file", str(file), "--dry-run")).stdout
    assert f"add --file {file} --header-logins carries it over" in told
    options = ["--file", str(file), "--dry-run", "--header-logins"]
    told = ok(microk8s.run("enable", *options)).stdout
    assert "a.lab.test: HTTPS (certificate not verified, logs in as ann)" in told


@pytest.mark.parametrize(
    ("door", "options", "says"),
    [
        ("enable", ["--header-logins"], "--import DIR --header-logins"),
        (
            "enable",
            ["--registry", "a.lab.test", "--header-logins"],
            "--import DIR --header-logins",
        ),
        ("plugin", ["apply", "--header-logins"], "--import DIR --header-logins"),
        (
            "plugin",
            ["apply", "--allow-plaintext-credentials"],
            "--import DIR --header-logins --allow-plaintext-credentials",
        ),
        (
            "enable",
            ["--import", "/", "--allow-plaintext-credentials"],
            "stands alone",
        ),
        (
            "enable",
            ["--import", "/", "--header-logins", "--username", "ann"],
            "stands alone",
        ),
    ],
)
def test_header_logins_are_those_of_a_tree(
    microk8s: Microk8s, door: str, options: List[str], says: str
) -> None:
    result = microk8s.run(door, *options)
    assert result.exit_code == 2
    assert says in result.stderr


# --- what is exported -----------------------------------------------------------------


def test_what_a_launch_configuration_says_comes_back(microk8s: Microk8s) -> None:
    mirrors = ["--mirror", "docker.io=https://m.lab.test/p", "--no-fallback"]
    ok(microk8s.run("enable", "--insecure", "a.lab.test:5000", *mirrors))
    ok(microk8s.run("plugin", "add", "--mirror", "*=https://n.lab.test"))
    before = _saved(microk8s)
    exported = ok(microk8s.run("plugin", "export", "--format", "launch-config")).stdout
    ok(microk8s.run("plugin", "remove", "--all"))
    ok(microk8s.run("plugin", "apply", "--file", "-", stdin=exported.encode()))
    found = _saved(microk8s)
    assert sorted(found, key=str) == sorted(before, key=str)


# --- lines of JSON --------------------------------------------------------------------

_plain: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.integers() | st.text('a"\\\n{}[],:', max_size=5),
    lambda below: st.lists(below, max_size=3)
    | st.dictionaries(st.text('a"\\\n{}[],:', max_size=3), below, max_size=3),
)


@given(_plain)
def test_each_key_is_found_in_its_line(plain: Any) -> None:
    text = json.dumps(plain, indent=1)
    rows = text.splitlines()
    for path, line in json_lines.lines_of(text).items():
        value = plain
        for key in path:
            value = value[int(key) - 1] if isinstance(value, list) else value[key]
        row = rows[line - 1].strip()
        assert row.startswith((json.dumps(path[-1]) + ":", "{", "["))
