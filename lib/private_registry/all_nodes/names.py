"""Names of what all nodes have in the cluster."""

from __future__ import annotations

from typing import Dict

NAMESPACE = "private-registry-config"
# The phase of a namespace that is being deleted.
ENDING = "Terminating"
SECRET = "registries"  # noqa: S105 - the name of one
ENGINE = "engine"
AGENT = "agent"
ZIP = "engine.zip"

APP = "app.kubernetes.io/name"
LABELS: Dict[str, str] = {
    APP: "private-registry-config",
    "app.kubernetes.io/managed-by": "private-registry-config",
}
ARCHITECTURE = "kubernetes.io/arch"
# Of what the engine's zip is made, whatever compressed it; and which engine it is.
MADE_OF = "private-registry-config/made-of"
VERSION = "private-registry-config/version"
# The image that somebody named for the agents.
IMAGE = "private-registry-config/agent-image"


def daemon_set(architecture: str) -> str:
    """Return the name of the DaemonSet for nodes of an architecture."""
    return f"{AGENT}-{architecture}"
