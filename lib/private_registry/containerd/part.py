"""containerd: its registries' files in certs.d, and their entries in its template."""

from __future__ import annotations

from enum import Enum
from functools import lru_cache
from typing import Callable, Dict, FrozenSet, List, Optional, Sequence, Tuple

from private_registry.containerd.daemon import Containerd, version_of
from private_registry.containerd.hosts_toml import (
    HEADER,
    certificate_files,
    registry_files,
)
from private_registry.containerd.refusals import (
    check_edit,
    check_not_overriding,
    check_not_shadowed,
    check_registry_section,
    check_supported,
)
from private_registry.containerd.releases import Version
from private_registry.containerd.rendered_plan import with_rendered
from private_registry.containerd.template import Template
from private_registry.containerd.template_entries import (
    OwnedEntry,
    credential_entries,
    legacy_entries,
)
from private_registry.containerd.template_file import (
    RENDERED_PATH,
    TEMPLATE_PATH,
    TemplateFile,
    holds_old_logins,
)
from private_registry.containerd.template_plan import (
    TemplateEdit,
    TemplateSituation,
    plan_template,
    with_template,
)
from private_registry.node import files
from private_registry.node.file_values import Found, NodePath, Root, WantedFile
from private_registry.node.paths import CERTS_D, DATA_IN_TEMPLATE, Node
from private_registry.registries.model import DesiredState, Registry
from private_registry.registries.names import RegistryName
from private_registry.transaction import records
from private_registry.transaction.follower import Follower
from private_registry.transaction.part import PlainPart, Scope
from private_registry.transaction.plan import Plan

_LINK = "a symbolic link is where containerd's configuration should be"
Files = Dict[NodePath, WantedFile]


class Restart(Enum):
    """What became of containerd, or in a dry run would."""

    NONE = "none"
    DONE = "done"
    PENDING = "pending"
    AT_START = "at_next_start"


class RegistryFiles(PlainPart):
    """The directories of registries in certs.d, which need no restart.

    Args:
        node: whose containerd it is.
        desired: the registries that it is to know.
        concerned: those of them that the change is about.
        template: says whether containerd reads certs.d at all.
        adopt: take over files that somebody else wrote.
        ask_version: tells containerd's version; None for asking its program.
        header: of each hosts.toml.
    """

    # The arguments are facts of one change, and named ones.
    def __init__(  # noqa: PLR0913
        self,
        node: Node,
        desired: DesiredState,
        concerned: List[Registry],
        template: Template,
        *,
        adopt: bool,
        ask_version: Optional[Callable[[], Optional[Version]]] = None,
        header: str = HEADER,
    ) -> None:
        self._node = node
        self._concerned = concerned
        self._template = template
        self._adopt = adopt
        self._ask_version = ask_version or (lambda: version_of(node))
        super().__init__(files_of(node, desired, template, header))

    def is_about(self, path: NodePath, names: FrozenSet[RegistryName]) -> bool:
        """Whether a file lies in the directory of one of some registries."""
        return path.root is Root.DATA and path.directory.name in _directories(names)

    def refuse(self) -> None:
        """Raise what this node's containerd would ignore, or read otherwise."""
        node, concerned = self._node, self._concerned
        is_legacy = self._template.is_legacy
        check_registry_section(node, self._template)
        check_supported(concerned, self._ask_version, is_legacy=is_legacy)
        if not is_legacy:
            check_not_shadowed(node, concerned)
            if not self._adopt:
                check_not_overriding(node, concerned, self.files)


class TemplatePart(PlainPart):
    """The entries of containerd-template.toml, which need one restart.

    What has to be refused shows when they are edited.

    Args:
        node: whose containerd it is.
        file: the template as it is.
        entries: what it should say of our registries.
        containerd: reads it.
        scope: the registries that the change is about.
        adopt: take over entries that somebody else wrote.
        no_restart: leave it to people to restart containerd.
    """

    # The arguments are facts of one template, and named ones.
    def __init__(  # noqa: PLR0913
        self,
        node: Node,
        file: TemplateFile,
        entries: Sequence[OwnedEntry],
        containerd: Containerd,
        scope: Scope,
        *,
        adopt: bool,
        no_restart: bool,
    ) -> None:
        super().__init__({})
        self._node = node
        self._file = file
        self._entries = list(entries)
        self._containerd = containerd
        self._scope = scope
        self._adopt = adopt
        self._no_restart = no_restart
        self.restart = Restart.NONE
        self.has_new_password = False

    def added_to(self, plan: Plan) -> Plan:
        """Put the edited template, and what becomes of containerd, into a plan.

        Raises:
            ConflictError: somebody else's entry is in the way.
            NodeError: containerd would not take it.
        """
        file, containerd = self._file, self._containerd
        record = records.ledger(self._node, Root.DATA).template
        edit = self._edit()
        check_edit(self._node, file, edit, self._entries)
        written = [e.entry for e in self._entries if e.entry.key in edit.touched]
        if edit.text != file.text:
            containerd.check_takes(edit.text, written)
        is_readable = not file.template.as_far_as_readable
        unloaded = (
            containerd.unloaded(edit.text, record.keys.union(edit.record.entries))
            if is_readable
            else frozenset()
        )
        self.restart = self._restart_for(edit, has_unloaded=bool(unloaded))
        self.has_new_password = any(entry.is_secret for entry in written)
        if self.restart is Restart.PENDING:
            gone = unloaded.difference(edit.record.entries)
            edit = edit._replace(record=edit.record._replace(unloaded=gone))
        plan = with_template(plan, TEMPLATE_PATH, file.observed, edit)
        return self._with_rendered(plan, edit, record.rendered)

    def _edit(self) -> TemplateEdit:
        observed, scope = self._file.observed, self._scope
        return plan_template(
            TemplateSituation(
                self._file.template,
                (observed.mode, observed.owner),
                self._node.owner[0],
                self._entries,
                records.ledger(self._node, Root.DATA).template,
                self._adopt,
                lambda name: scope is None or name in scope,
            )
        )

    def _restart_for(self, edit: TemplateEdit, *, has_unloaded: bool) -> Restart:
        file, containerd = self._file, self._containerd
        if file.template.as_far_as_readable:
            # It could not come up again with what cannot be read.
            return Restart.NONE if containerd.process is None else Restart.PENDING
        if has_unloaded:
            return Restart.PENDING if self._no_restart else Restart.DONE
        is_changed = edit.text != file.text and containerd.process is None
        return Restart.AT_START if is_changed else Restart.NONE

    def _with_rendered(
        self, plan: Plan, edit: TemplateEdit, before: Optional[Found]
    ) -> Plan:
        node = self._node
        has_login = any(key[-1] == "auth" for key in edit.record.entries)
        if not has_login and before is None:
            return plan
        observed = files.observe(node.place(RENDERED_PATH))
        if observed is not None and (observed.obstacle or observed.is_link):
            if has_login:
                raise records.in_the_way(
                    node, RENDERED_PATH, observed.obstacle or _LINK
                )
            observed = None
        is_closed = has_login or (
            observed is not None
            and self.restart is not Restart.DONE
            and holds_old_logins(node, observed.content, edit.text)
        )
        closed_for = node.owner[0] if is_closed else None
        return with_rendered(
            plan, RENDERED_PATH, observed, before, closed_for=closed_for
        )

    @property
    def followers(self) -> Tuple[Follower, ...]:
        """containerd, if it has to be restarted."""
        return (self._containerd,) if self.restart is Restart.DONE else ()


@lru_cache(maxsize=1)
def _directories(names: FrozenSet[RegistryName]) -> FrozenSet[str]:
    return frozenset(name.directory for name in names)


def entries_of(desired: DesiredState, template: Template) -> List[OwnedEntry]:
    """Return what the template should say of these registries.

    Raises:
        UsageError: it cannot say it.
    """
    credentials = credential_entries(desired.registries)
    if not template.is_legacy:
        return credentials
    certs_d = f"{DATA_IN_TEMPLATE}/{CERTS_D}"
    return [*legacy_entries(desired.registries, certs_d), *credentials]


def files_of(
    node: Node, desired: DesiredState, template: Template, header: str = HEADER
) -> Files:
    """Return the files in certs.d that these registries need."""
    found: Files = {}
    modes, stable = node.modes, node.stable_certs_d
    for registry in desired.registries:
        directory = registry.name.directory
        readable_at = f"{stable}/{directory}" if stable else ""
        needed = (
            certificate_files(registry)
            if template.is_legacy
            else registry_files(registry, readable_at, header)
        )
        for file in needed:
            path = NodePath(Root.DATA, f"{CERTS_D}/{directory}/{file.name}")
            mode = modes.secret if file.secret else modes.file
            found[path] = WantedFile(file.content, mode, file.secret, file.document)
    return found
