"""Kinds of registries: how they speak, how they are logged in to, which are held up."""

from __future__ import annotations

from registry_harness.registries.registry import RegistrySpec

TRANSPORTS = {
    "http": RegistrySpec(port=32000),
    "tls": RegistrySpec(tls=True),
    "mtls": RegistrySpec(tls=True, client_certificates=True),
}
AUTHENTICATIONS = ("none", "htpasswd", "token")
# What `scripts/harness up` starts beside the plain one and a mirror of that.
HELD_UP = {
    "own CA": RegistrySpec(tls=True),
    "password": RegistrySpec(htpasswd=True, to_type=True),
    "own CA and password": RegistrySpec(tls=True, htpasswd=True, to_type=True),
    "client certificate": RegistrySpec(tls=True, client_certificates=True),
}
