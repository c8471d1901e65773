"""What `check` and its explanations look like, for people and for machines; pure."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence

from private_registry.check.causes import Cause
from private_registry.check.diagnosis import RegistryReport
from private_registry.check.explain.explain import Explanation
from private_registry.check.findings import Finding, Remedy
from private_registry.check.outcome import Afterwards, CheckOutcome, PullTry
from private_registry.texts.showing import (
    place_without_secrets,
    printable,
    without_logins,
    without_secrets,
)

# Writes a text in a colour, or leaves it as it is.
_Paint = Callable[[str, str], str]
_RED, _GREEN, _YELLOW, _PLAIN = "\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"
_OK, _FAULT, _NOT_ASKED = "ok", "fault", "not asked"
_NOTHING = (
    "No registry is configured on this node; to check one: check HOST[:PORT][/IMAGE]"
)
_AFTERWARDS = {
    Afterwards.REMOVED: "was removed again, since every pod of this node could use it",
    Afterwards.WAS_THERE: "was on this node before, and stays",
}
_UNKNOWN = (
    "These words are not known here. `microk8s private-registry check"
    " HOST[:PORT]/IMAGE` asks the registry itself; `kubectl describe pod POD` shows the"
    " kubelet's whole message."
)


def check(outcome: CheckOutcome, *, colours: bool) -> List[str]:
    """Tell people what is wrong, where, why, and what to type.

    Args:
        outcome: what `check` found out.
        colours: whether it is going to a terminal.
    """
    outcome = _cleaned(outcome)
    paint = _painted if colours else _unpainted
    width = max(
        (len(printable(each.registry)) for each in outcome.registries), default=0
    )
    lines = [_line(each, outcome, width, paint) for each in outcome.registries]
    lines = lines or [_NOTHING]
    for finding in outcome.findings:
        lines += ["", *_finding(finding, paint)]
        hidden = _hidden(finding, outcome.registries)
        lines += [f"  not reached: {hidden}"] if hidden else []
    if outcome.pull is not None:
        lines += ["", *_pull(outcome.pull, paint)]
    lines += [
        "",
        *(f"not seen: {printable(each)} (as root: sudo)" for each in outcome.unseen),
    ]
    return [*lines, _summary(outcome, paint)]


def _pull(tried: PullTry, paint: _Paint) -> List[str]:
    works = not tried.words
    word = paint(_GREEN, "works") if works else paint(_RED, "fails")
    said = "" if works else f"; containerd says: {_one_line(tried.words)}"
    lines = [f"pull of {tried.reference}: {word}{said}"]
    if tried.afterwards in _AFTERWARDS:
        lines += [f"  the image {_AFTERWARDS[tried.afterwards]}"]
    if tried.afterwards is Afterwards.STAYS:
        note = paint(_YELLOW, "note")
        lines += [f"{note}: the image stays, and every pod of this node may use it"]
        lines += [f"  why: {_one_line(tried.why)}"]
    return lines


def _line(
    report: RegistryReport, outcome: CheckOutcome, width: int, paint: _Paint
) -> str:
    name = f"{printable(report.registry):<{width}}"
    if report.is_fault:
        causes = [
            each.cause.value
            for each in outcome.findings
            if each.is_fault and each.registry in ("", report.registry)
        ]
        return f"{name}  {paint(_RED, _FAULT)}  {', '.join(dict.fromkeys(causes))}"
    if not report.is_asked:
        return f"{name}  {_NOT_ASKED}: {_reason(report, outcome)}"
    served = f"  {printable(report.answered_by)}" if report.answered_by else ""
    return f"{name}  {paint(_GREEN, _OK)}{served}"


def _reason(report: RegistryReport, outcome: CheckOutcome) -> str:
    """Say why a registry was not asked, or not whole."""
    about = [each for each in outcome.findings if each.registry == report.registry]
    is_hidden = any(each.cause is Cause.UNREADABLE for each in about)
    return "not all of its files can be read" if is_hidden else "as MicroK8s ships it"


def _finding(finding: Finding, paint: _Paint) -> List[str]:
    word = paint(_RED, "fault") if finding.is_fault else paint(_YELLOW, "note")
    subject = f"{printable(finding.registry)}: " if finding.registry else ""
    lines = [f"{word}: {subject}{_one_line(finding.what)}"]
    asked = [each for each in (finding.where, finding.endpoint) if each]
    lines += [f"  where: {_one_line('; '.join(asked))}"] if asked else []
    lines += [f"  why: {_one_line(finding.why)}"] if finding.why else []
    return [*lines, *_remedy(finding.remedy), _more(finding.cause)]


def _remedy(remedy: Remedy) -> List[str]:
    told = (("needs", remedy.needs), ("do", remedy.command), ("who", remedy.owner))
    return [f"  {name}: {printable(text)}" for name, text in told if text]


def _more(cause: Cause) -> str:
    return f"  more: {cause.more}"


def _hidden(finding: Finding, reports: Sequence[RegistryReport]) -> str:
    if not finding.is_fault:
        return ""
    report = next((each for each in reports if each.registry == finding.registry), None)
    return (
        "" if report is None else ", ".join(each.value for each in report.not_reached)
    )


def _summary(outcome: CheckOutcome, paint: _Paint) -> str:
    count = sum(each.is_fault for each in outcome.findings)
    if count == 0:
        return paint(_GREEN, "No fault found.")
    return paint(_RED, f"{count} fault{'s' if count > 1 else ''} found.")


def check_plain(outcome: CheckOutcome) -> Dict[str, Any]:
    """Return what is wrong as plain values with stable keys."""
    outcome = _cleaned(outcome)
    pull = outcome.pull
    return {
        "clean": outcome.is_clean,
        "findings": [_finding_plain(each) for each in outcome.findings],
        "registries": [_registry_plain(each) for each in outcome.registries],
        "not_seen": list(outcome.unseen),
        "pull": (
            None
            if pull is None
            else {
                "reference": pull.reference,
                "works": not pull.words,
                "words": pull.words,
                "afterwards": pull.afterwards.value,
                "why": pull.why,
            }
        ),
    }


def _finding_plain(finding: Finding) -> Dict[str, Any]:
    return {
        "cause": finding.cause.value,
        "severity": finding.severity.value,
        "registry": finding.registry or None,
        "endpoint": finding.endpoint or None,
        "what": finding.what,
        "where": finding.where or None,
        "why": finding.why or None,
        **_remedy_plain(finding.remedy),
    }


def _remedy_plain(remedy: Remedy) -> Dict[str, Optional[str]]:
    return {
        "do": remedy.command or None,
        "needs": remedy.needs or None,
        "owner": remedy.owner or None,
    }


def _registry_plain(report: RegistryReport) -> Dict[str, Any]:
    result = _FAULT if report.is_fault else _OK if report.is_asked else "not_asked"
    return {
        "registry": report.registry,
        "result": result,
        "answered_by": report.answered_by,
        "configuration": report.source or None,
        "not_reached": [each.value for each in report.not_reached],
        "endpoints": [
            {"url": each.url, "result": _result(each.cause, is_asked=each.is_asked)}
            for each in report.endpoints
        ],
    }


def _result(cause: Optional[Cause], *, is_asked: bool) -> str:
    if not is_asked:
        return "not_asked"
    return _OK if cause is None else cause.value


def explanations(found: Sequence[Explanation], *, colours: bool) -> List[str]:
    """Tell people what an error message means, the likeliest first."""
    if not found:
        return [_UNKNOWN]
    paint = _painted if colours else _unpainted
    lines: List[str] = []
    for each in found:
        lines += [""] if lines else []
        lines.append(f"{paint(_RED, each.certainty.value)}: {printable(each.what)}")
        lines += [f"  why: {printable(each.why)}"] if each.why else []
        lines += [*_remedy(each.remedy), _more(each.cause)]
    return lines


def explanations_plain(found: Sequence[Explanation]) -> Dict[str, Any]:
    """Tell machines what an error message means."""
    plain = [
        {
            "cause": each.cause.value,
            "certainty": each.certainty.value,
            "registry": each.registry or None,
            "what": each.what,
            "why": each.why or None,
            **_remedy_plain(each.remedy),
        }
        for each in found
    ]
    return {"explanations": plain}


def _one_line(text: str) -> str:
    """Return a text that may be somebody else's, without what a terminal would obey."""
    return printable(" / ".join(each.strip() for each in text.splitlines()))


# --- without secrets ------------------------------------------------------------------


def _cleaned(outcome: CheckOutcome) -> CheckOutcome:
    """Return what was found without the secrets in names that somebody else gave."""
    pull = outcome.pull
    return outcome._replace(
        registries=tuple(map(_cleaned_report, outcome.registries)),
        findings=tuple(map(_cleaned_finding, outcome.findings)),
        unseen=tuple(map(without_logins, outcome.unseen)),
        pull=None if pull is None else _cleaned_pull(pull),
    )


def _cleaned_pull(tried: PullTry) -> PullTry:
    return tried._replace(
        words=without_logins(tried.words), why=without_logins(tried.why)
    )


def _cleaned_report(report: RegistryReport) -> RegistryReport:
    answered_by = report.answered_by
    return report._replace(
        registry=without_secrets(report.registry),
        source=place_without_secrets(report.source),
        answered_by=None if answered_by is None else place_without_secrets(answered_by),
        endpoints=tuple(
            each._replace(url=place_without_secrets(each.url))
            for each in report.endpoints
        ),
    )


def _cleaned_finding(finding: Finding) -> Finding:
    authority = finding.endpoint.partition("://")[2].partition("/")[0]
    names = {
        finding.where: place_without_secrets(finding.where),
        finding.endpoint: place_without_secrets(finding.endpoint),
        finding.registry: without_secrets(finding.registry),
        authority: without_secrets(authority),
    }
    changed = {name: cleaned for name, cleaned in names.items() if name != cleaned}

    def clean(text: str) -> str:
        for name, cleaned in changed.items():
            text = text.replace(name, cleaned)
        return without_logins(text)

    remedy = finding.remedy._replace(owner=clean(finding.remedy.owner))
    if changed or without_logins(remedy.command) != remedy.command:
        # What it is to be typed for cannot be named.
        remedy = remedy._replace(command="", needs="")
    return finding._replace(
        registry=names[finding.registry],
        endpoint=names[finding.endpoint],
        where=names[finding.where],
        what=clean(finding.what),
        why=clean(finding.why),
        remedy=remedy,
    )


def _painted(colour: str, text: str) -> str:
    return f"{colour}{text}{_PLAIN}"


def _unpainted(_colour: str, text: str) -> str:
    return text
