"""Any order of a node's own commands and of rounds for all nodes: all comes back."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Tuple

import pytest

from private_registry.all_nodes.agent.round import carry_out
from private_registry.all_nodes.orders import Orders
from private_registry.node.paths import Node
from private_registry.registries.model import (
    CONTAINERD,
    KUBELET,
    Credentials,
    DesiredState,
    Registry,
)
from private_registry.registries.names import parse_registry_name
from unit.microk8s import Microk8s

# MicroK8s ships files for two of them, and somebody wrote one for the last.
HOSTS = ("10.1.1.1:32000", "reg.corp:5000", "docker.io", "localhost:32000", "a.corp")
SEEDS = range(12)
STEPS = 12
LOGINS = '{"auths": {"reg.corp:5000": {"auth":"eDp5"}}, "x" :1 }'


def state(chance: random.Random) -> DesiredState:
    """Draw what all nodes are to know."""
    found = []
    for host in chance.sample(HOSTS, chance.randint(0, 4)):
        kept_by = chance.choice((None, None, KUBELET, CONTAINERD))
        password = chance.choice(("one", "two"))
        login = (
            None if kept_by is None else Credentials("me", password, login_by=kept_by)
        )
        is_open = login is None and host != "docker.io" and chance.random() < 0.5
        name = parse_registry_name(host, "host")
        found.append(Registry(name, insecure=is_open, credentials=login))
    return DesiredState(tuple(found))


def command(chance: random.Random, password: Path) -> Tuple[str, ...]:
    """Draw a command of the node's own."""
    host = chance.choice(HOSTS)
    password.write_text(chance.choice(("one", "two")))
    login = ("--username", "me", "--password-file", str(password))
    commands: Tuple[Tuple[str, ...], ...] = (
        ("enable", "--insecure", host),
        ("enable", "--registry", host, "--skip-verify", "--adopt"),
        ("enable", "--registry", host, *login),
        ("enable", "--registry", host, *login, "--login-by", "kubelet"),
        ("enable", "--registry", host, *login, "--login-by", "kubelet", "--adopt"),
        ("enable", "--mirror", f"{host}=https://mirror.corp/proxy"),
        ("disable", "--registry", host),
        ("plugin", "apply"),
        ("disable",),
    )
    return chance.choice(commands)


def round_of(node: Microk8s, wanted: Orders, *, adopt: bool = False) -> None:
    found = Node.at(str(node.snap), str(node.data), str(node.common))
    status = carry_out(found, wanted, lambda _line: None, adopt=adopt).status
    assert status.number == wanted.number


@pytest.mark.parametrize("seed", SEEDS)
def test_all_comes_back_byte_by_byte(
    microk8s: Microk8s, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a draw that can be repeated
    kubelets = microk8s.common / "var" / "lib" / "kubelet"
    kubelets.mkdir(parents=True)
    (kubelets / "config.json").write_text(LOGINS)
    microk8s.write("args/certs.d/a.corp/hosts.toml", "# mine\n", 0o640)
    before = microk8s.tree()
    for number in range(1, STEPS):
        if chance.random() < 0.5:
            done = microk8s.run(*command(chance, tmp_path / "password"))
            assert done.exit_code in (0, 2, 3, 4), done
        elif chance.random() < 0.2:
            round_of(microk8s, Orders(number=number, takes_back=True))
        else:
            repair, adopt = chance.random() < 0.3, chance.random() < 0.3
            wanted = Orders(state(chance), number, repair=repair)
            round_of(microk8s, wanted, adopt=adopt)
    is_own_first = chance.random() < 0.5
    if is_own_first:
        microk8s.run("disable")
    round_of(microk8s, Orders(number=STEPS, takes_back=True))
    if not is_own_first:
        microk8s.run("disable")
    assert microk8s.tree() == before
