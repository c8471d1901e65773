"""From what was answered to one cause, and to what mends it."""

from __future__ import annotations

import shlex
from typing import Any, Dict, FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from private_registry.changes.requests import AddRequest
from private_registry.check.cause_columns import Layer
from private_registry.check.causes import Cause
from private_registry.check.diagnosis import Answers, Diagnosis, diagnose
from private_registry.check.findings import Finding, Remedy, Severity
from private_registry.check.image import parse_subject
from private_registry.check.probe.result import Result
from private_registry.check.reading.reading import HostEntry, Reading, Trust
from private_registry.check.remedies import mended
from private_registry.check.setup import Files, Setup, setup_of
from private_registry.cli.command_line import parse
from private_registry.cli.files_given import Inputs
from unit.typed import filled_in

MIRROR, OTHER, SELF = "https://m:1/v2", "https://o:2/v2", "https://reg.corp/v2"
LAYER_OF = {
    Cause.REFUSED: Layer.TCP,
    Cause.UNKNOWN_CA: Layer.TLS,
    Cause.NOT_FOUND: Layer.MANIFEST,
}


def entry(url: str, **options: Any) -> HostEntry:
    scheme, _, rest = url.partition("://")
    authority, _, path = rest.partition("/")
    return HostEntry(scheme, authority, "/" + path, **options)


def result(cause: Optional[Cause], **options: Any) -> Result:
    layer = Layer.LOGIN if cause is None else LAYER_OF.get(cause, Layer.LOGIN)
    return Result(cause, layer, **options)


def asked(
    urls: Sequence[str],
    causes: Sequence[Optional[Cause]],
    findings: Sequence[Finding] = (),
    image: Optional[str] = None,
    **options: Any,
) -> Answers:
    reading = Reading(
        "reg.corp", tuple(entry(each) for each in urls), tuple(findings), "F"
    )
    results = {index: result(cause) for index, cause in enumerate(causes)}
    wanted = None if image is None else parse_subject(image).image
    return Answers(reading, results, wanted, **options)


def faults(diagnosis: Diagnosis) -> List[Tuple[Cause, str]]:
    return [(each.cause, each.endpoint) for each in diagnosis.findings if each.is_fault]


def notes(diagnosis: Diagnosis) -> List[Tuple[Cause, str]]:
    return [
        (each.cause, each.endpoint) for each in diagnosis.findings if not each.is_fault
    ]


class Case(NamedTuple):
    """Endpoints with what came of each, and what is to be said."""

    causes: Sequence[Optional[Cause]]
    faults: Sequence[Tuple[Cause, str]] = ()
    notes: Sequence[Tuple[Cause, str]] = ()
    served: Optional[str] = None


CASES: Dict[str, Case] = {
    "all serve": Case([None, None, None], served=MIRROR),
    "the first is dead": Case(
        [Cause.REFUSED, None, None], faults=[(Cause.REFUSED, MIRROR)], served=OTHER
    ),
    "two are dead": Case(
        [Cause.REFUSED, Cause.UNKNOWN_CA, None],
        faults=[(Cause.REFUSED, MIRROR), (Cause.UNKNOWN_CA, OTHER)],
        served=SELF,
    ),
    "those behind are dead": Case(
        [None, Cause.REFUSED, Cause.UNKNOWN_CA],
        notes=[(Cause.REFUSED, OTHER), (Cause.UNKNOWN_CA, SELF)],
        served=MIRROR,
    ),
    "all are dead": Case(
        [Cause.REFUSED, Cause.REFUSED, Cause.UNKNOWN_CA],
        faults=[(Cause.REFUSED, MIRROR)],
        notes=[(Cause.REFUSED, OTHER), (Cause.UNKNOWN_CA, SELF)],
    ),
    "mirrors without the image": Case(
        [Cause.NOT_FOUND, Cause.NOT_FOUND, None], served=SELF
    ),
    "nobody has the image": Case(
        [Cause.NOT_FOUND] * 3, faults=[(Cause.NOT_FOUND, MIRROR)]
    ),
    "not at the mirrors, and itself dead": Case(
        [Cause.NOT_FOUND, Cause.NOT_FOUND, Cause.REFUSED],
        faults=[(Cause.REFUSED, SELF)],
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_who_decides(case: Case) -> None:
    diagnosis = diagnose(
        asked([MIRROR, OTHER, SELF], case.causes, image="reg.corp/app")
    )
    assert faults(diagnosis) == list(case.faults)
    assert notes(diagnosis) == list(case.notes)
    assert diagnosis.report.answered_by == case.served
    assert diagnosis.report.is_fault == bool(case.faults)


def test_one_server_that_is_asked_twice_is_told_once() -> None:
    diagnosis = diagnose(asked([SELF, SELF], [Cause.UNKNOWN_CA] * 2))
    assert faults(diagnosis) == [(Cause.UNKNOWN_CA, SELF)]
    assert not notes(diagnosis)


def test_what_was_not_reached() -> None:
    report = diagnose(asked([SELF], [Cause.UNKNOWN_CA], image="reg.corp/app")).report
    assert report.not_reached == (Layer.HTTP, Layer.API, Layer.LOGIN, Layer.MANIFEST)
    assert (
        diagnose(asked([SELF], [Cause.UNKNOWN_CA])).report.not_reached[-1]
        is Layer.LOGIN
    )
    assert diagnose(asked([SELF], [None])).report.not_reached == ()


def test_a_mirror_for_pushing_only_is_not_asked_for_tags() -> None:
    entries = (entry(MIRROR, capabilities=frozenset(["push"])), entry(SELF))
    results = {0: result(Cause.REFUSED), 1: result(None)}
    diagnosis = diagnose(Answers(Reading("reg.corp", entries), results))
    assert not diagnosis.findings
    assert [each.is_asked for each in diagnosis.report.endpoints] == [False, True]
    by_digest = parse_subject("reg.corp/app@sha256:" + "a" * 64).image
    entries = (entry(MIRROR, capabilities=frozenset(["pull"])), entry(SELF))
    assert (
        diagnose(Answers(Reading("reg.corp", entries), results)).report.answered_by
        == SELF
    )
    diagnosis = diagnose(Answers(Reading("reg.corp", entries), results, by_digest))
    assert faults(diagnosis) == [(Cause.REFUSED, MIRROR)]


# --- what files explain ---------------------------------------------------------------


def hint(
    cause: Cause, *explains: Cause, endpoint: str = "", fault: bool = False
) -> Finding:
    severity = Severity.FAULT if fault else Severity.NOTE
    return Finding(
        cause,
        "what",
        endpoint=endpoint,
        where="F, line 3",
        severity=severity,
        explains=frozenset(explains),
    )


def test_a_fault_in_files_hides_what_was_answered() -> None:
    wrong = hint(Cause.NOT_TOML, fault=True)
    diagnosis = diagnose(asked([SELF], [Cause.SPEAKS_HTTP], [wrong]))
    assert diagnosis.findings == (wrong,)
    assert diagnosis.report.not_reached[0] is Layer.NAME
    assert diagnosis.report.is_fault


def test_the_deeper_reason_takes_the_place_of_what_it_explains() -> None:
    reason = hint(Cause.SCHEME_MISSING, Cause.SPEAKS_HTTP, endpoint=SELF)
    diagnosis = diagnose(asked([SELF], [Cause.SPEAKS_HTTP], [reason]))
    (only,) = diagnosis.findings
    assert (only.cause, only.severity, only.where) == (
        Cause.SCHEME_MISSING,
        Severity.FAULT,
        "F, line 3",
    )


@pytest.mark.parametrize(
    ("causes", "endpoint"),
    [([None], SELF), ([Cause.REFUSED], SELF), ([Cause.SPEAKS_HTTP], OTHER)],
    ids=["it serves", "another cause", "another endpoint"],
)
def test_else_it_stays_a_note(causes: List[Optional[Cause]], endpoint: str) -> None:
    reason = hint(Cause.SCHEME_MISSING, Cause.SPEAKS_HTTP, endpoint=endpoint)
    diagnosis = diagnose(asked([SELF], causes, [reason]))
    assert reason in diagnosis.findings
    assert [each.cause for each in diagnosis.findings if each.is_fault] == [
        each for each in causes if each is not None
    ]


def test_a_restart_that_is_pending_explains_a_refused_login() -> None:
    pending = hint(Cause.RESTART_PENDING, Cause.LOGIN_MISSING, fault=True)
    diagnosis = diagnose(asked([SELF], [Cause.LOGIN_MISSING], hints=(pending,)))
    assert [each.cause for each in diagnosis.findings] == [Cause.RESTART_PENDING]
    diagnosis = diagnose(asked([SELF], [None], hints=(pending,)))
    assert [each.cause for each in diagnosis.findings if each.is_fault] == [
        Cause.RESTART_PENDING
    ]


def test_pods_that_log_in_by_themselves() -> None:
    diagnosis = diagnose(asked([SELF], [Cause.LOGIN_MISSING], has_pull_secret=True))
    assert not faults(diagnosis)
    assert diagnosis.report.answered_by == SELF


@pytest.mark.parametrize(
    ("clock", "cause"),
    [
        (7200.0, Cause.CLOCK),
        (-7200.0, Cause.CLOCK),
        (3.0, Cause.EXPIRED),
        (None, Cause.EXPIRED),
    ],
)
def test_a_wrong_clock_lets_certificates_expire(
    clock: Optional[float], cause: Cause
) -> None:
    reading = Reading("reg.corp", (entry(SELF),))
    results = {0: Result(Cause.EXPIRED, Layer.TLS, clock=clock)}
    assert faults(diagnose(Answers(reading, results))) == [(cause, SELF)]


def test_an_endpoint_whose_files_this_user_may_not_read_was_not_asked() -> None:
    diagnosis = diagnose(asked([MIRROR, SELF], [Cause.UNREADABLE, None]))
    assert not faults(diagnosis)
    assert [each.is_asked for each in diagnosis.report.endpoints] == [False, True]
    diagnosis = diagnose(asked([SELF], [Cause.UNREADABLE]))
    assert not faults(diagnosis)
    assert not diagnosis.report.is_asked
    assert diagnosis.report.answered_by is None


_CAUSES = st.sampled_from(
    [None, *(each for each in Cause if each is not Cause.UNREADABLE)]
)


@given(st.lists(_CAUSES, min_size=1, max_size=3), st.booleans())
def test_a_fault_is_told_if_and_only_if_something_in_front_fails(
    causes: List[Optional[Cause]], has_image: bool
) -> None:
    urls = [MIRROR, OTHER, SELF][: len(causes)]
    image = "reg.corp/app" if has_image else None
    diagnosis = diagnose(asked(urls, causes, image=image))
    serving = causes.index(None) if None in causes else len(causes)
    is_wrong = any(each is not Cause.NOT_FOUND for each in causes[:serving])
    assert bool(faults(diagnosis)) == (is_wrong or serving == len(causes))
    assert (diagnosis.report.answered_by is not None) == (serving < len(causes))
    assert all(each.registry == "reg.corp" and each.what for each in diagnosis.findings)


# --- what mends it --------------------------------------------------------------------


def remedy(cause: Cause, **options: Any) -> Remedy:
    own = entry(options.pop("url", SELF), trust=options.pop("trust", Trust()))
    entries = options.pop("entries", (own,))
    source = options.pop("source", "")
    reading = Reading(options.pop("registry", "reg.corp"), entries, source=source)
    setup = setup_of(reading, options.pop("entry", own), options.pop("speaks", ""))
    setup = setup._replace(files=Files(environment="/E"), **options)
    setup = setup._replace(by_hand=setup.by_hand and not setup.is_saved)
    return mended(Finding(cause, "what"), setup).remedy


LOGIN = '--username "$REGISTRY_USER" --password-env REGISTRY_PASSWORD'
ADD = "microk8s private-registry add "


@pytest.mark.parametrize(
    ("cause", "options", "command"),
    [
        (Cause.SPEAKS_HTTP, {"speaks": "http"}, "--insecure reg.corp"),
        (
            Cause.SPEAKS_HTTPS,
            {"speaks": "https", "url": "http://reg.corp/v2"},
            "--registry reg.corp",
        ),
        (Cause.UNKNOWN_CA, {}, "--registry reg.corp --ca ca.crt"),
        (
            Cause.UNKNOWN_CA,
            {"trust": Trust(clients=(("/c", "/k"),))},
            "--registry reg.corp --ca ca.crt --client-cert /c --client-key /k",
        ),
        (
            Cause.CLIENT_CERTIFICATE_MISSING,
            {"trust": Trust(("/a b",))},
            (
                "--registry reg.corp --client-cert client.crt --client-key client.key"
                " --ca '/a b'"
            ),
        ),
        (
            Cause.CLIENT_CERTIFICATE_MISSING,
            {"trust": Trust(skip_verify=True)},
            (
                "--registry reg.corp --client-cert client.crt --client-key client.key"
                " --skip-verify"
            ),
        ),
        (Cause.LOGIN_MISSING, {"speaks": "https"}, f"--registry reg.corp {LOGIN}"),
        (Cause.LOGIN_REFUSED, {"speaks": "https"}, f"--registry reg.corp {LOGIN}"),
        (Cause.ACCESS_DENIED, {}, f"--registry reg.corp {LOGIN}"),
        (
            Cause.LOGIN_MISSING,
            {"speaks": "http"},
            f"--insecure reg.corp {LOGIN} --allow-plaintext-credentials",
        ),
        (
            Cause.LOGIN_MISSING,
            {"source": "F", "trust": Trust(("/a",))},
            f"--registry reg.corp {LOGIN} --ca /a --adopt",
        ),
        (
            Cause.LOGIN_MISSING,
            {"source": "F", "is_saved": True},
            f"--registry reg.corp {LOGIN}",
        ),
        (
            Cause.NOT_TOML,
            {"source": "F", "speaks": "http"},
            "--insecure reg.corp --adopt",
        ),
        (Cause.CA_MISSING, {"source": "F"}, "--registry reg.corp --ca ca.crt --adopt"),
    ],
    ids=str,
)
def test_a_command(cause: Cause, options: Dict[str, Any], command: str) -> None:
    assert remedy(cause, **options).command == ADD + command


@pytest.mark.parametrize(
    ("urls", "cause", "command"),
    [
        ([MIRROR, SELF], Cause.UNKNOWN_CA, "--mirror reg.corp=https://m:1 --ca ca.crt"),
        (
            [MIRROR],
            Cause.UNKNOWN_CA,
            "--mirror reg.corp=https://m:1 --no-fallback --ca ca.crt",
        ),
        ([MIRROR, SELF], Cause.SPEAKS_HTTP, "--mirror reg.corp=http://m:1"),
        (
            [MIRROR, OTHER, SELF],
            Cause.SPEAKS_HTTP,
            "--mirror reg.corp=http://m:1 --mirror reg.corp=https://o:2",
        ),
        (
            ["https://m:1/v2/proj", SELF],
            Cause.UNKNOWN_CA,
            "--mirror reg.corp=https://m:1/v2/proj --ca ca.crt",
        ),
    ],
)
def test_a_mirrors_command(urls: List[str], cause: Cause, command: str) -> None:
    entries = tuple(entry(each) for each in urls)
    speaks = "http" if cause is Cause.SPEAKS_HTTP else ""
    found = remedy(cause, entries=entries, entry=entries[0], speaks=speaks)
    assert found.command == ADD + command


def test_one_of_several_mirrors_is_mended_in_a_file() -> None:
    entries = tuple(entry(each) for each in (MIRROR, OTHER, SELF))
    found = remedy(Cause.UNKNOWN_CA, entries=entries, entry=entries[0])
    assert "apply --file registries.toml" in found.command
    assert found.needs.endswith("the same for https://m:1")


def test_where_the_plugin_is_not_installed_enable_does_it() -> None:
    found = remedy(Cause.SPEAKS_HTTP, speaks="http", has_plugin=False)
    assert (
        found.command == "microk8s enable private-registry-config --insecure reg.corp"
    )


def test_a_proxy_is_told_to_leave_the_registry_alone() -> None:
    found = remedy(Cause.PROXY, url="https://reg.corp:5000/v2")
    assert (
        found.command
        == """printf '\\nNO_PROXY="${NO_PROXY:-${no_proxy:-}},reg.corp"\\n'"""
        " | sudo tee --append /E && sudo snap restart microk8s.daemon-containerd"
    )


def test_a_host_that_is_a_shells_command_is_in_none() -> None:
    found = remedy(
        Cause.PROXY, entries=(), entry=HostEntry("https", "a';touch$IFS'x", "/v2")
    )
    assert not found.command
    assert "NO_PROXY" in found.owner


@pytest.mark.parametrize(
    ("registry", "urls", "command"),
    [
        (
            "docker.io",
            ["http://docker.io"],
            ADD + "--registry docker.io --ca ca.crt --adopt",
        ),
        (
            "docker.io",
            ["https://index.docker.io/v2"],
            ADD + "--registry docker.io --ca ca.crt",
        ),
        ("quay.io", ["http://docker.io/v2"], "sudo nano +4 F"),
        ("quay.io", [MIRROR, "http://docker.io"], "sudo nano +4 F"),
        ("quay.io", ["https://m:1/a%b"], "sudo nano +4 F"),
    ],
)
def test_a_mirror_that_cannot_be_typed_is_in_no_command(
    registry: str, urls: List[str], command: str
) -> None:
    entries = tuple(entry(each)._replace(where="F, line 4") for each in urls)
    found = remedy(
        Cause.UNKNOWN_CA,
        registry=registry,
        entries=entries,
        entry=entries[0],
        source="F",
    )
    assert found.command.startswith(command)


@pytest.mark.parametrize(
    ("login_at", "option"),
    [
        ("http://other.corp:5000", "--insecure"),
        ("https://other.corp", "--registry"),
        ("https://[fd00::1]:5000", "--registry"),
        *(
            (each, None)
            for each in ("https://other", "https://UPPER.corp", "http://docker.io")
        ),
        *(
            (each, None)
            for each in ("https://registry-1.docker.io", "https://$(id).corp")
        ),
    ],
)
@pytest.mark.parametrize(
    "cause", [Cause.LOGIN_MISSING, Cause.LOGIN_REFUSED, Cause.TOKEN_REFUSED]
)
def test_a_login_for_whom_it_redirects_to(
    cause: Cause, login_at: str, option: Optional[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "x")
    found = remedy(cause, login_at=login_at)
    host = login_at.partition("://")[2]
    if option is None:
        assert not found.command
        assert host in found.owner
        return
    words = shlex.split(filled_in(found.command))
    assert words[3:5] == [option, host]
    assert isinstance(parse("plugin", words[2:], Inputs()).request, AddRequest)


def test_what_a_finding_says_itself_is_left() -> None:
    own = Remedy("sudo mv a b")
    finding = Finding(Cause.SHADOWED, "what", remedy=own)
    assert mended(finding, Setup("reg.corp")).remedy == own


_OWN_FILES = ("--ca", "--client-cert", "--client-key")


@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("speaks", ["http", "https"])
@pytest.mark.parametrize(
    "urls", [[SELF], [MIRROR, SELF], [MIRROR], ["http://reg.corp:5000/v2"]], ids=str
)
def test_every_cause_has_a_remedy_that_is_accepted(
    cause: Cause, speaks: str, urls: List[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGISTRY_PASSWORD", "x")
    entries = tuple(entry(each) for each in urls)
    registry = "reg.corp:5000" if ":5000" in urls[0] else "reg.corp"
    found = remedy(
        cause, entries=entries, entry=entries[0], speaks=speaks, registry=registry
    )
    assert bool(found.command) != bool(found.owner)
    assert not set("<>") & set(found.command)
    for command in found.command.split(" && "):
        if command.startswith(ADD):
            words = shlex.split(filled_in(command))[2:]
            for option in _OWN_FILES:
                if option in words:
                    del words[words.index(option) : words.index(option) + 2]
            assert isinstance(parse("plugin", words, Inputs()).request, AddRequest)


def test_causes_are_told_apart() -> None:
    seen: FrozenSet[str] = frozenset(each.value for each in Cause)
    assert len(seen) == len(Cause)
    assert all(
        each == each.lower() and each.replace("_", "").isalpha() for each in seen
    )
