"""Watching: the orders as they change, and the files that a round depends on."""

from __future__ import annotations

import os
import random
import threading
import time
from queue import Empty, Queue
from typing import Any, Callable, Iterable, Mapping, Optional, Tuple

from private_registry.all_nodes.agent.api import Api, ApiError
from private_registry.all_nodes.orders import Orders, from_data
from private_registry.errors import NodeError

Signature = Tuple[Tuple[int, ...], ...]
# One request an hour where nothing changes, and not all nodes' at the same time.
_SECONDS = (3000, 4200)
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 30.0
# What ends sooner than it was asked to is not asked for again at once.
_SHORT = 5.0
_GONE = "ERROR"


class OrdersWatch:
    """The cluster's orders, read by a thread of their own.

    Args:
        api: that is asked.
        say: is told what goes wrong, once until it goes right again.
    """

    def __init__(self, api: Api, say: Callable[[str], None]) -> None:
        self._api, self._say = api, say
        # Not SimpleQueue: up to Python 3.12 its get may wait for ever, whatever the
        # timeout (Modules/_queuemodule.c).
        self._found: Queue[Orders] = Queue()
        self._last_error = ""

    def start(self) -> None:
        """Begin; it ends with the process."""
        threading.Thread(target=self._watch, daemon=True).start()

    def next(self, seconds: float) -> Optional[Orders]:
        """Return the newest orders that have come in; None where none have in time."""
        try:
            found = self._found.get(timeout=seconds)
        except Empty:
            return None
        while not self._found.empty():
            found = self._found.get()
        return found

    def _watch(self) -> None:
        wait = _FIRST_WAIT
        while True:
            began = time.monotonic()
            try:
                self._watch_once()
            except ApiError as error:
                self._tell(str(error))
            # A bug of ours must not leave the agent without orders for ever.
            except Exception as error:  # noqa: BLE001
                what = type(error).__name__
                self._tell(f"the API server's answer cannot be taken: {what}")
            if time.monotonic() - began > _LONGEST_WAIT:
                # It went right for a while.
                wait = _FIRST_WAIT
            time.sleep(wait * random.uniform(0.5, 1))  # noqa: S311 - no secret
            wait = min(wait * 2, _LONGEST_WAIT)

    def _watch_once(self) -> None:
        """Read the orders, and follow them until the API server ends it."""
        secret = self._api.secret()
        self._tell("")
        version = "0"
        if secret is not None:
            version = self._take(secret)
        while True:
            seconds = random.randint(*_SECONDS)  # noqa: S311 - no secret
            began = time.monotonic()
            for kind, about in self._api.changes(version, seconds):
                if kind == _GONE:
                    raise ApiError(0, "the API server does not know that version")
                if kind in ("ADDED", "MODIFIED"):
                    self._take(about)
                version = str(about["metadata"]["resourceVersion"])
            if time.monotonic() - began < _SHORT:
                time.sleep(_SHORT)

    def _take(self, secret: Mapping[str, Any]) -> str:
        try:
            self._found.put(from_data(secret.get("data") or {}))
        except NodeError as error:
            # Until somebody changes it, it would be the same again.
            self._tell(error.message)
        return str(secret["metadata"]["resourceVersion"])

    def _tell(self, error: str) -> None:
        if error and error != self._last_error:
            self._say(error)
        self._last_error = error


def signature(paths: Iterable[str]) -> Signature:
    """Return what differs when one of some files has changed."""
    return tuple(_mark(path) for path in paths)


def _mark(path: str) -> Tuple[int, ...]:
    try:
        found = os.lstat(path)
    except OSError:
        return ()
    return (
        found.st_ino,
        found.st_mtime_ns,
        found.st_size,
        found.st_mode,
        found.st_uid,
        found.st_gid,
    )
