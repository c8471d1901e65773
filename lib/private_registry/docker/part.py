"""What the desired state means for this machine's Docker engine."""

from __future__ import annotations

import os
from typing import Dict, FrozenSet, List, Optional, Tuple

from private_registry.docker import discovery
from private_registry.docker.daemon_json import DaemonEdit, plan_daemon, with_daemon
from private_registry.docker.engine import DockerEngine
from private_registry.docker.reach import Reload
from private_registry.docker.trust import DockerTrust, docker_trust
from private_registry.errors import (
    ConflictError,
    NodeError,
    PrivateRegistryError,
    UsageError,
)
from private_registry.named_tuple import NamedTuple
from private_registry.node import trusted_places
from private_registry.node.file_values import (
    DockerPlaces,
    NodePath,
    ObservedFile,
    Root,
    WantedFile,
    file_mode,
)
from private_registry.node.paths import Node
from private_registry.registries.model import DesiredState, Registry
from private_registry.registries.names import RegistryName
from private_registry.texts import json_edits
from private_registry.texts.json_text import JsonSyntaxError
from private_registry.texts.showing import moved_aside
from private_registry.transaction import records
from private_registry.transaction.follower import Follower
from private_registry.transaction.plan import Plan


class DockerPart(NamedTuple):
    """What becomes of a Docker engine's files.

    Args:
        node: with the engine's places.
        trust: what the engine should know.
        observed: daemon.json as it is; None where there is none.
        edit: how it should be.
        engine: takes it.
        must_reload: it runs and has something else loaded than it should have.
    """

    node: Node
    trust: DockerTrust
    observed: Optional[ObservedFile]
    edit: DaemonEdit
    engine: DockerEngine
    must_reload: bool

    @property
    def places(self) -> DockerPlaces:
        """Where the engine's files are."""
        assert self.node.docker is not None  # noqa: S101 - made so
        return self.node.docker

    @property
    def files(self) -> Dict[NodePath, WantedFile]:
        """The certificates and keys that should be there."""
        place = self.places.certs_d
        return {
            NodePath(Root.DOCKER_CERTS, f"{place.path}/{name}"): file
            for name, file in self.trust.files(place).items()
        }

    def is_about(self, path: NodePath, names: FrozenSet[RegistryName]) -> bool:
        """Whether a file is a certificate of one of some registries."""
        host = self.trust.hosts.get(path.directory.name)
        is_ours = host is not None and not names.isdisjoint(host.owners)
        return path.root is Root.DOCKER_CERTS and is_ours

    def refuse(self) -> None:
        """Raise nothing: what Docker would refuse was, when its file was read."""

    @property
    def followers(self) -> Tuple[Follower, ...]:
        """The engine, if it has to be reloaded."""
        return (self.engine,) if self.must_reload else ()

    def reload_of(self, plan: Plan) -> Reload:
        """Return what becomes of the engine when a plan is carried out."""
        if self.must_reload:
            return Reload.DONE
        is_changed = any(each.path.root is Root.DOCKER for each in plan.changes)
        is_next = is_changed and not self.engine.is_running
        return Reload.AT_START if is_next else Reload.NONE

    def added_to(self, plan: Plan) -> Plan:
        """Put daemon.json into a plan that has all other files."""
        place = self.places.config
        path = NodePath(Root.DOCKER, place.path)
        new = WantedFile(b"", file_mode(place), owner=place.owner)
        plan = with_daemon(plan, path, self.observed, self.edit, new)
        ledger = plan.ledgers[Root.DOCKER]
        is_spent = (
            ledger._replace(places=None).is_empty
            and plan.ledgers[Root.DOCKER_CERTS].is_empty
        )
        ledger = ledger._replace(places=None if is_spent else self.places)
        return plan._replace(ledgers={**plan.ledgers, Root.DOCKER: ledger})


def is_in_docker(node: Node, registry: Registry) -> Optional[bool]:
    """Whether Docker's files say of a registry what they should.

    None if that is out of sight.
    """
    if node.is_confined:
        return None
    trust = docker_trust([registry])
    if node.docker is None:
        return not trust.hosts and not any(trust.lists.values())
    places = node.docker
    try:
        config = NodePath(Root.DOCKER, places.config.path)
        text = _text(records.observe_file(node, config), "") or "{}"
        there = {key: json_edits.texts(text, key) for key in trust.lists}
        files = {
            name: records.read(
                node, NodePath(Root.DOCKER_CERTS, f"{places.certs_d.path}/{name}")
            )
            for name in trust.files(places.certs_d)
        }
    except (PrivateRegistryError, JsonSyntaxError):
        return False
    return all(
        set(texts) <= set(there[key]) for key, texts in trust.lists.items()
    ) and all(
        files[name] == file.content
        for name, file in trust.files(places.certs_d).items()
    )


def docker_part(node: Node, desired: DesiredState) -> DockerPart:
    """Work out what becomes of an engine's files.

    Raises:
        NodeError, UsageError, ConflictError: as ``reach.docker_reach`` says.
    """
    trust = docker_trust(desired.registries)
    if node.docker is not None:
        _check_same_engine(node.docker.config.absolute, desired)
        engine = discovery.engine_of(node.docker.config.absolute)
    elif desired.docker_config is not None:
        engine = discovery.engine_of(desired.docker_config)
    else:
        engine = discovery.the_engine(trusted_places.caller(os.environ))
    places = node.docker or engine.places
    node = node._replace(docker=places)
    path = NodePath(Root.DOCKER, places.config.path)
    observed = records.observe_file(node, path)
    text = _text(observed, node.shown(path))
    record = records.ledger(node, Root.DOCKER).daemon
    edit = plan_daemon(text, trust.lists, record, node.shown(path))
    _check_flags(engine.flags, edit, node.shown(path))
    _check_pairs(node, places, trust)
    follower = DockerEngine(node, engine, edit.concerned)
    must_reload = any(edit.concerned.values()) and follower.lacks(edit.text)
    return DockerPart(node, trust, observed, edit, follower, must_reload)


def _check_same_engine(config: str, desired: DesiredState) -> None:
    asked = desired.docker_config
    if asked is not None and os.path.realpath(asked) != os.path.realpath(config):
        raise UsageError(
            f"this addon's settings for Docker are in {config}, not in {asked}",
            place="option --docker-config (docker_config)",
            remedy=(
                "take them back from there first: microk8s private-registry add"
                " --registry HOST[:PORT] --no-docker"
            ),
        )


def _check_flags(flags: Tuple[str, ...], edit: DaemonEdit, place: str) -> None:
    for key in flags:
        if edit.record.lists.get(key):
            raise NodeError(
                f"dockerd has an option for {key} on its command line and would no"
                " longer start with them in its file, too",
                place=place,
                remedy=(
                    "take the option out of Docker's service (systemctl cat docker)"
                    f" and put what it says into {key} of that file"
                ),
            )


def _check_pairs(node: Node, places: DockerPlaces, trust: DockerTrust) -> None:
    """Refuse a folder that Docker would refuse as a whole: a key or certificate without
    the other.

    moby registry/registry.go ReadCertsDirectory.
    """
    ours: Dict[str, List[str]] = {}
    for path in trust.files(places.certs_d):
        host, _, name = path.rpartition("/")
        ours.setdefault(host, []).append(name)
    for host, own_names in ours.items():
        folder = NodePath(Root.DOCKER_CERTS, f"{places.certs_d.path}/{host}")
        names = {*records.names_in(node, folder), *own_names}
        for name in sorted(names):
            stem, _, ending = name.rpartition(".")
            other = {"key": "cert", "cert": "key"}.get(ending)
            if other is not None and f"{stem}.{other}" not in names:
                shown = node.shown(NodePath(Root.DOCKER_CERTS, f"{folder.path}/{name}"))
                raise ConflictError(
                    f"Docker refuses all certificates of {host}: {name} has no"
                    f" {stem}.{other}",
                    place=shown,
                    remedy=f"move it away: {moved_aside(shown)}",
                )


def _text(observed: Optional[ObservedFile], place: str) -> Optional[str]:
    if observed is None:
        return None
    if observed.is_link:
        raise ConflictError(
            "Docker's configuration is a symbolic link",
            place=place,
            remedy="name the file itself: --docker-config FILE",
        )
    try:
        return observed.content.decode()
    except UnicodeDecodeError as error:
        raise NodeError(
            "Docker's configuration cannot be read: it is not text", place=place
        ) from error
