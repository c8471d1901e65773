"""What a registry was asked for, from an engine's log that is behind."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

import pytest
from testcontainers.core.container import DockerContainer

from registry_harness import Registry, RegistrySpec
from registry_harness.errors import HarnessError
from registry_harness.registries import registry as module

LINE = '127.0.0.1 - - [1] "GET {path} HTTP/1.1" 200 2 "" "containerd/2.1"\n'
PULL = "/v2/app/manifests/latest"
LOOKS_BEHIND = 3


class SlowLog:
    """A container that answers at once and whose log comes later.

    Args:
        behind: how often it is looked at before it shows what happened meanwhile.
    """

    def __init__(self, behind: int) -> None:
        self.paths: list[str] = []
        self._shown = 0
        self._left = self._behind = behind

    def get_logs(self) -> tuple[bytes, bytes]:
        """Return standard output and standard error, as testcontainers does."""
        self._left -= 1
        if self._left < 0:
            self._left, self._shown = self._behind, len(self.paths)
        told = "".join(LINE.format(path=each) for each in self.paths[: self._shown])
        return told.encode(), b"listening"


@pytest.fixture
def log() -> SlowLog:
    return SlowLog(LOOKS_BEHIND)


@pytest.fixture
def registry(log: SlowLog) -> Iterator[Registry]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            log.paths.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{server.server_port}"
        container = cast(DockerContainer, log)
        yield Registry(RegistrySpec(), host, None, None, None, container)
        server.shutdown()


def test_a_log_that_is_behind_is_waited_for(registry: Registry, log: SlowLog) -> None:
    for count in (1, 2, 3):
        log.paths.append(PULL)
        assert [each.path for each in registry.requests()] == [PULL] * count
        assert len(registry.pulls("app")) == count
        assert registry.pulls("other") == []


def test_a_log_that_stands_still_is_no_answer(
    registry: Registry, log: SlowLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_LOG_SECONDS", 0.2)
    log.get_logs = lambda: (b"", b"the last words")  # type: ignore[method-assign]
    with pytest.raises(HarnessError, match=r"(?s)does not go on.*the last words"):
        registry.requests()
