"""The documentation fits together: links lead somewhere, and what is generated is
current.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from unit.docs import pages
from unit.microk8s import Microk8s, ok

DOCS = pages.REPOSITORY / "docs"
README = pages.REPOSITORY / "README.md"
HACKING = pages.REPOSITORY / "HACKING.md"
ROOMS = sorted((pages.REPOSITORY / "lib").glob("[pr]*/**/__init__.py"))


@pytest.mark.parametrize("page", pages.PAGES, ids=pages.name)
def test_links_lead_to_a_file_and_an_anchor(page: Path) -> None:
    for link in pages.links_of(page):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor:
            assert anchor in pages.anchors_of(target), link


NAMED_FILES = set(re.findall(r"`([\w/]+\.py)`", HACKING.read_text()))


@pytest.mark.parametrize("name", sorted(NAMED_FILES - {"verbs/NAME.py"}))
def test_a_file_that_hacking_names_is_there(name: str) -> None:
    rooms = (pages.REPOSITORY / each for each in ("lib", "tests"))
    is_below = any(True for room in rooms for _ in room.rglob(name))
    assert is_below or (pages.REPOSITORY / name).exists()


@pytest.mark.parametrize("page", sorted(DOCS.rglob("*.md")), ids=pages.name)
def test_readme_leads_to_each_page(page: Path) -> None:
    reached, known = [README], {README}
    while reached:
        source = reached.pop()
        for link in pages.links_of(source):
            target = (source.parent / link.partition("#")[0]).resolve()
            if target.suffix == ".md" and target.exists() and target not in known:
                known.add(target)
                reached.append(target)
    assert page in known


def test_no_heading_has_the_anchor_of_another_one_in_troubleshooting() -> None:
    headings = pages.headings_of(DOCS / "troubleshooting.md")
    assert len(headings) == len(set(headings))


@pytest.mark.parametrize("door", ["enable", "disable", "plugin"])
def test_the_command_line_is_as_the_help_has_it(microk8s: Microk8s, door: str) -> None:
    shown = ok(microk8s.run(door, "help")).stdout.rstrip()
    page = pages.text_of(DOCS / "reference" / "command-line.md")
    block = f"<!-- {door} help -->\n```text\n{shown}\n```\n<!-- end -->\n"
    assert block in page, "scripts/reference writes it anew"


def test_the_table_of_readme_has_every_option(microk8s: Microk8s) -> None:
    options = re.findall(r"--[a-z-]+", ok(microk8s.run("enable", "help")).stdout)
    table = re.findall(r"^\|.*", pages.text_of(README), re.MULTILINE)
    assert set(options) <= set(re.findall(r"--[a-z-]+", "\n".join(table)))


@pytest.mark.parametrize("path", ROOMS, ids=pages.name)
def test_a_room_says_what_lives_there(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    assert said
    assert len(said.splitlines()) > 2
