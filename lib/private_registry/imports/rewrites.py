"""Rewritten names, which the containerd of k3s and RKE2 knows.

A prefix of every name can be said here, as the path of an endpoint, and nothing else.
"""

from __future__ import annotations

from private_registry.imports.document import LEFT_OUT
from private_registry.registries.mirror_urls import Endpoint

REWRITES_LEFT_OUT = (
    "only a prefix of every name can be carried over; without the rewriting its"
    f" endpoints would be asked for the wrong names, so they are {LEFT_OUT}"
)


def behind(endpoint: Endpoint, prefix: str) -> Endpoint:
    """Return an endpoint that asks for every name below a prefix."""
    if not prefix:
        return endpoint
    return endpoint._replace(path=f"{endpoint.path or '/v2'}/{prefix}")
