"""Where the kubelet looks for logins: one file is all that it reads."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Dict, Iterator, List, Tuple
from unittest import mock

import pytest

from private_registry.check.causes import Cause
from private_registry.check.node_state import observe
from private_registry.kubelet import search_path
from private_registry.kubelet.search_path import LoginsFile, files_behind, first_of
from private_registry.node.paths import Node
from unit.microk8s import Microk8s, ok

ENTRIES = {"a.corp": {"auth": "YW5uOng="}}
NEW, OLD = json.dumps({"auths": ENTRIES}), json.dumps(ENTRIES)
CAUSE = Cause.KUBELET_LOGIN
LOGIN = ("--username", "ann", "--password-stdin", "--login-by", "kubelet")


@pytest.fixture
def kubelet(tmp_path: Path) -> Iterator[Tuple[Path, Path]]:
    """A running kubelet's directory and home; it was started in the latter's parent."""
    directory, home = tmp_path / "kubelet", tmp_path / "here" / "home"
    directory.mkdir()
    home.mkdir(parents=True)
    around = (str(home.parent), str(home))
    with _listening(1), mock.patch.object(
        search_path, "_surroundings", return_value=around
    ):
        yield directory, home


def _listening(process: int) -> Any:
    """Let a process be the kubelet, and only that."""
    instead = SimpleNamespace(listener=lambda _path: process)
    return mock.patch.object(search_path, "listening", instead)


def test_the_order_is_the_kubelets(kubelet: Tuple[Path, Path]) -> None:
    directory, home = kubelet
    assert files_behind(str(directory)) == [
        LoginsFile(f"{home.parent}/config.json"),
        LoginsFile(f"{home}/.docker/config.json"),
        LoginsFile("/.docker/config.json"),
        LoginsFile(f"{directory}/.dockercfg", is_old=True),
        LoginsFile(f"{home.parent}/.dockercfg", is_old=True),
        LoginsFile(f"{home}/.dockercfg", is_old=True),
        LoginsFile("/.dockercfg", is_old=True),
    ]


def test_of_a_kubelet_that_does_not_run_less_is_known(tmp_path: Path) -> None:
    assert [each.path for each in files_behind(str(tmp_path))] == [
        "/.docker/config.json",
        f"{tmp_path}/.dockercfg",
        "/.dockercfg",
    ]


def test_where_a_process_was_started_is_read_of_it() -> None:
    with _listening(os.getpid()):
        found = [each.path for each in files_behind("/nowhere")]
    assert found[0] == f"{Path.cwd()}/config.json"
    assert found[1].endswith("/.docker/config.json")


#: Files by their places; whose logins count.
ROWS: Dict[str, Tuple[List[Tuple[str, str]], str]] = {
    "the first one": (
        [("config.json", NEW), ("home/.docker/config.json", NEW)],
        "config.json",
    ),
    "not one that cannot be read": (
        [("config.json", "{"), ("home/.docker/config.json", NEW)],
        "home/.docker/config.json",
    ),
    "one without entries counts, too": (
        [("config.json", "{}"), ("home/.docker/config.json", NEW)],
        "config.json",
    ),
    "the older form last": (
        [("home/.dockercfg", OLD), ("home/.docker/config.json", NEW)],
        "home/.docker/config.json",
    ),
    "the older form": ([("home/.dockercfg", OLD)], "home/.dockercfg"),
    "none": ([], ""),
}


@pytest.mark.parametrize(("files", "first"), ROWS.values(), ids=ROWS)
def test_the_first_file_that_can_be_read_is_all_it_reads(
    kubelet: Tuple[Path, Path], files: List[Tuple[str, str]], first: str
) -> None:
    directory, home = kubelet
    for name, text in files:
        path = home.parent / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    found = first_of(files_behind(str(directory)))
    assert ("" if found is None else found.where) == (
        first and str(home.parent / first)
    )
    is_empty = any(text == "{}" for _, text in files)
    assert found is None or found.counts_for("a.corp") is not is_empty


def test_it_is_told_whose_logins_count_no_more(
    microk8s: Microk8s, kubelet: Tuple[Path, Path]
) -> None:
    _, home = kubelet
    theirs = home.parent / "config.json"
    theirs.write_text(NEW)
    add = ("plugin", "add", "--registry", "reg.corp", *LOGIN)
    assert str(theirs) in ok(microk8s.run(*add, stdin=b"x")).stdout
    assert str(theirs) not in ok(microk8s.run(*add, stdin=b"y")).stdout
    ok(microk8s.run("disable"))
    theirs.write_text("{}")
    assert str(theirs) not in ok(microk8s.run(*add, stdin=b"x")).stdout


def test_check_reads_the_file_that_counts(
    microk8s: Microk8s, kubelet: Tuple[Path, Path]
) -> None:
    _, home = kubelet
    (home.parent / "config.json").write_text(json.dumps({"auths": {"a.corp": {}}}))
    broken = microk8s.common / "var/lib/kubelet/config.json"
    broken.parent.mkdir(parents=True)
    broken.write_text("{")
    node = Node.at(str(microk8s.snap), str(microk8s.data), str(microk8s.common))
    state = observe(node)
    assert state.kubelet.where == str(home.parent / "config.json")
    assert state.kubelet_age is not None
    assert [each.where for each in state.findings if each.cause is CAUSE] == [
        str(broken)
    ]
