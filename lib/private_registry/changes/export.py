"""The saved state for elsewhere: registries.toml, certs.d, MicroK8s' launch
configuration.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Tuple

from private_registry.containerd.hosts_toml import (
    HOSTS_TOML,
    RegistryFile,
    registry_files,
)
from private_registry.named_tuple import NamedTuple
from private_registry.registries.model import DesiredState, Registry
from private_registry.registries.plain_values import to_document
from private_registry.texts import toml_writing

_BLOCK_LINES = re.compile(r"([\x21-\x7e][\x20-\x7e]*\n|\n)+")
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9]+")
_TOML_HEADER = """Registries of a node; to have them on another one:
microk8s private-registry apply --file FILE"""
_WITH_SECRETS = "--with-secrets gives it"


class ExportedFile(NamedTuple):
    """One file of a tree.

    Args:
        path: below the tree, with slashes.
        content: what stands in it.
        secret: nobody but its owner may read it.
    """

    path: str
    content: str
    secret: bool = False


class Export(NamedTuple):
    """What an export gives.

    Args:
        files: one without a path where the format is a single text.
        notes: what is not in it, for people, a line each.
    """

    files: Tuple[ExportedFile, ...]
    notes: Tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All of it as one text, each file of a tree below a line that names it."""
        return "".join(
            f"# ==> {each.path}\n{each.content}" if each.path else each.content
            for each in self.files
        )


def as_toml(state: DesiredState, *, with_secrets: bool) -> Export:
    """Return registries.toml.

    Without secrets, an environment variable stands for each password and a file for
    each client
    key: who applies the text is told which one is missing, and no login is lost without
    a word.
    """
    document = to_document(state)
    if with_secrets:
        return Export(
            (ExportedFile("", toml_writing.dumps(document, _TOML_HEADER), secret=True),)
        )
    wanted: List[str] = []
    names: Dict[str, int] = {}
    for registry in document["registry"]:
        _without_secrets(registry, registry["host"], names, wanted)
        for mirror in registry.get("mirror", []):
            _without_secrets(mirror, mirror["url"].partition("://")[2], names, wanted)
    header = "\n".join((_TOML_HEADER, *(f"needs {each}" for each in wanted)))
    notes = tuple(f"left out, {_WITH_SECRETS}: {each}" for each in wanted)
    return Export((ExportedFile("", toml_writing.dumps(document, header)),), notes)


def _without_secrets(
    table: Dict[str, Any], address: str, names: Dict[str, int], wanted: List[str]
) -> None:
    if "password" in table:
        variable = _unique(
            f"PASSWORD_OF_{_NOT_IN_NAMES.sub('_', address).upper()}", names
        )
        _replace(table, "password", "password_env", variable)
        wanted.append(
            f"the environment variable {variable}: the password for {address}"
        )
    if "client_key" in table:
        file = _unique(f"{_NOT_IN_NAMES.sub('-', address).strip('-')}.key", names)
        _replace(table, "client_key", "client_key_file", file)
        wanted.append(f"the file {file} beside it: the client key for {address}")


def _unique(name: str, names: Dict[str, int]) -> str:
    names[name] = names.get(name, 0) + 1
    if names[name] == 1:
        return name
    return _unique(
        f"{names[name]}_{name}" if name.endswith(".key") else f"{name}_{names[name]}",
        names,
    )


def _replace(table: Dict[str, Any], key: str, other: str, value: str) -> None:
    """Put another key into the place of one."""
    items = list(table.items())
    table.clear()
    table.update((other, value) if name == key else (name, old) for name, old in items)


def as_hosts(state: DesiredState, *, with_secrets: bool) -> Export:
    """Return a certs.d tree; the files that a hosts.toml names stand beside it."""
    files: List[ExportedFile] = []
    notes: List[str] = []
    for registry in state.registries:
        shown, left_out = (registry, []) if with_secrets else _without_clients(registry)
        comment = "".join(f"# left out: {each}\n" for each in left_out)
        notes += [f"left out, {_WITH_SECRETS}: {each}" for each in left_out]
        notes += _beside(registry)
        files += [
            _exported(registry, file, comment) for file in registry_files(shown, "")
        ]
    return Export(tuple(files), tuple(notes))


def _exported(registry: Registry, file: RegistryFile, comment: str) -> ExportedFile:
    text = file.content.decode()
    path = f"{registry.name.directory}/{file.name}"
    return ExportedFile(
        path, comment + text if file.name == HOSTS_TOML else text, file.secret
    )


def _without_clients(registry: Registry) -> Tuple[Registry, List[str]]:
    addresses = [str(registry.name)] if registry.tls.client else []
    addresses += [each.endpoint.url for each in registry.mirrors if each.tls.client]
    left_out = [f"the client certificate and key for {each}" for each in addresses]
    own = registry.tls._replace(client=None)
    mirrors = tuple(
        each._replace(tls=each.tls._replace(client=None)) for each in registry.mirrors
    )
    return registry._replace(tls=own, mirrors=mirrors), left_out


def _beside(registry: Registry) -> List[str]:
    """Tell what of a registry does not stand in its directory."""
    addresses = [str(registry.name)] if registry.credentials else []
    addresses += [each.endpoint.url for each in registry.mirrors if each.credentials]
    told = [f"hosts.toml cannot hold the login for {each}" for each in addresses]
    if registry.docker:
        told.append(f"hosts.toml cannot say that Docker trusts {registry.name}, too")
    return told


def as_launch_config(state: DesiredState, *, with_secrets: bool) -> Export:
    """Return MicroK8s' launch configuration.

    It holds hosts.toml files and no others.
    """
    hosts = as_hosts(state, with_secrets=with_secrets)
    lines = ["version: 0.2.0"]
    notes = [
        each.replace("hosts.toml cannot", "a launch configuration cannot", 1)
        for each in hosts.notes
    ]
    tables = [each for each in hosts.files if each.path.endswith(f"/{HOSTS_TOML}")]
    lines.append(
        "containerdRegistryConfigs:" if tables else "containerdRegistryConfigs: {}"
    )
    for table in tables:
        directory = table.path.rpartition("/")[0]
        beside = [
            each.path
            for each in hosts.files
            if each.path.startswith(f"{directory}/") and each is not table
        ]
        for path in beside:
            needed = (
                f"args/certs.d/{path} cannot be in it, and has to be there before the"
                " first pull"
            )
            lines.append(f"  # {needed}")
            notes.append(
                f"{needed}: microk8s private-registry export --format hosts gives it"
            )
        lines.append(f"  {json.dumps(directory)}: {_yaml_text(table.content)}")
    text = "\n".join(lines) + "\n"
    return Export((ExportedFile("", text),), tuple(notes))


def _yaml_text(text: str) -> str:
    """Write a text as a block where that gives every character back, else as JSON."""
    if not _BLOCK_LINES.fullmatch(text) or text.endswith("\n\n"):
        return json.dumps(text)
    indented = "\n".join(f"    {line}" if line else "" for line in text.splitlines())
    return f"|\n{indented}"


FORMATS = {"toml": as_toml, "hosts": as_hosts, "launch-config": as_launch_config}
