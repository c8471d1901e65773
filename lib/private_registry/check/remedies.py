"""Remedies: what mends a cause, for `check` and for `check --explain`.

A remedy is a command to paste, or what only somebody else can do. It makes nothing
worse: what somebody wrote and has in effect stays, save what the remedy is for. In
commands the CA's certificate is ca.crt, a client certificate and its key are client.crt
and client.key, in the current directory; a login is in REGISTRY_USER and
REGISTRY_PASSWORD. Whatever is shown here is accepted by cli/command_line.py; where no
such command can name the registry, there is none.
"""

from __future__ import annotations

from typing import Callable, Dict, Tuple

from private_registry.check import node_remedies
from private_registry.check.adding import (
    APPLY,
    CA,
    CLIENT,
    LOGIN,
    PLAIN_LOGIN,
    Otherwise,
    adding,
    edited,
    named_option,
    opened,
)
from private_registry.check.cause_columns import Mend
from private_registry.check.causes import Cause
from private_registry.check.findings import Finding, Remedy
from private_registry.check.lint import hosts_endpoint_edits as edits
from private_registry.check.lint.hosts_endpoint_edits import Place
from private_registry.check.reading.reading import Trust
from private_registry.check.saved_reading import says_what_is_saved
from private_registry.check.setup import Setup
from private_registry.check.taking_over import (
    ca_words,
    client_words,
    has_secret_login,
    tls_words,
)
from private_registry.containerd.microk8s_defaults import (
    BUILT_IN_REGISTRY,
    is_in_cluster_name,
)
from private_registry.texts.showing import quoted

REFRESH = "sudo snap refresh microk8s --channel=latest/stable"
_SECRETS = "in it (where there are some: microk8s kubectl get secrets --all-namespaces)"
_MAYBE_PUBLIC = "no --ca where a public CA signed it"


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


# --- ways to mend ---------------------------------------------------------------------


def _as_http(setup: Setup) -> Remedy:
    return adding(
        setup, *_login_again(setup), scheme="http", otherwise=_edited_scheme("http")
    )


def _as_https(setup: Setup) -> Remedy:
    if setup.lacks_ca:
        return _with_ca(setup._replace(speaks="https"))
    setup = setup._replace(speaks="https")
    kept = tls_words(setup.trust or Trust())
    return adding(setup, *kept, scheme="https", otherwise=_edited_scheme("https"))


def _edited_scheme(scheme: str) -> Otherwise:
    def edit(setup: Setup, _place: Place) -> str:
        file, asked = setup.written, setup.asked
        if file is None or asked is None or setup.is_docker_hub:
            return ""
        return edits.with_scheme(file, asked, scheme)[0]

    return lambda setup: edited(setup, edit)


def _login_again(setup: Setup) -> Tuple[str, ...]:
    """Return the options that let a login that is saved travel over plain HTTP."""
    is_secret = setup.saved is not None and has_secret_login(setup.saved)
    return (LOGIN, PLAIN_LOGIN) if setup.has_login and is_secret else ()


def _with_ca(setup: Setup) -> Remedy:
    kept = client_words(setup.trust or Trust())
    is_plain = setup.asked is not None and setup.asked.scheme == "http"

    def edit(setup: Setup, place: Place) -> str:
        if setup.written is None:
            return _beside(setup, place)
        change = edits.with_https_and_ca if is_plain else edits.with_ca
        return "" if setup.asked is None else change(setup.written, setup.asked, place)

    return adding(
        setup,
        CA,
        *kept,
        scheme="https",
        otherwise=lambda setup: edited(setup, edit, CA),
    )


def _with_client(setup: Setup) -> Remedy:
    if setup.trust is None:
        needs = (_MAYBE_PUBLIC,)
        return adding(setup, CLIENT, CA, scheme="https", needs=needs)

    def edit(setup: Setup, place: Place) -> str:
        if setup.written is None:
            return _beside(setup, place, is_client=True)
        file, asked = setup.written, setup.asked
        return "" if asked is None else edits.with_client(file, asked, place)

    return adding(
        setup,
        CLIENT,
        *ca_words(setup.trust),
        scheme="https",
        otherwise=lambda setup: edited(setup, edit, CLIENT),
    )


def _beside(setup: Setup, place: Place, *, is_client: bool = False) -> str:
    return edits.beside(place, is_client=is_client) if setup.directory else ""


def _anew(setup: Setup) -> Remedy:
    """What the addon writes, in place of what stands there: where that loses
    nothing.
    """
    if setup.is_saved and setup.has_plugin:
        if not setup.by_hand:
            return Remedy(APPLY)
        return (
            Remedy(f"{APPLY} --adopt") if says_what_is_saved(setup) else opened(setup)
        )
    if setup.written is not None:
        return opened(setup)
    return _written_anew(setup)


def _written_anew(setup: Setup) -> Remedy:
    kept = () if setup.scheme == "http" else tls_words(setup.trust or Trust())
    return adding(setup._replace(by_hand=True), *kept)


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
        return adding(setup, LOGIN, PLAIN_LOGIN, otherwise=_login_by_hand)
    # A login alone leaves the TLS settings that are saved.
    is_dropped = setup.by_hand or not setup.is_saved
    kept = tls_words(setup.trust or Trust()) if is_dropped else ()
    return adding(setup, LOGIN, *kept, otherwise=_login_by_hand)


def _login_by_hand(setup: Setup) -> Remedy:
    """Return where a login stands that leaves the rest as somebody wrote it."""
    entry, template = setup.asked, setup.files.template
    names = [] if entry is None else [name.lower() for name, _ in entry.headers]
    if "authorization" in names or not template or entry is None:
        return opened(setup)
    return Remedy(
        f"sudo nano {quoted(template)} && {setup.restart}",
        f"a login of {setup.who}: username and password in the table"
        f' registry.configs."{entry.authority}".auth of the CRI plugin',
    )


def _login_elsewhere(setup: Setup) -> Remedy:
    """Save a login for the host that a registry redirects to: containerd looks there
    for it.
    """
    scheme, _, host = setup.login_at.partition("://")
    at = Setup(host, setup.login_at, has_plugin=setup.has_plugin)
    if named_option(at, scheme) == quoted(host):
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
        kept = tls_words(setup.trust or Trust())
        return opened(setup) if setup.by_hand else adding(setup, *kept)
    if setup.is_docker_hub:
        is_saved = setup.is_saved and setup.has_plugin
        return _anew(setup) if is_saved else _written_anew(setup)
    words = "the address of its registry, with the project if it is a mirror's"
    return Remedy(
        owner=f"whoever runs {setup.who}: {words}; what answers there is no registry"
    )


def _line(setup: Setup) -> Remedy:
    """Which address is meant, only people know."""
    return opened(setup) if setup.where else _anew(setup)


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
    plain = (PLAIN_LOGIN,) if setup.scheme == "http" else ()
    # The Secret is the cluster's: of the node's own files nothing changes.
    setup = setup._replace(by_hand=False, in_docker=False)
    if setup.is_mirror:
        setup = setup._replace(url="", is_mirror=False)
    return adding(setup, LOGIN, *plain, words, needs=tuple(needs))


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
