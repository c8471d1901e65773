"""Start a door as a fit user, with a fit interpreter and the packages that it needs.

Runs on Python 3.5 and newer.

MicroK8s 1.24 to 1.26 run addons with Python 3.6, none of its Pythons has all packages
that the addon needs, members of the group microk8s may call enable without being root,
and an addon may be started outside of MicroK8s altogether. What only rare paths need is
imported there: every enable waits for imports.

As root it first throws away what may be somebody else's: of the environment all that
variables.py does not let pass, of the places where modules are looked for all that
others can write to. Until then it imports nothing that Python has not loaded already.
Interpreters that it starts get -I.
"""

import os
import sys

from private_registry.node import environment_variables, trusted_places
from private_registry.verbs import all_verbs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Mapping, Tuple

    # A Python that has pip, how pip is started with it, and its environment.
    Pip = Tuple[List[str], Dict[str, str]]

OLDEST = (3, 8)
LIB = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Of lib/requirements.txt. Whether they are there is looked up, not tried: most runs
# import tomli only.
PACKAGES = ("tomli", "h2", "hpack", "hyperframe", "asn1crypto")
REQUIREMENTS = os.path.join(LIB, "requirements.txt")
VENDOR = os.path.join(LIB, "vendor")
HOST_PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")
# Goes before the name of a variable as it was given, which so steers no interpreter.
GIVEN = "PRIVATE_REGISTRY_GIVEN_"
# sudo's own: how it asks for a password, and what PAM may know a user by.
SUDOS_VARIABLES = (
    *("PATH", "HOME", "USER", "LOGNAME", "TERM", "LANG", "LC_ALL", "LC_MESSAGES"),
    *("SUDO_ASKPASS", "SUDO_PROMPT", "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY"),
    *("XDG_RUNTIME_DIR", "SSH_AUTH_SOCK", "KRB5CCNAME"),
)
WORDS_FOR_ANYBODY = (["help"], ["-h"], ["--help"], ["version"], ["--version"])
EXIT_NODE = 4

_RUN_PIP = """
import runpy, sys
sys.path += {!r}
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


def main(door: str, script: str) -> None:
    """Run one of the doors and end the process with its exit code.

    Args:
        door: "enable", "disable" or "plugin".
        script: the program that was started, to start it again with another
            interpreter.
    """
    given = _given()
    if os.geteuid() == 0:
        _trust_root_alone(given)
    if needs_root(sys.argv[1:]):
        _run_again_as_root(script)
    if sys.version_info[:2] < OLDEST:
        _hand_over_to_host_python(script, given)
    sys.path += [each for each in _snaps_packages() if each not in sys.path]
    if _missing() and not _fetch(given):
        sys.exit(EXIT_NODE)
    import gc

    # A run is short and its memory goes with it: to look through that again and again
    # for what could go takes a tenth of an enable.
    gc.disable()
    from private_registry.cli.main import run

    _end(run(door, os.path.abspath(script), sys.argv[1:], given))


def _end(exit_code: int) -> None:
    """End the process at once.

    Python would take apart all that was imported first, which takes a twentieth of an
    enable; and where a stream takes nothing it would end with a code of its own.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            # None where the caller has closed it.
            if stream is not None:
                stream.flush()
        except OSError:
            # Who could be told has been told.
            continue
    os._exit(exit_code)


def needs_root(arguments: "List[str]") -> bool:
    """Whether a command line has to be carried out by somebody else than this user."""
    if os.geteuid() == 0 or arguments[:1] in WORDS_FOR_ANYBODY:
        return False
    if arguments and not all_verbs.TAKES_ROOT.get(arguments[0], True):
        # It shows what this user may see, and says what not.
        return False
    try:
        return os.stat(trusted_places.named(os.environ)[1]).st_uid != os.geteuid()
    except OSError:
        # Without a MicroK8s there is nothing to be root for; the door says so.
        return False


def _given() -> "Dict[str, str]":
    """Return the environment as it was given, to this process or to the one that
    handed over.
    """
    handed = {k[len(GIVEN) :]: v for k, v in os.environ.items() if k.startswith(GIVEN)}
    return dict(os.environ, **handed)


def _trust_root_alone(given: "Mapping[str, str]") -> None:
    os.environ.clear()
    os.environ.update(environment_variables.own(given))
    # An interpreter that root chose though it is not root's own has run its own
    # packages already.
    chosen = tuple(
        each + "/" for each in _homes() if trusted_places.flaw(each) is not None
    )
    kept_path = [
        each
        for each in sys.path
        if each.startswith(chosen) or not trusted_places.flaw(each)
    ]
    # This code is here already, whoever can write it: MicroK8s lets its group.
    sys.path[:] = [LIB] + [each for each in kept_path if each != LIB]


def _run_again_as_root(script: str) -> None:
    import subprocess

    python, libraries = _roots_python()
    told = dict(environment_variables.of_sudo(os.environ), **libraries)
    command = ["/usr/bin/env"] + ["{}={}".format(k, v) for k, v in sorted(told.items())]
    command += [python, "-I", os.path.abspath(script)] + sys.argv[1:]
    secret = _named_variables(sys.argv[1:])
    # By its name only: what stands on a command line can be read by everybody.
    preserve = ["--preserve-env=" + ",".join(secret)] if secret else []
    passed = {
        k: v for k, v in os.environ.items() if k in SUDOS_VARIABLES or k in secret
    }
    try:
        if subprocess.call(["sudo", "true"], env=passed) == 0:
            os.execvpe("sudo", ["sudo"] + preserve + command, passed)
        problem = "sudo refused"
    except OSError:
        problem = "there is no sudo"
    _complain(
        "the node's files belong to root, and {}".format(problem),
        "user number {}".format(os.geteuid()),
        "run the same command as root",
    )
    sys.exit(EXIT_NODE)


def _roots_python() -> "Tuple[str, Dict[str, str]]":
    """Choose a Python that is root's own work.

    Return it with what it finds its libraries by.
    """
    snap = trusted_places.believed_snap(os.environ, roots_alone=True)
    snaps_python = os.path.join(snap, environment_variables.SNAPS_PYTHON)
    if _is_roots_own_python():
        return sys.executable, _libraries(sys.executable, snap)
    if snap and os.access(snaps_python, os.X_OK):
        return snaps_python, _libraries(snaps_python, snap)
    return HOST_PYTHONS[0], {}


def _is_roots_own_python() -> bool:
    """Whether this interpreter, and all that it imports by itself, is root's own
    work.
    """
    own = tuple(each + "/" for each in _homes())
    parts = [each for each in sys.path if each.startswith(own)] + _homes()
    parts += [sys.executable or "", os.path.dirname(os.__file__)]
    return not any(trusted_places.flaw(each, roots_alone=True) for each in parts)


def _homes() -> "List[str]":
    return [sys.prefix, sys.base_prefix]


def _libraries(python: str, snap: str) -> "Dict[str, str]":
    if not snap or not os.path.realpath(python).startswith(
        os.path.realpath(snap) + "/"
    ):
        return {}
    return {"LD_LIBRARY_PATH": environment_variables.libraries(snap)}


def _named_variables(arguments: "List[str]") -> "List[str]":
    """List the environment variables that hold passwords, as ``--password-env``
    names them.
    """
    option = "--password-env"
    apart = [value for name, value in zip(arguments, arguments[1:]) if name == option]
    joined = [
        each.partition("=")[2] for each in arguments if each.startswith(option + "=")
    ]
    # sudo takes several names with commas between them.
    names = [
        each for each in apart + joined if each.isidentifier() and each in os.environ
    ]
    return [each for each in names if not environment_variables.is_settled(each)]


def _hand_over_to_host_python(script: str, given: "Mapping[str, str]") -> None:
    for python in HOST_PYTHONS:
        if _is_new_enough(python):
            handed = {GIVEN + name: value for name, value in given.items()}
            environment = dict(
                environment_variables.of_helper(), **environment_variables.own(given)
            )
            environment.update(handed)
            arguments = [python, "-I", os.path.abspath(script)] + sys.argv[1:]
            os.execve(python, arguments, environment)
    _complain(
        "this MicroK8s has Python {}.{}; the addon needs 3.8 or newer".format(
            *sys.version_info
        ),
        "looked for a newer one at {}".format(" and ".join(HOST_PYTHONS)),
        "sudo apt-get install python3, on Ubuntu 20.04 or newer",
    )
    sys.exit(EXIT_NODE)


def _is_new_enough(python: str) -> bool:
    import subprocess

    check = "import sys; sys.exit(sys.version_info[:2] < {!r})".format(OLDEST)
    if trusted_places.flaw(python) is not None:
        return False
    try:
        command = [python, "-I", "-c", check]
        return (
            subprocess.call(command, cwd="/", env=environment_variables.of_helper())
            == 0
        )
    except OSError:
        return False


def _snaps_packages() -> "List[str]":
    """List where the snap's own Python has packages, such as PyYAML.

    -I hides PYTHONPATH.
    """
    snap = trusted_places.believed_snap(os.environ)
    return environment_variables.packages(snap, "{}.{}".format(*sys.version_info))


def _missing() -> "List[str]":
    from importlib.machinery import PathFinder

    if os.path.isdir(VENDOR) and VENDOR not in sys.path:
        sys.path.insert(0, VENDOR)
    found = [(name, PathFinder.find_spec(name)) for name in PACKAGES]
    # A directory without __init__.py has no loader.
    return [name for name, spec in found if spec is None or spec.loader is None]


def _fetch(given: "Mapping[str, str]") -> bool:
    _say("Fetching Python packages once, with pip ...\n")
    target = "{}.{}".format(VENDOR, os.getpid())
    # Nothing is built: that runs code, and what it needs is asked for without hashes.
    install = ["install", "--no-deps", "--require-hashes", "--only-binary", ":all:"]
    install += [
        "--retries",
        "1",
        "--timeout",
        "15",
        "--target",
        target,
        "-r",
        REQUIREMENTS,
    ]
    pips = _pips(given)
    for pip in pips:
        if _succeeds(pip, install):
            _put_in_place(target)
            if not _missing():
                return True
    _complain(
        "Python packages are not here and {}: {}".format(
            "could not be fetched" if pips else "there is no pip to fetch them with",
            ", ".join(_missing()),
        ),
        "wanted in {}".format(VENDOR),
        "sudo apt-get install python3-pip and try again; or, without network, run"
        " scripts/vendor in a clone of this addon on another machine and copy its"
        " lib/vendor there",
    )
    return False


def _pips(given: "Mapping[str, str]") -> "List[Pip]":
    """List the Pythons that have pip: this one, with the snap's packages, and the
    host's.
    """
    environment = environment_variables.of_pip(given)
    libraries = _libraries(sys.executable, trusted_places.believed_snap(os.environ))
    start = [sys.executable or "", "-I", "-c", _RUN_PIP.format(_snaps_packages())]
    hosts = [python for python in HOST_PYTHONS if trusted_places.flaw(python) is None]
    pips = [(start, dict(environment, **libraries))]
    pips += [([python, "-I", "-m", "pip"], environment) for python in hosts]
    return [pip for pip in pips if _succeeds(pip, ["--version"])]


def _succeeds(pip: "Pip", arguments: "List[str]") -> bool:
    import subprocess

    start, environment = pip
    command = start + ["--isolated", "--disable-pip-version-check"] + arguments
    before = os.umask(0o022)
    try:
        with open(os.devnull, "r+") as nowhere:
            code = subprocess.call(
                command,
                stdin=nowhere,
                stdout=nowhere,
                stderr=nowhere,
                cwd="/",
                env=environment,
            )
    except OSError:
        return False
    finally:
        os.umask(before)
    return code == 0


def _put_in_place(target: str) -> None:
    import importlib
    import shutil

    old = target + ".old"
    try:
        # An older version of the addon needed fewer of them.
        if os.path.isdir(VENDOR) and _missing():
            os.rename(VENDOR, old)
        os.rename(target, VENDOR)
    except OSError:
        # Another run was quicker; its copy is as good.
        shutil.rmtree(target, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    importlib.invalidate_caches()


def _complain(message: str, place: str, remedy: str) -> None:
    _say("error: {}\n  where: {}\n  do: {}\n".format(message, place, remedy))


def _say(text: str) -> None:
    try:
        # None where the caller has closed it.
        if sys.stderr is not None:
            sys.stderr.write(text)
            sys.stderr.flush()
    except OSError:
        # The exit code says it, too.
        return
