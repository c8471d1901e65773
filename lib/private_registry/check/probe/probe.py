"""Probes: one endpoint asked as containerd would, until the first layer that fails."""

from __future__ import annotations

import threading
from http import HTTPStatus
from queue import Empty, Queue
from typing import Dict, Optional
from urllib.parse import quote, urlencode

from private_registry.check.cause_columns import Layer
from private_registry.check.causes import Cause
from private_registry.check.probe.answers import (
    check_platform,
    check_status,
    token_in,
    words_of,
)
from private_registry.check.probe.caller import Caller
from private_registry.check.probe.challenge import Challenge, login, parse_challenges
from private_registry.check.probe.exchange import Answer
from private_registry.check.probe.failure import Deadline, ProbeFailure, not_understood
from private_registry.check.probe.proxies import Proxies
from private_registry.check.probe.result import Question, Result
from private_registry.check.probe.second_questions import Asked, looked_into
from private_registry.check.probe.targets import Target, basic, target_of
from private_registry.check.server_words import harmless
from private_registry.registries.logins import Login

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
# containerd asks a token server that does not know POST once more by GET
# (docker/auth/fetch.go).
_ASK_BY_GET = (400, 401, 404, 405)
_SPOKEN = {Cause.SPEAKS_HTTP: "http", Cause.SPEAKS_HTTPS: "https"}
_WITH_ANSWER = (Layer.API, Layer.LOGIN, Layer.MANIFEST)
_MOST_LOGINS = 6
_LONGEST_DETAIL = 600
_CLIENT_ID = "containerd-client"


def ask(question: Question, seconds: float) -> Result:
    """Ask an endpoint; whatever it answers, there is a result.

    Args:
        question: what.
        seconds: how long it may take in all. Where a proxy is in the way, it is asked
            without it, too, once half of that is over.
    """
    deadline = Deadline(seconds)
    if not question.proxies.are_there:
        return _ask(question, deadline)
    directly = _Directly(question._replace(proxies=Proxies()), deadline)
    result = _ask(question, deadline)
    if result.cause is None:
        directly.is_wanted = False
        return result
    if not directly.serves():
        return result
    why = (
        result.detail
        if result.cause is Cause.PROXY
        else f"{result.cause.value}: {result.detail}"
    )
    return result._replace(
        cause=Cause.PROXY, detail=f"{why}; asked without a proxy, it answers"
    )


class _Directly:
    """Asks without a proxy, at half-time or as soon as that is waited for."""

    def __init__(self, question: Question, deadline: Deadline) -> None:
        self.is_wanted = True
        self._question, self._deadline = question, deadline
        self._begin = threading.Event()
        self._results: Queue[Result] = Queue()
        threading.Thread(target=self._run, daemon=True).start()

    def serves(self) -> bool:
        """Whether the endpoint serves; not where time is over before that is known."""
        self._begin.set()
        try:
            return self._results.get(timeout=self._deadline.rest).cause is None
        except Empty:
            return False

    def _run(self) -> None:
        self._begin.wait(self._deadline.rest / 2)
        if self.is_wanted:
            self._results.put(_ask(self._question, self._deadline))


def _ask(question: Question, deadline: Deadline) -> Result:
    def ask_again(other: Question) -> Asked:
        return _once(other, deadline)

    return looked_into(question, _once(question, deadline), ask_again)


def _once(question: Question, deadline: Deadline) -> Asked:
    trust, proxies = question.entry.trust, question.proxies
    caller = Caller(trust, proxies, deadline, compares_ports=question.compares_ports)
    probe = _Probe(question, caller)
    try:
        probe.run()
    except ProbeFailure as known:
        failure = known
    # No answer of one server may end the whole check.
    except Exception as error:  # noqa: BLE001
        failure = not_understood(error)
    else:
        layer = Layer.LOGIN if question.image is None else Layer.MANIFEST
        result = Result(
            None,
            layer,
            clock=caller.clock,
            speaks=probe.speaks,
            is_anonymous=probe.is_anonymous,
        )
        return Asked(result, probe.has_api)
    result = Result(
        failure.cause,
        failure.layer,
        harmless(failure.detail, _LONGEST_DETAIL),
        harmless(failure.asked, _LONGEST_DETAIL),
        caller.clock,
        probe.speaks,
        probe.is_anonymous,
        _beyond(question, failure.cause, deadline),
        failure.login_at,
    )
    return Asked(result, failure.layer is Layer.LOGIN)


def _beyond(question: Question, cause: Cause, deadline: Deadline) -> Optional[Cause]:
    """Return what would be next where the other protocol is spoken."""
    if cause is not Cause.SPEAKS_HTTPS:
        return None
    entry = question.entry._replace(scheme="https", tries_https=False)
    return _once(question._replace(entry=entry), deadline).result.cause


class _Probe:
    def __init__(self, question: Question, caller: Caller) -> None:
        self._question, self._entry, self._caller = question, question.entry, caller
        self.speaks = ""
        self.is_anonymous = True
        self.has_api = True

    def run(self) -> None:
        scheme = self._entry.scheme
        if scheme not in ("http", "https"):
            words = f"{scheme}:// is no way to ask a registry"
            raise ProbeFailure(Cause.BAD_SCHEME, words)
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
        base = Target(scheme, self._entry.authority, self._path)
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
        return quote(self._entry.path, safe="/:@!$&'()*+,;=~", errors="surrogateescape")

    # --- what is asked ----------------------------------------------------------------

    def _ping(self, base: Target) -> None:
        answer = self._allowed("GET", base._replace(path=f"{base.path}/"))
        has_own_path = self._entry.path != "/v2"
        if (
            answer.status == HTTPStatus.NOT_FOUND
            and has_own_path
            and not answer.is_html
        ):
            # Below a project's path many registries answer for images only.
            self.has_api = False
            return
        if answer.status == HTTPStatus.UNAUTHORIZED:
            return
        if answer.status == HTTPStatus.NOT_FOUND:
            raise ProbeFailure(Cause.NOT_A_REGISTRY, words_of(answer))
        check_status(answer, Layer.API)

    def _look_up(self, base: Target) -> None:
        image = self._question.image
        if image is None:
            raise AssertionError(base)
        path = f"{base.path}/{image.repository}/manifests/{image.version}"
        if self._entry.is_proxy:
            path += f"?ns={quote(self._question.registry, safe='')}"
        target = base._replace(path=path)
        answer = self._allowed("HEAD", target)
        if answer.status == HTTPStatus.METHOD_NOT_ALLOWED:
            answer = self._allowed("GET", target)
        if answer.status == HTTPStatus.NOT_FOUND:
            raise ProbeFailure(Cause.NOT_FOUND, words_of(answer))
        check_status(answer, Layer.MANIFEST)
        if answer.kind in _INDEXES:
            check_platform(self._allowed("GET", target))

    # --- login ------------------------------------------------------------------------

    def _allowed(self, method: str, target: Target) -> Answer:
        """Ask, and log in with whoever asks for that: a challenge counts for its own
        host alone.

        Source: containerd remotes/docker/authorizer.go AddResponses, resolver.go
        retryRequest.
        """
        logins: Dict[str, str] = {}
        for _ in range(_MOST_LOGINS):
            answer = self._caller.ask(method, target, self._headers(), logins=logins)
            host = answer.target.authority
            if answer.status != HTTPStatus.UNAUTHORIZED:
                break
            try:
                if host in logins:
                    self._refused(answer)
                    break
                logins[host] = self._authorization(answer)
            except ProbeFailure as failure:
                raise self._of_login(failure, answer.target) from failure
        if logins:
            self.is_anonymous = all(
                self._question.login_of(host) is None for host in logins
            )
        return answer

    def _of_login(self, failure: ProbeFailure, target: Target) -> ProbeFailure:
        if target.authority != self._entry.authority:
            failure.login_at = target.base
            failure.detail = (
                f"it redirects to {target.base}, and there: {failure.detail}"
            )
        return failure

    def _headers(self) -> Dict[str, str]:
        own = {name: ", ".join(values) for name, values in self._entry.headers}
        return {"Accept": _ACCEPT, **own}

    def _authorization(self, answer: Answer) -> str:
        challenge = login(parse_challenges(answer.fields("WWW-Authenticate")))
        if challenge is None:
            words = "it answers 401 and does not say how to log in"
            raise ProbeFailure(Cause.BAD_CHALLENGE, words)
        given = self._question.login_of(answer.target.authority)
        if challenge.scheme == "bearer":
            return f"Bearer {self._token(challenge, given)}"
        if given is None:
            raise ProbeFailure(
                Cause.LOGIN_MISSING, "it wants a user name and a password"
            )
        return basic(given.username, given.password)

    def _refused(self, answer: Answer) -> None:
        challenges = parse_challenges(answer.fields("WWW-Authenticate"))
        errors = {each.parameters.get("error") for each in challenges}
        if "insufficient_scope" in errors and self._question.image is not None:
            words = "its token server gives no right to pull this"
            raise ProbeFailure(Cause.ACCESS_DENIED, words)
        if self._question.login_of(answer.target.authority) is not None:
            words = "it refuses the user name and password"
            raise ProbeFailure(Cause.LOGIN_REFUSED, words)
        if self._question.image is not None:
            words = "it answers those only who log in"
            raise ProbeFailure(Cause.LOGIN_MISSING, words)

    def _token(self, challenge: Challenge, given: Optional[Login]) -> str:
        realm = target_of(challenge.parameters.get("realm", ""))
        if realm is None:
            words = "it does not say where to fetch a token"
            raise ProbeFailure(Cause.BAD_CHALLENGE, words)
        try:
            answer = self._token_answer(realm, self._form(challenge), given)
        except ProbeFailure as failure:
            words = f"{failure.cause.value.replace('_', ' ')}: {failure.detail}"
            raise ProbeFailure(Cause.TOKEN_UNREACHABLE, words, realm.url) from failure
        if answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            cause = Cause.LOGIN_MISSING if given is None else Cause.TOKEN_REFUSED
            words = f"its token server: {words_of(answer)}"
            raise ProbeFailure(cause, words, realm.url)
        token = token_in(answer)
        if answer.status != HTTPStatus.OK or not token:
            words = f"its token server: {words_of(answer)}"
            raise ProbeFailure(Cause.TOKEN_UNREACHABLE, words, realm.url)
        return token

    def _form(self, challenge: Challenge) -> Dict[str, str]:
        image = self._question.image
        scope = challenge.parameters.get("scope", "")
        if image is not None:
            scope = f"repository:{image.repository}:pull"
        service = challenge.parameters.get("service", "")
        return {
            key: each for key, each in (("service", service), ("scope", scope)) if each
        }

    def _token_answer(
        self, realm: Target, form: Dict[str, str], given: Optional[Login]
    ) -> Answer:
        own = self._headers()
        del own["Accept"]
        headers = own if self._question.has_token_headers else {}
        if given is not None:
            names = {"username": given.username, "password": given.password}
            whole = {"grant_type": "password", "client_id": _CLIENT_ID, **form, **names}
            kind = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
            body = urlencode(whole, errors="surrogateescape").encode()
            answer = self._caller.ask("POST", realm, {**headers, **kind}, body)
            if answer.status not in _ASK_BY_GET:
                return answer
            headers = {
                **headers,
                "Authorization": basic(given.username, given.password),
            }
        joint = "&" if "?" in realm.path else "?"
        query = urlencode(form, errors="surrogateescape")
        return self._caller.ask(
            "GET", realm._replace(path=f"{realm.path}{joint}{query}"), headers
        )
