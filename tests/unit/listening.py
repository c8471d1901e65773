"""Sockets that take connections as long as a test runs, and let go of their thread
with it.
"""

from __future__ import annotations

import socket
import sys
import threading
from contextlib import suppress
from typing import Callable, List


class Listening:
    """Takes connections, each in a thread of its own, until it is closed.

    Args:
        listener: that listens already.
        talk: is given each connection, and closes it.
    """

    def __init__(
        self, listener: socket.socket, talk: Callable[[socket.socket], None]
    ) -> None:
        self._listener, self._talk = listener, talk
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more; the thread has ended, for closing alone does not wake it."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(connection,), daemon=True).start()


def still_accepting() -> List[str]:
    """Return the names of threads that wait for connections.

    One that was left behind by its test takes those of another: when this process
    changes its user, every thread is interrupted, and accept begins again with the
    number of a socket that now is somebody else's.
    """
    frames = sys._current_frames()  # noqa: SLF001 - the only way to ask
    names = {each.ident: each.name for each in threading.enumerate()}
    return [
        names.get(ident, "")
        for ident, frame in frames.items()
        if frame.f_code.co_name == "accept"
        and frame.f_code.co_filename == socket.__file__
    ]
