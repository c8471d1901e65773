"""A control plane: etcd, API server, controllers and scheduler, as daemons of this
process.
"""

from __future__ import annotations

import base64
import http.client
import json
import secrets
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from registry_harness.kubernetes.api import Api
from registry_harness.kubernetes.audit import POLICY, AuditedRequest, AuditLog
from registry_harness.kubernetes.connections import close_kept_connections
from registry_harness.kubernetes.programs import KubernetesRelease
from registry_harness.machine.processes import Daemon
from registry_harness.machine.running import Running
from registry_harness.machine.usage import Usage, usage_of
from registry_harness.registries.certificates import CertificateAuthority

SERVICES = "10.152.183.0/24"
# The Service ``kubernetes``, which pods have in their environment.
SERVICE_ADDRESS, SERVICE_PORT = "10.152.183.1", 443
_ADMIN = "system:admin"
_KEY_BITS = 2048
# The kernel gives none of these to connections, which would have them while a control
# plane is away.
_PORTS = range(20000, 30000)
_READY_SECONDS = 60
_LOG_CHARACTERS = 2000
# More than any test brings about: it is never rotated.
_AUDIT_MEGABYTES = 10_000
# A node that is off is said to be not ready after that; kubelets tell every 3 s that
# they are there.
_NODE_SECONDS = 16


@dataclass(frozen=True)
class User:
    """Somebody whom the API server knows.

    Args:
        name: such as ``system:node:one``.
        groups: that it is in.
        token: what it proves itself by.
    """

    name: str
    groups: tuple[str, ...]
    token: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)


class ControlPlane(Running):
    """A running control plane.

    Args:
        release: which Kubernetes.
        work: for all that it writes.
        address: where it answers.
        nodes: names of the nodes that may join, now or later.
        users: names of others who may ask, and may do nothing until somebody lets them.
        authorization: as the API server's option; MicroK8s' own is ``AlwaysAllow``
            until its addon ``rbac`` is enabled.

    ``pod_security`` is the level that pods have to keep to where their namespace names
    none: Kubernetes' own ``privileged``, ``baseline`` or ``restricted``. It counts from
    the next start on.
    """

    def __init__(
        self,
        release: KubernetesRelease,
        work: Path,
        address: str,
        nodes: Sequence[str] = (),
        users: Sequence[str] = (),
        authorization: str = "Node,RBAC",
    ) -> None:
        self.release = release
        self._work, self._address, self._authorization = work, address, authorization
        self.pod_security = "privileged"
        self._ports = dict(zip(("etcd", "peers", "api"), _free_ports(3), strict=True))
        authority = CertificateAuthority("kubernetes")
        self.ca = authority.pem.decode()
        self._pair = authority.server(
            address, "127.0.0.1", "kubernetes.default.svc", SERVICE_ADDRESS
        )
        self._client = authority.client("kube-apiserver", "system:masters")
        self._audit = AuditLog(work)
        self.admin = User(_ADMIN, ("system:masters",))
        self.nodes = {
            name: User(f"system:node:{name}", ("system:nodes",)) for name in nodes
        }
        self.users = {name: User(name, ()) for name in users}
        self._daemons: dict[str, Daemon] = {}

    @property
    def host(self) -> str:
        """Where the API server answers: ``ADDRESS:PORT``."""
        return f"{self._address}:{self._ports['api']}"

    @property
    def api(self) -> Api:
        """The API server, asked by who may do all."""
        return self.api_for(self.admin)

    def api_for(self, user: User) -> Api:
        """Return the API server as asked by a user."""
        return Api(self.host, self.ca, user.token)

    def kubeconfig(self, user: User) -> str:
        """Return what kubectl, controllers and kubelets need to ask as a user."""
        return _kubeconfig(f"https://{self.host}", self.ca, user)

    def start(self) -> None:
        """Start it; return when the API server is ready.

        Raises:
            StartError: one of them ended, or was not ready in time.
        """
        self._write_files()
        self._start_daemons()

    def _start_daemons(self) -> None:
        self._run(
            "etcd", self._etcd(), lambda: _answers("127.0.0.1", self._ports["etcd"])
        )
        self._run("kube-apiserver", self._api_server(), self._is_ready)
        # They say nothing that is waited for: what they do is.
        self._run("kube-controller-manager", self._controllers(), lambda: True)
        self._run("kube-scheduler", self._scheduler(), lambda: True)

    def stop(self) -> None:
        """Stop it, the last one first."""
        close_kept_connections(self.host)
        for daemon in reversed(self._daemons.values()):
            # etcd's data are thrown away, and nobody waits for leases.
            daemon.kill()

    @contextmanager
    def away(self) -> Iterator[None]:
        """Let it be off during the block.

        Afterwards it is at the same address, and knows what it knew.

        Raises:
            StartError: it did not come back.
        """
        self.stop()
        try:
            yield
        finally:
            self._start_daemons()

    def moment(self) -> int:
        """Return a mark for requests: those that come from now on."""
        return self._audit.size()

    def requests(self, since: int = 0) -> list[AuditedRequest]:
        """Return all requests that the API server has got, whoever asked.

        Those whose answer has come are all there; a watch is one when it begins.

        Args:
            since: what moment returned.
        """
        return self._audit.requests(since)

    def usage(self, program: str = "kube-apiserver") -> Usage:
        """Return what one of its programs has used since it was started."""
        pid = self._daemons[program].pid
        return usage_of([] if pid is None else [pid])

    def log(self) -> str:
        """Return what all of them printed lately."""
        return "\n".join(
            f"-- {name}\n{daemon.log()[-_LOG_CHARACTERS:]}"
            for name, daemon in self._daemons.items()
        )

    def _run(
        self, name: str, options: Sequence[str], is_ready: Callable[[], bool]
    ) -> None:
        program = self.release.program(name)
        daemon = Daemon([str(program), *options], self._work / f"{name}.log")
        self._daemons[name] = daemon
        daemon.start(is_ready, seconds=_READY_SECONDS)

    def _is_ready(self) -> bool:
        try:
            return self.api.send("GET", "/readyz", None, {}).code == http.client.OK
        except OSError:
            return False

    def _write_files(self) -> None:
        self._work.mkdir(parents=True, exist_ok=True)
        key = rsa.generate_private_key(public_exponent=65537, key_size=_KEY_BITS)
        users = [self.admin, *self.nodes.values(), *self.users.values()]
        rows = [
            f'{user.token},{user.name},{user.name},"{",".join(user.groups)}"'
            for user in users
        ]
        for name, content in {
            "ca.crt": self.ca.encode(),
            "api.crt": self._pair.certificate,
            "api.key": self._pair.key,
            "client.crt": self._client.certificate,
            "client.key": self._client.key,
            "audit.json": POLICY.encode(),
            "admission.json": json.dumps(_admission(self.pod_security)).encode(),
            "accounts.key": key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
            "tokens.csv": "\n".join(rows).encode(),
            "admin.config": self.kubeconfig(self.admin).encode(),
        }.items():
            (self._work / name).write_bytes(content)

    def _etcd(self) -> list[str]:
        clients = f"http://127.0.0.1:{self._ports['etcd']}"
        peers = f"http://127.0.0.1:{self._ports['peers']}"
        return [
            f"--data-dir={self._work / 'etcd'}",
            f"--listen-client-urls={clients}",
            f"--advertise-client-urls={clients}",
            f"--listen-peer-urls={peers}",
            # What it holds may be lost with the machine.
            "--unsafe-no-fsync",
        ]

    def _api_server(self) -> list[str]:
        work = self._work
        return [
            f"--etcd-servers=http://127.0.0.1:{self._ports['etcd']}",
            f"--bind-address={self._address}",
            f"--advertise-address={self._address}",
            f"--secure-port={self._ports['api']}",
            f"--tls-cert-file={work / 'api.crt'}",
            f"--tls-private-key-file={work / 'api.key'}",
            f"--token-auth-file={work / 'tokens.csv'}",
            f"--service-account-key-file={work / 'accounts.key'}",
            f"--service-account-signing-key-file={work / 'accounts.key'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-cluster-ip-range={SERVICES}",
            f"--authorization-mode={self._authorization}",
            f"--admission-control-config-file={work / 'admission.json'}",
            "--kubelet-preferred-address-types=InternalIP",
            "--endpoint-reconciler-type=none",
            "--allow-privileged",
            f"--kubelet-client-certificate={work / 'client.crt'}",
            f"--kubelet-client-key={work / 'client.key'}",
            f"--audit-policy-file={work / 'audit.json'}",
            f"--audit-log-path={self._audit.file}",
            f"--audit-log-maxsize={_AUDIT_MEGABYTES}",
        ]

    def _controllers(self) -> list[str]:
        return [
            *self._as_admin(),
            "--use-service-account-credentials",
            f"--node-monitor-grace-period={_NODE_SECONDS}s",
            "--node-monitor-period=1s",
            f"--root-ca-file={self._work / 'ca.crt'}",
            f"--service-account-private-key-file={self._work / 'accounts.key'}",
        ]

    def _scheduler(self) -> list[str]:
        return self._as_admin()

    def _as_admin(self) -> list[str]:
        config = self._work / "admin.config"
        return [f"--kubeconfig={config}", "--leader-elect=false", "--secure-port=0"]


def _admission(pod_security: str) -> dict[str, object]:
    """Return the configuration of what looks at pods before they are made."""
    kind = "PodSecurityConfiguration"
    levels = {"apiVersion": "pod-security.admission.config.k8s.io/v1", "kind": kind}
    default = {"enforce": pod_security, "enforce-version": "latest"}
    plugin = {"name": "PodSecurity", "configuration": {**levels, "defaults": default}}
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AdmissionConfiguration",
        "plugins": [plugin],
    }


def _kubeconfig(server: str, ca: str, user: User) -> str:
    encoded = base64.b64encode(ca.encode()).decode()
    cluster = {"server": server, "certificate-authority-data": encoded}
    plain = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "microk8s-cluster", "cluster": cluster}],
        "users": [{"name": user.name, "user": {"token": user.token}}],
        "contexts": [
            {
                "name": "microk8s",
                "context": {"cluster": "microk8s-cluster", "user": user.name},
            }
        ],
        "current-context": "microk8s",
    }
    return json.dumps(plain, indent=1)


def _free_ports(count: int) -> list[int]:
    ports = secrets.SystemRandom().sample(_PORTS, len(_PORTS))
    return list(islice(filter(_is_free, ports), count))


def _is_free(port: int) -> bool:
    try:
        socket.create_server(("", port)).close()
    except OSError:
        return False
    return True


def _answers(address: str, port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex((address, port)) == 0
