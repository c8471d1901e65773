"""A small stand-in for a cluster's API, for kubectl itself to talk to.

It knows namespaces, Secrets and service accounts, remembers every request, and refuses what a real
API server refuses, in the words of Kubernetes 1.36.3: unknown namespaces, a Secret without a
config.json, a changed type, stale versions, patches that do not apply, and whatever a test forbids.
"""

from __future__ import annotations

import base64
import binascii
import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, urlsplit

from registry_harness.json_patch import DoesNotApply, patched
from registry_harness.kubectl import kubeconfig_for
from registry_harness.kubernetes.watched_api import ApiRequest, body_of
from registry_harness.openapi import document
from registry_harness.refusals import Refusal, conflict, invalid
from registry_harness.running import Running

Plain = dict[str, Any]
Key = tuple[str, str, str]

_ROOT = ("api", "v1", "namespaces")
_KINDS = {"namespaces": "Namespace", "secrets": "Secret", "serviceaccounts": "ServiceAccount"}
_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_STRATEGIC = "application/strategic-merge-patch+json"
_JSON_PATCH = "application/json-patch+json"
_CONFIG_JSON = "kubernetes.io/dockerconfigjson"
_DOCUMENT = document(
    {
        "Namespace": "/api/v1/namespaces/{name}",
        "Secret": "/api/v1/namespaces/{namespace}/secrets/{name}",
        "ServiceAccount": "/api/v1/namespaces/{namespace}/serviceaccounts/{name}",
    },
    {
        "ObjectMeta": {
            **dict.fromkeys(("name", "namespace", "resourceVersion", "uid"), "string"),
            **dict.fromkeys(("labels", "annotations"), "map"),
        },
        "Secret": {
            **dict.fromkeys(("apiVersion", "kind", "type"), "string"),
            **dict.fromkeys(("data", "stringData"), "map"),
            "metadata": "ObjectMeta",
        },
    },
)


class ClusterApi(Running):
    """The stand-in, with the namespaces given, each with the service account ``default``.

    Args:
        namespaces: their names.
    """

    def start(self) -> None:
        """Let it answer."""
        self._thread.start()

    def stop(self) -> None:
        """Let it answer no more."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def __init__(self, *namespaces: str) -> None:
        self.requests: list[ApiRequest] = []
        self.forbidden: set[tuple[str, str, str]] = set()
        self.fail_at = 0
        self.meanwhile: Callable[[ApiRequest], None] = lambda _request: None
        self._objects: dict[Key, Plain] = {}
        self._versions = count(1)
        self._lock = threading.Lock()
        for name in namespaces:
            self.put("namespaces", "", {"metadata": {"name": name}})
            self.put("serviceaccounts", name, {"metadata": {"name": "default"}})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def kubeconfig(self) -> str:
        """Return what kubectl needs to ask it."""
        return kubeconfig_for(self.url)

    def put(self, resource: str, namespace: str, plain: Plain) -> None:
        """Let there be an object, as somebody else made it."""
        plain = copy.deepcopy(plain)
        plain |= {"apiVersion": "v1", "kind": _KINDS[resource]}
        if namespace:
            plain["metadata"]["namespace"] = namespace
        self._save((resource, namespace, plain["metadata"]["name"]), plain)

    def get(self, resource: str, namespace: str, name: str) -> Plain | None:
        """Return an object as it is now; None where there is none."""
        return copy.deepcopy(self._objects.get((resource, namespace, name)))

    def version_of(self, resource: str, namespace: str, name: str) -> str:
        """Return the resourceVersion of an object."""
        return str(self._objects[resource, namespace, name]["metadata"]["resourceVersion"])

    def objects(self) -> dict[Key, Plain]:
        """Return all objects, without their versions."""
        found = copy.deepcopy(self._objects)
        for plain in found.values():
            del plain["metadata"]["resourceVersion"]
        return found

    @property
    def writes(self) -> list[ApiRequest]:
        """The requests that changed something, or were to."""
        return [each for each in self.requests if each.is_write]

    @contextmanager
    def failing_at(self, write: int) -> Iterator[None]:
        """Let the n-th write from now fail, as with a full disk."""
        self.fail_at = len(self.writes) + write
        try:
            yield
        finally:
            self.fail_at = 0

    def answer(self, request: ApiRequest) -> Any:
        """Carry a request out.

        Raises:
            Refusal: with what the API answers.
        """
        with self._lock:
            self.requests.append(request)
            self.meanwhile(request)
            return self._answer(request)

    def _answer(self, request: ApiRequest) -> Any:
        parts = tuple(request.path.strip("/").split("/"))
        if parts[:3] != _ROOT:
            return _discovery(request.path)
        resource, namespace, name = _address(parts[3:])
        if resource not in _KINDS:
            raise Refusal(404, "NotFound", "the server could not find the requested resource")
        self._check_allowed(request, (resource, namespace, name))
        if request.method == "POST" and ("namespaces", "", namespace) not in self._objects:
            raise Refusal(404, "NotFound", f'namespaces "{namespace}" not found')
        if request.is_write and len(self.writes) == self.fail_at:
            raise Refusal(500, "InternalError", "etcdserver: mvcc: database space exceeded")
        if request.method == "POST":
            return self._create(request, resource, namespace)
        if request.method == "GET" and not name:
            return self._list(request, resource, namespace)
        key = (resource, namespace, name)
        if key not in self._objects:
            raise Refusal(404, "NotFound", f'{resource} "{name}" not found')
        if request.method == "GET":
            return self._objects[key]
        if request.method == "DELETE":
            return self._delete(request, key)
        change = self._replaced if request.method == "PUT" else self._patched
        plain = change(request, self._objects[key])
        _check_secret(plain)
        return plain if request.is_dry else self._save(key, plain)

    def _check_allowed(self, request: ApiRequest, key: Key) -> None:
        resource, namespace, name = key
        verb = _VERBS.get(request.method, "get")
        if (verb, resource, namespace) in self.forbidden:
            what = f'{resource} "{name}"' if name else resource
            where = f' in the namespace "{namespace}"' if namespace else " at the cluster scope"
            raise Refusal(
                403,
                "Forbidden",
                f'{what} is forbidden: User "ann" cannot {verb} resource "{resource}" in API '
                f'group ""{where}',
            )

    def _create(self, request: ApiRequest, resource: str, namespace: str) -> Plain:
        plain: Plain = json.loads(request.body)
        name = plain["metadata"]["name"]
        if (resource, namespace, name) in self._objects:
            raise Refusal(409, "AlreadyExists", f'{resource} "{name}" already exists')
        if plain["metadata"].get("resourceVersion"):
            raise Refusal(500, "", "resourceVersion should not be set on objects to be created")
        _check_secret(plain)
        return plain if request.is_dry else self._save((resource, namespace, name), plain)

    def _replaced(self, request: ApiRequest, before: Plain) -> Plain:
        plain: Plain = json.loads(request.body)
        metadata = before["metadata"]
        if plain["metadata"].get("resourceVersion", "") not in ("", metadata["resourceVersion"]):
            raise conflict(
                f'secrets "{metadata["name"]}": the object has been modified; please apply your '
                "changes to the latest version and try again"
            )
        if plain.get("type") != before.get("type"):
            raise invalid(plain, "type", f'"{plain.get("type")}": field is immutable')
        return plain

    def _patched(self, request: ApiRequest, before: Plain) -> Plain:
        change = json.loads(request.body)
        if request.content_type == _JSON_PATCH:
            plain = _json_patched(before, change)
        elif request.content_type == _STRATEGIC:
            # The list is one value to the API, and $patch in it a field that it does not know.
            listed = change["imagePullSecrets"]
            plain = {**before, "imagePullSecrets": [{"name": each["name"]} for each in listed]}
        else:
            raise Refusal(415, "UnsupportedMediaType", "415: Unsupported Media Type")
        if not plain.get("imagePullSecrets"):
            plain.pop("imagePullSecrets", None)
        return plain

    def _delete(self, request: ApiRequest, key: Key) -> Plain:
        options = json.loads(request.body) if request.body else {}
        version = self._objects[key]["metadata"]["resourceVersion"]
        wanted = (options.get("preconditions") or {}).get("resourceVersion", version)
        if wanted != version:
            raise conflict(
                f'Secret "{key[2]}": the ResourceVersion in the precondition ({wanted}) does not '
                f"match the ResourceVersion in record ({version}). The object might have been "
                "modified"
            )
        if not request.is_dry:
            del self._objects[key]
        return {"kind": "Status", "apiVersion": "v1", "status": "Success"}

    def _list(self, request: ApiRequest, resource: str, namespace: str) -> Plain:
        wanted = [
            selector.removeprefix("metadata.name=")
            for selector in request.query.get("fieldSelector", [])
        ]
        items = [
            plain
            for (kind, where, name), plain in self._objects.items()
            if (kind, where) == (resource, namespace) and (not wanted or name in wanted)
        ]
        version = {"resourceVersion": "1"}
        kind = _KINDS[resource] + "List"
        return {"kind": kind, "apiVersion": "v1", "metadata": version, "items": items}

    def _save(self, key: Key, plain: Plain) -> Plain:
        if plain == self._objects.get(key):
            return plain
        plain = copy.deepcopy(plain)
        plain["metadata"]["resourceVersion"] = str(next(self._versions))
        self._objects[key] = plain
        return plain


def _address(parts: tuple[str, ...]) -> Key:
    """Return resource, namespace and name of a path below /api/v1/namespaces."""
    namespace, resource, name, *_ = (*parts, "", "", "")
    return (resource, namespace, name) if resource else ("namespaces", "", namespace)


def _json_patched(before: Plain, operations: Any) -> Plain:
    try:
        plain: Plain = patched(before, operations)
    except DoesNotApply:
        message = "the server rejected our request due to an error in our request"
        raise Refusal(422, "Invalid", message) from None
    return plain


def _check_secret(plain: Plain) -> None:
    if plain.get("kind") != "Secret" or plain.get("type") != _CONFIG_JSON:
        return
    try:
        content = base64.b64decode(plain["data"][".dockerconfigjson"], validate=True)
        is_config = isinstance(json.loads(content), dict)
    except (KeyError, ValueError, binascii.Error):
        is_config = False
    if not is_config:
        raise invalid(
            plain,
            "data[.dockerconfigjson]",
            '"<secret contents redacted>": invalid character looking for beginning of value',
        )


def _discovery(path: str) -> Any:
    if path == "/openapi/v2":
        return _DOCUMENT
    if path == "/version":
        return {"major": "1", "minor": "30", "gitVersion": "v1.30.0"}
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": []}
    if path == "/api/v1":
        verbs = ["create", "delete", "get", "list", "patch", "update", "watch"]
        resources = [
            {
                "name": name,
                "singularName": kind.lower(),
                "kind": kind,
                "namespaced": name != "namespaces",
                "verbs": verbs,
            }
            for name, kind in _KINDS.items()
        ]
        return {"kind": "APIResourceList", "groupVersion": "v1", "resources": resources}
    raise Refusal(404, "NotFound", "the server could not find the requested resource")


def _handler(api: ClusterApi) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            target = urlsplit(self.path)
            body = body_of(self).decode()
            request = ApiRequest(
                self.command,
                target.path,
                parse_qs(target.query),
                self.headers.get("Content-Type") or "",
                body,
            )
            try:
                code, answer = 201 if self.command == "POST" else 200, api.answer(request)
            except Refusal as refusal:
                code, answer = refusal.code, refusal.status
            is_binary = isinstance(answer, bytes)
            content = answer if is_binary else json.dumps(answer).encode()
            self.send_response(code)
            self.send_header(
                "Content-Type", "application/octet-stream" if is_binary else "application/json"
            )
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        # The names that http.server calls by.
        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815

        def log_message(self, *_words: object) -> None:
            return

    return Handler
