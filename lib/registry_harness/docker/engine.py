"""A Docker engine of the harness's own, for pushing as people do.

It has its own configuration, data, socket and containerd, and sees its own
/etc/docker/certs.d in a mount namespace of its own: neither the host's engine nor its
/etc/docker is touched.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import socket
import tarfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import docker
import docker.errors

from registry_harness.errors import HarnessError, MissingPartError, PushRefused
from registry_harness.machine.processes import Daemon, unmount_below
from registry_harness.machine.running import Running
from registry_harness.registries.certificates import KeyPair
from registry_harness.registries.content import WAITING, put, put_content
from registry_harness.registries.credentials import Credentials

_RELOAD_SECONDS = 5
_DOCKERFILE = "FROM scratch\nCOPY . /\n"
_CONTAINERD_CONFIGURATION = (
    'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'
)
# /etc/docker is the harness's own directory; where the machine has none, it is made in
# a scratch layer. It is not written into: in a user namespace the machine's own belongs
# to nobody. So it is with /run/docker, where engines keep the sockets of their plugins.
_IN_OWN_NAMESPACE = """set -e
mount -t overlay overlay -o lowerdir=/etc,upperdir="$1/etc",workdir="$1/work" /etc
[ -d /etc/docker ] || mkdir /etc/docker
mount --bind "$1/docker" /etc/docker
[ -d /run/docker ] || mkdir /run/docker
mount --bind "$1/run" /run/docker
shift
exec "$@"
"""


class DockerEngine(Running):
    """A running Docker engine.

    Args:
        work: for everything that is its own; a short path, as sockets need.
        options: more for dockerd's command line.
        program: dockerd itself.
    """

    def __init__(
        self, work: Path, options: Sequence[str] = (), program: Path = Path("dockerd")
    ) -> None:
        for needed in (str(program), "containerd", "unshare"):
            if shutil.which(needed) is None:
                raise MissingPartError(
                    f"there is no {needed}", "scripts/setup installs it"
                )
        self._work = work
        self._options = tuple(options)
        self._program = program
        for name in ("etc", "work", "docker", "run", "data", "exec", "containerd"):
            (work / name).mkdir(parents=True)
        self._socket = work / "docker.sock"
        self._containerd = Daemon(self._containerd_command(), work / "containerd.log")
        self._daemon = Daemon(
            [
                *("unshare", "--mount", "sh", "-c", _IN_OWN_NAMESPACE, "sh", str(work)),
                *self._dockerd_command(),
            ],
            work / "dockerd.log",
            {"NO_PROXY": "*", "no_proxy": "*"},
        )
        self._client: docker.DockerClient | None = None

    def start(self) -> None:
        """Start it; return when its API answers.

        Raises:
            StartError: it ended, or did not answer in 30 s.
        """
        self._containerd.start((self._work / "containerd.sock").exists)
        self._daemon.start(self._answers)

    def restart(self) -> None:
        """Stop it and start it again with all that it stored."""
        self._disconnect()
        self._daemon.stop()
        self._daemon.start(self._answers)

    def stop(self) -> None:
        """Stop it and remove all that it stored."""
        self._disconnect()
        self._daemon.stop()
        self._containerd.stop()
        unmount_below(self._work)
        shutil.rmtree(self._work, ignore_errors=True)

    @property
    def client(self) -> docker.DockerClient:
        """The connection to its API."""
        if self._client is None:
            self._client = docker.DockerClient(f"unix://{self._socket}")
        return self._client

    @property
    def certs_d(self) -> Path:
        """What the engine sees as /etc/docker/certs.d."""
        return self.etc / "certs.d"

    @property
    def etc(self) -> Path:
        """What the engine sees as /etc/docker."""
        return self._work / "docker"

    @property
    def configuration(self) -> Path:
        """What the engine sees as /etc/docker/daemon.json; at first there is none."""
        return self.etc / "daemon.json"

    @property
    def inside(self) -> tuple[str, ...]:
        """What to start a program through, for it to see the files that the engine
        sees.
        """
        return ("nsenter", f"--mount=/proc/{self._daemon.pid}/ns/mnt", "--")

    def trust_insecure(self, *hosts: str) -> None:
        """Let exactly these registries speak plain HTTP, by reload, as people do.

        Raises:
            HarnessError: the engine did not take it in 5 s.
        """
        self.configuration.write_text(json.dumps({"insecure-registries": list(hosts)}))
        self.reload()
        self.wait_until(lambda: self.insecure() == set(hosts))

    def reload(self) -> None:
        """Tell it to read its configuration again."""
        self._daemon.signal(signal.SIGHUP)

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait for what follows a reload.

        Raises:
            HarnessError: it did not come in 5 s.
        """
        deadline = time.monotonic() + _RELOAD_SECONDS
        while not is_so():
            if time.monotonic() > deadline:
                raise HarnessError(f"the engine did not reload\n{self.log()[-2000:]}")
            time.sleep(0.02)

    def insecure(self) -> set[str]:
        """Return the registries that it now lets speak plain HTTP."""
        configured = self.client.info()["RegistryConfig"]["IndexConfigs"]
        return {name for name, index in configured.items() if not index["Secure"]}

    def trust_ca(self, host: str, ca: bytes, client: KeyPair | None = None) -> None:
        """Trust a registry's CA, and present a client certificate to it."""
        directory = self.certs_d / host
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "ca.crt").write_bytes(ca)
        if client is not None:
            (directory / "client.cert").write_bytes(client.certificate)
            (directory / "client.key").write_bytes(client.key)

    def distrust(self, host: str) -> None:
        """Take back what trust_ca did."""
        shutil.rmtree(self.certs_d / host, ignore_errors=True)

    def build(self, reference: str, busybox: Path | None = None) -> None:
        """Build an image FROM scratch whose content nobody has pulled before.

        Args:
            reference: its name.
            busybox: a static program, which makes it one that can run: it waits until
                it is stopped.
        """
        self.client.images.build(
            fileobj=_context(busybox), custom_context=True, tag=reference
        )

    def push(self, reference: str, credentials: Credentials | None = None) -> None:
        """Push an image.

        Raises:
            PushRefused: with the words of the engine or the registry; docker-py hides
                them in the progress it reports.
        """
        login = None
        if credentials is not None:
            login = {"username": credentials.username, "password": credentials.password}
        # Read to its end: docker-py leaves the connection of a stream open that is not.
        events = list(
            self.client.api.push(reference, stream=True, decode=True, auth_config=login)
        )
        for event in events:
            if "error" in event:
                raise PushRefused(str(event["error"]))

    def log(self) -> str:
        """Return all that it printed."""
        return self._daemon.log()

    def _disconnect(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    def _answers(self) -> bool:
        # docker-py leaks its socket when nobody listens, so that is asked first.
        with socket.socket(socket.AF_UNIX) as connection:
            if connection.connect_ex(str(self._socket)) != 0:
                return False
        try:
            return bool(self.client.ping())
        except docker.errors.DockerException:
            # It listens before it can answer, and may end in between.
            return False

    def _containerd_command(self) -> list[str]:
        configuration = self._work / "containerd.toml"
        configuration.write_text(_CONTAINERD_CONFIGURATION)
        return [
            "containerd",
            f"--config={configuration}",
            f"--root={self._work / 'containerd/root'}",
            f"--state={self._work / 'containerd/state'}",
            f"--address={self._work / 'containerd.sock'}",
        ]

    def _dockerd_command(self) -> list[str]:
        return [
            str(self._program),
            f"--data-root={self._work / 'data'}",
            f"--exec-root={self._work / 'exec'}",
            f"--pidfile={self._work / 'dockerd.pid'}",
            f"--host=unix://{self._socket}",
            f"--group={os.getegid()}",
            f"--containerd={self._work / 'containerd.sock'}",
            "--bridge=none",
            "--iptables=false",
            # Releases of 27 and later else write rules of IPv6, which stay.
            "--ip6tables=false",
            "--ip-masq=false",
            *self._options,
        ]


def _context(busybox: Path | None) -> io.BytesIO:
    dockerfile = _DOCKERFILE
    if busybox is not None:
        dockerfile += f"ENTRYPOINT {json.dumps(WAITING)}\n"
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        put(archive, "Dockerfile", dockerfile.encode())
        put(archive, ".dockerignore", b"Dockerfile\n.dockerignore\n")
        put_content(archive, busybox)
    buffer.seek(0)
    return buffer
