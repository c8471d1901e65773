"""Rewritten names, which the containerd of k3s and RKE2 knows: the prefix of every name
that they say.
"""

from __future__ import annotations

import re
from typing import Mapping, Optional

_EVERY_NAME = re.compile(r"\^?\(\.[*+]\)\$?")
_GROUP_BEHIND = re.compile(r"(?P<prefix>([A-Za-z0-9._-]+/)*)(\$1|\$\{1\})")
_ONLY_BEGIN = re.compile(r"([A-Za-z0-9._-]+/)+")


def prefix_of(rewrites: Mapping[str, str]) -> Optional[str]:
    """Return what every name is prefixed with, or None where it is something else.

    Args:
        rewrites: patterns, and what takes the place of what they match.
    """
    if not rewrites:
        return ""
    if len(rewrites) > 1:
        return None
    return _prefix_of(*next(iter(rewrites.items())))


def _prefix_of(pattern: str, replacement: str) -> Optional[str]:
    prefix = None
    if _EVERY_NAME.fullmatch(pattern):
        match = _GROUP_BEHIND.fullmatch(replacement)
        prefix = match["prefix"] if match else None
    elif pattern == "^" and _ONLY_BEGIN.fullmatch(replacement):
        prefix = replacement
    if prefix is None or {".", ".."} & set(prefix.split("/")):
        return None
    return prefix.rstrip("/")
