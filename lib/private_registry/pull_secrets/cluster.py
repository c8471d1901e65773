"""Pull secrets in the cluster: made in all namespaces or in none, and taken back.

Others change service accounts and Secrets at the same time. So every write names the
version that was read, and where that is not the one any more, what there is now is read
and decided upon anew.
"""

from __future__ import annotations

from functools import partial
from typing import (
    Any,
    Callable,
    Dict,
    FrozenSet,
    Iterable,
    List,
    Optional,
    Set,
    Tuple,
    Union,
)

from private_registry.errors import ConflictError, NodeError
from private_registry.node.paths import Node
from private_registry.pull_secrets.kubectl import Kubectl, NoRightError, no_namespace
from private_registry.pull_secrets.made_secrets import MadeSecret
from private_registry.pull_secrets.namespace_steps import Plain, Reference, SecretStep
from private_registry.pull_secrets.references import (
    Operations,
    adding,
    is_named,
    putting_back,
    taking_out,
)
from private_registry.pull_secrets.retrying import Found, change_as_read
from private_registry.pull_secrets.secret import (
    DATA_KEY,
    TYPE,
    PullSecret,
    is_as_sent,
    is_ours,
    login_of,
    says_the_same,
)
from private_registry.pull_secrets.undoing import Undo, Undoing

_SECRET, _ACCOUNT, _NAMESPACE = "secret", "serviceaccount", "namespace"
# What the API itself puts into an object; the version of what is replaced has to be
# told.
_SERVER_SIDE = ("uid", "creationTimestamp", "managedFields", "selfLink")
_VERSION = "resourceVersion"
_API = "the cluster's API"
_ONCE_MORE = "run the same command once more"


class Cluster:
    """The cluster that a node belongs to.

    Args:
        node: whose kubectl is used.
        hidden: texts that must show in no message.
    """

    def __init__(self, node: Node, hidden: Iterable[str] = ()) -> None:
        self._kubectl = Kubectl(node, hidden)
        self._undoing = Undoing()
        self._of_others: Set[Reference] = set()

    @property
    def of_others(self) -> FrozenSet[Reference]:
        """Those references that `make` was to add, and somebody else had added in
        between.
        """
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
        """Create or update the Secrets and let the service accounts name them: all or
        nothing.

        Raises:
            NodeError: the API refused something, or did not answer; all is as before.
            LeftBehindError: not all of it could be put back.
        """
        try:
            for step in steps:
                self._do(step, dry_run=False)
        except BaseException as error:
            self.undo(error)
            raise

    def take_back(self, secrets: Iterable[MadeSecret]) -> Tuple[str, ...]:
        """Delete those Secrets that are still ours, and take out what we had accounts
        name.

        Returns:
            What was left, for people, a line each.

        Raises:
            NodeError: the API refused something, or did not answer; all is as before.
            LeftBehindError: not all of it could be put back.
        """
        notes = []
        try:
            for secret in secrets:
                notes += self._take_back(secret)
        except BaseException as error:
            self.undo(error)
            raise
        return tuple(notes)

    def undo(self, why: BaseException) -> None:
        """Put everything back that was sent, the last first.

        Args:
            why: what failed.

        Raises:
            LeftBehindError: some of it could not be put back; the rest was.
        """
        self._undoing.put_back(why)

    def _send(
        self, request: Callable[[], None], undo: Undo, *, dry_run: bool = False
    ) -> None:
        if dry_run:
            request()
        else:
            self._undoing.send(request, undo)

    def _step(self, secret: PullSecret, namespace: str) -> SecretStep:
        if not self._is_there(namespace):
            raise no_namespace(namespace, self._kubectl.typed)
        before = self._secret(secret.name, namespace)
        accounts = [self._account(each, namespace) for each in secret.service_accounts]
        naming = tuple(each for each in accounts if not is_named(each, secret.name))
        return SecretStep(secret.manifest(namespace), before, naming)

    def _is_there(self, namespace: str) -> bool:
        try:
            return self._kubectl.get(_NAMESPACE, namespace) is not None
        except NoRightError:
            # Whoever may not see namespaces may be allowed to write into one.
            return True

    def _secret(self, name: str, namespace: str) -> Found:
        found: Found = self._kubectl.get(_SECRET, name, namespace)
        if found is not None and (not is_ours(found) or found.get("type") != TYPE):
            raise self._of_somebody_else(name, namespace)
        return found

    def _account(self, name: str, namespace: str) -> Plain:
        found: Found = self._kubectl.get(_ACCOUNT, name, namespace)
        if found is None:
            raise NodeError(
                f"there is no service account {name} in namespace {namespace}",
                place="option --service-account",
                remedy=(
                    f"{self._kubectl.typed} create serviceaccount -n {namespace} {name}"
                ),
            )
        return found

    def _do(self, step: SecretStep, *, dry_run: bool) -> None:
        if step.is_written:
            self._write(step, dry_run=dry_run)
        for account in step.accounts:
            self._refer(account, step.name, dry_run=dry_run)

    # --- Secrets ----------------------------------------------------------------------

    def _write(self, step: SecretStep, *, dry_run: bool) -> None:
        def change(before: Found) -> None:
            if before is None:
                request = partial(self._kubectl.create, step.manifest, dry_run=dry_run)
                undo = self._undo_of_creation(step)
            elif not says_the_same(before, step.manifest):
                updated = _updated(before, step.manifest)
                request = partial(self._kubectl.replace, updated, dry_run=dry_run)
                undo = _undo_of_update(step, partial(self._unwrite, step, before))
            else:
                return
            self._send(request, undo, dry_run=dry_run)

        read = partial(self._secret, step.name, step.namespace)
        change_as_read(_shown(step), read, change, step.before)

    def _uncreate(self, step: SecretStep) -> None:
        def change(now: Found) -> None:
            if now is None or login_of(now) != login_of(step.manifest):
                return
            if not is_as_sent(now, step.manifest):
                raise NodeError(f"{_shown(step)} is not as it was made", place=_API)
            self._kubectl.delete_secret(now)

        read = partial(self._kubectl.get, _SECRET, step.name, step.namespace)
        change_as_read(_shown(step), read, change, read())

    def _unwrite(self, step: SecretStep, before: Plain) -> None:
        def change(now: Found) -> None:
            if now is not None and says_the_same(now, step.manifest):
                self._kubectl.replace(_updated(now, before))

        read = partial(self._kubectl.get, _SECRET, step.name, step.namespace)
        change_as_read(_shown(step), read, change, read())

    def _delete(self, secret: MadeSecret) -> List[str]:
        def change(now: Found) -> Found:
            if now is not None and is_ours(now):
                again = partial(self._create_again, secret, now)
                undo = Undo(again, f"{_shown(secret)} may be gone", _ONCE_MORE)
                self._send(partial(self._kubectl.delete_secret, now), undo)
            return now

        read = partial(self._kubectl.get, _SECRET, secret.name, secret.namespace)
        before = change_as_read(_shown(secret), read, change, read())
        if before is not None and not is_ours(before):
            return [f"{_shown(secret)} is no longer labelled as ours; it stays"]
        return []

    def _create_again(self, secret: MadeSecret, before: Plain) -> None:
        def change(now: Found) -> None:
            if now is None:
                self._kubectl.create(_bare(before, _VERSION))

        read = partial(self._secret, secret.name, secret.namespace)
        change_as_read(_shown(secret), read, change, read())

    # --- service accounts -------------------------------------------------------------

    def _refer(self, account: Plain, name: str, *, dry_run: bool) -> None:
        reference = Reference(
            account["metadata"]["namespace"], account["metadata"]["name"], name
        )

        def change(now: Found) -> None:
            operations = [] if now is None else adding(now, name)
            if operations:
                request = self._patch(reference, operations, dry_run=dry_run)
                undo = self._undo_of_naming(reference)
                self._send(request, undo, dry_run=dry_run)
            elif not dry_run:
                self._of_others.add(reference)

        read = partial(self._account, reference.account, reference.namespace)
        change_as_read(_shown_account(reference), read, change, account)

    def _unrefer(self, reference: Reference) -> None:
        self._change_account(
            reference, partial(taking_out, secret=reference.secret, exactly=True)
        )

    def _refer_again(self, reference: Reference, before: Plain) -> None:
        patch = partial(putting_back, before=before, secret=reference.secret)
        self._change_account(reference, patch)

    def _change_account(
        self,
        reference: Reference,
        patch: Callable[[Plain], Operations],
        undo_of: Optional[Callable[[Plain], Undo]] = None,
    ) -> None:
        """Patch an account, if it is there and anything is to be changed.

        Args:
            reference: with the account.
            patch: decides what to change by the account as it was read.
            undo_of: says by the same how it is put back; None where that itself is an
                undo.
        """

        def change(now: Found) -> None:
            operations = [] if now is None else patch(now)
            if now is None or not operations:
                return
            request = self._patch(reference, operations)
            if undo_of is None:
                request()
            else:
                self._send(request, undo_of(now))

        read = partial(
            self._kubectl.get, _ACCOUNT, reference.account, reference.namespace
        )
        change_as_read(_shown_account(reference), read, change, read())

    def _patch(
        self, reference: Reference, operations: Operations, *, dry_run: bool = False
    ) -> Callable[[], None]:
        where = {"name": reference.account, "namespace": reference.namespace}
        return partial(
            self._kubectl.patch, _ACCOUNT, where, operations, dry_run=dry_run
        )

    def _take_back(self, secret: MadeSecret) -> List[str]:
        for account in secret.service_accounts:
            reference = Reference(secret.namespace, account, secret.name)
            patch = partial(taking_out, secret=secret.name)
            self._change_account(
                reference, patch, partial(self._undo_of_taking_out, reference)
            )
        return self._delete(secret)

    def _undo_of_taking_out(self, reference: Reference, before: Plain) -> Undo:
        left = f"{_shown_account(reference)} may no longer name {reference.secret}"
        return Undo(partial(self._refer_again, reference, before), left, _ONCE_MORE)

    # --- what people are told to type -------------------------------------------------

    def _undo_of_creation(self, step: SecretStep) -> Undo:
        left = f"{_shown(step)} may still be there"
        remedy = self._deleting(step.name, step.namespace)
        return Undo(partial(self._uncreate, step), left, remedy)

    def _undo_of_naming(self, reference: Reference) -> Undo:
        left = f"{_shown_account(reference)} may still name {reference.secret}"
        account = f"serviceaccount -n {reference.namespace} {reference.account}"
        taking_out_by_hand = f"(take {reference.secret} out of imagePullSecrets)"
        remedy = f"{self._kubectl.typed} edit {account} {taking_out_by_hand}"
        return Undo(partial(self._unrefer, reference), left, remedy)

    def _deleting(self, name: str, namespace: str) -> str:
        return f"{self._kubectl.typed} {MadeSecret(name, namespace).deleting}"

    def _of_somebody_else(self, name: str, namespace: str) -> ConflictError:
        return ConflictError(
            f"somebody else has a Secret {name} in namespace {namespace}",
            place="option --pull-secret",
            remedy=(
                f"give another name, or delete it: {self._deleting(name, namespace)}"
            ),
        )


def _undo_of_update(step: SecretStep, put_back: Callable[[], None]) -> Undo:
    left = f"{_shown(step)} may hold the new login"
    return Undo(put_back, left, "give the login that is to count once more")


def _shown(secret: Union[SecretStep, MadeSecret]) -> str:
    return f"the Secret {secret.name} in namespace {secret.namespace}"


def _shown_account(reference: Reference) -> str:
    return f"the service account {reference.account} in namespace {reference.namespace}"


def _updated(now: Plain, wanted: Plain) -> Dict[str, Any]:
    """Return a Secret with another login, and whatever others put on it."""
    data = {**(now.get("data") or {}), DATA_KEY: wanted["data"][DATA_KEY]}
    return {**_bare(now), "data": data}


def _bare(plain: Plain, *others: str) -> Dict[str, Any]:
    """Return an object without what the API itself put in."""
    left_out = (*_SERVER_SIDE, *others)
    metadata = {
        key: each for key, each in plain["metadata"].items() if key not in left_out
    }
    return {**plain, "metadata": metadata}
