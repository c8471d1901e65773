"""The files that examples in the documentation name."""

from __future__ import annotations

import json
from pathlib import Path

from unit.docs import pages
from unit.pki import Pki

_REGISTRIES = pages.REPOSITORY / "docs" / "reference" / "registries-toml.md"
_IMPORTS = pages.REPOSITORY / "docs" / "how-to" / "import-export.md"
_LOGIN = {"auths": {"reg.corp:5000": {"auth": "YW5uOng="}}}


def example(page: Path, kind: str) -> str:
    """Return the first block of a kind in a page."""
    return next(block.text for block in pages.blocks_of(page) if block.kind == kind)


def put_files(directory: Path) -> Path:
    """Put them into a directory, and those with absolute paths below it; return it."""
    pki = Pki.create()
    authority, client, key = pki.authority.pem, pki.client.pem, pki.client.key
    imported = example(_IMPORTS, "yaml")
    files = {
        "ca.crt": authority,
        "harbor-ca.crt": authority,
        "client.crt": client,
        "client.key": key,
        "node.crt": client,
        "node.key": key,
        "password.txt": "x\n",
        "FILE": "x\n",
        "registries.toml": example(_REGISTRIES, "toml"),
        "registries.yaml": imported,
        "key.json": '{\n  "type": "service_account"\n}\n',
        "custom-registries.json": (
            '[{"url": "http://10.0.0.7:5000", "host": "docker.io"}]'
        ),
        "var/snap/microk8s/common/.microk8s.yaml": (
            "version: 0.2.0\ncontainerdRegistryConfigs:\n  10.0.0.7:5000: |\n"
            '    server = "http://10.0.0.7:5000"\n'
        ),
        "config.json": json.dumps(_LOGIN),
        ".docker/config.json": json.dumps(_LOGIN),
        "etc/ssl/corp-ca.pem": authority,
        "etc/docker/daemon.json": '{"insecure-registries": ["10.0.0.7:5000"]}',
        "etc/docker/certs.d/reg.corp:5000/ca.crt": authority,
        "etc/containerd/certs.d/10.0.0.7:5000/hosts.toml": (
            'server = "http://10.0.0.7:5000"\n[host."http://10.0.0.7:5000"]\n'
        ),
        "etc/rancher/k3s/registries.yaml": imported,
        "etc/rancher/k3s/harbor-ca.crt": authority,
    }
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return directory
