"""What mends a fault: commands that the addon accepts, lines that do what they say."""

from __future__ import annotations

import os
import shlex
import subprocess
from pathlib import Path
from typing import Callable

import pytest
import tomlkit

from private_registry.check.causes import Cause
from private_registry.check.explain.explain import explain
from private_registry.check.findings import Remedy
from private_registry.check.reading.reading import Trust
from private_registry.check.remedies import remedy_for
from private_registry.check.setup import NO_FACTS, Files, NodeFacts, Setup
from private_registry.cli.command_line import parse
from private_registry.cli.files_given import Inputs
from private_registry.registries.mirror_urls import parse_mirror_url
from private_registry.registries.model import ClientCertificate, Mirror, Registry, Tls
from private_registry.registries.names import parse_registry_name
from unit.error_texts import AROUND, REGISTRY, TAILS
from unit.field_error_texts import FIELD
from unit.pki import Pki
from unit.rarer_error_texts import RARER
from unit.typed import filled_in
from unit.whole_error_texts import WHOLE

ARGS = "/var/snap/microk8s/current/args"
FILES = Files(
    f"{ARGS}/containerd-template.toml", f"{ARGS}/containerd-env", f"{ARGS}/certs.d"
)
TEXTS = [
    *(AROUND["containerd 1"](said.text) for said in TAILS),
    *(said.text for said in WHOLE),
    *(told.text for told in (*FIELD.values(), *RARER.values())),
]


@pytest.fixture
def desk(pki: Pki, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A working directory with the files, and an environment with the login, of
    remedies.
    """
    monkeypatch.chdir(tmp_path)
    files = {
        "ca.crt": pki.authority.pem,
        "client.crt": pki.client.pem,
        "client.key": pki.client.key,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setenv("REGISTRY_USER", "ann")
    monkeypatch.setenv("REGISTRY_PASSWORD", "s3cr3t")


def _accepted(command: str) -> bool:
    """Read a command as the addon does; others are known by their first words."""
    for door, prefix in (
        ("plugin", "microk8s private-registry "),
        ("enable", "microk8s enable private-registry-config "),
    ):
        if command.startswith(prefix):
            parse(door, shlex.split(filled_in(command[len(prefix) :])), Inputs())
            return True
    return command.startswith(
        (
            *(
                "sudo ",
                "microk8s stop; ",
                "microk8s images import ",
                "printf ",
                "grep -q ",
            ),
            *("docker login", "microk8s kubectl get events "),
            "microk8s ctr images rm ",
        )
    )


SAVED = Registry(
    parse_registry_name(REGISTRY, "--registry"),
    tls=Tls("ca", ClientCertificate("certificate", "key")),
    mirrors=(Mirror(parse_mirror_url("http://m.corp/proxy", "--mirror")),),
)
FACTS = {
    "nothing known": NO_FACTS,
    "first enable": NodeFacts(has_plugin=False),
    "handwritten": NodeFacts(handwritten=frozenset([REGISTRY]), files=FILES),
    "saved": NodeFacts(saved=(SAVED,), files=FILES),
}


@pytest.mark.parametrize("facts", FACTS.values(), ids=FACTS)
@pytest.mark.usefixtures("desk")
def test_each_command_that_is_shown_is_accepted(facts: NodeFacts) -> None:
    commands = {
        each.remedy.command
        for text in TEXTS
        for each in explain(text, facts)
        if each.remedy.command
    }
    assert len(commands) > 12
    for command in commands:
        assert _accepted(command), command


CA = Trust(("ca.crt",))
BOTH = Trust(("ca.crt",), (("client.crt", "client.key"),))
SETUPS = [
    Setup(),
    Setup("reg.corp:5000"),
    Setup("reg.corp:5000", "http://reg.corp:5000", files=FILES, by_hand=True),
    Setup(
        "reg.corp",
        "https://reg.corp",
        is_saved=True,
        trust=BOTH,
    ),
    Setup("reg.corp", "https://reg.corp", by_hand=True, trust=BOTH),
    Setup("docker.io"),
    Setup("docker.io", "http://registry-1.docker.io"),
    Setup("docker.io", "https://harbor.corp/v2/proxy", is_mirror=True, trust=Trust()),
    Setup("docker.io", "http://m.corp:5000", is_mirror=True, trust=CA, files=FILES),
    Setup("*", "https://cache.corp", is_mirror=True, has_plugin=False),
    Setup("[fd00::1]:5000", "https://[fd00::1]:5000", files=FILES),
    Setup("reg.corp:5000", in_docker=True),
    Setup("buildbox", "https://buildbox"),
    Setup("a b", "https://a b/$(id)", is_mirror=True),
]


@pytest.mark.parametrize("setup", SETUPS, ids=str)
@pytest.mark.usefixtures("desk")
def test_whatever_the_setup_a_remedy_is_accepted_or_says_who_else_can_mend_it(
    setup: Setup,
) -> None:
    for cause in Cause:
        remedy = remedy_for(cause, setup)
        assert not (remedy.command and remedy.owner)
        assert not remedy.command or _accepted(remedy.command), remedy
        assert "{" not in f"{remedy.needs}{remedy.owner}"


_LOGIN = '--username "$REGISTRY_USER" --password-env REGISTRY_PASSWORD'
_MIRROR = "--mirror docker.io=https://m.corp/v2/proxy"


@pytest.mark.parametrize(
    ("cause", "setup", "command"),
    [
        (Cause.SPEAKS_HTTP, Setup("r.corp"), "--insecure r.corp"),
        (Cause.SPEAKS_HTTPS, Setup("r.corp", "http://r.corp"), "--registry r.corp"),
        (
            Cause.SPEAKS_HTTPS,
            Setup("r.corp", "http://r.corp", trust=CA),
            "--registry r.corp --ca ca.crt",
        ),
        (Cause.UNKNOWN_CA, Setup("r.corp"), "--registry r.corp --ca ca.crt"),
        (
            Cause.CLIENT_CERTIFICATE_MISSING,
            Setup("r.corp", trust=Trust()),
            "--registry r.corp --client-cert client.crt --client-key client.key",
        ),
        (Cause.LOGIN_MISSING, Setup("r.corp"), f"--registry r.corp {_LOGIN}"),
        (
            Cause.LOGIN_MISSING,
            Setup("r.corp", "http://r.corp"),
            f"--insecure r.corp {_LOGIN} --allow-plaintext-credentials",
        ),
        (
            Cause.UNKNOWN_CA,
            Setup("docker.io", "https://m.corp/v2/proxy", is_mirror=True),
            f"{_MIRROR} --ca ca.crt",
        ),
        (
            Cause.SPEAKS_HTTP,
            Setup("docker.io", "https://m.corp/v2/proxy", is_mirror=True, by_hand=True),
            "--mirror docker.io=http://m.corp/v2/proxy --adopt",
        ),
        (
            Cause.SPEAKS_HTTP,
            Setup("r.corp", in_docker=True),
            "--insecure r.corp --docker",
        ),
        (Cause.RATE_LIMITED, Setup("docker.io"), f"--registry docker.io {_LOGIN}"),
        (Cause.NOT_A_REGISTRY, Setup("docker.io"), "--registry docker.io --adopt"),
    ],
)
def test_the_remedy_names_the_registry_and_what_it_needs(
    cause: Cause, setup: Setup, command: str
) -> None:
    assert (
        remedy_for(cause, setup).command == f"microk8s private-registry add {command}"
    )


def test_microk8s_own_registry_is_started() -> None:
    remedy = remedy_for(
        Cause.REFUSED, Setup("localhost:32000", "http://localhost:32000")
    )
    assert remedy == Remedy("microk8s enable registry")


@pytest.mark.parametrize(
    ("cause", "setup"),
    [
        (Cause.SPEAKS_HTTP, Setup("docker.io", "https://registry-1.docker.io")),
        (Cause.EXPIRED, Setup("r.corp")),
        (Cause.REFUSED, Setup("r.corp")),
        (Cause.RATE_LIMITED, Setup("r.corp")),
    ],
)
def test_what_only_others_can_mend_has_no_command(cause: Cause, setup: Setup) -> None:
    remedy = remedy_for(cause, setup)
    assert remedy.command == ""
    assert setup.authority in remedy.owner


@pytest.fixture
def shell(tmp_path: Path) -> Callable[[Remedy], None]:
    """Run a remedy's line, with a sudo that changes nobody and a snap that restarts
    nothing.
    """
    for name, line in {"sudo": 'exec "$@"', "snap": "exit 0"}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{line}\n")
        (tmp_path / name).chmod(0o755)

    def run(remedy: Remedy) -> None:
        path = f"{tmp_path}:{os.environ['PATH']}"
        subprocess.run(["sh", "-c", remedy.command], env={"PATH": path}, check=True)

    return run


@pytest.mark.parametrize("before", ["", "NO_PROXY=10.0.0.0/8", "no_proxy=10.0.0.0/8\n"])
def test_a_proxys_remedy_adds_the_host(
    shell: Callable[[Remedy], None], tmp_path: Path, before: str
) -> None:
    environment = tmp_path / "containerd-env"
    environment.write_text(before)
    shell(
        remedy_for(
            Cause.PROXY,
            Setup("r.corp:5000", files=Files(environment=str(environment))),
        )
    )
    shown = subprocess.run(
        ["sh", "-c", f'. "{environment}"; echo "$NO_PROXY"'],
        capture_output=True,
        check=True,
    )
    assert shown.stdout.decode().strip() == ("10.0.0.0/8" if before else "") + ",r.corp"


@pytest.mark.parametrize("times", [1, 2])
def test_a_snapshotters_remedy_adds_its_setting_once(
    shell: Callable[[Remedy], None], tmp_path: Path, times: int
) -> None:
    template = tmp_path / "containerd-template.toml"
    template.write_text("version = 2")
    for _ in range(times):
        shell(
            remedy_for(
                Cause.NATIVE_SNAPSHOTTER, Setup(files=Files(template=str(template)))
            )
        )
    plugins = tomlkit.parse(template.read_text()).unwrap()["plugins"]
    assert plugins == {"io.containerd.cri.v1.images": {"use_local_image_pull": True}}


@pytest.mark.parametrize(
    ("cause", "name"),
    [(Cause.SHADOWED, "r.corp_5000_"), (Cause.NOT_A_DIRECTORY, "r.corp:5000")],
)
def test_what_is_in_the_way_is_moved(
    shell: Callable[[Remedy], None], tmp_path: Path, cause: Cause, name: str
) -> None:
    (tmp_path / name).write_text("")
    shell(remedy_for(cause, Setup("r.corp:5000", files=Files(certs_d=str(tmp_path)))))
    assert not (tmp_path / name).exists()
    assert (tmp_path / f"{name}.old").exists()
