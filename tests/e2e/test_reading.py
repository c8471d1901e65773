"""What we say a hosts.toml means is what containerd does with it: random files."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, note, settings

from private_registry.check.causes import Cause
from private_registry.check.hosts_reading import read_registry
from private_registry.check.observing import look_at
from private_registry.check.reading.reading import HostEntry, Reading
from private_registry.containerd.releases import parse_version
from registry_harness import (
    CertificateAuthority,
    HarnessNetwork,
    PullFailed,
    PullingNode,
)
from registry_harness.registries.recorder import Recorded, Recorder

from .conftest import ON_EVERY_CONTAINERD
from .hosts_files import MAY_END_IT, hosts_files

EXAMPLES = int(os.environ.get("EXAMPLES", "60"))
_TAGS = itertools.count()


@pytest.fixture(scope="module")
def recorder(
    harness_network: HarnessNetwork, certificate_authority: CertificateAuthority
) -> Iterator[Recorder]:
    """Who remembers."""
    with Recorder(harness_network.gateway, certificate_authority) as running:
        yield running


# --- what is predicted ----------------------------------------------------------------


@dataclass(frozen=True)
class Play:
    """Where containerd is to look, and who it finds there."""

    node: PullingNode
    recorder: Recorder
    registry: str
    path: str

    def predicted(self, reading: Reading) -> list[Recorded]:
        """Return what should be recorded."""
        if reading.fails:
            return []
        asked = [each for each in reading.entries if each.resolves]
        return [record for entry in asked for record in self._of(entry)]

    def _of(self, entry: HostEntry) -> Iterator[Recorded]:
        # Go takes an empty port off.
        host = entry.authority.removesuffix(":")
        if host not in (self.recorder.http, self.recorder.https):
            return
        if entry.scheme not in ("http", "https"):
            return
        is_tls = entry.scheme == "https" or entry.tries_https
        whole = Recorded(
            "https" if is_tls else "http",
            host,
            f"{entry.path}/{self.path}".replace("//", "/"),
            self.registry if entry.is_proxy else "",
            "HEAD",
        )
        refused = Recorded(whole.scheme, host)
        is_at_plain = host == self.recorder.http
        if is_at_plain and is_tls:
            yield refused
            if entry.falls_back_to_http:
                yield Recorded("http", whole.host, whole.path, whole.namespace, "HEAD")
        elif is_at_plain:
            yield whole
        elif is_tls:
            is_trusted = bool(entry.trust.authorities or entry.trust.skip_verify)
            yield whole if is_trusted else refused
        else:
            yield refused


@contextmanager
def hosts_file(directory: Path, content: bytes) -> Iterator[None]:
    """Let a registry have a hosts.toml for the block."""
    directory.mkdir()
    (directory / "hosts.toml").write_bytes(content)
    try:
        yield
    finally:
        (directory / "hosts.toml").unlink()
        directory.rmdir()


@ON_EVERY_CONTAINERD
@pytest.mark.parametrize("namespace", ["plain", "tls"])
def test_containerd_asks_whom_we_say(
    namespace: str, microk8s_node: PullingNode, recorder: Recorder, ca_file: Path
) -> None:
    registry = recorder.http if namespace == "plain" else recorder.https
    directory = microk8s_node.node.certs_d / registry
    version = parse_version(microk8s_node.containerd.release.version)

    @settings(
        max_examples=EXAMPLES,
        derandomize="CI" in os.environ,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(hosts_files())
    def asks_whom_we_say(content: bytes) -> None:
        tag = f"t{next(_TAGS)}"
        for name, text in (
            ("PLAIN", recorder.http),
            ("TLS", recorder.https),
            ('"CA"', f'"{ca_file}"'),
        ):
            content = content.replace(name.encode(), text.encode())
        note(content.decode())
        with hosts_file(directory, content):
            reading = read_registry(registry, str(directory.parent), look_at, version)
            # Tried by themselves: they end containerd.
            assume(not MAY_END_IT.search(content))
            assume(Cause.CRASHES not in [each.cause for each in reading.findings])
            play = Play(microk8s_node, recorder, registry, f"app/manifests/{tag}")
            recorder.taken()
            with pytest.raises(PullFailed) as failed:
                microk8s_node.pull(f"{registry}/app:{tag}")
            note(str(failed.value))
            note(str(reading.findings))
            assert recorder.taken() == play.predicted(reading)

    asks_whom_we_say()


# Found by asking ctr; that the daemon does the same is shown here.
_ODD = {
    "a key twice where nobody looks": b'[host."http://PLAIN"]\n[x]\ny = 1\ny = 2\n',
    "a carriage return alone": b'[host."http://PLAIN"]\n# a\rb = 1\n',
    "half an array of tables": b'[[x]\n[host."http://PLAIN"]\n',
}


@pytest.mark.parametrize("content", _ODD.values(), ids=_ODD)
@pytest.mark.parametrize("containerd_release", ["1.7", "2.3", "2.4"], indirect=True)
def test_containerd_does_with_odd_files_what_its_ctr_does(
    content: bytes, microk8s_node: PullingNode, recorder: Recorder
) -> None:
    directory = microk8s_node.node.certs_d / recorder.https
    version = parse_version(microk8s_node.containerd.release.version)
    tag = f"t{next(_TAGS)}"
    with hosts_file(directory, content.replace(b"PLAIN", recorder.http.encode())):
        reading = read_registry(recorder.https, str(directory.parent), look_at, version)
        play = Play(microk8s_node, recorder, recorder.https, f"app/manifests/{tag}")
        recorder.taken()
        with pytest.raises(PullFailed):
            microk8s_node.pull(f"{recorder.https}/app:{tag}")
        assert recorder.taken() == play.predicted(reading)
