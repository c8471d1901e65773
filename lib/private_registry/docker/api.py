"""Ask a Docker engine's API; what answers at a socket may be anybody's program."""

from __future__ import annotations

import http.client
import socket
import time
from typing import Any, Optional

from private_registry.texts import json_text

_OK = 200
_MOST_BYTES = 4 * 1024 * 1024


class _Channel(socket.socket):
    """A socket whose whole conversation has to end in time, however slowly the other
    side talks.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(socket.AF_UNIX, socket.SOCK_STREAM)
        self._end = time.monotonic() + seconds
        self._wait_no_longer()

    def recv_into(self, *arguments: Any) -> int:
        """Receive, as long as there is time left."""
        self._wait_no_longer()
        return super().recv_into(*arguments)

    def _wait_no_longer(self) -> None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise socket.timeout("timed out")
        self.settimeout(left)


def get(path: str, resource: str, seconds: float) -> Optional[Any]:
    """Return what an engine says of a resource, as plain values.

    None where it says nothing.

    Args:
        path: of the engine's unix socket.
        resource: such as ``/info``.
        seconds: how long it may take in all.
    """
    connection = http.client.HTTPConnection("localhost")
    try:
        connection.sock = _Channel(seconds)
        connection.sock.connect(path)
        connection.request("GET", resource)
        response = connection.getresponse()
        content = response.read(_MOST_BYTES + 1)
        if response.status != _OK or len(content) > _MOST_BYTES:
            return None
        return json_text.loads(content)
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()
