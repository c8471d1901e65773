"""The agent's loop: when it looks, what it reports, and what it says to nobody."""

from __future__ import annotations

import json
import time
from typing import Any, Dict, List, Mapping, Optional

import pytest

from private_registry import __version__
from private_registry.all_nodes import answers, node_status
from private_registry.all_nodes.agent import loop
from private_registry.all_nodes.agent.api import ApiError
from private_registry.all_nodes.agent.loop import Agent, Pod
from private_registry.all_nodes.agent.round import carry_out
from private_registry.all_nodes.node_status import NodeStatus
from private_registry.all_nodes.orders import Orders, Question
from private_registry.node.paths import Node
from private_registry.registries.model import DesiredState, Registry
from private_registry.registries.names import parse_registry_name
from unit.microk8s import Microk8s
from unit.revisions import refresh

HOST = "10.141.241.175:32000"
SECRET = "S3cret!pass"
POD = Pod("node-1", "agent-amd64-x", "uid")


class FakeApi:
    """The API server, as far as an agent asks it; a real one is in the e2e tests."""

    def __init__(self) -> None:
        self.stored: Dict[str, Any] = {}
        self.reports: List[Mapping[str, Any]] = []
        self.events: List[Mapping[str, Any]] = []
        self.reads = 0
        self.is_away = False

    def lease(self, name: str) -> Optional[Mapping[str, Any]]:
        """Return a node's Lease."""
        self._check()
        self.reads += 1
        return self.stored.get(name)

    def put_lease(self, name: str, manifest: Mapping[str, Any]) -> None:
        """Merge a Lease into the one that is there."""
        self._check()
        self.reports.append(manifest)
        before = self.stored.get(name, {}).get("metadata", {}).get("annotations", {})
        after = {**before, **manifest["metadata"]["annotations"]}
        self.stored[name] = {"metadata": {"name": name, "annotations": after}}

    def add_event(self, manifest: Mapping[str, Any]) -> None:
        """Make an Event."""
        self._check()
        self.events.append(manifest)

    def status(self) -> Optional[NodeStatus]:
        """Return what was reported last."""
        annotations = self.stored[POD.node]["metadata"]["annotations"]
        return node_status.from_text(annotations[node_status.ANNOTATION])

    def _check(self) -> None:
        if self.is_away:
            raise ApiError(0, "the API server does not answer")


@pytest.fixture
def api() -> FakeApi:
    """An API server."""
    return FakeApi()


def node_at(node: Microk8s) -> Node:
    return Node.at(str(node.snap), str(node.current.resolve()), str(node.common))


def agent_on(node: Microk8s, api: FakeApi, said: Optional[List[str]] = None) -> Agent:
    lines: List[str] = [] if said is None else said
    fake: Any = api
    return Agent(lambda: node_at(node), POD, fake, lines.append)


def wanted(number: int = 1, *names: str, **more: Any) -> Orders:
    registries = tuple(
        Registry(parse_registry_name(each, "--insecure"), insecure=True)
        for each in names or (HOST,)
    )
    return Orders(DesiredState(registries), number, **more)


def hosts_toml(node: Microk8s) -> Any:
    return node.certs_d / HOST / "hosts.toml"


@pytest.mark.parametrize(("spread", "longest"), [(0.0, 0.0), (5.0, 5.0), (1e9, 30.0)])
def test_reports_of_many_nodes_are_spread(
    microk8s: Microk8s,
    api: FakeApi,
    monkeypatch: pytest.MonkeyPatch,
    spread: float,
    longest: float,
) -> None:
    slept: List[float] = []
    monkeypatch.setattr("random.uniform", lambda _low, high: high)
    monkeypatch.setattr("time.sleep", slept.append)
    agent = agent_on(microk8s, api)
    agent.step(wanted(spread=spread))
    agent.step(None)
    assert slept == [longest]
    assert len(api.reports) == 1


def test_a_change_is_one_report_and_peace_is_none(
    microk8s: Microk8s, api: FakeApi
) -> None:
    agent = agent_on(microk8s, api)
    agent.step(None)
    assert api.reports == []
    agent.step(wanted())
    for _ in range(10):
        agent.step(None)
    assert len(api.reports) == 1
    assert api.events == []
    assert api.status() == NodeStatus(1, __version__)
    agent.step(wanted(2))
    assert len(api.reports) == 2


def test_a_hand_edit_is_seen_told_once_and_forgotten_when_it_is_undone(
    microk8s: Microk8s, api: FakeApi
) -> None:
    agent = agent_on(microk8s, api)
    agent.step(wanted())
    text = hosts_toml(microk8s).read_text()
    hosts_toml(microk8s).write_text("server = 'http://by.hand'\n")
    for _ in range(3):
        agent.step(None)
    assert len(api.reports) == 2
    [event] = api.events
    assert "changed by hand" in event["message"]
    assert event["involvedObject"]["name"] == POD.name

    hosts_toml(microk8s).write_text(text)
    for _ in range(3):
        agent.step(None)
    assert len(api.reports) == 3
    assert len(api.events) == 1
    assert api.status() == NodeStatus(1, __version__)


def test_a_standing_order_to_repair_does_so_without_a_word(
    microk8s: Microk8s, api: FakeApi
) -> None:
    agent = agent_on(microk8s, api)
    agent.step(wanted(repair=True))
    text = hosts_toml(microk8s).read_text()
    hosts_toml(microk8s).write_text("server = 'http://by.hand'\n")
    for _ in range(3):
        agent.step(None)
    assert hosts_toml(microk8s).read_text() == text
    assert len(api.reports) == 1


def test_a_registry_of_the_nodes_own_is_seen(microk8s: Microk8s, api: FakeApi) -> None:
    agent = agent_on(microk8s, api)
    agent.step(wanted())
    assert microk8s.run("enable", "--registry", HOST).exit_code == 0
    agent.step(None)
    status = api.status()
    assert status is not None
    assert status.own == (HOST,)
    assert microk8s.run("disable").exit_code == 0
    for _ in range(2):
        agent.step(None)
    assert hosts_toml(microk8s).exists()


def test_what_could_not_be_reported_is_when_the_api_server_is_back(
    microk8s: Microk8s, api: FakeApi
) -> None:
    said: List[str] = []
    agent = agent_on(microk8s, api, said)
    api.is_away = True
    agent.step(wanted())
    # The node has it all the same.
    assert hosts_toml(microk8s).exists()
    assert said == ["the API server does not answer"]
    api.is_away = False
    agent.step(None)
    assert api.status() == NodeStatus(1, __version__)


def test_told_to_end_it_does_at_once_or_after_the_round_under_way(
    microk8s: Microk8s, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = agent_on(microk8s, api)

    def told_meanwhile(*given: Any, **named: Any) -> Any:
        agent.end()
        return carry_out(*given, **named)

    monkeypatch.setattr(loop, "carry_out", told_meanwhile)
    with pytest.raises(SystemExit) as ended:
        agent.step(wanted())
    assert ended.value.code == 0
    assert hosts_toml(microk8s).exists()

    idle = agent_on(microk8s, api)
    with pytest.raises(SystemExit) as ended:
        idle.end()
    assert ended.value.code == 0


def test_a_new_agent_repeats_no_event(microk8s: Microk8s, api: FakeApi) -> None:
    path = microk8s.write(f"args/certs.d/{HOST}/hosts.toml", "server = 'http://by'\n")
    for _ in range(3):
        agent_on(microk8s, api).step(wanted())
    assert len(api.events) == 1
    assert "by" in path.read_text()


def test_taking_over_is_done_once_whoever_starts_the_agent_anew(
    microk8s: Microk8s, api: FakeApi
) -> None:
    order = wanted(1, adopt=True)
    microk8s.write(f"args/certs.d/{HOST}/hosts.toml", "server = 'http://theirs'\n")
    agent_on(microk8s, api).step(order)
    assert HOST in hosts_toml(microk8s).read_text()
    hosts_toml(microk8s).write_text("server = 'http://by.hand'\n")
    agent_on(microk8s, api).step(order)
    assert "by.hand" in hosts_toml(microk8s).read_text()


def test_what_could_not_be_done_is_tried_again_after_a_minute(
    microk8s: Microk8s, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds: List[int] = []
    really = carry_out

    def counted(*given: Any, **more: Any) -> Any:
        rounds.append(1)
        return really(*given, **more)

    monkeypatch.setattr(loop, "carry_out", counted)
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    (microk8s.certs_d / HOST / "hosts.toml").mkdir(parents=True)
    agent = agent_on(microk8s, api)
    agent.step(wanted())
    for _ in range(5):
        agent.step(None)
    before = len(rounds)
    agent.step(None)
    assert len(rounds) == before
    now[0] += 61
    agent.step(None)
    assert len(rounds) == before + 1
    assert len(api.reports) == 1


def test_a_bug_is_reported_and_the_agent_goes_on(
    microk8s: Microk8s, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: List[str] = []

    def broken(*_given: Any, **_more: Any) -> Any:
        raise KeyError(SECRET)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "carry_out", broken)
        agent = agent_on(microk8s, api, said)
        agent.step(wanted())
    status = api.status()
    assert status is not None
    assert "a bug in private-registry-config: KeyError" in status.cannot[0].why
    assert SECRET not in "".join(said) + json.dumps(api.reports)
    agent.step(wanted(2))
    assert api.status() == NodeStatus(2, __version__)


def test_a_question_is_answered_once(microk8s: Microk8s, api: FakeApi) -> None:
    question = Question(7, (f"{HOST}/app:1",))
    order = wanted(1, question=question)
    for _ in range(2):
        # The second one finds in its Lease that it was answered.
        agent = agent_on(microk8s, api)
        agent.step(order)
        agent.step(None)
    told = [
        each["metadata"]["annotations"][node_status.ANSWER]
        for each in api.reports
        if node_status.ANSWER in each["metadata"]["annotations"]
    ]
    assert len(told) == 1
    answer = answers.from_text(told[0])
    assert answer is not None
    assert answer.number == 7
    assert not answer.is_clean


def test_a_refresh_of_the_snap_is_followed(microk8s: Microk8s, api: FakeApi) -> None:
    agent = agent_on(microk8s, api)
    agent.step(wanted())
    before = microk8s.data
    refresh(microk8s)
    agent.step(wanted(2, HOST, "reg.corp"))
    new = microk8s.current.resolve()
    assert new != before
    assert (new / "args/certs.d/reg.corp/hosts.toml").exists()
    assert not (before / "args/certs.d/reg.corp").exists()
    (new / f"args/certs.d/{HOST}/hosts.toml").unlink()
    agent.step(None)
    status = api.status()
    assert status is not None
    assert len(status.changed) == 1


def test_an_answer_that_could_not_be_sent_is_not_worked_out_anew(
    microk8s: Microk8s, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    worked: List[int] = []

    def answered(_node: Node, question: Question) -> answers.Answer:
        worked.append(question.number)
        return answers.Answer(question.number)

    monkeypatch.setattr(
        "private_registry.all_nodes.agent.answering.answer_of", answered
    )
    agent = agent_on(microk8s, api)
    agent.step(wanted())
    reports = len(api.reports)
    put = api.put_lease
    monkeypatch.setattr(api, "put_lease", away)
    for _ in range(3):
        agent.step(wanted(1, question=Question(7)))
    monkeypatch.setattr(api, "put_lease", put)
    agent.step(None)
    assert worked == [7]
    assert len(api.reports) == reports + 1


def away(_name: str, _manifest: Mapping[str, Any]) -> None:
    raise ApiError(0, "the API server does not answer")
