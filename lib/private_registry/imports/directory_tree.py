"""A tree of directories as it is handed to who reads it."""

from __future__ import annotations

from typing import Optional, Sequence

from private_registry.named_tuple import NamedTuple


class ImportedDirectory(NamedTuple):
    """One directory of the tree.

    Args:
        path: where it is; relative names in hosts.toml start there.
        files: names of the files in it.
        hosts_toml: the text of hosts.toml, or None.
        source: what that text is called, where it is no file of its own.
    """

    path: str
    files: Sequence[str]
    hosts_toml: Optional[str] = None
    source: Optional[str] = None
