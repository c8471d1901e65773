"""The node's state: what its own files and daemons say that every pull depends on."""

from __future__ import annotations

import os
from typing import Dict, List, NamedTuple, Optional, Tuple

from private_registry.changes.outcomes import Listing, RegistryStatus
from private_registry.changes.saved import listing_of
from private_registry.check import remedies
from private_registry.check.causes import LOGIN, Cause
from private_registry.check.findings import Finding, Remedy, Severity
from private_registry.check.lint.spegel_lint import BACKUP
from private_registry.check.lint.template_lint import lint_template
from private_registry.check.observing import (
    Runtime,
    is_for_root,
    is_hidden,
    look_at,
    proxies_of,
    runtime_of,
)
from private_registry.check.probe.proxies import Proxies
from private_registry.check.probe.result import Login
from private_registry.check.remedies import mended
from private_registry.check.remedy_facts import files_of, service_of
from private_registry.check.setup import Setup
from private_registry.containerd.cri import calls
from private_registry.containerd.daemon import Containerd, version_of
from private_registry.containerd.releases import Version
from private_registry.containerd.template import Template, shown_key
from private_registry.containerd.template_file import (
    TEMPLATE_PATH,
    TemplateFile,
    loaded_template,
    read_template,
)
from private_registry.errors import ConflictError, NodeError, PrivateRegistryError
from private_registry.node.file_values import NodePath, Root
from private_registry.node.paths import (
    CERTS_D,
    CONTAINERD_ENVIRONMENT,
    DATA_IN_TEMPLATE,
    RENDERED,
    Node,
)
from private_registry.texts.showing import quoted, shown_place
from private_registry.transaction import commit, records

_APPLY = Remedy(remedies.APPLY)
_ANSWER_SECONDS = 5


class NodeState(NamedTuple):
    """A node, as far as this user sees it.

    Args:
        template: containerd's configuration as the running one has it, else as it will
            have it; None where it cannot be read.
        version: of its containerd.
        runtime: the running one.
        proxies: that it asks.
        listing: the saved registries; None where they cannot be read.
        findings: about the node as a whole; a fault that explains nothing else ends
            every pull.
        hints: about single registries.
        unseen: what this user may not look at, for people.
    """

    template: Optional[Template]
    version: Optional[Version]
    runtime: Runtime
    proxies: Proxies
    listing: Optional[Listing]
    findings: Tuple[Finding, ...]
    hints: Tuple[Finding, ...]
    unseen: Tuple[str, ...]

    @property
    def is_down(self) -> bool:
        """Whether no pull can work, whatever is configured."""
        return any(each.is_fault and not each.explains for each in self.findings)

    def login(self, host: str) -> Optional[Login]:
        """Return what containerd logs in to a host with."""
        if self.template is None:
            return None
        try:
            found = self.template.get(("configs", host, "auth"))
        except ConflictError:
            return None
        return _login(found)

    @property
    def logins(self) -> Dict[str, Login]:
        """What containerd logs in with, by host."""
        keys = () if self.template is None else self.template.keys
        hosts = [key[1] for key in keys if key[0] == "configs" and key[-1] == "auth"]
        found = ((host, self.login(host)) for host in hosts)
        return {host: login for host, login in found if login is not None}

    def is_as_saved(self, registry: str) -> bool:
        """Whether this addon configured a registry, and nobody has changed it by
        hand since.
        """
        saved = () if self.listing is None else self.listing.registries
        return any(
            str(each.registry.name) == registry
            and not each.missing
            and not each.differing
            for each in saved
        )

    def is_saved(self, registry: str) -> bool:
        """Whether this addon has saved a registry, whatever the node has of it."""
        saved = () if self.listing is None else self.listing.registries
        return any(str(each.registry.name) == registry for each in saved)

    def has_pull_secret(self, registry: str) -> bool:
        """Whether pods log in by a Secret that was made from here."""
        made = () if self.listing is None else self.listing.pull_secrets
        return any(each.registry == registry for each in made)


def observe(node: Node) -> NodeState:
    """Look at a node."""
    unseen: List[str] = []
    file, findings = _template(node, unseen)
    _name_hidden(node, unseen)
    runtime = runtime_of(node)
    loaded = _loaded(node, unseen) if runtime.process is not None else None
    version = version_of(node)
    written = None if file is None else file.template
    lint: List[Finding] = []
    if written is not None:
        lint = [
            _placed(each, written)
            for each in _lint(node, written, loaded, version, unseen)
        ]
        findings += [_mended_if_fault(node, e) for e in lint if not e.registry]
    if not any(each.is_fault for each in findings):
        findings += _of_runtime(node, runtime, unseen)
    listing, hints = _saved(node, unseen)
    hints += [each for each in lint if each.registry]
    if file is not None and listing is not None:
        hints += _pending(node, file, loaded, listing)
    findings += _of_earlier_runs(node, unseen)
    return NodeState(
        template=loaded or written,
        version=version,
        runtime=runtime,
        proxies=proxies_of(node, runtime.process),
        listing=listing,
        findings=tuple(findings),
        hints=tuple(hints),
        unseen=tuple(unseen),
    )


def _lint(
    node: Node,
    written: Template,
    loaded: Optional[Template],
    version: Optional[Version],
    unseen: List[str],
) -> Tuple[Finding, ...]:
    own = lint_template(written, loaded, version)
    path = written.config_path
    if path is None or any(each.cause is Cause.CONFIG_PATH_LIST for each in own):
        return own
    tree = os.path.join(node.data, CERTS_D)
    roots = node.rendered(path).split(":")
    if tree in (os.path.realpath(root) for root in roots):
        return own
    if any(is_hidden(root, os.F_OK) for root in roots):
        unseen.append(f"{shown_place(path)}: whether it leads to this node's certs.d")
        return own
    right = f"{DATA_IN_TEMPLATE}/{CERTS_D}"
    script = f's|^\\( *config_path *= *\\).*|\\1"{right}"|'
    command = (
        f"sudo sed -i '{script}' {quoted(written.source)} && {node.restart_command}"
    )
    elsewhere = Finding(
        Cause.CONFIG_PATH_ELSEWHERE,
        f"containerd looks for registries in {shown_place(path)} and not in this node's"
        " certs.d",
        where=written.source,
        remedy=Remedy(command),
    )
    return (*own, elsewhere)


def _placed(finding: Finding, template: Template) -> Finding:
    """Name the registry that a finding about a single entry of the template is
    about.
    """
    places = {template.place_of(key): key for key in template.keys}
    key = places.get(finding.where)
    if key is None or finding.registry or not finding.explains:
        return finding
    host = (key[1].partition("://")[2] or key[1]).partition("/")[0]
    return finding._replace(registry=host.rpartition("@")[2])


def missing_pause_image(state: NodeState) -> Optional[str]:
    """Return the image that each pod is started with where containerd has not got
    it.
    """
    image = None if state.template is None else state.template.sandbox_image
    if image is None or not state.runtime.has_cri:
        return None
    is_there = calls.has_image(state.runtime.socket, image, _ANSWER_SECONDS)
    return image if is_there is False else None


def _template(
    node: Node, unseen: List[str]
) -> Tuple[Optional[TemplateFile], List[Finding]]:
    try:
        return read_template(node), []
    except (NodeError, ConflictError) as error:
        if is_for_root(error.__cause__):
            path = node.shown(TEMPLATE_PATH)
            unseen.append(f"{path}: logins, and whether hosts.toml is read at all")
            return None, []
        place, _, line = (error.place or "").partition(", line ")
        edit = Remedy(f"sudo nano {f'+{line} ' if line else ''}{quoted(place)}")
        finding = Finding(
            Cause.TEMPLATE_NOT_TOML,
            error.message,
            where=error.place or "",
            why="containerd cannot start with it",
            remedy=edit if line else Remedy(error.remedy or ""),
        )
        return None, [finding]


def _name_hidden(node: Node, unseen: List[str]) -> None:
    """Name what else of containerd's configuration this user may not look at."""
    certs_d = NodePath(Root.DATA, CERTS_D)
    if is_hidden(node.absolute(certs_d), os.R_OK | os.X_OK):
        unseen.append(
            f"{node.shown(certs_d)}: which registries are configured, and how"
        )
    environment = NodePath(Root.DATA, CONTAINERD_ENVIRONMENT)
    if is_hidden(node.absolute(environment)):
        unseen.append(
            f"{node.shown(environment)}: whether containerd asks through a proxy"
        )


def _loaded(node: Node, unseen: List[str]) -> Optional[Template]:
    try:
        return loaded_template(node)
    except PermissionError as error:
        unseen.append(f"{error.filename}: what containerd has loaded")
        return None


def _of_runtime(node: Node, runtime: Runtime, unseen: List[str]) -> List[Finding]:
    if not runtime.is_seen:
        unseen.append(f"{runtime.socket}: whether containerd runs and its CRI answers")
        return []
    if runtime.process is None:
        return [_mended(node, Cause.CONTAINERD_DOWN, runtime.socket)]
    if runtime.has_cri:
        return []
    words = Containerd(node).cri_error() or ""
    found = _mended(node, Cause.CRI_MISSING, runtime.socket)
    return [found._replace(why=words)]


def _mended(node: Node, cause: Cause, where: str = "") -> Finding:
    return _mended_if_fault(node, Finding(cause, cause.told(), where=where))


def _mended_if_fault(node: Node, finding: Finding) -> Finding:
    if not finding.is_fault:
        return finding
    files, service = files_of(node), service_of(node)
    setup = Setup(where=finding.where, files=files, service=service)
    return mended(finding, setup._replace(has_plugin=node.has_plugin))


def _saved(node: Node, unseen: List[str]) -> Tuple[Optional[Listing], List[Finding]]:
    try:
        listing = listing_of(records.with_docker(node))
    except PermissionError as error:
        unseen.append(f"{error.filename}: what was configured by this addon")
        return None, []
    except PrivateRegistryError:
        # The template's own finding, or what `list` says of it.
        return None, []
    return listing, [
        each
        for status in listing.registries
        if not _has_moved(node, status)
        for each in _unlike(node, status)
    ]


def _has_moved(node: Node, status: RegistryStatus) -> bool:
    """Whether Spegel has moved a registry's directory away, which has its finding."""
    tree = os.path.join(node.data, CERTS_D)
    names = {os.path.basename(each.directory.path) for each in status.missing}
    moved = look_at(os.path.join(tree, BACKUP)).names or ()
    return bool(names.intersection(moved))


def _unlike(node: Node, status: RegistryStatus) -> List[Finding]:
    name = str(status.registry.name)
    if status.missing:
        where = node.shown(status.missing[0])
        what = "it was configured by this addon and is missing on this node"
        return [Finding(Cause.NOT_AS_SAVED, what, name, where=where, remedy=_APPLY)]
    if not status.differing:
        return []
    where = node.shown(status.differing[0])
    return [
        Finding(
            Cause.NOT_AS_SAVED,
            "somebody changed by hand what this addon had written",
            name,
            where=where,
            remedy=Remedy(f"{remedies.APPLY} --adopt"),
            severity=Severity.NOTE,
        )
    ]


def _pending(
    node: Node, file: TemplateFile, loaded: Optional[Template], listing: Listing
) -> List[Finding]:
    if loaded is None:
        return []
    keys = {*file.template.keys, *listing.still_loaded}
    unloaded = Containerd(node).unloaded(file.text, keys)
    return [
        Finding(
            Cause.RESTART_PENDING,
            f"containerd still has other words on {shown_key(key)} than its"
            " configuration",
            key[1],
            where=node.shown(NodePath(Root.DATA, RENDERED)),
            why="It reads them at its start only",
            remedy=Remedy(node.restart_command),
            explains=LOGIN,
        )
        for key in sorted(unloaded)
    ]


def _of_earlier_runs(node: Node, unseen: List[str]) -> List[Finding]:
    try:
        is_interrupted = commit.is_interrupted(node)
    except PermissionError as error:
        unseen.append(
            f"{error.filename}: whether an earlier run of this addon was killed"
        )
        return []
    interrupted = _mended(node, Cause.INTERRUPTED_RUN)
    every = frozenset(Cause)
    return [interrupted._replace(explains=every)] if is_interrupted else []


def _login(found: object) -> Optional[Login]:
    if not isinstance(found, dict):
        return None
    username, password, encoded = (
        found.get(key) for key in ("username", "password", "auth")
    )
    if username:
        return Login(str(username), str(password or ""))
    return _decoded(str(encoded)) if encoded else None


def _decoded(encoded: str) -> Optional[Login]:
    import base64  # noqa: PLC0415 - rarely needed

    try:
        username, _, password = base64.b64decode(encoded).decode().partition(":")
    except ValueError:
        return None
    return Login(username, password.strip("\0"))
