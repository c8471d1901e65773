"""Which Docker engines a machine has, and where each keeps its configuration.

An engine of a package has /etc/docker; one of the snap has its SNAP_DATA (docker-snap
snap/snapcraft.yaml: config/daemon.json, etc/docker/certs.d); a rootless one has its
user's configuration directory (moby cmd/dockerd/config_unix.go,
registry/config_unix.go).

What a process says of itself counts as far as its user does: an engine of root's is
believed; one of somebody else's has that user's own places and no others, whatever
stands on its command line or in its environment, and is meant only by who started it or
by its file.
"""

from __future__ import annotations

import os
import pwd
import re
import stat
from typing import List, Optional, Sequence, Tuple

from private_registry.docker.trust import CERTS_D, DAEMON_JSON
from private_registry.errors import NodeError, UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.node import trusted_places
from private_registry.node.bounded_reads import read_of_process
from private_registry.node.file_values import DockerPlace, DockerPlaces
from private_registry.texts.showing import quoted

PROCESSES = "/proc"
ETC_DOCKER = "/etc/docker"
SNAP_DOCKER = "/var/snap/docker"
RUNTIME = "/run/user"
PROGRAMS = ("/usr/bin/dockerd", "/usr/sbin/dockerd", "/usr/local/bin/dockerd")
_NAME = "dockerd"
_SNAP_CGROUP = "snap.docker."
_DEFAULT_SOCKET = "/var/run/docker.sock"
_UNIX = "unix://"
_TRUST_FLAGS = {
    "--insecure-registry": "insecure-registries",
    "--registry-mirror": "registry-mirrors",
}
_USERS = re.compile(r"^Uid:\s+(\d+)\s+(\d+)\s+(\d+)\s", re.MULTILINE)
_OPTION = "option --docker (docker = true)"


class Engine(NamedTuple):
    """A Docker engine.

    Args:
        config: path of its daemon.json.
        certs_d: path of its certificates' directory.
        user: number of the user that it runs as.
        process: number of its process; None where it does not run.
        sockets: unix sockets where its API may answer.
        flags: keys of daemon.json that its command line has as options.
    """

    config: str
    certs_d: str
    user: int = 0
    process: Optional[int] = None
    sockets: Tuple[str, ...] = ()
    flags: Tuple[str, ...] = ()

    @property
    def is_ours(self) -> bool:
        """Whether it runs as root, or as the user of this process."""
        return self.user in (0, os.geteuid())

    @property
    def places(self) -> DockerPlaces:
        """Where its files go, below directories that are there already."""
        # A link of root's stays one; what it points to is written.
        is_link = (
            os.path.islink(self.config) and trusted_places.flaw(self.config) is None
        )
        config = os.path.realpath(self.config) if is_link else self.config
        return DockerPlaces(_place(config), _place(self.certs_d))


def running_engines() -> List[Engine]:
    """List the engines that run on this machine, apart from those inside of
    containers.
    """
    numbers = sorted(int(name) for name in os.listdir(PROCESSES) if name.isdigit())
    found = (_running(number) for number in numbers)
    return [engine for engine in found if engine is not None]


def engine_of(config: str) -> Engine:
    """Return the engine with this daemon.json, whether it runs or not."""
    for engine in running_engines():
        is_same = os.path.realpath(engine.config) == os.path.realpath(config)
        # A link in somebody's home may lead to what is root's.
        if is_same if engine.is_ours else engine.config == config:
            return engine
    if config.startswith(SNAP_DOCKER + "/"):
        return _snap_engine()
    directory = os.path.dirname(config)
    if os.path.basename(directory) == "docker" and directory.startswith(
        ("/home/", "/root/")
    ):
        owner = os.stat(_existing(directory)).st_uid
        return Engine(config, os.path.join(directory, CERTS_D), owner)
    return Engine(config, os.path.join(ETC_DOCKER, CERTS_D), os.geteuid())


def the_engine(caller: Optional[int] = None) -> Engine:
    """Return the one engine that is meant where none is named.

    That is root's, or that of who calls: what others run does not count.

    Args:
        caller: number of the user that called through sudo; None where there is none.

    Raises:
        NodeError: there is none.
        UsageError: there are several.
    """
    running = running_engines()
    candidates = [each for each in running if each.is_ours] or _installed_engines()
    candidates += [each for each in running if not each.is_ours and each.user == caller]
    if not candidates:
        raise _none([each for each in running if not each.is_ours])
    if len(candidates) > 1:
        choices = " or ".join(_option(engine) for engine in candidates)
        raise UsageError(
            f"{len(candidates)} Docker engines are on this machine; which one is"
            " meant?",
            place=_OPTION,
            remedy=f"add {choices}",
        )
    return candidates[0]


def _none(others: Sequence[Engine]) -> NodeError:
    if not others:
        return NodeError(
            "there is no Docker engine on this machine",
            place=_OPTION,
            remedy=(
                "leave --docker out, or name its configuration: --docker-config FILE"
            ),
        )
    choices = " or ".join(_option(engine) for engine in others)
    return NodeError(
        "there is no Docker engine of root's on this machine; others run one of"
        " their own",
        place=_OPTION,
        remedy=f"leave --docker out, or if one of those is meant, add {choices}",
    )


def _option(engine: Engine) -> str:
    return f"--docker-config {quoted(engine.config)}"


def _installed_engines() -> List[Engine]:
    engines = []
    if os.path.isdir(os.path.join(SNAP_DOCKER, "current")):
        engines.append(_snap_engine())
    if os.path.isdir(ETC_DOCKER) or any(
        os.path.exists(program) for program in PROGRAMS
    ):
        engines.append(_package_engine())
    return engines


def _package_engine() -> Engine:
    config = os.path.join(ETC_DOCKER, DAEMON_JSON)
    return Engine(config, os.path.join(ETC_DOCKER, CERTS_D), os.geteuid())


def _snap_engine() -> Engine:
    current = os.path.join(SNAP_DOCKER, "current")
    config = os.path.join(current, "config", DAEMON_JSON)
    return Engine(config, os.path.join(current, "etc/docker", CERTS_D), os.geteuid())


# --- processes ------------------------------------------------------------------------


def _running(number: int) -> Optional[Engine]:
    """Look at a process; None where it is no engine, or one inside of a container."""
    if _read(number, "comm").strip() != _NAME:
        return None
    arguments = _read(number, "cmdline").split("\0")[:-1]
    user = _user_of(number)
    if not arguments or user is None:
        return None
    if user not in (0, os.geteuid()):
        return _rootless_engine(number, user, arguments)
    is_snap = _SNAP_CGROUP in _read(number, "cgroup")
    if not (is_snap or _sees_our_files(number)):
        return None
    engine = _snap_engine() if is_snap else _package_engine()
    config = _last(arguments, ("--config-file",))
    if config is not None and not is_snap:
        engine = engine._replace(config=config)
    hosts = [
        each[len(_UNIX) :]
        for each in _all(arguments, ("-H", "--host"))
        if _UNIX in each
    ]
    sockets = tuple(hosts) or (_DEFAULT_SOCKET,)
    return engine._replace(
        process=number, user=user, sockets=sockets, flags=_flags(arguments)
    )


def _rootless_engine(
    number: int, user: int, arguments: Sequence[str]
) -> Optional[Engine]:
    """Return an engine of somebody else's with that user's own places.

    None where it has others.
    """
    try:
        home = pwd.getpwuid(user).pw_dir
    except KeyError:
        return None
    directory = os.path.normpath(os.path.join("/", home, ".config", "docker"))
    config = os.path.join(directory, DAEMON_JSON)
    if _last(arguments, ("--config-file",)) not in (None, config) or not _has_our_root(
        number
    ):
        return None
    socket = os.path.join(RUNTIME, str(user), "docker.sock")
    certs_d = os.path.join(directory, CERTS_D)
    return Engine(config, certs_d, user, number, (socket,), _flags(arguments))


def _sees_our_files(number: int) -> bool:
    """Whether a process has the same root directory and mounts as this one.

    A rootless engine has mounts of its own; others with another root are inside of
    containers.
    """
    try:
        theirs, ours = (
            os.readlink(f"{PROCESSES}/{each}/ns/mnt") for each in (number, "self")
        )
    except OSError as error:
        return _is_hidden(error)
    return _has_our_root(number) and theirs == ours


def _has_our_root(number: int) -> bool:
    try:
        status, here = os.stat(f"{PROCESSES}/{number}/root/"), os.stat("/")
    except OSError as error:
        return _is_hidden(error)
    return os.path.samestat(status, here)


def _is_hidden(error: OSError) -> bool:
    """Whether a process may not be looked at, as by others than root; one that has
    ended meanwhile is not there.
    """
    return isinstance(error, PermissionError)


def _user_of(number: int) -> Optional[int]:
    """Return who runs a process.

    None where it has another user's rights than who started it.
    """
    match = _USERS.search(_read(number, "status"))
    if match is None or len(set(match.groups())) != 1:
        return None
    return int(match[1])


def _flags(arguments: Sequence[str]) -> Tuple[str, ...]:
    return tuple(key for flag, key in _TRUST_FLAGS.items() if _all(arguments, (flag,)))


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


def _read(number: int, name: str) -> str:
    try:
        return read_of_process(f"{PROCESSES}/{number}/{name}").decode(errors="replace")
    except OSError:
        return ""


# --- places ---------------------------------------------------------------------------


def _place(path: str) -> DockerPlace:
    """Return whose a path is, and below what.

    Raises:
        UsageError: others than its owner could lead root elsewhere.
    """
    root = _existing(os.path.dirname(path))
    status = os.stat(root)
    owner = _owner_of(root)
    flaw = trusted_places.flaw(root) if owner == (0, 0) else None
    if flaw is not None:
        raise UsageError(
            f"root does not write there: {flaw[0]}",
            place="option --docker-config (docker_config)",
            remedy=(
                "name a file in a directory that only root, or only its owner, can"
                " write to"
            ),
        )
    return DockerPlace(
        root, os.path.relpath(path, root), owner, stat.S_IMODE(status.st_mode)
    )


def _owner_of(directory: str) -> Tuple[int, int]:
    """Return whose a directory is: the first but root who could lead the way to it
    elsewhere.
    """
    if os.geteuid() != 0:
        return os.geteuid(), os.getegid()
    user = trusted_places.leader(directory)
    if user == 0:
        return 0, 0
    try:
        return user, pwd.getpwuid(user).pw_gid
    except KeyError:
        return user, os.stat(directory).st_gid


def _existing(directory: str) -> str:
    """Return the directory itself, or the nearest one above it that is there."""
    while not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    return directory
