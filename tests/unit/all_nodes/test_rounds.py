"""Rounds of the agent on a node: what the cluster wants, beside what the node wants."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Callable, Dict, List, NamedTuple, Optional, Tuple

import pytest

from private_registry.all_nodes.agent.round import Round, carry_out
from private_registry.all_nodes.node_status import NodeStatus
from private_registry.all_nodes.orders import Orders
from private_registry.errors import NodeError
from private_registry.node import files
from private_registry.node.directories import Place
from private_registry.node.paths import Node
from private_registry.pull_secrets.kubectl import Kubectl, NoRightError
from private_registry.registries.mirror_urls import parse_mirror_url
from private_registry.registries.model import (
    KUBELET,
    ClientCertificate,
    Credentials,
    DesiredState,
    Mirror,
    Registry,
    Tls,
)
from private_registry.registries.names import parse_registry_name
from private_registry.transaction.journal import Journal
from unit.microk8s import Microk8s, ok, same_but
from unit.pki import Pki
from unit.trees import Tree

ONE, TWO = "10.141.241.175:32000", "reg.corp:5000"
# MicroK8s ships a file for it, which comes back.
STOCK = "localhost:32000"


def registry(name: str, *, insecure: bool = True) -> Registry:
    return Registry(parse_registry_name(name, "--insecure"), insecure=insecure)


def orders(
    *names: str, number: int = 1, takes_back: bool = False, repair: bool = False
) -> Orders:
    state = DesiredState(tuple(registry(each) for each in names))
    return Orders(state, number, takes_back, repair)


def round_of(node: Microk8s, wanted: Orders, *, adopt: bool = False) -> Round:
    found = Node.at(str(node.snap), str(node.data), str(node.common))
    return carry_out(found, wanted, lambda _line: None, adopt=adopt)


def status_of(node: Microk8s, wanted: Orders, *, adopt: bool = False) -> NodeStatus:
    return round_of(node, wanted, adopt=adopt).status


def hosts_toml(name: str) -> str:
    return f"args/certs.d/{name}/hosts.toml"


def test_a_node_gets_what_the_cluster_wants_and_gives_it_back(
    microk8s: Microk8s,
) -> None:
    before = microk8s.tree()
    status = status_of(microk8s, orders(ONE, TWO))
    assert not status.has_trouble
    assert status.number == 1
    assert microk8s.hosts(ONE)["server"] == f"http://{ONE}"
    assert microk8s.hosts(TWO)["server"] == f"http://{TWO}"
    # It is the cluster's: this node's addon is not enabled by it.
    assert not (microk8s.data / "var/lock/private-registry-config.enabled").exists()
    assert not microk8s.state.exists()

    status = status_of(microk8s, orders(number=2, takes_back=True))
    assert status.taken_back
    assert microk8s.tree() == before


def test_one_fewer_takes_that_one_away(microk8s: Microk8s) -> None:
    round_of(microk8s, orders(ONE, TWO))
    round_of(microk8s, orders(TWO, number=2))
    assert not (microk8s.certs_d / ONE).exists()
    assert (microk8s.certs_d / TWO).exists()


def test_the_same_again_writes_nothing(microk8s: Microk8s) -> None:
    round_of(microk8s, orders(ONE))

    def written() -> Dict[str, int]:
        files = (each for each in microk8s.snaps_data.rglob("*") if each.is_file())
        return {str(each): each.stat().st_mtime_ns for each in files}

    before = written()
    round_of(microk8s, orders(ONE, number=2))
    assert written() == before


@pytest.mark.parametrize("names", [(ONE,), (ONE, TWO), (STOCK,)])
def test_what_the_nodes_own_settings_name_counts_there(
    microk8s: Microk8s, names: Tuple[str, ...]
) -> None:
    before = microk8s.tree()
    ok(microk8s.run("enable", "--registry", names[0]))
    alone = microk8s.tree()
    status = status_of(microk8s, orders(*names))
    assert status.own == (names[0],)
    same = f"/{names[0]}/"
    assert {path: entry for path, entry in microk8s.tree().items() if same in path} == {
        path: entry for path, entry in alone.items() if same in path
    }

    # The node's own goes; then the cluster's counts.
    ok(microk8s.run("disable"))
    assert status_of(microk8s, orders(*names)).own == ()
    assert microk8s.hosts(names[0])["server"] == f"http://{names[0]}"
    round_of(microk8s, orders(number=3, takes_back=True))
    assert microk8s.tree() == before


class Meanwhile(NamedTuple):
    """What the node's own commands do while the cluster has something there."""

    name: str
    commands: Tuple[Tuple[str, ...], ...]


MEANWHILE = [
    Meanwhile("another registry", (("enable", "--insecure", "own.corp:5000"),)),
    Meanwhile("the same registry", (("enable", "--registry", ONE),)),
    Meanwhile(
        "the same, and away again",
        (
            ("enable", "--registry", ONE),
            ("plugin", "remove", "--registry", ONE),
        ),
    ),
    Meanwhile("apply", (("enable",), ("plugin", "apply"))),
    Meanwhile("all away", (("enable", "--registry", ONE), ("disable",))),
]


@pytest.mark.parametrize("row", MEANWHILE, ids=lambda row: row.name)
@pytest.mark.parametrize("own_first", [False, True], ids=["own last", "own first"])
def test_both_are_taken_back_byte_for_byte(
    microk8s: Microk8s, row: Meanwhile, own_first: bool
) -> None:
    before = microk8s.tree()
    round_of(microk8s, orders(ONE, TWO, STOCK))
    for command in row.commands:
        ok(microk8s.run(*command))
    round_of(microk8s, orders(ONE, TWO, STOCK))
    assert microk8s.hosts(STOCK)["server"] == f"http://{STOCK}"

    def end_own() -> None:
        ok(microk8s.run("disable"))

    def end_all() -> None:
        round_of(microk8s, orders(number=2, takes_back=True))

    for end in (end_own, end_all) if own_first else (end_all, end_own):
        end()
    assert microk8s.tree() == before


def test_the_nodes_own_commands_leave_the_clusters_alone(microk8s: Microk8s) -> None:
    round_of(microk8s, orders(ONE))
    there = {
        path: entry for path, entry in microk8s.tree().items() if f"/{ONE}" in path
    }
    for command in (
        ("enable", "--insecure", TWO),
        ("plugin", "apply"),
        ("plugin", "remove", "--registry", ONE),
        ("disable",),
    ):
        ok(microk8s.run(*command))
        now = {
            path: entry for path, entry in microk8s.tree().items() if f"/{ONE}" in path
        }
        assert now == there, command


def test_disable_says_what_stays_because_all_nodes_have_it(microk8s: Microk8s) -> None:
    round_of(microk8s, orders(ONE))
    ok(microk8s.run("enable", "--insecure", TWO))
    done = ok(microk8s.run("disable"))
    assert f"what all nodes have stays: {ONE}" in done.stdout
    assert "disable private-registry-config --all-nodes" in done.stdout


def _edit(node: Microk8s) -> None:
    (node.data / hosts_toml(ONE)).write_text('server = "http://by.hand"\n')


def _remove(node: Microk8s) -> None:
    (node.data / hosts_toml(ONE)).unlink()


@pytest.mark.parametrize("change", [_edit, _remove], ids=["edited", "removed"])
class TestByHand:
    """What somebody changes by hand."""

    def test_is_told_and_stays(
        self, microk8s: Microk8s, change: Callable[[Microk8s], None]
    ) -> None:
        round_of(microk8s, orders(ONE, TWO))
        change(microk8s)
        by_hand = microk8s.tree()
        status = status_of(microk8s, orders(ONE, TWO))
        assert status.changed == (str(microk8s.current / hosts_toml(ONE)),)
        assert same_but(microk8s.tree(), by_hand, "ledger")

    @pytest.mark.parametrize("how", ["repair", "adopt"])
    def test_is_put_right_where_that_is_asked_for(
        self, microk8s: Microk8s, change: Callable[[Microk8s], None], how: str
    ) -> None:
        before = microk8s.tree()
        round_of(microk8s, orders(ONE, TWO))
        there = microk8s.tree()
        change(microk8s)
        status = status_of(
            microk8s,
            orders(ONE, TWO, number=2, repair=how == "repair"),
            adopt=how == "adopt",
        )
        assert status.changed == ()
        assert same_but(microk8s.tree(), there, "ledger")
        round_of(microk8s, orders(number=3, takes_back=True))
        assert microk8s.tree() == before


def test_a_file_of_somebody_elses_stays_until_it_is_to_be_taken_over(
    microk8s: Microk8s,
) -> None:
    path = microk8s.write(hosts_toml(ONE), 'server = "http://theirs"\n')
    before = microk8s.tree()
    status = status_of(microk8s, orders(ONE, TWO))
    [trouble] = status.cannot
    assert trouble.what == str(microk8s.current / hosts_toml(ONE))
    assert "--adopt" in trouble.remedy
    assert path.read_text() == 'server = "http://theirs"\n'
    # The others are there all the same.
    assert microk8s.hosts(TWO)["server"] == f"http://{TWO}"

    assert not status_of(microk8s, orders(ONE, TWO, number=2), adopt=True).cannot
    assert microk8s.hosts(ONE)["server"] == f"http://{ONE}"
    round_of(microk8s, orders(number=3, takes_back=True))
    assert microk8s.tree() == before


def test_a_directory_in_the_way_is_told_even_if_all_is_to_be_taken_over(
    microk8s: Microk8s,
) -> None:
    (microk8s.data / hosts_toml(ONE)).mkdir(parents=True)
    for adopt in (False, True):
        status = status_of(microk8s, orders(ONE, TWO), adopt=adopt)
        assert "directory" in status.cannot[0].why
        assert microk8s.hosts(TWO)["server"] == f"http://{TWO}"


def test_an_obstacle_keeps_nothing_else_from_being_taken_over(
    microk8s: Microk8s,
) -> None:
    os.mkfifo(str(microk8s.write(hosts_toml(ONE), "").parent / "fifo"))
    (microk8s.data / hosts_toml(ONE)).unlink()
    (microk8s.certs_d / ONE / "fifo").rename(microk8s.data / hosts_toml(ONE))
    theirs = microk8s.write(hosts_toml(TWO), 'server = "http://theirs"\n')
    before = microk8s.tree()
    [trouble] = status_of(microk8s, orders(ONE, TWO), adopt=True).cannot
    assert ONE in trouble.what
    assert TWO in theirs.read_text()
    round_of(microk8s, orders(number=2, takes_back=True))
    assert microk8s.tree() == before


def test_permissions_that_somebody_changed_are_told_and_those_of_keys_put_right(
    microk8s: Microk8s, pki: Pki
) -> None:
    client = ClientCertificate(pki.client.pem, pki.client.key)
    with_key = registry(ONE, insecure=False)._replace(tls=Tls(client=client))
    wanted = Orders(DesiredState((with_key,)), 1)
    round_of(microk8s, wanted)
    key = microk8s.certs_d / ONE / "client.key"
    for path, mode in ((key, 0o644), (microk8s.data / hosts_toml(ONE), 0o600)):
        path.chmod(mode)
    status = status_of(microk8s, wanted)
    assert status.changed == (str(microk8s.current / hosts_toml(ONE)),)
    assert key.stat().st_mode & 0o777 == 0o600
    assert not status_of(microk8s, wanted._replace(repair=True)).has_trouble
    assert (microk8s.data / hosts_toml(ONE)).stat().st_mode & 0o777 == 0o660


@pytest.mark.parametrize(
    ("answer", "is_left"),
    [(None, True), (NoRightError("no"), True), (NodeError("?"), False), ({}, False)],
    ids=["gone", "no agent here", "no answer", "there"],
)
def test_a_worker_asks_what_its_kubelet_may(
    microk8s: Microk8s,
    monkeypatch: pytest.MonkeyPatch,
    answer: object,
    is_left: bool,
) -> None:
    asked: List[object] = []

    def get(_kubectl: Kubectl, *what: object) -> object:
        asked.extend(what)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(Kubectl, "get", get)
    microk8s.write("var/lock/clustered.lock", "")
    round_of(microk8s, orders(ONE))
    listed = ok(microk8s.run("plugin", "list")).stdout
    assert ("--left-behind" in listed) is is_left
    assert asked[:2] == ["configmap", "engine"]


def test_logins_that_containerd_keeps_are_told_with_what_to_type(
    microk8s: Microk8s,
) -> None:
    login = registry(ONE)._replace(credentials=Credentials("me", "S3cret!", True))
    template = microk8s.template.read_bytes()
    wanted = Orders(DesiredState((login,)), 1)
    [trouble] = status_of(microk8s, wanted).needs_restart
    assert trouble.what == ONE
    assert "export --all-nodes" in trouble.remedy
    assert microk8s.template.read_bytes() == template
    assert microk8s.hosts(ONE)["server"] == f"http://{ONE}"


def test_a_node_without_certs_d_is_told(microk8s: Microk8s) -> None:
    text = microk8s.template.read_text()
    microk8s.template.write_text(
        text.replace('config_path = "${SNAP_DATA}/args/certs.d"', "")
    )
    before = microk8s.tree()
    status = status_of(microk8s, orders(ONE))
    assert [each.what for each in status.needs_restart] == [ONE]
    assert microk8s.tree() == before


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda node: node.template.write_text("= no TOML"), "containerd"),
        (lambda node: node.template.unlink(), "containerd"),
        (
            lambda node: node.template.write_text(
                node.template.read_text().replace("${SNAP_DATA}/args", "/etc")
            ),
            "looks for registries in /etc/certs.d",
        ),
    ],
    ids=["no TOML", "no template", "another tree"],
)
def test_what_is_wrong_with_a_node_is_told(
    microk8s: Microk8s, spoil: Callable[[Microk8s], object], why: str
) -> None:
    spoil(microk8s)
    before = microk8s.tree()
    status = status_of(microk8s, orders(ONE))
    assert why in status.cannot[0].why
    assert microk8s.tree() == before
    # Taking back needs no template.
    assert status_of(microk8s, orders(number=2, takes_back=True)).taken_back


def test_a_command_of_the_nodes_own_that_was_killed_is_left_to_it(
    microk8s: Microk8s,
) -> None:
    journal = microk8s.data / "private-registry-config/journal.json"
    journal.parent.mkdir()
    staging = "private-registry-config/staging-1"
    journal.write_bytes(Journal(staging, [], [], [], restart=True).to_json())
    before: Tree = microk8s.tree()
    [trouble] = status_of(microk8s, orders(ONE)).cannot
    assert "was interrupted" in trouble.why
    assert "sudo microk8s private-registry apply" in trouble.remedy
    assert same_but(microk8s.tree(), before, "common/private-registry-config")
    assert journal.exists()


def test_a_round_names_the_files_that_it_depends_on(microk8s: Microk8s) -> None:
    watched: List[str] = list(round_of(microk8s, orders(ONE)).watched)
    for path in (
        microk8s.data / hosts_toml(ONE),
        microk8s.state,
        microk8s.template,
        microk8s.common / "var/lib/kubelet/config.json",
    ):
        assert str(path) in watched


# --- logins ---------------------------------------------------------------------------

SECRET = "S3cret!pass"
LOGGED_IN = registry(ONE)._replace(
    credentials=Credentials("me", SECRET, plaintext=True, login_by=KUBELET)
)


def logins(node: Microk8s) -> Path:
    return node.common / "var/lib/kubelet/config.json"


def with_login(number: int = 1, password: str = SECRET, **more: bool) -> Orders:
    credentials = Credentials("me", password, plaintext=True, login_by=KUBELET)
    state = DesiredState((LOGGED_IN._replace(credentials=credentials), registry(TWO)))
    return Orders(state, number, repair=more.get("repair", False))


@pytest.mark.parametrize(
    "there", [None, "{}", '{"auths": {"other": {"auth": "YTpi"}}}']
)
def test_a_login_by_the_kubelet_comes_and_goes(
    microk8s: Microk8s, there: Optional[str]
) -> None:
    if there is not None:
        logins(microk8s).parent.mkdir(parents=True)
        logins(microk8s).write_text(there)
    before = microk8s.tree()
    assert not status_of(microk8s, with_login()).has_trouble
    assert ONE in logins(microk8s).read_text()
    first = logins(microk8s).read_text()
    round_of(microk8s, with_login(2, "an0ther!"))
    assert logins(microk8s).read_text() != first
    round_of(microk8s, orders(number=3, takes_back=True))
    assert microk8s.tree() == before


@pytest.mark.parametrize("own_first", [False, True], ids=["own last", "own first"])
@pytest.mark.parametrize("login_by", ["kubelet", "containerd"])
def test_the_nodes_own_logins_and_the_clusters_stand_side_by_side(
    microk8s: Microk8s, own_first: bool, login_by: str
) -> None:
    before = microk8s.tree()
    round_of(microk8s, with_login())
    own = ("--registry", "own.corp", "--username", "ann", "--password-stdin")
    ok(microk8s.run("enable", *own, "--login-by", login_by, stdin=b"0wn!"))
    for number in (2, 3):
        round_of(microk8s, with_login(number))
    listed = ok(microk8s.run("plugin", "list")).stdout
    assert "changed by hand" not in listed
    assert "own.corp" in listed

    def end_own() -> None:
        ok(microk8s.run("disable"))

    def end_all() -> None:
        round_of(microk8s, orders(number=4, takes_back=True))

    for end in (end_own, end_all) if own_first else (end_all, end_own):
        end()
    assert microk8s.tree() == before


def test_a_login_that_somebody_changed_is_told_and_put_right_when_asked_for(
    microk8s: Microk8s,
) -> None:
    before = microk8s.tree()
    round_of(microk8s, with_login())
    there = logins(microk8s).read_text()
    for by_hand in (there.replace('"auth": "', '"auth": "YTpi'), '{"auths": {}}'):
        logins(microk8s).write_text(by_hand)
        [told] = status_of(microk8s, with_login()).changed
        assert "by hand" in told
        assert SECRET not in told
        assert logins(microk8s).read_text() == by_hand
        assert not status_of(microk8s, with_login(2, repair=True)).has_trouble
        assert ONE in logins(microk8s).read_text()
    round_of(microk8s, orders(number=3, takes_back=True))
    assert same_but(microk8s.tree(), before, "common/var")


@pytest.mark.parametrize("adopt", [False, True], ids=["", "taking over"])
def test_a_config_json_that_is_none_is_told_and_the_rest_is_there(
    microk8s: Microk8s, adopt: bool
) -> None:
    logins(microk8s).parent.mkdir(parents=True)
    logins(microk8s).write_text("{ no JSON")
    before = microk8s.tree()
    [trouble] = status_of(microk8s, with_login(), adopt=adopt).cannot
    assert "config.json" in trouble.why
    assert microk8s.hosts(TWO)["server"] == f"http://{TWO}"
    round_of(microk8s, orders(number=3, takes_back=True))
    assert microk8s.tree() == before


def test_whom_a_login_is_offered_to_is_no_trouble(microk8s: Microk8s) -> None:
    mirror = Mirror(parse_mirror_url("https://mirror.corp", "--mirror"))
    state = DesiredState((LOGGED_IN._replace(insecure=False, mirrors=(mirror,)),))
    for adopt in (False, True):
        assert not status_of(microk8s, Orders(state, 1), adopt=adopt).has_trouble


@pytest.mark.parametrize(
    ("namespace", "is_there"),
    [(None, False), ({"status": {"phase": "Terminating"}}, False), ({}, True)],
    ids=["gone", "going", "there"],
)
def test_what_an_agent_would_bring_again_is_not_taken_for_left_behind(
    microk8s: Microk8s,
    monkeypatch: pytest.MonkeyPatch,
    namespace: Optional[Dict[str, object]],
    is_there: bool,
) -> None:
    monkeypatch.setattr(Kubectl, "get", lambda *_given: namespace)
    before = microk8s.tree()
    round_of(microk8s, orders(ONE))
    done = microk8s.run("disable", "--left-behind")
    assert done.exit_code == (4 if is_there else 0)
    assert ("remove --all --all-nodes" in done.stderr) is is_there
    assert (microk8s.tree() == before) is not is_there


def test_what_a_full_disk_says_is_the_same_each_time(
    microk8s: Microk8s, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(place: Place, *_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), place.absolute)

    before = microk8s.tree()
    monkeypatch.setattr(files, "write_new", full)
    first, second = (status_of(microk8s, orders(ONE)) for _ in range(2))
    assert "no space left" in first.cannot[0].why
    # Another report each minute would be an Event each minute.
    assert first == second
    assert microk8s.tree() == before


def test_where_no_lock_can_be_had_it_says_why(microk8s: Microk8s) -> None:
    microk8s.state.parent.write_text("somebody's")
    [trouble] = status_of(microk8s, orders(ONE)).cannot
    assert trouble.what == str(microk8s.state.parent)
    assert "not a directory" in trouble.why
