"""A stand-in for MicroK8s' kubectl on a throwaway node: the cluster is a file beside it.

The program does what kubectl and an API server do with the few commands that the addon uses, and
writes down each command line and what came on standard input.
"""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

from unit.microk8s import Microk8s

PROGRAM = r"""
import json, sys
from pathlib import Path

work = Path({work!r})
cluster = json.loads((work / "cluster.json").read_text())
words = [each for each in sys.argv[1:] if not each.startswith("--request-timeout")]
given = sys.stdin.read()
with (work / "commands").open("a") as stream:
    stream.write(json.dumps([sys.argv[1:], given]) + "\n")


def end(text):
    sys.stderr.write(text + "\n")
    sys.exit(1)


def refuse(reason, text):
    end("Error from server (" + reason + "): " + text)


def option(name):
    return words[words.index(name) + 1] if name in words else None


dry = "--dry-run=server" in words
verb = words[0]
if cluster["down"]:
    end("The connection to the server 127.0.0.1:16443 was refused - is the host right?")
if verb in ("create", "replace"):
    manifest = json.loads(given)
    kind, name = "secret", manifest["metadata"]["name"]
    namespace = manifest["metadata"]["namespace"]
else:
    kind, name, namespace = words[1], words[2], option("--namespace")
for rule in cluster["forbidden"]:
    if rule[0] == verb and rule[1] in (kind, "*") and rule[2] in (namespace, None):
        refuse("Forbidden", kind + "s is forbidden: User \"ann\" cannot " + verb)
if not dry and verb != "get":
    cluster["writes"] += 1
    if cluster["writes"] == cluster["fail_at"]:
        (work / "cluster.json").write_text(json.dumps(cluster))
        refuse("InternalError", "etcdserver: " + (given or "no space"))
if kind == "namespace":
    found = {{"metadata": {{"name": name}}}} if name in cluster["namespaces"] else None
    sys.stdout.write(json.dumps(found) if found else "")
    sys.exit(0)
if namespace not in cluster["namespaces"] and verb in ("create", "replace", "patch"):
    refuse("NotFound", "namespaces \"" + namespace + "\" not found")
store = cluster["objects"].setdefault(kind, {{}})
key = namespace + "/" + name
if verb == "get":
    sys.stdout.write(json.dumps(store[key]) if key in store else "")
    sys.exit(0)
if verb == "create":
    if key in store:
        refuse("AlreadyExists", "secrets \"" + name + "\" already exists")
    store[key] = manifest
elif verb == "replace":
    if key not in store:
        refuse("NotFound", "secrets \"" + name + "\" not found")
    store[key] = manifest
elif verb == "delete":
    store.pop(key, None)
elif verb == "patch":
    if key not in store:
        refuse("NotFound", "serviceaccounts \"" + name + "\" not found")
    assert option("--type") == "strategic"
    references = store[key].setdefault("imagePullSecrets", [])
    for each in json.loads(option("--patch"))["imagePullSecrets"]:
        if each.pop("$patch", None) == "delete":
            references[:] = [one for one in references if one != each]
        elif each not in references:
            references.append(each)
    if not references:
        del store[key]["imagePullSecrets"]
if not dry:
    (work / "cluster.json").write_text(json.dumps(cluster))
"""


class FakeCluster:
    """A cluster with the namespaces ``default`` and ``apps``, each with the account ``default``.

    Args:
        node: whose kubectl speaks to it.
    """

    def __init__(self, node: Microk8s) -> None:
        self._work = node.root / "cluster"
        self._work.mkdir()
        accounts = {
            f"{namespace}/default": {"metadata": {"name": "default", "namespace": namespace}}
            for namespace in ("default", "apps")
        }
        self._plain: Dict[str, Any] = {
            "down": False,
            "namespaces": ["default", "apps"],
            "forbidden": [],
            "writes": 0,
            "fail_at": 0,
            "objects": {"serviceaccount": accounts, "secret": {}},
        }
        self._save()
        program = node.snap / "microk8s-kubectl.wrapper"
        program.write_text(f"#!{sys.executable} -IS\n" + PROGRAM.format(work=str(self._work)))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)

    def set(self, **values: Any) -> None:
        """Change how it behaves: ``down``, ``forbidden``, ``fail_at`` (the n-th write from now)."""
        self._load()
        self._plain.update(values, writes=0)
        self._save()

    def put(self, kind: str, namespace: str, plain: Dict[str, Any]) -> None:
        """Let there be an object, as somebody else made it."""
        self._load()
        key = f"{namespace}/{plain['metadata']['name']}"
        self._plain["objects"][kind][key] = plain
        self._save()

    def get(self, kind: str, namespace: str, name: str) -> Optional[Dict[str, Any]]:
        """Return an object; None where there is none."""
        found: Optional[Dict[str, Any]] = self.objects[kind].get(f"{namespace}/{name}")
        return found

    @property
    def objects(self) -> Dict[str, Any]:
        """All that is in it."""
        self._load()
        return dict(self._plain["objects"])

    @property
    def command_lines(self) -> List[List[str]]:
        """How kubectl was called."""
        path = self._work / "commands"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line)[0] for line in lines]

    @property
    def writes(self) -> List[str]:
        """The verbs of those calls that changed something."""
        return [
            words[0]
            for words in self.command_lines
            if words[0] != "get" and "--dry-run=server" not in words
        ]

    def _load(self) -> None:
        self._plain = json.loads(self._path.read_text())

    def _save(self) -> None:
        self._path.write_text(json.dumps(self._plain))

    @property
    def _path(self) -> Path:
        return self._work / "cluster.json"
