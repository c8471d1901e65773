"""``disabled_plugins`` and ``required_plugins``: names that end containerd's start, or
that take CRI out of it.

Measured with containerd 1.6.20, 1.7.24, 2.1.9, 2.2.3, 2.3.7 and 2.4.2, started.
"""

from __future__ import annotations

import re
from typing import FrozenSet, List

from private_registry.containerd import config_versions, releases
from private_registry.containerd.releases import Version
from private_registry.containerd.template import Template
from private_registry.named_tuple import NamedTuple
from private_registry.texts import toml_writing
from private_registry.texts.toml_statements import Statement

_DISABLED, _REQUIRED = ("disabled_plugins",), ("required_plugins",)
_RUNTIME = "io.containerd.cri.v1.runtime"
_LIST = r"(\s*\w+\s*=\s*)(?:\[[^\]#]*\]|\"[^\"\\]*\"|'[^']*')(.*)"


class WrongList(NamedTuple):
    """A list with a name that must not be in it.

    Args:
        statement: that it is.
        ends_start: containerd does not start with it; else it starts without CRI.
        is_text: it is a text and no list.
        line: the statement's line without these names; empty where that is not known.
    """

    statement: Statement
    ends_start: bool
    is_text: bool
    line: str

    @property
    def name(self) -> str:
        """The key that it stands behind."""
        return str(self.statement.path[0])


def wrong_lists(template: Template, version: Version) -> List[WrongList]:
    """List what a containerd does not start with, or not CRI.

    Args:
        template: containerd's configuration.
        version: of containerd.
    """
    of_cri = _names_of_cri(template.number, version)
    found = []
    for each in template.statements:
        is_text = isinstance(each.value, str)
        names = [each.value] if is_text else each.value
        if each.path not in (_DISABLED, _REQUIRED) or not isinstance(names, list):
            continue
        names = [str(name) for name in names]
        # Version 1 has short names.
        is_checked = template.number > 1
        ends = is_text or (
            is_checked and not all(map(config_versions.is_plugin, names))
        )
        is_without = each.path == _DISABLED and not of_cri.isdisjoint(names)
        if ends or is_without:
            line = _line_without(template, each, names, of_cri)
            found.append(WrongList(each, ends, is_text, line))
    return found


def _names_of_cri(number: int, version: Version) -> FrozenSet[str]:
    """Return the names without whose plugins there is no CRI."""
    cri = config_versions.CRI[1]
    is_new = version >= releases.CRI_IN_TWO
    short = {config_versions.FIRST_CRI[1]} if number == 1 else set()
    full = {cri} if number > 1 or is_new else set()
    parts = {config_versions.CRI_IMAGES[1], _RUNTIME} if is_new else set()
    return frozenset(short | full | parts)


def _line_without(
    template: Template, statement: Statement, names: List[str], of_cri: FrozenSet[str]
) -> str:
    is_disabled = statement.path == _DISABLED
    short, full = config_versions.FIRST_CRI[1], config_versions.CRI[1]
    if template.number > 1:
        wanted = [full if name == short and not is_disabled else name for name in names]
        names = [name for name in wanted if config_versions.is_plugin(name)]
    kept = [name for name in names if not (is_disabled and name in of_cri)]
    found = re.fullmatch(_LIST, template.lines[statement.first].rstrip())
    is_one_line = statement.end == statement.first + 1
    if found is None or not is_one_line:
        return ""
    return f"{found[1]}{toml_writing.scalar(kept)}{found[2]}"
