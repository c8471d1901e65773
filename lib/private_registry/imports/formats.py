"""Which format a text is, by what stands in it and not by the file's name.

And JSON, parsed.
"""

from __future__ import annotations

import re
from enum import Enum
from types import MappingProxyType
from typing import Any, Mapping, Optional, Tuple

from private_registry.errors import UsageError
from private_registry.imports import charm_list
from private_registry.imports.document import TO_HAVE_NONE
from private_registry.registries import mistaken_files
from private_registry.texts import json_text
from private_registry.texts.did_you_mean import did_you_mean
from private_registry.texts.look_alikes import reason_with
from private_registry.texts.showing import shown_name


class Format(Enum):
    """The formats that ``--file`` takes; all but our own by the module that reads
    them.
    """

    REGISTRIES_TOML = "registries_toml"
    K3S_YAML = "k3s_yaml"
    DOCKER_CONFIG = "docker_config"
    DOCKER_DAEMON = "docker_daemon"
    LAUNCH_CONFIG = "launch_config"
    CHARM_LIST = "charm_list"


_NONE_OF_THEM = (
    "not TOML, and not k3s' registries.yaml, Docker's config.json or daemon.json, or"
    " MicroK8s' launch configuration either"
)
_K3S_LINE = re.compile(r"^[\"']?(mirrors|configs)[\"']?[ \t]*:(\s|$)", re.MULTILINE)
_LAUNCH_LINE = re.compile(
    r"^[\"']?containerdRegistryConfigs[\"']?[ \t]*:(\s|$)", re.MULTILINE
)
_KEY_LINE = re.compile(r"[\"']?([\w.-]+)[\"']?[ \t]*:(\s|$)")
# No TOML begins so; a list of texts is none either, but its error is another's.
_LIST_BEGIN = re.compile(r"\[\s*[{\]]")
_YAML_BEGIN = re.compile(r"(---|%YAML|- |[\"']?[\w.-]+[\"']?[ \t]*:(\s|$))")
_KEYS = (
    (Format.DOCKER_CONFIG, ("auths", "credHelpers", "credsStore", "HttpHeaders")),
    (Format.K3S_YAML, ("mirrors", "configs")),
    (Format.LAUNCH_CONFIG, ("containerdRegistryConfigs",)),
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
    """Whether a text begins as an object or a list of JSON does, which no TOML can."""
    begin = text.lstrip()
    return begin[:1] == "{" or bool(_LIST_BEGIN.match(begin))


def format_of_text(text: str, source: str) -> Format:
    """Tell registries.toml from the formats that are YAML.

    Raises:
        UsageError: it is another file, YAML of another kind, or nothing at all.
    """
    if _LAUNCH_LINE.search(text):
        return Format.LAUNCH_CONFIG
    if _K3S_LINE.search(text):
        return Format.K3S_YAML
    lines = [line.strip() for line in text.splitlines()]
    first = next((line for line in lines if line and not line.startswith("#")), "")
    if not first:
        raise UsageError("nothing stands in it", place=source, remedy=TO_HAVE_NONE)
    other = mistaken_files.of_text(text, source)
    if other is not None:
        raise other.error(source)
    if _YAML_BEGIN.match(first):
        # Keys of the first level stand at the begin of a line.
        found = map(_KEY_LINE.match, text.splitlines())
        lines_of = {each[1]: number for number, each in enumerate(found, 1) if each}
        raise _unknown(source, lines_of)
    return Format.REGISTRIES_TOML


def format_of_json(
    plain: Any, source: str, lines: Mapping[Tuple[str, ...], int] = MappingProxyType({})
) -> Format:
    """Tell the JSON formats apart by their keys.

    Raises:
        UsageError: it is none of them.
    """
    if isinstance(plain, list):
        if any(isinstance(each, dict) and charm_list.URL in each for each in plain):
            return Format.CHARM_LIST
        raise _unknown(source, {})
    for found, keys in _KEYS:
        if any(key in plain for key in keys):
            return found
    if mistaken_files.is_old_config(plain):
        return Format.DOCKER_CONFIG
    other = mistaken_files.of_json(plain)
    if other is not None:
        raise other.error(source)
    raise _unknown(source, {key: lines.get((key,)) for key in plain})


def parse_json(text: str, source: str) -> Any:
    """Read an object or a list of JSON.

    Raises:
        UsageError: not JSON, or a key stands there twice; with file and line.
    """
    try:
        return json_text.loads(text, may_repeat=False)
    except json_text.JsonSyntaxError as error:
        # A template of Go begins with braces, too.
        other = mistaken_files.of_text(text, source)
        if other is not None:
            raise other.error(source) from None
        place = source if error.line is None else f"{source}, line {error.line}"
        reason = reason_with(error.reason, text, error.line or 0)
        raise UsageError(f"not JSON (and not TOML): {reason}", place=place) from error


def _unknown(source: str, lines: Mapping[str, Optional[int]]) -> UsageError:
    """Return the error that a text is of no known format.

    Args:
        source: the file's name.
        lines: of its keys, None where that is not known.
    """
    known = [key for _, keys in _KEYS for key in keys]
    for key, line in lines.items():
        hint = did_you_mean(key, known)
        if hint:
            return UsageError(
                f"{_NONE_OF_THEM}: it has a key {shown_name(key)}{hint}",
                place=source if line is None else f"{source}, line {line}",
            )
    return UsageError(
        _NONE_OF_THEM,
        place=source,
        remedy="a directory such as certs.d goes by --import DIR",
    )
