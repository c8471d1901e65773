"""What asking an endpoint brings, with servers of every kind on this machine."""

from __future__ import annotations

import base64
import email.utils
import json
import os
import socket
import ssl
import threading
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Tuple
from urllib.parse import parse_qs

import pytest

from private_registry.check.cause_columns import Layer
from private_registry.check.causes import Cause
from private_registry.check.image import parse_subject
from private_registry.check.probe import trust
from private_registry.check.probe.parallel import all_at_once
from private_registry.check.probe.probe import ask
from private_registry.check.probe.proxies import Proxies
from private_registry.check.probe.result import Question, Result
from private_registry.check.reading.reading import HostEntry, Trust
from private_registry.registries.logins import Login
from unit import pki as pki_module
from unit.fake_registry import FakeRegistries, FakeRegistry, Heard, Said
from unit.pki import Pair, Pki

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LOGIN = Login("ann", "s3cret")
NO_PROXIES = Proxies()
# The other tests have one of their own.
MACHINES_FILES = trust._SYSTEM_FILES  # noqa: SLF001
BASIC = "Basic " + base64.b64encode(b"ann:s3cret").decode()


@pytest.fixture
def registries() -> Iterator[FakeRegistries]:
    with ExitStack() as stack:
        yield FakeRegistries(stack)


def probe(
    authority: str,
    scheme: str = "http",
    image: Optional[str] = None,
    login: Optional[Login] = None,
    seconds: float = 5,
    proxies: Proxies = NO_PROXIES,
    **entry: Any,
) -> Result:
    entry.setdefault("path", "/v2")
    wanted = None if image is None else parse_subject(f"reg.corp/{image}").image
    question = Question(
        "reg.corp", HostEntry(scheme, authority, **entry), wanted, login, proxies
    )
    return ask(question, seconds)


# --- TCP and names --------------------------------------------------------------------


def test_nobody_listens(registries: FakeRegistries) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    result = probe(f"127.0.0.1:{port}")
    assert (result.cause, result.layer) == (Cause.REFUSED, Layer.TCP)
    assert result.detail == "127.0.0.1: connection refused"


def test_nobody_answers() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        held = [socket.socket() for _ in range(4)]
        for each in held:
            each.setblocking(False)
            each.connect_ex(server.getsockname())
        start = time.monotonic()
        result = probe(f"127.0.0.1:{server.getsockname()[1]}", seconds=0.5)
        assert time.monotonic() - start < 1.5
        for each in held:
            each.close()
    assert (result.cause, result.layer) == (Cause.TIMEOUT, Layer.TCP)
    assert result.detail == "no answer within 0.5 s"


@pytest.mark.parametrize(
    "authority", ["no-such-name.invalid:5000", "a..b:5000", "x" * 70 + ".corp"]
)
def test_a_name_that_nobody_knows(
    authority: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    if "invalid" in authority:
        monkeypatch.setattr(socket, "getaddrinfo", nobody)
    result = probe(authority)
    assert (result.cause, result.layer) == (Cause.NO_SUCH_NAME, Layer.NAME)


def test_name_servers_that_do_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    assert probe("reg.corp").cause is Cause.NAME_LOOKUP


def test_all_addresses_of_a_name_are_tried(
    registries: FakeRegistries, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = registries.start()
    port = int(server.authority.rpartition(":")[2])
    kind = (socket.AF_INET, socket.SOCK_STREAM, 0, "")
    addresses = [(*kind, ("127.0.0.2", 1)), (*kind, ("127.0.0.1", port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: addresses)
    assert probe(f"reg.corp:{port}").cause is None


# --- which protocol -------------------------------------------------------------------


def test_it_speaks_plain_http(registries: FakeRegistries) -> None:
    result = probe(registries.start().authority, "https")
    assert (result.cause, result.layer) == (Cause.SPEAKS_HTTP, Layer.TLS)
    assert result.speaks == "http"


def test_it_speaks_https(registries: FakeRegistries, pki: Pki) -> None:
    result = probe(registries.start(pair=pki.server).authority, "http")
    assert (result.cause, result.speaks) == (Cause.SPEAKS_HTTPS, "https")


@pytest.mark.parametrize(
    "body",
    [
        b"Client sent an HTTP request to an HTTPS server.\n",
        b"<html>The plain HTTP request was sent to HTTPS port</html>",
    ],
    ids=["Go", "nginx"],
)
def test_it_says_that_it_speaks_https(registries: FakeRegistries, body: bytes) -> None:
    server = registries.start(lambda _: Said(400, body=body))
    assert probe(server.authority, "http").cause is Cause.SPEAKS_HTTPS


@pytest.mark.parametrize(
    ("scheme", "cause"),
    [("http", Cause.CONNECTION_LOST), ("https", Cause.CONNECTION_LOST)],
)
def test_it_hangs_up(registries: FakeRegistries, scheme: str, cause: Cause) -> None:
    assert probe(registries.raw(lambda _: None), scheme).cause is cause


def test_it_speaks_something_else(registries: FakeRegistries) -> None:
    def greet(connection: socket.socket) -> None:
        connection.sendall(b"SSH-2.0-OpenSSH_9\r\n" * 20)

    authority = registries.raw(greet)
    assert probe(authority, "https").cause is Cause.TLS_FAILED
    result = probe(authority, "http")
    assert (result.cause, result.detail) == (
        Cause.NOT_A_REGISTRY,
        "what it answers is not HTTP",
    )


def test_it_never_says_anything(registries: FakeRegistries) -> None:
    silent = threading.Event()
    authority = registries.raw(lambda _: _wait(silent))
    for scheme, layer in (("http", Layer.HTTP), ("https", Layer.TLS)):
        start = time.monotonic()
        result = probe(authority, scheme, seconds=0.3)
        assert (result.cause, result.layer) == (Cause.TIMEOUT, layer)
        assert time.monotonic() - start < 2
    silent.set()


def _wait(event: threading.Event) -> None:
    event.wait(3)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_https_first_and_then_http(registries: FakeRegistries, scheme: str) -> None:
    authority = registries.start().authority
    result = probe(
        authority, scheme, tries_https=scheme == "http", falls_back_to_http=True
    )
    assert (result.cause, result.speaks) == (None, "http")


def test_plain_http_does_not_follow_where_tls_is_not_answered(
    registries: FakeRegistries,
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

    def serve(connection: socket.socket) -> None:
        if connection.recv(65536)[:1] != b"\x16":
            connection.sendall(answer)

    result = probe(registries.raw(serve), tries_https=True, falls_back_to_http=True)
    assert (result.cause, result.speaks) == (Cause.SPEAKS_HTTP, "http")
    assert "hangs up" in result.detail


@pytest.mark.parametrize("authority", ["127.0.0.1:65536", "127.0.0.1:x"])
def test_there_is_no_such_port(authority: str) -> None:
    assert probe(authority).cause is Cause.BAD_URL


@pytest.mark.parametrize("scheme", ["ftp", "HTTP", ""])
def test_no_scheme_of_a_registry(scheme: str) -> None:
    assert probe("reg.corp", scheme).cause is Cause.BAD_SCHEME


# --- certificates ---------------------------------------------------------------------


def _server(pki: Pki, kind: str) -> Pair:
    days, year = timedelta(days=1), timedelta(days=365)
    names = {"name": ["reg.corp"], "ip name": ["127.0.0.2"], "none": []}.get(
        kind, ["127.0.0.1"]
    )
    begins = days if kind == "future" else -year
    ends = -days if kind == "expired" else year
    issuer = pki.other_authority if kind in ("unknown", "all") else pki.authority
    if kind == "all":
        names, ends = ["reg.corp"], -days
    own = None if kind == "self" else issuer
    return pki_module.make(
        "127.0.0.1", issuer=own, begins=begins, ends=ends, names=names
    )


@pytest.mark.parametrize(
    ("kind", "cause", "words"),
    [
        ("good", None, ""),
        ("unknown", Cause.UNKNOWN_CA, "signed by Other CA"),
        ("self", Cause.UNKNOWN_CA, "signed by itself"),
        ("expired", Cause.EXPIRED, "ended on 20"),
        ("future", Cause.NOT_YET_VALID, "begins on 20"),
        ("name", Cause.NO_IP_SAN, "names no IP address, only reg.corp"),
        ("ip name", Cause.WRONG_NAME, "is for 127.0.0.2, not for 127.0.0.1"),
        ("none", Cause.COMMON_NAME_ONLY, "only the common name 127.0.0.1"),
        ("all", Cause.EXPIRED, "ended on 20"),
    ],
)
def test_a_certificate(
    registries: FakeRegistries,
    pki: Pki,
    tmp_path: Path,
    kind: str,
    cause: Cause,
    words: str,
) -> None:
    ca = tmp_path / "ca.crt"
    ca.write_text(pki.authority.pem)
    authority = registries.start(pair=_server(pki, kind)).authority
    result = probe(authority, "https", trust=Trust((str(ca),)))
    assert result.cause is cause
    assert words in result.detail
    assert probe(authority, "https", trust=Trust(skip_verify=True)).cause is None


def test_a_name_that_only_the_common_name_has(
    registries: FakeRegistries,
    pki: Pki,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ca = tmp_path / "ca.crt"
    ca.write_text(pki.authority.pem)
    server = registries.start(pair=pki.server)
    port = int(server.authority.rpartition(":")[2])
    address = (socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [address])
    result = probe(f"reg.corp:{port}", "https", trust=Trust((str(ca),)))
    assert result.cause is Cause.COMMON_NAME_ONLY
    assert "reg.corp" in result.detail


def test_an_own_certificate_may_be_its_own_ca(
    registries: FakeRegistries, pki: Pki, tmp_path: Path
) -> None:
    pair = _server(pki, "self")
    ca = tmp_path / "ca.crt"
    ca.write_text(pair.pem)
    authority = registries.start(pair=pair).authority
    assert probe(authority, "https", trust=Trust((str(ca),))).cause is None


def test_the_clock_of_a_server_that_is_not_trusted(
    registries: FakeRegistries, pki: Pki
) -> None:
    date = email.utils.formatdate(time.time() + 7200, usegmt=True)
    server = registries.start(lambda _: Said(date=date), _server(pki, "expired"))
    result = probe(server.authority, "https")
    assert result.clock is not None
    assert 7100 < result.clock < 7300


@pytest.mark.parametrize(
    "tls", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=["1.2", "1.3"]
)
@pytest.mark.parametrize(
    ("presented", "cause"),
    [
        (None, Cause.CLIENT_CERTIFICATE_MISSING),
        ("other", Cause.CLIENT_CERTIFICATE_REFUSED),
        ("client", None),
    ],
)
def test_client_certificates(
    registries: FakeRegistries,
    pki: Pki,
    tmp_path: Path,
    tls: ssl.TLSVersion,
    presented: Optional[str],
    cause: Optional[Cause],
) -> None:
    pairs = {
        "client": pki.client,
        "other": pki_module.make("x", issuer=pki.other_authority),
    }
    files: List[Tuple[str, str]] = []
    if presented is not None:
        (tmp_path / "c").write_text(pairs[presented].pem)
        (tmp_path / "k").write_text(pairs[presented].key)
        files = [(str(tmp_path / "c"), str(tmp_path / "k"))]
    pair = _server(pki, "good")
    server = registries.start(pair=pair, client_authority=pki.authority, newest_tls=tls)
    trust = Trust(clients=tuple(files), skip_verify=True)
    found = probe(server.authority, "https", trust=trust).cause
    if (presented, tls) == (None, ssl.TLSVersion.TLSv1_2):
        # OpenSSL's servers say before TLS 1.3 only that the handshake failed.
        assert found in (Cause.TLS_FAILED, cause)
    else:
        assert found is cause


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        (
            b"<html>No required SSL certificate was sent",
            Cause.CLIENT_CERTIFICATE_MISSING,
        ),
        (b"<html>The SSL certificate error", Cause.CLIENT_CERTIFICATE_REFUSED),
    ],
)
def test_nginx_says_it_by_http(
    registries: FakeRegistries, body: bytes, cause: Cause
) -> None:
    assert (
        probe(registries.start(lambda _: Said(400, body=body)).authority).cause is cause
    )


@pytest.mark.parametrize(
    ("trust", "cause"),
    [
        (Trust(("/no/such/ca.crt",)), Cause.CA_UNUSABLE),
        (Trust(("{junk}",)), Cause.CA_UNUSABLE),
        (Trust(clients=(("{junk}", "{junk}"),)), Cause.CLIENT_UNUSABLE),
        (Trust(clients=(("{cert}", "{key}"),)), Cause.CLIENT_UNUSABLE),
        (Trust(clients=(("{cert}", "{locked}"),)), Cause.CLIENT_UNUSABLE),
    ],
    ids=["no CA", "junk CA", "junk", "key of another", "key with a password"],
)
def test_files_that_cannot_be_used(
    registries: FakeRegistries, pki: Pki, tmp_path: Path, trust: Trust, cause: Cause
) -> None:
    texts = {
        "junk": "x",
        "cert": pki.client.pem,
        "key": pki.server.key,
        "locked": pki.client.encrypted_key(traditional=False),
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    paths = {name: str(tmp_path / name) for name in texts}
    filled = Trust(
        tuple(each.format(**paths) for each in trust.authorities),
        tuple(
            (first.format(**paths), second.format(**paths))
            for first, second in trust.clients
        ),
    )
    server = registries.start(pair=_server(pki, "good"))
    result = probe(server.authority, "https", trust=filled)
    assert (result.cause, result.layer) == (cause, Layer.FILES)


def test_whom_this_machine_trusts_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trust, "_SYSTEM_FILES", MACHINES_FILES)
    trust.context_of.cache_clear()
    known = trust.context_of(Trust()).cert_store_stats()["x509_ca"]
    trust.context_of.cache_clear()
    assert known > 1 or not any(map(os.path.isfile, MACHINES_FILES))


# --- what it answers ------------------------------------------------------------------

UNAUTHORIZED = Said(401, (("WWW-Authenticate", 'Basic realm="r"'),))


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (Said(), None),
        (
            Said(200, (("Content-Type", "text/html"),), b"<!DOCTYPE html>"),
            Cause.NOT_A_REGISTRY,
        ),
        (Said(200, (), b"\n<html>"), Cause.NOT_A_REGISTRY),
        (Said(404), Cause.NOT_A_REGISTRY),
        (Said(403), Cause.FORBIDDEN),
        (Said(429), Cause.RATE_LIMITED),
        (Said(500), Cause.SERVER_ERROR),
        (Said(503), Cause.SERVER_ERROR),
        (Said(418), Cause.UNEXPECTED_STATUS),
        (Said(999), Cause.SERVER_ERROR),
        (Said(302, (("Location", "/v2/"),)), Cause.UNEXPECTED_STATUS),
        (Said(401), Cause.BAD_CHALLENGE),
        (Said(401, (("WWW-Authenticate", "Negotiate"),)), Cause.BAD_CHALLENGE),
        (Said(401, (("WWW-Authenticate", 'Bearer service="x"'),)), Cause.BAD_CHALLENGE),
        (UNAUTHORIZED, Cause.LOGIN_MISSING),
    ],
    ids=lambda value: str(getattr(value, "status", "")),
)
def test_a_status(
    registries: FakeRegistries, said: Said, cause: Optional[Cause]
) -> None:
    server = registries.start(lambda _: said)
    assert probe(server.authority).cause is cause
    assert server.heard[0].path == "/v2/"


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        (Said(200, (("Content-Type", MANIFEST),)), None),
        (Said(404), Cause.NOT_FOUND),
        (Said(403), Cause.FORBIDDEN),
        (Said(429), Cause.RATE_LIMITED),
        (Said(502), Cause.SERVER_ERROR),
        (Said(200, (("Content-Type", "text/html"),)), Cause.NOT_A_REGISTRY),
    ],
    ids=lambda value: str(getattr(value, "status", "")),
)
def test_an_image(
    registries: FakeRegistries, said: Said, cause: Optional[Cause]
) -> None:
    server = registries.start(lambda _: said)
    result = probe(server.authority, image="team/app:1", is_proxy=True)
    assert result.cause is cause
    assert server.heard[0].method == "HEAD"
    assert server.heard[0].path == "/v2/team/app/manifests/1?ns=reg.corp"


def test_what_knows_no_head_is_asked_by_get(registries: FakeRegistries) -> None:
    server = registries.start(
        lambda heard: Said(405 if heard.method == "HEAD" else 200)
    )
    assert probe(server.authority, image="app").cause is None


@pytest.mark.parametrize(
    ("architecture", "cause"), [("own", None), ("vax", Cause.NO_PLATFORM)]
)
def test_an_image_for_other_machines(
    registries: FakeRegistries, architecture: str, cause: Optional[Cause]
) -> None:
    names = (
        ["amd64", "arm64", "s390x", "ppc64le"]
        if architecture == "own"
        else [architecture]
    )
    platforms = [{"platform": {"os": "linux", "architecture": each}} for each in names]
    body = json.dumps({"manifests": platforms}).encode()
    server = registries.start(lambda _: Said(200, (("Content-Type", INDEX),), body))
    assert probe(server.authority, image="app").cause is cause


def test_the_registrys_own_words_are_told(registries: FakeRegistries) -> None:
    body = json.dumps(
        {"errors": [{"code": "X", "message": "blocked by\nquota"}]}
    ).encode()
    server = registries.start(lambda _: Said(403, body=body))
    assert (
        probe(server.authority).detail == "it answers 403 Forbidden: blocked by quota"
    )


@pytest.mark.parametrize(
    "body", [b"\xff", b"[]", b'{"errors": [1]}', b'{"errors": {"a": 1}}']
)
def test_odd_words_do_no_harm(registries: FakeRegistries, body: bytes) -> None:
    server = registries.start(lambda _: Said(403, body=body))
    assert probe(server.authority).detail == "it answers 403 Forbidden"


def test_a_path_of_its_own(registries: FakeRegistries) -> None:
    server = registries.start(
        lambda heard: Said(404 if "manifests" not in heard.path else 200)
    )
    assert probe(server.authority, path="/v2/proj").cause is None
    assert probe(server.authority, path="/v2/proj", image="app").cause is None
    assert server.heard[-1].path == "/v2/proj/app/manifests/latest"


def test_a_redirect_is_followed_without_the_login(registries: FakeRegistries) -> None:
    target = registries.start()
    location = (("Location", f"http://{target.authority}/v2/"),)
    server = registries.start(
        lambda heard: (
            Said(307, location) if "Authorization" in heard.headers else UNAUTHORIZED
        )
    )
    assert probe(server.authority, login=LOGIN).cause is None
    assert "Authorization" not in target.heard[0].headers


def test_headers_of_the_endpoint_are_sent(registries: FakeRegistries) -> None:
    server = registries.start()
    probe(server.authority, headers=(("X-Own", ("a", "b")),))
    assert server.heard[0].headers["X-Own"] == "a, b"


# --- login ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("login", "cause"),
    [
        (None, Cause.LOGIN_MISSING),
        (Login("ann", "no"), Cause.LOGIN_REFUSED),
        (LOGIN, None),
    ],
)
def test_basic(
    registries: FakeRegistries, login: Optional[Login], cause: Optional[Cause]
) -> None:
    server = registries.start(
        lambda heard: (
            Said() if heard.headers.get("Authorization") == BASIC else UNAUTHORIZED
        )
    )
    result = probe(server.authority, login=login)
    assert (result.cause, result.layer) == (cause, Layer.LOGIN)
    assert "s3cret" not in repr(result)
    assert "Authorization" not in server.heard[0].headers


class TokenRegistry:
    """A registry that sends its clients to a token server; both answer here."""

    def __init__(self, registries: FakeRegistries, **rules: Any) -> None:
        self.rules: Dict[str, Any] = rules
        self.tokens = registries.start(self._token)
        self.server = registries.start(self._registry)

    def _registry(self, heard: Heard) -> Said:
        if heard.headers.get("Authorization") == "Bearer good":
            return Said(200, (("Content-Type", MANIFEST),))
        realm = self.rules.get("realm", f"http://{self.tokens.authority}/token?a=b")
        error = (
            ',error="insufficient_scope"' if "Authorization" in heard.headers else ""
        )
        return Said(
            401, (("WWW-Authenticate", f'Bearer realm="{realm}",service="s"{error}'),)
        )

    def _token(self, heard: Heard) -> Said:
        fields = parse_qs(heard.body.decode() or heard.path.partition("?")[2])
        if heard.method == "POST" and not self.rules.get("oauth", True):
            return Said(405)
        if "status" in self.rules:
            return Said(self.rules["status"])
        is_ann = (
            fields.get("password") == ["s3cret"]
            or heard.headers.get("Authorization") == BASIC
        )
        if not is_ann and not self.rules.get("anonymous"):
            return Said(401)
        token = "good" if is_ann or self.rules.get("anonymous") == "good" else "none"
        return Said(
            200, body=json.dumps(self.rules.get("body", {"token": token})).encode()
        )


@pytest.mark.parametrize(
    ("rules", "login", "image", "cause"),
    [
        ({}, LOGIN, None, None),
        ({}, LOGIN, "app", None),
        ({"oauth": False}, LOGIN, "app", None),
        ({}, None, "app", Cause.LOGIN_MISSING),
        ({}, Login("ann", "no"), "app", Cause.TOKEN_REFUSED),
        ({"anonymous": "good"}, None, "app", None),
        ({"anonymous": "weak"}, None, "app", Cause.ACCESS_DENIED),
        ({"anonymous": "weak"}, None, None, None),
        ({"status": 500}, LOGIN, "app", Cause.TOKEN_UNREACHABLE),
        ({"body": {}}, LOGIN, "app", Cause.TOKEN_UNREACHABLE),
        ({"body": ["x"]}, LOGIN, "app", Cause.TOKEN_UNREACHABLE),
        ({"body": {"access_token": "good"}}, LOGIN, "app", None),
        ({"realm": "http://127.0.0.1:1/token"}, LOGIN, "app", Cause.TOKEN_UNREACHABLE),
        ({"realm": "ldap://t"}, LOGIN, "app", Cause.BAD_CHALLENGE),
    ],
    ids=str,
)
def test_tokens(
    registries: FakeRegistries,
    rules: Dict[str, Any],
    login: Optional[Login],
    image: Optional[str],
    cause: Optional[Cause],
) -> None:
    made = TokenRegistry(registries, **rules)
    result = probe(made.server.authority, login=login, image=image)
    assert result.cause is cause
    assert "s3cret" not in repr(result)
    asked = [each for each in made.tokens.heard if "oauth" not in rules]
    scopes = [
        parse_qs(each.body.decode() or each.path.partition("?")[2]) for each in asked
    ]
    expected = None if image is None else ["repository:app:pull"]
    assert all(
        each.get("scope") == expected and each["service"] == ["s"] for each in scopes
    )


def test_headers_go_to_the_token_server_where_containerd_sends_them(
    registries: FakeRegistries,
) -> None:
    made = TokenRegistry(registries)
    entry = HostEntry(
        "http", made.server.authority, "/v2", headers=(("X-Own", ("a",)),)
    )
    for has_headers in (True, False):
        made.tokens.heard.clear()
        ask(Question("r", entry, None, LOGIN, Proxies(), has_headers), 5)
        assert ("X-Own" in made.tokens.heard[0].headers) is has_headers


# --- proxies --------------------------------------------------------------------------


def _public(monkeypatch: pytest.MonkeyPatch, server: FakeRegistry) -> str:
    """Let a name that is not loopback lead to a server; return its ``HOST:PORT``."""
    port = int(server.authority.rpartition(":")[2])
    real = socket.getaddrinfo

    def found(host: Any, *rest: Any, **options: Any) -> Any:
        return real("127.0.0.1" if host == "reg.corp" else host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", found)
    return f"reg.corp:{port}"


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "refusal", [Said(403), Said(407), Said(502)], ids=["403", "407", "502"]
)
def test_a_proxy_in_the_way(
    registries: FakeRegistries,
    pki: Pki,
    monkeypatch: pytest.MonkeyPatch,
    scheme: str,
    refusal: Said,
) -> None:
    pair = _server(pki, "good") if scheme == "https" else None
    authority = _public(monkeypatch, registries.start(pair=pair))
    proxy = registries.start(lambda _: refusal)
    proxies = Proxies(*[f"http://me:pw@{proxy.authority}"] * 2)
    result = probe(
        authority,
        scheme,
        proxies=proxies,
        trust=Trust(skip_verify=scheme == "https" or None),
    )
    assert result.cause is Cause.PROXY
    assert "without a proxy" in result.detail
    assert "pw" not in repr(result)
    assert proxy.heard[0].headers["Proxy-Authorization"].startswith("Basic ")
    assert proxy.heard[0].method == ("CONNECT" if scheme == "https" else "GET")
    excepted = proxies._replace(no_proxy="reg.corp")
    trust = Trust(skip_verify=scheme == "https" or None)
    assert probe(authority, scheme, proxies=excepted, trust=trust).cause is None


def test_a_proxy_that_passes_on(
    registries: FakeRegistries, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = registries.start()
    authority = _public(monkeypatch, server)
    proxy = registries.start(
        lambda heard: Said() if heard.path.startswith("http://") else Said(400)
    )
    assert probe(authority, proxies=Proxies(f"http://{proxy.authority}")).cause is None
    assert proxy.heard[0].path == f"http://{authority}/v2/"
    assert not server.heard


def test_a_proxy_that_is_not_there_and_a_registry_that_is_not_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", _only_here)
    result = probe("reg.corp:1", proxies=Proxies("http://127.0.0.1:1"), seconds=0.3)
    assert result.cause is Cause.PROXY
    assert "cannot be reached" in result.detail


def _only_here(host: Any, port: int, *_: Any, **__: Any) -> Any:
    return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", port))]


# --- all at once ----------------------------------------------------------------------


def test_all_take_as_long_as_the_slowest() -> None:
    start = time.monotonic()
    told: List[Tuple[int, int]] = []

    def work() -> str:
        time.sleep(0.3)
        return "done"

    jobs = dict.fromkeys(range(50), work)
    found = all_at_once(jobs, 2, repr, lambda done, total: told.append((done, total)))
    assert found == dict.fromkeys(range(50), "done")
    assert time.monotonic() - start < 1.5
    assert told[-1] == (50, 50)


def test_what_hangs_is_left_behind() -> None:
    release = threading.Event()
    jobs = {"quick": lambda: True, "hangs": lambda: release.wait(10)}
    start = time.monotonic()
    assert all_at_once(jobs, 0.4, lambda _error: False) == {"quick": True}
    assert time.monotonic() - start < 2
    release.set()
