"""Every pattern and reader goes once through what somebody else wrote, however odd
it is.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import time
from typing import Any, Callable, Dict, Iterator, List, Pattern, Set, Tuple

import pytest

import private_registry
from private_registry.check.explain.explain import explain
from private_registry.check.lint import hosts_mended_lines, hosts_trust_files
from private_registry.check.probe import proxies
from private_registry.check.reading.reading import HostEntry, Look, Trust
from private_registry.texts import harmless_lines, pem
from private_registry.texts.harmless_lines import NOT_SHOWN
from unit.certs_d import Tree

_LENGTH = 5_000
# Once through such a text takes less than a millisecond, cubic time minutes: of the
# processor's time, which others do not lengthen by being busy. The slowest of them, on
# the oldest Python and with a busy machine, takes three.
_SECONDS = 6
_PATTERN_SECONDS = 0.5
_BEGINS = ("", "a", '"', '[host."', 'ca = ["/a"', "A=$", "http://a")
_UNITS = (
    *(
        " ",
        "\n",
        '"',
        "'",
        '" "',
        "[",
        "]",
        "\\",
        "/",
        ".",
        "=",
        "A=",
        "a",
        "0",
        "a.",
        ":",
        ", ",
    ),
    *('"/a",', "{", "${A:-", "@", "%", "-", "1s", "/a", "-----BEGIN A-----\n"),
)

pytestmark = pytest.mark.attack


def _texts(length: int) -> Iterator[str]:
    for begin in _BEGINS:
        for unit in _UNITS:
            yield begin + unit * (length // len(unit)) + "!"


def _patterns_in(value: Any, depth: int = 0) -> Iterator[Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, (tuple, list, dict)) and depth < 5:
        for each in value.values() if isinstance(value, dict) else value:
            yield from _patterns_in(each, depth + 1)


def _ways(source: str, name: str) -> Set[str]:
    """Say how a module uses a pattern.

    Anywhere in a text, where it does not say so itself.
    """
    found = set(re.findall(rf"\b{name}\b(?:\[\w+\])?\.(\w+)", source)) - {"pattern"}
    return (
        {"search"}
        if not found
        else {"search" if each == "sub" else each for each in found}
    )


def _all_patterns() -> Dict[str, Tuple[Pattern[Any], Set[str]]]:
    found = {}
    for each in pkgutil.walk_packages(private_registry.__path__, "private_registry."):
        if ".vendor" in each.name:
            continue
        module = importlib.import_module(each.name)
        source = inspect.getsource(module)
        for name, known in vars(module).items():
            # Slow ones are made when they are needed.
            is_late = hasattr(known, "cache_info") and "-> _Form" in source
            value = known() if is_late else known
            for index, pattern in enumerate(_patterns_in(value)):
                where = f"{each.name.partition('.')[2]}.{name}.{index}"
                ways = _ways(source, name)
                # Forms of lines are used by one function.
                found[where] = (pattern, {"match"} if "harmless" in where else ways)
    return found


PATTERNS = _all_patterns()


def _use(pattern: Pattern[Any], way: str, text: str) -> None:
    given: Any = text.encode() if isinstance(pattern.pattern, bytes) else text
    if way in ("match", "fullmatch"):
        getattr(pattern, way)(given)
    else:
        for _ in pattern.finditer(given):
            pass


@pytest.mark.parametrize("name", PATTERNS)
def test_patterns_take_linear_time(name: str) -> None:
    pattern, ways = PATTERNS[name]
    for text in _texts(_LENGTH):
        for way in ways:
            start = time.thread_time()
            _use(pattern, way, text)
            assert time.thread_time() - start < _PATTERN_SECONDS, (
                pattern.pattern,
                way,
                text[:40],
            )


def _mend(text: str) -> object:
    return hosts_mended_lines.mend([text, "a = 1\n", text], 1)


def _read_key(text: str) -> object:
    entry = HostEntry("https", "a", "/v2", trust=Trust(("/ca",)))
    return hosts_trust_files.problems_of(
        "a", (entry,), lambda _: Look(content=text.encode())
    )


READERS: Dict[str, Callable[[str], object]] = {
    "harmless hosts": lambda text: harmless_lines.hosts_lines([text]),
    "harmless containerd": lambda text: harmless_lines.containerd_lines([text]),
    "mended lines": _mend,
    "containerd-env": proxies.environment_of,
    "PEM": lambda text: list(pem.blocks(text)),
    "PEM, beside hosts.toml": _read_key,
    "error text": explain,
}


@pytest.mark.parametrize("name", READERS)
def test_readers_take_linear_time(name: str) -> None:
    for text in _texts(_LENGTH):
        start = time.thread_time()
        READERS[name](text)
        assert time.thread_time() - start < _SECONDS, text[:40]


LINES = {
    "spaces behind a list": 'ca = ["/a"' + " " * 3000 + "x\n",
    "spaces behind quotes": 'server = "' + " " * 3000 + "x\n",
    "tabs behind quotes": 'server = "' + "\t" * 3000 + "x\n",
    "quotes and spaces": 'server = "' + '" "' * 3000 + "x\n",
    "a header": '[host."' + " " * 3000 + "x\n",
    "a key of equal signs": '"' + "=" * 20_000 + '" = 1\n',
    "a key of equal signs and dots": '"' + "=." * 5_000 + "\n",
    "a duration": 'dial_timeout = "' + "0" * 20_000 + '"\n',
    "a name of brackets": "[" * 60_000 + "\n",
    "lines that are none": "x\n" * 60_000,
    "lines that can be mended": "server = http://a\n" * 10_000,
    "unknown keys": "".join(f"skip_verfy{each} = true\n" for each in range(5_000)),
    "unknown tables": "".join(f'[hsot."http://a{each}"]\n' for each in range(3_000)),
}


@pytest.mark.parametrize("name", LINES)
def test_a_hosts_toml_holds_nobody_up(name: str) -> None:
    start = time.thread_time()
    Tree({"reg:5000/hosts.toml": LINES[name].encode()}).read("reg:5000")
    assert time.thread_time() - start < _SECONDS


MENDED: List[Tuple[str, str]] = [
    ("server = http://a ; # why", 'server = "http://a" # why'),
    ("ca = 'a.crt',", 'ca = "a.crt"'),
    ("  [host.http://a]", '  [host."http://a"]'),
    ("[ host . http://a . header ] # why", '[host."http://a".header] # why'),
    ("[host.http://[::1]:80]]", '[host."http://[::1]:80"]'),
    ("skip_verify = TRUE", "skip_verify = true"),
]


@pytest.mark.parametrize(("old", "new"), MENDED)
def test_lines_are_mended_as_before(old: str, new: str) -> None:
    found = hosts_mended_lines.mend([old + "\n"], 1)
    assert found is not None
    assert found.edits[0].lines == (new,)


def test_what_is_longer_than_anybody_writes_is_not_shown_or_mended() -> None:
    for length, is_shown in ((900, True), (1100, False)):
        line = f'server = "http://{"a" * length}"'
        assert harmless_lines.hosts_lines([line]) == [line if is_shown else NOT_SHOWN]
    for length, is_mended in ((400, True), (600, False)):
        assert (
            hosts_mended_lines.mend([f"server = http://{'a' * length}\n"], 1)
            is not None
        ) is is_mended
