"""What we say a hosts.toml means is what containerd's own ctr makes of it.

``ctr --debug content fetch-object --hosts-dir`` reads certs.d by the code that a pull
goes through. With a proxy that nobody listens at it asks nobody, and its log says whom
it would have asked, in order. It needs no daemon and no root, and takes 15 ms: so these
tests try every sample of the unit tests, random files, and files with a few bytes
changed, on every containerd. Where it is not plain who is right, ``test_reading.py``
pulls.

``check`` itself reads hosts.toml without ctr, because ctr does not say what ``check``
has to know. Each of these is shown below:

- TLS settings (CA, client certificate, verification), which probes need: they are not
  in the log.
- Who it asks where a CA cannot be read: it ends before the first.
- Who it asks behind a loopback host, which it really asks, by no proxy: the first that
  serves ends the list, and one that is silent holds it up. ``localhost:32000``, which
  each MicroK8s has, is such a host.
- Endpoints without the capabilities pull and resolve. Blobs are asked of them, too.
- Lines: containerd 2.x tells none with an error, and none tells them of an endpoint.

Nor can it be run for a containerd that is not on the machine, and the lint, which asks
what a file would say after a remedy, would have to write each to a disk.
"""

from __future__ import annotations

import ast
import os
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import quote_plus, unquote

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from private_registry.check.causes import Cause
from private_registry.check.hosts_reading import read_registry
from private_registry.check.observing import look_at
from private_registry.check.reading import hosts_document
from private_registry.containerd.releases import Version, parse_version
from registry_harness import CertificateAuthority
from registry_harness.containerd.releases import ContainerdRelease
from unit.check.test_check_lint import ORDINARY, ROWS
from unit.check.test_check_reading import (
    ADDRESSES,
    DOCUMENT,
    DOTTED_SKIP_VERIFY,
    HTTPS_FIRST,
    NO_TABLE_BETWEEN_HOSTS,
    NO_URLS,
    OTHER_DOTS,
    SECOND_COLONS,
    TEXTS,
)

from .conftest import ON_EVERY_CONTAINERD
from .hosts_files import MAY_END_IT, hosts_files

EXAMPLES = int(os.environ.get("EXAMPLES", "60"))
REGISTRY = "reg:5000"
SECONDS = 20
_NO_PROXY = "http://127.0.0.1:1"
_FIELD = re.compile(r'([\w.-]+)=("(?:[^"\\]|\\.)*"|\S*)')
_UNPARSED = re.compile(r'parse ("(?:[^"\\]|\\.)*")')
_NAMES = re.compile(rb"[A-Za-z0-9-]+\.(?:pem|crt|cert|key)\b")
_settings = settings(
    max_examples=EXAMPLES,
    derandomize="CI" in os.environ,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)


# --- what ctr says --------------------------------------------------------------------


@dataclass(frozen=True)
class Said:
    """What becomes of a pull.

    Args:
        ends: it fails before anybody is asked, and nothing more is known.
        crashes: it ends containerd.
        refuses: the file is thrown away.
        asked: whom it asks which image a tag is, in order.
    """

    ends: bool = False
    crashes: bool = False
    refuses: bool = False
    asked: tuple[str, ...] = ()


def log_of_ctr(
    release: ContainerdRelease, certs_d: Path, registry: str, seconds: float = SECONDS
) -> str:
    """Return the log of a ctr that may ask nobody but this machine.

    Raises TimeoutExpired.
    """
    command = [str(release.binary.parent / "ctr"), "--debug", "content", "fetch-object"]
    done = subprocess.run(
        [*command, "--hosts-dir", str(certs_d), f"{registry}/app:1", "application/x"],
        env={"HTTP_PROXY": _NO_PROXY, "HTTPS_PROXY": _NO_PROXY},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    return done.stderr.decode(errors="replace")


def said_by_ctr(log: str) -> Said:
    """Read a log."""
    if "\npanic: " in log:
        return Said(ends=True, crashes=True)
    refuses, asked = False, []
    for line in log.splitlines():
        fields = {key: _unquoted(value) for key, value in _FIELD.findall(line)}
        message = fields.get("msg", "")
        if message.startswith("failed to decode"):
            refuses = True
        elif message == "resolving" and "host" in fields:
            asked.append("")
        elif message == "do request":
            asked[-1] = fields["url"]
        elif message in ("trying next host", "fetch failed") and not asked[-1]:
            unparsed = _UNPARSED.search(fields["error"])
            asked[-1] = _unquoted(unparsed[1]) if unparsed else fields["error"]
    if asked or "no resolve hosts" in log:
        return Said(refuses=refuses, asked=tuple(unquote(each) for each in asked))
    return Said(ends=True)


def _unquoted(value: str) -> str:
    return str(ast.literal_eval(value)) if value.startswith('"') else value


# --- what we say ----------------------------------------------------------------------


def said_by_us(certs_d: Path, registry: str, version: Version) -> Said:
    """Read the same file."""
    reading = read_registry(registry, str(certs_d), look_at, version)
    if reading.fails:
        crashes = Cause.CRASHES in [each.cause for each in reading.findings]
        return Said(ends=True, crashes=crashes)
    asked = []
    for entry in (each for each in reading.entries if each.resolves):
        scheme = "https" if entry.tries_https else entry.scheme
        url = f"{scheme}://{entry.authority}{entry.path}/app/manifests/1"
        namespace = f"?ns={quote_plus(registry)}" if entry.is_proxy else ""
        asked.append(unquote(url + namespace))
    is_empty = not (certs_d / registry / "hosts.toml").read_bytes()
    is_read = is_empty or reading.source.endswith("/hosts.toml")
    return Said(refuses=not is_read, asked=tuple(asked))


class Bench:
    """Lays a file before both.

    Args:
        release: whose ctr it is.
        directory: to work in.
        pem: a CA, a certificate and its key.
    """

    def __init__(self, release: ContainerdRelease, directory: Path, pem: bytes) -> None:
        self._release = release
        self._directory = directory
        self._pem = pem
        self.version = parse_version(release.version) or (0, 0, 0)

    def compare(self, content: bytes, registry: str = REGISTRY) -> None:
        """Check that both say the same."""
        with self.certs_d(content, registry) as certs_d:
            log = log_of_ctr(self._release, certs_d, registry)
            ours = said_by_us(certs_d, registry, self.version)
        shown = content.decode(errors="backslashreplace")
        assert ours == said_by_ctr(log), f"{shown}\n{log}"

    def log(
        self, content: bytes, registry: str = REGISTRY, seconds: float = SECONDS
    ) -> str:
        """Return what ctr alone says of a file."""
        with self.certs_d(content, registry) as certs_d:
            return log_of_ctr(self._release, certs_d, registry, seconds)

    @contextmanager
    def certs_d(self, content: bytes, registry: str) -> Iterator[Path]:
        """Let there be a file, and all that it names, for the block."""
        directory = self._directory / registry
        directory.mkdir()
        files = {each.decode(): self._pem for each in _NAMES.findall(content)}
        files.pop("missing.crt", None)
        try:
            for name, text in {**files, "hosts.toml": content}.items():
                (directory / name).write_bytes(text)
            yield self._directory
        finally:
            for each in directory.iterdir():
                each.unlink()
            directory.rmdir()


@pytest.fixture
def bench(
    containerd_release: ContainerdRelease,
    certificate_authority: CertificateAuthority,
    tmp_path: Path,
) -> Bench:
    """Ours and ctr, side by side."""
    client = certificate_authority.client()
    pem = client.certificate + client.key + certificate_authority.pem
    return Bench(containerd_release, tmp_path, pem)


# --- side by side ---------------------------------------------------------------------

# Debian's 2.1.9 is built with the go-toml of containerd 2.4; MicroK8s' has that of 2.2.
_BY_LATER_LIBRARY = ("a key twice where nobody looks", *DOTTED_SKIP_VERIFY)


def _samples() -> Iterator[tuple[str, str, str]]:
    """Yield samples of the unit tests: a name, the registry and the text."""
    for name, (text, *_) in TEXTS.items():
        yield name, REGISTRY, text
    for url in [*ADDRESSES, *NO_URLS, *(url for url, *_ in HTTPS_FIRST)]:
        yield url, REGISTRY, f'[host."{url}"]\nskip_verify = false\n'
        yield url, REGISTRY, f'server = "{url}"\n[host."http://a:1"]\n'
    for text in (DOCUMENT, *NO_TABLE_BETWEEN_HOSTS, *OTHER_DOTS, *SECOND_COLONS):
        yield text, REGISTRY, text
    for text in DOTTED_SKIP_VERIFY:
        yield text, REGISTRY, text
    for name, row in ROWS.items():
        yield name, REGISTRY, row.text
    for name, (registry, text) in ORDINARY.items():
        yield name, registry, text


SAMPLES = [
    (name, registry, text.encode(errors="surrogateescape"))
    for name, registry, text in dict.fromkeys(_samples())
]


@ON_EVERY_CONTAINERD
def test_of_all_samples(bench: Bench) -> None:
    for name, registry, content in SAMPLES:
        if bench.version[:2] != (2, 1) or name not in _BY_LATER_LIBRARY:
            bench.compare(content, registry)


@pytest.mark.exhaustive
@ON_EVERY_CONTAINERD
def test_of_random_files(bench: Bench) -> None:
    @_settings
    @given(hosts_files())
    def say_the_same(content: bytes) -> None:
        assume(not MAY_END_IT.search(content))
        bench.compare(_named(content))

    say_the_same()


@st.composite
def damaged_files(draw: st.DrawFn) -> bytes:
    """Return a sample or a random file with a few bytes or lines changed."""
    samples = st.sampled_from([content for *_, content in SAMPLES])
    content = draw(st.one_of(samples, hosts_files().map(_named)))
    for _ in range(draw(st.integers(1, 3))):
        by_lines = draw(st.booleans())
        parts = content.split(b"\n") if by_lines else [bytes([b]) for b in content]
        at, other = (draw(st.integers(0, max(len(parts) - 1, 0))) for _ in "ab")
        new = parts[other : other + 1] if by_lines else [draw(_BYTES)]
        parts[at : at + draw(st.integers(0, 1))] = draw(st.sampled_from([new, []]))
        content = (b"\n" if by_lines else b"").join(parts)
    return content


_DOTTED = re.compile(rb"\.\s*[\"']?skip_verify", re.IGNORECASE)
_BYTES = st.sampled_from(
    [bytes([b]) for b in b"\"'[]{}=.,#\n\r\t \\:/%@?-_+05aAeETtfnux\x00\x7f\xc3\xa9"]
)


def _named(content: bytes) -> bytes:
    for name, text in (
        (b"PLAIN", b"p.corp:1"),
        (b"TLS", b"t.corp:2"),
        (b"CA", b"a.crt"),
    ):
        content = re.sub(rb'(?<=")CA(?=")' if name == b"CA" else name, text, content)
    return content


@pytest.mark.exhaustive
@ON_EVERY_CONTAINERD
def test_of_files_with_a_few_bytes_changed(bench: Bench) -> None:
    """But for what is no TOML and go-toml v1 takes all the same, or crashes at.

    Such as ``[host."a"x]``, or a key behind a header; to us it is no TOML. Where
    containerd 2 crashes it has not come to what else is wrong in the file.
    """

    @_settings
    @given(damaged_files())
    def say_the_same(content: bytes) -> None:
        assume(not _DOTTED.search(content))
        assume(not _is_beyond(content, bench.version))
        bench.compare(content)

    say_the_same()


def _is_beyond(content: bytes, version: Version) -> bool:
    if version >= (2, 0, 0):
        is_told_twice = _refusal(content, (2, 4, 2)) != _refusal(content, version)
        return version[:2] == (2, 1) and is_told_twice
    return _refusal(content, version) == "syntax"


def _refusal(content: bytes, version: Version) -> str:
    try:
        hosts_document.read(content, version)
    except hosts_document.Refused as refused:
        return refused.kind
    return ""


# --- what ctr does not say ------------------------------------------------------------

A = b'[host."https://a"]\n'


@ON_EVERY_CONTAINERD
def test_tls_settings_are_not_in_the_log(bench: Bench) -> None:
    logs = {
        said_by_ctr(bench.log(A + more))
        for more in (
            b"",
            b'ca = "a.crt"\n',
            b"skip_verify = true\n",
            b'client = "a.pem"\n',
        )
    }
    assert len(logs) == 1


@ON_EVERY_CONTAINERD
def test_without_a_ca_nobody_is_in_the_log(bench: Bench) -> None:
    log = bench.log(A + b'[host."https://b"]\nca = "missing.crt"\n')
    assert said_by_ctr(log) == Said(ends=True)


@ON_EVERY_CONTAINERD
def test_who_only_pushes_or_pulls_is_not_in_the_log(bench: Bench) -> None:
    for capability in (b"push", b"pull"):
        log = bench.log(A + b'capabilities = ["%s"]\n' % capability)
        assert said_by_ctr(log).asked == (f"https://{REGISTRY}/v2/app/manifests/1",)


@ON_EVERY_CONTAINERD
def test_no_error_and_no_endpoint_has_its_line_since_2(bench: Bench) -> None:
    log = bench.log(A + b"skip_verify = 1\n")
    assert bool(re.search(r"\(2, 1\)", log)) is (bench.version < (2, 0, 0))
    assert "line" not in log


class _Serving(BaseHTTPRequestHandler):
    """Answers to everything, and remembers what was sent."""

    server: _Remembering

    def do_HEAD(self) -> None:
        self.server.sent.append(self.headers.get("X-Secret"))
        self.send_response(200)
        self.send_header("Content-Type", "application/x")
        self.send_header("Content-Length", "1")
        self.send_header("Docker-Content-Digest", "sha256:" + "0" * 64)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(b"x")

    do_GET = do_HEAD  # noqa: N815 - as http.server wants it

    def log_message(self, *_: object) -> None:
        """Be silent."""


class _Remembering(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Serving)
        self.sent: list[str | None] = []


def _before(port: int) -> bytes:
    return (
        b'[host."http://127.0.0.1:%d"]\n[host."http://127.0.0.1:%d".header]\n'
        b'X-Secret = "s"\n' % (port, port) + A
    )


@ON_EVERY_CONTAINERD
def test_a_host_of_this_machine_is_really_asked_and_ends_the_list(bench: Bench) -> None:
    with _Remembering() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        log = bench.log(_before(server.server_port))
        server.shutdown()
    assert server.sent[0] == "s"
    assert "https://a/" not in log


@ON_EVERY_CONTAINERD
def test_a_silent_host_of_this_machine_holds_it_up(bench: Bench) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(
        subprocess.TimeoutExpired
    ) as held_up:
        bench.log(_before(silent.getsockname()[1]), seconds=1)
    assert b"https://a/" not in (held_up.value.stderr or b"")
