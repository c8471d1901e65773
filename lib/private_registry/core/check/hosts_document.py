"""A hosts.toml as this node's containerd parses it, with the line of everything in it.

containerd throws a file away that it cannot decode, and asks the registry itself by HTTPS: what a
file looks like to people does not count then (hosts.go loadHostDir, parseHostsFile).
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple, Union

from private_registry.core import statements, toml
from private_registry.core.check import edits
from private_registry.core.check.findings import NO_REMEDY, Cause, Finding, Remedy
from private_registry.core.check.versions import Rules
from private_registry.core.names import quoted
from private_registry.core.statements import Statement

HOST = "host"
FIELDS: Dict[str, Tuple[type, ...]] = {
    "server": (str,),
    "capabilities": (list,),
    "ca": (str, list),
    "client": (str, list),
    "skip_verify": (bool,),
    "header": (dict,),
    "override_path": (bool,),
    "dial_timeout": (str,),
}
THROWN_AWAY = (
    "containerd throws the whole file away without a word in the pull's error, and asks the "
    "registry itself by HTTPS"
)
_BOM = "\ufeff"


class Table(NamedTuple):
    """The root, or one ``[host."URL"]``.

    Args:
        url: None for the root.
        values: what stands in it, by names in the spelling of containerd's own.
        line: of its header, 1-based; 1 for the root.
        lines: of its keys.
    """

    url: Optional[str]
    values: Mapping[str, Any]
    line: int
    lines: Mapping[str, int]


class Document(NamedTuple):
    """A hosts.toml that containerd takes.

    Args:
        path: of the file.
        text: what stands in it.
        root: the keys above all tables.
        hosts: the endpoints in the order that containerd asks them; one may be there twice.
        statements: all of it.
    """

    path: str
    text: str
    root: Table
    hosts: Tuple[Table, ...]
    statements: Tuple[Statement, ...]

    def place(self, line: int) -> str:
        """Name a line for people."""
        return f"{self.path}, line {line}"

    def line_text(self, line: int) -> str:
        """Return a line without its end."""
        return self.text.split("\n")[line - 1].rstrip("\r")


def parse(content: bytes, path: str, rules: Rules) -> Union[Document, Finding]:
    """Read a hosts.toml; a finding where containerd throws it away.

    Args:
        content: of the file.
        path: of it, for people.
        rules: of this node's containerd.
    """
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return _thrown_away(Cause.NOT_TOML, "it is no text in UTF-8", path, line)
    if text.startswith(_BOM):
        if not rules.is_first_parser:
            what = "it begins with a byte order mark, which containerd 2 takes for a part of a key"
            mend = Remedy(f"sudo sed -i '1s/^\\xef\\xbb\\xbf//' {quoted(path)}")
            return _thrown_away(Cause.BYTE_ORDER_MARK, what, path, 1, mend)
        text = text[1:]
    try:
        found = statements.parse(statements.split_lines(text))
    except toml.TomlSyntaxError as error:
        return _syntax(error, text, path)
    document = _Reader(path, text, found, rules)
    return document.problem() or document.read()


def _thrown_away(
    cause: Cause, what: str, path: str, line: int, remedy: Remedy = NO_REMEDY
) -> Finding:
    return Finding(cause, what, where=f"{path}, line {line}", why=THROWN_AWAY, remedy=remedy)


def _syntax(error: toml.TomlSyntaxError, text: str, path: str) -> Finding:
    number = error.line or 1
    lines = text.split("\n")
    line = lines[min(number, len(lines)) - 1].rstrip("\r")
    if "is there twice" in error.reason or "already" in error.reason:
        what = f"{error.reason}, which TOML does not allow"
        return _thrown_away(Cause.DUPLICATE, what, path, number)
    quoted = _with_quotes(line)
    if quoted is not None:
        what = f"the address in {line.strip()} needs quotes"
        mend = edits.replace_line(path, number, quoted)
        return _thrown_away(Cause.UNQUOTED, what, path, number, mend)
    return _thrown_away(Cause.NOT_TOML, f"it is not TOML: {error.reason}", path, number)


def _with_quotes(line: str) -> Optional[str]:
    """Put an address in quotes where that makes a line TOML; None where it does not."""
    bare = line.strip()
    indent = line[: len(line) - len(line.lstrip())]
    head, dot, name = bare.partition("host.")
    if bare.startswith("[") and bare.endswith("]") and dot and not set("\"'") & set(bare):
        candidate = f'{head}host."{name[:-1].strip()}"]'
    else:
        key, equals, value = bare.partition("=")
        if not equals or set("\"'[") & set(value):
            return None
        candidate = f'{key.strip()} = "{value.strip()}"'
    try:
        toml.loads(candidate)
    except toml.TomlSyntaxError:
        return None
    return indent + candidate


class _Reader:
    """Reads statements as one of containerd's two parsers does."""

    def __init__(self, path: str, text: str, found: List[Statement], rules: Rules) -> None:
        self._path, self._text, self._rules = path, text, rules
        self._statements = found
        self._plain = statements.nested(found)

    def problem(self) -> Optional[Finding]:
        """Return what lets containerd throw the file away; None for nothing."""
        return (
            self._odd_header()
            or self._no_host()
            or self._wrong_types(self._root_values(), ())
            or next(filter(None, (self._host_problem(each) for each in self._urls())), None)
        )

    def read(self) -> Document:
        root = Table(None, self._root_values(), 1, self._lines(()))
        hosts = tuple(self._table(url, line) for url, line in self._order())
        return Document(self._path, self._text, root, hosts, tuple(self._statements))

    # --- the whole file -----------------------------------------------------------------------

    def _odd_header(self) -> Optional[Finding]:
        for each in self._statements:
            if not each.is_header:
                continue
            if any(isinstance(part, int) for part in each.path):
                what = "[[...]] makes a list of tables, where one table is wanted"
                return self._thrown(Cause.NOT_A_HOST, what, each.first + 1)
            if self._rules.is_first_parser and any("]" in str(part) for part in each.path):
                what = "containerd 1 takes no ']' in a table's name, and so no IPv6 address"
                return self._thrown(Cause.FIELD_TOO_NEW, what, each.first + 1)
        return None

    def _no_host(self) -> Optional[Finding]:
        host = self._plain.get(HOST)
        if host is not None and not isinstance(host, dict):
            line = self._line_of((HOST,))
            return self._thrown(Cause.WRONG_TYPE, "host is a table, not a value", line)
        if host is None and self._rules.needs_host_table:
            what = "there is no [host] table, which this containerd cannot do without"
            mend = edits.append_line(self._path, "[host]")
            return self._thrown(Cause.NO_HOST_TABLE, what, 1, mend)
        return None

    # --- values -------------------------------------------------------------------------------

    def _host_problem(self, url: str) -> Optional[Finding]:
        values = self._host_values(url)
        if not isinstance(values, dict):
            line = self._line_of((HOST, url))
            what = f'{url} stands in [host] itself, where only [host."URL"] tables may'
            if self._rules.is_first_parser:
                finding = self._thrown(Cause.CRASHES, what, line)
                return finding._replace(why="every pull of this registry ends containerd itself")
            return self._thrown(Cause.WRONG_TYPE, what, line)
        return self._wrong_types(self._known(values), (HOST, url))

    def _wrong_types(self, values: Mapping[str, Any], above: Tuple[str, ...]) -> Optional[Finding]:
        for name, value in values.items():
            if name in FIELDS and (name != "server" or not above):
                what = self._wrong_type(name, value)
                if what is not None:
                    cause = Cause.UNKNOWN_CAPABILITY if "capability" in what else Cause.WRONG_TYPE
                    cause = Cause.BAD_HEADER if name == "header" else cause
                    line = self._line_of((*above, name))
                    return self._thrown(cause, what, line)
        return None

    def _wrong_type(self, name: str, value: Any) -> Optional[str]:
        if name == "override_path" and not self._rules.has_override_path:
            return None
        if name == "dial_timeout" and not self._rules.has_dial_timeout:
            return None
        is_right = isinstance(value, FIELDS[name])
        if not is_right:
            words = {bool: "true or false", str: "a text", list: "a list", dict: "a table"}
            return f"{name} has to be {' or '.join(words[each] for each in FIELDS[name])}"
        checks = {
            "capabilities": self._wrong_capabilities,
            "ca": _wrong_texts,
            "client": _wrong_client,
            "header": _wrong_header,
            "dial_timeout": _wrong_duration,
        }
        return checks[name](value) if name in checks else None

    def _wrong_capabilities(self, value: List[Any]) -> Optional[str]:
        known = ["pull", "resolve", "push", *(["referrers"] if self._rules.has_referrers else [])]
        if not all(isinstance(each, str) for each in value):
            return "capabilities has to be a list of texts"
        unknown = [each for each in value if each.lower() not in known]
        if not unknown:
            return None
        return f"{unknown[0]!r} is no capability of this containerd; it knows {', '.join(known)}"

    # --- tables -------------------------------------------------------------------------------

    def _root_values(self) -> Dict[str, Any]:
        return self._known({key: each for key, each in self._plain.items() if key != HOST})

    def _known(self, values: Mapping[Any, Any]) -> Dict[str, Any]:
        """Return values by containerd's own spelling, of which go-toml v2 takes any case."""
        found = {}
        for key, value in values.items():
            name = str(key)
            lower = name.lower()
            is_taken = not self._rules.is_first_parser and lower in FIELDS and lower not in values
            found[lower if is_taken else name] = value
        return found

    def _table(self, url: str, line: int) -> Table:
        values = self._known(self._host_values(url))
        return Table(url, values, line, self._lines((HOST, url)))

    def _host_values(self, url: str) -> Any:
        host = self._plain.get(HOST)
        return host.get(url, {}) if isinstance(host, dict) else {}

    def _urls(self) -> List[str]:
        host = self._plain.get(HOST)
        return [str(each) for each in host] if isinstance(host, dict) else []

    def _order(self) -> List[Tuple[str, int]]:
        """Return the endpoints in containerd's order, each with its line.

        Up to 1.7 by the line of each table; from 2.0 by the headers that begin with ``host``, so
        that other ways to write a table are none, and one that is interrupted comes twice.
        """
        found: List[Tuple[str, int]] = []
        for each in self._statements:
            is_host = len(each.path) > 1 and each.path[0] == HOST
            if not is_host or not (each.is_header or self._rules.is_first_parser):
                continue
            url = str(each.path[1])
            names = [name for name, _ in found]
            is_again = url in names if self._rules.is_first_parser else names[-1:] == [url]
            if not is_again:
                found.append((url, each.first + 1))
        inline = self._plain.get(HOST)
        if self._rules.is_first_parser and isinstance(inline, dict):
            names = [name for name, _ in found]
            line = self._line_of((HOST,))
            found += [(str(each), line) for each in inline if str(each) not in names]
        return found

    # --- lines --------------------------------------------------------------------------------

    def _lines(self, above: Tuple[str, ...]) -> Dict[str, int]:
        found: Dict[str, int] = {}
        depth = len(above)
        for each in self._statements:
            path = tuple(str(part) for part in each.path)
            if path[:depth] == above and len(path) > depth:
                name = path[depth]
                lower = name.lower()
                key = lower if lower in FIELDS and not self._rules.is_first_parser else name
                found.setdefault(key, each.first + 1)
        return found

    def _line_of(self, path: Tuple[str, ...]) -> int:
        lower = tuple(each.lower() for each in path)
        for each in self._statements:
            own = tuple(str(part) for part in each.path[: len(path)])
            if own == path or tuple(part.lower() for part in own) == lower:
                return each.first + 1
        return next(
            (each.first + 1 for each in self._statements if str(each.path[0]) == path[0]), 1
        )

    def _thrown(self, cause: Cause, what: str, line: int, remedy: Remedy = NO_REMEDY) -> Finding:
        return _thrown_away(cause, what, self._path, line, remedy)


def _wrong_texts(value: Any) -> Optional[str]:
    if isinstance(value, list) and not all(isinstance(each, str) for each in value):
        return "ca has to be a text or a list of texts"
    return None


def _wrong_client(value: Any) -> Optional[str]:
    pairs = value if isinstance(value, list) else []
    for each in pairs:
        if isinstance(each, list):
            is_pair = len(each) == 2 and all(isinstance(part, str) for part in each)  # noqa: PLR2004
            if not is_pair:
                return "client has to be pairs of a certificate and its key"
        elif not isinstance(each, str):
            return "client has to be texts or pairs of texts"
    return None


def _wrong_header(value: Mapping[str, Any]) -> Optional[str]:
    for name, given in value.items():
        texts = given if isinstance(given, list) else [given]
        if not all(isinstance(each, str) for each in texts):
            return f"the header {name} has to be a text or a list of texts"
    return None


def _wrong_duration(value: str) -> Optional[str]:
    import re  # noqa: PLC0415 - rarely needed

    number = r"([0-9]+(\.[0-9]*)?|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)"
    if re.fullmatch(rf"[+-]?(0|({number})+)", value):
        return None
    return f"dial_timeout has to be a number with a unit, such as {value or '3'}s"
