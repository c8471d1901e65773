"""The token server: who gets which token, by every way of asking, and what is
remembered of it.
"""

from __future__ import annotations

import base64
import datetime
import secrets
import time
from collections.abc import Iterator

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from registry_harness import (
    CertificateAuthority,
    Credentials,
    TokenRequest,
    TokenServer,
)
from unit.harness.token_client import (
    ALICE,
    FORM,
    PULL,
    SERVICE,
    Answer,
    Ask,
    get,
    post,
    running,
    send,
    signer_of,
)

PULL_PUSH = "repository:app:pull,push"

ways = pytest.mark.parametrize("ask", [get, post])


@ways
def test_right_credentials_get_a_token(
    ask: Ask, server: TokenServer, authority: CertificateAuthority
) -> None:
    begin = time.time()
    answer = ask(server, ALICE, PULL_PUSH)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body["token"] == answer.body["access_token"]
    assert answer.body["expires_in"] == 300
    issued = datetime.datetime.fromisoformat(answer.body["issued_at"]).timestamp()
    assert int(begin) <= issued <= time.time()
    claims = answer.claims
    assert claims["access"] == [
        {"type": "repository", "name": "app", "actions": ["pull", "push"]}
    ]
    assert (claims["sub"], claims["aud"]) == ("alice", SERVICE)
    assert int(begin) <= claims["nbf"] == claims["iat"] == claims["exp"] - 300
    root = x509.load_pem_x509_certificate(authority.pem)
    signer_of(answer.body["token"]).verify_directly_issued_by(root)


@ways
def test_no_two_tokens_are_the_same(ask: Ask, server: TokenServer) -> None:
    first, second = (ask(server, ALICE, PULL).claims["jti"] for _ in range(2))
    assert first != second


@ways
@pytest.mark.parametrize(
    ("username", "password"),
    [
        ("alice", "correct hors"),
        ("alice", "correct horse "),
        ("alice", "Correct horse"),
        ("alice", "correct+horse"),
        ("alice", "correct%20horse"),
        ("alice", ""),
        ("Alice", "correct horse"),
        ("alice ", "correct horse"),
        ("bob", "correct horse"),
        ("bob", ""),
        ("", ""),
    ],
)
def test_wrong_credentials_are_refused(
    ask: Ask, username: str, password: str, server: TokenServer
) -> None:
    answer = ask(server, Credentials(username, password), PULL)
    assert answer.is_refused
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    assert server.requests[-1] == TokenRequest(
        "GET" if ask is get else "POST", username, (PULL,), 401, granted=False
    )


@ways
def test_passwords_are_not_normalized(ask: Ask, server: TokenServer) -> None:
    server.users["eve"] = "caf\N{LATIN SMALL LETTER E WITH ACUTE}"
    assert ask(server, Credentials("eve", server.users["eve"])).status == 200
    assert ask(server, Credentials("eve", "cafe\N{COMBINING ACUTE ACCENT}")).is_refused


@ways
def test_who_does_not_log_in_is_refused(ask: Ask, server: TokenServer) -> None:
    assert ask(server, None, PULL).is_refused
    method = "GET" if ask is get else "POST"
    assert server.requests == [TokenRequest(method, None, (PULL,), 401, granted=False)]


@ways
def test_who_does_not_log_in_may_pull_where_that_is_allowed(
    ask: Ask, open_server: TokenServer
) -> None:
    answer = ask(open_server, None, PULL_PUSH, "repository:other:push")
    assert answer.status == 200
    assert (answer.access, answer.claims["sub"]) == ({"app": ["pull"]}, "")
    assert not open_server.requests[-1].granted
    assert ask(open_server, None, PULL).access == {"app": ["pull"]}
    assert open_server.requests[-1].granted


@ways
def test_a_wrong_password_does_not_make_anonymous(
    ask: Ask, open_server: TokenServer
) -> None:
    assert ask(open_server, Credentials("alice", "wrong"), PULL).is_refused
    assert ask(open_server, ALICE, PULL_PUSH).access == {"app": ["pull", "push"]}


@ways
@pytest.mark.parametrize(
    ("scopes", "access"),
    [
        ([], {}),
        ([PULL], {"app": ["pull"]}),
        ([PULL, "repository:team/b:push"], {"app": ["pull"], "team/b": ["push"]}),
        (
            ["repository:host.example:5000/app:pull"],
            {"host.example:5000/app": ["pull"]},
        ),
        (["registry:catalog:*"], {"catalog": ["*"]}),
    ],
    ids=["none", "one", "two", "port", "catalog"],
)
def test_a_token_is_for_what_was_asked(
    ask: Ask, scopes: list[str], access: dict[str, list[str]], server: TokenServer
) -> None:
    assert ask(server, ALICE, *scopes).access == access
    (request,) = server.requests
    assert (request.scopes, request.granted) == (tuple(scopes), True)


@ways
def test_nobody_gets_at_a_denied_repository(ask: Ask, server: TokenServer) -> None:
    server.denied.add("app")
    answer = ask(server, ALICE, PULL, "repository:other:pull")
    assert (answer.status, answer.access) == (200, {"other": ["pull"]})
    assert not server.requests[-1].granted
    server.denied.clear()
    assert ask(server, ALICE, PULL).access == {"app": ["pull"]}


@ways
@pytest.mark.parametrize(
    "scope", ["app", "repository:app", "repository:app:", ":app:pull"]
)
def test_what_is_no_scope_is_refused(ask: Ask, scope: str, server: TokenServer) -> None:
    assert ask(server, ALICE, scope).status == 400
    assert server.requests[-1].status == 400
    with pytest.raises(ValueError, match="not TYPE:NAME:ACTIONS"):
        server.token(scope)


def _basic(credentials: bytes) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(credentials).decode()}


@pytest.mark.parametrize(
    "headers",
    [
        _basic(b"alice"),
        _basic(b"alice:\xff"),
        {"Authorization": ALICE.basic().replace("Y", "!Y", 1)},
        {"Authorization": "Basic"},
        {"Authorization": ALICE.basic().replace("Basic", "Bearer")},
    ],
    ids=["no-colon", "no-utf-8", "no-base64", "nothing", "bearer"],
)
def test_a_header_that_cannot_be_read_is_refused(
    headers: dict[str, str], open_server: TokenServer
) -> None:
    answer = send(open_server, "GET", f"service={SERVICE}", headers=headers)
    assert answer.is_refused
    assert open_server.requests == [TokenRequest("GET", None, (), 401, granted=False)]


@pytest.mark.parametrize(
    "query", ["", "service=other", f"service={SERVICE}&scope=repository:%ff:x"]
)
def test_a_query_that_cannot_be_read_is_refused(
    query: str, open_server: TokenServer
) -> None:
    assert send(open_server, "GET", query).status == 400


@pytest.mark.parametrize(
    ("body", "length"),
    [
        (f"service={SERVICE}", None),
        (f"grant_type=refresh_token&refresh_token=x&service={SERVICE}", None),
        ("grant_type=password&service=other", None),
        (f"grant_type=password&service={SERVICE}", "-1"),
        (f"grant_type=password&service={SERVICE}", "65537"),
        (f"grant_type=password&service={SERVICE}", "x"),
    ],
    ids=[
        "no-grant",
        "refresh-token",
        "other-service",
        "negative",
        "too-long",
        "no-number",
    ],
)
def test_a_form_that_cannot_be_read_is_refused(
    body: str, length: str | None, open_server: TokenServer
) -> None:
    headers = {"Content-Type": FORM, "Content-Length": length or str(len(body))}
    answer = send(open_server, "POST", body=body.encode(), headers=headers)
    assert (answer.status, list(answer.body)) == (400, ["errors"])


@pytest.fixture(scope="module")
def long_server(authority: CertificateAuthority) -> Iterator[TokenServer]:
    """A token server that many examples share."""
    with running(authority) as server:
        yield server


AWKWARD = ":/%# \"'\\$∞"
printable = st.characters(exclude_categories=["C", "Zl", "Zp"])
usernames = st.text(printable.filter(lambda each: each != ":"), min_size=1, max_size=40)
passwords = st.text(printable, max_size=200) | st.text(
    AWKWARD + "&=+;é😀", max_size=200
)


@given(usernames, passwords, passwords)
def test_any_user_name_and_password(
    long_server: TokenServer, username: str, password: str, other: str
) -> None:
    long_server.users[username] = password
    for ask in (get, post):
        answer = ask(long_server, Credentials(username, password), PULL)
        assert (answer.status, answer.claims["sub"]) == (200, username)
        wrong = ask(long_server, Credentials(username, other), PULL)
        assert wrong.status == (200 if other == password else 401)


@ways
@pytest.mark.parametrize(
    "password", [AWKWARD, AWKWARD * 20, "∞" * 200, "x" * 200, ":", "a:b", " "], ids=len
)
def test_awkward_passwords(ask: Ask, password: str, server: TokenServer) -> None:
    server.users["bob"] = password
    assert ask(server, Credentials("bob", password), PULL).status == 200
    for wrong in (password[:-1], password + "x", password[1:] + password[:1] + "∞"):
        assert ask(server, Credentials("bob", wrong), PULL).is_refused


def test_a_user_that_is_removed_is_refused(server: TokenServer) -> None:
    assert get(server, ALICE, PULL).status == 200
    del server.users["alice"]
    assert get(server, ALICE, PULL).is_refused


def test_the_log_tells_who_asked_for_what(server: TokenServer) -> None:
    get(server, ALICE, PULL, "repository:other:push")
    post(server, Credentials("bob", "a secret"), PULL)
    get(server, None)
    assert server.requests == [
        TokenRequest(
            "GET", "alice", (PULL, "repository:other:push"), 200, granted=True
        ),
        TokenRequest("POST", "bob", (PULL,), 401, granted=False),
        TokenRequest("GET", None, (), 401, granted=False),
    ]
    first, second, third = server.log().splitlines()
    assert all(word in first for word in ("GET", "alice", PULL, "200"))
    assert all(word in second for word in ("POST", "bob", "401"))
    assert "None" in third


def test_a_password_never_shows(
    server: TokenServer, capfd: pytest.CaptureFixture[str]
) -> None:
    secret = f"secret-{secrets.token_hex(8)}"
    server.users["bob"] = secret
    for ask in (get, post):
        assert ask(server, Credentials("bob", secret), PULL).status == 200
        assert ask(server, Credentials("alice", secret), PULL).status == 401
    shown = [
        repr(server),
        repr(server.users),
        str(server.users),
        repr(vars(server)),
        server.log(),
    ]
    shown += [repr(server.requests), *capfd.readouterr()]
    assert "bob" in server.log()
    assert "bob" in repr(server.users)
    assert not [text for text in shown if secret in text or ALICE.password in text]


def test_a_token_for_filling_is_not_logged(server: TokenServer) -> None:
    token = server.token(PULL_PUSH, "repository:other:pull")
    answer = get(server, ALICE, PULL_PUSH, "repository:other:pull")
    claims = Answer(200, answer.headers, {"token": token}).claims
    assert claims["access"] == answer.claims["access"]
    assert len(server.requests) == 1


@ways
def test_an_older_server_takes_no_post(ask: Ask, server: TokenServer) -> None:
    server.oauth = False
    answer = ask(server, ALICE, PULL)
    assert answer.status == (200 if ask is get else 405)
    assert ("token" in answer.body) == (ask is get)
    server.oauth = True
    assert ask(server, ALICE, PULL).status == 200


def test_other_users_take_the_place_of_those_before(server: TokenServer) -> None:
    server.users = {"bob": "a secret"}
    assert "a secret" not in repr(server.users)
    assert get(server, ALICE, PULL).is_refused
    assert get(server, Credentials("bob", "a secret"), PULL).status == 200
