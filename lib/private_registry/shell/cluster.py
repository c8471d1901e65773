"""Pull secrets in the cluster: made in all namespaces or in none, and taken back.

Others change service accounts and Secrets at the same time. So every write names the version that
was read, and where that is not the one any more, what there is now is read and decided upon anew.
"""

from __future__ import annotations

import base64
import json
from functools import partial
from typing import (
    Any,
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Set,
    Tuple,
    Union,
)

from private_registry.core import json_text
from private_registry.core.pull_secrets import (
    DATA_KEY,
    TYPE,
    MadeSecret,
    PullSecret,
    is_ours,
    says_the_same,
)
from private_registry.core.references import (
    Operations,
    adding,
    is_named,
    putting_back,
    taking_out,
)
from private_registry.errors import ConflictError, NodeError, PrivateRegistryError
from private_registry.shell.kubectl import Kubectl, no_namespace
from private_registry.shell.node import Node
from private_registry.shell.retrying import Found, change_as_read

Plain = Mapping[str, Any]

_SECRET, _ACCOUNT, _NAMESPACE = "secret", "serviceaccount", "namespace"
# What the API itself puts into an object; the version of what is replaced has to be told.
_SERVER_SIDE = ("uid", "creationTimestamp", "managedFields", "selfLink")
_VERSION = "resourceVersion"


class SecretStep(NamedTuple):
    """What is to be done for a pull secret in one namespace.

    Args:
        manifest: the Secret as it should be.
        before: as it is; None where there is none.
        accounts: the service accounts that are to name it and do not yet, as they are.
    """

    manifest: Plain
    before: Found
    accounts: Tuple[Plain, ...] = ()

    @property
    def name(self) -> str:
        """Of the Secret."""
        return str(self.manifest["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """Where it is to be."""
        return str(self.manifest["metadata"]["namespace"])

    @property
    def references(self) -> Tuple[str, ...]:
        """The names of these accounts."""
        return tuple(str(each["metadata"]["name"]) for each in self.accounts)

    @property
    def is_written(self) -> bool:
        """Whether the Secret itself is created or updated."""
        return self.before is None or not says_the_same(self.before, self.manifest)


class Reference(NamedTuple):
    """That a service account names a Secret.

    Args:
        namespace: of both.
        account: which.
        secret: which.
    """

    namespace: str
    account: str
    secret: str


class Cluster:
    """The cluster that a node belongs to.

    Args:
        node: whose kubectl is used.
        hidden: texts that must show in no message.
    """

    def __init__(self, node: Node, hidden: Iterable[str] = ()) -> None:
        self._kubectl = Kubectl(node, hidden)
        self._undo: List[Callable[[], object]] = []
        self._of_others: Set[Reference] = set()

    @property
    def of_others(self) -> FrozenSet[Reference]:
        """Those references that `make` was to add, and somebody else had added in between."""
        return frozenset(self._of_others)

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
        before = self._secret(secret.name, namespace)
        accounts = [self._account(each, namespace) for each in secret.service_accounts]
        naming = tuple(each for each in accounts if not is_named(each, secret.name))
        return SecretStep(secret.manifest(namespace), before, naming)

    def _secret(self, name: str, namespace: str) -> Found:
        found: Found = self._kubectl.get(_SECRET, name, namespace)
        if found is not None and (not is_ours(found) or found.get("type") != TYPE):
            raise _of_somebody_else(name, namespace)
        return found

    def _account(self, name: str, namespace: str) -> Plain:
        found: Found = self._kubectl.get(_ACCOUNT, name, namespace)
        if found is None:
            raise NodeError(
                f"there is no service account {name} in namespace {namespace}",
                place="option --service-account",
                remedy=f"microk8s kubectl create serviceaccount -n {namespace} {name}",
            )
        return found

    def _do(self, step: SecretStep, *, dry_run: bool) -> None:
        if step.is_written:
            self._write(step, dry_run=dry_run)
        for account in step.accounts:
            self._refer(account, step.name, dry_run=dry_run)

    # --- Secrets ---------------------------------------------------------------------------

    def _write(self, step: SecretStep, *, dry_run: bool) -> None:
        def change(before: Found) -> Found:
            if before is None:
                self._kubectl.create(step.manifest, dry_run=dry_run)
            elif not says_the_same(before, step.manifest):
                self._kubectl.replace(_updated(before, step.manifest), dry_run=dry_run)
            return before

        read = partial(self._secret, step.name, step.namespace)
        before = change_as_read(_shown(step), read, change, step.before)
        is_there_already = before is not None and says_the_same(before, step.manifest)
        if not dry_run and not is_there_already:
            self._undo.append(partial(self._unwrite, step, before))

    def _unwrite(self, step: SecretStep, before: Found) -> None:
        def change(now: Found) -> None:
            if now is None or not says_the_same(now, step.manifest):
                return
            if before is None:
                self._kubectl.delete_secret(now)
            else:
                self._kubectl.replace(_updated(now, before))

        read = partial(self._kubectl.get, _SECRET, step.name, step.namespace)
        change_as_read(_shown(step), read, change, read())

    def _delete(self, secret: MadeSecret) -> List[str]:
        def change(now: Found) -> Found:
            if now is not None and is_ours(now):
                self._kubectl.delete_secret(now)
            return now

        read = partial(self._kubectl.get, _SECRET, secret.name, secret.namespace)
        before = change_as_read(_shown(secret), read, change, read())
        if before is not None and is_ours(before):
            self._undo.append(partial(self._create_again, secret, before))
        elif before is not None:
            return [f"{_shown(secret)} is no longer labelled as ours; it stays"]
        return []

    def _create_again(self, secret: MadeSecret, before: Plain) -> None:
        def change(now: Found) -> None:
            if now is None:
                self._kubectl.create(_bare(before, _VERSION))

        read = partial(self._secret, secret.name, secret.namespace)
        change_as_read(_shown(secret), read, change, read())

    # --- service accounts ------------------------------------------------------------------

    def _refer(self, account: Plain, name: str, *, dry_run: bool) -> None:
        reference = Reference(account["metadata"]["namespace"], account["metadata"]["name"], name)
        read = partial(self._account, reference.account, reference.namespace)
        patch = partial(adding, secret=name)
        before = self._patched(reference, read, patch, account, dry_run=dry_run)
        if not dry_run and before is None:
            self._of_others.add(reference)
        elif not dry_run:
            self._undo.append(partial(self._unrefer, reference))

    def _unrefer(self, reference: Reference) -> Found:
        read = partial(self._kubectl.get, _ACCOUNT, reference.account, reference.namespace)
        return self._patched(reference, read, partial(taking_out, secret=reference.secret), read())

    def _refer_again(self, reference: Reference, before: Plain) -> None:
        read = partial(self._kubectl.get, _ACCOUNT, reference.account, reference.namespace)
        patch = partial(putting_back, before=before, secret=reference.secret)
        self._patched(reference, read, patch, read())

    def _patched(
        self,
        reference: Reference,
        read: Callable[[], Found],
        patch: Callable[[Plain], Operations],
        first: Found,
        *,
        dry_run: bool = False,
    ) -> Found:
        """Patch an account; return it as it was, or None where nothing was to be changed."""

        def change(now: Found) -> Found:
            operations = [] if now is None else patch(now)
            if now is None or not operations:
                return None
            self._kubectl.patch(_ACCOUNT, now["metadata"], operations, dry_run=dry_run)
            return now

        what = f"the service account {reference.account} in namespace {reference.namespace}"
        return change_as_read(what, read, change, first)

    def _take_back(self, secret: MadeSecret) -> List[str]:
        for account in secret.service_accounts:
            reference = Reference(secret.namespace, account, secret.name)
            before = self._unrefer(reference)
            if before is not None:
                self._undo.append(partial(self._refer_again, reference, before))
        return self._delete(secret)


def hidden_in(docker_config: str) -> List[str]:
    """List every form in which a config.json's secrets may show in kubectl's words."""
    encoded = base64.b64encode(docker_config.encode()).decode()
    found = [docker_config, encoded]
    for login in json_text.loads(docker_config)["auths"].values():
        found += [login["auth"], login["password"], json.dumps(login["password"])[1:-1]]
    return found


def _shown(secret: Union[SecretStep, MadeSecret]) -> str:
    return f"the Secret {secret.name} in namespace {secret.namespace}"


def _of_somebody_else(name: str, namespace: str) -> ConflictError:
    return ConflictError(
        f"somebody else has a Secret {name} in namespace {namespace}",
        place="option --pull-secret",
        remedy="give another name, or delete it: microk8s kubectl delete secret "
        f"-n {namespace} {name}",
    )


def _updated(now: Plain, wanted: Plain) -> Dict[str, Any]:
    """Return a Secret with another login, and whatever others put on it."""
    data = {**(now.get("data") or {}), DATA_KEY: wanted["data"][DATA_KEY]}
    return {**_bare(now), "data": data}


def _bare(plain: Plain, *others: str) -> Dict[str, Any]:
    """Return an object without what the API itself put in."""
    left_out = (*_SERVER_SIDE, *others)
    metadata = {key: each for key, each in plain["metadata"].items() if key not in left_out}
    return {**plain, "metadata": metadata}
