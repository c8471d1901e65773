"""Asks one endpoint as containerd would, layer by layer, and ends at the first that fails."""

from __future__ import annotations

import base64
import os
from http import HTTPStatus
from typing import Any, Dict, List, Mapping, Optional
from urllib.parse import quote, urlencode

from private_registry.core import json_text
from private_registry.core.check.challenge import Challenge, login, parse_challenges
from private_registry.core.check.findings import Cause, Layer
from private_registry.core.check.proxies import Proxies
from private_registry.core.check.result import Login, Question, Result
from private_registry.shell.probing.caller import Answer, Caller
from private_registry.shell.probing.failure import Deadline, ProbeFailure

_INDEXES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_ACCEPT = ", ".join(
    (
        "application/vnd.docker.distribution.manifest.v2+json",
        *_INDEXES,
        "application/vnd.oci.image.manifest.v1+json",
        "*/*",
    )
)
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}
# containerd asks a token server that does not know POST once more by GET (docker/auth/fetch.go).
_ASK_BY_GET = (400, 401, 404, 405)
_OF_STATUS = {
    HTTPStatus.FORBIDDEN: Cause.FORBIDDEN,
    HTTPStatus.TOO_MANY_REQUESTS: Cause.RATE_LIMITED,
}
_SPOKEN = {Cause.SPEAKS_HTTP: "http", Cause.SPEAKS_HTTPS: "https"}
_WITH_ANSWER = (Layer.API, Layer.LOGIN, Layer.MANIFEST)
_LONGEST_WORDS = 200
_CLIENT_ID = "containerd-client"


def ask(question: Question, seconds: float) -> Result:
    """Ask an endpoint.

    Args:
        question: what.
        seconds: how long it may take; where a proxy is in the way, the same again without it.
    """
    result = _ask(question, Deadline(seconds))
    if result.cause is None or not question.proxies.are_there:
        return result
    direct = _ask(question._replace(proxies=Proxies()), Deadline(seconds))
    if direct.cause is not None:
        return result
    why = result.detail if result.cause is Cause.PROXY else f"{result.cause.value}: {result.detail}"
    return result._replace(cause=Cause.PROXY, detail=f"{why}; asked without a proxy, it answers")


def _ask(question: Question, deadline: Deadline) -> Result:
    caller = Caller(question.entry.trust, question.proxies, deadline)
    probe = _Probe(question, caller)
    try:
        probe.run()
    except ProbeFailure as failure:
        return Result(
            failure.cause,
            failure.layer,
            failure.detail,
            failure.asked,
            caller.clock,
            probe.speaks,
            probe.is_anonymous,
            _beyond(question, failure.cause, deadline),
        )
    layer = Layer.LOGIN if question.image is None else Layer.MANIFEST
    return Result(
        None, layer, clock=caller.clock, speaks=probe.speaks, is_anonymous=probe.is_anonymous
    )


def _beyond(question: Question, cause: Cause, deadline: Deadline) -> Optional[Cause]:
    """Return what would be next where the other protocol is spoken."""
    if cause is not Cause.SPEAKS_HTTPS:
        return None
    entry = question.entry._replace(scheme="https", tries_https=False)
    return _ask(question._replace(entry=entry), deadline).cause


class _Probe:
    def __init__(self, question: Question, caller: Caller) -> None:
        self._question, self._entry, self._caller = question, question.entry, caller
        self.speaks = ""
        self.is_anonymous = True

    def run(self) -> None:
        scheme = self._entry.scheme
        if scheme not in ("http", "https"):
            words = f"{scheme}:// is no way to ask a registry"
            raise ProbeFailure(Cause.BAD_SCHEME, Layer.FILES, words)
        try:
            self._run("https" if self._entry.tries_https else scheme)
        except ProbeFailure as failure:
            self.speaks = _SPOKEN.get(failure.cause, self.speaks)
            # containerd http_fallback: only where TLS is answered with "HTTP/".
            is_told = failure.cause is Cause.SPEAKS_HTTP and not failure.is_silent
            if not (is_told and self._entry.falls_back_to_http):
                raise
            self._run("http")

    def _run(self, scheme: str) -> None:
        base = f"{scheme}://{self._entry.authority}"
        try:
            if self._question.image is None:
                self._ping(base)
            else:
                self._look_up(base)
        except ProbeFailure as failure:
            self.speaks = scheme if failure.layer in _WITH_ANSWER else ""
            raise
        self.speaks = scheme

    @property
    def _path(self) -> str:
        return quote(self._entry.path, safe="/:@!$&'()*+,;=~")

    # --- what is asked ------------------------------------------------------------------------

    def _ping(self, base: str) -> None:
        answer = self._allowed("GET", f"{base}{self._path}/")
        has_own_path = self._entry.path != "/v2"
        if answer.status == HTTPStatus.NOT_FOUND and has_own_path and not answer.is_html:
            # Below a project's path many registries answer for images only.
            return
        if answer.status == HTTPStatus.UNAUTHORIZED:
            return
        if answer.status == HTTPStatus.NOT_FOUND:
            raise ProbeFailure(Cause.NOT_A_REGISTRY, Layer.API, _words(answer))
        _check_status(answer, Layer.API)

    def _look_up(self, base: str) -> None:
        image = self._question.image
        if image is None:
            raise AssertionError(base)
        url = f"{base}{self._path}/{image.repository}/manifests/{image.version}"
        if self._entry.is_proxy:
            url += f"?ns={quote(self._question.registry, safe='')}"
        answer = self._allowed("HEAD", url)
        if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
            answer = self._allowed("GET", url)
        if answer.status == HTTPStatus.NOT_FOUND:
            raise ProbeFailure(Cause.NOT_FOUND, Layer.MANIFEST, _words(answer))
        _check_status(answer, Layer.MANIFEST)
        if answer.kind in _INDEXES:
            _check_platform(self._allowed("GET", url))

    # --- login --------------------------------------------------------------------------------

    def _allowed(self, method: str, url: str) -> Answer:
        """Ask, and log in where that is asked for."""
        headers = self._headers()
        answer = self._caller.ask(method, url, headers)
        if answer.status != HTTPStatus.UNAUTHORIZED:
            return answer
        challenge = login(parse_challenges(answer.headers.get_all("WWW-Authenticate") or []))
        if challenge is None:
            words = "it answers 401 and does not say how to log in"
            raise ProbeFailure(Cause.BAD_CHALLENGE, Layer.LOGIN, words)
        headers["Authorization"] = self._authorization(challenge)
        answer = self._caller.ask(method, url, headers)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self._refused(answer)
        self.is_anonymous = self._question.login is None
        return answer

    def _headers(self) -> Dict[str, str]:
        own = {name: ", ".join(values) for name, values in self._entry.headers}
        return {"Accept": _ACCEPT, **own}

    def _authorization(self, challenge: Challenge) -> str:
        if challenge.scheme == "bearer":
            return f"Bearer {self._token(challenge)}"
        if self._question.login is None:
            raise ProbeFailure(
                Cause.LOGIN_MISSING, Layer.LOGIN, "it wants a user name and a password"
            )
        return _basic(self._question.login)

    def _refused(self, answer: Answer) -> None:
        challenges = parse_challenges(answer.headers.get_all("WWW-Authenticate") or [])
        errors = {each.parameters.get("error") for each in challenges}
        if "insufficient_scope" in errors and self._question.image is not None:
            words = "its token server gives no right to pull this"
            raise ProbeFailure(Cause.ACCESS_DENIED, Layer.LOGIN, words)
        if self._question.login is not None:
            words = "it refuses the user name and password"
            raise ProbeFailure(Cause.LOGIN_REFUSED, Layer.LOGIN, words)
        if self._question.image is not None:
            words = "it answers those only who log in"
            raise ProbeFailure(Cause.LOGIN_MISSING, Layer.LOGIN, words)

    def _token(self, challenge: Challenge) -> str:
        realm = challenge.parameters.get("realm", "")
        if not realm.startswith(("http://", "https://")):
            words = "it does not say where to fetch a token"
            raise ProbeFailure(Cause.BAD_CHALLENGE, Layer.LOGIN, words)
        try:
            answer = self._token_answer(realm, self._form(challenge))
        except ProbeFailure as failure:
            words = f"{failure.cause.value.replace('_', ' ')}: {failure.detail}"
            raise ProbeFailure(Cause.TOKEN_UNREACHABLE, Layer.LOGIN, words, realm) from failure
        if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            has_login = self._question.login is not None
            cause = Cause.TOKEN_REFUSED if has_login else Cause.LOGIN_MISSING
            raise ProbeFailure(cause, Layer.LOGIN, f"its token server: {_words(answer)}", realm)
        token = _token_in(answer)
        if answer.status != HTTPStatus.OK or not token:
            words = f"its token server: {_words(answer)}"
            raise ProbeFailure(Cause.TOKEN_UNREACHABLE, Layer.LOGIN, words, realm)
        return token

    def _form(self, challenge: Challenge) -> Dict[str, str]:
        image = self._question.image
        scope = challenge.parameters.get("scope", "")
        if image is not None:
            scope = f"repository:{image.repository}:pull"
        service = challenge.parameters.get("service", "")
        return {key: each for key, each in (("service", service), ("scope", scope)) if each}

    def _token_answer(self, realm: str, form: Dict[str, str]) -> Answer:
        given, own = self._question.login, self._headers()
        del own["Accept"]
        headers = own if self._question.has_token_headers else {}
        if given is not None:
            names = {"username": given.username, "password": given.password}
            whole = {"grant_type": "password", "client_id": _CLIENT_ID, **form, **names}
            kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
            body = urlencode(whole).encode()
            answer = self._caller.ask("POST", realm, {**headers, **kind}, body)
            if answer.status not in _ASK_BY_GET:
                return answer
            headers = {**headers, "Authorization": _basic(given)}
        joint = "&" if "?" in realm else "?"
        return self._caller.ask("GET", f"{realm}{joint}{urlencode(form)}", headers)


def _basic(given: Login) -> str:
    pair = f"{given.username}:{given.password}".encode()
    return "Basic " + base64.b64encode(pair).decode()


def _token_in(answer: Answer) -> str:
    plain = _json(answer)
    if not isinstance(plain, Mapping):
        return ""
    return str(plain.get("token") or plain.get("access_token") or "")


def _check_status(answer: Answer, layer: Layer) -> None:
    if answer.status == HTTPStatus.OK:
        if answer.is_html:
            words = "it answers with a page for people"
            raise ProbeFailure(Cause.NOT_A_REGISTRY, Layer.API, words)
        return
    cause = _OF_STATUS.get(HTTPStatus(answer.status)) if _is_known(answer.status) else None
    if cause is None and answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        cause = Cause.SERVER_ERROR
    raise ProbeFailure(cause or Cause.UNEXPECTED_STATUS, layer, _words(answer))


def _is_known(status: int) -> bool:
    return status in [each.value for each in HTTPStatus]


def _check_platform(answer: Answer) -> None:
    plain = _json(answer)
    manifests = plain.get("manifests") if isinstance(plain, Mapping) else None
    machine = os.uname().machine
    own = _ARCHITECTURES.get(machine, machine)
    found = [_platform(each) for each in manifests or [] if isinstance(each, Mapping)]
    known: List[str] = [each for each in found if each is not None]
    if known and f"linux/{own}" not in known:
        words = f"it has the image for {', '.join(sorted(set(known)))}, not for linux/{own}"
        raise ProbeFailure(Cause.NO_PLATFORM, Layer.MANIFEST, words)


def _platform(manifest: Mapping[str, Any]) -> Optional[str]:
    platform = manifest.get("platform")
    if not isinstance(platform, Mapping):
        return None
    return f"{platform.get('os')}/{platform.get('architecture')}"


def _words(answer: Answer) -> str:
    """Return the status, and what the registry says of it."""
    plain = _json(answer)
    errors = plain.get("errors") if isinstance(plain, Mapping) else None
    first = errors[0] if isinstance(errors, list) and errors else {}
    message = str(first.get("message") or "") if isinstance(first, Mapping) else ""
    phrase = HTTPStatus(answer.status).phrase if _is_known(answer.status) else ""
    status = f"it answers {answer.status} {phrase}".rstrip()
    shown = " ".join(message.split())[:_LONGEST_WORDS]
    return f"{status}: {shown}" if shown and shown.isprintable() else status


def _json(answer: Answer) -> Any:
    try:
        return json_text.loads(answer.body)
    except json_text.JsonSyntaxError:
        return None
