"""Files from where a project publishes them, with the checksums that it publishes
beside them.
"""

from __future__ import annotations

import hashlib
import os
import urllib.request
from pathlib import Path

from registry_harness.errors import StartError

_SECONDS = 20
_BYTES = 1 << 20


def architecture() -> str:
    """Return the machine's architecture, as Go's projects name it."""
    return "amd64" if os.uname().machine == "x86_64" else "arm64"


def download(place: str, checksum: str, path: Path) -> bool:
    """Download a file; return whether it could be had.

    Args:
        place: its address.
        checksum: address of its SHA-256, as a hexadecimal word that other words may
            follow.
        path: where it goes.

    Raises:
        StartError: what came is not what it should be.
    """
    try:
        with urllib.request.urlopen(checksum, timeout=_SECONDS) as answer:
            wanted = answer.read(_BYTES).decode(errors="replace").split()
        found = _save(place, path)
    except OSError:
        return False
    if [found] != wanted[:1]:
        raise StartError(
            f"{place} does not have the checksum that is published with it"
        )
    return True


def _save(place: str, path: Path) -> str:
    digest = hashlib.sha256()
    with urllib.request.urlopen(place, timeout=_SECONDS) as source, path.open(
        "wb"
    ) as file:
        while content := source.read(_BYTES):
            digest.update(content)
            file.write(content)
    return digest.hexdigest()
