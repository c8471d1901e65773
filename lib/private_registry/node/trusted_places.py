"""Which directories are believed when somebody names them.

Runs on Python 3.5 and newer.

Where MicroK8s is, and where programs are, this process is told by its environment,
which may be anybody's work. A place counts only where nobody else could have made it or
can change it: whatever is on the way to it, links too, belongs to root, and nobody else
can write there. What belongs to the user that runs is as good, for himself.

It runs before it is known where modules come from, and imports only what Python has
loaded already.
"""

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterator, Mapping, Optional, Sequence, Tuple

    Statuses = Dict[str, os.stat_result]
    Problem = Tuple[str, str, str]
    Flaw = Tuple[str, str]

SNAPS = ("/snap/microk8s/current", "/var/lib/snapd/snap/microk8s/current")
SNAP_DATA = "/var/snap/microk8s/current"
SNAP_COMMON = "/var/snap/microk8s/common"
VARIABLES = ("SNAP", "SNAP_DATA", "SNAP_COMMON")
NAME_VARIABLES = ("SNAP_INSTANCE_NAME", "SNAP_NAME")

_NAME = "microk8s"
# Whose directories nobody needs to share; of any other one it is not known.
_SNAPDS = ("/snap/", "/var/snap/", "/var/lib/snapd/")
_DEFAULTS = {"SNAP": SNAPS, "SNAP_DATA": (SNAP_DATA,), "SNAP_COMMON": (SNAP_COMMON,)}
_KEY_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_MAX_KEY = 10
_DIGITS = frozenset("0123456789")
_LONGEST_NUMBER = 10
_MAX_LINKS = 40
_FORGET = "unset " + " ".join(VARIABLES + NAME_VARIABLES)
_INSTALL = "sudo snap install microk8s --classic"


def flaw(path: str, *, roots_alone: bool = False) -> "Optional[Flaw]":
    """Say why somebody else may have made what stands at a path, or can change it.

    What is missing is believed where nobody else could make it.

    Args:
        path: of anything, absolute.
        roots_alone: not even the user that runs is believed.

    Returns:
        None if it is believed; else what is wrong, and the command that mends what is
        on the way there, where one does.
    """
    if not os.path.isabs(path):
        return "{} is no absolute path".format(_shown(path)), ""
    owners = (0,) if roots_alone else (0, os.geteuid())
    # A name in a directory like /tmp is its owner's; what is missing there is
    # anybody's.
    shared = set()
    place = path
    try:
        for place, status in _trail(path):
            is_shared, found = _looked_at(place, status, owners)
            if found is not None:
                return found
            if is_shared:
                shared.add(place)
    except FileNotFoundError as error:
        place = os.path.dirname(error.filename)
    except OSError as error:
        return "{}: {}".format(_shown(path), (error.strerror or str(error)).lower()), ""
    if place in shared:
        return "others can put into {} what they want".format(_shown(place)), ""
    return None


def leader(path: str) -> int:
    """Return the number of the first user but root who could lead a path elsewhere.

    0 for nobody.

    Raises:
        OSError: the way cannot be gone.
    """
    for _, status in _trail(path):
        if status.st_uid != 0 and not is_hidden_root("uid", status.st_uid):
            return status.st_uid
    return 0


def caller(environment: "Mapping[str, str]") -> "Optional[int]":
    """Return the number of the user who called root by sudo, which sets a variable;
    None where nobody did.
    """
    given = environment.get("SUDO_UID", "")
    is_number = 0 < len(given) <= _LONGEST_NUMBER and _DIGITS.issuperset(given)
    return int(given) if is_number and os.geteuid() == 0 else None


def resolved(path: str, user: int) -> "Tuple[str, str]":
    """Return where a path leads, and the first link on the way that a stranger may have
    put there.

    Args:
        path: absolute.
        user: is believed beside root.

    Raises:
        OSError: the way cannot be gone.
    """
    stranger = ""
    statuses = {}  # type: Statuses
    place = path
    for place, status in _trail(path):
        statuses[place] = status
        if stat.S_ISLNK(status.st_mode) and not stranger:
            above = statuses[os.path.dirname(place)]
            is_ours = _is_of(status, user) and _can_be_changed_by(above, user)
            stranger = "" if is_ours else place
    return place, stranger


def _is_of(status: os.stat_result, user: int) -> bool:
    return status.st_uid in (0, user) or is_hidden_root("uid", status.st_uid)


def _can_be_changed_by(directory: os.stat_result, user: int) -> bool:
    """Whether only root and a user can put another link in place of theirs."""
    # As a rule a user has a group of his own, with his number, that may write to what
    # he makes.
    is_own_group = directory.st_uid == directory.st_gid == user
    is_open = (
        bool(directory.st_mode & stat.S_IWOTH)
        if is_own_group
        else _others_write(directory)
    )
    return _is_of(directory, user) and (
        bool(directory.st_mode & stat.S_ISVTX) or not is_open
    )


def named(environment: "Mapping[str, str]") -> "Tuple[str, str, str]":
    """Return where SNAP, SNAP_DATA and SNAP_COMMON are said to be, or are as a rule."""
    snaps = [each for each in SNAPS if os.path.isdir(each)]
    return (
        environment.get("SNAP") or (snaps or SNAPS)[0],
        environment.get("SNAP_DATA") or SNAP_DATA,
        environment.get("SNAP_COMMON") or SNAP_COMMON,
    )


def problem(environment: "Mapping[str, str]") -> "Optional[Problem]":
    """Say what is wrong with the places and the name of MicroK8s that an environment
    tells of.

    Returns:
        None if nothing is; else what, where, and what to type.
    """
    for name, path in zip(VARIABLES, named(environment)):
        is_given = bool(environment.get(name))
        if name == "SNAP" and not is_given and not os.path.isdir(path):
            continue
        found = _problem(name, path, is_given=is_given)
        if found is not None:
            return found
    for name in NAME_VARIABLES:
        if environment.get(name) and not _is_name(environment[name]):
            shown = "{}={} cannot be trusted".format(name, _shown(environment[name]))
            return shown, "the snap is called {}".format(_NAME), _FORGET
    return _apart(environment)


def believed_snap(
    environment: "Mapping[str, str]", *, roots_alone: bool = False
) -> str:
    """Return the directory of the snap's own files.

    An empty text if it is none to be believed.
    """
    snap = named(environment)[0]
    flawed = flaw(snap, roots_alone=roots_alone) is not None or not os.path.isdir(snap)
    return "" if flawed or not _is_name(_parents_name(snap)) else snap


def snap_name(environment: "Mapping[str, str]") -> str:
    """Return the name that the snap's services are called by."""
    given = [environment[name] for name in NAME_VARIABLES if environment.get(name)]
    return next((each for each in given if _is_name(each)), _NAME)


def is_hidden_root(kind: str, number: int) -> bool:
    """Whether a number stands for root's, as it does in a user namespace that root is
    not part of.

    Where the namespace has somebody of that number, as in a container, it is theirs.

    Args:
        kind: ``uid`` or ``gid``.
        number: of a user, or a group.
    """
    try:
        with open("/proc/sys/kernel/overflow{}".format(kind)) as stream:
            if int(stream.read()) != number:
                return False
        with open("/proc/self/{}_map".format(kind)) as stream:
            ranges = [[int(word) for word in line.split()] for line in stream]
    except (OSError, ValueError):
        return False
    return bool(ranges) and not any(
        first <= number < first + size for first, _, size in ranges
    )


def _trail(path: str) -> "Iterator[Tuple[str, os.stat_result]]":
    """Look at each directory and each link on the way to a path, and last at what
    stands there.
    """
    yield "/", os.lstat("/")
    place, links = "/", 0
    left = path.split("/")[::-1]
    while left:
        name = left.pop()
        if name == "..":
            place = os.path.dirname(place)
        if name in ("", ".", ".."):
            continue
        here = os.path.join(place, name)
        status = os.lstat(here)
        yield here, status
        if not stat.S_ISLNK(status.st_mode):
            place = here
            continue
        links += 1
        if links > _MAX_LINKS:
            raise OSError(0, "too many links")
        target = os.readlink(here)
        left += target.split("/")[::-1]
        place = "/" if os.path.isabs(target) else place
    yield place, os.lstat(place)


def _looked_at(
    place: str, status: os.stat_result, owners: "Sequence[int]"
) -> "Tuple[bool, Optional[Flaw]]":
    """Return whether others can put there what is missing, and what is wrong with
    it.
    """
    if status.st_uid not in owners and not is_hidden_root("uid", status.st_uid):
        owner = "{} belongs to user number {}".format(_shown(place), status.st_uid)
        return False, (owner, "sudo chown -h root {}".format(_quoted(place)))
    if stat.S_ISLNK(status.st_mode) or not _others_write(status):
        return False, None
    if status.st_mode & stat.S_ISVTX and stat.S_ISDIR(status.st_mode):
        return True, None
    text = "{} can be written by others than its owner".format(_shown(place))
    return False, (text, "sudo chmod go-w {}".format(_quoted(place)))


def _others_write(status: os.stat_result) -> bool:
    if status.st_mode & stat.S_IWOTH:
        return True
    is_roots = status.st_gid == 0 or is_hidden_root("gid", status.st_gid)
    return bool(status.st_mode & stat.S_IWGRP) and not is_roots


def _problem(name: str, path: str, *, is_given: bool) -> "Optional[Problem]":
    shown = "{}={}".format(name, _shown(path)) if is_given else _shown(path)
    found = flaw(path)
    if found is not None:
        text, mend = found
        is_snapds = path.startswith(_SNAPDS) or not is_given or _is_default(name, path)
        return (
            "{} cannot be trusted".format(shown),
            text,
            (mend if is_snapds else "") or _FORGET,
        )
    if not os.path.isdir(path):
        missing = "{} is not there".format(_shown(path))
        return "there is no MicroK8s on this machine", missing, _INSTALL
    is_microk8s = _is_name(_parents_name(path))
    if name == "SNAP_DATA":
        is_microk8s = is_microk8s and _may_be_directory(os.path.join(path, "args"))
    if is_microk8s:
        return None
    other = "{} is no directory of MicroK8s'".format(_shown(os.path.realpath(path)))
    return "{} cannot be trusted".format(shown), other, _FORGET


def _is_default(name: str, path: str) -> bool:
    """Whether a variable names what is taken without it, so that to unset it mends
    nothing.
    """
    return os.path.realpath(path) in [
        os.path.realpath(each) for each in _DEFAULTS[name]
    ]


def _may_be_directory(path: str) -> bool:
    """Whether a directory is there, or this user may not see that none is."""
    try:
        return stat.S_ISDIR(os.stat(path).st_mode)
    except PermissionError:
        return True
    except OSError:
        return False


def _apart(environment: "Mapping[str, str]") -> "Optional[Problem]":
    _, data, common = (os.path.realpath(each) for each in named(environment))
    beside = os.path.join(os.path.dirname(data), "common")
    if common == beside:
        return None
    shown = "SNAP_COMMON={} cannot be trusted".format(_shown(common))
    return shown, "that of {} is {}".format(_shown(data), _shown(beside)), _FORGET


def _parents_name(path: str) -> str:
    return os.path.basename(os.path.dirname(os.path.realpath(path)))


def _is_name(text: str) -> bool:
    """Whether a text is microk8s, or microk8s_INSTANCE as snapd calls a second one."""
    name, line, key = text.partition("_")
    is_key = 0 < len(key) <= _MAX_KEY and _KEY_LETTERS.issuperset(key)
    return name == _NAME and (is_key if line else True)


def _shown(text: str) -> str:
    return repr(text)[1:-1]


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
