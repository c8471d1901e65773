"""Second questions: where else a registry may be if it is not where it was asked for.

At the other protocol's port of the same host, and at the host's own API in place of one
below a path. Nobody is logged in to there, and no header is sent.
"""

from __future__ import annotations

from typing import Callable, Optional

from private_registry.check.cause_columns import Layer
from private_registry.check.causes import CLIENT, PATH, TRUST, Cause
from private_registry.check.probe.result import Question, Result
from private_registry.check.reading.reading import Trust
from private_registry.named_tuple import NamedTuple
from private_registry.registries.names import DOCKER_HUB_SERVER

_API = "/v2"
_PORTS = {"http": 80, "https": 443}
_SPELT = {"http": "plain HTTP", "https": "HTTPS"}


class Asked(NamedTuple):
    """What came of a question.

    Args:
        result: as it is to be told.
        is_registry: whoever answered knows a registry's API there.
    """

    result: Result
    is_registry: bool


Ask = Callable[[Question], Asked]


def looked_into(question: Question, asked: Asked, ask: Ask) -> Result:
    """Return what came of a question, or of a second one that tells more.

    Args:
        question: the first one.
        asked: what came of it.
        ask: asks another one, in the time that is left.
    """
    second = _at_other_port(question, asked, ask) or _without_path(question, asked, ask)
    return second or asked.result


def _at_other_port(question: Question, asked: Asked, ask: Ask) -> Optional[Result]:
    entry = question.entry
    scheme = "http" if entry.scheme == "https" else "https"
    has_port = entry.authority.rpartition("]")[2].count(":") > 0
    is_hub = entry.authority == DOCKER_HUB_SERVER
    if asked.result.cause is not Cause.REFUSED or has_port or is_hub:
        return None
    other = entry._replace(
        scheme=scheme,
        trust=entry.trust if scheme == "https" else Trust(),
        headers=(),
        tries_https=False,
        falls_back_to_http=False,
    )
    found = ask(question._replace(entry=other, image=None, login=None, logins={}))
    beyond = found.result.cause
    is_tls = scheme == "https" and beyond in TRUST | CLIENT
    if not (found.is_registry or is_tls):
        return None
    port = _PORTS["https" if scheme == "http" else "http"]
    return asked.result._replace(
        cause=Cause.SPEAKS_HTTP if scheme == "http" else Cause.SPEAKS_HTTPS,
        layer=Layer.TLS,
        detail=f"{asked.result.detail} at port {port}, which is asked where no port is"
        f" named; at port {_PORTS[scheme]} a registry speaks {_SPELT[scheme]}",
        speaks=scheme,
        beyond=beyond if is_tls else None,
    )


def _without_path(question: Question, asked: Asked, ask: Ask) -> Optional[Result]:
    """Look at the host's own API where one that is appended to a path is none."""
    entry, result = question.entry, asked.result
    is_appended = entry.path.endswith(_API) and entry.path != _API
    may_be_path = result.cause is None or result.cause in PATH
    if asked.is_registry or not (is_appended and may_be_path):
        return None
    at_path = question._replace(image=None)
    if question.image is not None and ask(at_path).is_registry:
        return None
    # What is sent to an address that nobody wrote down holds no secret.
    own = at_path._replace(entry=entry._replace(path=_API, headers=()))
    if not ask(own._replace(login=None, logins={})).is_registry:
        return None
    base = f"{result.speaks or entry.scheme}://{entry.authority}"
    project = entry.path[: -len(_API)]
    return result._replace(
        cause=Cause.NOT_A_REGISTRY,
        layer=Layer.API,
        detail=f"{base}{entry.path}/ is no registry, and {base}{_API}/ is one: a"
        f" project stands behind {_API}",
        instead=f"{base}{_API}{project}",
    )
