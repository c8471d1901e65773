"""Remedies: what mends a cause, for `check` and for `check --explain`.

A remedy is a command to paste, or what only somebody else can do. In commands the CA's
certificate is ca.crt, a client certificate and its key are client.crt and client.key,
in the current directory; a login is in REGISTRY_USER and REGISTRY_PASSWORD. Whatever is
shown here is accepted by cli/command_line.py; where no such command can name the
registry, there is none.
"""

from __future__ import annotations

from typing import Callable, Dict, List, Tuple

from private_registry.check import node_remedies
from private_registry.check.cause_kinds import Mend
from private_registry.check.causes import Cause
from private_registry.check.findings import Finding, Remedy
from private_registry.check.node_remedies import APPLY
from private_registry.check.reading.reading import Trust
from private_registry.check.setup import Setup, can_be_typed, with_scheme
from private_registry.containerd.microk8s_defaults import (
    BUILT_IN_REGISTRY,
    is_in_cluster_name,
)
from private_registry.errors import UsageError
from private_registry.registries.names import (
    EVERY_REGISTRY,
    parse_registry_name,
)
from private_registry.texts.showing import quoted

REFRESH = "sudo snap refresh microk8s --channel=latest/stable"
_ADD = "microk8s private-registry add"
_ENABLE = "microk8s enable private-registry-config"
_EDIT = (
    "microk8s private-registry export --with-secrets --output registries.toml && "
    f"nano registries.toml && {APPLY} --file registries.toml"
)
_CA = "--ca ca.crt"
_CLIENT = "--client-cert client.crt --client-key client.key"
_LOGIN = '--username "$REGISTRY_USER" --password-env REGISTRY_PASSWORD'
_PLAIN_LOGIN = "--allow-plaintext-credentials"
_NEEDS = {
    _CLIENT: "client.crt and client.key, a client certificate that {who} accepts and"
    " its key (its owner issues them)",
    _CA: "ca.crt, the certificate of the CA that signed the one of {who} (ask its"
    " owner)",
    _LOGIN: "a login of {who} in the environment: export REGISTRY_USER=NAME; "
    "read -rs REGISTRY_PASSWORD; export REGISTRY_PASSWORD",
}
_NEEDS_NAME = (
    "the registry's name: give the whole message, from Failed to pull image on, "
    "or the registry: microk8s private-registry check HOST:PORT"
)
_ONLY_MIRROR = (
    "where {registry} has more mirrors: all in one --file, for this replaces them"
)
_MAYBE_PUBLIC = "no --ca where a public CA signed it"
_SECRETS = "in it (where there are some: microk8s kubectl get secrets --all-namespaces)"


def remedy_for(cause: Cause, setup: Setup) -> Remedy:
    """Say what mends a cause in a setup."""
    if isinstance(cause.row.mend, Mend):
        return _MAKERS[cause.row.mend](setup)
    return Remedy(owner=cause.row.mend.format(who=setup.who))


def mended(finding: Finding, setup: Setup) -> Finding:
    """Return a finding with what mends it, where it does not say so itself."""
    if finding.remedy != Remedy():
        return finding
    return finding._replace(remedy=remedy_for(finding.cause, setup))


# --- the command that adds a registry or mirror ---------------------------------------


def _adding(
    setup: Setup, *options: str, scheme: str = "", needs: Tuple[str, ...] = ()
) -> Remedy:
    """Return the command that adds the registry or mirror that was asked.

    Args:
        setup: which.
        options: behind it, quoted for a shell.
        scheme: how it is to be asked, where not as it is.
        needs: what has to be at hand beside what the options name.
    """
    told = [need for option, need in _NEEDS.items() if option in options]
    told += needs
    try:
        words = _named(setup, scheme or setup.scheme)
    except UsageError:
        return _unnamed(setup)
    if setup.is_mirror and not setup.mirrors and setup.registry != EVERY_REGISTRY:
        told.append(_ONLY_MIRROR)
    whole = "; ".join(told).format(who=setup.who, registry=setup.registry)
    if setup.is_mirror and len(setup.mirrors) > 1 and options:
        return Remedy(_EDIT, f"{whole}; in the editor, the same for {setup.url}")
    words += options
    words += ["--adopt"] if setup.by_hand else []
    words += ["--docker"] if setup.in_docker else []
    return Remedy(f"{_door(setup)} {' '.join(words)}", whole)


def _door(setup: Setup) -> str:
    return _ADD if setup.has_plugin else _ENABLE


def _named(setup: Setup, scheme: str) -> List[str]:
    option = "--insecure" if scheme == "http" else "--registry"
    if not setup.is_mirror:
        return [option, quoted(str(parse_registry_name(setup.registry, option)))]
    name = parse_registry_name(setup.registry, "--mirror")
    own = with_scheme(setup.url, scheme)
    if not (can_be_typed(setup.url) and can_be_typed(own)):
        raise UsageError("that mirror cannot be typed")
    words: List[str] = []
    for url in setup.mirrors or (own,):
        is_own = with_scheme(url, scheme) == own
        right = with_scheme(setup.instead, scheme) if setup.instead else own
        words += ["--mirror", quoted(f"{name}={right if is_own else url}")]
    return words if setup.falls_back else [*words, "--no-fallback"]


def _unnamed(setup: Setup) -> Remedy:
    if not setup.registry:
        return Remedy(needs=_NEEDS_NAME)
    if setup.is_mirror and setup.where:
        return node_remedies.by_hand(setup.where)
    return Remedy(
        owner=f"whoever runs the network: {setup.who} is not what answers there"
    )


def _ca(trust: Trust) -> Tuple[str, ...]:
    """Return the options that keep a CA, or that no certificate is looked at."""
    words = [f"--ca {quoted(path)}" for path in trust.authorities[:1]]
    return (*words, "--skip-verify") if trust.skip_verify else tuple(words)


def _client(trust: Trust) -> Tuple[str, ...]:
    """Return the options that keep a client certificate."""
    return tuple(
        f"--client-cert {quoted(certificate)} --client-key {quoted(key)}"
        for certificate, key in trust.clients[:1]
    )


def _kept(setup: Setup) -> Tuple[str, ...]:
    """Return the TLS options that the command would drop if they were not named."""
    trust = setup.trust or Trust()
    is_plain = setup.scheme == "http"
    return () if is_plain else (*_ca(trust), *_client(trust))


# --- ways to mend ---------------------------------------------------------------------


def _as_http(setup: Setup) -> Remedy:
    return _adding(setup, scheme="http")


def _as_https(setup: Setup) -> Remedy:
    if setup.lacks_ca:
        return _with_ca(setup)
    setup = setup._replace(speaks="https")
    return _adding(setup, *_kept(setup), scheme="https")


def _with_ca(setup: Setup) -> Remedy:
    kept = _client(setup.trust or Trust())
    return _adding(setup, _CA, *kept, scheme="https")


def _with_client(setup: Setup) -> Remedy:
    if setup.trust is None:
        needs = (_MAYBE_PUBLIC,)
        return _adding(setup, _CLIENT, _CA, scheme="https", needs=needs)
    return _adding(setup, _CLIENT, *_ca(setup.trust), scheme="https")


def _anew(setup: Setup) -> Remedy:
    """What the addon writes, in place of what stands there."""
    if setup.is_saved and setup.has_plugin:
        return Remedy(f"{APPLY} --adopt" if setup.by_hand else APPLY)
    return _adding(setup._replace(by_hand=True), *_kept(setup))


def _ca_file(setup: Setup) -> Remedy:
    if setup.is_saved and setup.has_plugin:
        return _anew(setup)
    return _with_ca(setup._replace(by_hand=True))


def _client_files(setup: Setup) -> Remedy:
    if setup.is_saved and setup.has_plugin:
        return _anew(setup)
    return _with_client(setup._replace(by_hand=True))


def _login(setup: Setup) -> Remedy:
    if setup.in_docker and not setup.registry:
        return Remedy(owner="whoever asked: docker login HOST[:PORT]")
    if setup.in_docker:
        hosts = () if setup.is_docker_hub else (setup.registry,)
        command = " ".join(("docker login", *map(quoted, filter(None, hosts))))
        return Remedy(command, f"a user name and password of {setup.who}")
    if setup.login_at:
        return _login_elsewhere(setup)
    if setup.scheme == "http":
        return _adding(setup, _LOGIN, _PLAIN_LOGIN)
    # A login alone leaves the TLS settings that are saved.
    kept = _kept(setup) if setup.by_hand or not setup.is_saved else ()
    return _adding(setup, _LOGIN, *kept)


def _login_elsewhere(setup: Setup) -> Remedy:
    """Save a login for the host that a registry redirects to: containerd looks there
    for it.
    """
    scheme, _, host = setup.login_at.partition("://")
    at = Setup(host, setup.login_at, has_plugin=setup.has_plugin)
    try:
        is_typed = _named(at, scheme)[1] == quoted(host)
    except UsageError:
        is_typed = False
    if is_typed:
        return _login(at)
    who = setup.registry
    words = f"whoever runs {who}: it sends to {host}, which no login can be for"
    return Remedy(owner=words)


def _right(setup: Setup) -> Remedy:
    if not setup.has_login:
        return _login(setup)
    words = f"whoever runs {setup.who}: the right to pull; or the image's name is wrong"
    return Remedy(owner=words)


def _limit(setup: Setup) -> Remedy:
    if setup.is_docker_hub and not setup.has_login:
        return _login(setup)
    return Remedy(owner=f"wait, or whoever runs {setup.who}: a higher limit")


def _runs(setup: Setup) -> Remedy:
    if setup.authority == BUILT_IN_REGISTRY:
        return Remedy("microk8s enable registry")
    words = f"whoever runs {setup.who}: start it, or say which port it listens at"
    return Remedy(owner=words)


def _name(setup: Setup) -> Remedy:
    if is_in_cluster_name(setup.authority):
        words = (
            f"{BUILT_IN_REGISTRY}/NAME, which is the same registry as nodes reach it"
        )
        return Remedy(owner=f"whoever wrote the pod: the image as {words}")
    words = f"{setup.who} in the DNS that this node asks, or in its /etc/hosts"
    return Remedy(owner=f"whoever runs the network: {words}")


def _address(setup: Setup) -> Remedy:
    if setup.instead and setup.is_mirror:
        return _adding(setup, *_kept(setup))
    if setup.is_docker_hub:
        return _anew(setup)
    words = "the address of its registry, with the project if it is a mirror's"
    return Remedy(
        owner=f"whoever runs {setup.who}: {words}; what answers there is no registry"
    )


def _line(setup: Setup) -> Remedy:
    """Which address is meant, only people know."""
    return node_remedies.by_hand(setup.where) if setup.where else _anew(setup)


def _pull_secret(setup: Setup) -> Remedy:
    if not setup.registry:
        where = f"namespace {setup.namespace}" if setup.namespace else "pod's namespace"
        return Remedy(
            owner=f"whoever runs the {where}: a Secret of that name {_SECRETS}"
        )
    name = quoted(setup.pull_secret) if setup.pull_secret else '"$PULL_SECRET"'
    namespace = quoted(setup.namespace) if setup.namespace else '"$NAMESPACE"'
    needs = [
        *([] if setup.pull_secret else ["its name: export PULL_SECRET=NAME"]),
        *([] if setup.namespace else ["the pod's namespace: export NAMESPACE=NAME"]),
    ]
    words = f"--pull-secret {name} --namespace {namespace}"
    plain = (_PLAIN_LOGIN,) if setup.scheme == "http" else ()
    # The Secret is the cluster's: of the node's own files nothing changes.
    setup = setup._replace(by_hand=False, in_docker=False)
    if setup.is_mirror:
        setup = setup._replace(url="", is_mirror=False)
    return _adding(setup, _LOGIN, *plain, words, needs=tuple(needs))


def _command(command: str) -> Callable[[Setup], Remedy]:
    return lambda _setup: Remedy(command)


_MAKERS: Dict[Mend, Callable[[Setup], Remedy]] = {
    Mend.ANEW: _anew,
    Mend.AS_HTTP: _as_http,
    Mend.AS_HTTPS: _as_https,
    Mend.CA: _with_ca,
    Mend.CA_FILE: _ca_file,
    Mend.CLIENT: _with_client,
    Mend.CLIENT_FILES: _client_files,
    Mend.LOGIN: _login,
    Mend.RIGHT: _right,
    Mend.LIMIT: _limit,
    Mend.RUNS: _runs,
    Mend.ADDRESS: _address,
    Mend.NAME: _name,
    Mend.LINE: _line,
    Mend.MOVED_PORT: node_remedies.moved_port,
    Mend.MOVED: node_remedies.moved,
    Mend.TEMPLATE: node_remedies.template,
    Mend.UNPACKING: node_remedies.unpacking,
    Mend.ONE_OF_TWO: node_remedies.one_of_two,
    Mend.PROXY: node_remedies.proxy,
    Mend.CLOCK: _command("sudo timedatectl set-ntp true"),
    Mend.RESTART: lambda setup: Remedy(setup.restart),
    Mend.START: lambda setup: Remedy(f"sudo snap start {setup.service}"),
    Mend.REFRESH: _command(REFRESH),
    Mend.APPLY: _command(APPLY),
    Mend.IMPORT: node_remedies.import_pause_image,
    Mend.PULLED_ANEW: node_remedies.pulled_anew,
    Mend.AS_PODS: node_remedies.as_pods,
    Mend.IN_NAMESPACE: _pull_secret,
    Mend.EVENTS: _command(
        "microk8s kubectl get events --all-namespaces --field-selector reason=Failed"
    ),
}
