"""`check` from its command line to what it says, on a throwaway node with made-up
registries.
"""

from __future__ import annotations

import json
import os
import pty
import shlex
import socket
import subprocess
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional
from unittest import mock

import pytest

from private_registry import launcher
from private_registry.check.causes import Cause
from private_registry.check.observing import proxies_of
from private_registry.check.probe import trust
from private_registry.check.probe.proxies import Proxies
from private_registry.containerd.cri import calls
from private_registry.node.paths import Node
from unit.containerd.test_restart import changed
from unit.fake_containerd import FakeContainerd
from unit.fake_registry import FakeRegistries, FakeRegistry, Said
from unit.microk8s import ADDON, STATE, Microk8s, Result, ok, same_but
from unit.pki import Pki, make

UNAUTHORIZED = Said(401, (("WWW-Authenticate", 'Basic realm="r"'),))
LAST_CHECK = "private-registry-config/last-check.json"


class Names:
    """Host names that lead to servers of a test, and to nobody else's."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ports: Dict[str, Optional[int]] = {}
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self._found)

    def add(self, name: str, server: Optional[FakeRegistry]) -> str:
        """Let a name lead to a server, or to a closed port; return ``NAME:PORT``."""
        port = 1 if server is None else int(server.authority.rpartition(":")[2])
        self._ports[name] = port
        return f"{name}:{port}"

    def _found(self, host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        if host not in self._ports:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return self._real("127.0.0.1", port, *rest, **options)


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


@pytest.fixture
def registries() -> Iterator[FakeRegistries]:
    with ExitStack() as stack:
        yield FakeRegistries(stack)


@pytest.fixture
def node(microk8s: Microk8s, containerd: FakeContainerd) -> Microk8s:
    """A node with a running containerd and the plugin command."""
    ok(microk8s.run("enable"))
    return microk8s


def check(node: Microk8s, *arguments: str, env: Optional[Dict[str, str]] = None) -> Any:
    done = node.run("plugin", "check", *arguments, "--json", env=env)
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert done.exit_code == (0 if document["clean"] else 5)
    return document


def faults(document: Any) -> List[str]:
    return [
        each["cause"] for each in document["findings"] if each["severity"] == "fault"
    ]


def typed(node: Microk8s, command: str, env: Optional[Dict[str, str]] = None) -> Result:
    """Type a remedy of the plugin's."""
    words = shlex.split(command)
    assert words[:2] == ["microk8s", "private-registry"]
    return ok(node.run("plugin", *words[2:], env=env))


# --- what it says ---------------------------------------------------------------------


def test_nothing_is_configured(node: Microk8s) -> None:
    done = node.run("plugin", "check")
    assert (done.exit_code, done.stderr) == (0, "")
    assert "docker.io        not asked: as MicroK8s ships it" in done.stdout
    assert done.stdout.endswith("\nNo fault found.\n")


def test_a_registry_is_named_mended_and_clean(
    node: Microk8s, registries: FakeRegistries, names: Names
) -> None:
    host = names.add("reg.corp", registries.start())
    document = check(node, host)
    (finding,) = document["findings"]
    assert finding == {
        "cause": "speaks_http",
        "severity": "fault",
        "registry": host,
        "endpoint": f"https://{host}/v2",
        "what": "it speaks plain HTTP and is asked by HTTPS",
        "where": None,
        "why": "it answers plain HTTP where TLS should begin",
        "do": f"microk8s private-registry add --insecure {host}",
        "needs": None,
        "owner": None,
    }
    (registry,) = document["registries"]
    assert registry["not_reached"] == ["http", "api", "login"]
    assert registry["endpoints"] == [
        {"url": f"https://{host}/v2", "result": "speaks_http"}
    ]
    typed(node, finding["do"])
    document = check(node, host)
    assert document["findings"] == []
    assert document["registries"][0]["answered_by"] == f"http://{host}/v2"
    assert check(node)["clean"]


def test_people_get_the_same(
    node: Microk8s, registries: FakeRegistries, names: Names
) -> None:
    host = names.add("reg.corp", registries.start())
    done = node.run("plugin", "check", host)
    assert done.exit_code == 5
    assert done.stdout.splitlines() == [
        f"{host}  fault  speaks_http",
        "",
        f"fault: {host}: it speaks plain HTTP and is asked by HTTPS",
        f"  where: https://{host}/v2",
        "  why: it answers plain HTTP where TLS should begin",
        f"  do: microk8s private-registry add --insecure {host}",
        "  more: docs/troubleshooting.md#speaks_http",
        "  not reached: http, api, login",
        "",
        "1 fault found.",
    ]


def test_login_missing_refused_and_right(
    node: Microk8s, registries: FakeRegistries, names: Names, containerd: FakeContainerd
) -> None:
    right = "Basic YW5uOnMzY3JldA=="
    server = registries.start(
        lambda heard: (
            Said() if heard.headers.get("Authorization") == right else UNAUTHORIZED
        )
    )
    host = names.add("reg.corp", server)
    ok(node.run("plugin", "add", "--insecure", host))
    document = check(node, host)
    assert faults(document) == ["login_missing"]
    remedy = document["findings"][0]["do"].replace('"$REGISTRY_USER"', "ann")
    typed(node, remedy, env={"REGISTRY_PASSWORD": "wrong"})
    document = check(node, host)
    assert faults(document) == ["login_refused"]
    assert "wrong" not in json.dumps(document)
    typed(node, f"{remedy} --no-restart", env={"REGISTRY_PASSWORD": "s3cret"})
    document = check(node, host)
    assert faults(document) == ["restart_pending"]
    assert (
        document["findings"][0]["do"] == "sudo snap restart microk8s.daemon-containerd"
    )
    containerd.restart()
    assert check(node, host)["clean"]
    assert "s3cret" not in node.run("plugin", "check", host).stdout


def test_a_login_for_whom_it_redirects_to(
    node: Microk8s, registries: FakeRegistries, names: Names
) -> None:
    right = "Basic YW5uOnMzY3JldA=="
    target = registries.start(
        lambda heard: (
            Said() if heard.headers.get("Authorization") == right else UNAUTHORIZED
        )
    )
    other = names.add("other.corp", target)
    location = (("Location", f"http://{other}/v2/"),)
    host = names.add("reg.corp", registries.start(lambda _: Said(307, location)))
    login = (
        "--username ann --password-env REGISTRY_PASSWORD --allow-plaintext-credentials"
    )
    first = ["plugin", "add", "--insecure", host, *login.split()]
    ok(node.run(*first, env={"REGISTRY_PASSWORD": "another"}))
    (fault,) = check(node, host)["findings"]
    assert (fault["cause"], fault["registry"]) == ("login_missing", host)
    assert f"it redirects to http://{other}, and there: " in fault["why"]
    remedy = fault["do"].replace('"$REGISTRY_USER"', "ann")
    assert remedy == f"microk8s private-registry add --insecure {other} {login}"
    typed(node, remedy, env={"REGISTRY_PASSWORD": "s3cret"})
    assert check(node, host)["clean"]
    assert "another" not in repr(target.heard)


def test_a_pull_secret_logs_pods_in(
    node: Microk8s, registries: FakeRegistries, names: Names
) -> None:
    host = names.add("reg.corp", registries.start(lambda _: UNAUTHORIZED))
    ok(node.run("plugin", "add", "--insecure", host))
    record = [
        {"name": "s", "namespace": "default", "registry": host, "service_accounts": []}
    ]
    text = json.dumps({"version": 1, "secrets": record})
    (node.common / "private-registry-config" / "pull-secrets.json").write_text(text)
    document = check(node, host)
    assert document["clean"], document
    assert [each["cause"] for each in document["findings"]] == ["login_missing"]


def test_the_proxies_of_containerd(microk8s: Microk8s) -> None:
    node = Node.at(str(microk8s.snap), str(microk8s.data), str(microk8s.common))
    assert proxies_of(node, None) == Proxies()
    microk8s.write("args/containerd-env", "HTTPS_PROXY=http://new:1\nNO_PROXY=a\n")
    assert proxies_of(node, None) == Proxies("", "http://new:1", "a")
    command = [sys.executable, "-c", "print(1, flush=True); input()"]
    started = {**os.environ, "HTTPS_PROXY": "http://old:1"}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=started, stdin=pipe, stdout=pipe) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        found = proxies_of(node, process.pid)
        process.communicate(b"\n")
    assert found.https == "http://old:1"


# --- the node -------------------------------------------------------------------------


def test_containerd_does_not_run(node: Microk8s, containerd: FakeContainerd) -> None:
    containerd.kill()
    document = check(node)
    assert faults(document) == ["containerd_down"]
    assert document["findings"][0]["do"] == "sudo snap start microk8s.daemon-containerd"


def test_cri_is_missing(node: Microk8s, containerd: FakeContainerd) -> None:
    with node.template.open("a") as stream:
        stream.write('\n[debug]\ncannot = "load CRI"\n')
    containerd.restart()
    document = check(node)
    assert faults(document) == ["cri_missing"]
    assert "something is wrong" in document["findings"][0]["why"]


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ('disabled_plugins = ["cri"]', "plugin_name"),
        ('disabled_plugins = "cri"', "template_value"),
        ('disabled_plugins = ["io.containerd.grpc.v1.cri"]', "cri_missing"),
    ],
)
def test_the_line_that_ends_containerd_is_told_and_no_start(
    node: Microk8s, containerd: FakeContainerd, line: str, cause: str
) -> None:
    containerd.kill()
    node.template.write_text(f"{line}\n{node.template.read_text()}")
    document = check(node)
    assert faults(document) == [cause]
    fault = document["findings"][0]
    assert fault["where"].endswith("containerd-template.toml, line 1")
    assert "'1c\\disabled_plugins = []'" in fault["do"]


def test_a_template_that_is_not_toml(node: Microk8s) -> None:
    node.template.write_text("version = 2\n[plugins\n")
    (finding,) = check(node)["findings"]
    assert finding["cause"] == "template_not_toml"
    assert finding["where"].endswith("containerd-template.toml, line 2")
    assert finding["do"].startswith("sudo nano +2 /")


def test_what_somebody_took_away(
    node: Microk8s, registries: FakeRegistries, names: Names
) -> None:
    host = names.add("reg.corp", registries.start())
    ok(node.run("plugin", "add", "--insecure", host))
    (node.certs_d / host / "hosts.toml").unlink()
    document = check(node)
    assert faults(document) == ["not_as_saved"]
    typed(node, document["findings"][0]["do"])
    assert check(node)["clean"]


def test_what_somebody_changed(
    node: Microk8s, registries: FakeRegistries, names: Names
) -> None:
    host = names.add("reg.corp", registries.start())
    ok(node.run("plugin", "add", "--insecure", host))
    file = node.certs_d / host / "hosts.toml"
    file.write_text(file.read_text().replace("http://", "https://"))
    document = check(node)
    assert faults(document) == ["speaks_http"]
    typed(node, document["findings"][0]["do"])
    assert check(node)["clean"]


def test_what_this_addon_wrote_means_what_it_says(
    node: Microk8s, registries: FakeRegistries, names: Names, pki: Pki, tmp_path: Path
) -> None:
    """That a mirror has no CA is no oversight, although the registry has one."""
    for name, authority in (("own", pki.authority), ("mirror", pki.other_authority)):
        (tmp_path / f"{name}.crt").write_text(authority.pem)
    servers = {
        name: registries.start(pair=make(name, issuer=issuer, names=[f"{name}.corp"]))
        for name, issuer in (("reg", pki.authority), ("mirror", pki.other_authority))
    }
    host, mirror = (
        names.add(f"{name}.corp", server) for name, server in servers.items()
    )
    ok(node.run("plugin", "add", "--registry", host, "--ca", str(tmp_path / "own.crt")))
    ok(node.run("plugin", "add", "--mirror", f"{host}=https://{mirror}"))
    document = check(node)
    assert faults(document) == ["unknown_ca"]
    (tmp_path / "ca.crt").write_text(pki.other_authority.pem)
    command = document["findings"][0]["do"].replace("ca.crt", str(tmp_path / "ca.crt"))
    assert f"--mirror {host}=https://{mirror} " in command
    typed(node, command)
    assert check(node)["clean"]


def test_a_killed_run(node: Microk8s) -> None:
    (node.data / "private-registry-config").mkdir(exist_ok=True)
    (node.data / "private-registry-config" / "undo.json").write_text("{}")
    before = node.tree()
    document = check(node)
    assert faults(document) == ["interrupted_run"]
    assert document["findings"][0]["do"] == "microk8s private-registry apply"
    assert same_but(node.tree(), before, "last-check", "common/private-registry-config")


def test_the_pause_image(
    node: Microk8s,
    registries: FakeRegistries,
    names: Names,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calls, "has_image", lambda *_: False)
    document = check(node)
    assert faults(document) == ["pause_image"]
    assert "registry.k8s.io/pause:3.10" in document["findings"][0]["what"]
    assert [each["registry"] for each in document["registries"]] == [
        "docker.io",
        "localhost:32000",
    ]
    assert "pause_image" not in faults(check(node, "reg.corp"))


@pytest.mark.parametrize("image", ["x[y/z", "reg.corp:²/a"])
def test_a_pause_image_that_is_none(
    node: Microk8s,
    containerd: FakeContainerd,
    monkeypatch: pytest.MonkeyPatch,
    image: str,
) -> None:
    monkeypatch.setattr(calls, "has_image", lambda *_: False)
    text = node.template.read_text().replace("registry.k8s.io/pause:3.10", image)
    node.template.write_text(text)
    containerd.restart()
    (finding,) = check(node)["findings"]
    template = node.current / "args" / "containerd-template.toml"
    assert (finding["cause"], finding["where"]) == ("pause_image", str(template))
    assert finding["do"] == f"sudo nano {template}"
    assert "cannot pull it: " in finding["what"]


# --- how it is asked ------------------------------------------------------------------


def test_it_changes_nothing(
    microk8s: Microk8s,
    containerd: FakeContainerd,
    registries: FakeRegistries,
    names: Names,
) -> None:
    host = names.add("reg.corp", registries.start())
    before = microk8s.tree()
    assert faults(check(microk8s, host)) == ["speaks_http"]
    assert check(microk8s)["clean"]
    assert not changed(microk8s, before)
    do = check(microk8s, host)["findings"][0]["do"]
    assert do == f"microk8s enable private-registry-config --insecure {host}"


def test_it_does_not_wait_for_another_run(node: Microk8s) -> None:
    import fcntl  # noqa: PLC0415 - only here

    descriptor = os.open(str(node.common), os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        assert check(node)["clean"]
    finally:
        os.close(descriptor)


def test_many_registries_and_a_black_hole(
    node: Microk8s, registries: FakeRegistries, names: Names
) -> None:
    server = registries.start()
    hosts = [names.add(f"reg{number}.corp", server) for number in range(49)]
    with socket.socket() as hole, ExitStack() as held:
        hole.bind(("127.0.0.1", 0))
        hole.listen(0)
        for _ in range(4):
            client = held.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(hole.getsockname())
        names.add("hole.corp", None)
        black = f"hole.corp:{hole.getsockname()[1]}"
        options = [word for host in [*hosts, black] for word in ("--insecure", host)]
        ok(node.run("plugin", "add", *options))
        start = time.monotonic()
        document = check(node, "--timeout", "4")
        # Three times as long as all at once take; a busy machine has the rest for its
        # work.
        assert time.monotonic() - start < 12
    assert faults(document) == ["timeout"]
    assert document["findings"][0]["registry"] == black
    assert len(document["registries"]) == 52


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--timeout", "0"], "no number of seconds"),
        (["--timeout", "soon"], "no number of seconds"),
        (["--timeout", "nan"], "no number of seconds"),
        (["--pull"], "pulls one image"),
        (["--pull", "reg.corp"], "pulls one image"),
        (["--pull", "reg.corp/a", "reg.corp/b"], "pulls one image"),
        (["reg.corp/UPPER"], "is no image"),
        (["user:pw@reg.corp"], "is no image"),
        (["--explain", "x", "reg.corp"], "stands alone"),
        (["--explain", "x", "--explain", "y"], "twice"),
        (["--registry", "reg.corp"], "there is no option"),
    ],
    ids=" ".join,
)
def test_usage(node: Microk8s, arguments: List[str], words: str) -> None:
    done = node.run("plugin", "check", *arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert words in done.stderr
    assert "pw" not in done.stderr
    assert len(done.stderr.splitlines()) <= 3


def test_a_real_pull(node: Microk8s, registries: FakeRegistries, names: Names) -> None:
    host = names.add("reg.corp", registries.start())
    ok(node.run("plugin", "add", "--insecure", host))
    document = check(node, f"{host}/app:1", "--pull")
    assert document["pull"] == {
        "reference": f"{host}/app:1",
        "works": True,
        "words": "",
        "afterwards": "removed",
        "why": "",
    }
    told = node.run("plugin", "check", f"{host}/app:1", "--pull").stdout
    assert f"pull of {host}/app:1: works\n  the image was removed again, since" in told


def test_a_pull_that_fails_although_all_looks_well(
    node: Microk8s,
    registries: FakeRegistries,
    names: Names,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = "failed to extract layer: no space left on device\x1b[2J"
    monkeypatch.setattr(calls, "pull", lambda *_: words)
    host = names.add("reg.corp", registries.start())
    ok(node.run("plugin", "add", "--insecure", host))
    document = check(node, f"{host}/app:1", "--pull")
    assert not document["clean"]
    assert document["pull"]["words"] == words.replace("\x1b", "?")
    done = node.run("plugin", "check", f"{host}/app:1", "--pull")
    assert "no space left on device" in done.stdout
    assert "\x1b" not in done.stdout


# --- beside other verbs ---------------------------------------------------------------


@pytest.mark.parametrize("is_right", [True, False])
def test_enable_and_check(
    microk8s: Microk8s,
    containerd: FakeContainerd,
    registries: FakeRegistries,
    names: Names,
    is_right: bool,
) -> None:
    host = names.add("reg.corp", registries.start())
    option = "--insecure" if is_right else "--registry"
    done = microk8s.run("enable", option, host, "--check")
    assert done.exit_code == (0 if is_right else 5)
    assert ("No fault found." if is_right else "speaks_http") in done.stdout
    assert "created" in done.stdout
    done = microk8s.run("plugin", "add", option, host, "--check", "--json")
    document = json.loads(done.stdout)
    assert document["changed"] is False
    assert document["check"]["clean"] is is_right
    planned = microk8s.run("plugin", "add", option, "b.corp", "--check", "--dry-run")
    assert planned.exit_code == 0
    assert "fault" not in planned.stdout


def test_list_shows_the_last_check(
    node: Microk8s, registries: FakeRegistries, names: Names
) -> None:
    good, bad = names.add("good.corp", registries.start()), names.add("bad.corp", None)
    ok(node.run("plugin", "add", "--insecure", good, "--insecure", bad))
    assert "checked" not in node.run("plugin", "list").stdout
    check(node)
    lines = node.run("plugin", "list").stdout.splitlines()
    assert any(good in line and line.endswith("UTC: ok]") for line in lines)
    assert any(bad in line and line.endswith("UTC: refused]") for line in lines)
    listed = json.loads(node.run("plugin", "list", "--json").stdout)["registries"]
    assert {each["host"]: each["last_check"]["causes"] for each in listed} == {
        good: [],
        bad: ["refused"],
    }
    check(node, good)
    assert "refused" in node.run("plugin", "list").stdout
    assert (node.common / LAST_CHECK).stat().st_mode & 0o777 == 0o600
    ok(node.run("plugin", "add", "--insecure", "new.corp:1"))
    assert "checked" not in node.run("plugin", "list").stdout


def test_what_was_remembered_may_be_damaged(node: Microk8s) -> None:
    ok(node.run("plugin", "add", "--insecure", "a.corp:1"))
    for content in (
        b"\xff",
        b"[]",
        b'{"a.corp:1": {}}',
        b'{"a.corp:1": {"time": "x"}}',
    ):
        (node.common / LAST_CHECK).write_bytes(content)
        assert "checked" not in ok(node.run("plugin", "list")).stdout


def test_disable_forgets_it(
    microk8s: Microk8s,
    containerd: FakeContainerd,
    registries: FakeRegistries,
    names: Names,
) -> None:
    before = microk8s.tree()
    ok(microk8s.run("enable", "--insecure", names.add("reg.corp", registries.start())))
    check(microk8s)
    assert (microk8s.common / LAST_CHECK).exists()
    ok(microk8s.run("disable"))
    assert not changed(microk8s, before)


def test_a_full_disk_does_not_matter(
    node: Microk8s,
    registries: FakeRegistries,
    names: Names,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from private_registry.node import files  # noqa: PLC0415 - to be patched

    ok(
        node.run(
            "plugin", "add", "--insecure", names.add("reg.corp", registries.start())
        )
    )
    before = node.tree()

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "write_new", full)
    assert check(node)["clean"]
    assert not changed(node, before)


# --- as whom, and where ---------------------------------------------------------------


_GROUP = 4321


@contextmanager
def _nobody(group: int = 65534) -> Iterator[None]:
    """Have no more rights than an ordinary user for the block."""
    os.setegid(group)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_an_ordinary_user_sees_what_there_is_to_see(
    node: Microk8s, registries: FakeRegistries
) -> None:
    host = registries.start().authority
    ok(node.run("plugin", "add", "--insecure", host))
    for path in [node.root, *node.root.parents]:
        if path != Path("/"):
            path.chmod(path.stat().st_mode | 0o055)
    for path in [node.data, *node.data.rglob("*")]:
        if "private-registry-config" in str(path):
            continue
        path.chmod(path.stat().st_mode | (0o055 if path.is_dir() else 0o044))
    (node.common / STATE).parent.chmod(0o700)
    node.template.chmod(0o600)
    # What is imported late is not everybody's to read here.
    ok(node.run("plugin", "check", host))
    before = node.tree()
    with _nobody():
        done = node.run("plugin", "check", host)
    assert (done.exit_code, done.stderr) == (0, "")
    assert f"{host}  ok  http://{host}/v2" in done.stdout
    for unseen in (
        "an earlier run",
        "containerd-template.toml",
        "private-registry-config",
        "containerd runs",
    ):
        assert any(
            line.startswith("not seen") and unseen in line
            for line in done.stdout.split("\n")
        )
    assert not changed(node, before)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_user_of_the_group_on_a_node_as_it_is_left(
    node: Microk8s, registries: FakeRegistries, client_options: List[str], pki: Pki
) -> None:
    """With the modes that MicroK8s and this addon give, and nothing opened for the
    test.
    """
    plain, secured = (
        registries.start().authority,
        registries.start(pair=pki.server).authority,
    )
    for path in [node.data / "args", *(node.data / "args").rglob("*")]:
        os.chown(str(path), 0, _GROUP)
    for path in node.data.parents:
        if path != Path("/"):
            path.chmod(path.stat().st_mode | 0o011)
    node.data.chmod(0o755)
    with mock.patch("private_registry.node.paths._group", return_value=_GROUP):
        ok(node.run("plugin", "add", "--registry", secured, *client_options))
        ok(node.run("plugin", "add", "--insecure", plain))
    key = node.certs_d / secured / "client.key"
    assert key.stat().st_mode & 0o777 == 0o600
    # What is imported late is not everybody's to read here.
    node.run("plugin", "check")
    before = node.tree()
    trust.context_of.cache_clear()
    with _nobody(_GROUP):
        done = node.run("plugin", "check")
        document = json.loads(node.run("plugin", "check", "--json").stdout)
    assert (done.exit_code, done.stderr) == (0, ""), done
    assert document["clean"]
    assert "install" not in done.stdout
    assert "client.key" in done.stdout
    lines = done.stdout.splitlines()
    assert f"{plain}  ok  http://{plain}/v2" in lines
    assert not any(line.startswith(f"{secured}  ok") for line in lines)
    assert any(
        line.startswith("not seen") and "an earlier run" in line for line in lines
    )
    assert not changed(node, before)


def test_an_ordinary_user_needs_no_sudo(microk8s: Microk8s) -> None:
    is_ordinary = mock.patch("os.geteuid", return_value=os.geteuid() + 1)
    with is_ordinary, mock.patch.dict(os.environ, microk8s.environment):
        assert launcher.needs_root(["list"])
        assert not launcher.needs_root(["check", "reg.corp"])


def test_colours_and_progress_on_a_terminal_only(
    node: Microk8s, registries: FakeRegistries
) -> None:
    ok(node.run("plugin", "add", "--insecure", registries.start().authority))
    assert "\x1b" not in node.program("plugin", "check").stdout
    shown = _on_a_terminal(node, {})
    assert "\x1b[32mok" in shown
    assert "of 2 endpoints have answered" in shown
    assert "\x1b[32m" not in _on_a_terminal(node, {"NO_COLOR": "1"})


def _on_a_terminal(node: Microk8s, environment: Dict[str, str]) -> str:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(ADDON / "plugin"), "check"],
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, **node.environment, **environment},
    )
    os.close(theirs)
    shown = b""
    try:
        while True:
            shown += os.read(ours, 4096)
    except OSError:
        process.wait()
    finally:
        os.close(ours)
    return shown.decode()


def test_every_cause_has_a_sentence_and_an_anchor() -> None:
    for cause in Cause:
        for told in (cause.told(), cause.told("reg.corp", "reg.corp")):
            assert told
            assert not told.endswith(".")
            assert not set("{}") & set(told)
        assert cause.more == f"docs/troubleshooting.md#{cause.value}"


def test_certificates(
    node: Microk8s, registries: FakeRegistries, names: Names, pki: Pki
) -> None:
    host = names.add("reg.corp", registries.start(pair=pki.server))
    document = check(node, host)
    assert faults(document) == ["common_name_only"]
    assert document["findings"][0]["do"] is None
    assert document["findings"][0]["owner"]


def test_an_empty_login_of_the_kubelet_in_front_of_containerds(
    node: Microk8s, registries: FakeRegistries, names: Names, containerd: FakeContainerd
) -> None:
    right = "Basic YW5uOnMzY3JldA=="
    server = registries.start(
        lambda heard: (
            Said() if heard.headers.get("Authorization") == right else UNAUTHORIZED
        )
    )
    host = names.add("reg.corp", server)
    added = node.run(
        *("plugin", "add", "--insecure", host, "--username", "ann"),
        *("--password-env", "PASSWORD", "--allow-plaintext-credentials"),
        env={"PASSWORD": "s3cret"},
    )
    ok(added)
    containerd.restart()
    assert check(node, host)["clean"]
    path = node.common / "var/lib/kubelet/config.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"auths": {host: {}}}, indent=1))
    document = check(node, host)
    assert faults(document) == ["kubelet_login"]
    assert f"{path}, line 3" in document["findings"][0]["where"]
    path.write_text(json.dumps({"auths": {host: {"auth": "YW5uOnMzY3JldA=="}}}))
    assert check(node, host)["clean"]
    path.write_text(json.dumps({"auths": {host: {"auth": "YW5uOndyb25n"}}}))
    assert faults(check(node, host)) == ["login_refused"]
    of_team = {f"{host}/team": {"auth": "YW5uOnMzY3JldA=="}}
    path.write_text(json.dumps({"auths": {host: {"auth": "YW5uOndyb25n"}, **of_team}}))
    assert "login_refused" not in faults(check(node, f"{host}/team/app:1"))
    assert "login_refused" in faults(check(node, f"{host}/other/app:1"))
    path.unlink()
    assert check(node, host)["clean"]
