"""What a command means for pull secrets in the cluster, and what of them is
remembered.
"""

from __future__ import annotations

from typing import Dict, Iterable, List, Sequence, Tuple

from private_registry.errors import UsageError
from private_registry.named_tuple import NamedTuple
from private_registry.node.paths import Node
from private_registry.pull_secrets.cluster import Cluster
from private_registry.pull_secrets.made_secrets import (
    ChangedSecret,
    MadeSecret,
    SecretChange,
)
from private_registry.pull_secrets.namespace_steps import Reference, SecretStep
from private_registry.pull_secrets.record import made_secrets
from private_registry.pull_secrets.secret import PullSecret, hidden_in
from private_registry.registries.names import RegistryName
from private_registry.transaction.follower import Follower
from private_registry.transaction.journal import Journal
from private_registry.transaction.part import PlainPart


class _Making:
    """Makes Secrets when all else is done, and undoes that by itself where it fails."""

    # The record of what may be there has to be undone with it.
    needs_journal = True
    order = 3

    def __init__(self, cluster: Cluster, steps: Sequence[SecretStep]) -> None:
        self._cluster = cluster
        self._steps = steps

    def noted_in(self, journal: Journal) -> Journal:
        """Return the journal: the record tells of Secrets that may be there."""
        return journal

    def take(self, _staging: str) -> None:
        """Make the Secrets: all, or none of them."""
        self._cluster.make(self._steps)

    def settle(self, _staging: str) -> None:
        """Leave it: what was made in part is undone already."""


class ClusterPart(PlainPart):
    """What is to be made in the cluster.

    Args:
        cluster: where.
        steps: namespace by namespace.
        changed: the same, for people.
        made: what is to be remembered then.
    """

    def __init__(
        self,
        cluster: Cluster,
        steps: Sequence[SecretStep],
        changed: Tuple[ChangedSecret, ...],
        made: Tuple[MadeSecret, ...],
    ) -> None:
        super().__init__({})
        self.changed = changed
        self.made = made
        self._cluster = cluster
        self._steps = steps

    @property
    def is_change(self) -> bool:
        """Whether anything in the cluster changes."""
        return any(each.is_change for each in self.changed)

    @property
    def followers(self) -> Tuple[Follower, ...]:
        """Who makes the Secrets."""
        return (_Making(self._cluster, self._steps),) if self.is_change else ()

    @property
    def made_by_us(self) -> Tuple[MadeSecret, ...]:
        """What is to be remembered after `make`: no reference that somebody else was
        first with.
        """
        others = self._cluster.of_others
        return tuple(
            each._replace(
                service_accounts=tuple(
                    account
                    for account in each.service_accounts
                    if Reference(each.namespace, account, each.name) not in others
                )
            )
            for each in self.made
        )


def part_to_make(node: Node, secret: PullSecret) -> ClusterPart:
    """Work out what is to be done for a pull secret.

    Raises:
        UsageError: a secret of that name is for another registry.
        ConflictError: somebody else has a Secret of that name.
        NodeError: the API does not answer, or would refuse something.
    """
    known = {each.key: each for each in made_secrets(node)}
    registry = None if secret.registry is None else str(secret.registry)
    for namespace in secret.namespaces:
        there = known.get((namespace, secret.name))
        if there is not None and there.registry != registry:
            raise UsageError(
                f"the pull secret {secret.name} is for"
                f" {there.registry or 'a config.json'} already",
                place="option --pull-secret",
                remedy="give another name; a pod or service account can name several",
            )
    cluster = Cluster(node, hidden_in(secret.docker_config))
    steps = tuple(cluster.steps_for(secret))
    changed = []
    for step in steps:
        made = known.get((step.namespace, step.name))
        accounts = made.service_accounts if made else ()
        now = MadeSecret(
            step.name,
            step.namespace,
            registry,
            tuple(dict.fromkeys((*accounts, *step.references))),
        )
        known[now.key] = now
        changed.append(ChangedSecret(_change_of(step), now, step.references))
    return ClusterPart(cluster, steps, tuple(changed), tuple(known.values()))


class TakenBack(NamedTuple):
    """What is to be taken out of the cluster.

    Args:
        gone: these.
        staying: what is to be remembered then.
        left: what is forgotten and stays in the cluster, for people, a line each.
    """

    gone: Tuple[MadeSecret, ...] = ()
    staying: Tuple[MadeSecret, ...] = ()
    left: Tuple[str, ...] = ()

    @property
    def changed(self) -> Tuple[ChangedSecret, ...]:
        """The same, for people."""
        return tuple(
            ChangedSecret(SecretChange.DELETE, each, each.service_accounts)
            for each in self.gone
        )


def part_to_take_back(
    node: Node,
    registries: Iterable[RegistryName],
    names: Iterable[str],
    *,
    everything: bool,
    keep: bool,
) -> TakenBack:
    """Work out which pull secrets go.

    Args:
        node: from which they were made.
        registries: those with a login in one of these go.
        names: these go.
        everything: all of them go.
        keep: the cluster is left alone.
    """
    made = made_secrets(node)
    if keep and everything:
        left = (
            f"left in the cluster: Secret {each.name} in namespace {each.namespace}"
            for each in made
        )
        return TakenBack(left=tuple(left))
    if keep:
        return TakenBack(staying=made)
    hosts = {str(name) for name in registries}
    named = frozenset(names)
    parts: Dict[bool, List[MadeSecret]] = {True: [], False: []}
    for each in made:
        is_named = each.name in named or each.registry in hosts
        parts[everything or is_named].append(each)
    return TakenBack(tuple(parts[True]), tuple(parts[False]))


def _change_of(step: SecretStep) -> SecretChange:
    if step.before is None:
        return SecretChange.CREATE
    return SecretChange.UPDATE if step.is_written else SecretChange.KEEP
