"""Which format a text is, by what stands in it and not by the file's name.

And JSON, parsed.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import Any, Dict

from private_registry.errors import UsageError
from private_registry.texts import json_text


class Format(Enum):
    """The formats that ``--file`` takes."""

    REGISTRIES_TOML = "registries.toml"
    K3S_YAML = "k3s' registries.yaml"
    DOCKER_CONFIG = "Docker's config.json"
    DOCKER_DAEMON = "Docker's daemon.json"


_NONE_OF_THEM = (
    "not TOML, and not k3s' registries.yaml, Docker's config.json or daemon.json either"
)
_K3S_LINE = re.compile(r"^[\"']?(mirrors|configs)[\"']?[ \t]*:(\s|$)", re.MULTILINE)
_YAML_BEGIN = re.compile(r"(---|%YAML|- |[\"']?[\w.-]+[\"']?[ \t]*:(\s|$))")
_KEYS = (
    (Format.DOCKER_CONFIG, ("auths", "credHelpers", "credsStore", "HttpHeaders")),
    (Format.K3S_YAML, ("mirrors", "configs")),
    (
        Format.DOCKER_DAEMON,
        (
            *(
                "insecure-registries",
                "registry-mirrors",
                "log-driver",
                "log-opts",
                "data-root",
            ),
            *(
                "exec-opts",
                "storage-driver",
                "features",
                "live-restore",
                "default-runtime",
            ),
            *("runtimes", "hosts", "dns", "bip", "debug"),
        ),
    ),
)


def is_json(text: str) -> bool:
    """Whether a text begins as an object of JSON does, which no TOML can."""
    return text.lstrip()[:1] == "{"


def format_of_text(text: str, source: str) -> Format:
    """Tell registries.toml and registries.yaml apart.

    Raises:
        UsageError: it is YAML, but not k3s'.
    """
    if _K3S_LINE.search(text):
        return Format.K3S_YAML
    lines = (line.strip() for line in text.splitlines())
    first = next((line for line in lines if line and not line.startswith("#")), "")
    if _YAML_BEGIN.match(first):
        raise _unknown(source)
    return Format.REGISTRIES_TOML


def format_of_json(plain: Dict[str, Any], source: str) -> Format:
    """Tell the JSON formats apart by their keys.

    Raises:
        UsageError: it is none of them.
    """
    for found, keys in _KEYS:
        if any(key in plain for key in keys):
            return found
    raise _unknown(source)


def parse_json(text: str, source: str) -> Dict[str, Any]:
    """Read an object of JSON.

    Raises:
        UsageError: not JSON, or a key stands there twice; with file and line.
    """
    try:
        plain: Dict[str, Any] = json_text.loads(text, may_repeat=False)
    except json_text.JsonSyntaxError as error:
        place = source if error.line is None else f"{source}, line {error.line}"
        raise UsageError(
            f"not JSON (and not TOML): {error.reason}", place=place
        ) from error
    return plain


def _unknown(source: str) -> UsageError:
    return UsageError(
        _NONE_OF_THEM,
        place=source,
        remedy="a directory such as certs.d goes by --import DIR",
    )
