"""Rules: which words of which program mean what, in the form that all tables have.

The words are those of containerd 1.2 to 2.4, ctr, the kubelet, the Docker engine and
the Go library that all of them speak TLS and HTTP with; the first rule of the tables
that fits a message counts.
"""

from __future__ import annotations

import re
from typing import Optional, Pattern, Tuple, Union

from private_registry.check.causes import Cause
from private_registry.check.findings import Remedy
from private_registry.named_tuple import NamedTuple


class Meaning(NamedTuple):
    """What words may mean, where that is more than their cause says by itself.

    Args:
        cause: the kind.
        what: a sentence without a full stop; {who} is who was asked, {registry} whose
            images, {names} those of the certificate. Empty for the cause's own.
        why: what comes of it, or how to be sure; likewise.
        remedy: where it is not the one of the cause.
    """

    cause: Cause
    what: str = ""
    why: str = ""
    remedy: Optional[Remedy] = None


class Rule(NamedTuple):
    """Words, and what they mean.

    Args:
        words: lower case; one of them is enough.
        meanings: the likeliest first; a single one is certain.
        near: what has to stand around the words, too.
        unless: what must not stand around them.
        scheme: of the URL that was asked, where that matters.
        is_own: only where the registry itself was asked, no mirror or token server.
        is_sure: false where even a single meaning is no more than likely.
        is_aside: it counts beside the cause that the same message has.
        is_last: it counts only where nothing else does.
        is_told: who was asked says it itself, so that it counts behind a status, too.
    """

    words: Tuple[str, ...]
    meanings: Tuple[Meaning, ...]
    near: Optional[Pattern[str]] = None
    unless: Optional[Pattern[str]] = None
    scheme: str = ""
    is_own: bool = False
    is_sure: bool = True
    is_aside: bool = False
    is_last: bool = False
    is_told: bool = False


def rule(
    words: str,
    *causes: Union[Cause, Meaning],
    near: str = "",
    unless: str = "",
    scheme: str = "",
    sure: bool = True,
    told: bool = False,
) -> Rule:
    """Make a rule.

    Args:
        words: lower case, with a bar between those of which one is enough.
        causes: the likeliest first.
        near: pattern for what has to stand around the words, too.
        unless: pattern for what must not.
        scheme: see Rule.
        sure: see Rule.
        told: see Rule.
    """
    return Rule(
        tuple(words.split("|")),
        tuple(Meaning(each) if isinstance(each, Cause) else each for each in causes),
        _pattern(near),
        _pattern(unless),
        scheme,
        is_sure=sure,
        is_told=told,
    )


def _pattern(text: str) -> Optional[Pattern[str]]:
    return re.compile(text, re.IGNORECASE) if text else None
