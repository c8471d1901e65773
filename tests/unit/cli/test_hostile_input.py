"""Wrong command lines: exit code 2, one clear error, nothing changed and no secret
shown.
"""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import List, NamedTuple, Tuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from unit import strategies
from unit.microk8s import Microk8s, Result
from unit.pki import Pki

PASSWORD = "s3cr3t"


class Case(NamedTuple):
    """A command line and what its error must say."""

    door: str
    arguments: Tuple[str, ...]
    says: str

    @property
    def id(self) -> str:
        """A short name."""
        return ascii(" ".join((self.door, *self.arguments)))[:70]


def enable(*arguments: str, says: str) -> Case:
    return Case("enable", arguments, says)


def disable(*arguments: str, says: str) -> Case:
    return Case("disable", arguments, says)


def plugin(*arguments: str, says: str) -> Case:
    return Case("plugin", arguments, says)


HOSTS = [
    enable("--insecure", "../../../etc/cron.d", says="--insecure"),
    enable("--insecure", "..", says="not an? "),
    enable("--insecure", "../certs.d", says="--insecure"),
    enable("--registry", "..%2f..%2fetc:5000", says="not a host name"),
    enable("--registry", "reg.corp/../../x", says="goes on after"),
    enable(
        "--insecure", 'reg.corp"]\nserver = "http://evil', says="white space or control"
    ),
    enable("--insecure", 'a"b.corp:5000', says="not a host name"),
    enable("--insecure", "a'b.corp:5000", says="not a host name"),
    enable("--insecure", "a\\b.corp:5000", says="not a host name"),
    enable("--insecure", "reg.corp\r\n:5000", says="control characters"),
    enable("--insecure", "reg.corp\x00", says="control characters"),
    enable("--insecure", "reg.corp\x1b[31m", says="control characters"),
    enable("--insecure", "reg\u202e.corp", says="control characters"),
    enable("--insecure", "\udcff.corp", says=r"\\udcff.corp"),
    enable("--insecure", "$(touch /tmp/x).corp", says="--insecure"),
    enable("--insecure", "`id`.corp", says="not a host name"),
    enable("--insecure", "a;id.corp", says="not a host name"),
    enable("--insecure", "a|b.corp", says="not a host name"),
    enable("--insecure", "${SNAP_DATA}", says="not a host name"),
    enable("--insecure", "", says="empty"),
    enable("--insecure=", says="empty"),
    enable("--insecure", "-", says="not a host name"),
    enable("--insecure", "_default", says="not a host name"),
    enable("--insecure", "*", says="every registry"),
    enable("--insecure", "reg.corp:0", says="1 to 65535"),
    enable("--insecure", "reg.corp:65536", says="1 to 65535"),
    enable("--insecure", "reg.corp:-1", says="1 to 65535"),
    enable("--insecure", "reg.corp:05000", says="leading zero"),
    enable("--insecure", "reg.corp:\u0665\u0660\u0660\u0660", says="1 to 65535"),
    enable("--insecure", "reg.corp:5000:5000", says="IPv6"),
    enable("--insecure", "reg.corp:", says="1 to 65535"),
    enable("--insecure", "[::1", says="brackets"),
    enable("--insecure", "fd00::1:5000", says="with or without a port"),
    enable("--insecure", "buildbox", says="needs its port"),
    enable("--insecure", "b\u00fccher.example", says="xn--"),
    enable("--insecure", f"user:{PASSWORD}@reg.corp", says="user name or password"),
    enable(
        "--registry", f"https://u:{PASSWORD}@reg.corp/", says="user name or password"
    ),
    enable("--insecure", "https://reg.corp", says="--registry reg.corp"),
    enable("--registry", "http://reg.corp", says="--insecure reg.corp"),
    enable("--registry", "ftp://reg.corp", says="http or https"),
    enable("--registry", "reg.corp/team/app:v1", says="goes on after"),
    enable("--registry", "registry-1.docker.io", says="--registry docker.io"),
    enable("--insecure", "docker.io", says="--mirror docker.io=http://"),
    plugin(
        "add", "--insecure", "../x", says="microk8s private-registry add --insecure"
    ),
    plugin("remove", "--registry", "../x", says="goes on after"),
    plugin("remove", "--registry", f"u:{PASSWORD}@h", says="user name or password"),
    disable("--registry", "a b", says="white space"),
    disable("--registry", "", says="empty"),
]
MIRRORS = [
    enable("--mirror", "https://m.corp", says="--mirror docker.io=https://m.corp"),
    enable("--mirror", "m.corp", says="--mirror docker.io=https://m.corp"),
    enable("--mirror", "=https://m.corp", says="empty"),
    enable("--mirror", "docker.io=", says="https://"),
    enable("--mirror", "docker.io=m.corp", says="https://m.corp"),
    enable("--mirror", "docker.io=ftp://m.corp", says="http or https"),
    enable("--mirror", "docker.io=https://m.corp:0", says="1 to 65535"),
    enable("--mirror", "docker.io=https://m.corp/../x", says="path"),
    enable("--mirror", 'docker.io=https://m.corp/x"]', says="path"),
    enable("--mirror", "docker.io=https://m.corp/x\n[host]", says="path"),
    enable("--mirror", "docker.io=https://m.corp?ns=x", says="not a host name"),
    enable("--mirror", f"docker.io=https://u:{PASSWORD}@m.corp/p", says="password"),
    enable("--mirror", f"u:{PASSWORD}@docker.io=https://m.corp", says="password"),
    enable("--mirror", "../x=https://m.corp", says="goes on after"),
    enable("--mirror", "index.docker.io=https://m.corp", says="docker.io"),
    enable(
        *(
            "--mirror",
            "docker.io=https://m.corp",
            "--mirror",
            "docker.io=https://M.corp/",
        ),
        says="named twice",
    ),
    enable("--no-fallback", says="--mirror"),
    enable("--insecure", "reg.corp", "--no-fallback", says="--mirror"),
]
OPTIONS = [
    enable("--insecur", "reg.corp", says="did you mean --insecure"),
    enable("--reg", "reg.corp", says="no option --reg"),
    enable("--no-fall", says="no option --no-fall"),
    enable("--dry", says="no option --dry"),
    enable("--dry-run=yes", says="--dry-run"),
    enable("-k", says="no option -k"),
    enable("--", says="no option --"),
    *(
        enable(f"{option}=--", says=option)
        for option in ("--insecure", "--registry", "--mirror")
    ),
    *(enable(f"{option}=--", says=".") for option in ("--ca", "--file")),
    enable("--registry", "http:///", says="--registry|--insecure"),
    enable("--password", PASSWORD, says="password on a command line"),
    enable(f"--password={PASSWORD}", says="password on a command line"),
    enable("reg.corp", "--password", PASSWORD, says="password on a command line"),
    enable("reg.corp", "--pasword", PASSWORD, says="reg.corp stands alone"),
    enable(f"-p{PASSWORD}", says="password on a command line"),
    enable("--insecure", says="--insecure"),
    enable("--insecure", "--registry", says="--insecure"),
    enable("--mirror", says="--mirror"),
    enable("--all", says="no option --all"),
    enable("reg.corp:5000", says="--insecure reg.corp:5000"),
    enable("r.corp", "5000", says="--insecure r.corp:5000"),
    enable("http", "//r.corp", "5000", says="--insecure r.corp:5000"),
    enable("https", "//r.corp", says="--insecure r.corp"),
    enable("list", says="stands alone"),
    enable("", says="stands alone"),
    enable("\x1b]0;x\x07", says=r"\\x1b\]0;x\\x07 stands alone"),
    enable("--\n", says="no option"),
    enable("--insecure", "reg.corp", "reg2.corp", says="reg2.corp stands alone"),
    enable(
        "--insecure",
        "reg.corp",
        "--registry",
        "reg.corp",
        says="both plain HTTP and HTTPS",
    ),
    enable(
        "--insecure",
        "reg.corp",
        "--skip-verify",
        says="--registry reg.corp --skip-verify",
    ),
    enable("--skip-verify", says="--registry"),
    enable("--ca", "/dev/null", says="for which registry"),
    enable(
        *("--registry", "a.corp", "--registry", "b.corp", "--skip-verify"),
        says="--file",
    ),
    enable(
        *(
            "--registry",
            "a.corp",
            "--mirror",
            "a.corp=https://m.corp",
            "--ca",
            "/dev/null",
        ),
        says="--file",
    ),
    enable(
        "--registry", "a.corp", "--ca", "/dev/null", "--ca", "/dev/null", says="2 times"
    ),
    enable("--registry", "a.corp", "--client-cert", "/dev/null", says="--client-key"),
    enable("--registry", "a.corp", "--client-key", "/dev/null", says="--client-cert"),
    enable(
        *("--mirror", "docker.io=http://m.corp", "--skip-verify"),
        says="plain HTTP, which has no TLS",
    ),
    enable("--file", "/dev/null", "--insecure", "a.corp", says="stands alone"),
    enable("--file", "/dev/null", "--no-fallback", says="stands alone"),
    enable("--file", "-", "--file", "-", says="2 times"),
    disable("reg.corp", says="--registry reg.corp"),
    disable("--insecure", "reg.corp", says="no option --insecure"),
    disable("--adopt", says="no option --adopt"),
    disable("--all", "--registry", "a.corp", says="--all"),
    plugin("ad", says="did you mean add"),
    plugin("enable", says="no command"),
    plugin("", says="no command"),
    plugin("../../bin/sh", says="no command"),
    plugin("remove", says="which registry"),
    plugin("remove", "reg.corp", says="--registry reg.corp"),
    plugin("remove", "--all", "--registry", "a.corp", says="--all"),
    plugin("list", "--jsn", says="did you mean --json"),
    plugin("list", "reg.corp", says="stands alone"),
    plugin("apply", "--insecure", "reg.corp", says="no option --insecure"),
    plugin("apply", "file.toml", says="stands alone"),
]
FILES = [
    enable("--registry", "a.corp", "--ca", "missing.crt", says="missing.crt"),
    enable("--registry", "a.corp", "--ca", "directory", says="directory"),
    enable("--registry", "a.corp", "--ca", "empty", says="not a PEM"),
    enable("--registry", "a.corp", "--ca", "binary", says="not a text file"),
    enable("--registry", "a.corp", "--ca", "", says="--ca"),
    enable("--registry", "a.corp", "--ca", "a\x00b", says="--ca"),
    enable("--registry", "a.corp", "--ca", "missing\n\x1b[31m.crt", says="--ca"),
    enable(
        "--registry", "a.corp", "--ca", "ca.crt", "--skip-verify", says="--skip-verify"
    ),
    enable(
        "--insecure", "a.corp", "--ca", "ca.crt", says="--registry a.corp --ca FILE"
    ),
    enable("--registry", "a.corp", "--ca", "-", says="not a PEM"),
    enable(
        *("--registry", "a.corp", "--client-cert", "-", "--client-key", "ca.crt"),
        says="not a PEM certificate",
    ),
    enable("--file", "missing.toml", says="missing.toml"),
    enable("--file", "directory", says="directory"),
    enable("--file", "binary", says="not a text file"),
    enable("--file", "", says="--file"),
    enable("--file", "-", "--no-such", says="no option --no-such"),
    plugin("apply", "--file", "missing.toml", says="missing.toml"),
    plugin("apply", "--file", "", says="--file"),
    plugin("apply", "--file", "a\x00b", says="--file"),
]
CASES = HOSTS + MIRRORS + OPTIONS + FILES


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Microk8s:
    """A node that knows a registry.

    What is refused leaves it as it is, so all cases share it.
    """
    microk8s = Microk8s(tmp_path_factory.mktemp("hostile") / "node")
    assert microk8s.run("enable", "--insecure", "known.corp:5000").exit_code == 0
    return microk8s


@pytest.fixture
def desk(
    known: Microk8s, pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Microk8s:
    """The node, and a working directory with all kinds of files."""
    (tmp_path / "directory").mkdir()
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "binary").write_bytes(bytes(range(256)))
    (tmp_path / "ca.crt").write_text(pki.authority.pem)
    monkeypatch.chdir(tmp_path)
    return known


def test_standard_input_can_be_read_once_only(desk: Microk8s, pki: Pki) -> None:
    result = desk.run(
        *("enable", "--registry", "a.corp", "--ca", "-"),
        *("--client-cert", "-", "--client-key", "ca.crt"),
        stdin=pki.authority.pem.encode(),
    )
    _check_refused(result)
    assert "already read for --ca" in result.stderr


def _check_refused(result: Result) -> None:
    lines = result.stderr.splitlines()
    assert result.exit_code == 2
    assert result.stdout == ""
    assert 1 <= len(lines) <= 3
    assert lines[0].startswith("error: ")
    assert len(lines[0]) > len("error: ") + 8
    assert "Traceback" not in result.stderr
    assert PASSWORD not in result.stderr
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_a_wrong_command_line_is_refused(desk: Microk8s, case: Case) -> None:
    before = desk.tree()
    result = desk.run(case.door, *case.arguments)
    _check_refused(result)
    assert re.search(case.says, result.stderr)
    assert desk.tree() == before


OFFER = re.compile(
    r"  do: microk8s (enable|disable|private-registry)( \S+-config)? (.*)"
)
PLACEHOLDER = re.compile(r"\b(HOST|URL|FILE|MIRROR|REGISTRY)\b|   ")


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
def test_the_command_that_is_offered_instead_is_accepted(
    desk: Microk8s, case: Case
) -> None:
    offer = OFFER.match(desk.run(case.door, *case.arguments).stderr.splitlines()[-1])
    if offer is None or PLACEHOLDER.search(offer[3]) or offer[3].endswith("help"):
        return
    door = "plugin" if offer[1] == "private-registry" else offer[1]
    result = desk.run(door, *shlex.split(offer[3]), "--dry-run")
    assert result.exit_code == 0, (offer[3], result.stderr)


def test_there_are_enough_cases() -> None:
    assert len({case.id for case in CASES}) == len(CASES) >= 60


TOML = [
    ("registry = 5", "registry must be a list"),
    ("registry = [5]", "not a table"),
    ("[registry]\nhost = 'a.corp'", "registry must be a list"),
    ("version = '1'", "version must be a number"),
    ("version = 2", "version 2"),
    ("[[registry]]", "without host"),
    ("[[registry]]\nhost = 5", "host must be a text"),
    ("[[registry]]\nhost = ''", "empty"),
    ("[[registry]]\nhost = '../x'", "goes on after"),
    ("[[registry]]\nhost = 'u:s3cr3t@a.corp'", "user name or password"),
    (
        "[[registry]]\nhost = 'a.corp'\ninsecure = 'yes'",
        "insecure must be true or false",
    ),
    ("[[registry]]\nhost = 'a.corp'\ninsecure = 1", "insecure must be true or false"),
    ("[[registry]]\nhost = 'a.corp'\ninsecur = true", "did you mean insecure"),
    ("[[registry]]\nhost = 'a.corp'\npasword = 's3cr3t'", "unknown key"),
    ("[[registry]]\nhost = 'a.corp'\nhost = 'b.corp'", "host"),
    ("[[registry]]\nhost = 'a.corp'\n[[registry]]\nhost = 'A.corp'", "named twice"),
    ("[[registry]]\nhost = 'a.corp'\ninsecure = true\nskip_verify = true", "no TLS"),
    ("[[registry]]\nhost = 'a.corp'\nfallback = false", "without a mirror"),
    ("[[registry]]\nhost = '*'", "mirror"),
    ("[[registry]]\nhost = 'a.corp'\nmirror = ['x']", "not a table"),
    ("[[registry]]\nhost = 'a.corp'\n[[registry.mirror]]", "without url"),
    ("[[registry]]\nhost = 'a.corp'\n[[registry.mirror]]\nurl = 'm.corp'", "https://"),
    (
        (
            "[[registry]]\nhost = 'a.corp'\n[[registry.mirror]]\nurl ="
            " 'https://u:s3cr3t@m'"
        ),
        "password",
    ),
    ("[[registry]]\nhost = 'a.corp'\nca = ''", "empty"),
    ("[[registry]]\nhost = 'a.corp'\nca = 'x'", "not a PEM"),
    ("[[registry]]\nhost = 'a.corp'\nca = 'x'\nca_file = 'y'", "exclude each other"),
    ("[[registry]]\nhost = 'a.corp'\nca_file = 'missing.crt'", "missing.crt"),
    ("[[registry]]\nhost = 'a.corp'\nca_file = 'directory'", "directory"),
    ("[[registry]]\nhost = 'a.corp'\nca_file = ''", "cannot be read"),
    ("[[registry]]\nhost = 'a.corp'\nclient_cert = 'x'", "client_key"),
    ("[[registry]]\nhost = 'a.corp", "not TOML"),
    ("[[registry]\nhost = 'a.corp'", "not TOML"),
    ("host: a.corp", "not TOML"),
    ('{"registry": []}', "not TOML"),
    ("\x00", "not TOML"),
    ('[[registry]]\nhost = "a\\u0000.corp"', "control characters"),
    ("[[registry]]\nhost = 'a.corp'\n'a\\nb' = 1", "unknown key"),
    ("a = 1\n[a.b]\nc = 1", "a.b is there already"),
    ("[[registry]]\nhost = 1979-05-27", "host must be a text"),
]


@pytest.mark.parametrize(
    ("text", "says"), TOML, ids=[ascii(case[0])[:60] for case in TOML]
)
@pytest.mark.parametrize(
    "command", [("enable",), ("plugin", "apply")], ids=["enable", "apply"]
)
def test_a_wrong_registries_file_is_refused(
    desk: Microk8s, command: List[str], text: str, says: str
) -> None:
    before = desk.tree()
    result = desk.run(*command, "--file", "-", stdin=text.encode())
    _check_refused(result)
    assert says in result.stderr
    assert "standard input" in result.stderr
    assert desk.tree() == before


def test_a_file_that_is_too_large_is_refused(desk: Microk8s, tmp_path: Path) -> None:
    with Path("large.crt").open("wb") as stream:
        stream.truncate(16 * 1024 * 1024 + 1)
    result = desk.run("enable", "--registry", "a.corp", "--ca", "large.crt")
    _check_refused(result)
    assert "16 MiB" in result.stderr


def test_a_file_that_may_not_be_read_is_refused(desk: Microk8s) -> None:
    Path("loop").symlink_to("loop")
    result = desk.run("enable", "--registry", "a.corp", "--ca", "loop")
    _check_refused(result)
    assert "symbolic links" in result.stderr


_words = st.sampled_from(
    [
        *(
            "--insecure",
            "--registry",
            "--mirror",
            "--no-fallback",
            "--ca",
            "--client-cert",
        ),
        *(
            "--client-key",
            "--skip-verify",
            "--file",
            "--adopt",
            "--dry-run",
            "--json",
            "--all",
        ),
        *(
            "add",
            "remove",
            "list",
            "apply",
            "help",
            "version",
            "--help",
            "-h",
            "--",
            "-",
            "=",
        ),
        *(
            "reg.corp:5000",
            "known.corp:5000",
            "docker.io=https://m.corp/p",
            "*=http://m.corp",
        ),
        *("ca.crt", "directory", "missing", "empty", "binary", "/dev/null"),
    ]
)
_arguments = st.lists(
    st.one_of(
        *(_words, _words, st.text(max_size=12)),
        st.builds("{}={}".format, _words, _words),
    ),
    max_size=6,
)


@settings(
    max_examples=strategies.examples(150),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from(["enable", "disable", "plugin"]), _arguments)
@example(
    "plugin", ["remove", "--registry", "reg.corp:5000", "--registry", "reg.corp:5000"]
)
@example("enable", ["--json", "--insecure", ".."])
@example("enable", ["--insecure=--"])
def test_no_command_line_is_a_bug_and_errors_change_nothing(
    microk8s: Microk8s, desk: Microk8s, door: str, arguments: List[str]
) -> None:
    before = microk8s.tree()
    result = microk8s.run(door, *arguments)
    assert result.exit_code in (0, 2, 3, 4)
    assert "Traceback" not in result.stderr
    if result.exit_code != 0 or "--dry-run" in arguments:
        assert microk8s.tree() == before
