"""docs/troubleshooting.md has every cause, and knows what error messages mean."""

from __future__ import annotations

import json
import re
from typing import List, Tuple

import pytest

from private_registry.check.causes import Cause
from unit.docs import pages
from unit.microk8s import Microk8s, ok

PAGE = pages.REPOSITORY / "docs" / "troubleshooting.md"
WORDS = [cause.value for cause in Cause]
_ROW = re.compile(r"^\| (`.+`) \| (\[.+\)) \|$", re.MULTILINE)
_FRAME = (
    'Failed to pull image "reg.corp:5000/app:1": failed to pull and unpack image'
    ' "reg.corp:5000/app:1": failed to resolve reference "reg.corp:5000/app:1": '
)
_REQUEST = 'failed to do request: Head "https://reg.corp:5000/v2/app/manifests/1": '


def _rows() -> List[Tuple[str, List[str]]]:
    text = pages.text_of(PAGE)
    table = text[text.index("## By error message") : text.index("## By cause")]
    return [
        (message, re.findall(r"\(#(\w+)\)", row[1]))
        for row in _ROW.findall(table)
        for _, message in re.findall(r"(`+) ?(.+?) ?\1(?!`)", row[0])
    ]


def test_each_cause_has_its_anchor() -> None:
    assert set(WORDS) <= pages.anchors_of(PAGE)


def test_each_entry_is_about_a_cause() -> None:
    text = pages.text_of(PAGE)
    entries = re.findall(r"^#### (.+)$", text, re.MULTILINE)
    assert sorted(entries) == sorted(WORDS)


def test_each_entry_says_something() -> None:
    entries = re.findall(r"^#### .+\n([^#]*)", pages.text_of(PAGE), re.MULTILINE)
    assert len(entries) == len(WORDS)
    assert all(entry.strip() for entry in entries)


@pytest.mark.parametrize(("message", "causes"), _rows(), ids=str)
def test_explain_says_the_same_of_an_error_message(
    microk8s: Microk8s, message: str, causes: List[str]
) -> None:
    words = message.replace("://...", "://reg.corp:5000/v2/app/manifests/1")
    if words.startswith("Head "):
        words = f"failed to do request: {words}"
    elif re.match(r"x509|tls:|http:|dial|connect|lookup|net/http|proxyconnect", words):
        words = _REQUEST + words
    is_of_the_kubelet = re.match("Back-off|ImagePull", words)
    text = words if is_of_the_kubelet else _FRAME + words
    shown = ok(microk8s.run("plugin", "check", "--json", "--explain", text)).stdout
    found = [each["cause"] for each in json.loads(shown)["explanations"]]
    assert found == causes
