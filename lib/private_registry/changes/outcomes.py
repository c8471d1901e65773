"""Outcomes: what a change has done to a node, as values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Mapping, Tuple

from private_registry.containerd.part import Restart
from private_registry.docker.reach import Reload
from private_registry.named_tuple import NamedTuple
from private_registry.node.file_values import NodePath, ObservedFile
from private_registry.node.paths import (
    KUBELET_CONFIG_JSON,
    MOUNTED_KUBELET_CONFIG_JSON,
    Node,
)
from private_registry.registries.model import DesiredState, Registry
from private_registry.registries.names import RegistryName
from private_registry.transaction.plan import Kind, Plan

if TYPE_CHECKING:
    from private_registry.pull_secrets.made_secrets import ChangedSecret

_LOGINS = (KUBELET_CONFIG_JSON, MOUNTED_KUBELET_CONFIG_JSON)


class Outcome(NamedTuple):
    """What a verb did, or with ``dry_run`` would do.

    Args:
        node: with the places of the Docker engine that the plan is about, if any.
        plan: file by file.
        desired: the registries that the node is to know now.
        concerned: those of them that the command is about.
        enabled: whether MicroK8s sees the addon as enabled, before and after.
        unknown: names to remove that were not configured.
        originals: what RESTORE actions bring back.
        restart: what becomes of containerd.
        is_inspected: `microk8s inspect` copies a password of ours.
        notes: what was asked for and cannot be had, for people, a line each.
        reload: what becomes of the Docker engine.
        secrets: what becomes of pull secrets in the cluster.
    """

    node: Node
    plan: Plan
    desired: DesiredState
    enabled: Tuple[bool, bool]
    concerned: Tuple[Registry, ...] = ()
    unknown: Tuple[RegistryName, ...] = ()
    originals: Mapping[NodePath, ObservedFile] = {}
    restart: Restart = Restart.NONE
    is_inspected: bool = False
    notes: Tuple[str, ...] = ()
    reload: Reload = Reload.NONE
    secrets: Tuple[ChangedSecret, ...] = ()

    @property
    def is_in_kubelet(self) -> bool:
        """Whether the kubelet has to read its logins anew."""
        return any(
            each.path in _LOGINS and each.kind is not Kind.PERMISSIONS
            for each in self.plan.changes
        )

    @property
    def is_only_in_kubelet(self) -> bool:
        """Whether nothing else changes."""
        paths = {each.path for each in self.plan.changes}
        return self.is_in_kubelet and paths.issubset(_LOGINS)

    @property
    def changed(self) -> bool:
        """Whether anything on the node changes."""
        return (
            bool(self.plan.changes)
            or self.enabled[0] != self.enabled[1]
            or self.restart is Restart.DONE
            or self.reload is Reload.DONE
            or any(each.is_change for each in self.secrets)
        )
