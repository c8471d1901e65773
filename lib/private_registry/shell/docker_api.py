"""Ask a Docker engine's API."""

from __future__ import annotations

import http.client
import socket
from typing import Any, Optional

from private_registry.core import json_text

_OK = 200


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, seconds: float) -> None:
        super().__init__("localhost", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def get(path: str, resource: str, seconds: float) -> Optional[Any]:
    """Return what an engine says of a resource, as plain values; None where it says nothing.

    Args:
        path: of the engine's unix socket.
        resource: such as ``/info``.
        seconds: how long it may take.
    """
    connection = _UnixConnection(path, seconds)
    try:
        connection.request("GET", resource)
        response = connection.getresponse()
        content = response.read()
        return json_text.loads(content) if response.status == _OK else None
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
