"""Refresh and revert of the snap, as snapd does them."""

from __future__ import annotations

import shutil
import subprocess
from typing import List

from unit.microk8s import ADDON, HOOK, Microk8s, Result


def refresh(node: Microk8s) -> List[Result]:
    """Copy SNAP_DATA to the next revision, point ``current`` there, run the
    post-refresh hook.
    """
    old = node.data
    node.data = node.snaps_data / str(int(old.name) + 1)
    subprocess.run(["cp", "-a", str(old), str(node.data)], check=True)
    point_current(node)
    return [run_hook(node)] if (node.common / HOOK).exists() else []


def revert(node: Microk8s) -> None:
    """Go back to the data of the revision before; snapd keeps the newer one."""
    node.data = node.snaps_data / str(int(node.data.name) - 1)
    point_current(node)


def forget_revision(node: Microk8s, name: str) -> None:
    """Remove an old revision's data, as snapd does after some refreshes."""
    shutil.rmtree(str(node.snaps_data / name))


def point_current(node: Microk8s) -> None:
    """Point ``current`` to the revision in use."""
    node.current.unlink()
    node.current.symlink_to(node.data.name)


def run_hook(node: Microk8s) -> Result:
    """Check that the hook calls apply through the addon's door, and do that in this
    process.
    """
    text = (node.common / HOOK).read_text()
    assert f"door='{ADDON / 'plugin'}'" in text
    assert text.rstrip().endswith("apply --after-refresh")
    return node.run("plugin", "apply", "--after-refresh")
