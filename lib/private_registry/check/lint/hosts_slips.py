"""Lines of hosts.toml that mean something and say it in no TOML: several hosts in one
header, backslashes between double quotes.
"""

from __future__ import annotations

import re
from typing import List, Optional, Tuple

from private_registry.check.causes import Cause
from private_registry.check.lint.drafts import Draft
from private_registry.check.lint.edits import Edit
from private_registry.check.reading import hosts_document
from private_registry.check.reading.hosts_document import Refused
from private_registry.texts import toml_writing

_TEXT = r"(?:\"[^\"\\]*\"|'[^']*')"
_SEVERAL = re.compile(
    rf"\s*\[\s*host\s*\.\s*(?P<hosts>{_TEXT}(?:\s*,\s*(?:host\s*\.\s*)?{_TEXT})+)\s*\]"
    r"\s*(?:#.*)?\Z"
)
_ONE = re.compile(_TEXT)
_DOUBLE = re.compile(r"\"(?P<inner>[^\"']*\\[^\"']*)\"")
_LONGEST = 500


def several_hosts(lines: List[str], line: int) -> Optional[Draft]:
    """Say of a header that names several hosts that each needs its own table.

    Args:
        lines: of the file.
        line: number of the one that the parser stumbled over.
    """
    text = lines[line - 1].rstrip("\r\n") if 0 < line <= len(lines) else ""
    match = _SEVERAL.match(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    urls = [each[1:-1] for each in _ONE.findall(match["hosts"])]
    return Draft(
        Cause.NOT_TOML,
        f"the line is not TOML: it names {len(urls)} hosts, and each needs a table of"
        " its own",
        line=line,
        edits=_tables(lines, line, urls),
    )


def _tables(lines: List[str], line: int, urls: List[str]) -> Tuple[Edit, ...]:
    rest = lines[line:]
    end = next(
        (at for at, each in enumerate(rest) if each.lstrip().startswith("[")), len(rest)
    )
    body = tuple(each.strip() for each in rest[:end] if each.strip())
    headers = [f"[host.{toml_writing.scalar(url)}]" for url in urls]
    try:
        found = hosts_document.parsed([f"{each}\n" for each in body])
    except Refused:
        return ()
    if any(each.is_header for each in found) or len(set(urls)) != len(urls):
        return ()
    more = tuple(text for header in headers[1:] for text in (header, *body))
    return (Edit(line, 1, (headers[0],)), Edit(line + end + 1, 0, more))


def with_single_quotes(line: str) -> str:
    """Return a line with its backslashes between single quotes; empty for none."""
    new = _DOUBLE.sub(lambda match: f"'{match['inner']}'", line)
    return new if new != line else ""


def has_backslash(before: str, after: str) -> bool:
    """Whether that is what a line was changed in."""
    return with_single_quotes(before.rstrip("\r\n")) == after
