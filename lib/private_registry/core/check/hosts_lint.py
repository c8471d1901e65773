"""What in a hosts.toml means something else to containerd than to those who wrote it."""

from __future__ import annotations

import re
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from private_registry.core.check import edits
from private_registry.core.check.findings import NO_REMEDY, Cause, Finding, Remedy, Severity
from private_registry.core.check.hosts_document import FIELDS, HOST, Document, Table
from private_registry.core.check.hosts_url import HostUrl, read_url
from private_registry.core.check.reading import HostEntry
from private_registry.core.check.versions import Rules
from private_registry.core.names import DOCKER_HUB, quoted, shown
from private_registry.core.registries_toml import did_you_mean

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_TRUST = ("ca", "client", "skip_verify")
_OF_TRUST = frozenset(
    [
        *(Cause.UNKNOWN_CA, Cause.WRONG_NAME, Cause.NO_IP_SAN, Cause.COMMON_NAME_ONLY),
        *(Cause.EXPIRED, Cause.NOT_YET_VALID, Cause.CLIENT_CERTIFICATE_MISSING),
    ]
)
_OF_TLS = frozenset([*_OF_TRUST, Cause.TLS_FAILED, Cause.CONNECTION_LOST, Cause.SPEAKS_HTTP])
_OF_PATH = frozenset(
    [Cause.NOT_FOUND, Cause.NOT_A_REGISTRY, Cause.UNEXPECTED_STATUS, Cause.FORBIDDEN]
)
_OF_LOGIN = frozenset([Cause.LOGIN_MISSING, Cause.LOGIN_REFUSED, Cause.ACCESS_DENIED])
_TOO_NEW = {"override_path": "1.6.0", "dial_timeout": "2.1.0"}
_IGNORED = "containerd ignores it without a word"


class _Endpoint(NamedTuple):
    """An address as it is written, and what containerd makes of it."""

    table: Table
    text: str
    line: int
    url: HostUrl
    entry: HostEntry


def lint_document(
    document: Document,
    registry: str,
    entries: Sequence[HostEntry],
    rules: Rules,
    names: Sequence[str],
) -> Tuple[Finding, ...]:
    """Find what in a file that containerd takes is not what it looks like.

    Args:
        document: the file.
        registry: that it is for.
        entries: what containerd makes of it.
        rules: of this node's containerd.
        names: of the files beside it.
    """
    return tuple(_Lint(document, registry, entries, rules).findings(names))


class _Lint:
    def __init__(
        self, document: Document, registry: str, entries: Sequence[HostEntry], rules: Rules
    ) -> None:
        self._document, self._registry = document, registry
        self._entries, self._rules = entries, rules

    def findings(self, names: Sequence[str]) -> Iterator[Finding]:
        yield from self._keys(self._document.root)
        for table in {each.url: each for each in self._document.hosts}.values():
            yield from self._keys(table)
        yield from self._no_hosts()
        for each in self._endpoints():
            yield from self._address(each)
            yield from self._trust(each)
            yield from self._headers(each)
        yield from self._nobody_resolves()
        yield from self._beside(names)

    # --- keys ---------------------------------------------------------------------------------

    def _keys(self, table: Table) -> Iterator[Finding]:
        for name in table.values:
            line = table.lines.get(name, table.line)
            if table.url is not None and name == "server":
                yield self._misplaced(line)
            elif table.url is not None and name == HOST:
                what = "a [host] inside of another one is none"
                yield self._fault(Cause.NOT_A_HOST, what, line)
            elif name not in FIELDS:
                yield self._unknown(name, table, line)
            elif name in _TOO_NEW and not self._reads(name):
                what = f"{name} is read by containerd {_TOO_NEW[name]} and newer only"
                yield self._fault(Cause.FIELD_TOO_NEW, what, line)

    def _reads(self, name: str) -> bool:
        if name == "override_path":
            return self._rules.has_override_path
        return self._rules.has_dial_timeout

    def _misplaced(self, line: int) -> Finding:
        statement = next(each for each in self._document.statements if each.first + 1 == line)
        texts = [self._document.line_text(at).strip() for at in range(line, statement.end + 1)]
        return self._fault(
            Cause.MISPLACED_KEY,
            "what is written below a [table] belongs to it, and server has to stand above all",
            line,
            edits.move_to_top(self._document.path, line, statement.end, texts),
        )

    def _unknown(self, name: str, table: Table, line: int) -> Finding:
        lower = name.lower()
        known = [*FIELDS, HOST] if table.url is None else [key for key in FIELDS if key != "server"]
        if lower in known:
            what = f"{name} has to be written {lower}"
            return self._fault(Cause.KEY_CASE, what, line, self._renamed(line, name, lower))
        meant = did_you_mean(name, known)
        what = f"{shown(name)} is no key of hosts.toml{meant}"
        nearest = next((key for key in known if re.search(rf"\b{key}\b", meant)), "")
        remedy = (
            self._renamed(line, name, nearest)
            if nearest
            else edits.delete_line(self._document.path, line)
        )
        return self._fault(Cause.UNKNOWN_KEY, what, line, remedy)

    def _renamed(self, line: int, name: str, to: str) -> Remedy:
        text = self._document.line_text(line)
        return edits.replace_line(self._document.path, line, text.replace(name, to, 1))

    def _no_hosts(self) -> Iterator[Finding]:
        known = {each.url for each in self._document.hosts}
        for statement in self._document.statements:
            path = [str(each) for each in statement.path]
            if len(path) > 1 and path[0] == HOST and path[1] not in known:
                known.add(path[1])
                what = f'only a header [host."URL"] makes an endpoint; {shown(path[1])} is none'
                yield self._fault(Cause.NOT_A_HOST, what, statement.first + 1)
            elif (
                path == [HOST]
                and isinstance(statement.value, dict)
                and not self._rules.is_first_parser
            ):
                what = 'containerd 2 sees endpoints in headers [host."URL"] only, and none here'
                yield self._fault(Cause.NOT_A_HOST, what, statement.first + 1)

    # --- endpoints ----------------------------------------------------------------------------

    def _endpoints(self) -> Iterator[_Endpoint]:
        tables: List[Tuple[Table, str, int]] = [
            (each, str(each.url), each.line) for each in self._document.hosts
        ]
        root = self._document.root
        server = root.values.get("server")
        if server:
            tables.append((root, str(server), root.lines.get("server", 1)))
        for (table, text, line), entry in zip(tables, self._entries):
            url = read_url(text, overrides_path=bool(table.values.get("override_path")))
            if url is not None:
                yield _Endpoint(table, text, line, url, entry)

    def _address(self, given: _Endpoint) -> Iterator[Finding]:
        scheme = _SCHEME.match(given.text)
        if scheme is not None and scheme[1] not in ("http", "https"):
            yield self._bad_scheme(given, scheme[1])
            return
        if given.url.scheme not in ("http", "https") or not given.url.authority:
            what = f"{shown(given.text)} needs http:// or https:// in front"
            mend = self._respelled(given, f"https://{given.text}")
            yield self._fault(Cause.BAD_SCHEME, what, given.line, mend)
            return
        if given.url.was_prefixed:
            yield self._scheme_missing(given)
        if given.url.has_user or given.url.has_query:
            yield self._part_ignored(given)
        yield from self._path(given)
        if given.entry.is_server and given.url.authority == DOCKER_HUB == self._registry:
            yield self._bad_fallback(given)

    def _bad_scheme(self, given: _Endpoint, scheme: str) -> Finding:
        lower = scheme.lower()
        if lower in ("http", "https"):
            what = (
                f"{scheme}:// has to be written {lower}://; containerd takes it for a host's name"
            )
            mend = self._respelled(given, lower + given.text[len(scheme) :])
        else:
            what = f"{scheme}:// is no way to ask a registry"
            mend = Remedy()
        return self._fault(Cause.BAD_SCHEME, what, given.line, mend)

    def _scheme_missing(self, given: _Endpoint) -> Finding:
        return self._note(
            Cause.SCHEME_MISSING,
            f"{shown(given.text)} has no scheme, which means HTTPS",
            given,
            frozenset([Cause.SPEAKS_HTTP]),
            self._respelled(given, f"http://{given.text}"),
        )

    def _part_ignored(self, given: _Endpoint) -> Finding:
        part = "user name and password" if given.url.has_user else "query"
        bare = f"{given.url.scheme}://{given.url.authority}{given.url.own_path}"
        return self._fault(
            Cause.URL_PART_IGNORED,
            f"the {part} in an endpoint's address: {_IGNORED}",
            given.line,
            self._respelled(given, bare),
        )

    def _path(self, given: _Endpoint) -> Iterator[Finding]:
        own = given.url.own_path.rstrip("/")
        if not own or own.endswith("/v2") or given.table.values.get("override_path"):
            return
        project = own if own.startswith("/v2/") else f"/v2{own}"
        url = f"{given.url.scheme}://{given.url.authority}{project}"
        is_certain = "/v2/" in f"{own}/"
        what = f"containerd asks below {given.entry.path}, because override_path is not set"
        mend = self._with_override(given, url)
        if is_certain:
            finding = self._fault(Cause.PATH_APPENDED, what, given.line, mend)
            yield finding._replace(endpoint=given.entry.url)
        else:
            yield self._note(Cause.PATH_APPENDED, what, given, _OF_PATH, mend)

    def _with_override(self, given: _Endpoint, url: str) -> Remedy:
        respelled = self._line_with(given, url)
        if respelled is None or not self._rules.has_override_path:
            return Remedy()
        line = self._document.line_text(given.line)
        first = edits.replace_line(self._document.path, given.line, respelled)
        second = edits.insert_below(self._document.path, {given.line: ["override_path = true"]})
        if line == respelled:
            return second
        return Remedy(f"{first.command} && {second.command}")

    def _bad_fallback(self, given: _Endpoint) -> Finding:
        return self._note(
            Cause.BAD_FALLBACK,
            "docker.io itself is no registry; Docker Hub's answers at registry-1.docker.io",
            given,
            frozenset([*_OF_PATH, *_OF_LOGIN]),
            self._respelled(given, "https://registry-1.docker.io"),
        )

    def _respelled(self, given: _Endpoint, url: str) -> Remedy:
        line = self._line_with(given, url)
        if line is None:
            return Remedy()
        return edits.replace_line(self._document.path, given.line, line)

    def _line_with(self, given: _Endpoint, url: str) -> Optional[str]:
        line = self._document.line_text(given.line)
        return line.replace(given.text, url, 1) if given.text in line else None

    # --- TLS and headers ----------------------------------------------------------------------

    def _trust(self, given: _Endpoint) -> Iterator[Finding]:
        own = [key for key in _TRUST if key in given.table.values]
        if given.entry.scheme == "http" and own:
            what = f"{', '.join(own)} beside http:// makes containerd try HTTPS first"
            if given.entry.tries_https:
                yield self._note(Cause.TLS_ON_HTTP, what, given, _OF_TLS, self._without(given, own))
            return
        root = self._document.root
        above = [key for key in _TRUST if key in root.values]
        if given.table.url is not None and above and not own:
            what = f"{', '.join(above)} above all tables holds for server alone, not for this one"
            texts = [self._document.line_text(root.lines[key]).strip() for key in above]
            mend = edits.insert_below(self._document.path, {given.table.line: texts})
            yield self._note(Cause.NOT_INHERITED, what, given, _OF_TRUST, mend)

    def _without(self, given: _Endpoint, keys: Iterable[str]) -> Remedy:
        lines = [given.table.lines[key] for key in keys]
        scripts = " ".join(f"-e {line}d" for line in lines)
        return Remedy(f"sudo sed -i {scripts} {quoted(self._document.path)}")

    def _headers(self, given: _Endpoint) -> Iterator[Finding]:
        for name, _ in given.entry.headers:
            if name == "authorization":
                what = (
                    "the header authorization has to be written Authorization, or it is sent twice"
                )
                yield self._note(Cause.BAD_HEADER, what, given, _OF_LOGIN, Remedy())
            elif name == "Authorization" and self._rules.version < (2, 1, 0):
                what = "this containerd does not send the header Authorization to a token server"
                yield self._note(Cause.BAD_HEADER, what, given, _OF_LOGIN, Remedy())

    # --- all of it ----------------------------------------------------------------------------

    def _nobody_resolves(self) -> Iterator[Finding]:
        if any(each.resolves for each in self._entries):
            return
        line = min(
            (each.lines.get("capabilities", each.line) for each in self._document.hosts), default=1
        )
        what = "no endpoint has the capabilities pull and resolve, and none is asked for a tag"
        yield self._fault(Cause.NO_CAPABILITY, what, line, self._with_capabilities())

    def _with_capabilities(self) -> Remedy:
        table = (*self._document.hosts, self._document.root)[0]
        line = table.lines.get("capabilities")
        if line is None:
            return Remedy()
        text = self._document.line_text(line)
        indent = text[: len(text) - len(text.lstrip())]
        return edits.replace_line(
            self._document.path, line, f'{indent}capabilities = ["pull", "resolve"]'
        )

    def _beside(self, names: Sequence[str]) -> Iterator[Finding]:
        directory = self._document.path.rpartition("/")[0]
        used = {path for each in self._entries for path in each.trust.authorities}
        used |= {path for each in self._entries for pair in each.trust.clients for path in pair}
        ignored = [
            name
            for name in names
            if name.endswith((".crt", ".cert")) and f"{directory}/{name}" not in used
        ]
        if not ignored:
            return
        yield Finding(
            Cause.CERTIFICATES_IGNORED,
            f"with a hosts.toml beside it, {ignored[0]} is read only if that names it",
            where=self._document.place(1),
            remedy=self._naming(ignored, names),
            severity=Severity.NOTE,
            explains=_OF_TRUST,
        )

    def _naming(self, ignored: List[str], names: Sequence[str]) -> Remedy:
        texts = []
        authority = next((each for each in ignored if each.endswith(".crt")), None)
        if authority is not None:
            texts.append(f'ca = "{authority}"')
        client = next((each for each in ignored if each.endswith(".cert")), None)
        key = "" if client is None else client[: -len("cert")] + "key"
        if client is not None and key in names:
            texts.append(f'client = [["{client}", "{key}"]]')
        below: Dict[int, Sequence[str]] = {
            each.line: [text for text in texts if text.partition(" ")[0] not in each.values]
            for each in (self._document.root._replace(line=0), *self._document.hosts)
        }
        return edits.insert_below(self._document.path, below)

    def _fault(self, cause: Cause, what: str, line: int, remedy: Remedy = NO_REMEDY) -> Finding:
        where = self._document.place(line)
        return Finding(cause, what, where=where, why=_IGNORED_WHY.get(cause, ""), remedy=remedy)

    def _note(
        self, cause: Cause, what: str, given: _Endpoint, explains: frozenset[Cause], remedy: Remedy
    ) -> Finding:
        return Finding(
            cause,
            what,
            endpoint=given.entry.url,
            where=self._document.place(given.line),
            remedy=remedy,
            severity=Severity.NOTE,
            explains=explains,
        )


_IGNORED_WHY = {
    Cause.UNKNOWN_KEY: _IGNORED,
    Cause.KEY_CASE: _IGNORED,
    Cause.MISPLACED_KEY: _IGNORED,
    Cause.FIELD_TOO_NEW: _IGNORED,
    Cause.NOT_A_HOST: _IGNORED,
}
