"""Which environment variables count; runs on Python 3.5 and newer.

No program that root starts gets the environment as it was given. Each gets one made
from nothing, and of the given one only the variables below, where they are what they
should be. docs/security.md has the table with the reasons. Passwords alone are read
from the environment as it was given.
"""

import os

from private_registry.node import trusted_places

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Mapping

FIXED_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
SNAPS_PYTHON = "usr/bin/python3"
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:" + FIXED_PATH + ":/snap/bin"
_DEFAULT_LANGUAGE = "C.UTF-8"
_TICKETS = ("SNAP_COOKIE", "SNAP_CONTEXT")
_OF_SNAPD = (
    ("SNAP_REVISION", "SNAP_VERSION", "SNAP_ARCH")
    + trusted_places.NAME_VARIABLES
    + _TICKETS
)
_WORDS = ("LANG", "LANGUAGE", "NO_COLOR") + _OF_SNAPD
_ROOTS_FILES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
# No slash: the C library takes a language with one for a path.
_LETTERS = frozenset(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.,:@+-=~"
)
# snapd sets it to this, for graphics drivers.
_SNAP_LIBRARY_PATH = "/var/lib/snapd/lib/gl:/var/lib/snapd/lib/gl32:/var/lib/snapd/void"
_TRIPLETS = {"ppc64le": "powerpc64le"}


def own(given: "Mapping[str, str]") -> "Dict[str, str]":
    """Return what root's own process keeps.

    Of the places that are named the node is judge.
    """
    kept = {name: given[name] for name in trusted_places.VARIABLES if name in given}
    kept.update(_words(given))
    kept.update(_files(given))
    kept["PATH"] = _path(given)
    return kept


def of_sudo(given: "Mapping[str, str]") -> "Dict[str, str]":
    """Return what is told root's own process where an ordinary user starts it through
    sudo.

    Not snapctl's ticket: it would stand on a command line, and the other ways to
    restart need none.
    """
    told = {name: given[name] for name in trusted_places.VARIABLES if name in given}
    told.update(
        {name: value for name, value in _words(given).items() if name not in _TICKETS}
    )
    return told


def of_helper() -> "Dict[str, str]":
    """Return what an interpreter gets that only has to answer."""
    return {"PATH": FIXED_PATH, "HOME": _account()["HOME"], "LANG": _DEFAULT_LANGUAGE}


def of_pip(given: "Mapping[str, str]") -> "Dict[str, str]":
    """Return what pip gets: the way out of an office, and whom to trust there."""
    proxies = {name: value for name, value in given.items() if name.lower() in _PROXIES}
    return {**of_helper(), **proxies, **_files(given)}


def of_program(program: str, given: "Mapping[str, str]") -> "Dict[str, str]":
    """Return what any other program gets.

    Args:
        program: a name, or a path.
        given: the environment of this process.
    """
    path = _path(given)
    # MicroK8s' scripts stop where REAL_PATH is not set.
    own_values = {
        "LANG": _DEFAULT_LANGUAGE,
        **_words(given),
        "PATH": path,
        "REAL_PATH": path,
    }
    own_values.update(_account())
    snap, data, common = trusted_places.named(given)
    if not program.startswith(snap + "/"):
        return own_values
    own_values.update(SNAP=snap, SNAP_DATA=data, SNAP_COMMON=common)
    own_values.update(
        SNAP_LIBRARY_PATH=_SNAP_LIBRARY_PATH, SNAPCRAFT_ARCH_TRIPLET=_triplet()
    )
    if program.startswith(snap + "/bin/"):
        # The scripts beside it set this themselves, and begin with programs of the
        # host's.
        own_values.update(LD_LIBRARY_PATH=libraries(snap))
    return own_values


def libraries(snap: str) -> str:
    """Return where the programs of a snap that is believed find their libraries.

    As in MicroK8s' use_snap_env, without the empty entry there, which is the caller's
    folder.
    """
    directories = ["lib", "usr/lib"]
    directories += [each + "/" + _triplet() for each in directories]
    return ":".join(os.path.join(snap, each) for each in directories)


def packages(snap: str, version: str) -> "List[str]":
    """Return where a snap that is believed has packages for a Python of its own
    version.

    Args:
        snap: its directory.
        version: such as 3.10.
    """
    if not snap or not os.path.isdir(os.path.join(snap, "usr/lib/python" + version)):
        return []
    known = ("lib/python" + version + "/site-packages", "usr/lib/python3/dist-packages")
    found = [os.path.join(snap, each) for each in known]
    return [each for each in found if os.path.isdir(each)]


def is_settled(name: str) -> bool:
    """Whether root has a value of his own for a variable, which no caller's takes
    the place of.
    """
    return name in of_program("", {}) or name.startswith(
        ("LC_", "SNAP", "PYTHON", "LD_")
    )


def _words(given: "Mapping[str, str]") -> "Dict[str, str]":
    return {
        name: value
        for name, value in given.items()
        if (name in _WORDS or name.startswith("LC_")) and _LETTERS.issuperset(value)
    }


def _files(given: "Mapping[str, str]") -> "Dict[str, str]":
    return {
        name: given[name]
        for name in _ROOTS_FILES
        if name in given
        and not any(trusted_places.flaw(each) for each in given[name].split(":"))
    }


def _path(given: "Mapping[str, str]") -> str:
    entries = given.get("PATH", "").split(":")
    return (
        ":".join(each for each in entries if trusted_places.flaw(each) is None)
        or _DEFAULT_PATH
    )


def _account() -> "Dict[str, str]":
    import pwd

    try:
        account = pwd.getpwuid(os.geteuid())
    except KeyError:
        return {"HOME": "/", "USER": str(os.geteuid()), "LOGNAME": str(os.geteuid())}
    return {"HOME": account.pw_dir, "USER": account.pw_name, "LOGNAME": account.pw_name}


def _triplet() -> str:
    machine = os.uname().machine
    return _TRIPLETS.get(machine, machine) + "-linux-gnu"
