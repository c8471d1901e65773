"""Listings: what is saved on a node, and how the node stands to it."""

from __future__ import annotations

from typing import FrozenSet, Mapping, Optional, Tuple

from private_registry.changes import last_check
from private_registry.changes.last_check import CheckedAt
from private_registry.changes.saved import for_all_nodes_on, saved_state
from private_registry.containerd.daemon import Containerd
from private_registry.containerd.part import entries_of, files_of
from private_registry.containerd.template import Template
from private_registry.containerd.template_file import TEMPLATE_PATH, read_template
from private_registry.containerd.template_plan import digest
from private_registry.kubelet.reach import is_in_kubelet
from private_registry.named_tuple import NamedTuple
from private_registry.node.file_values import NodePath, Root, sha256
from private_registry.node.paths import KUBELET_CONFIG_JSON, Node
from private_registry.pull_secrets.made_secrets import MadeSecret
from private_registry.pull_secrets.record import made_secrets
from private_registry.registries.model import DesiredState, Registry
from private_registry.transaction import records
from private_registry.transaction.ledger import EntryKey


class RegistryStatus(NamedTuple):
    """A saved registry and how the node stands to it.

    Args:
        registry: as saved.
        missing: files that are not there.
        differing: files that say something else.
        is_pending: containerd has to be restarted for it.
        is_in_docker: Docker's files are as saved; None where they cannot be seen from
            here.
    """

    registry: Registry
    missing: Tuple[NodePath, ...]
    differing: Tuple[NodePath, ...]
    is_pending: bool = False
    is_in_docker: Optional[bool] = True


class Listing(NamedTuple):
    """All saved registries.

    Args:
        enabled: whether MicroK8s sees the addon as enabled.
        registries: as saved.
        still_loaded: entries that were taken away and that containerd has until its
            next start.
        pull_secrets: made in the cluster from this node.
        checks: what `check` said lately, by registry; none since the last change.
        for_all_nodes: registries that are on this node because all nodes have them.
        is_left_behind: nobody in the cluster knows of these any more.
    """

    enabled: bool
    registries: Tuple[RegistryStatus, ...]
    still_loaded: FrozenSet[EntryKey] = frozenset()
    pull_secrets: Tuple[MadeSecret, ...] = ()
    checks: Mapping[str, CheckedAt] = {}
    for_all_nodes: Tuple[str, ...] = ()
    is_left_behind: bool = False


def listing_of(node: Node) -> Listing:
    """Compare the saved registries with the node, as they are right now."""
    saved = saved_state(node)
    file = read_template(node)
    record = records.ledger(node, Root.DATA).template
    entries = entries_of(saved, file.template)
    keys = {*record.keys, *(each.entry.key for each in entries)}
    unloaded = Containerd(node).unloaded(file.text, keys)
    return Listing(
        node.is_enabled,
        tuple(
            _status(node, each, file.template, unloaded) for each in saved.registries
        ),
        record.unloaded & unloaded,
        made_secrets(node),
        last_check.recall(node),
        for_all_nodes_on(node),
    )


def _status(
    node: Node, registry: Registry, template: Template, unloaded: FrozenSet[EntryKey]
) -> RegistryStatus:
    alone = DesiredState((registry,))
    wanted = files_of(node, alone, template)
    entries = [each.entry for each in entries_of(alone, template)]
    observed, _ = records.observe(node, wanted)
    missing = [path for path in wanted if path not in observed]
    differing = [
        path
        for path, file in wanted.items()
        if path in observed and observed[path].digest != sha256(file.content)
    ]
    for entry in entries:
        found = template.get(entry.key)
        if found is None:
            missing.append(TEMPLATE_PATH)
        elif digest(found) != digest(entry.value):
            differing.append(TEMPLATE_PATH)
    in_kubelet = is_in_kubelet(node, registry)
    if not in_kubelet:
        (missing if in_kubelet is None else differing).append(KUBELET_CONFIG_JSON)
    is_pending = any(entry.key in unloaded for entry in entries)
    return RegistryStatus(
        registry,
        tuple(missing),
        tuple(differing),
        is_pending,
        _is_in_docker(node, registry),
    )


def _is_in_docker(node: Node, registry: Registry) -> Optional[bool]:
    if not registry.docker:
        return True
    # Slow to import, and few nodes have such an engine.
    from private_registry.docker.part import is_in_docker  # noqa: PLC0415

    return is_in_docker(node, registry)
