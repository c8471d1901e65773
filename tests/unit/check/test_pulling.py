"""What a real pull brings, and what of it stays.

Tests/e2e/test_check_pull.py pulls for real.
"""

from __future__ import annotations

from typing import Dict, FrozenSet, Iterable, List, Optional, Tuple

import pytest

from private_registry.check import pulling
from private_registry.check.image import Image
from private_registry.check.outcome import Afterwards, CheckOutcome, PullTry
from private_registry.cli.show_check import check, check_plain
from private_registry.containerd.cri import calls
from private_registry.containerd.cri.grpc import OK, Reply
from private_registry.kubelet.logins import read_kubelet_logins
from private_registry.node.paths import Node
from private_registry.registries.logins import Login
from private_registry.registries.names import parse_registry_name

NAME = "reg.corp/app:1"
IMAGE = Image(parse_registry_name("reg.corp", "x"), "app", "1")
NODE = Node.at("/snap", "/data", "/common")
OLD, NEW = "sha256:old", "sha256:new"
REMOVED, WAS_THERE = PullTry(NAME, "", Afterwards.REMOVED), PullTry(
    NAME, "", Afterwards.WAS_THERE
)


class Store:
    """A containerd's images.

    Args:
        names: what stands for which image.
        silent: the calls that are not answered.
        brings: the image that a pull brings; None where it brings none.
        words: containerd's, where a pull fails.
    """

    def __init__(
        self,
        names: Dict[str, str],
        silent: Iterable[str] = (),
        brings: Optional[str] = NEW,
        words: Optional[str] = None,
    ) -> None:
        self.names, self._silent, self._brings, self._words = (
            names,
            set(silent),
            brings,
            words,
        )
        self.done: List[str] = []

    def pull(
        self, _socket: str, reference: str, _seconds: float, _login: Optional[Login]
    ) -> Optional[str]:
        if self._brings is not None:
            self.names[reference] = self._brings
        self.done.append("pull")
        if "pull" in self._silent:
            raise KeyboardInterrupt
        return self._words

    def image_id(self, _socket: str, reference: str, _seconds: float) -> Optional[str]:
        is_silent = "status" in self._silent or (
            "status then" in self._silent and self.done
        )
        return None if is_silent else self.names.get(reference, "")

    def image_ids(self, _socket: str, _seconds: float) -> Optional[FrozenSet[str]]:
        return None if "list" in self._silent else frozenset(self.names.values())

    def remove(self, _socket: str, identifier: str, _seconds: float) -> Optional[str]:
        if "remove" in self._silent:
            return "no answer\x1b[2J within 10 s"
        self.names = {
            key: each for key, each in self.names.items() if each != identifier
        }
        self.done.append(f"remove {identifier}")
        return None

    def name_image(self, _node: Node, _socket: str, image: str, name: str) -> bool:
        if "tag" in self._silent:
            return False
        self.names[name] = "" if "tag sees" in self._silent else image
        return True


def pulled(store: Store, patch: pytest.MonkeyPatch) -> PullTry:
    for name in ("pull", "image_id", "image_ids", "remove"):
        patch.setattr(calls, name, getattr(store, name))
    patch.setattr(pulling, "name_image", store.name_image)
    patch.setattr(pulling, "_NAMED_SECONDS", 0.1)
    return pulling.pull(NODE, "/socket", IMAGE)


@pytest.mark.parametrize(
    ("store", "expected", "left"),
    [
        (Store({}), REMOVED, {}),
        (Store({NAME: OLD}, brings=OLD), WAS_THERE, {NAME: OLD}),
        (Store({"other": NEW}), WAS_THERE, {"other": NEW, NAME: NEW}),
        (Store({NAME: OLD}), REMOVED, {NAME: OLD}),
        (Store({}, brings=None, words="no"), PullTry(NAME, "no"), {}),
        (Store({}, words="no space"), REMOVED._replace(words="no space"), {}),
    ],
    ids=["new", "there", "other name", "moved", "fails", "fails while it unpacks"],
)
def test_what_becomes_of_an_image(
    store: Store,
    expected: PullTry,
    left: Dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert pulled(store, monkeypatch) == expected
    assert store.names == left


@pytest.mark.parametrize(
    ("store", "why"),
    [
        (Store({}, ["list"]), "does not tell"),
        (Store({}, ["status"]), "does not tell"),
        (Store({}, ["status then"]), "does not tell"),
        (Store({}, ["remove"]), "containerd says: no answer?[2J within 10 s"),
        (Store({NAME: OLD}, ["tag"]), "another image before"),
        (Store({NAME: OLD}, ["tag sees"]), "another image before"),
    ],
    ids=["list", "status", "status then", "remove", "tag", "tag is not seen"],
)
def test_an_image_that_stays_is_a_note_and_no_fault(
    store: Store, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = pulled(store, monkeypatch)
    assert tried.afterwards is Afterwards.STAYS
    assert why in tried.why
    assert "remove" not in " ".join(store.done)
    outcome = CheckOutcome((), (), pull=tried)
    assert outcome.is_clean
    text = "\n".join(check(outcome, colours=False))
    assert (
        "note: the image stays, and every pod of this node may use it\n  why: " in text
    )
    assert check_plain(outcome)["pull"]["afterwards"] == "stays"


def test_a_run_that_is_interrupted_takes_it_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = Store({}, ["pull"])
    with pytest.raises(KeyboardInterrupt):
        pulled(store, monkeypatch)
    assert store.names == {}


def test_a_name_is_never_gone_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store({NAME: OLD})
    seen: List[str] = []
    remove = store.remove

    def look(socket: str, identifier: str, seconds: float) -> Optional[str]:
        seen.append(store.names[NAME])
        return remove(socket, identifier, seconds)

    monkeypatch.setattr(store, "remove", look)
    pulled(store, monkeypatch)
    assert seen == [OLD]


#: The kubelet's logins; what containerd gets of them with a pull (cri-api api.proto).
LOGINS: Dict[str, Tuple[str, bytes]] = {
    "one": ('{"reg.corp": {"auth": "YW5uOng="}}', b"\x12\x08\x0a\x03ann\x12\x01x"),
    "none": ("{}", b""),
    "an empty one": ('{"reg.corp": {}}', b"\x12\x00"),
    "for another part of it": ('{"reg.corp/team": {"auth": "YW5uOng="}}', b""),
}


@pytest.mark.parametrize(("auths", "sent"), LOGINS.values(), ids=LOGINS)
def test_a_pull_has_the_login_that_the_kubelet_would_hand_over(
    monkeypatch: pytest.MonkeyPatch, auths: str, sent: bytes
) -> None:
    asked: List[bytes] = []

    def answer(_path: str, method: str, content: bytes, *_: object) -> Reply:
        if method.endswith("PullImage"):
            asked.append(content)
        return Reply(OK)

    monkeypatch.setattr(calls, "call", answer)
    logins = read_kubelet_logins(f'{{"auths": {auths}}}'.encode(), "config.json")
    pulling.pull(NODE, "socket", IMAGE, logins.handed_over("reg.corp", "app"))
    image = b"\x0a\x10\x0a\x0e" + NAME.encode()
    assert asked == [image + sent]
