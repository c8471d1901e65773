"""Callers: a server asked by HTTP, through a proxy where containerd would use one."""

from __future__ import annotations

import email.utils
import http.client
import re
import socket
import ssl
import time
from typing import Dict, Mapping, Optional

from private_registry.check.cause_columns import Layer
from private_registry.check.causes import Cause
from private_registry.check.probe import targets
from private_registry.check.probe.answers import check_protocol, is_said_by_tls
from private_registry.check.probe.connection import (
    Address,
    address_of,
    certificate_failure,
    client_failure,
    connect,
    is_certificate_error,
    secured,
    server_certificate,
)
from private_registry.check.probe.exchange import Answer, Request, exchange, tunnelled
from private_registry.check.probe.failure import Deadline, ProbeFailure, not_understood
from private_registry.check.probe.proxies import Proxies
from private_registry.check.probe.targets import Target
from private_registry.check.probe.trust import context_of, unverified_context
from private_registry.check.reading.reading import Trust
from private_registry.check.server_words import harmless

_LISTEN_SECONDS = 0.5
_AGENT = "private-registry-config"
_API = "/v2/"
_DATE = re.compile(
    r"[A-Za-z]{3}, [0-9]{1,2} [A-Za-z]{3} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2}"
    r" (GMT|[+-][0-9]{4})\Z"
)
_PROXY_WORDS = "the proxy {} answers {}"
_OF_THE_BODY = (
    "content-type",
    "content-encoding",
    "content-language",
    "content-location",
)
# Of another server, these say nothing of how the endpoint itself is to be asked.
_OF_THE_ADDRESS = (Cause.SPEAKS_HTTP, Cause.SPEAKS_HTTPS, Cause.BAD_URL)


class Caller:
    """Asks as one containerd with the TLS settings of one endpoint does.

    Args:
        trust: the TLS settings.
        proxies: of the process that pulls.
        deadline: when everything has to be over.
        compares_ports: a redirect to another port leads to another host.
    """

    def __init__(
        self,
        trust: Trust,
        proxies: Proxies,
        deadline: Deadline,
        *,
        compares_ports: bool
    ) -> None:
        self._trust, self._proxies, self._deadline = trust, proxies, deadline
        self._compares_ports = compares_ports
        self.clock: Optional[float] = None

    def ask(
        self,
        method: str,
        target: Target,
        headers: Mapping[str, str],
        body: Optional[bytes] = None,
        logins: Optional[Mapping[str, str]] = None,
    ) -> Answer:
        """Send a request and follow where it is redirected to.

        Args:
            method: such as ``GET``.
            target: who is asked.
            headers: for it, and for whoever it redirects to as far as they hold no
                secrets.
            body: None for none.
            logins: the header Authorization for each ``HOST[:PORT]`` that asked for
                one.

        Raises:
            ProbeFailure: there is no answer.
        """
        known = logins or {}
        # The login of the first goes along, as its other secrets do.
        headers = {**headers, **_known_login(target, known)}
        first, is_elsewhere = target, False
        for _ in range(targets.MOST_REQUESTS):
            sent = targets.without_secrets(headers) if is_elsewhere else dict(headers)
            sent.update(_known_login(target, known))
            try:
                answer = self._once(method, target, sent, body)
            except ProbeFailure as failure:
                raise _seen_from(first, target, failure) from failure
            location = answer.field("Location")
            if not targets.is_redirect(answer.status) or not location:
                return answer
            following = targets.followed(target, location)
            if following is None:
                words = f"it redirects to what is no address: {harmless(location)}"
                raise ProbeFailure(Cause.UNEXPECTED_STATUS, words)
            if not targets.asks_again(answer.status) and (
                body is not None or method == "POST"
            ):
                method, body = "GET", None
                headers = {
                    k: each
                    for k, each in headers.items()
                    if k.lower() not in _OF_THE_BODY
                }
            target = following
            is_elsewhere = is_elsewhere or not self._is_of_one_host(first, target)
        words = f"it redirects more than {targets.MOST_REQUESTS - 1} times"
        raise ProbeFailure(Cause.UNEXPECTED_STATUS, words)

    def _is_of_one_host(self, first: Target, other: Target) -> bool:
        return targets.is_of_one_host(first, other, compares_ports=self._compares_ports)

    def _once(
        self,
        method: str,
        target: Target,
        headers: Mapping[str, str],
        body: Optional[bytes],
    ) -> Answer:
        address = address_of(target.scheme, target.authority)
        proxy = self._proxy_of(target, address)
        connection = self._reached(target, address, proxy)
        sent = {"User-Agent": _AGENT, **headers}
        if target.login is not None:
            sent.setdefault("Authorization", target.login)
        path = target.path
        if proxy is not None and target.scheme == "http":
            path = target.url
            sent.update(_proxy_login(proxy))
        try:
            if target.scheme == "https":
                connection = self._with_tls(connection, target, address, proxy)
            request = Request(method, path, target.authority, sent, body)
            answer = self._answer(connection, request, target)
        except (OSError, http.client.HTTPException) as error:
            raise self._lost(error, target, address) from error
        finally:
            connection.close()
        if (
            proxy is not None
            and answer.status == http.client.PROXY_AUTHENTICATION_REQUIRED
        ):
            words = _PROXY_WORDS.format(proxy.authority, answer.status)
            raise ProbeFailure(Cause.PROXY, words, proxy.authority, layer=Layer.HTTP)
        check_protocol(answer, target.scheme)
        return answer

    # --- the way there ----------------------------------------------------------------

    def _proxy_of(self, target: Target, address: Address) -> Optional[Target]:
        url = self._proxies.of_url(target.scheme, address.host, address.port)
        if url is None:
            return None
        proxy = targets.target_of(url)
        if proxy is None:
            words = "the address of the proxy cannot be read, or is none of HTTP"
            raise ProbeFailure(Cause.PROXY, words)
        return proxy

    def _reached(
        self, target: Target, address: Address, proxy: Optional[Target]
    ) -> socket.socket:
        if proxy is None:
            return connect(address, self._deadline)
        try:
            connection = connect(
                address_of(proxy.scheme, proxy.authority), self._deadline
            )
        except ProbeFailure as failure:
            words = f"the proxy {proxy.authority} cannot be reached: {failure.detail}"
            raise ProbeFailure(
                Cause.PROXY, words, proxy.authority, layer=failure.layer
            ) from failure
        if target.scheme == "https":
            try:
                self._tunnel(connection, address, proxy)
            except ProbeFailure:
                connection.close()
                raise
        return connection

    def _tunnel(
        self, connection: socket.socket, address: Address, proxy: Target
    ) -> None:
        host = f"[{address.host}]" if ":" in address.host else address.host
        lines = [
            f"CONNECT {host}:{address.port} HTTP/1.1",
            f"Host: {host}:{address.port}",
        ]
        lines += [f"{name}: {value}" for name, value in _proxy_login(proxy).items()]
        head = "\r\n".join([*lines, "", ""]).encode()
        try:
            status = tunnelled(connection, head, self._deadline)
        except ProbeFailure as failure:
            words = f"the proxy {proxy.authority}: {failure.detail}"
        except OSError:
            words = f"the proxy {proxy.authority} hangs up"
        except http.client.HTTPException:
            words = f"what the proxy {proxy.authority} answers is not HTTP"
        else:
            if status == http.client.OK:
                return
            words = _PROXY_WORDS.format(proxy.authority, status)
        raise ProbeFailure(Cause.PROXY, words, proxy.authority, layer=Layer.TCP)

    def _with_tls(
        self,
        connection: socket.socket,
        target: Target,
        address: Address,
        proxy: Optional[Target],
    ) -> socket.socket:
        try:
            return secured(connection, address, context_of(self._trust), self._deadline)
        except OSError as error:
            connection.close()
            if is_certificate_error(error):
                der = self._presented(target, address, proxy)
                # Its clock is read; that it has none to show is no matter.
                self._greeted(address, "https")
                raise certificate_failure(error, der, address) from error
            failure = client_failure(error, has_client=bool(self._trust.clients))
            if failure is not None:
                raise failure from error
            failure = _tls_failure(error)
            answer = self._greeted(address, "http")
            if answer is not None and not is_said_by_tls(answer):
                is_silent = failure.cause is Cause.CONNECTION_LOST
                words = "it answers plain HTTP where TLS should begin"
                if is_silent:
                    words = "it hangs up where TLS should begin, and answers plain HTTP"
                failure = ProbeFailure(Cause.SPEAKS_HTTP, words, is_silent=is_silent)
            raise failure from error

    def _presented(
        self, target: Target, address: Address, proxy: Optional[Target]
    ) -> Optional[bytes]:
        with self._reached(target, address, proxy) as connection:
            return server_certificate(connection, address, self._deadline)

    def _greeted(self, address: Address, scheme: str) -> Optional[Answer]:
        """Return what a server answers without being trusted; None for nothing."""
        there = Target(scheme, address.host)
        request = Request("GET", _API, address.host, {"User-Agent": _AGENT})
        try:
            with connect(address, self._deadline) as raw:
                if scheme == "http":
                    return self._answer(raw, request, there)
                context = unverified_context()
                with secured(raw, address, context, self._deadline) as channel:
                    return self._answer(channel, request, there)
        except (OSError, http.client.HTTPException, ProbeFailure):
            return None

    # --- there ------------------------------------------------------------------------

    def _answer(
        self, connection: socket.socket, request: Request, target: Target
    ) -> Answer:
        answer = exchange(connection, request, self._deadline, target)
        self._note_the_time(answer)
        return answer

    def _lost(self, error: Exception, target: Target, address: Address) -> ProbeFailure:
        if isinstance(error, ssl.SSLError):
            failure = client_failure(error, has_client=bool(self._trust.clients))
            if failure is not None:
                return failure
        if isinstance(error, http.client.BadStatusLine) and not isinstance(
            error, ConnectionError
        ):
            words = "what it answers is not HTTP"
            return ProbeFailure(Cause.NOT_A_REGISTRY, words, layer=Layer.HTTP)
        if not isinstance(error, OSError):
            return not_understood(error)
        refusal = self._late_refusal(address) if target.scheme == "https" else None
        if refusal is not None:
            return refusal
        if target.scheme == "http" and self._speaks_tls(address):
            words = "it hangs up on plain HTTP and answers TLS"
            return ProbeFailure(Cause.SPEAKS_HTTPS, words, layer=Layer.HTTP)
        words = "it closes the connection without an answer"
        return ProbeFailure(Cause.CONNECTION_LOST, words)

    def _late_refusal(self, address: Address) -> Optional[ProbeFailure]:
        """Listen for what a server has against us, and say nothing that it would
        leave unread.
        """
        try:
            context = context_of(self._trust)
            with connect(address, self._deadline) as raw, secured(
                raw, address, context, self._deadline
            ) as channel:
                channel.settimeout(min(_LISTEN_SECONDS, self._deadline.left(Layer.TLS)))
                channel.recv(1)
        except ssl.SSLError as error:
            return client_failure(error, has_client=bool(self._trust.clients))
        except (OSError, ProbeFailure):
            return None
        return None

    def _speaks_tls(self, address: Address) -> bool:
        try:
            with connect(address, self._deadline) as connection:
                return (
                    server_certificate(connection, address, self._deadline) is not None
                )
        except ProbeFailure:
            return False

    def _note_the_time(self, answer: Answer) -> None:
        date = answer.field("Date")
        if not _DATE.match(date):
            return
        try:
            theirs = email.utils.parsedate_to_datetime(date).timestamp()
        except (TypeError, ValueError, OverflowError):
            return
        self.clock = theirs - time.time()


def _known_login(target: Target, logins: Mapping[str, str]) -> Dict[str, str]:
    own = logins.get(target.authority)
    return {} if own is None else {"Authorization": own}


def _seen_from(first: Target, target: Target, failure: ProbeFailure) -> ProbeFailure:
    """Say of a failure where it was, unless it was at the one that was asked first."""
    if target.base == first.base or failure.cause is Cause.PROXY:
        return failure
    cause = (
        Cause.UNEXPECTED_STATUS if failure.cause in _OF_THE_ADDRESS else failure.cause
    )
    words = f"it redirects to {target.base}, and there: {failure.detail}"
    return ProbeFailure(cause, words, failure.asked, layer=failure.layer)


def _proxy_login(proxy: Target) -> Mapping[str, str]:
    return {} if proxy.login is None else {"Proxy-Authorization": proxy.login}


def _tls_failure(error: OSError) -> ProbeFailure:
    reason = str(getattr(error, "reason", "") or "")
    if not reason or "EOF" in reason:
        words = "it closes the connection where TLS should begin"
        return ProbeFailure(Cause.CONNECTION_LOST, words, layer=Layer.TLS)
    return ProbeFailure(Cause.TLS_FAILED, reason.lower().replace("_", " "))
