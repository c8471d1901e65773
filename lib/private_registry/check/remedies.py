"""What mends a cause at a registry or mirror: a command to paste, or what only its
owner can do.

In commands the CA's certificate is ca.crt, a client certificate and its key are
client.crt and client.key, a login is in REGISTRY_USER and REGISTRY_PASSWORD. Whatever
is shown here is accepted by cli/command_line.py; where no such command can name the
registry, there is none.
"""

from __future__ import annotations

from typing import Callable, Dict, NamedTuple, Optional, Tuple

from private_registry.check.findings import Cause, Remedy
from private_registry.check.owners import OWNERS
from private_registry.errors import UsageError
from private_registry.registries.endpoints import parse_mirror_url
from private_registry.registries.names import (
    DOCKER_HUB,
    DOCKER_HUB_SERVER,
    EVERY_REGISTRY,
    parse_registry_name,
    split_host_port,
)
from private_registry.texts.showing import quoted

ADD = "microk8s private-registry add"
ENABLE = "microk8s enable private-registry-config"
APPLY = "microk8s private-registry apply"
RESTART = "sudo snap restart microk8s.daemon-containerd"
REFRESH = "sudo snap refresh microk8s --channel=latest/stable"
SET_CLOCK = "sudo timedatectl set-ntp true"

_CA = ("--ca", "ca.crt")
_CLIENT = ("--client-cert", "client.crt", "--client-key", "client.key")
_LOGIN = '--username "$REGISTRY_USER" --password-env REGISTRY_PASSWORD'
_NEEDS_CA = "ca.crt, the certificate of the CA that signed the one of {who}"
_NEEDS_CLIENT = (
    "client.crt and client.key, a client certificate that {who} accepts, and its key"
)
_NEEDS_LOGIN = (
    "REGISTRY_USER and REGISTRY_PASSWORD in the environment, a login of {who}"
)
_NEEDS_NAME = (
    "the registry's name: give the whole message, from Failed to pull image on, "
    "or the registry: microk8s private-registry check HOST:PORT"
)
_ONLY_MIRROR = (
    "where {registry} has more mirrors: all in one --file, for this replaces them"
)
_BUILT_IN = "localhost:32000"
_LOCAL_PULL = (
    r"""printf '\n[plugins."io.containerd.cri.v1.images"]\n"""
    r"""use_local_image_pull = true\n'"""
)


class Files(NamedTuple):
    """Where a node's settings are, as people see it; empty where that is not known.

    Args:
        template: containerd's configuration as MicroK8s keeps it.
        environment: containerd's environment.
        certs_d: the directory of hosts.toml trees.
    """

    template: str = ""
    environment: str = ""
    certs_d: str = ""


class Target(NamedTuple):
    """Whom a remedy is for.

    Args:
        registry: as image references spell it, or ``*``; empty where that is not known.
        endpoint_url: URL of who was asked, without user name or query; empty for the
            registry.
        is_mirror: that is a mirror of the registry.
        has_saved_entry: registries.toml knows the registry.
        plugin_installed: ``microk8s private-registry`` is there; else the first enable
            is to come.
        adopt: what stands there was written by somebody else.
        has_ca: CA settings that have to stay; None where that is not known.
        has_client: there is a client certificate that has to stay.
        in_docker: it is a Docker engine that complains.
        files: of the node; without them no command changes one.
        restart: what restarts containerd.
    """

    registry: str = ""
    endpoint_url: str = ""
    is_mirror: bool = False
    has_saved_entry: bool = False
    plugin_installed: bool = True
    adopt: bool = False
    has_ca: Optional[bool] = None
    has_client: bool = False
    in_docker: bool = False
    files: Files = Files()
    restart: str = RESTART

    @property
    def scheme(self) -> str:
        """``http`` or ``https``, as it was asked."""
        return "http" if self.endpoint_url.startswith("http://") else "https"

    @property
    def authority(self) -> str:
        """``HOST[:PORT]`` of who was asked; empty where nobody is known."""
        rest = self.endpoint_url.partition("://")[2].partition("/")[0]
        own = DOCKER_HUB_SERVER if self.registry == DOCKER_HUB else self.registry
        return rest or own

    @property
    def who(self) -> str:
        """Who was asked, for people."""
        return self.authority or "the registry"


def remedy_for(cause: Cause, target: Target) -> Remedy:
    """Say what mends a cause; an empty remedy where the cause alone does not say."""
    maker = _MAKERS.get(cause)
    if maker is not None:
        return maker(target)
    return Remedy(owner=OWNERS.get(cause, "").format(who=target.who))


def add_command(target: Target, *options: str, scheme: str = "", tail: str = "") -> str:
    """Return the command that adds the target's registry or mirror.

    Empty where none can.

    Args:
        target: which.
        options: words behind the registry, each one argument.
        scheme: how it is to be asked, where not as it was.
        tail: more options, quoted for a shell already.
    """
    named = _named(target, scheme or target.scheme)
    if named is None:
        return ""
    words = [
        ADD if target.plugin_installed else ENABLE,
        *map(quoted, (*named, *options)),
    ]
    words += [tail] if tail else []
    words += ["--adopt"] if target.adopt else []
    words += ["--docker"] if target.in_docker else []
    return " ".join(words)


def _named(target: Target, scheme: str) -> Optional[Tuple[str, str]]:
    option = (
        "--mirror"
        if target.is_mirror
        else "--insecure" if scheme == "http" else "--registry"
    )
    try:
        name = parse_registry_name(target.registry, option)
        if not target.is_mirror:
            return option, str(name)
        rest = target.endpoint_url.partition("://")[2]
        return option, f"{name}={parse_mirror_url(f'{scheme}://{rest}', option).url}"
    except UsageError:
        return None


def _adding(target: Target, *options: str, scheme: str = "", needs: str = "") -> Remedy:
    command = add_command(target, *options, scheme=scheme)
    if not command:
        return _nameless(target)
    return Remedy(command, _needs(target, needs))


def _nameless(target: Target) -> Remedy:
    if not target.registry:
        return Remedy(needs=_NEEDS_NAME)
    return Remedy(
        owner=f"whoever runs the network: {target.who} is not what answers there"
    )


def _needs(target: Target, *needs: str) -> str:
    told = [*filter(None, needs)]
    if target.is_mirror and target.registry != EVERY_REGISTRY:
        told.append(_ONLY_MIRROR)
    return "; ".join(told).format(who=target.who, registry=target.registry)


def _kept(target: Target) -> Tuple[str, ...]:
    """TLS options that have to be named again, because the command would drop them."""
    return (*(_CA if target.has_ca else ()), *(_CLIENT if target.has_client else ()))


def _speaks_http(target: Target) -> Remedy:
    return _adding(target, scheme="http")


def _speaks_https(target: Target) -> Remedy:
    options = _kept(target)
    return _adding(
        target, *options, scheme="https", needs=_NEEDS_CA if target.has_ca else ""
    )


def _unknown_ca(target: Target) -> Remedy:
    client = _CLIENT if target.has_client else ()
    needs = "; ".join([_NEEDS_CA, *([_NEEDS_CLIENT] if client else [])])
    return _adding(target, *_CA, *client, scheme="https", needs=needs)


def _client_certificate(target: Target) -> Remedy:
    authority = () if target.has_ca is False else _CA
    needs = _NEEDS_CLIENT
    if target.has_ca is None:
        needs += "; ca.crt, the CA of {who} (without --ca where a public one signed it)"
    return _adding(target, *authority, *_CLIENT, scheme="https", needs=needs)


def _login(target: Target) -> Remedy:
    needs = _needs(target, _NEEDS_LOGIN)
    if target.in_docker:
        host = (
            "" if target.registry in ("", DOCKER_HUB) else f" {quoted(target.registry)}"
        )
        return Remedy(
            f"docker login{host}", f"a user name and password of {target.who}"
        )
    plain = " --allow-plaintext-credentials" if target.scheme == "http" else ""
    kept = () if target.has_saved_entry or target.scheme == "http" else _kept(target)
    command = add_command(target, *kept, tail=_LOGIN + plain)
    return Remedy(command, needs) if command else _nameless(target)


def _rate_limited(target: Target) -> Remedy:
    if target.registry == DOCKER_HUB and not target.is_mirror:
        return _login(target)
    return Remedy(
        owner=f"whoever runs {target.who}: more requests for this node, or wait"
    )


def _anew(target: Target) -> Remedy:
    """What the addon writes, in place of what stands there."""
    if target.has_saved_entry and target.plugin_installed:
        return Remedy(f"{APPLY} --adopt" if target.adopt else APPLY)
    needs = [_NEEDS_CA] * bool(target.has_ca) + [_NEEDS_CLIENT] * target.has_client
    kept = () if target.scheme == "http" else _kept(target)
    return _adding(
        target._replace(adopt=True), *kept, needs="; ".join(needs) if kept else ""
    )


def _authority_file(target: Target) -> Remedy:
    return _anew(target._replace(has_ca=True, adopt=True))


def _client_files(target: Target) -> Remedy:
    return _anew(target._replace(has_client=True, adopt=True))


def _not_a_registry(target: Target) -> Remedy:
    if target.registry == DOCKER_HUB and not target.is_mirror:
        return _anew(target)
    return Remedy(
        owner=(
            f"whoever runs {target.who}: the address of its registry, with the project"
            " if it is a mirror's; what answers there is no registry"
        )
    )


def _proxy(target: Target) -> Remedy:
    host = _bare_host(target)
    if not host or not target.files.environment:
        words = host or "the registry's host"
        return Remedy(
            owner=(
                f"whoever runs the node: {words} in NO_PROXY in containerd-env if no"
                " proxy leads there, else the right proxy; then restart containerd"
            )
        )
    line = f"""printf '\\nNO_PROXY="${{NO_PROXY:-${{no_proxy:-}}}},{host}"\\n'"""
    return Remedy(
        f"{line} | sudo tee --append {quoted(target.files.environment)} &&"
        f" {target.restart}",
        f"that {host} can be reached without the proxy",
    )


def _bare_host(target: Target) -> str:
    try:
        return split_host_port(target.authority, "--mirror")[0].strip("[]")
    except UsageError:
        return ""


def _native_snapshotter(target: Target) -> Remedy:
    if not target.files.template:
        return Remedy(
            owner=(
                "whoever runs the node: in containerd-template.toml, in the section "
                'plugins."io.containerd.cri.v1.images", use_local_image_pull = true'
            )
        )
    template = quoted(target.files.template)
    return Remedy(
        f"grep -q cri.v1.images {template} || {_LOCAL_PULL} | sudo tee --append"
        f" {template} && {target.restart}"
    )


def _cri_settings(target: Target) -> Remedy:
    return Remedy(
        "microk8s stop; microk8s start" + f"; {APPLY}" * target.plugin_installed,
        "mirrors and configs.*.tls taken out of containerd-template.toml, which holds"
        " config_path",
    )


def _shadowing(target: Target) -> Remedy:
    """Move a directory away that is read in place of another one."""
    return _moved(target, target.registry.replace(":", "_") + "_")


def _not_a_directory(target: Target) -> Remedy:
    return _moved(target, target.registry)


def _moved(target: Target, name: str) -> Remedy:
    if not target.files.certs_d or add_command(target._replace(is_mirror=False)) == "":
        return Remedy(owner="whoever wrote it: move it away from certs.d")
    path = quoted(f"{target.files.certs_d}/{name}")
    return Remedy(f"sudo mv {path} {path}.old")


def _refused(target: Target) -> Remedy:
    if target.registry == _BUILT_IN:
        return Remedy("microk8s enable registry")
    return Remedy(owner=OWNERS[Cause.REFUSED].format(who=target.who))


def _pause_image(target: Target) -> Remedy:
    del target
    return Remedy(
        "microk8s images import pause.tar",
        "pause.tar, made where the registry can be reached: docker pull IMAGE, "
        "then docker save IMAGE >pause.tar",
    )


def _command(command: str, needs: str = "") -> Callable[[Target], Remedy]:
    return lambda target: Remedy(command, needs.format(who=target.who))


def _restart(target: Target) -> Remedy:
    return Remedy(target.restart)


_MAKERS: Dict[Cause, Callable[[Target], Remedy]] = {
    Cause.SPEAKS_HTTP: _speaks_http,
    Cause.SPEAKS_HTTPS: _speaks_https,
    Cause.UNKNOWN_CA: _unknown_ca,
    Cause.CLIENT_CERTIFICATE_MISSING: _client_certificate,
    Cause.CLIENT_CERTIFICATE_REFUSED: _client_certificate,
    **dict.fromkeys(
        (
            Cause.LOGIN_MISSING,
            Cause.LOGIN_REFUSED,
            Cause.TOKEN_REFUSED,
            Cause.ACCESS_DENIED,
        ),
        _login,
    ),
    Cause.RATE_LIMITED: _rate_limited,
    Cause.CA_MISSING: _authority_file,
    Cause.CA_UNUSABLE: _authority_file,
    Cause.CLIENT_MISSING: _client_files,
    Cause.CLIENT_UNUSABLE: _client_files,
    Cause.NOT_A_REGISTRY: _not_a_registry,
    Cause.PROXY: _proxy,
    Cause.NATIVE_SNAPSHOTTER: _native_snapshotter,
    Cause.PAUSE_IMAGE: _pause_image,
    Cause.REFUSED: _refused,
    Cause.SHADOWED: _shadowing,
    Cause.NOT_A_DIRECTORY: _not_a_directory,
    Cause.CREDENTIALS_KEY: _login,
    **dict.fromkeys(
        (
            Cause.MIRRORS_BESIDE_CONFIG_PATH,
            Cause.TLS_BESIDE_CONFIG_PATH,
            Cause.CRI_MISSING,
        ),
        _cri_settings,
    ),
    **dict.fromkeys((Cause.RESTART_PENDING, Cause.CONTAINERD_DOWN), _restart),
    **dict.fromkeys((Cause.MIRRORS_KILL_CRI, Cause.FIELD_TOO_NEW), _command(REFRESH)),
    **dict.fromkeys((Cause.CLOCK, Cause.NOT_YET_VALID), _command(SET_CLOCK)),
    **dict.fromkeys((Cause.NOT_AS_SAVED, Cause.INTERRUPTED_RUN), _command(APPLY)),
    **dict.fromkeys(
        (
            *(
                Cause.NOT_TOML,
                Cause.BYTE_ORDER_MARK,
                Cause.UNQUOTED,
                Cause.DUPLICATE,
                Cause.CRASHES,
            ),
            *(
                Cause.NO_HOST_TABLE,
                Cause.NOT_A_HOST,
                Cause.UNKNOWN_KEY,
                Cause.MISPLACED_KEY,
            ),
            *(
                Cause.KEY_CASE,
                Cause.WRONG_TYPE,
                Cause.UNKNOWN_CAPABILITY,
                Cause.NO_CAPABILITY,
            ),
            *(
                Cause.BAD_SCHEME,
                Cause.SCHEME_MISSING,
                Cause.BAD_URL,
                Cause.URL_PART_IGNORED,
            ),
            *(
                Cause.PATH_APPENDED,
                Cause.TLS_ON_HTTP,
                Cause.NOT_INHERITED,
                Cause.BAD_HEADER,
            ),
            *(
                Cause.BAD_FALLBACK,
                Cause.NOT_RENDERED,
                Cause.REVISION_PATH,
                Cause.UNREADABLE,
            ),
            *(Cause.CERTIFICATES_IGNORED, Cause.WRONG_DIRECTORY, Cause.MISNAMED_FILE),
        ),
        _anew,
    ),
}
