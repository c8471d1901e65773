"""Docker's daemon.json: registries without TLS, and mirrors of Docker Hub."""

from __future__ import annotations

import re
from typing import Any, List, Optional, Tuple

from private_registry.imports.document import (
    LEFT_OUT,
    Imported,
    ImportedFile,
    Lines,
    Says,
)
from private_registry.registries.mistaken_files import ADD
from private_registry.registries.model import Mirror, Registry, Tls
from private_registry.registries.names import (
    DOCKER_HUB,
    DOCKER_HUB_SERVER,
    RegistryName,
)
from private_registry.registries.registries_toml import ReadOutside
from private_registry.texts.showing import quoted, shown_name

_RANGE = re.compile(r"[0-9A-Fa-f.:]+/[0-9]{1,3}")
_INSECURE, _MIRRORS = "insecure-registries", "registry-mirrors"


def read(
    plain: Any, source: str, read_outside: ReadOutside, lines: Optional[Lines] = None
) -> Imported:
    """Read daemon.json, parsed.

    Args:
        plain: dicts, lists, texts and None.
        source: the file's name, for notes.
        read_outside: is not needed, as Docker looks for files in certs.d.
        lines: 1-based line of each key path.

    Raises:
        UsageError: no object; with file.
    """
    document = ImportedFile(source, read_outside, lines)
    top = document.table(plain, ())
    insecure = document.entry(_insecure, document, top) or []
    mirrors = document.entry(_mirrors, document, top, insecure) or ()
    registries = [Registry(name, insecure=True) for name in insecure]
    if mirrors:
        registries.append(Registry(RegistryName(DOCKER_HUB), mirrors=mirrors))
    others = [key for key in top if key not in (_INSECURE, _MIRRORS)]
    if others:
        names = ", ".join(shown_name(key) for key in others)
        document.note((), f"not about registries, {LEFT_OUT}: {names}")
    return document.imported(registries, Says.SINGLE_SETTINGS)


def _insecure(document: ImportedFile, top: Any) -> List[RegistryName]:
    path = (_INSECURE,)
    names: List[RegistryName] = []
    for text in document.texts(top.get(_INSECURE), path):
        address = (text.partition("://")[2] or text).rstrip("/")
        if _RANGE.fullmatch(address):
            document.note(
                path,
                f"{address} is a range of addresses; name each; {LEFT_OUT}",
            )
            continue
        name = document.entry(document.name, address, path)
        if name is None or name in names:
            continue
        if name.host == DOCKER_HUB:
            document.note(path, f"Docker Hub does not speak plain HTTP; {LEFT_OUT}")
            continue
        names.append(name)
    if names:
        document.note(
            path,
            "Docker tries HTTPS without verification before plain HTTP; here it is"
            " plain HTTP",
        )
    return names


def _mirrors(
    document: ImportedFile, top: Any, insecure: List[RegistryName]
) -> Tuple[Mirror, ...]:
    path = (_MIRRORS,)
    unverified = [str(name) for name in insecure]
    mirrors: List[Mirror] = []
    for text in document.texts(top.get(_MIRRORS), path):
        endpoint = document.entry(document.endpoint, text, path)
        if endpoint is None:
            continue
        if endpoint.path:
            mirror = quoted(f"{DOCKER_HUB}={text}")
            document.note(
                path,
                f"Docker takes no path in {shown_name(text)}; {LEFT_OUT}",
                remedy=f"{ADD} --mirror {mirror}",
            )
            continue
        if endpoint in [mirror.endpoint for mirror in mirrors]:
            continue
        skip = not endpoint.is_plain_http and endpoint.authority in unverified
        mirrors.append(Mirror(endpoint, Tls(skip_verify=skip)))
    if mirrors and mirrors[-1].endpoint.authority == DOCKER_HUB_SERVER:
        words = f"Docker Hub itself is asked last anyway; {LEFT_OUT}"
        document.note(path, words, is_so_anyway=True)
        del mirrors[-1]
    return tuple(mirrors)
