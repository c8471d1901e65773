"""Write an export to where a user wants it; nothing that is there is ever changed."""

from __future__ import annotations

import os
from typing import List

from private_registry.core.export import Export, ExportedFile
from private_registry.core.showing import shown_path
from private_registry.errors import UsageError
from private_registry.shell import files

_READABLE = 0o644
_OPTION = "option --output"


def write(export: Export, output: str, *, is_tree: bool) -> None:
    """Write a tree into a directory that is empty or not there yet, or a text to a new file.

    Raises:
        UsageError: something is there already, or the place cannot be written to.
    """
    made: List[str] = []
    try:
        if is_tree:
            _write_tree(export, output, made)
        else:
            _write_file(export.files[0], output, made)
    except (OSError, ValueError) as error:
        for path in reversed(made):
            files.remove_made(path)
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            f"{shown_path(output)} cannot be written: {reason.lower()}", place=_OPTION
        ) from error


def _write_tree(export: Export, output: str, made: List[str]) -> None:
    if files.kind_of(output) is None:
        _make_directory(output, made)
    elif not os.path.isdir(output) or files.names_in(output):
        raise UsageError(
            f"{shown_path(output)} is there and not an empty directory",
            place=_OPTION,
            remedy="give a directory that is not there yet",
        )
    for file in export.files:
        directory = os.path.join(output, os.path.dirname(file.path))
        if directory not in made:
            _make_directory(directory, made)
        _write_file(file, os.path.join(output, file.path), made)


def _make_directory(path: str, made: List[str]) -> None:
    files.make_directory(path)
    made.append(path)


def _write_file(file: ExportedFile, path: str, made: List[str]) -> None:
    if files.kind_of(path) is not None:
        raise UsageError(
            f"{shown_path(path)} is there already",
            place=_OPTION,
            remedy="give a name that is not there yet",
        )
    mode = files.PRIVATE_FILE if file.secret else _READABLE
    try:
        files.write_new(path, file.content.encode(), mode, None)
    except FileExistsError:
        # Somebody else's, just now.
        raise
    except OSError:
        files.remove(path)
        raise
    made.append(path)
