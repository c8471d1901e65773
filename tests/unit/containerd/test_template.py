"""Single entries of containerd-template.toml change.

Every other byte stays, whatever it is.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from private_registry.containerd.template import Entry, Template
from private_registry.containerd.template_entries import OwnedEntry
from private_registry.containerd.template_plan import (
    TemplateEdit,
    TemplateSituation,
    digest,
    plan_template,
)
from private_registry.errors import ConflictError, NodeError
from private_registry.node.file_values import Found
from private_registry.registries.names import RegistryName
from private_registry.texts import toml_statements
from private_registry.texts.harmless_lines import NOT_SHOWN, containerd_lines
from private_registry.texts.toml import TomlSyntaxError
from private_registry.transaction.ledger import EntryKey, EntryRecord, TemplateRecord
from unit import strategies
from unit.safe_subset import parse

CRI = 'plugins."io.containerd.grpc.v1.cri"'
NEW = f"""version = 2
# comment
[{CRI}.registry]
  config_path = "${{SNAP_DATA}}/args/certs.d"
"""
# Commas, spacing, arrays over lines and a table of the registry's that is not last.
ODD = f"""version=2
oom_score   =   0

imports = [
  "/etc/a.toml",   # one
  "/etc/b.toml",
]
[ {CRI} . registry ]   # spaced
\tconfig_path = '${{SNAP_DATA}}/args/certs.d'

[[plugins."io.containerd.transfer.v1.local".unpack_config]]
platform = "linux/amd64"
[[plugins."io.containerd.transfer.v1.local".unpack_config]]
platform = "linux/arm64"
[timeouts]
  "io.x" = '''
[not.a.table]
x'''"""
OLD = f"""version = 2
  [{CRI}.registry]

    # 'mirrors' are namespace to mirror mapping
    [{CRI}.registry.mirrors]
      [{CRI}.registry.mirrors."docker.io"]
        endpoint = ["https://registry-1.docker.io", ]
      [{CRI}.registry.mirrors."localhost:32000"]
        endpoint = ["http://localhost:32000"]
"""
TEXTS = {
    "new": NEW,
    "old": OLD,
    "odd": ODD,
    "no newline": NEW.rstrip("\n"),
    "blank end": NEW + "\n\n",
    "CRLF": NEW.replace("\n", "\r\n"),
    "CRLF without the last": NEW.replace("\n", "\r\n")[:-2],
    "CRI only": f"version = 2\n[{CRI}]\n",
    "empty": "",
}
PASSWORD = "pass"
AUTH = ("configs", "a.corp:5000", "auth")


def auth(host: str, username: str = "ann", password: str = PASSWORD) -> Entry:
    return Entry(
        ("configs", host, "auth"), {"username": username, "password": password}
    )


def mirror(name: str, *urls: str) -> Entry:
    return Entry(("mirrors", name), {"endpoint": list(urls)})


def edit(
    text: str,
    wanted: List[Entry],
    record: Optional[TemplateRecord] = None,
    adopt: bool = False,
    found: Found = (0o660, (0, 4321)),
) -> TemplateEdit:
    owned = [OwnedEntry(each, (RegistryName(each.key[1]),)) for each in wanted]
    known = TemplateRecord() if record is None else record
    return plan_template(
        TemplateSituation(Template(text, "t"), found, 0, owned, known, adopt)
    )


def section(text: str) -> Mapping[str, Any]:
    """Read a template's registry section with another parser than the addon's."""
    found: Any = parse(text)
    for key in ("plugins", "io.containerd.grpc.v1.cri", "registry"):
        found = found.get(key, {})
    return dict(found)


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize(
    "entries",
    [
        [auth("a.corp:5000")],
        [auth("a.corp"), auth("b.corp"), auth("10.1.1.1:5000")],
        [mirror("a.corp", "http://a.corp"), auth("a.corp")],
    ],
    ids=["one", "three", "two kinds"],
)
def test_what_is_added_and_taken_away_leaves_no_byte(
    text: str, entries: List[Entry]
) -> None:
    first = edit(text, entries)
    assert first.text.startswith(text)
    backwards = edit(first.text, entries[:1], first.record)
    assert edit(backwards.text, [], backwards.record).text == text
    last = edit(first.text, entries[-1:], first.record)
    assert edit(last.text, [], last.record).text == text
    again = edit(first.text, entries, first.record)
    assert (again.text, again.touched) == (first.text, frozenset())


@pytest.mark.parametrize(
    "text", [each for name, each in TEXTS.items() if name != "empty"]
)
def test_another_parser_reads_what_was_written(text: str) -> None:
    wanted = [
        auth("a.corp:5000", "ann", "p\"'\\#"),
        mirror("b.corp", "https://b", "http://c"),
    ]
    found = section(edit(text, wanted).text)
    assert found["configs"]["a.corp:5000"]["auth"] == {
        "username": "ann",
        "password": "p\"'\\#",
    }
    assert found["mirrors"]["b.corp"] == {"endpoint": ["https://b", "http://c"]}
    before = section(text)
    assert {**found, "configs": 0, "mirrors": 0} == {
        **before,
        "configs": 0,
        "mirrors": 0,
    }


def test_the_page_of_the_seed_is_what_comes_out() -> None:
    page = f"""
[{CRI}.registry.configs."10.141.241.175:32000".auth]
username = "my-secret-user"
password = "my-safe-password"
"""
    wanted = [auth("10.141.241.175:32000", "my-secret-user", "my-safe-password")]
    assert edit(NEW, wanted).text == NEW + page


@pytest.mark.parametrize(
    ("version", "header"),
    [
        ("", "plugins.cri.registry"),
        ("version = 1", "plugins.cri.registry"),
        ("version = 2", f"{CRI}.registry"),
        ("version = 3", 'plugins."io.containerd.cri.v1.images".registry'),
        ("version = 4", 'plugins."io.containerd.cri.v1.images".registry'),
    ],
)
def test_each_version_of_the_file_has_its_own_section(
    version: str, header: str
) -> None:
    text = edit(version + "\n", [auth("a.corp")]).text
    assert f'\n[{header}.configs."a.corp".auth]\n' in text


@settings(max_examples=strategies.examples(150))
@given(
    st.sampled_from(sorted(text for name, text in TEXTS.items() if name != "empty")),
    st.lists(
        st.dictionaries(
            st.sampled_from(["a.corp", "b.corp:5000", "10.1.1.1:5000", "docker.io"]),
            st.tuples(strategies.usernames, strategies.passwords),
            max_size=4,
        ),
        min_size=1,
        max_size=5,
    ),
    st.booleans(),
)
def test_any_history_leads_back(
    text: str, history: List[Dict[str, Any]], with_mirrors: bool
) -> None:
    now, record = text, TemplateRecord()
    for logins in history:
        wanted = [auth(host, *login) for host, login in logins.items()]
        if with_mirrors:
            wanted += [
                mirror(host, f"https://{login[0]}") for host, login in logins.items()
            ]
        after = edit(now, wanted, record)
        found = section(after.text)
        for entry in wanted:
            value: Any = found
            for key in entry.key:
                value = value[key]
            assert value == entry.value
        now, record = after.text, after.record
    last = edit(now, [], record)
    assert (last.text, last.record) == (text, TemplateRecord())


@given(strategies.passwords, strategies.usernames)
def test_what_microk8s_replaces_arrives_unchanged(password: str, username: str) -> None:
    text = edit(NEW, [auth("a.corp", username, password)]).text
    for token in ("SNAP", "SNAP_DATA", "SNAPSHOTTER", "RUNTIME", "RUNTIME_TYPE"):
        text = text.replace("${" + token + "}", "replaced")
    login = section(text)["configs"]["a.corp"]["auth"]
    assert login == {"username": username, "password": password}


# --- entries of somebody else ---------------------------------------------------------


HAND = (
    NEW + f'[{CRI}.registry.configs."a.corp:5000".auth]  # mine\nusername = "u"\n# hm\n'
)


def test_an_entry_of_somebody_else_is_a_conflict_and_names_its_line() -> None:
    with pytest.raises(ConflictError) as caught:
        edit(HAND, [auth("a.corp:5000")])
    assert caught.value.place == "t, line 5"
    assert "--adopt" in str(caught.value.remedy)


@pytest.mark.parametrize("tail", ["", "[timeouts]\nx = 1\n", "[timeouts]\nx = 1"])
def test_an_adopted_entry_comes_back(tail: str) -> None:
    first = edit(HAND + tail, [auth("a.corp:5000")], adopt=True)
    assert section(first.text)["configs"]["a.corp:5000"]["auth"]["username"] == "ann"
    second = edit(first.text, [auth("a.corp:5000", "bob")], first.record)
    assert edit(second.text, [], second.record).text == HAND + tail


def test_the_same_entry_by_hand_stays_and_is_not_ours() -> None:
    text = edit(NEW, [auth("a.corp")]).text
    same = edit(text, [auth("a.corp")])
    assert (same.text, same.record) == (text, TemplateRecord())


def test_an_entry_that_was_changed_since_stays() -> None:
    first = edit(NEW, [auth("a.corp"), auth("b.corp")])
    text = first.text.replace('"pass"', '"other"', 1)
    with pytest.raises(ConflictError, match="changed by hand"):
        edit(text, [auth("a.corp", "bob"), auth("b.corp")], first.record)
    left = edit(text, [], first.record)
    assert (
        left.text == NEW + text[len(NEW) : text.index('\n[plugins."io', len(NEW) + 1)]
    )
    assert len(left.hints) == 1
    assert "no longer ours" in left.hints[0]


def test_what_somebody_puts_around_our_entries_stays() -> None:
    first = edit(NEW, [auth("a.corp")])
    around = (
        first.text.replace("username", "# look\nusername")
        + "# end\n[timeouts]\nx = 1\n"
    )
    assert (
        edit(around, [], first.record).text
        == NEW + "# look\n# end\n[timeouts]\nx = 1\n"
    )


def test_an_entry_that_somebody_took_away_is_written_again_or_forgotten() -> None:
    first = edit(NEW, [auth("a.corp")])
    assert edit(NEW, [auth("a.corp")], first.record).text == first.text
    assert edit(NEW, [], first.record) == edit(NEW, [])


def test_stock_mirrors_are_replaced_without_asking_and_come_back() -> None:
    wanted = [mirror("docker.io", "https://m.corp/v2/hub")]
    first = edit(OLD, wanted)
    assert section(first.text)["mirrors"]["docker.io"] == wanted[0].value
    assert first.text.index("m.corp") < first.text.index("localhost:32000")
    assert edit(first.text, [], first.record).text == OLD


def reserialised(text: str) -> str:
    """Write a template as go-toml does for NVIDIA's toolkit: no comments, all
    tables' headers.
    """
    lines: List[str] = []

    def write(table: Mapping[str, Any], path: List[str]) -> None:
        plain = {
            key: value for key, value in table.items() if not isinstance(value, dict)
        }
        if path:
            lines.append(
                "\n{}[{}]".format("  " * len(path), ".".join(map(quoted, path)))
            )
        for key, value in sorted(plain.items()):
            lines.append("  " * len(path) + f"{quoted(key)} = {literal(value)}")
        for key in sorted(set(table) - set(plain)):
            write(table[key], [*path, key])

    def quoted(key: str) -> str:
        return key if key.replace("_", "").isalnum() else f'"{key}"'

    def literal(value: Any) -> str:
        if isinstance(value, list):
            return "[{}]".format(", ".join(map(literal, value)))
        return f'"{value}"' if isinstance(value, str) else str(value).lower()

    write(parse(text), [])
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("text", [NEW, OLD, TEXTS["CRI only"]])
def test_entries_are_known_after_somebody_wrote_the_file_anew(text: str) -> None:
    wanted = [auth("a.corp"), mirror("b.corp", "http://b.corp")]
    first = edit(text, wanted)
    anew = reserialised(first.text)
    assert edit(anew, wanted, first.record).text == anew
    changed = edit(anew, [auth("a.corp", "bob"), wanted[1]], first.record)
    assert section(changed.text)["configs"]["a.corp"]["auth"]["username"] == "bob"
    last = edit(anew, [], first.record).text
    assert section(last) == section(text)
    assert "configs" not in last
    assert edit(anew, wanted[:1], first.record).text.count("a.corp") == 2


def test_headers_that_somebody_wrote_stay() -> None:
    text = NEW + f"[{CRI}.registry.configs]\n"
    first = edit(text, [auth("a.corp")])
    assert edit(first.text, [], first.record).text == text


@pytest.mark.parametrize(
    "inline",
    [
        (
            f'[{CRI}.registry]\nconfigs = {{ "b.corp" = {{ auth = {{ username = "u" }}'
            " } }\n"
        ),
        (
            f'[{CRI}.registry.configs]\n"a.corp:5000" = {{ auth = {{ username = "u" }}'
            " }\n"
        ),
    ],
)
def test_what_stands_in_an_inline_table_is_left_to_people(inline: str) -> None:
    with pytest.raises(ConflictError, match="inline table") as caught:
        edit("version = 2\n" + inline, [auth("a.corp:5000")])
    assert caught.value.place == "t, line 3"


def test_an_inline_login_is_an_entry_like_any_other() -> None:
    text = (
        NEW + f'[{CRI}.registry.configs."a.corp:5000"]\nauth = {{ username = "u" }}\n'
    )
    first = edit(text, [auth("a.corp:5000")], adopt=True)
    assert edit(first.text, [], first.record).text == text


# --- permissions ----------------------------------------------------------------------


THEIRS = (0o664, (1000, 4321))


@pytest.mark.parametrize(
    ("now", "after"),
    [
        ((0o600, (0, 4321)), THEIRS),
        ((0o640, (0, 4321)), (0o640, (1000, 4321))),
        ((0o660, (0, 99)), (0o660, (1000, 99))),
        ((0o600, (7, 4321)), (0o664, (7, 4321))),
    ],
    ids=["as closed", "another mode", "MicroK8s' hook", "another owner"],
)
def test_a_file_with_a_password_is_closed_and_opened_again(
    now: Found, after: Found
) -> None:
    first = edit(NEW, [auth("a.corp")], found=THEIRS)
    assert (first.permissions, first.record.found) == ((0o600, (0, 4321)), THEIRS)
    second = edit(first.text, [auth("a.corp")], first.record, found=now)
    assert second.permissions == (0o600, (0, now[1][1]))
    assert second.record.found == THEIRS
    assert edit(second.text, [], second.record, found=now).permissions == after


def test_a_file_without_a_password_keeps_its_permissions() -> None:
    kept = edit(NEW, [mirror("a.corp", "http://a.corp")], found=THEIRS)
    assert (kept.permissions, kept.record.found) == (THEIRS, None)


# --- reading --------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_statements_say_what_another_parser_reads(text: str) -> None:
    def plain(value: Any) -> Any:
        if (
            isinstance(value, dict)
            and value
            and all(isinstance(key, int) for key in value)
        ):
            return [plain(each) for each in value.values()]
        return (
            {key: plain(each) for key, each in value.items()}
            if isinstance(value, dict)
            else value
        )

    assert plain(
        toml_statements.nested(toml_statements.parse(toml_statements.split_lines(text)))
    ) == parse(text)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a = 1\nb = = 2\n", 2),
        ("[a]\nb = 1\n[a]\n", 3),
        ("[a]\nb = 1\nb = 2\n", 3),
        ("[a]\nb = 1\n[a.b]\n", 3),
        ("a = 1\n[a]\n", 2),
        ("a = { b = 1 }\n[a.c]\n", 2),
        ("x = 1\na = [\n  1,\n", 2),
        ("x = 1\na = '''\n  1,\n", 2),
        ("[a\n", 1),
        ("a.b = 1\na.b = 2\n", 2),
        ('"a.b" = 1\na.b = 2\n"a.b" = 3', 3),
    ],
)
def test_what_is_not_toml_names_its_line(text: str, line: int) -> None:
    with pytest.raises(TomlSyntaxError) as caught:
        toml_statements.parse(toml_statements.split_lines(text))
    assert caught.value.line is not None
    assert line <= caught.value.line <= line + 2
    with pytest.raises(NodeError, match="not TOML"):
        Template(text, "t")


@given(st.text(st.sampled_from("ab=.[]\"'{}#,\n \\\r1\u2028\x85"), max_size=40))
def test_reading_never_fails_otherwise(text: str) -> None:
    assert "".join(toml_statements.split_lines(text)) == text
    try:
        found = Template(text, "t")
    except NodeError:
        return
    assert found.get(AUTH) is None


def test_a_record_of_an_entry_is_compared_by_what_it_says() -> None:
    value = {"username": "ann", "password": "p"}
    assert digest(value) == digest(dict(reversed(list(value.items()))))
    assert EntryRecord(digest(value)) == EntryRecord(digest({**value}))


SECRETS = [
    f'[{CRI}.registry.configs."a".auth]\nusername = "hide1"\npassword = "hide2"\n',
    (
        f'[{CRI}.registry.configs."a"]\nauth = {{ username = "hide1", password ='
        ' "hide2" }\n'
    ),
    f'[{CRI}.registry]\nconfigs = {{ a = {{ auth = {{ auth = "hide1" }} }} }}\n',
    f'[{CRI}.registry.auths."https://a"]\nidentitytoken = "hide1"\nx = "hide2"\n',
    f'[{CRI}.registry.headers]\nAuthorization = ["hide1",\n"hide2"]\n',
    f'{CRI}.registry.configs.a.auth.password = """\nhide1\nhide2"""\n',
    '  # password = "hide1"\n#auth="hide2"\n',
    f'#[{CRI}.registry.configs."a".auth] password = "hide1"\n',
]


@pytest.mark.parametrize("secret", SECRETS)
def test_no_secret_is_in_what_is_shown(secret: str) -> None:
    text = f"version = 2\n{secret}\n[timeouts]\nx = 1\n"
    shown = containerd_lines(text.splitlines())
    assert not any("hide" in line for line in shown)
    assert shown[-2:] == ["[timeouts]", NOT_SHOWN]
    assert Template(text, "t").secrets <= {"hide1", "hide2", "hide1\nhide2"}


def test_a_number_is_secret_in_a_login_only() -> None:
    """containerd quotes it when it does not start with it."""
    login = 'plugins."io.containerd.grpc.v1.cri".registry.configs."a.b".auth'
    text = f"version = 2\noom_score = 7\n[{login}]\npassword = 12345\n"
    assert Template(text, "t").secrets == {"12345"}


def keys_of(text: str) -> List[EntryKey]:
    return sorted(Template(text, "t").keys)


def test_which_entries_there_are() -> None:
    assert keys_of(OLD) == [("mirrors", "docker.io"), ("mirrors", "localhost:32000")]
    text = edit(OLD, [auth("a.corp")]).text
    assert keys_of(text)[0] == ("configs", "a.corp", "auth")
