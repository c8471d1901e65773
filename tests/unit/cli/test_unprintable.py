"""What a terminal would obey, or not show, is written out: names, arguments,
contents of files.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, List

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from private_registry.cli.files_given import named
from private_registry.texts.showing import printable, quoted, shown
from unit.fake_containerd import FakeContainerd
from unit.microk8s import ADDON, Microk8s, Result, ok
from unit.typed import type_in

pytestmark = pytest.mark.attack

ODD = {
    "right-to-left override": "\u202e",
    "isolate": "\u2066",
    "zero-width space": "\u200b",
    "byte order mark": "\ufeff",
    "soft hyphen": "\u00ad",
    "line separator": "\u2028",
    "next line": "\x85",
    "no-break space": "\u00a0",
    "escape": "\x1b[2J",
    "C1 control": "\x9b31m",
    "delete": "\x7f",
    "tab": "\t",
    "line feed": "\n",
    "carriage return": "\r",
    "private use": "\ue000",
    "tag": "\U000e0041",
    "unassigned": "\u0378",
    "byte that is no text": "\udcff",
    "Hangul filler": "\u3164",
    "blank Braille": "\u2800",
    "variation selector": "\ufe0f",
    "grapheme joiner": "\u034f",
}
odd = pytest.mark.parametrize("odd", list(ODD.values()), ids=list(ODD))
PLAIN = ["ann", "a b", "ü", "日本", "😀", "a\\b", "it's", "$HOME", "-", "#?*"]


def _assert_clean(result: Result, text: str) -> None:
    output = result.stdout + result.stderr
    assert "Traceback" not in output
    for character in text if text != "\x1b[2J" else "\x1b":
        if not character.isalnum() or not character.isascii():
            assert character == "\n" or character not in output, output
    assert not re.search("[^\\S \n]", output)


@odd
def test_it_is_escaped_wherever_a_text_is_shown(odd: str) -> None:
    for show in (printable, shown, named, quoted):
        found = show(f"a{odd}ü")
        assert odd not in found
        assert found.isprintable()
        assert found.startswith(("a\\", "$'a\\x"))
        assert "ü" in found


@pytest.mark.parametrize("text", PLAIN)
def test_all_else_is_shown_as_it_is(text: str) -> None:
    assert printable(text) == text


def _bash(command: str) -> List[bytes]:
    done = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {command}"], stdout=subprocess.PIPE, check=True
    )
    return done.stdout.split(b"\0")[:-1]


@pytest.mark.parametrize(
    "text", ["", *PLAIN, *ODD.values(), *(f"a'{x}\\x41'9" for x in ODD.values())]
)
def test_a_shell_takes_it_for_what_it_was(text: str) -> None:
    assert quoted(text).isprintable()
    assert _bash(quoted(text)) == [text.encode("utf-8", "surrogateescape")]


@given(
    st.text(
        st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]),
        max_size=20,
    )
)
def test_a_shell_takes_any_text_for_what_it_was(text: str) -> None:
    assert quoted(text).isprintable()
    assert _bash(quoted(text)) == [text.encode()]


# --- arguments and names of files -----------------------------------------------------

ARGUMENTS: Dict[str, Callable[[str], List[str]]] = {
    "command": lambda name: ["plugin", name],
    "word": lambda name: ["enable", name],
    "option": lambda name: ["enable", f"--{name}"],
    "no value": lambda name: ["enable", f"--{name}=--"],
    "insecure": lambda name: ["enable", "--insecure", f"a{name}.corp"],
    "registry": lambda name: ["enable", "--registry", f"a.corp:{name}"],
    "registry's scheme": lambda name: ["enable", "--registry", f"{name}://a.corp"],
    "mirror": lambda name: ["enable", "--mirror", name],
    "mirror's URL": lambda name: ["enable", "--mirror", f"docker.io=https://{name}"],
    "mirror's path": lambda name: [
        "enable",
        "--mirror",
        f"docker.io=https://m.corp/{name}",
    ],
    "ca": lambda name: ["enable", "--registry", "a.corp", "--ca", name],
    "client": lambda name: (
        ["enable", "--registry", "a.corp", "--client-cert", name, "--client-key", name]
    ),
    "password file": lambda name: (
        ["enable", "--registry", "a.corp", "--username", "a", "--password-file", name]
    ),
    "password env": lambda name: (
        ["enable", "--registry", "a.corp", "--username", "a", "--password-env", name]
    ),
    "username": lambda name: (
        [
            "enable",
            "--registry",
            "a.corp",
            "--username",
            f"{name}:b",
            "--password-stdin",
        ]
    ),
    "file": lambda name: ["enable", "--file", name],
    "import": lambda name: ["enable", "--import", name],
    "docker config": lambda name: (
        ["enable", "--insecure", "a.corp", "--docker", "--docker-config", name]
    ),
    "pull secret": lambda name: (
        [
            "enable",
            "--registry",
            "a.corp",
            "--pull-secret",
            name,
            "--pull-secret-from",
            name,
        ]
    ),
    "namespace": lambda name: (
        [
            "enable",
            "--pull-secret",
            "x",
            "--namespace",
            name,
            "--pull-secret-from",
            name,
        ]
    ),
    "pull secret's file": lambda name: [
        "enable",
        "--pull-secret",
        "x",
        "--pull-secret-from",
        name,
    ],
    "remove": lambda name: ["disable", "--registry", name],
    "format": lambda name: ["plugin", "export", "--format", name],
    "output": lambda name: ["plugin", "export", "--output", f"/nowhere/{name}"],
    "check": lambda name: ["plugin", "check", name],
    "check's host": lambda name: ["plugin", "check", f"a.corp/{name}"],
    "timeout": lambda name: ["plugin", "check", "--timeout", name],
}


@odd
@pytest.mark.parametrize("place", list(ARGUMENTS))
def test_arguments(microk8s: Microk8s, odd: str, place: str) -> None:
    result = microk8s.run(*ARGUMENTS[place](odd + "x"), stdin=b"x")
    assert result.exit_code == 2, result
    _assert_clean(result, odd)
    as_json = microk8s.run(*ARGUMENTS[place](odd + "x"), "--json", stdin=b"x")
    assert (as_json.stdout + as_json.stderr).isascii()


@odd
def test_names_of_files_that_are_there(
    microk8s: Microk8s, tmp_path: Path, odd: str
) -> None:
    path = tmp_path / f"{odd}x"
    path.write_text("no PEM, no TOML")
    for place in ("ca", "client", "file", "import", "pull secret's file"):
        result = microk8s.run(*ARGUMENTS[place](str(path)))
        assert result.exit_code == 2, result
        _assert_clean(result, odd)
    result = microk8s.run("plugin", "export", "--output", str(path))
    assert "is there already" in result.stderr
    _assert_clean(result, odd)


@odd
def test_a_file_with_notes(microk8s: Microk8s, tmp_path: Path, odd: str) -> None:
    path = tmp_path / f"{odd}.json"
    plain = {
        "auths": {f"a{odd}.corp": {}, "b.corp": {odd: 1}},
        "credHelpers": {f"x{odd}": 1},
        odd: 1,
    }
    path.write_text(json.dumps(plain))
    result = microk8s.run("enable", "--file", str(path))
    assert odd[:1] not in result.stdout + result.stderr or odd in ("\n", "\t")
    _assert_clean(result, odd)
    path.write_text(
        json.dumps({"mirrors": {"a.corp": {odd: 1, "endpoint": ["https://m.corp"]}}})
    )
    _assert_clean(ok(microk8s.run("enable", "--file", str(path))), odd)
    path.write_text(json.dumps({odd: 1, "insecure-registries": ["10.0.0.0/8" + odd]}))
    _assert_clean(microk8s.run("enable", "--file", str(path)), odd)
    path.write_text(f'[[registry]]\nhost = "a.corp"\n"{json.dumps(odd)[1:-1]}" = 1\n')
    _assert_clean(microk8s.run("plugin", "apply", "--file", str(path)), odd)


@odd
def test_directories_that_are_imported(
    microk8s: Microk8s, tmp_path: Path, odd: str
) -> None:
    tree = tmp_path / f"t{odd}"
    for name in (f"a{odd}.corp", "b.corp"):
        (tree / name).mkdir(parents=True)
        (tree / name / f"x{odd}.key").touch()
    (tree / f"f{odd}").touch()
    (tree / "c.corp").mkdir()
    (tree / "c.corp/hosts.toml").write_text('server = "https://c.corp"\nx = 1\n')
    result = ok(microk8s.run("enable", "--import", str(tree)))
    assert result.stdout.count("note: ") >= 4
    _assert_clean(result, odd)


@odd
def test_a_tree_that_is_checked(
    microk8s: Microk8s,
    containerd: FakeContainerd,
    monkeypatch: pytest.MonkeyPatch,
    odd: str,
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _unknown_name)
    name = f"a{odd[0]}.corp"
    for path in (f"{name}/hosts.toml", f"b.corp/hosts{odd[0]}.toml", "*/x"):
        microk8s.write(
            f"args/certs.d/{path}", '[host."https://127.0.0.1:1"]\nca = "x"\n'
        )
    microk8s.write(f"args/certs.d/f{odd[0]}", "")
    named_so = (
        f'[host."https://127.0.0.1:1"]\nca = {json.dumps("no" + ascii_free(odd))}\n'
    )
    microk8s.write("args/certs.d/c.corp/hosts.toml", named_so)
    for options in ([], ["--json"]):
        result = microk8s.run("plugin", "check", "--timeout", "1", *options)
        assert result.exit_code == 5, result
        assert "wrong_directory" in result.stdout
        _assert_clean(result, odd)


def _unknown_name(*_: object, **__: object) -> None:
    raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")


def ascii_free(text: str) -> str:
    """Return a text without what no TOML text can hold."""
    return "".join(each for each in text if not "\ud800" <= each <= "\udfff")


@odd
def test_remedies_for_odd_names_work_when_they_are_typed(
    microk8s: Microk8s,
    containerd: FakeContainerd,
    monkeypatch: pytest.MonkeyPatch,
    odd: str,
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _unknown_name)
    name = f"b{odd[0]}.corp"
    path = microk8s.certs_d / name / "host.toml"
    microk8s.write(f"args/certs.d/{name}/host.toml", "x = 1\n")
    result = microk8s.run("plugin", "check", "--timeout", "1", "--json")
    remedies = {
        each["cause"]: each["do"]
        for each in json.loads(result.stdout)["findings"]
        if each["do"]
    }
    command = remedies["misnamed_file"]
    assert command.isprintable()
    type_in(command.replace("sudo ", ""))
    assert not path.exists()
    assert path.with_name("hosts.toml").read_text() == "x = 1\n"


@odd
def test_a_conflict_is_moved_away_by_what_is_shown(
    microk8s: Microk8s, tmp_path: Path, odd: str
) -> None:
    """The node itself lies below a directory with such a name."""
    node = Microk8s(tmp_path / f"it's{odd[0]}")
    node.write("args/certs.d/a.corp_5000_/hosts.toml", "")
    result = node.run("enable", "--insecure", "a.corp:5000")
    assert result.exit_code == 3
    _assert_clean(result, odd)
    command = re.search("sudo (mv .*)", result.stderr)
    assert command
    type_in(command[1])
    ok(node.run("enable", "--insecure", "a.corp:5000"))


# --- numbers --------------------------------------------------------------------------

NUMBERS = [
    *(
        "\u0663",
        "1_0",
        " 5",
        "5 ",
        "+5",
        "-5",
        "1e1",
        "0x5",
        "5.",
        ".5",
        "\uff15",
        "\u00b2",
        "",
    ),
    *(
        "1,5",
        "5s",
        "inf",
        "nan",
        "00000000000005",
        "5\n",
        "0",
        "0.0",
        "3601",
        "5.5.5",
        "1" * 5000,
    ),
]


@pytest.mark.parametrize("text", NUMBERS, ids=ascii)
def test_seconds_are_digits(microk8s: Microk8s, text: str) -> None:
    result = microk8s.run("plugin", "check", "--timeout", text, "127.0.0.1:1")
    assert result.exit_code == 2, result
    assert "no number of seconds from 0.1 to 3600" in result.stderr


@pytest.mark.parametrize("text", ["5", "0.5", "5.25", "10", "3600"])
def test_seconds(microk8s: Microk8s, text: str) -> None:
    assert (
        microk8s.run("plugin", "check", "--timeout", text, "127.0.0.1:1").exit_code == 5
    )


DIGITS = ["5\u0663", "\u00b2", "\uff15\uff10", "5_0", " 50", "+50"]


@pytest.mark.parametrize("digits", DIGITS, ids=ascii)
@pytest.mark.parametrize(
    "arguments",
    [
        ["enable", "--insecure", "a.corp:{}"],
        ["enable", "--registry", "[fd00::1]:{}"],
        ["enable", "--registry", "10.0.0.{}"],
        ["enable", "--registry", "fd00::{}"],
        ["enable", "--mirror", "docker.io=https://m.corp:{}"],
        ["enable", "http", "a.corp", "{}"],
        ["plugin", "remove", "--registry", "a.corp:{}"],
        ["plugin", "check", "a.corp:{}/app"],
    ],
    ids=" ".join,
)
def test_ports_are_digits(
    microk8s: Microk8s, arguments: List[str], digits: str
) -> None:
    result = microk8s.run(*(each.format(digits) for each in arguments))
    assert result.exit_code == 2, result
    assert digits.strip() not in re.findall(r"do: .*", result.stderr)[0]


@pytest.mark.parametrize("digits", DIGITS[:3], ids=ascii)
@pytest.mark.parametrize(
    "text",
    [
        'mirrors:\n  "a.corp:{}":\n    endpoint: [https://m.corp]\n',
        'mirrors:\n  a.corp:\n    endpoint: ["https://m.corp:{}"]\n',
        '{{"insecure-registries": ["a.corp:{}"]}}',
        '{{"auths": {{"a.corp:{}": {{"auth": "YTpi"}}}}}}',
        '[[registry]]\nhost = "a.corp:{}"\n',
        'version = {}\n[[registry]]\nhost = "a.corp"\n',
        'version = 0x{}\n[[registry]]\nhost = "a.corp"\n',
        'version = 1{}\n[[registry]]\nhost = "a.corp"\n',
    ],
)
def test_numbers_in_files_are_digits(
    microk8s: Microk8s, text: str, digits: str
) -> None:
    content = text.format(digits).encode()
    result = microk8s.run("enable", "--file", "-", stdin=content)
    assert result.exit_code == 2, result
    assert not re.search(
        "[\u0663\u00b2\uff15]", "".join(re.findall("error: not TOML.*", result.stderr))
    )


def test_a_proxy_that_is_left_out_for_a_port_of_odd_digits(microk8s: Microk8s) -> None:
    for digits in DIGITS:
        microk8s.write(
            "args/containerd-env",
            f"HTTPS_PROXY=http://127.0.0.1:1\nNO_PROXY=a:{digits}\n",
        )
        result = microk8s.run("plugin", "check", "127.0.0.1:1", "--timeout", "1")
        assert result.exit_code == 5, result


@pytest.mark.parametrize(
    "time", ["1e400", '"\u0663"', "-1", "1e17", "true", "null", "[1]"]
)
def test_a_damaged_memory_of_checks_is_none(microk8s: Microk8s, time: str) -> None:
    ok(microk8s.run("enable", "--insecure", "a.corp"))
    path = microk8s.state.with_name("last-check.json")
    path.write_text(f'{{"a.corp": {{"time": {time}, "causes": ["x"]}}}}')
    for options in ([], ["--json"]):
        result = ok(microk8s.run("plugin", "list", *options))
        assert "checked" not in result.stdout


# --- passwords keep every character ---------------------------------------------------

PASSWORDS = [
    "\ufeffpw",
    "\ufeff",
    "pw\ufeff",
    "\u200bpw\u200b",
    " pw ",
    "\u202epw",
    "p\u00a0w",
    "ﬁ",
]


def _saved_password(microk8s: Microk8s) -> str:
    text = ok(microk8s.run("plugin", "export", "--with-secrets")).stdout
    password: str = tomli.loads(text)["registry"][0]["password"]
    return password


@pytest.mark.in_turn("end")
@pytest.mark.parametrize("password", PASSWORDS, ids=ascii)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
@pytest.mark.parametrize(
    "way", ["--password-stdin", "--password-file", "--password-env", "file"]
)
def test_a_password_keeps_every_character(
    microk8s: Microk8s, tmp_path: Path, way: str, end: str, password: str
) -> None:
    path = tmp_path / "password"
    path.write_bytes((password + end).encode())
    words = ["--username", "ann", way]
    if way == "--password-file":
        words.append(str(path))
    elif way == "--password-env":
        words.append("PASSWORD")
    elif way == "file":
        (tmp_path / "registries.toml").write_text(
            '[[registry]]\nhost = "a.corp"\nusername = "ann"\npassword_file ='
            ' "password"\n'
        )
        words = ["--file", str(tmp_path / "registries.toml")]
    target = [] if way == "file" else ["--registry", "a.corp"]
    ok(
        microk8s.run(
            "enable",
            *target,
            *words,
            "--no-restart",
            stdin=path.read_bytes(),
            env={"PASSWORD": password + end},
        )
    )
    assert _saved_password(microk8s) == password


@odd
def test_an_export_shows_it_as_an_escape_that_is_read_as_it_was(
    microk8s: Microk8s, odd: str
) -> None:
    if (
        min(odd) < " "
        or (max(odd) >= "\udc80" and max(odd) <= "\udcff")
        or odd == "\x7f"
    ):
        odd = "\u202e"
    login = ["--username", f"a{odd}n", "--password-stdin", "--no-restart"]
    ok(microk8s.run("enable", "--registry", "a.corp", *login, stdin=f"{odd}x".encode()))
    saved = microk8s.state.read_bytes()
    result = ok(microk8s.run("plugin", "export", "--with-secrets"))
    _assert_clean(result, odd)
    apply = ["apply", "--file", "-", "--no-restart"]
    again = ok(microk8s.run("plugin", *apply, stdin=result.stdout.encode()))
    assert "Nothing to do" in again.stdout
    assert microk8s.state.read_bytes() == saved
    _assert_clean(ok(microk8s.run("plugin", "list")), odd)


def test_other_files_may_begin_with_a_byte_order_mark(
    microk8s: Microk8s, client_options: List[str], tmp_path: Path
) -> None:
    for path in (Path(each) for each in client_options[1::2]):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    ok(microk8s.run("enable", "--registry", "a.corp", *client_options))
    for text in (
        '[[registry]]\nhost = "b.corp"\n',
        '{"insecure-registries": ["c.corp"]}',
    ):
        ok(
            microk8s.run(
                "plugin", "add", "--file", "-", stdin=b"\xef\xbb\xbf" + text.encode()
            )
        )


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_of_any_encoding_gets_what_it_can_show(
    microk8s: Microk8s, encoding: str
) -> None:
    login = ["--username", "ü日", "--password-stdin", "--no-restart"]
    ok(microk8s.run("enable", "--registry", "a.corp", *login, stdin=b"x"))
    environment = {"PYTHONIOENCODING": encoding, "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [sys.executable, str(ADDON / "plugin"), "list"],
        env={**os.environ, **microk8s.environment, **environment},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "logs in as " in done.stdout.decode(encoding)
