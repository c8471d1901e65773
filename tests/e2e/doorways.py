"""Many addresses of one registry, so that one node can log in to it as many users."""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import ExitStack

from registry_harness.machine.running import Running

_BYTES = 65536


class Doorways(Running):
    """TCP ports that all lead to one server.

    Args:
        address: where to listen.
        count: on how many ports.
        server: ``HOST:PORT`` that they lead to.
    """

    def start(self) -> None:
        """Let it answer."""
        self._thread.start()

    def stop(self) -> None:
        """Let it answer no more."""
        self._wake.send(b"x")
        self._thread.join()
        self._stack.close()

    def __init__(self, address: str, count: int, server: str) -> None:
        host, _, port = server.rpartition(":")
        self._server = (host, int(port))
        self._stack = ExitStack()
        self._selector = self._stack.enter_context(selectors.DefaultSelector())
        listeners = [
            self._stack.enter_context(socket.create_server((address, 0)))
            for _ in range(count)
        ]
        for listener in listeners:
            self._selector.register(listener, selectors.EVENT_READ)
        self.hosts = [
            f"{address}:{listener.getsockname()[1]}" for listener in listeners
        ]
        self._end, self._wake = socket.socketpair()
        self._stack.enter_context(self._end)
        self._stack.enter_context(self._wake)
        self._selector.register(self._end, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._serve)

    def _serve(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._end:
                    return
                assert isinstance(key.fileobj, socket.socket)
                client, _ = key.fileobj.accept()
                threading.Thread(
                    target=self._pass_on, args=(client,), daemon=True
                ).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server:
            back = threading.Thread(target=_copy, args=(server, client), daemon=True)
            back.start()
            _copy(client, server)
            back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while content := source.recv(_BYTES):
            target.sendall(content)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        return
