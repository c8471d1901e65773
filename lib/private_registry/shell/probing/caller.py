"""Asks a server by HTTP, through a proxy where containerd would, and says why it cannot."""

from __future__ import annotations

import base64
import email.utils
import http.client
import socket
import ssl
import time
from typing import Mapping, NamedTuple, Optional
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from private_registry.core.check.findings import Cause, Layer
from private_registry.core.check.proxies import Proxies
from private_registry.core.check.reading import Trust
from private_registry.shell.probing.connection import (
    Address,
    address_of,
    certificate_failure,
    client_failure,
    connect,
    is_certificate_error,
    secured,
    server_certificate,
)
from private_registry.shell.probing.failure import Deadline, ProbeFailure
from private_registry.shell.probing.trust import context_of, unverified_context

_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 5
_LISTEN_SECONDS = 0.5
_MOST_BYTES = 1024 * 1024
_AGENT = "private-registry-config"
_HTTPS_WORDS = (b"HTTP request to an HTTPS server", b"HTTP request was sent to HTTPS port")
_NO_CLIENT_WORDS = b"No required SSL certificate"
_BAD_CLIENT_WORDS = b"SSL certificate error"
_PROXY_WORDS = "the proxy {} answers {}"


class Answer(NamedTuple):
    """What a server answered; the body up to 1 MiB."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def kind(self) -> str:
        """The media type, without parameters."""
        return (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower()

    @property
    def is_html(self) -> bool:
        """Whether it is a page for people."""
        return self.kind == "text/html" or self.body.lstrip()[:9].lower() in (
            b"<!doctype",
            b"<html>",
        )


class Caller:
    """Asks as one containerd with the TLS settings of one endpoint does.

    Args:
        trust: the TLS settings.
        proxies: of the process that pulls.
        deadline: when everything has to be over.
    """

    def __init__(self, trust: Trust, proxies: Proxies, deadline: Deadline) -> None:
        self._trust, self._proxies, self._deadline = trust, proxies, deadline
        self.clock: Optional[float] = None

    def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: Optional[bytes] = None
    ) -> Answer:
        """Send a request and follow where it is redirected to.

        Raises:
            ProbeFailure: there is no answer.
        """
        answer = self._once(method, url, headers, body)
        for _ in range(_MOST_REDIRECTS):
            target = answer.headers.get("Location")
            if answer.status not in _REDIRECTS or not target or method == "POST":
                break
            following = urljoin(url, target)
            if urlsplit(following).netloc != urlsplit(url).netloc:
                headers = {key: each for key, each in headers.items() if key != "Authorization"}
            url = following
            answer = self._once(method, url, headers, None)
        return answer

    def _once(
        self, method: str, url: str, headers: Mapping[str, str], body: Optional[bytes]
    ) -> Answer:
        parts = urlsplit(url)
        address = address_of(parts.scheme, parts.netloc.rpartition("@")[2])
        proxy = self._proxies.of_url(parts.scheme, address.host, address.port)
        connection = self._reached(parts, address, proxy)
        try:
            if parts.scheme == "https":
                connection = self._with_tls(connection, parts, address, proxy)
            target = parts._replace(fragment="").geturl() if _is_relayed(parts, proxy) else ""
            request = _Request(method, target or _path(parts), parts.netloc, headers, body)
            answer = self._answer(connection, request, proxy)
        except (OSError, http.client.HTTPException) as error:
            raise self._lost(error, parts, address) from error
        finally:
            connection.close()
        return self._checked(answer, parts)

    # --- the way there ------------------------------------------------------------------------

    def _reached(self, parts: SplitResult, address: Address, proxy: Optional[str]) -> socket.socket:
        if proxy is None:
            return connect(address, self._deadline)
        found = urlsplit(proxy)
        try:
            connection = connect(address_of(found.scheme, _bare(found)), self._deadline)
        except ProbeFailure as failure:
            words = f"the proxy {_bare(found)} cannot be reached: {failure.detail}"
            raise ProbeFailure(Cause.PROXY, failure.layer, words, _bare(found)) from failure
        if parts.scheme == "https":
            self._tunnel(connection, address, found)
        return connection

    def _tunnel(self, connection: socket.socket, address: Address, proxy: SplitResult) -> None:
        host = f"[{address.host}]" if ":" in address.host else address.host
        lines = [f"CONNECT {host}:{address.port} HTTP/1.1", f"Host: {host}:{address.port}"]
        lines += [f"{name}: {value}" for name, value in _proxy_login(proxy).items()]
        try:
            connection.settimeout(self._deadline.left(Layer.TCP))
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            response = http.client.HTTPResponse(connection, method="CONNECT")
            response.begin()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            words = f"the proxy {_bare(proxy)} hangs up"
            raise ProbeFailure(Cause.PROXY, Layer.TCP, words, _bare(proxy)) from error
        if response.status != http.client.OK:
            connection.close()
            words = _PROXY_WORDS.format(_bare(proxy), response.status)
            raise ProbeFailure(Cause.PROXY, Layer.TCP, words, _bare(proxy))

    def _with_tls(
        self,
        connection: socket.socket,
        parts: SplitResult,
        address: Address,
        proxy: Optional[str],
    ) -> socket.socket:
        try:
            return secured(connection, address, context_of(self._trust), self._deadline)
        except OSError as error:
            connection.close()
            if is_certificate_error(error):
                der = self._presented(parts, address, proxy)
                self._ask_for_the_time(address)
                raise certificate_failure(error, der, address) from error
            failure = client_failure(error, has_client=bool(self._trust.clients))
            if failure is not None:
                raise failure from error
            failure = _tls_failure(error)
            if self._speaks_http(address):
                is_silent = failure.cause is Cause.CONNECTION_LOST
                words = "it answers plain HTTP where TLS should begin"
                if is_silent:
                    words = "it hangs up where TLS should begin, and answers plain HTTP"
                failure = ProbeFailure(Cause.SPEAKS_HTTP, Layer.TLS, words, is_silent=is_silent)
            raise failure from error

    def _presented(
        self, parts: SplitResult, address: Address, proxy: Optional[str]
    ) -> Optional[bytes]:
        with self._reached(parts, address, proxy) as connection:
            return server_certificate(connection, address, self._deadline)

    def _ask_for_the_time(self, address: Address) -> None:
        """Read the clock of a server that is not trusted; that it has none to show is no matter."""
        try:
            context = unverified_context()
            with connect(address, self._deadline) as raw, secured(
                raw, address, context, self._deadline
            ) as connection:
                request = _Request("GET", "/v2/", address.host, {}, None)
                self._answer(connection, request, None)
        except (OSError, http.client.HTTPException, ProbeFailure):
            return

    def _speaks_http(self, address: Address) -> bool:
        try:
            with connect(address, self._deadline) as connection:
                request = _Request("GET", "/v2/", address.host, {}, None)
                answer = self._answer(connection, request, None)
        except (OSError, http.client.HTTPException, ProbeFailure):
            return False
        return not _is_said_by_tls(answer)

    # --- there --------------------------------------------------------------------------------

    def _answer(self, connection: socket.socket, request: _Request, proxy: Optional[str]) -> Answer:
        connection.settimeout(self._deadline.left(Layer.HTTP))
        client = http.client.HTTPConnection("unused")
        client.sock = connection
        headers = {"Host": request.host, "User-Agent": _AGENT, **request.headers}
        if proxy is not None and request.target.startswith("http:"):
            headers.update(_proxy_login(urlsplit(proxy)))
        try:
            client.request(request.method, request.target, request.body, headers)
            response = client.getresponse()
            answer = Answer(response.status, response.headers, response.read(_MOST_BYTES))
        except socket.timeout:
            raise self._deadline.passed(Layer.HTTP) from None
        except ConnectionError:
            # With TLS 1.3 a refusal comes after the handshake, and may lie unread.
            connection.recv(1)
            raise
        self._note_the_time(answer)
        if proxy is not None and answer.status == http.client.PROXY_AUTHENTICATION_REQUIRED:
            words = _PROXY_WORDS.format(_bare(urlsplit(proxy)), answer.status)
            raise ProbeFailure(Cause.PROXY, Layer.HTTP, words, _bare(urlsplit(proxy)))
        return answer

    def _lost(self, error: Exception, parts: SplitResult, address: Address) -> ProbeFailure:
        if isinstance(error, ssl.SSLError):
            failure = client_failure(error, has_client=bool(self._trust.clients))
            if failure is not None:
                return failure
        if isinstance(error, http.client.BadStatusLine) and not isinstance(error, ConnectionError):
            words = "what it answers is not HTTP"
            return ProbeFailure(Cause.NOT_A_REGISTRY, Layer.HTTP, words)
        refusal = self._late_refusal(address) if parts.scheme == "https" else None
        if refusal is not None:
            return refusal
        if parts.scheme == "http" and self._speaks_tls(address):
            words = "it hangs up on plain HTTP and answers TLS"
            return ProbeFailure(Cause.SPEAKS_HTTPS, Layer.HTTP, words)
        words = "it closes the connection without an answer"
        return ProbeFailure(Cause.CONNECTION_LOST, Layer.HTTP, words)

    def _late_refusal(self, address: Address) -> Optional[ProbeFailure]:
        """Listen for what a server has against us, and say nothing that it would leave unread."""
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
                return server_certificate(connection, address, self._deadline) is not None
        except ProbeFailure:
            return False

    def _checked(self, answer: Answer, parts: SplitResult) -> Answer:
        if answer.status != http.client.BAD_REQUEST:
            return answer
        if parts.scheme == "http" and _is_said_by_tls(answer):
            words = "it answers that it was sent plain HTTP and speaks HTTPS"
            raise ProbeFailure(Cause.SPEAKS_HTTPS, Layer.HTTP, words)
        if _NO_CLIENT_WORDS in answer.body:
            words = "it answers that it wants a client certificate"
            raise ProbeFailure(Cause.CLIENT_CERTIFICATE_MISSING, Layer.TLS, words)
        if _BAD_CLIENT_WORDS in answer.body:
            words = "it answers that it does not take the client certificate"
            raise ProbeFailure(Cause.CLIENT_CERTIFICATE_REFUSED, Layer.TLS, words)
        return answer

    def _note_the_time(self, answer: Answer) -> None:
        try:
            theirs = email.utils.parsedate_to_datetime(answer.headers.get("Date") or "")
        except (TypeError, ValueError, IndexError):
            return
        self.clock = theirs.timestamp() - time.time()


class _Request(NamedTuple):
    method: str
    target: str
    host: str
    headers: Mapping[str, str]
    body: Optional[bytes]


def _is_relayed(parts: SplitResult, proxy: Optional[str]) -> bool:
    return proxy is not None and parts.scheme == "http"


def _path(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _bare(proxy: SplitResult) -> str:
    return proxy.netloc.rpartition("@")[2]


def _proxy_login(proxy: SplitResult) -> Mapping[str, str]:
    if proxy.username is None:
        return {}
    pair = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def _is_said_by_tls(answer: Answer) -> bool:
    is_refusal = answer.status == http.client.BAD_REQUEST
    return is_refusal and any(words in answer.body for words in _HTTPS_WORDS)


def _tls_failure(error: OSError) -> ProbeFailure:
    reason = str(getattr(error, "reason", "") or "")
    if not reason or "EOF" in reason:
        words = "it closes the connection where TLS should begin"
        return ProbeFailure(Cause.CONNECTION_LOST, Layer.TLS, words)
    return ProbeFailure(Cause.TLS_FAILED, Layer.TLS, reason.lower().replace("_", " "))
