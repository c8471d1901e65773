"""Changes of single lines of a file, as commands to paste."""

from __future__ import annotations

from typing import List, Mapping, Sequence

from private_registry.core.check.findings import Remedy
from private_registry.core.names import quoted


def replace_line(path: str, line: int, text: str) -> Remedy:
    """Return what puts another text in a line's place.

    Args:
        path: of the file.
        line: 1-based.
        text: one line, without its end.
    """
    return _sed(path, [f"{line}c\\{_escaped(text)}"])


def delete_line(path: str, line: int) -> Remedy:
    """Return what takes a line away."""
    return _sed(path, [f"{line}d"])


def move_to_top(path: str, first: int, last: int, texts: Sequence[str]) -> Remedy:
    """Return what brings lines to the top of a file.

    Args:
        path: of the file.
        first: number of the first of them, from 1.
        last: number of the last of them.
        texts: what they say, without their ends.
    """
    return _sed(path, [f"{first},{last}d", *(f"1i\\{_escaped(each)}" for each in texts)])


def insert_at_top(path: str, text: str) -> Remedy:
    """Return what puts a line before all others."""
    return _sed(path, [f"1i\\{_escaped(text)}"])


def append_line(path: str, text: str) -> Remedy:
    """Return what puts a line behind all others."""
    return _sed(path, [f"$a\\{_escaped(text)}"])


def move(source: str, target: str) -> Remedy:
    """Return what gives a file or directory another name."""
    return Remedy(f"sudo mv {quoted(source)} {quoted(target)}")


def _sed(path: str, scripts: Sequence[str]) -> Remedy:
    words = " ".join(f"-e {_in_quotes(script)}" for script in scripts)
    return Remedy(f"sudo sed -i {words} {quoted(path)}")


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\")


def _in_quotes(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def insert_below(path: str, texts_by_line: Mapping[int, Sequence[str]]) -> Remedy:
    """Return what puts lines below others; below line 0 is at the top.

    Args:
        path: of the file.
        texts_by_line: what goes below which line.
    """
    scripts: List[str] = []
    for line, texts in texts_by_line.items():
        # Each goes directly below the line, so the last one first.
        ordered = reversed(texts) if line else texts
        place = f"{line}a" if line else "1i"
        scripts += [f"{place}\\{_escaped(text)}" for text in ordered]
    return _sed(path, scripts)
