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
    Lines,
    Says,
)
from private_registry.named_tuple import NamedTuple
from private_registry.registries.login_sources import how_to_log_in
from private_registry.registries.mirror_urls import is_docker_hub
from private_registry.registries.mistaken_files import is_old_config
from private_registry.registries.model import Credentials, Registry
from private_registry.registries.names import DOCKER_HUB, RegistryName
from private_registry.registries.registries_toml import ReadOutside
from private_registry.texts.showing import shown_name

_ENTRY_KEYS = ("auth", "username", "password", "identitytoken")
_NO_HELPER = f"containerd calls no credential helper; {LEFT_OUT}"
_DOCKER_HUB_KEY = "https://index.docker.io/v1/"
# How far a key is from the host that it is for.
_EXACT, _URL, _PATH = range(3)


class _Login(NamedTuple):
    """A login and how exactly its key names its host."""

    path: KeyPath
    distance: int
    name: RegistryName
    registry: Registry


def read(
    plain: Any, source: str, read_outside: ReadOutside, lines: Optional[Lines] = None
) -> Imported:
    """Read config.json, parsed, or the .dockercfg of old, which holds its logins alone.

    Args:
        plain: dicts, lists, texts and None.
        source: the file's name, for notes.
        read_outside: is not needed, as it names no files.
        lines: 1-based line of each key path.

    Raises:
        UsageError: no object; with file.
    """
    document = ImportedFile(source, read_outside, lines)
    top = document.table(plain, ())
    is_old = is_old_config(plain)
    above = () if is_old else ("auths",)
    auths = top if is_old else document.entry(document.table, top.get("auths"), above)
    found = [
        login
        for key, entry in (auths or {}).items()
        for login in [document.entry(_login, document, (*above, key), entry)]
        if login is not None
    ]
    chosen: Dict[RegistryName, _Login] = {}
    for login in found:
        known = chosen.setdefault(login.name, login)
        if login.distance < known.distance:
            chosen[login.name] = login
    for login in found:
        counts = chosen[login.name]
        if counts is not login:
            is_nearer = counts.distance < login.distance
            why = "names it more exactly" if is_nearer else "stands above it"
            document.note(
                login.path, f"another login for {login.name} {why}; {LEFT_OUT}"
            )
        elif login.distance == _PATH:
            document.note(login.path, f"taken for all of {login.name}, as Docker does")
    if not is_old:
        _note_the_rest(document, top)
    registries = [each.registry for each in chosen.values()]
    return document.imported(registries, Says.SINGLE_SETTINGS)


def _login(document: ImportedFile, path: KeyPath, entry: Any) -> Optional[_Login]:
    key = path[-1]
    scheme, separator, rest = key.partition("://")
    is_url = bool(separator) and scheme.lower() in ("http", "https")
    host, _, below = (rest if is_url else key).partition("/")
    if separator and not is_url:
        host = key
    registry = DOCKER_HUB if is_docker_hub(host) else host
    document.mention(registry)
    credentials = _credentials(document, entry, path)
    name = document.name(registry, path)
    if credentials is None or name is None:
        return None
    if is_url and scheme.lower() == "http":
        document.note(path, "taken as the login over HTTPS, as Docker does")
    is_part = below.strip("/") not in ("", "v1", "v2")
    is_exact = key in (host, _DOCKER_HUB_KEY) and key != DOCKER_HUB
    distance = _PATH if is_part else _EXACT if is_exact else _URL
    return _Login(path, distance, name, Registry(name, credentials=credentials))


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
            remedy=how_to_log_in(path[-1]),
        )
        return None
    if encoded:
        username, password = document.decoded_login(encoded, (*path, "auth"))
    if not username or not password:
        words = f"no password stands here; {LEFT_OUT}"
        document.note(path, words, remedy=how_to_log_in(path[-1]))
        return None
    return document.credentials(username, password, path)


def _note_the_rest(document: ImportedFile, top: Dict[str, Any]) -> None:
    store = top.get("credsStore")
    if store:
        remedy = how_to_log_in(helper=str(store))
        document.note(("credsStore",), _NO_HELPER, remedy=remedy)
    helpers = document.entry(document.table, top.get("credHelpers"), ("credHelpers",))
    for host, helper in (helpers or {}).items():
        remedy = how_to_log_in(host, str(helper))
        document.note(("credHelpers", host), _NO_HELPER, remedy=remedy)
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
