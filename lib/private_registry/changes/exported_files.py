"""Write an export to where a user wants it; nothing that is there is ever changed."""

from __future__ import annotations

import os
from typing import List

from private_registry.changes.export import Export, ExportedFile
from private_registry.errors import UsageError
from private_registry.node import files, trusted_places
from private_registry.node.directories import Place
from private_registry.texts.showing import shown_path

_READABLE = 0o644
_OPTION = "option --output"


def write(export: Export, output: str, *, is_tree: bool) -> None:
    """Write a tree into a directory that is empty or not there yet, or a text to a new
    file.

    Raises:
        UsageError: something is there already, or the place cannot be written to.
    """
    made: List[Place] = []
    try:
        if is_tree:
            _write_tree(export, _place(output, is_tree=True), made)
        else:
            _write_file(export.files[0], _place(output, is_tree=False), made)
    except (OSError, ValueError) as error:
        for each in reversed(made):
            files.remove_made(each)
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"{shown_path(output)} cannot be written: {reason.lower()}", place=_OPTION
        ) from error


def _place(output: str, *, is_tree: bool) -> Place:
    """Return where to write, by a way without links: each directory is opened below the
    other.

    A link that a user names himself is followed; as root, none that a stranger may have
    made.
    """
    path = os.path.abspath(output)
    directory, name = os.path.split(path)
    follows = is_tree and os.path.exists(path)
    caller = trusted_places.caller(os.environ) or 0
    found, stranger = trusted_places.resolved(path if follows else directory, caller)
    if stranger and os.geteuid() == 0:
        raise UsageError(
            f"{shown_path(stranger)} is a link that somebody else may have made",
            place=_OPTION,
            remedy="give a path without that link",
        )
    return Place("/", (found if follows else os.path.join(found, name)).lstrip("/"))


def _write_tree(export: Export, place: Place, made: List[Place]) -> None:
    if files.kind_of(place) is None:
        _make_directory(place, made)
    elif files.kind_of(place) != "directory" or files.names_in(place):
        raise UsageError(
            f"{shown_path(place.absolute)} is there and not an empty directory",
            place=_OPTION,
            remedy="give a directory that is not there yet",
        )
    for file in export.files:
        directory, _, name = file.path.rpartition("/")
        where = place.below(directory) if directory else place
        if where not in (*made, place):
            _make_directory(where, made)
        _write_file(file, where.below(name), made)


def _make_directory(place: Place, made: List[Place]) -> None:
    files.make_own_directory(place)
    made.append(place)


def _write_file(file: ExportedFile, place: Place, made: List[Place]) -> None:
    if files.kind_of(place) is not None:
        raise UsageError(
            f"{shown_path(place.absolute)} is there already",
            place=_OPTION,
            remedy="give a name that is not there yet",
        )
    mode = files.PRIVATE_FILE if file.secret else _READABLE
    try:
        files.write_new(place, file.content.encode(), mode, None)
    except FileExistsError:
        # Somebody else's, just now.
        raise
    except OSError:
        files.remove(place)
        raise
    made.append(place)
