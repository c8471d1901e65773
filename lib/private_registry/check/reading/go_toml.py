"""Two TOML libraries, go-toml v1 and v2: who has which, and what each finds twice."""

from __future__ import annotations

from typing import Any, List, Optional, Sequence, Set

from private_registry.containerd import releases
from private_registry.containerd.releases import Version
from private_registry.texts.toml_statements import Path, Statement


def is_go_toml_2(version: Version) -> bool:
    """Whether a containerd has go-toml v2."""
    return version >= releases.GO_TOML_2


def first_twice(
    found: List[Statement],
    lines: List[str],
    known_keys: Sequence[str],
    version: Version,
) -> Optional[Statement]:
    """Return the first statement that a library finds there already.

    Args:
        found: all statements of a text.
        lines: of the text.
        known_keys: those that a host's table has.
        version: of containerd.
    """
    seen = _Seen(known_keys, version)
    for each in found:
        is_twice = (
            seen.has_header(each, lines[each.first])
            if each.is_header
            else seen.has_key(each)
        )
        if is_twice:
            return each
    return None


class _Seen:
    """What a text has said already, as either library remembers it."""

    def __init__(self, known_keys: Sequence[str], version: Version) -> None:
        self._known_keys = known_keys
        self._is_2 = is_go_toml_2(version)
        self._skips_unknown = self._is_2 and version < releases.GO_TOML_2_4
        self._names: Set[Any] = set()
        self._opened: Set[Path] = set()
        self._tables: Set[Path] = set()
        self._values: Set[Path] = set()
        self._above: Path = ()

    def has_header(self, header: Statement, line: str) -> bool:
        """Take a header; return whether the library finds it there already."""
        path, is_array = header.path, line.lstrip().startswith("[[")
        # A table is no array of tables, nor the other way round.
        is_twice = is_array and path[-1] == 0 and path[:-1] in self._tables
        if self._is_2:
            name: Any = path
            is_twice = is_twice or (not is_array and isinstance(path[-1], int))
        else:
            # go-toml v1 compares what stands between the brackets, as it is written.
            name = between_brackets(line)
            name = name[1:-1] if is_array else name
        is_twice = (
            is_twice or (name in self._names and not is_array) or self._is_value(path)
        )
        self._names.add(name)
        self._opened.add(path)
        self._above = path
        self._tables.update(path[:end] for end in range(1, len(path) + 1))
        return is_twice

    def has_key(self, key: Statement) -> bool:
        """Take a key; return whether the library finds it there already."""
        path = key.path
        if self._skips_unknown and not _is_decoded(self._above, self._known_keys):
            return False
        is_twice = path in self._tables or self._is_value(path)
        if self._is_2:
            # A table that dotted keys have made has no header, and the other way round.
            inner = [path[:end] for end in range(len(self._above) + 1, len(path))]
            is_twice = is_twice or not self._opened.isdisjoint(inner)
            self._names.update(inner)
        self._values.add(path)
        self._tables.update(path[:end] for end in range(1, len(path)))
        return is_twice

    def _is_value(self, path: Path) -> bool:
        return any(path[:length] in self._values for length in range(1, len(path) + 1))


def _is_decoded(table: Path, known_keys: Sequence[str]) -> bool:
    """Whether go-toml v2 looks at a table's keys: before 2.4 it skips those of unknown
    tables unseen.
    """
    names = [str(key).lower() for key in table]
    if names[:1] == ["host"]:
        # Host, URL and a key.
        return len(names) < 3 or names[2] in known_keys  # noqa: PLR2004
    return not names or names[0] in known_keys


def between_brackets(line: str) -> str:
    """Return what stands between the brackets of a table's header, as it is written."""
    return line.strip().partition("[")[2].rpartition("]")[0]
