"""Registries that stay up after the command that started them, for trying things by
hand.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import docker

from registry_harness.errors import HarnessError
from registry_harness.registries.certificates import CertificateAuthority
from registry_harness.registries.image import registry_image
from registry_harness.registries.kinds import HELD_UP
from registry_harness.registries.network import (
    KEPT,
    SEED_SUBNET,
    HarnessNetwork,
    labelled,
    remove_kept,
)
from registry_harness.registries.registry import Registry, RegistrySpec, start_registry

_SEED_ADDRESS, _SEED_PORT = "10.141.241.175", 32000
_PRIVATE = 0o600


def state_directory() -> Path:
    """Where addresses, keys and credentials of what is up are kept.

    Only this user may read it.
    """
    base = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state"
    return Path(base) / "private-registry-config" / "harness"


def start_all(
    client: docker.DockerClient, say: Callable[[str], None]
) -> list[dict[str, str]]:
    """Start one registry of every kind and return what people need to use them.

    The plain one stands at 10.141.241.175:32000 where that subnet is free.

    Args:
        client: of the Docker engine that they run in.
        say: is given a line of progress now and then.

    Raises:
        HarnessError: they are up already, or one did not start; then none is left.
    """
    if up(client):
        raise HarnessError(
            "registries are up already", "scripts/harness status, or down"
        )
    with ExitStack() as undo:
        network = _network(client)
        undo.callback(network.stop)
        authority = CertificateAuthority()
        image = registry_image(client, say)
        registries: dict[str, Registry] = {}

        def start(kind: str, spec: RegistrySpec) -> Registry:
            registries[kind] = start_registry(spec, network, authority, image)
            undo.callback(registries[kind].stop)
            return registries[kind]

        seed = _SEED_ADDRESS if str(network.subnet) == SEED_SUBNET else None
        plain = start("plain HTTP", RegistrySpec(address=seed, port=_SEED_PORT))
        for kind, spec in HELD_UP.items():
            start(kind, spec)
        start("mirror of plain HTTP", RegistrySpec(proxy_of=plain))
        described = _save(registries)
        undo.pop_all()
    return described


def up(client: docker.DockerClient) -> list[str]:
    """Return the names of the containers that are up."""
    found = labelled(client, KEPT)
    gone = ("created", "exited", "dead", "removing")
    return [str(each.name) for each in found if each.status not in gone]


def saved() -> list[dict[str, str]]:
    """Return what start_all returned, from the state directory."""
    path = state_directory() / "registries.json"
    if not path.exists():
        return []
    registries: list[dict[str, str]] = json.loads(path.read_text(encoding="utf-8"))
    return registries


def stop_all(client: docker.DockerClient) -> int:
    """Remove all of them and what was saved of them.

    Return how many parts there were.
    """
    removed = remove_kept(client)
    shutil.rmtree(state_directory(), ignore_errors=True)
    return removed


def _network(client: docker.DockerClient) -> HarnessNetwork:
    try:
        return HarnessNetwork(client, SEED_SUBNET, kept=True)
    except HarnessError:
        return HarnessNetwork(client, kept=True)


def _save(registries: dict[str, Registry]) -> list[dict[str, str]]:
    directory = state_directory()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    described = [
        _described(kind, registry, directory) for kind, registry in registries.items()
    ]
    with private_file(directory / "registries.json") as path:
        path.write_text(json.dumps(described, indent=2), encoding="utf-8")
    return described


def _described(kind: str, registry: Registry, directory: Path) -> dict[str, str]:
    described = {"kind": kind, "host": registry.host, "url": registry.url}
    files = {"ca": registry.ca}
    if registry.client is not None:
        files["client_cert"] = registry.client.certificate
        files["client_key"] = registry.client.key
    for name, content in files.items():
        if content is not None:
            with private_file(directory / f"{registry.host}.{name}.pem") as path:
                path.write_bytes(content)
                described[name] = str(path)
    if registry.credentials is not None:
        described["username"] = registry.credentials.username
        described["password"] = registry.credentials.password
        with private_file(directory / f"{registry.host}.password") as path:
            path.write_text(registry.credentials.password, encoding="utf-8")
            described["password_file"] = str(path)
    if registry.spec.proxy_of is not None:
        described["mirror_of"] = registry.spec.proxy_of.host
    return described


@contextmanager
def private_file(path: Path) -> Iterator[Path]:
    """Make an empty file that only this user may read."""
    path.unlink(missing_ok=True)
    path.touch(mode=_PRIVATE)
    yield path
