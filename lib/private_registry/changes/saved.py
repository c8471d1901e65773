"""What is saved on a node: its registries, and whether the node still has them."""

from __future__ import annotations

from typing import FrozenSet, Optional, Tuple

from private_registry.changes import last_check
from private_registry.changes.outcomes import Listing, RegistryStatus
from private_registry.containerd.daemon import Containerd
from private_registry.containerd.part import entries_of, files_of
from private_registry.containerd.template import Template
from private_registry.containerd.template_file import TEMPLATE_PATH, read_template
from private_registry.containerd.template_plan import digest
from private_registry.errors import UsageError
from private_registry.kubelet.reach import is_in_kubelet
from private_registry.node.file_values import Root, sha256
from private_registry.node.paths import KUBELET_CONFIG_JSON, STATE, Node
from private_registry.pull_secrets.record import made_secrets
from private_registry.registries import registries_toml
from private_registry.registries.model import Credentials, DesiredState, Registry
from private_registry.transaction import records
from private_registry.transaction.ledger import ALL_NODES, EntryKey


def saved_state(node: Node) -> DesiredState:
    """Return the saved registries.

    Raises:
        UsageError: somebody has changed them so that they cannot be read.
    """
    content = records.read(node, STATE)
    if content is None:
        return DesiredState()
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise UsageError(
            "the saved registries are not text", place=node.shown(STATE)
        ) from error
    return registries_toml.from_toml(text, node.shown(STATE), _no_files)


def saved_credentials(node: Node) -> Tuple[Credentials, ...]:
    """Return the saved logins; none where what is saved cannot be read."""
    try:
        return saved_state(node).credentials
    except UsageError:
        # Damaged; disable works all the same.
        return ()


def _no_files(kind: str, _name: str) -> str:
    raise UsageError(
        f"the saved registries hold everything themselves and name no {kind}",
        remedy="give that file with: microk8s private-registry apply --file FILE",
    )


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


def for_all_nodes_on(node: Node) -> Tuple[str, ...]:
    """Return the registries that the cluster's agent has put on this node.

    By the names of their directories.
    """
    files = records.ledger(node, Root.DATA).files
    names = (
        path.split("/")[-2] for path, each in files.items() if each.by == ALL_NODES
    )
    return tuple(dict.fromkeys(names))


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
