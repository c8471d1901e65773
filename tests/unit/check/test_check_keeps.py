"""What `check` says of files that somebody wrote, typed as it stands: what pulled is
not made worse. On a throwaway node with made-up registries and the real engine.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Tuple

import pytest

from private_registry.check.probe import trust
from unit.check.test_check import Names, check, faults, names, node, registries
from unit.fake_registry import FakeRegistries, FakeRegistry, Heard, Said
from unit.microk8s import Microk8s, ok
from unit.pki import Pki, make

__all__ = ["names", "node", "registries"]
BASIC = "Basic YW5uOnMzY3JldA=="
UNAUTHORIZED = Said(401, (("WWW-Authenticate", 'Basic realm="r"'),))


def guarded(heard: Heard) -> Said:
    """Answer as a registry that wants a login."""
    given = {name.lower(): value for name, value in heard.headers.items()}
    return Said() if given.get("authorization") == BASIC else UNAUTHORIZED


class Stage(NamedTuple):
    """A node, and servers: ``plain`` and ``tls``, with and without a login."""

    node: Microk8s
    hosts: Dict[str, str]
    work: Path

    def text(self, text: str) -> str:
        for word, host in self.hosts.items():
            text = text.replace(word, host)
        return text

    def hosts_toml(self, text: str, registry: str) -> Path:
        directory = f"args/certs.d/{self.text(registry)}"
        return self.node.write(f"{directory}/hosts.toml", self.text(text))

    def type(self, command: str) -> bool:
        """Type a command; return whether it changes anything by itself."""
        for part in command.split(" && "):
            if "nano " in part or "snap " in part:
                return False
            self._type(part)
        return bool(command)

    def _type(self, part: str) -> None:
        if part.startswith("microk8s "):
            words = shlex.split(part.replace('"$REGISTRY_USER"', "ann"))
            assert words[:2] == ["microk8s", "private-registry"]
            before = Path.cwd()
            os.chdir(str(self.work))
            try:
                login = {"REGISTRY_PASSWORD": "s3cret"}
                ok(self.node.run("plugin", *words[2:], env=login))
            finally:
                os.chdir(str(before))
            return
        line = part.replace("sudo ", "")
        subprocess.run(["bash", "-euc", line], check=True, cwd=str(self.work))


@pytest.fixture
def stage(
    node: Microk8s,
    registries: FakeRegistries,
    names: Names,
    pki: Pki,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Stage:
    work = tmp_path / "work"
    work.mkdir()
    pair = make("tls", issuer=pki.authority, names=["tls.corp", "closed.corp"])
    served: Dict[str, FakeRegistry] = {
        "PLAIN": registries.start(),
        "CLOSED": registries.start(guarded, pair=pair),
        "TLS": registries.start(pair=pair),
        "GUARDED": registries.start(guarded),
    }
    hosts = {
        word: names.add(f"{word.lower()}.corp", server)
        for word, server in served.items()
    }
    hosts["NOBODY"] = names.add("nobody.corp", None)
    for name, text in {
        "ca.crt": pki.authority.pem,
        "client.crt": pki.client.pem,
        "client.key": pki.client.key,
    }.items():
        (work / name).write_text(text)
    trust.context_of.cache_clear()
    return Stage(node, hosts, work)


def commands(document: Any) -> List[str]:
    return [each["do"] for each in document["findings"] if each["do"]]


HEADER = f'[host."https://CLOSED".header]\nauthorization = "{BASIC}"\n'
SKIPS = "skip_verify = true\n"
CLOSED = 'server = "https://CLOSED"\n[host."https://CLOSED"]\n' + SKIPS
# Files that pull well, whatever is odd about them.
WELL: Dict[str, Tuple[str, str]] = {
    "skip_verify and a header that logs in": ("CLOSED", CLOSED + HEADER),
    "and no server": ("CLOSED", '[host."https://CLOSED"]\n' + SKIPS + HEADER),
    "and a key that nobody knows": ("CLOSED", CLOSED + 'colour = "red"\n' + HEADER),
    "a mirror without a scheme": (
        "NOBODY",
        'server = "https://TLS"\n[host."TLS"]\nskip_verify = true\n',
    ),
    "plain HTTP with TLS settings that speaks HTTPS": (
        "TLS",
        f'server = "http://TLS"\n{SKIPS}[host."http://TLS"]\n{SKIPS}',
    ),
    "a path in front of /v2": (
        "NOBODY",
        'server = "http://PLAIN"\n[host."http://PLAIN/proj"]\n',
    ),
    "a header above all tables": (
        "GUARDED",
        f'header = {{Authorization = "{BASIC}"}}\n[host."http://PLAIN"]\n',
    ),
    "a login in an address": ("PLAIN", '[host."http://me:pw@PLAIN"]\n'),
    "a name in small letters": (
        "PLAIN",
        '[host."http://PLAIN"]\nheader = {user-agent = "x"}\n',
    ),
}


@pytest.mark.parametrize(("registry", "text"), WELL.values(), ids=WELL)
def test_what_serves_serves_after_every_remedy(
    stage: Stage, registry: str, text: str
) -> None:
    host = stage.text(registry)
    file = stage.hosts_toml(text, registry)
    before = check(stage.node, host)
    assert not faults(before)
    (served,) = [each["answered_by"] for each in before["registries"]]
    for command in commands(before):
        assert "--adopt" not in command or registry == "PLAIN", command
        stage.type(command)
        after = check(stage.node, host)
        assert not faults(after), command
        assert [each["answered_by"] for each in after["registries"]] == [served]
        file.write_text(stage.text(text))


class Row(NamedTuple):
    """A fault, who serves once it is mended, and words that stay in the file."""

    registry: str
    text: str
    cause: str
    served: str
    stays: Tuple[str, ...] = ()
    command: str = ""


MIRRORS = '[host."https://NOBODY"]\nskip_verify = true\n[host."https://TLS"]\n'
FAULTS: Dict[str, Row] = {
    "HTTP, beside a header": Row(
        "PLAIN",
        'server = "https://PLAIN"\n[host."https://PLAIN"]\nskip_verify = true\n'
        '[host."https://PLAIN".header]\nX-A = "b"\n',
        "speaks_http",
        "http://PLAIN/v2",
        ('X-A = "b"',),
        "sudo sed -i ",
    ),
    "HTTP, beside a mirror": Row(
        "PLAIN",
        'server = "https://PLAIN"\n[host."https://TLS/v2/none"]\nskip_verify = true\n'
        'override_path = true\ncapabilities = ["pull"]\n',
        "speaks_http",
        "http://PLAIN/v2",
        ("override_path = true", "skip_verify = true"),
        "sudo sed -i ",
    ),
    "an unknown CA, beside a time limit": Row(
        "TLS",
        'server = "https://TLS"\n[host."https://TLS"]\ndial_timeout = "3s"\n'
        'header = {X-A = "b"}\n',
        "unknown_ca",
        "https://TLS/v2",
        ('X-A = "b"', "dial_timeout", 'ca = "ca.crt"'),
        "sudo install -m 644 ca.crt ",
    ),
    "an unknown CA, with nothing else": Row(
        "TLS",
        'server = "https://TLS"\n[host."https://TLS"]\n',
        "unknown_ca",
        "https://TLS/v2",
        (),
        "microk8s private-registry add --registry TLS --ca ca.crt --adopt",
    ),
    "HTTPS, with a header": Row(
        "TLS",
        'server = "http://TLS"\n[host."http://TLS"]\nheader = {X-A = "b"}\n',
        "speaks_https",
        "https://TLS/v2",
        ('X-A = "b"',),
        "sudo sed -i ",
    ),
    "a login, beside skip_verify": Row(
        "CLOSED",
        'server = "https://CLOSED"\n[host."https://CLOSED"]\nskip_verify = true\n',
        "login_missing",
        "https://CLOSED/v2",
        ("skip_verify = true",),
        'microk8s private-registry add --registry CLOSED --username "$REGISTRY_USER"'
        " --password-env REGISTRY_PASSWORD --skip-verify --adopt",
    ),
    "a mirror without fallback": Row(
        "NOBODY",
        'server = "https://PLAIN"\n[host."https://PLAIN"]\n',
        "speaks_http",
        "http://PLAIN/v2",
        (),
        "microk8s private-registry add --mirror NOBODY=http://PLAIN --no-fallback"
        " --adopt",
    ),
    "a mirror, and the registry's own settings": Row(
        "CLOSED",
        'server = "https://CLOSED"\nskip_verify = true\n[host."https://PLAIN"]\n',
        "speaks_http",
        "http://PLAIN/v2",
        ("skip_verify = true",),
        "microk8s private-registry add --mirror CLOSED=http://PLAIN --adopt && "
        "microk8s private-registry add --registry CLOSED --skip-verify --adopt",
    ),
    "two mirrors with settings of their own": Row(
        "TLS",
        'server = "https://TLS"\nskip_verify = true\n[host."https://PLAIN"]\n'
        '[host."https://TLS"]\nskip_verify = true\n[host."https://NOBODY"]\n'
        'ca = "c.pem"\n',
        "speaks_http",
        "http://PLAIN/v2",
        ("skip_verify = true", 'ca = "c.pem"', "https://NOBODY"),
        "sudo sed -i ",
    ),
}


@pytest.mark.parametrize("row", FAULTS.values(), ids=FAULTS)
def test_what_a_remedy_is_for_is_mended_and_the_rest_stays(
    stage: Stage, row: Row, pki: Pki
) -> None:
    host = stage.text(row.registry)
    file = stage.hosts_toml(row.text, row.registry)
    (file.parent / "c.pem").write_text(pki.authority.pem)
    document = check(stage.node, host)
    assert faults(document) == [row.cause], document
    (fault,) = [each for each in document["findings"] if each["severity"] == "fault"]
    assert fault["do"].startswith(stage.text(row.command)), fault
    assert stage.type(fault["do"])
    after = check(stage.node, host)
    assert row.cause not in faults(after), after
    served = [each["answered_by"] for each in after["registries"]]
    assert served == [stage.text(row.served)]
    for words in row.stays:
        assert stage.text(words) in file.read_text()


# --- directories ----------------------------------------------------------------------


def test_of_two_directories_the_one_that_serves_stays(stage: Stage) -> None:
    host = stage.hosts["TLS"]
    used = stage.hosts_toml(
        f'server = "https://TLS"\n{SKIPS}', host.replace(":", "_") + "_"
    )
    other = stage.hosts_toml('server = "http://TLS"\n[host."http://TLS"]\n', "TLS")
    used.write_text(used.read_text() + "[host]\n")
    document = check(stage.node, host)
    assert not faults(document)
    (note,) = document["findings"]
    assert note["cause"] == "shadowed"
    assert stage.type(note["do"])
    assert used.exists()
    assert not other.exists()
    assert not check(stage.node, host)["findings"]


def test_of_two_directories_the_one_that_fails_goes(stage: Stage) -> None:
    host = stage.hosts["PLAIN"]
    stage.hosts_toml('server = "https://PLAIN"\n[host]\n', host.replace(":", "_") + "_")
    stage.hosts_toml('server = "http://PLAIN"\n[host]\n', "PLAIN")
    (fault,) = check(stage.node, host)["findings"]
    assert (fault["cause"], fault["severity"]) == ("shadowed", "fault")
    assert stage.type(fault["do"])
    assert not check(stage.node, host)["findings"]


def test_a_ca_that_counts_beside_a_file_that_does_not(stage: Stage, pki: Pki) -> None:
    """Both a file with nearly the right name and one that is thrown away."""
    host = stage.hosts["TLS"]
    file = stage.hosts_toml("[host.https://TLS]\n", "TLS")
    (file.parent / "own.crt").write_text(pki.authority.pem)
    file.rename(file.with_name("host.toml"))
    document = check(stage.node, host)
    assert [each["severity"] for each in document["findings"]] == ["note"]
    assert commands(document) == []
    file.with_name("host.toml").rename(file)
    (fault,) = check(stage.node, host)["findings"]
    assert fault["cause"] == "unquoted"
    assert stage.type(fault["do"])
    assert not check(stage.node, host)["findings"]


# --- what is saved --------------------------------------------------------------------


def test_what_somebody_changed_and_is_in_effect_is_not_taken_back(
    stage: Stage,
) -> None:
    host = stage.hosts["PLAIN"]
    ok(stage.node.run("plugin", "add", "--registry", host))
    stage.hosts_toml('server = "http://PLAIN"\n[host."http://PLAIN"]\n', "PLAIN")
    document = check(stage.node, host)
    (note,) = document["findings"]
    assert (note["cause"], note["severity"], note["do"]) == (
        *("not_as_saved", "note"),
        None,
    )
    assert note["owner"]


def test_what_was_changed_and_says_the_same_is_taken_back(stage: Stage) -> None:
    host = stage.hosts["PLAIN"]
    ok(stage.node.run("plugin", "add", "--insecure", host))
    file = stage.node.certs_d / host / "hosts.toml"
    file.write_text(file.read_text() + "# mine\n")
    (note,) = check(stage.node, host)["findings"]
    assert note["do"] == "microk8s private-registry apply --adopt"
    assert stage.type(note["do"])
    assert not check(stage.node, host)["findings"]


def test_a_ca_that_somebody_changed_is_not_taken_back(stage: Stage, pki: Pki) -> None:
    host = stage.hosts["TLS"]
    ca = stage.work / "wrong.crt"
    ca.write_text(pki.other_authority.pem)
    ok(stage.node.run("plugin", "add", "--registry", host, "--ca", str(ca)))
    (stage.node.certs_d / host / "ca.crt").write_text(pki.authority.pem)
    (note,) = check(stage.node, host)["findings"]
    assert (note["cause"], note["do"]) == ("not_as_saved", None)


def test_a_login_goes_on_over_plain_http_where_its_remedy_says_so(
    stage: Stage,
) -> None:
    host = stage.hosts["GUARDED"]
    login = ("--username", "ann", "--password-env", "REGISTRY_PASSWORD")
    options = ("plugin", "add", "--registry", host, *login)
    ok(stage.node.run(*options, env={"REGISTRY_PASSWORD": "s3cret"}))
    document = check(stage.node, host)
    assert faults(document) == ["speaks_http"]
    assert stage.type(commands(document)[0])
    assert check(stage.node, host)["clean"]


def test_another_mirrors_ca_stays(stage: Stage) -> None:
    """The command would have to name all mirrors, and no option is for one of them."""
    host = stage.hosts["GUARDED"]
    (stage.work / "r.toml").write_text(
        stage.text(
            '[[registry]]\nhost = "NOBODY"\n[[registry.mirror]]\n'
            'url = "https://PLAIN"\n[[registry.mirror]]\nurl = "https://TLS"\n'
            'ca_file = "ca.crt"\n'
        )
    )
    done = stage.node.run("plugin", "add", "--file", str(stage.work / "r.toml"))
    assert done.exit_code == 0, (done, host)
    (fault,) = [
        each
        for each in check(stage.node, stage.hosts["NOBODY"])["findings"]
        if each["severity"] == "fault"
    ]
    assert fault["cause"] == "speaks_http"
    assert "apply --file registries.toml" in fault["do"]


# --- explain --------------------------------------------------------------------------

PULL = 'Failed to pull image "HOST/a:1": failed to resolve reference: '
HEAD = PULL + 'failed to do request: Head "https://HOST/v2/a/manifests/1": '
EXPLAINED: Dict[str, Tuple[str, str, str, Tuple[str, ...]]] = {
    "plain HTTP, with a header": (
        HEAD + "http: server gave HTTP response to HTTPS client",
        '[host."https://HOST"]\nheader = {X-A = "b"}\n[host."https://m.corp"]\n',
        "sudo sed -i ",
        ('X-A = "b"', "https://m.corp", '"http://HOST"'),
    ),
    "an unknown CA, with mirrors": (
        HEAD + "x509: certificate signed by unknown authority",
        '[host."https://m.corp"]\n[host."https://n.corp"]\nskip_verify = true\n',
        "sudo install -m 644 ca.crt ",
        ('"https://m.corp"', "skip_verify = true", 'ca = "ca.crt"'),
    ),
    "a login, and nobody knows whose": (
        PULL + "pull access denied, insufficient_scope: authorization failed",
        'server = "https://HOST"\n[host."https://m.corp"]\nskip_verify = true\n',
        "sudo nano ",
        (),
    ),
    "a login, with skip_verify": (
        PULL + "pull access denied, insufficient_scope: authorization failed",
        f'server = "https://HOST"\n{SKIPS}[host."https://HOST"]\n{SKIPS}',
        "microk8s private-registry add --registry HOST --username",
        ("skip_verify = true",),
    ),
    "a mirror, with another one": (
        PULL + 'Head "https://m.corp/v2/a/manifests/1?ns=HOST": http: server gave'
        " HTTP response to HTTPS client",
        '[host."https://m.corp"]\n[host."https://n.corp"]\nskip_verify = true\n',
        "sudo sed -i ",
        ('"http://m.corp"', '"https://n.corp"', "skip_verify = true"),
    ),
}


@pytest.mark.parametrize(
    ("words", "text", "command", "stays"), EXPLAINED.values(), ids=EXPLAINED
)
def test_a_remedy_of_an_explanation_keeps_what_somebody_wrote(
    stage: Stage, words: str, text: str, command: str, stays: Tuple[str, ...]
) -> None:
    host = "reg.corp:5000"
    file = stage.node.write(
        f"args/certs.d/{host}/hosts.toml", text.replace("HOST", host)
    )
    arguments = ("--explain", words.replace("HOST", host), "--json")
    done = ok(stage.node.run("plugin", "check", *arguments))
    told = json.loads(done.stdout)["explanations"][0]
    assert told["do"].startswith(command.replace("HOST", host)), told
    stage.type(told["do"])
    for each in stays:
        assert each.replace("HOST", host) in file.read_text()
