"""Addresses that cannot be, in hosts.toml and on the command line: each is named as
what it is, and whatever edit is shown leaves none behind.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Dict, List, NamedTuple, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from private_registry.check.causes import Cause
from private_registry.check.hosts_reading import read_registry
from private_registry.check.lint import hosts_lint
from private_registry.check.lint.drafts import File
from private_registry.check.lint.edits import Edits
from private_registry.check.observing import look_at
from private_registry.errors import UsageError
from private_registry.registries.addresses import slip_in
from private_registry.registries.mirror_urls import parse_mirror_url
from private_registry.texts import toml_statements, toml_writing
from unit.certs_d import ALL, Version
from unit.microk8s import Microk8s
from unit.typed import type_in

REGISTRY = "reg:5000"
_ODD = re.compile(r'host\."[^"]*([\[\]\\\u00a0])')


class Row(NamedTuple):
    """An address, the words for it, and what it was meant to be."""

    address: str
    words: str
    right: str = ""


ROWS: Dict[str, Row] = {
    "a star": Row("*", "an impossible host"),
    "a star with a scheme": Row("https://*", "an impossible host"),
    "a pattern": Row("https://*.corp:5000", "an impossible host"),
    "two schemes in one": Row(
        "https://docker.i://registry-1.docker.io", "has two schemes"
    ),
    "the same scheme twice": Row(
        "https://https://h.io", "has two schemes", "https://h.io"
    ),
    "one scheme in another": Row("https://http://h.io", "has two schemes"),
    "a scheme in a broken one": Row(
        "http://http//h:1", "has two schemes", "http://h:1"
    ),
    "no colon": Row("http//h:5000", "has // where :// belongs", "http://h:5000"),
    "one slash": Row("https:/h.io", "has :/ where :// belongs", "https://h.io"),
    "no slash": Row("https:h.io", "has : where :// belongs", "https://h.io"),
    "three slashes": Row("https:///h.io", "has :/// where", "https://h.io"),
    "three slashes before a word": Row("https:///h", "has :/// where"),
    "a semicolon for the colon": Row("https;//h.io", "has ;// where", "https://h.io"),
    "backslashes": Row("http:\\\\h.io", "where :// belongs", "http://h.io"),
    "a blank behind the scheme": Row(
        "https:// h.io", "where :// belongs", "https://h.io"
    ),
    "a blank in the host": Row("https://h .io", "a blank in its host"),
    "blanks around": Row(" https://h.io ", "a blank before or behind", "https://h.io"),
    "a hard blank": Row(
        "https://h.io\u00a0", "a blank before or behind", "https://h.io"
    ),
    "a comma behind": Row("https://h.io,", "a stray ,", "https://h.io"),
    "a quote behind": Row("https://h.io'", "a stray '", "https://h.io"),
    "a backtick behind": Row("https://h.io:5000`", "a stray `", "https://h.io:5000"),
    "a comma behind a path": Row("https://h.io/v2;", "a stray ;", "https://h.io/v2"),
    "typographic quotes": Row(
        "\u201chttps://h.io\u201d", "a stray \u201c", "https://h.io"
    ),
    "a typographic quote inside": Row("https://h\u201d.io", "has a \u201d in its host"),
    "a quote in a broken one": Row("'http//h.io'", "has // where", "http://h.io"),
    "two ports": Row("http://h:5000:5000", "has two ports", "http://h:5000"),
    "two other ports": Row("http://h:5000:5001", "has two ports"),
    "a word for a port": Row("http://h:port", "a port that is no number"),
    "a port out of range": Row("http://h:70000", "a port that is no number"),
    "a placeholder": Row("http://<ip>:32000", "a placeholder"),
    "a placeholder alone": Row("<ip>:32000", "a placeholder"),
    "a variable": Row("http://${IP}:32000", "a placeholder"),
    "a shell's variable": Row("http://$IP:32000", "a placeholder"),
    "a template's variable": Row("http://{{ ip }}:32000", "a placeholder"),
    "a word of a recipe": Row("http://YOUR_IP:32000", "a placeholder"),
    "no host": Row("https://", "names no host"),
    "no host before a port": Row("https://:5000", "names no host"),
    "no IPv4 address": Row("http://10.0.0.256:5000", "no IPv4 address"),
    "three numbers": Row("http://10.0.1:5000", "no IPv4 address"),
    "half a bracket": Row("http://[fd00::1:5000", "no IPv6 address"),
    "no brackets": Row("http://fd00::1", "needs brackets"),
    "two dots": Row("http://h..io", "an impossible host"),
    "a bracket in the host": Row("http://h.io]", "has a ] in its host"),
}
WELL = [
    *(
        "https://h.io",
        "http://h:5000/v2/x",
        "h.io",
        "h:5000",
        "http:5000",
        "https:443/x",
    ),
    *(
        "https://u:p@h.io",
        "http://[fd00::1]:5000",
        "https://h.io./v2",
        "http://10.0.0.1",
    ),
    *("http://my_reg:5000", "https://b\u00fccher.example", "HTTPS://h.io", "ftp://h"),
    *("https://h.io/https://other", "http-reg:5000", "https://h.io?x=<y", "http://h:"),
]


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_what_is_wrong_with_an_address(row: Row) -> None:
    slip = slip_in(row.address)
    assert slip is not None
    assert row.words in slip.what
    assert slip.right == row.right
    assert not row.right or slip_in(row.right) is None


@pytest.mark.parametrize(
    "address", [each for each in WELL if "?" not in each], ids=repr
)
def test_nothing_is_wrong_with_it(address: str) -> None:
    assert slip_in(address) is None


def _files(address: str) -> List[str]:
    written = toml_writing.scalar(address)
    return [
        f"server = {written}\n[host]\n",
        f'server = "https://s"\n[host.{written}]\n  capabilities = ["pull"]\n',
        f'[host.{written}]\n[host.{written}.header]\nX = "y"\n',
    ]


def _findings(path: Path, text: str, version: Version) -> List[Tuple[Cause, str, str]]:
    file = File(REGISTRY, str(path), text.encode(), version)
    reading = file.entries() or ()
    return [
        (each.cause, each.what, each.remedy.command)
        for each in hosts_lint.findings_of(file, reading)
    ]


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_check_names_it_and_no_edit_keeps_it(row: Row, tmp_path: Path) -> None:
    directory = tmp_path / REGISTRY
    directory.mkdir()
    path = directory / "hosts.toml"
    for version in ALL:
        for text in _files(row.address):
            if version < (2, 0, 0) and _ODD.search(text):
                # containerd 1.x reads no such name of a table at all.
                continue
            path.write_text(text, encoding="utf-8")
            reading = read_registry(REGISTRY, str(tmp_path), look_at, version)
            found = [each for each in reading.findings if each.is_fault]
            assert [each.cause for each in found] == [Cause.BAD_URL], (version, text)
            assert row.words in found[0].what
            command = found[0].remedy.command.replace("sudo ", "")
            assert bool(command) == bool(row.right), (text, found)
            if not command:
                continue
            type_in(command)
            assert row.right in path.read_text(encoding="utf-8")
            after = read_registry(REGISTRY, str(tmp_path), look_at, version)
            assert not [each for each in after.findings if each.is_fault], text


PIECES = st.sampled_from(
    [
        *(
            "http",
            "https",
            "://",
            ":/",
            "//",
            ":",
            "/",
            "h.io",
            "h",
            "*",
            "5000",
            "port",
        ),
        *('"', "'", "`", "\u201c", ",", ";", " ", "<ip>", "${IP}", "[", "]", "fd00::1"),
        *(
            "docker.i",
            "v2",
            ".",
            "..",
            "@",
            "?",
            "#",
            "\\",
            "\u00a0",
            "10.0.0.256",
            "_",
        ),
    ]
)
ADDRESSES = st.lists(PIECES, max_size=7).map("".join)
# How people write a line, well or not.
LINES = st.sampled_from(
    [
        *('server = "{}"\n', "server = {}\n", "server: {}\n", 'server = "{}"`\n'),
        *('[host."{}"]\n', "[host.{}]\n", '[host."{}"]`\n', "[host.'{}'\n"),
        *('host = "{}"\n', '["{}"]\n', '[[host."{}"]]\n', '[Host."{}"]\n'),
        '[mirror."{}"]\n',
    ]
)


def _malformed(text: str) -> List[str]:
    """List the addresses in a text that cannot be."""
    lines = toml_statements.split_lines(text)
    found = toml_statements.parse(lines, may_repeat=True, skip_unreadable=True)
    addresses = [
        str(each.path[1] if each.path[0] == "host" else each.value)
        for each in found
        if each.path == ("server",) or (each.path[0] == "host" and len(each.path) > 1)
    ]
    return [each for each in addresses if each and slip_in(each) is not None]


@given(LINES, ADDRESSES, st.sampled_from(ALL))
def test_whatever_edit_is_shown_no_malformed_address_is_left(
    line: str, address: str, version: Version
) -> None:
    text = line.replace("{}", address) + 'capabilities = ["pull", "resolve"]\n'
    file = File(REGISTRY, "/c/hosts.toml", text.encode(), version)
    made: Dict[str, Edits] = {}

    def _command_of(_file: File, edits: Edits) -> str:
        made[repr(edits)] = edits
        return repr(edits)

    with pytest.MonkeyPatch.context() as patch:
        for module in ("drafts", "hosts_lint"):
            name = f"private_registry.check.lint.{module}.command_of"
            patch.setattr(name, _command_of)
        found = hosts_lint.findings_of(file, file.entries() or ())
    faults = [each.remedy.command for each in found if each.is_fault]
    mended = made.get(next(filter(None, faults), ""), ())
    for each in found:
        # A fault's command comes first.
        edits = made.get(each.remedy.command, ())
        base = file if each.is_fault or not mended else file.edited(mended)
        if edits and base is file:
            assert not _malformed(file.edited(edits).text), text


@given(ADDRESSES)
def test_what_an_address_was_meant_to_be_can_be(address: str) -> None:
    slip = slip_in(address)
    if slip is not None and slip.right:
        assert slip_in(slip.right) is None


@given(ADDRESSES)
def test_what_the_command_line_takes_is_well_formed(address: str) -> None:
    try:
        taken = parse_mirror_url(address, "--mirror").url
    except UsageError:
        return
    assert slip_in(taken) is None


STRAYS = {
    "a backtick": ('capabilities = ["pull", "resolve"]`', "a stray ` at its end"),
    "a quote": ('capabilities = ["pull", "resolve"]"', 'a stray " at its end'),
    "a comma": ("skip_verify = false,", "a stray , at its end"),
    "a bracket": ('capabilities = ["pull"]]', "a stray ] at its end"),
    "a backslash": ('ca = "/ca.crt"\\', "a stray \\ at its end"),
    "a backtick before": ('`capabilities = ["pull"]', "a stray ` before it"),
    "a hard blank": ('\u00a0\u00a0capabilities = ["pull"]', "U+00A0"),
    "no width": ('\u200bcapabilities = ["pull"]', "U+200B"),
}


@pytest.mark.parametrize(("line", "words"), STRAYS.values(), ids=STRAYS)
def test_a_stray_character(line: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / "hosts.toml"
    text = f'server = "https://s"\n[host."https://h.io"]\n{line}\n'
    for version in ALL:
        path.write_text(text, encoding="utf-8")
        ((cause, what, command),) = _findings(path, text, version)
        assert cause is Cause.NOT_TOML
        assert words in what
        assert "quotes are missing" not in what
        type_in(command.replace("sudo ", ""))
        file = File(REGISTRY, str(path), path.read_bytes(), version)
        assert file.entries() is not None


@pytest.mark.parametrize(
    ("arguments", "words", "instead"),
    [
        ("--mirror docker.io=https://https://h.io", "two schemes", "=https://h.io"),
        ("--mirror docker.io=http//h.io", "where :// belongs", "=http://h.io"),
        ("--mirror docker.io=https://h.io,", "a stray ,", "=https://h.io"),
        ("--mirror docker.io=https://*", "an impossible host", "--mirror"),
        ("--mirror docker.io=http://<ip>:5000", "a placeholder", "--mirror"),
        ("--mirror docker.io=http://h:5000:5000", "two ports", "=http://h:5000"),
        ("--registry https://a.b://h.io", "two schemes", "--registry"),
        ("--registry https://https://h.io", "two schemes", "--registry h.io"),
        ("--registry https//h.io", "where :// belongs", "--registry h.io"),
        ("--insecure h.io:5000`", "a stray `", "--insecure h.io:5000"),
        ("--insecure h.io:5000:5000", "two ports", "--insecure h.io:5000"),
        ("--insecure <ip>:32000", "a placeholder", "--insecure"),
    ],
)
def test_the_command_line_names_it_too(
    arguments: str, words: str, instead: str, microk8s: Microk8s
) -> None:
    result = microk8s.run("plugin", "add", *arguments.split())
    assert result.exit_code == 2
    first, _, last = result.stderr.strip().splitlines()
    assert words in first
    assert instead in last
