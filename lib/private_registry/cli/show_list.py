"""What `list` looks like, for people and for machines; pure."""

from __future__ import annotations

import time
from typing import Any, Dict, List, Optional

from private_registry.changes.last_check import CheckedAt
from private_registry.changes.listing import Listing, RegistryStatus
from private_registry.cli.show_changes import registry_line, registry_plain
from private_registry.containerd.template import shown_key
from private_registry.node.paths import Node
from private_registry.pull_secrets.made_secrets import MadeSecret

_TAKE_BACK = "microk8s private-registry remove --left-behind"
_TAKE_BACK_BY_DOOR = "run the addon's program disable, with sudo, and --left-behind"


def listing(node: Node, found: Listing) -> List[str]:
    """Tell people what is saved and whether the node still has it."""
    if not found.registries:
        first = "No registry is configured."
    else:
        first = "{} configured:".format(
            "1 registry is"
            if len(found.registries) == 1
            else f"{len(found.registries)} registries are"
        )
    lines = [first]
    lines += [
        f"  {registry_line(each.registry)}  [{_state(each)}{_checked(found, each)}]"
        for each in found.registries
    ]
    lines += [_pull_secret_line(each) for each in found.pull_secrets]
    if any(not _state(status).startswith("ok") for status in found.registries):
        lines.append("To make the node match again: microk8s private-registry apply")
    lines += [
        f"containerd still has {shown_key(key)}" for key in sorted(found.still_loaded)
    ]
    if found.still_loaded or any(status.is_pending for status in found.registries):
        lines.append(f"For containerd to take it: {node.restart_command}")
    if found.for_all_nodes:
        lines.append(
            f"for all nodes, and so on this one: {', '.join(found.for_all_nodes)}"
            " (microk8s private-registry list --all-nodes, on a control plane node)"
        )
    if found.is_left_behind:
        lines.append(
            "No agent is in the cluster any more that would take these back; to do it:"
            f" {_TAKE_BACK if node.has_plugin else _TAKE_BACK_BY_DOOR}"
        )
    lines.append(
        "To add one: microk8s private-registry add --insecure|--registry HOST[:PORT]"
    )
    return lines


def _checked(found: Listing, status: RegistryStatus) -> str:
    """Return the short form of the last check.

    Empty where there was none since the last change.
    """
    last = found.checks.get(str(status.registry.name))
    if last is None:
        return ""
    when = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(last.time))
    return "; checked {}: {}".format(when, ", ".join(last.causes) or "ok")


def _pull_secret_line(secret: MadeSecret) -> str:
    line = f"  pull secret {secret.name} in namespace {secret.namespace}"
    if secret.registry is not None:
        line += f" for {secret.registry}"
    if secret.service_accounts:
        line += " (service account {})".format(", ".join(secret.service_accounts))
    return line


def _state(status: RegistryStatus) -> str:
    if status.differing:
        return "changed by hand"
    if status.missing:
        return "missing on this node"
    if status.is_in_docker is False:
        return "not so in Docker"
    if status.is_in_docker is None and not status.is_pending:
        return "ok, but Docker cannot be seen from here"
    return "waits for a restart of containerd" if status.is_pending else "ok"


def listing_plain(found: Listing) -> Dict[str, Any]:
    """Tell machines what is saved and whether the node still has it."""
    registries = [
        {
            **registry_plain(status.registry),
            "state": _state(status),
            "last_check": _checked_plain(found.checks.get(str(status.registry.name))),
        }
        for status in found.registries
    ]
    return {
        "enabled": found.enabled,
        "registries": registries,
        "still_loaded": [shown_key(key) for key in sorted(found.still_loaded)],
        "pull_secrets": [each._asdict() for each in found.pull_secrets],
        "for_all_nodes": list(found.for_all_nodes),
        "left_behind": found.is_left_behind,
    }


def _checked_plain(last: Optional[CheckedAt]) -> Optional[Dict[str, Any]]:
    return (
        None if last is None else {"time": int(last.time), "causes": list(last.causes)}
    )
