"""JSON and TOML from whomever: too large, too deep or too odd is an error, and none
takes long.
"""

from __future__ import annotations

import time
from typing import Union

import pytest

from private_registry.texts import json_edits, json_text, toml, toml_statements
from private_registry.texts.json_text import JsonSyntaxError
from private_registry.texts.toml import TomlSyntaxError

SECONDS = 10
DEEP = 100_000


def within_time(start: float) -> bool:
    """Whether a reader gave up in time, the processor's.

    A slow one has ten times what it needs.
    """
    return time.thread_time() - start < SECONDS


@pytest.mark.parametrize(
    "text",
    [
        *(
            "[" * DEEP,
            '{"a":' * DEEP,
            "[" * 101 + "]" * 101,
            '{"a":[' * 51 + "1" + "]}" * 51,
        ),
        *(
            "[" * 200 + '"',
            '"' + "[" * 200,
            "[]" * 101 + '\\"' * 500_000,
            "[]" * 101 + '"\\' * 9999,
        ),
        *(
            "9" * 2000,
            "-" + "9" * 2000,
            "NaN",
            "Infinity",
            "",
            "\x00",
            "1 2",
            '{"a": 1',
        ),
        *(b"\xff", b" " * (json_text.MOST_BYTES + 1), b"\xef\xbb\xbf{}"),
    ],
    ids=lambda text: repr(text[:12]),
)
def test_json_that_cannot_be_taken_is_one_error(text: Union[str, bytes]) -> None:
    start = time.thread_time()
    with pytest.raises(JsonSyntaxError) as caught:
        json_text.loads(text)
    assert len(caught.value.reason) < 80
    assert within_time(start)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("[" * 100 + "]" * 100, None),
        ('"' + "[{" * 300 + '"', "[{" * 300),
        ('["' + '\\"[' * 300 + '"]', ['"[' * 300]),
        ('["' + '\\\\\\"[' * 300 + '\\\\"]', ['\\"[' * 300 + "\\"]),
        ("9" * 1000, int("9" * 1000)),
        ('{"a": 1, "a": 2}', {"a": 2}),
        (b'{"a": "\xc3\xa9"}', {"a": "é"}),
    ],
    ids=range(7),
)
def test_json_that_can(text: Union[str, bytes], plain: object) -> None:
    found = json_text.loads(text)
    assert plain is None or found == plain


def test_a_key_that_stands_twice_is_named_where_it_matters() -> None:
    with pytest.raises(JsonSyntaxError, match="a stands there twice"):
        json_text.loads('{"a": 1, "a": 2}', may_repeat=False)


def test_what_python_says_of_a_value_is_not_shown() -> None:
    for text in ('{"password": hunter2}', '{"password": 123secret}', '"hunter2'):
        with pytest.raises(JsonSyntaxError) as caught:
            json_text.loads(text)
        assert "hunter2" not in str(caught.value)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        '{"a": ' + "[" * DEEP,
        '{"a": ' + "[" * 101 + "]" * 101 + "}",
        '{"a": ' + "9" * 2000 + "}",
    ],
    ids=range(3),
)
def test_lists_in_json_are_found_within_the_same_bounds(text: str) -> None:
    with pytest.raises(JsonSyntaxError):
        json_edits.texts(text, "insecure-registries")


TOML = {
    "deep array": "a = " + "[" * DEEP,
    "deep array, closed": "a = " + "[" * 5000 + "]" * 5000,
    "array of 101 levels": "a = " + "[" * 101 + "]" * 101,
    "deep inline table": "a = " + "{a = " * 5000 + "1" + "}" * 5000,
    "deep dotted key": "a." * 5000 + "b = 1",
    "dotted key of 200": "a." * 200 + "b = 1",
    "dotted key of 100,000": "a." * 100_000 + "b = 1",
    "dotted key in braces": "x = {" + "a . " * 50_000 + "b = 1}",
    "dotted key of texts": "\"a\".'b'." * 50_000 + "c = 1",
    "deep header": "[" + "a." * 5000 + "b]",
    "header of 800": "[" + "a." * 800 + "b]",
    "deep array of tables": "[[" + "a." * 2000 + "b]]",
    "long hexadecimal": "a = 0x" + "f" * 5000,
    "long octal": "a = 0o" + "7" * 5000,
    "text without end": 'a = """\n' + "x\n" * 300_000,
    "array without end": "a = [\n" + "1,\n" * 100_000,
    "surrogate": 'a = "\\ud800"',
    "date": "a = 2020-99-99",
}
READ_WHOLE = {key: TOML[key] for key in TOML if key != "array without end"}
LONG = {
    "long line": "a = '" + "x" * 3_000_000 + "'",
    "long text": 'a = """\n' + "xxxxxxx\n" * 700_000 + '"""',
    "long comment": "# " + "x" * 3_000_000,
    "blank lines": "\n" * 4_000_000,
    "blank lines of spaces": "  \r\n" * 1_000_000,
    "many tables": "".join(f"[a.b{number}]\nc = 1\n" for number in range(30_000)),
}
BY_STATEMENT = {**TOML, **{key: LONG[key] for key in ("long line", "long text")}}


@pytest.mark.parametrize("text", READ_WHOLE.values(), ids=list(READ_WHOLE))
def test_toml_that_cannot_be_taken_is_one_error(text: str) -> None:
    start = time.thread_time()
    with pytest.raises(TomlSyntaxError) as caught:
        toml.loads(text)
    assert len(caught.value.reason) < 200
    assert within_time(start)


@pytest.mark.parametrize("text", LONG.values(), ids=list(LONG))
def test_long_toml_is_read_in_time(text: str) -> None:
    start = time.thread_time()
    assert len(toml.loads(text)) == (not text.isspace() and not text.startswith("#"))
    assert within_time(start)


@pytest.mark.parametrize("text", BY_STATEMENT.values(), ids=list(BY_STATEMENT))
def test_the_same_statement_by_statement(text: str) -> None:
    start = time.thread_time()
    with pytest.raises(TomlSyntaxError) as caught:
        toml_statements.parse(
            toml_statements.split_lines("version = 2\n\n" + text + "\n")
        )
    assert caught.value.line is not None
    assert caught.value.line >= 3
    assert within_time(start)


def test_who_changes_what_was_read_changes_nothing_for_the_next_reader() -> None:
    text = 'a = [1, {b = "c"}]\n'
    first = toml.loads(text)
    first["a"][1]["b"] = "changed"
    first["x"] = 1
    assert toml.loads(text) == {"a": [1, {"b": "c"}]}


def test_blank_lines_and_comments_between_statements_take_no_time() -> None:
    text = "a = 1\n" + "\n" * 1_000_000 + "# " + "x" * 1_000_000 + "\nb = 2\n"
    start = time.thread_time()
    found = toml_statements.parse(toml_statements.split_lines(text))
    assert [each.path for each in found] == [("a",), ("b",)]
    assert within_time(start)


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("a = 1\nb = 2\n", [1, 2]),
        ("a = [\n1, # ]\n'[',\n]\nb = 2\n", [4, 5]),
        ('a = """\nx [\n"""\nb = "["\n', [3, 4]),
        ('a = """x""""\nb = 1\n', [1, 2]),
        ('a = """\n\\"""\n""" # """\nb = 1\n', [3, 4]),
        ("a = '''\n''x'''\nb = 1\n", [2, 3]),
        ("a = '''\n'''''\nb = 1\n", [2, 3]),
        ('a = {b = [1,\n2], c = "}"}\nd = 1\n', [2, 3]),
        ("[a]\nb = '#' # [\nc = 1\n", [1, 2, 3]),
        ("a = '\\'\nb = '[' # '\n", [1, 2]),
        ('a = "\\\\"\nb = "\\"[" # "\n', [1, 2]),
        ('"[" = 1\n"a#b" = 2\n', [1, 2]),
    ],
    ids=range(12),
)
def test_where_a_statement_ends(text: str, ends: object) -> None:
    found = toml_statements.parse(toml_statements.split_lines(text))
    assert [each.end for each in found] == ends
    assert list(toml.loads(text)) == list(dict.fromkeys(each.path[0] for each in found))
