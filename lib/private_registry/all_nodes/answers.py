"""Answers: what each node found out when all were asked to check."""

from __future__ import annotations

import json
from typing import Any, List, Mapping, Optional, Tuple

from private_registry.named_tuple import NamedTuple
from private_registry.texts import json_text

# Of all findings so many are told, and of each text so much.
_MOST, _MOST_LETTERS = 20, 400


class Told(NamedTuple):
    """A finding of a node.

    Args:
        registry: that it is about; empty for the node as a whole.
        cause: its word.
        what: is wrong.
        where: it is.
        remedy: what to type on that node, or who mends it.
        is_fault: pulls fail because of it.
    """

    registry: str
    cause: str
    what: str
    where: str
    remedy: str
    is_fault: bool


class Answer(NamedTuple):
    """What a node found out.

    Args:
        number: of the question.
        registries: that were looked at.
        told: its findings, faults first.
        pulled: an image was pulled, too.
    """

    number: int
    registries: Tuple[str, ...] = ()
    told: Tuple[Told, ...] = ()
    pulled: bool = False

    @property
    def is_clean(self) -> bool:
        """Whether nothing is at fault."""
        return not any(each.is_fault for each in self.told)


def to_text(answer: Answer) -> str:
    """Write an answer; long lists and texts are cut."""
    told: List[List[Any]] = [
        [each[:_MOST_LETTERS] if isinstance(each, str) else each for each in finding]
        for finding in answer.told[:_MOST]
    ]
    registries = [each[:_MOST_LETTERS] for each in answer.registries[:_MOST]]
    plain = answer._asdict()
    return json.dumps({**plain, "told": told, "registries": registries})


def from_text(text: str) -> Optional[Answer]:
    """Read an answer; None where it is none."""
    try:
        return _from_plain(json_text.loads(text))
    except (LookupError, OverflowError, TypeError, ValueError):
        return None


def _from_plain(plain: Mapping[str, Any]) -> Answer:
    told = tuple(
        Told(str(about), str(cause), str(what), str(where), str(remedy), bool(is_fault))
        for about, cause, what, where, remedy, is_fault in plain["told"]
    )
    registries = tuple(str(each) for each in plain["registries"])
    return Answer(int(plain["number"]), registries, told, bool(plain["pulled"]))
