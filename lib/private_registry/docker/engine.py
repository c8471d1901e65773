"""A Docker engine: what it has loaded, and its reload."""

from __future__ import annotations

import os
import signal
import time
from typing import Any, Dict, FrozenSet, Mapping, Optional, Sequence, Set

from private_registry.docker.daemon_json import bridging
from private_registry.docker.discovery import Engine
from private_registry.docker.trust import INSECURE, MIRRORS
from private_registry.errors import NodeError
from private_registry.node.directories import Owner, acting_as
from private_registry.node.file_values import NodePath, ObservedFile, Root
from private_registry.node.paths import Node
from private_registry.texts import json_edits
from private_registry.transaction import lent_place, records
from private_registry.transaction.journal import Journal

RELOAD_SECONDS = 10
_ANSWER_SECONDS = 5
_POLL_SECONDS = 0.05

Texts = Mapping[str, FrozenSet[str]]


class DockerEngine:
    """The Docker engine that a node's files are for; follows a transaction by a reload.

    Args:
        node: with the engine's places.
        engine: as found on the machine.
        concerned: the texts of lists in daemon.json that matter here, by key; whatever
            else the engine has or lacks is none of our business.
    """

    # Another file takes the place of its configuration for as long as a reload takes.
    needs_journal = True
    order = 1

    def __init__(
        self, node: Node, engine: Engine, concerned: Mapping[str, Sequence[str]]
    ) -> None:
        self._node = node
        self._engine = engine
        self.concerned = concerned

    @property
    def is_running(self) -> bool:
        """Whether there is anybody to take anything."""
        return self._engine.process is not None

    def lacks(self, text: Optional[str]) -> bool:
        """Whether a running engine has our texts otherwise than a text of daemon.json.

        Raises:
            NodeError: it cannot be asked.
        """
        return self.is_running and self._loaded() != self._wanted(text)

    def noted_in(self, journal: Journal) -> Journal:
        """Return a journal that tells of the reload."""
        return journal._replace(reload=self.concerned)

    def take(self, staging: str) -> None:
        """Have the engine take daemon.json as it is now; running containers go on.

        Args:
            staging: a directory of the running transaction below Root.DOCKER.

        Raises:
            NodeError: it does not take it.
        """
        file = self._file()
        text = None if file is None else file.content.decode()
        if not self.lacks(text):
            return
        wanted = self._wanted(text)
        stand_in = bridging(
            text, [key for key, texts in self._loaded().items() if texts]
        )
        if stand_in == text:
            self._reload(wanted)
            return
        owner = self._node.docker.config.owner if self._node.docker else (0, 0)
        mode = 0o600 if file is None else file.mode
        lent = ObservedFile(
            stand_in.encode(), mode, owner if file is None else file.owner
        )
        try:
            lent_place.lend(self._node, self._path, staging, lent)
            self._reload(wanted)
        finally:
            lent_place.give_back(self._node, self._path, staging)

    settle = take

    @property
    def _path(self) -> NodePath:
        # An engine without places is none.
        assert self._node.docker is not None  # noqa: S101
        return NodePath(Root.DOCKER, self._node.docker.config.path)

    def _file(self) -> Optional[ObservedFile]:
        return records.observe_file(self._node, self._path)

    def _wanted(self, text: Optional[str]) -> Dict[str, FrozenSet[str]]:
        there = text if text is not None and text.strip() else json_edits.EMPTY
        return {
            key: frozenset(texts).intersection(json_edits.texts(there, key))
            for key, texts in self.concerned.items()
        }

    def _loaded(self) -> Dict[str, FrozenSet[str]]:
        loaded = self._known()
        return {
            key: frozenset(each for each in texts if each.rstrip("/") in loaded[key])
            for key, texts in self.concerned.items()
        }

    def _reload(self, wanted: Texts) -> None:
        # Number 0 would be ourselves.
        assert self._engine.process is not None  # noqa: S101
        try:
            # A number may be another process's by now; as its user we harm nobody else.
            with acting_as(self._user):
                os.kill(self._engine.process, signal.SIGHUP)
        except ProcessLookupError:
            return
        except PermissionError as error:
            raise self._silent("cannot be told to reload its configuration") from error
        deadline = time.monotonic() + RELOAD_SECONDS
        while self._loaded() != wanted:
            if time.monotonic() > deadline:
                raise NodeError(
                    "Docker was told to reload its configuration and did not take it",
                    place=self._engine.config,
                    remedy="see why: journalctl --unit docker --lines 20",
                )
            time.sleep(_POLL_SECONDS)

    @property
    def _user(self) -> Optional[Owner]:
        return self._node.place(self._path).user

    def _known(self) -> Dict[str, Set[str]]:
        """Return the lists that the engine has, as it tells of them."""
        from private_registry.docker.api import get  # noqa: PLC0415 - slow to import

        for socket in self._engine.sockets:
            with acting_as(self._user):
                info = get(socket, "/info", _ANSWER_SECONDS)
            configured = info.get("RegistryConfig") if isinstance(info, dict) else None
            if isinstance(configured, dict):
                return _lists_in(configured)
        raise self._silent("does not answer")

    def _silent(self, what: str) -> NodeError:
        return NodeError(
            f"the Docker engine {what}",
            place=", ".join(self._engine.sockets),
            remedy="see whether it works: docker info",
        )


def _lists_in(configured: Mapping[str, Any]) -> Dict[str, Set[str]]:
    """Read an engine's words on registries.

    What is not as moby writes it says nothing.
    """
    indexes, mirrors = configured.get("IndexConfigs"), configured.get("Mirrors")
    insecure = {
        name
        for name, index in (indexes.items() if isinstance(indexes, dict) else ())
        if isinstance(index, dict) and not index.get("Secure")
    }
    found = mirrors if isinstance(mirrors, list) else ()
    return {
        INSECURE: insecure,
        MIRRORS: {each.rstrip("/") for each in found if isinstance(each, str)},
    }
