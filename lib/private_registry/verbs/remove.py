"""The verb ``remove``, which is ``disable``, too: takes registries back."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator, List, Tuple

from private_registry.changes.change import (
    InCluster,
    Options,
    make_so,
    take_everything_back,
)
from private_registry.changes.outcomes import Outcome
from private_registry.changes.requests import RemoveRequest, desired_after_remove
from private_registry.changes.saved import saved_state
from private_registry.changes.turn import turn_of
from private_registry.cli.change_options import How, how_of
from private_registry.cli.files_given import Inputs
from private_registry.cli.parser import Parser
from private_registry.cli.verb import Call, Verb
from private_registry.errors import NodeError, UsageError
from private_registry.node.paths import Node
from private_registry.pull_secrets.cluster import Cluster
from private_registry.pull_secrets.kubectl import NoRightError
from private_registry.pull_secrets.part import TakenBack, part_to_take_back
from private_registry.registries.names import (
    EVERY_REGISTRY,
    RegistryName,
    parse_registry_name,
)
from private_registry.transaction import records
from private_registry.transaction.plan import Plan
from private_registry.verbs.afterwards import tell

DISABLE = "microk8s disable private-registry-config"


def _read(
    name: str, arguments: List[str], _inputs: Inputs
) -> Tuple[RemoveRequest, How]:
    parser = Parser()
    parser.values("--registry", "--pull-secret")
    parser.flags("--all", "--keep-pull-secrets", "--dry-run", "--json", "--no-restart")
    values = parser.read(arguments, name)
    names = tuple(_name_to_remove(each) for each in values.registry)
    some = bool(names or values.pull_secret)
    everything = values.all or (name == DISABLE and not some)
    if values.all and some:
        raise UsageError(
            "--all takes back everything and stands alone", instead="--all"
        )
    if values.keep_pull_secrets and values.pull_secret:
        raise UsageError(
            "--keep-pull-secrets and --pull-secret exclude each other",
            place="option --keep-pull-secrets",
        )
    if not some and not everything:
        raise UsageError(
            "which registry should be taken back?",
            instead="--registry HOST[:PORT]   or   --all",
        )
    request = RemoveRequest(
        names, everything, tuple(values.pull_secret), values.keep_pull_secrets
    )
    return request, how_of(values)


def _name_to_remove(text: str) -> RegistryName:
    if text == EVERY_REGISTRY:
        return RegistryName(EVERY_REGISTRY)
    scheme, separator, rest = text.partition("://")
    known = separator and scheme.lower() in ("http", "https")
    return parse_registry_name(rest if known else text, "--registry")


def remove(found: Node, request: RemoveRequest, options: Options) -> Outcome:
    """Take registries and pull secrets back, or everything.

    Raises:
        PrivateRegistryError: see errors.py; nothing has changed then.
    """
    with turn_of(found, options) as node:
        gone = part_to_take_back(
            node,
            request.names,
            request.pull_secrets,
            everything=request.everything,
            keep=request.keep_pull_secrets,
        )
        with _out_of_the_cluster(node, gone, options) as notes:
            outcome = _remove_from_node(node, request, gone, options)
        notes = (*notes, *gone.left, *outcome.notes)
        return outcome._replace(secrets=gone.changed, notes=notes)


def _remove_from_node(
    node: Node, request: RemoveRequest, gone: TakenBack, options: Options
) -> Outcome:
    if request.everything:
        return take_everything_back(node, options)
    saved = saved_state(node)
    in_secrets = {each.registry for each in gone.gone}
    unknown = tuple(
        each
        for each in dict.fromkeys(request.names)
        if saved.get(each) is None and str(each) not in in_secrets
    )
    known = frozenset(request.names).difference(unknown)
    if not known and not gone.gone:
        nothing = Plan((), records.ledgers(node))
        enabled = (node.is_enabled, node.is_enabled)
        return Outcome(node, nothing, saved, enabled, (), unknown)
    desired = desired_after_remove(saved, request)
    outcome = make_so(node, desired, known, options, InCluster(made=gone.staying))
    return outcome._replace(unknown=unknown)


@contextmanager
def _out_of_the_cluster(
    node: Node, gone: TakenBack, options: Options
) -> Iterator[Tuple[str, ...]]:
    """Take Secrets out of the cluster, and put them back if the rest fails.

    Yields notes.
    """
    if not gone.gone or options.dry_run:
        yield ()
        return
    cluster = Cluster(node)
    try:
        notes = cluster.take_back(gone.gone)
    except NoRightError as error:
        commands = "; ".join(f"microk8s kubectl {each.deleting}" for each in gone.gone)
        error.remedy = (
            f"on a control plane node: {commands}; then here again: --keep-pull-secrets"
        )
        raise
    except NodeError as error:
        error.remedy = (
            f"{error.remedy or 'mend that'}; or leave the Secrets: --keep-pull-secrets"
        )
        raise
    try:
        yield notes
    except BaseException as error:
        cluster.undo(error)
        raise


def _run(request: RemoveRequest, how: How, call: Call) -> int:
    node = call.node
    return tell(node, remove(node, request, call.options(how)), how, call)


VERB = Verb(_read, _run)
