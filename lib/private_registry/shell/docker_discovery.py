"""Which Docker engines a machine has, and where each keeps its configuration.

An engine of a package has /etc/docker; one of the snap has its SNAP_DATA (docker-snap
snap/snapcraft.yaml: config/daemon.json, etc/docker/certs.d); a rootless one has its user's
configuration directory (moby cmd/dockerd/config_unix.go, registry/config_unix.go).
"""

from __future__ import annotations

import os
import pwd
from typing import List, NamedTuple, Optional, Sequence, Tuple

from private_registry.core.docker_trust import CERTS_D, DAEMON_JSON
from private_registry.core.ledger import DockerPlaces
from private_registry.errors import NodeError, UsageError

PROCESSES = "/proc"
ETC_DOCKER = "/etc/docker"
SNAP_DOCKER = "/var/snap/docker"
PROGRAMS = ("/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd")
_NAME = "dockerd"
_SNAP_CGROUP = "snap.docker."
_DEFAULT_SOCKET = "/var/run/docker.sock"
_UNIX = "unix://"
_TRUST_FLAGS = {
    "--insecure-registry": "insecure-registries",
    "--registry-mirror": "registry-mirrors",
}


class Engine(NamedTuple):
    """A Docker engine.

    Args:
        config: path of its daemon.json.
        certs_d: path of its certificates' directory.
        owner: user and group number that its files have.
        process: number of its process; None where it does not run.
        sockets: unix sockets where its API may answer.
        flags: keys of daemon.json that its command line has as options.
    """

    config: str
    certs_d: str
    owner: Tuple[int, int] = (0, 0)
    process: Optional[int] = None
    sockets: Tuple[str, ...] = ()
    flags: Tuple[str, ...] = ()

    @property
    def places(self) -> DockerPlaces:
        """Where its files go, below directories that are there already."""
        # A link to daemon.json stays one; what it points to is written.
        config = os.path.realpath(self.config) if os.path.islink(self.config) else self.config
        config_root = _existing(os.path.dirname(config))
        certs_root = _existing(os.path.dirname(self.certs_d))
        return DockerPlaces(
            config_root,
            os.path.relpath(config, config_root),
            certs_root,
            os.path.relpath(self.certs_d, certs_root),
            self.owner,
        )


def running_engines() -> List[Engine]:
    """List the engines that run on this machine, apart from those inside of containers."""
    numbers = sorted(int(name) for name in os.listdir(PROCESSES) if name.isdigit())
    found = (_running(number) for number in numbers)
    return [engine for engine in found if engine is not None]


def engine_of(config: str) -> Engine:
    """Return the engine with this daemon.json, whether it runs or not."""
    for engine in running_engines():
        if os.path.realpath(engine.config) == os.path.realpath(config):
            return engine
    if config.startswith(SNAP_DOCKER + "/"):
        return _snap_engine()
    directory = os.path.dirname(config)
    if os.path.basename(directory) == "docker" and directory.startswith(("/home/", "/root/")):
        status = os.stat(_existing(directory))
        return Engine(config, os.path.join(directory, CERTS_D), (status.st_uid, status.st_gid))
    return Engine(config, os.path.join(ETC_DOCKER, CERTS_D), _own())


def the_engine() -> Engine:
    """Return the one engine of this machine.

    Raises:
        NodeError: there is none.
        UsageError: there are several.
    """
    engines = running_engines() or _installed_engines()
    if not engines:
        raise NodeError(
            "there is no Docker engine on this machine",
            place="option --docker (docker = true)",
            remedy="leave --docker out, or name its configuration: --docker-config FILE",
        )
    if len(engines) > 1:
        choices = " or ".join(f"--docker-config {engine.config}" for engine in engines)
        raise UsageError(
            f"{len(engines)} Docker engines are on this machine; which one is meant?",
            place="option --docker (docker = true)",
            remedy=f"add {choices}",
        )
    return engines[0]


def _installed_engines() -> List[Engine]:
    engines = []
    if os.path.isdir(os.path.join(SNAP_DOCKER, "current")):
        engines.append(_snap_engine())
    if os.path.isdir(ETC_DOCKER) or any(os.path.exists(program) for program in PROGRAMS):
        engines.append(_package_engine())
    return engines


def _package_engine() -> Engine:
    config = os.path.join(ETC_DOCKER, DAEMON_JSON)
    return Engine(config, os.path.join(ETC_DOCKER, CERTS_D), _own())


def _snap_engine() -> Engine:
    current = os.path.join(SNAP_DOCKER, "current")
    config = os.path.join(current, "config", DAEMON_JSON)
    return Engine(config, os.path.join(current, "etc/docker", CERTS_D), _own())


def _running(number: int) -> Optional[Engine]:
    """Look at a process; None where it is no engine, or one inside of a container."""
    if (_read(number, "comm") or "").strip() != _NAME:
        return None
    arguments = (_read(number, "cmdline") or "").split("\0")[:-1]
    is_snap = _SNAP_CGROUP in (_read(number, "cgroup") or "")
    if not arguments or not (is_snap or _sees_our_files(number)):
        return None
    user = _user_of(number)
    if is_snap:
        engine = _snap_engine()
    elif user not in (0, os.geteuid()):
        engine = _rootless_engine(number, user)
    else:
        engine = _package_engine()
    config = _last(arguments, ("--config-file",))
    if config is not None and not is_snap:
        engine = engine._replace(config=config)
    hosts = [each[len(_UNIX) :] for each in _all(arguments, ("-H", "--host")) if _UNIX in each]
    sockets = tuple(hosts) or (*engine.sockets, _DEFAULT_SOCKET)
    flags = tuple(key for flag, key in _TRUST_FLAGS.items() if _all(arguments, (flag,)))
    return engine._replace(process=number, sockets=sockets, flags=flags)


def _rootless_engine(number: int, user: int) -> Engine:
    environment = dict(
        part.partition("=")[::2] for part in (_read(number, "environ") or "").split("\0")
    )
    account = pwd.getpwuid(user)
    home = environment.get("XDG_CONFIG_HOME") or os.path.join(account.pw_dir, ".config")
    runtime = environment.get("XDG_RUNTIME_DIR") or f"/run/user/{user}"
    directory = os.path.join(home, "docker")
    return Engine(
        os.path.join(directory, DAEMON_JSON),
        os.path.join(directory, CERTS_D),
        (user, account.pw_gid),
        sockets=(os.path.join(runtime, "docker.sock"),),
    )


def _sees_our_files(number: int) -> bool:
    """Whether a process has the same root directory and mounts as this one.

    A rootless engine has mounts of its own and is told by its user; others with another root are
    inside of containers.
    """
    try:
        status = os.stat(f"{PROCESSES}/{number}/root/")
        here = os.stat("/")
        is_same_root = (status.st_dev, status.st_ino) == (here.st_dev, here.st_ino)
        if _user_of(number) != os.geteuid():
            return is_same_root
        theirs, ours = (os.readlink(f"{PROCESSES}/{each}/ns/mnt") for each in (number, "self"))
    except OSError:
        return True
    return is_same_root and theirs == ours


def _user_of(number: int) -> int:
    return os.stat(f"{PROCESSES}/{number}").st_uid


def _all(arguments: Sequence[str], names: Sequence[str]) -> List[str]:
    apart = [value for name, value in zip(arguments, arguments[1:]) if name in names]
    joined = [
        each.partition("=")[2]
        for each in arguments
        if each.partition("=")[0] in names and "=" in each
    ]
    return [*apart, *joined]


def _last(arguments: Sequence[str], names: Sequence[str]) -> Optional[str]:
    found = _all(arguments, names)
    return found[-1] if found else None


def _read(number: int, name: str) -> Optional[str]:
    try:
        with open(f"{PROCESSES}/{number}/{name}", "rb") as stream:
            return stream.read().decode(errors="replace")
    except OSError:
        return None


def _own() -> Tuple[int, int]:
    return (0, 0) if os.geteuid() == 0 else (os.geteuid(), os.getegid())


def _existing(directory: str) -> str:
    """Return the directory itself, or the nearest one above it that is there."""
    while not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    return directory
