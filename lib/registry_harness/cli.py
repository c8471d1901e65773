"""The command line of the harness: fetch what is missing, hold registries up to try
things on.
"""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import docker
import docker.errors

from registry_harness import harness_up, harness_up_cluster
from registry_harness.containerd.releases import fetch_releases
from registry_harness.docker.release import fetch_newest_engine
from registry_harness.errors import HarnessError, MissingPartError
from registry_harness.kubernetes import fetch_kubernetes
from registry_harness.kubernetes.kubectl import fetch_kubectls
from registry_harness.registries.distribution import DISTRIBUTIONS
from registry_harness.registries.image import registry_image


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, or 1 with a line that says what to
    do.
    """
    parser = argparse.ArgumentParser(prog="registry-harness", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    parsers = {
        name: commands.add_parser(name, help=help_text)
        for name, help_text in {
            "fetch": (
                "fetch containerd releases and the registry images, where they are not"
                " here"
            ),
            "fetch-kubernetes": "fetch or build Kubernetes, where it is not here",
            "up": "start one registry of every kind and show how to use them",
            "status": "show what is up",
            "down": "remove all that is up",
        }.items()
    }
    parsers["up"].add_argument(
        "--kubernetes",
        action="store_true",
        help="a cluster beside them, whose node has the addon of this directory",
    )
    commands.add_parser(harness_up_cluster.HOLD)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        if options.command == "up":
            return _up(_client(), with_kubernetes=options.kubernetes)
        return _COMMANDS[options.command](_client())
    except HarnessError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.remedy:
            print(f"  do: {error.remedy}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; nothing was left behind", file=sys.stderr)
        return 130


def _client() -> docker.DockerClient:
    try:
        client = docker.from_env()
        client.ping()
    except (docker.errors.DockerException, OSError) as error:
        raise MissingPartError("no Docker engine answers", "scripts/setup") from error
    return client


def _saying() -> Callable[[str], None]:
    begin = time.monotonic()

    def say(line: str) -> None:
        print(f"[{time.monotonic() - begin:5.1f} s] {line}", flush=True)

    return say


def _fetch_kubernetes(_client: docker.DockerClient) -> int:
    release = fetch_kubernetes(_saying())
    print(f"Kubernetes {release.version}: {release.directory}")
    return 0


def _fetch(client: docker.DockerClient) -> int:
    say = _saying()
    fetch_releases(say)
    fetch_newest_engine(say)
    fetch_kubectls(say)
    for distribution in DISTRIBUTIONS:
        registry_image(client, say, distribution)
    return 0


def _up(client: docker.DockerClient, *, with_kubernetes: bool) -> int:
    if with_kubernetes:
        harness_up_cluster.check_cluster(Path.cwd())
    registries = harness_up.start_all(client, _saying())
    for registry in registries:
        _show(registry)
    if with_kubernetes:
        try:
            cluster = harness_up_cluster.start_cluster(Path.cwd(), _saying())
        except BaseException:
            harness_up.stop_all(client)
            raise
        _show_cluster(cluster, registries[0])
    print("\nscripts/harness down removes them.")
    return 0


def _hold(client: docker.DockerClient) -> int:
    harness_up_cluster.hold_cluster(client, Path.cwd())
    return 0


def _status(client: docker.DockerClient) -> int:
    running = harness_up.up(client)
    if not running:
        print("nothing is up")
        return 0
    for registry in harness_up.saved():
        _show(registry)
    cluster = harness_up_cluster.saved_cluster()
    if cluster:
        _show_cluster(cluster, harness_up.saved()[0])
    print(f"\n{len(running)} containers are up.")
    return 0


def _down(client: docker.DockerClient) -> int:
    if harness_up_cluster.stop_cluster():
        print("ended the cluster")
    removed = harness_up.stop_all(client)
    print(f"removed {removed} containers and networks" if removed else "nothing was up")
    return 0


def _show(registry: dict[str, str]) -> None:
    print(f"\n{registry['url']}   ({registry['kind']})")
    for key in ("ca", "client_cert", "client_key", "username", "password"):
        if key in registry:
            print(f"  {key:12} {registry[key]}")
    print(f"  $ {_curl(registry)}")
    if "mirror_of" not in registry:
        print(f"  $ docker push {registry['host']}/IMAGE")
    print(f"  $ {_enable(registry)}")


def _show_cluster(cluster: dict[str, list[str]], registry: dict[str, str]) -> None:
    (kubeconfig,) = cluster["kubeconfig"]
    print(f"\nKubernetes   (kubeconfig: {kubeconfig})")
    print(f"  $ kubectl --kubeconfig {shlex.quote(kubeconfig)} get nodes")
    for node in cluster["nodes"]:
        print(f"  $ {shlex.quote(node)} {_enable(registry)}")
        print(f"  $ {shlex.quote(node)} microk8s kubectl get pods")


def _curl(registry: dict[str, str]) -> str:
    words = ["curl"]
    for key, option in (
        ("ca", "--cacert"),
        ("client_cert", "--cert"),
        ("client_key", "--key"),
    ):
        if key in registry:
            words += [option, registry[key]]
    if "username" in registry:
        words += ["--user", f"{registry['username']}:{registry['password']}"]
    return shlex.join([*words, f"{registry['url']}/v2/_catalog"])


def _enable(registry: dict[str, str]) -> str:
    words = ["microk8s", "enable", "private-registry-config"]
    if "mirror_of" in registry:
        words += ["--mirror", f"{registry['mirror_of']}={registry['url']}"]
    elif "ca" in registry:
        words += ["--registry", registry["host"], "--ca", registry["ca"]]
    else:
        words += ["--insecure", registry["host"]]
    if "client_cert" in registry:
        words += ["--client-cert", registry["client_cert"]]
        words += ["--client-key", registry["client_key"]]
    if "username" in registry:
        words += [
            "--username",
            registry["username"],
            "--password-file",
            registry["password_file"],
        ]
        words += [] if "ca" in registry else ["--allow-plaintext-credentials"]
    return shlex.join(words)


_COMMANDS: dict[str, Callable[[docker.DockerClient], int]] = {
    harness_up_cluster.HOLD: _hold,
    "fetch": _fetch,
    "fetch-kubernetes": _fetch_kubernetes,
    "status": _status,
    "down": _down,
}
