"""A stand-in for snapd's snapctl on a throwaway node: it restarts the node's own
containerd.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from registry_harness.errors import HarnessError

# Talks to the harness over a socket, so that a failed restart fails the program that
# asked for it.
PROGRAM = """#!{python}
import socket
import sys

with socket.socket(socket.AF_UNIX) as connection:
    connection.connect({socket!r})
    connection.sendall(" ".join(sys.argv[1:]).encode())
    connection.shutdown(socket.SHUT_WR)
    answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
sys.stderr.write(answer)
sys.exit(1 if answer else 0)
"""


class SnapctlServer:
    """Carries out what a node's programs ask of snapctl, and remembers it.

    Args:
        socket: where it listens; a short path.
        restart: restarts the node's containerd.
    """

    def __init__(self, socket: Path, restart: Callable[[], None]) -> None:
        self.requests: list[str] = []
        outer = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                request = self.rfile.read().decode()
                outer.requests.append(request)
                # Who asked may have been killed meanwhile.
                with suppress(BrokenPipeError):
                    self.wfile.write(outer.answer(request, restart).encode())

        self._server = socketserver.UnixStreamServer(str(socket), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @staticmethod
    def answer(request: str, restart: Callable[[], None]) -> str:
        """Carry out a request; return what went wrong, or an empty text."""
        if request != "restart microk8s.daemon-containerd":
            return f"snapctl of the harness cannot: {request}\n"
        try:
            restart()
        except HarnessError as error:
            return f"{error.message}\n"
        return ""
