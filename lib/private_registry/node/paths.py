"""The only module that knows where MicroK8s keeps things, and what a node's layout
says.
"""

from __future__ import annotations

import grp
import os
import re
from functools import lru_cache
from typing import List, Mapping, Optional, Tuple

from private_registry.errors import NodeError
from private_registry.named_tuple import NamedTuple
from private_registry.node import trusted_places
from private_registry.node.directories import Place
from private_registry.node.file_values import DockerPlace, DockerPlaces, NodePath, Root
from private_registry.texts.showing import quoted

CERTS_D = "args/certs.d"
DATA_IN_TEMPLATE = "${SNAP_DATA}"
TEMPLATE = "args/containerd-template.toml"
RENDERED = "args/containerd.toml"
CONTAINERD_ARGUMENTS = "args/containerd"
KUBELET_ARGUMENTS = "args/kubelet"
CONTAINERD_ENVIRONMENT = "args/containerd-env"
MARKER = NodePath(Root.DATA, "var/lock/private-registry-config.enabled")
CIS_HARDENING = "var/lock/cis-hardening"
CLUSTERED = "var/lock/clustered.lock"
KUBELETS_LOGIN = NodePath(Root.DATA, "credentials/kubelet.config")
# Where the kubelet looks first (--root-dir; pkg/credentialprovider/config.go).
KUBELET_DIRECTORY = NodePath(Root.COMMON, "var/lib/kubelet")
KUBELET_CONFIG_JSON = NodePath(Root.COMMON, "var/lib/kubelet/config.json")
# The same file where the kubelet's directory is a mount of its own.
MOUNTED_KUBELET_CONFIG_JSON = NodePath(Root.KUBELET, "config.json")
STATE_DIRECTORY = "private-registry-config"
STATE = NodePath(Root.COMMON, "private-registry-config/registries.toml")
PULL_SECRETS = NodePath(Root.COMMON, "private-registry-config/pull-secrets.json")
LAST_CHECK = NodePath(Root.COMMON, "private-registry-config/last-check.json")
PLUGIN = NodePath(Root.COMMON, "plugins/private-registry")
REFRESH_HOOK = NodePath(Root.COMMON, "hooks/post-refresh.d/50-private-registry-config")

_ADDRESS = r"""(?m)^\s*(?:--address|-a)[=\s]+["']?([^"'\s]+)"""
_ROOT_DIRECTORY = r"""(?m)^\s*--root-dir[=\s]+["']?([^"'\s]+)"""
_STRICT = r"confinement:\s*[\"']?strict"
_GROUPS = ("microk8s", "snap_microk8s")


class Modes(NamedTuple):
    """Permission bits of what is written.

    MicroK8s' configure hook gives the group of its users all it gives the owner, and
    with cis-hardening nothing (snap/hooks/configure).
    """

    file: int
    program: int
    directory: int
    secret: int = 0o600


class Node(NamedTuple):
    """A MicroK8s node, by its three directories.

    Args:
        snap: the snap's own files, read-only.
        data: SNAP_DATA without symbolic links: the directory of one revision of the
            snap.
        common: SNAP_COMMON, shared by all revisions.
        current: SNAP_DATA by a path that holds no revision; ``data`` where none does.
        docker: where a Docker engine's files are; None where none of them is ours or to
            be.
    """

    snap: str
    data: str
    common: str
    current: str
    docker: Optional[DockerPlaces] = None

    @staticmethod
    def at(snap: str, data: str, common: str) -> Node:
        """Return the node of three directories.

        snapd points ``current`` beside the revisions' directories at the one in use.
        """
        data, common = os.path.realpath(data), os.path.realpath(common)
        current = os.path.join(os.path.dirname(data), "current")
        is_in_use = os.path.realpath(current) == data
        return Node(snap, data, common, current if is_in_use else data)

    @staticmethod
    def from_environment(environment: Mapping[str, str]) -> Node:
        """Find the node as snapd describes it, else where snaps are.

        Raises:
            NodeError: there is no MicroK8s, or what the environment says of it cannot
                be trusted.
        """
        problem = trusted_places.problem(environment)
        if problem is not None:
            message, place, remedy = problem
            raise NodeError(message, place=place, remedy=remedy)
        snap, data, common = trusted_places.named(environment)
        return Node.at(snap, data, common)

    def directory(self, root: Root) -> str:
        """Absolute path of one of the directories that files go below."""
        if root in (Root.DATA, Root.COMMON):
            return self.data if root is Root.DATA else self.common
        if root is Root.KUBELET:
            return os.path.join(self.common, KUBELET_DIRECTORY.path)
        return self._docker_place(root).root

    def is_certs_d(self, directory: str) -> bool:
        """Whether a path, by whatever links, is that of containerd's own tree."""
        own = os.path.realpath(os.path.join(self.data, CERTS_D))
        return os.path.realpath(directory) == own

    @property
    def roots(self) -> Tuple[Root, ...]:
        """The directories that files may go below."""
        own = [Root.DATA, Root.COMMON]
        kubelets = self.directory(Root.KUBELET)
        if os.path.isdir(kubelets) and os.path.realpath(kubelets) == kubelets:
            own.append(Root.KUBELET)
        docker = () if self.docker is None else (Root.DOCKER, Root.DOCKER_CERTS)
        return (*own, *docker)

    def absolute(self, path: NodePath) -> str:
        """Absolute path of a file, for opening it."""
        return os.path.join(self.directory(path.root), path.path)

    def place(self, path: NodePath) -> Place:
        """Where a file is, for working on it."""
        user = None
        if path.root in (Root.DOCKER, Root.DOCKER_CERTS):
            owner = self._docker_place(path.root).owner
            user = None if owner[0] in (0, os.geteuid()) else owner
        return Place(self.directory(path.root), path.path, user)

    def _docker_place(self, root: Root) -> DockerPlace:
        if self.docker is None:
            raise KeyError(root)
        return self.docker.config if root is Root.DOCKER else self.docker.certs_d

    @property
    def lock(self) -> Place:
        """The directory that the lock of all runs lies on."""
        return self.place(NodePath(Root.COMMON, STATE_DIRECTORY))

    def shown(self, path: NodePath) -> str:
        """Absolute path of a file, for people: the one that stays right across
        refreshes.
        """
        return (
            os.path.join(self.current, path.path)
            if path.root is Root.DATA
            else (self.absolute(path))
        )

    @property
    def stable_certs_d(self) -> str:
        """The directory of hosts.toml trees by a path that holds no revision.

        Empty if none does.
        """
        return os.path.join(self.current, CERTS_D) if self.current != self.data else ""

    @property
    def directory_of_revisions(self) -> str:
        """The directory that holds SNAP_COMMON and all revisions of SNAP_DATA."""
        return os.path.dirname(self.data)

    @property
    def is_cis_hardened(self) -> bool:
        """Whether the cis-hardening addon keeps the group out."""
        return os.path.exists(os.path.join(self.data, CIS_HARDENING))

    @property
    def is_confined(self) -> bool:
        """Whether this process runs inside of a strictly confined snap."""
        if "SNAP" not in os.environ:
            return False
        try:
            with open(
                os.path.join(self.snap, "meta", "snap.yaml"), encoding="utf-8"
            ) as stream:
                return any(re.match(_STRICT, line) for line in stream)
        except OSError:
            return False

    @property
    def modes(self) -> Modes:
        """Permission bits for files on this node."""
        if self.is_cis_hardened:
            return Modes(file=0o600, program=0o700, directory=0o700)
        return Modes(file=0o660, program=0o770, directory=0o770)

    @property
    def owner(self) -> Tuple[int, int]:
        """User and group number for files on this node: root and MicroK8s' group."""
        if os.geteuid() != 0:
            return os.geteuid(), os.getegid()
        args = os.stat(os.path.join(self.data, "args"))
        if self.is_cis_hardened:
            return 0, args.st_gid
        return 0, _group() or args.st_gid

    @property
    def is_enabled(self) -> bool:
        """Whether MicroK8s sees the addon as enabled."""
        return os.path.isfile(self.absolute(MARKER))

    @property
    def has_plugin(self) -> bool:
        """Whether people can type ``microk8s private-registry``."""
        return os.path.exists(self.absolute(PLUGIN))

    @property
    def is_worker(self) -> bool:
        """Whether this node has joined a cluster as a worker and has no API of its
        own.
        """
        return os.path.exists(os.path.join(self.data, CLUSTERED))

    @property
    def kubectl(self) -> List[str]:
        """The command that asks the cluster's API, without the request.

        MicroK8s' own refuses on a worker, whose kubelet has a login all the same
        (scripts/kill-host-pods.py asks so).
        """
        if not self.is_worker:
            return [os.path.join(self.snap, "microk8s-kubectl.wrapper")]
        login = f"--kubeconfig={self.absolute(KUBELETS_LOGIN)}"
        return [os.path.join(self.snap, "kubectl"), login]

    @property
    def typed_kubectl(self) -> str:
        """The same as people type it."""
        if not self.is_worker:
            return "microk8s kubectl"
        program = os.path.join(self.snap, "kubectl")
        login = f"--kubeconfig={self.shown(KUBELETS_LOGIN)}"
        return f"sudo {quoted(program)} {quoted(login)}"

    @property
    def snap_name(self) -> str:
        """Name of the snap, which its services are called by."""
        return trusted_places.snap_name(os.environ)

    @property
    def restart_command(self) -> str:
        """What people type to restart containerd."""
        return f"sudo snap restart {self.snap_name}.daemon-containerd"

    def rendered(self, text: str) -> str:
        """Put this node's directories into a text, as MicroK8s does with the
        template.
        """
        return text.replace("${SNAP_DATA}", self.data).replace("${SNAP}", self.snap)

    def socket(self, arguments: str) -> str:
        """Find containerd's socket in the text of its arguments, else where MicroK8s
        has it.
        """
        match = re.search(_ADDRESS, arguments)
        address = match[1] if match else "${SNAP_COMMON}/run/containerd.sock"
        return self.rendered(address).replace("${SNAP_COMMON}", self.common)

    def kubelet_directory(self, arguments: str) -> str:
        """Find the kubelet's directory in the text of its arguments, else where
        MicroK8s has it.
        """
        found = re.findall(_ROOT_DIRECTORY, arguments)
        directory = found[-1] if found else "${SNAP_COMMON}/var/lib/kubelet"
        return self.rendered(directory).replace("${SNAP_COMMON}", self.common)


@lru_cache(maxsize=1)
def _group() -> Optional[int]:
    for name in _GROUPS:
        try:
            return grp.getgrnam(name).gr_gid
        except KeyError:
            continue
    return None
