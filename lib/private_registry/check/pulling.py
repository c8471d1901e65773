"""Pulls: a real one, and the node's images as they were before.

To the kubelet an image that it has not pulled itself is one that was there from the
beginning, and from Kubernetes 1.35 on every pod may use such a one (KEP-2535). So what
a pull of ours brings goes again. CRI removes an image with all its names: one that was
there under another name stays, and a name that stood for another image stands for that
one again.
"""

from __future__ import annotations

import time
from typing import List, Optional, Tuple

from private_registry.check.causes import Cause
from private_registry.check.findings import Finding
from private_registry.check.image import Image
from private_registry.check.node_state import NodeState
from private_registry.check.outcome import Afterwards, PullTry
from private_registry.check.remedy_facts import facts_of
from private_registry.check.request import CheckRequest
from private_registry.check.server_words import harmless
from private_registry.containerd.cri import calls
from private_registry.containerd.daemon import name_image
from private_registry.errors import UsageError
from private_registry.node.paths import Node
from private_registry.registries.logins import Login

PULL_SECONDS = 300
LONGEST_WORDS = 2000
_ANSWER_SECONDS = 10
_NAMED_SECONDS = 5
_POLL_SECONDS = 0.05
_NOT_TOLD = "containerd does not tell whether it was there before"


def pulled(
    node: Node, state: NodeState, request: CheckRequest, *, is_faulty: bool
) -> Tuple[Optional[PullTry], List[Finding]]:
    """Pull what is checked, where that is asked for; return what came of it.

    Args:
        node: whose containerd pulls.
        state: of the node.
        request: what to check.
        is_faulty: why it cannot be pulled is known already.

    Raises:
        UsageError: this user may not ask containerd to pull.
    """
    if not request.pull:
        return None, []
    image = request.subjects[0].image
    if image is None:
        raise AssertionError(request)
    if not state.runtime.has_cri:
        raise UsageError(
            "only root may ask containerd to pull",
            place="option --pull",
            remedy=f"sudo microk8s private-registry check --pull {image}",
        )
    login = state.kubelet.handed_over(str(image.registry), image.repository)
    tried = pull(node, state.runtime.socket, image, login)
    if not tried.words:
        return tried, []
    found = [] if is_faulty else [finding_of(node, image, tried.words)]
    return tried._replace(words=harmless(tried.words, LONGEST_WORDS)), found


def pull(
    node: Node, socket: str, image: Image, login: Optional[Login] = None
) -> PullTry:
    """Pull an image as the kubelet does, and remove it again unless it was there
    before.

    Args:
        node: whose containerd pulls.
        socket: of containerd.
        image: what to pull.
        login: that the kubelet hands over; None for none.
    """
    images = _Images(node, socket, str(image))
    try:
        words = calls.pull(socket, str(image), PULL_SECONDS, login)
    except BaseException:
        images.as_before()
        raise
    # A pull that fails while it unpacks has its image named already.
    tried = images.as_before()
    return tried if words is None else tried._replace(words=words)


def finding_of(node: Node, image: Image, words: str) -> Finding:
    """Say what containerd's words tell of a pull that fails.

    Args:
        node: whose containerd has said them.
        image: that was pulled.
        words: as containerd says them.
    """
    # Rarely needed.
    from private_registry.check.explain.explain import explain  # noqa: PLC0415

    # It is one message, however many a registry makes its own part of it look like.
    text = " ".join(words.split()).replace(", rpc error:", "; rpc error:")
    explained = explain(text, facts_of(node))
    registry = str(image.registry)
    if not explained:
        why = harmless(words, LONGEST_WORDS)
        return Finding(Cause.UNKNOWN, "containerd cannot pull it", registry, why=why)
    first = explained[0]
    return Finding(
        first.cause, first.what, registry, why=first.why, remedy=first.remedy
    )


class _Images:
    """The images that a node has before a pull.

    Args:
        node: which.
        socket: of its containerd.
        reference: what is to be pulled.
    """

    def __init__(self, node: Node, socket: str, reference: str) -> None:
        self._node, self._socket, self._reference = node, socket, reference
        self._named = self._id()
        self._known = calls.image_ids(socket, _ANSWER_SECONDS)

    def as_before(self) -> PullTry:
        """Remove what the reference stands for now, unless it was there before."""
        now = self._id()
        if now == "":
            return PullTry(self._reference)
        if now is None or self._named is None or self._known is None:
            return self._stays(_NOT_TOLD)
        if now in self._known:
            return PullTry(self._reference, afterwards=Afterwards.WAS_THERE)
        if self._named and not self._is_named_again():
            return self._stays(
                "the name stood for another image before, and cannot be given back"
            )
        problem = calls.remove(self._socket, now, _ANSWER_SECONDS)
        if problem is not None:
            return self._stays(f"containerd says: {harmless(problem, LONGEST_WORDS)}")
        return PullTry(self._reference, afterwards=Afterwards.REMOVED)

    def _id(self) -> Optional[str]:
        return calls.image_id(self._socket, self._reference, _ANSWER_SECONDS)

    def _is_named_again(self) -> bool:
        """Let the name stand for the image again that it stood for, and wait until
        CRI sees it.
        """
        if not name_image(self._node, self._socket, self._named or "", self._reference):
            return False
        end = time.monotonic() + _NAMED_SECONDS
        while self._id() != self._named:
            if time.monotonic() > end:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _stays(self, why: str) -> PullTry:
        return PullTry(self._reference, afterwards=Afterwards.STAYS, why=why)
