"""Images with content that nobody has pulled before, and the quick way to fill a
registry.

A digest that containerd has is not fetched again, so every test needs an image of its
own.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import json
import os
import ssl
import tarfile
from dataclasses import dataclass
from pathlib import Path

from registry_harness.errors import PushRefused
from registry_harness.registries.registry import Registry

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
# What an image with busybox runs.
WAITING = [
    "/bin/busybox",
    "sh",
    "-c",
    "trap 'exit 0' TERM; busybox sleep 1000000 & wait",
]
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class Blob:
    """Some content and what it is called by."""

    kind: str
    content: bytes

    @property
    def digest(self) -> str:
        """Its digest, as registries spell it."""
        return "sha256:" + hashlib.sha256(self.content).hexdigest()

    def descriptor(self) -> dict[str, str | int]:
        """How a manifest names it."""
        return {
            "mediaType": self.kind,
            "digest": self.digest,
            "size": len(self.content),
        }


@dataclass(frozen=True)
class Image:
    """An image of one small layer."""

    layer: Blob
    config: Blob
    manifest: Blob


def layer_tar(busybox: Path | None = None) -> bytes:
    """Return a tar archive with one file of random content, and busybox if it is
    given.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        put_content(archive, busybox)
    return buffer.getvalue()


def put_content(archive: tarfile.TarFile, busybox: Path | None = None) -> None:
    """Add a file of random content, and busybox if it is given."""
    put(archive, "random", os.urandom(64))
    if busybox is not None:
        put(archive, "bin/busybox", busybox.read_bytes(), 0o755)


def put(archive: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    """Add a file to an archive."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), mode
    archive.addfile(entry, io.BytesIO(content))


def random_image(busybox: Path | None = None) -> Image:
    """Make an image that nobody has pulled before.

    Args:
        busybox: a static program, which makes it one that can run: it waits until it is
            stopped.
    """
    tar = layer_tar(busybox)
    layer = Blob(_LAYER, gzip.compress(tar))
    config = {
        "architecture": "amd64" if os.uname().machine == "x86_64" else "arm64",
        "os": "linux",
        "config": {} if busybox is None else {"Entrypoint": WAITING},
        "rootfs": {
            "type": "layers",
            "diff_ids": ["sha256:" + hashlib.sha256(tar).hexdigest()],
        },
    }
    config_blob = Blob(_CONFIG, json.dumps(config).encode())
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": config_blob.descriptor(),
        "layers": [layer.descriptor()],
    }
    return Image(layer, config_blob, Blob(_MANIFEST, json.dumps(manifest).encode()))


def image_archive(reference: str, busybox: Path | None = None) -> bytes:
    """Return an archive that `ctr images import` takes: an OCI layout with one image.

    Args:
        reference: the name that the image gets.
        busybox: see random_image.
    """
    image = random_image(busybox)
    index = {
        "schemaVersion": 2,
        "manifests": [
            {
                **image.manifest.descriptor(),
                "annotations": {"io.containerd.image.name": reference},
            }
        ],
    }
    files = {
        "oci-layout": json.dumps({"imageLayoutVersion": "1.0.0"}).encode(),
        "index.json": json.dumps(index).encode(),
    }
    for blob in (image.layer, image.config, image.manifest):
        files["blobs/" + blob.digest.replace(":", "/")] = blob.content
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            put(archive, name, content)
    return buffer.getvalue()


def fill(
    registry: Registry,
    repository: str,
    tag: str = "latest",
    busybox: Path | None = None,
) -> str:
    """Put a new image straight into a registry and return its reference.

    This is the distribution protocol without any engine; DockerEngine.push is the other
    way.

    Args:
        registry: that gets it.
        repository: its name there.
        tag: of the image.
        busybox: see random_image.

    Raises:
        PushRefused: the registry would not take it.
    """
    image = random_image(busybox)
    client = _Client(registry, repository)
    try:
        for blob in (image.layer, image.config):
            client.upload(repository, blob)
        client.request(
            "PUT",
            f"/v2/{repository}/manifests/{tag}",
            image.manifest.content,
            image.manifest.kind,
        )
    finally:
        client.close()
    return registry.reference(repository, tag)


class _Client:
    def __init__(self, registry: Registry, repository: str) -> None:
        self._authorization = registry.authorization(repository)
        context = registry.tls_context()
        self._connection = (
            http.client.HTTPConnection(registry.host, timeout=10)
            if context is None
            else _https(registry.host, context)
        )

    def upload(self, repository: str, blob: Blob) -> None:
        location = self.request("POST", f"/v2/{repository}/blobs/uploads/", b"", None)
        path = "/" + location.split("://")[-1].partition("/")[2]
        joint = "&" if "?" in path else "?"
        self.request("PUT", f"{path}{joint}digest={blob.digest}", blob.content, _OCTETS)

    def request(self, method: str, path: str, body: bytes, kind: str | None) -> str:
        headers = {} if kind is None else {"Content-Type": kind}
        if self._authorization is not None:
            headers["Authorization"] = self._authorization
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode(errors="replace")
        if answer.status >= http.client.BAD_REQUEST:
            raise PushRefused(f"{method} {path}: {answer.status} {text}")
        return answer.headers.get("Location", "")

    def close(self) -> None:
        self._connection.close()


_OCTETS = "application/octet-stream"


def _https(host: str, context: ssl.SSLContext) -> http.client.HTTPConnection:
    return http.client.HTTPSConnection(host, timeout=10, context=context)
