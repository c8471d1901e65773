"""What is told of a check by all nodes, for people and for machines; pure."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from private_registry.all_nodes.answers import Answer, Told
from private_registry.all_nodes.asking import Asked

_NOBODY = "has not answered"


def asked(found: Asked) -> List[str]:
    """Tell people what each node found out; what several found is told once."""
    width = max((len(each.node.name) for each in found.rows), default=0)
    lines = []
    by_finding: Dict[Told, List[str]] = {}
    for row in found.rows:
        name = row.node.name
        answer = found.answers.get(name)
        lines.append(f"{name:<{width}}  {_word(answer, row.state, row.why)}")
        for told in () if answer is None else answer.told:
            by_finding.setdefault(told, []).append(name)
    for told, names in by_finding.items():
        lines += ["", *_finding(told, names, len(found.answers))]
    return [*lines, "", _summary(found)]


def _word(answer: Optional[Answer], state: str, why: str) -> str:
    if answer is None:
        return f"{_NOBODY} ({state}{': ' + why if why else ''})"
    causes = dict.fromkeys(each.cause for each in answer.told if each.is_fault)
    if not answer.is_clean:
        return f"fault  {', '.join(each for each in causes if each)}".rstrip()
    return "ok  the image was pulled" if answer.pulled else "ok"


def _finding(told: Told, names: List[str], count: int) -> List[str]:
    word = "fault" if told.is_fault else "note"
    about = f"{told.registry}: " if told.registry else ""
    lines = [f"{word}: {about}{told.what}"]
    where = "on all of them" if len(names) == count > 1 else f"on {', '.join(names)}"
    lines.append(f"  {where}" + (f": {told.where}" if told.where else ""))
    return [*lines, *([f"  do: {told.remedy}"] if told.remedy else [])]


def _summary(found: Asked) -> str:
    faulty = sum(not each.is_clean for each in found.answers.values())
    lines = "No fault found." if not faulty else f"{faulty} nodes have a fault."
    silent = found.silent
    if silent:
        lines += f" {len(silent)} of {len(found.rows)} nodes have not answered."
    return lines


def asked_plain(found: Asked) -> Dict[str, Any]:
    """Tell machines what each node found out."""
    return {
        "clean": found.is_clean,
        "nodes": [
            _answer_plain(each.node.name, found.answers.get(each.node.name))
            for each in found.rows
        ],
    }


def _answer_plain(name: str, answer: Optional[Answer]) -> Dict[str, Any]:
    told = () if answer is None else answer.told
    return {
        "name": name,
        "answered": answer is not None,
        "clean": None if answer is None else answer.is_clean,
        "pulled": answer is not None and answer.pulled,
        "registries": [] if answer is None else list(answer.registries),
        "findings": [each._asdict() for each in told],
    }
