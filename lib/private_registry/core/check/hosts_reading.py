"""Whom containerd asks for the images of a registry, by its hosts.toml tree.

Sources: containerd remotes/docker/config/hosts.go (ConfigureHosts, parseHostsFile, loadCertFiles),
remotes/docker/registry.go (MatchLocalhost), remotes/docker/resolver.go (the ``ns`` query).
"""

from __future__ import annotations

import ipaddress
import posixpath
from typing import Any, Dict, List, Mapping, Optional, Tuple, Union

from private_registry.core.check import edits
from private_registry.core.check.directories import directory_of
from private_registry.core.check.findings import Cause, Finding, Remedy
from private_registry.core.check.hosts_document import THROWN_AWAY, Document, Table, parse
from private_registry.core.check.hosts_lint import lint_document
from private_registry.core.check.hosts_url import HostUrl, port_of, read_url
from private_registry.core.check.reading import (
    EVERY_CAPABILITY,
    HostEntry,
    LookAt,
    Reading,
    Trust,
)
from private_registry.core.check.trust_files import problems_of
from private_registry.core.check.versions import Rules
from private_registry.core.containerd import Version
from private_registry.core.hosts_toml import HOSTS_TOML
from private_registry.core.names import DOCKER_HUB, DOCKER_HUB_SERVER, EVERY_REGISTRY, quoted

_HTTPS_PORT, _HTTP_PORT = 443, 80


def read_registry(registry: str, certs_d: str, look: LookAt, version: Optional[Version]) -> Reading:
    """Return whom containerd asks for a registry's images.

    Args:
        registry: as image references spell it; ``*`` for what holds for all others.
        certs_d: the tree.
        look: looks at a path.
        version: of this node's containerd; None for a current one.
    """
    rules = Rules.of(version)
    directory = directory_of(registry, certs_d, look, rules)
    shadow = _shadow(registry, directory.path, directory.shadowed)
    if not directory.path:
        return Reading(registry, (_itself(registry, Trust(), rules),))
    if directory.is_file:
        what = "a file stands where containerd looks for a directory, and every pull fails"
        aside, inside = f"{directory.path}.old", f"{directory.path}/{HOSTS_TOML}"
        steps = (edits.move(directory.path, aside), edits.move(aside, inside))
        first, last = (step.command for step in steps)
        mend = Remedy(f"{first} && sudo mkdir {quoted(directory.path)} && {last}")
        finding = Finding(Cause.NOT_A_DIRECTORY, what, registry, where=directory.path, remedy=mend)
        return Reading(registry, (), (finding,), directory.path, fails=True)
    reader = _Reader(registry, directory.path, look, rules)
    reading = reader.reading()
    findings = (*shadow, *reading.findings)
    return reading._replace(findings=tuple(each._replace(registry=registry) for each in findings))


def _shadow(registry: str, path: str, shadowed: str) -> List[Finding]:
    if not shadowed:
        return []
    aside = posixpath.join(posixpath.dirname(posixpath.dirname(path)), posixpath.basename(path))
    return [
        Finding(
            Cause.SHADOWED,
            f"containerd reads {posixpath.basename(path)} and never {posixpath.basename(shadowed)}",
            registry,
            where=path,
            remedy=edits.move(path, f"{aside}.old"),
        )
    ]


def _itself(registry: str, trust: Trust, rules: Rules, **options: Any) -> HostEntry:
    """Return how a registry is asked that no ``server`` is named for."""
    authority = DOCKER_HUB_SERVER if registry == DOCKER_HUB else registry
    scheme, falls_back = "https", False
    if is_localhost(registry):
        port = port_of(registry)
        is_other = port is not None and port not in (_HTTPS_PORT, _HTTP_PORT)
        if rules.is_localhost_http and port is not None and port != _HTTPS_PORT:
            scheme = "http"
        elif rules.is_localhost_https_first:
            scheme = "http" if port == _HTTP_PORT else "https"
            falls_back = is_other
            if scheme == "https" and trust.skip_verify is None:
                trust = trust._replace(skip_verify=True)
    return HostEntry(
        scheme,
        authority,
        "/v2",
        trust=trust,
        falls_back_to_http=falls_back,
        is_server=True,
        **options,
    )


def is_localhost(registry: str) -> bool:
    """Whether containerd takes a host for this machine itself (registry.go MatchLocalhost)."""
    host = registry
    if port_of(registry) is not None:
        host = registry.rpartition(":")[0]
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class _Reader:
    """Reads the directory of one registry."""

    def __init__(self, registry: str, directory: str, look: LookAt, rules: Rules) -> None:
        self._registry, self._directory, self._look = registry, directory, look
        self._rules = rules
        self._path = posixpath.join(directory, HOSTS_TOML)

    def reading(self) -> Reading:
        at = self._look(self._path)
        if at.names is not None or at.problem == "unreadable":
            return self._unreadable(is_directory=at.names is not None)
        if at.problem == "missing" or not at.content:
            return self._from_certificates(())
        document = parse(at.content, self._path, self._rules)
        if isinstance(document, Finding):
            reading = self._from_certificates((document,))
            return reading._replace(fails=reading.fails or document.cause is Cause.CRASHES)
        return self._from_document(document)

    def _unreadable(self, *, is_directory: bool) -> Reading:
        if not is_directory:
            what = "this user may not read it"
            finding = Finding(Cause.UNREADABLE, what, where=self._path)
            return Reading(self._registry, (), (finding,), self._path, fails=True)
        what = "a directory stands where containerd looks for a file, and every pull fails"
        finding = Finding(Cause.UNREADABLE, what, where=self._path)
        return Reading(self._registry, (), (finding,), self._path, fails=True)

    # --- without hosts.toml -------------------------------------------------------------------

    def _from_certificates(self, findings: Tuple[Finding, ...]) -> Reading:
        names = self._look(self._directory).names or ()
        authorities = tuple(self._absolute(each) for each in names if each.endswith(".crt"))
        clients = tuple(
            (self._absolute(each), self._absolute(each[: -len("cert")] + "key"))
            for each in names
            if each.endswith(".cert")
        )
        entry = _itself(self._registry, Trust(authorities, clients), self._rules)
        return self._checked(Reading(self._registry, (entry,), findings, self._source(findings)))

    def _source(self, findings: Tuple[Finding, ...]) -> str:
        return self._path if findings else self._directory

    # --- hosts.toml ---------------------------------------------------------------------------

    def _from_document(self, document: Document) -> Reading:
        entries = []
        for table in document.hosts:
            entry = self._entry(table, str(table.url), document, is_server=False)
            if isinstance(entry, Finding):
                return self._from_certificates((entry,))
            entries.append(entry)
        last = self._last(document)
        if isinstance(last, Finding):
            return self._from_certificates((last,))
        every = (*entries, last)
        names = self._look(self._directory).names or ()
        findings = lint_document(document, self._registry, every, self._rules, names)
        reading = Reading(self._registry, every, findings, self._path)
        return self._checked(reading)

    def _last(self, document: Document) -> Union[HostEntry, Finding]:
        server = document.root.values.get("server", "")
        if server:
            entry = self._entry(document.root, str(server), document, is_server=True)
            if isinstance(entry, Finding) or entry.authority:
                return entry
        trust = self._trust(document.root.values)
        headers = _headers(document.root.values)
        return _itself(self._registry, trust, self._rules, headers=headers)

    def _entry(
        self, table: Table, url: str, document: Document, *, is_server: bool
    ) -> Union[HostEntry, Finding]:
        values = table.values
        overrides = bool(values.get("override_path")) and self._rules.has_override_path
        found = read_url(url, overrides_path=overrides)
        line = table.lines.get("server", 1) if is_server else table.line
        if found is None:
            what = f"containerd cannot read the address {url!r}"
            return Finding(Cause.BAD_URL, what, where=document.place(line), why=THROWN_AWAY)
        trust = self._trust(values)
        tries_https = self._tries_https(found, trust)
        capabilities = values.get("capabilities")
        return HostEntry(
            scheme=found.scheme,
            authority=found.authority,
            path=found.path,
            capabilities=frozenset(each.lower() for each in capabilities)
            if capabilities
            else EVERY_CAPABILITY,
            trust=trust,
            headers=_headers(values),
            tries_https=tries_https,
            falls_back_to_http=tries_https,
            is_proxy=self._is_proxy(found.authority),
            is_server=is_server,
            where=document.place(line),
        )

    def _tries_https(self, found: HostUrl, trust: Trust) -> bool:
        if found.scheme != "http" or not trust.is_given:
            return False
        port = port_of(found.authority)
        return self._rules.tries_https_at(port, has_port=port is not None)

    def _is_proxy(self, authority: str) -> bool:
        if self._registry == DOCKER_HUB and authority == DOCKER_HUB_SERVER:
            return False
        return self._registry not in (EVERY_REGISTRY, authority)

    # --- TLS ----------------------------------------------------------------------------------

    def _trust(self, values: Mapping[str, Any]) -> Trust:
        return Trust(
            tuple(self._absolute(each) for each in _listed(values.get("ca"))),
            tuple(self._pair(each) for each in _listed(values.get("client"))),
            values.get("skip_verify"),
        )

    def _pair(self, given: Any) -> Tuple[str, str]:
        if isinstance(given, list):
            return self._absolute(given[0]), self._absolute(given[1])
        path = self._absolute(given)
        return path, path

    def _absolute(self, path: str) -> str:
        # Go's filepath.Join makes the directory itself of an empty name.
        return posixpath.normpath(posixpath.join(self._directory, path))

    def _checked(self, reading: Reading) -> Reading:
        """Return the reading with what is wrong with its certificates and keys."""
        problems = problems_of(reading, self._look)
        return reading._replace(
            findings=(*reading.findings, *problems),
            fails=reading.fails or any(each.is_fault for each in problems),
        )


def _listed(value: Any) -> List[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _headers(values: Mapping[str, Any]) -> Tuple[Tuple[str, Tuple[str, ...]], ...]:
    header: Dict[str, Any] = values.get("header") or {}
    return tuple(
        (str(name), tuple(str(each) for each in _listed(given))) for name, given in header.items()
    )
