"""Lint of hosts.toml: one cause for each fault, and a command that makes it say what
was meant.
"""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from private_registry.check.causes import Cause
from private_registry.check.findings import Finding, Severity
from private_registry.check.hosts_reading import read_registry
from private_registry.check.lint import edits as line_edits
from private_registry.check.lint.edits import Edit, Edits
from private_registry.check.reading.reading import Look, Reading
from private_registry.containerd import hosts_toml, microk8s_defaults
from private_registry.containerd.releases import needs_of
from private_registry.registries.model import Registry
from private_registry.texts.toml_writing import dumps
from unit.certs_d import (
    ALL,
    CERTIFICATE,
    CERTS_D,
    KEY,
    V1_5,
    V1_6,
    V1_7,
    V2_1,
    Tree,
    Version,
    read,
)
from unit.strategies import every_registry, registries
from unit.typed import type_in

FAULT, NOTE = Severity.FAULT, Severity.NOTE
A = '[host."http://a:1"]\n'
S = 'server = "https://s"\n'
CAPS = 'capabilities = ["pull", "resolve"]\n'


class Row(NamedTuple):
    """A file, what is found in it, and the URLs that are asked after the command."""

    text: str
    cause: Cause
    after: Tuple[str, ...] = ()
    versions: Tuple[Version, ...] = ALL
    severity: Severity = FAULT
    line: int = 1


OWN = "https://reg:5000/v2"
A_OWN, S_ONLY, A_S = (
    ("http://a:1/v2", OWN),
    ("https://s/v2",),
    ("http://a:1/v2", "https://s/v2"),
)
A_V2, HUB_OWN = ("https://a/v2", OWN), ("https://registry-1.docker.io/v2", OWN)
V1, V2 = (V1_5, V1_6, V1_7), (V2_1,)
FROM_1_6 = (V1_6, V1_7, V2_1)

ROWS: Dict[str, Row] = {
    "a byte order mark": Row("\ufeff" + S + A, Cause.BYTE_ORDER_MARK, A_S, V2),
    "an unquoted header": Row("[host.http://a:1]\n", Cause.UNQUOTED, A_OWN),
    "half a quote": Row('[host."http://a:1]\n', Cause.UNQUOTED, A_OWN),
    "a curly quote": Row("[host.\u201chttp://a:1\u201d]\n", Cause.UNQUOTED, A_OWN),
    "an unquoted header's headers": Row(
        "[host.http://a:1]\n[host.http://a:1.header]\nX = 'y'\n", Cause.UNQUOTED, A_OWN
    ),
    "an unquoted server": Row("server = https://s\n[host]\n", Cause.UNQUOTED, S_ONLY),
    "all unquoted": Row(
        "server = https://s # it\n\n[host.http://a:1]\n  capabilities = [pull,"
        " resolve]\n",
        Cause.UNQUOTED,
        A_S,
    ),
    "a colon": Row('server: "https://s"\n[host]\n', Cause.NOT_TOML, S_ONLY),
    "a semicolon": Row('server = "https://s";\n[host]\n', Cause.NOT_TOML, S_ONLY),
    "no closing bracket": Row('[host."http://a:1"\n', Cause.NOT_TOML, A_OWN),
    "a missing comma": Row(
        A + 'capabilities = ["pull" "resolve"]\n', Cause.NOT_TOML, A_OWN, line=2
    ),
    "what nobody understands": Row(A + "what is this\n", Cause.NOT_TOML, line=2),
    "a capital in true": Row(
        A + "override_path = False\n", Cause.WRONG_TYPE, A_OWN, line=2
    ),
    "a table twice": Row(S + A + CAPS + A + CAPS, Cause.DUPLICATE, A_S, line=4),
    "a table twice, in two halves": Row(
        A + CAPS + A + 'header = {X = "y"}\n', Cause.DUPLICATE, A_OWN, line=3
    ),
    "a table twice, said otherwise": Row(
        A + 'capabilities = ["pull"]\n' + A + CAPS, Cause.DUPLICATE, line=3
    ),
    "a key twice": Row(S + S + A, Cause.DUPLICATE, A_S, line=2),
    "a key twice, said otherwise": Row(
        S + 'server = "https://t"\n' + A, Cause.DUPLICATE, line=2
    ),
    "no host table": Row(S, Cause.NO_HOST_TABLE, S_ONLY, V1, line=0),
    "no host table and no line end": Row(
        S[:-1], Cause.NO_HOST_TABLE, S_ONLY, V1, line=0
    ),
    "a capital Host": Row('[Host."http://a:1"]\n' + CAPS, Cause.KEY_CASE, A_OWN),
    "hosts": Row('[hosts."http://a:1"]\n' + CAPS, Cause.UNKNOWN_KEY, A_OWN),
    "a URL for a header": Row('["http://a:1"]\n' + CAPS, Cause.NOT_A_HOST, A_OWN),
    "an array of hosts": Row('[[host."http://a:1"]]\n' + CAPS, Cause.NOT_A_HOST, A_OWN),
    "a dotted host": Row(
        S + 'host."http://a:1".' + CAPS, Cause.NOT_A_HOST, A_S, V2, line=2
    ),
    "an inline host": Row(
        S + '[host]\n"http://a:1" = {skip_verify = false}\n',
        Cause.NOT_A_HOST,
        A_S,
        V2,
        line=3,
    ),
    "hosts in a text": Row('host = "http://a:1"\n' + S, Cause.NOT_A_HOST, A_S),
    "an unknown key": Row(
        A + "colour = 'red'\n", Cause.UNKNOWN_KEY, severity=NOTE, line=2
    ),
    "a typing error": Row('sever = "https://s"\n' + A, Cause.UNKNOWN_KEY, A_S),
    "another program's key": Row(
        'server = "https://s"\n[host."https://s"]\ninsecure_skip_verify = true\n',
        Cause.UNKNOWN_KEY,
        ("https://s/v2", "https://s/v2"),
        line=3,
    ),
    "a misspelt override_path": Row(
        '[host."https://a/v2/x"]\noverride-path = true\n',
        Cause.UNKNOWN_KEY,
        ("https://a/v2/x", OWN),
        FROM_1_6,
        line=2,
    ),
    "two keys that turn the value": Row(
        '[host."https://a"]\ntls_verify = false\nverify-ssl = false\n',
        Cause.UNKNOWN_KEY,
        ("https://a/v2", OWN),
        line=2,
    ),
    "plain_http": Row(
        '[host."https://a"]\nplain_http = true\n',
        Cause.UNKNOWN_KEY,
        ("http://a/v2", OWN),
        ALL,
        NOTE,
        2,
    ),
    "insecure": Row(
        '[host."https://a"]\ninsecure = true\n',
        Cause.UNKNOWN_KEY,
        severity=NOTE,
        line=2,
    ),
    "a login": Row(
        '[host."https://a"]\nusername = "ann"\npassword = "pw"\n',
        Cause.CREDENTIALS_KEY,
        severity=NOTE,
        line=2,
    ),
    "a login's table": Row(
        '[host."https://a"]\n[host."https://a".auth]\nusername = "ann"\n',
        Cause.CREDENTIALS_KEY,
        severity=NOTE,
        line=2,
    ),
    "k3s' rewrite": Row(
        '[host."https://a"]\n[host."https://a".rewrite]\n"^(.*)$" = "x/$1"\n',
        Cause.UNKNOWN_KEY,
        ("https://a/v2/x", OWN),
        FROM_1_6,
        NOTE,
        2,
    ),
    "k3s' rewrite of some names": Row(
        A + '[host."http://a:1".rewrite]\n"^b/(.*)$" = "x/$1"\n',
        Cause.UNKNOWN_KEY,
        severity=NOTE,
        line=2,
    ),
    "the template's tables": Row(
        '[host]\n[plugins."io.containerd.grpc.v1.cri".registry.mirrors."reg:5000"]\n'
        'endpoint = ["https://a"]\n',
        Cause.UNKNOWN_KEY,
        severity=NOTE,
        line=2,
    ),
    "the old API": Row(
        '[host."https://a/v1/"]\n', Cause.PATH_APPENDED, A_V2, ALL, NOTE
    ),
    "the old API behind a path": Row(
        '[host."https://a/p/v1"]\n',
        Cause.PATH_APPENDED,
        severity=NOTE,
    ),
    "Harbor's web page": Row(
        '[host."https://a/harbor/projects/3/repositories"]\n',
        Cause.PATH_APPENDED,
        severity=NOTE,
    ),
    "Docker Hub's web page": Row(
        '[host."https://hub.docker.com"]\n', Cause.BAD_FALLBACK, HUB_OWN, ALL, NOTE
    ),
    "Docker Hub's index": Row(
        'server = "https://index.docker.io/v1/"\n[host]\n',
        Cause.BAD_FALLBACK,
        HUB_OWN[:1],
        ALL,
        NOTE,
    ),
    "Docker's home page": Row(
        '[host."https://www.docker.com"]\n', Cause.BAD_FALLBACK, HUB_OWN, ALL, NOTE
    ),
    "two hosts in a header": Row(
        S + '[host."http://a:1", "http://b"]\n' + CAPS,
        Cause.NOT_TOML,
        ("http://a:1/v2", "http://b/v2", "https://s/v2"),
        line=2,
    ),
    "backslashes": Row(
        '[host."https://a"]\nca = "C:\\certs\\ca.crt"\n',
        Cause.NOT_TOML,
        ("https://a/v2", OWN),
        line=2,
    ),
    "headers": Row(
        A + '[host."http://a:1".headers]\nX = "y"\n', Cause.UNKNOWN_KEY, A_OWN, line=2
    ),
    "a capital Server": Row('Server = "https://s"\n' + A, Cause.KEY_CASE, A_S, V1),
    "a server below": Row(A + "  " + S, Cause.MISPLACED_KEY, A_S, line=2),
    "a server in [host]": Row("[host]\n" + S, Cause.MISPLACED_KEY, S_ONLY, line=2),
    "a host in a host": Row(
        A + '[host."http://a:1".host."http://b"]\n',
        Cause.MISPLACED_KEY,
        ("http://a:1/v2", "http://b/v2", OWN),
        line=2,
    ),
    "a host's keys in [host]": Row(
        S + "[host]\n" + CAPS, Cause.MISPLACED_KEY, S_ONLY * 2, V1, line=3
    ),
    "an impossible server in [host], and another key": Row(
        '[host]\nserver = "http://p.corp:1:"\n' + CAPS,
        Cause.CRASHES,
        (),
        (V1_6, V1_7),
        line=2,
    ),
    "a key of hosts in [host]": Row(
        '[host]\noverride_path = true\n[host."http://a:1/v2/p"]\n',
        Cause.MISPLACED_KEY,
        ("http://a:1/v2/p", OWN),
        (V2_1,),
        line=2,
    ),
    "a TLS key of a plain host in [host]": Row(
        "[host]\nskip_verify = true\n" + A, Cause.MISPLACED_KEY, A_OWN, (V2_1,), line=2
    ),
    "a TLS key of a host in [host]": Row(
        '[host]\nskip_verify = true\n[host."https://a"]\n',
        Cause.MISPLACED_KEY,
        ("https://a/v2", OWN),
        (V2_1,),
        line=2,
    ),
    "a key of the server's own host in [host]": Row(
        S + '[host]\nskip_verify = true\n[host."https://s"]\n',
        Cause.MISPLACED_KEY,
        S_ONLY * 2,
        (V2_1,),
        line=3,
    ),
    "a key among headers": Row(
        '[host."https://a"]\n[host."https://a".header]\nca = "x.crt"\n',
        Cause.MISPLACED_KEY,
        ("https://a/v2", OWN),
        line=3,
    ),
    "a flag among headers": Row(
        A + '[host."http://a:1".header]\noverride_path = true\n',
        Cause.MISPLACED_KEY,
        ("http://a:1", OWN),
        FROM_1_6,
        line=3,
    ),
    "true in quotes": Row(
        '[host."https://a"]\nskip_verify = "true"\n',
        Cause.WRONG_TYPE,
        ("https://a/v2", OWN),
        line=2,
    ),
    "capabilities in a text": Row(
        A + 'capabilities = "pull, resolve"\n', Cause.WRONG_TYPE, A_OWN, line=2
    ),
    "a server in a list": Row('server = ["https://s"]\n' + A, Cause.WRONG_TYPE, A_S),
    "a number for a server": Row("server = 1\n" + A, Cause.WRONG_TYPE),
    "a duration without unit": Row(
        A + 'dial_timeout = "3"\n', Cause.WRONG_TYPE, A_OWN, V2, line=2
    ),
    "an unknown capability": Row(
        A + 'capabilities = ["pul", "resolve"]\n',
        Cause.UNKNOWN_CAPABILITY,
        A_OWN,
        line=2,
    ),
    "referrers": Row(
        A + 'capabilities = [\n "pull", "resolve", "referrers"\n]\n',
        Cause.UNKNOWN_CAPABILITY,
        A_OWN,
        (V1_7, V2_1),
        line=2,
    ),
    "nobody resolves": Row(
        S + 'capabilities = ["pull"]\n' + A + 'capabilities = ["push"]\n',
        Cause.NO_CAPABILITY,
        A_S,
        line=4,
    ),
    "one only pulls": Row(
        A + 'capabilities = ["pull"]\n', Cause.NO_CAPABILITY, A_OWN, ALL, NOTE, 2
    ),
    "a scheme in capitals": Row(
        '[host."HTTP://a:1"]\n' + CAPS, Cause.BAD_SCHEME, A_OWN
    ),
    "a server's scheme in capitals": Row(
        'server = "HTTPS://s"\n' + A, Cause.BAD_SCHEME, A_S
    ),
    "another scheme": Row('[host."ftp://a"]\n', Cause.BAD_SCHEME),
    "a name that begins with http": Row('[host."http-reg:5000"]\n', Cause.BAD_SCHEME),
    "no scheme": Row('[host."a:1"]\n', Cause.SCHEME_MISSING, A_OWN, ALL, NOTE),
    "a slash missing": Row('[host."http:/a:1"]\n', Cause.BAD_URL, A_OWN),
    "a colon missing": Row('[host."http//a:1"]\n', Cause.BAD_URL, A_OWN),
    "blanks around": Row('[host." http://a:1 "]\n', Cause.BAD_URL, A_OWN),
    "no number for a port": Row('[host."http://a:b"]\n', Cause.BAD_URL),
    "a login in a URL": Row(
        '[host."http://me:pw@a:1"]\n', Cause.URL_PART_IGNORED, (), ALL, NOTE
    ),
    "a project": Row(
        '[host."https://a/x"]\n' + CAPS,
        Cause.PATH_APPENDED,
        ("https://a/v2/x", OWN),
        FROM_1_6,
        NOTE,
    ),
    "a project behind /v2": Row(
        '[host."https://a/v2/x"]\n' + CAPS,
        Cause.PATH_APPENDED,
        ("https://a/v2/x", OWN),
        FROM_1_6,
        NOTE,
    ),
    "a path without /v2": Row(
        '[host."https://a/x"]\noverride_path = true\n',
        Cause.PATH_APPENDED,
        ("https://a/v2/x", OWN),
        FROM_1_6,
        NOTE,
    ),
    "an early override_path": Row(
        '[host."https://a/v2/x"]\noverride_path = true\n',
        Cause.FIELD_TOO_NEW,
        (),
        (V1_5,),
        line=2,
    ),
    "an early dial_timeout": Row(
        A + 'dial_timeout = "3s"\n', Cause.FIELD_TOO_NEW, (), V1, NOTE, line=2
    ),
    "an early IPv6 address": Row(
        '[host."http://[fd00::1]:5"]\n' + CAPS,
        Cause.FIELD_TOO_NEW,
        ("http://[fd00::1]:5/v2",),
        V1,
    ),
    "TLS settings for plain HTTP": Row(
        A + "skip_verify = true\n",
        Cause.TLS_ON_HTTP,
        A_OWN,
        (V1_6, V1_7, V2_1),
        NOTE,
        2,
    ),
    "settings above all tables": Row(
        'server = "https://s"\nskip_verify = true\n[host."https://s"]\n',
        Cause.NOT_INHERITED,
        S_ONLY * 2,
        ALL,
        NOTE,
        2,
    ),
    "settings of the host only": Row(
        'server = "https://s"\n[host."https://s"]\nskip_verify = true\n',
        Cause.NOT_INHERITED,
        S_ONLY * 2,
        ALL,
        NOTE,
        3,
    ),
    "a header's number": Row(
        A + '[host."http://a:1".header]\nX = 1\n', Cause.BAD_HEADER, A_OWN, line=3
    ),
    "a header in small letters": Row(
        A + '[host."http://a:1".header]\nuser-agent = "x"\n',
        Cause.BAD_HEADER,
        A_OWN,
        ALL,
        NOTE,
        3,
    ),
    "a login's header": Row(
        A + '[host."http://a:1".header]\nAuthorization = "Basic c2VjcmV0"\n',
        Cause.BAD_HEADER,
        (),
        V1,
        NOTE,
        3,
    ),
}


def _rows() -> List[Tuple[str, Row, Version]]:
    return [
        (name, row, version) for name, row in ROWS.items() for version in row.versions
    ]


_CASES = [
    pytest.param(row, version, id=f"{name}-{version}") for name, row, version in _rows()
]


@pytest.mark.parametrize(("row", "version"), _CASES)
def test_one_cause(row: Row, version: Version) -> None:
    (finding,) = _of_file(row, version)
    assert (finding.cause, finding.severity) == (row.cause, row.severity)
    path = f"{CERTS_D}/reg:5000/hosts.toml"
    assert finding.where == (f"{path}, line {row.line}" if row.line else path)
    assert finding.what
    assert not finding.what.endswith(".")
    assert bool(finding.remedy.command) is bool(row.after)
    assert "pw" not in repr(finding) + repr(read(row.text, version))
    assert "c2VjcmV0" not in repr(finding)


def _of_file(row: Row, version: Version) -> List[Finding]:
    missing = (Cause.CA_MISSING, Cause.CLIENT_MISSING)
    found = [
        each for each in read(row.text, version).findings if each.cause not in missing
    ]
    faults = [each for each in found if each.is_fault]
    return (
        faults
        if row.severity is FAULT
        else [each for each in found if each.cause is row.cause]
    )


@pytest.mark.in_turn("version")
@pytest.mark.parametrize(
    ("row", "version"),
    [case for case in _CASES if case.values[0].after],  # type: ignore[union-attr]
)
def test_after_its_command_the_file_says_what_was_meant(
    row: Row, version: Version, tmp_path: Path
) -> None:
    finding = _of_file(row, version)[0]
    directory = tmp_path / "reg:5000"
    directory.mkdir()
    file = directory / "hosts.toml"
    file.write_bytes(row.text.encode())
    _run(finding.remedy.command, tmp_path)
    reading = read(file.read_bytes().decode(), version)
    assert tuple(entry.url for entry in reading.entries) == row.after
    assert (row.cause, row.severity) not in [
        (each.cause, each.severity) for each in reading.findings
    ]


def _run(command: str, root: Path) -> None:
    assert command.startswith("sudo ")
    here = command.replace("sudo ", "").replace(CERTS_D, str(root))
    type_in(here)


def test_lines_that_only_go_toml_1_counts_are_no_surprise() -> None:
    """A carriage return alone ends a line there, and nowhere else."""
    text = 'server = "https://s"\rserver = "https://t"\n' + A
    assert [each.cause for each in read(text, V1_7).findings] == [Cause.DUPLICATE]


def test_several_faults_are_mended_by_one_command(tmp_path: Path) -> None:
    text = 'Sever = "https://s"\n[host."HTTP://a:1"]\nserver = "https://s"\n'
    found = [each for each in read(text).findings if each.is_fault]
    assert len(found) > 1
    assert len({each.remedy.command for each in found}) == 1


# --- keys of other tools --------------------------------------------------------------

HTTPS, HTTP = '[host."https://a"]\n', '[host."http://a"]\n'
# A table, what it is after the commands of its faults, and words that are said.
KEYS: Dict[str, Tuple[str, str, str]] = {
    "tls_verify": (
        HTTPS + "  tls_verify = false\n",
        HTTPS + "  skip_verify = true\n",
        "the opposite",
    ),
    "ssl-verify": (
        HTTPS + "ssl-verify = 'false'\n",
        HTTPS + "skip_verify = true\n",
        "the opposite",
    ),
    "verify, as it is": (HTTPS + "verify = true\n", "", "the opposite"),
    "verify, for plain HTTP": (HTTP + "verify = false\n", "", "says http://"),
    "two of them": (
        HTTPS + "tls_verify = false\nverify = false\n",
        HTTPS + "skip_verify = true\nverify = false\n",
        "the opposite",
    ),
    "two of them, and the right one": (
        HTTPS + "tls_verify = false\nskip_verify = true\n",
        "",
        "the opposite",
    ),
    "two that differ": (HTTPS + "tls_verify = false\nverify = true\n", "", "opposite"),
    "two spellings": (
        HTTPS + "insecure_skip_verify = true\nskip-verify = true\n",
        HTTPS + "skip_verify = true\nskip-verify = true\n",
        "it is skip_verify",
    ),
    "a spelling beside the key": (
        HTTPS + 'ca_file = "b.crt"\nca = "a.crt"\n',
        "",
        "it is ca",
    ),
    "insecure_skip_verify for plain HTTP": (
        HTTP + "insecure_skip_verify = true\n",
        "",
        "says http://",
    ),
    "plain-http for plain HTTP": (HTTP + "plain-http = true\n", "", "says http://"),
    "insecure": (HTTPS + "insecure = true\n", "", "skip_verify = true"),
    "insecure for plain HTTP": (HTTP + "insecure = true\n", "", "says http://"),
    "insecure, off": (HTTPS + "insecure = false\n", "", "no key insecure"),
}


@pytest.mark.parametrize("version", ALL, ids=str)
@pytest.mark.parametrize(("text", "after", "words"), KEYS.values(), ids=KEYS)
def test_keys_of_other_tools(
    text: str, after: str, words: str, version: Version, tmp_path: Path
) -> None:
    missing = (Cause.CA_MISSING, Cause.CLIENT_MISSING)
    every = read(text, version).findings
    found = [each for each in every if each.cause is Cause.UNKNOWN_KEY]
    assert any(words in f"{each.what}. {each.why}" for each in found), found
    faults = [each for each in every if each.is_fault and each.cause not in missing]
    commands = {each.remedy.command for each in faults}
    assert len(commands) == bool(after)
    if after:
        (tmp_path / "reg:5000").mkdir()
        (tmp_path / "reg:5000/hosts.toml").write_text(text)
        _run(commands.pop(), tmp_path)
        assert (tmp_path / "reg:5000/hosts.toml").read_text() == after


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("version", ALL, ids=str)
def test_utf_16_is_named_and_converted(
    encoding: str, version: Version, tmp_path: Path
) -> None:
    text = S + A + CAPS
    path = tmp_path / "reg:5000/hosts.toml"
    path.parent.mkdir()
    path.write_bytes(f"\ufeff{text}".encode(encoding))
    (finding,) = (
        Tree({"reg:5000/hosts.toml": path.read_bytes()})
        .read("reg:5000", version)
        .findings
    )
    assert finding.cause is Cause.NOT_TOML
    assert "UTF-16" in finding.what
    _run(finding.remedy.command, tmp_path)
    assert path.read_text() == text
    assert [each.name for each in path.parent.iterdir()] == ["hosts.toml"]


# --- files that hosts.toml names ------------------------------------------------------

NAMES: Dict[str, Tuple[str, Cause, str, Severity]] = {
    "a variable": (
        'ca = "${SNAP_DATA}/args/certs.d/reg:5000/a.crt"',
        Cause.NOT_RENDERED,
        f"{CERTS_D}/reg:5000/a.crt",
        FAULT,
    ),
    "a revision that is gone": (
        'ca = "/var/snap/microk8s/6999/args/a.crt"',
        Cause.REVISION_PATH,
        "/var/snap/microk8s/current/args/a.crt",
        FAULT,
    ),
    "certificate and key as two": (
        'client = ["a.cert", "a.key"]',
        Cause.CLIENT_UNUSABLE,
        f"{CERTS_D}/reg:5000/a.cert",
        FAULT,
    ),
    "an empty key, as in containerd's manual": (
        'client = [["both.pem", ""]]',
        Cause.CLIENT_UNUSABLE,
        f"{CERTS_D}/reg:5000/both.pem",
        FAULT,
    ),
}
_THERE = {
    f"{CERTS_D}/reg:5000/a.crt": CERTIFICATE,
    f"{CERTS_D}/reg:5000/a.cert": CERTIFICATE,
    f"{CERTS_D}/reg:5000/a.key": KEY,
    f"{CERTS_D}/reg:5000/both.pem": CERTIFICATE + KEY,
    "/var/snap/microk8s/current/args/a.crt": CERTIFICATE,
}


@pytest.mark.parametrize(
    ("key", "cause", "path", "severity"), NAMES.values(), ids=NAMES
)
def test_names_of_files(
    key: str, cause: Cause, path: str, severity: Severity, tmp_path: Path
) -> None:
    text = f'[host."https://a"]\n{key}\n'
    reading = _read_named(text)
    assert reading.fails
    (finding,) = [each for each in reading.findings if each.is_fault]
    assert (finding.cause, finding.severity) == (cause, severity)
    assert finding.where.endswith(", line 2")
    (tmp_path / "reg:5000").mkdir()
    file = tmp_path / "reg:5000/hosts.toml"
    file.write_text(text)
    _run(finding.remedy.command, tmp_path)
    mended = _read_named(file.read_text().replace(str(tmp_path), CERTS_D))
    assert not mended.fails
    trust = mended.entries[0].trust
    assert path in (
        *trust.authorities,
        *(each for pair in trust.clients for each in pair),
    )


def _read_named(text: str) -> Reading:
    files = {**_THERE, f"{CERTS_D}/reg:5000/hosts.toml": text.encode()}
    tree = Tree({})
    tree.files = files
    return tree.read("reg:5000")


def test_a_revision_that_is_there_is_a_note() -> None:
    path = "/var/snap/microk8s/7000/args/certs.d/reg:5000/a.crt"
    tree = Tree({})
    text = f'[host."https://a"]\nca = "{path}"\n'
    tree.files = {path: CERTIFICATE, f"{CERTS_D}/reg:5000/hosts.toml": text.encode()}
    reading = tree.read("reg:5000")
    assert [(each.cause, each.severity) for each in reading.findings] == [
        (Cause.REVISION_PATH, NOTE)
    ]


def test_certificates_beside_the_file_are_told_as_the_reason(tmp_path: Path) -> None:
    text = '[host."https://reg:5000"]\n' + CAPS
    files = {"ca.crt": CERTIFICATE, "a.cert": CERTIFICATE, "a.key": KEY}
    tree = {f"reg:5000/{name}": content for name, content in files.items()}
    reading = Tree({**tree, "reg:5000/hosts.toml": text.encode()}).read("reg:5000")
    notes = [
        each for each in reading.findings if each.cause is Cause.CERTIFICATES_IGNORED
    ]
    assert [each.endpoint for each in notes] == [OWN, OWN]
    assert {Cause.UNKNOWN_CA, Cause.CLIENT_CERTIFICATE_MISSING} <= notes[0].explains
    assert not any(each.is_fault for each in reading.findings)


# --- no false alarm -------------------------------------------------------------------

ORDINARY = {
    "the page, plain": (
        "10.141.241.175:32000",
        """
server = "http://10.141.241.175:32000"

[host."http://10.141.241.175:32000"]
capabilities = ["pull", "resolve"]
""",
    ),
    "the page, a mirror": (
        "registry.k8s.io",
        """
server = "registry.k8s.io"

[host."https://registry.aliyuncs.com/v2/google_containers"]
  capabilities = ["pull", "resolve"]
  override_path = true
""",
    ),
    "the page, a CA": (
        "10.141.241.175:32000",
        """
server = "https://10.141.241.175:32000"

[host."https://10.141.241.175:32000"]
capabilities = ["pull", "resolve"]
ca = "ca.crt"
""",
    ),
    "containerd's manual, mirrors": (
        "docker.io",
        """
server = "https://registry-1.docker.io"

[host."https://public-mirror.example.com"]
  capabilities = ["pull"]
[host."https://docker-mirror.internal"]
  capabilities = ["pull", "resolve"]
  ca = "ca.crt"
""",
    ),
    "containerd's manual, no verification": (
        "reg:5000",
        """
server = "https://registry:5000"

[host."https://registry:5000"]
  capabilities = ["pull", "resolve", "push"]
  skip_verify = true
""",
    ),
    "containerd's manual, headers": (
        "reg:5000",
        """
server = "https://upstream"
[header]
  x-custom-2 = ["value1", "value2"]
[host."https://mirror"]
  [host."https://mirror".header]
    X-Y = "z"
""",
    ),
    "a comment": ("reg:5000", "# none\n"),
}


@pytest.mark.parametrize("version", [*ALL[1:], None], ids=str)
@pytest.mark.parametrize(("registry", "text"), ORDINARY.values(), ids=ORDINARY)
def test_ordinary_files_have_no_fault(
    registry: str, text: str, version: Optional[Version]
) -> None:
    files = {f"{registry}/hosts.toml": text.encode(), f"{registry}/ca.crt": CERTIFICATE}
    reading = Tree(files).read(registry, version)
    assert [each for each in reading.findings if each.is_fault] == []
    assert not reading.fails


SHIPPED = microk8s_defaults._STOCK  # noqa: SLF001 - what MicroK8s ships


@pytest.mark.parametrize("path", SHIPPED)
def test_what_microk8s_ships_has_no_fault(path: str) -> None:
    text = dumps(SHIPPED[path], "Shipped")
    registry = path.split("/")[2]
    for version in ALL:
        assert not [
            each for each in read(text, version, registry).findings if each.is_fault
        ]


@given(registry=registries() | every_registry, version=st.sampled_from(ALL))
def test_files_of_our_own_have_no_fault(registry: Registry, version: Version) -> None:
    if any(version < need.since for need in needs_of(registry)):
        return
    reading = _read_ours(registry, version)
    assert [each for each in reading.findings if each.is_fault] == []
    assert not reading.fails
    expected = [mirror.endpoint.url for mirror in registry.mirrors] or [
        registry.upstream.url
    ]
    found = [entry.url for entry in reading.entries]
    assert [url[: -len("/v2")] if url.endswith("/v2") else url for url in found][
        : len(expected)
    ] == expected


def _read_ours(registry: Registry, version: Version) -> Reading:
    name = registry.name.directory
    files = hosts_toml.registry_files(registry, f"{CERTS_D}/{name}")
    kinds = {"crt": CERTIFICATE, "cert": CERTIFICATE, "key": KEY}
    tree = Tree(
        {
            f"{name}/{file.name}": kinds.get(file.name.rpartition(".")[2], file.content)
            for file in files
        }
    )
    return tree.read(str(registry.name), version)


# --- edits and odd input --------------------------------------------------------------

_lines = st.text(
    st.characters(blacklist_categories=("Cc", "Cs", "Zl", "Zp")) | st.just("\t"),
    min_size=1,
)


@given(
    st.lists(_lines, min_size=1, max_size=5),
    st.lists(_lines, min_size=1, max_size=3),
    st.data(),
    st.booleans(),
)
def test_the_command_does_what_the_edits_say(
    tmp_path_factory: pytest.TempPathFactory,
    before: List[str],
    new: List[str],
    data: st.DataObject,
    ends: bool,
) -> None:
    text = "\n".join(before) + ("\n" if ends else "")
    first = data.draw(st.integers(1, len(before)))
    gone = data.draw(st.integers(0, len(before) - first + 1))
    end = Edit(len(before) + 1, 0, tuple(new))
    chosen: List[Edits] = [(Edit(first, gone, tuple(new)),), (end,)]
    if gone:
        chosen.append((Edit(first, gone), end))
    for edits in chosen:
        file = tmp_path_factory.getbasetemp() / "it's a $file"
        file.write_bytes(text.encode())
        _run(line_edits.command(str(file), text, edits, lambda _line: True), Path("/"))
        assert file.read_bytes().decode() == line_edits.applied(text, edits)


PARTS = [
    ('X = "s3cr3t"', '"X" = "s3cr3t"'),
    ("user-agent = s3cr3t & \\1 /", "User-Agent = s3cr3t & \\1 /"),
    ("server = https://s3cr3t # s3cr3t", 'server = "https://s3cr3t" # s3cr3t'),
    ("[hosts.'s3cr3t']", "[host.'s3cr3t']"),
    ("['https://s3cr3t']", "[host.'https://s3cr3t']"),
    ("s3cr3t = 1", 's3cr3t = "1"'),
    ("\ts3cr3t=[x]", "\ts3cr3t=x"),
]


@pytest.mark.parametrize(("old", "new"), PARTS)
def test_of_a_line_that_is_not_shown_the_command_has_only_what_changes(
    tmp_path: Path, old: str, new: str
) -> None:
    file, text = tmp_path / "it's a $file", f"first\n{old}\nlast\n"
    file.write_text(text)
    edits = (Edit(2, 1, (new,)),)
    command = line_edits.command(str(file), text, edits, lambda _line: False)
    assert "s3cr3t" not in command
    _run(command, Path("/"))
    assert file.read_text() == line_edits.applied(text, edits)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a = 1", "s3cr3t"),
        ("a = 1", "b = 1"),
        ("ä = 1", "Ä = 1"),
        ("x" * 2000, "X" * 2000),
    ],
)
def test_there_is_no_command_that_would_show_a_new_text(old: str, new: str) -> None:
    for edits in (
        (Edit(1, 1, (new,)),),
        (Edit(1, 0, (new,)),),
        (Edit(1, 1, (new, new)),),
    ):
        assert line_edits.command("F", old, edits, lambda _line: False) == ""


@given(
    st.binary(max_size=80) | st.text(max_size=80).map(str.encode), st.sampled_from(ALL)
)
def test_no_file_is_too_odd(content: bytes, version: Version) -> None:
    seen = {f"{CERTS_D}/reg:5000/hosts.toml": content}

    def look(path: str) -> Look:
        return Look(content=seen[path]) if path in seen else Look(names=("hosts.toml",))

    reading = read_registry("reg:5000", CERTS_D, look, version)
    assert reading.entries or reading.fails
