"""The certs.d entries that MicroK8s itself ships: replaced without asking, and given back."""

from __future__ import annotations

from private_registry.core import toml

_CAPABILITIES = {"capabilities": ["pull", "resolve"]}
_STOCK = {
    "args/certs.d/docker.io/hosts.toml": {
        "server": "https://docker.io",
        "host": {"https://registry-1.docker.io": _CAPABILITIES},
    },
    "args/certs.d/localhost:32000/hosts.toml": {
        "server": "http://localhost:32000",
        "host": {"http://localhost:32000": _CAPABILITIES},
    },
}


def is_stock(path: str, content: bytes) -> bool:
    """Whether a file below SNAP_DATA says just what MicroK8s 1.23 to 1.36 install there."""
    if path not in _STOCK:
        return False
    try:
        return toml.loads(content.decode()) == _STOCK[path]
    except (toml.TomlSyntaxError, UnicodeDecodeError):
        return False
