"""Rounds of the agent that are killed, or fail, at any operation."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path
from typing import Any, Callable, NamedTuple, Optional

import pytest

from private_registry.all_nodes.agent.round import Round, carry_out
from private_registry.all_nodes.orders import Orders
from private_registry.node.paths import Node
from private_registry.registries.model import (
    KUBELET,
    Credentials,
    DesiredState,
    Registry,
)
from private_registry.registries.names import parse_registry_name
from unit.interruptions import failing, interrupted, killed_in
from unit.microk8s import Microk8s, ok
from unit.trees import Tree, copy_with_owners

OURS = "private-registry-config"


def plain(name: str) -> Registry:
    return Registry(parse_registry_name(name, "--insecure"), insecure=True)


def logged_in(name: str, password: str) -> Registry:
    login = Credentials("me", password, plaintext=True, login_by=KUBELET)
    return plain(name)._replace(credentials=login)


def orders(number: int, *registries: Registry) -> Orders:
    return Orders(DesiredState(registries), number)


TAKEN_BACK = Orders(number=9, takes_back=True)
ONE = orders(1, plain("a.corp"), logged_in("l.corp", "0ne!"))


class Scene(NamedTuple):
    """What a node has of all nodes, and the orders of the round."""

    before: Optional[Orders]
    wanted: Orders
    own: bool = False


SCENES = {
    "the first": Scene(None, ONE),
    "others": Scene(
        ONE, orders(2, plain("b.corp"), plain("localhost:32000"), plain("a.corp"))
    ),
    "a password": Scene(ONE, orders(2, plain("a.corp"), logged_in("l.corp", "tw0!"))),
    "all is taken back": Scene(ONE, TAKEN_BACK),
    "beside the node's own": Scene(ONE, orders(2, plain("b.corp")), own=True),
}


class Stage:
    """A scene that can be played again and again."""

    def __init__(self, scene: Scene, work: Path) -> None:
        self._master, self._play = work / "master", work / "play"
        self.node = Microk8s(self._play)
        self.original = self.node.tree()
        if scene.own:
            login = ("--username", "ann", "--password-stdin", "--login-by", "kubelet")
            own = ("enable", "--registry", "own.corp", *login)
            ok(self.node.run(*own, stdin=b"0wn!"))
        if scene.before is not None:
            self._round(scene.before)
        self._wanted = scene.wanted
        self.before = self.node.tree()
        copy_with_owners(self._play, self._master)
        with interrupted(0, failing(0)) as counted:
            self.play()
        self.operations = counted.count
        self.after = self.node.tree()

    def reset(self) -> None:
        """Bring back what was before the round."""
        shutil.rmtree(str(self._play))
        copy_with_owners(self._master, self._play)

    def play(self) -> Round:
        """Carry out the round."""
        return self._round(self._wanted)

    def check_all_can_be_taken_back(self) -> None:
        """Check that both owners lead back to before the first of them."""
        self._round(TAKEN_BACK)
        ok(self.node.run("disable"))
        assert self.node.tree() == self.original

    def _round(self, wanted: Orders) -> Round:
        node = self.node
        found = Node.at(str(node.snap), str(node.data), str(node.common))
        with node.containerd_here():
            return carry_out(found, wanted, lambda _line: None, adopt=False)


def seen(tree: Tree) -> Tree:
    """Return what MicroK8s, containerd and the kubelet see of a tree."""
    return {path: entry for path, entry in tree.items() if OURS not in path}


@pytest.fixture(params=list(SCENES.values()), ids=list(SCENES))
def stage(request: Any, tmp_path: Path) -> Stage:
    """A stage for each scene."""
    return Stage(request.param, tmp_path)


def by_the_agent(stage: Stage) -> None:
    stage.play()


def by_the_node(stage: Stage) -> None:
    ok(stage.node.run("plugin", "list"))


def killed(stage: Stage, at: int, ends: Callable[[Stage], None]) -> None:
    """Kill the round at an operation, and let somebody end it."""
    stage.reset()
    assert killed_in(at, stage.play)
    for path, entry in stage.node.tree().items():
        if OURS not in path and entry[0] == "file":
            assert entry in (stage.before.get(path), stage.after.get(path)), (at, path)
    ends(stage)
    assert seen(stage.node.tree()) in (seen(stage.before), seen(stage.after)), at
    stage.play()
    assert stage.node.tree() == stage.after, at
    stage.check_all_can_be_taken_back()


@pytest.mark.parametrize("ends", [by_the_agent, by_the_node])
def test_killed_in_the_middle(stage: Stage, ends: Callable[[Stage], None]) -> None:
    for at in (stage.operations // 3, stage.operations * 2 // 3):
        killed(stage, at, ends)


@pytest.mark.exhaustive
def test_killed_anywhere_the_next_one_finishes_or_undoes(stage: Stage) -> None:
    for at in range(1, stage.operations + 1):
        killed(stage, at, by_the_agent if at % 2 else by_the_node)


@pytest.mark.exhaustive
def test_a_failing_operation_is_reported_and_done_the_next_time(stage: Stage) -> None:
    errors = [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES]
    for at in range(1, stage.operations + 1):
        stage.reset()
        with interrupted(at, failing(errors[at % len(errors)])):
            status = stage.play().status
        if seen(stage.node.tree()) != seen(stage.after):
            assert status.cannot, at
        stage.play()
        assert stage.node.tree() == stage.after, at
        stage.check_all_can_be_taken_back()
