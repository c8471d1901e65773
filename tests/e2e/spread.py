"""Which tests go to one worker together, and which of these begin first.

Files share nodes and registries within them. Those that have tests for each containerd
are as many parts as containerds, for each has a node of its own anyway.
"""

from __future__ import annotations

import re

from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from registry_harness.containerd.releases import SERIES

# These wait for clusters more than they work. What takes longest begins first, so that
# none of it is left alone at the end.
WAITING = (
    "all_nodes/test_trouble.py",
    "all_nodes/test_pods.py",
    "test_pull_secrets.py",
    # Of what is long it has the kubelet's minutes.
    "test_kubelet_logins.py",
    "test_nothing_left.py",
    "test_by_hand.py",
    "test_other_repositories.py",
    "test_workers.py",
)
# They share a cluster with what begins sooner.
SHARING = {
    "all_nodes/test_rights.py": "all_nodes/test_trouble.py",
    "all_nodes/test_many.py": "all_nodes/test_trouble.py",
    "test_harness_cluster.py": "all_nodes/test_trouble.py",
    "all_nodes/test_check.py": "all_nodes/test_pods.py",
    "test_kubernetes.py": "test_kubelet_logins.py",
}
# These keep a processor busy, and go beside those.
WORKING = (
    "test_matrix.py",
    "test_check_faults.py",
    "test_credentials.py",
    "test_redirects.py",
)
PARTED = (
    *WORKING,
    "test_reading.py",
    "test_remedies_keep.py",
)
_HERE = "tests/e2e/"
_SERIES = re.compile(rf"(?<![\d.])({'|'.join(map(re.escape, SERIES))})(?![\d.])")


def part_of(nodeid: str) -> str:
    """Return the name of the part that a test belongs to."""
    whole, _, name = nodeid.partition("::")
    path = whole.removeprefix(_HERE)
    series = _SERIES.search(name.partition("[")[2])
    is_parted = path.endswith(PARTED) and series is not None
    return f"{path} {series[1]}" if is_parted and series else SHARING.get(path, path)


def rank_of(nodeid: str) -> int:
    """Return which part begins when: the lower, the sooner.

    Parts that wait and parts that work take turns.
    """
    file, _, series = part_of(nodeid).partition(" ")
    if file in WAITING:
        return 2 * WAITING.index(file)
    if file in WORKING:
        place = SERIES.index(series) if series else len(SERIES)
        return 2 * (WORKING.index(file) * (len(SERIES) + 1) + place) + 1
    return 2 * (len(WAITING) + len(WORKING) * (len(SERIES) + 1))


class ByPart(LoadScopeScheduling):  # type: ignore[misc]
    """Gives workers whole parts, in the order of the tests."""

    def _split_scope(self, nodeid: str) -> str:
        return part_of(nodeid)
