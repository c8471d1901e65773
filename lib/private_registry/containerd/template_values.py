"""Values of CRI's registry section that containerd does not start with: what it wants
in their place.

It reads the section into a struct, and a value of another type ends its start (cri
pkg/config/config.go). Measured with ``containerd config dump`` of 1.6.20, 1.7.24,
2.1.9, 2.2.3, 2.3.7 and 2.4.2.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Callable, Dict, List, Optional, Tuple

from private_registry.containerd import releases
from private_registry.containerd.plugin_names import right_section
from private_registry.containerd.releases import Version
from private_registry.containerd.template import Template
from private_registry.named_tuple import NamedTuple
from private_registry.texts import toml_writing
from private_registry.texts.toml_statements import Path, Statement

LOGIN_KEYS = ("username", "password", "auth", "identitytoken")
_FILE_KEYS = ("ca_file", "cert_file", "key_file")
_NAMED = ("mirrors", "configs", "auths", "headers")
_ANY = "*"


class Wanted(Enum):
    """What containerd takes; the values are for people."""

    TEXT = "a text in quotes"
    TEXTS = "a list of texts, in brackets and quotes"
    FLAG = "true or false, without quotes"
    TABLE = "a table of its own"


_SHAPES: Dict[Path, Wanted] = {
    ("config_path",): Wanted.TEXT,
    **{(name,): Wanted.TABLE for name in _NAMED},
    **{(name, _ANY): Wanted.TABLE for name in _NAMED[:3]},
    ("headers", _ANY): Wanted.TEXTS,
    ("mirrors", _ANY, "endpoint"): Wanted.TEXTS,
    ("configs", _ANY, "auth"): Wanted.TABLE,
    **{("configs", _ANY, "auth", key): Wanted.TEXT for key in LOGIN_KEYS},
    **{("auths", _ANY, key): Wanted.TEXT for key in LOGIN_KEYS},
}
_SHAPES_BEFORE_2: Dict[Path, Wanted] = {
    ("configs", _ANY, "tls"): Wanted.TABLE,
    **{("configs", _ANY, "tls", key): Wanted.TEXT for key in _FILE_KEYS},
    ("configs", _ANY, "tls", "insecure_skip_verify"): Wanted.FLAG,
}
_IMPORTS = ("imports",)

_NOT_BARE = frozenset("\"'[]{},")
_Q = '"{}"'
_Cut = Tuple[str, str]
_FLAGS = {"true": "true", "false": "false", "1": "true", "0": "false"}


class WrongValue(NamedTuple):
    """A value that ends the start.

    Args:
        statement: that it stands in.
        path: of its key, from ``registry`` on, or of a key at the top of the file.
        wanted: what containerd takes there.
        line: the statement's line with the same value as containerd takes it; empty
            where that is not known.
    """

    statement: Statement
    path: Path
    wanted: Wanted
    line: str = ""


def wrong_values(template: Template, version: Version) -> List[WrongValue]:
    """List the values that a containerd does not start with.

    Args:
        template: containerd's configuration.
        version: of containerd.
    """
    above = (*right_section(template, version), "registry")
    found = []
    for each in template.statements:
        misfit = _misfit(each, above, version)
        if misfit is not None:
            path, wanted = misfit
            is_own = not each.is_header and path[-1:] == each.path[-1:]
            is_one_line = each.end == each.first + 1
            line = template.lines[each.first].rstrip("\r\n")
            right = _right_line(line, wanted, each.value)
            line = right if is_own and is_one_line else ""
            found.append(WrongValue(each, path, wanted, line))
    return found


# --- what is wanted -------------------------------------------------------------------


def _misfit(
    statement: Statement, above: Path, version: Version
) -> Optional[Tuple[Path, Wanted]]:
    path = statement.path
    if path == _IMPORTS and not statement.is_header:
        is_right = _fits(Wanted.TEXTS, statement.value)
        return None if is_right else (path, Wanted.TEXTS)
    if path[: len(above)] != above:
        return None
    inner = path[len(above) :]
    number = next((at for at, part in enumerate(inner) if isinstance(part, int)), None)
    if number is not None:
        # An array of tables, told by the header of its first.
        is_first = statement.is_header and inner[number:] == (0,)
        wanted = _wanted(inner[:number], version)
        is_wrong = is_first and wanted is not None
        return (("registry", *inner[:number]), wanted) if is_wrong and wanted else None
    if statement.is_header:
        wanted = _wanted(inner, version)
        is_wrong = wanted not in (None, Wanted.TABLE)
        return (("registry", *inner), wanted) if is_wrong and wanted else None
    return _first_misfit(inner, statement.value, version)


def _first_misfit(
    inner: Path, value: Any, version: Version
) -> Optional[Tuple[Path, Wanted]]:
    wanted = _wanted(inner, version)
    if wanted is not None and not _fits(wanted, value):
        return ("registry", *inner), wanted
    if isinstance(value, dict):
        below = (_first_misfit((*inner, k), v, version) for k, v in value.items())
        return next((each for each in below if each is not None), None)
    return None


def _wanted(inner: Path, version: Version) -> Optional[Wanted]:
    names = [str(part) for part in inner]
    if version >= releases.GO_TOML_2:
        names = [name.lower() for name in names]
    if len(names) > 1 and names[0] in _NAMED:
        names[1] = _ANY
    wanted = _SHAPES.get(tuple(names))
    if wanted is None and version < releases.TLS_OF_MIRRORS_GONE:
        wanted = _SHAPES_BEFORE_2.get(tuple(names))
    return wanted


def _fits(wanted: Wanted, value: Any) -> bool:
    if wanted is Wanted.TEXTS:
        return isinstance(value, list) and all(isinstance(each, str) for each in value)
    kinds = {Wanted.TEXT: str, Wanted.FLAG: bool, Wanted.TABLE: dict}
    return isinstance(value, kinds[wanted])


# --- how it is written ----------------------------------------------------------------


def _right_line(line: str, wanted: Wanted, value: Any) -> str:
    """Return a line with the same value, of the type that is wanted; empty where that
    is not known.
    """
    if wanted is Wanted.FLAG:
        flag = _FLAGS.get(str(value).strip().lower(), "")
        cut = _quoted if isinstance(value, str) else _bare
        return _written(cut, line, flag) if flag else ""
    if wanted is Wanted.TEXT:
        is_list = isinstance(value, list)
        return _written(_alone, line, "{}") if is_list else _written(_bare, line, _Q)
    if wanted is Wanted.TEXTS and isinstance(value, str):
        # Rarely needed.
        from private_registry.texts.harmless_lines import is_address  # noqa: PLC0415

        several = [each for each in re.split(r"[,;\s]", value) if each]
        if len(several) != 1 and all(map(is_address, several)):
            return _written(_quoted, line, toml_writing.scalar(several))
        return _written(_quoted, line, "[{}]")
    return ""


def _written(cut: Callable[[str], _Cut], line: str, right: str) -> str:
    key, _, rest = line.partition("=")
    value = rest.lstrip()
    text, end = cut(value)
    if not text or not (not end.strip() or end.lstrip().startswith("#")):
        return ""
    before = f"{key}={rest[: len(rest) - len(value)]}"
    return before + right.replace("{}", text) + end


def _bare(value: str) -> _Cut:
    """Cut off what stands there without quotes; nothing where it is not that."""
    words = value.partition("#")[0].split()
    is_one = len(words) == 1 and _NOT_BARE.isdisjoint(words[0])
    return (words[0], value[len(words[0]) :]) if is_one else ("", "")


def _quoted(value: str) -> _Cut:
    """Cut off a text in quotes, without escapes."""
    end = value.find(value[:1], 1) + 1
    text = value[:end]
    is_text = value[:1] in ('"', "'") and end and not (text[0] == '"' and "\\" in text)
    return (text, value[end:]) if is_text else ("", "")


def _alone(value: str) -> _Cut:
    """Cut off the only text of a list, without the brackets."""
    text, end = _quoted(value[1:].lstrip())
    end = end.lstrip()
    end = (end[1:] if end.startswith(",") else end).lstrip()
    is_list = value.startswith("[") and end.startswith("]")
    return (text, end[1:]) if is_list else ("", "")
