"""The list of registries that the charms of MicroK8s and Kubernetes take: JSON.

As the charm makes hosts.toml of it, ``url`` is the one address that is asked for images
of ``host``. Certificates and keys stand in it as base64.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Dict, Optional

from private_registry.imports.document import (
    LEFT_OUT,
    Imported,
    ImportedFile,
    KeyPath,
    Lines,
)
from private_registry.registries.mirror_urls import Endpoint
from private_registry.registries.model import (
    ClientCertificate,
    Credentials,
    Mirror,
    Registry,
    Tls,
)
from private_registry.registries.names import RegistryName
from private_registry.registries.registries_toml import ReadOutside
from private_registry.texts.showing import quoted

URL = "url"
_LOGIN = ("username", "password")
_FILES = ("ca_file", "cert_file", "key_file")
_SKIP = ("skip_verify", "insecure_skip_verify")
_KEYS = (URL, "host", *_LOGIN, *_FILES, *_SKIP, "override_path")


def read(
    plain: Any, source: str, read_outside: ReadOutside, lines: Optional[Lines] = None
) -> Imported:
    """Read the list, parsed.

    Args:
        plain: a list of dicts.
        source: the file's name, for notes.
        read_outside: is not needed, as it names no files.
        lines: 1-based line of each key path; entries count from 1.

    Raises:
        UsageError: no list; with file.
    """
    reader = _Reader(ImportedFile(source, read_outside, lines))
    return reader.imported(plain)


class _Reader:
    def __init__(self, document: ImportedFile) -> None:
        self._document = document

    def imported(self, plain: Any) -> Imported:
        if not isinstance(plain, list):
            raise self._document.error((), "must be a list")
        registries: Dict[RegistryName, Registry] = {}
        for number, entry in enumerate(plain, start=1):
            path = (str(number),)
            registry = self._document.entry(self._registry, entry, path)
            if registry is None:
                continue
            if registry.name in registries:
                message = f"{registry.name} is named twice; {LEFT_OUT}"
                self._document.note(path, message)
            registries.setdefault(registry.name, registry)
        return self._document.imported(registries.values())

    def _registry(self, plain: Any, path: KeyPath) -> Optional[Registry]:
        table = self._document.table(plain, path)
        self._document.unknown_of_a_login(table, _KEYS, path)
        url = self._document.text(table.get(URL), (*path, URL))
        host = self._document.text(table.get("host"), (*path, "host"))
        self._document.mention(host or url.partition("://")[2].partition("/")[0])
        endpoint = self._endpoint(url, table, (*path, URL))
        if endpoint is None:
            return None
        name = self._document.name(host or endpoint.authority, path)
        if name is None:
            return None
        tls = self._tls(table, endpoint, path)
        is_itself = endpoint.is_same(Endpoint(endpoint.scheme, name.server))
        login = self._login(table, endpoint, name, path, is_itself=is_itself)
        if is_itself:
            insecure = endpoint.is_plain_http
            return Registry(name, insecure, tls, credentials=login)
        mirror = Mirror(endpoint, tls, login)
        return Registry(name, mirrors=(mirror,), fallback=False)

    def _endpoint(
        self, url: str, table: Dict[str, Any], path: KeyPath
    ) -> Optional[Endpoint]:
        endpoint = self._document.endpoint(url, path)
        below = url.partition("://")[2].partition("/")[2].strip("/")
        if endpoint is None or not below:
            return endpoint
        key = (*path[:-1], "override_path")
        is_whole = self._document.flag(table.get("override_path"), key)
        api = below if is_whole or below.endswith("v2") else f"{below}/v2"
        if "v2" not in api.split("/"):
            self._document.note(
                path,
                "is asked at a path without /v2, which this addon cannot say;"
                f" {LEFT_OUT}",
            )
            return None
        return endpoint._replace(path="" if api == "v2" else f"/{api}")

    def _tls(self, table: Dict[str, Any], endpoint: Endpoint, path: KeyPath) -> Tls:
        ca, certificate, key = (self._pem(table, each, path) for each in _FILES)
        if (certificate is None) != (key is None):
            raise self._document.error(path, "cert_file and key_file need each other")
        skip = any(self._document.flag(table.get(e), (*path, e)) for e in _SKIP)
        if skip and ca is not None:
            self._document.note(
                (*path, "ca_file"), f"with skip_verify no CA is looked at; {LEFT_OUT}"
            )
            ca = None
        client = ClientCertificate(certificate, key) if certificate and key else None
        tls = Tls(ca, client, skip)
        if endpoint.is_plain_http and not tls.is_default:
            self._document.note(
                path, f"plain HTTP has no TLS: its TLS settings are {LEFT_OUT}"
            )
            return Tls()
        return tls

    def _pem(self, table: Dict[str, Any], key: str, path: KeyPath) -> Optional[str]:
        text = self._document.text(table.get(key), (*path, key))
        try:
            return (
                base64.b64decode(text.encode("ascii"), validate=True).decode() or None
            )
        except (binascii.Error, ValueError):
            raise self._document.error(
                (*path, key), "must be base64 of a PEM file"
            ) from None

    def _login(
        self,
        table: Dict[str, Any],
        endpoint: Endpoint,
        name: RegistryName,
        path: KeyPath,
        *,
        is_itself: bool,
    ) -> Optional[Credentials]:
        username, password = (
            self._document.text(table.get(each), (*path, each)) for each in _LOGIN
        )
        if not username and not password:
            return None
        if not username or not password:
            missing = "password" if username else "username"
            self._document.note(path, f"a login without {missing}; {LEFT_OUT}")
            return None
        if endpoint.is_plain_http:
            option = (
                f"--insecure {name}"
                if is_itself
                else f"--mirror {quoted(f'{name}={endpoint.url}')}"
            )
            self._document.note_plaintext_login(option, path)
            return None
        return self._document.entry(
            self._document.credentials, username, password, path
        )
