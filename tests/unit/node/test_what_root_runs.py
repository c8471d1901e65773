"""Root runs nothing of the caller's: not of his folder, his environment, his PATH, his
MicroK8s.

Each attack leaves code that says so when it is run. Where the environment of an
interpreter that is already root is the way in, only what is looked for after its start
can be kept out; keeping out the rest is for whoever starts it, which is why the plugin
and the hook start theirs with -I.
"""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Mapping, Tuple

import pytest

from private_registry.launcher import PACKAGES
from unit.addon_copy import Copy, make_wheel, wheels_of_packages
from unit.careless_sudo import CarelessSudo
from unit.fake_containerd import FakeContainerd
from unit.hostile import (
    AT_START,
    LATER,
    SOMEBODY,
    USER_SITE,
    Hostile,
    as_root,
    public_directory,
    remove,
)
from unit.microk8s import ADDON, HOOK, PLUGIN, Microk8s, Result, ok

pytestmark = pytest.mark.attack

OPTIONS = ("--insecure", "reg.corp:5000")
ENTRIES = ("--username", "ann", "--password-stdin", "--registry", "reg.corp")


@pytest.fixture
def copy(microk8s: Microk8s, tmp_path: Path) -> Copy:
    return Copy(tmp_path / "addon", microk8s)


@pytest.fixture
def hostile(tmp_path: Path) -> Hostile:
    return Hostile(tmp_path / "hostile")


# --- fetching packages ----------------------------------------------------------------


def _config(hostile: Hostile) -> str:
    """Make a configuration of pip that asks for one package more."""
    package = make_wheel(
        hostile.root / "wheels",
        "evil",
        "1.0",
        {"evil.py": hostile.module_text("evil").encode()},
    )
    hostile.put("more.txt", f"{package}\n")
    return (
        f"[install]\nrequirement = {hostile.root}/more.txt\nrequire-hashes = false\n"
        "no-deps = false\n"
    )


def _for_pip(hostile: Hostile) -> Dict[str, str]:
    root = hostile.root
    return {
        "PIP_CONFIG_FILE": str(hostile.put("pip.conf", _config(hostile))),
        "PIP_REQUIREMENT": f"{root}/more.txt",
        **{
            f"PIP_{name}": f"{root}/{name.lower()}"
            for name in ("TARGET", "PREFIX", "ROOT", "LOG")
        },
        "PIP_PYTHON": str(hostile.put_program("python3")),
        "PIP_INDEX_URL": f"file://{root}",
        "PIP_FIND_LINKS": f"{root}/wheels",
        "PIP_REQUIRE_HASHES": "0",
    }


def _for_pips_files(hostile: Hostile) -> Dict[str, str]:
    text = _config(hostile)
    for name in (".pip/pip.conf", ".config/pip/pip.conf", "pip/pip.conf"):
        hostile.put(name, text)
    return {
        name: str(hostile.root)
        for name in ("HOME", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS")
    }


def _for_pips_python(hostile: Hostile) -> Dict[str, str]:
    root = hostile.root
    hostile.put_modules("usercustomize.py", *LATER, below=USER_SITE)
    return {
        "PYTHONPATH": str(hostile.put_modules(*LATER, below="modules")),
        "PYTHONSTARTUP": str(hostile.put_modules("start.py") / "start.py"),
        "PYTHONUSERBASE": str(root),
        "HOME": str(root),
    }


@pytest.mark.parametrize("attack", [_for_pip, _for_pips_files, _for_pips_python])
def test_pip_takes_nothing_from_the_environment(
    copy: Copy,
    hostile: Hostile,
    tmp_path: Path,
    attack: Callable[[Hostile], Dict[str, str]],
) -> None:
    copy.let_pip_find(tmp_path / "wheels", wheels_of_packages(tmp_path / "wheels"))
    result = copy.enable(*OPTIONS, env=attack(hostile))
    assert result.exit_code == 0, result
    assert hostile.was_run == []
    found = {path.name.partition("-")[0] for path in copy.vendor.iterdir()}
    assert found == set(PACKAGES)
    made = {path.name for path in hostile.root.iterdir()}
    assert not made & {"target", "prefix", "root", "log"}
    assert copy.node.hosts("reg.corp:5000")["server"] == "http://reg.corp:5000"


def test_nothing_is_run_in_the_callers_folder(
    copy: Copy, hostile: Hostile, tmp_path: Path
) -> None:
    hostile.put_modules(*AT_START, *LATER)
    copy.let_pip_find(tmp_path / "wheels", wheels_of_packages(tmp_path / "wheels"))
    result = copy.enable(*OPTIONS, cwd=str(hostile.root))
    assert (result.exit_code, hostile.was_run) == (0, []), result
    assert set(PACKAGES) < {path.name for path in copy.vendor.iterdir()}


def test_what_is_fetched_is_never_built(
    copy: Copy, hostile: Hostile, tmp_path: Path
) -> None:
    """A build runs code, and what it needs for that is asked for without a hash."""
    source = hostile.put_modules("backend.py", below="tomli-2.1.0")
    system = (
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path ='
        ' ["."]\n'
    )
    hostile.put("tomli-2.1.0/pyproject.toml", system)
    hostile.put(
        "tomli-2.1.0/PKG-INFO",
        "Metadata-Version: 2.1\nName: tomli\nVersion: 2.1.0\n",
    )
    archive = tmp_path / "wheels" / "tomli-2.1.0.tar.gz"
    archive.parent.mkdir()
    command = ["tar", "-C", str(source.parent), "-czf", str(archive), source.name]
    subprocess.run(command, check=True)
    copy.let_pip_find(archive.parent, [archive])
    result = copy.enable(*OPTIONS)
    assert hostile.was_run == []
    assert result.exit_code == 4
    assert "could not be fetched" in result.stderr


def test_what_was_fetched_is_roots_alone_and_everybodys_to_read(
    copy: Copy, tmp_path: Path
) -> None:
    for mask in (0o000, 0o077):
        copy.let_pip_find(tmp_path / "wheels", wheels_of_packages(tmp_path / "wheels"))
        ok(copy.enable(*OPTIONS, preexec_fn=lambda mask=mask: os.umask(mask)))
        for path in [copy.vendor, *copy.vendor.rglob("*")]:
            if "__pycache__" not in path.parts:
                assert path.stat().st_mode & 0o066 == 0o044, path
        subprocess.run(["rm", "-r", str(copy.vendor)], check=True)


# --- interpreters ---------------------------------------------------------------------


def _recorder(path: Path, log: Path, exit_code: int = 0) -> str:
    """Make a python3 that writes down how it was started."""
    path.write_text(
        f"#!{sys.executable} -I\n"
        "import json, os, sys\n"
        "said = {'arguments': sys.argv[1:], 'folder': os.getcwd()}\n"
        "said['environment'] = dict(os.environ)\n"
        f"with open({str(log)!r}, 'a') as stream:\n"
        "    stream.write(json.dumps(said) + chr(10))\n"
        f"sys.exit({exit_code})\n"
    )
    path.chmod(0o755)
    return str(path)


def _said(log: Path) -> List[Dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


# Variables that steer interpreters, shells, linkers, and programs that we start.
STEERING = {
    "BASH_ENV": "/evil",
    "ENV": "/evil",
    "LD_AUDIT": "",
    "LD_DEBUG_OUTPUT": "/evil",
    "GCONV_PATH": "/evil",
    "LOCPATH": "/evil",
    "PERL5LIB": "/evil",
    "GIT_EXEC_PATH": "/evil",
    "PYTHONPATH": "/evil",
    "PYTHONUSERBASE": "/evil",
    "PYTHONINSPECT": "",
    "PYTHONWARNINGS": "",
    "KUBECONFIG": "/evil",
    "OPENSSL_CONF": "/evil",
    "XDG_CONFIG_HOME": "/evil",
    "IFS": "/",
    "PIP_INDEX_URL": "http://evil",
    "HOME": "/evil",
    "TMPDIR": "/evil",
    "EVIL": "yes",
    "BASH_FUNC_echo%%": "() { evil; }",
    "CDPATH": "/evil",
    "NODE_OPTIONS": "--evil",
    "HOSTALIASES": "/evil",
    "RES_OPTIONS": "evil",
    "LANG": "../../evil",
    "TZ": "/evil",
}


def test_an_interpreter_that_root_starts_for_help_gets_nothing_of_the_callers(
    copy: Copy, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    python = _recorder(tmp_path / "recorder", log)
    copy.change_launcher('[sys.executable or "", "-I"', f'[{python!r}, "-I"')
    proxy = {"HTTPS_PROXY": "http://proxy.corp:3128", "no_proxy": ".corp"}
    copy.enable(*OPTIONS, env={**STEERING, **proxy})
    probed, fetched, *_ = _said(log)
    assert probed["arguments"][0] == fetched["arguments"][0] == "-I"
    assert probed["folder"] == fetched["folder"] == "/"
    assert "--isolated" in fetched["arguments"]
    assert {"--require-hashes", "--no-deps", "--only-binary"} <= set(
        fetched["arguments"]
    )
    own = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": _home(), "LANG": "C.UTF-8"}
    allowed = {"SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "LC_CTYPE"}
    for each in (probed, fetched):
        assert _without(each["environment"], allowed) == {**own, **proxy}


def _home() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return "/"


def _without(environment: Mapping[str, str], names: Any) -> Dict[str, str]:
    return {name: value for name, value in environment.items() if name not in names}


def test_a_handed_over_interpreter_keeps_the_folder_and_nothing_else(
    copy: Copy, hostile: Hostile, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    copy.change_launcher("OLDEST = (3, 8)", "OLDEST = (4, 0)")
    python = _recorder(tmp_path / "recorder", log)
    copy.change_launcher('("/usr/bin/python3",', f"({python!r},")
    secret = {"REG_PASS": "s3cr3t"}
    copy.enable(*OPTIONS, env={**STEERING, **secret}, cwd=str(hostile.root))
    probed, handed = _said(log)
    assert probed["arguments"][0] == handed["arguments"][0] == "-I"
    assert handed["arguments"][1:] == [str(copy.door), *OPTIONS]
    assert (probed["folder"], handed["folder"]) == ("/", str(hostile.root))
    for each in (probed, handed):
        assert not (set(STEERING) - {"HOME", "LANG"}) & set(each["environment"])
        assert (each["environment"]["HOME"], each["environment"]["LANG"]) == (
            _home(),
            "C.UTF-8",
        )
    assert "REG_PASS" not in handed["environment"]
    assert handed["environment"]["PRIVATE_REGISTRY_GIVEN_REG_PASS"] == "s3cr3t"
    assert handed["environment"]["SNAP_DATA"] == str(copy.node.data)


@pytest.mark.parametrize("path", [PLUGIN, HOOK])
@pytest.mark.parametrize("is_named", [True, False], ids=["named", "the folder"])
def test_the_plugin_and_the_hook_start_clean(
    microk8s: Microk8s, hostile: Hostile, path: str, is_named: bool
) -> None:
    """MicroK8s 1.27 and 1.28 set a PYTHONPATH that ends in a colon: the caller's
    folder.
    """
    ok(microk8s.run("enable"))
    hostile.put_modules(*AT_START, *LATER)
    python = Path(sys.executable).parent
    done = subprocess.run(
        [str(microk8s.common / path), *(["list"] if path == PLUGIN else [])],
        env={
            **os.environ,
            **microk8s.environment,
            "PATH": f"{python}:{os.environ['PATH']}",
            "PYTHONPATH": str(hostile.root) if is_named else f"{microk8s.snap}:",
        },
        cwd=str(hostile.root),
        check=False,
    )
    assert (done.returncode, hostile.was_run) == (0, [])


@pytest.mark.skipif(
    os.geteuid() != 0, reason="an ordinary user's modules are his own affair"
)
@pytest.mark.parametrize("flags", [("-S",), ("-S", "-s")], ids=str)
def test_a_door_that_is_started_without_care_cleans_up_first(
    copy: Copy, hostile: Hostile, flags: Tuple[str, ...]
) -> None:
    copy.fill_vendor()
    hostile.put_modules(*LATER)
    for python_path in (
        str(hostile.root),
        "",
        f":{hostile.root}",
        f"/usr/none:{hostile.root}:",
    ):
        variables = {"PYTHONPATH": python_path}
        result = copy.enable(
            *OPTIONS, flags=flags, env=variables, cwd=str(hostile.root)
        )
        assert (result.exit_code, hostile.was_run) == (0, []), result


# --- other programs -------------------------------------------------------------------


def _dumping(node: Microk8s, log: Path) -> None:
    """Let the snap's containerd, a script of bash's, write down how it was started."""
    program = node.snap / "bin" / "containerd"
    program.write_text(
        f"#!/bin/bash\n{{ pwd; env -0; }} >'{log}'\necho containerd x v1.7.29 0\n"
    )


def test_programs_get_an_environment_of_few_variables(
    microk8s: Microk8s, hostile: Hostile, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    _dumping(microk8s, log)
    script = hostile.put_program("evil.sh")
    variables = {
        **STEERING,
        "BASH_ENV": str(script),
        "REG_PASS": "s3cr3t",
        "SNAP_EVIL": "/evil",
    }
    # With a path in it, containerd has to be asked for its version.
    mirror = "docker.io=https://m.corp/proxy"
    ok(microk8s.program("enable", "--mirror", mirror, env=variables))
    folder, _, rest = log.read_bytes().partition(b"\n")
    got = dict(part.split("=", 1) for part in rest.decode().split("\0") if part)
    assert (folder, hostile.was_run) == (b"/", [])
    shells_own = {"_", "SHLVL", "PWD", "OLDPWD"}
    assert set(got) - shells_own <= {
        *("PATH", "REAL_PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE"),
        *("SNAP", "SNAP_DATA", "SNAP_COMMON", "SNAP_NAME", "SNAP_REVISION"),
        *("SNAP_LIBRARY_PATH", "SNAPCRAFT_ARCH_TRIPLET", "LD_LIBRARY_PATH"),
    }
    assert got["HOME"] == _home()
    assert got["LANG"] == "C.UTF-8"
    assert all(
        each.startswith((str(microk8s.snap), "/var/lib/snapd/lib"))
        for each in got["LD_LIBRARY_PATH"].split(":")
    )
    assert (got["SNAP"], got["SNAP_DATA"]) == (str(microk8s.snap), str(microk8s.data))


@pytest.mark.parametrize("way", ["{}", "", ".", "/var/../{}", "{}/../hostile/"])
def test_programs_are_not_taken_from_a_directory_that_others_can_write(
    microk8s: Microk8s, containerd: FakeContainerd, hostile: Hostile, way: str
) -> None:
    """Credentials need a restart, for which snapctl, snap, systemctl and journalctl
    are run.
    """
    for name in ("snapctl", "snap", "systemctl", "journalctl", "env", "python3", "sh"):
        hostile.put_program(name)
    done = subprocess.run(
        [sys.executable, str(ADDON / "enable"), *ENTRIES],
        env={
            **os.environ,
            **microk8s.environment,
            "PATH": f"{way.format(hostile.root)}:{microk8s.environment['PATH']}",
        },
        cwd=str(hostile.root),
        input=b"secret",
        check=False,
    )
    assert (done.returncode, hostile.was_run) == (0, [])
    assert containerd.requests == ["restart microk8s.daemon-containerd"]


# --- MicroK8s' own places -------------------------------------------------------------


def _foreign(hostile: Hostile, node: Microk8s) -> Microk8s:
    """Make a tree that looks like a MicroK8s' and is not its."""
    foreign = Microk8s(hostile.root / "node")
    hostile.put_program(
        "node/snap/microk8s/8000/bin/containerd", "echo containerd x v1.7.29 0"
    )
    hostile.put_program("node/snap/microk8s/8000/microk8s-kubectl.wrapper")
    return foreign


@pytest.mark.parametrize(
    "names", [("SNAP",), ("SNAP_DATA",), ("SNAP_COMMON",)], ids=str
)
@pytest.mark.parametrize("through_link", [False, True], ids=["itself", "by a link"])
def test_microk8s_is_not_where_others_say(
    microk8s: Microk8s,
    hostile: Hostile,
    tmp_path: Path,
    names: Tuple[str, ...],
    through_link: bool,
) -> None:
    foreign = _foreign(hostile, microk8s)
    before, foreign_before = microk8s.tree(), foreign.tree()
    for name in names:
        place = foreign.environment[name]
        if through_link:
            (tmp_path / "link").symlink_to(place)
            place = str(tmp_path / "link")
        for door in ("enable", "plugin"):
            words = OPTIONS if door == "enable" else ("list",)
            result = microk8s.program(door, *words, env={name: place})
            lines = result.stderr.splitlines()
            assert (result.exit_code, result.stdout, len(lines)) == (4, "", 3), result
            assert f"{name}={place} " in lines[0]
            assert str(hostile.root) in lines[1]
            assert lines[2].strip().startswith("do: ")
    assert hostile.was_run == []
    assert microk8s.tree() == before
    assert foreign.tree() == foreign_before


@pytest.mark.parametrize(
    "name", ["evil", "microk8s-evil", "microk8s_", "a/../microk8s", "microk8s_A"]
)
@pytest.mark.parametrize("variable", ["SNAP_NAME", "SNAP_INSTANCE_NAME"])
def test_only_microk8s_is_restarted(
    microk8s: Microk8s, variable: str, name: str
) -> None:
    result: Result = microk8s.run("enable", *OPTIONS, env={variable: name})
    assert result.exit_code == 4
    assert f"{variable}={name}" in result.stderr
    typed = result.stderr.splitlines()[-1].strip().partition("do: ")[2]
    check = f'{typed} && test -z "${{{variable}+x}}"'
    assert subprocess.call(["sh", "-c", check], env={variable: name}) == 0


def test_help_believes_nobody_and_needs_nobody(
    microk8s: Microk8s, hostile: Hostile
) -> None:
    foreign = _foreign(hostile, microk8s)
    for words in (
        ["help"],
        ["add", "--help"],
        ["version"],
        ["check", "--explain", "x"],
    ):
        ok(microk8s.program("plugin", *words, env=foreign.environment))
    assert hostile.was_run == []


# --- an ordinary user, who becomes root through sudo ----------------------------------


def _becomes_somebody() -> None:
    os.setgroups([])
    os.setgid(SOMEBODY)
    os.setuid(SOMEBODY)


def _can_run(python: str) -> bool:
    check = "import sys; sys.exit(sys.version_info < (3, 8))"
    try:
        code = subprocess.call(
            [python, "-I", "-c", check], cwd="/", preexec_fn=_becomes_somebody
        )
    except OSError:
        return False
    return code == 0


class Somebody:
    """An ordinary user in a folder of his own, on a node of root's."""

    def __init__(self, public: Path) -> None:
        self.python = next(
            each for each in ("/usr/bin/python3", sys.executable) if _can_run(each)
        )
        self.node = Microk8s(public / "node")
        self.copy = Copy(public / "addon", self.node)
        self.copy.fill_vendor()
        self.hostile = Hostile(public / "hostile")
        self.hostile.put_modules(*AT_START, *LATER)
        for name in (
            "snapctl",
            "snap",
            "systemctl",
            "journalctl",
            "env",
            "python3",
            "bash",
        ):
            self.hostile.put_program(name)
        os.chown(str(self.hostile.root), SOMEBODY, SOMEBODY)
        root = str(self.hostile.root)
        self.dirt = {
            **STEERING,
            **dict.fromkeys(
                ("PYTHONPATH", "PYTHONHOME", "HOME", "XDG_CONFIG_HOME"), root
            ),
            "BASH_ENV": f"{root}/env",
            "PIP_TARGET": f"{root}/target",
            "SNAP_EVIL": root,
        }
        self.sudo = CarelessSudo(public / "bin", self.python, self.dirt)

    def enable(self, *arguments: str, python: str = "", stdin: bytes = b"") -> Result:
        """Run enable as he does."""
        tools = (
            f"{self.sudo.directory}:{self.hostile.root}:{self.node.host}:/usr/bin:/bin"
        )
        harmless = _without(self.dirt, ("PYTHONPATH", "PYTHONHOME", "PYTHONINSPECT"))
        done = subprocess.run(
            [python or self.python, str(self.copy.door), *arguments],
            input=stdin,
            capture_output=True,
            cwd=str(self.hostile.root),
            env={
                **self.node.environment,
                **harmless,
                "PATH": tools,
                "REG_PASS": "s3cr3t",
            },
            preexec_fn=_becomes_somebody,
            timeout=60,
            check=False,
        )
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture
def somebody() -> Iterator[Somebody]:
    public = public_directory()
    made = Somebody(public)
    yield made
    made.sudo.close()
    remove(public)


def _roots_words(somebody: Somebody) -> List[str]:
    """Return the command line that sudo got, from the interpreter on."""
    words: List[str] = somebody.sudo.calls[-1]["words"]
    start = words.index("/usr/bin/env") + 1
    return [word for word in words[start:] if "=" not in word]


@as_root
def test_what_an_ordinary_user_starts_ends_as_roots_own(somebody: Somebody) -> None:
    (somebody.hostile.root / "more.toml").write_text('[[registry]]\nhost = "a.corp"\n')
    ok(somebody.enable("--file", "more.toml"))
    ok(somebody.enable("--file", "-", stdin=b'[[registry]]\nhost = "b.corp"\n'))
    login = (
        "--username",
        "ann",
        "--password-env",
        "REG_PASS",
        "--allow-plaintext-credentials",
    )
    ok(somebody.enable("--insecure", "c.corp", *login))
    assert somebody.hostile.was_run == []
    for host in ("a.corp", "b.corp", "c.corp"):
        assert somebody.node.hosts(host)["server"]
        assert (somebody.node.certs_d / host / "hosts.toml").stat().st_uid == 0
    assert "s3cr3t" in somebody.node.template.read_text()
    assert not any(
        "s3cr3t" in word for call in somebody.sudo.calls for word in call["words"]
    )
    ran = _roots_words(somebody)
    assert ran[:3] == [somebody.python, "-I", str(somebody.copy.door)]
    for call in somebody.sudo.calls:
        assert not {"BASH_ENV", "SNAP_EVIL", "PIP_TARGET", "LD_AUDIT"} & set(
            call["environment"]
        )


@as_root
@pytest.mark.parametrize(
    "has_snaps_python", [False, True], ids=["the host's", "the snap's"]
)
def test_root_does_not_run_the_callers_python(
    somebody: Somebody, has_snaps_python: bool
) -> None:
    own = somebody.hostile.root / "python"
    own.symlink_to(somebody.python)
    os.chown(str(own), SOMEBODY, SOMEBODY, follow_symlinks=False)
    wanted = "/usr/bin/python3"
    if has_snaps_python:
        wanted = str(somebody.node.snap / "usr/bin/python3")
        Path(wanted).parent.mkdir(parents=True)
        Path(wanted).write_text(f'#!/bin/sh\nexec {somebody.python} "$@"\n')
        Path(wanted).chmod(0o755)
    ok(somebody.enable(*OPTIONS, python=str(own)))
    assert _roots_words(somebody)[:2] == [wanted, "-I"]
    told = dict(w.split("=", 1) for w in somebody.sudo.calls[-1]["words"] if "=" in w)
    libraries = told.get("LD_LIBRARY_PATH", "").split(":")
    in_snap = [each.startswith(f"{somebody.node.snap}/") for each in libraries]
    assert all(in_snap) if has_snaps_python else libraries == [""]
    assert somebody.hostile.was_run == []


@as_root
@pytest.mark.parametrize("name", ["SNAP", "SNAP_DATA", "SNAP_COMMON"])
def test_root_does_not_go_where_the_caller_sends_him(
    somebody: Somebody, name: str
) -> None:
    foreign = _foreign(somebody.hostile, somebody.node)
    subprocess.run(
        ["chown", "-R", f"{SOMEBODY}:{SOMEBODY}", str(somebody.hostile.root)],
        check=True,
    )
    somebody.node.extra_environment[name] = foreign.environment[name]
    result = somebody.enable(*OPTIONS)
    assert (result.exit_code, somebody.hostile.was_run) == (4, [])
    assert result.stderr.startswith(f"error: {name}=")
    assert f"where: {somebody.hostile.root} " in result.stderr
    assert not (somebody.node.certs_d / "reg.corp:5000").exists()
