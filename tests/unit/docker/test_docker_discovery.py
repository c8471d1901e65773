"""Which Docker engine is meant, and where its files are: of a package, the snap,
without root.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict, List, Optional

import pytest

from private_registry.docker import discovery
from private_registry.docker.discovery import (
    Engine,
    engine_of,
    running_engines,
    the_engine,
)
from private_registry.errors import NodeError, UsageError
from private_registry.node import trusted_places
from private_registry.node.bounded_reads import read_of_process
from private_registry.node.file_values import DockerPlace, DockerPlaces
from unit.fake_docker import FakeDocker
from unit.microk8s import Microk8s, ok

NewDocker = Callable[..., FakeDocker]
SOMEBODY = 4242


class Machine:
    """A machine's processes and directories, as files.

    Args:
        root: stands for ``/``.
        patch: puts its directories in place of this machine's.
    """

    def __init__(self, root: Path, patch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.users: Dict[int, int] = {}
        self.etc = root / "etc/docker"
        self.snap = root / "snap/docker"
        self._processes = root / "proc"
        self.process(1, ["init"])
        (self._processes / "self").symlink_to("/proc/self")
        for name, value in (
            ("PROCESSES", self._processes),
            ("ETC_DOCKER", self.etc),
            ("SNAP_DOCKER", self.snap),
        ):
            patch.setattr(discovery, name, str(value))
        patch.setattr(discovery, "PROGRAMS", (str(root / "dockerd"),))
        patch.setattr(discovery, "_user_of", lambda number: self.users[number])
        account = pwd.struct_passwd(
            ("ann", "x", SOMEBODY, 77, "", str(root / "home/ann"), "sh")
        )
        patch.setattr(pwd, "getpwuid", lambda _number: account)

    def ends(self, number: int) -> None:
        """Let a process end."""
        shutil.rmtree(self._processes / str(number))

    def process(
        self,
        number: int,
        arguments: List[str],
        *,
        cgroup: str = "0::/system.slice/docker.service\n",
        user: Optional[int] = None,
        environment: str = "",
        root: str = "/",
        mounts: str = "",
    ) -> None:
        """Let a process run."""
        directory = self._processes / str(number)
        (directory / "ns").mkdir(parents=True)
        (directory / "comm").write_text(Path(arguments[0]).name + "\n")
        (directory / "cmdline").write_bytes(
            b"".join(each.encode() + b"\0" for each in arguments)
        )
        (directory / "cgroup").write_text(cgroup)
        (directory / "environ").write_text(environment)
        (directory / "root").symlink_to(root)
        (directory / "ns/mnt").symlink_to(mounts or os.readlink("/proc/self/ns/mnt"))
        self.users[number] = os.geteuid() if user is None else user


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without Docker."""
    return Machine(tmp_path, monkeypatch)


def test_the_engine_of_a_package(machine: Machine) -> None:
    machine.process(7, ["/usr/bin/dockerd", "-H", "fd://", "--containerd=/run/c.sock"])
    engine = the_engine()
    assert (engine.config, engine.certs_d, engine.process) == (
        f"{machine.etc}/daemon.json",
        f"{machine.etc}/certs.d",
        7,
    )
    assert engine.sockets == ("/var/run/docker.sock",)
    assert engine.flags == ()


@pytest.mark.parametrize("last", ["comm", "cmdline", "cgroup"])
def test_an_engine_that_ends_while_it_is_looked_at_is_none(
    last: str, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_before_it_ends(path: str) -> bytes:
        content = read_of_process(path)
        if path.endswith(f"/7/{last}"):
            machine.ends(7)
        return content

    monkeypatch.setattr(discovery, "read_of_process", read_before_it_ends)
    for number in (7, 8):
        machine.process(number, ["/usr/bin/dockerd"])
    assert the_engine().process == 8


def test_an_engine_whose_files_may_not_be_seen_is_one(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: str) -> str:
        raise PermissionError

    machine.process(7, ["/usr/bin/dockerd"])
    monkeypatch.setattr(os, "readlink", refuse)
    assert [each.process for each in running_engines()] == [7]


@pytest.mark.parametrize(
    ("options", "config", "sockets", "flags"),
    [
        (["--config-file", "/srv/d.json"], "/srv/d.json", ["/var/run/docker.sock"], []),
        (["--config-file=/srv/d.json"], "/srv/d.json", ["/var/run/docker.sock"], []),
        (["-H", "tcp://0.0.0.0:1", "-H", "unix:///a/b"], None, ["/a/b"], []),
        (["--host=unix:///a", "--host=unix:///b"], None, ["/a", "/b"], []),
        (
            ["--insecure-registry=a.corp"],
            None,
            ["/var/run/docker.sock"],
            ["insecure-registries"],
        ),
        (
            ["--registry-mirror", "https://m"],
            None,
            ["/var/run/docker.sock"],
            ["registry-mirrors"],
        ),
    ],
    ids=str,
)
def test_what_its_command_line_says(
    machine: Machine,
    options: List[str],
    config: Optional[str],
    sockets: List[str],
    flags: List[str],
) -> None:
    machine.process(7, ["dockerd", *options])
    engine = the_engine()
    assert engine.config == (config or f"{machine.etc}/daemon.json")
    assert engine.certs_d == f"{machine.etc}/certs.d"
    assert (list(engine.sockets), list(engine.flags)) == (sockets, flags)


def test_the_engine_of_the_snap(machine: Machine) -> None:
    machine.process(
        7,
        ["dockerd", f"--config-file={machine.snap}/2976/config/daemon.json"],
        cgroup="0::/system.slice/snap.docker.dockerd.service\n",
        root="/usr",
    )
    engine = the_engine()
    assert engine.config == f"{machine.snap}/current/config/daemon.json"
    assert engine.certs_d == f"{machine.snap}/current/etc/docker/certs.d"


@pytest.mark.parametrize(
    "environment",
    [
        "",
        "A=b\0XDG_CONFIG_HOME=/x/y\0XDG_RUNTIME_DIR=/r\0",
        "HOME=/x\0DOCKER_HOST=unix:///x\0",
    ],
)
@pytest.mark.parametrize("options", [[], ["-H", "unix:///x"], ["--rootless"]])
def test_a_rootless_engine_has_its_users_own_places(
    machine: Machine, environment: str, options: List[str]
) -> None:
    """Whatever it says of itself in its environment and on its command line."""
    command = ["dockerd", *options]
    machine.process(7, command, user=SOMEBODY, environment=environment, mounts="other")
    engine = the_engine(SOMEBODY)
    directory = machine.root / "home/ann/.config/docker"
    assert (engine.config, engine.certs_d) == (
        f"{directory}/daemon.json",
        f"{directory}/certs.d",
    )
    assert engine.user == SOMEBODY
    assert engine.sockets == (f"/run/user/{SOMEBODY}/docker.sock",)


@pytest.mark.parametrize(
    "config", ["/etc/profile.d/zz.sh", "/etc/docker/daemon.json", "x"]
)
def test_a_rootless_engine_with_another_file_is_not_meant(
    machine: Machine, config: str
) -> None:
    machine.process(
        7, ["dockerd", "--config-file", config], user=SOMEBODY, mounts="other"
    )
    assert running_engines() == []
    assert engine_of(config).process is None


def test_a_rootless_engine_is_meant_only_by_its_user_and_by_its_file(
    machine: Machine,
) -> None:
    machine.process(7, ["dockerd"], user=SOMEBODY, mounts="other")
    config = f"{machine.root}/home/ann/.config/docker/daemon.json"
    assert the_engine(SOMEBODY).config == config
    for caller in (None, 0, SOMEBODY + 1):
        with pytest.raises(NodeError) as refused:
            the_engine(caller)
        assert f"--docker-config {config}" in (refused.value.remedy or "")
    assert engine_of(config).process == 7


def test_a_rootless_engine_by_a_link_is_not_another_one(machine: Machine) -> None:
    machine.process(7, ["dockerd"], user=SOMEBODY, mounts="other")
    machine.etc.mkdir(parents=True)
    (machine.etc / "daemon.json").write_text("{}")
    home = machine.root / "home/ann/.config/docker"
    home.mkdir(parents=True)
    (home / "daemon.json").symlink_to(machine.etc / "daemon.json")
    engine = engine_of(f"{machine.etc}/daemon.json")
    assert (engine.process, engine.user) == (None, os.geteuid())


@pytest.mark.parametrize(
    ("environment", "caller"),
    [
        ({}, None),
        ({"SUDO_UID": "1000"}, 1000 if os.geteuid() == 0 else None),
        ({"SUDO_UID": "x"}, None),
        ({"SUDO_UID": "\u0663"}, None),
        ({"SUDO_UID": "\u00b2"}, None),
        ({"SUDO_UID": "-1"}, None),
        ({"SUDO_UID": "9" * 5000}, None),
    ],
    ids=range(7),
)
def test_who_called_through_sudo(
    environment: Dict[str, str], caller: Optional[int]
) -> None:
    assert trusted_places.caller(environment) == caller


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be two users at once")
def test_a_program_with_the_rights_of_another_user_is_no_engine(tmp_path: Path) -> None:
    """A link named dockerd to a program that is setuid, such as passwd, runs as
    root.
    """
    program = (
        "import os, sys; os.setresuid(65534, 0, 0); print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert discovery._user_of(process.pid) is None  # noqa: SLF001 - the rule itself
        assert discovery._user_of(os.getpid()) == 0  # noqa: SLF001
        process.communicate()


@pytest.mark.parametrize(
    "inside",
    [{"root": "/usr"}, {"mounts": "mnt:[1]"}, {"root": "/usr", "user": SOMEBODY}],
    ids=["other root", "other mounts", "other user"],
)
def test_an_engine_inside_of_a_container_is_not_meant(
    machine: Machine, inside: Dict[str, object]
) -> None:
    machine.process(7, ["dockerd"], **inside)  # type: ignore[arg-type]
    assert running_engines() == []
    machine.process(8, ["dockerd"])
    assert the_engine().process == 8


def test_no_engine_at_all(machine: Machine) -> None:
    machine.process(7, ["containerd"])
    with pytest.raises(NodeError) as refused:
        the_engine()
    assert "--docker-config FILE" in (refused.value.remedy or "")


def test_several_engines_are_named(machine: Machine) -> None:
    machine.process(7, ["dockerd"])
    machine.process(8, ["dockerd"], user=SOMEBODY, mounts="other")
    with pytest.raises(UsageError) as refused:
        the_engine(SOMEBODY)
    for config in (
        machine.etc / "daemon.json",
        machine.root / "home/ann/.config/docker",
    ):
        assert f"--docker-config {config}" in (refused.value.remedy or "")
    assert engine_of(f"{machine.etc}/daemon.json").process == 7


def test_what_others_run_makes_no_choice_necessary(machine: Machine) -> None:
    machine.process(8, ["dockerd"], user=SOMEBODY, mounts="other")
    machine.process(9, ["dockerd"])
    assert the_engine().process == 9


def test_engines_that_do_not_run(machine: Machine) -> None:
    (machine.root / "dockerd").touch()
    assert the_engine().config == f"{machine.etc}/daemon.json"
    (machine.snap / "current").mkdir(parents=True)
    with pytest.raises(UsageError):
        the_engine()
    (machine.root / "dockerd").unlink()
    assert the_engine().config == f"{machine.snap}/current/config/daemon.json"
    assert the_engine().process is None


def test_an_engine_by_its_file(machine: Machine) -> None:
    home = "/home/nobody-of-that-name/.config/docker"
    found = {
        f"{machine.snap}/current/config/daemon.json": (
            f"{machine.snap}/current/etc/docker/certs.d"
        ),
        f"{home}/daemon.json": f"{home}/certs.d",
        "/srv/d.json": f"{machine.etc}/certs.d",
    }
    assert {config: engine_of(config).certs_d for config in found} == found


def test_files_go_below_directories_that_are_there(machine: Machine) -> None:
    engine = Engine(f"{machine.etc}/daemon.json", f"{machine.etc}/certs.d")
    (machine.root / "etc").mkdir()
    above = str(machine.root / "etc")
    mode = stat.S_IMODE((machine.root / "etc").stat().st_mode)
    owner = (os.geteuid(), os.getegid())

    def place(root: str, path: str) -> DockerPlace:
        return DockerPlace(root, path, owner, mode)

    made = DockerPlaces(
        place(above, "docker/daemon.json"), place(above, "docker/certs.d")
    )
    assert engine.places == made
    machine.etc.mkdir(mode=mode)
    etc = str(machine.etc)
    assert engine.places == DockerPlaces(
        place(etc, "daemon.json"), place(etc, "certs.d")
    )
    (machine.root / "real.json").touch()
    (machine.etc / "daemon.json").symlink_to(machine.root / "real.json")
    machine.root.chmod(mode)
    real = place(str(machine.root), "real.json")
    assert engine.places == DockerPlaces(real, place(etc, "certs.d"))


# --- on a node ------------------------------------------------------------------------


def test_the_engine_that_is_named_takes_it(
    microk8s: Microk8s, new_docker: NewDocker
) -> None:
    first = new_docker()
    second = new_docker(config=microk8s.root / "etc/second/daemon.json")
    tree = microk8s.tree()
    enable = ("enable", "--insecure", "a.corp", "--docker")
    refused = microk8s.run(*enable)
    assert refused.exit_code == 2
    assert (
        f"--docker-config {first.config} or --docker-config {second.config}"
        in refused.stderr
    )
    ok(microk8s.run(*enable, "--docker-config", str(second.config)))
    assert (first.insecure(), second.insecure()) == (set(), {"a.corp"})
    ok(microk8s.run("plugin", "add", "--insecure", "b.corp", "--docker"))
    assert (first.insecure(), second.insecure()) == (set(), {"a.corp", "b.corp"})
    other = ("plugin", "add", "--insecure", "c.corp", "--docker", "--docker-config")
    refused = microk8s.run(*other, str(first.config))
    assert refused.exit_code == 2
    assert "--no-docker" in refused.stderr
    ok(microk8s.run("disable"))
    assert second.insecure() == set()
    assert microk8s.tree() == tree


@pytest.mark.parametrize("verb", ["add", "apply"])
def test_a_file_of_registries_may_name_the_engine(
    microk8s: Microk8s, new_docker: NewDocker, tmp_path: Path, verb: str
) -> None:
    first = new_docker()
    second = new_docker(config=microk8s.root / "etc/second/daemon.json")
    file = tmp_path / "registries.toml"
    file.write_text(
        f'docker_config = "{second.config}"\n'
        '[[registry]]\nhost = "a.corp"\ninsecure = true\ndocker = true\n'
    )
    ok(microk8s.run("plugin", verb, "--file", str(file)))
    assert (first.insecure(), second.insecure()) == (set(), {"a.corp"})
    file.write_text('docker_config = "relative"\n')
    refused = microk8s.run("plugin", verb, "--file", str(file))
    assert refused.exit_code == 2
    assert f"{file}, line 1" in refused.stderr


def test_a_link_to_daemon_json_stays_one(
    microk8s: Microk8s, new_docker: NewDocker
) -> None:
    docker = new_docker("{}")
    real = microk8s.root / "etc/real.json"
    docker.config.rename(real)
    docker.config.symlink_to(real)
    tree = microk8s.tree()
    ok(microk8s.run("enable", "--insecure", "a.corp", "--docker"))
    assert docker.config.is_symlink()
    assert docker.insecure() == {"a.corp"}
    ok(microk8s.run("disable"))
    assert docker.insecure() == set()
    assert microk8s.tree() == tree


def test_without_docker_the_option_is_refused(microk8s: Microk8s) -> None:
    tree = microk8s.tree()
    refused = microk8s.run("enable", "--insecure", "a.corp", "--docker")
    assert refused.exit_code == 4
    assert "no Docker engine" in refused.stderr
    assert microk8s.tree() == tree


def test_directories_that_were_made_for_docker_go_again(microk8s: Microk8s) -> None:
    (microk8s.host / "dockerd").touch()
    tree = microk8s.tree()
    ok(microk8s.run("enable", "--insecure", "a.corp", "--docker"))
    assert (microk8s.etc_docker / "daemon.json").stat().st_mode & 0o777 == 0o644
    assert microk8s.etc_docker.stat().st_mode & 0o777 == 0o755
    ok(microk8s.run("disable"))
    assert microk8s.tree() == tree
