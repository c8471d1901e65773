"""A token server, as Docker Hub has one: it knows the users, and registries trust its
tokens.

It speaks both ways of asking, GET with Basic and POST with a form, as described in
https://distribution.github.io/distribution/spec/auth/token/ and …/spec/auth/oauth/.
"""

from __future__ import annotations

import base64
import datetime
import json
import socketserver
import ssl
import sys
import threading
from collections import UserDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from registry_harness.errors import StartError
from registry_harness.machine.running import Running
from registry_harness.registries.certificates import CertificateAuthority
from registry_harness.registries.credentials import Credentials
from registry_harness.registries.tokens import SERVICE, VALID_SECONDS, Access, Signer

_PATH = "/token"
_CLIENT_SECONDS = 5
_POLL_SECONDS = 0.02
_LONGEST_FORM = 65536


@dataclass(frozen=True)
class TokenRequest:
    """One request that a token server answered.

    Args:
        method: GET or POST.
        username: who asked, whether known or not; None for nobody.
        scopes: what was asked for, such as ``repository:app:pull``.
        status: of the answer.
        granted: whether the answer was a token for all that was asked for.
    """

    method: str
    username: str | None
    scopes: tuple[str, ...]
    status: int
    granted: bool


class Users(UserDict[str, str]):
    """Passwords by user name; no repr shows a password."""

    def __repr__(self) -> str:
        return f"Users({sorted(self)})"


class _UnreadableLogin(Exception):
    """What should hold a user name and a password holds something else."""


@dataclass(frozen=True)
class _Question:
    scopes: tuple[str, ...] = ()
    credentials: Credentials | None = None


@dataclass(frozen=True)
class _Answer:
    status: HTTPStatus
    token: str | None = field(default=None, repr=False)
    granted: bool = False


class TokenServer(Running):
    """A running token server.

    Args:
        address: of this machine, where it answers; the kernel chooses the port.
        authority: signs its own certificate and the one that its tokens are signed
            with.
        tls: HTTPS, else plain HTTP.
        client_certificates: clients must present a certificate of that CA.
        anonymous: those who do not log in may pull.

    Attributes:
        oauth: whether it takes POST; clients of older servers fall back to GET.
        requests: all that it answered so far.
        denied: repositories that nobody gets any right on; may be changed while it
            runs.
        realm: its URL, as registries tell their clients.

    Raises:
        StartError: it cannot listen on this address.
    """

    def __init__(
        self,
        address: str,
        authority: CertificateAuthority,
        *,
        tls: bool = False,
        client_certificates: bool = False,
        anonymous: bool = False,
    ) -> None:
        self.users = {}
        self.oauth = True
        self.requests: list[TokenRequest] = []
        self.denied: set[str] = set()
        self._anonymous = anonymous
        self._signer = Signer(authority.client("tokens.example"))
        context = None
        if tls:
            context = _tls_context(
                address, authority, client_certificates=client_certificates
            )
        self._server = _listen(address, context, self._answer)
        self.realm = (
            f"{'https' if tls else 'http'}://{address}:{self._server.port}{_PATH}"
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            args=(_POLL_SECONDS,),
            name=self.realm,
            daemon=True,
        )
        self._thread.start()

    def __repr__(self) -> str:
        return f"TokenServer({self.realm!r})"

    @property
    def users(self) -> Users:
        """Passwords by user name; may be changed while it runs."""
        return self._users

    @users.setter
    def users(self, users: Mapping[str, str]) -> None:
        self._users = Users(users)

    def add(self, credentials: Credentials) -> None:
        """Let somebody in from now on."""
        self.users[credentials.username] = credentials.password

    def token(self, *scopes: str) -> str:
        """Return a token for all of these scopes, without asking who wants it or
        logging it.

        Raises:
            ValueError: one is no scope.
        """
        return self._signer.sign("", [Access.of(scope) for scope in scopes])

    def log(self) -> str:
        """Return its requests as text, one a line."""
        return "\n".join(map(str, self.requests))

    def stop(self) -> None:
        """Answer what is being asked, then stop; its port is free."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, method: str, read: Callable[[], _Question]) -> _Answer:
        question = _Question()
        try:
            question = read()
            answer = self._decide(question)
            if method == "POST" and not self.oauth:
                answer = _Answer(HTTPStatus.METHOD_NOT_ALLOWED)
        except _UnreadableLogin:
            answer = _Answer(HTTPStatus.UNAUTHORIZED)
        except ValueError:
            answer = _Answer(HTTPStatus.BAD_REQUEST)
        username = (
            None if question.credentials is None else question.credentials.username
        )
        request = TokenRequest(
            method, username, question.scopes, answer.status, answer.granted
        )
        self.requests.append(request)
        return answer

    def _decide(self, question: _Question) -> _Answer:
        credentials = question.credentials
        wanted = [Access.of(scope) for scope in question.scopes]
        if not self._may_ask(credentials):
            return _Answer(HTTPStatus.UNAUTHORIZED)
        given = [
            self._allowed(each, is_anonymous=credentials is None) for each in wanted
        ]
        token = self._signer.sign(
            "" if credentials is None else credentials.username, given
        )
        return _Answer(HTTPStatus.OK, token, granted=given == wanted)

    def _may_ask(self, credentials: Credentials | None) -> bool:
        if credentials is None:
            return self._anonymous
        return self.users.get(credentials.username) == credentials.password

    def _allowed(self, wanted: Access, *, is_anonymous: bool) -> Access:
        if wanted.name in self.denied:
            return wanted.only()
        return wanted.only("pull") if is_anonymous else wanted


def _tls_context(
    address: str, authority: CertificateAuthority, *, client_certificates: bool
) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.server(address).load_into(context)
    if client_certificates:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=authority.pem.decode())
    return context


_Decide = Callable[[str, Callable[[], _Question]], _Answer]


def _listen(address: str, context: ssl.SSLContext | None, decide: _Decide) -> _Server:
    try:
        return _Server(address, context, decide)
    except OSError as error:
        raise StartError(
            f"a token server cannot listen on {address}: {error}",
            "use a Docker engine of this machine",
        ) from error


class _Server(socketserver.ThreadingTCPServer):
    request_queue_size = 128

    def __init__(
        self, address: str, context: ssl.SSLContext | None, decide: _Decide
    ) -> None:
        super().__init__((address, 0), _Handler)
        self.port = int(self.socket.getsockname()[1])
        self.decide = decide
        if context is not None:
            # Each client's handshake happens in a thread of its own and delays nobody
            # else.
            self.socket = context.wrap_socket(
                self.socket, server_side=True, do_handshake_on_connect=False
            )

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A client that hangs up, or whose certificate is refused, knows of it.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = _CLIENT_SECONDS

    def do_GET(self) -> None:
        self._send(self.server.decide("GET", self._query))

    def do_POST(self) -> None:
        self._send(self.server.decide("POST", self._form))

    def log_message(self, *_: Any) -> None:
        """Print nothing; the token server remembers requests itself."""

    def _query(self) -> _Question:
        query = _fields(urlsplit(self.path).query)
        return _question(query, _basic(self.headers.get("Authorization")))

    def _form(self) -> _Question:
        length = int(self.headers.get("Content-Length", "0"))
        if not 0 <= length <= _LONGEST_FORM:
            raise ValueError(f"a form of {length} bytes")
        form = _fields(self.rfile.read(length).decode())
        if form.get("grant_type") != ["password"]:
            raise ValueError("only passwords are taken")
        return _question(form, _form_credentials(form))

    def _send(self, answer: _Answer) -> None:
        body = json.dumps(_body(answer)).encode()
        self.send_response(answer.status)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", f'Basic realm="{SERVICE}"')
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _fields(encoded: str) -> dict[str, list[str]]:
    return parse_qs(encoded, keep_blank_values=True, errors="strict")


def _question(
    fields: dict[str, list[str]], credentials: Credentials | None
) -> _Question:
    if fields.get("service") != [SERVICE]:
        raise ValueError("meant for another service")
    # The form separates scopes by spaces, the query repeats the field.
    scopes = " ".join(fields.get("scope", [])).split()
    return _Question(tuple(scopes), credentials)


def _basic(header: str | None) -> Credentials | None:
    if header is None:
        return None
    scheme, _, encoded = header.partition(" ")
    try:
        decoded = base64.b64decode(encoded, validate=True).decode()
    except ValueError as error:
        raise _UnreadableLogin from error
    username, colon, password = decoded.partition(":")
    if scheme.lower() != "basic" or not colon:
        raise _UnreadableLogin
    return Credentials(username, password)


def _form_credentials(form: dict[str, list[str]]) -> Credentials | None:
    if "username" not in form:
        return None
    return Credentials(form["username"][0], form.get("password", [""])[0])


def _body(answer: _Answer) -> dict[str, Any]:
    if answer.token is None:
        error = {"code": answer.status.name, "message": answer.status.phrase}
        return {"errors": [error]}
    return {
        "token": answer.token,
        "access_token": answer.token,
        "expires_in": VALID_SECONDS,
        "issued_at": (
            datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds")
        ),
    }
