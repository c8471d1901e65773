"""The desired state as plain values: what registries.toml says, before it is a text."""

from __future__ import annotations

from typing import Any, Dict, Optional

from private_registry.registries.credentials import as_given
from private_registry.registries.model import (
    CONTAINERD,
    Credentials,
    DesiredState,
    Mirror,
    Registry,
    Tls,
)

FORMAT_VERSION = 1


def to_document(state: DesiredState) -> Dict[str, Any]:
    """Return the desired state as the plain values that stand in registries.toml."""
    registries = [_registry_to_plain(registry) for registry in state.registries]
    docker = (
        {} if state.docker_config is None else {"docker_config": state.docker_config}
    )
    return {"version": FORMAT_VERSION, **docker, "registry": registries}


def _registry_to_plain(registry: Registry) -> Dict[str, Any]:
    plain: Dict[str, Any] = {"host": str(registry.name)}
    if registry.insecure:
        plain["insecure"] = True
    plain.update(_tls_to_plain(registry.tls))
    plain.update(_credentials_to_plain(registry.credentials))
    if not registry.fallback:
        plain["fallback"] = False
    if registry.docker:
        plain["docker"] = True
    if registry.mirrors:
        plain["mirror"] = [_mirror_to_plain(mirror) for mirror in registry.mirrors]
    return plain


def _mirror_to_plain(mirror: Mirror) -> Dict[str, Any]:
    return {
        "url": mirror.endpoint.url,
        **_tls_to_plain(mirror.tls),
        **_credentials_to_plain(mirror.credentials),
    }


def _credentials_to_plain(credentials: Optional[Credentials]) -> Dict[str, Any]:
    if credentials is None:
        return {}
    plain: Dict[str, Any] = {
        "username": credentials.username,
        "password": as_given(credentials.password),
    }
    if credentials.plaintext:
        plain["allow_plaintext_credentials"] = True
    if credentials.login_by != CONTAINERD:
        plain["login_by"] = credentials.login_by
    return plain


def _tls_to_plain(tls: Tls) -> Dict[str, Any]:
    plain: Dict[str, Any] = {}
    if tls.ca is not None:
        plain["ca"] = tls.ca
    if tls.client is not None:
        plain["client_cert"] = tls.client.certificate
        plain["client_key"] = tls.client.key
    if tls.skip_verify:
        plain["skip_verify"] = True
    return plain
