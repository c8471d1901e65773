"""Keys that should be the name of a registry, as image names have it, and are none."""

from __future__ import annotations

import re
from typing import Optional

from private_registry.errors import UsageError
from private_registry.registries.mirror_urls import is_docker_hub
from private_registry.registries.names import (
    DOCKER_HUB,
    EVERY_REGISTRY,
    split_host_port,
)
from private_registry.texts.showing import quoted, shown_name

_NO_NAME = re.compile(r"[^!-~]")


def why_no_name(key: str) -> Optional[str]:
    """Return what is wrong with a key, and the name that is meant.

    None where nothing is, or the checks of a name say it best.
    """
    scheme, separator, rest = key.partition("://")
    is_url = bool(separator) and scheme.lower() in ("http", "https")
    host, slash, _ = (rest if is_url else key).partition("/")
    if not key.isascii():
        return None
    if _NO_NAME.search(key) or (separator and not is_url):
        return f"{quoted(shown_name(key))} is not a host name"
    if "*" in host and key != EVERY_REGISTRY:
        return (
            f"{quoted(shown_name(key))} is a wildcard, and containerd knows none: name"
            " each registry"
        )
    if not is_url and not slash:
        return None
    what = "scheme and no path" if is_url and slash else "scheme" if is_url else "path"
    name = _meant(host)
    return f"a name has no {what}" + (f": {name} is meant" if name else "")


def _meant(host: str) -> str:
    try:
        split_host_port(host, "host")
    except UsageError:
        return ""
    return DOCKER_HUB if is_docker_hub(host) else host
