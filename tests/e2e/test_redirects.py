"""What `check` sends whom, containerd sends him, too: redirects, logins and
challenges.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from registry_harness import (
    CertificateAuthority,
    HarnessNetwork,
    PullFailed,
    PullingNode,
    difference,
)
from registry_harness.registries.gatekeeper import Answer, Gatekeeper

from .conftest import run

ADDON = "private-registry"
OTHER_HOST = "127.0.0.1"
ANN, BOB = ("ann", "ann-s3cret"), ("bob", "bob-s3cret")
HEADERS = {
    "Authorization": "Basic c3RhdGlj",
    "Cookie": "a=b",
    "Cookie2": "c=d",
    "Www-Authenticate": "e",
    "X-Own": "f",
}
WATCHED = frozenset(name.lower() for name in HEADERS)
_TAGS = itertools.count()

# A request: its method where it is for a token, and what of our headers it has.
Heard = tuple[str, frozenset[tuple[str, str]]]
Answering = Callable[[Mapping[str, str]], Answer]


class Witness(Gatekeeper):
    """A server that remembers which of our headers it was sent, and has nothing.

    Args:
        address: of this machine.
    """

    def __init__(self, address: str) -> None:
        super().__init__(address, self)
        self.heard: set[Heard] = set()
        self.says: Answering = lambda _headers: Answer(404)

    @property
    def port(self) -> str:
        """Where it answers."""
        return self.host.rpartition(":")[2]

    def answer(self, method: str, path: str, headers: Mapping[str, str]) -> Answer:
        """Remember what was sent, and answer as it was told to."""
        kept = {(name.lower(), value) for name, value in headers.items()}
        ours = frozenset(each for each in kept if each[0] in WATCHED)
        self.heard.add((method if path.startswith("/token") else "", ours))
        return self.says(headers)

    def taken(self) -> set[Heard]:
        """Return what was heard since the last call."""
        found, self.heard = self.heard, set()
        return found


@dataclass(frozen=True)
class Play:
    """A registry, whom it redirects to, and the token server of both."""

    made: PullingNode
    first: Witness
    near: Witness
    far: Witness
    tokens: Witness

    def pulled(self) -> dict[str, set[Heard]]:
        """Let containerd pull, which fails; return what was sent to whom."""
        with pytest.raises(PullFailed):
            self.made.pull(self.image())
        return self.taken()

    def checked(self) -> dict[str, set[Heard]]:
        """Let `check` look; return what was sent to whom."""
        done = self.made.node.plugin(
            ADDON, "check", self.image(), "--json", "--timeout", "4"
        )
        assert done.stderr == ""
        assert not json.loads(done.stdout)["clean"]
        return self.taken()

    def image(self) -> str:
        """Name an image that nobody has asked for."""
        return f"{self.first.host}/app:t{next(_TAGS)}"

    def taken(self) -> dict[str, set[Heard]]:
        """Return what each was sent since the last call."""
        names = ("first", "near", "far", "tokens")
        return {name: getattr(self, name).taken() for name in names}

    @contextmanager
    def hosts(self, text: str) -> Iterator[None]:
        """Let the registry have a hosts.toml for the block."""
        directory = self.made.node.certs_d / self.first.host
        directory.mkdir()
        (directory / "hosts.toml").write_text(text, encoding="utf-8")
        try:
            yield
        finally:
            (directory / "hosts.toml").unlink()
            directory.rmdir()


@pytest.fixture
def play(microk8s_node: PullingNode, harness_network: HarnessNetwork) -> Iterator[Play]:
    """Servers, and a node that is afterwards as it was before."""
    node, address = microk8s_node.node, harness_network.gateway
    before = node.snapshot()
    run(node.enable())
    with ExitStack() as stack:
        addresses = (address, address, OTHER_HOST, OTHER_HOST)
        witnesses = [stack.enter_context(Witness(each)) for each in addresses]
        yield Play(microk8s_node, *witnesses)
    run(node.disable())
    assert difference(before, node.snapshot()) == []


def _redirects(url: str) -> Answering:
    return lambda _headers: Answer(307, {"Location": url})


def always(answer: Answer) -> Answering:
    """Answer everything alike."""
    return lambda _headers: answer


def _wants(challenge: str, then: Answer | None = None) -> Answering:
    """Want a login until there is one."""
    refusal = Answer(401, {"WWW-Authenticate": challenge})
    return lambda headers: (then or refusal) if "Authorization" in headers else refusal


# --- headers of hosts.toml ------------------------------------------------------------


@pytest.mark.parametrize(
    "schemes", [("http", "http"), ("https", "https"), ("https", "http")]
)
def test_headers_of_its_own(
    play: Play,
    certificate_authority: CertificateAuthority,
    ca_file: Path,
    schemes: tuple[str, str],
) -> None:
    """Those that hold secrets stay with the host, whatever case they are in.

    All others go on.
    """
    for scheme, witnesses in zip(
        schemes, ([play.first], [play.near, play.far]), strict=True
    ):
        for witness in witnesses if scheme == "https" else ():
            address = witness.host.partition(":")[0]
            witness.be(certificate_authority.server(address))
    server = f'server = "{schemes[0]}://{play.first.host}"'
    trust = [f'ca = "{ca_file}"'] if schemes[0] == "https" else []
    for target, is_lower in itertools.product(("near", "far"), (False, True)):
        witness = getattr(play, target)
        play.first.says = _redirects(
            f"{schemes[1]}://{witness.host}/v2/app/manifests/x"
        )
        headers = {
            name.lower() if is_lower else name: HEADERS[name] for name in HEADERS
        }
        lines = [f'"{name}" = "{value}"' for name, value in headers.items()]
        with play.hosts("\n".join([server, *trust, "[host]", "[header]", *lines, ""])):
            pulled, checked = play.pulled(), play.checked()
        assert checked == pulled, (target, is_lower)
        whole = frozenset((name.lower(), value) for name, value in HEADERS.items())
        keeps = target == "near" and _compares_names(play)
        own = frozenset(each for each in whole if keeps or each[0] == "x-own")
        assert (pulled["first"], pulled[target]) == ({("", whole)}, {("", own)})


def _compares_names(play: Play) -> bool:
    """Whether to this containerd another port is the same host.

    Debian builds 1.6 with old Go.
    """
    return play.made.containerd.release.series != "1.6"


# --- logins ---------------------------------------------------------------------------


def _log_in(play: Play, witness: Witness, login: tuple[str, str]) -> None:
    name, password = login
    options = ["--username", name, "--password-stdin", "--allow-plaintext-credentials"]
    add = ["add", "--insecure", witness.host, *options]
    run(play.made.node.plugin(ADDON, *add, stdin=password))


def _sent(heard: set[Heard]) -> set[str]:
    """Return the logins that a witness was sent."""
    return {
        value
        for _, headers in heard
        for name, value in headers
        if name == "authorization"
    }


def _ways(play: Play) -> Iterator[tuple[str, bool, bool]]:
    """Let the registry redirect in every way: whom to, whether it wants a login
    itself, tokens.
    """
    play.tokens.says = lambda _headers: Answer(
        200, {}, b'{"token": "x", "access_token": "x"}'
    )
    realm = f'realm="http://{play.tokens.host}/token",service="s"'
    for target, asks, gives in itertools.product(
        ("near", "far"), (True, False), (True, False)
    ):
        witness = getattr(play, target)
        redirect = Answer(
            307, {"Location": f"http://{witness.host}/v2/app/manifests/x"}
        )
        play.first.says = (
            _wants('Basic realm="r"', redirect) if asks else always(redirect)
        )
        witness.says = _wants(f"{'Bearer' if gives else 'Basic'} {realm}", Answer(404))
        yield target, asks, gives


def test_a_login_is_for_the_host_that_asks(play: Play) -> None:
    """The password of the first is never for the second.

    Each gets its own, if it has one.
    """
    _log_in(play, play.first, ANN)
    for target, asks, gives in _ways(play):
        pulled, checked = play.pulled(), play.checked()
        assert checked == pulled, (target, asks, gives)
        assert bool(_sent(pulled["first"])) is asks
        if target == "far" or not _compares_names(play):
            assert not _sent(pulled[target]) & _sent(pulled["first"])
        # Without a login of its own it is asked for a token as by somebody unknown.
        assert {method for method, _ in pulled["tokens"]} <= {"GET"}
    for witness in (play.near, play.far):
        _log_in(play, witness, BOB)
    for target, asks, gives in _ways(play):
        pulled, checked = play.pulled(), play.checked()
        assert checked == pulled, (target, asks, gives)
        assert _sent(pulled[target])
        if gives and (target == "far" or not asks):
            assert {method for method, _ in pulled["tokens"]} == {"POST"}


def test_a_challenge_is_read_as_containerd_reads_it(play: Play) -> None:
    _log_in(play, play.first, ANN)
    play.tokens.says = lambda _headers: Answer(
        200, {}, b'{"token": "x", "access_token": "x"}'
    )
    asked = set()
    for challenge in (
        'Basic realm="r", Bearer realm="http://TOKENS/token"',
        'Bearer realm="http://TOKENS/token", Basic realm="r"',
        "Bearer realm=http://TOKENS/token",
        'BEARER REALM="http://TOKENS/token"',
        'Bearer realm = "http://TOKENS/token"',
        'Bearer service="s" realm="http://TOKENS/token"',
        'Bearer realm="http://TOKENS/to\\ken"',
        'Bearer realm="http://TOKENS/token',
        (
            'Bearer realm="http://TOKENS/token?a=b",service="x'
            ' y",realm="http://TOKENS/token/2"'
        ),
        'Digest realm="r"',
        'Basic realm="r" junk',
        "Basic",
    ):
        play.first.says = _wants(
            challenge.replace("TOKENS", play.tokens.host), Answer(404)
        )
        pulled = play.pulled()
        assert play.checked() == pulled, challenge
        asked.add((bool(_sent(pulled["first"])), bool(pulled["tokens"])))
    assert asked == {(True, True), (True, False), (False, False)}
