"""Credentials on every containerd: real logins, real restarts, and what survives
them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from private_registry.registries.credentials import as_given
from registry_harness import (
    Credentials,
    HarnessNetwork,
    PullFailed,
    PullingNode,
    Registry,
    RegistrySpec,
    difference,
    fill,
    pulling_node,
)
from registry_harness.containerd.container import running_container
from registry_harness.containerd.releases import SERIES, ContainerdRelease
from registry_harness.pytest_plugin import NewRegistry
from unit.strategies import passwords, usernames

from .conftest import ON_EVERY_CONTAINERD, Pulls, run
from .doorways import Doorways
from .picky import REFUSALS, picky_release

RESTART = "restart microk8s.daemon-containerd"
AT_ONCE = 100
TIMES = 5  # on two containerds: a thousand


def login(credentials: Credentials) -> list[str]:
    return ["--username", credentials.username, "--password-stdin"]


@ON_EVERY_CONTAINERD
def test_a_password_is_given_changed_and_taken_back(
    microk8s_node: PullingNode, pulls: Pulls, htpasswd_registry: Registry
) -> None:
    node, registry = microk8s_node.node, htpasswd_registry
    assert registry.credentials is not None
    before, asked = node.snapshot(), len(microk8s_node.snapctl.requests)
    run(node.enable("--insecure", registry.host))
    pulls.fail(fill(registry, "before"))
    login = ["--username", registry.credentials.username, "--password-stdin"]
    add = ["add", "--insecure", registry.host, "--allow-plaintext-credentials", *login]

    run(node.plugin("private-registry", *add, stdin="wrong"))
    pulls.fail(fill(registry, "wrong"))
    run(node.plugin("private-registry", *add, stdin=registry.credentials.password))
    pulls.work(fill(registry, "right"))
    run(node.disable())
    assert difference(before, node.snapshot()) == []
    pulls.fail(fill(registry, "after"))
    assert registry.credentials.password not in microk8s_node.containerd.log()
    restart = "restart microk8s.daemon-containerd"
    assert microk8s_node.snapctl.requests[asked:] == [restart] * 3


KEY_FILE = (
    '{\n  "type": "service_account",\n\t"private_key": "made up:\\nAAAA\\n",\r\n'
    f'  "client_email": "{"puller" * 20}@acme-123.example"\n}}'
)
# bcrypt, which stands behind a registry's own htpasswd, takes no more than 72 bytes.
OF_MANY_LINES = {
    "htpasswd": RegistrySpec(
        tls=True, htpasswd=True, login=Credentials("ann", '{\n\t"a": "\\n"\r\n\n}')
    ),
    "token": RegistrySpec(
        tls=True, token=True, login=Credentials("_json_key", KEY_FILE)
    ),
}


def _is_daily(containerd_release: str, way: str, kind: str) -> bool:
    """Each way once, each login, and both containerds."""
    return (containerd_release, way, kind) in {
        (SERIES[0], "password file", "htpasswd"),
        (SERIES[-1], "config.json", "token"),
        (SERIES[-1], "registries.toml", "htpasswd"),
    }


@pytest.mark.parametrize("kind", list(OF_MANY_LINES))
@pytest.mark.parametrize("way", ["password file", "config.json", "registries.toml"])
@pytest.mark.combinations(daily=_is_daily)
def test_a_password_of_many_lines_is_carried_as_it_is(
    microk8s_node: PullingNode,
    pulls: Pulls,
    new_registry: NewRegistry,
    ca_file: Path,
    tmp_path: Path,
    kind: str,
    way: str,
) -> None:
    node, registry = microk8s_node.node, new_registry(OF_MANY_LINES[kind])
    known = registry.credentials
    assert known is not None
    server, containerd = registry.token_server, microk8s_node.containerd
    before = node.snapshot()
    run(node.enable("--registry", registry.host, "--ca", str(ca_file)))
    pulls.fail(fill(registry, "before"))
    for oauth in (True, False) if server is not None else (False,):
        if server is not None:
            server.oauth = oauth
        given = _given_by(way, known, registry.host, ca_file, tmp_path)
        wrong = known.password.replace("\n", " ")
        bad = Credentials(known.username, wrong)
        run(
            node.plugin(
                "private-registry",
                *_given_by(way, bad, registry.host, ca_file, tmp_path / "wrong"),
            )
        )
        pulls.fail(fill(registry, "wrong"))
        run(node.plugin("private-registry", *given))
        pulls.work(fill(registry, "right"))
        containerd.cri.pull(fill(registry, "by-a-pod"), credentials=known)
        checked = node.plugin("private-registry", "check", registry.host)
        assert checked.exit_code == 0, checked
        for line in known.password.split("\n"):
            assert len(line) < 4 or line not in checked.stdout + checked.stderr
    run(node.disable())
    assert difference(before, node.snapshot()) == []
    pulls.fail(fill(registry, "after"))


@pytest.mark.parametrize("place", ["own tree", "another tree"])
def test_a_login_in_a_header_becomes_one_of_containerds(
    microk8s_node: PullingNode,
    pulls: Pulls,
    tls_htpasswd_registry: Registry,
    ca_file: Path,
    tmp_path: Path,
    place: str,
) -> None:
    node, registry = microk8s_node.node, tls_htpasswd_registry
    assert registry.credentials is not None
    root = node.certs_d if place == "own tree" else tmp_path / "certs.d"
    hosts = root / registry.host / "hosts.toml"
    hosts.parent.mkdir(parents=True)
    url = f"https://{registry.host}"
    hosts.write_text(
        f'server = "{url}"\n[host."{url}"]\nca = "{ca_file}"\n'
        f'[host."{url}".header]\n'
        f'authorization = "{registry.credentials.basic()}"\n',
        encoding="utf-8",
    )
    try:
        before = node.snapshot()
        tree = ["--import", str(root), "--adopt"]
        if place == "own tree":
            pulls.work(fill(registry, "by-hand"))
            assert node.enable(*tree).exit_code == 2
            assert difference(before, node.snapshot()) == []
        else:
            told = node.enable(*tree)
            assert "is a login; left out" in told.stdout
            pulls.fail(fill(registry, "left-out"))
            run(node.disable())
        run(node.enable(*tree, "--header-logins"))
        assert "header" not in (node.certs_d / registry.host / "hosts.toml").read_text()
        pulls.work(fill(registry, "taken"))
        run(node.disable())
        assert difference(before, node.snapshot()) == []
    finally:
        hosts.unlink()
        hosts.parent.rmdir()


def _given_by(
    way: str, known: Credentials, host: str, ca_file: Path, directory: Path
) -> list[str]:
    """Return what carries a login to the node, with its files below a directory."""
    directory.mkdir(exist_ok=True)
    file = directory / "login"
    if way == "password file":
        # As editors end a file.
        file.write_bytes(f"{known.password}\n".encode())
        options = ["--username", known.username, "--password-file", str(file)]
        return ["add", "--registry", host, *options]
    if way == "config.json":
        auth = known.basic().removeprefix("Basic ")
        file.write_text(json.dumps({"auths": {host: {"auth": auth}}}))
        return ["add", "--file", str(file)]
    file.write_text(
        f'[[registry]]\nhost = "{host}"\nca_file = "{ca_file}"\n'
        f"username = {_toml(known.username)}\npassword = {_toml(known.password)}\n",
        encoding="utf-8",
    )
    return ["apply", "--file", str(file)]


@pytest.fixture(params=list(REFUSALS.values()), ids=list(REFUSALS))
def picky(
    request: pytest.FixtureRequest,
    containerd_release: ContainerdRelease,
    addon_repository: Path,
    addon_name: str,
) -> Iterator[tuple[PullingNode, str]]:
    """A node whose containerd does not take refused.corp, and what it then says."""
    refuse, words = request.param
    with (
        picky_release(containerd_release, refuse) as release,
        pulling_node(release, addon_repository, addon_name) as node,
    ):
        yield node, words


def test_what_containerd_does_not_take_goes_back_and_containers_go_on(
    picky: tuple[PullingNode, str], htpasswd_registry: Registry, tmp_path: Path
) -> None:
    made, words = picky
    node, registry, pulls = made.node, htpasswd_registry, Pulls(made)
    assert registry.credentials is not None
    with running_container(made.containerd, tmp_path / "root") as process:
        started = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").split()[21]
        plain = ["--insecure", registry.host, "--allow-plaintext-credentials"]
        good = [*plain, *login(registry.credentials)]
        run(node.enable(*good, stdin=registry.credentials.password))
        pulls.work(fill(registry, "first"))
        before = node.snapshot()

        bad = ["--registry", "refused.corp", "--username", "ann", "--password-stdin"]
        refused = node.plugin("private-registry", "add", *bad, stdin="s3cr3t")
        assert refused.exit_code == 4
        assert words in refused.stderr
        assert "all was put back as it was" in refused.stderr
        assert "s3cr3t" not in refused.stderr
        assert difference(before, node.snapshot()) == []
        pulls.work(fill(registry, "second"))
        assert made.snapctl.requests == [RESTART] * 3
        now = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").split()[21]
        assert now == started
    run(node.disable())


def test_containerd_as_a_wrong_user_and_as_nobody(
    microk8s_node: PullingNode,
    pulls: Pulls,
    token_registry: Registry,
    new_registry: NewRegistry,
) -> None:
    node = microk8s_node.node
    assert token_registry.credentials is not None
    login = [
        "--username",
        "nobody",
        "--password-stdin",
        "--allow-plaintext-credentials",
    ]
    options = ["--insecure", token_registry.host, *login]
    run(node.enable(*options, stdin=token_registry.credentials.password))
    pulls.fail(fill(token_registry, "wrong-user"), "failed to fetch oauth token")
    everybody = new_registry(RegistrySpec(token=True, anonymous=True))
    run(node.plugin("private-registry", "add", "--insecure", everybody.host))
    pulls.work(fill(everybody, "anonymous"))
    run(node.disable())


@pytest.mark.parametrize("containerd_release", SERIES[2:], indirect=True)
def test_both_ways_of_pulling_of_containerd_2_work_on_one_node(
    microk8s_node: PullingNode,
    tls_htpasswd_registry: Registry,
    tls_registry: Registry,
    ca_file: Path,
) -> None:
    node, pulls, registry = (
        microk8s_node.node,
        Pulls(microk8s_node),
        tls_htpasswd_registry,
    )
    assert registry.credentials is not None
    run(node.enable("--registry", tls_registry.host, "--ca", str(ca_file)))
    pulls.work(fill(tls_registry, "transfer"))
    pulls.fail(fill(registry, "transfer"), "failed to resolve image")
    add = [
        "--registry",
        registry.host,
        "--ca",
        str(ca_file),
        *login(registry.credentials),
    ]
    run(
        node.plugin(
            "private-registry", "add", *add, stdin=registry.credentials.password
        )
    )
    pulls.work(fill(registry, "local"))
    pulls.work(fill(tls_registry, "local"))
    pulls.fail(tls_registry.reference("none-such"), "failed to resolve reference")
    run(node.disable())
    pulls.fail(fill(registry, "after"), "failed to resolve image")


@pytest.mark.exhaustive
def test_a_thousand_random_logins(
    microk8s_node: PullingNode,
    new_registry: NewRegistry,
    harness_network: HarnessNetwork,
    tmp_path: Path,
) -> None:
    node = microk8s_node.node
    registry = new_registry(RegistrySpec(token=True))
    tokens = registry.token_server
    assert tokens is not None
    image = fill(registry, "app").partition("/")[2]
    pulled = 0
    with Doorways(harness_network.gateway, AT_ONCE, registry.host) as doorways:

        @settings(
            # Making a failure smaller would take hours of restarts.
            phases=[Phase.generate],
            max_examples=TIMES,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            database=None,
        )
        @given(
            st.lists(
                st.tuples(usernames, passwords),
                min_size=AT_ONCE,
                max_size=AT_ONCE,
                unique_by=lambda pair: pair[0],
            ),
            st.booleans(),
        )
        def all_log_in(pairs: list[tuple[str, str]], oauth: bool) -> None:
            nonlocal pulled
            tokens.users, tokens.oauth = dict(pairs), oauth
            (tmp_path / "all.toml").write_text(
                _file(doorways.hosts, pairs), encoding="utf-8"
            )
            run(
                node.plugin(
                    "private-registry", "apply", "--file", str(tmp_path / "all.toml")
                )
            )
            for host, (username, _) in zip(doorways.hosts, pairs, strict=True):
                tokens.requests.clear()
                microk8s_node.pull(f"{host}/{image}")
                assert any(
                    each.granted and each.username == username
                    for each in tokens.requests
                )
                pulled += 1

        run(node.enable())
        all_log_in()
        tokens.users = dict.fromkeys(tokens.users, "another")
        with pytest.raises(PullFailed, match="401 Unauthorized"):
            microk8s_node.pull(f"{doorways.hosts[0]}/{image}")
    run(node.disable())
    assert pulled >= AT_ONCE * TIMES


def _file(hosts: list[str], pairs: list[tuple[str, str]]) -> str:
    tables = (
        f'[[registry]]\nhost = "{host}"\ninsecure = true\nallow_plaintext_credentials ='
        f" true\nusername = {_toml(username)}\npassword ="
        f" {_toml(as_given(password))}\n"
        for host, (username, password) in zip(hosts, pairs, strict=True)
    )
    return "\n".join(tables)


def _toml(text: str) -> str:
    return '"{}"'.format("".join(f"\\U{ord(character):08X}" for character in text))
