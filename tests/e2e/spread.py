"""Which tests go to one worker together, and which of these begin first.

Files share nodes and registries within them. Those that have tests for each containerd
are as many parts as containerds, for each has a node of its own anyway.
"""

from __future__ import annotations

import re

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from registry_harness.containerd.releases import SERIES

# What takes long and cannot be parted, so that none of it is left alone at the end.
FIRST = (
    "test_by_hand.py",
    # It waits for minutes and needs no processor meanwhile.
    "test_kubelet_logins.py",
    "test_all_nodes_many.py",
    "test_all_nodes.py",
    "test_all_nodes_trouble.py",
    "test_all_nodes_rights.py",
    "test_all_nodes_check.py",
    "test_pull_secrets.py",
    "test_kubernetes.py",
    "test_harness_cluster.py",
    "test_nothing_left.py",
    "test_workers.py",
    "test_matrix.py",
    "test_check_faults.py",
    "test_redirects.py",
)
PARTED = (
    "test_matrix.py",
    "test_check_faults.py",
    "test_credentials.py",
    "test_reading.py",
    "test_redirects.py",
    "test_remedies_keep.py",
)
_SERIES = re.compile(rf"(?<![\d.])({'|'.join(map(re.escape, SERIES))})(?![\d.])")


def part_of(nodeid: str) -> str:
    """Return the name of the part that a test belongs to."""
    path, _, name = nodeid.partition("::")
    series = _SERIES.search(name.partition("[")[2])
    is_parted = path.endswith(PARTED) and series is not None
    return f"{path} {series[1]}" if is_parted and series else path


def rank_of(nodeid: str) -> int:
    """Return which part begins when: the lower, the sooner."""
    name = nodeid.partition("::")[0].rpartition("/")[2]
    return FIRST.index(name) if name in FIRST else len(FIRST)


class ByPart(LoadScopeScheduling):  # type: ignore[misc]
    """Gives workers whole parts, in the order of the tests."""

    def _split_scope(self, nodeid: str) -> str:
        return part_of(nodeid)
