"""Kubernetes' programs from where the project publishes them, with its checksums."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from registry_harness.machine import downloads

_PLACE = "https://dl.k8s.io/v{version}/bin/linux/{architecture}/{program}"


def download(version: str, programs: Sequence[str], target: Path) -> bool:
    """Download programs into a directory; return whether it worked.

    Raises:
        StartError: what came is not what it should be.
    """
    for program in programs:
        place = _PLACE.format(
            version=version, architecture=downloads.architecture(), program=program
        )
        if not downloads.download(place, f"{place}.sha256", target / program):
            return False
        (target / program).chmod(0o755)
    return True
