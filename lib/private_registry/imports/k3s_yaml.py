"""k3s' and RKE2's registries.yaml.

As k3s makes hosts.toml of it: an endpoint without scheme is HTTPS (plain HTTP for
localhost with a port), a path other than ``/v2`` is the whole path of the API,
``rewrite`` counts for the endpoints only, ``configs`` belong to a host wherever it is
an endpoint, the registry itself is asked last.
"""

from __future__ import annotations

from typing import Any, Dict, Iterable, List, Optional, Tuple

from private_registry.errors import UsageError
from private_registry.imports.document import (
    LEFT_OUT,
    Imported,
    ImportedFile,
    KeyPath,
    Lines,
)
from private_registry.imports.rewrites import REWRITES_LEFT_OUT, behind
from private_registry.named_tuple import NamedTuple
from private_registry.registries.mirror_urls import Endpoint, is_docker_hub
from private_registry.registries.model import (
    ClientCertificate,
    Credentials,
    Mirror,
    Registry,
    Tls,
)
from private_registry.registries.names import (
    DOCKER_HUB,
    DOCKER_HUB_SERVER,
    EVERY_REGISTRY,
    RegistryName,
    split_host_port,
)
from private_registry.registries.registries_toml import ReadOutside
from private_registry.registries.rewrites import prefix_of
from private_registry.texts.showing import quoted, shown_name

_TOP_KEYS = ("mirrors", "configs")
_MIRROR_KEYS = ("endpoint", "rewrite")
_CONFIG_KEYS = ("auth", "tls")
_AUTH_KEYS = ("username", "password", "auth", "identity_token")
_TLS_KEYS = ("ca_file", "cert_file", "key_file", "insecure_skip_verify")
KNOWN_KEYS = frozenset(
    (*_TOP_KEYS, *_MIRROR_KEYS, *_CONFIG_KEYS, *_AUTH_KEYS, *_TLS_KEYS)
)


class _Settings(NamedTuple):
    """How one host is spoken to; TLS None where that cannot be said."""

    path: KeyPath = ()
    tls: Optional[Tls] = Tls()
    credentials: Optional[Credentials] = None


def read(
    plain: Any, source: str, read_outside: ReadOutside, lines: Optional[Lines] = None
) -> Imported:
    """Read registries.yaml, parsed.

    Args:
        plain: dicts, lists, texts and None.
        source: the file's name, for notes and errors.
        read_outside: returns the text of a FILE, given with its name.
        lines: 1-based line of each key path.

    Raises:
        UsageError: neither keys nor values; with file.
    """
    return _Reader(ImportedFile(source, read_outside, lines)).imported(plain)


class _Reader:
    def __init__(self, document: ImportedFile) -> None:
        self._document = document
        self._settings: Dict[str, _Settings] = {}
        self._mirror_hosts: Dict[str, None] = {}

    def imported(self, plain: Any) -> Imported:
        top = self._document.table(plain, ())
        self._document.unknown(top, _TOP_KEYS, ())
        for key in set(top).difference(_TOP_KEYS):
            for name in top[key] if isinstance(top[key], dict) else ():
                self._document.mention(str(name))
        for key, config in self._entries(top, "configs"):
            self._document.entry(self._read_config, key, config)
        registries: Dict[RegistryName, Registry] = {}
        for key, mirror in self._entries(top, "mirrors"):
            registry = self._document.entry(self._mirrored, key, mirror)
            if registry is None:
                continue
            if registry.name in registries:
                message = f"{registry.name} is named twice; {LEFT_OUT}"
                self._document.note(("mirrors", key), message)
            registries.setdefault(registry.name, registry)
        for registry in self._hosts_of_configs(registries):
            registries[registry.name] = registry
        return self._document.imported(registries.values())

    def _entries(self, top: Dict[str, Any], key: str) -> Iterable[Tuple[str, Any]]:
        table = self._document.entry(self._document.table, top.get(key), (key,))
        return (table or {}).items()

    def _read_config(self, key: str, plain: Any) -> None:
        path = ("configs", key)
        self._document.mention(key)
        authority = None if key == EVERY_REGISTRY else self._authority(key, path)
        if authority in self._settings:
            raise self._document.error(path, f"{authority} is named twice")
        if authority is not None:
            # Until it is known how to speak to it.
            self._settings[authority] = _Settings(path, None)
        config = self._document.table(plain, path)
        self._document.unknown(config, _CONFIG_KEYS, path)
        document = self._document
        settings = _Settings(
            path,
            document.entry(self._tls, config.get("tls"), path),
            document.entry(self._credentials, config.get("auth"), path),
        )
        if authority is None:
            self._document.note(path, f"settings belong to a host here; {LEFT_OUT}")
        else:
            self._settings[authority] = settings

    def _authority(self, key: str, path: KeyPath) -> str:
        host, port = self._document.host_port(key, path)
        authority = host if port is None else f"{host}:{port}"
        return DOCKER_HUB_SERVER if is_docker_hub(authority) else authority

    def _tls(self, plain: Any, above: KeyPath) -> Tls:
        path = (*above, "tls")
        table = self._document.table(plain, path)
        self._document.unknown(table, _TLS_KEYS, path)
        skip = self._document.flag(
            table.get("insecure_skip_verify"), (*path, "insecure_skip_verify")
        )
        ca, certificate, key = (
            self._pem(table, name, path)
            for name in ("ca_file", "cert_file", "key_file")
        )
        if (certificate is None) != (key is None):
            there, missing = (
                ("cert_file", "key_file") if key is None else ("key_file", "cert_file")
            )
            raise self._document.error(
                (*path, there), f"{there} needs {missing} beside it"
            )
        if skip and ca is not None:
            self._document.note(
                (*path, "ca_file"),
                f"with insecure_skip_verify no CA is looked at; {LEFT_OUT}",
            )
            ca = None
        client = ClientCertificate(certificate, key) if certificate and key else None
        return Tls(ca, client, skip)

    def _pem(self, table: Dict[str, Any], key: str, path: KeyPath) -> Optional[str]:
        name = self._document.text(table.get(key), (*path, key))
        return self._document.file(name, (*path, key)) if name else None

    def _credentials(self, plain: Any, above: KeyPath) -> Optional[Credentials]:
        path = (*above, "auth")
        table = self._document.table(plain, path)
        self._document.unknown_of_a_login(table, _AUTH_KEYS, path)
        username, password, encoded, token = (
            self._document.text(table.get(key), (*path, key)) for key in _AUTH_KEYS
        )
        if token:
            self._document.note(
                (*path, "identity_token"),
                f"containerd of this addon has no such; {LEFT_OUT}",
            )
        if encoded and not username:
            username, password = self._document.decoded_login(encoded, (*path, "auth"))
        elif encoded:
            self._document.note(
                (*path, "auth"), f"username and password count; {LEFT_OUT}"
            )
        if username and password:
            return self._document.credentials(username, password, path)
        if username or password:
            missing = "password" if username else "username"
            self._document.note(path, f"a login without {missing}; {LEFT_OUT}")
        return None

    def _mirrored(self, key: str, plain: Any) -> Optional[Registry]:
        path = ("mirrors", key)
        self._document.mention(key)
        name = (
            self._document.name(key, path)
            if key != EVERY_REGISTRY
            else RegistryName(key)
        )
        return name and self._registry(name, plain, path)

    def _registry(
        self, name: RegistryName, plain: Any, path: KeyPath
    ) -> Optional[Registry]:
        table = self._document.table(plain, path)
        self._document.unknown(table, _MIRROR_KEYS, path)
        endpoints = self._endpoints(table, name, path)
        if not endpoints:
            self._document.note(
                path, f"no endpoint of it can be carried over; {LEFT_OUT}"
            )
            return None
        last = endpoints[-1]
        is_itself = last.is_same(Endpoint(last.scheme, name.server))
        mirrors = []
        for endpoint in endpoints[:-1] if is_itself else endpoints:
            tls, credentials = self._settings_of(endpoint, name)
            mirrors.append(Mirror(endpoint, tls, credentials))
            self._mirror_hosts[endpoint.authority] = None
        registry = Registry(
            name, is_itself and last.is_plain_http, mirrors=tuple(mirrors)
        )
        if name.is_every_registry:
            return registry
        if is_itself and str(name) == DOCKER_HUB:
            self._document.note(
                (*path, "endpoint"),
                f"{last.url} is {name} itself and no mirror; it is asked last anyway",
            )
        tls, credentials = self._settings_of(
            last if is_itself else registry.upstream, name
        )
        return registry._replace(tls=tls, credentials=credentials)

    def _settings_of(
        self, endpoint: Endpoint, name: RegistryName
    ) -> Tuple[Tls, Optional[Credentials]]:
        found = self._settings.get(endpoint.authority, _Settings())
        tls = found.tls or Tls()
        if not endpoint.is_plain_http:
            return tls, found.credentials
        if found.credentials is not None:
            is_itself = endpoint.is_same(Endpoint(endpoint.scheme, name.server))
            option = (
                f"--insecure {name}"
                if is_itself
                else f"--mirror {quoted(_of(name, endpoint))}"
            )
            self._document.note_plaintext_login(option, (*found.path, "auth"))
        if not tls.is_default:
            self._document.note(
                (*found.path, "tls"),
                f"{endpoint.url} speaks plain HTTP, which has no TLS; {LEFT_OUT}"
                " for it",
            )
        return Tls(), None

    def _endpoints(
        self, table: Dict[str, Any], name: RegistryName, above: KeyPath
    ) -> List[Endpoint]:
        path = (*above, "endpoint")
        texts = self._document.texts(table.get("endpoint"), path)
        self._note_settings_of_itself(name, texts)
        prefix = self._prefix(table.get("rewrite"), (*above, "rewrite"))
        endpoints: List[Endpoint] = []
        for text in texts:
            endpoint = self._document.entry(self._endpoint, text, path)
            if endpoint is None or prefix is None:
                continue
            if not self._is_known(endpoint, text, path):
                continue
            endpoint = behind(endpoint, prefix)
            if endpoint in endpoints:
                words = f"{shown_name(text)} is named twice; {LEFT_OUT} once"
                self._document.note(path, words)
                continue
            endpoints.append(endpoint)
        return endpoints

    def _is_known(self, endpoint: Endpoint, text: str, path: KeyPath) -> bool:
        """Whether it can be said how to speak to an endpoint; what is said of its TLS
        may be what keeps it safe, and another word for it is none.
        """
        found = self._settings.get(endpoint.authority, _Settings())
        if found.tls is None:
            keys = ".".join(map(shown_name, found.path))
            words = f"{shown_name(text)} is {LEFT_OUT} with {keys}"
            self._document.note(path, words)
        return found.tls is not None

    def _note_settings_of_itself(
        self, name: RegistryName, endpoints: List[str]
    ) -> None:
        """Note settings that stand below a mirrored name and that its mirrors do not
        get.
        """
        own = self._settings.get(name.server)
        hosts = [_host_of(each) for each in endpoints]
        strangers = [each for each in hosts if each and each not in self._settings]
        if own is None or name.server in hosts or not strangers:
            return
        if own.path[-1].lower().partition(":")[0] != name.host:
            # Docker Hub's other names are not the mirrored one.
            return
        where = ", ".join(f"configs.{each}" for each in dict.fromkeys(strangers))
        self._document.note(
            own.path,
            f"this is how {name} itself is spoken to, not its mirror, of which nothing"
            f" is said: that would stand in {where}",
        )

    def _endpoint(self, text: str, path: KeyPath) -> Optional[Endpoint]:
        url = text if "://" in text else f"{_default_scheme(text)}://{text}"
        endpoint = self._document.endpoint(url, path)
        is_hub = endpoint == Endpoint("https", DOCKER_HUB_SERVER)
        if endpoint is None or is_hub:
            return endpoint
        parts = url.partition("://")[2].split("/")[1:]
        if any(parts) and "v2" not in parts:
            self._document.note(
                path,
                f"{shown_name(text)} is asked there without /v2, which this addon"
                f" cannot say; {LEFT_OUT} (if a project is meant: {endpoint.url})",
            )
            return None
        return endpoint

    def _prefix(self, plain: Any, path: KeyPath) -> Optional[str]:
        """Return what every name is prefixed with, or None where it is something
        else.
        """
        rewrites = self._document.table(plain, path)
        for pattern, replacement in rewrites.items():
            self._document.text(replacement, (*path, pattern))
        prefix = prefix_of(rewrites)
        if prefix is None:
            self._document.note(path, REWRITES_LEFT_OUT)
        return prefix

    def _hosts_of_configs(self, known: Dict[RegistryName, Registry]) -> List[Registry]:
        """Return registries that only ``configs`` name: k3s pulls from them, too."""
        found = []
        for authority, settings in self._settings.items():
            is_mirror = authority in self._mirror_hosts
            if settings.tls is None:
                continue
            if settings.tls.is_default and (is_mirror or settings.credentials is None):
                continue
            text = DOCKER_HUB if authority == DOCKER_HUB_SERVER else authority
            if is_mirror and "." not in text and ":" not in text:
                continue
            name = self._document.name(text, settings.path)
            if name is not None and name not in known:
                found.append(
                    Registry(name, tls=settings.tls, credentials=settings.credentials)
                )
        return found


def _host_of(text: str) -> str:
    """Return the host of an endpoint as ``configs`` names it; empty if it is none."""
    address = (text.partition("://")[2] or text).partition("/")[0]
    if is_docker_hub(address):
        return DOCKER_HUB_SERVER
    try:
        host, port = split_host_port(address, "host")
    except UsageError:
        return ""
    return host if port is None else f"{host}:{port}"


def _of(name: RegistryName, mirror: Endpoint) -> str:
    return f"{name}={mirror.url}"


def _default_scheme(text: str) -> str:
    host, _, port = text.partition("/")[0].rpartition(":")
    is_loopback = host == "localhost" or host.startswith("127.") or host == "[::1]"
    return "http" if is_loopback and port != "443" else "https"
