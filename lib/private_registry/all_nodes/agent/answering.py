"""Answering: the agent checks its node, as `check` does there.

Endpoints are asked from the pod's network; an image is pulled by the node's containerd
itself.
"""

from __future__ import annotations

from private_registry.all_nodes.answers import Answer, Told
from private_registry.all_nodes.orders import Question
from private_registry.check.findings import Finding
from private_registry.check.image import parse_subject
from private_registry.check.request import CheckRequest
from private_registry.check.run import check
from private_registry.errors import PrivateRegistryError
from private_registry.node.paths import Node

_FAULT = True


def answer_of(node: Node, question: Question) -> Answer:
    """Check a node; whatever comes of it is the answer."""
    try:
        subjects = tuple(parse_subject(each) for each in question.subjects)
        pull = len(subjects) == 1 and subjects[0].image is not None
        outcome = check(node, CheckRequest(subjects, pull=pull, remembers=False))
    except PrivateRegistryError as error:
        place, remedy = error.place or "", error.remedy or ""
        return _failed(question, Told("", "", error.message, place, remedy, _FAULT))
    # A bug of ours must not end the agent.
    except Exception as error:  # noqa: BLE001
        what = f"a bug in private-registry-config: {type(error).__name__}"
        return _failed(question, Told("", "", what, "", "", _FAULT))
    return Answer(
        question.number,
        tuple(each.registry for each in outcome.registries if each.is_asked),
        tuple(_told(each) for each in outcome.findings),
        outcome.pull is not None and not outcome.pull.words,
    )


def _failed(question: Question, told: Told) -> Answer:
    return Answer(question.number, told=(told,))


def _told(finding: Finding) -> Told:
    remedy = finding.remedy
    return Told(
        finding.registry,
        finding.cause.value,
        finding.what,
        "; ".join(each for each in (finding.where, finding.endpoint) if each),
        remedy.command or remedy.owner or remedy.needs,
        finding.is_fault,
    )
