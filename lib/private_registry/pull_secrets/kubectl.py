"""Run the snap's kubectl and say in one line what went wrong.

Secrets go to it on stdin only.
"""

from __future__ import annotations

import json
import os
import re
from typing import (
    Any,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Type,
)

from private_registry.errors import NodeError
from private_registry.named_tuple import NamedTuple
from private_registry.node import commands, files
from private_registry.node.paths import KUBELETS_LOGIN, Node
from private_registry.pull_secrets.retrying import ChangedMeanwhileError, RefusedError
from private_registry.texts import json_text

REQUEST_SECONDS = 10
_SECONDS = 30
ON_A_CONTROL_PLANE = (
    "run the same command on a control plane node; a pull secret counts for the whole"
    " cluster"
)
_API = "the cluster's API"
_NO_ANSWER = re.compile(
    r"was refused|unable to connect to the server|i/o timeout|context deadline exceeded"
    r"|handshake timeout|serviceunavailable|service unavailable|connection reset|no"
    r" such host"
    r"|currently unable to handle the request|unexpected EOF|couldn't get current"
    r" server",
    re.IGNORECASE,
)
_NO_NAMESPACE = re.compile(r'namespaces "([^"]*)" not found')
# Of a JSON patch that does not apply no more is said than that it is invalid; an old
# kubectl leaves out the rest of the line.
_CHANGED = re.compile(
    r"^Error from server \((Conflict|AlreadyExists|NotFound)\): "
    r"|^The request is invalid(: the server rejected our request due to an error in our"
    r" request)?$",
    re.MULTILINE,
)
# What etcd says comes without a reason or as a timeout, and may have been done; an
# InternalError is a webhook's or a quota's, which are asked before.
_REFUSED = re.compile(
    r"^Error from server"
    r" \((Forbidden|Unauthorized|BadRequest|Invalid|Gone|Expired|NotAcceptable"
    r"|MethodNotAllowed|UnsupportedMediaType|RequestEntityTooLarge|TooManyRequests"
    r"|InternalError)\): "
    r'|^The \S+ "[^"]*" is invalid: |^error: You must be logged in to the server',
    re.MULTILINE,
)
# What an authorizer says; a quota or a namespace that is being deleted is Forbidden in
# other words.
_NO_RIGHT = re.compile(
    r"^Error from server \(Forbidden\): .{0,600}? cannot ([a-z]{1,30}) resource "
    r'"([a-z]{1,60})" in API group "[a-z0-9.-]{0,100}"'
    r'(?: in the namespace "([a-z0-9-]{1,63})"| at the cluster scope)',
    re.MULTILINE,
)
# In a path; one that is part of a name has a backslash.
_DOT = re.compile(r"(?<!\\)\.")
_NO_DRY_RUN = "does not support dry run"
_REASON = re.compile(r"^Error from server(?: \(\w+\))?: |^error: ", re.IGNORECASE)


class NoRightError(RefusedError):
    """Whom this node asks as has no right to do what was asked for."""


class Wanted(NamedTuple):
    """Objects of a kind, and what of them; thousands of whole ones are more than can be
    read.

    Args:
        resource: as kubectl names them.
        kind: as they name it themselves.
        texts: paths of fields that are texts, as JSONPath has them.
        values: paths of fields that hold others.
    """

    resource: str
    kind: str
    texts: Tuple[str, ...]
    values: Tuple[str, ...] = ()

    def block(self, begin: str) -> str:
        """Return the JSONPath that prints a line for each, which begins like that."""
        cells = [f'{{"{begin}"}}', *(f"{{{path}}}" for path in self.paths)]
        line = r'{"\t"}'.join(cells) + r'{"\n"}'
        return f'{{range .items[?(@.kind=="{self.kind}")]}}{line}{{end}}'

    @property
    def paths(self) -> Tuple[str, ...]:
        """Of all the fields."""
        return (*self.texts, *self.values)


class Kubectl:
    """kubectl as MicroK8s runs it; on a worker as the kubelet there.

    Args:
        node: whose.
        hidden: texts that must show in no message.
    """

    def __init__(self, node: Node, hidden: Iterable[str] = ()) -> None:
        self._node = node
        self._is_worker = node.is_worker
        self._command = node.kubectl
        self._hidden = [each for each in hidden if each]

    @property
    def typed(self) -> str:
        """What people type for it."""
        return self._node.typed_kubectl

    def get(
        self, kind: str, name: str, namespace: Optional[str] = None
    ) -> Optional[Any]:
        """Return an object as plain values; None where there is none."""
        where = [] if namespace is None else ["--namespace", namespace]
        out = self._run(
            ["get", kind, name, *where, "--ignore-not-found", "--output", "json"]
        )
        return _read(out) if out.strip() else None

    def listed(self, namespace: str, *wanted: Wanted) -> List[List[Dict[str, Any]]]:
        """Return objects of each kind as plain values, in one run.

        Args:
            namespace: that they are in, those that are in one.
            wanted: which, and what of them.
        """
        # What somebody else has written into a field begins no line of ours.
        begin = os.urandom(8).hex()
        blocks = [each.block(f"{begin}{place}") for place, each in enumerate(wanted)]
        resources = ",".join(each.resource for each in wanted)
        where = ["--namespace", namespace]
        form = "jsonpath=" + "".join(blocks)
        lines = self._run(["get", resources, *where, "--output", form]).split("\n")
        rows = [line.split("\t") for line in lines]
        return [
            [
                _object(cells, each)
                for first, *cells in rows
                if first == f"{begin}{place}"
            ]
            for place, each in enumerate(wanted)
        ]

    def apply(self, manifests: Iterable[Mapping[str, Any]]) -> None:
        """Make objects as their manifests say, whether they are there or not.

        The manifests must hold no secret.
        """
        whole = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
        command = ["apply", "--server-side", "--force-conflicts"]
        owner = ["--field-manager", "private-registry-config", "--filename", "-"]
        self._run([*command, *owner], json.dumps(whole).encode())

    def delete(
        self,
        objects: Iterable[str],
        namespace: Optional[str] = None,
        *,
        at_once: bool = False,
    ) -> None:
        """Delete objects, those that are there, in this order; nobody waits until they
        are gone.

        Args:
            objects: ``KIND/NAME`` of each.
            namespace: that they are in, those that are in one.
            at_once: not when whoever runs them has ended them.
        """
        where = [] if namespace is None else ["--namespace", namespace]
        where += ["--grace-period=0", "--force"] if at_once else []
        self._run(["delete", *objects, *where, "--ignore-not-found", "--wait=false"])

    def create(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> None:
        """Create an object; with ``dry_run`` only ask the server whether it could be.

        Raises:
            ChangedMeanwhileError: there is one already.
        """
        self._send("create", manifest, dry_run=dry_run)

    def replace(self, manifest: Mapping[str, Any], *, dry_run: bool = False) -> None:
        """Put an object in place of the one of its name and resourceVersion.

        Raises:
            ChangedMeanwhileError: there is none, or of another version.
        """
        self._send("replace", manifest, dry_run=dry_run)

    def patch(
        self,
        kind: str,
        where: Mapping[str, Any],
        operations: Sequence[Mapping[str, Any]],
        *,
        dry_run: bool = False,
    ) -> None:
        """Change an object by a JSON patch, which must hold no secret.

        Args:
            kind: of the object.
            where: its metadata.
            operations: of the patch.
            dry_run: only ask the server whether it could be.

        Raises:
            ChangedMeanwhileError: the object is gone, or one of the operations does not
                apply.
        """
        command = ["patch", kind, where["name"], "--namespace", where["namespace"]]
        change = ["--type", "json", "--patch", json.dumps(operations)]
        self._run([*command, *change, *_dry(dry_run=dry_run)])

    def delete_secret(self, plain: Mapping[str, Any]) -> None:
        """Delete a Secret that is still as it was read.

        Raises:
            ChangedMeanwhileError: it is gone, or of another version.
        """
        metadata = plain["metadata"]
        # Of kubectl's ways to delete, the only one that takes a precondition.
        path = f"/api/v1/namespaces/{metadata['namespace']}/secrets/{metadata['name']}"
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"resourceVersion": metadata["resourceVersion"]},
        }
        self._run(
            ["delete", "--raw", path, "--filename", "-"], json.dumps(options).encode()
        )

    def _send(self, verb: str, manifest: Mapping[str, Any], *, dry_run: bool) -> None:
        self._run(
            [verb, "--filename", "-", *_dry(dry_run=dry_run)],
            json.dumps(manifest).encode(),
        )

    def _run(self, arguments: List[str], stdin: bytes = b"") -> str:
        if self._is_worker:
            self._check_login()
        command = [*self._command, *arguments, f"--request-timeout={REQUEST_SECONDS}s"]
        done = commands.run(command, stdin=stdin, seconds=_SECONDS)
        if done is None:
            raise NodeError(
                "kubectl cannot be run, or does not end",
                place=self._command[0],
                remedy=f"see whether it works: {self.typed} get nodes",
            )
        if done.exit_code != 0 and _NO_DRY_RUN in done.stderr:
            # An admission webhook that has to know for real; the real request will
            # tell.
            return ""
        if done.exit_code != 0:
            raise self._error(done.stderr or done.stdout)
        return done.stdout

    def _check_login(self) -> None:
        found = files.observe(self._node.place(KUBELETS_LOGIN))
        if found is not None and not found.obstacle and not found.is_link:
            return
        reason = "is not there"
        if found is not None:
            obstacle = found.obstacle or "a symbolic link is where it should be"
            reason = f"cannot be read: {obstacle}"
        raise NodeError(
            "this worker node asks the cluster's API as its kubelet, whose login"
            f" {reason}",
            place=self._node.shown(KUBELETS_LOGIN),
            remedy=ON_A_CONTROL_PLANE,
        )

    def _error(self, text: str) -> NodeError:
        namespace = _NO_NAMESPACE.search(text)
        if namespace:
            return no_namespace(namespace[1], self.typed)
        if _NO_ANSWER.search(text):
            start = "microk8s start; microk8s status --wait-ready"
            return NodeError(
                "the cluster's API does not answer",
                place=self._first_line(text),
                remedy=(
                    f"on a control plane node: {start}" if self._is_worker else start
                ),
            )
        no_right = _NO_RIGHT.search(text) if self._is_worker else None
        if no_right:
            return _no_right(*no_right.groups())
        return _kind_of(text)(
            f"the cluster refuses: {self._first_line(text)}", place=_API
        )

    def _first_line(self, text: str) -> str:
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        telling = (
            [line for line in lines if line.lower().startswith("error")]
            or lines
            or [""]
        )
        words = _REASON.sub("", telling[-1])
        for each in self._hidden:
            words = words.replace(each, "...")
        return words or "it says nothing"


def _read(text: str) -> Any:
    try:
        return json_text.loads(text)
    except json_text.JsonSyntaxError as error:
        raise NodeError(
            f"what the cluster's API says cannot be taken: {error.reason}", place=_API
        ) from None


def _object(cells: Sequence[str], wanted: Wanted) -> Dict[str, Any]:
    """Put fields together, each in its place."""
    found: Dict[str, Any] = {}
    for path, cell in zip(wanted.paths, cells):
        if not cell:
            continue
        *above, name = (key.replace("\\", "") for key in _DOT.split(path[1:]))
        place = found
        for key in above:
            place = place.setdefault(key, {})
        place[name] = cell if path in wanted.texts else json_text.loads(cell)
    return found


def _kind_of(text: str) -> Type[NodeError]:
    """Tell what kubectl says when it fails by what is known of the request then."""
    if _CHANGED.search(text):
        return ChangedMeanwhileError
    return RefusedError if _REFUSED.search(text) else NodeError


def no_namespace(name: str, kubectl: str) -> RefusedError:
    """Return the error for a namespace that is not there.

    Args:
        name: of it.
        kubectl: as people type it there.
    """
    return RefusedError(
        f"there is no namespace {name}",
        place="option --namespace",
        remedy=f"{kubectl} create namespace {name}",
    )


def _no_right(verb: str, resource: str, namespace: Optional[str]) -> NoRightError:
    where = "" if namespace is None else f" in namespace {namespace}"
    return NoRightError(
        f"the cluster does not let this worker node {verb} {resource}{where}",
        place=_API,
        remedy=ON_A_CONTROL_PLANE,
    )


def _dry(*, dry_run: bool) -> List[str]:
    return ["--dry-run=server"] if dry_run else []
