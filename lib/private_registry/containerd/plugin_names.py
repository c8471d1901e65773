"""Names of tables in containerd-template.toml: which were meant for CRI's registries,
and how they are spelt right.

Where the quotes stand in a table's name decides which plugin it is for, and containerd
passes over what no plugin of its is named after.
"""

from __future__ import annotations

import re
from typing import List, Optional, Sequence, Tuple

from private_registry.containerd import config_versions
from private_registry.containerd.releases import Version
from private_registry.containerd.template import Template
from private_registry.named_tuple import NamedTuple
from private_registry.registries.names import (
    DOCKER_HUB,
    DOCKER_HUB_ALIASES,
    DOCKER_HUB_SERVER,
    EVERY_REGISTRY,
    EVERY_REGISTRY_DIRECTORY,
)
from private_registry.texts.toml_statements import Path, Statement

_PLUGINS = ("plugins", "plugin")
_REGISTRY = ("registry", "registries")
_OF_CRI = ("cri", "images")
_KINDS = {
    **{each: each for each in ("mirrors", "configs", "auths", "headers")},
    "mirror": "mirrors",
    "config": "configs",
}
_SETTINGS = ("auth", "tls")
# k3s has more below a mirror; none of it is a part of an unquoted host.
_BELOW_MIRRORS = [[each] for each in ("rewrite", "endpoint", "endpoints", *_SETTINGS)]
_LABEL = r"[A-Za-z0-9_-]+\Z"
# configs, a host, and auth or tls.
_LONGEST_TAIL = 3


class Misnamed(NamedTuple):
    """A table that containerd does not read as it was meant.

    Args:
        statement: its header, or a key that names its table itself.
        path: its name.
        right: the name that this containerd reads; empty where that is not known.
        tail: what of it stands behind ``registry``; None where it is none of that.
        ends_start: containerd does not start with it.
    """

    statement: Statement
    path: Path
    right: Path
    tail: Optional[Path]
    ends_start: bool

    @property
    def host(self) -> str:
        """The host that it is about, as it stands there; empty for none."""
        tail = self.tail or ()
        return str(tail[1]) if len(tail) > 1 else ""

    @property
    def kind(self) -> str:
        """``mirrors``, ``tls``, ``auth`` and the like; empty for a table above them."""
        tail = self.tail or ()
        is_setting = len(tail) == _LONGEST_TAIL
        return str(tail[-1] if is_setting else tail[0]) if tail else ""


def misnamed(template: Template, version: Version) -> List[Misnamed]:
    """List the tables that containerd does not read, or does not start with.

    Args:
        template: containerd's configuration.
        version: of containerd.
    """
    number = template.number
    section = right_section(template, version)
    found = []
    for each in template.statements:
        path = each.path if each.is_header else each.path[:-1]
        is_table = each.is_header or _names_its_table(template, each)
        if not is_table or not all(isinstance(part, str) for part in path):
            continue
        tail = registry_tail(path)
        ends = _ends_start(path, number, version)
        if ends or (tail is not None and path != (*section, "registry", *tail)):
            right = _right(path, tail, section)
            found.append(Misnamed(each, path, right, tail, ends))
    return found


def right_section(template: Template, version: Version) -> Tuple[str, ...]:
    """Return the section that a containerd takes the registries from.

    Of several that it reads the first that says anything of them counts.
    """
    read = config_versions.sections_read(template.number, version)
    paths = [each.path for each in template.statements]
    for section in read:
        above = (*section, "registry")
        if any(path[: len(above)] == above for path in paths):
            return section
    return next((each for each in read if each == template.section[:-1]), read[0])


def registry_tail(path: Sequence[object]) -> Optional[Path]:
    """Return what stands behind ``registry`` in a table's name, as it was meant.

    None where the table is not one of CRI's registries.
    """
    above: List[str] = []
    for at, part in enumerate(path):
        words = str(part).split(".")
        for number, word in enumerate(words):
            name = word.strip().lower()
            rest = [".".join(words[number + 1 :])] if words[number + 1 :] else []
            rest += [str(each) for each in path[at + 1 :]]
            if name in _REGISTRY and _may_be_cris(above):
                return _tidied(rest)
            if name in _KINDS and above and above[-1] in _OF_CRI:
                return _tidied([name, *rest])
            above.append(name)
    return None


def right_host(name: str, kind: str) -> str:
    """Return the name that containerd looks up, in place of one that it never does.

    Args:
        name: of a host or registry, as it stands there.
        kind: ``mirrors``, ``tls`` or ``auth``.

    Returns:
        The right one; empty where there is none.
    """
    _, separator, rest = name.partition("://")
    host = (rest if separator else name).partition("/")[0].strip().rpartition("@")[2]
    if kind == "mirrors" and host in (EVERY_REGISTRY, EVERY_REGISTRY_DIRECTORY):
        return EVERY_REGISTRY
    if EVERY_REGISTRY in host:
        return ""
    if host in (DOCKER_HUB, *DOCKER_HUB_ALIASES):
        return DOCKER_HUB if kind == "mirrors" else DOCKER_HUB_SERVER
    return host


def _may_be_cris(above: Sequence[str]) -> bool:
    return all(each in _PLUGINS for each in above) or any(
        each in above for each in _OF_CRI
    )


def _tidied(rest: Sequence[str]) -> Optional[Path]:
    if not rest:
        return ()
    first, _, more = rest[0].partition(".")
    kind = _KINDS.get(first.strip().lower())
    names = [each for each in (more, *rest[1:]) if each]
    if kind is None or (kind == "mirrors" and names[-1:] in _BELOW_MIRRORS):
        return None
    setting: Tuple[str, ...] = ()
    if kind == "configs" and names:
        before, _, last = names[-1].rpartition(".")
        if last in _SETTINGS and (before or len(names) > 1):
            names = [*names[:-1], *([before] if before else [])]
            setting = (last,)
    is_unquoted = all(re.match(_LABEL, each) for each in names)
    if len(names) > 1 and not (is_unquoted and (setting or kind != "configs")):
        return None
    return (kind, *([".".join(names)] if names else []), *setting)


def _right(path: Path, tail: Optional[Path], section: Tuple[str, ...]) -> Path:
    if tail is not None:
        names = list(tail)
        if len(tail) > 1:
            kind = str(tail[-1] if len(tail) == _LONGEST_TAIL else tail[0])
            names[1] = right_host(str(tail[1]), kind) or tail[1]
        return (*section, "registry", *names)
    words = [str(each) for each in path[1:]]
    for known in config_versions.SECTIONS.values():
        for length in range(1, len(words) + 1):
            if ".".join(words[:length]) == known[1]:
                return (*section, *words[length:])
    return ()


def _ends_start(path: Path, number: int, version: Version) -> bool:
    if len(path) < 2 or path[0] != "plugins":  # noqa: PLR2004 - plugins and its name
        return False
    return config_versions.ends_the_start(str(path[1]), number, version)


def _names_its_table(template: Template, statement: Statement) -> bool:
    """Whether a key stands above all headers, with its table's name before it."""
    first = next((each for each in template.statements if each.is_header), None)
    is_above = first is None or statement.first < first.first
    return is_above and len(statement.path) > 1
