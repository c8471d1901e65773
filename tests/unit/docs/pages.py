"""The documentation as values: pages, their blocks of code, headings and links."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Iterator, List, NamedTuple, Set

REPOSITORY = Path(__file__).resolve().parents[3]
PAGES = sorted(
    [
        *REPOSITORY.glob("*.md"),
        *(REPOSITORY / "docs").rglob("*.md"),
        *(REPOSITORY / "lib" / "registry_harness").rglob("*.md"),
    ]
)
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```\n", re.DOTALL | re.MULTILINE)
_INDENTED = re.compile(r"(?:^    .*\n|^\n(?=    ))+", re.MULTILINE)
_CODE_SPAN = re.compile(r"`([^`\n]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_OWN_ANCHOR = re.compile(r'<a id="([^"]+)"></a>')


class Block(NamedTuple):
    """A block of code, and where it is.

    Args:
        kind: what stands behind the fence; empty for one that is indented.
        text: without the indentation.
        start: its place in the page.
        end: where it ends.
    """

    kind: str
    text: str
    start: int
    end: int


def name(page: Path) -> str:
    """Name a page as people do."""
    return str(page.relative_to(REPOSITORY))


def text_of(page: Path) -> str:
    """Read a page."""
    return page.read_text(encoding="utf-8")


def blocks_of(page: Path) -> List[Block]:
    """List a page's blocks of code, from the top to the bottom."""
    text = text_of(page)
    found = [Block(m[1], m[2], *m.span()) for m in _FENCE.finditer(text)]
    rest = _FENCE.sub(lambda match: "-" * len(match[0]), text)
    for match in _INDENTED.finditer(rest):
        lines = "".join(line[4:] or "\n" for line in match[0].splitlines(True))
        found.append(Block("", lines.strip("\n"), *match.span()))
    return sorted(found, key=lambda block: block.start)


def code_spans(page: Path) -> List[str]:
    """List what stands in a page's lines as code."""
    return [match[1] for match in _CODE_SPAN.finditer(_without_blocks(text_of(page)))]


def links_of(page: Path) -> Iterator[str]:
    """Yield where a page's links lead."""
    without_code = _CODE_SPAN.sub("", _without_blocks(text_of(page)))
    return (match[1] for match in _LINK.finditer(without_code))


def headings_of(page: Path) -> List[str]:
    """List a page's headings."""
    return _HEADING.findall(_without_blocks(text_of(page)))


def anchors_of(page: Path) -> Set[str]:
    """Return the anchors that GitHub gives to a page's headings, and the page's own."""
    own = _OWN_ANCHOR.findall(text_of(page))
    return {*own, *(_anchor(heading) for heading in headings_of(page))}


def _anchor(heading: str) -> str:
    words = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


def _without_blocks(text: str) -> str:
    return _INDENTED.sub("\n", _FENCE.sub("\n", text))
