"""The agent's loop: a round for new orders, and after somebody's change; a report when
what there is to report has changed.
"""

from __future__ import annotations

import random
import time
import traceback
from typing import Any, Callable, Dict, Optional, Tuple

from private_registry import __version__
from private_registry.all_nodes import answers
from private_registry.all_nodes.agent.api import Api, ApiError
from private_registry.all_nodes.agent.round import Round, carry_out
from private_registry.all_nodes.agent.watching import OrdersWatch, Signature, signature
from private_registry.all_nodes.names import LABELS, NAMESPACE
from private_registry.all_nodes.node_status import (
    ANNOTATION,
    ANSWER,
    NodeStatus,
    Trouble,
    from_text,
    to_text,
)
from private_registry.all_nodes.orders import Orders, Question
from private_registry.errors import PrivateRegistryError
from private_registry.named_tuple import NamedTuple
from private_registry.node.paths import Node

# How long somebody's change may go unseen.
_POLL_SECONDS = 5.0
# When what could not be carried out is tried once more.
_AGAIN_SECONDS = 60.0
# How long a report may wait for those of other nodes.
_LONGEST_SPREAD = 30.0


class Pod(NamedTuple):
    """Where an agent runs.

    Args:
        node: name of the node in the cluster.
        name: of the pod.
        uid: of the pod.
    """

    node: str
    name: str
    uid: str


class Agent:
    """The agent of one node.

    Args:
        find: returns the node that it runs on; a refresh of the snap moves its data.
        pod: that it runs in.
        api: that it reports to.
        say: is told what it does, for the pod's log.
    """

    def __init__(
        self,
        find: Callable[[], Node],
        pod: Pod,
        api: Api,
        say: Callable[[str], None],
    ) -> None:
        self._find, self._pod, self._api, self._say = find, pod, api, say
        self._node = find()
        self._orders: Optional[Orders] = None
        self._round: Optional[Round] = None
        self._seen: Optional[Signature] = None
        self._looked_at = 0.0
        self._reported: Optional[str] = None
        self._answered: Optional[int] = None
        # The last answer, until it could be sent.
        self._told = (-1, "")
        self._is_in_round = self._has_to_end = False

    def run(self) -> None:
        """Go on until the process is told to end; see end."""
        watch = OrdersWatch(self._api, self._say)
        watch.start()
        while True:
            self.step(watch.next(_POLL_SECONDS))

    def end(self) -> None:
        """End the process, after the round that is under way; called by a signal.

        Raises:
            SystemExit: now, where there is none.
        """
        self._has_to_end = True
        self._end_if_told()

    def _end_if_told(self) -> None:
        if self._has_to_end and not self._is_in_round:
            raise SystemExit(0)

    def step(self, orders: Optional[Orders]) -> None:
        """Do what there is to do.

        Args:
            orders: that have come in; None where none have.
        """
        if orders is not None:
            self._orders = orders
        if self._orders is None:
            return
        has_moved = self._has_moved()
        if orders is not None or has_moved or self._has_to_look:
            self._look(self._orders)
        if orders is not None:
            longest = min(orders.spread, _LONGEST_SPREAD)
            time.sleep(random.uniform(0.0, longest))  # noqa: S311 - no secret
        self._report()
        question = self._orders.question
        if question is not None and not self._orders.takes_back:
            self._answer(question)

    @property
    def _has_to_look(self) -> bool:
        """Whether somebody changed a file, or what went wrong is to be tried again."""
        is_wrong = self._round is not None and bool(self._round.status.cannot)
        is_due = is_wrong and time.monotonic() - self._looked_at > _AGAIN_SECONDS
        return is_due or signature(self._watched) != self._seen

    def _has_moved(self) -> bool:
        """Whether the snap has another revision now."""
        try:
            found = self._find()
        except PrivateRegistryError:
            # Between two revisions there may be none.
            return False
        before, self._node = self._node, found
        return found != before

    def _look(self, orders: Orders) -> None:
        watched = self._watched
        before = signature(watched)
        self._looked_at = time.monotonic()
        self._is_in_round = True
        self._round = self._next_round(orders)
        self._is_in_round = False
        self._end_if_told()
        # What somebody changes meanwhile is seen by one round more.
        is_still = self._watched == watched and signature(watched) == before
        self._seen = before if is_still else None

    @property
    def _watched(self) -> Tuple[str, ...]:
        return () if self._round is None else self._round.watched

    def _next_round(self, orders: Orders) -> Round:
        try:
            adopt = orders.adopt and orders.number > self._carried_out()
            return carry_out(self._node, orders, self._say, adopt=adopt)
        # A bug of ours must not end the agent in silence.
        except Exception as error:  # noqa: BLE001
            for line in traceback.format_tb(error.__traceback__):
                self._say(line.rstrip())
            why = f"a bug in private-registry-config: {type(error).__name__}"
            status = NodeStatus(orders.number, __version__, cannot=(Trouble("", why),))
            return Round(status, self._watched)

    def _carried_out(self) -> int:
        """Return the number of the last orders that this node has reported."""
        try:
            status = self._last_report()
        except ApiError:
            # Whatever was taken over then is taken over already.
            return self._orders.number if self._orders else 0
        return 0 if status is None else status.number

    def _last_report(self) -> Optional[NodeStatus]:
        """Return what was reported last, by this agent or the one before it."""
        if self._reported is None:
            self._reported = self._annotation(ANNOTATION)
        return from_text(self._reported)

    def _annotation(self, name: str) -> str:
        """Return what stands in this node's Lease from before."""
        lease = self._api.lease(self._pod.node) or {}
        return str((lease.get("metadata", {}).get("annotations") or {}).get(name, ""))

    def _answer(self, question: Question) -> None:
        if self._answered == question.number:
            return
        try:
            if self._answered is None:
                before = answers.from_text(self._annotation(ANSWER))
                self._answered = -1 if before is None else before.number
            if self._answered != question.number:
                # Many imports, and only for this.
                from private_registry.all_nodes.agent.answering import (  # noqa: PLC0415
                    answer_of,
                )

                if self._told[0] != question.number:
                    told = answers.to_text(answer_of(self._node, question))
                    self._told = (question.number, told)
                annotations = {ANSWER: self._told[1]}
                self._api.put_lease(self._pod.node, _lease_of(self._pod, annotations))
                self._answered = question.number
        except ApiError as error:
            # The next step tries again.
            self._say(str(error))

    def _report(self) -> None:
        status = None if self._round is None else self._round.status
        if status is None or to_text(status) == self._reported:
            return
        try:
            before = self._last_report()
            if to_text(status) == self._reported:
                return
            self._api.put_lease(self._pod.node, _lease(self._pod, status))
            self._reported = to_text(status)
            self._say(_line(status))
            if status.has_trouble and (before is None or not _same(before, status)):
                self._api.add_event(_event(self._pod, status))
        except ApiError as error:
            # The next step tries again.
            self._say(str(error))


def _same(before: NodeStatus, now: NodeStatus) -> bool:
    return before._replace(number=0, version="") == now._replace(number=0, version="")


def _line(status: NodeStatus) -> str:
    if status.taken_back:
        return f"change {status.number}: all is given back"
    troubles = [*status.cannot, *status.needs_restart]
    told = [f"{each.what}: {each.why}" for each in troubles]
    told += [f"{each} was changed by hand" for each in status.changed]
    return f"change {status.number}: " + ("; ".join(told) or "this node has it")


def _lease(pod: Pod, status: NodeStatus) -> Dict[str, Any]:
    lease = _lease_of(pod, {ANNOTATION: to_text(status)})
    spec = {"holderIdentity": pod.name, "renewTime": _now(micro=True)}
    return {**lease, "spec": spec}


def _lease_of(pod: Pod, annotations: Dict[str, str]) -> Dict[str, Any]:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {
            "name": pod.node,
            "namespace": NAMESPACE,
            "labels": dict(LABELS),
            "annotations": annotations,
        },
    }


def _event(pod: Pod, status: NodeStatus) -> Dict[str, Any]:
    now = _now()
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{pod.name}.", "namespace": NAMESPACE},
        "involvedObject": {
            "apiVersion": "v1",
            "kind": "Pod",
            "name": pod.name,
            "namespace": NAMESPACE,
            "uid": pod.uid,
        },
        "type": "Warning",
        "reason": "RegistriesNotAsWanted",
        "message": f"node {pod.node}: {_line(status)}"[:1000],
        "source": {"component": "private-registry-config", "host": pod.node},
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }


def _now(*, micro: bool = False) -> str:
    form = "%Y-%m-%dT%H:%M:%S.000000Z" if micro else "%Y-%m-%dT%H:%M:%SZ"
    return time.strftime(form, time.gmtime())
