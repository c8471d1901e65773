"""Every fault of the table: containerd's words, what `check` calls it, its remedy,
and a pull.
"""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry_harness import (
    CertificateAuthority,
    HarnessNetwork,
    PullFailed,
    PullingNode,
    Registry,
    difference,
    fill,
)
from registry_harness.containerd.releases import SERIES
from registry_harness.pytest_plugin import RegistryOfKind
from registry_harness.registries.gatekeeper import BlackHole, ForwardProxy, Gatekeeper
from registry_harness.registries.network import Ipv6Network

from .conftest import ON_EVERY_CONTAINERD, PAUSE_IMAGE
from .faults import ADDON, CRASHING, CRASHING_BY_DOTS, OLD, ROWS, Row, Stage, image


def _is_run(containerd_release: str, row: Row) -> bool:
    """Every fault on the newest containerd, and in turn on one of the others, where
    it is one.
    """
    number = list(ROWS.values()).index(row)
    others = [series for series in SERIES[:-1] if series in row.series] or SERIES[:-1]
    return containerd_release in (SERIES[-1], others[number % len(others)])


def _is_daily(containerd_release: str, row: Row) -> bool:
    """Every cause once: on the newest containerd, if it is one there."""
    rows = [each for each in ROWS.values() if each.cause == row.cause]
    return row is rows[0] and (containerd_release == SERIES[-1]) == (
        SERIES[-1] in row.series
    )


@pytest.fixture(scope="module")
def servers(
    harness_network: HarnessNetwork, plain_registry: Registry
) -> Iterator[tuple[Gatekeeper, BlackHole, ForwardProxy]]:
    """What faults are made with."""
    address = harness_network.gateway
    with (
        Gatekeeper(address, plain_registry) as gate,
        BlackHole(address) as hole,
        ForwardProxy(address, forbids=True) as proxy,
    ):
        yield gate, hole, proxy


@pytest.fixture
def stage(
    microk8s_node: PullingNode,
    harness_network: HarnessNetwork,
    servers: tuple[Gatekeeper, BlackHole, ForwardProxy],
    plain_registry: Registry,
    upstream: Registry,
    registry_of_kind: RegistryOfKind,
    certificate_authority: CertificateAuthority,
    tmp_path: Path,
) -> Iterator[Stage]:
    """A stage, and everything as it was afterwards."""
    node = microk8s_node.node
    if not microk8s_node.containerd.cri.has_image(PAUSE_IMAGE):
        microk8s_node.containerd.load(PAUSE_IMAGE)
    gate, hole, proxy = servers
    gate.be()
    client = certificate_authority.client()
    files = {"ca.crt": certificate_authority.pem, "client.crt": client.certificate}
    for name, content in {**files, "client.key": client.key}.items():
        (tmp_path / name).write_bytes(content)
    before, template = node.snapshot(), node.template.read_text()
    kept = tmp_path / "kept"
    subprocess.run(["cp", "-a", str(node.certs_d), str(kept)], check=True)
    assert node.enable().exit_code == 0
    logins = {kind: registry_of_kind("http", kind) for kind in ("htpasswd", "token")}
    yield Stage(
        microk8s_node,
        gate,
        plain_registry,
        upstream,
        logins,
        hole,
        proxy,
        certificate_authority,
        CertificateAuthority("stranger"),
        harness_network.address(),
        tmp_path,
    )
    node.disable()
    shutil.rmtree(node.certs_d)
    for path in node.certs_d.parent.glob("*.old"):
        shutil.rmtree(path)
    subprocess.run(["cp", "-a", str(kept), str(node.certs_d)], check=True)
    environment = node.data / "args/containerd-env"
    if environment.exists() or node.template.read_text() != template:
        environment.unlink(missing_ok=True)
        node.template.write_text(template)
        microk8s_node.containerd.restart()
    assert difference(before, node.snapshot()) == []


def check(stage: Stage, reference: str) -> Any:
    """Check an image; return the JSON, with the exit code that it should have."""
    done = stage.made.node.plugin(ADDON, "check", reference, "--json", "--timeout", "4")
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert done.exit_code == (0 if found["clean"] else 5)
    return found


def explained(stage: Stage, words: str) -> list[str]:
    """Return the causes that words tell."""
    done = stage.made.node.plugin(ADDON, "check", "--explain", words, "--json")
    return [each["cause"] for each in json.loads(done.stdout)["explanations"]]


def pulls(stage: Stage, reference: str) -> str:
    """Pull; return containerd's words, or nothing where it works."""
    try:
        stage.made.pull(reference)
    except PullFailed as failed:
        return str(failed)
    return ""


def _name() -> str:
    return f"app-{secrets.token_hex(4)}"


@ON_EVERY_CONTAINERD
@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
@pytest.mark.combinations(chosen=_is_run, daily=_is_daily)
def test_a_fault(row: Row, stage: Stage) -> None:
    series = stage.made.containerd.release.series
    host = row.make(stage)
    if series not in row.series:
        assert check(stage, image(stage, host, _name(), row.project))["clean"]
        assert pulls(stage, image(stage, host, _name(), row.project)) == ""
        return
    words = pulls(stage, image(stage, host, _name(), row.project))
    assert bool(words) == (row.words is not None)
    _assert_words_tell(row, explained(stage, words) if words else [], words)
    found = check(stage, image(stage, host, _name(), row.project))
    faults = [each for each in found["findings"] if each["severity"] == "fault"]
    assert [each["cause"] for each in faults] == [row.cause], found
    if row.mend is not None:
        assert faults[0]["owner"]
        assert faults[0]["do"] is None
        row.mend(stage)
        if not row.is_pulled:
            return
    else:
        command = faults[0]["do"]
        done = stage.made.node.shell(command, stage.work, stage.environment)
        assert done.exit_code == 0, (command, done)
        _wait_for_cri(stage)
    assert pulls(stage, image(stage, host, _name(), row.project)) == ""
    found = check(stage, image(stage, host, _name(), row.project))
    assert found["clean"], found


def _wait_for_cri(stage: Stage) -> None:
    end = time.monotonic() + 20
    while not stage.made.containerd.cri.is_ready():
        assert time.monotonic() < end
        time.sleep(0.05)


def _assert_words_tell(row: Row, causes: list[str], words: str) -> None:
    if row.words == "any" or row.words is None:
        return
    wanted = (row.words or row.cause).split("|")
    assert set(wanted) & set(causes), words


def test_what_ends_containerd_itself(stage: Stage) -> None:
    """A key in [host] itself crashes containerd 1.x at each pull.

    2.x throws the file away.
    """
    stage.hosts(CRASHING)
    reference = image(stage, None, _name())
    found = check(stage, reference)
    series = stage.made.containerd.release.series
    (fault,) = [each for each in found["findings"] if each["severity"] == "fault"]
    assert fault["cause"] == ("crashes" if series in OLD else "misplaced_key")
    words = pulls(stage, reference)
    assert words
    if series in OLD:
        log = stage.made.containerd.log()
        assert explained(stage, log[log.rindex("panic:") :]) == ["crashes"]
        stage.made.containerd.restart()
    assert stage.made.node.shell(fault["do"], stage.work).exit_code == 0
    assert pulls(stage, image(stage, None, _name())) == ""


@pytest.mark.parametrize(
    ("server", "words"),
    [
        ("*", "an impossible host"),
        ("https://docker.i://GATE", "two schemes"),
        ("http://<ip>:5000", "a placeholder"),
        ("http://GATE:5000", "two ports"),
    ],
)
def test_an_address_that_cannot_be(server: str, words: str, stage: Stage) -> None:
    """Nobody but people knows what was meant, and no line is shown that keeps it."""
    stage.hosts(f'server = "{server}"\n[host]\n')
    reference = image(stage, None, _name())
    assert pulls(stage, reference)
    (fault,) = [
        each
        for each in check(stage, reference)["findings"]
        if each["severity"] == "fault"
    ]
    assert fault["cause"] == "bad_url"
    assert words in fault["what"]
    assert fault["do"].startswith("sudo nano +1 ")


@pytest.mark.parametrize("containerd_release", OLD, indirect=True)
def test_add_where_containerd_cannot_start(stage: Stage) -> None:
    """Nothing is done, and that is said, until the table is right."""
    node = stage.made.node
    stage.add("--registry", "other.corp")
    stage.template('\n[plugins.cri.registry]\n  config_path = ""\n')
    before = node.snapshot()
    for words in (("add", "--insecure", stage.gate.host), ("apply",)):
        done = node.plugin(ADDON, *words)
        assert done.exit_code == 4, done
        assert "Done" not in done.stdout
        assert "does not start with [plugins.cri.registry]" in done.stderr
        assert difference(before, node.snapshot()) == []
    (fault,) = [
        each
        for each in check(stage, image(stage, None, _name()))["findings"]
        if each["severity"] == "fault"
    ]
    assert fault["cause"] == "plugin_name"
    assert explained(stage, stage.made.containerd.log()[-500:])[:1] == ["plugin_name"]


@pytest.mark.parametrize("containerd_release", ["2.2", "2.3", "2.4"], indirect=True)
def test_dots_that_end_containerd_itself(stage: Stage) -> None:
    """A dotted skip_verify crashes go-toml before 2.4 at each pull.

    2.4 takes no such host.
    """
    stage.hosts(CRASHING_BY_DOTS)
    reference = image(stage, None, _name())
    (fault,) = [
        e for e in check(stage, reference)["findings"] if e["severity"] == "fault"
    ]
    is_ended = stage.made.containerd.release.series < "2.4"
    assert fault["cause"] == ("crashes" if is_ended else "not_a_host")
    assert pulls(stage, reference)
    if is_ended:
        log = stage.made.containerd.log()
        assert explained(stage, log[log.rindex("panic:") :]) == ["crashes"]
        stage.made.containerd.restart()
    assert stage.made.node.shell(fault["do"], stage.work).exit_code == 0
    assert pulls(stage, image(stage, None, _name())) == ""


def test_nobody_answers(stage: Stage) -> None:
    """A pull takes containerd half a minute to give up; what it says then is known."""
    stage.add("--insecure", stage.hole.host)
    start = time.monotonic()
    found = check(stage, f"{stage.hole.host}/app:latest")
    assert time.monotonic() - start < 6
    (fault,) = [each for each in found["findings"] if each["severity"] == "fault"]
    assert fault["cause"] == "timeout"
    assert fault["owner"]
    address = stage.hole.host
    words = (
        f'failed to do request: Head "http://{address}/v2/app/manifests/latest": dial'
        " tcp "
    )
    assert explained(stage, f"{words}{address}: i/o timeout") == ["timeout"]


def test_a_mirrors_path_is_told_where_no_image_is_named(stage: Stage) -> None:
    host = ROWS["mirror's path, nobody behind it"].make(stage)
    assert host is not None
    found = check(stage, host)
    (fault,) = [each for each in found["findings"] if each["severity"] == "fault"]
    assert fault["cause"] == "path_appended"
    assert f"http://{stage.gate.host}/v2/ is one" in fault["why"]


def test_a_registry_at_port_80(stage: Stage) -> None:
    """An image without a port asks 443, where nobody listens."""
    with Gatekeeper(stage.address, stage.registry, port=80):
        name = _name()
        fill(stage.registry, name)
        reference = f"{stage.address}/{name}:latest"
        assert explained(stage, pulls(stage, reference)) == ["speaks_http", "refused"]
        for asked in (stage.address, reference):
            found = check(stage, asked)
            (fault,) = [e for e in found["findings"] if e["severity"] == "fault"]
            assert fault["cause"] == "speaks_http"
            assert "port 443" in fault["why"]
            assert fault["do"].endswith(f"add --insecure {stage.address}")
        assert stage.made.node.shell(fault["do"], stage.work).exit_code == 0
        assert pulls(stage, reference) == ""
        assert check(stage, reference)["clean"]


def test_docker_hub_by_another_name(stage: Stage) -> None:
    path = stage.hosts(
        'server = "http://GATE"\n[host."http://GATE"]\n', "registry-1.docker.io"
    )
    done = stage.made.node.plugin(ADDON, "check", "--json")
    assert done.exit_code == 5
    (fault,) = [
        e for e in json.loads(done.stdout)["findings"] if e["severity"] == "fault"
    ]
    assert fault["cause"] == "wrong_directory"
    assert str(path.parent.name) in fault["where"]
    name = f"library/{_name()}"
    fill(stage.registry, name)
    assert pulls(stage, f"docker.io/{name}:latest")
    assert stage.made.node.shell(fault["do"], stage.work).exit_code == 0
    assert pulls(stage, f"docker.io/{name}:latest") == ""
    assert json.loads(stage.made.node.plugin(ADDON, "check", "--json").stdout)["clean"]


def test_a_registry_that_has_an_ipv6_address_only(
    stage: Stage, harness_network: HarnessNetwork
) -> None:
    with Ipv6Network(harness_network) as network:
        address = network.address_of(stage.registry.container.get_wrapped_container())
        host = f"[{address}]:{stage.registry.spec.port}"
        name = _name()
        fill(stage.registry, name)
        reference = f"{host}/{name}:latest"
        words = pulls(stage, reference)
        found = check(stage, reference)
        (fault,) = [each for each in found["findings"] if each["severity"] == "fault"]
        if stage.made.containerd.release.series == "1.6":
            assert explained(stage, words) == ["bad_reference"]
            assert (fault["cause"], fault["do"][:17]) == (
                "field_too_new",
                "sudo snap refresh",
            )
            return
        assert explained(stage, words) == [fault["cause"]] == ["speaks_http"]
        assert stage.made.node.shell(fault["do"], stage.work).exit_code == 0
        assert pulls(stage, reference) == ""
        assert check(stage, reference)["clean"]
