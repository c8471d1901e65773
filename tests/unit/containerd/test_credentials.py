"""User names and passwords, from the command line to containerd-template.toml and
back.
"""

from __future__ import annotations

import base64
import json
import stat
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import pytest

from private_registry.cli.command_line import parse
from private_registry.cli.files_given import Inputs
from private_registry.node.paths import Node
from private_registry.registries.credentials import forms_of
from unit.fake_containerd import FakeContainerd
from unit.microk8s import MARKER, Microk8s, Result, ok
from unit.safe_subset import parse as parse_toml
from unit.trees import Tree

pytestmark = pytest.mark.owners

PASSWORD = "my-safe-p\"ss'word\\#${SNAP}∞"
LOGIN = ["--username", "ann", "--password-stdin"]
PLAIN = "--allow-plaintext-credentials"
CRI = 'plugins."io.containerd.grpc.v1.cri"'


def add(
    node: Microk8s, *options: str, password: str = PASSWORD, door: str = "plugin"
) -> Result:
    verb = ["add"] if door == "plugin" else []
    return node.run(door, *verb, *options, *LOGIN, stdin=password.encode())


def logins(node: Microk8s) -> Dict[str, Tuple[str, str]]:
    """Read the template's credentials, with another parser than the addon's own."""
    found: Any = parse_toml(node.template.read_text())
    for key in ("plugins", "io.containerd.grpc.v1.cri", "registry", "configs"):
        found = found.get(key, {})
    return {
        host: (config["auth"]["username"], config["auth"]["password"])
        for host, config in found.items()
    }


def files_with(node: Microk8s, *secrets: str) -> List[str]:
    """Find the files below SNAP_DATA and SNAP_COMMON that hold a secret, plain or as
    base64.
    """
    wanted = [part.encode() for secret in secrets for part in spellings(secret)]
    found = [path for path in node.snaps_data.rglob("*") if path.is_file()]
    return [
        str(path)
        for path in found
        if any(secret in path.read_bytes() for secret in wanted)
    ]


def spellings(secret: str) -> List[str]:
    pair = base64.b64encode(f"ann:{secret}".encode()).decode()
    escaped = json.dumps(secret, ensure_ascii=False)[1:-1].replace("${", "\\u0024{")
    return [secret, escaped, base64.b64encode(secret.encode()).decode(), pair]


@pytest.mark.parametrize(
    ("options", "host"),
    [
        (["--registry", "reg.corp:5000"], "reg.corp:5000"),
        (["--registry", "docker.io"], "registry-1.docker.io"),
        (["--insecure", "10.1.1.1:5000", PLAIN], "10.1.1.1:5000"),
        (["--mirror", "docker.io=https://harbor.corp/proxy"], "harbor.corp"),
        (
            ["--mirror", "docker.io=http://m.corp:5000", PLAIN, "--no-fallback"],
            "m.corp:5000",
        ),
        (["--mirror", "*=https://m.corp"], "m.corp"),
        (["--registry", "r.corp", "--mirror", "r.corp=https://m.corp"], "m.corp"),
    ],
)
def test_they_are_keyed_by_the_host_that_asks_for_them(
    microk8s: Microk8s, options: List[str], host: str
) -> None:
    if len(options) == 4 and options[0] == "--registry":
        ok(microk8s.run("enable", *options[:2]))
        options = options[2:]
    before = microk8s.tree()
    ok(add(microk8s, *options))
    assert logins(microk8s) == {host: ("ann", PASSWORD)}
    assert microk8s.tree() != before


def test_everything_goes_again(microk8s: Microk8s) -> None:
    before = microk8s.tree()
    ok(add(microk8s, "--registry", "a.corp", door="enable"))
    ok(add(microk8s, "--registry", "b.corp", password="another"))
    assert files_with(microk8s, PASSWORD)
    ok(microk8s.run("plugin", "remove", "--registry", "a.corp"))
    assert files_with(microk8s, PASSWORD) == []
    assert "a.corp" not in microk8s.template.read_text()
    ok(microk8s.run("plugin", "remove", "--registry", "b.corp"))
    assert files_with(microk8s, "another") == []
    assert microk8s.template.read_text() == tree_text(microk8s, before)
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


def tree_text(node: Microk8s, tree: Tree) -> str:
    return tree[str(node.template.relative_to(node.root))][1].decode()


@pytest.mark.parametrize("mode", [0o660, 0o664, 0o600, 0o640])
def test_no_file_with_a_password_is_open_to_others(
    microk8s: Microk8s, mode: int
) -> None:
    microk8s.template.chmod(mode)
    before = microk8s.tree()
    ok(add(microk8s, "--registry", "a.corp"))
    for path in files_with(microk8s, PASSWORD):
        assert not stat.S_IMODE(Path(path).stat().st_mode) & 0o077, path
    microk8s.template.chmod(0o660)  # as MicroK8s' configure hook does
    ok(microk8s.run("plugin", "apply"))
    assert stat.S_IMODE(microk8s.template.stat().st_mode) == 0o600
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


KEY_FILE = """\
{
  "type": "service_account",
\t"private_key": "made up, with a \\\\n in it:\\nAAAA\\n",
  "client_email": "puller@acme-123.example"
}
"""


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (KEY_FILE, KEY_FILE[:-1]),
        (KEY_FILE.replace("\n", "\r\n"), KEY_FILE.replace("\n", "\r\n")[:-2]),
        ("two\nlines", "two\nlines"),
        ("a\ttab", "a\ttab"),
        ("an old Mac's\rreturn", "an old Mac's\rreturn"),
        ("one break\n", "one break"),
        ("one break\r\n", "one break"),
        ("a second break\n\n", "a second break\n"),
        ("a second break\r\n\r\n", "a second break\r\n"),
        ("\nin front", "\nin front"),
        ("\n\n", "\n"),
    ],
    ids=repr,
)
def test_line_breaks_are_a_part_of_a_password_but_for_the_last(
    microk8s: Microk8s, given: str, kept: str
) -> None:
    ok(add(microk8s, "--registry", "gcr.io", password=given, door="enable"))
    assert logins(microk8s) == {"gcr.io": ("ann", kept)}
    before = microk8s.tree()
    ok(microk8s.run("plugin", "apply"))
    assert microk8s.tree() == before
    exported = ok(microk8s.run("plugin", "export", "--with-secrets")).stdout
    ok(microk8s.run("plugin", "remove", "--registry", "gcr.io"))
    ok(microk8s.run("plugin", "apply", "--file", "-", stdin=exported.encode()))
    assert logins(microk8s) == {"gcr.io": ("ann", kept)}


def test_no_line_of_a_password_shows() -> None:
    forms = forms_of(KEY_FILE)
    assert forms[-1] == '"type": "service_account",'
    assert json.dumps(KEY_FILE)[1:-1] in forms
    assert forms_of("hunter2") == ["hunter2"]
    assert forms_of("p") == ["p"]


def test_where_the_password_comes_from(microk8s: Microk8s, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(PASSWORD + "\n")
    sources: List[Tuple[List[str], Optional[bytes], Dict[str, str]]] = [
        (["--password-stdin"], PASSWORD.encode(), {}),
        (["--password-stdin"], PASSWORD.encode() + b"\r\n", {}),
        (["--password-file", str(file)], None, {}),
        (["--password-file", "-"], PASSWORD.encode(), {}),
        (["--password-env", "REG_PASS"], None, {"REG_PASS": PASSWORD}),
    ]
    for number, (source, stdin, environment) in enumerate(sources):
        options = ["--registry", f"r{number}.corp", "--username", "ann", *source]
        ok(microk8s.run("plugin", "add", *options, stdin=stdin, env=environment))
    assert set(logins(microk8s).values()) == {("ann", PASSWORD)}
    assert len(logins(microk8s)) == len(sources)


def test_a_file_of_registries_has_them_too(microk8s: Microk8s, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from file\n")
    (tmp_path / "registries.toml").write_text("""
[[registry]]
host = "a.corp"
username = "ann"
password = "in place"
[[registry]]
host = "10.1.1.1:5000"
insecure = true
username = "bob"
password_file = "secret"
allow_plaintext_credentials = true
[[registry]]
host = "docker.io"
[[registry.mirror]]
url = "https://m.corp"
username = "eve"
password_env = "REG_PASS"
""")
    file = ["--file", str(tmp_path / "registries.toml")]
    ok(microk8s.run("plugin", "apply", *file, env={"REG_PASS": "from env"}))
    assert logins(microk8s) == {
        "a.corp": ("ann", "in place"),
        "10.1.1.1:5000": ("bob", "from file"),
        "m.corp": ("eve", "from env"),
    }
    before = microk8s.tree()
    ok(microk8s.run("plugin", "apply"))
    assert microk8s.tree() == before


def test_a_changed_password_takes_one_command_and_leaves_the_rest(
    microk8s: Microk8s, client_options: List[str]
) -> None:
    ok(microk8s.run("enable", "--registry", "a.corp", *client_options))
    ok(add(microk8s, "--registry", "a.corp", password="first-one"))
    hosts = microk8s.hosts("a.corp")
    assert "client" in hosts["host"]["https://a.corp"]
    ok(add(microk8s, "--registry", "a.corp", password="second-one"))
    assert logins(microk8s) == {"a.corp": ("ann", "second-one")}
    assert microk8s.hosts("a.corp") == hosts
    ok(microk8s.run("plugin", "add", "--registry", "a.corp"))
    assert "client" not in microk8s.hosts("a.corp")["host"]["https://a.corp"]
    assert logins(microk8s) == {"a.corp": ("ann", "second-one")}
    ok(microk8s.run("plugin", "add", "--registry", "a.corp", "--no-credentials"))
    assert logins(microk8s) == {}
    assert files_with(microk8s, "first-one", "second-one") == []


def test_a_mirror_keeps_its_ca_when_its_password_changes(
    microk8s: Microk8s, client_options: List[str]
) -> None:
    mirror = ["--mirror", "docker.io=https://m.corp"]
    ok(microk8s.run("enable", *mirror, *client_options))
    hosts = microk8s.hosts("docker.io")
    ok(add(microk8s, *mirror))
    assert microk8s.hosts("docker.io") == hosts
    ok(microk8s.run("plugin", "add", "--mirror", "docker.io=https://other.corp"))
    assert logins(microk8s) == {}


def test_one_host_has_one_password(microk8s: Microk8s) -> None:
    ok(add(microk8s, "--registry", "h.corp", password="first-one"))
    ok(add(microk8s, "--mirror", "docker.io=https://h.corp/hub", password="first-one"))
    assert logins(microk8s) == {"h.corp": ("ann", "first-one")}
    before = microk8s.tree()
    refused = add(
        microk8s, "--mirror", "quay.io=https://h.corp/quay", password="second-one"
    )
    assert refused.exit_code == 2
    assert "h.corp" in refused.stderr
    assert microk8s.tree() == before
    ok(microk8s.run("plugin", "remove", "--registry", "h.corp"))
    assert logins(microk8s) == {"h.corp": ("ann", "first-one")}


REFUSED: List[Tuple[List[str], str, str]] = [
    (["--registry", "a.corp", "--username", "ann"], "p", "needs a password"),
    (["--registry", "a.corp", "--password-stdin"], "p", "needs --username"),
    (["--registry", "a.corp", PLAIN], "p", "needs --username"),
    (LOGIN, "p", "does not say for which registry"),
    (["--no-credentials"], "", "does not say for which registry"),
    (["--registry", "a.corp", "--insecure", "b.corp", *LOGIN], "p", "there are 2"),
    (["--insecure", "a.corp", *LOGIN], "p", "plain HTTP"),
    (["--mirror", "a.corp=http://m.corp", *LOGIN], "p", "plain HTTP"),
    (
        ["--registry", "a.corp", *LOGIN, "--password-file", "x"],
        "p",
        "exclude each other",
    ),
    (["--registry", "a.corp", *LOGIN, "--no-credentials"], "p", "leave one out"),
    (["--registry", "a.corp", *LOGIN], "", "the password is empty"),
    (["--registry", "a.corp", *LOGIN], "\n", "the password is empty"),
    (["--registry", "a.corp", *LOGIN], "s3cr3t\0", "control character"),
    (["--registry", "a.corp", *LOGIN], "s3cr3t\x1b[1m", "control character"),
    (["--registry", "a.corp", *LOGIN], "s3cr3t\n\x7f", "control character"),
    (
        ["--registry", "a.corp", "--username", "", "--password-stdin"],
        "p",
        "user name is empty",
    ),
    (
        ["--registry", "a.corp", "--username", "u:s3cr3t", "--password-stdin"],
        "p",
        "a colon",
    ),
    (
        ["--registry", "a.corp", "--username", "u\n", "--password-stdin"],
        "p",
        "line break",
    ),
    (
        ["--registry", "a.corp", "--username", "u", "--password-env", "NOT_SET"],
        "",
        "is not set",
    ),
    (
        ["--registry", "a.corp", "--username", "u", "--password-file", "/no/such"],
        "",
        "no such file",
    ),
    (
        ["--registry", "a.corp", "--username", "a", "--username", "b"],
        "",
        "given 2 times",
    ),
    (["--registry", "a.corp", "--ca", "-", *LOGIN], "p", "standard input"),
    (
        ["--registry", "a.corp", "--username", "u", "--password=s3cr3t"],
        "",
        "on a command line",
    ),
]


@pytest.mark.parametrize(
    ("options", "stdin", "says"), REFUSED, ids=[str(each) for each in REFUSED]
)
def test_what_cannot_be_is_refused(
    microk8s: Microk8s, options: List[str], stdin: str, says: str
) -> None:
    before = microk8s.tree()
    result = microk8s.run("enable", *options, stdin=stdin.encode())
    assert result.exit_code == 2, result
    assert says in result.stderr
    assert "s3cr3t" not in result.stderr + result.stdout
    assert 1 <= len(result.stderr.splitlines()) <= 3
    assert microk8s.tree() == before


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ('username = "u"', "needs password_file"),
        ('password = "s3cr3t"', "needs username"),
        (
            'username = "u"\npassword = "s3cr3t"\npassword_file = "x"',
            "exclude each other",
        ),
        ('username = "u"\npassword_file = "no-such"', "cannot be read"),
        ('username = "u"\npassword_env = "NOT_SET"', "is not set"),
        ('username = "u:s3cr3t"\npassword = "p"', "a colon"),
        ('username = "u"\npassword = ""', "the password is empty"),
        ('username = "u"\npassword = 7', "must be a text"),
        ('insecure = true\nusername = "u"\npassword = "s3cr3t"', "plain HTTP"),
        ('username = "u"\npasword = "s3cr3t"', "did you mean password"),
    ],
)
def test_a_file_with_wrong_credentials_names_its_line(
    microk8s: Microk8s, tmp_path: Path, keys: str, says: str
) -> None:
    file = tmp_path / "registries.toml"
    file.write_text(f'[[registry]]\nhost = "a.corp"\n{keys}\n')
    result = microk8s.run("enable", "--file", str(file))
    assert result.exit_code == 2
    assert says in result.stderr
    assert f"{file}, line" in result.stderr
    assert "s3cr3t" not in result.stderr


def test_a_password_read_twice_from_one_input_is_refused(microk8s: Microk8s) -> None:
    options = ["--registry", "a.corp", "--ca", "-", *LOGIN]
    result = microk8s.run("enable", *options, stdin=b"x")
    assert result.exit_code == 2


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_no_password_is_ever_shown(microk8s: Microk8s, as_json: List[str]) -> None:
    hand = (
        f'[{CRI}.registry.configs."h.corp".auth]\nusername = "h"\npassword ='
        ' "hand-made"\n'
    )
    with microk8s.template.open("a") as stream:
        stream.write(hand)
    results = [
        add(microk8s, "--registry", "a.corp", "--dry-run", *as_json),
        add(microk8s, "--registry", "a.corp", *as_json),
        add(microk8s, "--registry", "a.corp", *as_json, password=PASSWORD + "2"),
        add(
            microk8s,
            "--registry",
            "a.corp",
            "--dry-run",
            *as_json,
            password=PASSWORD + "3",
        ),
        add(microk8s, "--registry", "h.corp", *as_json),
        add(microk8s, "--registry", "h.corp", "--adopt", "--dry-run", *as_json),
        microk8s.run("plugin", "list", *as_json),
        microk8s.run("plugin", "apply", "--dry-run", *as_json),
        microk8s.run("plugin", "remove", "--registry", "a.corp", "--dry-run", *as_json),
        microk8s.run("disable", "--dry-run", *as_json),
    ]
    assert [each.exit_code for each in results] == [0, 0, 0, 0, 3, 0, 0, 0, 0, 0]
    for result in results:
        for spelling in (*spellings(PASSWORD), "hand-made"):
            assert spelling not in result.stdout + result.stderr
    assert "ann" in results[6].stdout


def test_no_password_is_in_a_repr() -> None:
    options = [
        "--registry",
        "a.corp",
        "--username",
        "ann",
        "--password-env",
        "REG_PASS",
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REG_PASS", PASSWORD)
        command = parse("enable", options, Inputs())
    assert "username='ann'" in repr(command)
    assert PASSWORD not in repr(command)


def test_people_are_told_that_inspect_copies_the_password(microk8s: Microk8s) -> None:
    said = ok(add(microk8s, "--registry", "a.corp", door="enable")).stdout
    assert [line for line in said.splitlines() if "microk8s inspect" in line]
    assert "microk8s inspect" not in ok(microk8s.run("plugin", "apply")).stdout


def test_a_login_of_somebody_else_is_a_conflict_and_adopt_gives_it_back(
    microk8s: Microk8s,
) -> None:
    hand = (
        f'\n[{CRI}.registry.configs."a.corp".auth] # mine\n  username = "h"\n '
        ' password="hand"'
    )
    with microk8s.template.open("a") as stream:
        stream.write(hand)
    before = microk8s.tree()
    refused = add(microk8s, "--registry", "a.corp", door="enable")
    assert refused.exit_code == 3
    assert "containerd-template.toml, line" in refused.stderr
    assert microk8s.tree() == before
    ok(add(microk8s, "--registry", "a.corp", "--adopt", door="enable"))
    assert logins(microk8s) == {"a.corp": ("ann", PASSWORD)}
    ok(microk8s.run("disable"))
    assert microk8s.tree() == before


def test_a_login_that_was_changed_by_hand_stays_and_is_told(microk8s: Microk8s) -> None:
    ok(add(microk8s, "--registry", "a.corp", door="enable"))
    text = microk8s.template.read_text().replace('"ann"', '"somebody"')
    microk8s.template.write_text(text)
    assert "changed by hand" in microk8s.run("plugin", "list").stdout
    assert microk8s.run("plugin", "apply").exit_code == 3
    said = ok(microk8s.run("disable")).stdout
    assert "no longer ours" in said
    assert microk8s.template.read_text() == text
    assert not (microk8s.data / MARKER).exists()


def test_a_hand_changed_login_of_another_registry_does_not_stop_a_command(
    microk8s: Microk8s,
) -> None:
    ok(add(microk8s, "--registry", "a.corp", door="enable"))
    text = microk8s.template.read_text().replace('"ann"', '"somebody"')
    microk8s.template.write_text(text)
    said = ok(add(microk8s, "--registry", "b.corp")).stdout
    assert "left alone" in said
    assert logins(microk8s)["a.corp"][0] == "somebody"


@pytest.mark.parametrize("broken", ["[", "[a]\n[a]\n"])
def test_a_broken_template_is_told_and_not_touched(
    microk8s: Microk8s, broken: str
) -> None:
    ok(add(microk8s, "--registry", "a.corp", door="enable"))
    whole = microk8s.template.read_text()
    microk8s.template.write_text(whole + broken)
    before = microk8s.tree()
    for result in (
        add(microk8s, "--registry", "b.corp"),
        microk8s.run("plugin", "remove", "--registry", "a.corp"),
        microk8s.run("plugin", "apply"),
    ):
        assert result.exit_code == 4
        assert "containerd-template.toml, line" in result.stderr
        assert microk8s.tree() == before
    microk8s.template.write_text(whole)
    ok(microk8s.run("disable"))
    assert files_with(microk8s, PASSWORD) == []


def test_a_template_that_is_a_link_is_not_replaced(
    microk8s: Microk8s, tmp_path: Path
) -> None:
    target = tmp_path / "elsewhere"
    microk8s.template.rename(target)
    microk8s.template.symlink_to(target)
    result = add(microk8s, "--registry", "a.corp", door="enable")
    assert result.exit_code == 3
    assert microk8s.template.is_symlink()


@pytest.mark.parametrize(
    ("version", "options", "needed"),
    [
        ("1.2.5", ["--registry", "a.corp"], "1.3.0"),
        ("1.7.29", ["--mirror", "docker.io=https://[fd00::1]:5000"], "2.0.0"),
        ("1.7.29", ["--registry", "[fd00::1]:5000"], "2.0.0"),
    ],
)
def test_a_containerd_that_is_too_old_is_told(
    microk8s: Microk8s, version: str, options: List[str], needed: str
) -> None:
    microk8s.set_containerd_version(version)
    before = microk8s.tree()
    refused = add(microk8s, *options, door="enable")
    assert refused.exit_code == 4
    assert needed in refused.stderr
    assert microk8s.tree() == before
    microk8s.set_containerd_version(needed)
    ok(add(microk8s, *options, door="enable"))


def test_a_containerd_that_no_longer_takes_them_is_told(microk8s: Microk8s) -> None:
    program = microk8s.snap / "bin" / "containerd"
    program.write_text(
        "#!/bin/sh\n[ \"$3\" = config ] && sed '/configs/,$d' && exit\necho v9.0.0\n"
    )
    before = microk8s.tree()
    refused = add(microk8s, "--registry", "a.corp", door="enable")
    assert refused.exit_code == 4
    assert "no longer reads the credentials for a.corp" in refused.stderr
    assert microk8s.tree() == before


def test_a_containerd_that_would_lose_its_directory_of_registries_is_told(
    microk8s: Microk8s,
) -> None:
    program = microk8s.snap / "bin" / "containerd"
    lose = "sed '/config_path/d'"
    program.write_text(f'#!/bin/sh\n[ "$3" = config ] && {lose} && exit\necho v2.1.6\n')
    before = microk8s.tree()
    refused = add(microk8s, "--registry", "a.corp", door="enable")
    assert refused.exit_code == 4
    assert "config_path" in refused.stderr
    assert microk8s.tree() == before


def test_a_containerd_that_misprints_a_password_has_read_it_all_the_same(
    microk8s: Microk8s,
) -> None:
    program = microk8s.snap / "bin" / "containerd"
    misprint = "sed 's/password = .*/password = \"other\"/'"
    program.write_text(
        f'#!/bin/sh\n[ "$3" = config ] && {misprint} && exit\necho v1.6.20\n'
    )
    ok(add(microk8s, "--registry", "a.corp", door="enable", password="\U0001f004"))


def test_a_configuration_that_containerd_migrates_is_not_refused(
    microk8s: Microk8s,
) -> None:
    # As containerd 2.4.2 prints a template of version 2.
    migrate = (
        "s/^version = 2/version = 4/; "
        's/plugins."io.containerd.grpc.v1.cri".registry/'
        "plugins.'\"'io.containerd.cri.v1.images'\"'.registry/"
    )
    program = microk8s.snap / "bin" / "containerd"
    program.write_text(
        f"#!/bin/sh\n[ \"$3\" = config ] && sed '{migrate}' && exit\necho v2.4.2\n"
    )
    ok(add(microk8s, "--registry", "a.corp", door="enable"))
    shown = subprocess.run(
        [str(program), "--config", "-", "config", "dump"],
        input=microk8s.template.read_text(),
        stdout=subprocess.PIPE,
        check=True,
        text=True,
    ).stdout
    assert (
        "[plugins.'io.containerd.cri.v1.images'.registry.configs.\"a.corp\".auth]"
        in shown
    )


def test_a_configuration_that_containerd_itself_refuses_is_told(
    microk8s: Microk8s,
) -> None:
    program = microk8s.snap / "bin" / "containerd"
    program.write_text(
        '#!/bin/sh\n[ "$3" = config ] || { echo v1.7.29; exit; }\n'
        f'echo "containerd: (2, 3): bad, and {"x" * 9}" >&2\ncat >&2\nexit 1\n'
    )
    refused = add(microk8s, "--registry", "a.corp", password="s3cr3t")
    assert refused.exit_code == 4
    assert "containerd: (2, 3): bad" in refused.stderr
    assert "s3cr3t" not in refused.stderr


def test_an_older_addons_ledger_is_read(microk8s: Microk8s) -> None:
    ok(microk8s.run("enable", "--registry", "a.corp"))
    ledger = json.loads(
        (microk8s.data / "private-registry-config/ledger.json").read_text()
    )
    assert "template" not in ledger
    ok(add(microk8s, "--registry", "a.corp"))


def test_containerds_arguments_may_name_another_socket(
    microk8s: Microk8s, containerd: FakeContainerd
) -> None:
    node = Node.at(str(microk8s.snap), str(microk8s.data), str(microk8s.common))
    for text, socket in (
        ("", f"{microk8s.common}/run/containerd.sock"),
        ("--address ${SNAP_COMMON}/x.sock\n", f"{microk8s.common}/x.sock"),
        ("--root /r\n  --address=/y.sock --state s\n", "/y.sock"),
        ('-a "${SNAP_DATA}/z.sock"\n', f"{microk8s.data}/z.sock"),
    ):
        assert node.socket(text) == socket
    assert containerd.pid
