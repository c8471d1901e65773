"""What pulls pulls after whatever `check` says of it: each of its commands is typed."""

from __future__ import annotations

import base64
import secrets
import shutil
from collections.abc import Mapping

import pytest

from registry_harness import Registry, fill
from registry_harness.pytest_plugin import RegistryOfKind

from .faults import ADDON, Stage
from .test_check_faults import check, pulls, servers, stage

__all__ = ["servers", "stage"]

pytestmark = pytest.mark.in_turn("containerd_release")
# HOST is a registry with TLS, KEY a header that logs in.
SKIPS = 'server = "https://HOST"\n[host."https://HOST"]\nskip_verify = true\n'
HEADER = '[host."https://HOST".header]\nauthorization = "KEY"\n'
INLINE = 'header = {authorization = "KEY"}\n'
STALE = 'server = "http://HOST"\n[host."http://HOST"]\n'
WITH_LOGIN = {
    "as it stands": SKIPS + HEADER,
    "no server": '[host."https://HOST"]\nskip_verify = true\n' + HEADER,
    "a key that nobody knows": f'{SKIPS}colour = "red"\n{HEADER}',
    "a time limit": f'{SKIPS}dial_timeout = "5s"\n{HEADER}',
}
# An editor, and another release of the snap.
NOT_TYPED = ("nano ", "snap refresh")
UNDERSCORED, COLON = "ADDRESS_PORT_", "HOST"
TREES: dict[str, Mapping[str, str]] = {
    **{name: {COLON: text} for name, text in WITH_LOGIN.items()},
    "no scheme": {COLON: SKIPS.replace('."https://', '."') + INLINE},
    "two directories": {UNDERSCORED: SKIPS + HEADER, COLON: STALE},
}


@pytest.fixture
def login(registry_of_kind: RegistryOfKind) -> Registry:
    """A registry with TLS that asks for a login itself."""
    return registry_of_kind("tls", "htpasswd")


def _texts(tree: Mapping[str, str], registry: Registry) -> dict[str, str]:
    login = registry.credentials
    key = f"{login.username}:{login.password}" if login else ""
    address, _, port = registry.host.partition(":")
    values = {
        "HOST": registry.host,
        "ADDRESS": address,
        "PORT": port,
        "KEY": "Basic " + base64.b64encode(key.encode()).decode(),
    }

    def filled(text: str) -> str:
        for word, value in values.items():
            text = text.replace(word, value)
        return text

    return {filled(name): filled(text) for name, text in tree.items()}


def _type_all(
    stage: Stage, registry: Registry, texts: Mapping[str, str]
) -> list[dict[str, str]]:
    """Pull, type each command that is shown, and pull after each; return findings."""

    def write() -> None:
        for name, text in texts.items():
            stage.hosts(text, name)

    write()
    assert pulls(stage, _new(registry)) == ""
    findings: list[dict[str, str]] = check(stage, _new(registry))["findings"]
    for finding in findings:
        if not finding["do"] or any(each in finding["do"] for each in NOT_TYPED):
            continue
        done = stage.made.node.shell(finding["do"], stage.work, stage.environment)
        assert done.exit_code == 0, (finding, done)
        assert pulls(stage, _new(registry)) == "", finding
        stage.made.node.plugin(ADDON, "remove", "--registry", registry.host)
        for name in texts:
            for path in stage.made.node.certs_d.glob(f"{name}*"):
                shutil.rmtree(path)
        write()
    return findings


def _new(registry: Registry) -> str:
    return fill(registry, f"app-{secrets.token_hex(4)}")


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES)
def test_what_pulls_by_a_header_pulls_after_every_remedy(
    stage: Stage, login: Registry, tree: Mapping[str, str]
) -> None:
    stage.log_in_to("htpasswd")
    findings = _type_all(stage, login, _texts(tree, login))
    assert not any("--adopt" in (each["do"] or "") for each in findings), findings
    assert not any(each["severity"] == "fault" for each in findings), findings


def test_a_ca_beside_a_file_that_is_thrown_away_counts_when_that_is_mended(
    stage: Stage,
) -> None:
    """A CA beside it is all that lets it be pulled from."""
    registry, texts = stage.other, {stage.other.host: "[host.https://OTHER]\n"}
    directory = stage.directory(registry.host)
    (directory / "own.crt").write_bytes(stage.authority.pem)
    stage.hosts(texts[registry.host], registry.host)
    assert pulls(stage, _new(registry)) == ""
    (finding,) = check(stage, _new(registry))["findings"]
    assert finding["cause"] == "unquoted"
    assert stage.made.node.shell(finding["do"], stage.work).exit_code == 0
    assert pulls(stage, _new(registry)) == ""
    assert check(stage, _new(registry))["clean"]
