"""``--docker``: the Docker engine beside the node takes a registry, and forgets it
again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Callable, List

import pytest

from private_registry.docker import engine
from unit.fake_docker import FakeDocker
from unit.interruptions import killed_at
from unit.microk8s import Microk8s, ok
from unit.pki import Pki

pytestmark = pytest.mark.owners

NewDocker = Callable[..., FakeDocker]
HOST = "10.141.241.175:32000"
ENABLE = ("enable", "--insecure", HOST, "--docker")
BY_HAND = """{
    "log-driver": "journald",
    "insecure-registries": [
        "old.corp:5000"
    ],
    "log-opts": {"tag": "a,b]}"}
}
"""


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "{}",
        "{ }\n",
        BY_HAND,
        '{"insecure-registries":[]}',
        (
            '{"insecure-registries": ["old.corp:5000"], "registry-mirrors":'
            ' ["https://m.corp/"]}'
        ),
        '\ufeff{"debug": true}\r\n',
    ],
    ids=lambda text: repr(text)[:20],
)
def test_an_engine_takes_a_registry_and_forgets_it_again(
    microk8s: Microk8s, new_docker: NewDocker, text: str
) -> None:
    docker = new_docker(text)
    tree, known = microk8s.tree(), docker.insecure()
    done = ok(microk8s.run(*ENABLE))
    assert "Docker was reloaded" in done.stdout
    assert docker.insecure() == {*known, HOST}
    listed = json.loads((docker.text or "").lstrip("\ufeff"))["insecure-registries"]
    assert listed == [*sorted(known), HOST]
    ok(microk8s.run("disable"))
    assert docker.insecure() == known
    assert microk8s.tree() == tree


def test_every_other_byte_stays(microk8s: Microk8s, new_docker: NewDocker) -> None:
    docker = new_docker(BY_HAND)
    ok(microk8s.run(*ENABLE))
    assert docker.text == BY_HAND.replace(
        '"old.corp:5000"\n', f'"old.corp:5000",\n        "{HOST}"\n'
    )


def test_what_somebody_else_writes_afterwards_stays(
    microk8s: Microk8s, new_docker: NewDocker
) -> None:
    docker = new_docker(BY_HAND)
    ok(microk8s.run(*ENABLE))
    docker.config.write_text((docker.text or "").replace("journald", "json-file"))
    ok(microk8s.run("plugin", "add", "--insecure", "two.corp", "--docker"))
    assert docker.document["insecure-registries"] == ["old.corp:5000", HOST, "two.corp"]
    ok(microk8s.run("disable"))
    assert docker.text == BY_HAND.replace("journald", "json-file")
    assert docker.insecure() == {"old.corp:5000"}


def test_a_file_that_somebody_else_writes_into_does_not_go(
    microk8s: Microk8s, new_docker: NewDocker
) -> None:
    docker = new_docker(None)
    ok(microk8s.run(*ENABLE))
    docker.config.write_text(
        (docker.text or "").replace("]\n", '],\n  "debug": true\n')
    )
    ok(microk8s.run("disable"))
    assert docker.document == {"debug": True}
    assert docker.insecure() == set()


def test_what_was_there_before_is_not_ours(
    microk8s: Microk8s, new_docker: NewDocker
) -> None:
    docker = new_docker(json.dumps({"insecure-registries": [HOST]}))
    tree = microk8s.tree()
    assert "daemon.json" not in ok(microk8s.run(*ENABLE)).stdout
    ok(microk8s.run("disable"))
    assert microk8s.tree() == tree
    assert docker.insecure() == {HOST}


def test_the_same_again_does_nothing(microk8s: Microk8s, new_docker: NewDocker) -> None:
    docker = new_docker()
    ok(microk8s.run(*ENABLE))
    status, reloads = docker.config.stat(), docker.reloads
    assert "Nothing to do" in ok(microk8s.run(*ENABLE)).stdout
    assert (docker.config.stat().st_mtime_ns, docker.reloads) == (
        status.st_mtime_ns,
        reloads,
    )


def test_an_engine_that_missed_a_change_takes_it_later(
    microk8s: Microk8s, new_docker: NewDocker
) -> None:
    docker = new_docker(json.dumps({"insecure-registries": []}))
    docker.config.write_text(json.dumps({"insecure-registries": [HOST]}))
    ok(microk8s.run(*ENABLE))
    assert docker.insecure() == {HOST}
    assert docker.reloads == 1


def test_options_that_come_later_leave_docker_as_it_is(
    microk8s: Microk8s, new_docker: NewDocker
) -> None:
    docker = new_docker()
    ok(microk8s.run(*ENABLE))
    ok(microk8s.run("plugin", "add", "--mirror", f"{HOST}=http://10.1.1.1:5000"))
    assert docker.insecure() == {HOST}
    ok(microk8s.run("plugin", "add", "--insecure", HOST, "--no-docker"))
    assert docker.insecure() == set()
    assert docker.text is None
    assert microk8s.hosts(HOST)


def test_one_registry_goes_and_the_others_stay(
    microk8s: Microk8s, new_docker: NewDocker
) -> None:
    docker = new_docker()
    ok(microk8s.run(*ENABLE, "--insecure", "two.corp"))
    ok(microk8s.run("plugin", "remove", "--registry", HOST))
    assert docker.insecure() == {"two.corp"}
    assert docker.document == {"insecure-registries": ["two.corp"]}


def test_all_at_once_take_effect(microk8s: Microk8s, new_docker: NewDocker) -> None:
    docker = new_docker(BY_HAND)
    tree = microk8s.tree()
    hosts = [f"r{number}.corp" for number in range(6)]
    children = []
    for host in hosts:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                code = microk8s.run(
                    "plugin", "add", "--insecure", host, "--docker"
                ).exit_code
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * len(hosts)
    assert docker.insecure() == {"old.corp:5000", *hosts}
    ok(microk8s.run("disable"))
    assert docker.insecure() == {"old.corp:5000"}
    assert microk8s.tree() == tree


def test_a_dry_run_tells_and_does_nothing(
    microk8s: Microk8s, new_docker: NewDocker
) -> None:
    docker = new_docker('{"proxies": {"http-proxy": "http://ann:s3cr3t@proxy"}}')
    tree = microk8s.tree()
    shown = ok(microk8s.run(*ENABLE, "--dry-run")).stdout
    assert f'+    "{HOST}"' in shown
    assert "Docker would be reloaded" in shown
    assert "s3cr3t" not in shown
    assert (microk8s.tree(), docker.reloads) == (tree, 0)


@pytest.mark.parametrize(
    ("options", "lists"),
    [
        (
            ["--registry", "a.corp", "--skip-verify"],
            {"insecure-registries": ["a.corp"]},
        ),
        (
            ["--mirror", "docker.io=https://m.corp"],
            {"registry-mirrors": ["https://m.corp"]},
        ),
        (
            ["--mirror", "docker.io=http://m.corp:81"],
            {"registry-mirrors": ["http://m.corp:81"]},
        ),
        (
            ["--mirror", "docker.io=https://m.corp", "--skip-verify"],
            {"insecure-registries": ["m.corp"], "registry-mirrors": ["https://m.corp"]},
        ),
        (["--registry", "a.corp"], {}),
    ],
    ids=str,
)
def test_what_stands_in_daemon_json(
    microk8s: Microk8s, new_docker: NewDocker, options: List[str], lists: object
) -> None:
    docker = new_docker()
    ok(microk8s.run("enable", *options, "--docker"))
    assert docker.document == lists


def test_mirrors_are_asked_before_those_that_are_there(
    microk8s: Microk8s, new_docker: NewDocker
) -> None:
    docker = new_docker('{"registry-mirrors": ["https://old.corp"]}')
    mirrors = [
        "--mirror",
        "docker.io=https://a.corp",
        "--mirror",
        "docker.io=https://b.corp",
    ]
    ok(microk8s.run("enable", *mirrors, "--docker"))
    assert docker.mirrors() == [
        "https://a.corp/",
        "https://b.corp/",
        "https://old.corp/",
    ]
    ok(microk8s.run("disable"))
    assert docker.mirrors() == ["https://old.corp/"]


@pytest.mark.parametrize(
    ("options", "note"),
    [
        (["--mirror", "docker.io=https://m.corp/proxy"], "no mirror with a path"),
        (["--mirror", "quay.io=https://m.corp"], "mirrors of docker.io only"),
        (["--mirror", "*=https://m.corp"], "no mirror for every registry"),
        (
            ["--mirror", "docker.io=https://m.corp", "--no-fallback"],
            "asks Docker Hub itself",
        ),
        (["--registry", "docker.io", "--skip-verify"], "by the system's CAs alone"),
        (
            ["--registry", "a.corp", "--username", "ann", "--password-stdin"],
            "docker login a.corp",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_docker_cannot_do_is_said(
    microk8s: Microk8s, new_docker: NewDocker, options: List[str], note: str
) -> None:
    new_docker()
    done = ok(microk8s.run("enable", *options, "--docker", stdin=b"pw"))
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("note: ")]
    assert note in line
    again = ok(microk8s.run("plugin", "apply", "--json"))
    assert json.loads(again.stdout)["notes"] == [line[len("note: ") :]]


# --- certificates ---------------------------------------------------------------------


def test_certificates_need_no_reload(
    microk8s: Microk8s, new_docker: NewDocker, client_options: List[str], pki: Pki
) -> None:
    docker = new_docker()
    tree = microk8s.tree()
    done = ok(
        microk8s.run("enable", "--registry", "a.corp:5000", *client_options, "--docker")
    )
    assert "was not reloaded" in done.stdout
    folder = microk8s.etc_docker / "certs.d" / "a.corp:5000"
    texts = {path.name: path.read_text() for path in folder.iterdir()}
    assert texts == {
        "ca.crt": pki.authority.pem,
        "client.cert": pki.client.pem,
        "client.key": pki.client.key,
    }
    modes = {
        path.name: path.stat().st_mode & 0o777 for path in [folder, *folder.iterdir()]
    }
    assert modes == {
        "a.corp:5000": 0o755,
        "ca.crt": 0o644,
        "client.cert": 0o644,
        "client.key": 0o600,
    }
    assert docker.reloads == 0
    ok(microk8s.run("disable"))
    assert microk8s.tree() == tree


def test_somebody_elses_certificate_is_a_conflict(
    microk8s: Microk8s, new_docker: NewDocker, client_options: List[str]
) -> None:
    new_docker()
    theirs = microk8s.etc_docker / "certs.d" / "a.corp" / "ca.crt"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    tree = microk8s.tree()
    command = ("enable", "--registry", "a.corp", *client_options, "--docker")
    refused = microk8s.run(*command)
    assert refused.exit_code == 3
    assert str(theirs) in refused.stderr
    assert microk8s.tree() == tree
    ok(microk8s.run(*command, "--adopt"))
    assert theirs.read_text() != "theirs"
    ok(microk8s.run("disable"))
    assert microk8s.tree() == tree


@pytest.mark.parametrize(("name", "other"), [("a.key", "a.cert"), ("a.cert", "a.key")])
def test_a_folder_that_docker_refuses_as_a_whole(
    microk8s: Microk8s,
    new_docker: NewDocker,
    client_options: List[str],
    name: str,
    other: str,
) -> None:
    new_docker()
    folder = microk8s.etc_docker / "certs.d" / "a.corp"
    folder.mkdir(parents=True)
    (folder / name).touch()
    command = ("enable", "--registry", "a.corp", *client_options, "--docker")
    refused = microk8s.run(*command)
    assert refused.exit_code == 3
    assert f"{name} has no {other}" in refused.stderr
    assert not microk8s.state.exists()
    (folder / other).touch()
    ok(microk8s.run(*command))


def test_a_mirrors_certificate_stands_below_the_mirrors_name(
    microk8s: Microk8s, new_docker: NewDocker, client_options: List[str]
) -> None:
    docker = new_docker()
    ok(
        microk8s.run(
            "enable",
            "--mirror",
            "docker.io=https://m.corp",
            *client_options,
            "--docker",
        )
    )
    assert {path.name for path in (microk8s.etc_docker / "certs.d").iterdir()} == {
        "m.corp"
    }
    assert docker.mirrors() == ["https://m.corp/"]


def test_one_host_is_trusted_in_one_way(
    microk8s: Microk8s, new_docker: NewDocker, client_options: List[str]
) -> None:
    new_docker()
    ok(microk8s.run("enable", "--registry", "m.corp", *client_options, "--docker"))
    mirror = (
        "plugin",
        "add",
        "--mirror",
        "docker.io=https://m.corp",
        *client_options[:2],
    )
    refused = microk8s.run(*mirror, "--docker")
    assert refused.exit_code == 2
    assert "m.corp" in refused.stderr


# --- what an engine does not take -----------------------------------------------------


def test_what_an_engine_does_not_take_is_put_back(
    microk8s: Microk8s, new_docker: NewDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "RELOAD_SECONDS", 0.3)
    docker = new_docker('{"refuses": true}')
    tree = microk8s.tree()
    refused = microk8s.run(*ENABLE)
    assert refused.exit_code == 4
    assert "all was put back as it was" in refused.stderr
    assert microk8s.tree() == tree
    assert docker.insecure() == set()


def test_an_engine_that_keeps_a_registry_keeps_it_in_its_file(
    microk8s: Microk8s, new_docker: NewDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "RELOAD_SECONDS", 0.3)
    docker = new_docker()
    ok(microk8s.run(*ENABLE))
    docker.config.write_text(
        (docker.text or "").replace("]\n", '],\n  "refuses": true\n')
    )
    tree = microk8s.tree()
    assert microk8s.run("disable").exit_code == 4
    assert microk8s.tree() == tree


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{"a": 1,}', 1),
        ("{\n'a': 1\n}", 2),
        ('{\n"insecure-registries": "a.corp"}', 2),
        ('{\n"insecure-registries": [1]}', 2),
        ("[]", 1),
        ('{"a": 1}\n{}', 2),
        ('{"insecure-registries": [],\n"insecure-registries": []}', 2),
        ('{"a": NaN}', 1),
    ],
)
def test_an_unreadable_file_is_never_overwritten(
    microk8s: Microk8s, new_docker: NewDocker, text: str, line: int
) -> None:
    docker = new_docker(text)
    refused = microk8s.run(*ENABLE)
    assert refused.exit_code == 4
    assert f"{docker.config}, line {line}" in refused.stderr
    assert docker.text == text
    assert not microk8s.state.exists()


def test_a_list_on_the_command_line_excludes_one_in_the_file(
    microk8s: Microk8s, new_docker: NewDocker
) -> None:
    docker = new_docker(options=["--insecure-registry", "old.corp"])
    refused = microk8s.run(*ENABLE)
    assert refused.exit_code == 4
    assert "command line" in refused.stderr
    assert docker.text is None
    ok(microk8s.run("enable", "--mirror", "docker.io=https://m.corp", "--docker"))


def test_an_engine_that_does_not_answer(
    microk8s: Microk8s, new_docker: NewDocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_ANSWER_SECONDS", 0.2)
    docker = new_docker()
    docker.pause()
    refused = microk8s.run(*ENABLE)
    assert refused.exit_code == 4
    assert "docker info" in refused.stderr
    assert docker.text is None


def test_an_engine_that_does_not_run_takes_it_later(
    microk8s: Microk8s, new_docker: NewDocker
) -> None:
    docker = new_docker()
    docker.stop()
    tree = microk8s.tree()
    assert "at its next start" in ok(microk8s.run(*ENABLE)).stdout
    assert docker.document == {"insecure-registries": [HOST]}
    ok(microk8s.run("disable"))
    assert microk8s.tree() == tree


@pytest.mark.exhaustive
@pytest.mark.parametrize("text", [None, BY_HAND], ids=["none", "by hand"])
def test_killed_anywhere_the_engine_and_its_file_agree_afterwards(
    microk8s: Microk8s, new_docker: NewDocker, text: str
) -> None:
    docker = new_docker(text)
    tree, known = microk8s.tree(), docker.insecure()
    for command in (ENABLE, ("disable",)):
        at = 0
        while True:
            at += 1
            if command == ("disable",):
                ok(microk8s.run(*ENABLE))
            if not killed_at(microk8s, at, command):
                break
            ok(microk8s.run("plugin", "list"))
            in_file = docker.document.get("insecure-registries", [])
            assert docker.insecure() == set(in_file), at
            ok(microk8s.run("disable"))
            assert (microk8s.tree(), docker.insecure()) == (tree, known), at
        assert at > 20
        ok(microk8s.run("disable"))


# --- what is in the way, when nobody asked for Docker ---------------------------------


def test_containerd_does_not_wait_for_docker(
    microk8s: Microk8s, new_docker: NewDocker
) -> None:
    docker = new_docker(BY_HAND)
    ok(microk8s.run(*ENABLE))
    good = docker.text or ""
    docker.config.write_text("{broken")
    done = ok(microk8s.run("plugin", "add", "--insecure", "two.corp"))
    assert "note: Docker was left as it is" in done.stdout
    assert microk8s.hosts("two.corp")
    assert docker.text == "{broken"
    refused = microk8s.run("disable")
    assert refused.exit_code == 4
    assert microk8s.hosts(HOST)
    docker.config.write_text(good)
    ok(microk8s.run("disable"))
    assert docker.text == BY_HAND


def test_an_engine_that_was_purged_leaves_nothing_to_take_back(
    microk8s: Microk8s, new_docker: NewDocker, client_options: List[str]
) -> None:
    docker = new_docker()
    ok(microk8s.run("enable", "--registry", "a.corp", *client_options, "--docker"))
    docker.stop()
    for path in sorted(microk8s.etc_docker.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    microk8s.etc_docker.rmdir()
    done = ok(microk8s.run("plugin", "apply"))
    assert "no Docker engine" in done.stdout
    ok(microk8s.run("disable"))
    assert not microk8s.etc_docker.exists()
    assert not microk8s.state.exists()


def test_list_tells_what_docker_has_not(
    microk8s: Microk8s, new_docker: NewDocker, client_options: List[str]
) -> None:
    docker = new_docker()
    ok(microk8s.run(*ENABLE))
    ok(
        microk8s.run(
            "plugin", "add", "--registry", "a.corp", *client_options, "--docker"
        )
    )
    assert ok(microk8s.run("plugin", "list")).stdout.count("[ok]") == 2
    docker.config.unlink()
    (microk8s.etc_docker / "certs.d/a.corp/ca.crt").unlink()
    listed = ok(microk8s.run("plugin", "list")).stdout
    assert listed.count("[not so in Docker]") == 2
    ok(microk8s.run("plugin", "apply"))
    assert ok(microk8s.run("plugin", "list")).stdout.count("[ok]") == 2
    assert docker.insecure() == {HOST}


def test_a_confined_microk8s_says_what_to_run(
    microk8s: Microk8s, new_docker: NewDocker
) -> None:
    docker = new_docker()
    (microk8s.snap / "meta").mkdir()
    (microk8s.snap / "meta/snap.yaml").write_text(
        "name: microk8s\nconfinement: strict\n"
    )
    refused = microk8s.run(*ENABLE)
    assert refused.exit_code == 4
    assert f"/enable --insecure {HOST} --docker" in refused.stderr.splitlines()[-1]
    assert "sudo python3 -I /" in refused.stderr
    assert docker.text is None
    (microk8s.snap / "meta/snap.yaml").unlink()
    ok(microk8s.run(*ENABLE))
    (microk8s.snap / "meta/snap.yaml").write_text(
        "name: microk8s\nconfinement: strict\n"
    )
    assert (
        "note: Docker was left"
        in ok(microk8s.run("plugin", "add", "--insecure", "b.c")).stdout
    )
    assert "Docker cannot be seen" in ok(microk8s.run("plugin", "list")).stdout
    # What such a snap sees of it may be nothing at all.
    away = microk8s.etc_docker.with_name("away")
    microk8s.etc_docker.rename(away)
    ok(microk8s.run("plugin", "add", "--insecure", "c.corp"))
    away.rename(microk8s.etc_docker)
    assert microk8s.run("disable").exit_code == 4
    assert docker.insecure() == {HOST}
    (microk8s.snap / "meta/snap.yaml").unlink()
    ok(microk8s.run("disable"))
    assert (docker.insecure(), docker.text) == (set(), None)


# --- the command line -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--docker"], "does not say for which registry"),
        (["--no-docker"], "does not say for which registry"),
        (["--insecure", HOST, "--docker", "--no-docker"], "exclude each other"),
        (
            ["--insecure", HOST, "--docker-config", "/etc/docker/daemon.json"],
            "needs --docker",
        ),
        (
            ["--insecure", HOST, "--docker", "--docker-config", "daemon.json"],
            "absolute path",
        ),
        (
            ["--insecure", HOST, "--docker", "--docker-config", "/etc/../x"],
            "absolute path",
        ),
        (["--insecure", HOST, "--docker", "--docker-config", "/"], "absolute path"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_options_that_make_no_sense(
    microk8s: Microk8s, options: List[str], words: str
) -> None:
    refused = microk8s.run("enable", *options)
    assert refused.exit_code == 2
    assert words in refused.stderr


def test_a_file_of_registries_may_be_for_docker(
    microk8s: Microk8s, new_docker: NewDocker, tmp_path: Path
) -> None:
    docker = new_docker()
    file = tmp_path / "registries.toml"
    file.write_text(
        f'docker_config = "{docker.config}"\n'
        '[[registry]]\nhost = "a.corp"\ninsecure = true\ndocker = true\n'
        '[[registry]]\nhost = "b.corp"\ninsecure = true\n'
    )
    ok(microk8s.run("enable", "--file", str(file)))
    assert docker.insecure() == {"a.corp"}
    ok(microk8s.run("plugin", "add", "--file", str(file), "--docker"))
    assert docker.insecure() == {"a.corp", "b.corp"}
    file.write_text("version = 1\n")
    ok(microk8s.run("plugin", "apply", "--file", str(file)))
    assert docker.insecure() == set()
    assert docker.text is None
