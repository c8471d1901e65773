"""Files that are something else than what was asked for: what each looks like, what it
is, and what to type instead.

Kubernetes' objects, the base64 of a file, containerd's own configuration, Podman's.
"""

from __future__ import annotations

import base64
import binascii
import posixpath
import re
from typing import Any, Callable, Dict, Iterator, List, Optional, Tuple

from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.registries.mirror_urls import Endpoint, parse_mirror_url
from private_registry.registries.names import parse_registry_name
from private_registry.texts import toml
from private_registry.texts.showing import quoted, shown_path

ADD = "microk8s private-registry add"
ADD_FILE = f"{ADD} --file"
STANDARD_INPUT = "standard input"
_KINDS = re.compile(r"[A-Z][A-Za-z]{2,40}")
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,200}[a-z0-9])?")
_CONFIG_KEYS = (".dockerconfigjson", ".dockercfg")
_IN_YAML = re.compile(
    r"^(?P<indent>[ -]*)(?P<key>[\w.]+)[ \t]*:[ \t]*[\"']?(?P<value>[\w./-]*)", re.ASCII
)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_ENCODED_WORDS = re.compile(
    r'"(auths|auth|insecure-registries|registry-mirrors)"\s*:'
    r"|^(mirrors|configs|containerdRegistryConfigs):|^\[\[registry\]\]|^kind: Secret",
    re.MULTILINE,
)
_PARTS = re.compile(r"^(?=---|- )", re.MULTILINE)
_PLUGINS = re.compile(r"^\s*\[plugins?\s*\.", re.MULTILINE)
_HOSTS_KEYS = ("server", "host", "capabilities", "override_path", "skip_verify", "ca")
_PODMAN_KEYS = ("unqualified-search-registries", "short-name-mode", "registries")
_K3S, _DAEMON = "k3s' registries.yaml", "Docker's daemon.json"
_FOR_FILE = (
    (re.compile(r"^(mirrors|configs)[ \t]*:(\s|$)", re.MULTILINE), _K3S),
    (re.compile(r"^\[\[registry\]\]", re.MULTILINE), "registries.toml"),
)
_FOR_FILE_JSON = (
    (frozenset(["mirrors", "configs"]), _K3S),
    (frozenset(["insecure-registries", "registry-mirrors"]), _DAEMON),
)
_MOST_OPTIONS = 20
_UNVERIFIED = (
    "   # insecure is plain HTTP here; for HTTPS without verification: https:// and"
    " --skip-verify"
)
_LOGINS = f"{ADD} --registry HOST --username NAME --password-stdin"
_BY_OPTIONS = f"{ADD} --mirror REGISTRY=URL   and for its logins: {_LOGINS}"


class OtherFile(NamedTuple):
    """What a file is, and what to type instead.

    Args:
        what: behind "it is".
        remedy: a command, or how to come to one; None where there is nothing to take.
        is_source: the remedy prints what the option takes, behind a ``|``.
    """

    what: str
    remedy: Optional[str] = None
    is_source: bool = False

    def error(self, source: str, taking: str = f"{ADD_FILE} -") -> UsageError:
        """Return the error that a file is this.

        Args:
            source: the file's name.
            taking: the command that takes the right file from standard input.
        """
        remedy = f"{self.remedy} | {taking}" if self.is_source else self.remedy
        return UsageError(f"it is {self.what}", place=source, remedy=remedy)


class _Table(NamedTuple):
    """What a TOML file looks like, and what it is."""

    looks: Callable[[Dict[str, Any]], bool]
    what: str
    remedy: Callable[[Dict[str, Any], str], str]


def of_text(text: str, source: str) -> Optional[OtherFile]:
    """Tell what a text is that may be YAML, TOML or base64; None if it is not known.

    Args:
        text: of the file.
        source: its name, for what is to be typed.
    """
    kubernetes = _of_yaml(text)
    if kubernetes or _is_encoded(text):
        return kubernetes or OtherFile(
            "the base64 of another file", f"base64 -d {typed(source)}", is_source=True
        )
    try:
        plain = toml.loads(text)
    except toml.TomlSyntaxError:
        is_template = _PLUGINS.search(text) or ("{{" in text and "[plugin" in text)
        return OtherFile(_CONTAINERD, _BY_OPTIONS) if is_template else None
    return of_toml(plain, source)


def of_toml(plain: Dict[str, Any], source: str) -> Optional[OtherFile]:
    """Tell what a TOML document is; None if it is not known."""
    for row in _TABLES:
        if row.looks(plain):
            return OtherFile(row.what, row.remedy(plain, source))
    return None


def of_json(plain: Any) -> Optional[OtherFile]:
    """Tell what an object of JSON is; None if it is not known."""
    if not isinstance(plain, dict):
        return None
    data = next((key for key in _CONFIG_KEYS if key in plain), "")
    if data:
        return _secret("", "", data)
    kind = plain.get("kind")
    if not isinstance(kind, str) or not _KINDS.fullmatch(kind):
        return None
    items = plain.get("items")
    objects = [plain, *(items if isinstance(items, list) else [])]
    secrets = [
        each
        for each in objects
        if isinstance(each, dict) and each.get("kind") == "Secret"
    ]
    for secret in secrets:
        keys = [key for part in ("data", "stringData") for key in _table(secret, part)]
        known = next((key for key in _CONFIG_KEYS if key in keys), "")
        metadata = _table(secret, "metadata")
        if known or secret is secrets[-1]:
            return _secret(metadata.get("name"), metadata.get("namespace"), known)
    return _other_object(kind)


def for_file(text: str, source: str) -> Optional[OtherFile]:
    """Tell what a text is that --file takes and that holds no config.json."""
    words = next((what for line, what in _FOR_FILE if line.search(text)), "")
    return _for_file(words, source) if words else None


def for_file_json(plain: Any, source: str) -> Optional[OtherFile]:
    """Tell what an object of JSON is that --file takes; None for a config.json."""
    if not isinstance(plain, dict) or "auths" in plain:
        return None
    words = next((what for keys, what in _FOR_FILE_JSON if keys & set(plain)), "")
    return _for_file(words, source) if words else None


def _for_file(what: str, source: str) -> OtherFile:
    return OtherFile(what, f"{ADD_FILE} {typed(source)}")


def is_old_config(plain: Any) -> bool:
    """Whether an object is Docker's old .dockercfg: its top are hosts with logins."""
    if not isinstance(plain, dict) or "auths" in plain:
        return False
    return (
        bool(plain)
        and all(isinstance(each, dict) for each in plain.values())
        and (
            any(
                isinstance(each.get(key), str)
                for each in plain.values()
                for key in ("auth", "username")
            )
        )
    )


def typed(source: str) -> str:
    """Name a file on a command line."""
    return "FILE" if source == STANDARD_INPUT else quoted(source)


# --- Kubernetes -----------------------------------------------------------------------


def _table(plain: Dict[str, Any], key: str) -> Dict[str, Any]:
    value = plain.get(key)
    return value if isinstance(value, dict) else {}


def _secret(name: Any, namespace: Any, key: str) -> OtherFile:
    name, namespace = (
        each if isinstance(each, str) and _NAME.fullmatch(each) else ""
        for each in (name, namespace)
    )
    what = "a Secret of Kubernetes" + (f" ({name})" if name else "")
    if not key:
        return OtherFile(f"{what}, and no login that pods pull with stands in it")
    where = f" --namespace {namespace}" if namespace else ""
    path = "'{.data.\\" + key + "}'"
    command = (
        f"microk8s kubectl get secret {name or 'SECRET'}{where} -o jsonpath={path}"
    )
    return OtherFile(what, f"{command} | base64 -d", is_source=True)


def _of_yaml(text: str) -> Optional[OtherFile]:
    """Tell what a manifest is, by its lines: not every Python has a YAML library."""
    kinds = []
    found: List[Tuple[str, OtherFile]] = []
    for part in _PARTS.split(text):
        kind, name, namespace, key = _manifest(part)
        kinds.append(kind)
        if kind == "Secret":
            found.append((key, _secret(name, namespace, key)))
    if found:
        return next((secret for key, secret in found if key), found[0][1])
    kind = next(filter(None, kinds), "")
    return _other_object(kind) if kind else None


def _manifest(part: str) -> Tuple[str, str, str, str]:
    """Return an object's kind, name and namespace, and the key of its login."""
    kind = key = ""
    metadata: Dict[str, str] = {}
    above = step = -1
    for line in part.splitlines():
        match = _IN_YAML.match(line)
        if match is None:
            continue
        indent, word, value = len(match["indent"]), match["key"], match["value"]
        if word == "kind" and _KINDS.fullmatch(value):
            kind = kind or value
        if word in _CONFIG_KEYS:
            key = key or word
        if indent <= above:
            above = -1
        if word == "metadata" and not metadata:
            above, step = indent, -1
        elif above >= 0:
            # Deeper than the first are labels and annotations.
            step = indent if step < 0 else step
            if indent == step:
                metadata.setdefault(word, value)
    return kind, metadata.get("name", ""), metadata.get("namespace", ""), key


def _other_object(kind: str) -> OtherFile:
    return OtherFile(f"an object of Kubernetes ({kind}), of which nothing is taken")


# --- base64 ---------------------------------------------------------------------------


def _is_encoded(text: str) -> bool:
    """Whether a text is the base64 of a file that is known."""
    bare = "".join(text.split())
    if not _BASE64.fullmatch(bare):
        return False
    try:
        plain = base64.b64decode(bare + "=" * (-len(bare) % 4)).decode()
    except (binascii.Error, ValueError):
        return False
    return bool(_ENCODED_WORDS.search(plain))


# --- TOML -----------------------------------------------------------------------------


def _of_containerd(plain: Dict[str, Any], _source: str) -> str:
    options: List[str] = []
    directories: List[str] = []
    has_logins = False
    for registry in _registries_of_containerd(plain):
        path = registry.get("config_path")
        if isinstance(path, str) and path.startswith("/"):
            directories.append(path)
        for name, mirror in _table(registry, "mirrors").items():
            urls = mirror.get("endpoint") if isinstance(mirror, dict) else None
            for url in urls if isinstance(urls, list) else []:
                if _has_api_path(str(url)):
                    options += _options(name, url)
        configs = _table(registry, "configs").values()
        has_logins = has_logins or any(
            "auth" in each for each in configs if isinstance(each, dict)
        )
    if directories and not options:
        return f"{ADD} --import {quoted(shown_path(directories[0]))}"
    return _with(options, f"   # and for its logins: {_LOGINS}" if has_logins else "")


def _has_api_path(url: str) -> bool:
    """Whether a path of a URL, which containerd takes as it stands, is below /v2."""
    parts = url.partition("://")[2].split("/")[1:]
    return not any(parts) or "v2" in parts


def _with(options: List[str], more: str) -> str:
    options = list(dict.fromkeys(options))
    if not 0 < len(options) <= _MOST_OPTIONS:
        return _BY_OPTIONS
    return f"{ADD} {' '.join(options)}{more}"


def _registries_of_containerd(plain: Dict[str, Any]) -> Iterator[Dict[str, Any]]:
    for name in _table(plain, "plugins"):
        yield _table(_table(_table(plain, "plugins"), name), "registry")


def _is_podman(plain: Dict[str, Any]) -> bool:
    if any(key in plain for key in _PODMAN_KEYS):
        return True
    return any("host" not in each and "location" in each for each in _podman(plain))


def _podman(plain: Dict[str, Any]) -> List[Dict[str, Any]]:
    found = plain.get("registry")
    tables = found if isinstance(found, list) else []
    return [each for each in tables if isinstance(each, dict)]


def _of_podman(plain: Dict[str, Any], _source: str) -> str:
    options: List[str] = []
    for registry in _podman(plain):
        location = registry.get("location")
        name = registry.get("prefix", location)
        others = registry.get("mirror")
        mirrors = [
            each
            for each in (others if isinstance(others, list) else [])
            if isinstance(each, dict)
        ]
        if registry.get("blocked") is not True:
            for each in (*mirrors, registry):
                scheme = "http" if each.get("insecure") is True else "https"
                options += _options(name, f"{scheme}://{each.get('location')}")
    is_insecure = any("--insecure" in each or "=http:" in each for each in options)
    return _with(options, _UNVERIFIED if is_insecure else "")


def _options(name: Any, url: Any) -> List[str]:
    """Return the option for a mirror of a registry, or none where it is not known to be
    accepted.
    """
    try:
        registry = parse_registry_name(str(name), "--registry")
        endpoint = parse_mirror_url(str(url), "--mirror")
    except UsageError:
        return []
    if str(registry) != name or registry.is_every_registry:
        return []
    if not endpoint.is_same(Endpoint(endpoint.scheme, registry.server)):
        return [f"--mirror {quoted(f'{name}={url}')}"]
    return [f"--insecure {name}"] if endpoint.is_plain_http else []


def _of_hosts(_plain: Dict[str, Any], source: str) -> str:
    directory, name = posixpath.split(source)
    tree = posixpath.dirname(directory)
    if name == "hosts.toml" and tree:
        return f"{ADD} --import {quoted(tree)}"
    return (
        "put it where DIR/HOST/hosts.toml is, HOST being the registry, and:"
        f" {ADD} --import DIR"
    )


_CONTAINERD = "containerd's own configuration"
_TABLES = (
    _Table(
        lambda plain: "plugins" in plain or "disabled_plugins" in plain,
        _CONTAINERD,
        _of_containerd,
    ),
    _Table(_is_podman, "Podman's and CRI-O's registries.conf", _of_podman),
    _Table(
        lambda plain: "registry" not in plain
        and any(key in plain for key in _HOSTS_KEYS),
        "containerd's hosts.toml of one registry",
        _of_hosts,
    ),
)
