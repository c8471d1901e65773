"""`check` by a user who may not look everywhere: what he cannot see is named, and no
fault.
"""

# ruff: noqa: F811 - fixtures of another module
from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Tuple

import pytest

from unit.check.test_check import (  # noqa: F401
    UNAUTHORIZED,
    Names,
    faults,
    names,
    node,
    registries,
)
from unit.fake_registry import FakeRegistries
from unit.microk8s import Microk8s, ok
from unit.pki import Pki, make

pytestmark = [
    pytest.mark.attack,
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else"),
]
_NOBODY = 65534


class _Case(NamedTuple):
    """What is closed, and what is said not to be seen because of it.

    Args:
        closed: paths below the node's parent directory of all revisions, and their
            modes.
        unseen: words of the lines ``not seen``, or of the notes.
    """

    closed: Tuple[Tuple[str, int], ...]
    unseen: Tuple[str, ...]


_TEMPLATE = "containerd-template.toml: logins"
_CERTS_D = "certs.d: "
_PROXIES = "containerd-env: "
_RUNTIME = "whether containerd runs"
_SAVED = "what was configured by this addon"
_KILLED = "whether an earlier run"
CASES = {
    "nothing": _Case((), ()),
    "args": _Case((("8000/args", 0o770),), (_TEMPLATE, _CERTS_D, _PROXIES, _RUNTIME)),
    "args, which can be listed": _Case(
        (("8000/args", 0o774),), (_TEMPLATE, _CERTS_D, _PROXIES, _RUNTIME)
    ),
    "the revision": _Case((("8000", 0o700),), (_TEMPLATE, _CERTS_D, _RUNTIME, _KILLED)),
    "certs.d": _Case((("8000/args/certs.d", 0o770),), (_CERTS_D,)),
    "certs.d, which can be listed": _Case(
        (("8000/args/certs.d", 0o774),), ("hosts.toml cannot",)
    ),
    "certs.d, which cannot be listed": _Case(
        (("8000/args/certs.d", 0o771),), (_CERTS_D,)
    ),
    "a registry's directory": _Case(
        (("8000/args/certs.d/PLAIN", 0o770),), ("hosts.toml cannot",)
    ),
    "a registry's hosts.toml": _Case(
        (("8000/args/certs.d/PLAIN/hosts.toml", 0o600),), ("hosts.toml cannot",)
    ),
    "MicroK8s' own for Docker Hub": _Case(
        (("8000/args/certs.d/docker.io", 0o700),), ("hosts.toml cannot",)
    ),
    "a CA": _Case(
        (("8000/args/certs.d/SECURED/ca.crt", 0o600),), ("the CA cannot be read",)
    ),
    "a CA elsewhere": _Case((("elsewhere", 0o700),), ("the CA cannot be read",)),
    "the template": _Case(
        (("8000/args/containerd-template.toml", 0o600),), (_TEMPLATE,)
    ),
    "what containerd has read": _Case(
        (("8000/args/containerd.toml", 0o600),), ("has loaded",)
    ),
    "containerd's arguments": _Case((("8000/args/containerd", 0o600),), (_RUNTIME,)),
    "containerd's environment": _Case(
        (("8000/args/containerd-env", 0o600),), (_PROXIES,)
    ),
    "a stray file": _Case((("8000/args/certs.d/README.corp", 0o600),), ()),
    "locks": _Case((("8000/var/lock", 0o700), ("8000/var", 0o700)), ()),
    "the journal": _Case((("8000/private-registry-config", 0o700),), (_KILLED,)),
    "SNAP_COMMON": _Case((("common", 0o700),), (_SAVED,)),
    "what is saved": _Case((("common/private-registry-config", 0o700),), (_SAVED,)),
    "a saved file": _Case(
        (("common/private-registry-config/registries.toml", 0o600),), (_SAVED,)
    ),
    "the last check": _Case(
        (("common/private-registry-config/last-check.json", 0o600),), (_SAVED,)
    ),
    "plugins": _Case((("common/plugins", 0o700),), ()),
    "the socket's directory": _Case((("RUN", 0o700),), (_RUNTIME,)),
    "the socket": _Case((("SOCKET", 0o600),), (_RUNTIME,)),
}


@contextmanager
def _nobody() -> Iterator[None]:
    """Have no more rights than an ordinary user for the block.

    Root's groups are not his.
    """
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(_NOBODY)
    os.seteuid(_NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)


def _open(node: Microk8s) -> None:
    """Let everybody see everything."""
    for path in node.root.parents:
        if path != Path("/"):
            path.chmod(path.stat().st_mode | 0o011)
    for path in [node.root, *node.root.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755)
    socket = _socket(node)
    socket.parent.chmod(0o755)
    socket.chmod(0o777)


def _check(node: Microk8s, *arguments: str) -> Any:
    done = node.run("plugin", "check", *arguments, "--json")
    assert done.stderr == "", done
    return {"exit_code": done.exit_code, **json.loads(done.stdout)}


def _told(document: Dict[str, Any]) -> List[str]:
    notes = [f"{each['where']} {each['what']}" for each in document["findings"]]
    return [*document["not_seen"], *notes]


@pytest.fixture
def hosts(
    node: Microk8s,
    registries: FakeRegistries,
    pki: Pki,
    tmp_path: Path,
) -> Dict[str, str]:
    """Registries that all serve, so that whatever is a fault is one of seeing."""
    pair = make("node", issuer=pki.authority, names=["127.0.0.1"])
    plain, secured = registries.start().authority, registries.start(pair=pair).authority
    (tmp_path / "ca.crt").write_text(pki.authority.pem)
    ok(node.run("plugin", "add", "--insecure", plain))
    ok(
        node.run(
            "plugin", "add", "--registry", secured, "--ca", str(tmp_path / "ca.crt")
        )
    )
    elsewhere = node.snaps_data / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "ca.crt").write_text(pki.authority.pem)
    by_hand = registries.start(pair=pair).authority
    node.write(
        f"args/certs.d/{by_hand}/hosts.toml", _by_hand(by_hand, f"{elsewhere}/ca.crt")
    )
    node.write("args/certs.d/README.corp", "what this is")
    node.write("args/containerd-env", "# HTTPS_PROXY=http://proxy.corp:3128\n")
    document = _check(node)
    assert document["clean"], document
    return {"PLAIN": plain, "SECURED": secured, "BY_HAND": by_hand}


def _socket(node: Microk8s) -> Path:
    return Path((node.data / "args" / "containerd").read_text().split()[-1])


def _by_hand(host: str, authority: str) -> str:
    return (
        f'server = "https://{host}"\nca = "{authority}"\n\n[host."https://{host}"]\n'
        f'capabilities = ["pull", "resolve"]\nca = "{authority}"\n'
    )


@pytest.mark.parametrize("name", CASES)
def test_a_containerd_that_does_not_tell_its_version_is_no_fault_either(
    node: Microk8s, hosts: Dict[str, str], name: str
) -> None:
    node.set_containerd_version("")
    _close(node, hosts, CASES[name])
    with _nobody():
        assert faults(_check(node)) == []


@pytest.mark.parametrize("name", CASES)
def test_what_may_not_be_seen_is_no_fault(
    node: Microk8s,
    hosts: Dict[str, str],
    name: str,
) -> None:
    assert _check(node)["clean"]
    _close(node, hosts, CASES[name])
    with _nobody():
        document = _check(node)
        each = [_check(node, host) for host in hosts.values()]
    assert [faults(found) for found in (document, *each)] == [[], [], [], []]
    assert document["exit_code"] == 0
    told = _told(document)
    for words in CASES[name].unseen:
        assert any(words in line for line in told), (words, told)
    if name == "nothing":
        assert told == []


def _close(node: Microk8s, hosts: Dict[str, str], case: _Case) -> None:
    _open(node)
    socket = _socket(node)
    for path, mode in case.closed:
        values = {**hosts, "SOCKET": str(socket), "RUN": str(socket.parent)}
        (node.snaps_data / _put(path, values)).chmod(mode)


# --- what is there and may not be seen would change what is said of the rest ----------

_SERVED = (
    'server = "http://PLAIN"\n\n[host."http://PLAIN"]\ncapabilities = ["pull",'
    ' "resolve"]\n'
)
_MIRROR = (
    'server = "http://127.0.0.1:1"\n\n[host."https://SECURED"]\ncapabilities = ["pull",'
    ' "resolve"]\nca = "ca.crt"\nclient = [["a.cert", "a.key"]]\n'
)


class _ByHand(NamedTuple):
    """Files that somebody wrote into certs.d.

    Args:
        files: their texts.
        closed: which of them, or of their directories, are closed.
        mode: how.
        asked: the registry that is checked, too.
    """

    files: Dict[str, str]
    closed: str
    mode: int
    asked: str


BY_HAND = {
    "which of two directories counts": _ByHand(
        {
            "reg.corp_5000_/hosts.toml": "skip_verify = true\n",
            "reg.corp:5000/hosts.toml": _SERVED,
        },
        "reg.corp_5000_",
        0o700,
        "reg.corp:5000",
    ),
    "whether a directory is empty": _ByHand(
        {"reg.corp:5000/hosts.toml": _SERVED, "_default/hosts.toml": _SERVED},
        "reg.corp:5000",
        0o700,
        "reg.corp:5000",
    ),
    "whether two directories say the same": _ByHand(
        {
            "reg.corp_5000_/hosts.toml": _SERVED,
            "reg.corp:5000/hosts.toml": _SERVED + "# same\n",
        },
        "reg.corp:5000/hosts.toml",
        0o600,
        "reg.corp:5000",
    ),
    "whether Docker Hub has its own": _ByHand(
        {"docker.io/hosts.toml": _SERVED, "registry-1.docker.io/hosts.toml": _SERVED},
        "docker.io/hosts.toml",
        0o600,
        "docker.io",
    ),
    "certificates beside a missing hosts.toml": _ByHand(
        {"SECURED/ca.crt": "CA", "SECURED/hosts.toml": ""}, "SECURED", 0o711, "SECURED"
    ),
    "whether a mirror serves": _ByHand(
        {
            "reg.corp:5000/hosts.toml": _MIRROR,
            "reg.corp:5000/ca.crt": "CA",
            "reg.corp:5000/a.cert": "CA",
            "reg.corp:5000/a.key": "KEY",
        },
        "reg.corp:5000/a.key",
        0o600,
        "reg.corp:5000",
    ),
}


@pytest.mark.parametrize("name", BY_HAND)
def test_what_follows_from_what_may_not_be_seen_is_no_fault(
    node: Microk8s,
    hosts: Dict[str, str],
    pki: Pki,
    name: str,
) -> None:
    case = BY_HAND[name]
    texts = {**hosts, "CA": pki.authority.pem, "KEY": pki.client.key}
    ok(node.run("plugin", "remove", "--all"))
    for path, text in case.files.items():
        target = node.certs_d / _put(path, texts)
        target.parent.mkdir(exist_ok=True)
        target.write_text(_put(text, texts))
        if not text:
            target.unlink()
    _open(node)
    (node.certs_d / _put(case.closed, texts)).chmod(case.mode)
    with _nobody():
        everything, one = _check(node), _check(node, _put(case.asked, texts))
        shown = node.run("plugin", "check").stdout
    assert [faults(everything), faults(one)] == [[], []], _told(one)
    words = ("by this user", "cannot be read", "and never")
    assert any(each in line for line in _told(one) for each in words)
    report = next(each for each in one["registries"])
    assert report["result"] in ("ok", "not_asked")
    assert "as MicroK8s ships it" not in next(
        line for line in shown.splitlines() if line.startswith(report["registry"])
    )


def _put(text: str, values: Dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(name, value)
    return text


def test_a_login_that_may_not_be_seen_is_not_missed(
    node: Microk8s,
    registries: FakeRegistries,
    names: Names,
) -> None:
    host = names.add("reg.corp", registries.start(lambda _: UNAUTHORIZED))
    ok(node.run("plugin", "add", "--insecure", host))
    assert faults(_check(node, host)) == ["login_missing"]
    _open(node)
    (node.data / "args" / "containerd.toml").chmod(0o600)
    with _nobody():
        assert faults(_check(node, host)) == ["login_missing"]
    node.template.chmod(0o600)
    with _nobody():
        document = _check(node, host)
    (note,) = document["findings"]
    assert (note["cause"], note["severity"]) == ("login_missing", "note")
    assert "this user may not see" in note["what"]
    assert note["do"] == "sudo microk8s private-registry check"
