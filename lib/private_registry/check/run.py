"""The verb check: from the node's files and the registries' answers to remedies.

Reads only: no lock, no repair of what a killed run left, no file but the summary for
`list`. A real pull, where it is asked for, leaves no image behind.
"""

from __future__ import annotations

from functools import partial
from typing import Callable, Dict, Iterable, List, Optional

from private_registry.changes.last_check import remember
from private_registry.check.cause_columns import Layer
from private_registry.check.causes import Cause
from private_registry.check.diagnosis import (
    Answers,
    Diagnosis,
    RegistryReport,
    diagnose,
)
from private_registry.check.files_on_node import on_node
from private_registry.check.findings import Finding, Remedy
from private_registry.check.hosts_reading import read_registry
from private_registry.check.image import Image, parse_subject
from private_registry.check.in_turn import in_turn
from private_registry.check.kubelet_logins import hints_of, hints_of_age
from private_registry.check.lint.certs_d_lint import lint_tree
from private_registry.check.node_state import NodeState, missing_pause_image, observe
from private_registry.check.observing import look_at
from private_registry.check.outcome import CheckOutcome
from private_registry.check.probe.failure import not_understood
from private_registry.check.probe.parallel import all_at_once
from private_registry.check.probe.probe import ask
from private_registry.check.probe.result import Question, Result
from private_registry.check.pulling import pulled
from private_registry.check.reading.directories import can_be_named, registries_in
from private_registry.check.reading.legacy_reading import read_legacy
from private_registry.check.reading.reading import HostEntry, Reading
from private_registry.check.remedies import REFRESH, mended
from private_registry.check.remedy_facts import files_of, is_stock_directory, service_of
from private_registry.check.request import CheckRequest
from private_registry.check.saved_reading import as_changed
from private_registry.check.setup import Setup, setup_of
from private_registry.containerd import releases
from private_registry.containerd.microk8s_defaults import is_stock_entry
from private_registry.containerd.template_file import TEMPLATE_PATH
from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.node.file_values import NodePath, Root
from private_registry.node.paths import CERTS_D, Node
from private_registry.registries.names import EVERY_REGISTRY
from private_registry.texts.showing import quoted

_GRACE_SECONDS = 0.5
_TO_US = Remedy(
    owner="whoever maintains this addon: its files, without their secrets, and this"
)

Progress = Callable[[int, int], None]


def _silent(_done: int, _all: int) -> None:
    """Tell nobody."""


class _Case(NamedTuple):
    """One registry to look at."""

    reading: Reading
    image: Optional[Image] = None
    is_stock: bool = False
    is_pause_image: bool = False

    @property
    def registry(self) -> str:
        return self.reading.registry

    @property
    def repository(self) -> str:
        return "" if self.image is None else self.image.repository

    def is_by_kubelet(self, state: NodeState) -> bool:
        """Whether the kubelet hands a login over; the pause image is none of its."""
        return not self.is_pause_image and state.kubelet.counts_for(
            self.registry, self.repository
        )


def check(
    node: Node, request: CheckRequest, progress: Progress = _silent
) -> CheckOutcome:
    """Find out why pulls fail on a node.

    Args:
        node: which.
        request: what to check.
        progress: is told how many of how many endpoints have answered.
    """
    state = observe(node)
    cases = _cases(node, state, request)
    if state.is_down:
        reports = tuple(_unasked(case, is_fault=not case.is_stock) for case in cases)
        return CheckOutcome(reports, state.findings, state.unseen)
    results = _ask(state, cases, request.seconds, progress)
    state = state._replace(hints=(*state.hints, *_of_tree(node, state, request)))
    diagnoses = [
        _diagnosis(node, state, case, results.get(number, {}))
        for number, case in enumerate(cases)
    ]
    found = [
        *state.findings,
        *([] if request.subjects else _about_others(state, cases)),
    ]
    found += [finding for each in diagnoses for finding in each.findings]
    tried, from_pull = pulled(
        node, state, request, is_faulty=any(each.is_fault for each in found)
    )
    findings = sorted(
        dict.fromkeys([*found, *from_pull]), key=lambda each: not each.is_fault
    )
    reports = tuple(
        each.report for case, each in zip(cases, diagnoses) if not case.is_pause_image
    )
    outcome = CheckOutcome(reports, tuple(findings), state.unseen, tried)
    if request.remembers:
        remember(node, outcome.causes_of_faults, is_everything=not request.subjects)
    return outcome


# --- whom to ask ----------------------------------------------------------------------


def _cases(node: Node, state: NodeState, request: CheckRequest) -> List[_Case]:
    if request.subjects:
        return [
            _Case(_reading(node, state, str(each.registry)), each.image)
            for each in request.subjects
        ]
    cases = [
        _Case(_reading(node, state, name), is_stock=_is_stock(node, state, name))
        for name in _configured(node, state)
    ]
    pause = missing_pause_image(state)
    return cases if pause is None else [*cases, _pause_case(node, state, pause)]


def _pause_case(node: Node, state: NodeState, pause: str) -> _Case:
    try:
        subject = parse_subject(pause)
    except UsageError as error:
        source = node.shown(TEMPLATE_PATH)
        finding = Finding(
            Cause.PAUSE_IMAGE,
            "containerd has no image that every pod starts with, and cannot pull it: "
            + error.message,
            where=source,
            remedy=Remedy(f"sudo nano {quoted(source)}"),
        )
        return _Case(Reading("", (), (finding,), fails=True), is_pause_image=True)
    reading = _reading(node, state, str(subject.registry))
    return _Case(reading, subject.image, is_pause_image=True)


def _configured(node: Node, state: NodeState) -> Iterable[str]:
    saved = [] if state.listing is None else state.listing.registries
    names = [str(each.registry.name) for each in saved]
    if _is_legacy(state):
        assert_template = state.template
        keys = [] if assert_template is None else list(assert_template.keys)
        mirrored = [key[1] for key in keys if key[0] == "mirrors"]
        names += [e for e in mirrored if e == EVERY_REGISTRY or can_be_named(e)]
    else:
        names += registries_in(_certs_d(node), look_at)
    return dict.fromkeys(names)


def _reading(node: Node, state: NodeState, name: str) -> Reading:
    try:
        return _read(node, state, name)
    # One registry's files may not end the whole check.
    except Exception as error:  # noqa: BLE001
        what = "what is configured for it cannot be understood"
        why = type(error).__name__
        finding = Finding(Cause.NOT_UNDERSTOOD, what, name, why=why, remedy=_TO_US)
        return Reading(name, (), (finding,), fails=True)


def _read(node: Node, state: NodeState, name: str) -> Reading:
    if (
        name.startswith("[")
        and state.version is not None
        and state.version < releases.IPV6_NAMES
    ):
        what = "this containerd takes no IPv6 address in an image's name"
        finding = Finding(Cause.FIELD_TOO_NEW, what, name, remedy=Remedy(REFRESH))
        return Reading(name, (), (finding,), fails=True)
    if _is_legacy(state) and state.template is not None:
        return read_legacy(name, state.template, state.version)
    reading = read_registry(name, _certs_d(node), look_at, state.version)
    if name != EVERY_REGISTRY:
        return reading
    # What stands for all registries is asked for one of them only; there is none to
    # fall back to.
    entries = tuple(
        each for each in reading.entries if not each.is_server or each.where
    )
    return reading._replace(entries=entries)


def _is_legacy(state: NodeState) -> bool:
    return state.template is not None and state.template.is_legacy


def _certs_d(node: Node) -> str:
    return node.stable_certs_d or node.absolute(NodePath(Root.DATA, CERTS_D))


def _is_stock(node: Node, state: NodeState, name: str) -> bool:
    if _is_legacy(state) and state.template is not None:
        key = ("mirrors", name)
        return is_stock_entry(key, state.template.get(key))
    return is_stock_directory(node, name)


# --- asking ---------------------------------------------------------------------------


def _ask(
    state: NodeState,
    cases: List[_Case],
    seconds: float,
    progress: Progress,
) -> Dict[int, Dict[int, Result]]:
    jobs = {
        (number, index): partial(ask, _question(state, case, entry), seconds)
        for number, case in enumerate(cases)
        if not case.is_stock
        for index, entry in enumerate(case.reading.entries)
    }
    answers = all_at_once(jobs, seconds + _GRACE_SECONDS, _not_understood, progress)
    silent = Result(Cause.NAME_LOOKUP, Layer.NAME, f"no answer within {seconds:g} s")
    found: Dict[int, Dict[int, Result]] = {}
    for number, index in jobs:
        found.setdefault(number, {})[index] = answers.get((number, index), silent)
    return found


def _not_understood(error: Exception) -> Result:
    failure = not_understood(error)
    return Result(failure.cause, failure.layer, failure.detail)


def _question(state: NodeState, case: _Case, entry: HostEntry) -> Question:
    by_kubelet = case.is_by_kubelet(state)
    login = (
        state.kubelet.login(case.registry, case.repository)
        if by_kubelet
        else state.login(entry.authority)
    )
    return Question(
        case.registry,
        entry,
        case.image,
        login,
        state.proxies,
        state.version is None or state.version >= releases.HEADERS_AT_TOKEN_SERVER,
        logins={} if by_kubelet else state.logins,
        compares_ports=state.version is None or releases.compares_ports(state.version),
        is_login_for_all=by_kubelet,
    )


# --- what it means --------------------------------------------------------------------


def _diagnosis(
    node: Node, state: NodeState, case: _Case, results: Dict[int, Result]
) -> Diagnosis:
    if case.is_stock:
        return Diagnosis(_unasked(case), ())
    hints = tuple(each for each in state.hints if _is_about(each, case))
    has_login = state.login(case.registry) is not None
    if not case.is_pause_image:
        hints += hints_of(
            state.kubelet, case.registry, case.repository, has_login=has_login
        )
        hints += hints_of_age(
            state.kubelet, state.kubelet_age, case.registry, case.repository
        )
    reading = case.reading
    if state.is_as_saved(case.registry):
        # What this addon wrote means what was asked for.
        sure = [each for each in reading.findings if not each.explains]
        reading = reading._replace(findings=tuple(sure))
    asked = Answers(
        reading,
        results,
        case.image,
        hints,
        has_pull_secret=state.has_pull_secret(case.registry),
        login_is_hidden=state.template is None,
    )
    diagnosis = diagnose(asked)
    setups = [_setup(node, state, case, e, results) for e in diagnosis.findings]
    findings = in_turn(
        [
            mended(as_changed(each, setup), setup)
            for each, setup in zip(diagnosis.findings, setups)
        ]
    )
    if case.is_pause_image and case.image is not None:
        findings = [
            _of_pause_image(each, case.image) for each in findings if each.is_fault
        ]
    return diagnosis._replace(findings=tuple(findings))


def _setup(
    node: Node,
    state: NodeState,
    case: _Case,
    finding: Finding,
    results: Dict[int, Result],
) -> Setup:
    entries = case.reading.entries
    index = next(
        (at for at, each in enumerate(entries) if each.url == finding.endpoint), None
    )
    spoken = [each.speaks for each in results.values() if each.speaks]
    entry = None if index is None else entries[index]
    result = None if index is None else results.get(index)
    login_at = "" if result is None else result.login_at
    setup = setup_of(
        case.reading, entry, (spoken or [""])[0] if result is None else result.speaks
    )
    setup = on_node(case.reading, look_at, state.version).added_to(setup)
    saved = state.saved(case.registry)
    return setup._replace(
        where=finding.where or setup.where,
        is_saved=saved is not None,
        saved=saved,
        by_hand=setup.by_hand and not state.is_as_saved(case.registry),
        has_login=_has_login(state, entry, login_at),
        login_at=login_at,
        instead="" if result is None else result.instead,
        lacks_ca=result is not None and result.beyond is Cause.UNKNOWN_CA,
        has_plugin=node.has_plugin,
        files=files_of(node),
        service=service_of(node),
    )


def _has_login(state: NodeState, entry: Optional[HostEntry], login_at: str) -> bool:
    host = login_at.partition("://")[2] or ("" if entry is None else entry.authority)
    return bool(host) and state.login(host) is not None


def _of_pause_image(finding: Finding, image: Image) -> Finding:
    return finding._replace(
        cause=Cause.PAUSE_IMAGE,
        what=(
            f"containerd has no {image.of_others()}, without which no pod starts, and"
            f" cannot pull it: {finding.what}"
        ),
    )


def _of_tree(node: Node, state: NodeState, request: CheckRequest) -> List[Finding]:
    if _is_legacy(state):
        return []
    found = lint_tree(_certs_d(node), look_at, state.version)
    names = [str(each.registry) for each in request.subjects]
    return [each for each in found if not names or each.registry in names]


def _about_others(state: NodeState, cases: List[_Case]) -> List[Finding]:
    """Return what is known of registries that are not asked."""
    asked = [case for case in cases if not case.is_stock]
    return [
        each for each in state.hints if not any(_is_about(each, case) for case in asked)
    ]


def _is_about(hint: Finding, case: _Case) -> bool:
    hosts = [entry.authority for entry in case.reading.entries]
    return hint.registry in (case.registry, *hosts)


def _unasked(case: _Case, *, is_fault: bool = False) -> RegistryReport:
    layers = tuple(Layer)[1:] if is_fault else ()
    return RegistryReport(
        case.registry, (), case.reading.source, None, is_fault, layers, is_asked=False
    )
