"""Docker's config.json (also podman's auth.json): who logs in where.

Keys are hosts, with or without scheme and ``/v1/`` or ``/v2/``, as Docker's
ConvertToHostname takes them; Docker Hub is ``https://index.docker.io/v1/``.
"""

from __future__ import annotations

from typing import Any, Dict, Optional

from private_registry.imports.document import (
    LEFT_OUT,
    Imported,
    ImportedFile,
    KeyPath,
    Says,
)
from private_registry.registries.endpoints import is_docker_hub
from private_registry.registries.model import Credentials, Registry
from private_registry.registries.names import DOCKER_HUB, RegistryName
from private_registry.registries.registries_toml import ReadOutside
from private_registry.texts.showing import shown_name

_ENTRY_KEYS = ("auth", "username", "password", "identitytoken")
_NO_HELPER = f"containerd calls no credential helper; {LEFT_OUT}"


def read(plain: Any, source: str, read_outside: ReadOutside) -> Imported:
    """Read config.json, parsed.

    Raises:
        UsageError: a value that cannot be; with file and key, and without what stands
            there.
    """
    document = ImportedFile(source, read_outside)
    top = document.table(plain, ())
    registries: Dict[RegistryName, Registry] = {}
    for key, entry in document.table(top.get("auths"), ("auths",)).items():
        path = ("auths", key)
        credentials = _credentials(document, entry, path)
        name = _name(document, key, path)
        if credentials is None or name is None:
            continue
        if name in registries:
            document.note(path, f"another login for {name} stands above it; {LEFT_OUT}")
            continue
        registries[name] = Registry(name, credentials=credentials)
    _note_the_rest(document, top)
    return document.imported(registries.values(), Says.SINGLE_SETTINGS)


def _credentials(
    document: ImportedFile, plain: Any, path: KeyPath
) -> Optional[Credentials]:
    entry = document.table(plain, path)
    document.unknown_of_a_login(entry, _ENTRY_KEYS, path)
    encoded, username, password, token = (
        document.text(entry.get(key), (*path, key)) for key in _ENTRY_KEYS
    )
    if token:
        document.note(
            (*path, "identitytoken"),
            f"containerd of this addon has no identity tokens; {LEFT_OUT}",
        )
        return None
    if encoded:
        username, password = document.decoded_login(encoded, (*path, "auth"))
    if not username or not password:
        document.note(path, f"no password stands here; {LEFT_OUT}")
        return None
    return document.credentials(username, password, path)


def _name(document: ImportedFile, key: str, path: KeyPath) -> Optional[RegistryName]:
    scheme, separator, rest = key.partition("://")
    host, _, below = (rest if separator else key).partition("/")
    if scheme.lower() == "http" and separator:
        document.note(path, "taken as the login over HTTPS, as Docker does")
    if below.strip("/") not in ("", "v1", "v2"):
        document.note(path, f"taken for all of {shown_name(host)}, as Docker does")
    return document.name(DOCKER_HUB if is_docker_hub(host) else host, path)


def _note_the_rest(document: ImportedFile, top: Dict[str, Any]) -> None:
    if top.get("credsStore"):
        document.note(("credsStore",), _NO_HELPER)
    for host in document.table(top.get("credHelpers"), ("credHelpers",)):
        document.note(("credHelpers", host), _NO_HELPER)
    if top.get("HttpHeaders"):
        document.note(("HttpHeaders",), f"this addon writes no headers; {LEFT_OUT}")
    others = [
        key
        for key in top
        if key not in ("auths", "credsStore", "credHelpers", "HttpHeaders")
    ]
    if others:
        names = ", ".join(shown_name(key) for key in others)
        document.note((), f"not about registries, {LEFT_OUT}: {names}")
