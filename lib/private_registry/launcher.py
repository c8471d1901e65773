"""Start a door as a fit user, with a fit interpreter and tomlkit; runs on Python 3.5 and newer.

MicroK8s 1.24 to 1.26 run addons with Python 3.6, none of its Pythons has a TOML library, members of
the group microk8s may call enable without being root, and an addon may be started outside of
MicroK8s altogether. What only rare paths need is imported there: every enable waits for imports.
"""

import os
import sys
from typing import Dict, List, Tuple

OLDEST = (3, 8)
LIB = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REQUIREMENTS = os.path.join(LIB, "requirements.txt")
VENDOR = os.path.join(LIB, "vendor")
HOST_PYTHONS = ("/usr/bin/python3", "/usr/local/bin/python3")
SNAP_ONLY_VARIABLES = ("LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME")
SNAP_DATA = "/var/snap/microk8s/current"
KEPT_VARIABLES = SNAP_ONLY_VARIABLES + ("PYTHONNOUSERSITE", "LANG", "LC_ALL", "NO_COLOR")
WORDS_FOR_ANYBODY = (["help"], ["-h"], ["--help"], ["version"], ["--version"])
# It shows what this user may see, and says what not.
VERBS_FOR_ANYBODY = ("check",)
EXIT_NODE = 4


def main(door: str, script: str) -> None:
    """Run one of the doors and end the process with its exit code.

    Args:
        door: "enable", "disable" or "plugin".
        script: the program that was started, to start it again with another interpreter.
    """
    if needs_root(sys.argv[1:]):
        _run_again_as_root(script)
    if sys.version_info[:2] < OLDEST:
        _hand_over_to_host_python(script)
    if not _find_tomlkit() and not _fetch_tomlkit():
        sys.exit(EXIT_NODE)
    from private_registry.doors.console import run

    sys.exit(run(door, os.path.abspath(script), sys.argv[1:]))


def needs_root(arguments: List[str]) -> bool:
    """Whether a command line has to be carried out by somebody else than this user."""
    if os.geteuid() == 0 or arguments[:1] in WORDS_FOR_ANYBODY:
        return False
    if arguments and arguments[0] in VERBS_FOR_ANYBODY:
        return False
    try:
        return os.stat(os.environ.get("SNAP_DATA") or SNAP_DATA).st_uid != os.geteuid()
    except OSError:
        # Without a MicroK8s there is nothing to be root for; the door says so.
        return False


def _run_again_as_root(script: str) -> None:
    import subprocess

    kept = ["{}={}".format(k, v) for k, v in sorted(os.environ.items()) if _is_kept(k)]
    python = sys.executable or "python3"
    command = ["env"] + kept + [python, os.path.abspath(script)] + sys.argv[1:]
    secret = _named_variables(sys.argv[1:])
    # By its name only: what stands on a command line can be read by everybody.
    preserve = ["--preserve-env=" + ",".join(secret)] if secret else []
    try:
        if subprocess.call(["sudo", "true"]) == 0:
            os.execvp("sudo", ["sudo"] + preserve + command)
        problem = "sudo refused"
    except OSError:
        problem = "there is no sudo"
    _complain(
        "the node's files belong to root, and {}".format(problem),
        "user number {}".format(os.geteuid()),
        "run the same command as root",
    )
    sys.exit(EXIT_NODE)


def _named_variables(arguments: List[str]) -> List[str]:
    """List the environment variables that hold passwords, as ``--password-env`` names them."""
    option = "--password-env"
    apart = [value for name, value in zip(arguments, arguments[1:]) if name == option]
    joined = [each.partition("=")[2] for each in arguments if each.startswith(option + "=")]
    return [each for each in apart + joined if each in os.environ]


def _is_kept(variable: str) -> bool:
    return variable.startswith("SNAP") or variable in KEPT_VARIABLES


def _hand_over_to_host_python(script: str) -> None:
    environment = {k: v for k, v in os.environ.items() if k not in SNAP_ONLY_VARIABLES}
    for python in HOST_PYTHONS:
        if _is_new_enough(python, environment):
            arguments = [python, os.path.abspath(script)] + sys.argv[1:]
            os.execve(python, arguments, environment)
    _complain(
        "this MicroK8s has Python {}.{}; the addon needs 3.8 or newer".format(*sys.version_info),
        "looked for a newer one at {}".format(" and ".join(HOST_PYTHONS)),
        "sudo apt-get install python3, on Ubuntu 20.04 or newer",
    )
    sys.exit(EXIT_NODE)


def _is_new_enough(python: str, environment: Dict[str, str]) -> bool:
    import subprocess

    check = "import sys; sys.exit(sys.version_info[:2] < {!r})".format(OLDEST)
    try:
        return subprocess.call([python, "-c", check], env=environment) == 0
    except OSError:
        return False


def _find_tomlkit() -> bool:
    if os.path.isdir(VENDOR):
        sys.path.insert(0, VENDOR)
    try:
        import tomlkit  # noqa: F401 - only whether it is there
    except ImportError:
        return False
    return True


def _fetch_tomlkit() -> bool:
    sys.stderr.write("Fetching the Python package tomlkit once, with pip ...\n")
    sys.stderr.flush()
    target = "{}.{}".format(VENDOR, os.getpid())
    install = ["install", "--no-deps", "--require-hashes", "--retries", "1", "--timeout", "15"]
    install += ["--target", target, "-r", REQUIREMENTS]
    pips = _pips()
    for pip in pips:
        if _succeeds(pip, install):
            _put_in_place(target)
            if _find_tomlkit():
                return True
    _complain(
        "the Python package tomlkit is not here and {}".format(
            "could not be fetched" if pips else "there is no pip to fetch it with"
        ),
        "wanted in {}".format(VENDOR),
        "sudo apt-get install python3-pip and try again; or, without network, run scripts/vendor "
        "in a clone of this addon on another machine and copy its lib/vendor there",
    )
    return False


def _pips() -> List[Tuple[str, Dict[str, str]]]:
    """List the Pythons that have pip, each with its environment: the host's without the snap's."""
    clean = {k: v for k, v in os.environ.items() if k not in SNAP_ONLY_VARIABLES}
    pythons = [(sys.executable, dict(os.environ))] + [(each, clean) for each in HOST_PYTHONS]
    return [python for python in pythons if _succeeds(python, ["--version"])]


def _succeeds(pip: Tuple[str, Dict[str, str]], arguments: List[str]) -> bool:
    import subprocess

    python, environment = pip
    command = [python, "-m", "pip", "--disable-pip-version-check"] + arguments
    with open(os.devnull, "r+") as nowhere:
        try:
            code = subprocess.call(
                command, stdin=nowhere, stdout=nowhere, stderr=nowhere, env=environment
            )
        except OSError:
            return False
    return code == 0


def _put_in_place(target: str) -> None:
    try:
        os.rename(target, VENDOR)
    except OSError:
        import shutil

        # Another run was quicker; its copy is as good.
        shutil.rmtree(target, ignore_errors=True)


def _complain(message: str, place: str, remedy: str) -> None:
    sys.stderr.write("error: {}\n  where: {}\n  do: {}\n".format(message, place, remedy))
