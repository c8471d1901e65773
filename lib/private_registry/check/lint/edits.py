"""Edits: changed lines as values, the text after them, the command that makes them."""

from __future__ import annotations

import re
from typing import Callable, List, Optional, Tuple

from private_registry.named_tuple import NamedTuple
from private_registry.texts import toml_statements
from private_registry.texts.showing import quoted


class Edit(NamedTuple):
    """Lines in place of others.

    Args:
        first: number of the first line that goes, from 1.
        gone: how many go; with 0 the new lines come before ``first``, which may be the
            line behind the last.
        lines: the new ones, without line ends and none of them empty.
    """

    first: int
    gone: int = 1
    lines: Tuple[str, ...] = ()


Edits = Tuple[Edit, ...]

_OWN_TEXT = re.compile(r"[\"'\[\]=., ]*(?:host[\"'\[\]=., ]*)?", re.ASCII)
_LONGEST, _MOST_GROUPS = 1000, 9


def applied(text: str, edits: Edits) -> str:
    """Return a text after edits, which do not overlap and count the lines as they
    were before.
    """
    lines = toml_statements.split_lines(text)
    for edit in sorted(edits, reverse=True):
        start = edit.first - 1
        if start >= len(lines) and lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        lines[start : start + edit.gone] = [line + "\n" for line in edit.lines]
    return "".join(lines)


def command(path: str, text: str, edits: Edits, is_known: Callable[[str], bool]) -> str:
    """Return the shell command that makes edits.

    Empty where it would show what may be a secret.

    It is for GNU sed, as all that MicroK8s runs on have it.

    Args:
        path: of the file.
        text: of the file.
        edits: to be made.
        is_known: whether a line may be shown. Of any other one only what is changed in
            it is.
    """
    lines = toml_statements.split_lines(text)
    # What goes behind the last line comes first: nothing follows where that line itself
    # goes.
    ordered = sorted(edits, key=lambda edit: (edit.first <= len(lines), edit))
    found = [_scripts(edit, lines, is_known) for edit in ordered]
    if any(each is None for each in found):
        return ""
    scripts = [script for each in found for script in each or ()]
    shown = " ".join(quoted(script) for script in scripts)
    if len(scripts) > 1:
        shown = " ".join(f"-e {quoted(script)}" for script in scripts)
    return f"sudo sed -i {shown} {quoted(path)}"


def _scripts(
    edit: Edit, lines: List[str], is_known: Callable[[str], bool]
) -> Optional[Tuple[str, ...]]:
    is_shown = all(is_known(line) for line in edit.lines)
    if edit.gone == 1 and len(edit.lines) == 1:
        if is_shown:
            return (f"{edit.first}c\\{_escaped(edit.lines[0])}",)
        changed = _substitution(lines[edit.first - 1].rstrip("\n"), edit.lines[0])
        return (f"{edit.first}{changed}",) if changed else None
    if not is_shown:
        return None
    at, letter = (str(edit.first), "i") if edit.first <= len(lines) else ("$", "a")
    last = edit.first + edit.gone - 1
    inserted = tuple(f"{at}{letter}\\{_escaped(line)}" for line in edit.lines)
    if edit.gone == 0:
        return inserted
    return (*inserted, f"{edit.first}d" if edit.gone == 1 else f"{edit.first},{last}d")


def _substitution(old: str, new: str) -> str:
    """Return what makes one line of another and shows nothing that stays.

    Empty if it cannot be.
    """
    import difflib  # noqa: PLC0415 - slow to import, and only such lines need it

    # difflib takes quadratic time, and sed only so much.
    if not old.isascii() or max(len(old), len(new)) > _LONGEST:
        return ""
    pattern, replacement, groups = "", "", 0
    for tag, start, end, new_start, new_end in difflib.SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        length, inserted = end - start, new[new_start:new_end]
        is_case = old[start:end].lower() == inserted.lower()
        if tag == "equal":
            groups += 1
            pattern += rf"\(.\{{{length}\}}\)"
            replacement += rf"\{groups}"
        elif is_case or _OWN_TEXT.fullmatch(inserted):
            pattern += rf".\{{{length}\}}" if length else ""
            replacement += inserted
        else:
            return ""
    return f"s/^{pattern}/{replacement}/" if groups <= _MOST_GROUPS else ""


def _escaped(line: str) -> str:
    """Escape what sed would take for something else.

    A tab must not reach a shell's line editor.
    """
    escaped = line.replace("\\", "\\\\").replace("\t", "\\t")
    # A script that ends in a backslash goes on in the next one.
    return escaped[:-2] + r"\x5c" if line.endswith("\\") else escaped
