"""Objects that all nodes need in the cluster: namespace, engine, orders."""

from __future__ import annotations

import base64
from typing import Any, Dict, Mapping, Optional

from private_registry.all_nodes.names import (
    ENGINE,
    LABELS,
    MADE_OF,
    NAMESPACE,
    SECRET,
    VERSION,
    ZIP,
)

Manifest = Dict[str, Any]


def namespace() -> Manifest:
    """Return the namespace that all else is in.

    It says of itself that its pods mount directories of the node, which other levels of
    PodSecurity refuse.
    """
    level = "privileged"
    enforced = {
        f"pod-security.kubernetes.io/{mode}": level
        for mode in ("enforce", "audit", "warn")
    }
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {**LABELS, **enforced}},
    }


def engine(content: bytes, made_of: str, version: str) -> Manifest:
    """Return the ConfigMap that holds the engine.

    Args:
        content: of the zip.
        made_of: tells one engine from another.
        version: of it, for people.
    """
    manifest = head("v1", "ConfigMap", ENGINE)
    manifest["metadata"]["annotations"] = {MADE_OF: made_of, VERSION: version}
    return {**manifest, "binaryData": {ZIP: base64.b64encode(content).decode()}}


def secret(data: Mapping[str, str], version: Optional[str]) -> Manifest:
    """Return the Secret that holds the orders.

    Args:
        data: as orders.to_data has it.
        version: the resourceVersion of the one it replaces; None for the first.
    """
    manifest = head("v1", "Secret", SECRET)
    if version is not None:
        manifest["metadata"]["resourceVersion"] = version
    return {**manifest, "type": "Opaque", "data": dict(data)}


def head(api: str, kind: str, name: str) -> Manifest:
    """Return what each object in the namespace begins with."""
    metadata = {"name": name, "namespace": NAMESPACE, "labels": dict(LABELS)}
    return {"apiVersion": api, "kind": kind, "metadata": metadata}
