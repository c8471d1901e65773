"""Versions of containerd's configuration: where each has CRI's settings.

The number stands as ``version`` at the top of containerd-template.toml; a file without
one has version 1. A new version is a row of REGISTRY.
"""

from __future__ import annotations

# CRI's section; version 3 has it in two, of which images are one.
FIRST_CRI = ("plugins", "cri")
CRI = ("plugins", "io.containerd.grpc.v1.cri")
CRI_IMAGES = ("plugins", "io.containerd.cri.v1.images")
# What pulls where containerd 2.1 and newer unpack images themselves.
TRANSFER = ("plugins", "io.containerd.transfer.v1.local")

NEWEST = 3
SECTIONS = {1: FIRST_CRI, 2: CRI, 3: CRI_IMAGES}
REGISTRY = {number: (*section, "registry") for number, section in SECTIONS.items()}
