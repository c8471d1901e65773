"""Every request that an API server gets, from its audit log.

A line is written when a request arrives, before anything is done with it: of a request
whose answer has come the line is there. The metrics of an API server would count
requests as exactly, but do not say whose they were.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

POLICY = json.dumps(
    {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "omitStages": ["ResponseStarted", "ResponseComplete", "Panic"],
        "rules": [{"level": "Metadata"}],
    }
)


@dataclass(frozen=True)
class AuditedRequest:
    """A request that the API server got.

    Args:
        user: who asked, such as ``system:serviceaccount:apps:default``.
        verb: such as ``get``, ``watch`` or ``patch``.
        resource: such as ``secrets`` or ``serviceaccounts/token``; empty where the path
            names none.
        namespace: empty for what is in none.
        name: of the object; empty for a list.
        path: with its query.
        agent: what the client calls itself.
    """

    user: str
    verb: str
    resource: str
    namespace: str
    name: str
    path: str
    agent: str


class AuditLog:
    """An API server's audit log.

    Args:
        work: the directory that it is in.
    """

    def __init__(self, work: Path) -> None:
        self.file = work / "audit.log"

    def size(self) -> int:
        """Return how much of it there is, for requests."""
        return self.file.stat().st_size if self.file.exists() else 0

    def requests(self, since: int) -> list[AuditedRequest]:
        """Return the requests that arrived after it had a size."""
        if not self.file.exists():
            return []
        with self.file.open("rb") as stream:
            stream.seek(since)
            written = stream.read()
        # The last line may be half there.
        whole = written[: written.rfind(b"\n") + 1]
        return [_request(line) for line in whole.splitlines()]


def _request(line: bytes) -> AuditedRequest:
    plain = json.loads(line)
    about = plain.get("objectRef", {})
    parts = (about.get("resource", ""), about.get("subresource", ""))
    return AuditedRequest(
        plain["user"].get("username", ""),
        plain["verb"],
        "/".join(each for each in parts if each),
        about.get("namespace", ""),
        about.get("name", ""),
        plain["requestURI"],
        plain.get("userAgent", ""),
    )
