"""Real registries in containers, ready when they really answer."""

from __future__ import annotations

import json
import secrets
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import docker
import docker.errors
from docker.types import EndpointConfig
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.waiting_utils import WaitStrategy, WaitStrategyTarget

from registry_harness.errors import HarnessError, StartError
from registry_harness.registries.access_log import Request, parse_access_log
from registry_harness.registries.certificates import CertificateAuthority, KeyPair
from registry_harness.registries.credentials import Credentials
from registry_harness.registries.distribution import DEFAULT, DISTRIBUTIONS
from registry_harness.registries.network import HarnessNetwork
from registry_harness.registries.token_server import TokenServer
from registry_harness.registries.tokens import ISSUER, SERVICE

_READY_SECONDS = 20
_POLL_SECONDS = 0.05
_LOG_SECONDS = 20
# What it is asked for to see how far its log has come.
_MARK = "/v2/?mark="
_CERTIFICATE = "/certs/tls.crt"
_KEY = "/certs/tls.key"
_CLIENT_CA = "/certs/client-ca.crt"
_HTPASSWD = "/auth/htpasswd"
_ISSUER_CA = "/auth/issuer-ca.crt"


@dataclass(frozen=True)
class RegistrySpec:
    """What kind of registry to start.

    Args:
        tls: HTTPS with a certificate of the run's own CA, else plain HTTP.
        client_certificates: clients must present a certificate of that CA.
        htpasswd: clients must log in, to the registry itself.
        token: clients must log in, to a token server that the registry sends them to.
        anonymous: with a token server, who does not log in may pull.
        proxy_of: fetch from this registry what is not here (a pull-through mirror).
        address: an address of the network; None for a free one.
        port: where it answers.
        to_type: people log in by hand, so the password is one to type; tests get an odd
            one.
        login: what clients must log in with; None for a random one.
        distribution: the program's version: ``2.8``, as MicroK8s' own registry has, or
            ``3``.
    """

    tls: bool = False
    client_certificates: bool = False
    htpasswd: bool = False
    token: bool = False
    anonymous: bool = False
    proxy_of: Registry | None = None
    address: str | None = None
    port: int = 5000
    to_type: bool = False
    login: Credentials | None = None
    distribution: str = DEFAULT

    def __post_init__(self) -> None:
        if self.distribution not in DISTRIBUTIONS:
            raise ValueError(
                f"a registry's distribution is one of {', '.join(DISTRIBUTIONS)}"
            )
        if self.htpasswd and self.token:
            raise ValueError("a registry asks either for a password or for a token")
        if self.anonymous and not self.token:
            raise ValueError("only a token server knows anonymous clients")

    @property
    def asks_for_login(self) -> bool:
        """Whether it answers nobody without credentials or a token."""
        return self.htpasswd or self.token


@dataclass(frozen=True)
class Registry:
    """A running registry.

    Args:
        spec: what it is.
        host: ``ADDRESS:PORT``, as image names spell it.
        ca: certificate of the CA that signed its own, PEM; None for plain HTTP.
        client: what it wants clients to present; None for nothing.
        credentials: what it wants clients to log in with; None for nothing.
        container: the container it runs in.
        token_server: where it sends clients to log in; None for nowhere.
    """

    spec: RegistrySpec
    host: str
    ca: bytes | None = field(repr=False)
    client: KeyPair | None
    credentials: Credentials | None
    container: DockerContainer = field(repr=False)
    token_server: TokenServer | None = None

    @property
    def url(self) -> str:
        """Its address with the scheme it speaks."""
        return f"{'https' if self.spec.tls else 'http'}://{self.host}"

    def reference(self, repository: str, tag: str = "latest") -> str:
        """Return the name of an image on it."""
        return f"{self.host}/{repository}:{tag}"

    def log(self) -> str:
        """Return all that it printed."""
        out, err = self.container.get_logs()
        return (out + err).decode(errors="replace")

    def requests(self) -> list[Request]:
        """Return all requests that it answered so far.

        An engine's log is behind what a container prints, so a request of our own is
        made and waited for; such marks are left out.

        Raises:
            OSError: it does not answer.
            HarnessError: the log does not go on.
        """
        mark = f"{_MARK}{secrets.token_hex(8)}"
        self.open(mark)
        deadline = time.monotonic() + _LOG_SECONDS
        while time.monotonic() < deadline:
            found = parse_access_log(self.log())
            if any(each.path == mark for each in found):
                return [each for each in found if not each.path.startswith(_MARK)]
            time.sleep(_POLL_SECONDS)
        raise HarnessError(
            f"the log of {self.url} does not go on\n{self.log()[-2000:]}"
        )

    def pulls(self, repository: str) -> list[Request]:
        """Return what containerd fetched of one repository."""
        return [
            each
            for each in self.requests()
            if each.is_pull and f"/{repository}/" in each.path
        ]

    def stop(self) -> None:
        """Stop it, remove what it stored, and close its token server."""
        try:
            with suppress(docker.errors.NotFound):
                self.container.stop()
        finally:
            if self.token_server is not None:
                self.token_server.stop()

    def authorization(self, repository: str) -> str | None:
        """Return the value of the header that lets a client push to a repository.

        None for none.
        """
        if self.token_server is not None:
            scope = f"repository:{repository}:pull,push"
            return f"Bearer {self.token_server.token(scope)}"
        return None if self.credentials is None else self.credentials.basic()

    def open(self, path: str, method: str = "GET") -> int:
        """Ask it for something over its own protocol and return the status.

        Raises:
            OSError: it does not answer.
        """
        request = urllib.request.Request(self.url + path, method=method)
        try:
            with urllib.request.urlopen(
                request, timeout=5, context=self.tls_context()
            ) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    def tls_context(self) -> ssl.SSLContext | None:
        """Return what trusts it, with the client certificate that it wants."""
        if self.ca is None:
            return None
        context = ssl.create_default_context(cadata=self.ca.decode())
        if self.client is not None:
            self.client.load_into(context)
        return context


class _Answers(WaitStrategy):
    """Wait until a registry answers as it should, and notice at once if it has
    ended.
    """

    def __init__(self, registry: Registry) -> None:
        super().__init__()
        self._registry = registry
        self.with_startup_timeout(_READY_SECONDS).with_poll_interval(_POLL_SECONDS)

    def wait_until_ready(self, container: WaitStrategyTarget) -> None:
        answered = self._poll(lambda: self._is_over(container), [OSError])
        if not answered or container.status == "exited":
            ended = "ended" if container.status == "exited" else "did not answer"
            raise StartError(f"the registry {ended}\n{self._registry.log()}")

    def _is_over(self, container: WaitStrategyTarget) -> bool:
        container.reload()
        wanted = 401 if self._registry.spec.asks_for_login else 200
        return container.status == "exited" or self._registry.open("/v2/") == wanted


def start_registry(
    spec: RegistrySpec,
    network: HarnessNetwork,
    authority: CertificateAuthority,
    image: str,
) -> Registry:
    """Start a registry and return it when it serves.

    Args:
        spec: what kind.
        network: where it gets its address.
        authority: signs its certificate and its client's.
        image: runs the distribution that spec says; see registry_image.

    Raises:
        StartError: it ended, or did not answer in 20 s; the message has its log.
    """
    address = spec.address or network.address()
    registry = Registry(
        spec=spec,
        host=f"{address}:{spec.port}",
        ca=authority.pem if spec.tls else None,
        client=authority.client() if spec.client_certificates else None,
        credentials=_credentials(spec),
        container=_container(image, network, address),
        token_server=_token_server(spec, network, authority),
    )
    try:
        if registry.token_server is not None and registry.credentials is not None:
            registry.token_server.add(registry.credentials)
        registry.container.with_envs(**_environment(registry))
        for path, content in _files(registry, authority, address).items():
            registry.container.with_copy_into_container(content, path, 0o600)
        registry.container.waiting_for(_Answers(registry))
        registry.container.start()
    except BaseException:
        registry.stop()
        raise
    return registry


@contextmanager
def running_registry(
    spec: RegistrySpec,
    network: HarnessNetwork,
    authority: CertificateAuthority,
    image: str,
) -> Iterator[Registry]:
    """Start a registry, and stop it at the end of the block."""
    registry = start_registry(spec, network, authority, image)
    try:
        yield registry
    finally:
        registry.stop()


def _container(image: str, network: HarnessNetwork, address: str) -> DockerContainer:
    # Ryuk's image cannot be had everywhere; the label and remove_stale do what it
    # would.
    testcontainers_config.ryuk_disabled = True
    version = network.client.version()["ApiVersion"]
    endpoint = EndpointConfig(version, ipv4_address=address)
    return DockerContainer(image).with_kwargs(
        network=network.name,
        networking_config={network.name: endpoint},
        labels=network.labels,
    )


def _credentials(spec: RegistrySpec) -> Credentials | None:
    if not spec.asks_for_login:
        return None
    if spec.login is not None:
        return spec.login
    return Credentials.to_type() if spec.to_type else Credentials.random()


def _token_server(
    spec: RegistrySpec, network: HarnessNetwork, authority: CertificateAuthority
) -> TokenServer | None:
    if not spec.token:
        return None
    return TokenServer(
        network.gateway,
        authority,
        tls=spec.tls,
        client_certificates=spec.client_certificates,
        anonymous=spec.anonymous,
    )


def _environment(registry: Registry) -> dict[str, str]:
    spec = registry.spec
    environment = {
        "REGISTRY_HTTP_ADDR": f":{spec.port}",
        "OTEL_TRACES_EXPORTER": "none",
    }
    if spec.tls:
        environment["REGISTRY_HTTP_TLS_CERTIFICATE"] = _CERTIFICATE
        environment["REGISTRY_HTTP_TLS_KEY"] = _KEY
    if spec.client_certificates:
        environment["REGISTRY_HTTP_TLS_CLIENTCAS"] = json.dumps([_CLIENT_CA])
    if spec.htpasswd:
        settings = {"htpasswd": {"realm": "registry-harness", "path": _HTPASSWD}}
        environment["REGISTRY_AUTH"] = json.dumps(settings)
    if registry.token_server is not None:
        token = {
            "realm": registry.token_server.realm,
            "service": SERVICE,
            "issuer": ISSUER,
            "rootcertbundle": _ISSUER_CA,
        }
        environment["REGISTRY_AUTH"] = json.dumps({"token": token})
    if spec.proxy_of is not None:
        environment["REGISTRY_PROXY_REMOTEURL"] = spec.proxy_of.url
    return environment


def _files(
    registry: Registry, authority: CertificateAuthority, address: str
) -> dict[str, bytes | Path]:
    files: dict[str, bytes | Path] = {}
    if registry.spec.tls:
        pair = authority.server(address)
        files.update({_CERTIFICATE: pair.certificate, _KEY: pair.key})
    if registry.spec.client_certificates:
        files[_CLIENT_CA] = authority.pem
    if registry.spec.token:
        files[_ISSUER_CA] = authority.pem
    if registry.spec.htpasswd and registry.credentials is not None:
        files[_HTPASSWD] = registry.credentials.htpasswd().encode()
    return files
