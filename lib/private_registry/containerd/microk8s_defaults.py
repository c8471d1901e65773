"""What MicroK8s itself ships for registries: replaced without asking, and given
back.
"""

from __future__ import annotations

import re
from typing import Any

from private_registry.texts import toml
from private_registry.transaction.ledger import EntryKey

# Where nodes reach the addon `registry`, and what the cluster's DNS alone calls it.
BUILT_IN_REGISTRY = "localhost:32000"
_IN_CLUSTER = r"[a-z0-9-]+\.container-registry(?:\.svc(?:\.[a-z0-9.-]+)?)?"

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
_STOCK_ENTRIES = {
    ("mirrors", "docker.io"): {"endpoint": ["https://registry-1.docker.io"]},
    ("mirrors", "localhost:32000"): {"endpoint": ["http://localhost:32000"]},
}


def is_in_cluster_name(authority: str) -> bool:
    """Whether ``HOST[:PORT]`` is the cluster's own name of MicroK8s' addon
    ``registry``.
    """
    return bool(re.fullmatch(_IN_CLUSTER, authority.partition(":")[0].lower()))


def is_stock_entry(key: EntryKey, value: Any) -> bool:
    """Whether an entry of the template says just what MicroK8s 1.19 to 1.22 install
    there.
    """
    return key in _STOCK_ENTRIES and bool(_STOCK_ENTRIES[key] == value)


def is_stock(path: str, content: bytes) -> bool:
    """Whether a file below SNAP_DATA says just what MicroK8s 1.23 to 1.36 install
    there.
    """
    if path not in _STOCK:
        return False
    try:
        return toml.loads(content.decode()) == _STOCK[path]
    except (toml.TomlSyntaxError, UnicodeDecodeError):
        return False
