"""TOML text as statements, each with its lines, so that single ones can be changed.

containerd-template.toml belongs to MicroK8s and its users: what we do not mean to
change must stay byte for byte, which no writer of whole documents promises. Each
statement is read alone, so that its lines are known.
"""

from __future__ import annotations

import re
from itertools import takewhile
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple, Union

from private_registry.named_tuple import NamedTuple
from private_registry.texts import toml
from private_registry.texts.showing import shown_name

Path = Tuple[Union[str, int], ...]

_MOST_CHARACTERS = 64 * 1024
_MOST_UNREADABLE = 100
_UNREADABLE: Path = ("\0",)
_QUOTES = ('"""', "'''")
_MARK = re.compile(
    r"""\"\"\"|'''|"(?:[^"\\]|\\.)*"?|'[^']*'?|\#.*|[\[\]{}]""", re.DOTALL
)
# What is quoted may hold an equals sign; each character fits one of these only.
_KEYS = re.compile(r"""((?:"(?:[^"\\]|\\.)*"|'[^']*'|[^"'=])*)=""")
_CLOSING = {
    '"""': r'(?s)(?:[^"\\]|\\.|"(?!""))*"{3,5}',
    "'''": r"(?s)(?:[^']|'(?!''))*'{3,5}",
}


class Statement(NamedTuple):
    """A table's header, or a key with its value.

    Args:
        first: index of its first line.
        end: index of the line behind its last.
        path: all keys that lead to it; in an array of tables the element's index
            follows the name.
        is_header: a table's header.
        value: of a key.
    """

    first: int
    end: int
    path: Path
    is_header: bool
    value: Any = None


def split_lines(text: str) -> List[str]:
    """Cut a text behind each line feed and nowhere else, as TOML counts lines."""
    lines = [line + "\n" for line in text.split("\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def parse(
    lines: List[str], *, may_repeat: bool = False, skip_unreadable: bool = False
) -> List[Statement]:
    """Read the statements of a TOML text.

    Args:
        lines: the text's, as ``split_lines`` cuts them.
        may_repeat: what is there twice comes twice, and is no error.
        skip_unreadable: lines that cannot be read, up to a hundred, are left out.

    Raises:
        TomlSyntaxError: not TOML, or a table or key is there twice.
    """
    skips = _MOST_UNREADABLE if skip_unreadable else 0
    return _Parser(lines, may_repeat=may_repeat, skips=skips).statements()


def keys_of(statements: Sequence[Statement], header: Statement) -> List[Statement]:
    """Return the keys of a table: what stands behind its header, up to the next one."""
    behind = statements[statements.index(header) + 1 :]
    return list(takewhile(lambda each: not each.is_header, behind))


def nested(statements: List[Statement]) -> Dict[Union[str, int], Any]:
    """Return what the statements say as nested tables."""
    document: Dict[Union[str, int], Any] = {}
    for statement in statements:
        keys = statement.path if statement.is_header else statement.path[:-1]
        table = document
        for key in keys:
            table = table.setdefault(key, {})
        if not statement.is_header:
            table[statement.path[-1]] = statement.value
    return document


class _Parser:
    def __init__(self, lines: List[str], *, may_repeat: bool, skips: int) -> None:
        self._lines = lines
        self._may_repeat = may_repeat
        self._skips = skips
        self._table: Path = ()
        self._elements: Dict[Path, int] = {}
        self._headers: Set[Path] = set()
        self._values: Set[Path] = set()

    def statements(self) -> List[Statement]:
        found = []
        first = 0
        while first < len(self._lines):
            end = first + 1
            if self._lines[first].strip() and not self._lines[
                first
            ].lstrip().startswith("#"):
                try:
                    statement = self._statement(first)
                except toml.TomlSyntaxError:
                    if not self._skips:
                        raise
                    self._skip(first)
                else:
                    found.append(statement)
                    end = statement.end
            first = end
        return found

    def _skip(self, first: int) -> None:
        self._skips -= 1
        if self._lines[first].lstrip().startswith("["):
            self._table = _UNREADABLE

    def _statement(self, first: int) -> Statement:
        plain, end = self._read(first)
        if self._lines[first].lstrip().startswith("["):
            self._table = self._enter(plain, first)
            return Statement(first, end, self._table, is_header=True)
        keys, value = _leaf(plain, self._lines[first])
        path = self._table + keys
        if not self._may_repeat and (path in self._values or path in self._headers):
            raise toml.TomlSyntaxError(
                f"{shown_name(str(path[-1]))} is there twice", first + 1
            )
        self._check_is_table(path[:-1], first)
        self._values.add(path)
        return Statement(first, end, path, is_header=False, value=value)

    def _read(self, first: int) -> Tuple[Dict[str, Any], int]:
        """Read the statement that begins at a line; return it and where it ends."""
        end = _end(self._lines, first)
        text = "".join(self._lines[first:end])
        if len(text) > _MOST_CHARACTERS:
            raise toml.TomlSyntaxError("a value of more than 64 KiB", first + 1)
        try:
            return toml.loads(text), end
        except toml.TomlSyntaxError as error:
            raise toml.TomlSyntaxError(
                error.reason, first + (error.line or 1)
            ) from error

    def _enter(self, plain: Dict[str, Any], first: int) -> Path:
        path: Path = ()
        table: Any = plain
        while table:
            ((key, table),) = table.items()
            path += (key,)
            if isinstance(table, list):
                self._elements[path] = self._elements.get(path, -1) + 1
                path += (self._elements[path],)
                break
            if path in self._elements:
                path += (self._elements[path],)
        if not self._may_repeat and path in self._headers:
            raise toml.TomlSyntaxError(
                f"the table {_dotted(path)} is there twice", first + 1
            )
        self._check_is_table(path, first)
        self._headers.add(path)
        return path

    def _check_is_table(self, path: Path, first: int) -> None:
        for length in range(1, len(path) + 1):
            if not self._may_repeat and path[:length] in self._values:
                name = _dotted(path[:length])
                raise toml.TomlSyntaxError(f"{name} is a value already", first + 1)


def _end(lines: List[str], first: int) -> int:
    """Return the index of the line behind a statement: all brackets and quotes are
    closed there.
    """
    if lines[first].lstrip().startswith("["):
        return first + 1
    depth, quotes = 0, ""
    for index in range(first, len(lines)):
        place = 0
        while place < len(lines[index]):
            mark = (re.compile(_CLOSING[quotes]).match if quotes else _MARK.search)(
                lines[index], place
            )
            if mark is None:
                break
            place = mark.end()
            if quotes or mark[0] in _QUOTES:
                quotes = "" if quotes else mark[0]
            else:
                depth += (mark[0] in "[{") - (mark[0] in "]}")
        if not quotes and depth <= 0:
            return index + 1
    return len(lines)


def _leaf(plain: Dict[str, Any], line: str) -> Tuple[Path, Any]:
    """Split ``a.b = value`` into its keys and the value, which may be an inline
    table.
    """
    path: Path = ()
    value: Any = plain
    for _ in range(_count_of_keys(line)):
        ((key, value),) = value.items()
        path += (key,)
    return path, value


def _count_of_keys(line: str) -> int:
    """Count the keys before the equals sign, by reading them as a table's header."""
    match = _KEYS.match(line)
    count = None if match is None else _header(match[1])
    if count is None:
        raise AssertionError(line)
    return count


def _header(keys: str) -> Optional[int]:
    if not any(mark in keys for mark in ".\"'"):
        return 1
    try:
        table: Any = toml.loads(f"[{keys}]")
    except toml.TomlSyntaxError:
        return None
    count = 0
    while table:
        ((_, table),) = table.items()
        count += 1
    return count


def _dotted(path: Path) -> str:
    return ".".join(shown_name(str(key)) for key in path)
