"""What all nodes cost: an agent its node, and many agents their API server."""

from __future__ import annotations

import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from e2e.conftest import Figure
from registry_harness import CertificateAuthority
from registry_harness.kubernetes import (
    AuditedRequest,
    FakeNode,
    account_user,
    fake_nodes,
)
from registry_harness.machine.processes import Daemon

from .together import AGENT, NAMESPACE, Running, Together, done

pytestmark = pytest.mark.kubernetes
LONG = [pytest.mark.exhaustive, pytest.mark.long]

MIB = 1 << 20
MOST_MEMORY = 64 * MIB
USER = account_user(NAMESPACE, AGENT)
PROGRAM = Path(__file__).with_name("many_agents.py")
PROCESSES = 4


def asked(nodes: Together, since: int) -> list[AuditedRequest]:
    """Return what agents have asked the API server for."""
    requests = nodes.cluster.control_plane.requests(since)
    return [each for each in requests if each.user == USER]


def peak(nodes: Together, number: int) -> int:
    """Return the most memory that a node's agent has had, in bytes."""
    process = str(nodes.agent(number).process)
    lines = (nodes.node(number).machine.processes / process / "status").read_text()
    (found,) = (each for each in lines.splitlines() if each.startswith("VmHWM:"))
    return int(found.split()[1]) * 1024


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("count", "with_authority"),
    [
        pytest.param(1000, False, id="1000"),
        pytest.param(1000, True, id="1000-ca"),
    ],
)
def test_an_agent_of_many_registries_is_small(
    nodes: Together, figure: Figure, count: int, with_authority: bool
) -> None:
    authority = CertificateAuthority().pem.decode() if with_authority else ""
    lines = []
    for number in range(count):
        lines.append(f'[[registry]]\nhost = "r{number}.corp:5000"')
        lines.append(f"ca = '''{authority}'''" if authority else "insecure = true")
    text = "\n".join(lines)
    begun = time.monotonic()
    added = nodes.node(1).node.enable("--file", "-", "--all-nodes", stdin=text)
    assert added.exit_code in (0, 4), added
    nodes.cluster.wait_until(
        "all nodes have it",
        lambda: {each["state"] for each in nodes.rows().values()} == {"ok"},
        600,
    )
    taken = time.monotonic() - begun
    agents = [nodes.agent(number) for number in (1, 2, 3)]
    most = max(peak(nodes, number) for number in (1, 2, 3))
    now = [
        nodes.node(each).usage(agent).rss_bytes for each, agent in enumerate(agents, 1)
    ]
    figure(
        f"{count} registries{' with a CA' if authority else ''},"
        f" {len(text) / 1024:.0f} KiB: on all nodes after {taken:.0f} s; an agent has"
        f" {max(now) / MIB:.0f} MiB, and had {most / MIB:.0f} at most"
    )
    assert most <= MOST_MEMORY
    for pod in nodes.api.items("pods", NAMESPACE):
        (container,) = pod["status"]["containerStatuses"]
        assert container["restartCount"] == 0


@pytest.mark.exhaustive
@pytest.mark.parametrize("seconds", [10, pytest.param(60, marks=LONG)])
def test_an_idle_agent_asks_nothing_and_hardly_works(
    nodes: Together, figure: Figure, seconds: int
) -> None:
    done(nodes.enable("--insecure", "reg.corp:5000"))
    numbers = (1, 2, 3)
    agents = [nodes.agent(number) for number in numbers]
    since = nodes.cluster.control_plane.moment()

    def used() -> list[float]:
        return [
            nodes.node(number).usage(agent).cpu_seconds
            for number, agent in zip(numbers, agents, strict=True)
        ]

    before = used()
    time.sleep(seconds)
    spent = max(after - earlier for after, earlier in zip(used(), before, strict=True))
    requests = asked(nodes, since)
    figure(
        f"an idle agent: {len(requests)} requests and {spent:.2f} s of CPU in"
        f" {seconds} s, so {spent * 600 / seconds:.1f} s in ten minutes"
    )
    assert requests == []
    assert spent < seconds * 0.02


@contextmanager
def simulated(nodes: Together, fakes: Sequence[FakeNode], work: Path) -> Iterator[None]:
    """Run agents of Nodes without machines during the block."""
    host, _, port = nodes.api.host.rpartition(":")
    for fake in fakes:
        account = work / fake.name
        account.mkdir()
        (account / "token").write_text(fake.api.token)
        (account / "ca.crt").write_text(fake.api.ca)
    directories = [str(work / each.name) for each in fakes]
    python = {"PYTHONPATH": os.pathsep.join(sys.path)}
    with ExitStack() as stack:
        for number in range(PROCESSES):
            part = directories[number::PROCESSES]
            command = [sys.executable, str(PROGRAM), host, port, *part]
            program = Daemon(command, work / f"{number}.log", python)
            stack.callback(program.kill)
            program.start(lambda: True)
        yield


def reported(nodes: Together, number: int) -> int:
    """Return how many nodes have reported that a change is carried out."""
    leases = nodes.api.items("leases", NAMESPACE)
    return [nodes.reported_in(each).get("number") for each in leases].count(number)


def refusals(work: Path) -> Counter[str]:
    """Return what simulated agents have complained of, and how often."""
    lines = [
        line.partition(" ")[2]
        for log in work.glob("*.log")
        for line in log.read_text().splitlines()
    ]
    return Counter(each for each in lines if not each.startswith("change "))


@pytest.mark.exhaustive
@pytest.mark.parametrize("count", [40, pytest.param(1000, marks=pytest.mark.long)])
def test_a_change_costs_one_request_a_node(
    nodes: Together, figure: Figure, tmp_path: Path, count: int
) -> None:
    done(nodes.enable("--insecure", "reg.corp:5000"))
    control_plane, everyone = nodes.cluster.control_plane, count + 3

    def wait_until_reported(number: int) -> None:
        """Wait without much asking, which is counted, too."""
        deadline = time.monotonic() + 300
        while reported(nodes, number) < everyone:
            assert time.monotonic() < deadline
            time.sleep(1)

    with (
        fake_nodes(nodes.api, count, NAMESPACE, AGENT) as fakes,
        simulated(nodes, fakes, tmp_path),
    ):
        wait_until_reported(1)
        # From now on it is known how many there are.
        done(nodes.plugin("add", "--insecure", "first.corp:5000"))
        wait_until_reported(2)
        time.sleep(10)
        earlier = refusals(tmp_path)
        since, before = control_plane.moment(), control_plane.usage()
        command = partial(nodes.plugin, "add", "--insecure", "new.corp:5000")
        adding, begun = Running(command), time.monotonic()
        wait_until_reported(3)
        taken = time.monotonic() - begun
        after = control_plane.usage()
        done(adding.result())
        time.sleep(10)
        requests, refused = asked(nodes, since), refusals(tmp_path) - earlier
        begun = time.monotonic()
        listed = nodes.plugin("list")
        listing = time.monotonic() - begun
    figure(
        f"{count} simulated agents: {len(requests) / everyone:.2f} requests a node and"
        f" change ({sum(refused.values())} were refused), all have reported"
        f" {taken:.1f} s after the command began; API server:"
        f" {after.cpu_seconds - before.cpu_seconds:.1f} s of CPU,"
        f" {after.rss_bytes / MIB:.0f} MiB (before {before.rss_bytes / MIB:.0f});"
        f" list --all-nodes takes {listing:.1f} s"
    )
    assert {(each.verb, each.resource) for each in requests} == {("patch", "leases")}
    assert len(requests) == everyone + sum(refused.values())
    assert len(requests) < everyone * 1.2
    assert (
        len(re.findall(r" down: when last heard of, .*: ok\n", listed.stdout)) == count
    )
    assert taken < 10 + count * 0.03
