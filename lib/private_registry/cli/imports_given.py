"""Read registries.toml, and what other programs know of registries: --file and
--import.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, List, Optional, Tuple

from private_registry.changes.requests import AddRequest, ApplyRequest, LeftLogins
from private_registry.cli.file_options import Elsewhere
from private_registry.cli.files_given import STANDARD_INPUT, Inputs, named
from private_registry.containerd.hosts_toml import HOSTS_TOML
from private_registry.errors import CertificateError, UsageError
from private_registry.imports.carried_over import something
from private_registry.imports.directory_tree import ImportedDirectory
from private_registry.imports.document import LEFT_OUT, Imported, Lines, Note, Says
from private_registry.imports.formats import (
    Format,
    format_of_json,
    format_of_text,
    is_json,
    parse_json,
)
from private_registry.imports.header_logins import HeaderLogins
from private_registry.registries import registries_toml
from private_registry.registries.amazon import notes_on_logins
from private_registry.registries.mistaken_files import ADD, ADD_FILE
from private_registry.registries.variables import notes_on_variables
from private_registry.texts import json_lines
from private_registry.texts.showing import quoted, shown_path, shown_place

_NO_TEXT = "give registries.toml, or another text that --file takes"


def add_request(place: Elsewhere, inputs: Inputs) -> AddRequest:
    """Return the request to add what a file or a directory holds.

    Raises:
        UsageError: it is of no known format, or nothing of it can be carried over.
    """
    imported = _imported(place, inputs, is_all=False)
    registries, notes = imported.state.registries, _notes_on(imported)
    if imported.says is Says.SINGLE_SETTINGS:
        return AddRequest(parts=registries, notes=notes)
    keep = imported.says is Says.ALL_BUT_LOGINS
    return AddRequest(
        registries=registries,
        keep_credentials=keep,
        notes=notes,
        docker_config=imported.state.docker_config,
        left_logins=_left_logins(imported, place),
    )


def apply_request(place: Elsewhere, inputs: Inputs) -> ApplyRequest:
    """Return the request to have what these hold, as in add_request, and nothing else.

    Raises:
        UsageError: it is of no known format, or nothing of it can be carried over.
    """
    imported = _imported(place, inputs, is_all=True)
    left_logins = _left_logins(imported, place)
    carried_over = {each.name for each in imported.state.registries}
    lost = imported.named.difference(carried_over)
    return ApplyRequest(imported.state, _notes_on(imported), left_logins, lost)


def _left_logins(imported: Imported, place: Elsewhere) -> LeftLogins:
    if place.file is not None or not imported.login_options:
        return LeftLogins()
    return LeftLogins(place.directory, imported.login_options)


def _notes_on(imported: Imported) -> Tuple[str, ...]:
    registries = imported.state.registries
    on_logins = (*notes_on_logins(registries), *notes_on_variables(registries))
    return (*imported.notes, *on_logins)


def _imported(place: Elsewhere, inputs: Inputs, *, is_all: bool) -> Imported:
    option = "--import" if place.file is None else "--file"
    path = place.directory if place.file is None else place.file
    logins = HeaderLogins(
        f"microk8s private-registry add {option} {quoted(shown_path(path))}",
        place.header_logins,
        place.plaintext,
    )
    read = _imported_tree if place.file is None else _imported_file
    imported = read(path, inputs, logins)
    is_own = imported.says is Says.EVERYTHING
    return imported if is_own else something(imported, named(path), is_all=is_all)


def _imported_file(path: str, inputs: Inputs, logins: HeaderLogins) -> Imported:
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

    lines: Lines
    text = inputs.text(path, "--file", _NO_TEXT)
    if is_json(text):
        plain = parse_json(text, source)
        # Where all is in one line, its number says nothing.
        lines = json_lines.lines_of(text) if "\n" in text.strip() else {}
        kind = format_of_json(plain, source, lines)
    else:
        kind = format_of_text(text, source)
        if kind is Format.REGISTRIES_TOML:
            return _own(text, source, read_outside)
        plain, lines = _yaml(text, source)
    read = import_module(f"private_registry.imports.{kind.value}").read
    # Of files, these alone have headers.
    more = (logins,) if kind is Format.LAUNCH_CONFIG else ()
    return _checked(read(plain, source, read_outside, lines, *more), source)


def _own(text: str, source: str, read_outside: registries_toml.ReadOutside) -> Imported:
    # OpenSSL is slow.
    from private_registry.registries.certificates import checked_state  # noqa: PLC0415

    state = registries_toml.from_toml(text, source, read_outside)
    return Imported(checked_state(state, source), says=Says.EVERYTHING)


def _yaml(text: str, source: str) -> Tuple[Any, Lines]:
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
    return yaml_text.parse(text, source)


def _imported_tree(path: str, inputs: Inputs, logins: HeaderLogins) -> Imported:
    """Read a certs.d tree, containerd's or Docker's."""
    # It brings along what check knows of hosts.toml; a file needs none of that.
    from private_registry.imports import certs_d  # noqa: PLC0415

    if not os.path.isdir(path):
        raise UsageError(
            f"{named(path)} is not a directory",
            place="option --import",
            remedy=_instead_of_file(path),
        )
    if os.path.lexists(os.path.join(path, HOSTS_TOML)):
        raise UsageError(
            f"{named(path)} is the directory of one registry, not of all",
            place="option --import",
            remedy=_tree_above(path),
        )
    root = os.path.abspath(path)
    tree = {}
    others = []
    for name in sorted(os.listdir(root)):
        below = os.path.join(root, name)
        if os.path.isdir(below):
            tree[name] = ImportedDirectory(below, *_directory(below, inputs))
        else:
            others.append(
                Note(shown_place(below), "not a directory of a registry; left out")
            )
    imported = certs_d.read(
        tree, lambda _, name: inputs.found(name, "--import"), logins
    )
    return _checked(imported._replace(left=(*others, *imported.left)), named(path))


def _instead_of_file(path: str) -> str:
    if os.path.basename(path) == HOSTS_TOML:
        return _tree_above(os.path.dirname(os.path.abspath(path)))
    if os.path.isfile(path):
        return f"{ADD_FILE} {quoted(shown_path(path))}"
    return "give a directory such as certs.d; a file goes by --file FILE"


def _tree_above(path: str) -> str:
    above = os.path.dirname(os.path.abspath(path))
    return f"{ADD} --import {quoted(shown_path(above))}"


def _directory(path: str, inputs: Inputs) -> Tuple[List[str], Optional[str]]:
    files = os.listdir(path)
    text: Optional[str] = None
    if HOSTS_TOML in files:
        text = inputs.found(os.path.join(path, HOSTS_TOML), "--import")
    return files, text


def _checked(imported: Imported, source: str) -> Imported:
    """Leave out what has certificates that cannot be used."""
    # OpenSSL is slow.
    from private_registry.registries.certificates import checked_state  # noqa: PLC0415

    left = list(imported.left)

    def leave_out(error: CertificateError) -> None:
        left.append(Note(error.place or source, f"{error.message}; {LEFT_OUT}"))

    state = checked_state(imported.state, source, leave_out)
    return imported._replace(state=state, left=tuple(left))
