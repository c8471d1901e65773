"""Explain: from an error text to causes, how certain they are, and what mends them."""

from __future__ import annotations

import re
from enum import Enum
from typing import Dict, Iterator, List, Optional, Tuple

from private_registry.check.cause_columns import told
from private_registry.check.causes import LOGIN, NETWORK, PATH, PROTOCOL, Cause
from private_registry.check.explain.message import Asked, ErrorText, registry_of
from private_registry.check.explain.message_rule import Meaning, Rule
from private_registry.check.explain.reasons import WHYS
from private_registry.check.explain.rules_of_answers import ANSWER_RULES, LAST_RULES
from private_registry.check.explain.rules_of_containerd import (
    ASIDE_RULES,
    CONTAINERD_RULES,
    FILE_RULES,
)
from private_registry.check.explain.rules_of_images import IMAGE_RULES
from private_registry.check.explain.rules_of_kubelet import (
    CTR_RULES,
    KUBELET_RULES,
    SECRET_RULES,
)
from private_registry.check.explain.rules_of_logins import LOGIN_RULES
from private_registry.check.explain.rules_of_network import NETWORK_RULES, PROXY_RULES
from private_registry.check.explain.rules_of_tls import TLS_RULES
from private_registry.check.explain.subject import Scene, setup_of_scene
from private_registry.check.findings import Remedy
from private_registry.check.remedies import remedy_for
from private_registry.check.setup import NO_FACTS, NodeFacts
from private_registry.named_tuple import NamedTuple

RULES: Tuple[Rule, ...] = (
    *FILE_RULES,
    *CTR_RULES,
    *IMAGE_RULES,
    *KUBELET_RULES,
    *LOGIN_RULES,
    *CONTAINERD_RULES,
    *PROXY_RULES,
    *TLS_RULES,
    *ANSWER_RULES,
    *NETWORK_RULES,
    *ASIDE_RULES,
    *SECRET_RULES,
    *LAST_RULES,
)
_HITS_OF_A_WORD = 60
_REACH = 2000
# Of a token server, these say only that it gives no token.
_NOT_REACHED = PROTOCOL | NETWORK | PATH | {Cause.FORBIDDEN, Cause.SERVER_ERROR}
_NAMES = re.compile(r"certificate is valid for ([A-Za-z0-9.*:, -]{1,600}?), not ")
_NAME = re.compile(r"[A-Za-z0-9.*:-]{1,253}\Z")
_SHOWN_NAMES = 3
_OF_THE_LAST = frozenset(
    [
        Cause.SPEAKS_HTTP,
        Cause.UNKNOWN_CA,
        Cause.NO_SUCH_NAME,
        Cause.REFUSED,
        Cause.TIMEOUT,
    ]
)
# containerd resolver.go Resolve before 2.0 does not keep a 404 of a host as the error
# to report.
_OLDER = (
    "containerd 1.7 and older say this, too, where a mirror does not have the image"
)


class Certainty(Enum):
    """How sure it is that this is the cause."""

    CERTAIN = "certain"
    LIKELY = "likely"


class Explanation(NamedTuple):
    """What an error text means.

    Args:
        cause: the kind.
        certainty: whether it can mean something else.
        what: a sentence without a full stop.
        why: what comes of it, or how to be sure; likewise.
        remedy: what mends it.
        registry: as image references spell it; empty where the text does not say.
        endpoint_host: ``HOST[:PORT]`` of who was asked; empty likewise.
        matched: the words that it was told by.
    """

    cause: Cause
    certainty: Certainty
    what: str
    why: str
    remedy: Remedy
    registry: str
    endpoint_host: str
    matched: str


class _Hit(NamedTuple):
    """Words of a rule, found."""

    rank: int
    position: int
    word: str


def explain(text: str, facts: NodeFacts = NO_FACTS) -> Tuple[Explanation, ...]:
    """Say what an error text means, the most telling first.

    Nothing where no words are known.

    Args:
        text: of the kubelet, ``kubectl describe pod``, containerd's journal, ctr or
            Docker; no secret in it comes out again.
        facts: what is known of the node.
    """
    error_text = ErrorText(text)
    found: Dict[Tuple[Cause, str], Explanation] = {}
    claimed: Dict[Tuple[int, int], List[int]] = {}
    for hit in _hits(error_text.lower):
        rule = RULES[hit.rank]
        if rule.is_last and (
            found or (rule.unless and rule.unless.search(error_text.flat))
        ):
            continue
        status = error_text.status_before(hit.position)
        if status >= 0 and not rule.is_told:
            continue
        # What who was asked says names nobody: it may say what it likes.
        position = hit.position if status < 0 else status
        subject_at, scene = _scene(error_text, position, or_next=rule.is_aside)
        if not _fits(rule, scene):
            continue
        if not rule.is_aside:
            claims = claimed.setdefault((error_text.message(position), subject_at), [])
            if any(abs(each - position) < _REACH for each in claims):
                continue
            claims.append(position)
        words = error_text.flat[hit.position : hit.position + len(hit.word)]
        for each in _explanations(rule, scene, words, facts):
            found.setdefault((each.cause, each.registry), each)
    named = {each.cause for each in found.values() if each.registry}
    return tuple(
        each for each in found.values() if each.registry or each.cause not in named
    )


def _hits(lower: str) -> Iterator[_Hit]:
    """Find the words of all rules; those of the first rules first."""
    for rank, rule in enumerate(RULES):
        hits: List[_Hit] = []
        for word in rule.words:
            position = lower.find(word)
            for _ in range(_HITS_OF_A_WORD):
                if position < 0:
                    break
                hits.append(_Hit(rank, position, word))
                position = lower.find(word, position + len(word))
        yield from sorted(hits)


def _scene(error_text: ErrorText, position: int, *, or_next: bool) -> Tuple[int, Scene]:
    subject_at, subject = error_text.subject(position, or_next=or_next)
    asked = error_text.asked(position, subject_at)
    registry = str(subject.registry) if subject else _registry_asked(asked)
    return subject_at, Scene(subject, asked, registry, error_text.around(position))


def _registry_asked(asked: Optional[Asked]) -> str:
    if asked is None or not asked.is_api:
        return ""
    if asked.namespace or (asked.is_mirror and asked.scheme):
        return asked.namespace
    return registry_of(asked.authority)


def _fits(rule: Rule, scene: Scene) -> bool:
    if rule.scheme and (scene.asked is None or scene.asked.scheme != rule.scheme):
        return False
    if rule.is_own and (scene.is_token_server or not scene.is_own):
        return False
    if rule.near and not rule.near.search(scene.around):
        return False
    return rule.is_last or not (rule.unless and rule.unless.search(scene.around))


def _explanations(
    rule: Rule, scene: Scene, words: str, facts: NodeFacts
) -> Iterator[Explanation]:
    is_sure = rule.is_sure and len(rule.meanings) == 1
    for meaning in rule.meanings:
        cause = meaning.cause
        if scene.is_token_server and cause in _NOT_REACHED:
            cause = Cause.TOKEN_UNREACHABLE
        yield Explanation(
            cause,
            Certainty.CERTAIN if is_sure else Certainty.LIKELY,
            _told(meaning.what or meaning.cause.row.sentence, scene),
            _why(cause, meaning, scene),
            _own_remedy(meaning, scene) or _remedy(cause, scene, facts),
            scene.registry,
            scene.asked.authority if scene.asked else "",
            words,
        )


def _own_remedy(meaning: Meaning, scene: Scene) -> Optional[Remedy]:
    remedy = meaning.remedy
    if remedy is None:
        return None
    return remedy._replace(owner=remedy.owner.replace("{who}", scene.who))


def _remedy(cause: Cause, scene: Scene, facts: NodeFacts) -> Remedy:
    setup, guessed = setup_of_scene(cause, scene, facts)
    remedy = remedy_for(cause, setup)
    if not remedy.command:
        return remedy
    return remedy._replace(needs="; ".join(filter(None, (remedy.needs, guessed))))


def _told(text: str, scene: Scene) -> str:
    names = _names(scene.around) if "{names}" in text else ""
    return told(text.replace("{names}", names), scene.who, scene.registry)


def _why(cause: Cause, meaning: Meaning, scene: Scene) -> str:
    why = _told(meaning.why or WHYS[meaning.cause], scene)
    if cause in LOGIN and scene.asked is None and meaning.remedy is None:
        return f"{why}; where mirrors are configured, one of them may be what says so"
    if cause in _OF_THE_LAST and scene.is_own and "resolve reference" in scene.around:
        return f"{why}; {_OLDER}"
    return why


def _names(around: str) -> str:
    found = _NAMES.search(around)
    if not found:
        return ""
    names = [each.strip() for each in found[1].split(",") if _NAME.match(each.strip())]
    if not names:
        return ""
    more = ", ..." if len(names) > _SHOWN_NAMES else ""
    return ": " + ", ".join(names[:_SHOWN_NAMES]) + more
