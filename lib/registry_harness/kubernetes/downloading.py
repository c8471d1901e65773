"""Kubernetes' programs from where the project publishes them, with its checksums."""

from __future__ import annotations

import hashlib
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from registry_harness.errors import StartError

_PLACE = "https://dl.k8s.io/v{version}/bin/linux/{architecture}/{program}"
_SECONDS = 20
_BYTES = 1 << 20


def download(version: str, programs: Sequence[str], target: Path) -> bool:
    """Download programs into a directory; return whether it worked.

    Raises:
        StartError: what came is not what it should be.
    """
    architecture = "amd64" if os.uname().machine == "x86_64" else "arm64"
    for program in programs:
        place = _PLACE.format(version=version, architecture=architecture, program=program)
        try:
            wanted = urllib.request.urlopen(f"{place}.sha256", timeout=_SECONDS).read()
            found = _save(place, target / program)
        except OSError:
            return False
        if found != wanted.decode().split()[0]:
            raise StartError(f"{place} does not have the checksum that is published with it")
    return True


def _save(place: str, path: Path) -> str:
    digest = hashlib.sha256()
    with urllib.request.urlopen(place, timeout=_SECONDS) as source, path.open("wb") as file:
        while content := source.read(_BYTES):
            digest.update(content)
            file.write(content)
    path.chmod(0o755)
    return digest.hexdigest()
