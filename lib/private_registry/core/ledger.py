"""The ledger: which files this addon wrote, and where the originals of replaced ones are kept.

There is one for SNAP_DATA, which snapd copies and reverts together with the files it describes, and
one for SNAP_COMMON, which it never touches.
"""

from __future__ import annotations

import hashlib
import json
from typing import FrozenSet, Mapping, NamedTuple, Optional

from private_registry.errors import NodeError

FORMAT_VERSION = 1


class LedgerEntry(NamedTuple):
    """A file that this addon wrote.

    Args:
        sha256: of what was written, in hex.
        original: name below originals/ of what stood there before; None where nothing did.
    """

    sha256: str
    original: Optional[str] = None


class Ledger(NamedTuple):
    """Everything this addon wrote below one directory.

    Args:
        files: by path relative to that directory.
        directories: paths of the directories it made there.
    """

    files: Mapping[str, LedgerEntry] = {}
    directories: FrozenSet[str] = frozenset()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to take back."""
        return not self.files and not self.directories


def sha256(content: bytes) -> str:
    """Return the hex digest that entries are compared by."""
    return hashlib.sha256(content).hexdigest()


def to_json(ledger: Ledger) -> bytes:
    """Write a ledger."""
    document = {
        "version": FORMAT_VERSION,
        "files": {
            path: {"sha256": entry.sha256, "original": entry.original}
            for path, entry in sorted(ledger.files.items())
        },
        "directories": sorted(ledger.directories),
    }
    return (json.dumps(document, indent=1) + "\n").encode()


def from_json(content: bytes, source: str) -> Ledger:
    """Read a ledger.

    Raises:
        NodeError: damaged, or written by a newer version of this addon.
    """
    try:
        document = json.loads(content)
        version = document["version"]
        files = {
            path: LedgerEntry(str(entry["sha256"]), entry["original"])
            for path, entry in document["files"].items()
        }
        directories = frozenset(document["directories"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NodeError(
            f"the record of what this addon wrote is damaged: {error}",
            place=source,
            remedy="put it back from a copy, or remove it and add --adopt to take over the files",
        ) from error
    if version != FORMAT_VERSION:
        raise NodeError(
            f"the record of what this addon wrote has version {version}",
            place=source,
            remedy="update the addon: microk8s addons repo update",
        )
    return Ledger(files, directories)
