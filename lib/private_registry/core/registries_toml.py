"""The desired state as text: registries.toml, both as saved on the node and as given by --file.

    version = 1

    [[registry]]
    host = "10.141.241.175:32000"
    insecure = true

    [[registry]]
    host = "docker.io"
    fallback = false

    [[registry.mirror]]
    url = "https://harbor.corp/proxy"
    ca_file = "harbor-ca.crt"

An array, not a table for each registry, because tomlkit reads the former in linear time.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, Mapping, Optional, Sequence, Type

from private_registry.core import toml
from private_registry.core.endpoints import parse_mirror_url
from private_registry.core.model import (
    ClientCertificate,
    DesiredState,
    Mirror,
    Registry,
    Tls,
)
from private_registry.core.names import parse_registry_name, shown
from private_registry.errors import UsageError

FORMAT_VERSION = 1
HEADER = """The registries of this node; comments are not kept when the addon rewrites this file.
After an edit: microk8s private-registry apply"""

_TLS_KEYS: Mapping[str, Type[Any]] = {
    "ca": str,
    "ca_file": str,
    "client_cert": str,
    "client_cert_file": str,
    "client_key": str,
    "client_key_file": str,
    "skip_verify": bool,
}
_DOCUMENT_KEYS: Mapping[str, Type[Any]] = {"version": int, "registry": list}
_REGISTRY_KEYS: Mapping[str, Type[Any]] = {
    "host": str,
    "insecure": bool,
    "fallback": bool,
    "mirror": list,
    **_TLS_KEYS,
}
_MIRROR_KEYS: Mapping[str, Type[Any]] = {"url": str, **_TLS_KEYS}
_TYPE_NAMES = {str: "a text in quotes", bool: "true or false", int: "a number", list: "a list"}

ReadFile = Callable[[str], str]


def to_toml(state: DesiredState) -> str:
    """Write the desired state; certificates and keys are in the text, not beside it."""
    registries = [_registry_to_plain(registry) for registry in state.registries]
    return toml.dumps({"version": FORMAT_VERSION, "registry": registries}, HEADER)


def _registry_to_plain(registry: Registry) -> Dict[str, Any]:
    plain: Dict[str, Any] = {"host": str(registry.name)}
    if registry.insecure:
        plain["insecure"] = True
    plain.update(_tls_to_plain(registry.tls))
    if not registry.fallback:
        plain["fallback"] = False
    if registry.mirrors:
        plain["mirror"] = [
            {"url": mirror.endpoint.url, **_tls_to_plain(mirror.tls)} for mirror in registry.mirrors
        ]
    return plain


def _tls_to_plain(tls: Tls) -> Dict[str, Any]:
    plain: Dict[str, Any] = {}
    if tls.ca is not None:
        plain["ca"] = tls.ca
    if tls.client is not None:
        plain["client_cert"] = tls.client.certificate
        plain["client_key"] = tls.client.key
    if tls.skip_verify:
        plain["skip_verify"] = True
    return plain


def from_toml(text: str, source: str, read_file: ReadFile) -> DesiredState:
    """Read registries.toml.

    Args:
        text: the file's text.
        source: the file's name, for errors.
        read_file: returns the text of a file named by a ``*_file`` key.

    Raises:
        UsageError: not TOML, an unknown key or a value that cannot be; with file and line.
    """
    try:
        document = toml.loads(text)
    except toml.TomlSyntaxError as error:
        raise UsageError(
            "not TOML: {}".format(error.reason), place=_place(source, error.line)
        ) from error
    return _Reader(text, source, read_file).state(document)


class _Reader:
    """Turns a parsed document into values; knows where in the text each registry stands."""

    def __init__(self, text: str, source: str, read_file: ReadFile) -> None:
        self._lines = text.splitlines()
        self._source = source
        self._read_file = read_file
        self._entry_lines = [
            number
            for number, line in enumerate(self._lines)
            if re.match(r"\s*\[\[\s*[\"']?registry[\"']?\s*\]\]", line)
        ]

    def state(self, document: Dict[str, Any]) -> DesiredState:
        self._check_keys(document, _DOCUMENT_KEYS, None)
        version = document.get("version", FORMAT_VERSION)
        if version != FORMAT_VERSION:
            raise self._error(
                "version {} of this format is not known; this addon reads version {}".format(
                    version, FORMAT_VERSION
                ),
                None,
                "version",
            )
        registries: Dict[str, Registry] = {}
        for index, plain in enumerate(document.get("registry", [])):
            registry = self._registry(plain, index)
            if str(registry.name) in registries:
                raise self._error("{} is named twice".format(registry.name), index, "host")
            registries[str(registry.name)] = registry
        return DesiredState(tuple(registries.values()))

    def _registry(self, plain: Any, index: int) -> Registry:
        if not isinstance(plain, dict):
            raise self._error("registry is not a table; write [[registry]]", index, None)
        self._check_keys(plain, _REGISTRY_KEYS, index)
        if "host" not in plain:
            raise self._error("a registry without host", index, None)
        registry = Registry(
            name=self._located(lambda: parse_registry_name(plain["host"], "host"), index, "host"),
            insecure=plain.get("insecure", False),
            tls=self._tls(plain, index),
            mirrors=tuple(self._mirror(each, index) for each in plain.get("mirror", [])),
            fallback=plain.get("fallback", True),
        )
        problem = contradiction(registry)
        if problem:
            raise self._error("{}: {}".format(registry.name, problem), index, "host")
        return registry

    def _mirror(self, plain: Any, index: int) -> Mirror:
        if not isinstance(plain, dict):
            raise self._error("mirror is not a table; write [[registry.mirror]]", index, "mirror")
        self._check_keys(plain, _MIRROR_KEYS, index)
        if "url" not in plain:
            raise self._error("a mirror without url", index, "mirror")
        endpoint = self._located(lambda: parse_mirror_url(plain["url"], "url"), index, "url")
        return Mirror(endpoint, self._tls(plain, index))

    def _tls(self, plain: Dict[str, Any], index: int) -> Tls:
        certificate = self._pem(plain, "client_cert", index)
        key = self._pem(plain, "client_key", index)
        if (certificate is None) != (key is None):
            present, absent = ("client_cert", "client_key") if key is None else (
                "client_key",
                "client_cert",
            )
            raise self._error("{} needs {} beside it".format(present, absent), index, present)
        client = ClientCertificate(certificate, key) if certificate and key else None
        return Tls(self._pem(plain, "ca", index), client, plain.get("skip_verify", False))

    def _pem(self, plain: Dict[str, Any], key: str, index: int) -> Optional[str]:
        file_key = key + "_file"
        if key in plain and file_key in plain:
            raise self._error("{} and {} exclude each other".format(key, file_key), index, key)
        if file_key in plain:
            return self._located(lambda: self._read_file(plain[file_key]), index, file_key)
        value: Optional[str] = plain.get(key)
        if value == "":
            raise self._error("{} is empty".format(key), index, key)
        return value

    def _check_keys(
        self, plain: Dict[str, Any], known: Mapping[str, Type[Any]], index: Optional[int]
    ) -> None:
        for key, value in plain.items():
            if key not in known:
                raise self._error(
                    "unknown key {}{}".format(shown(key), did_you_mean(key, list(known))), index, key
                )
            if type(value) is not known[key]:
                raise self._error(
                    "{} must be {}".format(key, _TYPE_NAMES[known[key]]), index, key
                )

    def _located(self, read: Callable[[], Any], index: int, key: str) -> Any:
        try:
            return read()
        except UsageError as error:
            raise UsageError(
                error.message, place=self._where(index, key), remedy=error.remedy
            ) from error

    def _error(self, message: str, index: Optional[int], key: Optional[str]) -> UsageError:
        return UsageError(message, place=self._where(index, key))

    def _where(self, index: Optional[int], key: Optional[str]) -> str:
        start, end = 0, len(self._lines)
        if index is not None and index < len(self._entry_lines):
            start = self._entry_lines[index]
            end = (self._entry_lines + [end])[index + 1]
        if key is not None:
            pattern = re.compile(r"\s*(\[+\s*(registry\.)?)?[\"']?{}\b".format(re.escape(key)))
            for number in range(start, end):
                if pattern.match(self._lines[number]):
                    return _place(self._source, number + 1)
        return _place(self._source, start + 1 if index is not None else None)


def contradiction(registry: Registry) -> Optional[str]:
    """Say what in a registry's settings cannot all be meant, or None."""
    if registry.insecure and not registry.tls.is_default:
        return "plain HTTP (insecure) has no TLS: leave insecure out, or the TLS settings"
    for tls in (registry.tls, *(mirror.tls for mirror in registry.mirrors)):
        if tls.skip_verify and tls.ca is not None:
            return "with skip_verify no CA is looked at: leave one of the two out"
    if registry.name.is_every_registry and (registry.insecure or not registry.tls.is_default):
        return "* stands for every registry and takes mirrors only"
    if not registry.fallback and not registry.mirrors:
        return "without a mirror there is nothing but the registry itself to ask"
    if registry.name.is_every_registry and not registry.mirrors:
        return "* needs at least one mirror"
    return _mirror_contradiction(registry.mirrors)


def _mirror_contradiction(mirrors: Sequence[Mirror]) -> Optional[str]:
    seen: List[str] = []
    for mirror in mirrors:
        if mirror.endpoint.is_plain_http and not mirror.tls.is_default:
            return "the mirror {} speaks plain HTTP, which has no TLS".format(mirror.endpoint.url)
        if mirror.endpoint.url in seen:
            return "the mirror {} is named twice".format(mirror.endpoint.url)
        seen.append(mirror.endpoint.url)
    return None


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return ``; did you mean NAME?`` for the nearest known word, or an empty text."""
    import difflib  # noqa: PLC0415 - slow to import, and only errors need it

    nearest = difflib.get_close_matches(word, known, n=1)
    return "; did you mean {}?".format(nearest[0]) if nearest else ""


def _place(source: str, line: Optional[int]) -> str:
    return source if line is None else "{}, line {}".format(source, line)
