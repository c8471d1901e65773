"""Node objects without a machine, for many simulated agents, and taking nodes out of a
cluster.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from registry_harness.errors import StartError
from registry_harness.kubernetes.accounts import api_as_account
from registry_harness.kubernetes.api import Api

FAKE = "registry-harness/fake"
_AT_ONCE = 8
_SECONDS = 60
_POLL_SECONDS = 0.2
_Given = TypeVar("_Given")
_Value = TypeVar("_Value")


@dataclass(frozen=True)
class FakeNode:
    """A Node that only the API server knows.

    Args:
        name: its own.
        api: the API server as asked by a service account whose token is bound to it,
            as in a pod there.
    """

    name: str
    api: Api


@contextmanager
def fake_nodes(
    api: Api, count: int, namespace: str, account: str, prefix: str = "fake"
) -> Iterator[list[FakeNode]]:
    """Make Nodes without machines; they are gone at the end of the block, and their
    pods, too.

    They are never ready and have the label FAKE. A DaemonSet has pods there that wait
    for ever.

    Args:
        api: of the cluster.
        count: how many.
        namespace: of the account.
        account: that they ask as.
        prefix: of their names; a number follows.

    Raises:
        ApiRefused: there is no such account.
    """
    names = [f"{prefix}-{number}" for number in range(1, count + 1)]
    try:
        make = partial(_make, namespace=namespace, account=account)
        yield _for_all(api, names, make)
    finally:
        forget_nodes(api, names)


def forget_nodes(api: Api, names: Collection[str]) -> None:
    """Take Nodes out of a cluster that are in it, and what pods it says are there.

    Raises:
        StartError: there are pods again and again.
    """
    _for_all(
        api, list(names), lambda asked, name: asked.delete_at_once("nodes", "", name)
    )
    deadline = time.monotonic() + _SECONDS
    # A controller may make one more until it has heard of that.
    while pods := _pods_on(api, names):
        _for_all(api, pods, lambda asked, pod: asked.delete_at_once("pods", *pod))
        if time.monotonic() > deadline:
            raise StartError(f"pods are still there: {pods}")
        time.sleep(_POLL_SECONDS)


def _make(api: Api, name: str, *, namespace: str, account: str) -> FakeNode:
    labels = {FAKE: "true", "kubernetes.io/hostname": name}
    node = api.create("nodes", "", {"metadata": {"name": name, "labels": labels}})
    return FakeNode(name, api_as_account(api, namespace, account, node))


def _pods_on(api: Api, names: Collection[str]) -> list[tuple[str, str]]:
    return [
        (pod["metadata"]["namespace"], pod["metadata"]["name"])
        for pod in api.items("pods")
        if pod["spec"].get("nodeName") in names
    ]


def _for_all(
    api: Api, given: Sequence[_Given], do: Callable[[Api, _Given], _Value]
) -> list[_Value]:
    """Do something for each of many, over a few connections."""
    parts = [given[start::_AT_ONCE] for start in range(_AT_ONCE)]

    def work(part: Sequence[_Given]) -> list[_Value]:
        with api.connected() as asked:
            return [do(asked, each) for each in part]

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        done = list(pool.map(work, parts))
    return [done[index % _AT_ONCE][index // _AT_ONCE] for index in range(len(given))]
