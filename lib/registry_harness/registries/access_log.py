"""What a registry's access log says: who asked it for what."""

from __future__ import annotations

import re
from dataclasses import dataclass
from http import HTTPStatus

_LINE = re.compile(
    r'^(?P<client>\S+) \S+ \S+ \[[^]]*\] "(?P<method>[A-Z]+) (?P<path>\S+) [^"]*" '
    r'(?P<status>\d{3}) \S+ "[^"]*" "(?P<agent>[^"]*)"'
)


@dataclass(frozen=True)
class Request:
    """One request that a registry answered.

    Args:
        client: address of who asked.
        method: GET, HEAD, PUT …
        path: with the query.
        status: of the answer.
        agent: the client's User-Agent, such as ``containerd/1.7.24``.
    """

    client: str
    method: str
    path: str
    status: int
    agent: str

    @property
    def is_pull(self) -> bool:
        """Whether containerd fetched something by it."""
        reads = self.method in ("GET", "HEAD") and self.status < HTTPStatus.BAD_REQUEST
        return reads and self.agent.startswith("containerd") and "/v2/" in self.path


def parse_access_log(log: str) -> list[Request]:
    """Read the Apache combined lines of a registry's log.

    Other lines are passed over.
    """
    matches = (_LINE.match(line) for line in log.splitlines())
    return [
        Request(m["client"], m["method"], m["path"], int(m["status"]), m["agent"])
        for m in matches
        if m is not None
    ]
