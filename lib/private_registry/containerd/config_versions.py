"""Versions of containerd's configuration: where each has CRI's settings.

The number stands as ``version`` at the top of containerd-template.toml; a file without
one has version 1. A new version is a row of REGISTRY.
"""

from __future__ import annotations

from typing import Tuple

from private_registry.containerd import releases
from private_registry.containerd.releases import Version

# CRI's section; version 3 has it in two, of which images are one.
FIRST_CRI = ("plugins", "cri")
CRI = ("plugins", "io.containerd.grpc.v1.cri")
CRI_IMAGES = ("plugins", "io.containerd.cri.v1.images")
# What pulls where containerd 2.1 and newer unpack images themselves.
TRANSFER = ("plugins", "io.containerd.transfer.v1.local")

NEWEST = 3
SECTIONS = {1: FIRST_CRI, 2: CRI, 3: CRI_IMAGES}
REGISTRY = {number: (*section, "registry") for number, section in SECTIONS.items()}

_URI = "io.containerd."
_URI_PARTS = 4
_Section = Tuple[str, ...]


def sections_read(number: int, version: Version) -> Tuple[_Section, ...]:
    """List the sections whose registries a containerd reads, the one that counts first.

    Measured with ``containerd config dump`` of 1.6.20, 1.7.24, 2.1.9, 2.2.3, 2.3.7 and
    2.4.2; containerd 2 moves what it finds into CRI_IMAGES.

    Args:
        number: version of the configuration.
        version: of containerd.
    """
    if version < releases.CRI_IN_TWO:
        return (FIRST_CRI,) if number < 2 else (CRI,)  # noqa: PLR2004 - a version
    if version < releases.MOVES_EVERY_VERSION:
        return (CRI, CRI_IMAGES) if number == 2 else (CRI_IMAGES,)  # noqa: PLR2004
    if number > NEWEST:
        return (CRI_IMAGES,)
    return (
        (CRI, FIRST_CRI, CRI_IMAGES)
        if number < 2  # noqa: PLR2004 - a version
        else (CRI, CRI_IMAGES)
    )


def ends_the_start(plugin: str, number: int, version: Version) -> bool:
    """Whether containerd does not start with a table of that name below ``plugins``.

    As cmd/containerd/server/config ValidateV2 does, before 2.0.

    Args:
        plugin: the name.
        number: version of the configuration.
        version: of containerd.
    """
    is_checked = number > 1 and version < releases.CRI_IN_TWO
    return is_checked and not is_plugin(plugin)


def is_plugin(name: str) -> bool:
    """Whether a plugin can be named so since version 2."""
    return name.startswith(_URI) and name.count(".") + 1 >= _URI_PARTS
