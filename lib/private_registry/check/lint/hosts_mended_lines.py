"""Lines of hosts.toml that are not TOML but say plainly what they mean."""

from __future__ import annotations

import re
from itertools import chain
from typing import List, Optional, Tuple

from private_registry.check.causes import Cause
from private_registry.check.lint import hosts_slips
from private_registry.check.lint.edits import Edit, Edits
from private_registry.check.reading import hosts_document
from private_registry.check.reading.hosts_document import Refused
from private_registry.named_tuple import NamedTuple
from private_registry.registries.addresses import slip_in
from private_registry.texts import toml, toml_writing

_QUOTES = "\"'\u201c\u201d\u2018\u2019\u00ab\u00bb\u201e`"
# Of these, nothing can be read in two ways: whatever a line holds, it is gone through
# once.
_HEADER = re.compile(r"(?P<indent>\s*)\[+\s*host\s*\.\s*(?P<rest>\S.*)")
_KEY = re.compile(r"(?P<indent>\s*)(?P<key>[A-Za-z_]+)\s*[:=](?P<rest>.*)")
_STRAY = f"{_QUOTES};,.)]}}\\"
_MOST_STRAYS = 3
_UNSEEN = {0x00A0: " ", 0x200B: "", 0x2060: "", 0xFEFF: "", 0x202F: " "}
_LONGEST_LINE, _MOST_LINES, _MOST_CHARACTERS = 500, 1000, 64 * 1024
_TEXTS = ("server", "ca", "dial_timeout")
_FLAGS = ("skip_verify", "override_path")
_TRUE, _FALSE = ("true", "yes", "on"), ("false", "no", "off")
_CAPABILITIES = ("pull", "resolve", "push")
_ATTEMPTS = 50


class Mended(NamedTuple):
    """What makes a text TOML.

    Args:
        cause: what is wrong with the first line that is changed.
        edits: the changes.
        whole: the text is TOML after them.
        stray: what is too much in that line, for people; empty for nothing.
    """

    cause: Cause
    edits: Edits
    whole: bool
    stray: str = ""


def mend(lines: List[str], line: int) -> Optional[Mended]:
    """Mend what can be mended of a text that is no TOML.

    Args:
        lines: of the text.
        line: number of the one that the parser stumbled over.
    """
    if len(lines) > _MOST_LINES or sum(map(len, lines)) > _MOST_CHARACTERS:
        return None
    mended = list(lines)
    others = iter(range(len(lines)))
    edits: List[Edit] = []
    causes: List[Cause] = []
    strays: List[str] = []
    for _ in range(_ATTEMPTS):
        order = chain([line - 1], others)
        found = next(
            (each for each in (_mended_at(mended, at) for at in order) if each), None
        )
        if found is None:
            break
        at, text, cause = found
        strays.append(_too_much(mended[at].rstrip("\r\n")))
        mended[at] = text + "\n"
        edits.append(Edit(at + 1, 1, (text,)))
        causes.append(cause)
        try:
            hosts_document.parsed(mended)
        except Refused as error:
            line = error.line
        else:
            return Mended(causes[0], tuple(edits), whole=True, stray=strays[0])
    if not edits:
        return None
    return Mended(causes[0], tuple(edits), whole=False, stray=strays[0])


def _mended_at(lines: List[str], at: int) -> Optional[Tuple[int, str, Cause]]:
    line = lines[at].rstrip("\r\n") if 0 <= at < len(lines) else ""
    if len(line) > _LONGEST_LINE:
        return None
    if not line.strip() or _is_toml(line):
        return None
    single = hosts_slips.with_single_quotes(line)
    if single and _is_toml(single):
        return at, single, Cause.NOT_TOML
    stray = _without_stray(line)
    is_seen = line.replace("\t", " ").isprintable()
    found = (_mended_header(line) or _mended_key(line)) if is_seen else None
    if found is not None and not _is_toml(found[0]):
        found = None
    if stray is None:
        return None if found is None else (at, *found)
    is_same = found is not None and toml.loads(found[0]) == toml.loads(stray)
    return at, found[0] if found is not None and is_same else stray, Cause.NOT_TOML


def _without_stray(line: str) -> Optional[str]:
    """Return a line without what is too much at its ends, or cannot be seen."""
    seen = line.translate(_UNSEEN)
    if seen != line and _is_toml(seen):
        return seen
    front = line.lstrip()
    for length in range(1, _MOST_STRAYS + 1):
        if set(line[-length:]) <= set(_STRAY) and _is_toml(line[:-length].rstrip()):
            return line[:-length].rstrip()
        if set(front[:length]) <= set(_QUOTES) and _is_toml(front[length:]):
            return front[length:]
    return None


def _too_much(before: str) -> str:
    """Name what has to be taken off a line, where nothing else is wrong with it."""
    after = _without_stray(before)
    if after is None:
        return ""
    unseen = next((each for each in before if ord(each) in _UNSEEN), "")
    if unseen and before.translate(_UNSEEN) == after:
        return f"a character that nobody sees, U+{ord(unseen):04X},"
    if before.startswith(after):
        return f"a stray {before[len(after):].strip()[:1]} at its end"
    return f"a stray {before.strip()[:1]} before it"


def _is_toml(line: str) -> bool:
    try:
        toml.loads(line)
    except toml.TomlSyntaxError:
        return False
    return True


def _mended_header(line: str) -> Optional[Tuple[str, Cause]]:
    match = _HEADER.match(line)
    if match is None:
        return None
    inner, comment = _without_end(match["rest"])
    name, tail = _without_tail(inner.rstrip("]").rstrip())
    if not name or len(name.split()) > 1:
        return None
    is_quoted = name[0] in "\"'" and name[0] == name[-1]
    quoted = toml_writing.scalar(_right(name.strip(_QUOTES)))
    text = f"{match['indent']}[host.{quoted}{tail}]{comment}"
    return text, Cause.NOT_TOML if is_quoted else Cause.UNQUOTED


def _mended_key(line: str) -> Optional[Tuple[str, Cause]]:
    match = _KEY.match(line)
    if match is None:
        return None
    key, (value, comment) = match["key"], _without_end(match["rest"])
    plain = value.strip(_QUOTES)
    cause = Cause.UNQUOTED if _lacks_quotes(value) else Cause.NOT_TOML
    written = ""
    if key in _TEXTS and plain and not plain.startswith("["):
        written = toml_writing.scalar(_right(plain) if key == "server" else plain)
    elif key in _FLAGS and plain.lower() in _TRUE + _FALSE:
        written = "true" if plain.lower() in _TRUE else "false"
        cause = Cause.WRONG_TYPE
    elif key == "capabilities" and (words := _words(value)):
        written = toml_writing.scalar(words)
    if not written:
        return None
    return f"{match['indent']}{key} = {written}{comment}", cause


def _right(address: str) -> str:
    """Return what an address was meant to be, or itself where that is unclear."""
    slip = slip_in(address)
    return slip.right if slip is not None and slip.right else address


def _without_end(rest: str) -> Tuple[str, str]:
    """Return what is meant of the rest of a line, and its comment behind a space."""
    plain, mark, comment = rest.partition("#")
    plain = plain.strip()
    if plain.endswith((";", ",")):
        plain = plain[:-1].rstrip()
    return plain, f" {mark}{comment}" if mark else ""


def _without_tail(name: str) -> Tuple[str, str]:
    """Return the name of a host in its header, and ``.header`` where that stands
    behind it.
    """
    before, found, after = name.rpartition(".")
    is_tail = bool(found) and after.strip() == "header" and bool(before.strip())
    return (before.rstrip(), ".header") if is_tail else (name, "")


def _lacks_quotes(value: str) -> bool:
    bare = value.strip("[] ")
    return not (len(bare) > 1 and bare[0] in "\"'" and bare[-1] == bare[0])


def _words(value: str) -> List[str]:
    """Return the capabilities in a line's list; none where anything else is in it."""
    words = [word.strip(_QUOTES) for word in re.split(r"[\s,\[\]]+", value)]
    found = [word for word in words if word]
    known = all(word.lower() in _CAPABILITIES for word in found)
    is_whole = value.count("[") == value.count("]")
    return found if known and is_whole else []
