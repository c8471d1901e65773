"""The last check: what it said of each registry, for `list`.

Best effort, and only for root.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any, Dict, Mapping, Tuple

from private_registry.named_tuple import NamedTuple
from private_registry.node import files
from private_registry.node.file_values import NodePath, Root
from private_registry.node.paths import LAST_CHECK, STATE, STATE_DIRECTORY, Node
from private_registry.texts import json_text
from private_registry.transaction import records
from private_registry.transaction.lock import held_at_once

_LATEST = 2**36  # in two thousand years; later ones have no date everywhere


class CheckedAt(NamedTuple):
    """What the last check of a registry said.

    Args:
        time: seconds since the epoch.
        causes: of its faults; none where it was fine.
    """

    time: float
    causes: Tuple[str, ...] = ()


def remember(
    node: Node, checks: Mapping[str, Tuple[str, ...]], *, is_everything: bool
) -> None:
    """Keep what a check said, where this addon keeps things at all and nobody is at
    work.

    Args:
        node: that was checked.
        checks: the causes of the faults of each registry; none where it was fine.
        is_everything: whatever was remembered of other registries counts no more.
    """
    try:
        if not records.exists(node, STATE):
            return
        with held_at_once(node.lock) as turn:
            if turn.is_ours:
                known = {} if is_everything else recall(node)
                now = time.time()
                new = {name: CheckedAt(now, each) for name, each in checks.items()}
                _write(node, {**known, **new})
    except OSError:
        # Not root, or the disk is full: the check itself does not depend on it.
        return


def recall(node: Node) -> Dict[str, CheckedAt]:
    """Return what the last checks said, by registry.

    Empty where nothing is remembered.
    """
    content = records.read(node, LAST_CHECK)
    if content is None:
        return {}
    try:
        plain: Any = json_text.loads(content)
        return {
            str(name): CheckedAt(
                _seconds(each["time"]), tuple(map(str, each["causes"]))
            )
            for name, each in plain.items()
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        # Written by another version; the next check writes it anew.
        return {}


def _seconds(plain: Any) -> float:
    if isinstance(plain, bool) or not isinstance(plain, (int, float)):
        raise TypeError(plain)
    if not 0 <= plain < _LATEST:
        raise ValueError(plain)
    return plain


def _write(node: Node, checks: Mapping[str, CheckedAt]) -> None:
    plain = {
        name: {"time": each.time, "causes": each.causes}
        for name, each in checks.items()
    }
    content = json.dumps(plain, indent=2).encode()
    # A killed run's staging directories are cleared away by the next run.
    staging = node.place(
        NodePath(Root.COMMON, f"{STATE_DIRECTORY}/staging-{os.urandom(8).hex()}")
    )
    files.make_own_directory(staging)
    try:
        temporary = staging.below("check")
        files.write_new(temporary, content, files.PRIVATE_FILE, None)
        files.rename(temporary, node.place(LAST_CHECK))
    finally:
        files.remove_flat_directory(staging)
