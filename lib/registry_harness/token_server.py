"""A token server, as Docker Hub and Harbor have one: a registry sends its clients there to log in.

It speaks both ways of the distribution's token protocol (docs/spec/auth/token.md, oauth.md): GET
with HTTP's Basic scheme, and POST with a form. Tokens are signed with a certificate of the run's
CA, which the registry knows.
"""

from __future__ import annotations

import base64
import binascii
import json
import ssl
import tempfile
import threading
import time
import uuid
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from registry_harness.certificates import CertificateAuthority, KeyPair
from registry_harness.credentials import Credentials

SERVICE = "registry-harness"
ISSUER = "registry-harness tokens"
_PATH = "/token"
_SECONDS = 300
_SKEW_SECONDS = 10


@dataclass(frozen=True)
class TokenRequest:
    """What somebody asked for; the password is not kept.

    Args:
        method: GET or POST.
        username: who asked; None without credentials.
        scopes: such as ``repository:app:pull``.
        granted: whether there was a token.
    """

    method: str
    username: str | None
    scopes: tuple[str, ...]
    granted: bool


class TokenServer:
    """A running token server.

    While ``oauth`` is false it takes no POST, as older ones; clients then use GET.

    Args:
        address: where it listens, on a port of the machine's choice.
        authority: signs the tokens' certificate, and the server's own.
        tls: HTTPS, else plain HTTP.
        client_certificates: clients must present a certificate of that CA.
        anonymous: who does not log in may pull.
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
        self.users: dict[str, str] = {}
        self.oauth = True
        self.requests: list[TokenRequest] = []
        self._anonymous = anonymous
        self._signer = authority.server("tokens.example")
        self._server = _Server((address, 0), self)
        if tls:
            context = _context(authority, address, client_certificates=client_certificates)
            # Each connection's own thread shakes hands, so that a slow one holds up nobody.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.realm = f"{'https' if tls else 'http'}://{address}:{self._server.server_port}{_PATH}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def add(self, credentials: Credentials) -> None:
        """Let somebody in from now on."""
        self.users[credentials.username] = credentials.password

    def token(self, *scopes: str) -> str:
        """Return a token for scopes such as ``repository:app:pull,push``, without asking who."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": SERVICE,
            "sub": "",
            "iat": now,
            "nbf": now - _SKEW_SECONDS,
            "exp": now + _SECONDS,
            "jti": uuid.uuid4().hex,
            "access": [_access(scope) for scope in scopes],
        }
        certificate = x509.load_pem_x509_certificate(self._signer.certificate)
        chain = [base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()]
        return jwt.encode(claims, self._signer.key, algorithm="ES256", headers={"x5c": chain})

    def answer(
        self, method: str, login: tuple[str, str] | None, scopes: tuple[str, ...]
    ) -> str | None:
        """Return a token, or None for somebody who may have none; remember the request."""
        known = login is not None and self.users.get(login[0]) == login[1]
        granted = known or (login is None and self._anonymous)
        username = None if login is None else login[0]
        self.requests.append(TokenRequest(method, username, scopes, granted))
        if not granted:
            return None
        return self.token(*(scopes if known else map(_pull_only, scopes)))

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> TokenServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class _Server(ThreadingHTTPServer):
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], tokens: TokenServer) -> None:
        super().__init__(address, _Handler)
        self.tokens = tokens

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that leave or distrust us; their own errors tell."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        scopes = tuple(parse_qs(url.query).get("scope", []))
        self._answer(url.path, _basic(self.headers.get("Authorization")), scopes)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if not self.server.tokens.oauth:
            self._send(HTTPStatus.METHOD_NOT_ALLOWED, {})
            return
        form = parse_qs(body.decode())
        login = (form.get("username", [""])[0], form.get("password", [""])[0])
        scopes = tuple(part for scope in form.get("scope", []) for part in scope.split())
        self._answer(self.path, login, scopes)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's own name
        """Keep quiet; TokenServer.requests tells what was asked."""

    def _answer(self, path: str, login: tuple[str, str] | None, scopes: tuple[str, ...]) -> None:
        if path != _PATH:
            self._send(HTTPStatus.NOT_FOUND, {})
            return
        token = self.server.tokens.answer(self.command, login, scopes)
        if token is None:
            self._send(HTTPStatus.UNAUTHORIZED, {"details": "incorrect user name or password"})
            return
        answer = {"token": token, "access_token": token, "expires_in": _SECONDS}
        self._send(HTTPStatus.OK, answer)

    def _send(self, status: HTTPStatus, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _basic(header: str | None) -> tuple[str, str] | None:
    if header is None:
        return None
    try:
        text = base64.b64decode(header.partition(" ")[2], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ("", "")
    username, _, password = text.partition(":")
    return (username, password)


def _access(scope: str) -> dict[str, Any]:
    kind, rest = scope.split(":", 1)
    name, _, actions = rest.rpartition(":")
    return {"type": kind, "name": name, "actions": actions.split(",")}


def _pull_only(scope: str) -> str:
    return f"{scope.rpartition(':')[0]}:pull"


def _context(
    authority: CertificateAuthority, address: str, *, client_certificates: bool
) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    _load(context, authority.server(address))
    if client_certificates:
        context.load_verify_locations(cadata=authority.pem.decode())
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _load(context: ssl.SSLContext, pair: KeyPair) -> None:
    with tempfile.NamedTemporaryFile() as pem:
        pem.write(pair.certificate + pair.key)
        pem.flush()
        context.load_cert_chain(pem.name)
