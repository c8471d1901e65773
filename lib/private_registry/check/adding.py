"""Adding: the command that adds a registry or mirror, or what stands for it.

Where somebody else wrote what is there, nothing of that may be lost: the command says
all of it (taking_over.py); else a line of the file is edited; else the file is opened.
"""

from __future__ import annotations

from typing import Callable, List, Optional, Tuple

from private_registry.check.findings import Remedy
from private_registry.check.lint.hosts_endpoint_edits import Place
from private_registry.check.setup import Setup, can_be_typed, with_scheme
from private_registry.check.taking_over import commands
from private_registry.errors import UsageError
from private_registry.registries.names import EVERY_REGISTRY, parse_registry_name
from private_registry.texts.showing import quoted

APPLY = "microk8s private-registry apply"
CA = "--ca ca.crt"
CLIENT = "--client-cert client.crt --client-key client.key"
LOGIN = '--username "$REGISTRY_USER" --password-env REGISTRY_PASSWORD'
PLAIN_LOGIN = "--allow-plaintext-credentials"
_ADD = "microk8s private-registry add"
_ENABLE = "microk8s enable private-registry-config"
_EDIT = (
    "microk8s private-registry export --with-secrets --output registries.toml && "
    f"nano registries.toml && {APPLY} --file registries.toml"
)
NEEDS = {
    CLIENT: "client.crt and client.key, a client certificate that {who} accepts and"
    " its key (its owner issues them)",
    CA: "ca.crt, the certificate of the CA that signed the one of {who} (ask its"
    " owner)",
    LOGIN: "a login of {who} in the environment: export REGISTRY_USER=NAME; "
    "read -rs REGISTRY_PASSWORD; export REGISTRY_PASSWORD",
}
_NEEDS_NAME = (
    "the registry's name: give the whole message, from Failed to pull image on, "
    "or the registry: microk8s private-registry check HOST:PORT"
)
_ONLY_MIRROR = (
    "where {registry} has more mirrors: all in one --file, for this replaces them"
)

Otherwise = Callable[[Setup], Remedy]


def opened(setup: Setup) -> Remedy:
    """Return what opens a file at its line, where only people know what is meant."""
    path, _, line = setup.where.partition(", line ")
    file = setup.written
    if file is not None and path != file.path:
        path, line = file.path, ""
    if not path or path == setup.directory:
        return Remedy(owner=f"whoever wrote {path or 'what is there'}: mend it")
    return Remedy(f"sudo nano {f'+{line} ' if line else ''}{quoted(path)}")


def edited(setup: Setup, edit: Callable[[Setup, Place], str], *options: str) -> Remedy:
    """Return the edit of one endpoint, with what it needs; without one the file is
    opened.
    """
    command = edit(setup, Place(setup.directory, setup.names))
    return Remedy(command, told(setup, options)) if command else opened(setup)


def told(setup: Setup, options: Tuple[str, ...], more: Tuple[str, ...] = ()) -> str:
    """Return what has to be at hand for options."""
    needs = [need for option, need in NEEDS.items() if option in options]
    whole = "; ".join((*needs, *more))
    return whole.format(who=setup.who, registry=setup.registry)


def adding(
    setup: Setup,
    *options: str,
    scheme: str = "",
    needs: Tuple[str, ...] = (),
    otherwise: Otherwise = opened,
) -> Remedy:
    """Return the command that adds the registry or mirror that was asked.

    Args:
        setup: which.
        options: behind it, quoted for a shell.
        scheme: how it is to be asked, where not as it is.
        needs: what has to be at hand beside what the options name.
        otherwise: what stands for the command where it would lose what somebody wrote.
    """
    wanted = scheme or setup.scheme
    if setup.by_hand and setup.entries is not None:
        return _taken_over(setup, options, wanted, needs, otherwise)
    try:
        words = _named(setup, wanted)
    except UsageError:
        return _unnamed(setup)
    if setup.is_mirror and not setup.mirrors and setup.registry != EVERY_REGISTRY:
        needs += (_ONLY_MIRROR,)
    whole = told(setup, options, needs)
    if setup.is_mirror and len(setup.mirrors) > 1 and (options or _others_tls(setup)):
        return Remedy(_EDIT, "; ".join(filter(None, (whole, _in_editor(setup)))))
    return Remedy(_command(setup, (*words, *options)), whole)


def _in_editor(setup: Setup) -> str:
    return f"in the editor, the same for {setup.url}"


def _others_tls(setup: Setup) -> bool:
    """Whether the command would drop TLS settings of other mirrors."""
    mirrors = () if setup.saved is None else setup.saved.mirrors
    return any(not each.tls.is_default for each in mirrors)


def _taken_over(
    setup: Setup,
    options: Tuple[str, ...],
    scheme: str,
    needs: Tuple[str, ...],
    otherwise: Otherwise,
) -> Remedy:
    try:
        found = commands(setup, options, scheme)
    except UsageError:
        found = ()
    if not found:
        return otherwise(setup)
    first, *more = found
    # An enable is there then.
    later = setup._replace(has_plugin=True)
    lines = [_command(setup, first), *(_command(later, each) for each in more)]
    return Remedy(" && ".join(lines), told(setup, options, needs))


def _command(setup: Setup, words: Tuple[str, ...]) -> str:
    words += ("--adopt",) if setup.by_hand else ()
    words += ("--docker",) if setup.in_docker else ()
    return f"{_ADD if setup.has_plugin else _ENABLE} {' '.join(words)}"


def named_option(setup: Setup, scheme: str) -> Optional[str]:
    """Return what names a registry in a command; None where nothing can."""
    try:
        return _named(setup, scheme)[1]
    except UsageError:
        return None


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
        return opened(setup)
    return Remedy(
        owner=f"whoever runs the network: {setup.who} is not what answers there"
    )
