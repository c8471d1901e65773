"""A stand-in for MicroK8s' kubectl on a throwaway node, and for the cluster behind it.

It does what kubectl and an API server do with the few commands that the addon uses, and remembers
each command line; kubectl itself is run by tests/e2e/test_pull_secrets.py.
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any, Dict, List, NoReturn, Optional

import pytest

from private_registry.shell import commands
from unit.microk8s import Microk8s

_really_run = commands.run


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
        self.words = [each for each in words if not each.startswith("--request-timeout")]
        self.verb = self.words[0]
        self.is_dry = "--dry-run=server" in self.words
        self.manifest: Dict[str, Any] = {}
        if self.verb in ("create", "replace"):
            self.manifest = json.loads(given)
            metadata = self.manifest["metadata"]
            self.kind, self.name, self.namespace = "secret", metadata["name"], metadata["namespace"]
        else:
            self.kind, self.name = self.words[1:3]
            self.namespace = self.option("--namespace")

    def option(self, name: str) -> str:
        """Return the value of an option; an empty text where it is not given."""
        return self.words[self.words.index(name) + 1] if name in self.words else ""


class FakeCluster:
    """A cluster with the namespaces ``default`` and ``apps``, each with the account ``default``.

    Args:
        node: whose kubectl speaks to it.
        patch: puts it in place of running that program.
    """

    def __init__(self, node: Microk8s, patch: pytest.MonkeyPatch) -> None:
        self._wrapper = str(node.snap / "microk8s-kubectl.wrapper")
        Path(self._wrapper).touch()
        accounts = {
            f"{namespace}/default": {"metadata": {"name": "default", "namespace": namespace}}
            for namespace in ("default", "apps")
        }
        self._objects: Dict[str, Any] = {"serviceaccount": accounts, "secret": {}}
        self._namespaces = ["default", "apps"]
        self._forbidden: List[Any] = []
        self._is_down = self._has_webhook = False
        self._writes = self._fail_at = 0
        self.command_lines: List[List[str]] = []
        patch.setattr(commands, "run", self._run)

    def set(
        self,
        *,
        down: Optional[bool] = None,
        namespaces: Optional[List[str]] = None,
        forbidden: Optional[List[Any]] = None,
        objects: Optional[Dict[str, Any]] = None,
        fail_at: Optional[int] = None,
        has_webhook: bool = False,
    ) -> None:
        """Change how it behaves; ``fail_at`` is the n-th write from now.

        A webhook of the older kind refuses every dry run.
        """
        self._is_down = self._is_down if down is None else down
        self._namespaces = self._namespaces if namespaces is None else namespaces
        self._forbidden = self._forbidden if forbidden is None else forbidden
        self._objects = self._objects if objects is None else objects
        self._fail_at = self._fail_at if fail_at is None else fail_at
        self._has_webhook = has_webhook
        self._writes = 0

    def put(self, kind: str, namespace: str, plain: Dict[str, Any]) -> None:
        """Let there be an object, as somebody else made it."""
        self._objects[kind][f"{namespace}/{plain['metadata']['name']}"] = copy.deepcopy(plain)

    def get(self, kind: str, namespace: str, name: str) -> Optional[Dict[str, Any]]:
        """Return an object; None where there is none."""
        found: Optional[Dict[str, Any]] = self.objects[kind].get(f"{namespace}/{name}")
        return found

    @property
    def objects(self) -> Dict[str, Any]:
        """All that is in it."""
        return copy.deepcopy(self._objects)

    @property
    def writes(self) -> List[str]:
        """The verbs of those calls that changed something."""
        return [
            words[0]
            for words in self.command_lines
            if words[0] != "get" and "--dry-run=server" not in words
        ]

    def _run(self, command: List[str], **options: Any) -> Optional[commands.Done]:
        if command[0] != self._wrapper:
            return _really_run(command, **options)
        if not Path(self._wrapper).exists():
            return None
        self.command_lines.append(command[1:])
        try:
            return commands.Done(0, self._answer(Call(command[1:], options.get("stdin", b""))), "")
        except Refused as refused:
            return commands.Done(1, "", str(refused))

    def _check(self, call: Call) -> None:
        if self._is_down:
            raise Refused("The connection to the server 127.0.0.1:16443 was refused\n")
        for verb, kind, namespace in self._forbidden:
            is_there = namespace in (None, call.namespace)
            if verb == call.verb and is_there and kind in (call.kind, "*"):
                _refuse("Forbidden", f'{kind}s is forbidden: User "ann" cannot {verb} it')
        if call.is_dry and self._has_webhook:
            _refuse("BadRequest", 'admission webhook "old.corp" does not support dry run')
        if not call.is_dry and call.verb != "get":
            self._writes += 1
            if self._writes == self._fail_at:
                _refuse("InternalError", f"etcdserver: {json.dumps(call.manifest)}")

    def _answer(self, call: Call) -> str:
        self._check(call)
        if call.kind == "namespace":
            return "{}" if call.name in self._namespaces else ""
        if call.namespace not in self._namespaces and call.verb in ("create", "replace", "patch"):
            _refuse("NotFound", f'namespaces "{call.namespace}" not found')
        store = self._objects[call.kind]
        key = f"{call.namespace}/{call.name}"
        if call.verb == "get":
            return json.dumps(store[key]) if key in store else ""
        after = _changed(call, store.get(key))
        if not call.is_dry:
            store.pop(key, None)
            if after is not None:
                store[key] = after
        return ""


def _changed(call: Call, before: Optional[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    """Return an object as a call leaves it; None for none."""
    if call.verb == "delete":
        return None
    if (call.verb == "create") != (before is None):
        reason = "NotFound" if before is None else "AlreadyExists"
        _refuse(reason, f'{call.kind}s "{call.name}" {reason}')
    if before is None or call.verb == "replace":
        return call.manifest
    assert call.option("--type") == "strategic"
    after = copy.deepcopy(before)
    references = after.setdefault("imagePullSecrets", [])
    for each in json.loads(call.option("--patch"))["imagePullSecrets"]:
        if each.pop("$patch", None) == "delete":
            references[:] = [one for one in references if one != each]
        elif each not in references:
            references.append(each)
    if not references:
        del after["imagePullSecrets"]
    return after
