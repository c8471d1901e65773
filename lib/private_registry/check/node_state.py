"""The node's state: what its own files and daemons say that every pull depends on."""

from __future__ import annotations

import os
from typing import Dict, List, Optional, Tuple

from private_registry.changes.listing import Listing
from private_registry.check.causes import Cause
from private_registry.check.findings import Finding, Remedy
from private_registry.check.kubelet_logins import problem_of
from private_registry.check.lint.template_lint import lint_template
from private_registry.check.observing import (
    Runtime,
    is_for_root,
    is_hidden,
    look_at,
    proxies_of,
    runtime_of,
    seconds_since_written,
)
from private_registry.check.probe.proxies import Proxies
from private_registry.check.remedies import mended
from private_registry.check.remedy_facts import files_of, service_of
from private_registry.check.setup import Setup
from private_registry.check.written_state import pending, saved_listing
from private_registry.containerd.cri import calls
from private_registry.containerd.daemon import (
    Containerd,
    version_by_cri,
    version_of,
)
from private_registry.containerd.releases import Version
from private_registry.containerd.template import Template
from private_registry.containerd.template_file import (
    TEMPLATE_PATH,
    TemplateFile,
    loaded_template,
    read_template,
)
from private_registry.errors import ConflictError, NodeError
from private_registry.kubelet.logins import (
    NO_KUBELET_LOGINS,
    KubeletLogins,
    read_kubelet_logins,
)
from private_registry.kubelet.search_path import (
    directory_of,
    files_behind,
    first_of,
    is_elsewhere,
)
from private_registry.named_tuple import NamedTuple
from private_registry.node.file_values import NodePath, Root
from private_registry.node.paths import (
    CERTS_D,
    CONTAINERD_ENVIRONMENT,
    DATA_IN_TEMPLATE,
    KUBELET_CONFIG_JSON,
    Node,
)
from private_registry.registries.logins import Login, login_in
from private_registry.registries.model import Registry
from private_registry.texts.showing import quoted, shown_place
from private_registry.transaction import commit

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
        kubelet: the logins that the kubelet hands to containerd.
        kubelet_age: seconds since their file was written; None where there is none.
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
    kubelet: KubeletLogins = NO_KUBELET_LOGINS
    kubelet_age: Optional[float] = None

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

    def saved(self, registry: str) -> Optional[Registry]:
        """Return what this addon has saved of a registry, whatever the node has of
        it.
        """
        found = () if self.listing is None else self.listing.registries
        registries = (each.registry for each in found)
        return next((each for each in registries if str(each.name) == registry), None)

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
    version = version_of(node) or version_by_cri(node)
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
    listing, hints = saved_listing(node, unseen)
    hints += [each for each in lint if each.registry]
    if file is not None and listing is not None:
        hints += pending(node, file, loaded, listing)
    findings += _of_earlier_runs(node, unseen)
    state = NodeState(
        template=loaded or written,
        version=version,
        runtime=runtime,
        proxies=proxies_of(node, runtime.process),
        listing=listing,
        findings=tuple(findings),
        hints=tuple(hints),
        unseen=(),
    )
    state = _with_kubelet(node, state, unseen)
    return state._replace(unseen=tuple(unseen))


def _with_kubelet(node: Node, state: NodeState, unseen: List[str]) -> NodeState:
    directory = directory_of(node)
    path = os.path.join(directory, "config.json")
    if not is_elsewhere(node, directory):
        path = node.shown(KUBELET_CONFIG_JSON)
    look = look_at(path)
    if look.is_hidden:
        unseen.append(f"{path}: logins that the kubelet hands to containerd")
        return state
    logins = read_kubelet_logins(look.content or b"", path)
    problems = () if look.content is None else problem_of(logins)
    if logins.problem:
        logins = first_of(files_behind(directory)) or NO_KUBELET_LOGINS
    return state._replace(
        kubelet=logins,
        kubelet_age=seconds_since_written(logins.where),
        findings=(*state.findings, *problems),
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
    if not runtime.is_running:
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
    try:
        return login_in(found) if isinstance(found, dict) else None
    except ValueError:
        return None
