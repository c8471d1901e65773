"""A token server on loopback, and a client of it, as short as it can be."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from registry_harness import CertificateAuthority, Credentials, TokenServer

SERVICE = "registry-harness"
FORM = "application/x-www-form-urlencoded"
ALICE = Credentials("alice", "correct horse")
PULL = "repository:app:pull"


@contextmanager
def running(authority: CertificateAuthority, **options: bool) -> Iterator[TokenServer]:
    """A token server that knows Alice."""
    with TokenServer("127.0.0.1", authority, **options) as server:
        server.add(ALICE)
        yield server


@dataclass(frozen=True)
class Answer:
    """What a token server answered."""

    status: int
    headers: http.client.HTTPMessage
    body: dict[str, Any]

    @property
    def claims(self) -> dict[str, Any]:
        """What its token says, if the certificate in it has signed it."""
        return claims_of(self.body["token"])

    @property
    def access(self) -> dict[str, list[str]]:
        """Actions by repository."""
        return {each["name"]: each["actions"] for each in self.claims["access"]}

    @property
    def is_refused(self) -> bool:
        """Whether it is 401 without any token."""
        return self.status == 401 and list(self.body) == ["errors"]


Ask = Callable[..., Answer]


def send(
    server: TokenServer,
    method: str,
    query: str = "",
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
    trust: ssl.SSLContext | None = None,
) -> Answer:
    """Send a request to a token server."""
    url = urlsplit(server.realm)
    connection = (
        http.client.HTTPConnection(url.netloc, timeout=10)
        if trust is None
        else http.client.HTTPSConnection(url.netloc, timeout=10, context=trust)
    )
    try:
        connection.request(method, f"{url.path}?{query}", body, headers or {})
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, json.loads(answer.read()))
    finally:
        connection.close()


def get(
    server: TokenServer,
    credentials: Credentials | None,
    *scopes: str,
    trust: ssl.SSLContext | None = None,
) -> Answer:
    """Ask by GET: Basic, and the scope repeated."""
    headers = {} if credentials is None else {"Authorization": credentials.basic()}
    query = urlencode([("service", SERVICE), *(("scope", scope) for scope in scopes)])
    return send(server, "GET", query, headers=headers, trust=trust)


def post(
    server: TokenServer,
    credentials: Credentials | None,
    *scopes: str,
    trust: ssl.SSLContext | None = None,
) -> Answer:
    """Ask by POST: a form, and the scopes in one field."""
    form = {"grant_type": "password", "service": SERVICE, "scope": " ".join(scopes)}
    if credentials is not None:
        form.update(username=credentials.username, password=credentials.password)
    body = urlencode(form).encode()
    return send(server, "POST", body=body, headers={"Content-Type": FORM}, trust=trust)


def signer_of(token: str) -> x509.Certificate:
    """Return the certificate that a token says it is signed with."""
    (encoded,) = jwt.get_unverified_header(token)["x5c"]
    return x509.load_der_x509_certificate(base64.b64decode(encoded))


def claims_of(token: str) -> dict[str, Any]:
    """Read a token, and check it as a registry does."""
    key = signer_of(token).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return dict(jwt.decode(token, key, algorithms=["ES256"], audience=SERVICE))
