"""Requests to an API server, as they are: a method, a path, an object."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from registry_harness.errors import HarnessError
from registry_harness.kubernetes.connections import (
    keep_connection,
    kept_connection,
    new_connection,
)

Plain = dict[str, Any]

_GROUPS = {
    "deployments": "/apis/apps/v1",
    "daemonsets": "/apis/apps/v1",
    "controllerrevisions": "/apis/apps/v1",
    "leases": "/apis/coordination.k8s.io/v1",
    "selfsubjectaccessreviews": "/apis/authorization.k8s.io/v1",
    "selfsubjectrulesreviews": "/apis/authorization.k8s.io/v1",
    "selfsubjectreviews": "/apis/authentication.k8s.io/v1",
    "roles": "/apis/rbac.authorization.k8s.io/v1",
    "rolebindings": "/apis/rbac.authorization.k8s.io/v1",
    "clusterroles": "/apis/rbac.authorization.k8s.io/v1",
    "clusterrolebindings": "/apis/rbac.authorization.k8s.io/v1",
    "validatingwebhookconfigurations": "/apis/admissionregistration.k8s.io/v1",
}


class ApiRefused(HarnessError):
    """The API server refused a request.

    Args:
        code: HTTP's.
        message: the API server's own words.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Answer:
    """What an API server answers."""

    code: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Api:
    """An API server, and as whom it is asked.

    Args:
        host: ``ADDRESS:PORT``.
        ca: its certificate authority, as PEM.
        token: of the user who asks.
    """

    host: str
    ca: str
    token: str

    def get(self, resource: str, namespace: str = "", name: str = "") -> Plain | None:
        """Return an object, or a list of them; None where there is none.

        Raises:
            ApiRefused: for any other reason.
        """
        try:
            return self.call("GET", path_of(resource, namespace, name))
        except ApiRefused as refused:
            if refused.code == http.client.NOT_FOUND:
                return None
            raise

    def items(self, resource: str, namespace: str = "") -> list[Plain]:
        """Return all objects of a kind, in one namespace or in all."""
        listed: list[Plain] = self.call("GET", path_of(resource, namespace))["items"]
        return listed

    def create(self, resource: str, namespace: str, plain: Plain) -> Plain:
        """Make an object; raise ApiRefused."""
        return self.call("POST", path_of(resource, namespace), plain)

    def change(
        self, resource: str, namespace: str, name: str, how: Callable[[Plain], object]
    ) -> Plain:
        """Change an object as it is now, again where somebody else was quicker.

        Args:
            resource: such as ``secrets``.
            namespace: where; empty for what is in none.
            name: of the object.
            how: changes what it is given.
        """
        path = path_of(resource, namespace, name)
        while True:
            plain = self.call("GET", path)
            how(plain)
            try:
                return self.call("PUT", path, plain)
            except ApiRefused as refused:
                if refused.code != http.client.CONFLICT:
                    raise

    def delete(self, resource: str, namespace: str, name: str) -> None:
        """Delete an object; raise ApiRefused."""
        self.call("DELETE", path_of(resource, namespace, name))

    def delete_at_once(self, resource: str, namespace: str, name: str) -> None:
        """Delete an object without waiting for whoever runs it; it may be gone
        already.
        """
        path = path_of(resource, namespace, name)
        try:
            self.call("DELETE", path, {"gracePeriodSeconds": 0})
        except ApiRefused as refused:
            if refused.code != http.client.NOT_FOUND:
                raise

    def call(self, method: str, path: str, plain: Plain | None = None) -> Plain:
        """Send a request and return the answer.

        Raises:
            ApiRefused: with the server's words.
            OSError: nobody answers.
        """
        body = None if plain is None else json.dumps(plain).encode()
        answer = self.send(method, path, body, {"Content-Type": "application/json"})
        told: Plain = json.loads(_carried_out(answer).body or b"{}")
        return told

    def text(self, path: str) -> str:
        """Return what is at a path as text, such as a log; raise as call does."""
        return _carried_out(self.send("GET", path, None, {})).body.decode()

    def send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        """Send a request as it is, with the token, and return the answer as it is.

        Raises:
            OSError: nobody answers.
        """
        headers = self._with_token(headers)
        # What changes something must not be sent twice.
        if method == "GET" and body is None:
            return self._ask(path, headers)
        connection = new_connection(self.host, self.ca)
        try:
            return _exchange(connection, method, path, body, headers)
        finally:
            connection.close()

    def _ask(self, path: str, headers: Mapping[str, str]) -> Answer:
        kept = kept_connection(self.host, self.ca)
        if kept is not None:
            # The server may have been started anew.
            with suppress(OSError, http.client.HTTPException):
                return self._ask_over(kept, path, headers)
        return self._ask_over(new_connection(self.host, self.ca), path, headers)

    def _ask_over(
        self,
        connection: http.client.HTTPSConnection,
        path: str,
        headers: Mapping[str, str],
    ) -> Answer:
        try:
            answer = _exchange(connection, "GET", path, None, headers)
        except BaseException:
            connection.close()
            raise
        keep_connection(self.host, self.ca, connection)
        return answer

    @contextmanager
    def connected(self) -> Iterator[Api]:
        """Ask over one connection, which is for one thread, as long as the block."""
        connection = new_connection(self.host, self.ca)
        try:
            yield _ConnectedApi(self.host, self.ca, self.token, connection)
        finally:
            connection.close()

    def _with_token(self, headers: Mapping[str, str]) -> dict[str, str]:
        return {**headers, "Authorization": f"Bearer {self.token}"}


@dataclass(frozen=True)
class _ConnectedApi(Api):
    connection: http.client.HTTPSConnection

    def send(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        headers = self._with_token(headers)
        return _exchange(self.connection, method, path, body, headers)


def _exchange(
    connection: http.client.HTTPSConnection,
    method: str,
    path: str,
    body: bytes | None,
    headers: Mapping[str, str],
) -> Answer:
    connection.request(method, path, body, headers)
    answer = connection.getresponse()
    return Answer(answer.status, dict(answer.getheaders()), answer.read())


def _carried_out(answer: Answer) -> Answer:
    if answer.code < http.client.BAD_REQUEST:
        return answer
    try:
        words = str(json.loads(answer.body or b"{}").get("message", ""))
    except ValueError:
        # Who asks a kubelet for it hands its words on as they are.
        words = answer.body.decode(errors="replace")
    raise ApiRefused(answer.code, words)


def group_of(resource: str) -> str:
    """Return the API group of a resource; empty for the first one."""
    root = _GROUPS.get(resource, "")
    return root.split("/")[2] if root else ""


def path_of(resource: str, namespace: str = "", name: str = "") -> str:
    """Return the path of an object, or of all of a kind."""
    root = _GROUPS.get(resource, "/api/v1")
    within = f"/namespaces/{namespace}" if namespace else ""
    return f"{root}{within}/{resource}" + (f"/{name}" if name else "")
