"""Connections to API servers: those that no question uses are kept for the next one, as
kubectl and kubelets do within a run.
"""

from __future__ import annotations

import http.client
import ssl
from collections import defaultdict

_SECONDS = 30
_idle: dict[tuple[str, str], list[http.client.HTTPSConnection]] = defaultdict(list)


def new_connection(host: str, ca: str) -> http.client.HTTPSConnection:
    """Return a connection, which is opened when something is asked.

    Args:
        host: ``ADDRESS:PORT``.
        ca: whom it believes, as PEM.
    """
    context = ssl.create_default_context(cadata=ca)
    return http.client.HTTPSConnection(host, timeout=_SECONDS, context=context)


def kept_connection(host: str, ca: str) -> http.client.HTTPSConnection | None:
    """Return one that has been used before, and for whoever gets it alone; None where
    there is none. The server may have closed it meanwhile.
    """
    try:
        return _idle[host, ca].pop()
    except IndexError:
        return None


def keep_connection(
    host: str, ca: str, connection: http.client.HTTPSConnection
) -> None:
    """Keep one for the next question."""
    _idle[host, ca].append(connection)


def close_kept_connections(host: str) -> None:
    """Close those to a server that are in no use."""
    for key in [each for each in _idle if each[0] == host]:
        for connection in _idle.pop(key):
            connection.close()
