"""Answers: what a server's answer says beyond that there is one."""

from __future__ import annotations

import os
import re
from http import HTTPStatus
from typing import Any, Mapping

from private_registry.check.cause_columns import Layer
from private_registry.check.causes import Cause
from private_registry.check.probe.exchange import Answer
from private_registry.check.probe.failure import ProbeFailure
from private_registry.check.server_words import harmless
from private_registry.texts import json_text

_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
_OF_STATUS = {
    HTTPStatus.FORBIDDEN: Cause.FORBIDDEN,
    HTTPStatus.TOO_MANY_REQUESTS: Cause.RATE_LIMITED,
}
_HTTPS_WORDS = (
    b"HTTP request to an HTTPS server",
    b"HTTP request was sent to HTTPS port",
)
_NO_CLIENT_WORDS = b"No required SSL certificate"
_BAD_CLIENT_WORDS = b"SSL certificate error"
_MOST_PLATFORMS = 10
_LONGEST_PLATFORM = 40
# What can stand behind "Bearer" (RFC 6750), and no more than a server would take.
_TOKEN = re.compile(r"[\x21-\x7e]{1,65536}\Z")


def check_protocol(answer: Answer, scheme: str) -> None:
    """Look for what a server says of TLS behind the status 400.

    Raises:
        ProbeFailure: it wants to be asked in another way.
    """
    if answer.status != HTTPStatus.BAD_REQUEST:
        return
    if scheme == "http" and is_said_by_tls(answer):
        words = "it answers that it was sent plain HTTP and speaks HTTPS"
        raise ProbeFailure(Cause.SPEAKS_HTTPS, words, layer=Layer.HTTP)
    if _NO_CLIENT_WORDS in answer.body:
        words = "it answers that it wants a client certificate"
        raise ProbeFailure(Cause.CLIENT_CERTIFICATE_MISSING, words)
    if _BAD_CLIENT_WORDS in answer.body:
        words = "it answers that it does not take the client certificate"
        raise ProbeFailure(Cause.CLIENT_CERTIFICATE_REFUSED, words)


def is_said_by_tls(answer: Answer) -> bool:
    """Whether a server that speaks TLS says so in plain HTTP."""
    is_refusal = answer.status == HTTPStatus.BAD_REQUEST
    return is_refusal and any(words in answer.body for words in _HTTPS_WORDS)


def token_in(answer: Answer) -> str:
    """Return the token that a token server hands out; empty for none."""
    plain = _json(answer)
    if not isinstance(plain, Mapping):
        return ""
    token = plain.get("token") or plain.get("access_token")
    return token if isinstance(token, str) and _TOKEN.match(token) else ""


def check_status(answer: Answer, layer: Layer) -> None:
    """Look at the status of an answer.

    Raises:
        ProbeFailure: it is none that a registry serves with.
    """
    if answer.status == HTTPStatus.OK:
        if answer.is_html:
            words = "it answers with a page for people"
            raise ProbeFailure(Cause.NOT_A_REGISTRY, words)
        return
    cause = (
        _OF_STATUS.get(HTTPStatus(answer.status)) if _is_known(answer.status) else None
    )
    if cause is None and answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        cause = Cause.SERVER_ERROR
    raise ProbeFailure(cause or Cause.UNEXPECTED_STATUS, words_of(answer), layer=layer)


def _is_known(status: int) -> bool:
    return status in [each.value for each in HTTPStatus]


def check_platform(answer: Answer) -> None:
    """Look through an index for this machine's architecture.

    Raises:
        ProbeFailure: it has others only.
    """
    plain = _json(answer)
    manifests = plain.get("manifests") if isinstance(plain, Mapping) else None
    machine = os.uname().machine
    own = f"linux/{_ARCHITECTURES.get(machine, machine)}"
    found = (
        _platform(each) for each in (manifests if isinstance(manifests, list) else [])
    )
    known = sorted({each for each in found if each})
    if known and own not in known:
        others = "".join(f", {each}" for each in known[1:_MOST_PLATFORMS])
        words = f"it has the image for {known[0]}{others}, not for {own}"
        raise ProbeFailure(Cause.NO_PLATFORM, words)


def _platform(manifest: Any) -> str:
    platform = manifest.get("platform") if isinstance(manifest, Mapping) else None
    if not isinstance(platform, Mapping):
        return ""
    system, architecture = platform.get("os"), platform.get("architecture")
    if not isinstance(system, str) or not isinstance(architecture, str):
        return ""
    return harmless(f"{system}/{architecture}", _LONGEST_PLATFORM)


def words_of(answer: Answer) -> str:
    """Return the status, and what the registry says of it."""
    plain = _json(answer)
    errors = plain.get("errors") if isinstance(plain, Mapping) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    message = first.get("message") if isinstance(first, Mapping) else None
    phrase = HTTPStatus(answer.status).phrase if _is_known(answer.status) else ""
    status = f"it answers {answer.status} {phrase}".rstrip()
    shown = harmless(message) if isinstance(message, str) else ""
    return f"{status}: {shown}" if shown else status


def _json(answer: Answer) -> Any:
    try:
        return json_text.loads(answer.body)
    except json_text.JsonSyntaxError:
        return None
