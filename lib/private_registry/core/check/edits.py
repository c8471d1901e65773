"""Changes of lines, as values: what a text is after them, and the command that makes them."""

from __future__ import annotations

from typing import NamedTuple, Tuple

from private_registry.core import statements
from private_registry.core.showing import quoted


class Edit(NamedTuple):
    """Lines in place of others.

    Args:
        first: number of the first line that goes, from 1.
        gone: how many go; with 0 the new lines come before ``first``, which may be the line
            behind the last.
        lines: the new ones, without line ends and none of them empty.
    """

    first: int
    gone: int = 1
    lines: Tuple[str, ...] = ()


Edits = Tuple[Edit, ...]


def applied(text: str, edits: Edits) -> str:
    """Return a text after edits, which do not overlap and count the lines as they were before."""
    lines = statements.split_lines(text)
    for edit in sorted(edits, reverse=True):
        start = edit.first - 1
        if start >= len(lines) and lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        lines[start : start + edit.gone] = [line + "\n" for line in edit.lines]
    return "".join(lines)


def command(path: str, text: str, edits: Edits) -> str:
    """Return the shell command that makes these edits in the file at ``path``, which has ``text``.

    It is for GNU sed, as all that MicroK8s runs on have it.
    """
    count = len(statements.split_lines(text))
    # What goes behind the last line comes first: nothing follows where that line itself goes.
    ordered = sorted(edits, key=lambda edit: (edit.first <= count, edit))
    scripts = [script for edit in ordered for script in _scripts(edit, count)]
    shown = " ".join(quoted(script) for script in scripts)
    if len(scripts) > 1:
        shown = " ".join(f"-e {quoted(script)}" for script in scripts)
    return f"sudo sed -i {shown} {quoted(path)}"


def _scripts(edit: Edit, count: int) -> Tuple[str, ...]:
    if edit.gone == 1 and len(edit.lines) == 1:
        return (f"{edit.first}c\\{_escaped(edit.lines[0])}",)
    at, letter = (str(edit.first), "i") if edit.first <= count else ("$", "a")
    last = edit.first + edit.gone - 1
    inserted = tuple(f"{at}{letter}\\{_escaped(line)}" for line in edit.lines)
    if edit.gone == 0:
        return inserted
    return (*inserted, f"{edit.first}d" if edit.gone == 1 else f"{edit.first},{last}d")


def _escaped(line: str) -> str:
    """Escape what sed would take for something else; a tab must not reach a shell's line editor."""
    escaped = line.replace("\\", "\\\\").replace("\t", "\\t")
    # A script that ends in a backslash goes on in the next one.
    return escaped[:-2] + r"\x5c" if line.endswith("\\") else escaped
