"""What we write as TOML: byte for byte what tomlkit writes, and read back as meant."""

from __future__ import annotations

from typing import Any, Dict

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from private_registry.texts import toml, toml_writing
from private_registry.texts.toml import TomlRoundTripError, TomlSyntaxError

HEADER = "ours\nnot yours"
_TEXTS = st.text(
    st.sampled_from("aZ5 .-_\"'\\\n\r\t\b\f#[]={}$\x00\x1b\x7fé\u00a0\u202e\u2028😀"),
    max_size=12,
)
_KEYS = st.one_of(st.sampled_from(("host", "a-b_5", "http://a.b:5000")), _TEXTS)
_IN_LISTS = _TEXTS.map(lambda text: text.replace("\n", ""))
_SCALARS = st.one_of(
    *(_TEXTS, st.booleans(), st.integers(-(2**63), 2**63 - 1)),
    st.lists(_IN_LISTS, max_size=3),
    st.lists(st.lists(_IN_LISTS, min_size=2, max_size=2), max_size=2),
)


def _with_tables(below: st.SearchStrategy[Any]) -> st.SearchStrategy[Dict[str, Any]]:
    """Tables with what they hold themselves first, as all that we write."""
    return st.builds(
        lambda own, tables: {**{k: own[k] for k in own if k not in tables}, **tables},
        st.dictionaries(_KEYS, _SCALARS, max_size=4),
        st.dictionaries(_KEYS, below, max_size=3),
    )


_LEAVES = st.dictionaries(_KEYS, _SCALARS, max_size=3)
_NOT_EMPTY = st.dictionaries(_KEYS, _SCALARS, min_size=1, max_size=3)
_OF_TABLES = _with_tables(_with_tables(_LEAVES))
_OF_ARRAYS = _with_tables(st.lists(_NOT_EMPTY, min_size=1, max_size=3))


@given(st.one_of(_OF_TABLES, _OF_ARRAYS))
def test_what_is_written_is_what_tomlkit_writes_and_is_read_back(
    content: Dict[str, Any],
) -> None:
    text = toml_writing.dumps(content, HEADER)
    toml.check(text, content)
    assert tomlkit.parse(text).unwrap() == content
    assert all(each.isprintable() or each == "\n" for each in text)
    # It leaves a carriage return in a block string, where readers may drop it, and what
    # a terminal would not show.
    theirs = tomlkit.dumps(_with_block_strings(content)).replace("\r", "\\r")
    shown = "".join(toml_writing.shown_or_escaped(each) for each in theirs)
    assert text == "# ours\n# not yours\n" + shown


def _with_block_strings(value: Any) -> Any:
    if isinstance(value, str) and "\n" in value:
        start = "\n" if value.startswith("\n") else ""
        return tomlkit.string(start + value, multiline=True)
    if isinstance(value, dict):
        return {key: _with_block_strings(item) for key, item in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_with_block_strings(item) for item in value]
    return value


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({}, ""),
        ({"host": {}}, "[host]\n"),
        ({"a": {"b": {"c": 1}}}, "[a.b]\nc = 1\n"),
        ({"a": {"k": 2, "b": {}}}, "[a]\nk = 2\n\n[a.b]\n"),
        (
            {"n": 1, "a": [{"b": 2}, {"c": []}]},
            "n = 1\n\n[[a]]\nb = 2\n\n[[a]]\nc = []\n",
        ),
        ({"é": '\nx"""\\'}, '"é" = """\n\nx""\\"\\\\"""\n'),
    ],
)
def test_tables_are_written_so(content: Dict[str, Any], text: str) -> None:
    assert toml_writing.dumps(content, "") == text
    toml.check(text, content)


@pytest.mark.parametrize("text", ["a = 2\n", "a = 1\nb = 1\n", "a = ", ""])
def test_what_reads_back_otherwise_reaches_no_disk(text: str) -> None:
    with pytest.raises(TomlRoundTripError):
        toml.check(text, {"a": 1})


@pytest.mark.parametrize(
    ("text", "line", "name"),
    [
        ("a = 1\na = 2", 2, "a is there"),
        ("a = 1\r\n\r\n[b]\r\n[b]\r\nc = 1", 4, "b is there"),
        ("a = 1\n[a.b]\nc = 1\n", 2, "a.b is there"),
        ('a = 1\n"s3cr3t" = 1\n"s3cr3t" = 1\n', 3, "a key or table"),
        ('a = 1\na = """\ns3cr3t="""\n', 3, "a key or table"),
        ('a = {b = 1, b = "s3cr3t"}', 1, "between its braces"),
        ('a = "x\x00s3cr3t"', 1, "a character"),
        ("# \x01 s3cr3t", 1, "a character"),
        ("a = s3cr3t", 1, "Invalid value"),
        ('a = "s3cr3t', 1, "Unterminated"),
        ('a = 1\nb = "s3cr3t\nc = 1', 2, "not closed"),
        ("a = 's3cr3t\r\nc = 'b'", 1, "not closed"),
    ],
)
def test_an_error_names_the_line_and_no_value(text: str, line: int, name: str) -> None:
    with pytest.raises(TomlSyntaxError) as caught:
        toml.loads(text)
    assert caught.value.line == line
    assert name in caught.value.reason
    assert "s3cr3t" not in caught.value.reason
