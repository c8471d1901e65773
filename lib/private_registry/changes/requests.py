"""What one command asks for, and the desired state that comes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Dict, FrozenSet, Optional, Tuple

from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.registries.contradictions import contradiction
from private_registry.registries.model import (
    Credentials,
    DesiredState,
    Mirror,
    Registry,
    Tls,
    without_itself,
)
from private_registry.registries.names import RegistryName

if TYPE_CHECKING:
    from private_registry.pull_secrets.secret import PullSecret


class Upstream(NamedTuple):
    """How a registry itself is spoken to.

    The credentials None where the command names none.
    """

    name: RegistryName
    insecure: bool = False
    tls: Tls = Tls()
    credentials: Optional[Credentials] = None


class LeftLogins(NamedTuple):
    """Logins that a directory holds in another form, and that are not carried over.

    Args:
        directory: as it was typed; empty where there are none.
        options: that would carry them over.
    """

    directory: str = ""
    options: Tuple[str, ...] = ()


class AddRequest(NamedTuple):
    """Registries and mirrors to add or change.

    What a command names it sets whole; what it does not name stays: new mirrors of a
    registry take the place of its old ones and leave the registry's own settings alone,
    and the other way round. Credentials stay until others are given or they are
    forgotten, and a command that gives nothing but credentials leaves the TLS settings
    as they are: changing a password takes no CA file.

    Args:
        upstreams: registries named with their own protocol and TLS.
        mirrors: for each registry its mirrors, in order.
        fallback: whether the upstream of those mirrors is asked last.
        registries: taken whole from a file.
        parts: registries of which only what differs from none at all is meant; the rest
            stays.
        keep_credentials: the logins of the registries taken from a file stay.
        keep_tls: the TLS settings of what is named stay as they are.
        forget_credentials: what is named is not logged in to any more.
        login_by: who is to keep the logins of what is named; None for as before.
        notes: what of a file could not be carried over, for people, a line each.
        docker: whether this host's Docker engine is to trust what is named; None for as
            before.
        docker_config: path of that engine's daemon.json; None for as before.
        pull_secret: to be made in the cluster.
        left_logins: of the directory that was imported.
    """

    upstreams: Tuple[Upstream, ...] = ()
    mirrors: Tuple[Tuple[RegistryName, Mirror], ...] = ()
    fallback: bool = True
    registries: Tuple[Registry, ...] = ()
    parts: Tuple[Registry, ...] = ()
    keep_credentials: bool = False
    keep_tls: bool = False
    forget_credentials: bool = False
    notes: Tuple[str, ...] = ()
    docker: Optional[bool] = None
    docker_config: Optional[str] = None
    pull_secret: Optional[PullSecret] = None
    left_logins: LeftLogins = LeftLogins()
    login_by: Optional[str] = None

    @property
    def is_empty(self) -> bool:
        """Whether the command named no registry."""
        return not self.names

    @property
    def scope(self) -> Optional[FrozenSet[RegistryName]]:
        """The registries that the command is about; None for all that are saved."""
        return self.names if self.names or self.pull_secret else None

    @property
    def names(self) -> FrozenSet[RegistryName]:
        """The registries that the command is about."""
        return frozenset(
            (
                *(each.name for each in self.upstreams),
                *(name for name, _ in self.mirrors),
                *(each.name for each in (*self.registries, *self.parts)),
            )
        )


class RemoveRequest(NamedTuple):
    """What to take back.

    Args:
        names: registries, with the pull secrets for them.
        everything: all of them, and the addon's other traces.
        pull_secrets: names of pull secrets to be taken back alone.
        keep_pull_secrets: leave the cluster alone.
        left_behind: what the cluster's agent has left on this node.
    """

    names: Tuple[RegistryName, ...] = ()
    everything: bool = False
    pull_secrets: Tuple[str, ...] = ()
    keep_pull_secrets: bool = False
    left_behind: bool = False


class ApplyRequest(NamedTuple):
    """Make the node match a desired state.

    Args:
        state: None for what is saved.
        notes: what of a file could not be carried over, for people, a line each.
        left_logins: of the directory that was imported.
        lost: registries that a file names and that could not be carried over.
    """

    state: Optional[DesiredState] = None
    notes: Tuple[str, ...] = ()
    left_logins: LeftLogins = LeftLogins()
    lost: FrozenSet[RegistryName] = frozenset()


def desired_after_add(saved: DesiredState, request: AddRequest) -> DesiredState:
    """Return the state after adding what the request names.

    Raises:
        UsageError: with what is saved, the settings of a registry contradict each
            other.
    """
    changed: Dict[RegistryName, Registry] = {
        each.name: each for each in request.registries
    }

    def current(name: RegistryName) -> Registry:
        return changed.get(name) or saved.get(name) or Registry(name)

    if request.keep_credentials:
        changed = {
            name: _with_logins(each, saved.get(name)) for name, each in changed.items()
        }
    for part in request.parts:
        changed[part.name] = _with_part(current(part.name), part)
    for upstream in request.upstreams:
        old = current(upstream.name)
        keep_tls = request.keep_tls and not upstream.insecure
        changed[upstream.name] = old._replace(
            insecure=upstream.insecure,
            tls=old.tls if keep_tls else upstream.tls,
            credentials=_credentials(
                request, upstream.credentials, old.credentials, str(upstream.name)
            ),
        )
    for name in dict.fromkeys(name for name, _ in request.mirrors):
        known = {each.endpoint: each for each in current(name).mirrors}
        mirrors = tuple(
            _mirror(request, mirror, known.get(mirror.endpoint))
            for target, mirror in request.mirrors
            if target == name
        )
        registry = current(name)._replace(mirrors=mirrors, fallback=request.fallback)
        changed[name] = _with_itself_asked_last(request, registry)
    if request.docker is not None:
        changed = {
            name: each._replace(docker=request.docker) for name, each in changed.items()
        }
    for registry in changed.values():
        problem = contradiction(registry)
        if problem:
            raise UsageError(
                f"{registry.name}: {problem.message}", remedy=problem.remedy
            )
    state = saved.with_registries(changed.values())
    return state._replace(docker_config=request.docker_config or saved.docker_config)


def _with_logins(new: Registry, old: Optional[Registry]) -> Registry:
    if old is None:
        return new
    logins = {mirror.endpoint: mirror.credentials for mirror in old.mirrors}
    mirrors = tuple(
        mirror._replace(credentials=mirror.credentials or logins.get(mirror.endpoint))
        for mirror in new.mirrors
    )
    credentials = new.credentials or old.credentials
    return new._replace(credentials=credentials, mirrors=mirrors)


def _with_part(old: Registry, part: Registry) -> Registry:
    return old._replace(
        insecure=old.insecure or part.insecure,
        tls=Tls() if part.insecure else old.tls,
        mirrors=part.mirrors or old.mirrors,
        credentials=(part.credentials and _kept_as(part.credentials, old.credentials))
        or old.credentials,
    )


def _mirror(request: AddRequest, mirror: Mirror, old: Optional[Mirror]) -> Mirror:
    known = None if old is None else old.credentials
    url = mirror.endpoint.url
    credentials = _credentials(request, mirror.credentials, known, url)
    tls = old.tls if old is not None and request.keep_tls else mirror.tls
    return mirror._replace(tls=tls, credentials=credentials)


def _with_itself_asked_last(request: AddRequest, registry: Registry) -> Registry:
    found = without_itself(registry)
    is_named = found.mirrors != registry.mirrors
    return (
        found._replace(credentials=None)
        if is_named and request.forget_credentials
        else found
    )


def _credentials(
    request: AddRequest,
    new: Optional[Credentials],
    old: Optional[Credentials],
    target: str,
) -> Optional[Credentials]:
    """Return the login of what is named.

    Raises:
        UsageError: the command only says who is to keep it, and there is none.
    """
    if request.forget_credentials:
        return new
    found = new or old
    if request.login_by is None:
        return found and _kept_as(found, old)
    if found is None:
        raise UsageError(
            f"no login for {target} is saved that could move",
            place="option --login-by",
            remedy="give one: --username NAME --password-stdin",
        )
    return found._replace(login_by=request.login_by)


def _kept_as(login: Credentials, old: Optional[Credentials]) -> Credentials:
    """Return a login that is kept where the one before it is."""
    return login if old is None else login._replace(login_by=old.login_by)


def desired_after_remove(saved: DesiredState, request: RemoveRequest) -> DesiredState:
    """Return the state after taking back what the request names."""
    return DesiredState() if request.everything else saved.without(request.names)
