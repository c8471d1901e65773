"""A certs.d tree: containerd's HOST/hosts.toml, or Docker's HOST/*.crt, *.cert and
*.key.

Read as containerd does: ``[host]`` tables in the order of the file, then ``server``
with the keys at the root; without hosts.toml the certificates beside it (containerd
config_unix.go, hosts.go).
"""

from __future__ import annotations

import posixpath
import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from private_registry.containerd import shipped
from private_registry.containerd.hosts_toml import HOSTS_TOML
from private_registry.errors import UsageError
from private_registry.imports.document import (
    LEFT_OUT,
    Document,
    Imported,
    KeyPath,
    Says,
)
from private_registry.registries.endpoints import Endpoint
from private_registry.registries.model import ClientCertificate, Mirror, Registry, Tls
from private_registry.registries.names import (
    EVERY_REGISTRY,
    EVERY_REGISTRY_DIRECTORY,
    RegistryName,
)
from private_registry.registries.registries_toml import ReadOutside
from private_registry.texts import toml
from private_registry.texts.showing import shown_place

_TLS_KEYS = ("ca", "client", "skip_verify")
_HOST_KEYS = ("capabilities", "override_path", *_TLS_KEYS)
_ROOT_KEYS = ("server", "host", *_HOST_KEYS)
_NEEDED = frozenset(["pull", "resolve"])
_WORD = re.compile(r"[a-z]{1,12}\Z")
_UNDERSCORED = re.compile(r"(?P<host>.+)_(?P<port>[0-9]{1,5})_")


class Directory(NamedTuple):
    """One directory of the tree.

    Args:
        path: where it is; relative names in hosts.toml start there.
        files: names of the files in it.
        hosts_toml: the text of hosts.toml, or None.
    """

    path: str
    files: Sequence[str]
    hosts_toml: Optional[str] = None


class _Entry(NamedTuple):
    """An endpoint as hosts.toml has it; None where it cannot be said here."""

    endpoint: Optional[Endpoint]
    tls: Tls
    path: KeyPath


def read(tree: Mapping[str, Directory], read_outside: ReadOutside) -> Imported:
    """Read a tree.

    Args:
        tree: its directories by name.
        read_outside: returns the text of a FILE, given with its path.

    Raises:
        UsageError: not TOML, or a value that cannot be; with file and key.
    """
    found: Dict[RegistryName, Registry] = {}
    notes: List[str] = []
    # HOST_PORT_ before HOST:PORT, as containerd looks for them.
    for name in sorted(tree, key=lambda each: (not _UNDERSCORED.fullmatch(each), each)):
        imported = _Reader(name, tree[name], read_outside).imported()
        for registry in imported.state.registries:
            if registry.name in found:
                place = shown_place(tree[name].path)
                notes.append(f"{place}: {registry.name} is read elsewhere; {LEFT_OUT}")
            found.setdefault(registry.name, registry)
        notes += imported.notes
    return (
        Document("", read_outside)
        .imported(found.values(), Says.ALL_BUT_LOGINS)
        ._replace(notes=tuple(notes))
    )


class _Reader:
    """Reads one directory."""

    def __init__(
        self, name: str, directory: Directory, read_outside: ReadOutside
    ) -> None:
        self._directory_name = name
        self._directory = directory
        has_hosts = bool((directory.hosts_toml or "").strip())
        source = shown_place(
            posixpath.join(directory.path, HOSTS_TOML) if has_hosts else directory.path
        )
        self._text = directory.hosts_toml if has_hosts else None
        self._document = Document(source, read_outside)

    def imported(self) -> Imported:
        name = self._name()
        if name is None:
            return self._document.imported(())
        registry = (
            self._from_certificates(name)
            if self._text is None
            else self._from_hosts(name)
        )
        if registry is not None and name.is_every_registry and not registry.mirrors:
            self._document.note(
                (), f"* takes mirrors only, and there is none; {LEFT_OUT}"
            )
            registry = None
        return self._document.imported(() if registry is None else (registry,))

    def _name(self) -> Optional[RegistryName]:
        text = self._directory_name
        if text == EVERY_REGISTRY_DIRECTORY:
            return RegistryName(EVERY_REGISTRY)
        match = _UNDERSCORED.fullmatch(text)
        try:
            return self._document.name(
                f"{match['host']}:{match['port']}" if match else text, ()
            )
        except UsageError as error:
            self._document.note((), f"{error.message}; {LEFT_OUT}")
            return None

    # --- Docker's way -----------------------------------------------------------------

    def _from_certificates(self, name: RegistryName) -> Optional[Registry]:
        files = sorted(self._directory.files)
        authorities = [each for each in files if each.endswith(".crt")]
        pairs, used = [], {*authorities, HOSTS_TOML}
        for certificate in (each for each in files if each.endswith(".cert")):
            key = certificate[: -len("cert")] + "key"
            if key in files:
                pairs.append((certificate, key))
                used.update((certificate, key))
        for other in (each for each in files if each not in used):
            self._document.note((other,), f"no certificate with a key; {LEFT_OUT}")
        ca = (
            "".join(_line_ended(self._read(each, (each,))) for each in authorities)
            or None
        )
        tls = Tls(ca, self._client_of(pairs, ()))
        if tls.is_default:
            self._document.note((), f"says nothing about {name}; {LEFT_OUT}")
            return None
        if name.is_every_registry:
            return Registry(name)
        return Registry(name, tls=tls)

    # --- containerd's way -------------------------------------------------------------

    def _from_hosts(self, name: RegistryName) -> Optional[Registry]:
        text = self._text or ""
        if shipped.is_stock(f"args/certs.d/{name}/{HOSTS_TOML}", text.encode()):
            self._document.note((), f"is what MicroK8s ships for {name}; {LEFT_OUT}")
            return None
        plain = self._parsed(text)
        self._document.unknown(plain, _ROOT_KEYS, ())
        hosts = [
            entry
            for url, table in self._document.table(plain.get("host"), ("host",)).items()
            for entry in self._host(url, table)
        ]
        server = self._document.text(plain.get("server"), ("server",))
        root = self._tls(plain, ())
        if not server:
            return self._with_fallback(name, hosts, None, root)
        last = self._entry(server, plain, ("server",), root)
        if last.endpoint is None:
            self._document.note(
                (), f"without its server it would mean something else; {LEFT_OUT}"
            )
            return None
        if _is_own(last.endpoint, name) and not name.is_every_registry:
            return self._with_fallback(name, hosts, last.endpoint.scheme, last.tls)
        return self._without_fallback(name, hosts, last)

    def _parsed(self, text: str) -> Dict[str, Any]:
        try:
            return toml.loads(text)
        except toml.TomlSyntaxError as error:
            place = self._document.source
            if error.line is not None:
                place = f"{place}, line {error.line}"
            raise UsageError(f"not TOML: {error.reason}", place=place) from error

    def _with_fallback(
        self,
        name: RegistryName,
        hosts: List[_Entry],
        scheme: Optional[str],
        root: Tls,
    ) -> Registry:
        """Build a registry that itself is asked last.

        Scheme None where no server is given.
        """
        tls, insecure = root, scheme == "http"
        if hosts and not name.is_every_registry:
            last = hosts[-1]
            endpoint = last.endpoint
            is_own = endpoint is not None and _is_own(endpoint, name)
            if endpoint is not None and is_own and scheme in (None, endpoint.scheme):
                insecure = endpoint.is_plain_http
                if not root.is_default and not last.tls.is_default and root != last.tls:
                    self._document.note(
                        (), f"its TLS settings differ from host's; {LEFT_OUT}"
                    )
                tls = root if last.tls.is_default else last.tls
                hosts = hosts[:-1]
        if (insecure or name.is_every_registry) and not tls.is_default:
            why = "plain HTTP has no TLS" if insecure else "* takes mirrors only"
            self._document.note((), f"TLS settings: {why}; {LEFT_OUT}")
            tls = Tls()
        return Registry(name, insecure, tls, self._mirrors(hosts))

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
            mirrors[entry.endpoint] = Mirror(entry.endpoint, entry.tls)
        return tuple(mirrors.values())

    def _host(self, url: str, plain: Any) -> List[_Entry]:
        path = ("host", url)
        table = self._document.table(plain, path)
        self._document.unknown(table, _HOST_KEYS, path)
        entry = self._entry(url, table, path, self._tls(table, path))
        return [] if entry.endpoint is None else [entry]

    def _entry(
        self, url: str, table: Dict[str, Any], path: KeyPath, tls: Tls
    ) -> _Entry:
        above = () if path == ("server",) else path
        if not self._is_pulled_from(table, above):
            return _Entry(None, tls, path)
        override = self._document.flag(
            table.get("override_path"), (*above, "override_path")
        )
        # containerd looks for these four letters only.
        full = url if url.startswith("http") else f"https://{url}"
        endpoint = self._document.endpoint(full, path)
        if endpoint is None:
            return _Entry(None, tls, path)
        api = _api_path(full, override=override)
        if api and "v2" not in api.split("/"):
            self._document.note(
                path,
                "is asked at a path without /v2, which this addon cannot say;"
                f" {LEFT_OUT}",
            )
            return _Entry(None, tls, path)
        endpoint = endpoint._replace(path="" if api == "/v2" else api)
        if endpoint.is_plain_http and not tls.is_default:
            self._document.note(
                path, f"plain HTTP has no TLS: its TLS settings are {LEFT_OUT}"
            )
            tls = Tls()
        return _Entry(endpoint, tls, path)

    def _is_pulled_from(self, table: Dict[str, Any], above: KeyPath) -> bool:
        path = (*above, "capabilities")
        given = {
            each.lower()
            for each in self._document.texts(table.get("capabilities"), path)
        }
        unknown = given - {"pull", "resolve", "push", "referrers"}
        if unknown:
            raise self._document.error(
                path, f"{_capability(min(unknown))} is no capability"
            )
        if given and not given >= _NEEDED:
            self._document.note(
                path,
                f"not both pull and resolve, which this addon cannot say; {LEFT_OUT}",
            )
            return False
        for other in sorted(given - _NEEDED):
            self._document.note(path, f"{other}: a node pulls only; {LEFT_OUT}")
        return True

    # --- TLS --------------------------------------------------------------------------

    def _tls(self, table: Dict[str, Any], path: KeyPath) -> Tls:
        skip = self._document.flag(table.get("skip_verify"), (*path, "skip_verify"))
        names = table.get("ca")
        ca_path = (*path, "ca")
        files = (
            [names] if isinstance(names, str) else self._document.texts(names, ca_path)
        )
        if skip and files:
            self._document.note(
                ca_path, f"with skip_verify no CA is looked at; {LEFT_OUT}"
            )
            files = []
        ca = "".join(_line_ended(self._read(each, ca_path)) for each in files) or None
        pairs = self._pairs(table.get("client"), (*path, "client"))
        return Tls(ca, self._client_of(pairs, (*path, "client")), skip)

    def _pairs(self, plain: Any, path: KeyPath) -> List[Tuple[str, str]]:
        if plain is None:
            return []
        pairs = []
        for each in plain if isinstance(plain, list) else [plain]:
            names = self._document.texts(
                each if isinstance(each, list) else [each], path
            )
            if len(names) > 2 or not names:  # noqa: PLR2004 - a certificate and its key
                raise self._document.error(
                    path, "must be pairs of a certificate and its key"
                )
            pairs.append((names[0], names[-1]))
        return pairs

    def _client_of(
        self, pairs: List[Tuple[str, str]], path: KeyPath
    ) -> Optional[ClientCertificate]:
        if not pairs:
            return None
        for certificate, _ in pairs[1:]:
            self._document.note(
                path,
                f"only one client certificate; {shown_place(certificate)} is"
                f" {LEFT_OUT}",
            )
        certificate, key = pairs[0]
        return ClientCertificate(self._read(certificate, path), self._read(key, path))

    def _read(self, name: str, path: KeyPath) -> str:
        full = posixpath.join(self._directory.path, name)
        return self._document.file(full, path)


def _capability(word: str) -> str:
    return word if _WORD.match(word) else "what is named there"


def _line_ended(text: str) -> str:
    return text if text.endswith("\n") else text + "\n"


def _is_own(endpoint: Endpoint, name: RegistryName) -> bool:
    return endpoint.is_same(Endpoint(endpoint.scheme, name.server))


def _api_path(url: str, *, override: bool) -> str:
    """Return the whole path of the API, as containerd makes it of a URL's."""
    parts = [part for part in url.partition("://")[2].split("/")[1:] if part]
    if not parts and not override:
        return ""
    if not override and parts[-1] != "v2":
        parts.append("v2")
    return "/" + "/".join(parts)
