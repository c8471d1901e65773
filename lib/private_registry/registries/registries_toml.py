"""The desired state as text: registries.toml, both as saved on the node and as given by
--file.

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
    username = "robot"
    password_file = "harbor-password"
"""

from __future__ import annotations

import re
from typing import (
    Any,
    Callable,
    Dict,
    List,
    Mapping,
    Optional,
    Tuple,
    Type,
)

from private_registry.errors import UsageError
from private_registry.registries.contradictions import contradiction
from private_registry.registries.credentials import (
    checked_login_by,
    checked_password,
    checked_username,
)
from private_registry.registries.mirror_urls import parse_mirror_url
from private_registry.registries.model import (
    CONTAINERD,
    ClientCertificate,
    Credentials,
    DesiredState,
    Mirror,
    Registry,
    Tls,
    checked_docker_config,
    without_itself,
)
from private_registry.registries.names import parse_registry_name
from private_registry.registries.plain_values import FORMAT_VERSION, to_document
from private_registry.texts import toml, toml_writing
from private_registry.texts.did_you_mean import did_you_mean
from private_registry.texts.showing import shown_name

HEADER = """\
The registries of this node; comments are not kept when the addon rewrites this file.
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
_CREDENTIAL_KEYS: Mapping[str, Type[Any]] = {
    "username": str,
    "password": str,
    "password_file": str,
    "password_env": str,
    "allow_plaintext_credentials": bool,
    "login_by": str,
}
_DOCUMENT_KEYS: Mapping[str, Type[Any]] = {
    "version": int,
    "docker_config": str,
    "registry": list,
}
_REGISTRY_KEYS: Mapping[str, Type[Any]] = {
    "host": str,
    "insecure": bool,
    "fallback": bool,
    "docker": bool,
    "mirror": list,
    **_TLS_KEYS,
    **_CREDENTIAL_KEYS,
}
_MIRROR_KEYS: Mapping[str, Type[Any]] = {"url": str, **_TLS_KEYS, **_CREDENTIAL_KEYS}
_TYPE_NAMES = {
    str: "a text in quotes",
    bool: "true or false",
    int: "a number",
    list: "a list",
}

_REGISTRY_HEADER = r"\s*\[\[\s*[\"']?registry[\"']?\s*\]\]"
_MIRROR_HEADER = r"\s*\[\[\s*[\"']?registry[\"']?\s*\.\s*[\"']?mirror[\"']?\s*\]\]"

FILE, SECRET_FILE, VARIABLE = "file", "password file", "environment variable"
ReadOutside = Callable[[str, str], str]


def to_toml(state: DesiredState) -> str:
    """Write the desired state; certificates and keys are in the text, not beside it."""
    return toml_writing.dumps(to_document(state), HEADER)


def from_toml(text: str, source: str, read_outside: ReadOutside) -> DesiredState:
    """Read registries.toml.

    Args:
        text: the file's text.
        source: the file's name, for errors.
        read_outside: returns the text of a FILE, SECRET_FILE or VARIABLE, given with
            its name.

    Raises:
        UsageError: not TOML, an unknown key or a value that cannot be; with file and
            line.
    """
    try:
        document = toml.loads(text)
    except toml.TomlSyntaxError as error:
        from private_registry.texts.look_alikes import (  # noqa: PLC0415 - only errors
            reason_with,
        )

        reason = reason_with(error.reason, text, error.line or 0)
        raise UsageError(
            f"not TOML: {reason}", place=_place(source, error.line)
        ) from error
    return _Reader(text, source, read_outside).state(document)


class _Lines:
    """Knows in which line of the text a registry's or a mirror's key stands.

    The parsed document has no line numbers, so headers and keys are looked for in the
    text; where a file is written in another way than one header and one key a line, the
    place is less exact.
    """

    def __init__(self, text: str) -> None:
        self._lines = text.splitlines()

    def find(
        self, key: Optional[str], registry: Optional[int], mirror: Optional[int]
    ) -> int:
        """Return the 1-based line of a key, else of its table's header, else the
        first.
        """
        block = range(len(self._lines))
        if registry is not None:
            block = self._block(block, _REGISTRY_HEADER, registry)
        own = block
        if mirror is not None:
            own = self._block(block, _MIRROR_HEADER, mirror)
        elif registry is not None:
            own = self._until(block, _MIRROR_HEADER)
        pattern = re.compile(rf"\s*[\"']?{re.escape(key or '')}[\"']?\s*=")
        found = [
            each for each in own if key is not None and pattern.match(self._lines[each])
        ]
        return (found[-1] if found else own.start) + 1

    def _block(self, lines: range, header: str, index: int) -> range:
        starts = [each for each in lines if re.match(header, self._lines[each])]
        if index >= len(starts):
            return lines
        return range(starts[index], [*starts, lines.stop][index + 1])

    def _until(self, lines: range, header: str) -> range:
        starts = [each for each in lines if re.match(header, self._lines[each])]
        return range(lines.start, starts[0]) if starts else lines


class _Reader:
    """Turns a parsed document into values."""

    def __init__(self, text: str, source: str, read_outside: ReadOutside) -> None:
        self._lines = _Lines(text)
        self._source = source
        self._read_outside = read_outside
        self._registry_index: Optional[int] = None
        self._mirror_index: Optional[int] = None

    def state(self, document: Dict[str, Any]) -> DesiredState:
        self._check_keys(document, _DOCUMENT_KEYS)
        version = document.get("version", FORMAT_VERSION)
        if version != FORMAT_VERSION:
            raise self._error(
                f"version {version} of this format is not known; "
                f"this addon reads version {FORMAT_VERSION}",
                "version",
            )
        registries: Dict[str, Registry] = {}
        for self._registry_index, plain in enumerate(document.get("registry", [])):
            registry = self._registry(plain)
            if str(registry.name) in registries:
                raise self._error(f"{registry.name} is named twice", "host")
            registries[str(registry.name)] = registry
        docker_config = document.get("docker_config")
        if docker_config is not None:
            docker_config = self._located(
                lambda: checked_docker_config(docker_config), "docker_config"
            )
        return DesiredState(tuple(registries.values()), docker_config)

    def _registry(self, plain: Any) -> Registry:
        if not isinstance(plain, dict):
            raise self._error("registry is not a table; write [[registry]]")
        self._check_keys(plain, _REGISTRY_KEYS)
        if "host" not in plain:
            raise self._error("a registry without host")
        registry = Registry(
            name=self._located(
                lambda: parse_registry_name(plain["host"], "host"), "host"
            ),
            insecure=plain.get("insecure", False),
            tls=self._tls(plain),
            mirrors=self._mirrors(plain.get("mirror", [])),
            fallback=plain.get("fallback", True),
            credentials=self._credentials(plain),
            docker=plain.get("docker", False),
        )
        problem = contradiction(registry)
        if problem:
            place = self._where("host")
            message = f"{registry.name}: {problem.message}"
            raise UsageError(message, place=place, remedy=problem.remedy)
        return without_itself(registry)

    def _mirrors(self, plain: List[Any]) -> Tuple[Mirror, ...]:
        mirrors = []
        for self._mirror_index, each in enumerate(plain):
            mirrors.append(self._mirror(each))
        self._mirror_index = None
        return tuple(mirrors)

    def _mirror(self, plain: Any) -> Mirror:
        if not isinstance(plain, dict):
            raise self._error("mirror is not a table; write [[registry.mirror]]")
        self._check_keys(plain, _MIRROR_KEYS)
        if "url" not in plain:
            raise self._error("a mirror without url")
        endpoint = self._located(lambda: parse_mirror_url(plain["url"], "url"), "url")
        return Mirror(endpoint, self._tls(plain), self._credentials(plain))

    def _tls(self, plain: Dict[str, Any]) -> Tls:
        certificate = self._pem(plain, "client_cert")
        key = self._pem(plain, "client_key")
        if certificate is not None and key is None:
            raise self._error(
                "client_cert needs client_key beside it", _given(plain, "client_cert")
            )
        if key is not None and certificate is None:
            raise self._error(
                "client_key needs client_cert beside it", _given(plain, "client_key")
            )
        client = ClientCertificate(certificate, key) if certificate and key else None
        return Tls(self._pem(plain, "ca"), client, plain.get("skip_verify", False))

    def _credentials(self, plain: Dict[str, Any]) -> Optional[Credentials]:
        sources = [
            key for key in ("password", "password_file", "password_env") if key in plain
        ]
        if len(sources) > 1:
            raise self._error(
                f"{sources[0]} and {sources[1]} exclude each other", sources[1]
            )
        given = [*(key for key in ("username", *_CREDENTIAL_KEYS) if key in plain)]
        if given and not ("username" in plain and sources):
            missing = "password_file" if "username" in plain else "username"
            raise self._error(f"{given[0]} needs {missing} beside it", given[0])
        if not given:
            return None
        password = self._located(lambda: self._password(plain, sources[0]), sources[0])
        plaintext = plain.get("allow_plaintext_credentials", False)
        return Credentials(
            self._located(lambda: checked_username(plain["username"]), "username"),
            self._located(lambda: checked_password(password), sources[0]),
            plaintext,
            self._located(
                lambda: checked_login_by(plain.get("login_by", CONTAINERD)), "login_by"
            ),
        )

    def _password(self, plain: Dict[str, Any], key: str) -> str:
        value: str = plain[key]
        if key == "password":
            return value
        return self._read_outside(
            SECRET_FILE if key == "password_file" else VARIABLE, value
        )

    def _pem(self, plain: Dict[str, Any], key: str) -> Optional[str]:
        file_key = key + "_file"
        if key in plain and file_key in plain:
            raise self._error(f"{key} and {file_key} exclude each other", key)
        if file_key in plain:
            return str(
                self._located(
                    lambda: self._read_outside(FILE, plain[file_key]), file_key
                )
            )
        value: Optional[str] = plain.get(key)
        if value == "":
            raise self._error(f"{key} is empty", key)
        return value

    def _check_keys(
        self, plain: Dict[str, Any], known: Mapping[str, Type[Any]]
    ) -> None:
        for key, value in plain.items():
            if key not in known:
                hint = did_you_mean(key, list(known))
                raise self._error(f"unknown key {shown_name(key)}{hint}", key)
            if type(value) is not known[key]:
                raise self._error(f"{key} must be {_TYPE_NAMES[known[key]]}", key)

    def _located(self, read: Callable[[], Any], key: str) -> Any:
        try:
            return read()
        except UsageError as error:
            raise UsageError(
                error.message, place=self._where(key), remedy=error.remedy
            ) from error

    def _error(self, message: str, key: Optional[str] = None) -> UsageError:
        return UsageError(message, place=self._where(key))

    def _where(self, key: Optional[str]) -> str:
        line = self._lines.find(key, self._registry_index, self._mirror_index)
        return _place(self._source, line)


def _given(plain: Dict[str, Any], key: str) -> str:
    return key if key in plain else key + "_file"


def _place(source: str, line: Optional[int]) -> str:
    return source if line is None else f"{source}, line {line}"
