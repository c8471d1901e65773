"""Diagnosis: one cause, from what is configured and what was answered.

Of a registry that is asked at several endpoints the first that serves decides. One that
fails before it makes every pull slow and is a fault; one that fails behind it is only
worth knowing.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from private_registry.check.cause_columns import Layer
from private_registry.check.causes import NO_LOGIN, Cause
from private_registry.check.findings import Finding, Remedy, Severity
from private_registry.check.image import Image
from private_registry.check.probe.result import Result
from private_registry.check.reading.reading import Reading
from private_registry.named_tuple import NamedTuple

LAYERS = tuple(Layer)
_CLOCK_SECONDS = 300
_HIDDEN_LOGIN = "it wants a login, and this user may not see whether containerd has one"
_AS_ROOT = "sudo microk8s private-registry check"
_DATES = (Cause.EXPIRED, Cause.NOT_YET_VALID)


class EndpointReport(NamedTuple):
    """One endpoint and how it did.

    Args:
        url: with the path of its API.
        cause: why it does not serve; None where it does, or was not asked.
        is_asked: whether it was asked at all.
    """

    url: str
    cause: Optional[Cause]
    is_asked: bool = True


class RegistryReport(NamedTuple):
    """One registry and how it does.

    Args:
        registry: as image references spell it.
        endpoints: in the order that containerd asks them.
        source: file or directory that says so; empty where none does.
        answered_by: URL of the endpoint that serves; None where none does.
        is_fault: whether a fault is about it.
        not_reached: layers that a fault hides.
        is_asked: whether any endpoint was asked.
    """

    registry: str
    endpoints: Tuple[EndpointReport, ...] = ()
    source: str = ""
    answered_by: Optional[str] = None
    is_fault: bool = False
    not_reached: Tuple[Layer, ...] = ()
    is_asked: bool = True


class Answers(NamedTuple):
    """A registry's endpoints, and what each answered.

    Args:
        reading: whom containerd asks.
        results: by the place of the entry; an entry without one was not asked.
        image: that was looked up; None for the registry alone.
        hints: findings from elsewhere that may be the deeper reason of what was
            answered.
        has_pull_secret: pods log in to it by themselves.
        login_is_hidden: this user may not look at what containerd logs in with.
    """

    reading: Reading
    results: Mapping[int, Result]
    image: Optional[Image] = None
    hints: Tuple[Finding, ...] = ()
    has_pull_secret: bool = False
    login_is_hidden: bool = False

    @property
    def may_log_in(self) -> bool:
        """Whether somebody may have a login that was not tried."""
        return self.has_pull_secret or self.login_is_hidden


class Diagnosis(NamedTuple):
    """What is wrong with one registry."""

    report: RegistryReport
    findings: Tuple[Finding, ...]


def diagnose(asked: Answers) -> Diagnosis:
    """Find out what is wrong with one registry; remedies are for the caller to add."""
    # One whose files this user may not read was not asked.
    seen = {
        at: each
        for at, each in asked.results.items()
        if each.cause is not Cause.UNREADABLE
    }
    asked = asked._replace(results=seen)
    hints = (*asked.reading.findings, *asked.hints)
    in_files = [each for each in hints if each.is_fault and not each.explains]
    if in_files or asked.reading.fails:
        report = _report(asked, [], None, Layer.FILES, is_fault=True)
        return Diagnosis(report, tuple(each.without_guess for each in hints))
    order = [index for index in _order(asked) if index in asked.results]
    serving = next((index for index in order if _serves(asked, index)), None)
    # Another directory is no reason of anything where one endpoint of this one serves.
    reasons = [
        each for each in hints if serving is None or each.endpoint or not each.is_guess
    ]
    found = _from_answers(asked, order, serving)
    answers = [_explained(each, reasons) for each in found]
    told = {(each.cause, each.where) for each in answers}
    others = [
        _as_it_is(each, is_well=serving is not None)
        for each in hints
        if (each.cause, each.where) not in told
    ]
    findings = (*answers, *others)
    deciding = _deciding(asked, order) if serving is None else None
    layer = None if deciding is None else asked.results[deciding].layer
    is_fault = any(each.is_fault for each in findings)
    report = _report(asked, order, serving, layer, is_fault=is_fault)
    if (
        serving is None
        and not is_fault
        and any(each.cause is Cause.UNREADABLE for each in hints)
    ):
        report = report._replace(is_asked=False)
    return Diagnosis(report, findings)


def _order(asked: Answers) -> List[int]:
    """Return the places of those that containerd asks which image this is."""
    entries = asked.reading.entries
    is_by_digest = asked.image is not None and asked.image.is_by_digest
    return [
        index
        for index, each in enumerate(entries)
        if each.resolves or (is_by_digest and "pull" in each.capabilities)
    ]


def _serves(asked: Answers, index: int) -> bool:
    cause = asked.results[index].cause
    return cause is None or (cause is Cause.LOGIN_MISSING and asked.may_log_in)


def _deciding(asked: Answers, order: Sequence[int]) -> Optional[int]:
    """Return the place of the failure to tell: a mirror without the image is none."""
    telling = (
        index for index in order if asked.results[index].cause is not Cause.NOT_FOUND
    )
    return next(telling, order[0] if order else None)


def _from_answers(
    asked: Answers, order: Sequence[int], serving: Optional[int]
) -> List[Finding]:
    deciding = _deciding(asked, order) if serving is None else None
    found: Dict[Tuple[str, Optional[Cause]], Finding] = {}
    for index in order:
        result, entry = asked.results[index], asked.reading.entries[index]
        key = (f"{entry.scheme}://{entry.authority}", result.cause)
        if result.cause is None or key in found:
            continue
        is_before = serving is not None and index < serving
        if result.cause is Cause.NOT_FOUND and index != deciding:
            continue
        is_fault = index == deciding or (is_before and not _serves(asked, index))
        if _is_unknown_before(asked, index) or _may_be_a_login(asked, result):
            is_fault = False
        found[key] = _finding(asked, index, is_fault=is_fault, is_before=is_before)
    return list(found.values())


def _is_unknown_before(asked: Answers, index: int) -> bool:
    """Whether an endpoint that this user's rights are too few for may serve before
    one.
    """
    return any(at < index and at not in asked.results for at in _order(asked))


def _may_be_a_login(asked: Answers, result: Result) -> bool:
    return asked.login_is_hidden and result.cause in NO_LOGIN


def _finding(asked: Answers, index: int, *, is_fault: bool, is_before: bool) -> Finding:
    result, entry = asked.results[index], asked.reading.entries[index]
    cause = _cause(result)
    is_hidden = _may_be_a_login(asked, result)
    detail = result.detail if not result.asked else f"{result.detail} ({result.asked})"
    return Finding(
        cause=cause,
        what=_HIDDEN_LOGIN if is_hidden else cause.told(),
        registry=asked.reading.registry,
        endpoint=entry.url,
        where=entry.where or asked.reading.source,
        why=". ".join(
            each
            for each in (detail, _consequence(asked, index, is_before=is_before))
            if each
        ),
        remedy=Remedy(_AS_ROOT) if is_hidden else Remedy(),
        severity=Severity.FAULT if is_fault else Severity.NOTE,
    )


def _cause(result: Result) -> Cause:
    if (
        result.cause in _DATES
        and result.clock is not None
        and abs(result.clock) > _CLOCK_SECONDS
    ):
        return Cause.CLOCK
    return result.cause or Cause.UNKNOWN


def _consequence(asked: Answers, index: int, *, is_before: bool) -> str:
    if is_before:
        return "The next one serves, but every pull tries this one first"
    without = [
        entry.authority
        for at, entry in enumerate(asked.reading.entries[:index])
        if at in asked.results and asked.results[at].cause is Cause.NOT_FOUND
    ]
    if without and asked.results[index].cause is not Cause.NOT_FOUND:
        return f"It is asked because {', '.join(without)} does not have the image"
    if asked.has_pull_secret:
        return "Pods log in by the pull secret that was made for it"
    return ""


def _explained(found: Finding, hints: Iterable[Finding]) -> Finding:
    """Return the deeper reason of a finding, where there is one, with the same
    weight.
    """
    for hint in hints:
        is_there = hint.endpoint in ("", found.endpoint)
        if is_there and found.cause in hint.explains:
            why = ". ".join(each for each in (hint.why, found.why) if each)
            return hint._replace(
                severity=found.severity,
                registry=found.registry,
                endpoint=found.endpoint,
                why=why,
            )
    return found


def _as_it_is(hint: Finding, *, is_well: bool) -> Finding:
    """Return what is no reason of anything: a guess that something else was meant is
    no fault where all is well.
    """
    if hint.is_guess and is_well:
        hint = hint._replace(severity=Severity.NOTE)
    return hint.without_guess


def _report(
    asked: Answers,
    order: Sequence[int],
    serving: Optional[int],
    failed: Optional[Layer],
    *,
    is_fault: bool,
) -> RegistryReport:
    entries, results = asked.reading.entries, asked.results
    last = Layer.LOGIN if asked.image is None else Layer.MANIFEST
    hidden = (
        ()
        if failed is None
        else LAYERS[LAYERS.index(failed) + 1 : LAYERS.index(last) + 1]
    )
    return RegistryReport(
        registry=asked.reading.registry,
        endpoints=tuple(
            EndpointReport(
                entry.url,
                results[index].cause if index in order else None,
                index in order,
            )
            for index, entry in enumerate(entries)
        ),
        source=asked.reading.source,
        answered_by=None if serving is None else entries[serving].url,
        is_fault=is_fault,
        not_reached=hidden,
        is_asked=is_fault or not entries or bool(results),
    )
