"""Whom a place belongs to: what is believed of what an environment says, and what is
not.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Dict, NamedTuple, Optional
from unittest import mock

import pytest

from private_registry.errors import NodeError
from private_registry.node import commands, environment_variables, trusted_places
from private_registry.node.paths import Node
from unit.hostile import SOMEBODY, as_root, can_be_somebody
from unit.microk8s import Microk8s


def _directory(path: Path, mode: int = 0o755) -> Path:
    path.mkdir()
    path.chmod(mode)
    return path


def _link(path: Path, target: object) -> Path:
    path.symlink_to(str(target))
    return path


def _own(root: Path) -> Path:
    return _directory(root / "own")


def _file(root: Path) -> Path:
    (root / "file").touch()
    (root / "file").chmod(0o644)
    return root / "file"


def _missing(root: Path) -> Path:
    return root / "missing" / "too"


def _below_sticky(root: Path) -> Path:
    return _directory(_directory(root / "sticky", 0o1777) / "own")


def _by_links(root: Path) -> Path:
    _own(root)
    _link(root / "first", "second/../own")
    _directory(root / "other")
    _link(root / "second", "./other")
    return root / "first"


def _through_dots(root: Path) -> Path:
    return Path(f"{_own(root)}/.././own/")


def _by_link_out_of_an_open_directory(root: Path) -> Path:
    return _link(_directory(root / "sticky", 0o1777) / "link", _own(root))


@pytest.mark.parametrize(
    "make",
    [
        *(_own, _file, _missing, _below_sticky, _by_links, _through_dots),
        _by_link_out_of_an_open_directory,
    ],
)
def test_what_nobody_else_can_change_is_believed(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    assert trusted_places.flaw(str(make(tmp_path))) is None


def _open_to_all(root: Path) -> Path:
    return _directory(root / "own", 0o777)


def _below_open_to_all(root: Path) -> Path:
    return _directory(_directory(root / "open", 0o777) / "own")


def _open_to_a_group(root: Path) -> Path:
    path = _directory(root / "own", 0o775)
    os.chown(str(path), -1, SOMEBODY if can_be_somebody() else os.getegid())
    return path


def _open_file(root: Path) -> Path:
    _file(root).chmod(0o666)
    return root / "file"


def _sticky(root: Path) -> Path:
    return _directory(root / "own", 0o1777)


def _missing_in_sticky(root: Path) -> Path:
    return _directory(root / "own", 0o1777) / "missing" / "too"


def _link_into_open(root: Path) -> Path:
    return _link(root / "link", _below_open_to_all(root))


def _link_in_open(root: Path) -> Path:
    return _link(_directory(root / "open", 0o777) / "link", _own(root))


def _link_over_open(root: Path) -> Path:
    _own(root)
    _directory(root / "open", 0o777)
    return _link(root / "link", "open/../own")


def _missing_beyond_a_link(root: Path) -> Path:
    return _link(root / "link", _sticky(root) / "missing")


def _missing_by_a_link_beside_it(root: Path) -> Path:
    return _link(_sticky(root) / "link", "missing")


def _link_to_where_it_is(root: Path) -> Path:
    return _link(_sticky(root) / "link", ".")


def _dots_to_shared(root: Path) -> Path:
    return Path(f"{_directory(_sticky(root) / 'own')}/..")


def _in_a_circle(root: Path) -> Path:
    return _link(root / "a", _link(root / "b", root / "a"))


def _below_a_file(root: Path) -> Path:
    return _file(root) / "more"


def _too_long(root: Path) -> Path:
    return root / ("x" * 300)


def _relative(_root: Path) -> Path:
    return Path("own")


def _nothing(_root: Path) -> Path:
    return Path()


in_a_group = pytest.mark.skipif(
    os.getegid() == 0 and not can_be_somebody(), reason="here is no group but root's"
)


@pytest.mark.parametrize(
    "make",
    [
        *(_open_to_all, _below_open_to_all, _open_file, _sticky),
        pytest.param(_open_to_a_group, marks=in_a_group),
        *(_missing_in_sticky, _link_into_open, _link_in_open, _link_over_open),
        *(_missing_by_a_link_beside_it, _link_to_where_it_is, _dots_to_shared),
        *(
            _missing_beyond_a_link,
            _in_a_circle,
            _below_a_file,
            _too_long,
            _relative,
            _nothing,
        ),
    ],
)
def test_what_others_can_change_is_not(
    tmp_path: Path, make: Callable[[Path], Path]
) -> None:
    found = trusted_places.flaw(str(make(tmp_path)))
    assert found is not None
    assert found[0]


@as_root
@pytest.mark.parametrize("is_user", [False, True], ids=["another's", "the user's own"])
@pytest.mark.parametrize("part", ["top", "top/own", "link", "top/own/file"])
def test_an_owner_is_root_or_the_user_that_runs(
    tmp_path: Path, part: str, is_user: bool
) -> None:
    own = _directory(_directory(tmp_path / "top") / "own")
    (own / "file").touch()
    _link(tmp_path / "link", own)
    os.chown(str(tmp_path / part), SOMEBODY, -1, follow_symlinks=False)
    path = str(tmp_path / "link" / "file")
    with mock.patch("os.geteuid", return_value=SOMEBODY if is_user else 0):
        found = trusted_places.flaw(path)
        assert (found is None) == is_user
        assert trusted_places.flaw(path, roots_alone=True) is not None
        if found is not None:
            mend = f"sudo chown -h root '{tmp_path / part}'"
            assert found == (
                f"{tmp_path / part} belongs to user number {SOMEBODY}",
                mend,
            )


def test_a_user_namespace_has_no_root_of_the_machine() -> None:
    _check_namespace()


@pytest.mark.parametrize(
    ("ranges", "is_hidden"),
    [
        ("0 0 4294967295\n", False),
        ("0 1000 1\n", True),
        ("0 1000000 1000000000\n", False),
        ("0 1000 1\n1 100000 65536\n", False),
        ("0 1000 1\n70000 100000 65536\n", True),
        ("", False),
        ("x", False),
    ],
    ids=[
        "none",
        "of one user",
        "LXD's",
        "with subordinates",
        "with others",
        "empty",
        "odd",
    ],
)
def test_nobody_is_root_where_nobody_is_nobody(
    tmp_path: Path, ranges: str, is_hidden: bool
) -> None:
    """The kernel shows users that a namespace does not know as nobody."""
    (tmp_path / "overflow").write_text("65534\n")
    (tmp_path / "map").write_text(ranges)
    really_open = open

    def opened(path: str) -> Any:
        return really_open(tmp_path / ("overflow" if "overflow" in path else "map"))

    with mock.patch("builtins.open", opened):
        assert trusted_places.is_hidden_root("uid", 65534) == is_hidden
        assert not trusted_places.is_hidden_root("uid", 65533)


def _check_namespace() -> None:
    namespace = ["unshare", "--user", "--map-root-user"]
    if subprocess.call(
        [*namespace, "true"], stderr=subprocess.DEVNULL
    ) != 0 and not os.getenv("CI"):
        pytest.skip("this machine lets nobody make namespaces")
    script = f"""
import os, sys
sys.path.insert(0, {str(Path(trusted_places.__file__).parents[2])!r})
from private_registry.node import trusted_places as places
assert os.geteuid() == 0
print(places.flaw("/"), places.flaw("/usr/bin"), places.flaw("/tmp/missing") is None)
"""
    done = subprocess.run(
        [*namespace, sys.executable, "-I", "-c", script],
        capture_output=True,
        check=False,
    )
    assert done.stdout.decode() == "None None False\n", done


# --- MicroK8s' own --------------------------------------------------------------------


def _other_snap(node: Microk8s) -> Dict[str, str]:
    return {"SNAP": str(_directory(_directory(node.root / "code") / "1"))}


def _no_args(node: Microk8s) -> Dict[str, str]:
    return {"SNAP_DATA": str(_directory(node.snaps_data / "9"))}


def _other_common(node: Microk8s) -> Dict[str, str]:
    other = Microk8s(node.root / "other")
    return {"SNAP_COMMON": str(other.common)}


def _common_of_its_own(node: Microk8s) -> Dict[str, str]:
    return {"SNAP_COMMON": str(_directory(node.snaps_data / "shared"))}


def _file_for_directory(node: Microk8s) -> Dict[str, str]:
    return {"SNAP_DATA": str(_file(node.snaps_data))}


def _open_data(node: Microk8s) -> Dict[str, str]:
    node.data.chmod(0o777)
    return {}


def _open_common(node: Microk8s) -> Dict[str, str]:
    node.common.chmod(0o777)
    return {}


def _open_above(node: Microk8s) -> Dict[str, str]:
    node.snaps_data.chmod(0o777)
    return {}


def _open_snap(node: Microk8s) -> Dict[str, str]:
    node.snap.chmod(0o777)
    return {}


def _code_instance(_node: Microk8s) -> Dict[str, str]:
    return {"SNAP_INSTANCE_NAME": "code"}


@pytest.mark.parametrize(
    "change",
    [
        *(
            _other_snap,
            _no_args,
            _other_common,
            _common_of_its_own,
            _open_data,
            _open_common,
        ),
        *(_open_above, _open_snap, _code_instance),
    ],
)
def test_a_node_is_microk8s_own(
    microk8s: Microk8s, change: Callable[[Microk8s], Dict[str, str]]
) -> None:
    changed = change(microk8s)
    with pytest.raises(NodeError, match="cannot be trusted") as caught:
        Node.from_environment({**microk8s.environment, **changed})
    assert caught.value.place
    assert (
        caught.value.remedy
        == "unset SNAP SNAP_DATA SNAP_COMMON SNAP_INSTANCE_NAME SNAP_NAME"
    )


def test_a_directory_of_snapds_that_others_can_write_is_mended_by_what_is_shown(
    microk8s: Microk8s, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trusted_places, "_SNAPDS", (str(microk8s.root),))
    microk8s.common.chmod(0o777)
    with pytest.raises(NodeError) as caught:
        Node.from_environment(microk8s.environment)
    remedy = caught.value.remedy
    assert remedy == f"sudo chmod go-w '{microk8s.common}'"
    subprocess.run(["sh", "-c", remedy.replace("sudo ", "")], check=True)
    assert Node.from_environment(microk8s.environment).common == str(microk8s.common)


@pytest.mark.parametrize("change", [_file_for_directory], ids=["a file"])
def test_a_place_is_a_directory(
    microk8s: Microk8s, change: Callable[[Microk8s], Dict[str, str]]
) -> None:
    with pytest.raises(NodeError, match="there is no MicroK8s"):
        Node.from_environment({**microk8s.environment, **change(microk8s)})


@pytest.mark.parametrize(
    ("variables_of_snapd", "name"),
    [
        ({}, "microk8s"),
        ({"SNAP_NAME": "microk8s"}, "microk8s"),
        ({"SNAP_NAME": "microk8s", "SNAP_INSTANCE_NAME": "microk8s_a1"}, "microk8s_a1"),
        ({"SNAP_NAME": ""}, "microk8s"),
    ],
)
def test_services_are_called_by_the_instance(
    microk8s: Microk8s, variables_of_snapd: Dict[str, str], name: str
) -> None:
    environment = {**microk8s.environment, **variables_of_snapd}
    if not variables_of_snapd:
        del environment["SNAP_NAME"]
    node = Node.from_environment(environment)
    with mock.patch.dict(os.environ, environment, clear=True):
        assert node.snap_name == name


def test_the_links_that_snapd_makes_are_followed(microk8s: Microk8s) -> None:
    environment = {**microk8s.environment, "SNAP_DATA": str(microk8s.current)}
    assert Node.from_environment(environment).data == str(microk8s.data)


# --- what programs get ----------------------------------------------------------------


@pytest.mark.parametrize("missing", [None, "SNAP_NAME", "LANG", "PATH"])
def test_microk8s_scripts_find_all_that_they_stop_without(
    microk8s: Microk8s, missing: Optional[str]
) -> None:
    """They are run with `set -u`, since 1.29 with what snapd sets of snapcraft.yaml."""
    needed = (
        *(
            "SNAP",
            "SNAP_DATA",
            "SNAP_COMMON",
            "SNAP_LIBRARY_PATH",
            "SNAPCRAFT_ARCH_TRIPLET",
        ),
        *("REAL_PATH", "PATH", "HOME", "USER", "LANG"),
    )
    wrapper = microk8s.snap / "microk8s-kubectl.wrapper"
    wrapper.write_text(
        "#!/bin/sh\nset -eu\necho " + " ".join(f'"${each}"' for each in needed)
    )
    wrapper.chmod(0o755)
    environment = {k: v for k, v in microk8s.environment.items() if k != missing}
    with mock.patch.dict(os.environ, environment, clear=True):
        done = commands.run([str(wrapper)])
    assert done is not None
    assert (done.exit_code, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "value", "passes"),
    [
        ("LANG", "de_DE.UTF-8@euro", True),
        ("LANG", "../evil", False),
        ("LC_ALL", "/evil", False),
        ("LC_MESSAGES", "C", True),
        ("NO_COLOR", "1", True),
        ("SNAP_COOKIE", "aA0-_", True),
        ("SNAP_COOKIE", "a\nb", False),
        ("SNAP_REVISION", "x1", True),
        ("SNAP_REVISION", "$(evil)", False),
        ("SNAP_VERSION", "v1.36.0", True),
        ("SNAP_REEXEC", "1", False),
        ("SSL_CERT_FILE", "/etc/passwd", True),
        ("SSL_CERT_FILE", "/usr/../tmp/missing", False),
        ("SSL_CERT_DIR", "/etc:/usr", True),
        ("SSL_CERT_DIR", "/etc:/tmp", False),
        ("REQUESTS_CA_BUNDLE", "relative", False),
        ("CURL_CA_BUNDLE", "/etc/passwd", False),
        ("HTTPS_PROXY", "http://proxy.corp", False),
        ("PYTHONPATH", "/usr", False),
        ("REG_PASS", "x", False),
    ],
)
def test_roots_process_keeps_what_is_harmless(
    name: str, value: str, passes: bool
) -> None:
    assert (environment_variables.own({name: value}).get(name) == value) == passes


@pytest.mark.parametrize(
    "name", ["HTTPS_PROXY", "https_proxy", "NO_PROXY", "all_proxy"]
)
def test_pip_gets_out_of_an_office(name: str) -> None:
    assert environment_variables.of_pip({name: "x y", "PIP_PROXY": "z"})[name] == "x y"
    assert "PIP_PROXY" not in environment_variables.of_pip(
        {name: "x y", "PIP_PROXY": "z"}
    )


def test_a_path_of_nothing_but_others_is_the_systems(tmp_path: Path) -> None:
    _directory(tmp_path / "open", 0o777)
    got = environment_variables.own({"PATH": f"{tmp_path}/open::."})["PATH"].split(":")
    assert {"/usr/bin", "/bin", "/usr/sbin"} <= set(got)
    assert all(Path(each).is_absolute() for each in got)
    assert str(tmp_path) not in ":".join(got)


# --- what mends a place ---------------------------------------------------------------


class _Mend(NamedTuple):
    """A place that is not trusted.

    Args:
        is_given: the variable names it.
        is_default: it is what is taken without the variable.
        is_snapds: it is below a directory of snapd's.
        has_owner: it belongs to somebody else; else others may write to it.
        is_unset: the variable is to be unset.
    """

    is_given: bool
    is_default: bool
    is_snapds: bool
    has_owner: bool
    is_unset: bool


MENDS = {
    "given, elsewhere": _Mend(True, False, False, False, is_unset=True),
    "given, elsewhere, somebody's": _Mend(True, False, False, True, is_unset=True),
    "given, snapd's": _Mend(True, False, True, False, is_unset=False),
    "given, snapd's, somebody's": _Mend(True, False, True, True, is_unset=False),
    "given, the default": _Mend(True, True, False, False, is_unset=False),
    "given, the default, somebody's": _Mend(True, True, False, True, is_unset=False),
    "not given": _Mend(False, True, False, False, is_unset=False),
    "not given, somebody's": _Mend(False, True, False, True, is_unset=False),
}


@pytest.mark.parametrize("name", MENDS)
def test_what_mends_a_place_is_what_is_shown(
    microk8s: Microk8s, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    case, data = MENDS[name], microk8s.data
    if case.has_owner and not can_be_somebody():
        pytest.skip("only root can give a directory away")
    if case.has_owner:
        os.chown(str(data), SOMEBODY, 0)
    else:
        data.chmod(0o777)
    snapds = f"{microk8s.root}/" if case.is_snapds else f"{str(microk8s.root)[:-1]}/"
    monkeypatch.setattr(trusted_places, "_SNAPDS", (snapds,))
    if case.is_default:
        monkeypatch.setattr(trusted_places, "SNAP_DATA", str(data))
        monkeypatch.setattr(
            trusted_places, "_DEFAULTS", {"SNAP_DATA": (str(data),)}, raising=False
        )
    given = {
        key: value
        for key, value in microk8s.environment.items()
        if key in trusted_places.VARIABLES
    }
    given = (
        given if case.is_given else {k: v for k, v in given.items() if k != "SNAP_DATA"}
    )
    problem = trusted_places.problem(given)
    assert problem is not None
    remedy = problem[2]
    assert remedy.startswith("unset ") is case.is_unset, remedy
    if not case.is_unset:
        subprocess.run(["sh", "-c", remedy.replace("sudo ", "")], check=True)
        assert trusted_places.problem(given) is None


@pytest.mark.parametrize(
    ("path", "is_snapds"),
    [
        ("/snap/microk8s/current", True),
        ("/var/snap/microk8s/x1", True),
        ("/snapshots/microk8s", False),
    ],
)
def test_directories_of_snapd_are_known_part_by_part(
    monkeypatch: pytest.MonkeyPatch, path: str, is_snapds: bool
) -> None:
    monkeypatch.setattr(
        trusted_places, "flaw", lambda *_: ("it is open", "sudo chmod go-w x")
    )
    problem = trusted_places.problem({"SNAP": path})
    assert problem is not None
    assert problem[2].startswith("sudo chmod" if is_snapds else "unset ")
