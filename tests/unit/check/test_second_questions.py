"""Where else a registry answers if it does not where it was asked for."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Dict, Iterator, List, Optional

import pytest

from private_registry.check.cause_columns import Layer
from private_registry.check.causes import Cause
from private_registry.check.image import parse_subject
from private_registry.check.probe.probe import ask
from private_registry.check.probe.result import Question, Result
from private_registry.check.probe.second_questions import Asked, looked_into
from private_registry.check.reading.reading import HostEntry, Trust
from private_registry.registries.logins import Login
from unit.fake_registry import Answering, FakeRegistries, Heard, Said

LOGIN = Login("ann", "s3cret")
REFUSED = Asked(Result(Cause.REFUSED, Layer.TCP, "h: connection refused"), False)
SERVES = Asked(Result(None, Layer.LOGIN), True)
WANTS_LOGIN = Asked(Result(Cause.LOGIN_MISSING, Layer.LOGIN), True)
NO_REGISTRY = Asked(Result(Cause.NOT_A_REGISTRY, Layer.API), False)
UNKNOWN_CA = Asked(Result(Cause.UNKNOWN_CA, Layer.TLS), False)


class Answers:
    """Answers by URL; whoever is not listed refuses."""

    def __init__(self, by_url: Dict[str, Asked]) -> None:
        self.by_url = by_url
        self.questions: List[Question] = []

    def __call__(self, question: Question) -> Asked:
        self.questions.append(question)
        return self.by_url.get(question.entry.url, REFUSED)


def _question(scheme: str, authority: str) -> Question:
    entry = HostEntry(
        scheme, authority, "/v2", trust=Trust(("ca.crt",)), headers=(("A", ("b",)),)
    )
    image = parse_subject("reg.corp/app:1").image
    return Question(authority, entry, image, LOGIN, logins={authority: LOGIN})


PORTS = {
    "registry at 80": ("https", "h", SERVES, Cause.SPEAKS_HTTP, None),
    "registry with logins at 80": ("https", "h", WANTS_LOGIN, Cause.SPEAKS_HTTP, None),
    "registry at 80, IPv6": ("https", "[fd00::1]", SERVES, Cause.SPEAKS_HTTP, None),
    "web server at 80": ("https", "h", NO_REGISTRY, Cause.REFUSED, None),
    "nobody at 80": ("https", "h", REFUSED, Cause.REFUSED, None),
    "a port is named": ("https", "h:443", SERVES, Cause.REFUSED, None),
    "a port is named, IPv6": ("https", "[fd00::1]:5", SERVES, Cause.REFUSED, None),
    "registry at 443": ("http", "h", SERVES, Cause.SPEAKS_HTTPS, None),
    "private CA at 443": (
        *("http", "h", UNKNOWN_CA),
        *(Cause.SPEAKS_HTTPS, Cause.UNKNOWN_CA),
    ),
    "Docker Hub": ("https", "registry-1.docker.io", SERVES, Cause.REFUSED, None),
}


@pytest.mark.parametrize(
    ("scheme", "authority", "other", "cause", "beyond"), PORTS.values(), ids=PORTS
)
def test_where_the_default_port_refuses_the_other_one_is_asked(
    scheme: str, authority: str, other: Asked, cause: Cause, beyond: Optional[Cause]
) -> None:
    spoken = "http" if scheme == "https" else "https"
    answers = Answers({f"{spoken}://{authority}/v2": other})
    result = looked_into(_question(scheme, authority), REFUSED, answers)
    assert (result.cause, result.beyond) == (cause, beyond)
    if cause is not Cause.REFUSED:
        assert result.speaks == spoken
        assert "port 443" in result.detail
        assert "port 80" in result.detail


def test_nobody_is_logged_in_to_at_another_port() -> None:
    answers = Answers({"http://h/v2": SERVES})
    looked_into(_question("https", "h"), REFUSED, answers)
    (asked,) = answers.questions
    assert (asked.login, dict(asked.logins), asked.image) == (None, {}, None)
    assert (asked.entry.headers, asked.entry.trust) == ((), Trust())


@pytest.mark.parametrize(
    "cause", [each for each in Cause if each is not Cause.REFUSED], ids=str
)
def test_what_answers_is_not_asked_at_another_port(cause: Cause) -> None:
    answers = Answers({"http://h/v2": SERVES})
    asked = Asked(Result(cause, Layer.API), False)
    assert looked_into(_question("https", "h"), asked, answers) == asked.result
    assert answers.questions == []


# --- paths, at real servers -----------------------------------------------------------


@pytest.fixture
def registries() -> Iterator[FakeRegistries]:
    with ExitStack() as stack:
        yield FakeRegistries(stack)


def _below_v2(heard: Heard) -> Said:
    """Answer as Docker's registry: what does not begin with /v2 is not its own."""
    return (
        Said() if heard.path.startswith("/v2/") else Said(404, body=b"page not found")
    )


def _below_path(heard: Heard) -> Said:
    """Answer as Artifactory: each repository has an API, and so has the host."""
    if heard.path.startswith("/proj/v2/") and "manifests" in heard.path:
        return Said(404)
    return Said()


def _images_only(heard: Heard) -> Said:
    return Said(200 if "manifests" in heard.path else 404)


def _web(_heard: Heard) -> Said:
    return Said(404, (("Content-Type", "text/html"),), b"<html>")


def _locked(heard: Heard) -> Said:
    realm = (("WWW-Authenticate", 'Basic realm="r"'),)
    return Said(401, realm) if heard.path.startswith("/v2/") else Said(404)


PATHS = {
    "registry below /v2": (_below_v2, "/proj/v2", True, Cause.NOT_A_REGISTRY),
    "registry below /v2, no image": (
        *(_below_v2, "/proj/v2", False),
        Cause.NOT_A_REGISTRY,
    ),
    "registry that locks": (_locked, "/proj/v2", True, Cause.NOT_A_REGISTRY),
    "registry that locks, no image": (_locked, "/proj/v2", False, Cause.NOT_A_REGISTRY),
    "registry below the path": (_below_path, "/proj/v2", True, Cause.NOT_FOUND),
    "registry below the path, no image": (_below_path, "/proj/v2", False, None),
    "images only": (_images_only, "/proj/v2", True, None),
    "images only, no image": (_images_only, "/proj/v2", False, None),
    "web server": (_web, "/proj/v2", True, Cause.NOT_FOUND),
    "project behind /v2": (_images_only, "/v2/proj", False, None),
    "no path": (_below_v2, "/v2", True, None),
}


@pytest.mark.parametrize(
    ("answering", "path", "has_image", "cause"), PATHS.values(), ids=PATHS
)
def test_an_appended_path_that_is_no_registry_is_told_where_the_host_is_one(
    registries: FakeRegistries,
    answering: Answering,
    path: str,
    has_image: bool,
    cause: Optional[Cause],
) -> None:
    server = registries.start(answering)
    login, headers = Login("ann", "s3cret"), (("x-key", ("k",)),)
    image = parse_subject("reg.corp/app:1").image if has_image else None
    entry = HostEntry("http", server.authority, path, headers=headers)
    result = ask(Question("reg.corp", entry, image, login), 5)
    assert result.cause is cause
    if cause is Cause.NOT_A_REGISTRY:
        assert result.instead == f"http://{server.authority}/v2/proj"
        assert f"http://{server.authority}/proj/v2/ is no registry" in result.detail
        own = [each for each in server.heard if each.path == "/v2/"]
        assert own
        sent = {name.lower() for each in own for name in each.headers}
        assert sent.isdisjoint(["x-key", "authorization"])
