"""The API server as the agent asks it: by its service account, in its own namespace."""

from __future__ import annotations

import http.client
import json
import ssl
from contextlib import contextmanager, suppress
from typing import Any, Iterator, Mapping, Optional, Tuple

from private_registry.all_nodes.names import NAMESPACE, SECRET
from private_registry.named_tuple import NamedTuple
from private_registry.texts import json_text

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_SECONDS = 15
# The API server sends a bookmark each minute; without one the connection is dead.
_SILENT_SECONDS = 150
# A Secret holds at most 1 MiB, a third more in base64.
_MOST_BYTES = 4 * 1024 * 1024
_MERGE_PATCH = "application/merge-patch+json"
_CORE = f"/api/v1/namespaces/{NAMESPACE}"
_LEASES = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases"


class ApiError(Exception):
    """The API server does not do what it is asked for, or does not answer.

    Args:
        code: of its answer; 0 where there is none.
    """

    def __init__(self, code: int, told: str) -> None:
        super().__init__(told)
        self.code = code


class Server(NamedTuple):
    """Where the API server is.

    Args:
        host: its address.
        port: as text.
        account: the directory with token and CA.
    """

    host: str
    port: str
    account: str = ACCOUNT

    @staticmethod
    def from_environment(environment: Mapping[str, str]) -> Server:
        """Find it as Kubernetes tells every pod."""
        return Server(
            environment["KUBERNETES_SERVICE_HOST"],
            environment["KUBERNETES_SERVICE_PORT"],
        )


class Api:
    """The API server.

    Args:
        server: where it is.
    """

    def __init__(self, server: Server) -> None:
        self._server = server

    def secret(self) -> Optional[Mapping[str, Any]]:
        """Return the Secret with the orders; None where there is none.

        Raises:
            ApiError: the server refuses, or does not answer.
        """
        return self._found(f"{_CORE}/secrets/{SECRET}")

    def changes(
        self, version: str, seconds: int
    ) -> Iterator[Tuple[str, Mapping[str, Any]]]:
        """Yield what happens to the Secret from a version on, for some time.

        Yields:
            ADDED, MODIFIED, DELETED, BOOKMARK or ERROR, and what it is about.

        Raises:
            ApiError: the server refuses, does not answer, or falls silent.
        """
        query = (
            f"?watch=1&fieldSelector=metadata.name%3D{SECRET}&resourceVersion={version}"
            f"&allowWatchBookmarks=true&timeoutSeconds={seconds}"
        )
        with self._answer(
            "GET", f"{_CORE}/secrets{query}", seconds=_SILENT_SECONDS
        ) as answer:
            while True:
                line = answer.readline(_MOST_BYTES)
                if not line:
                    return
                event = _mapping(json_text.loads(line))
                yield str(event.get("type")), _mapping(event.get("object"))

    def lease(self, name: str) -> Optional[Mapping[str, Any]]:
        """Return the Lease of a node; None where there is none yet.

        Raises:
            ApiError: the server refuses, or does not answer.
        """
        return self._found(f"{_LEASES}/{name}")

    def put_lease(self, name: str, manifest: Mapping[str, Any]) -> None:
        """Change the Lease of a node as a manifest says, or make it.

        Raises:
            ApiError: the server refuses, or does not answer.
        """
        try:
            self._send("PATCH", f"{_LEASES}/{name}", manifest, _MERGE_PATCH)
        except ApiError as error:
            if error.code != http.client.NOT_FOUND:
                raise
            self._send("POST", _LEASES, manifest)

    def add_event(self, manifest: Mapping[str, Any]) -> None:
        """Make an Event.

        Raises:
            ApiError: the server refuses, or does not answer.
        """
        self._send("POST", f"{_CORE}/events", manifest)

    def _found(self, path: str) -> Optional[Mapping[str, Any]]:
        try:
            return self._send("GET", path)
        except ApiError as error:
            if error.code == http.client.NOT_FOUND:
                return None
            raise

    def _send(
        self,
        method: str,
        path: str,
        body: Optional[Mapping[str, Any]] = None,
        kind: str = "application/json",
    ) -> Mapping[str, Any]:
        with self._answer(method, path, body, kind) as answer:
            return _mapping(json_text.loads(answer.read(_MOST_BYTES)))

    @contextmanager
    def _answer(
        self,
        method: str,
        path: str,
        body: Optional[Mapping[str, Any]] = None,
        kind: str = "application/json",
        seconds: float = _SECONDS,
    ) -> Iterator[http.client.HTTPResponse]:
        account = self._server.account
        try:
            context = ssl.create_default_context(cafile=f"{account}/ca.crt")
            # Since Python 3.13 it asks of a CA for what MicroK8s' own has not.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
            # It is renewed while the agent runs.
            with open(f"{account}/token", encoding="ascii") as stream:
                headers = {"Authorization": f"Bearer {stream.read().strip()}"}
            content = None if body is None else json.dumps(body).encode()
            if content is not None:
                headers["Content-Type"] = kind
            connection = http.client.HTTPSConnection(
                self._server.host,
                int(self._server.port),
                timeout=seconds,
                context=context,
            )
            try:
                connection.request(method, path, content, headers)
                answer = connection.getresponse()
                if answer.status >= http.client.BAD_REQUEST:
                    raise ApiError(answer.status, _told(answer))
                yield answer
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise ApiError(0, f"the API server does not answer: {error}") from error
        except ValueError as error:
            # Its own words may quote the token.
            told = "the API server's answer, or the account's token, cannot be read"
            raise ApiError(0, told) from error


def _mapping(plain: Any) -> Mapping[str, Any]:
    """Return what is said to be an object.

    Raises:
        ValueError: it is none.
    """
    if not isinstance(plain, dict):
        raise ValueError("no object")  # noqa: TRY004 - as what is no JSON
    return plain


def _told(answer: http.client.HTTPResponse) -> str:
    status: Mapping[str, Any] = {}
    with suppress(ValueError):
        status = _mapping(json_text.loads(answer.read(_MOST_BYTES)))
    return f"the API server says {answer.status} {status.get('message', '')}".strip()
