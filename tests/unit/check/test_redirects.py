"""What goes where when a registry redirects: logins and headers as containerd and Go
send them.
"""

from __future__ import annotations

import base64
import json
import socket
from contextlib import ExitStack
from typing import Any, Dict, Iterator, List, Optional, Tuple
from urllib.parse import parse_qs

import pytest

from private_registry.check.cause_columns import Layer
from private_registry.check.causes import Cause
from private_registry.check.image import parse_subject
from private_registry.check.probe import targets
from private_registry.check.probe.probe import ask
from private_registry.check.probe.result import Question, Result
from private_registry.check.probe.targets import Target
from private_registry.check.reading.reading import HostEntry, Trust
from private_registry.containerd import releases
from private_registry.containerd.releases import Version
from private_registry.registries.logins import Login
from unit.fake_registry import Answering, FakeRegistries, FakeRegistry, Heard, Said
from unit.pki import Pki

pytestmark = pytest.mark.attack

ANN, BOB = Login("ann", "s3cret"), Login("bob", "other")
SECRETS = (
    *("Authorization", "authorization", "AUTHORIZATION", "Cookie", "cookie", "Cookie2"),
    *(
        "WWW-Authenticate",
        "www-authenticate",
        "Proxy-Authorization",
        "proxy-authorization",
    ),
)
OWN = "X-Own"
HEADERS = tuple((name, (f"value of {name}",)) for name in (*SECRETS, OWN))


@pytest.fixture
def registries() -> Iterator[FakeRegistries]:
    with ExitStack() as stack:
        yield FakeRegistries(stack)


@pytest.fixture(autouse=True)
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all names below .corp lead to this machine."""
    real = socket.getaddrinfo

    def found(host: Any, *rest: Any, **options: Any) -> Any:
        return real(
            "127.0.0.1" if str(host).endswith(".corp") else host, *rest, **options
        )

    monkeypatch.setattr(socket, "getaddrinfo", found)


def at(name: str, server: FakeRegistry) -> str:
    """Return a server's address by another name."""
    return f"{name}:{server.authority.rpartition(':')[2]}"


def basic(login: Login) -> str:
    return (
        "Basic "
        + base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
    )


def sends_to(location: str, status: int = 307) -> Answering:
    return lambda _: Said(status, (("Location", location),))


def wants(login: Login) -> Answering:
    """Let those in who log in by Basic."""
    refusal = Said(401, (("WWW-Authenticate", 'Basic realm="r"'),))
    return lambda heard: (
        Said() if heard.headers.get("Authorization") == basic(login) else refusal
    )


def probe(
    authority: str,
    login: Optional[Login] = None,
    logins: Optional[Dict[str, Login]] = None,
    *,
    scheme: str = "http",
    headers: Tuple[Tuple[str, Tuple[str, ...]], ...] = (),
    compares_ports: bool = False,
    is_login_for_all: bool = False,
) -> Result:
    trust = Trust(skip_verify=True)
    entry = HostEntry(scheme, authority, "/v2", headers=headers, trust=trust)
    image = parse_subject("reg.corp/app:1").image
    question = Question("reg.corp", entry, image, login, logins=logins or {})
    question = question._replace(
        compares_ports=compares_ports, is_login_for_all=is_login_for_all
    )
    return ask(question, 5)


def arrived(server: FakeRegistry) -> List[str]:
    """Return the names of what is ours in what a server heard, as they were written."""
    names = {*SECRETS, OWN}
    return sorted(
        {name for heard in server.heard for name in heard.headers if name in names}
    )


# --- headers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "compares_ports", "keeps"),
    [
        ("reg.corp", "reg.corp", False, True),
        ("reg.corp", "reg.corp", True, False),
        ("reg.corp", "sub.reg.corp", False, True),
        ("reg.corp", "sub.reg.corp", True, False),
        ("sub.reg.corp", "reg.corp", False, False),
        ("reg.corp", "evilreg.corp", False, False),
        ("reg.corp", "other.corp", False, False),
        ("reg.corp", "reg.corp.other.corp", False, False),
        ("reg.corp", "REG.corp", False, False),
        ("127.0.0.1", "127.0.0.1", False, True),
        ("127.0.0.1", "reg.corp", False, False),
    ],
)
def test_secrets_stay_with_their_host(
    registries: FakeRegistries,
    first: str,
    second: str,
    compares_ports: bool,
    keeps: bool,
) -> None:
    target = registries.start()
    server = registries.start(sends_to(f"http://{at(second, target)}/v2/"))
    result = probe(at(first, server), headers=HEADERS, compares_ports=compares_ports)
    assert result.cause is None
    assert arrived(server) == sorted([*SECRETS, OWN])
    assert arrived(target) == (sorted([*SECRETS, OWN]) if keeps else [OWN])
    assert target.heard[0].headers["Host"] == at(second, target)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_the_same_by_each_status(registries: FakeRegistries, status: int) -> None:
    target = registries.start()
    server = registries.start(
        sends_to(f"http://{at('other.corp', target)}/x?a=b", status)
    )
    assert probe(at("reg.corp", server), headers=HEADERS).cause is None
    assert arrived(target) == [OWN]
    assert (target.heard[0].method, target.heard[0].path) == ("HEAD", "/x?a=b")


def test_from_http_to_https_at_the_same_host(
    registries: FakeRegistries, pki: Pki
) -> None:
    target = registries.start(pair=pki.server)
    server = registries.start(sends_to(f"https://{at('reg.corp', target)}/"))
    assert probe(at("reg.corp", server), headers=HEADERS).cause is None
    assert arrived(target) == sorted([*SECRETS, OWN])


def test_what_was_left_behind_once_does_not_come_back(
    registries: FakeRegistries,
) -> None:
    last = registries.start()
    between = registries.start(sends_to(f"http://{at('reg.corp', last)}/"))
    server = registries.start(sends_to(f"http://{at('other.corp', between)}/"))
    assert probe(at("reg.corp", server), headers=HEADERS).cause is None
    assert arrived(last) == [OWN]


def test_ten_requests_and_no_more(registries: FakeRegistries) -> None:
    server = registries.start()
    server.answering = sends_to("/v2/again")
    result = probe(server.authority)
    assert (result.cause, len(server.heard)) == (Cause.UNEXPECTED_STATUS, 10)
    assert result.detail == "it redirects more than 9 times"


def test_a_login_in_the_address_is_for_that_address(registries: FakeRegistries) -> None:
    """Go sends it where no other is; the header Host never has it."""
    target = registries.start(wants(BOB))
    server = registries.start(sends_to(f"http://bob:other@{at('other.corp', target)}/"))
    assert probe(at("reg.corp", server), headers=HEADERS).cause is None
    assert target.heard[0].headers["Host"] == at("other.corp", target)


# --- logins ---------------------------------------------------------------------------


def test_a_login_is_not_for_whom_it_redirects_to(registries: FakeRegistries) -> None:
    target = registries.start(wants(ANN))
    address = at("other.corp", target)
    server = registries.start(sends_to(f"http://{address}/v2/"))
    result = probe(at("reg.corp", server), ANN)
    assert (result.cause, result.layer) == (Cause.LOGIN_MISSING, Layer.LOGIN)
    assert result.login_at == f"http://{address}"
    assert address in result.detail
    assert not any(
        "Authorization" in each.headers for each in (*server.heard, *target.heard)
    )


@pytest.mark.parametrize("name", ["other.corp", "reg.corp"])
def test_each_host_gets_its_own_login(registries: FakeRegistries, name: str) -> None:
    target = registries.start(wants(BOB))
    address = at(name, target)
    server = registries.start()
    let_in = wants(ANN)
    server.answering = lambda heard: (
        sends_to(f"http://{address}/")(heard)
        if let_in(heard).status == 200
        else let_in(heard)
    )
    result = probe(at("reg.corp", server), ANN, {address: BOB})
    assert (result.cause, result.is_anonymous) == (None, False)
    sent = [each.headers.get("Authorization") for each in target.heard]
    first = basic(ANN) if name == "reg.corp" else None
    assert sent == [first, basic(BOB)]
    assert (
        probe(at("reg.corp", server), ANN, {address: ANN}).cause is Cause.LOGIN_REFUSED
    )


@pytest.mark.parametrize("is_login_for_all", [False, True])
def test_the_kubelets_login_is_for_whoever_asks_for_one(
    registries: FakeRegistries, is_login_for_all: bool
) -> None:
    target = registries.start(wants(ANN))
    server = registries.start(sends_to(f"http://{at('other.corp', target)}/"))
    result = probe(at("reg.corp", server), ANN, is_login_for_all=is_login_for_all)
    assert result.cause is (None if is_login_for_all else Cause.LOGIN_MISSING)


def test_a_realm_of_another_host_gets_nothing_of_the_first(
    registries: FakeRegistries,
) -> None:
    tokens = registries.start(lambda _: Said(401))
    realm = f'Bearer realm="http://{tokens.authority}/token",service="s"'
    target = registries.start(lambda _: Said(401, (("WWW-Authenticate", realm),)))
    server = registries.start(sends_to(f"http://{at('other.corp', target)}/"))
    result = probe(at("reg.corp", server), ANN)
    assert result.cause is Cause.LOGIN_MISSING
    assert [each.method for each in tokens.heard] == ["GET"]
    assert "s3cret" not in repr(tokens.heard)
    assert "Authorization" not in tokens.heard[0].headers
    probe(at("reg.corp", server), ANN, {at("other.corp", target): BOB})
    form = parse_qs(tokens.heard[1].body.decode())
    assert (form["username"], form["password"]) == (["bob"], ["other"])


def test_hosts_without_an_end_that_want_logins(registries: FakeRegistries) -> None:
    servers: List[FakeRegistry] = []

    def answer(heard: Heard) -> Said:
        """Send each request that logs in on to one more that wants a login."""
        if heard.headers["Host"] not in asked:
            asked.append(heard.headers["Host"])
            return Said(401, (("WWW-Authenticate", f'Bearer realm="{tokens}"'),))
        following = servers[len(asked)].authority
        return sends_to(f"http://{following}/")(heard)

    asked: List[str] = []
    body = json.dumps({"token": "t"}).encode()
    tokens = f"http://{registries.start(lambda _: Said(body=body)).authority}/"
    servers += [registries.start(answer) for _ in range(12)]
    result = probe(servers[0].authority)
    assert result.cause is Cause.UNEXPECTED_STATUS
    assert len(asked) <= 6


# --- token servers --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "method", "is_sent"),
    [
        (302, "GET", False),
        (303, "GET", False),
        (307, "POST", True),
        (308, "POST", True),
    ],
)
def test_a_token_server_that_redirects(
    registries: FakeRegistries, status: int, method: str, is_sent: bool
) -> None:
    """Go sends a form again by 307 and 308 alone.

    What is in it the token server has already.
    """
    body = json.dumps({"token": "good", "access_token": "good"}).encode()
    target = registries.start(lambda _: Said(body=body))
    tokens = registries.start(
        sends_to(f"http://{at('other.corp', target)}/token", status)
    )
    realm = f'Bearer realm="http://{at("auth.corp", tokens)}/token"'
    server = registries.start(
        lambda heard: (
            Said()
            if heard.headers.get("Authorization") == "Bearer good"
            else Said(401, (("WWW-Authenticate", realm),))
        )
    )
    assert probe(at("reg.corp", server), ANN, headers=HEADERS).cause is None
    (heard,) = target.heard
    assert heard.method == method
    assert ("s3cret" in heard.body.decode()) is is_sent
    assert ("Content-Type" in heard.headers) is is_sent
    assert arrived(target) == [OWN]


def test_the_login_of_a_token_server_is_not_for_whom_it_redirects_to(
    registries: FakeRegistries,
) -> None:
    target = registries.start(lambda _: Said(401))
    elsewhere = sends_to(f"http://{at('other.corp', target)}/token")
    tokens = registries.start(
        lambda heard: Said(405) if heard.method == "POST" else elsewhere(heard)
    )
    realm = f'Bearer realm="http://{at("auth.corp", tokens)}/token"'
    server = registries.start(lambda _: Said(401, (("WWW-Authenticate", realm),)))
    assert probe(at("reg.corp", server), ANN).cause is Cause.TOKEN_REFUSED
    assert tokens.heard[1].headers["Authorization"] == basic(ANN)
    assert "Authorization" not in target.heard[0].headers


# --- failures elsewhere ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheme", "cause"),
    [
        ("http", Cause.REFUSED),
        ("https", Cause.REFUSED),
        ("https plain", Cause.UNEXPECTED_STATUS),
    ],
)
def test_what_is_wrong_where_it_redirects_to(
    registries: FakeRegistries, scheme: str, cause: Cause
) -> None:
    """It says nothing of how the registry itself is to be asked."""
    there = registries.start().authority if "plain" in scheme else "127.0.0.1:1"
    address = f"{scheme[:5].strip()}://{there}"
    server = registries.start(sends_to(f"{address}/v2/?token=secret"))
    result = probe(server.authority)
    assert result.cause is cause
    assert f"it redirects to {address}, and there: " in result.detail
    assert "secret" not in repr(result)


# --- addresses ------------------------------------------------------------------------

BASE = Target("https", "reg.corp:5000", "/v2/app/manifests/1?ns=x")


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("/x", "https://reg.corp:5000/x"),
        ("x?y#z", "https://reg.corp:5000/v2/app/manifests/x?y"),
        ("../../x", "https://reg.corp:5000/v2/x"),
        ("//other:1/x", "https://other:1/x"),
        ("http://u:p@other/é ü?ö", "http://other/%C3%A9%20%C3%BC?%C3%B6"),
        ("http://other/%2fa", "http://other/%2fa"),
        ("HTTP://Other", "http://Other/"),
        ("http://bücher.corp:80/", "http://xn--bcher-kva.corp:80/"),
        ("http://[::1]:5000/x", "http://[::1]:5000/x"),
        ("/\udcff", "https://reg.corp:5000/%FF"),
        *(
            (each, None)
            for each in ("http://[::1", "file:///x", "http:", "http://:80/", "/\n", ":")
        ),
    ],
)
def test_where_a_location_leads(location: str, url: Optional[str]) -> None:
    found = targets.followed(BASE, location)
    assert (None if found is None else found.url) == url


@pytest.mark.parametrize(
    "realm", ["", "/token", "token", "//reg.corp/token", "ftp://reg.corp/"]
)
def test_a_realm_is_a_whole_address(realm: str) -> None:
    assert targets.target_of(realm) is None


@pytest.mark.parametrize(
    ("first", "other", "is_one"),
    [
        ("foo.com", "foo.com:443", True),
        ("foo.com:1", "foo.com:2", True),
        ("foo.com", "bar.foo.com", True),
        ("foo.com", "barfoo.com", False),
        ("bar.foo.com", "foo.com", False),
        ("foo.com", "[::1%25.foo.com]", False),
        ("[::1]:1", "[::1]:2", True),
    ],
)
def test_one_host(first: str, other: str, is_one: bool) -> None:
    pair = Target("http", first), Target("https", other)
    assert targets.is_of_one_host(*pair, compares_ports=False) is is_one
    assert not targets.is_of_one_host(*pair, compares_ports=True)
    assert targets.is_of_one_host(pair[0], pair[0], compares_ports=True)


@pytest.mark.parametrize(
    ("version", "compares"),
    [
        *(
            ((1, 5, 2), True),
            ((1, 6, 28), True),
            ((1, 6, 29), False),
            ((1, 7, 13), True),
        ),
        *(((1, 7, 14), False), ((1, 7, 29), False), ((2, 1, 6), False)),
    ],
)
def test_whose_ports_are_compared(version: Version, compares: bool) -> None:
    assert releases.compares_ports(version) is compares


def test_no_address_shows_its_password() -> None:
    target = targets.target_of("http://user:pw@reg.corp/")
    assert target is not None
    assert target.user == "user:pw"
    assert "pw" not in repr(target)
