"""What one command asks for, and the desired state that comes of it."""

from __future__ import annotations

from typing import Dict, FrozenSet, NamedTuple, Optional, Tuple

from private_registry.core.model import DesiredState, Mirror, Registry, Tls
from private_registry.core.names import RegistryName


class Upstream(NamedTuple):
    """How a registry itself is spoken to."""

    name: RegistryName
    insecure: bool = False
    tls: Tls = Tls()


class AddRequest(NamedTuple):
    """Registries and mirrors to add or change.

    What a command names it sets whole; what it does not name stays: new mirrors of a registry take
    the place of its old ones and leave the registry's own settings alone, and the other way round.

    Args:
        upstreams: registries named with their own protocol and TLS.
        mirrors: for each registry its mirrors, in order.
        fallback: whether the upstream of those mirrors is asked last.
        registries: taken whole from a file.
    """

    upstreams: Tuple[Upstream, ...] = ()
    mirrors: Tuple[Tuple[RegistryName, Mirror], ...] = ()
    fallback: bool = True
    registries: Tuple[Registry, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether the command named no registry."""
        return not self.names

    @property
    def names(self) -> FrozenSet[RegistryName]:
        """The registries that the command is about."""
        return frozenset(
            (
                *(each.name for each in self.upstreams),
                *(name for name, _ in self.mirrors),
                *(each.name for each in self.registries),
            )
        )


class RemoveRequest(NamedTuple):
    """Registries to take back; ``everything`` takes the addon's other traces with them."""

    names: Tuple[RegistryName, ...] = ()
    everything: bool = False


class ApplyRequest(NamedTuple):
    """Make the node match ``state``, or what is saved where that is None."""

    state: Optional[DesiredState] = None


def desired_after_add(saved: DesiredState, request: AddRequest) -> DesiredState:
    """Return the state after adding what the request names."""
    changed: Dict[RegistryName, Registry] = {each.name: each for each in request.registries}

    def current(name: RegistryName) -> Registry:
        return changed.get(name) or saved.get(name) or Registry(name)

    for upstream in request.upstreams:
        changed[upstream.name] = current(upstream.name)._replace(
            insecure=upstream.insecure, tls=upstream.tls
        )
    for name in dict.fromkeys(name for name, _ in request.mirrors):
        mirrors = tuple(mirror for target, mirror in request.mirrors if target == name)
        changed[name] = current(name)._replace(mirrors=mirrors, fallback=request.fallback)
    return saved.with_registries(changed.values())


def desired_after_remove(saved: DesiredState, request: RemoveRequest) -> DesiredState:
    """Return the state after taking back what the request names."""
    return DesiredState() if request.everything else saved.without(request.names)
