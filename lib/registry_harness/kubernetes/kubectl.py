"""The versions of kubectl that this machine has and can fetch, and a node that uses
one of them.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from registry_harness.containerd.releases import SUITES
from registry_harness.errors import MissingPartError
from registry_harness.machine.packages import (
    Package,
    PackageSource,
    cache_directory,
    fetching,
    os_release,
)
from registry_harness.node.microk8s_node import KUBECTL, MicroK8sNode

# Debian moved the program from the one package to the other; the first has the oldest
# version.
_PACKAGES = ("kubernetes-client", "kubectl")
_PROGRAM = "usr/bin/kubectl"
# As MicroK8s' own, which ends with 0 where it refuses. It asks one thing: to look for
# memory that it could give back would take a quarter of that.
_WRAPPER = """#!/bin/sh
if [ -e "$SNAP_DATA/var/lock/clustered.lock" ]
then
  echo "This MicroK8s deployment is acting as a node in a cluster."
  exit 0
fi
eval "set -- $(cat "$SNAP_DATA/args/kubectl") \\"\\$@\\""
HOME='{home}' GOGC=off exec "$SNAP/kubectl" "$@"
"""
_ARGUMENTS = "--kubeconfig=${SNAP_DATA}/credentials/client.config\n"
_PROGRAM_OF_THE_SNAP = """#!/bin/sh
HOME='{home}' GOGC=off exec '{kubectl}' "$@"
"""


def fetch_kubectls(say: Callable[[str], None]) -> list[Path]:
    """Return the programs, oldest version first.

    Those of packages are fetched where needed.

    Args:
        say: is given a line of progress now and then.

    Raises:
        MissingPartError: there is none on PATH, and the machine's packages have none.
    """
    with fetching():
        if not _cached():
            _fetch(say)
    on_path = shutil.which("kubectl")
    found = [*_cached(), *([Path(on_path)] if on_path else [])]
    if not found:
        raise MissingPartError(
            "there is no kubectl, and this machine's packages have none", "install one"
        )
    return sorted(found, key=_version)


def kubeconfig_for(url: str) -> str:
    """Return what kubectl needs to ask an API without a login."""
    plain = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "microk8s-cluster", "cluster": {"server": url}}],
        "contexts": [{"name": "microk8s", "context": {"cluster": "microk8s-cluster"}}],
        "current-context": "microk8s",
    }
    return json.dumps(plain)


def use_kubectl(node: MicroK8sNode, kubectl: Path, kubeconfig: str) -> None:
    """Give a node the kubectl that MicroK8s has, and what it needs to ask an API
    server.

    Args:
        node: that gets it.
        kubectl: the program.
        kubeconfig: becomes ``credentials/client.config`` of the revision in use.
    """
    _lay_down(node, "client.config", kubeconfig)
    (node.data / "args/kubectl").write_text(_ARGUMENTS, encoding="utf-8")
    for name, text in ((KUBECTL, _WRAPPER), ("kubectl", _PROGRAM_OF_THE_SNAP)):
        program = node.snap / name
        program.write_text(
            text.format(home=node.root, kubectl=kubectl), encoding="utf-8"
        )
        program.chmod(0o755)


def make_worker(node: MicroK8sNode, kubeconfig: str) -> None:
    """Let a node be one that has joined a cluster as a worker.

    Args:
        node: which.
        kubeconfig: its kubelet's, becomes ``credentials/kubelet.config``.
    """
    _lay_down(node, "kubelet.config", kubeconfig)
    (node.data / "var/lock/clustered.lock").touch()


def _lay_down(node: MicroK8sNode, name: str, kubeconfig: str) -> None:
    credentials = node.data / "credentials"
    credentials.mkdir(mode=0o770, exist_ok=True)
    (credentials / name).write_text(kubeconfig, encoding="utf-8")


def _fetch(say: Callable[[str], None]) -> None:
    source = PackageSource(SUITES.get(os_release().get("ID", ""), ()))
    source.update()
    oldest, newest = (source.versions(name) for name in _PACKAGES)
    wanted: list[Package] = [*oldest[-1:], *newest[:1]]
    for package in wanted:
        say(f"fetching {package.name} {package.version}")
        source.unpack(package, _cache() / package.version)


def _cached() -> list[Path]:
    return [
        each / _PROGRAM for each in _cache().iterdir() if (each / _PROGRAM).is_file()
    ]


def _cache() -> Path:
    directory = cache_directory() / "kubectl"
    directory.mkdir(parents=True, exist_ok=True)
    return directory


def _version(kubectl: Path) -> tuple[int, int]:
    command = [str(kubectl), "version", "--client", "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    version = json.loads(done.stdout)["clientVersion"]
    return int(version["major"]), int(version["minor"].rstrip("+"))
