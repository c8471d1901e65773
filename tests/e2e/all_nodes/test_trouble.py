"""All nodes configured together, and what may come between: two who change it at once,
an API server that is away, agents that are killed, objects that are deleted by hand.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

import pytest
import tomli

from e2e.conftest import Figure, run
from private_registry.all_nodes.orders import Orders
from private_registry.registries.model import DesiredState, Tls
from private_registry.registries.model import Registry as Wanted
from private_registry.registries.names import parse_registry_name
from registry_harness import CertificateAuthority, Registry, fill

from .agent_by_hand import AgentByHand
from .together import (
    NAMESPACE,
    PROMISED_SECONDS,
    Running,
    Together,
    done,
)

pytestmark = pytest.mark.kubernetes
EXHAUSTIVE = pytest.mark.exhaustive
LONG = [EXHAUSTIVE, pytest.mark.long]

CONFLICT, NODE_FAILED = 3, 4
KILL = Path("/bin/kill")
HOSTS_TOML = "hosts.toml"
NO_ANSWER = "error: the cluster's API does not answer"


@pytest.mark.parametrize("turns", [2, pytest.param(6, marks=EXHAUSTIVE)])
def test_of_two_changes_at_once_none_is_lost_in_silence(
    nodes: Together, figure: Figure, turns: int
) -> None:
    refused = 0
    # The first two find nothing of all nodes in the cluster.
    for turn in range(turns):
        wanted = {f"{word}-{turn}.corp:5000": on for word, on in (("a", 1), ("b", 2))}
        commands = {
            host: Running(partial(nodes.enable, "--insecure", host, on=on))
            for host, on in wanted.items()
        }
        ended = {host: each.result() for host, each in commands.items()}
        lost = [host for host, each in ended.items() if each.exit_code == CONFLICT]
        for host in lost:
            assert (
                "error: somebody else changed the cluster's registries at the same"
                " time; nothing of this was done" in ended.pop(host).stderr
            )
        done(*ended.values())
        listed = set(nodes.hosts())
        assert set(ended) <= listed
        assert not listed.intersection(lost)
        for host in lost:
            done(nodes.enable("--insecure", host, on=wanted[host]))
        assert set(wanted) <= set(nodes.hosts())
        refused += len(lost)
    figure(
        f"of {2 * turns} changes, always two at once, {refused} were refused and told"
    )
    assert refused > 0
    for number in (1, 2, 3):
        for host in nodes.hosts():
            assert nodes.hosts_toml(number, host).exists()


@pytest.mark.parametrize(
    "seconds",
    [
        *(pytest.param(each, marks=EXHAUSTIVE) for each in (0.0, 1.4)),
        pytest.param(0.7, marks=LONG),
        pytest.param(2.1, marks=LONG),
    ],
)
def test_what_is_added_while_all_is_taken_back_is_there_or_told(
    nodes: Together, seconds: float
) -> None:
    run(nodes.node(2).node.enable())
    done(nodes.enable("--insecure", "old.corp:5000"))
    taking = Running(partial(nodes.plugin, "remove", "--all"))
    time.sleep(seconds)
    added = nodes.plugin("add", "--insecure", "new.corp:5000", on=2)
    taken = taking.result()
    assert taken.exit_code in (0, CONFLICT, NODE_FAILED), taken
    assert added.exit_code in (0, CONFLICT, NODE_FAILED), added
    assert (added.exit_code == 0) <= ("new.corp:5000" in nodes.hosts()), (added, taken)
    if added.exit_code == 0:
        nodes.wait_until_listed("ok", "node-1", "node-2", "node-3")
    nodes.wait_until_settled()
    done(nodes.plugin("add", "--insecure", "last.corp:5000", on=2))


@pytest.mark.parametrize("seconds", [5, pytest.param(60, marks=LONG)])
def test_the_api_server_is_away(
    nodes: Together, plain_registry: Registry, seconds: float, figure: Figure
) -> None:
    host, cluster = plain_registry.host, nodes.cluster
    done(nodes.enable("--insecure", host, "--repair"))
    agents = [nodes.agent(number) for number in (1, 2, 3)]
    path = nodes.hosts_toml(2, host)
    written = path.read_text()
    with cluster.control_plane.away():
        begun = time.monotonic()
        # What they know already, agents still see to.
        path.write_text("")
        cluster.wait_until(
            "it is put right", lambda: path.read_text() == written, PROMISED_SECONDS
        )
        for asked in (
            nodes.plugin("list"),
            nodes.plugin("add", "--insecure", "other.corp:5000"),
            nodes.plugin("check"),
            nodes.plugin("remove", "--all"),
        ):
            assert asked.exit_code == NODE_FAILED
            assert asked.stderr.splitlines()[0] == NO_ANSWER
            assert asked.stderr.splitlines()[-1].startswith("  do: microk8s start;")
        time.sleep(max(0.0, seconds - (time.monotonic() - begun)))
        nodes.node(2).pull(fill(plain_registry, "away"))
    back = time.monotonic()
    cluster.wait_until_ready("node-1", "node-2", "node-3")
    nodes.plugin("add", "--insecure", "other.corp:5000")
    nodes.wait_until_listed("ok", "node-1", "node-2", "node-3")
    figure(
        f"API server away for {seconds:.0f} s: {time.monotonic() - back:.0f} s after it"
        " is back all nodes have the next change"
    )
    assert [nodes.agent(number) for number in (1, 2, 3)] == agents


def test_a_killed_agent_is_started_again_and_goes_on(
    nodes: Together, plain_registry: Registry
) -> None:
    done(nodes.enable("--insecure", plain_registry.host))
    for turn, ending in enumerate(("-KILL", "-TERM")):
        agent, node = nodes.agent(2), nodes.node(2)
        command = ("add", "--insecure", f"new-{turn}.corp:5000")
        adding = Running(partial(nodes.plugin, *command))
        run(node.node.run(KILL, ending, str(agent.process)))
        done(adding.result())
        nodes.wait_until_listed("ok", "node-2")
        assert nodes.agent(2) != agent
        assert nodes.hosts_toml(2, f"new-{turn}.corp:5000").exists()
    nodes.pull_on(plain_registry, "after", 2)


def registry(name: str, ca: bytes | None = None) -> Wanted:
    """Return a registry, with an authority or over plain HTTP."""
    known = parse_registry_name(name, "--registry")
    if ca is None:
        return Wanted(known, insecure=True)
    return Wanted(known, tls=Tls(ca=ca.decode()))


def changes() -> list[Orders]:
    """Return what all nodes are to know, one after the other."""
    one, other = (CertificateAuthority(each).pem for each in ("one", "other"))
    states = (
        (registry("a.corp:5000", one), registry("b.corp:5000")),
        (registry("a.corp:5000", other), registry("b.corp:5000")),
        (registry("localhost:32000"), registry("c.corp:5000", one)),
        (),
    )
    return [Orders(DesiredState(each)) for each in states]


def contents(directory: Path) -> dict[str, bytes]:
    """Return all files below a directory."""
    return {
        str(each.relative_to(directory)): each.read_bytes()
        for each in sorted(directory.rglob("*"))
        if each.is_file()
    }


# Daily at every operation of a round: unit/all_nodes/test_killed_rounds.py.
@pytest.mark.exhaustive
@pytest.mark.parametrize("kills", [12, pytest.param(100, marks=pytest.mark.long)])
def test_an_agent_killed_at_any_change_of_a_file_leaves_none_torn(
    nodes: Together, kills: int, figure: Figure
) -> None:
    """It is killed by -9, further on in its work each time, while orders come in."""
    done(nodes.enable("--insecure", "first.corp:5000"))
    agent, files = AgentByHand(nodes, 2), nodes.node(2).node.certs_d
    states, whole = changes(), []
    for each in states:
        agent.order(each)
        assert not agent.run()
        whole.append(contents(files))
    known = {item for each in whole for item in each.items()}
    killed, at, furthest = 0, 1, 0
    for turn in range(kills):
        which = turn % len(states)
        agent.order(states[which])
        is_killed = agent.run(kill_at=at)
        read_by_containerd = {
            item
            for item in contents(files).items()
            if item[0].endswith((HOSTS_TOML, ".crt"))
        }
        assert read_by_containerd <= known
        for name, content in read_by_containerd:
            if name.endswith(HOSTS_TOML):
                tomli.loads(content.decode())
        killed, furthest = killed + is_killed, max(furthest, at if is_killed else 0)
        # Where there was nothing left to do, the next one dies at its start.
        at = at + 1 if is_killed else 1
        if turn % 6 == 5 or turn == kills - 1:
            assert not agent.run()
            assert contents(files) == whole[which]
            assert nodes.reported("node-2")["cannot"] == []
    figure(
        f"agent killed {killed} times, up to its change {furthest} of files: none torn"
    )
    assert killed >= kills * 0.7


def test_what_is_deleted_by_hand_leaves_nodes_configured(
    nodes: Together, plain_registry: Registry
) -> None:
    host = plain_registry.host
    done(nodes.enable("--insecure", host))
    nodes.delete_daemon_sets()
    nodes.pull_on(plain_registry, "no-agents", 1, 2, 3)
    assert {each["state"] for each in nodes.rows().values()} == {"no agent"}
    shown = nodes.plugin("list").stdout.splitlines()
    assert shown[2] == "  node-1  no agent: no agent has been started there"
    done(nodes.typed(shown[3].partition("-> ")[2]))
    nodes.wait_until_listed("ok", "node-1", "node-2", "node-3")

    nodes.api.delete("namespaces", "", NAMESPACE)
    nodes.wait_until_gone()
    nodes.pull_on(plain_registry, "no-namespace", 1, 2, 3)
    assert "No registry is configured for all nodes." in nodes.plugin("list").stdout
    told = nodes.own("list", on=1).stdout.splitlines()
    (line,) = (each for each in told if each.endswith(" remove --left-behind"))
    run(nodes.typed(line.partition(": ")[2]))
    assert not nodes.hosts_toml(1, host).exists()
    # Those that still have it are taken over, and give it back in the end.
    done(nodes.enable("--insecure", host))
    nodes.wait_until_listed("ok", "node-1", "node-2", "node-3")
    nodes.pull_on(plain_registry, "again", 1, 2, 3)
