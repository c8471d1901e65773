"""Pull secrets in the cluster: made in all namespaces or in none, and taken back."""

from __future__ import annotations

import base64
import json
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
)

from private_registry.core import json_text
from private_registry.core.pull_secrets import (
    TYPE,
    MadeSecret,
    PullSecret,
    is_ours,
    says_the_same,
)
from private_registry.errors import ConflictError, NodeError, PrivateRegistryError
from private_registry.shell.kubectl import Kubectl, no_namespace
from private_registry.shell.node import Node

_SECRET, _ACCOUNT, _NAMESPACE = "secret", "serviceaccount", "namespace"
# What the API itself puts into an object.
_SERVER_SIDE = ("resourceVersion", "uid", "creationTimestamp", "managedFields", "selfLink")


class SecretStep(NamedTuple):
    """What is to be done for a pull secret in one namespace.

    Args:
        manifest: the Secret as it should be.
        before: as it is; None where there is none.
        references: the service accounts that are to name it and do not yet.
    """

    manifest: Mapping[str, Any]
    before: Optional[Mapping[str, Any]]
    references: Tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Of the Secret."""
        return str(self.manifest["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Where it is to be."""
        return str(self.manifest["metadata"]["namespace"])

    @property
    def is_written(self) -> bool:
        """Whether the Secret itself is created or updated."""
        return self.before is None or not says_the_same(self.before, self.manifest)


class Cluster:
    """The cluster that a node belongs to.

    Args:
        node: whose kubectl is used.
        hidden: texts that must show in no message.
    """

    def __init__(self, node: Node, hidden: Iterable[str] = ()) -> None:
        self._kubectl = Kubectl(node, hidden)
        self._undo: List[Callable[[], None]] = []

    def steps_for(self, secret: PullSecret) -> List[SecretStep]:
        """Look at every namespace, and ask the server whether all of it could be done.

        Raises:
            ConflictError: somebody else has a Secret of that name.
            NodeError: the API does not answer, or would refuse something.
        """
        steps = [self._step(secret, namespace) for namespace in secret.namespaces]
        for step in steps:
            self._do(step, dry_run=True)
        return steps

    def make(self, steps: Iterable[SecretStep]) -> None:
        """Create or update the Secrets and let the service accounts name them: all or nothing.

        Raises:
            NodeError: the API refused something; all is as before.
        """
        try:
            for step in steps:
                self._do(step, dry_run=False)
        except BaseException:
            self.undo()
            raise

    def take_back(self, secrets: Iterable[MadeSecret]) -> Tuple[str, ...]:
        """Delete those Secrets that are still ours, and take out what we had accounts name.

        Returns:
            What was left, for people, a line each.

        Raises:
            NodeError: the API refused something; all is as before.
        """
        notes = []
        try:
            for secret in secrets:
                notes += self._take_back(secret)
        except BaseException:
            self.undo()
            raise
        return tuple(notes)

    def undo(self) -> None:
        """Put everything back that was done, the last first.

        Raises:
            NodeError: some of it could not be put back; the rest was.
        """
        failed: Optional[PrivateRegistryError] = None
        while self._undo:
            try:
                self._undo.pop()()
            except PrivateRegistryError as error:
                failed = failed or error
        if failed is not None:
            raise NodeError(
                f"not everything in the cluster could be put back: {failed.message}",
                place=failed.place,
                remedy="when it answers again, run the same command once more",
            ) from failed

    def _step(self, secret: PullSecret, namespace: str) -> SecretStep:
        if self._kubectl.get(_NAMESPACE, namespace) is None:
            raise no_namespace(namespace)
        before = self._kubectl.get(_SECRET, secret.name, namespace)
        if before is not None and (not is_ours(before) or before.get("type") != TYPE):
            raise ConflictError(
                f"somebody else has a Secret {secret.name} in namespace {namespace}",
                place="option --pull-secret",
                remedy="give another name, or delete it: microk8s kubectl delete secret "
                f"-n {namespace} {secret.name}",
            )
        references = tuple(
            account
            for account in secret.service_accounts
            if secret.name not in self._named_by(account, namespace)
        )
        return SecretStep(secret.manifest(namespace), before, references)

    def _named_by(self, account: str, namespace: str) -> Sequence[str]:
        found = self._kubectl.get(_ACCOUNT, account, namespace)
        if found is None:
            raise NodeError(
                f"there is no service account {account} in namespace {namespace}",
                place="option --service-account",
                remedy=f"microk8s kubectl create serviceaccount -n {namespace} {account}",
            )
        return _references(found)

    def _do(self, step: SecretStep, *, dry_run: bool) -> None:
        if step.is_written:
            self._write(step, dry_run=dry_run)
        for account in step.references:
            self._refer(account, step.namespace, step.name, dry_run=dry_run)

    def _write(self, step: SecretStep, *, dry_run: bool) -> None:
        if step.before is None:
            self._kubectl.create(step.manifest, dry_run=dry_run)
        else:
            self._kubectl.replace(_updated(step.before, step.manifest), dry_run=dry_run)
        if not dry_run:
            before, name, namespace = step.before, step.name, step.namespace
            self._undo.append(
                (lambda: self._kubectl.delete(_SECRET, name, namespace))
                if before is None
                else (lambda: self._kubectl.replace(_bare(before)))
            )

    def _refer(self, account: str, namespace: str, name: str, *, dry_run: bool = False) -> None:
        self._patch(account, namespace, {"name": name}, dry_run=dry_run)
        if not dry_run:
            self._undo.append(lambda: self._unrefer(account, namespace, name))

    def _unrefer(self, account: str, namespace: str, name: str) -> None:
        self._patch(account, namespace, {"$patch": "delete", "name": name})

    def _patch(
        self, account: str, namespace: str, reference: Dict[str, str], *, dry_run: bool = False
    ) -> None:
        change = {"imagePullSecrets": [reference]}
        self._kubectl.patch(_ACCOUNT, account, namespace, change, dry_run=dry_run)

    def _take_back(self, secret: MadeSecret) -> List[str]:
        notes = []
        for account in secret.service_accounts:
            found = self._kubectl.get(_ACCOUNT, account, secret.namespace)
            if found is not None and secret.name in _references(found):
                self._unrefer(account, secret.namespace, secret.name)
                self._undo.append(
                    lambda account=account: self._patch(  # type: ignore[misc]
                        account, secret.namespace, {"name": secret.name}
                    )
                )
        before = self._kubectl.get(_SECRET, secret.name, secret.namespace)
        if before is not None and is_ours(before):
            self._kubectl.delete(_SECRET, secret.name, secret.namespace)
            self._undo.append(lambda: self._kubectl.create(_bare(before)))
        elif before is not None:
            notes.append(
                f"the Secret {secret.name} in namespace {secret.namespace} is no longer labelled "
                "as ours; it stays"
            )
        return notes


def hidden_in(docker_config: str) -> List[str]:
    """List every form in which a config.json's secrets may show in kubectl's words."""
    encoded = base64.b64encode(docker_config.encode()).decode()
    found = [docker_config, encoded]
    for login in json_text.loads(docker_config)["auths"].values():
        found += [login["auth"], login["password"], json.dumps(login["password"])[1:-1]]
    return found


def _references(account: Mapping[str, Any]) -> List[str]:
    return [each.get("name") for each in account.get("imagePullSecrets") or []]


def _updated(before: Mapping[str, Any], manifest: Mapping[str, Any]) -> Dict[str, Any]:
    """Return a Secret with our data and label, and whatever others put on it beside them."""
    plain = _bare(before)
    metadata = plain["metadata"]
    labels = {**(metadata.get("labels") or {}), **manifest["metadata"]["labels"]}
    plain["metadata"] = {**metadata, "labels": labels}
    plain["data"] = manifest["data"]
    return plain


def _bare(plain: Mapping[str, Any]) -> Dict[str, Any]:
    """Return an object without what the API itself put in."""
    metadata = {key: each for key, each in plain["metadata"].items() if key not in _SERVER_SIDE}
    return {**plain, "metadata": metadata}
