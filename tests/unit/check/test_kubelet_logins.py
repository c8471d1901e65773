"""The kubelet's own logins, which stand in front of containerd's."""

from __future__ import annotations

import base64
import json
from typing import Any, Dict, Optional

import pytest
from hypothesis import given
from hypothesis import strategies as st

from private_registry.check.causes import Cause
from private_registry.check.findings import Severity
from private_registry.check.kubelet_logins import (
    hints_of,
    hints_of_age,
    problem_of,
)
from private_registry.kubelet.logins import read_kubelet_logins
from private_registry.registries.logins import Login

WHERE = "/var/snap/microk8s/common/var/lib/kubelet/config.json"
ANN = {"auth": base64.b64encode(b"ann:s3cret").decode()}
BOB = {"auth": base64.b64encode(b"bob:other").decode()}
LOGIN = Login("ann", "s3cret")


def _read(auths: Dict[str, Any]) -> Any:
    return read_kubelet_logins(json.dumps({"auths": auths}, indent=1).encode(), WHERE)


#: Entries; a registry; whether they count for it; who logs in.
ROWS = {
    "login": ({"reg.corp:5000": ANN}, "reg.corp:5000", True, LOGIN),
    "plain words": (
        {"reg.corp": {"username": "ann", "password": "s3cret"}},
        *("reg.corp", True, LOGIN),
    ),
    "empty": ({"reg.corp": {}}, "reg.corp", True, None),
    "identity token": ({"reg.corp": {"identitytoken": "x"}}, "reg.corp", True, None),
    "empty auth": ({"reg.corp": {"auth": ""}}, "reg.corp", True, None),
    "empty, then a login": (
        {"reg.corp": {}, "https://reg.corp/v2/": ANN},
        *("reg.corp", True, LOGIN),
    ),
    "another port": ({"reg.corp": {}}, "reg.corp:5000", False, None),
    "another port there": ({"reg.corp:5000": {}}, "reg.corp", False, None),
    "scheme and /v1/": ({"https://reg.corp/v1/": {}}, "reg.corp", True, None),
    "a label": ({"*.corp": {}}, "reg.corp", True, None),
    "a label of two": ({"*.corp": {}}, "a.reg.corp", False, None),
    "a label and a port": ({"*.corp:5000": ANN}, "reg.corp:5000", True, LOGIN),
    "two stars in a label": ({"*e*g.corp": ANN}, "eregg.corp", True, LOGIN),
    "two stars that are not there": ({"*e*x*g.corp": ANN}, "reg.corp", False, None),
    "a question mark, where a query begins": (
        {"r?g.corp": {}},
        *("reg.corp", False, None),
    ),
    "a set of letters, which no URL has": (
        {"re[fg].corp": {}},
        "reg.corp",
        False,
        None,
    ),
    "an IPv6 address and a port": (
        {"[fd00::1]:5000": ANN},
        "[fd00::1]:5000",
        True,
        LOGIN,
    ),
    "an IPv6 address, a set of letters for Go": (
        {"[fd00::1]": ANN},
        *("[fd00::1]", False, None),
    ),
    "the API without its slash is a path": (
        {"https://reg.corp/v2": ANN},
        *("reg.corp", False, None),
    ),
    "the last of several counts first": (
        {"*.corp": {}, "https://reg.corp": ANN},
        *("reg.corp", True, LOGIN),
    ),
    "words of others beside base64": (
        {"reg.corp": {"username": "bob", "password": "x", **ANN}},
        *("reg.corp", True, LOGIN),
    ),
    "base64 that is not padded": (
        {"reg.corp": {"auth": ANN["auth"].rstrip("=")}},
        *("reg.corp", True, LOGIN),
    ),
    "Docker Hub by both names": (
        {"docker.io": ANN, "https://index.docker.io/v1/": {}},
        *("docker.io", True, LOGIN),
    ),
    "Docker Hub by the name of its server": (
        {"registry-1.docker.io": ANN},
        *("docker.io", False, None),
    ),
    "null": ({"reg.corp": None, "other": ANN}, "reg.corp", True, None),
    "a path": ({"reg.corp/team": {}}, "reg.corp", False, None),
    "Docker Hub": ({"https://index.docker.io/v1/": {}}, "docker.io", True, None),
    "Docker Hub by its name": ({"docker.io": ANN}, "docker.io", True, LOGIN),
    "another registry": ({"other.corp": {}}, "reg.corp", False, None),
    "nothing": ({}, "reg.corp", False, None),
}


@pytest.mark.parametrize(
    ("auths", "registry", "counts", "login"), ROWS.values(), ids=ROWS
)
def test_who_logs_in_for_whom(
    auths: Dict[str, Any], registry: str, counts: bool, login: Optional[Login]
) -> None:
    logins = _read(auths)
    assert logins.counts_for(registry) is counts
    assert logins.login(registry) == login
    hints = hints_of(logins, registry, has_login=True)
    assert [each.cause for each in hints] == (
        [Cause.KUBELET_LOGIN] if counts and login is None else []
    )


PATHS = {
    "of the login": ({"reg.corp/team": ANN}, "team/app", LOGIN),
    "letter by letter": ({"reg.corp/team": ANN}, "teams/app", LOGIN),
    "another one": ({"reg.corp/team": ANN}, "other/app", None),
    "behind a slash": ({"reg.corp/team/": ANN}, "teams/app", None),
    "of the API in front": ({"reg.corp/v2/team": ANN}, "team/app", LOGIN),
    "longer ones first": ({"reg.corp": BOB, "reg.corp/team": ANN}, "team/app", LOGIN),
}


@pytest.mark.parametrize(("auths", "repository", "login"), PATHS.values(), ids=PATHS)
def test_a_path_is_the_beginning_of_a_repository(
    auths: Dict[str, Any], repository: str, login: Optional[Login]
) -> None:
    logins = _read(auths)
    assert logins.login("reg.corp", repository) == login


def test_file_entry_and_line_are_named_and_the_editor_is_opened_there() -> None:
    logins = _read({"other": ANN, "reg.corp": {}})
    (hint,) = hints_of(logins, "reg.corp", has_login=True)
    assert hint.where == f"{WHERE}, line 6"
    assert "reg.corp" in hint.what
    assert "containerd-template.toml is not used" in hint.what
    assert hint.remedy.command == f"sudo nano +6 {WHERE}"


#: Entries; a registry; whether containerd has a login; whether a port is told.
PORTS = {
    "another port": ({"reg.corp": ANN}, "reg.corp:5000", False, True),
    "no port": ({"reg.corp:443": ANN}, "reg.corp", False, True),
    "no user name": ({"reg.corp": {}}, "reg.corp:5000", False, False),
    "another host": ({"other.corp": ANN}, "reg.corp:5000", False, False),
    "beside the right one": (
        {"reg.corp": ANN, "reg.corp:5000": ANN},
        *("reg.corp:5000", False, False),
    ),
    "beside containerd's": ({"reg.corp": ANN}, "reg.corp:5000", True, False),
}


@pytest.mark.parametrize(
    ("auths", "registry", "has_login", "is_told"), PORTS.values(), ids=PORTS
)
def test_an_entry_for_another_port_is_told(
    auths: Dict[str, Any], registry: str, has_login: bool, is_told: bool
) -> None:
    hints = hints_of(_read(auths), registry, has_login=has_login)
    assert ["another port" in each.what for each in hints] == [True] * is_told
    assert all(each.severity is Severity.NOTE and each.explains for each in hints)


@pytest.mark.parametrize(
    ("age", "registry", "is_told"),
    [
        (3.0, "reg.corp", True),
        (299.0, "reg.corp", True),
        (301.0, "reg.corp", False),
        (None, "reg.corp", False),
        (3.0, "other.corp", False),
    ],
)
def test_what_was_written_just_now_may_not_be_read_yet(
    age: Optional[float], registry: str, is_told: bool
) -> None:
    hints = hints_of_age(_read({"reg.corp": ANN}), age, registry, "")
    assert [each.severity for each in hints] == [Severity.NOTE] * is_told
    assert all("within five minutes" in each.why for each in hints)


PROBLEMS = {
    "no JSON": b"{",
    "a list": b"[]",
    "a list of logins": b'{"auths": []}',
    "a text as an entry": b'{"auths": {"reg.corp": "x"}}',
    "no colon": b'{"auths": {"reg.corp": {"auth": "YW5u"}}}',
    "a number as a name": b'{"auths": {"reg.corp": {"username": 1}}}',
    "no base64": b'{"auths": {"reg.corp": {"auth": "%%%"}}}',
    "no UTF-8": b"\xff",
}


@pytest.mark.parametrize("content", PROBLEMS.values(), ids=PROBLEMS)
def test_what_the_kubelet_cannot_read_is_told(content: bytes) -> None:
    logins = read_kubelet_logins(content, WHERE)
    (problem,) = problem_of(logins)
    assert (problem.cause, problem.where) == (Cause.KUBELET_LOGIN, WHERE)
    assert not logins.counts_for("reg.corp")


@given(st.binary(max_size=200))
def test_any_file_is_read_without_an_error(content: bytes) -> None:
    read_kubelet_logins(content, WHERE).login("reg.corp")
