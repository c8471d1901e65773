"""Read registries.toml, and what other programs know of registries: --file and
--import.
"""

from __future__ import annotations

import os
from typing import List, Optional, Tuple

from private_registry.changes.requests import AddRequest, ApplyRequest
from private_registry.cli.files_given import STANDARD_INPUT, Inputs, named
from private_registry.containerd.hosts_toml import HOSTS_TOML
from private_registry.errors import UsageError
from private_registry.imports import docker_config, docker_daemon, k3s_yaml
from private_registry.imports.document import Imported, Says
from private_registry.imports.formats import (
    Format,
    format_of_json,
    format_of_text,
    is_json,
    parse_json,
)
from private_registry.registries import registries_toml
from private_registry.texts.showing import shown_place


def add_request(file: Optional[str], directory: str, inputs: Inputs) -> AddRequest:
    """Return the request to add what a file, or where it is None a directory, holds.

    Raises:
        UsageError: it is of no known format, or something in it cannot be.
    """
    imported = _imported(file, directory, inputs)
    registries, notes = imported.state.registries, imported.notes
    if imported.says is Says.SINGLE_SETTINGS:
        return AddRequest(parts=registries, notes=notes)
    keep = imported.says is Says.ALL_BUT_LOGINS
    return AddRequest(
        registries=registries,
        keep_credentials=keep,
        notes=notes,
        docker_config=imported.state.docker_config,
    )


def apply_request(file: Optional[str], directory: str, inputs: Inputs) -> ApplyRequest:
    """Return the request to have what these hold, as in add_request, and nothing else.

    Raises:
        UsageError: it is of no known format, or something in it cannot be.
    """
    imported = _imported(file, directory, inputs)
    return ApplyRequest(imported.state, imported.notes)


def _imported(file: Optional[str], directory: str, inputs: Inputs) -> Imported:
    return (
        _imported_tree(directory, inputs)
        if file is None
        else _imported_file(file, inputs)
    )


def _imported_file(path: str, inputs: Inputs) -> Imported:
    """Read a file of any format that is known.

    Files that it names are looked for beside it.
    """
    source = named(path)
    beside = "" if path == STANDARD_INPUT else os.path.dirname(os.path.abspath(path))

    def read_outside(kind: str, name: str) -> str:
        if kind == registries_toml.VARIABLE:
            return inputs.variable(name)
        if kind == registries_toml.SECRET_FILE:
            path = os.path.join(beside, name)
            return inputs.password_file(path, "password_file", may_be_pipe=False)
        return inputs.found(os.path.join(beside, name), name)

    return _checked(_read(inputs.text(path, "--file"), source, read_outside), source)


def _read(
    text: str, source: str, read_outside: registries_toml.ReadOutside
) -> Imported:
    if is_json(text):
        plain = parse_json(text, source)
        kind = format_of_json(plain, source)
        if kind is Format.DOCKER_CONFIG:
            return docker_config.read(plain, source, read_outside)
        if kind is Format.DOCKER_DAEMON:
            return docker_daemon.read(plain, source, read_outside)
        return k3s_yaml.read(plain, source, read_outside)
    if format_of_text(text, source) is Format.K3S_YAML:
        return _k3s(text, source, read_outside)
    return Imported(registries_toml.from_toml(text, source, read_outside))


def _k3s(text: str, source: str, read_outside: registries_toml.ReadOutside) -> Imported:
    try:
        # Slow, and may be missing.
        from private_registry.imports import yaml_text  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(
            "this Python has no YAML library",
            place=source,
            remedy=(
                "sudo apt-get install python3-yaml; or give the same as JSON or"
                " registries.toml"
            ),
        ) from error
    parsed = yaml_text.parse(text, source)
    return k3s_yaml.read(parsed.plain, source, read_outside, parsed.lines)


def _imported_tree(path: str, inputs: Inputs) -> Imported:
    """Read a certs.d tree, containerd's or Docker's."""
    # It brings along what check knows of hosts.toml; a file needs none of that.
    from private_registry.imports import certs_d  # noqa: PLC0415

    if not os.path.isdir(path):
        raise UsageError(
            f"{named(path)} is not a directory",
            place="option --import",
            remedy="give a directory such as certs.d; a file goes by --file FILE",
        )
    root = os.path.abspath(path)
    tree = {}
    others = []
    for name in sorted(os.listdir(root)):
        below = os.path.join(root, name)
        if os.path.isdir(below):
            tree[name] = certs_d.ImportedDirectory(below, *_directory(below, inputs))
        else:
            others.append(
                f"{shown_place(below)}: not a directory of a registry; left out"
            )
    imported = certs_d.read(tree, lambda _, name: inputs.found(name, "--import"))
    return _checked(imported._replace(notes=(*others, *imported.notes)), named(path))


def _directory(path: str, inputs: Inputs) -> Tuple[List[str], Optional[str]]:
    files = os.listdir(path)
    text: Optional[str] = None
    if HOSTS_TOML in files:
        text = inputs.found(os.path.join(path, HOSTS_TOML), "--import")
    return files, text


def _checked(imported: Imported, source: str) -> Imported:
    # OpenSSL is slow.
    from private_registry.registries.certificates import checked_state  # noqa: PLC0415

    return imported._replace(state=checked_state(imported.state, source))
