"""containerd-template.toml: what it says of registries, and changing single entries of
it.

An *entry* is what CRI's registry section says of one name (containerd
pkg/cri/config/config.go): ``("mirrors", NAME)``, ``("configs", HOST, "tls")`` or
``("configs", HOST, "auth")``. Entries are known by their keys, never by comments:
others write this file anew and drop those.
"""

from __future__ import annotations

from typing import (
    Any,
    Dict,
    FrozenSet,
    Iterable,
    Iterator,
    List,
    Mapping,
    Optional,
    Tuple,
)

from private_registry.containerd import config_versions
from private_registry.errors import ConflictError, NodeError
from private_registry.named_tuple import NamedTuple
from private_registry.texts import toml, toml_statements, toml_writing
from private_registry.texts.showing import shown_name
from private_registry.texts.toml_statements import Path, Statement
from private_registry.transaction.ledger import EntryKey

_REGISTRY = config_versions.REGISTRY
_SECRET_TABLES = ("auth", "auths", "headers")
_SECRET_KEYS = ("username", "password", "auth", "identitytoken")


class Entry(NamedTuple):
    """What CRI's registry section should say of one name.

    Args:
        key: where it stands.
        value: what it says, as plain TOML.
    """

    key: EntryKey
    value: Mapping[str, Any]

    @property
    def is_secret(self) -> bool:
        """Whether it holds a password."""
        return self.key[-1] == "auth"


class Template:
    """containerd's configuration, read.

    Args:
        text: of the file.
        source: its name, for errors.
        as_far_as_readable: lines that cannot be read stay as they are and say nothing.

    Raises:
        NodeError: not TOML.
    """

    def __init__(
        self, text: str, source: str, *, as_far_as_readable: bool = False
    ) -> None:
        self.source = source
        self.as_far_as_readable = as_far_as_readable
        self.lines = toml_statements.split_lines(text)
        try:
            self._statements = toml_statements.parse(
                self.lines,
                may_repeat=as_far_as_readable,
                skip_unreadable=as_far_as_readable,
            )
        except toml.TomlSyntaxError as error:
            raise NodeError(
                f"containerd's configuration is not TOML: {error.reason}",
                place=f"{source}, line {error.line}",
                remedy="mend that line; containerd cannot start with it either",
            ) from error
        self.section: Path = self._section()
        self._by_key: Dict[EntryKey, List[int]] = {}
        self._inline: Dict[Path, Statement] = {}
        for index, statement in enumerate(self._statements):
            key = self._key_of(statement.path)
            if key is not None:
                self._by_key.setdefault(key, []).append(index)
            elif isinstance(statement.value, dict):
                self._inline[statement.path] = statement

    def _section(self) -> Path:
        if self.as_far_as_readable:
            # The version may stand among what cannot be read.
            paths = [each.path for each in self._statements]
            found = (
                each
                for each in _REGISTRY.values()
                if any(path[: len(each)] == each for path in paths)
            )
            return next(found, _REGISTRY[2])
        return _REGISTRY.get(self.number, _REGISTRY[config_versions.NEWEST])

    @property
    def number(self) -> int:
        """The version of the configuration's format."""
        found = (each.value for each in self._statements if each.path == ("version",))
        value = next(found, 1)
        return value if isinstance(value, int) else 1

    @property
    def statements(self) -> Tuple[Statement, ...]:
        """All that it says, with the lines that it stands in; values may be secret."""
        return tuple(self._statements)

    @property
    def config_path(self) -> Optional[str]:
        """Directory of the hosts.toml tree, as written; None where there is none.

        There is none in MicroK8s 1.22 and older, nor on a node that was refreshed from
        there.
        """
        paths = [(*section, "config_path") for section in _REGISTRY.values()]
        found = (each for each in self._statements if each.path in paths and each.value)
        statement = next(found, None)
        return None if statement is None else str(statement.value)

    @property
    def sandbox_image(self) -> Optional[str]:
        """The image that each pod is started with, as CRI's section names it."""
        ends = (("sandbox_image",), ("pinned_images", "sandbox"))
        found = (
            each.value
            for each in self._statements
            if each.path[-1:] in ends or each.path[-2:] in ends
        )
        return next((str(each) for each in found if each), None)

    @property
    def is_legacy(self) -> bool:
        """Whether containerd reads mirrors here, and no hosts.toml."""
        return self.config_path is None

    @property
    def keys(self) -> Iterable[EntryKey]:
        """All entries that are there."""
        return self._by_key.keys()

    def get(self, key: EntryKey) -> Any:
        """Return what an entry says; None where it is not there.

        Raises:
            ConflictError: it stands inside an inline table.
        """
        if key not in self._by_key:
            self._check_not_inline(key)
            return None
        value: Any = toml_statements.nested(self._found(key))
        for part in (*self.section, *key):
            # A list of tables holds no entry.
            value = value.get(part) if isinstance(value, dict) else None
        return value

    def text_of(self, key: EntryKey) -> str:
        """Return the lines of an entry as they are.

        Raises:
            ConflictError: other entries stand between them.
        """
        first, end = self._block(key)
        return "".join(self.lines[first:end])

    def place_of(self, key: EntryKey) -> str:
        """Name the file and line where an entry begins."""
        return f"{self.source}, line {self._found(key)[0].first + 1}"

    def headers_above(self, key: EntryKey) -> FrozenSet[EntryKey]:
        """Return those tables above an entry that have a header of their own."""
        paths = {each.path for each in self._statements if each.is_header}
        above = (key[:length] for length in range(1, len(key)))
        return frozenset(each for each in above if self.section + each in paths)

    def others(self, keys: FrozenSet[EntryKey]) -> List[Tuple[Path, Any]]:
        """Return all statements but those of some entries and the headers above
        them.
        """
        above = {
            self.section + key[:length] for key in keys for length in range(1, len(key))
        }
        return [
            (each.path, each.value)
            for each in self._statements
            if self._key_of(each.path) not in keys and each.path not in above
        ]

    @property
    def secrets(self) -> FrozenSet[str]:
        """Texts that no message may hold: values in logins, headers and what is not
        known else.
        """
        # Rarely needed.
        from private_registry.texts.harmless_lines import (  # noqa: PLC0415
            is_address,
            is_file,
        )

        found = (each for each in self._statements if not each.is_header)
        return frozenset(
            text
            for each in found
            for text in _texts(each.value, with_numbers=_is_secret(each))
            if _is_secret(each)
            or not (is_address(text) or is_file(text) or text.isalpha())
        )

    def edited(
        self, changes: Mapping[EntryKey, Optional[str]], spare: FrozenSet[EntryKey]
    ) -> str:
        """Return the text with some entries changed, and everything else as it is.

        Args:
            changes: for each entry its new lines, which end as ``rendered`` makes them;
                None to take it away, with the blank line before it.
            spare: tables above entries whose headers stay even if nothing is left in
                them.
        """
        lines: List[Optional[str]] = list(self.lines)
        for key, text in changes.items():
            if key in self._by_key and text is not None:
                first, end = self._block(key)
                lines[first:end] = [self._ended(text, end), *[None] * (end - first - 1)]
            elif key in self._by_key:
                self._take_away(lines, self._found(key))
        self._take_away_empty_headers(lines, changes, spare)
        kept = "".join(line for line in lines if line is not None)
        if lines and lines[-1] is None and not self._ends_with_newline:
            kept = _without_newline(kept)
        for key, text in changes.items():
            if text is not None and key not in self._by_key:
                kept = self._appended(kept, text)
        return kept

    def rendered(self, entry: Entry) -> str:
        """Write an entry as a table with the full name of its section."""
        header = ".".join(
            toml_writing.key(str(part)) for part in (*self.section, *entry.key)
        )
        keys = "".join(
            f"{toml_writing.key(key)} ="
            f" {_value(value, is_secret=entry.is_secret)}{self._newline}"
            for key, value in entry.value.items()
        )
        return f"[{header}]{self._newline}{keys}"

    @property
    def _newline(self) -> str:
        return "\r\n" if self.lines and self.lines[0].endswith("\r\n") else "\n"

    @property
    def _ends_with_newline(self) -> bool:
        return not self.lines or self.lines[-1].endswith("\n")

    def _ended(self, text: str, end: int) -> str:
        if end == len(self.lines) and not self._ends_with_newline:
            return _without_newline(text)
        return text if text.endswith("\n") else text + self._newline

    def _appended(self, text: str, block: str) -> str:
        if self._ends_with_newline:
            return text + self._newline + block
        return text + self._newline * 2 + _without_newline(block)

    def _take_away(self, lines: List[Optional[str]], found: List[Statement]) -> None:
        for statement in found:
            lines[statement.first : statement.end] = [None] * (
                statement.end - statement.first
            )
        before = found[0].first - 1
        line = lines[before] if before >= 0 else None
        if line is not None and not line.strip():
            lines[before] = None

    def _take_away_empty_headers(
        self,
        lines: List[Optional[str]],
        changes: Mapping[EntryKey, Optional[str]],
        spare: FrozenSet[EntryKey],
    ) -> None:
        gone = [
            key for key, text in changes.items() if text is None and key in self._by_key
        ]
        above = {
            self.section + key[:length] for key in gone for length in range(1, len(key))
        }
        above -= {self.section + key for key in spare}
        in_use = {
            each.path[:length]
            for each in self._statements
            if each.path not in above and lines[each.first] is not None
            for length in range(len(each.path))
        }
        empty = (
            each for each in self._statements if each.is_header and each.path in above
        )
        for header in empty:
            if header.path not in in_use:
                self._take_away(lines, [header])

    def _found(self, key: EntryKey) -> List[Statement]:
        return [self._statements[index] for index in self._by_key[key]]

    def _block(self, key: EntryKey) -> Tuple[int, int]:
        indices, found = self._by_key[key], self._found(key)
        first, end = found[0].first, found[-1].end
        if indices[-1] - indices[0] >= len(indices):
            raise ConflictError(
                f"{shown_key(key)} is spread over the file",
                place=f"{self.source}, line {first + 1}",
                remedy="put its lines together",
            )
        return first, end

    def _key_of(self, path: Path) -> Optional[EntryKey]:
        if path[: len(self.section)] != self.section:
            return None
        kind, name, setting = (
            *(str(part) for part in path[len(self.section) :]),
            "",
            "",
            "",
        )[:3]
        if kind == "mirrors" and name:
            return (kind, name)
        is_setting = kind == "configs" and setting in ("auth", "tls")
        return (kind, name, setting) if is_setting else None

    def _check_not_inline(self, key: EntryKey) -> None:
        path = self.section + key
        above = (self._inline.get(path[:length]) for length in range(1, len(path)))
        found = next((each for each in above if each is not None), None)
        if found is not None:
            raise ConflictError(
                f"{shown_path(found.path[-1:])} is an inline table, which nothing can"
                " be added to",
                place=f"{self.source}, line {found.first + 1}",
                remedy=f"write it as [{shown_path(found.path)}]",
            )


def shown_key(key: EntryKey) -> str:
    """Name an entry for people."""
    words = {"auth": "the credentials for", "tls": "the TLS settings for"}
    what = words.get(key[-1] if key[0] == "configs" else "", "the mirrors of")
    return f"{what} {shown_name(key[1])}"


def _is_secret(statement: Statement) -> bool:
    names = [str(part) for part in statement.path]
    return (
        names[-1] in _SECRET_KEYS
        or any(name in _SECRET_TABLES for name in names[3:])
        or (isinstance(statement.value, dict) and "registry" in names)
    )


def _texts(value: Any, *, with_numbers: bool) -> Iterator[str]:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(value, str) or (is_number and with_numbers):
        yield str(value)
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each, with_numbers=with_numbers)


def _value(value: Any, *, is_secret: bool) -> str:
    written = toml_writing.scalar(value)
    # MicroK8s replaces ${SNAP} and the like anywhere in this file
    # (run-containerd-with-args).
    return written.replace("${", "\\u0024{") if is_secret else written


def shown_path(path: Path) -> str:
    """Name a key with all that stand above it, for people."""
    return ".".join(toml_writing.key(shown_name(str(part))) for part in path)


def _without_newline(text: str) -> str:
    return (
        text[:-2]
        if text.endswith("\r\n")
        else text[:-1] if text.endswith("\n") else text
    )
