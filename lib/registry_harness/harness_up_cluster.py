"""A cluster that stays up beside the registries, held by a process of its own."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import docker

from registry_harness.containerd.releases import SERIES, fetch_releases
from registry_harness.errors import HarnessError, MissingPartError
from registry_harness.harness_up import private_file, state_directory
from registry_harness.kubernetes import (
    Cluster,
    ClusterNode,
    ClusterSpec,
    running_cluster,
)
from registry_harness.kubernetes.kubectl import fetch_kubectls
from registry_harness.kubernetes.programs import fetch_kubernetes
from registry_harness.machine.namespaces import check_machines
from registry_harness.registries.network import kept_network

HOLD = "hold-cluster"
_SECONDS = 120
_STOP_SECONDS = 60
_POLL_SECONDS = 0.1
_RUN = """#!/bin/sh
# Runs a command on a node, as root and as MicroK8s' programs are run there.
exec {through} env {environment} "$@"
"""


def check_cluster(repository: Path) -> None:
    """Check that a cluster can be held up here, before anything starts.

    Args:
        repository: with addons.yaml and addons/, which the nodes get.

    Raises:
        HarnessError: it cannot; with what to do.
    """
    check_machines()
    _only_addon(repository)


def start_cluster(repository: Path, say: Callable[[str], None]) -> dict[str, list[str]]:
    """Start a cluster in the network of the registries; return how to use it.

    Args:
        repository: see check_cluster.
        say: is given a line of progress now and then.

    Raises:
        HarnessError: it did not come up; the message has what its holder printed.
    """
    # Whoever holds it has nobody to tell that something is being built.
    fetch_kubernetes(say)
    fetch_releases(say, SERIES[-1:])
    say("starting the cluster")
    log = state_directory() / "cluster.log"
    with private_file(log) as path, path.open("wb") as stream:
        holder = subprocess.Popen(
            [sys.executable, "-m", "registry_harness", HOLD],
            cwd=repository,
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )
    deadline = time.monotonic() + _SECONDS
    while not _described().exists():
        if holder.poll() is not None or time.monotonic() > deadline:
            holder.kill()
            raise HarnessError(
                f"the cluster did not come up\n{log.read_text()[-2000:]}"
            )
        time.sleep(_POLL_SECONDS)
    return saved_cluster()


def hold_cluster(client: docker.DockerClient, repository: Path) -> None:
    """Hold a cluster up until this process is told to end."""
    release, network = fetch_kubernetes(_silent), kept_network(client)
    newest = fetch_releases(_silent, SERIES[-1:])[SERIES[-1]]
    kubectl = fetch_kubectls(_silent)[-1]
    spec = ClusterSpec([newest], repository, _only_addon(repository), kubectl)
    with running_cluster(release, spec, network) as cluster:
        _save(cluster)
        signal.pause()


def saved_cluster() -> dict[str, list[str]]:
    """Return how to use what is up: files by what they are.

    Empty where no cluster is.
    """
    path = _described()
    if not path.exists() or _holder() is None:
        return {}
    described: dict[str, list[str]] = json.loads(path.read_text(encoding="utf-8"))[
        "files"
    ]
    return described


def stop_cluster() -> bool:
    """End the cluster; return whether there was one."""
    holder = _holder()
    if holder is None:
        return False
    os.kill(holder, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_SECONDS
    while _holder() is not None:
        if time.monotonic() > deadline:
            raise HarnessError(
                f"the process {holder}, which holds the cluster, does not end"
            )
        time.sleep(_POLL_SECONDS)
    return True


def _save(cluster: Cluster) -> None:
    directory = state_directory()
    kubeconfig = cluster.control_plane.kubeconfig(cluster.control_plane.admin)
    with private_file(directory / "kubeconfig") as path:
        path.write_text(kubeconfig, encoding="utf-8")
    nodes = []
    for node in cluster.nodes:
        with private_file(directory / node.name) as path:
            path.write_text(_program(node), encoding="utf-8")
        path.chmod(0o700)
        nodes.append(str(path))
    files = {"kubeconfig": [str(directory / "kubeconfig")], "nodes": nodes}
    with private_file(directory / "cluster.new") as path:
        path.write_text(
            json.dumps({"holder": os.getpid(), "files": files}), encoding="utf-8"
        )
    path.rename(_described())


def _program(node: ClusterNode) -> str:
    pairs = (f"{name}={value}" for name, value in node.node.environment().items())
    return _RUN.format(
        through=shlex.join(node.node.through), environment=shlex.join(pairs)
    )


def _described() -> Path:
    return state_directory() / "cluster.json"


def _holder() -> int | None:
    try:
        holder = int(json.loads(_described().read_text(encoding="utf-8"))["holder"])
        command = Path(f"/proc/{holder}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return None
    return holder if HOLD.encode() in command else None


def _only_addon(repository: Path) -> str:
    addons = repository / "addons"
    found = (
        [each.name for each in addons.iterdir() if each.is_dir()]
        if addons.is_dir()
        else []
    )
    if len(found) != 1 or not (repository / "addons.yaml").is_file():
        raise MissingPartError(
            f"{repository} does not hold addons.yaml and one addon below addons/",
            "run it where they are",
        )
    return found[0]


def _silent(_line: str) -> None:
    """Say nothing."""
