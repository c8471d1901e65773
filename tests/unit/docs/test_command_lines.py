"""Every command line of the addon that stands in the documentation is accepted."""

from __future__ import annotations

import io
import re
import shlex
from pathlib import Path
from typing import Dict, Iterator, List, Match, NamedTuple, Tuple
from unittest import mock

import pytest

from private_registry.cli.command_line import parse
from private_registry.cli.files_given import Inputs
from private_registry.errors import UsageError
from unit.docs import pages
from unit.docs.files_at_hand import put_files

README = pages.REPOSITORY / "README.md"
_COMMAND = re.compile(
    r"(?:microk8s (?P<verb>enable|disable) private-registry-config"
    r"|(?:microk8s |\S*/plugins/)(?P<plugin>private-registry)"
    r"|\S*/addons/private-registry-config/(?P<door>enable|disable|plugin))"
    r"(?P<rest>(?![\w:.-]).*)$"
)
_PLACEHOLDERS = (
    (r"HOST(?:\[?:PORT\]?)?", "reg.corp:5000"),
    (r"\[?/IMAGE\]?", "/app:1"),
    (r"OPTIONS", "--insecure 10.0.0.7:5000"),
    (r"REGISTRY=URL", "docker.io=https://harbor.corp"),
)
# What README's table of options shows apart from what it stands beside.
_BESIDE = (
    "",
    "--registry reg.corp",
    "--registry reg.corp --username ann",
    "--registry reg.corp --username ann --password-stdin --pull-secret regcred",
)


class Line(NamedTuple):
    """A command line of the addon.

    Args:
        door: the program that it calls.
        words: its arguments.
        stdin: the file that it reads as standard input; empty for none.
    """

    door: str
    words: Tuple[str, ...]
    stdin: str = ""


def _lines_of(page: Path) -> Iterator[str]:
    for block in pages.blocks_of(page):
        if block.kind:
            continue
        lines = block.text.replace("\\\n", " ").splitlines()
        is_dialogue = any(line.startswith("$ ") for line in lines)
        for line in lines:
            if not is_dialogue or re.match(r"\$ | +do: ", line):
                yield re.sub(r"^\$ ", "", line)
    yield from pages.code_spans(page)


def _commands_of(page: Path) -> List[Line]:
    found = (_COMMAND.search(line) for line in _lines_of(page))
    lines = (_command(match) for match in found if match is not None)
    return list(dict.fromkeys(lines))


def _command(match: Match[str]) -> Line:
    door = match["verb"] or match["door"] or "plugin"
    rest = match["rest"]
    for placeholder, value in _PLACEHOLDERS:
        rest = re.sub(placeholder, value, rest)
    if re.match(r" \w+(\|\w+)+", rest):
        # All verbs in one line.
        return Line(door, ("help",))
    words = shlex.shlex(rest, posix=True, punctuation_chars=True)
    words.whitespace_split = True
    words.commenters = "#"
    ours: List[str] = []
    for word in words:
        if word == "<":
            return Line(door, tuple(ours), str(next(words)))
        if set(word) <= set("();<>|&"):
            break
        ours.append(word)
    return Line(door, tuple(ours))


def _table_rows() -> Iterator[str]:
    for row in re.findall(
        r"^\| .* \| (`--.*`) \| .*\|$", pages.text_of(README), re.MULTILINE
    ):
        yield from re.findall(r"`([^`]+)`", row)


CASES: Dict[str, Line] = {
    f"{pages.name(page)}: {line.door} {' '.join(line.words)}": line
    for page in pages.PAGES
    for line in _commands_of(page)
}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return put_files(tmp_path_factory.mktemp("examples"))


def _accept(line: Line, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(directory)
    words = [_elsewhere(word, directory) for word in line.words]
    given = (
        Path(_elsewhere(line.stdin, directory)).read_bytes() if line.stdin else b"x\n"
    )
    variables = {"REGISTRY_PASSWORD": "x", "PASSWORD": "x", "VAR": "x"}
    with mock.patch("sys.stdin", io.TextIOWrapper(io.BytesIO(given))):
        parse(line.door, words, Inputs(variables))


def _elsewhere(word: str, directory: Path) -> str:
    return re.sub(r"^~?/", f"{directory}/", word)


@pytest.mark.parametrize("line", CASES.values(), ids=list(CASES))
def test_it_is_accepted(
    line: Line, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _accept(line, directory, monkeypatch)


def test_there_are_many() -> None:
    assert len(CASES) > 60
    assert {line.door for line in CASES.values()} == {"enable", "disable", "plugin"}
    plugin = [line.words for line in CASES.values() if line.door == "plugin"]
    verbs = {words[0] for words in plugin if words}
    assert verbs >= {"add", "remove", "list", "apply", "check", "export"}


@pytest.mark.parametrize("example", list(_table_rows()))
def test_an_example_of_readmes_table_is_accepted(
    example: str, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for beside in _BESIDE:
        words = shlex.split(f"{beside} {example}")
        for door, line in (("enable", words), ("plugin", ["add", *words])):
            try:
                _accept(Line(door, tuple(line)), directory, monkeypatch)
            except UsageError:
                break
        else:
            return
    pytest.fail(f"{example} is not accepted")
