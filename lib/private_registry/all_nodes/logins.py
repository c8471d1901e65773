"""Logins for all nodes: the kubelet keeps them, since agents restart nothing."""

from __future__ import annotations

from typing import Container

from private_registry.registries.contradictions import contradiction
from private_registry.registries.model import KUBELET, DesiredState, Registry
from private_registry.registries.names import RegistryName


def by_kubelet(
    saved: DesiredState, state: DesiredState, names: Container[RegistryName]
) -> DesiredState:
    """Return a state whose new logins for some registries the kubelet keeps.

    Those that it cannot keep, such as a mirror's own, stay containerd's, and so do
    those that containerd was told to keep.
    """
    kept = {
        each.name
        for each in saved.registries
        if each.credentials is not None and not each.credentials.is_kubelets
    }
    found = (
        _moved(each) if each.name in names and each.name not in kept else each
        for each in state.registries
    )
    return state._replace(registries=tuple(found))


def _moved(registry: Registry) -> Registry:
    login = registry.credentials
    if login is None:
        return registry
    moved = registry._replace(credentials=login._replace(login_by=KUBELET))
    return registry if contradiction(moved) else moved
