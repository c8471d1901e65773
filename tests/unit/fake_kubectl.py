"""A stand-in for MicroK8s' kubectl on a throwaway node, and for the cluster behind it.

It does what kubectl and an API server do with the few commands that the addon uses, and
remembers each command line. What they answer was measured on Kubernetes 1.36.3 with
kubectl 1.20.2 and 1.36.4; kubectl itself is run by tests/e2e/test_pull_secrets.py.
"""

from __future__ import annotations

import copy
import json
from itertools import count
from pathlib import Path
from typing import Any, Callable, Dict, List, NoReturn, Optional

import pytest

from private_registry.node import commands
from unit.json_patch import DoesNotApply, patched
from unit.microk8s import Microk8s

_NOWHERE = "at the cluster scope"
_really_run = commands.run
_MODIFIED = (
    "the object has been modified; please apply your changes to the latest version and"
    " try again"
)
# What kubectl says of a JSON patch whose test fails: 1.20 leaves out the rest.
INVALID = {
    "1.20": "The request is invalid\n",
    "1.36": (
        "The request is invalid: the server rejected our request due to an error in our"
        " request\n"
    ),
}


class Refused(Exception):
    """What kubectl prints when it fails."""


def _refuse(reason: str, text: str) -> NoReturn:
    raise Refused(f"Error from server ({reason}): {text}\n")


class Call:
    """One call of kubectl.

    Args:
        words: the command line.
        given: standard input.
    """

    def __init__(self, words: List[str], given: bytes) -> None:
        self.words = [
            each for each in words if not each.startswith("--request-timeout")
        ]
        self.verb = self.words[0]
        self.is_dry = "--dry-run=server" in self.words
        self.manifest: Dict[str, Any] = json.loads(given) if given else {}
        if self.verb in ("create", "replace"):
            metadata = self.manifest["metadata"]
            self.kind, self.name, self.namespace = (
                "secret",
                metadata["name"],
                metadata["namespace"],
            )
        elif "--raw" in self.words:
            *_, self.namespace, kinds, self.name = self.option("--raw").split("/")
            self.kind = kinds[:-1]
        else:
            self.kind, self.name = self.words[1:3]
            self.namespace = self.option("--namespace")

    def option(self, name: str) -> str:
        """Return the value of an option; an empty text where it is not given."""
        return self.words[self.words.index(name) + 1] if name in self.words else ""

    @property
    def is_write(self) -> bool:
        """Whether it is to change something."""
        return self.verb != "get" and not self.is_dry


class FakeCluster:
    """A cluster with the namespaces ``default`` and ``apps``, each with the account
    ``default``.

    Args:
        node: whose kubectl speaks to it.
        patch: puts it in place of running that program.
    """

    def __init__(self, node: Microk8s, patch: pytest.MonkeyPatch) -> None:
        self._programs: Dict[str, List[str]] = {}
        self.join(node)
        self._versions = count(1)
        self._objects: Dict[str, Any] = {"serviceaccount": {}, "secret": {}}
        for namespace in ("default", "apps"):
            self.put("serviceaccount", namespace, {"metadata": {"name": "default"}})
        self._namespaces = ["default", "apps"]
        self._forbidden: List[Any] = []
        self._is_down = self._has_webhook = False
        self._because = self._refused = ""
        self._writes = self._fail_at = 0
        self._meanwhile: Optional[Callable[[Call], None]] = None
        self._lose_at, self._lost, self._is_down_then = 0, "", False
        self.kubectl = "1.36"
        self.command_lines: List[List[str]] = []
        patch.setattr(commands, "run", self._run)

    def join(self, node: Microk8s) -> None:
        """Let another node's kubectl speak to it, too."""
        wrapper = node.snap / "microk8s-kubectl.wrapper"
        wrapper.touch()
        self._programs[str(wrapper)] = []

    def join_worker(self, node: Microk8s) -> None:
        """Let a node be a worker: MicroK8s' own command refuses, and its kubelet has
        a login.
        """
        node.write("var/lock/clustered.lock", "")
        node.write("credentials/kubelet.config", "")
        self._programs.pop(str(node.snap / "microk8s-kubectl.wrapper"), None)
        kubectl = node.snap / "kubectl"
        kubectl.touch()
        self._programs[str(kubectl)] = [
            f"--kubeconfig={node.data}/credentials/kubelet.config"
        ]

    def set(
        self,
        *,
        down: Optional[bool] = None,
        namespaces: Optional[List[str]] = None,
        forbidden: Optional[List[Any]] = None,
        objects: Optional[Dict[str, Any]] = None,
        fail_at: Optional[int] = None,
        because: str = "",
        refused: str = "",
        has_webhook: bool = False,
        meanwhile: Optional[Callable[[Call], None]] = None,
    ) -> None:
        """Change how it behaves; ``fail_at`` is the n-th write from now.

        ``because`` follows the words for what is forbidden; with ``refused`` all else
        is, in these words. A webhook of the older kind refuses every dry run.
        ``meanwhile`` is what somebody else does right before a call is answered.
        """
        self._is_down = self._is_down if down is None else down
        self._namespaces = self._namespaces if namespaces is None else namespaces
        self._forbidden = self._forbidden if forbidden is None else forbidden
        self._objects = self._objects if objects is None else objects
        self._fail_at = self._fail_at if fail_at is None else fail_at
        self._because, self._refused = because, refused
        self._has_webhook = has_webhook
        self._meanwhile = meanwhile
        self._lose_at = self._writes = 0

    def lose(self, at: int, words: str, *, down: bool = False) -> None:
        """Do the n-th write from now, and let its answer be lost.

        Args:
            at: which.
            words: what kubectl says then; none where it hangs until it is ended.
            down: whether nothing is answered from then on.
        """
        self._writes, self._lose_at, self._lost, self._is_down_then = 0, at, words, down

    def put(self, kind: str, namespace: str, plain: Dict[str, Any]) -> None:
        """Let there be an object, as somebody else made it."""
        metadata = {**plain["metadata"], "namespace": namespace}
        metadata["resourceVersion"] = str(next(self._versions))
        name = metadata["name"]
        self._objects[kind][f"{namespace}/{name}"] = copy.deepcopy(
            {**plain, "metadata": metadata}
        )

    def delete(self, kind: str, namespace: str, name: str) -> None:
        """Let there be an object no more."""
        del self._objects[kind][f"{namespace}/{name}"]

    def get(self, kind: str, namespace: str, name: str) -> Optional[Dict[str, Any]]:
        """Return an object; None where there is none."""
        found: Optional[Dict[str, Any]] = self.objects[kind].get(f"{namespace}/{name}")
        return found

    @property
    def objects(self) -> Dict[str, Any]:
        """All that is in it, without the versions."""
        found = copy.deepcopy(self._objects)
        for plain in [
            plain for objects in found.values() for plain in objects.values()
        ]:
            plain["metadata"].pop("resourceVersion", None)
        return found

    @property
    def writes(self) -> List[str]:
        """The verbs of those calls that changed something."""
        return [
            words[0]
            for words in self.command_lines
            if words[0] != "get" and "--dry-run=server" not in words
        ]

    def _run(self, command: List[str], **options: Any) -> Optional[commands.Done]:
        if command[0] not in self._programs:
            return _really_run(command, **options)
        if not Path(command[0]).exists():
            return None
        login = self._programs[command[0]]
        words = command[1 + len(login) :]
        assert command[1:] == [*login, *words]
        self.command_lines.append(words)
        call = Call(words, options.get("stdin", b""))
        try:
            done = commands.Done(0, self._answer(call), "")
        except Refused as refused:
            return commands.Done(1, "", str(refused))
        if call.is_write and self._writes == self._lose_at:
            self._is_down = self._is_down_then
            return commands.Done(1, "", self._lost) if self._lost else None
        return done

    def _check(self, call: Call) -> None:
        if self._is_down:
            raise Refused("The connection to the server 127.0.0.1:16443 was refused\n")
        for verb, kind, namespace in self._forbidden:
            is_there = namespace in (None, call.namespace)
            if verb == call.verb and is_there and kind in (call.kind, "*"):
                where = (
                    f'in the namespace "{call.namespace}"'
                    if call.namespace
                    else _NOWHERE
                )
                _refuse(
                    "Forbidden",
                    f'{call.kind}s is forbidden: User "ann" cannot {verb} resource'
                    f' "{call.kind}s" in API group "" {where}{self._because}',
                )
        if self._refused:
            _refuse("Forbidden", self._refused)
        if call.is_dry and self._has_webhook:
            _refuse(
                "BadRequest", 'admission webhook "old.corp" does not support dry run'
            )
        if call.is_write:
            self._writes += 1
            if self._writes == self._fail_at:
                _refuse("InternalError", f"etcdserver: {json.dumps(call.manifest)}")

    def _answer(self, call: Call) -> str:
        self._check(call)
        if self._meanwhile is not None:
            self._meanwhile(call)
        if call.kind == "namespace":
            return "{}" if call.name in self._namespaces else ""
        if call.namespace not in self._namespaces and call.verb in (
            "create",
            "replace",
            "patch",
        ):
            _refuse("NotFound", f'namespaces "{call.namespace}" not found')
        store = self._objects[call.kind]
        key = f"{call.namespace}/{call.name}"
        before = store.get(key)
        if call.verb == "get":
            return json.dumps(before) if before is not None else ""
        after = self._changed(call, before)
        if not call.is_dry and after != before:
            store.pop(key, None)
            if after is not None:
                self.put(call.kind, call.namespace, after)
        return ""

    def _changed(
        self, call: Call, before: Optional[Dict[str, Any]]
    ) -> Optional[Dict[str, Any]]:
        """Return an object as a call leaves it; None for none."""
        doing = {
            "create": 'error when creating "STDIN": ',
            "replace": 'error when replacing "STDIN": ',
        }
        prefix, kinds = doing.get(call.verb, ""), f"{call.kind}s"
        if call.verb == "create" and before is not None:
            _refuse("AlreadyExists", f'{prefix}{kinds} "{call.name}" already exists')
        if call.verb == "create":
            return call.manifest
        if before is None:
            if "--ignore-not-found" in call.words:
                return None
            _refuse("NotFound", f'{prefix}{kinds} "{call.name}" not found')
        version = before["metadata"].get("resourceVersion")
        if call.verb == "replace":
            if call.manifest["metadata"].get("resourceVersion") not in (None, version):
                _refuse(
                    "Conflict",
                    f'{prefix}Operation cannot be fulfilled on {kinds} "{call.name}":'
                    f" {_MODIFIED}",
                )
            return call.manifest
        if call.verb == "delete":
            wanted = call.manifest.get("preconditions", {}).get(
                "resourceVersion", version
            )
            if wanted != version:
                _refuse(
                    "Conflict",
                    f'Operation cannot be fulfilled on Secret "{call.name}": the'
                    f" ResourceVersion in the precondition ({wanted}) does not match"
                    f" the ResourceVersion in record ({version}). The object might have"
                    " been modified",
                )
            return None
        return self._patched(call, before)

    def _patched(self, call: Call, before: Dict[str, Any]) -> Dict[str, Any]:
        change = json.loads(call.option("--patch"))
        if call.option("--type") == "json":
            try:
                after: Dict[str, Any] = patched(before, change)
            except DoesNotApply:
                raise Refused(INVALID[self.kubectl]) from None
        else:
            # The list is one value to the API, and $patch in it a field that it does
            # not know.
            listed = change["imagePullSecrets"]
            after = {
                **before,
                "imagePullSecrets": [{"name": each["name"]} for each in listed],
            }
        if not after.get("imagePullSecrets"):
            after.pop("imagePullSecrets", None)
        return after
