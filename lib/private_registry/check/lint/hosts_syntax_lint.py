"""A hosts.toml that is no TOML: what is wrong with it, and what makes it TOML."""

from __future__ import annotations

from private_registry.check.causes import Cause
from private_registry.check.lint import hosts_mended_lines, hosts_slips
from private_registry.check.lint.drafts import Draft, File, bad_addresses_of
from private_registry.check.reading.hosts_document import Refused
from private_registry.texts.harmless_lines import is_known_of_hosts


def utf_16(_file: File, refused: Refused) -> Draft:
    """Say of a file in UTF-16 what it is in."""
    return Draft(Cause.NOT_TOML, f"{refused.words}, as some editors of Windows save it")


def syntax(file: File, refused: Refused) -> Draft:
    """Say what is wrong with the line that a parser stumbled over."""
    several = hosts_slips.several_hosts(file.lines, refused.line)
    if several is not None:
        return several
    mended = hosts_mended_lines.mend(file.lines, refused.line)
    if mended is None:
        return Draft(Cause.NOT_TOML, f"the file is not TOML: {refused.words}")
    edit = mended.edits[0]
    bad = bad_addresses_of(mended.edits)
    if bad:
        what = f"the line is not TOML, and {bad[0].what}"
        return Draft(Cause.BAD_URL, what, line=edit.first)
    line = shown_line(edit.lines[0].partition(" #")[0])
    shown = f": {line}" if line else ""
    what = {
        Cause.UNQUOTED: f"quotes are missing{shown}",
        Cause.WRONG_TYPE: f"true and false are written small and without quotes{shown}",
    }.get(mended.cause, f"the line is not TOML; it should be {line}" if line else "")
    if hosts_slips.has_backslash(file.lines[edit.first - 1], edit.lines[0]):
        what = (
            "the line is not TOML: between double quotes a backslash begins an escape;"
            " between single ones it is itself"
        )
    if mended.stray:
        what = f"the line is not TOML: {mended.stray} is too much in it{shown}"
    if not what:
        what = "the line is not TOML"
    return Draft(
        mended.cause, what, line=edit.first, edits=mended.edits if mended.whole else ()
    )


def shown_line(line: str) -> str:
    """Return a line where it may be shown; else an empty text."""
    return line.strip() if is_known_of_hosts(line) else ""
