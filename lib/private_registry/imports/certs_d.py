"""A certs.d tree: containerd's HOST/hosts.toml, or Docker's HOST/*.crt, *.cert and
*.key.

Read as containerd does: ``[host]`` tables in the order of the file, then ``server``
with the keys at the root; without hosts.toml the certificates beside it (containerd
config_unix.go, hosts.go).
"""

from __future__ import annotations

import posixpath
from typing import Dict, Iterator, List, Mapping, Optional, Set, Tuple

from private_registry.check.reading import (
    directories,
    hosts_document,
    hosts_entries,
    hosts_fields,
)
from private_registry.check.reading.hosts_document import Refused, Table
from private_registry.containerd import microk8s_defaults
from private_registry.containerd.hosts_toml import HOSTS_TOML
from private_registry.containerd.releases import NEWEST
from private_registry.errors import UsageError
from private_registry.imports.directory_tree import ImportedDirectory
from private_registry.imports.document import (
    LEFT_OUT,
    Imported,
    ImportedFile,
    KeyPath,
    Note,
    Says,
)
from private_registry.imports.header_logins import (
    NOT_TAKEN,
    HeaderLogins,
    LoginReader,
    unknown_of,
)
from private_registry.imports.rewrites import (
    REWRITES_LEFT_OUT,
    behind,
)
from private_registry.imports.trust_files import TrustReader
from private_registry.named_tuple import NamedTuple
from private_registry.registries.mirror_urls import Endpoint
from private_registry.registries.model import (
    Credentials,
    Mirror,
    Registry,
    Tls,
)
from private_registry.registries.names import EVERY_REGISTRY, RegistryName
from private_registry.registries.registries_toml import ReadOutside
from private_registry.registries.rewrites import prefix_of
from private_registry.texts.showing import shown_name, shown_place

# A tree may be another machine's. This one takes what others take, hosts in every
# spelling among it, and crashes at nothing.
_VERSION = NEWEST
_NEEDED = frozenset(["pull", "resolve"])
# This addon cannot say these two.
_HOST_KEYS = tuple(
    key for key in hosts_fields.HOST_KEYS if key not in ("header", "dial_timeout")
)
_ROOT_KEYS = ("server", "host", *_HOST_KEYS)
# Of the containerd of k3s and RKE2.
_REWRITE = "rewrite"


class _Entry(NamedTuple):
    """An endpoint as hosts.toml has it; None where it cannot be said here."""

    endpoint: Optional[Endpoint]
    tls: Tls
    path: KeyPath
    credentials: Optional[Credentials] = None


def read(
    tree: Mapping[str, ImportedDirectory],
    read_outside: ReadOutside,
    logins: HeaderLogins = NOT_TAKEN,
) -> Imported:
    """Read a tree.

    Args:
        tree: its directories by name.
        read_outside: returns the text of a FILE, given with its path.
        logins: what is to become of those that stand in headers.
    """
    found: Dict[RegistryName, Registry] = {}
    left: List[Note] = []
    named: Set[RegistryName] = set()
    reader = LoginReader(logins)
    # HOST_PORT_ before HOST:PORT, as containerd looks for them.
    for name in sorted(
        tree, key=lambda each: (directories.registry_of(each) == each, each)
    ):
        imported = _Reader(name, tree[name], read_outside, reader).imported()
        for registry in imported.state.registries:
            if registry.name in found:
                place = shown_place(tree[name].path)
                left.append(
                    Note(place, f"{registry.name} is read elsewhere; {LEFT_OUT}")
                )
            found.setdefault(registry.name, registry)
        left += imported.left
        named |= imported.named
    whole = ImportedFile("", read_outside).imported(found.values(), Says.ALL_BUT_LOGINS)
    whole = whole._replace(left=tuple(left), login_options=reader.options)
    return whole._replace(named=frozenset(named))


class _Reader:
    """Reads one directory."""

    def __init__(
        self,
        name: str,
        directory: ImportedDirectory,
        read_outside: ReadOutside,
        logins: LoginReader,
    ) -> None:
        self._directory_name = name
        self._directory = directory
        self._logins = logins
        has_hosts = bool((directory.hosts_toml or "").strip())
        source = directory.source or shown_place(
            posixpath.join(directory.path, HOSTS_TOML) if has_hosts else directory.path
        )
        self._text = directory.hosts_toml if has_hosts else None
        self._document = ImportedFile(source, read_outside)
        self._trust = TrustReader(self._document, directory.path)

    def imported(self) -> Imported:
        name = self._name()
        if name is None:
            return self._document.imported(())
        read = self._from_certificates if self._text is None else self._from_hosts
        registry = self._document.entry(read, name, of=str(name))
        if registry is not None and name.is_every_registry and not registry.mirrors:
            self._document.note(
                (), f"* takes mirrors only, and there is none; {LEFT_OUT}"
            )
            registry = None
        return self._document.imported(() if registry is None else (registry,))

    def _name(self) -> Optional[RegistryName]:
        registry = directories.registry_of(self._directory_name)
        self._document.mention(registry)
        if registry == EVERY_REGISTRY:
            return RegistryName(EVERY_REGISTRY)
        try:
            return self._document.name(registry, ())
        except UsageError as error:
            self._document.note((), f"{error.message}; {LEFT_OUT}")
            return None

    # --- Docker's way -----------------------------------------------------------------

    def _from_certificates(self, name: RegistryName) -> Optional[Registry]:
        tls = self._trust.of_files(sorted(self._directory.files))
        if tls.is_default:
            self._document.note((), f"says nothing about {name}; {LEFT_OUT}")
            return None
        if name.is_every_registry:
            return Registry(name)
        return Registry(name, tls=tls)

    # --- containerd's way -------------------------------------------------------------

    def _from_hosts(self, name: RegistryName) -> Optional[Registry]:
        text = self._text or ""
        if microk8s_defaults.is_stock(
            f"args/certs.d/{name}/{HOSTS_TOML}", text.encode()
        ):
            words = f"is what MicroK8s ships for {name}; {LEFT_OUT}"
            self._document.note((), words, is_so_anyway=True)
            return None
        content = text.encode(errors="surrogateescape")
        try:
            return self._from_document(
                name, hosts_document.read(content, _VERSION).root
            )
        except Refused as refused:
            raise self._error(refused, content) from refused

    def _error(self, refused: Refused, content: bytes) -> UsageError:
        """Say that containerd throws the file away."""
        is_toml = refused.kind != "syntax"
        keys = hosts_document.keys_at(content, refused.line) if is_toml else ()
        place = [self._document.source]
        place += [f"line {refused.line}"] if refused.line else []
        place += [".".join(map(shown_name, keys))] if keys else []
        words = refused.words if is_toml else f"not TOML: {refused.words}"
        return UsageError(words, place=", ".join(place))

    def _from_document(self, name: RegistryName, root: Table) -> Optional[Registry]:
        if self._directory.source is None:
            self._document.lines = dict(_lines_of(root, ()))
        self._document.unknown(unknown_of(root), (*_ROOT_KEYS, _REWRITE), ())
        tables: Dict[str, Table] = root.get("host", Table())
        found = [
            self._document.entry(self._host, *each, of=shown_name(each[0]))
            for each in tables.items()
        ]
        hosts = [each for each in found if each is not None and each.endpoint]
        registry = self._with_server(name, root, hosts)
        if not hosts and "server" not in root and registry == Registry(name) and tables:
            self._document.note(
                (), f"no endpoint of it can be carried over; {LEFT_OUT}"
            )
            return None
        return registry

    def _with_server(
        self, name: RegistryName, root: Table, hosts: List[_Entry]
    ) -> Optional[Registry]:
        fields = self._fields(root, is_root=True)
        if fields.server:
            last = self._entry(fields.server, root, ("server",))
        else:
            itself = Endpoint("https", name.server)
            tls = self._trust.tls(fields, ())
            last = _Entry(itself, tls, ("server",), self._login(root, itself, ()))
        if last.endpoint is None or (
            not fields.server and self._prefix(root, ()) != ""
        ):
            self._document.note(
                (), f"without its server it would mean something else; {LEFT_OUT}"
            )
            return None
        if not fields.server:
            return self._with_fallback(name, hosts, None, last)
        if _is_own(last.endpoint, name) and not name.is_every_registry:
            return self._with_fallback(name, hosts, last.endpoint.scheme, last)
        return self._without_fallback(name, hosts, last)

    def _fields(self, table: Table, *, is_root: bool = False) -> hosts_fields.Fields:
        """Decode what this addon can say: in small letters, as all containerds read."""
        known = _ROOT_KEYS if is_root else _HOST_KEYS
        ours = Table({key: table[key] for key in known if key in table})
        return hosts_fields.fields_of(
            ours, self._directory.path, _VERSION, is_root=is_root
        )

    def _with_fallback(
        self,
        name: RegistryName,
        hosts: List[_Entry],
        scheme: Optional[str],
        root: _Entry,
    ) -> Registry:
        """Build a registry that itself is asked last.

        Scheme None where no server is given.
        """
        tls, insecure, login = root.tls, scheme == "http", root.credentials
        if hosts and not name.is_every_registry:
            last = hosts[-1]
            endpoint = last.endpoint
            is_own = endpoint is not None and _is_own(endpoint, name)
            if endpoint is not None and is_own and scheme in (None, endpoint.scheme):
                insecure = endpoint.is_plain_http
                if Tls() not in (root.tls, last.tls) and root.tls != last.tls:
                    self._document.note(
                        (), f"its TLS settings differ from host's; {LEFT_OUT}"
                    )
                tls = root.tls if last.tls.is_default else last.tls
                login = last.credentials or login
                hosts = hosts[:-1]
        if (insecure or name.is_every_registry) and not tls.is_default:
            why = "plain HTTP has no TLS" if insecure else "* takes mirrors only"
            self._document.note((), f"TLS settings: {why}; {LEFT_OUT}")
            tls = Tls()
        mirrors = self._mirrors(hosts)
        if name.is_every_registry:
            return Registry(name, mirrors=mirrors)
        return Registry(name, insecure, tls, mirrors, credentials=login)

    def _without_fallback(
        self, name: RegistryName, hosts: List[_Entry], last: _Entry
    ) -> Optional[Registry]:
        mirrors = self._mirrors(hosts)
        known = {mirror.endpoint: mirror for mirror in mirrors}
        if last.endpoint is not None and last.endpoint not in known:
            self._document.note(
                last.path, "is another address; taken as the last mirror"
            )
            mirrors = (*mirrors, *self._mirrors([last]))
        elif last.endpoint is not None and last.tls not in (
            known[last.endpoint].tls,
            Tls(),
        ):
            self._document.note((), f"its TLS settings differ from host's; {LEFT_OUT}")
        return Registry(name, mirrors=mirrors, fallback=False)

    def _mirrors(self, entries: List[_Entry]) -> Tuple[Mirror, ...]:
        mirrors: Dict[Endpoint, Mirror] = {}
        for entry in entries:
            if entry.endpoint is None:
                continue
            if entry.endpoint in mirrors:
                self._document.note(entry.path, f"is named twice; {LEFT_OUT} once")
                continue
            mirrors[entry.endpoint] = Mirror(
                entry.endpoint, entry.tls, entry.credentials
            )
        return tuple(mirrors.values())

    def _host(self, url: str, table: Table) -> _Entry:
        path = ("host", url)
        self._document.unknown(unknown_of(table), (*_HOST_KEYS, _REWRITE), path)
        return self._entry(url, table, path)

    def _entry(self, url: str, table: Table, path: KeyPath) -> _Entry:
        above = () if path == ("server",) else path
        fields = self._fields(table, is_root=not above)
        nothing = _Entry(None, Tls(), path)
        if not self._is_pulled_from(table, (*above, "capabilities")):
            return nothing
        endpoint = self._document.endpoint(hosts_entries.full_url(url), path)
        prefix = self._prefix(table, above)
        if endpoint is None or prefix is None:
            return nothing
        api = hosts_entries.endpoint_of(url, fields, table.line, _VERSION).path
        if "v2" not in api.split("/"):
            self._document.note(
                path,
                "is asked at a path without /v2, which this addon cannot say;"
                f" {LEFT_OUT}",
            )
            return nothing
        tls = self._trust.tls(fields, above)
        endpoint = endpoint._replace(path="" if api == hosts_entries.API else api)
        login = self._login(table, endpoint, above)
        if endpoint.is_plain_http and not tls.is_default:
            self._document.note(
                path, f"plain HTTP has no TLS: its TLS settings are {LEFT_OUT}"
            )
            tls = Tls()
        return _Entry(behind(endpoint, prefix), tls, path, login)

    def _login(
        self, table: Table, endpoint: Endpoint, path: KeyPath
    ) -> Optional[Credentials]:
        return self._logins.login(table, endpoint, path, self._document)

    def _prefix(self, table: Table, above: KeyPath) -> Optional[str]:
        """Return what every name is prefixed with, or None, with a note, where it is
        rewritten in another way.
        """
        found = table.get(_REWRITE, Table())
        leaves = found.values() if isinstance(found, Table) else [None]
        if all(isinstance(getattr(each, "value", None), str) for each in leaves):
            prefix = prefix_of({key: leaf.value for key, leaf in found.items()})
            if prefix is not None:
                return prefix
        self._document.note((*above, _REWRITE), REWRITES_LEFT_OUT)
        return None

    def _is_pulled_from(self, table: Table, path: KeyPath) -> bool:
        found = table.get("capabilities")
        given = {each.lower() for each in found.value} if found else set()
        if given and not given >= _NEEDED:
            self._document.note(
                path,
                f"not both pull and resolve, which this addon cannot say; {LEFT_OUT}",
            )
            return False
        for other in sorted(given - _NEEDED):
            self._document.note(path, f"{other}: a node pulls only; {LEFT_OUT}")
        return True


def _lines_of(table: Table, path: KeyPath) -> Iterator[Tuple[KeyPath, int]]:
    for key, value in table.items():
        below = (*path, key)
        yield below, value.line
        if isinstance(value, Table):
            yield from _lines_of(value, below)


def _is_own(endpoint: Endpoint, name: RegistryName) -> bool:
    return endpoint.is_same(Endpoint(endpoint.scheme, name.server))
